"""The words that mail apps write above a quoted message, in many languages.

Every test is given one line (or a few joined ones) of at most :data:`MAX_LINE`
characters, so that no expression takes long.
"""

from __future__ import annotations

import re

#: Longer lines are written by people.
MAX_LINE = 400

# What mail apps call the header fields of the message that they quote.
_FROM = """
from|von|de|da|van|fra|från|od|от|від|feladó|lähettäjä|kimden|gönderen|από|מאת|من|از
|差出人|送信元|送信者|发件人|發件人|寄件者|寄件人|보낸 사람|보낸사람|보낸이|발신
|발신자|từ|người gửi|จาก|dari|pengirim|saatja|no|nuo|siuntėjas|de la|expéditeur
|remitente|mittente|afzender|absender|avsändare|afsender|отправитель|nadawca
|odesílatel|odosielateľ|šalje|nork
"""
_DATE = """
sent|date|sent at|date sent|gesendet|gesendet am|datum|envoyé|envoyé le|enviado
|enviado el|enviado em|enviada em|enviada|fecha|data|inviato|data invio|verzonden
|sendt|dato|skickat|lähetetty|päiväys|päivämäärä|wysłano|wysłane|odesláno|odoslané
|dne|poslano|отправлено|дата|дата отправки|надіслано|відправлено|изпратено|elküldve
|küldve|dátum|tarih|gönderildi|gönderme tarihi|gönderim|ημερομηνία|στάλθηκε|εστάλη
|נשלח|תאריך|تاريخ|التاريخ|تم الإرسال|أرسلت|ارسال شده|送信日時|日時|日付|发送时间
|寄件日期|日期|傳送日期|已傳送|時間|时间|보낸 날짜|보낸날짜|날짜|일시|보낸 시간
|đã gửi|gửi|ngày|ส่ง|วันที่|dikirim|tanggal|saadetud|kuupäev|nosūtīts|datums
|išsiųsta|trimis
"""
_TO = """
to|an|à|a|para|per|destinatario|destinataire|aan|til|till|do|dla|komu|pro|pre|prima
|za|кому|до|címzett|vastaanottaja|kime|alıcı|προς|אל|إلى|به|宛先|收件人|收件者
|받는 사람|받는사람|수신|수신자|đến|tới|người nhận|ถึง|kepada|saajale|kam|kas
|gavėjas|către|mottagare|modtager|empfänger
"""
_SUBJECT = """
subject|betreff|objet|sujet|asunto|assunto|oggetto|onderwerp|emne|ämne|aihe|temat
|předmět|predmet|zadeva|naslov|тема|предмет|относно|tárgy|konu|θέμα|נושא|الموضوع
|موضوع|件名|主题|主旨|主題|标题|제목|chủ đề|tiêu đề|เรื่อง|subjek|perihal|subjekt
|teema|temats|tēma|subiect|assumpte|gaia
"""
_OTHER = """
cc|bcc|kopie|kopi|copie|copia|cópia|ccn|cco|blindkopie|bilagor|reply-to|antwort an
|importance|priority|priorität|wichtigkeit|sensitivity|attachment|attachments|anlage
|anlagen|organization|organisation|копия|копія|udw|dw|kopia|másolat|抄送|参照|참조
|sender|return-path|message-id|x-mailer|in-reply-to|references|newsgroups
|resent-from|mailed-by|signed-by
"""


def _split(words: str) -> frozenset[str]:
    return frozenset(words.replace("\n", "").split("|"))


_FIELDS = {
    "from": _split(_FROM),
    "date": _split(_DATE),
    "to": _split(_TO),
    "subject": _split(_SUBJECT),
    "other": _split(_OTHER),
}
_LABEL = re.compile(r"\s*[*>_]{0,4}\s*([^\W\d_][^:：*]{0,30}?)\s*[*_]{0,2}\s*[:：]")


