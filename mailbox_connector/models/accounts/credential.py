"""Stored passwords of mailboxes, encrypted."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ... import credentials
from ...error_messages import explain_key_problem


class MailboxCredential(models.Model):
    """An encrypted password of a mailbox. No user has access to this model.

    Nothing here returns a password: they are decrypted in ``services.accounts
    .endpoints`` alone, which no record leads to.
    """

    _name = "mailbox.credential"
    _description = "Encrypted password of a mailbox"
    _rec_name = "side"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True
    )
    side = fields.Selection([("imap", "IMAP"), ("smtp", "SMTP")], required=True)
    token = fields.Char(required=True)

    _side_unique = models.Constraint(
        "UNIQUE (account_id, side)",
        "A mailbox can have only one password per server.",
    )

    @api.model
    @api.private
    def store(self, account, side, secret):
        """Encrypt ``secret`` as the password of a mailbox for "imap" or "smtp".

        It replaces the former one; "" removes that.

        :raise UserError: there is no key to encrypt it with
        """
        own = self.sudo().search([("account_id", "=", account.id), ("side", "=", side)])
        if not secret:
            own.unlink()
            return
        try:
            token = credentials.encrypt(secret, self._stored_key_ids())
        except credentials.KeyProblem as problem:
            raise UserError(
                self.env._(
                    "The password cannot be stored. %s",
                    explain_key_problem(self.env, problem),
                )
            ) from problem
        if own:
            own.token = token
        else:
            self.sudo().create({"account_id": account.id, "side": side, "token": token})

    @api.model
    def _stored_key_ids(self):
        tokens = self.sudo().search_fetch([("token", "!=", False)], ["token"])
        return frozenset(map(credentials.token_key_id, tokens.mapped("token")))

    @api.model
    @api.private
    def reencrypt_all(self):
        """Encrypt every password under the first key again, after a new one was put in
        front.

        :return: how many there are
        :raise KeyProblem: the key of one of them is missing
        """
        rows = self.sudo().search([("token", "!=", False)])
        for row in rows:
            row.token = credentials.encrypt(credentials.decrypt(row.token))
        return len(rows)
