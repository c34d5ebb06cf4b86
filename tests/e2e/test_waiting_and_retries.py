"""Mail that cannot go now waits and is retried; what nobody knows is asked.

Plain functions: in a class Odoo would take them for tests that do not send.
"""

import socket
import threading
from datetime import timedelta

import pytest
from conftest import message, unique
from misbehaving_smtp import CLOSE, MisbehavingServer
from sending import delivered, find, inbox, make_agent, make_contact, make_user

from odoo import SUPERUSER_ID, fields
from odoo.api import Environment
from odoo.exceptions import AccessError
from odoo.modules.registry import Registry
from odoo.tools import mute_logger

from devtools.servers import certificates

CORE = "odoo.addons.mail.models.mail_mail"


@pytest.fixture
def agent(env, make_mailbox):
    """A user who owns a connected mailbox."""
    return make_agent(env, make_mailbox)


@pytest.fixture
def scripted(servers):
    """An SMTP server that says what the test tells it to."""
    server = MisbehavingServer(certificates.server(servers.folder / "tls"))
    yield server
    server.stop()


@pytest.fixture
def odd(env, make_mailbox, scripted):
    """An agent whose mailbox sends by the scripted server."""
    agent = make_agent(env, make_mailbox, smtp_port=scripted.port, smtp_security="tls")
    scripted.received.clear()  # Connect asked whether it may send
    return agent


def run_queue(agent, mails=None, **context):
    """The mail queue's scheduled action, as far as it concerns a mailbox."""
    env = agent.env
    env.cr.commit()
    mails = mails or env["mail.mail"]._queued_for(agent.account)
    env["mail.mail"].with_context(**context).process_email_queue(mails.ids)
    env.cr.commit()
    env.invalidate_all()


def look(agent):
    """The scheduled action that looks for what may have been sent."""
    agent.env.cr.commit()
    agent.env["mailbox.delivery"].search(
        [("lookup_at", "!=", False)]
    ).lookup_at = fields.Datetime.now()
    agent.file_sent()


def age(agent, **ago):
    """Let time pass for what was sent."""
    for row in ledger(agent):
        row.handed_at -= timedelta(**ago)
    agent.env["mail.mail"]._queued_for(agent.account).scheduled_date = False
    agent.env.cr.commit()


def ledger(agent):
    return agent.env["mailbox.delivery"].search([("account_id", "=", agent.account.id)])


def statuses(agent, posted):
    return [agent.status(one)[0][0] for one in posted]


# ----------------------------------------------------------------------
# Limits of the mailbox
# ----------------------------------------------------------------------


def test_what_exceeds_the_hours_limit_waits_and_goes_later(agent, servers):
    agent.account.limit_hour = 2
    posted = [agent.post(f"Number {number}") for number in (1, 2, 3)]
    assert statuses(agent, posted) == ["sent", "sent", "ready"]
    [(_status, reason)] = agent.status(posted[2])
    assert "2 recipients an hour" in reason
    mail = agent.mails(posted[2])
    assert mail.state == "outgoing"
    assert "2 recipients an hour" in mail.mailbox_wait_reason
    assert "Odoo sends it automatically at" in reason
    wait = mail.scheduled_date - fields.Datetime.now()
    assert timedelta(minutes=55) < wait <= timedelta(hours=1, seconds=1)
    assert "1 e-mail is waiting; sending resumes at" in agent.account.waiting_text
    assert "2 recipients an hour" in agent.account.waiting_reason
    queue = agent.env.ref("mail.ir_cron_mail_scheduler_action")
    assert agent.env["ir.cron.trigger"].search_count(
        [
            ("cron_id", "=", queue.id),
            ("call_at", ">=", mail.scheduled_date),
            ("call_at", "<=", mail.scheduled_date + timedelta(minutes=1)),
        ]
    ), "the mail queue is woken when it may go"
    run_queue(agent)
    assert statuses(agent, posted) == ["sent", "sent", "ready"], "not before"
    age(agent, hours=1, seconds=2)
    run_queue(agent)
    assert statuses(agent, posted) == ["sent", "sent", "sent"]
    assert not agent.account.waiting_text
    for one in posted:
        assert len(inbox(servers, agent.contact.email, one.message_id)) == 1


