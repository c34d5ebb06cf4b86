"""Fetching a small public file over https, under the egress policy."""

from __future__ import annotations

import http.client
from urllib.parse import urljoin, urlsplit

from ..errors import Side
from ..net.connection import Connection
from ..net.deadline import Deadline
from ..net.egress import EgressPolicy
from ..net.transport import connect
from ..types import Endpoint, Security
from .dns import Names

#: Bytes of a file; larger ones are no settings.
MAX_SIZE = 200_000
MAX_REDIRECTS = 3
PORT = 443


class Https:
    """A client for https alone: verified, bounded, to checked addresses.

    :param policy: what may be reached; its networks count, of ports ``port`` alone
    :param names: asked for addresses if its nameservers are our own
    :param ca_pem: a private authority
    """

    def __init__(
        self,
        policy: EgressPolicy,
        names: Names | None = None,
        ca_pem: str | None = None,
        port: int = PORT,
    ):
        self._policy = EgressPolicy(policy.allowed_networks, ports=frozenset({port}))
        self._port = port
        self._names = names if names and names.is_own else None
        self._ca_pem = ca_pem

    def get(self, url: str, deadline: Deadline) -> bytes | None:
        """The file; None: there is none, or nobody to ask. Redirects lead to https
        only.

        :raise EngineError: the server cannot be reached or is not who it says
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
            resolve=self._names.addresses if self._names else None,
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
    """HTTP over a connection of ours."""

    def __init__(self, connection: Connection, host: str):
        super().__init__(host)
        self.sock = connection

    def connect(self):
        """A connection is made once, and not again behind our back."""
        raise ConnectionError("closed")

    def close(self):
        """Whoever made the connection closes it: the answer is still read from it."""
