import base64
import logging
import secrets
from contextlib import contextmanager
from datetime import datetime, timedelta

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError

from ...engine.errors import EngineError
from ...engine.mime.ids import message_id_hash
from ...engine.net.deadline import Deadline
from ...error_messages import explain
from ...services.accounts.endpoints import egress_policy, endpoint
from ...services.framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ...services.sending import sent_copy
from ...services.sending.ledger import Begun
from ...services.sending.outcome import whole_second
from ...services.sending.outgoing import interrupted
from ...services.sending.sent_copy import Filing
from ...services.sending.sent_lookup import Lookup, was_sent

_logger = logging.getLogger(__name__)
_logger = logging.getLogger(__name__)
#: Seconds for filing the sent mails of one mailbox.
FILING_SECONDS = 45
#: Sent mails filed over one session, at most.
FILING_BATCH = 50
#: After the first failure to file, doubled by each further one, up to the longest.
BACKOFF, BACKOFF_LONGEST = timedelta(minutes=1), timedelta(hours=6)
#: Failures after which a copy is given up: some two days.
ATTEMPTS = 16
_logger = logging.getLogger(__name__)
#: Minutes until a provider that files sent mail is asked again; then a person is.
LOOKS = (2, 10, 30)
#: Seconds for looking in one mailbox.
LOOKING_SECONDS = 30


