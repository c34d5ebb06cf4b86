"""E-mails as a sales mailbox gets them, the same on every run."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

WORDS = """
    order delivery invoice meeting offer price sample question answer warehouse
    pallet contract schedule drawing approval quantity colour shipment customs
    payment reminder account supplier project machine spare part service visit
    Tuesday Thursday week month please thanks attached regarding confirm forward
""".split()
ATTACHMENT_BYTES = 50_000
HTML_BYTES = 6_000
ROW = (
    '<tr style="border-bottom:1px solid #dddddd"><td style="padding:4px 8px;'
    'font-family:Calibri,sans-serif;font-size:11pt">{0}</td><td align="right" '
    'style="padding:4px 8px"><b>{1}</b></td></tr>\n'
)
HTML = """<html><head><meta charset="utf-8"><style>p.MsoNormal{{margin:0}}</style>
</head><body lang="EN-GB" link="#0563C1"><div class="WordSection1">
<p class="MsoNormal" style="margin:0 0 8px">{intro}</p>
<table border="0" cellspacing="0" style="border-collapse:collapse">{rows}</table>
<p class="MsoNormal">See <a href="https://shop.example/o/{number}">the order</a>.</p>
<blockquote style="border-left:2px solid #cccccc;padding-left:8px">{quote}</blockquote>
</div></body></html>
"""


def address(number: int) -> str:
    """The address of contact `number`."""
    return f"buyer{number}@company{number}.example"


def stranger(number: int) -> str:
    """An address that no contact has."""
    return f"reader{number}@newsletter{number}.example"


def mixed(count: int, contacts: int, to: str, every: int = 1) -> Iterator[bytes]:
    """`count` e-mails to `to`, in turn from `contacts` senders, over the last 6 days.

    Of ten: five of text, four of html of about 6 kB, one with a 50 kB attachment.
    Every one begins a thread of its own. Only one of `every` comes from a contact.
    """
    rng = random.Random(count)
    for number in range(count):
        sender = address(number % contacts) if number % every == 0 else stranger(number)
        message = _message(rng, number, count, sender, to)
        message.set_content(_text(rng))
        kind = number // every % 10
        if kind in (1, 3, 5, 7):
            message.add_alternative(_html(rng, number), subtype="html")
        elif kind == 9:
            message.add_attachment(
                rng.randbytes(ATTACHMENT_BYTES),
                maintype="application",
                subtype="octet-stream",
                filename=f"drawing-{number}.dwg",
            )
        yield message.as_bytes()


def small(count: int, senders: list[str], to: str) -> Iterator[bytes]:
    """`count` e-mails of a few lines to `to`, in turn from `senders`."""
    rng = random.Random(count)
    for number in range(count):
        message = _message(rng, number, count, senders[number % len(senders)], to)
        message.set_content(f"Hello,\n\n{_sentence(rng, 25)}.\n\nRegards\n")
        yield message.as_bytes()


def _message(
    rng: random.Random, number: int, count: int, sender: str, to: str
) -> EmailMessage:
    """The header of mail `number` of `count`, which fill the last 6 days."""
    age = timedelta(days=6) * (1 - number / count)
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Buyer {number} <{sender}>"
    message["To"] = to
    message["Subject"] = f"{_sentence(rng, 4)} {number}"
    message["Date"] = format_datetime(datetime.now(timezone.utc) - age)
    message["Message-ID"] = f"<{number}.{rng.getrandbits(64):x}@mail.example>"
    return message


def _sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words)).capitalize()


def _text(rng: random.Random) -> str:
    paragraphs = ["Hello,"]
    paragraphs += [f"{_sentence(rng, 18)}.\n{_sentence(rng, 12)}." for _ in range(4)]
    quote = "\n".join(f"> {_sentence(rng, 10)}" for _ in range(6))
    return "\n\n".join([*paragraphs, "Regards", quote]) + "\n"


def _html(rng: random.Random, number: int) -> str:
    rows = ""
    while len(rows) < HTML_BYTES * 0.75:
        rows += ROW.format(_sentence(rng, 5), rng.randint(1, 9999))
    quote = "<br>".join(_sentence(rng, 14) for _ in range(8))
    return HTML.format(intro=_sentence(rng, 25), rows=rows, number=number, quote=quote)
