"""What the tests of sending share: users who write to customers from a contact."""

import time
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default

from conftest import message, unique

from odoo import Command


def wait_for(condition, what, seconds=30):
    """The first true value of ``condition``; fails when there is none in time."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
    return value


def find(servers, user, folder, message_id):
    """[(mail, flags)] of the messages with that Message-ID, by UID."""
    with servers.imap(user) as client:
        if not client.folder_exists(folder):
            return []
        client.select_folder(folder, readonly=True)
        uids = client.search(["HEADER", "MESSAGE-ID", message_id])
        fetched = client.fetch(uids, ["BODY.PEEK[]", "FLAGS"]) if uids else {}
    return [
        (
            message_from_bytes(fetched[uid][b"BODY[]"], policy=default),
            fetched[uid][b"FLAGS"],
        )
        for uid in sorted(fetched)
    ]


def inbox(servers, user, message_id):
    """The mails of that Message-ID that a recipient got, once one has arrived and
    nothing is left to deliver."""
    # First: signing in for the first time while the first mail is put down locks
    # Dovecot up for a minute.
    wait_for(lambda: not servers.queued(), "an empty queue")
    wait_for(lambda: find(servers, user, "INBOX", message_id), f"mail for {user}")
    return delivered(servers, user, message_id)


def delivered(servers, user, message_id):
    """The same, where none need have arrived."""
    wait_for(lambda: not servers.queued(), "an empty queue")
    return [mail for mail, _flags in find(servers, user, "INBOX", message_id)]


def make_user(env, name="Ada Agent", **values):
    """An internal user with the rights of a mailbox user."""
    login = unique("user")
    groups = env.ref("mailbox_connector.group_mailbox_user") | env.ref(
        "base.group_partner_manager"
    )
    user = env["res.users"].create(
        {
            "name": name,
            "login": login,
            "email": f"{login}@staff.example",
            "notification_type": "inbox",
            "group_ids": [Command.set(groups.ids)],
            **values,
        }
    )
    env.cr.commit()
    return user


def make_contact(env, name="Carl Customer"):
    contact = env["res.partner"].create(
        {"name": name, "email": f"{unique('c')}@customer.example"}
    )
    env.cr.commit()
    return contact


@dataclass
class Agent:
    """A user, the connected mailbox they own, and a contact they write to."""

    mailbox: object
    user: object
    contact: object

    @property
    def env(self):
        return self.mailbox.env

    @property
    def servers(self):
        return self.mailbox.servers

    @property
    def account(self):
        return self.mailbox.account

    @property
    def address(self):
        return self.mailbox.address

    def post(self, body="Hello", record=None, user=None, **values):
        """Send from a contact's chatter; committed, which sends the mail."""
        record = record or self.contact
        values.setdefault("partner_ids", self.contact.ids)
        posted = record.with_user(user or self.user).message_post(
            body=body, message_type="comment", subtype_xmlid="mail.mt_comment", **values
        )
        self.env.cr.commit()
        self.env.invalidate_all()
        return posted.sudo()

    def receive(self, subject, sender=None, **headers):
        """A customer's mail arrives and is read in; its Message-ID."""
        sender = sender or self.contact.email
        raw, message_id = message(sender, self.address, subject, **headers)
        self.servers.send(sender, [self.address], raw)
        wait_for(lambda: find(self.servers, self.address, "INBOX", message_id), subject)
        self.mailbox.sync()
        self.env.invalidate_all()
        return message_id

    def file_sent(self):
        """Run the scheduled action that files sent mail."""
        self.env.cr.commit()
        self.env["mailbox.delivery"]._cron_file_sent()
        self.env.cr.commit()
        self.env.invalidate_all()

    def links(self, message_id, contact=None):
        """How the e-mail of that Message-ID is shown on a contact."""
        self.env.invalidate_all()
        return self.env["mailbox.link"].search(
            [
                ("partner_id", "=", (contact or self.contact).id),
                ("message_id.rfc_message_id", "=", message_id),
            ]
        )

    def status(self, posted):
        """(status, reason) of what a message's customers were sent."""
        self.env.invalidate_all()
        return [
            (one.notification_status, one.failure_reason or False)
            for one in posted.notification_ids
            if one.notification_type == "email"
        ]

    def retry(self, posted):
        """A person presses Retry on the failed mails of a message."""
        mails = self.mails(posted)
        mails.action_retry()
        mails.send()
        self.env.cr.commit()
        self.env.invalidate_all()

    def mails(self, posted):
        self.env.invalidate_all()
        return self.env["mail.mail"].search([("mail_message_id", "=", posted.id)])


def make_agent(env, make_mailbox, user=None, contact=None, **values):
    """A connected mailbox, by default of a fresh user who writes to a fresh contact."""
    user = user or make_user(env)
    mailbox = make_mailbox("support", **{"owner_id": user.id, **values})
    mailbox.account.name = "Example Support"
    mailbox.connect(days=1)
    mailbox.sync()
    assert not mailbox.account.smtp_problem
    return Agent(mailbox, user, contact or make_contact(env))
