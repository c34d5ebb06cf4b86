import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api, fields, models, tools
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...engine.errors import EngineError
from ...engine.smtp import retry
from ...engine.smtp.retry import NextStep
from ...services.framework.concurrency import lock_on_own_cursor, mute_conflicts

_logger = logging.getLogger(__name__)

#: Odoo's names of the encryptions; always with verification.
ENCRYPTION = {"tls": "ssl_strict", "starttls": "starttls_strict"}
#: After all other servers: among several, core takes the first by sequence.
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
#: How often at most a success is recorded on the mailbox.
SUCCESS_INTERVAL = timedelta(minutes=10)


class MailboxAccountSending(models.AbstractModel):
    """Sending: who may send as a mailbox, and its outgoing server.

    A mailbox has an ``ir.mail_server`` so that Odoo's own choice of servers, its queue
    and its display of failures work. It shows host and port; the connection is built
    from the mailbox (services/sending/smtp_session.py).
    """

    _name = "mailbox.account.sending"
    _description = "Mailbox: sending"

    sender_name = fields.Selection(
        [
            ("mailbox", "The mailbox's name"),
            ("user", "The name of the person who writes"),
            ("both", "Both: person, mailbox"),
        ],
        string="Sender name shown to customers",
        required=True,
        default="mailbox",
        help="The name in front of the address in the e-mails that customers get.",
    )
    send_automatic = fields.Boolean(
        string="Also use for automatic e-mails",
        help="E-mails that Odoo sends on its own, such as confirmations and reminders, "
        "can be sent from this mailbox if a default sender says so.",
    )

    # ------------------------------------------------------------------
    # The outgoing server follows the mailbox
    # ------------------------------------------------------------------

    def _update_outgoing(self, vals):
        """After these were written: adapt the outgoing server and the mailbox's own
        address, and hold mail that can no longer be sent."""
        if "email" in vals:
            for account in self:
                account.main_identity()._follow_account()
        if SERVER & vals.keys():
            self._update_mail_servers()
        if (SERVER | {"owner_id", "member_ids"}) & vals.keys():
            # sudo: changing the mailbox is allowed, and its queued mail depends on that
            self.env["mail.mail"].sudo()._queued_for(self)._hold_for_mailbox()

    def _update_mail_servers(self):
        """Make the outgoing servers match the mailboxes."""
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
    @api.private
    @tools.ormcache()
    def account_ids_by_server(self):
        """Ids of the mailboxes that have an active outgoing server, by id of that.

        Cached; empty if there is none, which is how others ask whether mailboxes have
        anything to say about a mail.
        """
        # sudo: an index of all mailboxes, which is shown to no user
        servers = (
            self.env["ir.mail_server"]
            .sudo()
            .search([("mailbox_account_id", "!=", False)])
        )
        return {server.id: server.mailbox_account_id.id for server in servers}

    def _may_send(self, user):
        """Whether ``user`` may send as this mailbox: its owner and members may, and
        Odoo on its own (the superuser) if the mailbox allows that."""
        self.ensure_one()
        account = self.sudo()
        if user.id == SUPERUSER_ID:
            return account.send_automatic
        return user._is_internal() and user in account.owner_id | account.member_ids

    @api.model
    @api.private
    def mailboxes_of(self, user, company):
        """Mailboxes that ``user`` may send as, the preferred one first: their own
        before shared ones, and among these the ones that work."""
        may_send = Domain("owner_id", "=", user.id) | Domain("member_ids", "=", user.id)
        companies = Domain("company_id", "in", user.sudo().company_ids.ids)
        if user.id == SUPERUSER_ID:
            may_send, companies = Domain("send_automatic", "=", True), Domain.TRUE
        # sudo: the question is what the user may send as, not what the caller may see
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

    @api.private
    def main_identity(self):
        """The ``mailbox.identity`` of the mailbox's own address, made if missing."""
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
        """The addresses that this mailbox sends as, normalized."""
        self.ensure_one()
        senders = self.sender_ids.filtered("can_send")
        return {*senders.mapped("email_normalized")} - {False, ""}

    def _why_not_sending(self):
        """Why this mailbox cannot send now, in words; False if it can."""
        self.ensure_one()
        if not self.active:
            return self.env._(
                "The mailbox %s is archived. Its e-mails are kept here and not sent by "
                "another server. Restore the mailbox, then send them again.",
                self.email,
            )
        if not self.smtp_host or not self._mail_server():
            return self.env._(
                "The mailbox %s has no SMTP server. Its e-mails are kept here and not "
                "sent by another server.",
                self.email,
            )
        return False

    # ------------------------------------------------------------------
    # State of sending
    # ------------------------------------------------------------------

    @api.private
    def record_smtp_result(self, problem, error=None):
        """Record on the mailbox that sending fails, or that it works, which ends a
        pause.

        On a cursor of its own, and not at all while somebody else is changing the
        mailbox: a mail that has left must not be rolled back for that.

        :param problem: what is wrong, in words; False: it works
        :param error: what was raised, if there is a problem
        """
        self.ensure_one()
        self._record_smtp_state(problem, error)
        if not problem:
            self._end_pause()

    def _record_smtp_state(self, problem, error):
        now = fields.Datetime.now()
        fresh = self.smtp_ok_at and self.smtp_ok_at > now - SUCCESS_INTERVAL
        if problem == self.smtp_problem and (problem or fresh):
            return
        values = {"smtp_problem": problem}
        if not problem:
            values["smtp_ok_at"] = now
        try:
            with mute_conflicts(), lock_on_own_cursor(self) as account:
                if not account:
                    return
                account.write(values)
                if problem:
                    account.report_problem(
                        "smtp", problem, needs_person=_needs_person(error), error=error
                    )
        except OperationalError:
            _logger.info("Mailbox %s: not recorded", self.id, exc_info=True)


def _needs_person(error):
    """Whether sending needs a person after ``error``; None if it does not tell."""
    if isinstance(error, EngineError):
        return {NextStep.FAIL: True, NextStep.RETRY: False}.get(retry.next_step(error))
    return isinstance(error, UserError) or None
