"""The mail of the demo's mailbox, and what has to become of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from . import demo_parts as parts
from .demo_people import (
    AGENT,
    BURSAR,
    DISPLAY_NAME,
    ELIN,
    JAVIER,
    KENJI,
    MAILBOX,
    NORA,
    PIKE,
    PRIYA,
    SCHOOL,
    TOM,
    Contact,
)

WINDOW_DAYS = 7
UNREAD_FOLDERS = ("Drafts", "Junk", "Trash")
US = f"{DISPLAY_NAME} <{MAILBOX}>"
NOW = datetime.now(timezone.utc).replace(microsecond=0)


@dataclass(frozen=True)
class Mail:
    """A message in a folder, and the contacts on whom it has to stand."""

    folder: str
    message: EmailMessage
    date: datetime
    contacts: Sequence[Contact] = ()

    @property
    def id(self) -> str:
        return self.message["Message-ID"]

    @property
    def seen(self) -> bool:
        """Whether an import of the last days looks at it."""
        since = NOW.date() - timedelta(days=WINDOW_DAYS)
        return self.folder not in UNREAD_FOLDERS and self.date.date() >= since

    @property
    def files(self) -> int:
        return sum(1 for _part in self.message.walk() if _part.get_filename())


@dataclass(frozen=True)
class Expected:
    """What an import has to count: e-mails, and e-mails on contacts (`linked`)."""

    seen: int
    matched: int
    linked: int
    skipped: int
    files: int
    by_contact: dict[str, int]


def expected(mails: Sequence[Mail]) -> Expected:
    """One e-mail in two folders is seen twice and stands on its contact once."""
    seen = [mail for mail in mails if mail.seen]
    matched = [mail for mail in seen if mail.contacts]
    shown = {(mail.id, contact.name) for mail in matched for contact in mail.contacts}
    return Expected(
        seen=len(seen),
        matched=len(matched),
        linked=len(shown),
        skipped=len(seen) - len(matched),
        files=sum({mail.id: mail.files for mail in matched}.values()),
        by_contact=Counter(name for _id, name in shown),
    )


class _Thread:
    """Messages that answer each other (RFC 5322 section 3.6.4)."""

    def __init__(self, subject: str, key: str):
        self.subject, self.key = subject, key
        self.ids: list[str] = []
        self.last: tuple[str, str, datetime] = ("", "", NOW)
        self.mails: list[Mail] = []

    def add(
        self,
        folder: str,
        sender: object,
        to: Sequence[object],
        before: timedelta,
        text: str,
        style: str = "text",
        cc: Sequence[object] = (),
        contacts: Sequence[Contact] = (),
        **headers: str,
    ) -> EmailMessage:
        """Append a mail sent `before` now; `style` says whose html it is."""
        date = NOW - before
        message = EmailMessage(policy=SMTP)
        message["From"] = str(sender)
        message["To"] = ", ".join(map(str, to))
        if cc:
            message["Cc"] = ", ".join(map(str, cc))
        message["Subject"] = f"Re: {self.subject}" if self.ids else self.subject
        message["Date"] = format_datetime(date)
        domain = str(sender).rpartition("@")[2].strip("> ").lower()
        message["Message-ID"] = f"<{self.key}.{len(self.ids) + 1}@{domain}>"
        if self.ids:
            message["In-Reply-To"] = self.ids[-1]
            message["References"] = " ".join(self.ids)
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        self._write(message, text, style)
        self.ids.append(message["Message-ID"])
        self.last = (text, str(sender), date)
        self.mails.append(Mail(folder, message, date, tuple(contacts)))
        return message

    def _write(self, message: EmailMessage, text: str, style: str) -> None:
        quoted, sender, date = self.last
        when = f"{date:%a, %d %b %Y at %H:%M}"
        plain = f"{text.strip()}\n"
        if quoted:
            plain += "\n" + parts.text_quote(quoted, f"On {when}, {sender} wrote:")
        message.set_content(plain)
        if style == "outlook":
            html = parts.outlook(text, quoted, sender, when, self.subject)
        elif style == "gmail":
            html = parts.gmail(text, quoted, sender, when)
        elif style == "html":
            html = f"<html><body>{parts.paragraphs(text)}</body></html>"
        else:
            return
        message.add_alternative(html, subtype="html")


def mails() -> list[Mail]:
    """Everything that the mailbox holds when the demo begins."""
    threads = (
        *(_offer(), _damage(), _market(), _school(), _japan(), _copy_to_self()),
        *(_filed(), _today(), _old(), *_not_ours()),
    )
    return [mail for thread in threads for mail in thread.mails]


def _ago(days: float = 0, hours: float = 0, minutes: float = 0) -> timedelta:
    return timedelta(days=days, hours=hours, minutes=minutes)


def _offer() -> _Thread:
    thread = _Thread("Offer for 40 pallet racks", "racks")
    thread.add(
        *("INBOX", NORA, [US], _ago(5, 20)),
        "Hello Brightwater,\n\nwe are fitting out a second hall and need 40 pallet"
        " racks, 3.5 m high, by the end of January. Could you make us an offer?\n\n"
        "Nora Whitfield\nHarbour & Pike Ltd",
        contacts=[NORA],
    )
    answer = thread.add(
        *("Sent", US, [NORA], _ago(5, 2)),
        "Dear Nora,\n\nthank you for asking. Our offer is attached; it holds until"
        " the middle of December. Delivery in calendar week 3 is possible.\n\n"
        "Kind regards\nMarta Keller",
        "html",
        contacts=[NORA],
    )
    answer.add_attachment(
        parts.pdf(
            (
                "Brightwater Trading",
                "",
                "Offer 2041 for Harbour & Pike Ltd",
                "",
                "40 pallet racks, 3.5 m (galvanised)",
                "Delivery: calendar week 3, free to your hall",
            )
        ),
        maintype="application",
        subtype="pdf",
        filename="Offer 2041.pdf",
    )
    thread.add(
        *("INBOX", NORA, [US], _ago(3, 21)),
        "Hi Marta,\n\nlooks good. Tom (in copy) runs the hall: can the racks come in"
        " two lots?\n\nNora",
        "outlook",
        cc=[TOM],
        contacts=[NORA, TOM],
    )
    thread.add(
        *("Sent", US, [NORA], _ago(3, 19)),
        "Hi Nora, hi Tom,\n\ntwo lots are fine: 20 on the Tuesday, 20 on the"
        " Thursday.\n\nMarta",
        "outlook",
        cc=[TOM],
        contacts=[NORA, TOM],
    )
    thread.add(
        *("INBOX", TOM, [US], _ago(1, 3)),
        "Perfect, please go ahead. Unloading is at gate 4, from 7 in the morning.\n\n"
        "Tom",
        "outlook",
        cc=[NORA, PIKE],
        contacts=[TOM, NORA, PIKE],
    )
    return thread


def _damage() -> _Thread:
    thread = _Thread("Skadad leverans / damaged delivery", "damage")
    message = thread.add(
        *("INBOX", ELIN, [US], _ago(2, 22)),
        "Hej,\n\none of the tiles arrived cracked, see the picture. Could you send"
        " another one?\n\nHälsningar från Malmö\nElin",
        contacts=[ELIN],
    )
    message.add_alternative(
        "<html><body><p>Hej,</p><p>one of the tiles arrived cracked:</p>"
        '<p><img src="cid:tile@lindqvistbygg.example" alt="cracked tile" width="320">'
        "</p><p>Could you send another one?</p>"
        "<p>Hälsningar från Malmö<br>Elin</p></body></html>",
        subtype="html",
    )
    message.get_payload()[1].add_related(
        parts.photo(),
        maintype="image",
        subtype="png",
        cid="<tile@lindqvistbygg.example>",
        filename="tile.png",
        disposition="inline",
    )
    thread.add(
        *("Sent", US, [ELIN], _ago(2, 20)),
        "Hej Elin,\n\nI am sorry about that. A new one leaves us tomorrow.\n\nMarta",
        "gmail",
        contacts=[ELIN],
    )
    thread.add(
        *("INBOX", ELIN, [US], _ago(0, 23)),
        "Tack! It came this morning, all well.\n\nElin",
        "gmail",
        contacts=[ELIN],
    )
    return thread


def _market() -> _Thread:
    thread = _Thread("Pedido de otoño: 12 cajas más, ¿es posible?", "pedido")
    thread.add(
        *("INBOX", JAVIER, [US], _ago(4, 6)),
        "Buenos días:\n\n¿pueden añadir 12 cajas al pedido de otoño?\n\nJavier",
        "html",
        contacts=[JAVIER],
    )
    thread.add(
        *("Sent", US, [JAVIER], _ago(4, 1)),
        "Hola Javier,\n\nyes: 12 more boxes, with the same lorry.\n\nMarta",
        contacts=[JAVIER],
    )
    return thread


def _school() -> _Thread:
    thread = _Thread("Shelves for the library", "shelves")
    thread.add(
        *("INBOX", f"Oakfield School Office <{SCHOOL.email}>", [US], _ago(1, 9)),
        "Good morning,\n\ndo you have the shelves in white too? The bursar asks for"
        " payment by 30 days.\n\nOakfield School",
        contacts=[SCHOOL, BURSAR],
    )
    thread.add(
        *("Sent", US, [SCHOOL], _ago(0, 22)),
        "Good morning,\n\nyes, in white from stock, and 30 days are fine.\n\nMarta",
        contacts=[SCHOOL, BURSAR],
    )
    return thread


def _japan() -> _Thread:
    thread = _Thread("Samples are on their way", "samples")
    thread.add(
        *("Sent", US, [KENJI], _ago(3, 4)),
        "Dear Kenji,\n\nthe samples left us today; they should reach Nagoya on"
        " Friday.\n\nMarta",
        contacts=[KENJI],
    )
    return thread


def _copy_to_self() -> _Thread:
    """One e-mail in two folders: it stands on the contact once."""
    thread = _Thread("Your visit on Thursday", "visit")
    text = "Dear Priya,\n\nI shall be with you at ten on Thursday.\n\nMarta"
    thread.add("Sent", US, [PRIYA], _ago(1, 1), text, cc=[US], contacts=[PRIYA])
    first = thread.mails[0]
    thread.mails.append(Mail("INBOX", first.message, first.date, first.contacts))
    thread.add(
        *("INBOX", PRIYA, [US], _ago(0, 20)),
        "Ten is fine, see you then!\n\nPriya",
        "gmail",
        contacts=[PRIYA],
    )
    return thread


def _filed() -> _Thread:
    """What a rule on the server files away is found there."""
    thread = _Thread("Gate code for deliveries", "gate")
    thread.add(
        *("Customers/Harbour & Pike", TOM, [US], _ago(2, 2)),
        "The code for gate 4 is on the delivery note from now on.\n\nTom",
        contacts=[TOM],
    )
    return thread


def _today() -> _Thread:
    thread = _Thread("Quick question about the invoice", "invoice")
    thread.add(
        *("INBOX", PRIYA, [US], _ago(minutes=25)),
        "Hello Marta,\n\nwhich order number should stand on the invoice?\n\nPriya",
        contacts=[PRIYA],
    )
    return thread


def _old() -> _Thread:
    """Before the window: only a wider one brings it in."""
    thread = _Thread("Price list of the autumn", "pricelist")
    thread.add(
        *("INBOX", NORA, [US], _ago(19)),
        "Could you send the price list?\n\nNora",
        contacts=[NORA],
    )
    return thread


def _not_ours() -> list[_Thread]:
    """Mail that has no business on a contact."""
    stranger = _Thread("Cheap office space", "space")
    stranger.add(
        *("INBOX", "Office Deals <hello@officedeals.example>", [US], _ago(2, 5)),
        "Are you looking for an office? Answer today!",
    )
    letter = _Thread("Trade Weekly: what moves the market", "weekly")
    letter.add(
        *("INBOX", "Trade Weekly <news@tradeweekly.example>", [US], _ago(1, 6)),
        f"{escape('Prices & freight')}: a calm week.",
        "html",
        List_Id="Trade Weekly <weekly.tradeweekly.example>",
        List_Unsubscribe="<https://tradeweekly.example/leave>",
        Precedence="bulk",
    )
    colleague = _Thread("Lunch?", "lunch")
    colleague.add(
        "INBOX", f"{AGENT.name} <{AGENT.email}>", [US], _ago(0, 5), "At noon? Ben"
    )
    spoofed = _Thread("Your account is locked", "locked")
    spoofed.add(
        *("Junk", NORA, [US], _ago(0, 7)),
        "Click here to unlock your account.",
        contacts=[NORA],
    )
    draft = _Thread("Dates for January", "january")
    draft.add(
        *("Drafts", US, [NORA], _ago(0, 2)), "Dear Nora, how about", contacts=[NORA]
    )
    return [stranger, letter, colleague, spoofed, draft]
