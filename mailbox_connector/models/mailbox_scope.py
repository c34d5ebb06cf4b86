from odoo import api, fields, models, tools


class MailboxScope(models.Model):
    """Who may read a message: the readers of any of a set of mailboxes.

    A message seen in one mailbox has that mailbox's scope; one seen in several
    has the scope of the set, so it is read by whoever may read one of them.
    Changing a mailbox's policy or members therefore changes no message.
    """

    _name = "mailbox.scope"
    _description = "Readers of e-mails"
    _log_access = False

    key = fields.Char(
        required=True, readonly=True, help="Mailbox ids, ascending, comma separated."
    )
    account_ids = fields.Many2many("mailbox.account", string="Mailboxes", readonly=True)

    _key_unique = models.Constraint(
        "UNIQUE (key)", "There is a scope for these mailboxes already."
    )

    @api.model
    def _for_accounts(self, accounts):
        """The scope of the set ``accounts``, made when there is none yet."""
        ids = sorted(accounts.ids)
        key = ",".join(map(str, ids))
        scope_id = self._id_by_key(key)
        if scope_id:
            return self.browse(scope_id)
        self.env.cr.execute(
            "INSERT INTO mailbox_scope (key) VALUES (%s) ON CONFLICT (key) DO NOTHING",
            [key],
        )
        scope = self.sudo().search([("key", "=", key)])
        scope.account_ids = [fields.Command.set(ids)]
        self.env.registry.clear_cache()
        return self.browse(scope.id)

    @tools.ormcache("key")
    def _id_by_key(self, key):
        return self.sudo().search([("key", "=", key)]).id

    def _with_account(self, account):
        """The scope of my mailboxes and ``account``."""
        accounts = self.sudo().account_ids
        return self if account in accounts else self._for_accounts(accounts | account)

    @api.model
    def _readable_ids(self, user):
        """Ids of the scopes whose mails ``user`` may read, as a list.

        Portal and public users read none. Empty when no mailbox exists.
        """
        if not user._is_internal():
            return []
        self.env.cr.execute(
            """
            SELECT DISTINCT rel.mailbox_scope_id
              FROM mailbox_account_mailbox_scope_rel rel
              JOIN mailbox_account account ON account.id = rel.mailbox_account_id
             WHERE (account.visibility = 'everyone'
                    AND account.company_id = ANY(%(companies)s))
                OR account.owner_id = %(user)s
                OR EXISTS (SELECT 1 FROM mailbox_account_member_rel member
                            WHERE member.account_id = account.id
                              AND member.user_id = %(user)s)
            """,
            {"user": user.id, "companies": user.company_ids.ids},
        )
        return sorted(row[0] for row in self.env.cr.fetchall())