class MailboxDelivery(models.Model):
    """What was handed to SMTP, per mail and recipient, and what became of it.

    A row is committed before a mail is handed over and closed after it, on a cursor
    of its own, so that it outlives whatever happens to the work. A recipient whose
    row is open or unknown is never sent to again by itself. Columns that name rows
    of the work's transaction are plain numbers: a foreign key would wait for it.

    It is the queue of sent copies as well: the row of the first recipient who got a
    message keeps its MIME until it stands in the Sent folder.
    """

    _name = "mailbox.delivery"
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
    # Not a state: it was sent all the same, and is not sent again.
    bounced_at = fields.Datetime(string="Came back on", readonly=True)

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
    def _begin(self, transaction, message_id, recipients):
        """Open the rows of those who are to get a mail now.

        :return: :class:`Begun`; who has the mail already is left out
        """
        recipients = list(dict.fromkeys(recipients))
        with self._own_cursor(latest=True) as deliveries:
            rows = deliveries.search(
                [
                    ("mail_mail_id_int", "=", transaction.mail_id),
                    ("recipient", "in", recipients),
                ]
            )
            account = deliveries.env["mailbox.account"].browse(transaction.account_id)
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
            deliveries.create(
                [
                    {
                        **values,
                        "account_id": transaction.account_id,
                        "mail_mail_id_int": transaction.mail_id,
                        "mail_message_id_int": transaction.mail_message_id,
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
    def _end(self, transaction, outcome, copy=None):
        """Close the rows of a mail.

        :param outcome: (state, reason) by recipient
        :param bytes copy: what is to stand in Sent, when somebody got it or may have
        """
        is_sent = False
        with self._own_cursor() as deliveries:
            rows = deliveries.search(
                [
                    ("mail_mail_id_int", "=", transaction.mail_id),
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
            with mute_conflicts(), self._own_cursor() as deliveries:
                queued = deliveries._queue_copy(transaction, sent, copy)
        except CONFLICT_ERRORS:
            # Another recipient's row keeps the copy of this message.
            _logger.info("Sent copy of mail %s: one is queued", transaction.mail_id)
            return
        if queued:
            self._wake()

    def _wake(self):
        # sudo: whoever sends wakes the scheduled action
        self.env.ref("mailbox_connector.ir_cron_sent_mail").sudo()._trigger()

    @api.model
    def _let_go(self, mail_ids):
        """A person has decided to send mails again whose fate was unknown."""
        with self._own_cursor() as deliveries:
            deliveries.search(
                [("mail_mail_id_int", "in", mail_ids), ("state", "=", "unknown")]
            ).write({"state": "failed", "look_at": False, "copy_mime": False})

    @api.model
    def _handed_over(self, account, since, limit):
        """When recipients got (or may have got) a mail of a mailbox since then, the
        newest ``limit`` of them, ascending."""
        self.flush_model(["handed_at", "state"])
        self.env.cr.execute(
            """
            SELECT handed_at FROM mailbox_delivery
             WHERE account_id = %s AND state != 'failed' AND handed_at > %s
             ORDER BY handed_at DESC LIMIT %s
            """,
            [account.id, since, limit],
        )
        return [moment for (moment,) in self.env.cr.fetchall()][::-1]

    def _queue_copy(self, transaction, recipient, copy):
        """Have ``copy`` filed, once a message; returns whether it waits for that."""
        row = self.search(
            [
                ("mail_mail_id_int", "=", transaction.mail_id),
                ("recipient", "=", recipient),
            ]
        )
        return row._keep_copy(copy)

    def _keep_copy(self, copy):
        self.ensure_one()
        is_kept = self.search_count(
            [
                ("account_id", "=", self.account_id.id),
                ("message_id_hash", "=", self.message_id_hash),
                ("copy_state", "!=", False),
            ],
            limit=1,
        )
        if is_kept:
            return False
        if self.account_id.provider_files_sent():
            self.copy_state = "provider"
            return False
        self.write({"copy_state": "waiting", "copy_mime": base64.b64encode(copy)})
        return True

    @api.model
    def _cron_file_sent(self):
        """Look for what may have been sent, then file what was, mailbox by mailbox."""
        self._look_for_unknown()
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
            if not account.sent_folder():
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
        # Should the sending have been rolled back: before the sync can see it.
        sent_copy.record(self.account_id, [(self.mail_message_id_int, mime)])
        self.env["ir.cron"]._commit_progress()
        was_there, place = filing.file(self.message_id, mime)
        state = "found" if was_there else "filed"
        self.write({"copy_state": state, "copy_mime": False})
        if self.account_id.sent_copy_problem:
            self.account_id.sent_copy_problem = False
        self.account_id._record_filing(was_there and not self.copy_failures)
        self.env["ir.cron"]._commit_progress()
        if not place:
            return
        try:
            with mute_conflicts():
                filing.locate(place, mime)
                self.env["ir.cron"]._commit_progress()
        except CONFLICT_ERRORS:
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

    def _note_unknown(self, reason):
        """It is not known whether these recipients have it: look for it soon."""
        values = {"state": "unknown", "look_at": fields.Datetime.now(), "looks": 0}
        if reason:
            values["reason"] = reason
        self.write(values)
        self._wake()

    @api.model
    def _look_for_unknown(self):
        """Look for what is due, mailbox by mailbox."""
        done = self.browse()
        while True:
            due = self.search(
                [
                    ("look_at", "<=", fields.Datetime.now()),
                    ("id", "not in", done.ids),
                ],
                order="account_id, id",
            )
            if not due:
                return
            account = due[0].account_id
            batch = due.grouped("account_id")[account]
            done |= batch
            try:
                batch._look(account)
            except OperationalError:
                # The database's trouble: the next run goes on.
                self.env.cr.rollback()
                _logger.info("Mailbox %s: looking gave way", account.id, exc_info=True)
            if not self.env["ir.cron"]._commit_progress():
                return

    def _look(self, account):
        counts = {}
        message_ids = list(dict.fromkeys(self.mapped("message_id")))
        folders = account.folder_ids.filtered(
            lambda folder: folder.role in ("sent", "all") and not folder.gone
        )
        try:
            if folders:
                with Lookup(
                    endpoint(account, "imap"),
                    egress_policy(account.env),
                    folders.mapped("raw_name"),
                    Deadline(LOOKING_SECONDS),
                ) as lookup:
                    counts = {one: lookup.copies(one) for one in message_ids}
        except (EngineError, UserError) as error:
            _logger.info("Mailbox %s: Sent could not be read: %s", account.id, error)
        # Somebody may have decided meanwhile, or be deciding now.
        rows = self.try_lock_for_update()
        rows.invalidate_recordset()
        for row in rows.filtered(lambda row: row.state == "unknown"):
            row._conclude(counts.get(row.message_id))

    def _conclude(self, copies):
        """Draw the conclusion from the copies found; None: could not look."""
        if self.state != "unknown":
            return  # another recipient of the same transaction
        alike = self.search(
            [
                ("account_id", "=", self.account_id.id),
                ("message_id_hash", "=", self.message_id_hash),
            ]
        )
        sent = alike.filtered(lambda row: row.state == "sent")
        own = alike.filtered(lambda row: row.copy_state == "filed")
        known = len({row.transaction or row.id for row in sent})
        mail = self.env["mail.mail"].browse(self.mail_mail_id_int).exists()
        if copies is not None and was_sent(copies, len(own), known):
            same = alike.filtered(
                lambda row: (
                    row.state == "unknown"
                    and (row == self or (row.transaction or 0) == self.transaction)
                )
            )
            same._close_as_sent(is_in_sent=True)
            if not self.search_count(
                [("mail_mail_id_int", "=", mail.id), ("state", "=", "unknown")], limit=1
            ):
                mail._mailbox_was_sent()
            return
        looks = self.looks + 1
        files = self.account_id.provider_files_sent()
        again = (copies is None or files) and looks <= len(LOOKS)
        self.looks = looks
        self.look_at = again and (
            fields.Datetime.now() + timedelta(minutes=LOOKS[looks - 1])
        )
        if again:
            trigger = self.env.ref("mailbox_connector.ir_cron_sent_mail").sudo()
            trigger._trigger(self.look_at)
        elif mail:
            mail._ask_a_person(
                "unread" if copies is None else "missing" if files else "open"
            )

    @api.model
    def _settle(self, mail_ids):
        """A person says that what is unknown of these mails was sent."""
        self.search(
            [("mail_mail_id_int", "in", mail_ids), ("state", "=", "unknown")]
        )._close_as_sent()

    def _close_as_sent(self, is_in_sent=False):
        """:param is_in_sent: it stands in the Sent folder already"""
        for row in self:
            row.write({"state": "sent", "reason": False, "look_at": False})
            mime = row.copy_mime
            if not mime:
                continue
            mime = base64.b64decode(mime)
            row.copy_mime = False
            sent_copy.record(row.account_id, [(row.mail_message_id_int, mime)])
            if not is_in_sent and row._keep_copy(mime):
                self._wake()
