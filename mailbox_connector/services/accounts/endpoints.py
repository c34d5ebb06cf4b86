"""What the engine needs to connect to a mailbox's servers.

The only place where a stored password is decrypted. Plain functions: no record, and so
no server action or template, leads here.
"""

from __future__ import annotations

from odoo.exceptions import UserError

from ... import credentials
from ...engine.discovery.port_probe import USUAL
from ...engine.errors import SIDES, Side
from ...engine.net.egress import EgressPolicy
from ...engine.types import Endpoint, Security
from ...error_messages import explain_key_problem

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


class MissingSettingError(UserError):
    """A mailbox has no host, username or password for one of its servers.

    :param setting: which one: "host", "username" or "password"
    """

    def __init__(self, message: str, setting: str):
        super().__init__(message)
        self.setting = setting


def endpoint(account, side: str) -> Endpoint:
    """One server of a mailbox, with its password decrypted.

    :param account: ``mailbox.account``
    :param side: "imap" or "smtp"
    :raise MissingSettingError: host, username or password is missing
    :raise UserError: the password cannot be decrypted
    """
    account.ensure_one()
    return Endpoint(
        side=Side(side),
        host=_setting(account, side, "host"),
        port=account[f"{side}_port"],
        security=Security(account[f"{side}_security"]),
        username=_setting(account, side, "username"),
        password=_password(account, side),
        ca_pem=account.ca_certificate or None,
    )


def _setting(account, side: str, name: str) -> str:
    return account[f"{side}_{name}"] or _raise_missing(account.env, side, name)


def _password(account, side: str) -> str:
    """The password for a server; SMTP uses IMAP's if it has none of its own."""
    env = account.env
    # sudo: nobody may read stored passwords; this one goes to the mailbox's server
    stored = env["mailbox.credential"].sudo()
    stored = stored.search_fetch([("account_id", "=", account.id)], ["side", "token"])
    tokens = {row.side: row.token for row in stored}
    token = tokens.get(side) or tokens.get("imap")
    if not token:
        _raise_missing(env, side, "password")
    try:
        return credentials.decrypt(token)
    except credentials.KeyProblem as problem:
        raise UserError(
            env._(
                "The stored password cannot be opened. %s",
                explain_key_problem(env, problem),
            )
        ) from problem


def _raise_missing(env, side: str, name: str):
    protocol = side.upper()
    sentences = {
        "host": env._("Enter the %s host.", protocol),
        "username": env._("Enter the %s username.", protocol),
        "password": env._("Enter the %s password.", protocol),
    }
    raise MissingSettingError(sentences[name], name)


def egress_policy(env) -> EgressPolicy:
    """Which addresses Odoo may connect to, as the administrator has set it."""
    # sudo: a system parameter, which no user may read
    allowed = env["ir.config_parameter"].sudo().get_param(ALLOWED_NETWORKS, "")
    return EgressPolicy(allowed_networks=tuple(allowed.replace(",", " ").split()))
