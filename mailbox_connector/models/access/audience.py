from psycopg2.errors import SerializationFailure

from odoo import api, fields, models, tools


class MailboxAudience(models.Model):
    """Who may read a message: everyone who may read at least one of its mailboxes.

    There is one audience for each set of mailboxes that share a message. Changing a
    mailbox's visibility or members changes who is in its audiences, so no message has
    to be updated.
    """

    _name = "mailbox.audience"
    _description = "Readers of e-mails"
    _log_access = False

    key = fields.Char(
        required=True, readonly=True, help="Mailbox ids, ascending, comma separated."
    )
    account_ids = fields.Many2many("mailbox.account", string="Mailboxes", readonly=True)

    _key_unique = models.Constraint(
        "UNIQUE (key)", "These mailboxes already have an audience."
    )

    # ------------------------------------------------------------------
    # The audience of a set of mailboxes
    # ------------------------------------------------------------------

    @api.model
    @api.private
    def for_accounts(self, accounts):
        """The audience of ``accounts``, created if there is none yet.

        :raise SerializationFailure: another worker has just created it, in a
            transaction that this one cannot see; to be retried
        """
        ids = sorted(accounts.ids)
        key = ",".join(map(str, ids))
        # sudo: audiences have no access rights of their own, here and below
        audience = self.sudo().search([("key", "=", key)])
        if audience:
            return self.browse(audience.id)
        self.env.cr.execute(
            "INSERT INTO mailbox_audience (key) VALUES (%s) ON CONFLICT DO NOTHING",
            [key],
        )
        if not self.env.cr.rowcount:
            raise SerializationFailure(f"mailbox.audience {key}")
        audience = self.sudo().search([("key", "=", key)])
        audience.account_ids = [fields.Command.set(ids)]
        self.clear_readers_cache()
        return self.browse(audience.id)

    @api.private
    def with_account(self, account):
        """The audience of the mailboxes of this one plus ``account``."""
        accounts = self.sudo().account_ids
        return self if account in accounts else self.for_accounts(accounts | account)

    # ------------------------------------------------------------------
    # Who reads what: cached, because every search of messages needs it
    # ------------------------------------------------------------------

    @api.model
    @api.private
    @tools.ormcache()
    def has_mailboxes(self):
        """Whether any mailbox exists. If none does, the addon's overrides do
        nothing."""
        self.env.cr.execute("SELECT EXISTS (SELECT FROM mailbox_account)")
        return self.env.cr.fetchone()[0]

    @api.model
    @api.private
    def readable_ids(self, user):
        """Ids of the audiences whose e-mails ``user`` may read, as a tuple.

        Empty for portal and public users, and if no mailbox exists.
        """
        return self._readable(user.id)[0] if self.has_mailboxes() else ()

    @api.model
    @api.private
    def can_read_any(self, user):
        """Whether ``user`` may read the e-mails of any mailbox, even an empty one."""
        return self.has_mailboxes() and bool(self._readable(user.id)[1])

    @api.private
    def readable_emails(self, user):
        """Addresses of those mailboxes of this audience that ``user`` may read."""
        accounts = self.account_ids
        readable = self._readable(user.id)[1]
        return accounts.filtered(lambda a: a.id in readable).mapped("email")

    @api.model
    @tools.ormcache("user_id")
    def _readable(self, user_id):
        """Ids of the audiences, and ids of the mailboxes, that a user may read."""
        user = self.env["res.users"].sudo().browse(user_id)
        if not user._is_internal():
            return (), ()
        self.env["mailbox.account"].flush_model()
        self.env.cr.execute(
            """
            SELECT account.id, rel.mailbox_audience_id
              FROM mailbox_account account
              LEFT JOIN mailbox_account_mailbox_audience_rel rel
                ON account.id = rel.mailbox_account_id
             WHERE (account.visibility = 'everyone'
                    AND account.company_id = ANY(%(companies)s))
                OR account.owner_id = %(user)s
                OR EXISTS (SELECT 1 FROM mailbox_account_member_rel member
                            WHERE member.account_id = account.id
                              AND member.user_id = %(user)s)
            """,
            {"user": user.id, "companies": user.company_ids.ids},
        )
        rows = self.env.cr.fetchall()
        audience_ids = {audience_id for _account, audience_id in rows if audience_id}
        return tuple(sorted(audience_ids)), tuple(sorted({row[0] for row in rows}))

    @api.model
    @api.private
    def clear_readers_cache(self):
        """Clear the caches of who reads what: in this process now, and in every process
        once this transaction is committed (a long job may commit many times)."""
        registry = self.env.registry
        registry.clear_cache()
        self.env["res.users"].invalidate_model(["mailbox_audience_ids"])

        def clear_after_commit():
            # Again: until the commit, another thread could only cache the old result.
            registry.clear_cache()
            registry.signal_changes()

        if registry.ready:
            self.env.cr.postcommit.add(clear_after_commit)
