from odoo import api, fields, models
from odoo.exceptions import UserError

from ... import credentials


class MailboxCredential(models.Model):
    """A sealed password. Nobody has access to this model; only the server does."""

    _name = "mailbox.credential"
    _description = "Sealed password of a mailbox"
    _rec_name = "side"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True
    )
    side = fields.Selection([("imap", "IMAP"), ("smtp", "SMTP")], required=True)
    token = fields.Char(required=True)

    _side_unique = models.Constraint(
        "UNIQUE (account_id, side)", "A mailbox has one password a side."
    )

    @api.model
    def _store(self, account, side, secret):
        """Seal ``secret`` as the password of one side, in place of the former."""
        own = self.sudo().search([("account_id", "=", account.id), ("side", "=", side)])
        if not secret:
            own.unlink()
            return
        try:
            token = credentials.seal(secret, self._stored_key_ids())
        except credentials.KeyProblem as problem:
            raise UserError(
                self.env._("The password cannot be stored: %s.", problem)
            ) from problem
        if own:
            own.token = token
        else:
            self.sudo().create({"account_id": account.id, "side": side, "token": token})

    @api.model
    def _open(self, account, side):
        """The password of one side; SMTP falls back on IMAP's. "" when none is set."""
        stored = self.sudo().search_fetch(
            [("account_id", "=", account.id)], ["side", "token"]
        )
        by_side = {row.side: row for row in stored}
        own = by_side.get(side) or by_side.get("imap")
        if not own:
            return ""
        try:
            return credentials.unseal(own.token)
        except credentials.KeyProblem as problem:
            raise UserError(
                self.env._("The stored password cannot be opened: %s.", problem)
            ) from problem

    @api.model
    def _stored_key_ids(self):
        tokens = self.sudo().search_fetch([("token", "!=", False)], ["token"])
        return frozenset(map(credentials.token_key_id, tokens.mapped("token")))

    @api.model
    def _reseal(self):
        """Seal every password under the first key again; returns how many."""
        rows = self.sudo().search([("token", "!=", False)])
        for row in rows:
            row.token = credentials.seal(credentials.unseal(row.token))
        return len(rows)
