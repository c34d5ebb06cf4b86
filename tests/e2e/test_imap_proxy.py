"""The proxy's counts and cuts: figures and fault tests are worth what these are."""

import pytest
from conftest import unique
from imapclient import IMAPClient

from devtools import imap_proxy

#: What is in a message is no command, and announces no literal.
MAIL = b"Subject: x\r\n\r\nA1 LOGOUT {5}\r\n" + b"0123456789\r\n" * 20_000


@pytest.fixture
def proxy(servers):
    with imap_proxy.running(servers) as running:
        yield running


@pytest.fixture
def user():
    return f"{unique('proxied')}@example.com"


@pytest.fixture
def dial(servers, proxy, user):
    clients = []

    def connect():
        context = servers.ssl_context()
        client = IMAPClient(
            proxy.host, port=proxy.port, ssl_context=context, timeout=20
        )
        clients.append(client)
        client.plain_login(user, servers.password)
        return client

    yield connect
    for client in clients:
        client.shutdown()


def test_literals_pass_whole_and_are_no_commands(proxy, dial):
    client = dial()
    client.append("INBOX", MAIL)
    client.select_folder("INBOX", readonly=True)
    [uid] = client.search()
    assert client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"] == MAIL
    [log] = proxy.connections
    names = [command.name for command in log.commands]
    expected = ["AUTHENTICATE", "APPEND", "EXAMINE", "UID SEARCH", "UID FETCH"]
    assert [name for name in names if name != "CAPABILITY"] == expected
    assert log.bytes_from_client > len(MAIL) < log.bytes_from_server
    assert "password" not in str(log.commands)


def test_a_literal_that_is_refused_does_not_come(proxy, dial):
    client = dial()
    proxy.answer("^APPEND", "{tag} NO [TOOBIG] Too large")
    with pytest.raises(IMAPClient.Error, match="TOOBIG"):
        client.append("INBOX", MAIL)
    client.append("INBOX", MAIL)
    assert client.folder_status("INBOX")[b"MESSAGES"] == 1


def test_a_burst_of_commands_is_one_round_trip(proxy, dial):
    client = dial()
    proxy.delay(0.1)
    before = proxy.connections[0].round_trips
    imap = client._imap
    tags = [imap._command("STATUS", "INBOX", "(MESSAGES)") for _n in range(5)]
    for tag in tags:
        imap._command_complete("STATUS", tag)
    client.noop()
    assert proxy.connections[0].round_trips - before == 2


def test_compressed_connection_is_read_and_cut(servers, proxy, user, dial):
    """Bytes are counted as IMAP and as sent; a cut is at a byte of the first."""
    from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind, Side
    from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
    from odoo.addons.mailbox_connector.engine.net.egress import EgressPolicy
    from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

    dial().append("INBOX", MAIL)
    endpoint = Endpoint(
        side=Side.IMAP,
        host=proxy.host,
        port=proxy.port,
        security=Security.TLS,
        username=user,
        password=servers.password,
        ca_pem=servers.ca_pem,
    )
    policy = EgressPolicy(allowed_networks=("127.0.0.0/8", "::1"))

    def fetched():
        proxy.forget()
        with ImapSession(endpoint, policy, compress=True) as session:
            session.examine("INBOX")
            return [raw for _uid, raw in session.fetch_messages([1])]

    assert fetched() == [MAIL]
    log = proxy.connections[0]
    assert "COMPRESS" in [command.name for command in log.commands]
    assert log.wire_from_server < len(MAIL) < log.bytes_from_server
    fault = proxy.cut_at_byte(len(MAIL) // 2)
    with pytest.raises(EngineError) as error:
        fetched()
    assert error.value.kind is Kind.CONNECTION_LOST
    assert fault.fired == 1


@pytest.mark.parametrize("when", imap_proxy.WHEN)
def test_cut_after_a_command(proxy, dial, when):
    """The server has carried the command out; the client hears none, some or all of
    the answer."""
    client = dial()
    number = len(proxy.connections[0].commands) + 1
    fault = proxy.cut_after_command(number, when)
    if when == "after":
        client.create_folder("Cut")
    else:
        with pytest.raises(client.AbortError):
            client.create_folder("Cut")
    with pytest.raises(client.AbortError):
        client.noop()
    assert fault.fired == 1
    assert dial().folder_exists("Cut")