def test_two_workers_together_do_not_exceed_the_limit(agent, servers):
    agent.account.limit_hour = 2
    posted = [agent.post(f"Number {n}", force_send=False) for n in range(4)]
    ids = [agent.mails(one).id for one in posted]
    agent.env.cr.commit()
    gate = threading.Barrier(len(ids))

    def work(mail_id):
        with Registry(agent.env.cr.dbname).cursor() as cr:
            mail = Environment(cr, SUPERUSER_ID, {})["mail.mail"].browse(mail_id)
            gate.wait(10)
            mail.send()

    workers = [threading.Thread(target=work, args=[mail_id]) for mail_id in ids]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    agent.env.cr.commit()
    assert sorted(statuses(agent, posted)) == ["ready", "ready", "sent", "sent"]
    arrived = [
        delivered(servers, agent.contact.email, one.message_id) for one in posted
    ]
    assert sorted(map(len, arrived)) == [0, 0, 1, 1]


def test_a_mail_to_more_than_the_limit_goes_in_parts(agent, servers):
    agent.account.limit_hour = 2
    people = [make_contact(agent.env, f"Person {n}") for n in range(3)]
    mail = mass_mail(agent, ", ".join(one.email for one in people))
    run_queue(agent, mail)
    assert mail.state == "outgoing" and mail.mailbox_wait_reason
    age(agent, hours=1, seconds=2)
    run_queue(agent, mail)
    assert mail.state == "sent"
    for one in people:
        assert len(inbox(servers, one.email, mail.message_id)) == 1


def test_a_pause_between_mails_is_kept(agent):
    agent.account.limit_seconds = 1
    posted = [agent.post(f"Number {n}", force_send=False) for n in range(3)]
    run_queue(agent, cron_id=1)
    assert statuses(agent, posted) == ["sent"] * 3
    moments = sorted(ledger(agent).mapped("handed_at"))
    gaps = [(b - a).total_seconds() for a, b in zip(moments, moments[1:], strict=False)]
    assert min(gaps) >= 1


def test_a_raised_limit_lets_go_what_waits(agent):
    agent.account.limit_day = 1
    posted = [agent.post("One"), agent.post("Two")]
    assert statuses(agent, posted) == ["sent", "ready"]
    agent.account.limit_day = 5
    run_queue(agent)
    assert statuses(agent, posted) == ["sent", "sent"]


def test_an_archived_mailbox_pauses_what_waits(agent, servers):
    """It leaves neither by another server nor when its time has come."""
    agent.account.limit_hour = 1
    posted = [agent.post("One"), agent.post("Two")]
    agent.account.active = False
    age(agent, hours=1, seconds=2)
    run_queue(agent, agent.mails(posted[1]))
    [(status, reason)] = agent.status(posted[1])
    assert status == "exception" and "is archived" in reason
    agent.account.active = True
    agent.retry(posted[1])
    assert statuses(agent, posted) == ["sent", "sent"]
    assert len(inbox(servers, agent.contact.email, posted[1].message_id)) == 1


# ----------------------------------------------------------------------
# Limits of the provider
# ----------------------------------------------------------------------


def test_the_providers_limit_pauses_and_the_owner_is_alerted_once(odd, scripted):
    scripted.says[b"MAIL"] = [b"550 5.4.5 Daily user sending limit exceeded."]
    posted = [odd.post(f"Number {n}", force_send=False) for n in (1, 2)]
    run_queue(odd)
    assert statuses(odd, posted) == ["ready", "ready"]
    assert "limit" in odd.status(posted[1])[0][1]
    assert scripted.count(b"MAIL") == 1, "nothing more was tried"
    account = odd.account
    pause = account.sending_paused_until - fields.Datetime.now()
    assert timedelta(minutes=50) < pause <= timedelta(hours=1)
    assert "2 e-mails are waiting" in account.waiting_text
    assert "limit" in account.smtp_problem and not account.imap_problem
    odd.env["mail.mail"]._queued_for(account).scheduled_date = False
    run_queue(odd)
    assert scripted.count(b"MAIL") == 1, "nor when the queue runs again"
    odd.env["mailbox.alert"]._cron_notify()
    alerts = odd.env["mail.notification"].search(
        [
            ("res_partner_id", "=", odd.user.partner_id.id),
            ("notification_type", "=", "inbox"),
            ("mail_message_id.subject", "ilike", account.email),
        ]
    )
    assert len(alerts) == 1
    assert "Daily user sending limit" in alerts.mail_message_id.body

    account.sending_paused_until = fields.Datetime.now()
    odd.env["mail.mail"]._queued_for(account).scheduled_date = False
    run_queue(odd)
    assert statuses(odd, posted) == ["sent", "sent"]
    assert scripted.count(b"DATA") == 2
    assert not account.smtp_problem and not account.sending_pauses


