"""Finding the port and encryption that a host serves mail on, if those given fail."""

from __future__ import annotations

import imaplib
import smtplib
from concurrent.futures import ThreadPoolExecutor

from ..diagnosis import from_imap, from_smtp
from ..errors import EngineError, Side
from ..imap.protocol import BoundedIMAP4
from ..imap.signin import starttls
from ..net.connection import connect
from ..net.deadline import Deadline
from ..net.egress import EgressPolicy
from ..net.observer import Observer
from ..smtp.session import MailboxSMTP
from ..types import Endpoint, Security

#: The usual ones, the best first (RFC 8314; 587 and 143: RFC 6409, 9051).
USUAL = {
    Side.IMAP: ((993, Security.TLS), (143, Security.STARTTLS)),
    Side.SMTP: ((465, Security.TLS), (587, Security.STARTTLS), (25, Security.STARTTLS)),
}
#: Seconds for all of them, at the same time.
SECONDS = 8.0
_FAILURES = (EngineError, imaplib.IMAP4.error, smtplib.SMTPException, OSError)


def find_ports(
    endpoint: Endpoint,
    policy: EgressPolicy | None = None,
    seconds: float = SECONDS,
    usual: tuple[tuple[int, Security], ...] | None = None,
) -> list[tuple[int, Security]]:
    """Ports of the endpoint's host that answer in its protocol, under verified TLS.

    The given port is tried with both encryptions as well. No sign-in, no password is
    sent. The best first; empty if none answers.

    :param usual: tried instead of :data:`USUAL`
    """
    alternatives = list(usual if usual is not None else USUAL[endpoint.side])
    alternatives += [(endpoint.port, security) for security in Security]
    alternatives = list(dict.fromkeys(alternatives))
    with ThreadPoolExecutor(
        len(alternatives), thread_name_prefix="mailbox-ports"
    ) as pool:
        answers = pool.map(
            lambda one: _greets(endpoint, *one, policy, seconds), alternatives
        )
        return [
            one for one, greets in zip(alternatives, answers, strict=True) if greets
        ]


def greet(
    endpoint: Endpoint,
    policy: EgressPolicy | None,
    deadline: Deadline,
    observer: Observer | None = None,
    **timeouts: float,
) -> None:
    """Connect, read the greeting in the endpoint's protocol, encrypt; do not sign in.

    :raise EngineError: no server of that kind responds there, or it cannot encrypt
    """
    connection = connect(endpoint, policy, deadline, observer=observer, **timeouts)
    is_smtp = endpoint.side is Side.SMTP
    try:
        if is_smtp:
            session = MailboxSMTP(connection)
            session.greet()
            if endpoint.security is Security.STARTTLS:
                session.starttls()
            session.quit()
        else:
            protocol = BoundedIMAP4(connection)
            if endpoint.security is Security.STARTTLS:
                starttls(protocol)
    except _FAILURES as error:
        raise (from_smtp if is_smtp else from_imap)(error, endpoint) from None
    finally:
        connection.close()


def _greets(endpoint, port, security, policy, seconds) -> bool:
    one = Endpoint(
        endpoint.side, endpoint.host, port, security, "", "", endpoint.ca_pem
    )
    try:
        greet(one, policy, Deadline(seconds), read_timeout=seconds)
    except EngineError:
        return False
    return True
