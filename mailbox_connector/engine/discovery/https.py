"""Fetching a small public file over https, under the egress policy."""

from __future__ import annotations

import http.client
from urllib.parse import urljoin, urlsplit

from ..errors import Side
from ..net.connection import Connection, connect
from ..net.deadline import Deadline
from ..net.egress import EgressPolicy
from ..types import Endpoint, Security
from .dns import DnsResolver

#: Bytes of a file; a larger one is ignored.
MAX_SIZE = 200_000
MAX_REDIRECTS = 3
PORT = 443


class Https:
    """A client for https alone: verified, bounded, to checked addresses.

    :param policy: which networks may be reached; its ports do not apply, ``port`` does
    :param resolver: asked for addresses if it is not the system's
    :param ca_pem: a private CA
    """

    def __init__(
        self,
        policy: EgressPolicy,
        resolver: DnsResolver | None = None,
        ca_pem: str | None = None,
        port: int = PORT,
    ):
        self._policy = EgressPolicy(policy.allowed_networks, ports=frozenset({port}))
        self._port = port
        self._resolver = resolver if resolver and resolver.is_own else None
        self._ca_pem = ca_pem

    def get(self, url: str, deadline: Deadline) -> bytes | None:
        """The file; None: there is none. Redirects are followed to https only.

        :raise EngineError: the server cannot be reached or its certificate is not valid
        """
        for _hop in range(MAX_REDIRECTS + 1):
            parts = urlsplit(url)
            if parts.scheme != "https" or not parts.hostname or parts.username:
                return None
            if parts.port not in (None, PORT):
                return None
            status, location, body = self._request(parts, deadline)
            if status == 200:
                return body
            if status not in (301, 302, 303, 307, 308) or not location:
                return None
            url = urljoin(url, location)
        return None

    def _request(self, parts, deadline: Deadline) -> tuple[int, str, bytes | None]:
        endpoint = Endpoint(
            Side.IMAP, parts.hostname, self._port, Security.TLS, "", "", self._ca_pem
        )
        connection = connect(
            endpoint,
            self._policy,
            deadline,
            resolve=self._resolver.addresses if self._resolver else None,
        )
        client = _Client(connection, parts.hostname)
        try:
            target = parts.path or "/"
            target += f"?{parts.query}" if parts.query else ""
            client.request("GET", target, headers={"Accept": "text/xml"})
            response = client.getresponse()
            body = response.read(MAX_SIZE + 1)
            is_whole = len(body) <= MAX_SIZE
            location = response.getheader("Location") or ""
            return response.status, location, body if is_whole else None
        except (http.client.HTTPException, OSError, ValueError):
            return 0, "", None
        finally:
            connection.close()


class _Client(http.client.HTTPConnection):
    """HTTP over a :class:`~..net.connection.Connection`."""

    def __init__(self, connection: Connection, host: str):
        super().__init__(host)
        self.sock = connection

    def connect(self):
        """Never reconnect: only the checked connection is used."""
        raise ConnectionError("closed")

    def close(self):
        """Keep the connection open: the response is still read from it. Https closes
        it."""
