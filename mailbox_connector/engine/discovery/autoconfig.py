"""The autoconfig file format (config-v1.1.xml), which the ISPDB uses as well."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from ..net.resolver import idna_host
from ..types import Security
from .settings import ADDRESS, DOMAIN, LOCAL_PART, Server

#: Servers of one kind that are read.
MAX_SERVERS = 20
_SECURITY = {"ssl": Security.TLS, "starttls": Security.STARTTLS}
#: Sign-in methods without a password.
_NO_PASSWORD = {"oauth2", "gssapi", "none", "client-ip-address", "tls-client-cert"}


def read(xml: bytes, domain: str) -> tuple[Server | None, Server | None]:
    """The servers in a file: (IMAP, SMTP), each the first that is encrypted and accepts
    a password; None where there is none.

    :param domain: of the address: replaces ``%EMAILDOMAIN%`` in hosts
    :raise ValueError: it is not such a file, or it has a DTD or entities
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
    methods = {
        (one.text or "").strip().lower() for one in element.findall("authentication")
    }
    if methods and methods <= _NO_PASSWORD:
        return None
    return Server(host, int(port), security, _username(_text(element, "username")))


def _username(text: str) -> str:
    """The username pattern, if it is made from the address; else the address."""
    known = text
    for name in (ADDRESS, LOCAL_PART, DOMAIN):
        known = known.replace(name, "")
    return text if "%" in text and len(known) < 50 and "%" not in known else ADDRESS


def _text(element: Element, tag: str) -> str:
    found = element.find(tag)
    return (found.text or "").strip()[:500] if found is not None else ""
