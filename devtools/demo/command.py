"""`./dev demo`: Odoo with a connected mailbox, filled, ready to click through.

Everything is real: the mailbox is created, connected and imported by the calls that
the buttons make, as the person who owns it; then what came in is counted against
what was put in.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path

from ..base.console import DevError, say, step
from ..base.paths import state_dir
from ..base.process import end
from ..install.python import in_odoo_python
from ..install.system import require
from ..odoo import database, launch
from ..odoo.logcheck import problems
from ..servers import mailservers, postgres
from . import setup
from .mail import NOW, WINDOW_DAYS, Expected, expected
from .people import ADMIN, AGENT, CONTACTS, MAILBOX, NORA, OWNER
from .setup import Found
from .threads import mails

DATABASE = "demo"
#: Mail servers of the demo's own, so that no test stops them.
SERVERS = "demo"


def main(arguments: list[str]) -> int:
    """With `--once` it ends after the summary: 0 when every number is right."""
    if set(arguments) - {"--once"}:
        raise DevError("./dev demo [--once]")
    require("servers")
    if (code := in_odoo_python(["demo", *arguments])) is not None:
        return code
    with _alone(), postgres.running():
        servers = mailservers.start(SERVERS)
        try:
            return _demo(servers, once="--once" in arguments)
        finally:
            servers.stop()


def mail(arguments: list[str]) -> int:
    """`./dev mail [FROM [SUBJECT [TEXT]]]`: send the demo's mailbox a mail."""
    defaults = (NORA.email, "Just arrived", "Hello, this has just been sent.")
    if len(arguments) > len(defaults) or {"-h", "--help"} & set(arguments):
        raise DevError("./dev mail [FROM [SUBJECT [TEXT]]]")
    sender, subject, text = (*arguments, *defaults[len(arguments) :])
    if not _runs():
        raise DevError("the demo does not run: start it with ./dev demo")
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, MAILBOX, subject
    message["Date"] = format_datetime(NOW)
    message["Message-ID"] = make_msgid(domain="mail.example")
    message.set_content(text + "\n")
    servers = mailservers.start(SERVERS)
    servers.send("postmaster@example.com", [MAILBOX], message.as_bytes())
    say(f"sent from {sender} to {MAILBOX}; Sync now shows it at once")
    return 0


def _demo(servers: mailservers.MailServers, once: bool) -> int:
    logs = [_folder() / name for name in ("install.log", "odoo.log")]
    for log in logs:
        log.write_bytes(b"")
    messages = mails()
    with step("a database with the addon"):
        database.prepare(DATABASE, addons=["contacts"], log=logs[0])
    with step(f"{len(messages)} e-mails into {MAILBOX}"):
        setup.fill(servers, messages)
    before = setup.messages(servers)
    server, address = launch.serve(DATABASE, logs[1], cron_threads=2)
    try:
        with step("Odoo's server"):
            launch.wait_until_served(server, address)
        with step("contacts, log-ins, outgoing mail server"):
            setup.people(address, DATABASE, servers)
        with step("Connect IMAP and Import"):
            setup.connect(address, DATABASE, servers)
        found = setup.found(address, DATABASE)
        wrong = _summary(found, expected(messages))
        if setup.messages(servers) != before:
            wrong.append("something changed on the IMAP server")
        _say_where(address)
        wrong += problems(logs)
        _tell(wrong)
        if not once:
            say("serving; Ctrl-C ends it")
            server.wait()
            raise DevError(f"Odoo ended with {server.returncode}; see {logs[1]}")
    except KeyboardInterrupt:
        if once:
            raise
    finally:
        end(server)
    late = [problem for problem in problems(logs) if problem not in wrong]
    _tell(late)
    return 1 if wrong or late else 0


def _summary(found: Found, wanted: Expected) -> list[str]:
    """Print what came in; return what is not as it has to be."""
    rows = [
        ("e-mails checked (seen)", found.seen, wanted.seen),
        ("  with a known contact (matched)", found.matched, wanted.matched),
        ("  not of a contact (skipped)", found.skipped, wanted.skipped),
        ("failed imports", found.failed, 0),
        ("shown on contacts (linked)", found.linked, wanted.linked),
        ("files and pictures", found.files, wanted.files),
    ]
    rows += [
        (f"  {contact.name}", found.by_contact.get(contact.name, 0), number)
        for contact in CONTACTS
        for number in [wanted.by_contact.get(contact.name, 0)]
    ]
    rows.append(("  in their chatters", found.in_chatters, wanted.linked))
    print(f"\n{MAILBOX}, the last {WINDOW_DAYS} days\n")
    print(f"{'':40} {'found':>7} {'put in':>7}")
    for label, number, right in rows:
        mark = "" if number == right else "  WRONG"
        print(f"{label:40} {number:7} {right:7}{mark}")
    wrong = [f"{label.strip()}: {n}, not {m}" for label, n, m in rows if n != m]
    return wrong + found.complaints


def _say_where(address: str) -> None:
    print(f"\nOpen {address}\n")
    for person in (ADMIN, OWNER, AGENT):
        print(f"  {person.login:6} password {person.password:6}  {person.role}")
    print(
        f"\nMail to the mailbox: ./dev mail [FROM [SUBJECT [TEXT]]], for instance"
        f"\n  ./dev mail {NORA.email} 'One more question'"
        "\nIt is shown on the contact after Sync now, or within about two minutes."
        "\nMail sent from Odoo to these contacts lands on the same IMAP server.\n",
        flush=True,
    )


def _tell(wrong: list[str]) -> None:
    for text in wrong:
        say(f"WRONG: {text}")


def _folder() -> Path:
    folder = state_dir() / "demo"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def _alone() -> Iterator[None]:
    """One demo at a time in a checkout: it has one database and one mailbox."""
    with open(_folder() / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DevError("a demo runs already in this checkout") from None
        yield


def _runs() -> bool:
    with open(_folder() / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
