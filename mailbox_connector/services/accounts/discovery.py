"""Looks up the servers for an address, as far as the administrator allows it."""

from __future__ import annotations

from ...engine.discovery.discover import Discovery, discover
from ...engine.discovery.dns import DnsResolver
from ...engine.discovery.https import PORT, Https
from ...engine.discovery.settings import Settings, Source
from .endpoints import egress_policy

#: Seconds for each source that is asked; a user is waiting.
SECONDS = 5.0
#: System parameters: "table" asks nobody; nameservers, "address" or "address:port".
MODE = "mailbox_connector.discovery"
NAMESERVERS = "mailbox_connector.discovery_nameservers"
#: For a company that publishes settings on a server of its own: the port and the
#: private authority (PEM) of its autoconfig files.
HTTPS_PORT = "mailbox_connector.discovery_https_port"
HTTPS_CA = "mailbox_connector.discovery_https_ca"


def find_settings(env, address: str) -> Discovery:
    """The provider and servers of an address: from the list of providers or, if the
    administrator allows asking, from what its domain publishes."""
    parameters = env["ir.config_parameter"].sudo()
    nameservers = parameters.get_param(NAMESERVERS, "").replace(",", " ").split()
    policy = egress_policy(env)
    resolver = DnsResolver(nameservers)
    port = parameters.get_param(HTTPS_PORT) or ""
    ca_pem = parameters.get_param(HTTPS_CA) or None
    https = Https(policy, resolver, ca_pem, int(port) if port.isdecimal() else PORT)
    return discover(
        address,
        env["mailbox.provider"].for_engine(),
        policy,
        online=parameters.get_param(MODE, "online") != "table",
        resolver=resolver,
        https=https,
        seconds=SECONDS,
    )


def describe_origin(env, settings: Settings) -> str:
    """Where settings come from, for the user who sees them filled in."""
    match settings.source:
        case Source.TABLE:
            text = env._("Filled in for %s, from the list of known providers.")
        case Source.MX_TABLE:
            text = env._(
                "Filled in for %s, which receives this domain's e-mails, from the list "
                "of known providers."
            )
        case Source.SRV:
            text = env._("Filled in from the domain's DNS records: %s")
        case Source.ISPDB | Source.MX_ISPDB:
            text = env._("Filled in from the public directory of providers: %s")
        case _:
            text = env._("Filled in from what the domain publishes: %s")
    return text % settings.origin
