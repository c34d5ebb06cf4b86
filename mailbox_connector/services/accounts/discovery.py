"""Settings for an address, under the administrator's rules."""

from __future__ import annotations

from ...engine.discovery.discover import Discovery, discover
from ...engine.discovery.dns import DnsResolver
from ...engine.discovery.https import PORT, Https
from ...engine.discovery.settings import Settings, Source
from ...services.accounts.endpoints import egress_policy

#: Seconds for each source that is asked; a person is waiting.
SECONDS = 5.0
#: System parameters: "table" asks nobody; nameservers, "address" or "address:port".
MODE = "mailbox_connector.discovery"
NAMESERVERS = "mailbox_connector.discovery_nameservers"
#: For a company that publishes settings on a server of its own: the port and the
#: private authority (PEM) of its autoconfig files.
HTTPS_PORT = "mailbox_connector.discovery_https_port"
HTTPS_CA = "mailbox_connector.discovery_https_ca"


def find(env, address: str) -> Discovery:
    """What is known of an address's mailbox, or published of it where the
    administrator lets the domain be asked."""
    parameters = env["ir.config_parameter"].sudo()
    nameservers = parameters.get_param(NAMESERVERS, "").replace(",", " ").split()
    policy = egress_policy(env)
    resolver = DnsResolver(nameservers)
    port = parameters.get_param(HTTPS_PORT) or ""
    ca_pem = parameters.get_param(HTTPS_CA) or None
    https = Https(policy, resolver, ca_pem, int(port) if port.isdecimal() else PORT)
    return discover(
        address,
        env["mailbox.provider"]._all(),
        policy,
        online=parameters.get_param(MODE, "online") != "table",
        resolver=resolver,
        https=https,
        seconds=SECONDS,
    )


def explain(env, settings: Settings) -> str:
    """Where settings come from, for the person who sees them filled in."""
    texts = {
        Source.TABLE: env._("Filled in for %s, from the list of known providers."),
        Source.MX_TABLE: env._(
            "Filled in for %s, which receives this domain's mail, from the list of "
            "known providers."
        ),
        Source.SRV: env._("Filled in from the domain's DNS records: %s"),
        Source.ISPDB: env._("Filled in from the public directory of providers: %s"),
        Source.MX_ISPDB: env._("Filled in from the public directory of providers: %s"),
    }
    published = env._("Filled in from what the domain publishes: %s")
    return texts.get(settings.source, published) % settings.origin
