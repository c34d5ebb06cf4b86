"""Steps of the demo: fill the mailbox, make the people, connect, count."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from ..base.console import DevError
from ..base.process import wait_for
from ..odoo.rpc import Session
from ..servers.mailservers import MailServers
from .mail import WINDOW_DAYS, Mail
from .people import ADMIN, AGENT, COMPANY, CONTACTS, DISPLAY_NAME, MAILBOX, OWNER

#: Seconds that an import of so few messages may take at the very most.
PATIENCE = 120


@dataclass(frozen=True)
class Found:
    """What Odoo says it has; `by_contact` as the agent without a mailbox sees it."""

    seen: int
    matched: int
    linked: int
    skipped: int
    failed: int
    files: int
    in_chatters: int
    by_contact: dict[str, int]
    complaints: list[str] = field(default_factory=list)


def fill(servers: MailServers, mails: Sequence[Mail]) -> None:
    """Put the e-mails where a person's mail app and provider would have them."""
    for user in {MAILBOX, *(c.email.lower() for c in CONTACTS if c.email)}:
        servers.wipe(user)
    with servers.imap(MAILBOX) as client:
        for folder in sorted({mail.folder for mail in mails}):
            if not client.folder_exists(folder):
                client.create_folder(folder)
        for mail in sorted(mails, key=lambda mail: mail.date):
            read = ["\\Seen"] if mail.folder == "Sent" else []
            raw = mail.message.as_bytes()
            client.append(mail.folder, raw, read, mail.date)


def messages(servers: MailServers) -> dict[str, dict]:
    """Every message of the mailbox with its flags, size and date, by folder."""
    states = servers.folder_state(MAILBOX)
    return {name: state.messages for name, state in states.items()}


def people(address: str, database: str, servers: MailServers) -> None:
    """Contacts and log-ins, and what an administrator sets once."""
    admin = Session(address, database, ADMIN.login, ADMIN.password)
    company = admin.ref("base.main_company")
    admin.call("res.company", "write", [company], {"name": COMPANY})
    for person in (OWNER, AGENT):
        user = admin.create(
            "res.users",
            {
                "login": person.login,
                "password": person.password,
                "name": person.name,
                "email": person.email,
            },
            no_reset_password=True,
        )
        groups = ["base.group_partner_manager"]
        if person is OWNER:
            groups.append("mailbox_connector.group_mailbox_user")
        joined = [[4, admin.ref(group)] for group in groups]
        admin.call("res.users", "write", [user], {"group_ids": joined})
    _contacts(admin)
    # The mail servers of the demo are on this machine, which no mailbox may name
    # unless the administrator says so.
    admin.call(
        *("ir.config_parameter", "set_param"),
        *("mailbox_connector.allowed_networks", "127.0.0.0/8"),
    )
    cron = admin.ref("mailbox_connector.ir_cron_new_mail")
    soon = datetime.now(timezone.utc) + timedelta(minutes=1)
    often = {"interval_number": 1, "nextcall": f"{soon:%Y-%m-%d %H:%M:%S}"}
    admin.call("ir.cron", "write", [cron], often)
    odoos_own_server(admin, servers, "odoo@brightwater.example")


def odoos_own_server(admin: Session, servers: MailServers, user: str) -> None:
    """An outgoing server for what is sent by no mailbox."""
    admin.create(
        "ir.mail_server",
        {
            "name": "Odoo's own",
            "smtp_host": servers.smtp_host,
            "smtp_port": servers.smtp_starttls_port,
            "smtp_encryption": "starttls",
            "smtp_user": user,
            "smtp_pass": servers.password,
        },
    )


def _contacts(admin: Session) -> None:
    """Companies first, then their people."""
    made: dict[str | None, int] = {}
    companies = {contact.company for contact in CONTACTS}
    for group in (
        [contact for contact in CONTACTS if not contact.company],
        [contact for contact in CONTACTS if contact.company],
    ):
        values = [
            {
                "name": contact.name,
                "email": contact.email,
                "function": contact.function,
                "city": contact.city,
                "is_company": contact.name in companies,
                "parent_id": made.get(contact.company, False),
            }
            for contact in group
        ]
        ids = admin.call("res.partner", "create", values)
        made.update(zip((contact.name for contact in group), ids))


def connect(address: str, database: str, servers: MailServers) -> None:
    """What the owner does in Settings > Mailboxes; returns after the first import."""
    owner = Session(address, database, OWNER.login, OWNER.password)
    account = owner.create(
        "mailbox.account",
        {
            "email": MAILBOX,
            "name": DISPLAY_NAME,
            "imap_host": servers.imap_host,
            "imap_port": servers.imap_tls_port,
            "imap_security": "tls",
            "imap_username": MAILBOX,
            "imap_password": servers.password_of(MAILBOX),
            "smtp_host": servers.smtp_host,
            "smtp_port": servers.smtp_starttls_port,
            "smtp_security": "starttls",
            "smtp_username": MAILBOX,
            "smtp_password": servers.password_of(MAILBOX),
            "ca_certificate": servers.ca_pem,
            "backfill_days": WINDOW_DAYS,
        },
    )
    dialog = owner.call("mailbox.account", "action_connect", [account])
    sides = owner.read("mailbox.account", account, "imap_problem", "smtp_problem")
    if problem := sides["imap_problem"] or sides["smtp_problem"]:
        raise DevError(f"Connect IMAP: {problem}")
    shown = owner.call(dialog["res_model"], "action_import", [dialog["res_id"]])
    if shown["params"]["type"] == "danger":
        raise DevError(f"Import: {shown['params']['message']}")

    def imported() -> bool:
        state = owner.read("mailbox.account", account, "backfill_state", "imap_problem")
        if state["imap_problem"]:
            raise DevError(f"Import: {state['imap_problem']}")
        return state["backfill_state"] == "done"

    wait_for(imported, PATIENCE, "the import of older e-mails")


def found(address: str, database: str) -> Found:
    """Read back what was imported."""
    admin = Session(address, database, ADMIN.login, ADMIN.password)
    agent = Session(address, database, AGENT.login, AGENT.password)
    account = admin.find("mailbox.account", ("email", "=", MAILBOX))
    [backfill] = admin.call(
        "mailbox.backfill", "search", [["account_id", "=", account]]
    )
    counts = ("seen", "matched", "linked", "skipped", "failed")
    imported = admin.read("mailbox.backfill", backfill, *counts)
    contacts = agent.call(
        *("res.partner", "search_read"),
        [["name", "in", [contact.name for contact in CONTACTS]]],
        ["name", "mailbox_message_count"],
    )
    chatters = [
        ["model", "=", "res.partner"],
        ["res_id", "in", [contact["id"] for contact in contacts]],
        ["message_type", "=", "email"],
    ]
    files = [["res_model", "=", "mailbox.message"]]
    read = ("imap_problem", "smtp_problem", "state")
    state = admin.read("mailbox.account", account, *read)
    complaints = [f"{name}: {state[name]}" for name in read[:2] if state[name]]
    if state["state"] != "connected":
        complaints.append(f"the mailbox is {state['state']}")
    return Found(
        **{name: imported[name] for name in counts},
        files=agent.call("ir.attachment", "search_count", files),
        in_chatters=agent.call("mail.message", "search_count", chatters),
        by_contact={one["name"]: one["mailbox_message_count"] for one in contacts},
        complaints=complaints,
    )
