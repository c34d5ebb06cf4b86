from odoo import fields, models


class MailboxBackfill(models.Model):
    """One import of history, as far back as its window; resumable.

    What is left is never stored: it is the server's UIDs of the window less the
    folder's handled UIDs, so stopping anywhere loses and doubles nothing.
    """

    _name = "mailbox.backfill"
    _description = "Import of history"
    _order = "id desc"
    _rec_name = "since"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True
    )
    since = fields.Date(required=True)
    state = fields.Selection(
        [("running", "Running"), ("done", "Done"), ("stopped", "Stopped")],
        required=True,
        default="running",
    )
    total = fields.Integer(string="Messages in the window", readonly=True)
    seen = fields.Integer(string="Looked at", readonly=True)
    matched = fields.Integer(
        string="With a known contact",
        readonly=True,
        help="E-mails that one of your contacts sent or received.",
    )
    linked = fields.Integer(
        string="Shown on contacts",
        readonly=True,
        help="One e-mail with two of your contacts counts twice here.",
    )
    skipped = fields.Integer(
        readonly=True,
        help="E-mails between this mailbox and people who are not contacts. They "
        "were not downloaded.",
    )
    quarantined = fields.Integer(string="Could not be read", readonly=True)
    finished_at = fields.Datetime(string="Finished on", readonly=True)

    def _count(self, counts):
        """Add a batch's counts (:class:`services.importer.Counts`)."""
        self.ensure_one()
        self.write(
            {
                name: self[name] + getattr(counts, name)
                for name in ("seen", "matched", "linked", "skipped", "quarantined")
            }
        )
