"""The autoconfig file format (config-v1.1.xml), which the ISPDB uses as well."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from ..net.resolver import idna_host
from ..types import Security
from .settings import ADDRESS, DOMAIN, LOCAL_PART, Server

#: Servers of one kind that are looked at.
MAX_SERVERS = 20
_SECURITY = {"ssl": Security.TLS, "starttls": Security.STARTTLS}
#: Without encryption, and sign-ins that no password is for.
_NO_PASSWORD = {"oauth2", "gssapi", "none", "client-ip-address", "tls-client-cert"}


def read(xml: bytes, domain: str) -> tuple[Server | None, Server | None]:
    """The servers that a file names: (IMAP, SMTP), each the first that is encrypted
    and takes a password; None where there is none.

    :param domain: of the address: stands in hosts for ``%EMAILDOMAIN%``
    :raise ValueError: it is no such file; one with a DTD or entities is not read
    """
    try:
        root = ElementTree.fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        raise ValueError("not an autoconfig file") from error
    if root.tag != "clientConfig":
        raise ValueError("not an autoconfig file")
    provider = root.find("emailProvider")
    if provider is None:
        raise ValueError("an autoconfig file without a provider")
    return (
        _first(provider.findall("incomingServer"), "imap", domain),
        _first(provider.findall("outgoingServer"), "smtp", domain),
    )


def _first(elements: list[Element], kind: str, domain: str) -> Server | None:
    found = [
        _server(element, domain)
        for element in elements[:MAX_SERVERS]
        if (element.get("type") or "").lower() == kind
    ]
    return next(filter(None, found), None)


def _server(element: Element, domain: str) -> Server | None:
    security = _SECURITY.get(_text(element, "socketType").lower())
    host = idna_host(_text(element, "hostname").replace(DOMAIN, domain))
    port = _text(element, "port")
    if not (security and host and port.isdecimal() and 0 < int(port[:6]) < 65536):
        return None
    ways = {
        (one.text or "").strip().lower() for one in element.findall("authentication")
    }
    if ways and ways <= _NO_PASSWORD:
        return None
    return Server(host, int(port), security, _username(_text(element, "username")))


def _username(text: str) -> str:
    """Only what is made of the address; a file cannot know anybody's name."""
    known = text
    for name in (ADDRESS, LOCAL_PART, DOMAIN):
        known = known.replace(name, "")
    return text if "%" in text and len(known) < 50 and "%" not in known else ADDRESS


def _text(element: Element, tag: str) -> str:
    found = element.find(tag)
    return (found.text or "").strip()[:500] if found is not None else ""
