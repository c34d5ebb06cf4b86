from odoo import api, fields, models
from odoo.tools import hmac


class MailboxTombstone(models.Model):
    """An e-mail that was deleted here: no sync brings it back.

    Nothing of it is kept but a keyed hash.
    """

    _name = "mailbox.tombstone"
    _description = "Deleted e-mail"
    _log_access = False
    _rec_name = "digest"

    digest = fields.Char(required=True, size=64)

    _digest_unique = models.Constraint("UNIQUE (digest)", "It is deleted already.")

    @api.model
    def _digest(self, identity):
        """
        :param identity: (hash of the Message-ID, fingerprint); see
            ``message_values.message_key``
        """
        return hmac(self.env(su=True), "mailbox_connector.tombstone", identity)

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
    def _buried(self, digests):
        """Those of ``digests`` that stand here."""
        self.env.cr.execute(
            "SELECT digest FROM mailbox_tombstone WHERE digest = ANY(%s)",
            [list(digests)],
        )
        return {digest for (digest,) in self.env.cr.fetchall()}
