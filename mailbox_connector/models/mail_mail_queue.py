import time
from datetime import timedelta

from odoo import api, fields, models

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from ..services.outcome import Outcomes, PutOff
from ..services.outgoing import Transport
from ..services.races import RACES, quiet_races

#: Mails that are committed together, at most, and the seconds that they may take.
TOGETHER, TOGETHER_SECONDS = 50, 1.0


class MailMail(models.Model):
    """The queue of a mailbox's mail: what is held back, put off and tried again."""

    # Apart from the choice of mailbox: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mail.mail"

    mailbox_wait_reason = fields.Text(
        string="Why it waits",
        readonly=True,
        copy=False,
        help="It goes by itself at the scheduled date.",
    )
    mailbox_attempts = fields.Integer(string="Attempts", readonly=True, copy=False)
    mailbox_outcome = fields.Selection(
        [
            ("looking", "Being looked for in the Sent folder"),
            ("ask", "A person has to say whether it was sent"),
        ],
        string="Not known whether sent",
        readonly=True,
        copy=False,
        index="btree_not_null",
    )

    # ------------------------------------------------------------------
    # Holding back
    # ------------------------------------------------------------------

    @api.model
    def _queued_for(self, accounts):
        """Mails of these mailboxes that have not left yet."""
        if not accounts:
            return self.browse()
        return self.search(
            [("mailbox_account_id", "in", accounts.ids), ("state", "=", "outgoing")]
        )

    def _why_held(self):
        """Why this mail cannot leave by its mailbox now; False if it can."""
        if not self.mailbox_email_from:
            # sudo: see _adopt_by_mailbox
            server = self.sudo().mail_server_id
            account = server.mailbox_account_id
            if not account or self._may_send_as(account):
                return False
        # sudo: the sender may have lost sight of the mailbox
        account = self.sudo().mailbox_account_id
        if not account and self.mailbox_email_from:
            return self.env._(
                "The mailbox of %s was deleted. This e-mail is not sent by another "
                "server.",
                self.mailbox_email_from,
            )
        if account and not self._may_send_as(account):
            return self.env._(
                "The author may not send as %s any more. Only owner and members of a "
                "mailbox send as it.",
                account.email,
            )
        if not account:
            return self.env._(
                "Only owner and members of the mailbox %s send as it.",
                self.sudo().mail_server_id.mailbox_account_id.email,
            )
        return account._why_not_sending()

    def _hold_for_mailbox(self):
        """Turn mails that cannot leave by their mailbox into failed ones that say so.

        :return: the mails held back
        """
        held = self.browse()
        for mail in self:
            if not mail.mailbox_email_from and not mail.mail_server_id:
                continue
            if mail.state != "outgoing" or not (reason := mail._why_held()):
                continue
            held |= mail
            mail._note_failure(reason, "unknown")
            mail._postprocess_sent_message(
                success_pids=[],
                success_emails=[],
                failure_type="unknown",
                failure_reason=reason,
            )
        return held

    def _note_failure(self, reason, failure_type, is_unknown=False):
        self.write(
            {
                "state": "exception",
                "failure_type": failure_type,
                "failure_reason": reason,
                "mailbox_wait_reason": False,
                "mailbox_outcome": "looking" if is_unknown else False,
            }
        )

    # ------------------------------------------------------------------
    # Putting off
    # ------------------------------------------------------------------

    def _put_off_by_limits(self):
        """Put off what the mailboxes' limits do not let go now; no connection is made
        for it. The ledger decides again, exactly, for each mail that goes on.

        :return: the mails put off
        """
        later = self.browse()
        queued = self.filtered(
            lambda mail: mail.mailbox_email_from and mail.state == "outgoing"
        )
        # sudo: limits bind whoever sends
        for account, mails in queued.sudo().grouped("mailbox_account_id").items():
            if not account._is_limited():
                continue
            mails = mails._not_all_sent().sorted(lambda mail: (mail.date, mail.id))
            soon = fields.Datetime.now() + timedelta(seconds=account._patience())
            sizes = [mail._recipient_count() for mail in mails]
            slots = account._plan_sending(sizes)
            put_off = [
                (mail, slot)
                for mail, slot in zip(mails, slots, strict=True)
                if slot and slot.at > soon
            ]
            for mail, slot in put_off:
                mail._put_off(slot)
                mail._notify_put_off(slot)
                later |= mail
            if put_off:
                account._wake_queue([slot.at for _mail, slot in put_off])
        return later.with_env(self.env)

    def _recipient_count(self):
        typed = f"{self.email_to or ''},{self.email_cc or ''}".count("@")
        return max(len(self.recipient_ids) + typed, 1)

    def _not_all_sent(self):
        """Without mails that have reached everybody they were begun for: to close
        these takes no sending."""
        rows = self.env["mailbox.outbox"]._read_group(
            [("mail_mail_id_int", "in", self.ids)],
            ["mail_mail_id_int"],
            ["state:array_agg"],
        )
        done = {mail_id for mail_id, states in rows if set(states) == {"sent"}}
        return self.filtered(lambda mail: mail.id not in done)

    def _put_off(self, put_off: PutOff):
        """Leave a mail in the queue until then, and say why."""
        self.ensure_one()
        self.write(
            {
                "state": "outgoing",
                "scheduled_date": put_off.at,
                "mailbox_wait_reason": put_off.reason,
                "mailbox_attempts": self.mailbox_attempts + put_off.is_attempt,
                "failure_type": False,
                "failure_reason": False,
            }
        )

    # ------------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------------

    def send(self, auto_commit=False, raise_exception=False, post_send_callback=None):
        held = self._hold_for_mailbox()
        if held and raise_exception:
            raise MailDeliveryException(
                self.env._("Mail Delivery Failed"), held[0].failure_reason
            )
        aside = held | (self - held)._put_off_by_limits()
        if aside and post_send_callback:
            post_send_callback(aside.ids)
        # Of mail that a mailbox puts off while its server is out of reach.
        rest = (self - aside).with_context(mailbox_queue=True)
        return super(MailMail, rest).send(
            auto_commit=auto_commit,
            raise_exception=raise_exception,
            post_send_callback=post_send_callback,
        )

    def _send(
        self, auto_commit=False, raise_exception=False, smtp_session=None, **kwargs
    ):
        if not isinstance(smtp_session, Transport):
            return super()._send(
                auto_commit, raise_exception, smtp_session=smtp_session, **kwargs
            )

        def send(mails, *commit):
            super()._send(*commit, smtp_session=smtp_session, **kwargs)

        mails = self.with_context(mailbox_outcomes=smtp_session.outcomes)
        if auto_commit is True and not raise_exception:
            told = kwargs.pop("post_send_callback", None)
            mails._send_together(smtp_session, send, told)
        else:
            send(mails, auto_commit, raise_exception)
        if ledger := smtp_session.ledger:
            account = self.env["mailbox.account"].browse(smtp_session.account_id)
            ledger.record_all(account.sudo())
            if ledger.has_copies:
                self.env["mailbox.outbox"]._wake()
        return True

    def _send_together(self, transport, send, told=None):
        """Send, and commit once for several mails.

        Odoo commits after each, to know after a crash what was sent. The ledger knows
        that, so fewer commits and wider reads lose nothing.

        :param send: sends mails: ``send(mails, auto_commit)``
        :param told: called with the ids of those that are done
        """
        # sudo: limits bind whoever sends
        account = self.env["mailbox.account"].sudo().browse(transport.account_id)
        most = 1 if account._is_limited() else TOGETHER
        left, size = self.ids, 1
        while left:
            mails, left = self.browse(left[:size]), left[size:]
            started = time.monotonic()
            mails._read_ahead()
            try:
                with quiet_races():
                    send(mails, False)
                    self.env.flush_all()
            except RACES:
                # Somebody has changed one of them meanwhile: each by itself.
                self.env.cr.rollback()
                send(mails, True)
            if told:
                told(mails.ids)
            self.env.cr.commit()  # pylint: disable=invalid-commit
            pace = TOGETHER_SECONDS / max(time.monotonic() - started, 0.001)
            size = max(1, min(most, size * 2, int(len(mails) * pace)))

    def _read_ahead(self):
        """Read at once what sending reads of each mail by itself."""
        self.mapped("state")
        self.mail_message_id.mapped("subject")
        self.recipient_ids.mapped("email")
        self.mapped("attachment_ids")

    def _outcomes(self):
        """What became of the mails of this session; None outside of one."""
        outcomes = self.env.context.get("mailbox_outcomes")
        # A context may come from anywhere.
        return outcomes if isinstance(outcomes, Outcomes) else None

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        emails = super()._prepare_outgoing_list(
            mail_server=mail_server, doc_to_followers=doc_to_followers
        )
        outcomes = self._outcomes()
        if outcomes is not None and self.mailbox_email_from:
            outcomes.number(self.id, emails)
        return emails
