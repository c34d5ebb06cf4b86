"""Which providers put a copy of what they send into the Sent folder themselves."""

from __future__ import annotations

#: Domains of their SMTP hosts. Further ones are in the table of providers
#: (``mailbox.provider``, *saves_sent_copies*).
PROVIDER_DOMAINS = (
    "gmail.com",
    "googlemail.com",
    "office365.com",
    "outlook.com",
    "hotmail.com",
)


def saves_sent_copies(host: str) -> bool:
    """Whether the provider of an SMTP host is one of them."""
    name = host.lower().rstrip(".")
    return any(
        name == domain or name.endswith(f".{domain}") for domain in PROVIDER_DOMAINS
    )
