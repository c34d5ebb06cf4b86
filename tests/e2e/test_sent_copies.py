"""A copy that cannot be saved in Sent: why it cannot, and that the others are."""

import re

import pytest
from sending import find, make_agent

from devtools import imap_proxy


@pytest.fixture
def proxy(servers):
    with imap_proxy.running(servers) as running:
        yield running


@pytest.fixture
def agent(env, make_mailbox, proxy):
    """A user who owns a mailbox that is read and written through the proxy."""
    return make_agent(env, make_mailbox, imap_host=proxy.host, imap_port=proxy.port)


def deliveries(agent, *posted):
    """The rows of the queue of copies, in the order of the e-mails."""
    agent.env.invalidate_all()
    rows = agent.env["mailbox.delivery"].search([("account_id", "=", agent.account.id)])
    ids = [one.message_id for one in posted]
    return rows.sorted(lambda row: ids.index(row.message_id))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("NO [OVERQUOTA] Quota exceeded", "The mailbox is full."),
        ("NO [ALERT] You exceeded your mail quota.", "The mailbox is full."),
        ("NO [NOPERM] Permission denied", "does not let this account save e-mails"),
        ("NO [TRYCREATE] Must create mailbox", "the folder no longer exists"),
        ("NO [TOOBIG] Message too large", "the e-mail is larger than"),
        ("NO Current box is selected READ-ONLY.", "for reading only"),
        ("NO Message contains bare newlines", "refuses to save the e-mail"),
        ("BAD Command syntax error", "refuses to save the e-mail"),
        ("NO [UNAVAILABLE] Later", "has a temporary problem"),
    ],
)
def test_a_refusal_is_explained(agent, proxy, answer, reason):
    agent.post()
    proxy.answer(r"^APPEND", f"{{tag}} {answer}", times=None)
    agent.file_sent()
    shown = agent.account.sent_copy_problem
    assert shown.startswith("The e-mail was sent. The copy could not be saved in Sent:")
    assert reason in shown
    assert f"The server said: “{answer}”" in shown
    assert "check" not in shown.lower(), "the settings are right"


def test_an_e_mail_at_which_the_server_hangs_up_holds_up_no_other(agent, proxy):
    posted = [agent.post(f"Number {n}") for n in range(4)]
    bad = posted[1].message_id
    proxy.answer(re.escape(bad), "* BYE Internal error", times=None)
    agent.file_sent()
    rows = deliveries(agent, *posted)
    filed = rows.mapped("copy_state")
    assert filed == ["filed", "waiting", "filed", "filed"]
    assert rows.mapped("copy_failures") == [0, 1, 0, 0]
    assert "temporary problem" in agent.account.sent_copy_problem
    proxy.clear()
    rows.copy_retry_at = False
    agent.file_sent()
    assert len(find(agent.servers, agent.address, "Sent", bad)) == 1
    assert not agent.account.sent_copy_problem


def test_a_full_folder_is_not_tried_with_every_e_mail(agent, proxy):
    posted = [agent.post(f"Number {n}") for n in range(3)]
    proxy.forget()
    proxy.answer(r"^APPEND", "{tag} NO [OVERQUOTA] Full", times=None)
    agent.file_sent()
    sent = [c.name for one in proxy.connections for c in one.commands]
    assert sent.count("APPEND") == 1
    assert deliveries(agent, *posted).mapped("copy_failures") == [1, 1, 1]


def test_a_copy_under_another_message_id_is_not_saved_twice(agent, servers, proxy):
    """The server renamed it, and the connection was lost before we knew."""
    posted = agent.post()
    proxy.answer(r"^APPEND", "* BYE lost", times=1)
    agent.file_sent()
    copy = (
        "Message-ID: <given@provider.example>\r\n"
        f"References: {posted.message_id}\r\n\r\nHello\r\n"
    )
    servers.append(agent.address, "Sent", copy.encode())
    deliveries(agent, posted).copy_retry_at = False
    agent.file_sent()
    assert deliveries(agent, posted).copy_state == "found"
    assert not find(servers, agent.address, "Sent", posted.message_id)
