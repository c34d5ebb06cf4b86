"""Reading a real Dovecot: what a mailbox's owner relies on."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta, timezone

import pytest

from odoo.addons.mailbox_connector.engine.errors import EngineError, Field, Kind
from odoo.addons.mailbox_connector.engine.imap.ranges import UidRanges
from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.types import Role, Security

MAIL = b"""From: "Kundin, Anna" <Anna@Example.org>\r
To: info@example.com\r
Cc: =?utf-8?q?J=C3=B6rg?= <joerg@example.net>\r
Reply-To: reply@example.org\r
Subject: Hello\r
Message-ID: <%d.abc@example.org>\r
\r
Body %d\r
"""


def mail(number: int) -> bytes:
    return MAIL % (number, number)


def fails(endpoint, policy, **kwargs) -> EngineError:
    with pytest.raises(EngineError) as caught:
        with ImapSession(endpoint, policy, **kwargs):
            pass
    assert endpoint.password not in repr(caught.value) + caught.value.server_text
    return caught.value


def visible(states):
    """UIDs, flags, sizes, dates. Not HIGHESTMODSEQ: Dovecot starts counting when
    somebody first asks for it."""
    return {
        name: (state.uidvalidity, state.uidnext, state.messages)
        for name, state in states.items()
    }


@pytest.fixture
def session(imap_endpoint, policy):
    with ImapSession(imap_endpoint(), policy, Deadline(30)) as opened:
        yield opened


@pytest.mark.parametrize("security", list(Security))
def test_signs_in_encrypted_either_way(imap_endpoint, policy, servers, security):
    port = {
        Security.TLS: servers.imap_tls_port,
        Security.STARTTLS: servers.imap_starttls_port,
    }[security]
    with ImapSession(imap_endpoint(security=security, port=port), policy) as session:
        assert session.folder is None
        # What is offered only after signing in is known.
        assert {"LIST-STATUS", "UIDPLUS", "CONDSTORE"} <= session.capabilities
        assert session._imap.connection.encrypted


@pytest.mark.parametrize("password", ["pässwörd-für-Ünlaute", 'quo"te\\s', "a%b{3}"])
def test_any_password_signs_in(imap_endpoint, policy, set_password, password):
    set_password(password)
    with ImapSession(imap_endpoint(password=password), policy) as session:
        assert session.capabilities


def test_wrong_password_names_the_password(imap_endpoint, policy, set_password):
    set_password("the-right-password")
    error = fails(imap_endpoint(password="not-the-right-one"), policy)
    assert (error.kind, error.field) == (Kind.LOGIN_WRONG, Field.PASSWORD)
    assert not error.retryable


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "a@example.com\r\nA2 DELETE INBOX"}, Field.USERNAME),
        ({"password": "x\r\nA2 DELETE INBOX"}, Field.PASSWORD),
        ({"password": ""}, Field.PASSWORD),
    ],
)
def test_credentials_cannot_smuggle_commands(imap_endpoint, policy, changes, field):
    with pytest.raises(EngineError) as caught:
        ImapSession(imap_endpoint(**changes), policy).open()
    assert (caught.value.kind, caught.value.field) == (Kind.LOGIN_WRONG, field)


def test_nothing_listens_there(imap_endpoint, policy):
    from devtools.base.process import free_ports

    error = fails(imap_endpoint(port=free_ports(1)[0]), policy)
    assert (error.kind, error.field) == (Kind.REFUSED, Field.PORT)


def test_tls_chosen_for_a_starttls_port(imap_endpoint, policy, servers):
    error = fails(imap_endpoint(port=servers.imap_starttls_port), policy)
    assert (error.kind, error.field) == (Kind.TLS_ON_PLAIN_PORT, Field.SECURITY)


def test_starttls_chosen_for_a_tls_port(imap_endpoint, policy):
    endpoint = imap_endpoint(security=Security.STARTTLS)
    error = fails(endpoint, policy, read_timeout=4)
    assert (error.kind, error.field) == (Kind.PLAIN_ON_TLS_PORT, Field.SECURITY)


def test_certificate_of_an_unknown_authority(imap_endpoint, policy):
    error = fails(imap_endpoint(ca_pem=None), policy)
    assert (error.kind, error.field) == (Kind.CERTIFICATE_ISSUER, Field.CERTIFICATE)


def test_certificate_of_another_authority(imap_endpoint, policy, tmp_path):
    from devtools.servers import certificates

    other = certificates.authority(tmp_path).read_text()
    error = fails(imap_endpoint(ca_pem=other), policy)
    assert error.kind in (Kind.CERTIFICATE_ISSUER, Kind.CERTIFICATE_INVALID)
    assert error.field is Field.CERTIFICATE


def test_local_hosts_need_the_administrators_leave(imap_endpoint):
    error = fails(imap_endpoint(), None)
    assert (error.kind, error.field) == (Kind.HOST_FORBIDDEN, Field.HOST)


def test_folders_their_roles_and_names(session, servers, user):
    servers.append(user, "Büro & Kunden", mail(1))
    folders = {folder.name: folder for folder in session.list_folders(status=True)}
    assert folders["INBOX"].role is Role.INBOX
    assert {folder.role for folder in folders.values()} >= {Role.SENT, Role.TRASH}
    special = folders["Büro & Kunden"]
    assert special.raw_name == "B&APw-ro &- Kunden"
    assert special.status.messages == 1
    assert session.examine(special.raw_name).messages == 1


def test_status_of_many_and_of_one_that_is_gone(session, servers, user):
    servers.append(user, "INBOX", mail(1))
    servers.append(user, 'Odd "name" \\ here', mail(2))
    raw = 'Odd "name" \\ here'
    states = session.status(["INBOX", "Nowhere", raw])
    assert set(states) == {"INBOX", raw}
    assert states["INBOX"].messages == 1
    assert states["INBOX"].uidnext == 2
    assert states["INBOX"].uidvalidity > 0


def test_a_folder_that_is_gone_is_named(session):
    for name in ("Vanished", "With\r\nA1 LOGOUT"):
        with pytest.raises(EngineError) as caught:
            session.examine(name)
        assert caught.value.kind is Kind.FOLDER_GONE
        assert caught.value.detail.startswith(name[:4])
    assert session.examine("INBOX").messages == 0  # the session lives on


def test_headers_bodies_and_searches(session, servers, user):
    day = datetime.now(timezone.utc)
    old = servers.append(user, "INBOX", mail(1), internaldate=day - timedelta(days=40))
    new = servers.append_many(user, "INBOX", [mail(2), mail(3)])
    status = session.examine("INBOX")
    assert (status.messages, status.uidnext) == (3, new[-1] + 1)
    assert session.search_since(None) == [old, *new]
    assert session.search_since(date.today() - timedelta(days=7)) == new
    assert session.search_message_id("<2.abc@example.org>") == [new[0]]
    assert session.search_message_id('<no"such\\one@example.org>') == []
    assert session.search_message_id("<ü@example.org>\r\nA1 LOGOUT") == []
    assert session.search_uids(new[0], new[0]) == [new[0]]
    assert session.search_uids(new[-1] + 1) == []  # "n:*" would give the last one

    records = list(session.fetch_headers([*new, old, 4000]))
    assert [record.uid for record in records] == [old, *new]
    record = records[0]
    assert [str(one) for one in record.addresses["from"]] == [
        "Kundin, Anna <anna@example.org>"
    ]
    assert record.addresses["cc"][0].name == "Jörg"
    assert record.addresses["reply_to"][0].email == "reply@example.org"
    assert record.message_id == "<1.abc@example.org>"
    assert record.size == len(mail(1))
    assert abs(record.internal_date - (day - timedelta(days=40))).total_seconds() < 2

    wanted = [new[1], 4000, old]
    assert list(session.fetch_messages(wanted)) == [(new[1], mail(3)), (old, mail(1))]


def test_hundreds_in_batches(session, servers, user):
    # Every second UID is missing: sets that do not compress.
    from odoo.addons.mailbox_connector.engine.imap import messages as module

    uids = servers.append_many(user, "INBOX", [mail(n) for n in range(130)])
    session.examine("INBOX")
    asked = uids[::2]
    assert [record.uid for record in session.fetch_headers(asked)] == asked
    assert [uid for uid, _raw in session.fetch_messages(asked)] == asked
    for some in ([*range(1, 100_001, 3)], [n for n in range(1, 60_000) if n % 7 > 2]):
        chunks = list(module._set_chunks(some))
        sets = [len(str(UidRanges.from_uids(chunk))) for chunk in chunks]
        assert module.MAX_SET - 20 < min(sets[:-1]) <= max(sets) <= module.MAX_SET
        assert sum(chunks, []) == some


def test_an_empty_message_is_a_message(session, servers, user):
    uid = servers.append(user, "INBOX", b"\r\n")
    session.examine("INBOX")
    (record,) = session.fetch_headers([uid])
    assert record.addresses == {"from": [], "reply_to": [], "to": [], "cc": []}
    assert dict(session.fetch_messages([uid])) == {uid: b"\r\n"}


def test_append_gives_the_place(session, servers, user):
    sent = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)
    place = session.append("Sent", mail(7).replace(b"\r\n", b"\n"), date=sent)
    status = session.examine("Sent")
    assert place == (status.uidvalidity, status.uidnext - 1)
    assert dict(session.fetch_messages([place[1]])) == {place[1]: mail(7)}
    (record,) = session.fetch_headers([place[1]])
    assert record.internal_date == sent
    flags = servers.folder_state(user)["Sent"].messages[place[1]][0]
    assert "\\Seen" in str(flags)


def test_append_to_a_folder_that_is_gone(session):
    with pytest.raises(EngineError) as caught:
        session.append("No such folder", mail(1))
    assert (caught.value.kind, caught.value.detail) == (
        Kind.FOLDER_GONE,
        "No such folder",
    )


def test_reading_changes_nothing(session, servers, user):
    """Opening a customer's mail here must not mark it as read elsewhere."""
    servers.append_many(user, "INBOX", [mail(n) for n in range(5)])
    servers.append(user, "Archive/2025", mail(9), flags=("\\Flagged",))
    before = visible(servers.folder_state(user))
    for folder in session.list_folders(status=True):
        if folder.selectable:
            session.status([folder.raw_name])
            session.examine(folder.raw_name)
            uids = session.search_since(None)
            list(session.fetch_headers(uids))
            list(session.fetch_messages(uids))
    session.close()
    assert visible(servers.folder_state(user)) == before


def test_no_trace_of_the_password(imap_endpoint, policy, caplog):
    """Debug logging of a whole Odoo must not write a password down."""
    caplog.set_level("DEBUG")
    endpoint = imap_endpoint()
    with ImapSession(endpoint, policy) as session:
        session.list_folders()
        state = repr(vars(session._imap))
    assert endpoint.password not in caplog.text + state + repr(endpoint)


def test_deadline_ends_a_session(imap_endpoint, policy):
    endpoint = imap_endpoint()
    with ImapSession(endpoint, policy, Deadline(20)) as session:
        session._imap.connection.deadline = Deadline(0)
        with pytest.raises(EngineError) as caught:
            session.examine("INBOX")
        assert caught.value.kind is Kind.DEADLINE
    late = dataclasses.replace(endpoint)
    assert fails(late, policy, deadline=Deadline(0)).kind is Kind.DEADLINE
