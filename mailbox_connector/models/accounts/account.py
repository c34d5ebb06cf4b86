"""The mailbox: its settings, and its one ``create``, ``write`` and ``unlink``."""

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...engine.errors import SIDES
from ...engine.mime.addresses import normalize
from ...services.accounts.endpoints import (
    CONNECTION_FIELDS,
    PORTS,
    SECURITY,
    SENDING_FIELDS,
)
from .backfill_days import MOST_DAYS

#: Text fields whose pasted values are stripped of white space.
STRIPPED = ("email", "imap_host", "smtp_host", "imap_username", "smtp_username")
#: Fields that decide who may read its e-mails.
READERS = {"owner_id", "member_ids", "visibility", "company_id"}


class MailboxAccount(models.Model):
    """An e-mail account: where it is read, where it sends, and who may read it.

    What a mailbox does is in the abstract models that it inherits, by subject. No
    method is defined in two of them, or in one of them and here.
    """

    _name = "mailbox.account"
    _description = "Mailbox"
    _inherit = [
        # Activities show people what to do; Odoo posts in the chatter what was done.
        "mail.thread",
        "mail.activity.mixin",
        "mailbox.account.setup",
        "mailbox.account.connection",
        "mailbox.account.api",
        "mailbox.account.sync",
        "mailbox.account.sending",
        "mailbox.account.sent.copy",
        "mailbox.account.pace",
        "mailbox.account.health",
    ]
    _order = "name, id"

    active = fields.Boolean(default=True)
    email = fields.Char(string="E-mail address", required=True)
    email_normalized = fields.Char(
        compute="_compute_email_normalized", store=True, index=True
    )
    name = fields.Char(
        string="Display name",
        required=True,
        help="The sender name that customers see.",
    )
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    owner_id = fields.Many2one(
        "res.users",
        required=True,
        default=lambda self: self.env.user,
        domain=[("share", "=", False)],
        help="The person who renews the password, is alerted about problems, and "
        "decides what is imported.",
    )
    member_ids = fields.Many2many(
        "res.users",
        "mailbox_account_member_rel",
        "account_id",
        "user_id",
        string="Members",
        domain=[("share", "=", False)],
        help="Colleagues who use this mailbox together with its owner.",
    )
    visibility = fields.Selection(
        [
            ("everyone", "Everyone who can see the contact"),
            ("members", "Owner and members only"),
        ],
        string="Who can read these e-mails",
        required=True,
        default="everyone",
        help="Portal users and visitors can never read them.",
    )
    imap_host = fields.Char(string="IMAP host")
    imap_port = fields.Integer(string="IMAP port", default=PORTS["imap"]["tls"])
    imap_security = fields.Selection(
        SECURITY, string="IMAP encryption", required=True, default="tls"
    )
    imap_username = fields.Char(string="IMAP username")
    imap_password = fields.Char(
        string="IMAP password",
        compute="_compute_password",
        inverse="_inverse_imap_password",
        help="Use an app password if the provider has them. It is stored encrypted "
        "and never shown again.",
    )
    imap_password_set = fields.Boolean(compute="_compute_password_set")
    smtp_host = fields.Char(string="SMTP host")
    smtp_port = fields.Integer(string="SMTP port", default=PORTS["smtp"]["starttls"])
    smtp_security = fields.Selection(
        SECURITY, string="SMTP encryption", required=True, default="starttls"
    )
    smtp_username = fields.Char(string="SMTP username")
    smtp_password = fields.Char(
        string="SMTP password",
        compute="_compute_password",
        inverse="_inverse_smtp_password",
        help="Leave empty to use the IMAP password.",
    )
    smtp_password_set = fields.Boolean(compute="_compute_password_set")
    two_accounts = fields.Boolean(compute="_compute_two_accounts")
    ca_certificate = fields.Text(
        string="CA certificate",
        help="Only for a server that uses a private certificate authority: the "
        "certificate of that authority, in PEM format (-----BEGIN CERTIFICATE-----).",
    )
    backfill_days = fields.Integer(
        string="Days to import",
        default=7,
        help="How many days back e-mails are imported. Start with a few; you can "
        "import more later, and only what is missing is fetched.",
    )
    state = fields.Selection(
        [("draft", "Not connected"), ("connected", "Connected")],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
    )
    imap_problem = fields.Char(string="Reading", readonly=True, copy=False)
    smtp_problem = fields.Char(string="Sending", readonly=True, copy=False)
    imap_ok_at = fields.Datetime(
        string="Last read", compute="_compute_imap_ok_at", inverse="_inverse_imap_ok_at"
    )
    smtp_ok_at = fields.Datetime(
        string="Sending last worked", readonly=True, copy=False
    )
    folder_problem = fields.Char(compute="_compute_folder_problem")
    unreadable_folders = fields.Char(
        readonly=True,
        copy=False,
        help="Names in the server's list of folders that Odoo cannot read.",
    )
    last_result = fields.Char(string="Last result", readonly=True, copy=False)
    needs_person = fields.Boolean(
        readonly=True,
        copy=False,
        help="Reading has stopped until you change the settings or the connection "
        "test succeeds.",
    )
    failures = fields.Integer(readonly=True, copy=False)
    retry_at = fields.Datetime(
        string="Next automatic attempt", readonly=True, copy=False
    )
    started_on = fields.Date(
        readonly=True, copy=False, help="E-mails from this day on are new."
    )
    folder_ids = fields.One2many("mailbox.folder", "account_id", string="Folders")
    failed_import_ids = fields.One2many(
        "mailbox.failed.import",
        "account_id",
        string="E-mails that could not be imported",
    )
    backfill_ids = fields.One2many("mailbox.backfill", "account_id", readonly=True)
    run_ids = fields.One2many("mailbox.run", "account_id", readonly=True)
    alert_ids = fields.One2many("mailbox.alert", "account_id", groups=fields.NO_ACCESS)
    mail_server_ids = fields.One2many(
        "ir.mail_server", "mailbox_account_id", groups="base.group_system"
    )
    sender_ids = fields.One2many(
        "mailbox.identity",
        "account_id",
        string="Addresses",
        help="The mailbox's own address, and others whose e-mails arrive in it. They "
        "are never treated as customers; those that are turned on can be used as "
        "sender.",
    )
    backfill_id = fields.Many2one(
        "mailbox.backfill", compute="_compute_backfill", string="Import"
    )
    backfill_state = fields.Selection(
        lambda self: self.env["mailbox.backfill"]._fields["state"].selection,
        compute="_compute_backfill",
    )
    message_count = fields.Integer(compute="_compute_message_count", string="E-mails")
    can_edit = fields.Boolean(compute="_compute_can_edit")
    _days_in_range = models.Constraint(
        f"CHECK (backfill_days BETWEEN 0 AND {MOST_DAYS})",
        f"Days to import: enter a number from 0 to {MOST_DAYS}.",
    )
    _limits_positive = models.Constraint(
        "CHECK (limit_hour >= 0 AND limit_day >= 0 AND limit_seconds >= 0)",
        "A sending limit can't be negative; 0 means no limit.",
    )
    _email_unique = models.UniqueIndex(
        "(email_normalized, company_id) WHERE active",
        "A mailbox with this address already exists.",
    )
    skip_newsletters = fields.Boolean(
        string="Skip newsletters and mailing lists",
        default=True,
        help="Newsletters, and e-mails from mailing lists of others, are not imported, "
        "and nothing of them is stored. Groups and lists at your own domains, such as "
        "support@, are never skipped, and neither are replies to your e-mails. If you "
        "turn this off, new ones are imported, and also those skipped so far, as far "
        "back as e-mails were imported.",
    )

    # ------------------------------------------------------------------
    # Computes
    # ------------------------------------------------------------------

    @api.depends("email")
    def _compute_email_normalized(self):
        for account in self:
            account.email_normalized = normalize(account.email or "")

    def _compute_password(self):
        """Passwords can be written but never read."""
        self.imap_password = False
        self.smtp_password = False

    @api.depends("imap_password", "smtp_password")
    def _compute_password_set(self):
        # sudo: whether a password is set, not which
        stored = (
            self.env["mailbox.credential"]
            .sudo()
            .search([("account_id", "in", self.ids)])
        )
        found = {(row.account_id.id, row.side) for row in stored}
        for account in self:
            for side in SIDES:
                is_set = (account._origin.id, side) in found
                account[f"{side}_password_set"] = is_set

    def _inverse_imap_password(self):
        self._store_password("imap")

    def _inverse_smtp_password(self):
        self._store_password("smtp")

    def _store_password(self, side):
        """An empty password leaves the stored one as it is."""
        name = f"{side}_password"
        for account in self.filtered(name):
            self.env["mailbox.credential"].store(account, side, account[name])

    @api.depends("imap_username", "smtp_username", "smtp_host")
    def _compute_two_accounts(self):
        for account in self:
            account.two_accounts = bool(
                account.smtp_host
                and account.imap_username
                and account.smtp_username
                and not _is_same_login(account.imap_username, account.smtp_username)
            )

    @api.depends("backfill_ids.state")
    def _compute_backfill(self):
        for account in self:
            running = account.backfill_ids.filtered(lambda b: b.state == "running")
            account.backfill_id = running[-1:] or account.backfill_ids[:1]
            account.backfill_state = account.backfill_id.state

    @api.depends(
        "folder_ids.gone",
        "folder_ids.found_elsewhere",
        "folder_ids.sync",
        "folder_ids.problem",
        "unreadable_folders",
    )
    def _compute_folder_problem(self):
        for account in self:
            problems = []
            if gone := account.gone_folders():
                problems.append(
                    self.env._(
                        "These folders no longer exist on the server: %s. Their "
                        "e-mails stay in Odoo. Turn them off under Folders, or create "
                        "them again on the server.",
                        ", ".join(gone.mapped("name")),
                    )
                )
            if unread := account.unread_folders_text():
                problems.append(unread)
            if account.unreadable_folders:
                problems.append(
                    self.env._(
                        "The server lists folders whose names Odoo cannot read, so "
                        "their e-mails are not imported: %s. Rename them in your mail "
                        "app.",
                        account.unreadable_folders,
                    )
                )
            account.folder_problem = "\n".join(problems) or False

    @api.private
    def gone_folders(self):
        """The folders that are to be imported and are no longer on the server, unless
        their messages are in other folders."""
        return self.folder_ids.filtered(
            lambda folder: folder.sync and folder.gone and not folder.found_elsewhere
        )

    @api.private
    def unread_folders_text(self):
        """Which folders cannot be read, and why; '' if there are none."""
        unread = self.folder_ids.filtered(lambda folder: folder.sync and folder.problem)
        if not unread:
            return ""
        reasons = [f"{folder.name}: {folder.problem}" for folder in unread]
        return self.env._(
            "Some folders cannot be read. Odoo retries automatically; turn off under "
            "Folders what you do not need.\n%s",
            "\n".join(reasons),
        )

    def _compute_message_count(self):
        for account in self:
            account.message_count = self.env["mailbox.message"].search_count(
                account.message_domain()
            )

    @api.depends_context("uid")
    def _compute_can_edit(self):
        """Members can use a mailbox; its owner and managers can change it."""
        for account in self:
            account.can_edit = not account._origin or account._origin.has_access(
                "write"
            )

    @api.private
    def message_domain(self):
        """The domain on ``mailbox.message`` of the e-mails seen in this mailbox."""
        self.ensure_one()
        audiences = (
            self.env["mailbox.audience"]
            .sudo()
            .search([("account_ids", "in", self.ids)])
        )
        return [("audience_id", "in", audiences.ids)]

    # ------------------------------------------------------------------
    # Filling in while the user types
    # ------------------------------------------------------------------

    @api.onchange("imap_security")
    def _onchange_imap_security(self):
        self._set_usual_port("imap")

    @api.onchange("smtp_security")
    def _onchange_smtp_security(self):
        self._set_usual_port("smtp")

    def _set_usual_port(self, side):
        """Set the usual port of the new encryption, unless an unusual one is set."""
        ports = PORTS[side]
        if self[f"{side}_port"] in (0, *ports.values()):
            self[f"{side}_port"] = ports[self[f"{side}_security"]]

    # ------------------------------------------------------------------
    # Checks
    # ------------------------------------------------------------------

    @api.constrains("email")
    def _check_email(self):
        for account in self:
            if not account.email_normalized:
                raise ValidationError(
                    self.env._("%s is not an e-mail address.", account.email)
                )

    @api.constrains("imap_port", "smtp_port")
    def _check_ports(self):
        for account in self:
            for port in (account.imap_port, account.smtp_port):
                if not 1 <= port <= 65535:
                    raise ValidationError(
                        self.env._("%s is not a port. Ports are 1 to 65535.", port)
                    )

    @api.constrains("imap_host", "smtp_host")
    def _check_hosts(self):
        for host in self.mapped("imap_host") + self.mapped("smtp_host"):
            if host and any(c.isspace() or c in "/@:\\" for c in host):
                raise ValidationError(
                    self.env._(
                        "%s is not a host name. Enter the name alone, such as "
                        "imap.example.com.",
                        host,
                    )
                )

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        vals_list = [self._stripped(vals) for vals in vals_list]
        # What happens to a mailbox is shown by its runs, not in a chatter.
        quiet = self.with_context(mail_create_nolog=True, mail_create_nosubscribe=True)
        accounts = super(MailboxAccount, quiet).create(vals_list).with_env(self.env)
        # sudo: a lease belongs to nobody
        self.env["mailbox.lease"].sudo().create(
            [{"account_id": account.id} for account in accounts]
        )
        self.env["mailbox.audience"].clear_readers_cache()
        for account in accounts:
            account.main_identity()
        accounts._update_mail_servers()
        return accounts

    def write(self, vals):
        vals = self._stripped(vals)
        for account in self:
            account._require_password(vals)
        wants_newsletters = not vals.get("skip_newsletters", True)
        skipping = (
            self.filtered("skip_newsletters") if wants_newsletters else self.browse()
        )
        result = super().write({**vals, **self._outdated_states(vals)})
        if READERS & vals.keys():
            # Record rules keep each user's audiences in a cache.
            self.env["mailbox.audience"].clear_readers_cache()
        if skipping:
            skipping._import_newsletters()
        self._update_alerts(vals)
        self._update_outgoing(vals)
        self._update_waiting_mail(vals)
        return result

    def unlink(self):
        # sudo: the queued e-mails of all users are held
        queued = self.env["mail.mail"].sudo()._queued_for(self)
        # Through the ORM: the database alone would leave their files behind.
        self.env["mailbox.inbound"].sudo().search(
            [("account_id", "in", self.ids)]
        ).unlink()
        self.sudo().mail_server_ids.unlink()
        result = super().unlink()
        queued.invalidate_recordset(["mailbox_account_id"])
        queued._hold_for_mailbox()
        self.env.registry.clear_cache()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_with_mail(self):
        # sudo: e-mails of this mailbox that the user may not read count as well
        for account in self.sudo():
            if (
                self.env["mailbox.message"]
                .sudo()
                .search_count(account.message_domain(), limit=1)
            ):
                raise UserError(
                    self.env._(
                        "%s has e-mails on contacts. Archive it instead: then nothing "
                        "is read or sent any more, and its e-mails stay.",
                        account.display_name,
                    )
                )

    @api.depends("name", "email")
    def _compute_display_name(self):
        for account in self:
            account.display_name = (
                f"{account.name} <{account.email}>"
                if account.name and account.email
                else account.name or account.email or self.env._("New mailbox")
            )

    @api.model
    def _stripped(self, vals):
        """``vals`` without the white space around pasted text."""
        return {
            name: value.strip()
            if name in STRIPPED and isinstance(value, str)
            else value
            for name, value in vals.items()
        }

    @api.model
    def _outdated_states(self, vals):
        """Values that reset what was found out about settings that ``vals`` change."""
        outdated = {}
        if CONNECTION_FIELDS & vals.keys():
            outdated |= {"failures": 0, "retry_at": False, "needs_person": False}
        if SENDING_FIELDS & vals.keys():
            outdated |= {"sending_paused_until": False, "sending_pauses": 0}
        if {"smtp_host", "sent_copy"} & vals.keys():
            outdated["sent_copy_found"] = 0
        return outdated

    def _import_newsletters(self):
        """Import e-mails that were skipped as newsletters so far."""
        # sudo: users may not write folders
        self.sudo().folder_ids.reconsider_newsletters()
        self.reopen_backfill()

    # ------------------------------------------------------------------
    # Addresses
    # ------------------------------------------------------------------

    @api.model
    @api.private
    def own_addresses(self):
        """Every address that is ours, normalized: none of them is a customer."""
        self.flush_model(["email_normalized"])
        self.env["mailbox.identity"].flush_model(["email_normalized"])
        self.env.cr.execute(
            """
            SELECT email_normalized FROM mailbox_account
            UNION
            SELECT email_normalized FROM mailbox_identity
            """
        )
        return frozenset(email for (email,) in self.env.cr.fetchall() if email)

    @api.private
    def addresses(self):
        """The addresses of this mailbox, normalized."""
        self.ensure_one()
        return {self.email_normalized, *self.sender_ids.mapped("email_normalized")}


def _is_same_login(one, other):
    """Whether two usernames belong to one account: a provider may require the whole
    address for one server and the part before the @ for the other."""
    one, other = one.lower(), other.lower()
    if ("@" in one) == ("@" in other):
        return one == other
    return one.partition("@")[0] == other.partition("@")[0]
