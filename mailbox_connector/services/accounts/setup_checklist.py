"""What to have ready before connecting, as far as the program can tell by itself.

Each check is a dict for the screen: ``state`` is "done", "open" (nothing wrong, not
there yet) or "needs_you"; ``text`` a sentence; ``url`` and ``link`` a page of the
provider and what to call it, if any.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ...engine.discovery.port_probe import find_ports
from ...engine.errors import Side
from ...engine.mime.addresses import normalize
from ...engine.net.egress import EgressPolicy
from ...engine.types import Endpoint, Security
from ...services.accounts.endpoints import egress_policy

DONE, OPEN, NEEDS_YOU = "done", "open", "needs_you"
#: Seconds for asking whether a server answers; a person looks on.
SECONDS = 5.0
#: More days than these are a lot for a first import.
SHORT = 30


def of(account) -> dict[str, list[dict]]:
    """The checks of each step of the guided first run, by the step's name."""
    return {
        "address": _address(account),
        "sign_in": _sign_in(account),
        "backfill": _history(account),
    }


def _check(state: str, text: str, url: str | bool = False, link: str = "") -> dict:
    return {"state": state, "text": text, "url": url or "", "link": link}


def _address(account) -> list[dict]:
    env = account.env
    typed, address = account.email, normalize(account.email or "")
    if not typed:
        return [_check(OPEN, env._("Type the address of the mailbox."))]
    if not address:
        return [_check(NEEDS_YOU, env._("%s is not a complete e-mail address.", typed))]
    checks = [_check(DONE, env._("The address is complete."))]
    if _is_taken(account, address):
        text = env._("There is a mailbox with this address already: open that one.")
        checks.append(_check(NEEDS_YOU, text))
    else:
        checks.append(_check(DONE, env._("No other mailbox here has it.")))
    return checks + _provider(account)


def _provider(account) -> list[dict]:
    env = account.env
    provider = account.provider_id
    if provider and not provider.takes_passwords:
        text = env._("%s takes no passwords from programs.", provider.name)
        return [_check(NEEDS_YOU, text, provider.help_url, env._("Its own page"))]
    if provider:
        text = env._("%s lets programs sign in with a password.", provider.name)
        checks = [_check(DONE, text)]
        if provider.app_password_url:
            text, link = env._("Have an app password ready."), env._("How to make one")
            checks.append(_check(OPEN, text, provider.app_password_url, link))
        elif provider.help_url:
            text, link = (
                env._("Look at the provider's page about it."),
                env._("Open it"),
            )
            checks.append(_check(OPEN, text, provider.help_url, link))
        return checks
    if account.settings_origin:
        return [_check(DONE, env._("The servers of its provider were found."))]
    return [
        _check(
            OPEN,
            env._(
                "Nothing is known of its provider. Ask there, or look at its help "
                "pages, for the servers for reading (IMAP) and sending (SMTP), and "
                "whether programs may use them."
            ),
        )
    ]


def _is_taken(account, address: str) -> bool:
    # sudo: mailboxes of others count as well, and only that there is one is told
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
    env = account.env
    checks = []
    if not account.imap_host:
        text = env._("Type the server for reading (IMAP), as your provider names it.")
        checks.append(_check(NEEDS_YOU, text))
    if not account.smtp_host:
        text = env._(
            "Without a server for sending (SMTP), mail is read and nothing is sent."
        )
        checks.append(_check(OPEN, text))
    checks.append(_username(account))
    if account.imap_password or account.imap_password_set:
        checks.append(_check(DONE, env._("The password is there, stored encrypted.")))
    else:
        text = env._("Type the password: an app password, where the provider has them.")
        checks.append(_check(OPEN, text))
    if account.two_accounts:
        own = account.smtp_password or account.smtp_password_set
        text = (
            env._("The account for sending has its password.")
            if own
            else env._("Sending signs in as another account: type its password too.")
        )
        checks.append(_check(DONE if own else OPEN, text))
    if account.owner_id:
        text = env._(
            "%s looks after this mailbox: renews its password and hears of trouble.",
            account.owner_id.name,
        )
        checks.append(_check(DONE, text))
    else:
        text = env._("Choose who looks after this mailbox.")
        checks.append(_check(NEEDS_YOU, text))
    text = env._("Make sure that mail to customers may be sent from this address.")
    return [*checks, _check(OPEN, text)]