def header_fields(line: str) -> frozenset[str]:
    """Which header fields a line may be: "from", "date", "to", "subject", "other"."""
    match = _LABEL.match(line[: MAX_LINE // 4])
    if not match:
        return frozenset()
    label = " ".join(match[1].lower().split())
    return frozenset(name for name, labels in _FIELDS.items() if label in labels)


def is_first_field(label: str) -> bool:
    """Whether a label says From, as every header does."""
    return label.strip().lower() in _FIELDS["from"]


def is_field(line: str) -> bool:
    """Whether a line has a label, in whatever language."""
    return bool(_LABEL.match(line[: MAX_LINE // 4]))


def begins_with_field(line: str) -> bool:
    """Whether a line begins with the name of a field, with or without a colon."""
    first = line[: MAX_LINE // 4].partition(" ")[0].rstrip(":").lower()
    return any(first in labels for labels in _FIELDS.values())


_ORIGINAL = r"""
original(?: message| appointment|nachricht|meddelande|-nachricht)?|reply message
|ursprüngliche (?:nachricht|e-?mail|mail)
|message (?:d.origine|original|initial|transféré|réexpédié)
|messaggio (?:originale|inoltrato)|mensaje (?:original|reenviado)
|mensagem (?:original|encaminhada|original)|oorspronkelijk bericht
|doorgestuurd bericht|ursprungligt meddelande|opprinnelig melding
|oprindelig (?:meddelelse|besked|e-?mail)|alkuperäinen viesti
|(?:oryginalna|przekazana) wiadomość|wiadomość (?:oryginalna|przekazana)
|původní (?:zpráva|e-?mail)|přeposlaná zpráva|pôvodná správa
|(?:eredeti|továbbított) üzenet|исходное сообщение|оригинальное (?:сообщение|письмо)
|(?:переадресованное|пересылаемое) сообщение|оригінальне повідомлення
|mesaj(?:ul)? original|(?:orijinal|özgün|iletilmiş) (?:mesaj|ileti)|αρχικό μήνυμα
|原始邮件|原始郵件|原郵件|转发邮件|轉寄郵件|邮件原件|回复的原邮件|原始信件
|元のメッセージ|転送メッセージ|원본 ?(?:메시지|메일)|전달된 메시지|הודעה מקורית
|(?:ال)?رسالة (?:ال)?أصلية|(?:izvorna|izvorno) (?:poruka|sporočilo)
|(?:tin nhắn|thư) gốc|pesan asli|forwarded (?:message|e-?mail|by.{0,80})
|weitergeleitete (?:nachricht|e-?mail|mail)|vidarebefordra[td] \w{1,20}
|videresendt \w{1,20}
"""
_SEPARATOR = re.compile(_ORIGINAL.replace("\n", ""), re.I)
_DASHES = "-_=—–*"
_FORWARD_INTRO_WORDS = r"""
begin forwarded message|anfang der weitergeleiteten (?:e-?mail|nachricht)
|début du (?:message|courriel) (?:réexpédié|transféré|transmis)
|inicio del mensaje reenviado|inizio(?: del)? messaggio inoltrato
|início da mensagem (?:encaminhada|reencaminhada)|begin doorgestuurd bericht
|vidarebefordrat (?:brev|mejl)|start på videresendt (?:besked|melding)
|videresendt (?:besked|melding)|välitetty viesti alkaa
|początek przekazywanej wiadomości|начало переадресованного сообщения|转发的邮件
|被轉寄的郵件|転送されたメッセージ|forwarded message
"""
_FORWARD_INTRO = re.compile(
    rf"\W*(?:{_FORWARD_INTRO_WORDS})\s*[:：]".replace("\n", ""), re.I
)


def is_separator(line: str) -> bool:
    """Whether a line is like "-----Original Message-----"."""
    words = _between_dashes(line, 2)
    return bool(words) and bool(_SEPARATOR.fullmatch(words.rstrip(":")))


def is_unknown_separator(line: str) -> bool:
    """Whether a line is built like a separator, whatever its words say."""
    words = _between_dashes(line, 4)
    return 3 <= len(words) <= 40 and line.rstrip()[-4:].strip(_DASHES) == ""


def is_rule(line: str) -> bool:
    """Whether a line is drawn with dashes or underscores."""
    line = line.strip()
    return len(line) >= 10 and not line.strip(_DASHES)


def _between_dashes(line: str, count: int) -> str:
    """What is written behind at least ``count`` dashes, without those at the end."""
    line = line.strip() if len(line) <= MAX_LINE else ""
    words = line.lstrip(_DASHES)
    return words.strip(_DASHES + " \u00a0") if len(line) - len(words) >= count else ""


_WROTE_WORDS = r"""
wrote|schrieb|geschrieben|a écrit|écrivait|escribió|ha escrito|escreveu|ha scritto
|scrive|schreef|geschreven|skrev|kirjoitti|napisał|napisała|napisał\(a\)|napsal
|napsala|napísal|írta|ezt írta|написал|написала|пишет|пише|написав|написа|yazdı
|şunu yazdı|έγραψε|a scris|napisao|pisze|píše|skriver|pisal|ha escrit|menulis|đã viết
|kirjutas|rakstīja|rašė|hat geschrieben|sent
"""
_WROTE_SIGNS = """
כתב|كتب|さんは書きました|のメール|写道|寫道|님이|작성|เขียนว่า|вие написахте
"""
_WROTE = re.compile(rf"\b(?:{_WROTE_WORDS})\b|{_WROTE_SIGNS}".replace("\n", ""), re.I)
_ENDS = re.compile(
    r"[:：]\s*[-—–*]{0,4}\s*\Z|(?:wrote|写道|寫道|작성)\s*[-—–]*\s*\Z", re.I
)
_TIME = re.compile(r"\d{1,2}\s?[:.h時点시]\s?\d{2}|\d{1,2}\s?(?:am|pm)\b", re.I)
_ADDRESS = re.compile(r"[\w.+-]@[\w-]")


def is_attribution(line: str) -> bool:
    """Whether a line that a quote follows introduces it, as "On Friday Ann wrote:"."""
    if len(line) > MAX_LINE:
        return False
    if _FORWARD_INTRO.match(line):
        return True
    if not _ENDS.search(line):
        return False
    has_date = any(map(str.isdigit, line))
    has_address = bool(_ADDRESS.search(line))
    if _WROTE.search(line):
        return has_date or has_address
    return has_address and bool(_TIME.search(line))


def is_full_attribution(line: str) -> bool:
    """Whether a line introduces a quote, even if what follows does not look like one:
    it has time, address and verb."""
    return (
        len(line) <= MAX_LINE
        and bool(_ENDS.search(line))
        and bool(_WROTE.search(line) and _TIME.search(line) and _ADDRESS.search(line))
    )


_BEGINS = re.compile(
    r"\W*(?:on|am|le|el|em|il|op|den|dne|dnia|w dniu|på|pe|v|в|в|\w{2,12},|\d)\b.*\d",
    re.I,
)


def is_cut_off(lines: str, last: str) -> bool:
    """Whether ``lines``, whose end ``last`` is an attribution, are one from their first
    word on."""
    before = lines[: len(lines) - len(last)].rstrip()
    return (
        not _TIME.search(last)
        and len(before) <= MAX_LINE // 2
        and bool(_BEGINS.match(before))
        and before[-1:] not in ".!?"
    )


_SENT_FROM_WORDS = r"""
sent (?:from|via|with)|von meine[mr] .{1,40}gesendet|gesendet (?:von|mit)
|envoyé (?:de|depuis|à partir)|enviado (?:desde|do|a partir|con)|inviato da
|verzonden (?:vanaf|vanuit|met)|skickat från|sendt fra|lähetetty|wysłan[eo] z
|отправлено (?:с|из)|get outlook for|outlook für|télécharger outlook|obtener outlook
|iphone[- ]?から送信|发自我的|從我的
"""
_SENT_FROM = re.compile(rf"\W*(?:{_SENT_FROM_WORDS})".replace("\n", ""), re.I)


def is_beside_the_point(line: str) -> bool:
    """Whether a line is like "Sent from my phone", or is drawn."""
    return is_rule(line) or (len(line) <= 120 and bool(_SENT_FROM.match(line)))
