from odoo import api, fields, models

from ...services.sending.sent_copy_providers import saves_sent_copies

#: Sent mails in a row that the provider had filed before us, until we rely on that.
FOUND_OFTEN = 3


class MailboxAccountSentCopy(models.AbstractModel):
    """Copies of sent e-mails in the mailbox's Sent folder."""

    _name = "mailbox.account.sent.copy"
    _description = "Mailbox: copies of sent e-mails"

    sent_copy = fields.Selection(
        [
            ("automatic", "Automatic"),
            ("odoo", "By Odoo"),
            ("provider", "By the provider"),
        ],
        string="Who saves a copy in Sent",
        required=True,
        default="automatic",
        help="E-mails sent from Odoo are saved in the mailbox's Sent folder as well. "
        "Some providers do that automatically; for the others Odoo does it. With "
        "Automatic, Odoo knows the large providers, and checks the folder before it "
        "saves a copy.",
    )
    sent_copy_found = fields.Integer(readonly=True, copy=False)
    sent_copy_problem = fields.Char(
        string="Problem with the Sent folder", readonly=True, copy=False
    )

    @api.private
    def sent_folder(self):
        """The ``mailbox.folder`` with the role Sent; empty if there is none."""
        self.ensure_one()
        return self.folder_ids.filtered(lambda f: f.role == "sent" and not f.gone)[:1]

    @api.private
    def record_filing(self, was_there):
        """Count how often in a row a sent mail was in Sent before we filed it.

        :param was_there: whether the last one was
        """
        self.ensure_one()
        found = self.sent_copy_found + 1 if was_there else 0
        if found != self.sent_copy_found:
            self.sent_copy_found = found

    @api.private
    def provider_saves_sent_copies(self):
        """Whether sent mail gets into the Sent folder without us."""
        self.ensure_one()
        if self.sent_copy != "automatic":
            return self.sent_copy == "provider"
        if self.sent_copy_found >= FOUND_OFTEN:
            return True
        host = self.smtp_host or ""
        # sudo: providers are no secret; who sends through the mailbox may not read them
        providers = self.env["mailbox.provider"].sudo()
        return saves_sent_copies(host) or bool(
            providers.search_count(
                [("smtp_host", "=ilike", host), ("saves_sent_copies", "=", True)],
                limit=1,
            )
        )