def test_a_member_goes_on_now_and_a_stranger_does_not(env, make_mailbox, scripted):
    member = make_user(env, "Max Member")
    stranger = make_user(env, "Stan Stranger")
    odd = make_agent(
        env,
        make_mailbox,
        smtp_port=scripted.port,
        smtp_security="tls",
        member_ids=[(4, member.id)],
    )
    scripted.says[b"MAIL"] = [b"432 4.3.2 Too many"]
    posted = odd.post()
    assert odd.account.sending_paused_until
    with pytest.raises(AccessError):
        odd.account.with_user(stranger).action_go_on()
    odd.account.with_user(member).action_go_on()
    assert not odd.account.sending_paused_until
    run_queue(odd)
    assert odd.status(posted) == [("sent", False)]


# ----------------------------------------------------------------------
# Tried again
# ----------------------------------------------------------------------


def test_greylisted_mail_is_delivered_once_and_does_not_fail(odd, scripted):
    scripted.says[b"RCPT"] = [b"451 4.7.1 Greylisted, come back later"]
    posted = odd.post()
    [(status, reason)] = odd.status(posted)
    assert status == "ready" and "Greylisted" in reason
    mail = odd.mails(posted)
    assert (mail.state, mail.mailbox_attempts) == ("outgoing", 1)
    wait = mail.scheduled_date - fields.Datetime.now()
    assert wait <= timedelta(seconds=61)
    assert not odd.account.smtp_problem, "nothing is wrong with the mailbox"
    mail.scheduled_date = False
    run_queue(odd)
    assert odd.status(posted) == [("sent", False)]
    assert scripted.count(b"DATA") == 1


@mute_logger(CORE)
def test_what_is_refused_for_two_days_fails_in_words(odd, scripted):
    scripted.says[b"RCPT"] = [b"450 4.2.0 Busy"]
    posted = odd.post(force_send=False)
    mail = odd.mails(posted)
    mail.mailbox_attempts = 15
    run_queue(odd)
    [(status, reason)] = odd.status(posted)
    assert status == "exception"
    assert "Busy" in reason and "16 times" in reason


def test_a_server_out_of_reach_leaves_mail_waiting(agent, servers):
    port, password = agent.account.smtp_port, servers.password
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]
    agent.account.write({"smtp_port": nobody, "smtp_password": password})
    posted = [agent.post(f"Number {n}", force_send=False) for n in (1, 2)]
    run_queue(agent)
    assert statuses(agent, posted) == ["ready", "ready"]
    assert "does not respond" in agent.status(posted[0])[0][1]
    assert "does not respond" in agent.account.smtp_problem
    assert not agent.account.imap_problem, "reading works"
    agent.mailbox.sync()
    assert agent.account.smtp_problem, "reading says nothing about sending"
    agent.account.write({"smtp_port": port, "smtp_password": password})
    run_queue(agent)
    assert statuses(agent, posted) == ["sent", "sent"], "as soon as it is mended"
    assert not agent.account.smtp_problem


def test_too_many_recipients_are_split(odd, scripted):
    people = [f"{unique('p')}@customer.example" for _n in range(3)]
    full = b"452 4.5.3 Too many recipients"
    scripted.says[b"RCPT"] = [b"250 ok", b"250 ok", full]
    mail = mass_mail(odd, ", ".join(people))
    run_queue(odd, mail)
    assert mail.state == "sent"
    assert scripted.count(b"DATA") == 2
    named = [line for line in scripted.received if line.upper().startswith(b"RCPT")]
    assert [sum(one.encode() in line for line in named) for one in people] == [1, 1, 2]
    assert set(ledger(odd).mapped("state")) == {"sent"}


# ----------------------------------------------------------------------
# Lost after DATA
# ----------------------------------------------------------------------


def lose(odd, scripted, **values):
    """Post a mail whose fate stays unknown."""
    odd.account.write(values)
    scripted.says[b"."] = [CLOSE]
    with mute_logger(CORE):
        posted = odd.post()
    mail = odd.mails(posted)
    assert (mail.state, mail.mailbox_outcome) == ("exception", "looking")
    assert "may have been sent" in mail.failure_reason
    return posted, mail


def filed(odd, **headers):
    """The provider files what it has sent."""
    raw, _id = message(odd.address, odd.contact.email, "x", **headers)
    odd.servers.append(odd.address, "Sent", raw, ["\\Seen"])


@pytest.mark.parametrize("renamed", [False, True], ids=["as it was", "renamed"])
def test_lost_after_data_and_found_in_sent_is_sent(odd, scripted, renamed):
    posted, mail = lose(odd, scripted, sent_copy="provider")
    if renamed:
        filed(odd, References=posted.message_id, In_Reply_To=posted.message_id)
        look(odd)
        assert mail.mailbox_outcome == "looking", "that is an answer to it"
        filed(odd, References=posted.message_id)
    else:
        filed(odd, message_id=posted.message_id)
    look(odd)
    run_queue(odd)
    assert odd.status(posted) == [("sent", False)]
    assert scripted.count(b"DATA") == 1
    assert odd.links(posted.message_id).origin == "sent"


