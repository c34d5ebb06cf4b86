"""One setting that is wrong: which side, what is wrong, and nothing typed is lost.

Two of these are seen in a browser as well, in the tests of the guide.
"""

import pytest

from odoo.addons.mailbox_connector.services.accounts.endpoints import (
    CONNECTION_FIELDS,
)

PASSWORD = "localhost refuses the username or the password."
NO_HOST = "does not exist. Check the host."


@pytest.mark.parametrize(
    ("side", "values", "says"),
    [
        ("smtp", {"smtp_password": "forgotten"}, PASSWORD),
        ("imap", {"imap_host": "imap.nowhere.invalid"}, NO_HOST),
        (
            "imap",
            {"imap_security": "starttls"},
            "Choose the encryption TLS, or the port for STARTTLS.",
        ),
        (
            "smtp",
            {"smtp_security": "tls"},
            "does not speak TLS from the start. Choose the encryption STARTTLS",
        ),
    ],
    ids=["smtp-password", "imap-host", "imap-encryption", "smtp-encryption"],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    make_mailbox, side, values, says
):
    mailbox = make_mailbox(**values)
    account = mailbox.account
    fields = sorted(CONNECTION_FIELDS - {"imap_password", "smtp_password"})
    [before] = account.read(fields)
    action = account.action_connect()
    mailbox.env.cr.commit()
    mailbox.env.invalidate_all()
    problem = account[f"{side}_problem"]
    assert says in problem
    other = "imap" if side == "smtp" else "smtp"
    assert not account[f"{other}_problem"], "the other side is tried, and works"
    assert account.read(fields) == [before]
    assert account.imap_password_set
    assert account.state == "draft" and not account.backfill_ids
    dialog = mailbox.env["mailbox.connect"].browse(action["res_id"])
    assert dialog.account_id == account
