"""What a folder is for: by special-use attributes, else by its name in any language."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from ..types import Folder, Role

#: RFC 6154 attributes; also XLIST's, which some servers still send.
SPECIAL_USE = {
    "\\all": Role.ALL,
    "\\allmail": Role.ALL,
    "\\archive": Role.ARCHIVE,
    "\\drafts": Role.DRAFTS,
    "\\junk": Role.JUNK,
    "\\spam": Role.JUNK,
    "\\sent": Role.SENT,
    "\\trash": Role.TRASH,
    "\\inbox": Role.INBOX,
}

_NAMES = {
    Role.SENT: """
        sent|sent items|sent mail|sent messages|sent-mail|outbox sent|gesendet
        gesendete objekte|gesendete elemente|gesendete nachrichten|sendeobjekte
        envoyes|messages envoyes|elements envoyes|courrier envoye|enviados
        elementos enviados|mensajes enviados|correo enviado|itens enviados
        mensagens enviadas|e-mails enviados|inviata|inviati
        posta inviata|elementi inviati|messaggi inviati|verzonden
        verzonden items|verzonden berichten|skickat|skickade|skickade objekt
        sendt|sendte elementer|sendt post|sendt e-post|lahetetyt|wyslane
        elementy wyslane|odeslane|odeslana posta|odeslana|odoslane|elkuldott
        elkuldott elemek|trimise|elemente trimise|poslano|poslana posta
        poslane stavke|απεσταλμενα|отправленные|отправлено|надіслані|відправлені
        изпратени|gonderilmis ogeler|gonderilenler|gonderilmis|נשלח|פריטים שנשלחו
        المرسلة|البريد المرسل|العناصر المرسلة|已发送|已发送邮件|寄件備份|已傳送
        送信済み|送信済みトレイ|送信済みアイテム|보낸편지함|보낸 편지함|보낸메일함
        da gui|thu da gui|terkirim""",
    Role.DRAFTS: """
        draft|drafts|entwurf|entwurfe|brouillon|brouillons|borrador|borradores
        rascunho|rascunhos|bozza|bozze|concepten|concept|utkast|kladder|kladde
        luonnokset|kopie robocze|robocze|szkice|koncepty|rozepsane|piszkozatok
        ciorne|osnutki|skice|προχειρα|черновики|чернетки|чернови|taslaklar
        טיוטות|المسودات|مسودات|草稿|草稿箱|草稿匣|下書き|임시보관함|임시 보관함
        nhap|thu nhap|konsep|draf""",
    Role.JUNK: """
        junk|junk mail|junk e-mail|junk email|spam|bulk|bulk mail|spamverdacht
        unerwunscht|junk-e-mail|spam-verdacht|courrier indesirable|indesirables
        pourriel|pourriels|correo no deseado|no deseado|lixo eletronico
        posta indesiderata|indesiderata|ongewenste e-mail|ongewenst|skrappost
        soppelpost|uonsket mail|uonsket post|roskaposti|wiadomosci-smieci
        niechciane|nevyzadana posta|nevyzadane|levelszemet|mesaje nedorite
        nezelena posta|ανεπιθυμητα|спам|нежелательная почта|небажана пошта
        нежелана поща|istenmeyen|gereksiz e-posta|gereksiz|דואר זבל|זבל
        البريد غير المرغوب|垃圾邮件|垃圾郵件|迷惑メール|스팸편지함|스팸메일함
        정크 메일|thu rac""",
    Role.TRASH: """
        trash|bin|deleted|deleted items|deleted messages|deleted mail
        papierkorb|geloschte objekte|geloschte elemente|geloscht|corbeille
        elements supprimes|messages supprimes|papelera|elementos eliminados
        eliminados|lixeira|lixo|itens excluidos|cestino|posta eliminata
        elementi eliminati|prullenbak|verwijderde items|verwijderd|papperskorg
        papperskorgen|borttagna objekt|borttaget|papirkurv|slettede elementer
        slettet post|roskakori|poistetut|kosz|elementy usuniete|kos
        odstranena posta|odstranene|vymazane|torolt elemek|kuka|lomtar
        cos de gunoi|elemente sterse|smeti|izbrisano|kan|απορριμματα|корзина
        удаленные|удалённые|кошик|видалені|кошче|cop kutusu|silinmis ogeler
        אשפה|פריטים שנמחקו|المهملات|سلة المهملات|已删除|已删除邮件|废纸篓|垃圾桶
        刪除的郵件|ごみ箱|ゴミ箱|削除済みアイテム|휴지통|지운편지함|thung rac|sampah""",
    Role.ARCHIVE: """
        archive|archives|archiv|archivo|archivio|arquivo|arquivo morto|archief
        arkiv|arkisto|archiwum|archivum|arhiva|arhiv|αρχειοθηκη|архив|архів
        arsiv|ארכיון|الأرشيف|أرشيف|归档|存档|封存|アーカイブ|보관함|luu tru|arsip""",
    Role.ALL: """
        all mail|all messages|alle nachrichten|tous les messages|todos
        todos los correos|tutti i messaggi|todos os e-mails|alle berichten""",
}
#: Roles that several folders may have: a second junk folder is a junk folder too.
_SEVERAL = (Role.JUNK, Role.TRASH, Role.DRAFTS)
_PREFIXES = ("inbox", "[gmail]", "[google mail]", "mail", "imap")


def _fold(name: str) -> str:
    """A name for comparing: no case, no accents, single spaces."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(bare.replace("_", " ").replace("ø", "o").replace("ł", "l").split())


