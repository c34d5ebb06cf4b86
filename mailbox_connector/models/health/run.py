"""What passes over a mailbox did, for the people who look after it."""

from datetime import timedelta

from odoo import api, fields, models

#: Days for which runs are kept.
KEPT = 30
#: Slices of one import that follow each other this closely are one run.
SLICES = timedelta(minutes=15)


class MailboxRun(models.Model):
    """One pass over a mailbox that found e-mails or failed.

    A pass that found nothing new leaves no row. The same failure again is counted in
    its row, and so are the slices of one import.
    """

    _name = "mailbox.run"
    _description = "Run of a mailbox"
    _log_access = False
    _order = "id desc"
    _rec_name = "started_at"

    account_id = fields.Many2one(
        "mailbox.account",
        string="Mailbox",
        required=True,
        ondelete="cascade",
        readonly=True,
    )
    kind = fields.Selection(
        [
            ("new", "New e-mails"),
            ("backfill", "Import"),
            ("retry", "Retry"),
            ("now", "Sync now"),
        ],
        string="What",
        required=True,
        readonly=True,
    )
    started_at = fields.Datetime(string="Started", required=True, readonly=True)
    ended_at = fields.Datetime(string="Ended", required=True, readonly=True)
    seconds = fields.Float(
        digits=(8, 1), readonly=True, help="How long it took, repeats included."
    )
    times = fields.Integer(
        default=1,
        readonly=True,
        help="How often in a row the same problem came up, or the parts of one import.",
    )
    seen = fields.Integer(string="Checked", readonly=True)
    matched = fields.Integer(
        string="Imported",
        readonly=True,
        help="E-mails that one of your contacts sent or received.",
    )
    linked = fields.Integer(
        string="Shown",
        readonly=True,
        help="One e-mail with two of your contacts counts twice here.",
    )
    skipped = fields.Integer(readonly=True)
    internal = fields.Integer(readonly=True)
    newsletters = fields.Integer(readonly=True)
    deleted = fields.Integer(readonly=True)
    failed = fields.Integer(readonly=True)
    problem = fields.Char(readonly=True)
    skipped_text = fields.Char(
        string="Skipped e-mails", compute="_compute_skipped_text"
    )

    _account_idx = models.Index("(account_id, id DESC)")
    _ended_idx = models.Index("(ended_at)")

    @api.depends("skipped", "internal", "newsletters", "deleted")
    def _compute_skipped_text(self):
        for run in self:
            strangers = run.skipped - run.internal - run.newsletters - run.deleted
            parts = [
                strangers > 0 and self.env._("no contact: %s", strangers),
                run.newsletters
                and self.env._("newsletters and lists: %s", run.newsletters),
                run.internal and self.env._("between colleagues: %s", run.internal),
                run.deleted and self.env._("deleted here before: %s", run.deleted),
            ]
            run.skipped_text = ", ".join(part for part in parts if part)

    # ------------------------------------------------------------------
    # Recording, in the transaction of the pass
    # ------------------------------------------------------------------

    @api.model
    @api.private
    def record(self, account, kind, seconds, counts, problem=False):
        """Record what a pass did.

        :param kind: see the field
        :param counts: :class:`engine.sync.state.Counts`
        :param problem: why it failed, in a sentence
        """
        now = fields.Datetime.now()
        values = counts.as_dict()
        last = self.search([("account_id", "=", account.id)], limit=1)
        if last._is_continued(kind, problem, counts, now):
            values = {name: last[name] + value for name, value in values.items()}
            last.write(
                {
                    **values,
                    "times": last.times + 1,
                    "seconds": last.seconds + seconds,
                    "ended_at": now,
                }
            )
            return
        self.create(
            {
                **values,
                "account_id": account.id,
                "kind": kind,
                "started_at": now - timedelta(seconds=seconds),
                "ended_at": now,
                "seconds": seconds,
                "problem": problem,
            }
        )

    def _is_continued(self, kind, problem, counts, now):
        """Whether a pass continues this run, the last one of the mailbox."""
        if not self or (self.problem or False) != (problem or False):
            return False
        if problem:
            # Whichever scheduled action met it.
            return not counts.seen and "now" not in (kind, self.kind)
        return kind == self.kind == "backfill" and now - self.ended_at < SLICES

    @api.autovacuum
    def _gc_runs(self):
        old = fields.Datetime.now() - timedelta(days=KEPT)
        self.search([("ended_at", "<", old)]).unlink()
