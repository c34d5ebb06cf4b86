from odoo import api, fields, models
from odoo.tools import SQL

from ...engine.sync.state import RECONSIDERED


class MailboxContactLookup(models.Model):
    """A contact's new address: a mailbox has to be searched for earlier mail with it,
    which was skipped as a stranger's (``services.sync.new_contacts``)."""

    _name = "mailbox.contact.lookup"
    _description = "Address whose earlier e-mails are to be found"
    _log_access = False
    _rec_name = "email"
    _order = "id"

    account_id = fields.Many2one("mailbox.account", required=True, ondelete="cascade")
    email = fields.Char(required=True)

    _email_unique = models.UniqueIndex("(account_id, email)")

    @api.private
    @api.model
    def add_partners(self, partners):
        """Search soon for earlier mail of contacts, in their companies' mailboxes."""
        self.env["mailbox.account"].flush_model(["state", "active", "company_id"])
        self.env["mailbox.folder"].flush_model(["sync", "skipped_uids"])
        added = self.env.execute_query(
            SQL(
                """
                INSERT INTO mailbox_contact_lookup (account_id, email)
                SELECT DISTINCT account.id, wanted.email
                  FROM unnest(%s::varchar[], %s::int4[]) AS wanted (email, company)
                  JOIN mailbox_account account
                    ON wanted.company IS NULL OR wanted.company = account.company_id
                 WHERE account.active AND account.state = 'connected'
                   AND EXISTS (SELECT FROM mailbox_folder folder
                                WHERE folder.account_id = account.id
                                  AND folder.sync AND folder.skipped_uids ?| %s)
                    ON CONFLICT DO NOTHING
             RETURNING account_id
                """,
                [partner.email_normalized for partner in partners],
                [partner.company_id.id or None for partner in partners],
                [reason.value for reason in RECONSIDERED],
            )
        )
        if added:
            self.env["ir.cron"]._mailbox_trigger("ir_cron_backfill")
