"""Reading again, on Cyrus IMAP: what we take for the protocol is not Dovecot's habit.

The tests are those of the other modules; the server is another one. It has OBJECTID,
which Dovecot has not.
"""

import pytest
from test_locations import (  # noqa: F401  pytest collects them here again
    bodies,
    test_deleted_and_made_again_folder,
    test_draft_is_nobodys_mail_yet,
    test_expunged_message_stays_on_the_contact,
    test_mail_in_a_new_folder_is_read_without_older_mail,
    test_mail_to_oneself_is_one_message_in_two_places,
    test_message_moved_out_of_what_is_read_stays,
    test_moved_message_is_not_fetched_again,
    test_renamed_folder_is_the_same_folder,
    test_renumbered_folder_is_rebound_without_fetching,
)
from test_sync import (  # noqa: F401  these too
    test_a_stranger_leaves_only_a_number,
    test_new_folder_is_read,
    test_older_mail_of_the_window_is_shown_on_the_contact,
    test_second_sync_now_imports_nothing,
    test_sync_now_imports_new_mail_received_and_sent,
    test_vanished_folder_is_shown_and_the_rest_goes_on,
    test_wider_window_fetches_only_the_older_slice,
)

from devtools.servers import cyrus


@pytest.fixture(scope="module")
def servers():
    """Cyrus in the place of Dovecot."""
    running = cyrus.start()
    yield running
    running.stop()


@pytest.fixture
def make_mailbox(make_mailbox, servers):
    """Mailboxes on Cyrus, where each user has to be made; they do not send."""

    def make(name="box", **values):
        box = make_mailbox(name, smtp_host=False, **values)
        servers.add_user(box.address)
        return box

    return make


def test_renamed_empty_folder_keeps_its_place_by_its_object_id(
    env, servers, mailbox, contact
):
    """No message tells that it is the same folder; its MAILBOXID does (RFC 8474)."""
    with servers.imap(mailbox.address) as client:
        client.create_folder("Empty")
    mailbox.connect()
    folder = mailbox.folder("Empty")
    assert folder.imap_object_id
    with servers.imap(mailbox.address) as client:
        client.rename_folder("Empty", "Renamed")
    mailbox.sync()
    assert folder.name == "Renamed" and not folder.gone
