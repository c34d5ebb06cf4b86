from odoo import api, fields, models
from odoo.tools import hmac


class MailboxTombstone(models.Model):
    """An e-mail that was deleted in Odoo and must not be imported again.

    Only a keyed hash of it is kept.
    """

    _name = "mailbox.tombstone"
    _description = "Deleted e-mail"
    _log_access = False
    _rec_name = "digest"

    digest = fields.Char(required=True, size=64)

    _digest_unique = models.Constraint(
        "UNIQUE (digest)", "This e-mail has been deleted already."
    )

    @api.private
    @api.model
    def digest_of(self, identity):
        """The keyed hash of an e-mail.

        :param identity: (hash of the Message-ID, fingerprint); see
            ``message_values.message_key``
        """
        return hmac(self.env(su=True), "mailbox_connector.tombstone", identity)

    @api.private
    @api.model
    def add_digests(self, digests):
        """Record deleted e-mails."""
        self.env.cr.execute(
            """
            INSERT INTO mailbox_tombstone (digest) SELECT DISTINCT unnest(%s)
            ON CONFLICT DO NOTHING
            """,
            [list(digests)],
        )

    @api.private
    @api.model
    def known(self, digests):
        """Those of ``digests`` whose e-mails were deleted in Odoo."""
        self.env.cr.execute(
            "SELECT digest FROM mailbox_tombstone WHERE digest = ANY(%s)",
            [list(digests)],
        )
        return {digest for (digest,) in self.env.cr.fetchall()}
