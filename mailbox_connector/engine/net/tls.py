"""TLS to mail servers: always verified, never weakened."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone
from functools import lru_cache

from ..errors import EngineError, Field, Kind, Side, one_line
from ..types import Endpoint
from .deadline import Deadline
from .observer import Encryption

#: A chain of private CAs has a few kB; larger text is something else.
MAX_PEM = 1_000_000

# Verification results of OpenSSL (x509_vfy.h)
_DATE = {9, 10, 11, 12, 13, 14}
_ISSUER = {2, 18, 19, 20, 21, 22, 24, 27, 28}
_NAME = {62, 63, 64}


def tls_context(ca_pem: str | None = None, side: Side = Side.IMAP) -> ssl.SSLContext:
    """A verifying context: the system's CAs and, if given, a private one.

    :param ca_pem: one or more certificates in PEM
    :raises EngineError: CERTIFICATE_INVALID when ``ca_pem`` holds no certificate
    """
    try:
        return _context((ca_pem or "").strip())
    except (ssl.SSLError, ValueError, TypeError) as exc:
        raise EngineError(
            Kind.CERTIFICATE_INVALID, side, field=Field.CERTIFICATE
        ) from exc


@lru_cache(maxsize=32)
def _context(ca_pem: str) -> ssl.SSLContext:
    """Cached: reading the system's CAs takes longer than a quiet sync."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_pem:
        if len(ca_pem) > MAX_PEM or "-----BEGIN CERTIFICATE-----" not in ca_pem:
            raise ValueError("not a certificate")
        context.load_verify_locations(cadata=ca_pem)
        # Users may give the server's own certificate instead of its CA's, and private
        # CAs often lack extensions that strict checks require.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def tls_error(exc: Exception, endpoint: Endpoint, deadline: Deadline) -> EngineError:
    """The error for a failed handshake, with the form field to look at."""
    kind, field, text = _classify(exc)
    if kind is Kind.TIMEOUT and not deadline.left():
        kind, field = Kind.DEADLINE, None
    return endpoint.error(kind, field=field, server_text=text, detail=text)


def encryption_of(sock: ssl.SSLSocket) -> Encryption:
    """The result of the handshake, and the server's certificate."""
    certificate = sock.getpeercert() or {}
    subject, issuer = (
        {name: value for part in certificate.get(whose, ()) for name, value in part}
        for whose in ("subject", "issuer")
    )
    names = [name for _kind, name in certificate.get("subjectAltName", ())]
    common = "commonName"
    return Encryption(
        version=sock.version() or "",
        subject=one_line(subject.get(common) or ", ".join(names[:1])),
        issuer=one_line(issuer.get("organizationName") or issuer.get(common) or ""),
        until=_moment(certificate.get("notAfter")),
    )


def _moment(text: str | None) -> datetime | None:
    """A date of a certificate, as the ssl module writes it."""
    try:
        seconds = ssl.cert_time_to_seconds(text or "")
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def _classify(exc: Exception) -> tuple[Kind, Field | None, str]:
    """Kind, form field and OpenSSL's words of a failed handshake."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        code, text = exc.verify_code, exc.verify_message or ""
        if code in _NAME or "mismatch" in text.lower():
            return Kind.CERTIFICATE_NAME, Field.HOST, text
        if code in _DATE:
            return Kind.CERTIFICATE_DATE, Field.HOST, text
        if code in _ISSUER:
            return Kind.CERTIFICATE_ISSUER, Field.CERTIFICATE, text
        return Kind.CERTIFICATE_INVALID, Field.CERTIFICATE, text
    if isinstance(exc, TimeoutError):
        return Kind.TIMEOUT, Field.SECURITY, ""
    if isinstance(exc, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Kind.CONNECTION_LOST, Field.SECURITY, ""
    if isinstance(exc, ssl.SSLError):
        reason = exc.reason or ""
        plain = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST")
        plain += ("PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
        if reason in plain:
            return Kind.TLS_ON_PLAIN_PORT, Field.SECURITY, ""
        return Kind.PROTOCOL, Field.SECURITY, reason.replace("_", " ").lower()
    if isinstance(exc, ValueError):  # not a possible host name
        return Kind.HOST_UNKNOWN, Field.HOST, ""
    return Kind.CONNECTION_LOST, Field.SECURITY, ""