def _username(account) -> dict:
    env = account.env
    username, address = account.imap_username, account.email or ""
    if not username:
        return _check(NEEDS_YOU, env._("Type the username that the provider wants."))
    if username.lower() == address.lower():
        return _check(
            DONE, env._("The username is the address, as most providers want.")
        )
    text = env._(
        "The username is %s, not the address. Check that the provider wants that.",
        username,
    )
    is_theirs = account.provider_id.imap_username == "local"
    if is_theirs and username == address.partition("@")[0]:
        text = env._("The username is %s, as this provider wants.", username)
        return _check(DONE, text)
    return _check(OPEN, text)


def _history(account) -> list[dict]:
    env = account.env
    days = account.backfill_days
    if days <= SHORT:
        checks = [_check(DONE, env._("A short first window: good for a first look."))]
    else:
        text = env._("Begin with a week. More can be brought in when all looks right.")
        checks = [_check(OPEN, text)]
    contacts = env["res.partner"].search_count(
        [("email_normalized", "!=", False), ("user_ids", "=", False)], limit=1
    )
    if contacts:
        text = env._("There are contacts with e-mail addresses to show mail on.")
        checks.append(_check(DONE, text))
    else:
        text = env._(
            "No contact has an e-mail address yet. Mail is shown on contacts, so add "
            "one that you write with."
        )
        checks.append(_check(NEEDS_YOU, text))
    if account.imap_password_set:
        checks.append(_check(DONE, env._("Servers, username and password are there.")))
    else:
        checks.append(_check(NEEDS_YOU, env._("Go back and type the password.")))
    return checks


def reach(env, servers: dict, ca_pem: str | None) -> list[dict]:
    """Whether servers answer, encrypted and as who they say. Nobody signs in.

    :param servers: by side, {"host", "port", "security"}
    """
    policy = egress_policy(env)
    endpoints = [
        _endpoint(side, servers[side.value], ca_pem)
        for side in Side
        if (servers.get(side.value) or {}).get("host")
    ]
    # No Odoo environment enters the threads.
    with ThreadPoolExecutor(len(Side)) as pool:
        found = list(pool.map(lambda endpoint: _ways(endpoint, policy), endpoints))
    checks = []
    for endpoint, ways in zip(endpoints, found, strict=True):
        port, security = endpoint.port, endpoint.security
        values = {"host": endpoint.host, "port": port}
        if (port, security) in ways:
            text = env._("%(host)s answers on port %(port)s, encrypted.", **values)
            checks.append(_check(DONE, text))
        elif ways:
            text = env._(
                "%(host)s does not answer so on port %(port)s. It does on port "
                "%(other)s with %(security)s: correct it under Change servers.",
                **values,
                other=ways[0][0],
                security=ways[0][1].name,
            )
            checks.append(_check(NEEDS_YOU, text))
        else:
            text = env._(
                "%(host)s does not answer on port %(port)s. Check its name and port "
                "under Change servers, or try again later.",
                **values,
            )
            checks.append(_check(NEEDS_YOU, text))
    return checks


def _endpoint(side: Side, server: dict, ca_pem: str | None) -> Endpoint:
    host = str(server["host"]).strip()
    port, security = int(server["port"] or 0), Security(server["security"])
    return Endpoint(side, host, port, security, "", "", ca_pem or None)


def _ways(endpoint: Endpoint, policy: EgressPolicy) -> list[tuple[int, Security]]:
    """Ports the host answers on: the one that was typed, else what others there are."""
    own = find_ports(endpoint, policy, SECONDS, usual=())
    if (endpoint.port, endpoint.security) in own:
        return own
    return own or find_ports(endpoint, policy, SECONDS)
