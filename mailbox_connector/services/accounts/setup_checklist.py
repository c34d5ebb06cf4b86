"""The setup checklist: what to have ready before connecting, as far as Odoo can tell.

Each item is a dict for the screen: ``state`` is "done", "open" (nothing wrong, to do
yet) or "action_needed"; ``text`` a sentence; ``url`` and ``link`` a page of the
provider and what to call it, if any.
"""

from __future__ import annotations

from ...engine.connection_test.steps import ConnectionTest
from ...engine.errors import SIDES, Side
from ...engine.mime.addresses import normalize
from ...engine.types import Endpoint, Security
from ...error_messages import explain
from .connection_test import run_connection_tests
from .endpoints import egress_policy

DONE, OPEN, ACTION_NEEDED = "done", "open", "action_needed"
#: Seconds for asking whether a server answers; a person is waiting.
SECONDS = 5.0
#: More days than these are a lot for a first import.
SHORT = 30


def checklist(account) -> dict[str, list[dict]]:
    """The items of each step of the guided set-up, by the step's name."""
    return {
        "address": _address(account),
        "sign_in": _sign_in(account),
        "backfill": _backfill(account),
    }


def server_items(env, servers: dict, ca_pem: str | None) -> list[dict]:
    """An item for each server: whether it answers, encrypted and as who it says.

    The connection test, stopped before signing in.

    :param servers: by side, {"host", "port", "security"}
    """
    endpoints = [
        _endpoint(side, servers[side], ca_pem)
        for side in SIDES
        if (servers.get(side) or {}).get("host")
    ]
    policy = egress_policy(env)
    tests = run_connection_tests(endpoints, policy, seconds=SECONDS, signs_in=False)
    return [_server(env, one, tests[one.side.value]) for one in endpoints]


def _endpoint(side: str, server: dict, ca_pem: str | None) -> Endpoint:
    host = str(server["host"]).strip()
    port, security = int(server["port"] or 0), Security(server["security"])
    return Endpoint(Side(side), host, port, security, "", "", ca_pem or None)


def _server(env, endpoint: Endpoint, test: ConnectionTest) -> dict:
    values = {"host": endpoint.host, "port": endpoint.port}
    if not test.error:
        text = env._("%(host)s answers on port %(port)s, encrypted.", **values)
        return _item(DONE, text)
    if test.alternatives:
        port, security = test.alternatives[0]
        text = env._(
            "%(host)s does not respond on port %(port)s with these settings. It does "
            "on port %(other)s with %(security)s; change this under Change servers.",
            **values,
            other=port,
            security=security.name,
        )
        return _item(ACTION_NEEDED, text)
    return _item(ACTION_NEEDED, explain(env, test.error))


def _item(state: str, text: str, url: str | bool = False, link: str = "") -> dict:
    return {"state": state, "text": text, "url": url or "", "link": link}


def _address(account) -> list[dict]:
    env = account.env
    address = normalize(account.email or "")
    if not account.email:
        return [_item(OPEN, env._("Enter the address of the mailbox."))]
    if not address:
        text = env._("%s is not a complete e-mail address.", account.email)
        return [_item(ACTION_NEEDED, text)]
    items = [_item(DONE, env._("The address is complete."))]
    if _is_taken(account, address):
        text = env._("A mailbox with this address already exists. Open that one.")
        items.append(_item(ACTION_NEEDED, text))
    else:
        items.append(_item(DONE, env._("No other mailbox in Odoo uses it.")))
    return items + _provider(account)


def _provider(account) -> list[dict]:
    env = account.env
    provider = account.provider_id
    if provider and not provider.allows_password_sign_in:
        text = env._("%s does not allow password sign-in for mail apps.", provider.name)
        link = env._("Help page of the provider")
        return [_item(ACTION_NEEDED, text, provider.help_url, link)]
    if provider:
        text = env._("%s allows mail apps to sign in with a password.", provider.name)
        items = [_item(DONE, text)]
        if provider.app_password_url:
            text = env._("Have an app password ready.")
            link = env._("How to create one")
            items.append(_item(OPEN, text, provider.app_password_url, link))
        elif provider.help_url:
            text = env._("Read the provider's page about it.")
            link = env._("Open the page")
            items.append(_item(OPEN, text, provider.help_url, link))
        return items
    if account.settings_origin:
        return [_item(DONE, env._("The servers of its provider were found."))]
    return [
        _item(
            OPEN,
            env._(
                "Odoo does not know this provider. Ask there, or look in its help "
                "pages, for the servers for reading (IMAP) and sending (SMTP), and "
                "whether mail apps may use them."
            ),
        )
    ]


