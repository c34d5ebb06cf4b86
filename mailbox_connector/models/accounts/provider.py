"""The list of known mail providers."""

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

    Found by the domain of an address, or by the mail exchanger (MX) of that domain.
    Administrators can change the shipped list; updates keep their changes.
    """

    _name = "mailbox.provider"
    _description = "Mail provider"
    _order = "sequence, name, id"

    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    name = fields.Char(required=True)
    domains = fields.Text(
        help="The domains of its addresses, one per line, such as example.com",
    )
    mx = fields.Text(
        string="Mail exchangers",
        help="MX host suffixes of this provider, one per line, such as "
        "mail.example.com",
    )
    allows_password_sign_in = fields.Boolean(
        string="Allows password sign-in for mail apps",
        default=True,
        help="If turned off, it can only be connected by OAuth.",
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
    saves_sent_copies = fields.Boolean(
        string="Saves sent e-mails itself",
        help="E-mails sent by its SMTP server appear in the Sent folder automatically.",
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
                        self.env._("%s is not a port. Ports are 1 to 65535.", port)
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
    @api.private
    def for_engine(self):
        """All providers as :class:`engine.discovery.settings.Provider`; ``key`` is the
        id."""
        return [
            Provider(
                str(one.id),
                one.name,
                tuple(_names(one.domains)),
                tuple(_names(one.mx)),
                one._server("imap"),
                one._server("smtp"),
                one.allows_password_sign_in,
            )
            for one in self.sudo().search([])
        ]

    def _server(self, side):
        """The :class:`engine.discovery.settings.Server` for "imap" or "smtp"; None if
        there is none."""
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
    """The host names in what somebody entered."""
    return [idna_host(one) or one for one in re.split(r"[\s,;]+", text or "") if one]
