"""Shared by the tests of the addon: mailboxes without a server, e-mails, users."""

from datetime import datetime, timezone
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from odoo import Command
from odoo.tests import HttpCase, TransactionCase, new_test_user

from odoo.addons.mailbox_connector.engine.mime.parse import parse_message
from odoo.addons.mailbox_connector.engine.types import HeaderRecord
from odoo.addons.mailbox_connector.services.incoming.candidate import Candidate
from odoo.addons.mailbox_connector.services.incoming.importer import Importer
from odoo.addons.mailbox_connector.services.incoming.matcher import Matcher

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def mail(
    sender="Customer <customer@example.com>",
    to="sales@example.org",
    subject="Hello",
    text=None,
    html=None,
    date=datetime(2024, 5, 1, 12, 0, tzinfo=timezone.utc),
    message_id=None,
    cc=None,
    attachments=(),
    inline=(),
    **headers,
):
    """An e-mail (RFC 5322), in bytes.

    :param attachments: (filename, content) pairs
    :param inline: (Content-ID without brackets, PNG content) pairs for the html
    :param headers: further headers, "_" in place of "-": ``in_reply_to="<a@b>"``
    """
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    if cc:
        message["Cc"] = cc
    message["Subject"] = subject
    message["Date"] = format_datetime(date)
    message["Message-ID"] = message_id or make_msgid(domain="mail.example.com")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text or f"Text of {subject}")
    if html:
        message.add_alternative(html, subtype="html")
        for content_id, content in inline:
            message.get_payload()[-1].add_related(
                content, "image", "png", cid=f"<{content_id}>", filename="inline.png"
            )
    for filename, content in attachments:
        message.add_attachment(
            content, maintype="application", subtype="pdf", filename=filename
        )
    return message.as_bytes()


class MailboxMixin:
    """People, a mailbox that everyone may read, a contact, and imports without a
    server. For ``TransactionCase`` and ``HttpCase``.

    ``owner`` has the mailbox, ``agent`` is an internal user without one,
    ``manager`` manages mailboxes, ``portal`` logs in as the contact ``customer``.
    Passwords equal logins.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Tests send no requests to other machines.
        cls.env["ir.config_parameter"].set_param("mailbox_connector.discovery", "table")
        cls.owner = cls.make_user("mb_owner", "mailbox_connector.group_mailbox_user")
        cls.member = cls.make_user("mb_member", "mailbox_connector.group_mailbox_user")
        cls.manager = cls.make_user(
            "mb_manager", "mailbox_connector.group_mailbox_manager"
        )
        cls.agent = cls.make_user("mb_agent", "base.group_user")
        cls.agent.group_ids += cls.env.ref("base.group_partner_manager")
        cls.portal = cls.make_user("mb_portal", "base.group_portal")
        cls.customer = cls.portal.partner_id
        cls.customer.write({"name": "Customer", "email": "customer@example.com"})
        cls.account = cls.make_account("sales@example.org", owner=cls.owner)

    @classmethod
    def make_user(cls, login, groups):
        return new_test_user(
            cls.env,
            login,
            groups=groups,
            password=login,
            name=login.replace("mb_", "").title(),
            email=f"{login}@staff.example.org",
            tz="UTC",
            context={"no_reset_password": True, "mail_create_nolog": True},
        )

    @classmethod
    def make_account(cls, email, owner, visibility="everyone", members=(), **values):
        """A mailbox that counts as connected, with the folders INBOX and Sent."""
        account = cls.env["mailbox.account"].create(
            {
                "email": email,
                "name": email.partition("@")[0].title(),
                "owner_id": owner.id,
                "visibility": visibility,
                "member_ids": [Command.set([user.id for user in members])],
                "imap_host": "imap.example.org",
                "imap_username": email,
                "smtp_host": "smtp.example.org",
                "smtp_username": email,
                **values,
            }
        )
        account.state = "connected"
        cls.env["mailbox.folder"].create(
            [
                {
                    "account_id": account.id,
                    "name": name,
                    "raw_name": name,
                    "role": role,
                    "sync": True,
                    "uidvalidity": 1,
                    "next_uid": 1,
                }
                for name, role in (("INBOX", "inbox"), ("Sent", "sent"))
            ]
        )
        return account

    @classmethod
    def import_mail(cls, *raws, account=None, folder="INBOX"):
        """Import e-mails as a sync would, in one batch.

        :return: their ``mailbox.message`` records, without those of strangers
        """
        account = account or cls.account
        record = account.folder_ids.filtered(lambda f: f.raw_name == folder)
        candidates = []
        for raw in raws:
            parsed = parse_message(raw, None)
            record.next_uid += 1
            header = HeaderRecord(
                uid=record.next_uid - 1,
                size=len(raw),
                internal_date=None,
                addresses=parsed.addresses,
                message_id=parsed.message_id,
            )
            candidates.append(Candidate(header, [], raw))
        found = Matcher(cls.env, account).match(c.header for c in candidates)
        known = [c for c in candidates if c.header.uid in found]
        for candidate in known:
            candidate.matches = found[candidate.header.uid]
        counts = Importer(record).run(known)
        if counts.failed:
            reasons = cls.env["mailbox.failed.import"].search([]).mapped("reason")
            raise AssertionError(f"Imports failed: {reasons}")
        return cls.env["mailbox.message"].browse(c.record_id for c in known)

    @classmethod
    def copies(cls, messages, partner=None):
        """The ``mail.message`` copies of ``mailbox.message`` records."""
        links = messages.link_ids
        if partner:
            links = links.filtered(lambda link: link.partner_id == partner)
        return links.mail_message_id


class MailboxCase(MailboxMixin, TransactionCase):
    """A mailbox, a contact and imports; each test is rolled back."""


class MailboxHttpCase(MailboxMixin, HttpCase):
    """The same, with a server that answers requests."""
