"""The guided set-up of a mailbox, and servers filled in from its address."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...engine.errors import SIDES
from ...engine.mime.addresses import normalize
from ...services.accounts import discovery, setup_checklist

STEPS = ["address", "sign_in", "backfill"]
#: What is filled in of each server.
NAMES = ("host", "port", "security", "username")


class MailboxAccountSetup(models.AbstractModel):
    """The guided set-up shows the fields of the form in three short steps.

    Servers are filled in from the address; what the user entered is never replaced.
    """

    _name = "mailbox.account.setup"
    _description = "Mailbox: first set-up"

    setup_step = fields.Selection(
        [
            ("address", "Your address"),
            ("sign_in", "Sign in"),
            ("backfill", "What to import"),
            ("done", "Done"),
        ],
        default="address",
        copy=False,
    )
    setup_checklist = fields.Json(compute="_compute_setup_checklist")
    setup_change = fields.Boolean(
        string="Change",
        store=False,
        help="Shows host, port, encryption and username of both servers.",
    )
    servers_text = fields.Char(string="Servers", compute="_compute_servers_text")
    provider_id = fields.Many2one(
        "mailbox.provider", readonly=True, ondelete="set null"
    )
    provider_name = fields.Char(related="provider_id.name", string="Provider name")
    provider_allows_password_sign_in = fields.Boolean(
        related="provider_id.allows_password_sign_in"
    )
    provider_note = fields.Text(related="provider_id.note")
    provider_app_password_url = fields.Char(related="provider_id.app_password_url")
    provider_help_url = fields.Char(related="provider_id.help_url")
    settings_origin = fields.Char(readonly=True, copy=False)
    # What was filled in, to tell it from what the user entered; kept with the draft.
    filled_servers = fields.Json(copy=False)

    @api.depends(
        "email",
        "company_id",
        "owner_id",
        "provider_id",
        "settings_origin",
        "imap_host",
        "smtp_host",
        "imap_username",
        "imap_password",
        "imap_password_set",
        "smtp_password",
        "smtp_password_set",
        "two_accounts",
        "backfill_days",
    )
    def _compute_setup_checklist(self):
        for account in self:
            account.setup_checklist = setup_checklist.checklist(account)

    @api.depends(
        "imap_host",
        "imap_port",
        "imap_security",
        "smtp_host",
        "smtp_port",
        "smtp_security",
    )
    def _compute_servers_text(self):
        names = dict(self._fields["imap_security"].selection)
        for account in self:
            texts = []
            for side, text in (
                ("imap", self.env._("Reading: %(host)s, port %(port)s, %(security)s")),
                ("smtp", self.env._("Sending: %(host)s, port %(port)s, %(security)s")),
            ):
                if account[f"{side}_host"]:
                    values = {
                        "host": account[f"{side}_host"],
                        "port": account[f"{side}_port"],
                        "security": names.get(account[f"{side}_security"], ""),
                    }
                    texts.append(text % values)
            account.servers_text = " · ".join(texts)

    def action_setup(self):
        """Continue the guided set-up of this mailbox."""
        self.ensure_one()
        self.check_access("write")
        action = self.env["ir.actions.actions"]._for_xml_id(
            "mailbox_connector.mailbox_setup_action"
        )
        return {**action, "res_id": self.id}

    def action_setup_next(self):
        """Go to the next step, or say what this one still needs."""
        self.ensure_one()
        self.check_access("write")
        if self.setup_step == "address":
            provider = self.provider_id
            if provider and not provider.allows_password_sign_in:
                return False
        if missing := self._missing_in_setup_step():
            return self._notification_action("warning", missing)
        return self._move_setup_step(1)

    def action_setup_anyway(self):
        """Continue with a password, though the provider is known not to allow it."""
        self.ensure_one()
        self.check_access("write")
        return self._move_setup_step(1)

    def action_setup_back(self):
        """Go back one step; what was entered is kept."""
        self.ensure_one()
        self.check_access("write")
        return self._move_setup_step(-1)

    def action_setup_contacts(self):
        """Show the contacts on which e-mails can be shown."""
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Contacts"),
            "res_model": "res.partner",
            "view_mode": "list,form",
            "domain": [("email_normalized", "!=", False), ("user_ids", "=", False)],
        }

    def action_setup_done(self):
        """Hide the next steps of a new mailbox."""
        self.check_access("write")
        self.setup_step = "done"

    def _move_setup_step(self, by):
        """
        :param by: 1 or -1
        """
        if self.setup_step in STEPS:
            index = STEPS.index(self.setup_step) + by
            self.setup_step = STEPS[min(max(index, 0), len(STEPS) - 1)]
        return False

    def _missing_in_setup_step(self):
        """What the current step still needs, in a sentence, or False."""
        if self.setup_step == "address" and not normalize(self.email or ""):
            return self.env._("%s is not a complete e-mail address.", self.email)
        if self.setup_step == "sign_in":
            if not self.imap_host:
                return self.env._(
                    "Enter the host name of the server for reading (IMAP)."
                )
            if not self.imap_username:
                return self.env._("Enter the username that the provider requires.")
            if not self.imap_password_set:
                return self.env._("Enter the password.")
        return False

    @api.model
    def setup_test_servers(self, servers, ca_certificate=False):
        """Test whether servers answer, without signing in.

        :param dict servers: {"imap": {"host", "port", "security"}, "smtp": the same}
        :param str ca_certificate: a private authority, PEM
        :return: a list of items, see ``services.accounts.setup_checklist``
        :raise UserError: ``servers`` is not such a dict
        """
        self.check_access("create")
        try:
            return setup_checklist.server_items(self.env, servers, ca_certificate)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                self.env._("Servers need a host, a port and a security, by side.")
            ) from error

    @api.onchange("email")
    def _onchange_email(self):
        address = normalize(self.email or "")
        if address and self.state == "draft":
            self._fill_servers(address)

    @api.onchange("imap_username")
    def _onchange_imap_username(self):
        """Use the same username for sending, unless the user or the provider says
        otherwise."""
        filled = dict(self.filled_servers or {})
        is_filled = self.imap_username == filled.get("imap_username")
        if not is_filled and not self._is_typed("smtp_username", filled):
            self.smtp_username = filled["smtp_username"] = self.imap_username
            self.filled_servers = filled

    def _fill_servers(self, address):
        """Fill in both servers for ``address``, except what the user entered."""
        found = discovery.find_settings(self.env, address)
        settings = found.settings
        filled = dict(self.filled_servers or {})
        for side in SIDES:
            server = getattr(settings, side) if settings else None
            if self._is_typed(f"{side}_host", filled):
                continue
            new = {
                "host": server and server.host,
                "port": server and server.port,
                "security": server and server.security.value,
                "username": server.username_of(address) if server else address,
            }
            for name in NAMES:
                field = f"{side}_{name}"
                if not self._is_typed(field, filled):
                    value = new[name] or self._default_of(field)
                    self[field] = filled[field] = value
        self.filled_servers = filled
        self.provider_id = int(found.provider.key) if found.provider else False
        self.settings_origin = (
            discovery.describe_origin(self.env, settings) if settings else False
        )

    def _is_typed(self, field, filled):
        """Whether the user entered the value of a field."""
        empty = (False, "", 0, self._default_of(field))
        return self[field] not in (*empty, filled.get(field))

    def _default_of(self, field):
        default = self._fields[field].default
        return default(self) if default else False
