from odoo import api, fields, models
from odoo.tools import hmac


class MailboxTombstone(models.Model):
    """An e-mail that was deleted here: no sync brings it back.

    Nothing of it is kept but a keyed hash, of the e-mail itself or of the e-mail and
    one contact.
    """

    _name = "mailbox.tombstone"
    _description = "Deleted e-mail"
    _log_access = False
    _rec_name = "digest"

    digest = fields.Char(required=True, size=64)

    _digest_unique = models.Constraint("UNIQUE (digest)", "It is deleted already.")

    @api.model
    def _digest(self, identity, partner_id=0):
        """
        :param identity: (hash of the Message-ID, fingerprint), see ``importer.identity``
        :param partner_id: 0: for all contacts
        """
        return hmac(
            self.env(su=True), "mailbox_connector.tombstone", (*identity, partner_id)
        )

    @api.model
    def _bury(self, digests):
        self.env.cr.execute(
            """
            INSERT INTO mailbox_tombstone (digest) SELECT DISTINCT unnest(%s)
            ON CONFLICT DO NOTHING
            """,
            [list(digests)],
        )

    @api.model
    def _any(self):
        """Whether anything was deleted at all."""
        self.env.cr.execute("SELECT EXISTS (SELECT FROM mailbox_tombstone)")
        return self.env.cr.fetchone()[0]

    @api.model
    def _buried(self, digests):
        """Those of ``digests`` that stand here."""
        self.env.cr.execute(
            "SELECT digest FROM mailbox_tombstone WHERE digest = ANY(%s)",
            [list(digests)],
        )
        return {digest for (digest,) in self.env.cr.fetchall()}
