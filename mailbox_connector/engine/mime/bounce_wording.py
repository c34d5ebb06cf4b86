"""Tables: how mail servers say that a message failed, is delayed or arrived.

Servers translate these words, and each version words them differently. So they only
confirm what the structure of a bounce shows: that a server sent it, an address beside
an SMTP reply, a copy of the message. To support another language, add its words here
and a subject to ``tests/engine/test_bounce_families.py``.
"""

from __future__ import annotations

import re

#: Of messages that failed, in subjects and sentences: by language, parts of words.
_FAILED = {
    "en": (
        r"undeliver(?:ed|able)",
        r"\b(?:non|un)-?deliver(?:y|ed|able)",
        r"not (?:be |been |yet been )?(?:\w{1,20} )?deliver(?:ed|able)?\b",
        r"deliver\w{0,10}\W(?:\w{1,20} ){0,3}"
        r"\(?(?:fail|error|problem|impossible|abort)",
        r"\bfail(?:ed|ure)\b|failing (?:recipient|address)",
        r"return(?:ed|ing) (?:e-?)?(?:mail|message)",
        r"return(?:ed|ing)? (?:mail |message |it )?to (?:the )?sender",
        r"(?:unable|not able|wasn.t able|failed) to (?:be )?"
        r"(?:deliver|send|relay|reach)",
        r"(?:did|does|could|can) ?n[o']t (?:be )?"
        r"(?:reach|receive|sent|send|exist|accept)",
        r"(?:fatal|permanent|delivery) error",
        r"(?:unknown|no such|invalid|bad|inactive) "
        r"(?:final |delivery )?(?:user|recipient|mailbox|account|address|host|domain)",
        r"(?:user|recipient|mailbox|account|address|host|domain)(?: is)? "
        r"(?:unknown|not (?:found|known|listed|valid)|unavailable|disabled|full)",
        r"\b(?:mail )?(?:system|mail) error\b",
        r"(?:not|n.t) (?:a )?valid (?:user|recipient|address)|not listed in|not accept",
        r"over ?quota|quota (?:is )?exceed",
        r"exceed\w{0,6} (?:\w{1,20} )?(?:quota|storage|size|limit)",
        r"rejected by|was rejected|has been returned|(?:you sent )?blocked by",
    ),
    "de": (
        r"unzustellbar",
        r"nicht (?:zugestellt|zustellbar|zustellen|übermittelt)",
        r"(?:zustell|übermittl)\w{0,15}(?: ist| der nachricht)? ?"
        r"(?:fehl|problem|gescheitert)",
        r"rückläufer",
        r"fehler (?:bei|in) der (?:zustellung|übermittlung)",
    ),
    "fr": (
        r"non[ -](?:remis|délivr|distribu|livr)",
        r"échec (?:de |d.|lors )",
        r"impossible de (?:remettre|délivrer|livrer)",
        r"pas (?:pu (?:être|etre)|été) (?:remis|délivr|delivr|distribu|livr)",
        r"retour à l.expéditeur",
    ),
    "es": (
        r"no (?:se )?(?:puede |pudo |ha podido |pudo ser |ha sido )?(?:ser )?entrega",
        r"(?:error|fallo|falla) (?:de|en) (?:la )?entrega",
        r"devuelto al remitente",
        r"(?:mensaje|correo) (?:devuelto|rechazado)",
    ),
    "pt": (
        r"n[ãa]o (?:é possível |foi possível |p[ôo]de ser |foi )?(?:entreg|enviad)",
        r"(?:falha|erro) (?:na|de|da) entrega",
        r"(?:mensagem|e-?mail) (?:devolvid|rejeitad)",
    ),
    "it": (
        r"manca(?:to|ta) (?:recapit|consegn)",
        r"(?:recapito|consegna) (?:non|fallit|impossibil)",
        r"non (?:è stato |è stata |recapitabile|può essere )?(?:recapit|consegn)",
        r"impossibile (?:recapit|consegn|inviare)",
    ),
    "nl": (
        r"onbestelbaar",
        r"niet[ -](?:te )?(?:\w{0,3}bezorg|(?:af)?gelever|besteld)",
        r"(?:bezorging|aflevering) (?:is )?mislukt",
        r"kan niet worden (?:bezorgd|afgeleverd)",
    ),
    "sv, da, no": (
        r"(?:inte|ikke|ej) (?:att )?(?:kunne )?(?:lever|bli levert)",
        r"(?:går|gick|kan|kunde|kunne) (?:inte|ikke) (?:att )?lever",
        r"olever(?:bar|erad)",
    ),
    "fi": (r"ei voi(?:tu)? toimittaa", r"toimit\w{2,6} epäonnistui", r"ei toimitettu"),
    "pl": (r"nie można (?:było )?dostarcz", r"niedostarcz", r"nie została dostarcz"),
    "cs, sk": (r"nedoruč", r"(?:nelze|nemožno|nebylo možné) doruč"),
    "hu": (
        r"kézbesíthetetlen",
        r"nem (?:volt )?kézbesíthető",
        r"kézbesítése? sikertelen",
    ),
    "ro": (r"nelivra", r"nu (?:se poate|a putut fi|poate fi) livra"),
    "tr": (r"teslim edile?m", r"iletile?m", r"teslimat başarısız"),
    "el": (r"δεν (?:είναι δυνατή η παράδοση|παραδόθηκε)", r"αδυναμία παράδοσης"),
    "ru, uk, bg": (
        r"недоставл",
        r"не (?:было |может быть |могло быть |быть )?доставл",
        r"не (?:удалось|удается|вдалося|вдається) достав",
        r"ошибка доставки",
    ),
    "ja": (
        r"(?:配信|送信|配達|送達|配送|お届け)(?:でき(?:ま|な)|不能|不可|失敗|エラー|されま)",
        r"(?:メール|送信)エラー|宛先不明|届けられま|戻りメール|送信に失敗",
    ),
    "zh": (
        r"退信|退件",
        r"(?:无法|無法|未能|不能|没有|未)(?:被)?(?:成功)?"
        r"(?:投递|投遞|送达|送達|发送|傳送|传递|傳遞|递送|到达)",
        r"(?:投递|投遞|发送|傳送|传递|递送|送达)(?:失败|失敗)",
    ),
    "ko": (r"(?:배달|전송|발송|전달)\s?(?:되지|할 수 없|하지 못|실패|불가)", r"반송"),
    "he": (r"לא ניתן למסור", r"לא נמסר"),
    "ar": (r"تعذر (?:تسليم|توصيل)", r"غير قابل للتسليم", r"لم يتم تسليم"),
}
#: Of messages that are delayed, if nothing says that they failed.
_DELAYED = (
    r"\bdelay(?:ed)?\b|\bdeferred\b|\bpostponed\b|not yet"
    r"|warning: (?:could|cannot|message)"
    r"|verzöger|noch nicht zugestellt|retard(?:é|ado|ée)?\b|différé|demorad|aplazad"
    r"|atrasad|in ritardo|ritardat|vertraagd|vertraging|fördröj|försen|forsink|opóźni"
    r"|zpožd|gecik|задерж|отложен|затрим|遅延|遅れて|延迟|延遲|推迟|지연"
)
#: What only a warning says, even if its subject is that of a failure.
_STILL_TRYING = (
    r"attempts? (?:to deliver[^.]{0,60} )?will (?:continue|be made)"
    r"|(?:this is|is just) (?:only )?a warning|warning message only"
    r"|do(?:es)? not need to resend|not yet been delivered"
    r"|(?<!not )will (?:be retried|(?:continue|keep)[^.]{0,20} (?:try|attempt|retry)"
    r"|(?:re)?try again|retry\b)|(?<!not )(?:keep|continue)s? trying"
    r"|werden fortgesetzt|weiterhin versuch"
)
#: What a failure after a delay says.
_GIVEN_UP = (
    r"gi(?:ven|ving) up|gave up|permanent|could ?n[o']t be delivered|\bfailed\b|failure"
    r"|was not delivered|undeliver|returned (?:to|mail)|not going to try"
)
_ARRIVED = (
    r"\((?:success|relay(?:ed)?|expanded)\)|success(?:fully)? |return receipt"
    r"|(?<!not )(?:was|been) (?:delivered|relayed) to|erfolgreich zugestellt"
)
#: Words that may be in front of those of a failure in a subject.
_FIRST = re.compile(
    r"\W{0,3}(?:(?:warning|notice|sorry|your|the|e-?mail|mail|message|system|could|was"
    r"|has|can|status|permanent|final|ihre|die|nachricht|konnte|kann|wurde|votre|le|n.a"
    r"|courrier|su|el|mensaje|correo|sua|a|mensagem|il|messaggio|ваше|сообщение|письмо)"
    r"\b\W{1,3}|[^\s@]{1,64}@[^\s@]{1,255}\W{1,3}|(?:系统|系統|您的|邮件|메일이|(?:メール|メッセージ)[をは]?)\s?)"
    r"{0,6}",
    re.I,
)
#: Subjects that do not say what happened.
_REPORT = re.compile(
    r"delivery (?:status|warning|notification)\b|mail delivery (?:report|system)\b",
    re.I,
)
_FAILURE = re.compile(
    "|".join(row for rows in _FAILED.values() for row in rows),
    re.I,
)
_DELAY, _TRYING, _GAVE_UP, _SUCCESS = (
    re.compile(words, re.I) for words in (_DELAYED, _STILL_TRYING, _GIVEN_UP, _ARRIVED)
)
#: Characters of a subject and of a report's words that are read.
MAX_SUBJECT = 500
MAX_WORDS = 50_000


