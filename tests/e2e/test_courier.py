"""Reading and filing on Courier IMAP, where three things are unlike Dovecot and Cyrus.

It refuses a message for the folder that is open read-only, it renumbers a folder that
is renamed, and it gives a folder that never held a message a new UIDVALIDITY each
second. All folders are below INBOX.
"""

import pytest
from test_locations import (  # noqa: F401  pytest collects them here again
    bodies,
    places,
    test_daily_comparison_repairs,
    test_deleted_and_made_again_folder,
    test_draft_is_nobodys_mail_yet,
    test_expunged_message_stays_on_the_contact,
    test_mail_in_a_new_folder_is_read_without_older_mail,
    test_mail_to_oneself_is_one_message_in_two_places,
    test_message_deleted_here_does_not_come_back,
    test_message_moved_out_of_what_is_read_stays,
    test_moved_message_is_not_fetched_again,
    test_renumbered_folder_is_rebound_without_fetching,
)
from test_sync import (  # noqa: F401  these too
    test_a_backfill_goes_on_by_the_scheduled_action,
    test_a_stranger_leaves_only_a_number,
    test_folder_that_vanishes_while_it_is_read,
    test_folder_turned_on_later_imports_its_older_mail,
    test_new_folder_is_read,
    test_no_older_mail_when_days_are_zero,
    test_older_mail_of_the_window_is_shown_on_the_contact,
    test_renumbered_folder_is_not_imported_twice,
    test_second_sync_now_imports_nothing,
    test_server_is_as_it_was,
    test_sync_now_imports_new_mail_received_and_sent,
    test_vanished_folder_is_shown_and_the_rest_goes_on,
    test_wider_window_fetches_only_the_older_slice,
)

from devtools.servers import courier


@pytest.fixture(scope="module")
def servers():
    """Courier in the place of Dovecot."""
    running = courier.start()
    yield running
    running.stop()


@pytest.fixture
def make_mailbox(make_mailbox, servers):
    """Mailboxes on Courier, where each user has to be made; they do not send."""

    def make(name="box", **values):
        box = make_mailbox(name, smtp_host=False, **values)
        servers.add_user(box.address)
        return box

    return make
