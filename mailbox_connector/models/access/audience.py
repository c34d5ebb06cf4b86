from psycopg2.errors import SerializationFailure

from odoo import api, fields, models, tools


class MailboxAudience(models.Model):
    """Who may read a message: the readers of any of a set of mailboxes.

    A message seen in one mailbox has that mailbox's audience; one seen in several
    has the audience of the set, so it is read by whoever may read one of them.
    Changing a mailbox's policy or members therefore changes no message.
    """

    _name = "mailbox.audience"
    _description = "Readers of e-mails"
    _log_access = False

    key = fields.Char(
        required=True, readonly=True, help="Mailbox ids, ascending, comma separated."
    )
    account_ids = fields.Many2many("mailbox.account", string="Mailboxes", readonly=True)

    _key_unique = models.Constraint(
        "UNIQUE (key)", "There is a scope for these mailboxes already."
    )

    # ------------------------------------------------------------------
    # The audience of a set of mailboxes
    # ------------------------------------------------------------------

    @api.model
    def _for_accounts(self, accounts):
        """The audience of the set ``accounts``, made when there is none yet."""
        ids = sorted(accounts.ids)
        key = ",".join(map(str, ids))
        audience = self.sudo().search([("key", "=", key)])
        if audience:
            return self.browse(audience.id)
        self.env.cr.execute(
            "INSERT INTO mailbox_audience (key) VALUES (%s) ON CONFLICT DO NOTHING",
            [key],
        )
        if not self.env.cr.rowcount:
            # Made by another worker a moment ago, not to be seen from here yet.
            raise SerializationFailure(f"mailbox.audience {key}")
        audience = self.sudo().search([("key", "=", key)])
        audience.account_ids = [fields.Command.set(ids)]
        self._readers_changed()
        return self.browse(audience.id)

    def _with_account(self, account):
        """The audience of my mailboxes and ``account``."""
        accounts = self.sudo().account_ids
        return self if account in accounts else self._for_accounts(accounts | account)

    # ------------------------------------------------------------------
    # Who reads what; asked for at every search of messages, hence cached
    # ------------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _any(self):
        """Whether there is a mailbox at all: without, nothing here costs anything."""
        self.env.cr.execute("SELECT EXISTS (SELECT FROM mailbox_account)")
        return self.env.cr.fetchone()[0]

    @api.model
    def _readable_ids(self, user):
        """Ids of the audiences whose mails ``user`` may read, as a tuple.

        Portal and public users read none. Empty when no mailbox exists.
        """
        return self._readable(user.id)[0] if self._any() else ()

    @api.model
    def _reads_any(self, user):
        """Whether there is a mailbox whose mails ``user`` may read, if it had some."""
        return self._any() and bool(self._readable(user.id)[1])

    def _emails_for(self, user):
        """Addresses of those of my mailboxes whose mails ``user`` may read."""
        accounts = self.account_ids
        readable = self._readable(user.id)[1]
        return accounts.filtered(lambda a: a.id in readable).mapped("email")

    @api.model
    @tools.ormcache("user_id")
    def _readable(self, user_id):
        """Ids of the audiences, and of the mailboxes, that a user may read."""
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
    def _readers_changed(self):
        """Forget who reads what: here at once, and everywhere as soon as this
        transaction is committed, be it one of many of a long job."""
        registry = self.env.registry
        registry.clear_cache()
        self.env["res.users"].invalidate_model(["mailbox_audience_ids"])

        def committed():
            # Again: another thread may have asked while the change was not to be seen.
            registry.clear_cache()
            registry.signal_changes()

        if registry.ready:
            self.env.cr.postcommit.add(committed)
