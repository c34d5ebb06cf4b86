"""Settings for an address, under the administrator's rules."""

from __future__ import annotations

from ..engine.discovery.discover import Discovery, discover
from ..engine.discovery.names import Names
from ..engine.discovery.settings import Settings, Source

#: Seconds for each source that is asked; a person is waiting.
SECONDS = 5.0
#: System parameters: "table" asks nobody; nameservers, "address" or "address:port".
MODE = "mailbox_connector.discovery"
NAMESERVERS = "mailbox_connector.discovery_nameservers"


def find(env, address: str) -> Discovery:
    """What is known of an address's mailbox, or published of it where the
    administrator lets the domain be asked."""
    parameters = env["ir.config_parameter"].sudo()
    nameservers = parameters.get_param(NAMESERVERS, "").replace(",", " ").split()
    return discover(
        address,
        env["mailbox.provider"]._all(),
        env["mailbox.account"]._egress_policy(),
        online=parameters.get_param(MODE, "online") != "table",
        names=Names(nameservers),
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
