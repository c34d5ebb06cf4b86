"""What could not be read is kept and tried again: by hand, later, after an upgrade."""

from datetime import datetime, timedelta
from time import sleep

import pytest

from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.models.incoming import (
    failed_import as failed_import_model,
)
from odoo.addons.mailbox_connector.services.incoming.failed_import_retry import (
    FailedImportRetry,
)


@pytest.fixture
def holding_back(monkeypatch):
    """A server that lists UID 1 but does not return it, until it is called."""
    fetch_messages = ImapSession.fetch_messages
    held = {1}

    def fetch(session, uids):
        return fetch_messages(session, [uid for uid in uids if uid not in held])

    monkeypatch.setattr(ImapSession, "fetch_messages", fetch)
    return held.clear


def failed_import(mailbox):
    mailbox.env.invalidate_all()
    return mailbox.account.failed_import_ids


def places(mailbox):
    locations = mailbox.env["mailbox.location"]
    return locations.search([("folder_id.account_id", "=", mailbox.account.id)])


def test_bad_message_is_kept_and_the_folder_goes_on(mailbox, contact, faulty):
    for subject in ("Before", "Faulty", "After"):
        mailbox.receive(contact.email, subject)
    mailbox.connect()
    assert set(mailbox.subjects(contact)) == {"Before", "After"}
    row = failed_import(mailbox)
    assert row.reason == "The parts of the e-mail are nested too deeply."
    assert b"Subject: Faulty" in row.raw_bytes()
    assert row.received_at
    mailbox.sync()
    assert failed_import(mailbox).attempts == 1, "it is not tried over and over"


def test_try_again_brings_it_to_the_contact(env, mailbox, contact, faulty):
    mailbox.receive(contact.email, "Faulty")
    mailbox.connect()
    result = failed_import(mailbox).action_retry()
    assert result["params"]["message"] == "Failed imports solved: 0 of 1."
    assert failed_import(mailbox).attempts == 2
    faulty()
    result = failed_import(mailbox).action_retry()
    assert result["params"]["message"] == "Failed imports solved: 1 of 1."
    assert not failed_import(mailbox)
    assert mailbox.subjects(contact) == ["Faulty"]
    assert places(mailbox).mapped("uid") == [1]


def test_all_are_tried_again_after_an_upgrade(env, mailbox, contact, faulty):
    mailbox.receive(contact.email, "Faulty")
    mailbox.connect()
    faulty()
    env["mailbox.sync"]._cron_backfill()
    assert failed_import(mailbox), "the same version would fail again"
    failed_import(mailbox).version = "19.0.0.9.0"
    env.cr.commit()
    env["mailbox.sync"]._cron_backfill()
    assert not failed_import(mailbox)
    assert mailbox.subjects(contact) == ["Faulty"]


def test_what_the_server_holds_back_is_asked_for_later(
    env, mailbox, contact, holding_back
):
    """Microsoft 365 lists messages that it does not hand out at that moment."""
    mailbox.receive(contact.email, "Held back")
    mailbox.receive(contact.email, "Fine")
    mailbox.connect()
    row = failed_import(mailbox)
    assert "does not return it" in row.reason
    assert row.retry_at > datetime.now() + timedelta(minutes=9)
    assert mailbox.account not in env["mailbox.sync"]._due("backfill_served_at")
    holding_back()
    row.retry_at = datetime.now() - timedelta(seconds=2)
    env.cr.commit()
    env["mailbox.sync"]._cron_backfill()
    assert not failed_import(mailbox)
    assert set(mailbox.subjects(contact)) == {"Held back", "Fine"}
    assert sorted(places(mailbox).mapped("uid")) == [1, 2]


def test_held_back_for_good_is_left_to_a_person(env, mailbox, contact, holding_back):
    mailbox.receive(contact.email, "Held back")
    mailbox.connect()
    for _attempt in range(6):
        row = failed_import(mailbox)
        if row.retry_at:
            row.retry_at = datetime.now() - timedelta(seconds=2)
            env.cr.commit()
            env["mailbox.sync"]._cron_backfill()
    assert not failed_import(mailbox).retry_at, "it is not asked for for ever"
    assert failed_import(mailbox).attempts == 6


def test_gone_from_the_server_is_no_longer_kept(
    env, servers, mailbox, contact, holding_back
):
    mailbox.receive(contact.email, "Held back")
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.select_folder("INBOX")
        client.delete_messages([1])
        client.expunge()
    failed_import(mailbox).action_retry()
    assert not failed_import(mailbox)


@pytest.mark.parametrize(("seconds", "solved"), [(0, 0), (0.5, 1)])
def test_many_are_retried_for_as_long_as_a_person_waits(
    env, mailbox, contact, faulty, monkeypatch, seconds, solved
):
    """Thousands of failed imports are more than one request can retry: it says that the
    rest follows, and the rest follows."""
    for number in range(3):
        mailbox.receive(contact.email, f"Faulty {number}")
    mailbox.connect()
    rows = failed_import(mailbox)
    assert len(rows) == 3
    rows.last_attempt_at = datetime.now() - timedelta(hours=1)
    env.cr.commit()
    faulty()
    monkeypatch.setattr(failed_import_model, "WAITED_FOR", (seconds, 18))
    with monkeypatch.context() as slow:
        retry = FailedImportRetry.retry
        slow.setattr(
            FailedImportRetry, "retry", lambda *args: [retry(*args), sleep(0.6)][0]
        )
        result = rows.action_retry()
    assert result["params"]["message"] == (
        f"Failed imports solved: {solved} of 3. The rest follows automatically."
    )
    env["mailbox.sync"]._cron_backfill()
    assert not failed_import(mailbox)
    assert len(mailbox.subjects(contact)) == 3
