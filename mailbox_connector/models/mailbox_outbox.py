import base64
import logging
import secrets
from contextlib import contextmanager
from datetime import datetime

from odoo import SUPERUSER_ID, api, fields, models

from ..engine.mime.ids import message_id_hash
from ..services.ledger import Begun
from ..services.outcome import whole_second
from ..services.outgoing import interrupted
from ..services.races import RACES, quiet_races

_logger = logging.getLogger(__name__)


class MailboxOutbox(models.Model):
    """What was handed to SMTP, per mail and recipient, and what became of it.

    A row is committed before a mail is handed over and closed after it, on a cursor
    of its own, so that it outlives whatever happens to the work. A recipient whose
    row is open or unknown is never sent to again by itself. Columns that name rows
    of the work's transaction are plain numbers: a foreign key would wait for it.

    It is the queue of sent copies as well: the row of the first recipient who got a
    message keeps its MIME until it stands in the Sent folder.
    """

    _name = "mailbox.outbox"
    _description = "Sent mail ledger"
    _rec_name = "recipient"
    _order = "id desc"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True
    )
    mail_mail_id_int = fields.Integer(string="Mail ID", required=True)
    mail_message_id_int = fields.Integer(string="Message ID", index=True)
    recipient = fields.Char(required=True)
    message_id = fields.Char(string="Message-ID", required=True)
    message_id_hash = fields.Char(size=32, required=True)
    state = fields.Selection(
        [
            ("sending", "Being handed over"),
            ("sent", "Sent"),
            ("failed", "Not sent"),
            ("unknown", "Not known whether sent"),
        ],
        required=True,
        default="sending",
    )
    reason = fields.Char()
    handed_at = fields.Datetime(string="Handed over on")
    transaction = fields.Char(
        size=16, help="The same for all recipients of one SMTP transaction."
    )
    look_at = fields.Datetime(string="Looked for in Sent on")
    looks = fields.Integer()
    copy_state = fields.Selection(
        [
            ("waiting", "To be filed"),
            ("filed", "Filed"),
            ("provider", "Filed by the provider"),
            ("found", "Stood there already"),
            ("failed", "Could not be filed"),
        ],
        string="Sent copy",
    )
    copy_mime = fields.Binary(attachment=False)
    copy_failures = fields.Integer()
    copy_retry_at = fields.Datetime()

    _mail_recipient_unique = models.Constraint(
        "UNIQUE (mail_mail_id_int, recipient)",
        "A mail goes to a recipient once.",
    )
    _one_copy = models.UniqueIndex(
        "(account_id, message_id_hash) WHERE copy_state IS NOT NULL"
    )
    _waiting_idx = models.Index("(account_id) WHERE copy_state = 'waiting'")
    _handed_idx = models.Index("(account_id, handed_at)")
    _look_idx = models.Index("(look_at) WHERE look_at IS NOT NULL")

    # ------------------------------------------------------------------
    # Ledger
    # ------------------------------------------------------------------

    @contextmanager
    def _own_cursor(self, latest=False):
        """The model on a cursor of its own, committed at the end.

        :param latest: each statement sees what others have committed until then, so
            that what is read under a lock is what its last holder has left
        """
        with self.env.registry.cursor() as cr:
            if latest:
                cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            # A lock that the work's own transaction holds is never waited out.
            cr.execute("SET LOCAL lock_timeout = '5s'")
            yield api.Environment(cr, SUPERUSER_ID, {})[self._name]

    @api.model
    def _begin(self, delivery, message_id, recipients):
        """Open the rows of those who are to get a mail now.

        :return: :class:`Begun`; who has the mail already is left out
        """
        recipients = list(dict.fromkeys(recipients))
        with self._own_cursor(latest=True) as outbox:
            rows = outbox.search(
                [
                    ("mail_mail_id_int", "=", delivery.mail_id),
                    ("recipient", "in", recipients),
                ]
            )
            account = outbox.env["mailbox.account"].browse(delivery.account_id)
            # Nobody else can be sending this mail now: we hold its row. Who opened
            # these has not come to their end.
            cut = rows.filtered(lambda row: row.state == "sending")
            if cut:
                cut._note_unknown(interrupted(self.env, account))
            unknown = rows.filtered(lambda row: row.state == "unknown")
            if unknown:
                return Begun(failed=tuple(dict.fromkeys(unknown.mapped("reason"))))
            has_it = set(
                rows.filtered(lambda row: row.state == "sent").mapped("recipient")
            )
            waiting = [one for one in recipients if one not in has_it]
            if not waiting:
                return Begun()
            allowed, put_off = account._may_send_now(len(waiting), self.env)
            waiting = waiting[:allowed]
            values = {
                # After the lock, and rounded up: limits are kept to the second.
                "handed_at": whole_second(datetime.utcnow()),
                "transaction": secrets.token_hex(8),
            }
            rows.filtered(
                lambda row: row.state == "failed" and row.recipient in waiting
            ).write({**values, "state": "sending", "reason": False})
            outbox.create(
                [
                    {
                        **values,
                        "account_id": delivery.account_id,
                        "mail_mail_id_int": delivery.mail_id,
                        "mail_message_id_int": delivery.mail_message_id,
                        "recipient": recipient,
                        "message_id": message_id,
                        "message_id_hash": message_id_hash(message_id),
                    }
                    for recipient in waiting
                    if recipient not in rows.mapped("recipient")
                ]
            )
            return Begun(tuple(waiting), put_off)

    @api.model
    def _end(self, delivery, outcome, copy=None):
        """Close the rows of a mail.

        :param outcome: (state, reason) by recipient
        :param bytes copy: what is to stand in Sent, when somebody got it or may have
        """
        is_sent = False
        with self._own_cursor() as outbox:
            rows = outbox.search(
                [
                    ("mail_mail_id_int", "=", delivery.mail_id),
                    ("recipient", "in", list(outcome)),
                ]
            )
            for row in rows:
                row.state, row.reason = outcome[row.recipient]
            is_sent = "sent" in rows.mapped("state")
            unknown = rows.filtered(lambda row: row.state == "unknown")
            if unknown:
                unknown._note_unknown(False)
                if copy and not is_sent:
                    # Kept for the day when somebody says that it was sent.
                    unknown[0].copy_mime = base64.b64encode(copy)
        if not (copy and is_sent):
            return
        sent = next(one for one, (state, _r) in outcome.items() if state == "sent")
        try:
            with quiet_races(), self._own_cursor() as outbox:
                queued = outbox._queue_copy(delivery, sent, copy)
        except RACES:
            # Another recipient's row keeps the copy of this message.
            _logger.info("Sent copy of mail %s: one is queued", delivery.mail_id)
            return
        if queued:
            self._wake()

    def _wake(self):
        # sudo: whoever sends wakes the scheduled action
        self.env.ref("mailbox_connector.ir_cron_sent_mail").sudo()._trigger()

    @api.model
    def _let_go(self, mail_ids):
        """A person has decided to send mails again whose fate was unknown."""
        with self._own_cursor() as outbox:
            outbox.search(
                [("mail_mail_id_int", "in", mail_ids), ("state", "=", "unknown")]
            ).write({"state": "failed", "look_at": False, "copy_mime": False})

    @api.model
    def _handed_over(self, account, since, limit):
        """When recipients got (or may have got) a mail of a mailbox since then, the
        newest ``limit`` of them, ascending."""
        self.flush_model(["handed_at", "state"])
        self.env.cr.execute(
            """
            SELECT handed_at FROM mailbox_outbox
             WHERE account_id = %s AND state != 'failed' AND handed_at > %s
             ORDER BY handed_at DESC LIMIT %s
            """,
            [account.id, since, limit],
        )
        return [moment for (moment,) in self.env.cr.fetchall()][::-1]
