from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..engine.mime.addresses import normalize
from ..services import setup_checks
from .mailbox_account import SECURITY

STEPS = ["address", "sign_in", "history"]


class MailboxAccount(models.Model):
    """The guided first run: the same mailbox as in the form, in three short steps."""

    # Apart from the fields: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.account"

    setup_step = fields.Selection(
        [
            ("address", "Your address"),
            ("sign_in", "Sign in"),
            ("history", "What to bring in"),
            ("done", "Done"),
        ],
        default="address",
        copy=False,
    )
    setup_checks = fields.Json(compute="_compute_setup_checks")
    setup_change = fields.Boolean(
        string="Change",
        store=False,
        help="Shows host, port, encryption and username of both servers.",
    )
    servers_text = fields.Char(string="Servers", compute="_compute_servers_text")

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
    def _compute_setup_checks(self):
        for account in self:
            account.setup_checks = setup_checks.of(account)

    @api.depends(
        "imap_host",
        "imap_port",
        "imap_security",
        "smtp_host",
        "smtp_port",
        "smtp_security",
    )
    def _compute_servers_text(self):
        names = dict(SECURITY)
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
        """Go on with the guided first run of this mailbox."""
        self.ensure_one()
        self.check_access("write")
        action = self.env["ir.actions.actions"]._for_xml_id(
            "mailbox_connector.mailbox_setup_action"
        )
        return {**action, "res_id": self.id}

    def action_setup_next(self):
        """The next step, when this one has what it needs; else what is missing."""
        self.ensure_one()
        self.check_access("write")
        if self.setup_step == "address":
            provider = self.provider_id
            if provider and not provider.takes_passwords:
                return False
        if missing := self._setup_missing():
            return self._tell("warning", missing)
        return self._setup_go(1)

    def action_setup_anyway(self):
        """On with a password, though the provider is said to take none."""
        self.ensure_one()
        self.check_access("write")
        return self._setup_go(1)

    def action_setup_back(self):
        """The step before; what was typed is kept."""
        self.ensure_one()
        self.check_access("write")
        return self._setup_go(-1)

    def action_setup_contacts(self):
        """Contacts that mail can stand on."""
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
        """Show the next steps of a new mailbox no longer."""
        self.check_access("write")
        self.setup_step = "done"

    def _setup_go(self, by):
        if self.setup_step in STEPS:
            place = STEPS.index(self.setup_step) + by
            self.setup_step = STEPS[min(max(place, 0), len(STEPS) - 1)]
        return False

    def _setup_missing(self):
        """A sentence about what a step still needs, or False."""
        if self.setup_step == "address" and not normalize(self.email or ""):
            return self.env._("%s is not a complete e-mail address.", self.email)
        if self.setup_step == "sign_in":
            if not self.imap_host:
                return self.env._("Type the server for reading (IMAP): its host name.")
            if not self.imap_username:
                return self.env._("Type the username that the provider wants.")
            if not self.imap_password_set:
                return self.env._("Type the password.")
        return False

    @api.model
    def setup_reach(self, servers, ca_certificate=False):
        """Ask whether servers answer, without signing in.

        :param dict servers: {"imap": {"host", "port", "security"}, "smtp": the same}
        :param str ca_certificate: a private authority, PEM
        :return: a list of checks, see ``services.setup_checks``
        :raise UserError: it is no such dict
        """
        self.check_access("create")
        try:
            return setup_checks.reach(self.env, servers, ca_certificate)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                self.env._("Servers are given by side, with host, port and security.")
            ) from error

    def _demand_password(self, vals):
        """In the guided run a changed server has its stored password forgotten, and
        the step asks for it: it is no less safe, and nobody is stopped halfway."""
        if not (self.env.context.get("mailbox_guided") and self.state == "draft"):
            return super()._demand_password(vals)
        try:
            return super()._demand_password(vals)
        except ValidationError:
            for side in ("imap", "smtp"):
                self.env["mailbox.credential"]._store(self, side, "")
            return None