def test_lost_after_data_and_not_in_sent_asks_a_person(odd, scripted):
    posted, mail = lose(odd, scripted, sent_copy="provider")
    look(odd)
    assert mail.mailbox_outcome == "looking", "the provider may be slow"
    for _look in range(4):
        look(odd)
    assert mail.mailbox_outcome == "ask"
    [(status, reason)] = odd.status(posted)
    assert status == "exception" and "most likely it was not sent" in reason
    assert "1 e-mail" in odd.account.asked_text
    run_queue(odd, mail)
    assert scripted.count(b"DATA") == 1, "never again automatically"


def test_where_the_provider_saves_nothing_a_person_is_asked_at_once(odd, scripted):
    """An empty Sent folder says nothing there, nor does our own copy in it."""
    other = make_contact(odd.env, "Olga Other")
    scripted.says[b"."] = [b"250 taken", CLOSE]
    with mute_logger(CORE):
        posted = odd.post(partner_ids=(odd.contact | other).ids)
    assert sorted(status for status, _r in odd.status(posted)) == ["exception", "sent"]
    odd.file_sent()
    odd.file_sent()
    [lost] = odd.mails(posted).filtered(lambda mail: mail.state == "exception")
    assert lost.mailbox_outcome == "ask"
    assert "can't answer that" in lost.failure_reason


def test_it_was_sent_says_a_member_and_a_stranger_may_not(odd, scripted):
    stranger = make_user(odd.env, "Stan Stranger")
    posted, mail = lose(odd, scripted)
    look(odd)
    for action in ("action_mailbox_was_sent", "action_mailbox_send_again"):
        with pytest.raises(AccessError):
            getattr(mail.with_user(stranger), action)()
    mail.with_user(odd.user).action_mailbox_was_sent()
    run_queue(odd)
    assert odd.status(posted) == [("sent", False)]
    assert scripted.count(b"DATA") == 1
    odd.file_sent()
    assert len(find(odd.servers, odd.address, "Sent", posted.message_id)) == 1


def test_send_again_sends_again(odd, scripted):
    posted, mail = lose(odd, scripted)
    mail.with_user(odd.user).action_mailbox_send_again()
    run_queue(odd)
    assert odd.status(posted) == [("sent", False)]
    assert scripted.count(b"DATA") == 2


# ----------------------------------------------------------------------
# The copy in the Sent folder
# ----------------------------------------------------------------------


def test_what_was_rolled_back_is_known_before_it_is_in_sent(agent):
    """The mail has left, the database forgot it: no second message on the contact."""
    posted = agent.post("Only once", subject="Once", force_send=False)
    mail = agent.mails(posted)
    mail.send()
    agent.env.cr.rollback()
    agent.file_sent()
    agent.mailbox.sync()
    run_queue(agent, mail)
    assert agent.status(posted) == [("sent", False)]
    assert agent.mailbox.subjects(agent.contact) == ["Once"]
    assert agent.links(posted.message_id).mail_message_id == posted


def test_a_provider_that_saves_copies_automatically_is_found_out(agent, servers):
    """Three times it was there before us: we need not save copies any more."""
    for number in range(3):
        posted = agent.post(f"Number {number}")
        [mail] = inbox(servers, agent.contact.email, posted.message_id)
        servers.append(agent.address, "Sent", mail.as_bytes(), ["\\Seen"])
        agent.file_sent()
    posted = agent.post("The fourth")
    inbox(servers, agent.contact.email, posted.message_id)
    agent.file_sent()
    assert not find(servers, agent.address, "Sent", posted.message_id)
    assert agent.account.sent_copy == "automatic"
    agent.account.sent_copy = "odoo"
    posted = agent.post("The fifth")
    agent.file_sent()
    assert len(find(servers, agent.address, "Sent", posted.message_id)) == 1


def mass_mail(agent, email_to):
    """One mail to several people in one transaction."""
    mail = (
        agent.env["mail.mail"]
        .with_user(agent.user)
        .sudo()
        .create(
            {
                "email_from": agent.address,
                "email_to": email_to,
                "subject": "To all",
                "body_html": "<p>Hello</p>",
                "auto_delete": False,
            }
        )
    )
    agent.env.cr.commit()
    assert mail.mailbox_account_id == agent.account
    return mail.with_env(agent.env)
