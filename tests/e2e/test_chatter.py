"""An open contact in a real browser, on a real server, while mail comes in."""

import os
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from browser import FIRST, Live, Screen
from conftest import unique
from playwright.sync_api import expect

from devtools.base import process
from devtools.odoo import launch

#: Replies as mail apps write them.
REPLIES = Path(__file__).parents[1] / "engine" / "replies"
NOW = datetime.now(timezone.utc)


@pytest.fixture
def live():
    """A server on the database that the test writes to, as a sync does from a process
    of its own."""
    name = os.environ["MAILBOX_TEST_DATABASE"]
    log = Path(os.environ["MAILBOX_TEST_LOGS"]) / "chatter.log"
    server, address = launch.serve(name, log)
    try:
        launch.wait_until_served(server, address, FIRST / 1000)
        yield Live(address, name)
    finally:
        process.end(server)


@pytest.fixture
def staff(env):
    """People, a mailbox, and imports that are committed."""
    from odoo.addons.mailbox_connector.tests.common import MailboxMixin

    class Staff(MailboxMixin):
        @classmethod
        def receive(cls, *raws):
            cls.import_mail(*raws)
            cls.env.cr.commit()

    Staff.env = env
    Staff.owner = Staff.make_user(
        unique("owner"), "mailbox_connector.group_mailbox_user"
    )
    Staff.agent = Staff.make_user(unique("agent"), "base.group_user")
    Staff.agent.group_ids += env.ref("base.group_partner_manager")
    Staff.account = Staff.make_account(f"{unique('sales')}@example.org", Staff.owner)
    env.cr.commit()
    return Staff


def test_an_open_contact_shows_new_mail_automatically(live, browser, staff):
    from odoo.addons.mailbox_connector.tests.common import PNG, mail

    addresses = {name: f"{unique(name)}@example.com" for name in ("ada", "bob")}

    def sent(days, subject, sender=addresses["ada"], **options):
        date = NOW - timedelta(days=days)
        return mail(sender, subject=subject, date=date, **options)

    contacts = staff.env["res.partner"].with_context(mail_create_nolog=True)
    ada, bob = contacts.create(
        [{"name": name.title(), "email": addresses[name]} for name in addresses]
    )
    staff.receive(
        sent(
            3,
            "Our offer",
            sender=f"Owner <{staff.account.email}>",
            to=addresses["ada"],
            cc="Carol <carol@example.net>",
            html="<p>Dear Ada,</p><p>here is our <b>offer</b>.</p>"
            '<img src="cid:logo@x" width="40" height="40">',
            inline=[("logo@x", PNG)],
            attachments=[("offer.pdf", b"%PDF-1.4 offer")],
        ),
        sent(5, "Question"),
        sent(
            1,
            "Re: Our offer",
            html="<p>Thank you, I take it.</p>"
            "<blockquote>here is our offer</blockquote>",
        ),
    )
    screen = Screen.log_in(browser, live, staff.agent.login, staff.agent.login)
    page = screen.page
    messages = page.locator(".o-mail-Thread .o-mail-Message")
    button = page.locator("button[name=action_view_mailbox_messages]")

    def open_contact(contact):
        action = f"action-base.action_partner_form/{contact.id}"
        page.goto(f"{live.address}/odoo/{action}")

    open_contact(ada)
    expect(messages.first).to_contain_text("Re: Our offer")
    expect(button).to_contain_text("3")

    # A new e-mail, and an older one that is imported in between.
    staff.receive(sent(0, "Just in"))
    expect(messages.first).to_contain_text("Just in")
    expect(button).to_contain_text("4")
    staff.receive(sent(4, "Long ago"))
    subjects = ["Just in", "Re: Our offer", "Our offer", "Long ago", "Question"]
    for place, subject in enumerate(subjects):
        expect(messages.nth(place)).to_contain_text(subject)
    expect(button).to_contain_text("5")

    # What is being typed stays.
    screen.type("phone", "+1 555 0100")
    staff.receive(sent(0, "While typing"))
    expect(messages.first).to_contain_text("While typing")
    expect(button).to_contain_text("6")
    expect(screen.input("phone")).to_have_value("+1 555 0100")
    page.locator(".o_form_button_cancel").click()

    # The first mail of a contact.
    open_contact(bob)
    expect(page.locator(".o-mail-Thread")).to_be_visible()
    expect(button).to_have_count(0)
    staff.receive(sent(2, "Hello", sender=addresses["bob"]))
    expect(messages.filter(has_text="Subject: Hello")).to_have_count(1)
    expect(button).to_contain_text("1")

    # Its files, and the list.
    open_contact(ada)
    files = page.locator(".o-mail-Chatter-attachFiles")
    expect(files).to_have_text("1")  # before that it asks for a file to upload
    files.click()
    expect(page.locator(".o-mail-AttachmentBox")).to_contain_text("offer.pdf")
    button.click()
    expect(page.locator(".o_list_view .o_data_row")).to_have_count(6)
    page.locator(".o_data_cell[name=subject]", has_text="Our offer").last.click()
    expect(page.locator("[name=body]")).to_contain_text("Dear Ada")
    screen.close("chatter")


