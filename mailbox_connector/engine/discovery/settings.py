"""What discovery finds: servers, and which source named them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..types import Security

#: Placeholders for the address in a username (the ISPDB's format).
ADDRESS, LOCAL_PART, DOMAIN = "%EMAILADDRESS%", "%EMAILLOCALPART%", "%EMAILDOMAIN%"


class Source(str, Enum):
    """Where settings come from, the most trusted first."""

    TABLE = "table"
    AUTOCONFIG = "autoconfig"
    WELL_KNOWN = "well_known"
    ISPDB = "ispdb"
    SRV = "srv"
    MX_TABLE = "mx_table"
    MX_AUTOCONFIG = "mx_autoconfig"
    MX_ISPDB = "mx_ispdb"

    @property
    def rank(self) -> int:
        """0 is the most trusted."""
        return list(Source).index(self)


@dataclass(frozen=True)
class Server:
    """The IMAP or the SMTP server. ``username``: with ``%EMAIL…%`` placeholders."""

    host: str
    port: int
    security: Security
    username: str = ADDRESS

    def username_of(self, address: str) -> str:
        """The username of an address."""
        local, _at, domain = address.rpartition("@")
        return (
            self.username.replace(ADDRESS, address)
            .replace(LOCAL_PART, local)
            .replace(DOMAIN, domain)
        )


@dataclass(frozen=True)
class Settings:
    """The settings from one source.

    ``origin``: for people, the file's URL, the record's name or the provider's name.
    ``provider``: key of the provider in the table, "" if it is not one of those.
    """

    source: Source
    origin: str
    imap: Server | None = None
    smtp: Server | None = None
    provider: str = ""


@dataclass(frozen=True)
class Provider:
    """A provider as the table knows it.

    ``domains``: of its addresses. ``mx``: domains of its mail exchangers. A server that
    is None is not offered by the provider. ``passwords``: whether it allows password
    sign-in for mail apps (else OAuth only).
    """

    key: str
    name: str
    domains: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()
    imap: Server | None = None
    smtp: Server | None = None
    passwords: bool = True

    def settings(self, source: Source) -> Settings:
        """Its settings, as found by ``source``."""
        return Settings(source, self.name, self.imap, self.smtp, self.key)

    def serves(self, domain: str) -> bool:
        """Whether addresses of ``domain`` are this provider's."""
        return any(_is_under(domain, one, exact=True) for one in self.domains)

    def exchanges(self, host: str) -> bool:
        """Whether a mail exchanger is this provider's."""
        return any(_is_under(host, one) for one in self.mx)


def _is_under(name: str, domain: str, exact: bool = False) -> bool:
    name, domain = name.lower().rstrip("."), domain.lower().strip(".")
    if name == domain:
        return True
    return not exact and name.endswith("." + domain)
