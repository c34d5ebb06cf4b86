"""Mail for the demo, and what an import of it has to count."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from . import parts
from .people import Contact

WINDOW_DAYS = 7
UNREAD_FOLDERS = ("Drafts", "Junk", "Trash")
NOW = datetime.now(timezone.utc).replace(microsecond=0)


@dataclass(frozen=True)
class Mail:
    """A message in a folder, and the contacts it has to be shown on."""

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
    """One e-mail in two folders is seen twice and shown on its contact once."""
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


class Thread:
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
