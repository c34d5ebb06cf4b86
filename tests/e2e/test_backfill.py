"""Imports of older e-mails: several at once, paused, cancelled, cut off, undone."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from conftest import unique

from odoo import SUPERUSER_ID, fields
from odoo.api import Environment
from odoo.exceptions import AccessError, UserError
from odoo.tools import mute_logger

from odoo.addons.mailbox_connector.engine.sync import folder as folder_module
from odoo.addons.mailbox_connector.models.sync.backfill import MailboxBackfill
from odoo.addons.mailbox_connector.services.sync import undo
from odoo.addons.mailbox_connector.services.sync.store import OdooStore


class Killed(BaseException):
    """The worker dies."""


def open_more(mailbox, days=None, folders=None):
    """The dialog of Import older e-mails, with a window and folders chosen."""
    action = mailbox.account.action_import_more()
    dialog = mailbox.env["mailbox.backfill.start"].browse(action["res_id"])
    if days:
        dialog.days = days
    for line in dialog.folder_line_ids:
        line.chosen = folders is None or line.folder_id.name in folders
    return dialog


def more(mailbox, days, folders=None):
    """Import older e-mails, all of it; the import."""
    open_more(mailbox, days, folders).action_import()
    backfill = mailbox.account.backfill_ids[0]
    mailbox.env.cr.commit()
    mailbox.sync()
    return backfill


def take_back(backfill):
    """Undo an import, as a person and the scheduled action do."""
    env = backfill.env
    action = backfill.action_undo()
    dialog = env["mailbox.backfill.undo"].browse(action["res_id"])
    text = " ".join(dialog.preview.striptags().split())
    dialog.action_confirm()
    env.cr.commit()
    env["mailbox.backfill"]._cron_undo()
    env.invalidate_all()
    return text


def by_a_person(env, backfill, method):
    """What another request does in the meantime, committed."""
    with env.registry.cursor() as cr:
        other = Environment(cr, SUPERUSER_ID, {})
        getattr(other["mailbox.backfill"].browse(backfill.id), method)()


def after_batches(monkeypatch, count, act):
    """``act`` once so many batches are done."""
    is_wanted, calls = OdooStore.is_wanted, []

    def patched(store):
        calls.append(1)
        if len(calls) == count + 2:  # asked before each folder as well
            act()
        return is_wanted(store)

    monkeypatch.setattr(OdooStore, "is_wanted", patched)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(folder_module, "BATCH", 3)


@pytest.fixture
def ten(mailbox, contact):
    """A mailbox with ten mails of a contact, connected without older e-mails."""
    for n in range(10):
        mailbox.receive(contact.email, f"{n}", days=20)
    mailbox.connect(days=0)
    return mailbox


TEN = {str(n) for n in range(10)}


def test_more_older_mail_says_how_far_back_and_imports_the_older_slice(
    mailbox, contact
):
    for days in (1, 20, 200):
        mailbox.receive(contact.email, f"{days}", days=days)
    mailbox.connect(days=7)
    dialog = open_more(mailbox)
    assert dialog.days == 30, "the next longer window is suggested"
    assert all("back to" in line.reached for line in dialog.folder_line_ids)
    dialog.with_context(mailbox_days=365).action_window()
    text = " ".join(dialog.preview.striptags().split())
    assert "New e-mails with your contacts: 2" in text
    assert "Already in Odoo: 1." in text
    backfill = more(mailbox, 365)
    assert backfill.state == "done" and backfill.seen == 2
    assert mailbox.subjects(contact) == ["1", "20", "200"]


def test_only_the_chosen_folders_are_read(env, mailbox, contact):
    mailbox.receive(contact.email, "Inbox", days=20)
    mailbox.receive(contact.email, "Filed", folder="Projects", days=20)
    mailbox.connect(days=0)
    backfill = more(mailbox, 30, ["Projects"])
    assert backfill.state == "done"
    assert mailbox.subjects(contact) == ["Filed"]
    more(mailbox, 30)
    assert set(mailbox.subjects(contact)) == {"Filed", "Inbox"}
    with pytest.raises(UserError, match="Choose at least one folder"):
        open_more(mailbox, 30, []).action_import()


def test_pause_takes_effect_after_the_batch_in_hand_and_goes_on(
    env, ten, contact, small_batches, monkeypatch
):
    backfill = ten.account.start_backfill(30)
    env.cr.commit()
    with monkeypatch.context() as patch:
        after_batches(patch, 2, lambda: by_a_person(env, backfill, "action_pause"))
        env["mailbox.sync"]._cron_backfill()
    env.invalidate_all()
    assert (backfill.state, backfill.seen, backfill.total) == ("paused", 6, 10)
    assert len(ten.subjects(contact)) == 6
    env["mailbox.sync"]._cron_backfill()
    ten.sync()
    assert backfill.seen == 6, "it rests until a person says so"
    backfill.action_resume()
    env.cr.commit()
    env["mailbox.sync"]._cron_backfill()
    env.invalidate_all()
    assert (backfill.state, backfill.seen) == ("done", 10)
    assert set(ten.subjects(contact)) == TEN


def test_pausing_in_the_middle_of_a_batch_doubles_nothing(
    env, ten, contact, small_batches, monkeypatch
):
    """The batch is done again, for the import was changed under its hands."""
    backfill = ten.account.start_backfill(30)
    env.cr.commit()
    counted, calls = OdooStore.backfill_counted, []

    def pause_before(store, counts):
        calls.append(1)
        if len(calls) == 2:
            by_a_person(env, backfill, "action_pause")
        return counted(store, counts)

    with monkeypatch.context() as patch:
        patch.setattr(OdooStore, "backfill_counted", pause_before)
        env["mailbox.sync"]._cron_backfill()
    env.invalidate_all()
    assert (backfill.state, backfill.seen) == ("paused", 3)
    assert len(ten.subjects(contact)) == 3
    backfill.action_resume()
    env.cr.commit()
    env["mailbox.sync"]._cron_backfill()
    env.invalidate_all()
    assert (backfill.state, backfill.seen) == ("done", 10)
    assert sorted(ten.subjects(contact)) == sorted(TEN)


def test_a_cancelled_import_keeps_what_came_in_and_can_be_begun_again(
    env, ten, contact, small_batches, monkeypatch
):
    backfill = ten.account.start_backfill(30)
    env.cr.commit()
    with monkeypatch.context() as patch:
        after_batches(patch, 1, lambda: by_a_person(env, backfill, "action_cancel"))
        env["mailbox.sync"]._cron_backfill()
    env.invalidate_all()
    assert (backfill.state, backfill.seen) == ("stopped", 3)
    assert backfill.progress()["can_undo"]
    again = more(ten, 30)
    assert again != backfill and again.seen == 7
    assert set(ten.subjects(contact)) == TEN


def test_two_imports_of_a_mailbox_and_one_of_another(env, make_mailbox, contact):
    one, other = make_mailbox(), make_mailbox()
    for box in (one, other):
        box.receive(contact.email, f"Near {box.address}", days=3)
        box.receive(contact.email, f"Far {box.address}", days=40, folder="Projects")
        box.connect(days=0)
    near = one.account.start_backfill(7)
    far = one.account.start_backfill(60)
    assert one.account.start_backfill(60) == far, "it is not begun twice"
    third = other.account.start_backfill(60)
    assert {p["id"] for p in one.account.progress} == {near.id, far.id}
    env.cr.commit()
    env["mailbox.sync"]._cron_backfill()
    env.invalidate_all()
    assert [b.state for b in near + far + third] == ["done"] * 3
    assert (near.seen, far.seen, third.seen) == (1, 1, 2)
    assert len(one.subjects(contact)) == 4


def test_killed_with_two_imports_under_way(
    env, mailbox, contact, small_batches, monkeypatch
):
    for n in range(10):
        mailbox.receive(contact.email, f"{n}", days=2 if n < 4 else 20)
    mailbox.connect(days=0)
    imports = mailbox.account.start_backfill(7) + mailbox.account.start_backfill(30)
    env.cr.commit()

    def die():
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        after_batches(patch, 3, die)
        env["mailbox.sync"]._cron_backfill()
    env.cr.rollback()
    env["mailbox.sync"]._cron_backfill()
    env.invalidate_all()
    assert [b.state for b in imports] == ["done", "done"]
    assert imports.mapped("seen") == [4, 6]
    assert sorted(mailbox.subjects(contact)) == sorted(TEN)


def test_time_that_it_rests_does_not_count(env, mailbox):
    backfill = env["mailbox.backfill"].create(
        {"account_id": mailbox.account.id, "since": "2024-01-01"}
    )
    backfill.write({"seen": 100, "total": 400, "active_seconds": 10})
    progress = backfill.progress()
    assert (progress["rate"], progress["seconds_left"]) == (10, 30)
    backfill.action_pause()
    backfill.action_resume()
    backfill.record_left(300)
    assert backfill.active_seconds == 10
    assert env["mailbox.backfill"].rate(mailbox.account) == 10


def test_undo_removes_what_an_import_added_and_a_later_one_adds_it_again(
    env, mailbox, contact
):
    mailbox.receive(contact.email, "Recent", days=1)
    mailbox.receive(contact.email, "File", days=20, attachment=b"x" * 100)
    for n in range(3):
        mailbox.receive(contact.email, f"Old {n}", days=20)
    mailbox.connect(days=7)
    backfill = more(mailbox, 30)
    [mail] = env["mailbox.message"].search(
        [("partner_ids", "=", contact.id), ("subject", "=", "File")]
    )
    files = [("res_model", "=", "mailbox.message"), ("res_id", "=", mail.id)]
    assert env["ir.attachment"].search_count(files) == 1
    text = take_back(backfill)
    assert "E-mails to be removed: 4. Contacts: 1. Attached files: 1." in text
    assert (backfill.state, backfill.undone) == ("undone", 4)
    assert mailbox.subjects(contact) == ["Recent"]
    assert not env["ir.attachment"].search_count(files)
    copies = [("model", "=", "res.partner"), ("res_id", "=", contact.id)]
    shown = env["mail.message"].search_count([*copies, ("message_type", "=", "email")])
    assert shown == 1
    # No ordinary pass imports it again: neither new mail nor the daily comparison.
    mailbox.account.folder_ids.reconciled_at = fields.Datetime.now() - timedelta(days=2)
    env.cr.commit()
    mailbox.sync()
    env["mailbox.sync"]._cron_backfill()
    assert mailbox.subjects(contact) == ["Recent"]
    again = more(mailbox, 30)
    assert again.matched == 4
    assert len(mailbox.subjects(contact)) == 5
    with pytest.raises(UserError):
        backfill.action_undo()


def test_what_was_moved_on_the_server_comes_back_only_when_asked_for(
    env, servers, mailbox, contact
):
    """Its new number is one that new mail would have."""
    mailbox.receive(contact.email, "Moved", days=20)
    mailbox.connect(days=0)
    backfill = more(mailbox, 30)
    with servers.imap(mailbox.address) as client:
        client.create_folder("Projects")
        client.select_folder("INBOX")
        client.move([1], "Projects")
    mailbox.sync()
    take_back(backfill)
    assert mailbox.subjects(contact) == []
    mailbox.account.folder_ids.reconciled_at = fields.Datetime.now() - timedelta(days=2)
    env.cr.commit()
    mailbox.sync()
    assert mailbox.subjects(contact) == []
    more(mailbox, 30)
    assert mailbox.subjects(contact) == ["Moved"]


def test_undo_keeps_what_was_used_since_and_says_why(
    env, servers, mailbox, make_mailbox, contact
):
    names = {
        "Answered": "replied to or forwarded",
        "Starred": "starred or pinned",
        "Liked": "with a reaction",
        "By hand": "by a user",
        "Shared": "another way",
        "Gone": "no longer on the mail server",
    }
    for subject in [*names, "Untouched"]:
        mailbox.receive(contact.email, subject, days=20)
    other = make_mailbox()
    mailbox.connect(days=0)
    other.connect(days=0)
    backfill = more(mailbox, 30)
    by_subject = {
        mail.subject: mail
        for mail in env["mailbox.message"].search([("partner_ids", "=", contact.id)])
    }
    copy = {name: by_subject[name].link_ids.mail_message_id for name in by_subject}
    contact.message_post(
        body="Yes.", parent_id=copy["Answered"].id, message_type="comment"
    )
    copy["Starred"].starred_partner_ids = env.ref("base.partner_admin")
    env["mail.message.reaction"].create(
        {
            "message_id": copy["Liked"].id,
            "content": "👍",
            "partner_id": env.ref("base.partner_admin").id,
        }
    )
    by_subject["By hand"].link_ids.origin = "sent"
    with servers.imap(mailbox.address) as client:
        client.select_folder("INBOX")
        [uid] = client.search(["SUBJECT", "Shared"])
        raw = client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]
        client.delete_messages(client.search(["SUBJECT", "Gone"]))
        client.expunge()
    servers.append(other.address, "INBOX", raw)
    env.cr.commit()
    other.sync()
    mailbox.sync()
    text = take_back(backfill)
    assert "E-mails to be removed: 1. Contacts: 1." in text
    assert "E-mails that are kept: 6" in text
    names["By hand"] = "sent from Odoo"
    for reason in names.values():
        assert reason in text
    assert set(mailbox.subjects(contact)) == set(names)
    shared = by_subject["Shared"]
    assert shared.audience_id.account_ids == other.account, (
        "this mailbox has it no more"
    )
    assert backfill.progress()["kept"] == 6
    more(mailbox, 30)
    assert set(mailbox.subjects(contact)) == {*names, "Untouched"}
    assert shared.audience_id.account_ids == other.account + mailbox.account


def test_an_undo_that_is_cut_off_goes_on(env, ten, contact, monkeypatch):
    backfill = more(ten, 30)
    monkeypatch.setattr(undo, "BATCH", 3)
    count = type(backfill).add_undone

    def die(record, *args):
        count(record, *args)
        if record.undone > 3:
            raise Killed

    backfill.start_undo()
    env.cr.commit()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(MailboxBackfill, "add_undone", die)
        env["mailbox.backfill"]._cron_undo()
    env.cr.rollback()
    env.invalidate_all()
    assert (backfill.state, backfill.undone) == ("undoing", 3)
    assert len(ten.subjects(contact)) == 7
    env["mailbox.backfill"]._cron_undo()
    env.invalidate_all()
    assert (backfill.state, backfill.undone) == ("undone", 10)
    assert ten.subjects(contact) == []
    more(ten, 30)
    assert set(ten.subjects(contact)) == TEN


def test_an_undo_that_cannot_go_on_says_why(env, ten, contact, monkeypatch):
    """Another module may forbid to delete a message; nothing is half gone."""
    backfill = more(ten, 30)

    def forbid(record, *args):
        raise UserError("This one is needed.")

    backfill.start_undo()
    env.cr.commit()
    with monkeypatch.context() as patch, mute_logger(MailboxBackfill.__module__):
        patch.setattr(MailboxBackfill, "add_undone", forbid)
        env["mailbox.backfill"]._cron_undo()
    env.invalidate_all()
    progress = backfill.progress()
    assert progress["problem"] == "This one is needed."
    assert len(ten.subjects(contact)) == 10
    take_back(backfill)
    assert (backfill.state, ten.subjects(contact)) == ("undone", [])
    assert not backfill.undo_problem


def test_undo_waits_for_the_worker_that_reads_the_mailbox(env, ten, contact):
    backfill = more(ten, 30)
    backfill.start_undo()
    env.cr.commit()
    with env["mailbox.lease"].hold(ten.account, "new") as held:
        assert held
        assert backfill._undo_slice() is None
    assert len(ten.subjects(contact)) == 10
    assert backfill._undo_slice() is True
    assert ten.subjects(contact) == []


def test_who_may_watch_and_who_may_change(env, mailbox, monkeypatch):
    """Members see how an import gets on; its owner and managers change it."""
    group = env.ref("mailbox_connector.group_mailbox_user")
    owner, member, stranger = env["res.users"].create(
        [
            {
                "name": name,
                "login": unique(name),
                "group_ids": [(4, group.id), (4, env.ref("base.group_user").id)],
            }
            for name in ("owner", "member", "stranger")
        ]
    )
    mailbox.account.write({"owner_id": owner.id, "member_ids": [(4, member.id)]})
    backfill = mailbox.account.start_backfill(7)
    channel = f"mailbox_connector.progress_{mailbox.account.id}"
    wanted = (mailbox.account, "progress")
    for user, sees in ((owner, True), (member, True), (stranger, False)):
        request = SimpleNamespace(session=SimpleNamespace(uid=user.id))
        monkeypatch.setattr("odoo.addons.bus.models.ir_websocket.request", request)
        channels = (
            env["ir.websocket"].with_user(user)._build_bus_channel_list([channel])
        )
        assert (wanted in channels) is sees
        assert channel not in channels
    for method in ("action_pause", "action_cancel", "action_undo"):
        with pytest.raises(AccessError):
            getattr(backfill.with_user(member), method)()
    assert mailbox.account.with_user(member).progress[0]["state"] == "running"
    backfill.with_user(owner).action_pause()
    assert backfill.state == "paused"
    env.cr.rollback()