def starts_like_a_bounce(subject: str) -> bool:
    """Whether a subject begins with the words of a bounce.

    The beginning only: automatic replies to a bounce repeat its subject after words of
    their own.
    """
    subject = subject[:MAX_SUBJECT]
    start = _FIRST.match(subject).end()
    return any(
        pattern.match(subject, at)
        for pattern in (_FAILURE, _DELAY, _REPORT)
        for at in dict.fromkeys((start, len(subject) - len(subject.lstrip())))
    )


def says_failure(text: str) -> bool:
    """Whether a subject or a sentence is about a message that failed."""
    return bool(_FAILURE.search(_one_line(text)))


def outcome_of(subject: str, words: str) -> str:
    """What a bounce says in words: "failed", "delayed", "delivered", or "" if nothing.

    :param words: its text, without the copy of the message
    """
    subject, words = _one_line(subject), _one_line(words)
    both = f"{subject}. {words}"
    if _SUCCESS.search(subject):
        return "delivered"
    if _TRYING.search(both):
        return "delayed"
    if _DELAY.search(both) and not _GAVE_UP.search(both):
        return "delayed"
    if _SUCCESS.search(both) and not _FAILURE.search(both):
        return "delivered"
    return "failed" if _FAILURE.search(both) else ""


def _one_line(text: str) -> str:
    return " ".join(text[:MAX_WORDS].split())
