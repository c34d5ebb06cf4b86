import logging
import time
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools.constants import GC_UNLINK_LIMIT

from ...services.framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ...services.incoming import (
    delivery_reports,
    document_replies,
    member_notifications,
)

_logger = logging.getLogger(__name__)

#: When what went wrong is tried again; then it is left for a person.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 10, 60, 360, 1440))
#: How often it is begun anew at once, when another worker got in the way.
CONFLICTS = 3
#: Seconds for what a batch of new mail sets off; its mailbox is kept waiting.
SECONDS = 5
#: How long is known what has been done: so long a mail is not taken for new again.
KEPT = timedelta(days=400)


class MailboxInbound(models.Model):
    """New e-mail that sets something off: a queue, and a memory of what was done.

    A row is committed with the import of its e-mail and worked off in a transaction
    of its own, once: several mailboxes and folders may have seen the e-mail, and two
    workers may come to it. What is done keeps no more than a hash.
    """

    _name = "mailbox.inbound"
    _description = "New e-mail to be passed on"
    _order = "id desc"
    _rec_name = "subject"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True, readonly=True
    )
    kind = fields.Selection(
        [
            ("reply", "Answers a document"),
            ("report", "Tells of a delivery"),
            ("notice", "Members are told"),
        ],
        required=True,
        readonly=True,
    )
    message_id_hash = fields.Char(required=True, size=32, readonly=True)
    fingerprint = fields.Char(required=True, size=64, readonly=True)
    mailbox_message_id = fields.Many2one(
        "mailbox.message", ondelete="cascade", index="btree_not_null", readonly=True
    )
    email_from = fields.Char(string="From", readonly=True)
    subject = fields.Char(readonly=True)
    raw = fields.Binary(string="The e-mail as it came", attachment=True, readonly=True)
    file_name = fields.Char(compute="_compute_file_name")
    state = fields.Selection(
        [("waiting", "Waiting"), ("done", "Done"), ("failed", "Needs a person")],
        required=True,
        default="waiting",
        readonly=True,
    )
    reason = fields.Char(readonly=True)
    attempts = fields.Integer(readonly=True)
    retry_at = fields.Datetime(string="Tried again on", readonly=True)

    # One e-mail sets one thing off, however many mailboxes see it; but each
    # mailbox tells its own members.
    _once_idx = models.UniqueIndex(
        "(message_id_hash, fingerprint) WHERE kind != 'notice'"
    )
    _notice_once_idx = models.UniqueIndex(
        "(account_id, message_id_hash, fingerprint) WHERE kind = 'notice'"
    )
    _waiting_idx = models.Index("(id) WHERE state = 'waiting'")

    def _compute_file_name(self):
        for row in self:
            row.file_name = f"e-mail-{row.id}.eml"

    # ------------------------------------------------------------------
    # Queue
    # ------------------------------------------------------------------

    @api.model
    def _add(self, account, rows):
        """Queue what is not there yet; ids of what is new.

        :param rows: values by (whether it is a notice, hash, fingerprint), the bytes
            of the e-mail under "raw_bytes"
        """
        known = {
            (row.kind == "notice", row.message_id_hash, row.fingerprint)
            for row in self.search(
                [("message_id_hash", "in", [key[1] for key in rows])]
            )
            if row.kind != "notice" or row.account_id == account
        }
        new = {key: dict(values) for key, values in rows.items() if key not in known}
        raws = [values.pop("raw_bytes", b"") for values in new.values()]
        created = self.create(
            [
                {
                    **values,
                    "account_id": account.id,
                    "message_id_hash": digest,
                    "fingerprint": content,
                }
                for (_notice, digest, content), values in new.items()
            ]
        )
        self.env["ir.attachment"].with_context(mailbox_import=True).create(
            [
                {
                    "name": "message.eml",
                    "res_model": self._name,
                    "res_field": "raw",
                    "res_id": row.id,
                    "raw": raw,
                    "mimetype": "application/octet-stream",
                }
                for row, raw in zip(created, raws, strict=True)
                if raw
            ]
        )
        return created.ids

    def _file(self):
        # sudo: the file of a field, of a row that the user may read
        return (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_field", "=", "raw"),
                    ("res_id", "in", self.ids),
                ]
            )
        )

    @api.model
    def _cron_process(self):
        """Work off what is due."""
        done = set()
        while True:
            due = self.search(
                [*self._due_domain(), ("id", "not in", list(done))], order="id"
            )
            left = self.env["ir.cron"]._commit_progress(remaining=len(due))
            if not (due and left):
                return
            done.add(due[0].id)
            self._process(due[:1].ids)
            self.env["ir.cron"]._commit_progress(1)

    @api.model
    def _due_domain(self):
        return [
            ("state", "=", "waiting"),
            ("account_id.active", "=", True),
            "|",
            ("retry_at", "=", False),
            ("retry_at", "<=", fields.Datetime.now()),
        ]

    @api.model
    def _process(self, ids):
        """Work off rows that are committed, each in a transaction of its own. What
        another worker has in hand is left to it, what there is no time for to the
        scheduled action. Never raises."""
        end = time.monotonic() + SECONDS
        for number in ids:
            if time.monotonic() > end:
                with self.env.registry.cursor() as cr:
                    env = api.Environment(cr, SUPERUSER_ID, {})
                    env.ref("mailbox_connector.ir_cron_inbound")._trigger()
                return
            error = None
            for _attempt in range(CONFLICTS):
                try:
                    with mute_conflicts():
                        self._process_one(number)
                    error = None
                    break
                except CONFLICT_ERRORS as race:
                    error = race
                except Exception as failure:  # noqa: BLE001  one e-mail's trouble
                    error = failure
                    break
            if error is not None:
                self._postpone(number, error)

    def _process_one(self, number):
        with self.env.registry.cursor() as cr:
            row = self._take(cr, number)
            if row:
                row._work()

    def _take(self, cr, number):
        """The row on cursor ``cr``, locked; empty when somebody else has it."""
        cr.execute(
            """
            SELECT id FROM mailbox_inbound
             WHERE id = %s AND state = 'waiting'
               FOR UPDATE SKIP LOCKED
            """,
            [number],
        )
        found = cr.fetchone()
        env = api.Environment(cr, SUPERUSER_ID, {})
        return env[self._name].browse(found or ())

    def _work(self):
        """Do what the e-mail sets off, and forget it.

        :raise Exception: whatever stops a document's own code
        """
        account = self.account_id
        if self.kind == "notice":
            member_notifications.tell(account, self.mailbox_message_id)
        else:
            raw = self._file().raw or b""
            is_report = self.kind == "report" and delivery_reports.take(account, raw)
            if not is_report and (why := document_replies.route(account, raw)):
                _logger.info("New e-mail %s is not passed on: it %s", self.id, why)
        self._forget()

    def _postpone(self, number, error):
        """Note why a row could not be worked off, and when to try again."""
        expected = isinstance(
            error, (*CONFLICT_ERRORS, UserError, AccessError, ValueError)
        )
        _logger.log(
            logging.INFO if expected else logging.ERROR,
            "New e-mail %s could not be passed on",
            number,
            exc_info=error,
        )
        try:
            with mute_conflicts(), self.env.registry.cursor() as cr:
                row = self._take(cr, number)
                if row:
                    row._note_failure(error)
        except CONFLICT_ERRORS:
            _logger.info("New e-mail %s: tried again by the next run", number)

    def _note_failure(self, error):
        attempts = self.attempts + 1
        is_last = attempts > len(PAUSES)
        again = fields.Datetime.now() + PAUSES[min(attempts, len(PAUSES)) - 1]
        self.write(
            {
                "attempts": attempts,
                "reason": str(error) or type(error).__name__,
                "state": "failed" if is_last else "waiting",
                "retry_at": False if is_last else again,
            }
        )
        if not is_last:
            cron = self.env.ref("mailbox_connector.ir_cron_inbound")
            cron._trigger(at=again)

    def action_retry(self):
        """Try these once more now, and tell what came of it."""
        self.check_access("read")
        self.account_id.check_access("read")
        # sudo: the queue is nobody's to write
        rows = self.sudo().filtered(lambda row: row.state != "done")
        rows.write({"state": "waiting", "retry_at": False})
        self.env.cr.commit()  # pylint: disable=invalid-commit
        rows._process(rows.ids)
        self.env.invalidate_all()
        done = len(rows.filtered(lambda row: row.state == "done"))
        return self.account_id[:1]._notification_action(
            "success" if done == len(rows) else "warning",
            self.env._(
                "%(done)s of %(count)s e-mails could be passed on now.",
                done=done,
                count=len(rows),
            ),
        )

    def action_leave(self):
        """A person has seen to these: they are tried no more."""
        self.check_access("read")
        self.account_id.check_access("read")
        # sudo: the queue is nobody's to write
        self.sudo()._forget()
        return self.account_id[:1]._notification_action(
            "success", self.env._("These e-mails are tried no more.")
        )

    def _forget(self):
        """It is done, or no longer wanted: no more is kept than a hash."""
        self._file().unlink()
        self.write(
            {
                "state": "done",
                "reason": False,
                "retry_at": False,
                "email_from": False,
                "subject": False,
                "mailbox_message_id": False,
            }
        )

    @api.autovacuum
    def _gc_done(self):
        old = fields.Datetime.now() - KEPT
        self.search(
            [("state", "=", "done"), ("create_date", "<", old)],
            limit=GC_UNLINK_LIMIT,
        ).unlink()
