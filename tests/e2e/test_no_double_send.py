"""No mail is sent twice: not after a crash, a lost connection, a rollback, a race."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from misbehaving_smtp import CLOSE, ScriptedServer
from sending import delivered, find, inbox, make_agent

from odoo import SUPERUSER_ID
from odoo.api import Environment
from odoo.modules.registry import Registry
from odoo.tools import mute_logger

from odoo.addons.mailbox_connector.services.sending import smtp_session

from devtools.servers import certificates

CORE = "odoo.addons.mail.models.mail_mail"


@pytest.fixture
def agent(env, make_mailbox):
    """A user who owns a connected mailbox."""
    return make_agent(env, make_mailbox)


#: Sends mails and dies around handing over the one of that number.
KILLED = """
    import os, signal
    from odoo import SUPERUSER_ID, api
    from odoo.modules.registry import Registry
    from odoo.addons.mailbox_connector.services.sending import smtp_session

    smtp_send, handed = smtp_session.send, []
    def send_and_die(*args):
        handed.append(args)
        if len(handed) < {number}:
            return smtp_send(*args)
        if {after}:
            smtp_send(*args)
        os.kill(os.getpid(), signal.SIGKILL)
    smtp_session.send = send_and_die
    with Registry({database!r}).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {{}})
        env["mail.mail"].browse({mails}).send(auto_commit=True)
"""


def send_and_die(mails, number=1, after=True):
    """Send in a process that is killed at the mail of that number, or after it."""
    mails.env.cr.commit()
    script = textwrap.dedent(KILLED).format(
        after=after, number=number, database=mails.env.cr.dbname, mails=mails.ids
    )
    setup = "import odoo.tools.config as c; c.parse_config([])\n"
    worker = subprocess.run(
        [sys.executable, "-c", setup + script],
        env=os.environ,
        timeout=120,
        check=False,
    )
    assert worker.returncode == -signal.SIGKILL


def run_queue(mails):
    mails.env["mail.mail"].process_email_queue(mails.ids)
    mails.env.cr.commit()
    mails.env.invalidate_all()


@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@mute_logger(CORE)
def test_a_worker_killed_around_the_handing_over(agent, servers, after):
    """The mail is not sent again automatically, whatever the queue does; a person is
    alerted and decides."""
    posted = agent.post(force_send=False)
    mail = agent.mails(posted)
    send_and_die(mail, after=after)
    arrived = 1 if after else 0
    if after:
        inbox(servers, agent.contact.email, posted.message_id)
    for _run in range(2):
        run_queue(mail)
    mails = delivered(servers, agent.contact.email, posted.message_id)
    assert len(mails) == arrived
    [(status, reason)] = agent.status(posted)
    assert status == "exception"
    assert "may have been sent" in reason
    agent.retry(posted)
    assert len(inbox(servers, agent.contact.email, posted.message_id)) == arrived + 1


def several(agent, count=5):
    """Messages in the queue, and their mails."""
    posted = [agent.post(f"Number {n}", force_send=False) for n in range(count)]
    mails = agent.env["mail.mail"].union(*map(agent.mails, posted))
    return posted, mails.sorted("id")


@mute_logger(CORE)
def test_a_worker_killed_amid_several_mails(agent, servers):
    """What was sent before, and not yet noted on the mails, is not sent again; what
    was not begun is sent."""
    posted, mails = several(agent)
    send_and_die(mails, number=3)
    mails = mails.exists()  # the first is settled, and gone
    assert mails.mapped("state") == ["outgoing"] * 4
    for _run in range(2):
        run_queue(mails)
    for one in posted:
        assert len(inbox(servers, agent.contact.email, one.message_id)) == 1
    states = [agent.status(one)[0][0] for one in posted]
    assert states == ["sent", "sent", "exception", "sent", "sent"]


@mute_logger(CORE)
def test_a_mail_that_is_changed_while_others_are_sent(agent, servers, monkeypatch):
    """The database refuses what was done in the same go; nobody gets a mail twice and
    nobody none."""
    posted, mails = several(agent)
    handed = []
    send = smtp_session.send

    def send_and_interfere(*args):
        handed.append(args)
        if len(handed) == 2:
            with Registry(agent.env.cr.dbname).cursor() as cr:
                other = Environment(cr, SUPERUSER_ID, {})["mail.mail"]
                other.browse(mails[2].id).references = "<other@example.com>"
        return send(*args)

    monkeypatch.setattr(smtp_session, "send", send_and_interfere)
    mails.send(auto_commit=True)
    agent.env.invalidate_all()
    assert [agent.status(one)[0][0] for one in posted] == ["sent"] * 5
    for one in posted:
        assert len(inbox(servers, agent.contact.email, one.message_id)) == 1
    assert len(handed) == 5


def test_a_rolled_back_sending_is_not_done_again(agent, servers):
    """The mail has left, then the database refuses: the queue sends it no more."""
    posted = agent.post(force_send=False)
    mail = agent.mails(posted)
    agent.env.cr.commit()
    mail.send()
    agent.env.cr.rollback()
    agent.env.invalidate_all()
    assert mail.state == "outgoing"
    agent.env["mail.mail"].process_email_queue([mail.id])
    agent.env.cr.commit()
    assert agent.status(posted) == [("sent", False)]
    assert len(inbox(servers, agent.contact.email, posted.message_id)) == 1
    agent.file_sent()
    assert len(find(servers, agent.address, "Sent", posted.message_id)) == 1


@pytest.fixture
def breaking_server(servers):
    """An SMTP server that hangs up on the second mail of a session, after all of it
    was sent and before it is answered."""
    accept = [(rb"^MAIL", b"250 ok\r\n"), (rb"^RCPT", b"250 ok\r\n")]
    data = (rb"^DATA", b"354 go on\r\n")
    script = [
        (None, b"220 breaking.example\r\n"),
        (rb"^EHLO", b"250-breaking.example\r\n250 AUTH PLAIN\r\n"),
        (rb"^AUTH", b"235 ok\r\n"),
        *accept,
        data,
        (rb"^\.\r\n", b"250 taken\r\n"),
        *accept,
        data,
        (rb"^\.\r\n", CLOSE),
    ]
    server = ScriptedServer(script, certificates.server(servers.folder / "tls"))
    yield server
    server.stop()


@mute_logger(CORE)
def test_a_connection_lost_after_data_concerns_one_mail(
    env, make_mailbox, breaking_server
):
    """The mails before and after it have left and are not sent again; of the one it
    is not known, and it waits for a person."""
    agent = make_agent(
        env, make_mailbox, smtp_port=breaking_server.port, smtp_security="tls"
    )
    posted = [agent.post(f"Number {n}", force_send=False) for n in (1, 2, 3)]
    ids = [agent.mails(one).id for one in posted]
    env["mail.mail"].process_email_queue(ids)
    env.cr.commit()
    states = [agent.status(one)[0] for one in posted]
    assert [status for status, _reason in states] == ["sent", "exception", "sent"]
    assert "may have been sent" in states[1][1]
    for _run in range(2):
        env["mail.mail"].process_email_queue(ids)
        env.cr.commit()
    heads = [
        line for line in breaking_server.received if line.startswith(b"Message-Id")
    ]
    for one in posted:
        assert sum(one.message_id.encode() in head for head in heads) == 1
