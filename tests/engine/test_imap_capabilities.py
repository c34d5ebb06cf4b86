"""Servers that can do less: nothing of a session may depend on an extension.

One Dovecot whose list of capabilities changes. It goes on taking the commands
that it does not announce; what a server does that knows them not, see
``test_imap_quirks.py``.
"""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone

import pytest
from imapclient.exceptions import IMAPClientError

from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.types import Role

BASE = "IMAP4rev1 AUTH=PLAIN AUTH=LOGIN"
EXTENSIONS = (
    "SASL-IR LITERAL+ ID ENABLE IDLE NAMESPACE UIDPLUS UNSELECT MOVE SORT ESEARCH"
    " LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE QRESYNC COMPRESS=DEFLATE"
)


@pytest.fixture(scope="module")
def offering():
    """``offering(capabilities)``: that Dovecot, announcing just these."""
    from devtools.base import process
    from devtools.servers import dovecot, mailservers

    server = mailservers.start("engine-capabilities", imap_capability=BASE)
    folder = server.folder / "dovecot"

    def offer(names: str):
        file = folder / "dovecot.conf"
        text = file.read_text()
        line = f"imap_capability = {names}"
        file.write_text(re.sub(r"^imap_capability = .*", line, text, flags=re.M))
        os.kill(dovecot.pid(folder), signal.SIGHUP)

        def in_force():
            # While it reads its configuration it hangs up on some.
            with suppress(OSError, IMAPClientError):
                with server.imap("probe@example.com") as client:
                    offers = {name.decode() for name in client.capabilities()}
                    return offers == set(names.upper().split())

        process.wait_for(in_force, 10, f"a Dovecot with {names}")
        return server

    yield offer
    server.stop()


def without(*gone: str) -> str:
    return " ".join([BASE, *(one for one in EXTENSIONS.split() if one not in gone)])


CASES = {
    "all there": without(),
    **{f"no {name}": without(name) for name in EXTENSIONS.split()},
    "no CONDSTORE, no QRESYNC": without("CONDSTORE", "QRESYNC"),
    "no ENABLE, no UNSELECT": without("ENABLE", "UNSELECT"),
    "Microsoft 365": f"{BASE} SASL-IR UIDPLUS MOVE ID UNSELECT IDLE NAMESPACE LITERAL+",
    "nothing but the base": BASE,
}


def mail(number: int) -> bytes:
    return (
        b"From: Anna <anna@example.org>\r\nTo: info@example.com\r\n"
        b"Message-ID: <%d.c@example.org>\r\n\r\nBody\r\n" % number
    )


@pytest.mark.parametrize("names", CASES.values(), ids=CASES)
def test_everything_works_without(offering, imap_endpoint, policy, user, names):
    server = offering(names)
    endpoint = imap_endpoint(port=server.imap_tls_port, ca_pem=server.ca_pem)
    day = datetime.now(timezone.utc)
    with server.imap(user) as other:
        other.append("INBOX", mail(1), (), day - timedelta(days=40))
        for number in (2, 3, 4):
            other.append("INBOX", mail(number))
        if "SPECIAL-USE" not in names:
            other.create_folder("Gesendete Objekte")
            other.append("Gesendete Objekte", mail(9))
    offered = set(names.split())
    with ImapSession(endpoint, policy, Deadline(30), compress=True) as session:
        assert session.capabilities == {name.upper() for name in offered}
        folders = {one.raw_name: one for one in session.list_folders(status=True)}
        before = folders["INBOX"].status
        assert (before.messages, before.uidnext) == (4, 5)
        assert bool(before.highestmodseq) == bool(offered & {"CONDSTORE", "QRESYNC"})
        assert {Role.INBOX, Role.SENT, Role.TRASH} <= {
            folder.role for folder in folders.values()
        }
        # By its special use (a plain LIST of Dovecot tells it too), else the one of
        # two that has mail in it.
        flagged = "\\Sent" in folders["Sent"].flags
        assert flagged or "SPECIAL-USE" not in offered
        sent = folders["Sent" if flagged else "Gesendete Objekte"]
        assert sent.role is Role.SENT
        assert session.status(["INBOX", "Nowhere"]) == {"INBOX": before}
        assert session.examine("INBOX").messages == 4
        assert session.search_since(None) == [1, 2, 3, 4]
        assert session.search_since(date.today() - timedelta(days=7)) == [2, 3, 4]
        assert session.search_uids(3) == [3, 4]
        assert session.search_message_id("<2.c@example.org>") == [2]
        assert session.existing([2, 4, 99]) == {2, 4}
        records = list(session.fetch_headers([1, 2, 3, 4, 99]))
        assert [one.uid for one in records] == [1, 2, 3, 4]
        assert len({one.header_hash for one in records} - {""}) == 4
        assert dict(session.fetch_messages([4, 2])) == {4: mail(4), 2: mail(2)}
        place = session.append("Sent", mail(7))
        # Dovecot tells the place whether it announces UIDPLUS or not.
        assert place and dict(_read(session, "Sent")) == {place[1]: mail(7)}
        with server.imap(user) as other:
            other.select_folder("INBOX")
            other.delete_messages([3])
            other.expunge([3])
        after = session.examine("INBOX", (before.uidvalidity, before.highestmodseq))
        assert after.messages == 3 and after.uidvalidity == before.uidvalidity
        # ENABLE comes with QRESYNC (RFC 7162 section 3.2.3).
        offers = "QRESYNC" in offered and "UNSELECT" in offered
        assert (session.vanished is not None) is offers
        assert not offers or 3 in session.vanished
        assert session.search_uids(1) == [1, 2, 4]


def _read(session, folder):
    session.examine(folder)
    return session.fetch_messages(session.search_since(None))
