import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...engine.discovery.settings import ADDRESS, LOCAL_PART, Provider, Server
from ...engine.net.resolver import idna_host
from ...engine.types import Security
from ...services.accounts.endpoints import SECURITY

_USERNAMES = {"address": ADDRESS, "local": LOCAL_PART}


class MailboxProvider(models.Model):
    """A mail provider: its servers, and what to know before connecting.

    Found by the domain of an address, or by the domain's mail exchanger; nobody is
    asked for that. What is shipped can be changed, and updates leave it alone.
    """

    _name = "mailbox.provider"
    _description = "Mail provider"
    _order = "sequence, name, id"

    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    name = fields.Char(required=True)
    domains = fields.Text(
        help="What stands behind the @ in its addresses: example.com example.net",
    )
    mx = fields.Text(
        string="Mail exchangers",
        help="How the names of the servers end that receive mail for its customers' "
        "own domains: mail.example.com",
    )
    takes_passwords = fields.Boolean(
        string="Takes passwords from programs",
        default=True,
        help="Off: it is connected by OAuth only.",
    )
    imap_host = fields.Char(string="IMAP host")
    imap_port = fields.Integer(string="IMAP port", default=993)
    imap_security = fields.Selection(
        SECURITY, string="IMAP encryption", required=True, default="tls"
    )
    imap_username = fields.Selection(
        [("address", "The whole address"), ("local", "The part before the @")],
        string="IMAP username",
        required=True,
        default="address",
    )
    smtp_host = fields.Char(string="SMTP host")
    smtp_port = fields.Integer(string="SMTP port", default=465)
    smtp_security = fields.Selection(
        SECURITY, string="SMTP encryption", required=True, default="tls"
    )
    smtp_username = fields.Selection(
        [("address", "The whole address"), ("local", "The part before the @")],
        string="SMTP username",
        required=True,
        default="address",
    )
    files_sent = fields.Boolean(
        string="Files sent mail itself",
        help="What its SMTP server sends stands in the Sent folder without our doing.",
    )
    app_password_url = fields.Char(string="Page for app passwords")
    help_url = fields.Char(string="Page about IMAP and SMTP")
    note = fields.Text(
        translate=True, help="What to know before connecting, in a sentence or two."
    )

    @api.constrains("imap_port", "smtp_port")
    def _check_ports(self):
        for provider in self:
            for port in (provider.imap_port, provider.smtp_port):
                if not 1 <= port <= 65535:
                    raise ValidationError(
                        self.env._("%s is not a port: 1 to 65535.", port)
                    )

    @api.constrains("imap_host", "smtp_host", "domains", "mx")
    def _check_names(self):
        for provider in self:
            hosts = [provider.imap_host, provider.smtp_host]
            for name in filter(
                None, [*hosts, *_names(provider.domains), *_names(provider.mx)]
            ):
                if not idna_host(name):
                    raise ValidationError(self.env._("%s is not a host name.", name))

    @api.constrains("app_password_url", "help_url")
    def _check_urls(self):
        for provider in self:
            for url in filter(None, (provider.app_password_url, provider.help_url)):
                if not url.startswith("https://"):
                    raise ValidationError(
                        self.env._("%s does not begin with https://.", url)
                    )

    @api.model
    def _all(self):
        """All providers, as the engine takes them; ``key`` is the id."""
        return [
            Provider(
                str(one.id),
                one.name,
                tuple(_names(one.domains)),
                tuple(_names(one.mx)),
                one._server("imap"),
                one._server("smtp"),
                one.takes_passwords,
            )
            for one in self.sudo().search([])
        ]

    def _server(self, side):
        """One side as the engine takes it; None where it is not offered."""
        self.ensure_one()
        if not self[f"{side}_host"]:
            return None
        return Server(
            self[f"{side}_host"],
            self[f"{side}_port"],
            Security(self[f"{side}_security"]),
            _USERNAMES[self[f"{side}_username"]],
        )


def _names(text):
    """Host names out of what a person has typed."""
    return [idna_host(one) or one for one in re.split(r"[\s,;]+", text or "") if one]