_BY_NAME = {
    _fold(name): role
    for role, block in _NAMES.items()
    for line in block.splitlines()
    for name in line.split("|")
    if name.strip()
}


def role_by_flags(flags: Sequence[str]) -> Role | None:
    """The role that special-use attributes give, if any."""
    for flag in flags:
        role = SPECIAL_USE.get(flag.lower())
        if role is not None:
            return role
    return None


def role_by_name(name: str, delimiter: str | None) -> Role | None:
    """The role that a folder's name suggests, at the top or under the inbox."""
    parts = name.split(delimiter) if delimiter else [name]
    if len(parts) == 1 and parts[0].upper() == "INBOX":
        return Role.INBOX
    folded = [_fold(part) for part in parts]
    if len(folded) == 2 and folded[0] in _PREFIXES:
        folded = folded[1:]
    return _BY_NAME.get(folded[0]) if len(folded) == 1 else None


def assign_roles(folders: Sequence[Folder]) -> list[Folder]:
    """Folders with their roles; of several candidates the best one gets the role.

    A special-use attribute beats a name; among equals the one with the most messages
    wins (an empty "Sent" beside a used "Sent Items" is common), then the first one.
    """
    candidates: dict[Role, list[tuple[bool, int, int]]] = {}
    for position, folder in enumerate(folders):
        role = by_flag = role_by_flags(folder.flags)
        if folder.raw_name.upper() == "INBOX":
            role = Role.INBOX
        elif role is None or role is Role.INBOX:
            role = role_by_name(folder.name, folder.delimiter)
        if role is not None and (folder.selectable or by_flag):
            messages = folder.status.messages if folder.status else 0
            rank = (by_flag is not None, messages, -position)
            candidates.setdefault(role, []).append(rank)
    roles: dict[int, Role] = {}
    for role, ranks in candidates.items():
        keep = ranks if role in _SEVERAL else [max(ranks)]
        roles.update({-position: role for _flag, _messages, position in keep})
    return [
        replace(folder, role=roles.get(position, Role.OTHER))
        for position, folder in enumerate(folders)
    ]


def role_candidates(folders: Sequence[Folder], role: Role) -> list[Folder]:
    """Selectable folders that flags or name make a candidate for a role."""
    found = []
    for folder in folders:
        by_flag = role_by_flags(folder.flags)
        named = by_flag or role_by_name(folder.name, folder.delimiter)
        if folder.selectable and named is role:
            found.append(folder)
    return found
