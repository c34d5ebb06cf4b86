from odoo import api, fields, models

from ..engine.mime.addresses import normalize
from ..services import discovery

#: What is filled in of each side.
NAMES = ("host", "port", "security", "username")
SIDES = ("imap", "smtp")
#: In the context: what no request from outside can put there.
_FOUND = object()


class MailboxAccount(models.Model):
    """Servers filled in from the address; what a person typed is never replaced."""

    # Apart from the fields: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.account"

    provider_id = fields.Many2one(
        "mailbox.provider", readonly=True, ondelete="set null"
    )
    provider_name = fields.Char(related="provider_id.name", string="Provider's name")
    provider_takes_passwords = fields.Boolean(related="provider_id.takes_passwords")
    provider_note = fields.Text(related="provider_id.note")
    provider_app_password_url = fields.Char(related="provider_id.app_password_url")
    provider_help_url = fields.Char(related="provider_id.help_url")
    settings_origin = fields.Char(readonly=True, copy=False)
    # What was filled in, to tell it from what a person typed; kept with the draft.
    filled_servers = fields.Json(copy=False)

    @api.onchange("email")
    def _onchange_email(self):
        address = normalize(self.email or "")
        if address and self.state == "draft":
            self._fill_servers(address)

    @api.onchange("imap_username")
    def _onchange_imap_username(self):
        """One account on both sides, unless a person or the provider says otherwise."""
        filled = dict(self.filled_servers or {})
        is_filled = self.imap_username == filled.get("imap_username")
        if not is_filled and not self._is_typed("smtp_username", filled):
            self.smtp_username = filled["smtp_username"] = self.imap_username
            self.filled_servers = filled

    def _use_way(self, side, port, security):
        """Take a port and encryption that the server was found to answer on.

        It is the host that was typed, under verified TLS: the password need not be
        typed again.
        """
        self.ensure_one()
        self.check_access("write")
        found = self.with_context(mailbox_way_found=_FOUND)
        found.write({f"{side}_port": port, f"{side}_security": security})

    def _demand_password(self, vals):
        ways = {f"{side}_{name}" for side in SIDES for name in ("port", "security")}
        if self.env.context.get("mailbox_way_found") is _FOUND and vals.keys() <= ways:
            return
        super()._demand_password(vals)

    def _fill_servers(self, address):
        """Fill in both sides for ``address``, but for what a person typed."""
        found = discovery.find(self.env, address)
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
            discovery.explain(self.env, settings) if settings else False
        )

    def _is_typed(self, field, filled):
        """Whether a person typed what stands in a field."""
        empty = (False, "", 0, self._default_of(field))
        return self[field] not in (*empty, filled.get(field))

    def _default_of(self, field):
        default = self._fields[field].default
        return default(self) if default else False
