"""The engine under the one name it has, with Odoo or without; real mail servers.

Importing ``odoo.addons.mailbox_connector`` would run the addon's ``__init__``,
which needs Odoo; where Odoo is not loaded, stub packages lead to the engine.
"""

from __future__ import annotations

import sys
import time
import types
import uuid
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine does.
settings.register_profile("engine", deadline=None)
settings.load_profile("engine")

ROOT = Path(__file__).resolve().parents[2]


def _stub(name: str, path: Path | None = None) -> None:
    module = types.ModuleType(name)
    module.__path__ = [str(path)] if path else []
    sys.modules[name] = module
    parent, _dot, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


if "odoo" not in sys.modules:
    _stub("odoo")
    _stub("odoo.addons")
    _stub("odoo.addons.mailbox_connector", ROOT / "mailbox_connector")
for folder in (ROOT, Path(__file__).parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@pytest.fixture(scope="session")
def servers():
    """Dovecot and an SMTP server, running; stopped again if we started them."""
    from devtools.servers import mailservers

    found = mailservers.start()
    yield found
    if found.started:
        found.stop()


@pytest.fixture
def policy():
    """Lets tests reach this machine, which a default policy refuses."""
    from odoo.addons.mailbox_connector.engine.net.egress import EgressPolicy

    return EgressPolicy(allowed_networks=("127.0.0.0/8", "::1/128"))


@pytest.fixture
def user():
    """A mailbox of this test alone."""
    return f"engine-{uuid.uuid4().hex[:12]}@example.com"


@pytest.fixture
def set_password(servers, user):
    """Gives the user a password of its own and waits until it is in force.

    Dovecot looks at its password file once a second at most.
    """
    from imapclient.exceptions import LoginError

    def change(password: str) -> None:
        servers.set_password(user, password)
        for _attempt in range(50):
            try:
                with servers.imap(user):
                    return
            except LoginError:
                time.sleep(0.1)
        raise AssertionError("the new password never came into force")

    return change


@pytest.fixture
def imap_endpoint(servers, user):
    """The user's IMAP account: ``imap_endpoint(port=…, password=…)``."""
    from odoo.addons.mailbox_connector.engine.errors import Side
    from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

    def make(**changes):
        values = {
            "side": Side.IMAP,
            "host": servers.imap_host,
            "port": servers.imap_tls_port,
            "security": Security.TLS,
            "username": user,
            "password": servers.password,
            "ca_pem": servers.ca_pem,
        }
        return Endpoint(**{**values, **changes})

    return make


@pytest.fixture
def smtp_endpoint(servers, user):
    """The user's SMTP account, the same way."""
    from odoo.addons.mailbox_connector.engine.errors import Side
    from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

    def make(**changes):
        values = {
            "side": Side.SMTP,
            "host": servers.smtp_host,
            "port": servers.smtp_starttls_port,
            "security": Security.STARTTLS,
            "username": user,
            "password": servers.password,
            "ca_pem": servers.ca_pem,
        }
        return Endpoint(**{**values, **changes})

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """An authority and what it signed: ``ca_pem``, ``pair``, and ``make(name, …)``."""
    from devtools.servers import certificates

    folder = tmp_path_factory.mktemp("tls")

    def make(name, **kwargs):
        return certificates.server(folder, name, **kwargs)

    ca_pem = certificates.authority(folder).read_text()
    return types.SimpleNamespace(ca_pem=ca_pem, pair=make("server"), make=make)


@pytest.fixture
def scripted():
    """Makes servers that say what a real one would not; see ``scripted.py``."""
    from scripted import ScriptedServer

    running = []

    def start(*args, **kwargs):
        server = ScriptedServer(*args, **kwargs)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def play(scripted, certificate, policy):
    """Runs a script and gives a session to it, not yet opened."""
    from scripted import PASSWORD

    from odoo.addons.mailbox_connector.engine.errors import Side
    from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
    from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

    started = []

    def start(script, tls=True, deadline=None, **options):
        server = scripted(script, certificate.pair if tls else None)
        endpoint = Endpoint(
            side=Side.IMAP,
            host="localhost",
            port=server.port,
            security=Security.TLS if tls else Security.STARTTLS,
            username="user@example.com",
            password=PASSWORD,
            ca_pem=certificate.ca_pem,
        )
        session = ImapSession(
            endpoint, policy, deadline, **{"read_timeout": 20.0, **options}
        )
        session.server = server
        started.append(session)
        return session

    yield start
    for session in started:
        if session._imap:
            session._imap.connection.close()
