"""Asking all sources at once; the one most believed decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from ..errors import EngineError
from ..mime.addresses import normalize
from ..net.deadline import Deadline
from ..net.egress import EgressPolicy
from ..net.resolver import idna_host
from . import autoconfig
from .dns import IMAP, SMTP, Names, base_domain
from .https import Https
from .settings import Provider, Settings, Source

#: Seconds that each source may take; they are asked at the same time.
SECONDS = 5.0
#: Where the public ISPDB answers for a domain.
ISPDB = "https://autoconfig.thunderbird.net/v1.1/{domain}"


@dataclass(frozen=True)
class Discovery:
    """What was found for an address.

    ``settings``: the best of it, the sides of several sources put together; None:
    nothing. ``provider``: the known provider that the address is with, though it may
    offer nothing for a password. ``sources``: all that answered, the best first.
    """

    settings: Settings | None = None
    provider: Provider | None = None
    sources: tuple[Settings, ...] = ()


def discover(
    address: str,
    providers: Sequence[Provider] = (),
    policy: EgressPolicy | None = None,
    *,
    online: bool = True,
    names: Names | None = None,
    https: Https | None = None,
    seconds: float = SECONDS,
) -> Discovery:
    """The settings of an address's mailbox. Never raises; knows nothing of passwords.

    :param providers: the table, in the order in which it is looked through
    :param online: whether anybody may be asked beside the table
    :param names: DNS; None: the system's
    :param https: for files; None: one under ``policy``
    :param seconds: for each of the sources, and for those of the mail exchanger again
    """
    domain = idna_host((normalize(address) or "").rpartition("@")[2])
    if not domain:
        return Discovery()
    known = next((one for one in providers if one.serves(domain)), None)
    if known:
        return _found([known.settings(Source.TABLE)], known)
    if not online:
        return Discovery()
    names = names or Names()
    https = https or Https(policy or EgressPolicy(), names)
    return _Asked(domain, providers, names, https, seconds).all()


class _Asked:
    """The questions about one domain."""

    def __init__(self, domain, providers, names, https, seconds):
        self.domain = domain
        self.providers = providers
        self.names = names
        self.https = https
        self.seconds = seconds

    def all(self) -> Discovery:
        questions: list[tuple[Source, Callable[[], list[Settings]]]] = [
            (Source.AUTOCONFIG, lambda: self._files(self.domain, Source.AUTOCONFIG)),
            (Source.WELL_KNOWN, lambda: self._files(self.domain, Source.WELL_KNOWN)),
            (Source.ISPDB, lambda: self._files(self.domain, Source.ISPDB)),
            (Source.SRV, self._records),
            (Source.MX_TABLE, self._exchanger),
        ]
        pool = ThreadPoolExecutor(len(questions), thread_name_prefix="mailbox-discover")
        try:
            pending = {pool.submit(ask): source for source, ask in questions}
            found = _collect(pending)
        finally:
            # Whoever is still waiting has a deadline of its own.
            pool.shutdown(wait=False, cancel_futures=True)
        by_key = {one.key: one for one in self.providers}
        provider = next(
            (by_key[one.provider] for one in found if one.provider in by_key), None
        )
        return _found(found, provider)

    def _files(self, domain: str, source: Source) -> list[Settings]:
        """The autoconfig file of a domain from one of the places."""
        url = {
            Source.AUTOCONFIG: f"https://autoconfig.{domain}/mail/config-v1.1.xml",
            Source.WELL_KNOWN: f"https://{domain}/.well-known/autoconfig/mail/"
            "config-v1.1.xml",
            Source.MX_AUTOCONFIG: f"https://autoconfig.{domain}/mail/config-v1.1.xml",
        }.get(source, ISPDB.format(domain=domain))
        try:
            xml = self.https.get(url, Deadline(self.seconds))
            if xml is None:
                return []
            imap, smtp = autoconfig.read(xml, self.domain)
        except (EngineError, ValueError):
            return []
        return [Settings(source, url, imap, smtp)] if imap or smtp else []

    def _records(self) -> list[Settings]:
        """SRV records of the domain."""
        deadline = Deadline(self.seconds)
        imap = self.names.srv(self.domain, IMAP, deadline)
        smtp = self.names.srv(self.domain, SMTP, deadline)
        if not (imap or smtp):
            return []
        origin = ", ".join(name for _server, name in filter(None, (imap, smtp)))
        return [
            Settings(Source.SRV, origin, imap and imap[0], smtp and smtp[0]),
        ]

    def _exchanger(self) -> list[Settings]:
        """The provider that receives the domain's mail."""
        for host in self.names.mx(self.domain, Deadline(self.seconds)):
            for provider in self.providers:
                if provider.exchanges(host):
                    return [provider.settings(Source.MX_TABLE)]
            base = base_domain(host)
            if base == self.domain or "." not in base:
                continue
            for source in (Source.MX_AUTOCONFIG, Source.MX_ISPDB):
                if found := self._files(base, source):
                    return found
            return []
        return []


def _collect(pending: dict[Future, Source]) -> list[Settings]:
    """All answers, the best first, until none that is missing can be better."""
    found: list[Settings] = []
    while pending:
        done, _waiting = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            del pending[future]
            found += future.result()
        found.sort(key=lambda one: one.source.rank)
        whole = next((one for one in found if one.imap and one.smtp), None)
        if whole and all(one.rank > whole.source.rank for one in pending.values()):
            break
    return found


def _found(found: Iterable[Settings], provider: Provider | None) -> Discovery:
    """Put together: a side that the best source lacks comes from the next one."""
    sources = tuple(found)
    if not sources:
        return Discovery(provider=provider)
    best = sources[0]
    for other in sources[1:]:
        # What a known provider does not offer is not to be had elsewhere.
        if best.provider:
            break
        best = replace(best, imap=best.imap or other.imap, smtp=best.smtp or other.smtp)
    return Discovery(best if best.imap or best.smtp else None, provider, sources)
