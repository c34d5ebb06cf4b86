import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api, fields, models, tools
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...engine.errors import EngineError
from ...engine.smtp import retry
from ...engine.smtp.retry import NextStep
from ...engine.smtp.session import open_smtp
from ...error_messages import explain
from ...services.accounts.endpoints import egress_policy, endpoint
from ...services.framework.concurrency import mute_conflicts
from ...services.sending.outgoing import SendingFailed, Transport
from ...services.sending.sent_copy import files_itself

_logger = logging.getLogger(__name__)

#: Sent mails found in a row that the provider had filed, until that is believed.
FOUND_OFTEN = 3  #: Odoo's names of the encryptions; always with verification.
ENCRYPTION = {"tls": "ssl_strict", "starttls": "starttls_strict"}
#: Behind all other servers, which are chosen by it where no From decides.
SEQUENCE = 1000
#: What the outgoing server shows of a mailbox.
SERVER = {
    "active",
    "name",
    "email",
    "sender_ids",
    "smtp_host",
    "smtp_port",
    "smtp_security",
}
#: How often at most a success is written on the mailbox.
SUCCESS_NOTED = timedelta(minutes=10)


class MailboxAccountSending(models.AbstractModel):
    """Sending: who may send as a mailbox, and its outgoing server.

    The ``ir.mail_server`` of a mailbox lets Odoo's own choice, queue and failure
    display work. It shows host and port; the connection is built from the mailbox.
    """

    _name = "mailbox.account.sending"
    _description = "Mailbox: sending"

    sender_name = fields.Selection(
        [
            ("mailbox", "The mailbox's name"),
            ("user", "The name of the person who writes"),
            ("both", "Both: person, mailbox"),
        ],
        string="Customers see",
        required=True,
        default="mailbox",
        help="The name beside the address in what customers receive.",
    )
    send_automatic = fields.Boolean(
        string="Automatic mail too",
        help="Mail that Odoo sends by itself, such as confirmations and reminders, may "
        "leave from this mailbox where a default sender says so.",
    )
    sent_copy = fields.Selection(
        [
            ("automatic", "Automatic"),
            ("odoo", "By Odoo"),
            ("provider", "By the provider"),
        ],
        string="Sent folder is filled",
        required=True,
        default="automatic",
        help="What is sent from Odoo also stands in the mailbox's Sent folder. Some "
        "providers put it there by themselves; Odoo does it for the others. Automatic "
        "knows the large providers and looks before it files.",
    )
    sent_copy_found = fields.Integer(readonly=True, copy=False)
    sent_copy_problem = fields.Char(string="Sent folder", readonly=True, copy=False)

    # ------------------------------------------------------------------
    # The outgoing server is kept in step
    # ------------------------------------------------------------------

    def _update_outgoing(self, vals):
        """After these were written: the outgoing server, the mailbox's own address,
        and mail that can no longer leave."""
        if "email" in vals:
            for account in self:
                account._main_identity()._follow_account()
        if SERVER & vals.keys():
            self._update_mail_servers()
        if (SERVER | {"owner_id", "member_ids"}) & vals.keys():
            # sudo: whoever may change the mailbox has its queued mail held
            self.env["mail.mail"].sudo()._queued_for(self)._hold_for_mailbox()

    def _update_mail_servers(self):
        """Keep the outgoing servers in step with the mailboxes."""
        Server = self.env["ir.mail_server"].sudo().with_context(active_test=False)
        # sudo: users of a mailbox have no access to outgoing servers
        for account in self.sudo():
            server = Server.search([("mailbox_account_id", "=", account.id)])
            values = {
                "active": bool(account.active and account.smtp_host),
                "name": account.display_name,
                "from_filter": ",".join(sorted(account._sending_addresses())),
                "smtp_host": account.smtp_host or server.smtp_host,
                "smtp_port": account.smtp_port,
                "smtp_encryption": ENCRYPTION[account.smtp_security],
            }
            changed = {k: v for k, v in values.items() if server[k] != v}
            if server and changed:
                server.write(changed)
            elif not server and account.smtp_host:
                Server.create(
                    {**values, "mailbox_account_id": account.id, "sequence": SEQUENCE}
                )
        self.env.registry.clear_cache()

    def _mail_server(self):
        """The outgoing server of this mailbox, if it can send."""
        self.ensure_one()
        # sudo: see _update_mail_servers
        return self.sudo().mail_server_ids.filtered("active")[:1]

    # ------------------------------------------------------------------
    # Who sends as whom
    # ------------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _sending_index(self):
        """Outgoing servers of mailboxes, empty when there is none.

        :return: ({server id: mailbox id}, {address: [identity ids]})
        """
        # sudo: an index of all mailboxes, which no user gets to see
        servers = (
            self.env["ir.mail_server"]
            .sudo()
            .search([("mailbox_account_id", "!=", False)])
        )
        addresses = {}
        for identity in servers.mailbox_account_id.sender_ids.filtered("can_send"):
            addresses.setdefault(identity.email_normalized, []).append(identity.id)
        return {
            server.id: server.mailbox_account_id.id for server in servers
        }, addresses

    def _may_send(self, user):
        """Whether ``user`` may send as this mailbox: its owner and members may, and
        Odoo by itself where the mailbox allows that."""
        self.ensure_one()
        account = self.sudo()
        if user.id == SUPERUSER_ID:
            return account.send_automatic
        return user._is_internal() and user in account.owner_id | account.member_ids

    @api.model
    def _mailboxes_of(self, user, company):
        """Mailboxes that ``user`` may send as, the preferred one first: their own
        before shared ones, and among these the ones that work."""
        may_send = Domain("owner_id", "=", user.id) | Domain("member_ids", "=", user.id)
        companies = Domain("company_id", "in", user.sudo().company_ids.ids)
        if user.id == SUPERUSER_ID:
            may_send, companies = Domain("send_automatic", "=", True), Domain.TRUE
        # sudo: the question is what the user may send as, whoever asks
        accounts = self.sudo().search(
            Domain("state", "=", "connected")
            & Domain("smtp_host", "!=", False)
            & companies
            & may_send
        )
        return accounts.sorted(
            lambda account: (
                account.company_id != company,
                account.owner_id != user,
                bool(account.smtp_problem),
                account.id,
            )
        )

    def _main_identity(self):
        """The identity of the mailbox's own address."""
        self.ensure_one()
        # sudo: it comes with the mailbox
        account = self.sudo()
        main = account.sender_ids.filtered("is_main")
        if not main:
            main = account.sender_ids.create(
                {"account_id": account.id, "email": account.email, "is_main": True}
            )
        return main

    def _sending_addresses(self):
        """The addresses that this mailbox sends as, normalised."""
        self.ensure_one()
        senders = self.sender_ids.filtered("can_send")
        return {*senders.mapped("email_normalized")} - {False, ""}

    def _why_not_sending(self):
        """Why mail of this mailbox is held now, in words; False if it is not."""
        self.ensure_one()
        if not self.active:
            return self.env._(
                "The mailbox %s is archived. Its mail waits here; it is not sent by "
                "another server. Restore the mailbox, then send it again.",
                self.email,
            )
        if not self.smtp_host or not self._mail_server():
            return self.env._(
                "The mailbox %s has no SMTP server. Its mail waits here; it is not "
                "sent by another server.",
                self.email,
            )
        return False

    # ------------------------------------------------------------------
    # Connecting
    # ------------------------------------------------------------------

    def _open_transport(self):
        """Connect and sign in to SMTP.

        :return: :class:`services.outgoing.Transport`
        :raise SendingFailed: in words that name the field to look at
        """
        self.ensure_one()
        account = self.sudo()
        policy = egress_policy(self.env)
        try:
            return Transport(
                account, lambda: open_smtp(endpoint(account, "smtp"), policy)
            )
        except EngineError as error:
            reason = explain(self.env, error, account.provider_id)
            raise SendingFailed(reason) from error

    @api.private
    def record_smtp_result(self, problem, error=None):
        """Record on the mailbox that sending fails, or works again; a pause is over
        then.

        On a cursor of its own, and not at all while somebody else is changing the
        mailbox: a mail that has left must not be rolled back for that.

        :param problem: what is wrong, in words; False: it works
        :param error: what was raised, where there is a problem
        """
        self.ensure_one()
        self._record_smtp_state(problem, error)
        if not problem:
            self._end_pause()

    def _record_smtp_state(self, problem, error):
        now = fields.Datetime.now()
        fresh = self.smtp_ok_at and self.smtp_ok_at > now - SUCCESS_NOTED
        if problem == self.smtp_problem and (problem or fresh):
            return
        values = {"smtp_problem": problem}
        if not problem:
            values["smtp_ok_at"] = now
        try:
            with mute_conflicts(), self.env.registry.cursor() as cr:
                cr.execute(
                    """
                    SELECT id FROM mailbox_account WHERE id = %s
                       FOR NO KEY UPDATE SKIP LOCKED
                    """,
                    [self.id],
                )
                if not cr.fetchone():
                    return
                account = api.Environment(cr, SUPERUSER_ID, {})[self._name]
                account = account.browse(self.id)
                account.write(values)
                if problem:
                    account.report_problem(
                        "smtp", problem, needs_person=_needs(error), error=error
                    )
        except OperationalError:
            _logger.info("Mailbox %s: not noted", self.id, exc_info=True)

    # ------------------------------------------------------------------
    # Sent folder
    # ------------------------------------------------------------------

    @api.private
    def sent_folder(self):
        """Its Sent folder; empty if it has none."""
        self.ensure_one()
        return self.folder_ids.filtered(lambda f: f.role == "sent" and not f.gone)[:1]

    def _record_filing(self, was_there):
        """Count how often in a row a sent mail was in Sent before we filed it."""
        self.ensure_one()
        found = self.sent_copy_found + 1 if was_there else 0
        if found != self.sent_copy_found:
            self.sent_copy_found = found

    @api.private
    def provider_files_sent(self):
        """Whether sent mail comes into the Sent folder by itself."""
        self.ensure_one()
        if self.sent_copy != "automatic":
            return self.sent_copy == "provider"
        if self.sent_copy_found >= FOUND_OFTEN:
            return True
        host = self.smtp_host or ""
        # sudo: the table is for all; whoever sends through the mailbox asks
        providers = self.env["mailbox.provider"].sudo()
        return files_itself(host) or bool(
            providers.search_count(
                [("smtp_host", "=ilike", host), ("files_sent", "=", True)], limit=1
            )
        )


def _needs(error):
    """Whether sending needs a person after ``error``; None where that is not said."""
    if isinstance(error, EngineError):
        return {NextStep.FAIL: True, NextStep.RETRY: False}.get(retry.next_step(error))
    return isinstance(error, UserError) or None
