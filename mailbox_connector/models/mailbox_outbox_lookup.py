import base64
import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine.errors import EngineError
from ..engine.transport import Deadline
from ..services import sent_copy
from ..services.sent_lookup import Lookup, was_sent

_logger = logging.getLogger(__name__)

#: Minutes until a provider that files sent mail is asked again; then a person is.
LOOKS = (2, 10, 30)
#: Seconds for looking in one mailbox.
LOOKING_SECONDS = 30


class MailboxOutbox(models.Model):
    """What may have been sent: looked for in the Sent folder, never sent again by
    itself. See :mod:`..services.sent_lookup` for what a copy there proves."""

    # Apart from the ledger: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.outbox"

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
                    account._endpoint("imap"),
                    account._egress_policy(),
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
        files = self.account_id._provider_files_sent()
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