def _is_taken(account, address: str) -> bool:
    # sudo: mailboxes of others count as well; only whether there is one is shown
    return bool(
        account.sudo().search_count(
            [
                ("email_normalized", "=", address),
                ("company_id", "=", account.company_id.id),
                ("id", "!=", account._origin.id),
            ],
            limit=1,
        )
    )


def _sign_in(account) -> list[dict]:
    text = account.env._("Make sure that you may write to customers from this address.")
    return [
        *_servers(account),
        _username(account),
        *_passwords(account),
        _owner(account),
        _item(OPEN, text),
    ]


def _servers(account) -> list[dict]:
    env = account.env
    items = []
    if not account.imap_host:
        text = env._("Enter the server for reading (IMAP) that your provider names.")
        items.append(_item(ACTION_NEEDED, text))
    if not account.smtp_host:
        text = env._(
            "Without a server for sending (SMTP), e-mails are read but none are sent."
        )
        items.append(_item(OPEN, text))
    return items


def _passwords(account) -> list[dict]:
    env = account.env
    if account.imap_password or account.imap_password_set:
        text = env._("The password is set, and stored encrypted.")
        items = [_item(DONE, text)]
    else:
        text = env._("Enter the password: an app password, if the provider has them.")
        items = [_item(OPEN, text)]
    if not account.two_accounts:
        return items
    if account.smtp_password or account.smtp_password_set:
        text = env._("The account for sending has its password.")
        return [*items, _item(DONE, text)]
    text = env._("Sending signs in as another account: enter its password too.")
    return [*items, _item(OPEN, text)]


def _owner(account) -> dict:
    env = account.env
    if not account.owner_id:
        return _item(ACTION_NEEDED, env._("Choose the owner of this mailbox."))
    text = env._(
        "%s is the owner: they renew the password and are alerted about problems.",
        account.owner_id.name,
    )
    return _item(DONE, text)


def _username(account) -> dict:
    env = account.env
    username, address = account.imap_username, account.email or ""
    if not username:
        return _item(
            ACTION_NEEDED, env._("Enter the username that the provider requires.")
        )
    if username.lower() == address.lower():
        return _item(
            DONE, env._("The username is the address, as most providers require.")
        )
    text = env._(
        "The username is %s, not the address. Check that the provider requires that.",
        username,
    )
    is_theirs = account.provider_id.imap_username == "local"
    if is_theirs and username == address.partition("@")[0]:
        text = env._("The username is %s, as this provider requires.", username)
        return _item(DONE, text)
    return _item(OPEN, text)


def _backfill(account) -> list[dict]:
    env = account.env
    days = account.backfill_days
    if days <= SHORT:
        items = [_item(DONE, env._("A short first import: good for a first look."))]
    else:
        text = env._(
            "Begin with a week. You can import more once everything looks right."
        )
        items = [_item(OPEN, text)]
    contacts = env["res.partner"].search_count(
        [("email_normalized", "!=", False), ("user_ids", "=", False)], limit=1
    )
    if contacts:
        text = env._("There are contacts with e-mail addresses.")
        items.append(_item(DONE, text))
    else:
        text = env._(
            "No contact has an e-mail address yet. E-mails are shown on contacts, so "
            "add one that you exchange e-mails with."
        )
        items.append(_item(ACTION_NEEDED, text))
    if account.imap_password_set:
        items.append(_item(DONE, env._("Servers, username and password are set.")))
    else:
        items.append(_item(ACTION_NEEDED, env._("Go back and enter the password.")))
    return items