def test_quotes_of_every_mail_app_fold(live, browser, staff):
    """What is new is seen, what it quotes by a click, a forwarded message at once."""
    contacts = staff.env["res.partner"].with_context(mail_create_nolog=True)
    files = sorted(REPLIES.glob("*.*"))
    shown = {}
    for start in range(0, len(files), 15):  # half of what a chatter shows at once
        email = f"{unique('replies')}@example.com"
        contact = contacts.create({"name": "Reply", "email": email})
        shown[contact.id] = files[start : start + 15]
        staff.receive(*_replies(email, shown[contact.id]))
    screen = Screen.log_in(browser, live, staff.agent.login, staff.agent.login)
    page = screen.page
    for number, replies in shown.items():
        page.goto(f"{live.address}/odoo/action-base.action_partner_form/{number}")
        _message(page, f"Re {replies[0].name}.").wait_for()
        for file in replies:
            _check_reply(page, f"Re {file.name}.")
            forwarded = _message(page, f"Fwd {file.name}.")
            expect(forwarded.get_by_text("Old words").first).to_be_visible()
    screen.close("quotes")


def _replies(email, files):
    """For each file the reply, and the same with nothing new: a forwarded message."""
    from odoo.addons.mailbox_connector.tests.common import mail

    for file in files:
        body = file.read_text(encoding="utf-8")
        kind = "text" if file.suffix == ".txt" else "html"
        yield mail(email, subject=f"Re {file.name}.", **{kind: body})
        body = body.replace("New words", "")
        yield mail(email, subject=f"Fwd {file.name}.", **{kind: body})


def _message(page, subject):
    messages = page.locator(".o-mail-Thread .o-mail-Message")
    return messages.filter(has_text=f"Subject: {subject}")


def _check_reply(page, subject):
    reply = _message(page, subject)
    old = reply.get_by_text("Old words").first
    expect(reply.get_by_text("New words")).to_be_visible()
    expect(old).to_be_hidden()
    for _attempt in range(5):
        for button in reply.locator(".o-mail-ellipsis").all():
            button.click()
        with suppress(AssertionError):
            return expect(old).to_be_visible(timeout=2_000)
        # The open chatter was loaded again because of the import, and folds again.
    raise AssertionError(f"{subject} does not unfold")


def test_a_change_of_readers_holds_in_every_process_at_once(live, staff):
    """Each process caches who can read what."""
    from odoo.addons.mailbox_connector.tests.common import mail

    address = f"{unique('eve')}@example.com"
    staff.env["res.partner"].create({"name": "Eve", "email": address})
    staff.receive(mail(address, subject="Between us"))
    agent = live.session(staff.agent.login, staff.agent.login)
    mine = [("email_from", "=", address)]

    def reads():
        return bool(agent.call("mailbox.message", "search", mine)), bool(
            agent.call("mail.message", "search", [("subject", "=", "Between us")])
        )

    assert reads() == (True, True)
    staff.account.visibility = "members"
    staff.env.cr.commit()
    assert reads() == (False, False)
    staff.account.member_ids = staff.agent
    staff.env.cr.commit()
    assert reads() == (True, True)
