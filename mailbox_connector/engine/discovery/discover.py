"""Asking all sources at once; the most trusted one that answers decides.

Every request goes to a server of the domain itself, of its mail exchanger's registered
domain, or of the ISPDB. It contains the domain, never the address or a password.
"""

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
from .dns import IMAP, SMTP, DnsResolver, base_domain
from .https import Https
from .settings import Provider, Settings, Source

#: Seconds that each source may take; they are asked at the same time.
SECONDS = 5.0
#: Where the public ISPDB answers for a domain.
ISPDB = "https://autoconfig.thunderbird.net/v1.1/{domain}"


@dataclass(frozen=True)
class Discovery:
    """What was found for an address.

    ``settings``: the best of it, which may combine IMAP and SMTP from several sources;
    None: nothing. ``provider``: the known provider of the address, even if it does not
    allow sign-in by password. ``sources``: all that answered, the most trusted first.
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
    resolver: DnsResolver | None = None,
    https: Https | None = None,
    seconds: float = SECONDS,
) -> Discovery:
    """The settings of an address's mailbox. Never raises; uses no password.

    :param providers: the table; the first that fits is taken
    :param online: whether to ask other sources than the table
    :param resolver: for DNS; None: the system's
    :param https: for files; None: one under ``policy``
    :param seconds: for each source, and again for those of the mail exchanger
    """
    domain = idna_host((normalize(address) or "").rpartition("@")[2])
    if not domain:
        return Discovery()
    known = next((one for one in providers if one.serves(domain)), None)
    if known:
        return _combine([known.settings(Source.TABLE)], known)
    if not online:
        return Discovery()
    resolver = resolver or DnsResolver()
    https = https or Https(policy or EgressPolicy(), resolver)
    return _Search(domain, providers, resolver, https, seconds).run()


class _Search:
    """Asks all sources about one domain."""

    def __init__(self, domain, providers, resolver, https, seconds):
        self.domain = domain
        self.providers = providers
        self.resolver = resolver
        self.https = https
        self.seconds = seconds

    def run(self) -> Discovery:
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
            # Threads that are still waiting end by their own deadlines.
            pool.shutdown(wait=False, cancel_futures=True)
        by_key = {one.key: one for one in self.providers}
        provider = next(
            (by_key[one.provider] for one in found if one.provider in by_key), None
        )
        return _combine(found, provider)

    def _files(self, domain: str, source: Source) -> list[Settings]:
        """The autoconfig file of a domain, from one of its usual URLs."""
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
        imap = self.resolver.srv(self.domain, IMAP, deadline)
        smtp = self.resolver.srv(self.domain, SMTP, deadline)
        if not (imap or smtp):
            return []
        origin = ", ".join(name for _server, name in filter(None, (imap, smtp)))
        return [
            Settings(Source.SRV, origin, imap and imap[0], smtp and smtp[0]),
        ]

    def _exchanger(self) -> list[Settings]:
        """The provider that receives the domain's mail."""
        for host in self.resolver.mx(self.domain, Deadline(self.seconds)):
            for provider in self.providers:
                if provider.exchanges(host):
                    return [provider.settings(Source.MX_TABLE)]
            base = base_domain(host)
            if base in ("", self.domain):
                continue
            for source in (Source.MX_AUTOCONFIG, Source.MX_ISPDB):
                if found := self._files(base, source):
                    return found
            return []
        return []


def _collect(pending: dict[Future, Source]) -> list[Settings]:
    """Results, the most trusted first; stops when no missing one can be more
    trusted."""
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


def _combine(found: Iterable[Settings], provider: Provider | None) -> Discovery:
    """The result: a server that the best source does not name comes from the next
    one."""
    sources = tuple(found)
    if not sources:
        return Discovery(provider=provider)
    best = sources[0]
    for other in sources[1:]:
        # A server that a known provider does not offer does not exist elsewhere.
        if best.provider:
            break
        best = replace(best, imap=best.imap or other.imap, smtp=best.smtp or other.smtp)
    return Discovery(best if best.imap or best.smtp else None, provider, sources)
