import base64
import logging
from contextlib import contextmanager
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError

from ..engine.errors import EngineError
from ..engine.mime.ids import message_id_hash
from ..engine.transport import Deadline
from ..exceptions import explain
from ..services.outgoing import SendingFailed, interrupted
from ..services.races import RACES, quiet_races
from ..services.sent_copy import Filing

_logger = logging.getLogger(__name__)

#: Seconds for filing the sent mails of one mailbox.
FILING_SECONDS = 45
#: Sent mails filed over one session, at most.
FILING_BATCH = 50
#: After the first failure to file, doubled by each further one, up to the longest.
BACKOFF, BACKOFF_LONGEST = timedelta(minutes=1), timedelta(hours=6)
#: Failures after which a copy is given up: some two days.
ATTEMPTS = 16


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
    copy_state = fields.Selection(
        [
            ("waiting", "To be filed"),
            ("filed", "Filed"),
            ("provider", "Filed by the provider"),
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

    # ------------------------------------------------------------------
    # Ledger
    # ------------------------------------------------------------------

    @contextmanager
    def _own_cursor(self):
        """The model on a cursor of its own, committed at the end."""
        with self.env.registry.cursor() as cr:
            # A lock that the work's own transaction holds is never waited out.
            cr.execute("SET LOCAL lock_timeout = '5s'")
            yield api.Environment(cr, SUPERUSER_ID, {})[self._name]

    @api.model
    def _begin(self, delivery, message_id, recipients):
        """Open the rows of those who are to get a mail now.

        :return: the recipients to send to; those who have it are left out
        :raise SendingFailed: for one of them it is not known whether they have it
        """
        with self._own_cursor() as outbox:
            rows = outbox.search(
                [
                    ("mail_mail_id_int", "=", delivery.mail_id),
                    ("recipient", "in", list(recipients)),
                ]
            )
            account = outbox.env["mailbox.account"].browse(delivery.account_id)
            # Nobody else can be sending this mail now: we hold its row. Who opened
            # these has not come to their end.
            cut = rows.filtered(lambda row: row.state == "sending")
            if cut:
                reason = interrupted(self.env, account)
                cut.write({"state": "unknown", "reason": reason})
            unknown = rows.filtered(lambda row: row.state == "unknown")
            if not unknown:
                rows.filtered(lambda row: row.state == "failed").write(
                    {"state": "sending", "reason": False}
                )
                outbox.create(
                    [
                        {
                            "account_id": delivery.account_id,
                            "mail_mail_id_int": delivery.mail_id,
                            "mail_message_id_int": delivery.mail_message_id,
                            "recipient": recipient,
                            "message_id": message_id,
                            "message_id_hash": message_id_hash(message_id),
                        }
                        for recipient in set(recipients) - set(rows.mapped("recipient"))
                    ]
                )
            has_it = set(
                rows.filtered(lambda row: row.state == "sent").mapped("recipient")
            )
            reasons = " ".join(dict.fromkeys(unknown.mapped("reason")))
        if reasons:
            raise SendingFailed(reasons)
        return [one for one in dict.fromkeys(recipients) if one not in has_it]

    @api.model
    def _end(self, delivery, outcome, copy=None):
        """Close the rows of a mail.

        :param outcome: (state, reason) by recipient
        :param bytes copy: what is to stand in Sent, when somebody got it
        """
        with self._own_cursor() as outbox:
            rows = outbox.search(
                [
                    ("mail_mail_id_int", "=", delivery.mail_id),
                    ("recipient", "in", list(outcome)),
                ]
            )
            for row in rows:
                row.state, row.reason = outcome[row.recipient]
        sent = [one for one, (state, _reason) in outcome.items() if state == "sent"]
        if not (copy and sent):
            return
        try:
            with quiet_races(), self._own_cursor() as outbox:
                queued = outbox._queue_copy(delivery, sent[0], copy)
        except RACES:
            # Another recipient's row keeps the copy of this message.
            _logger.info("Sent copy of mail %s: one is queued", delivery.mail_id)
            return
        if queued:
            # sudo: whoever sends wakes the scheduled action
            self.env.ref("mailbox_connector.ir_cron_sent_mail").sudo()._trigger()

    def _queue_copy(self, delivery, recipient, copy):
        """Have ``copy`` filed, once a message; returns whether it waits for that."""
        row = self.search(
            [
                ("mail_mail_id_int", "=", delivery.mail_id),
                ("recipient", "=", recipient),
            ]
        )
        is_kept = self.search_count(
            [
                ("account_id", "=", row.account_id.id),
                ("message_id_hash", "=", row.message_id_hash),
                ("copy_state", "!=", False),
            ],
            limit=1,
        )
        if is_kept:
            return False
        if row.account_id._provider_files_sent():
            row.copy_state = "provider"
            return False
        row.write({"copy_state": "waiting", "copy_mime": base64.b64encode(copy)})
        return True

    @api.model
    def _let_go(self, mail_ids):
        """A person has decided to send mails again whose fate was unknown."""
        with self._own_cursor() as outbox:
            outbox.search(
                [("mail_mail_id_int", "in", mail_ids), ("state", "=", "unknown")]
            ).state = "failed"

    # ------------------------------------------------------------------
    # Sent copies
    # ------------------------------------------------------------------

    @api.model
    def _cron_file_sent(self):
        """File what was sent in the Sent folders, mailbox by mailbox."""
        done = self.browse()
        while True:
            now = fields.Datetime.now()
            waiting = self.search(
                [
                    ("copy_state", "=", "waiting"),
                    "|",
                    ("copy_retry_at", "=", False),
                    ("copy_retry_at", "<=", now),
                    ("id", "not in", done.ids),
                ],
                order="id",
            )
            left = self.env["ir.cron"]._commit_progress(remaining=len(waiting))
            if not (waiting and left):
                return
            account = waiting[0].account_id
            batch = waiting.grouped("account_id")[account][:FILING_BATCH]
            done |= batch
            batch._file(account)
            self.env["ir.cron"]._commit_progress(len(batch))

    def _file(self, account):
        """File some mails of one mailbox; a failure is kept and tried again."""
        account_id = account.id
        try:
            if not account._sent_folder():
                raise UserError(
                    self.env._("There is no Sent folder; sent mail is not filed.")
                )
            with Filing(account, Deadline(FILING_SECONDS)) as filing:
                for row in self:
                    row._file_one(filing)
        except EngineError as error:
            self.env.cr.rollback()
            self._postpone(explain(self.env, error))
        except UserError as error:
            self.env.cr.rollback()
            self._postpone(str(error))
        except OperationalError:
            # The database's trouble: the next run goes on.
            self.env.cr.rollback()
            _logger.info("Mailbox %s: filing gave way", account_id, exc_info=True)

    def _file_one(self, filing):
        mime = base64.b64decode(self.copy_mime)
        place = filing.file(self.message_id, mime)
        self.write({"copy_state": "filed", "copy_mime": False})
        if self.account_id.sent_copy_problem:
            self.account_id.sent_copy_problem = False
        self.env["ir.cron"]._commit_progress()
        if not place:
            return
        try:
            with quiet_races():
                filing.locate(place, mime)
                self.env["ir.cron"]._commit_progress()
        except RACES:
            # The folder is being read at this moment: that finds the mail.
            self.env.cr.rollback()

    def _postpone(self, reason):
        """Note why mails could not be filed, and when to try again."""
        now = fields.Datetime.now()
        for row in self.filtered(lambda row: row.copy_state == "waiting"):
            failures = row.copy_failures + 1
            pause = min(BACKOFF * 2 ** min(failures - 1, 10), BACKOFF_LONGEST)
            row.write(
                {
                    "copy_failures": failures,
                    "copy_retry_at": now + pause,
                    "copy_state": "failed" if failures >= ATTEMPTS else "waiting",
                }
            )
        self.account_id.sent_copy_problem = self.env._(
            "Sent, but not filed in the Sent folder yet: %s", reason
        )
