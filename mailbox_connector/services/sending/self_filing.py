"""Which providers put a copy of what they send into the Sent folder themselves."""

from __future__ import annotations

#: Domains of their SMTP hosts. Further ones are in the table of providers
#: (``mailbox.provider``, *files_sent*).
SELF_FILING = (
    "gmail.com",
    "googlemail.com",
    "office365.com",
    "outlook.com",
    "hotmail.com",
)


def is_self_filing(host: str) -> bool:
    """Whether the provider of an SMTP host is one of them."""
    name = host.lower().rstrip(".")
    return any(name == domain or name.endswith(f".{domain}") for domain in SELF_FILING)
