"""What the engine needs to connect to a mailbox's servers.

The only place where a stored password is opened. Plain functions: no record, and so
no server action or template, leads here.
"""

from __future__ import annotations

from odoo.exceptions import UserError

from ...engine.discovery.port_probe import USUAL
from ...engine.errors import SIDES, Side
from ...engine.net.egress import EgressPolicy
from ...engine.types import Endpoint, Security

#: For selection fields.
SECURITY = [(security.value, security.name) for security in Security]
#: The usual port by side and encryption.
PORTS = {
    side.value: {security.value: port for port, security in reversed(usual)}
    for side, usual in USUAL.items()
}
#: Fields of ``mailbox.account`` that a sign-in depends on.
CONNECTION_FIELDS = {
    f"{side}_{name}"
    for side in SIDES
    for name in ("host", "port", "security", "username", "password")
} | {"ca_certificate"}
#: Those that a sign-in for sending depends on; SMTP may use IMAP's password.
SENDING_FIELDS = {name for name in CONNECTION_FIELDS if name.startswith("smtp_")} | {
    "imap_password"
}
#: System parameter: networks besides the public internet that may be connected to.
ALLOWED_NETWORKS = "mailbox_connector.allowed_networks"


def endpoint(account, side: str) -> Endpoint:
    """The server of one side of a mailbox, with its password opened.

    :param account: ``mailbox.account``
    :param side: "imap" or "smtp"
    :raise UserError: host, username or password is missing
    """
    account.ensure_one()
    env = account.env
    password = env["mailbox.credential"]._open(account, side)
    for value, name in (
        (account[f"{side}_host"], env._("host")),
        (account[f"{side}_username"], env._("username")),
        (password, env._("password")),
    ):
        if not value:
            raise UserError(
                env._("%(side)s: type the %(field)s.", side=side.upper(), field=name)
            )
    return Endpoint(
        side=Side(side),
        host=account[f"{side}_host"],
        port=account[f"{side}_port"],
        security=Security(account[f"{side}_security"]),
        username=account[f"{side}_username"],
        password=password,
        ca_pem=account.ca_certificate or None,
    )


def missing_field(account, side: str) -> str:
    """The first setting without which nobody can sign in: "host", "username" or
    "password"."""
    for name in ("host", "username"):
        if not account[f"{side}_{name}"]:
            return name
    return "password"


def egress_policy(env) -> EgressPolicy:
    """Which addresses may be connected to, as the administrator allows them."""
    # sudo: a system parameter, which no user may read
    allowed = env["ir.config_parameter"].sudo().get_param(ALLOWED_NETWORKS, "")
    return EgressPolicy(allowed_networks=tuple(allowed.replace(",", " ").split()))
