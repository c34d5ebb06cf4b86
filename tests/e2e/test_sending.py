"""Customer mail leaves through the mailbox, once, and comes back to the same place."""

from email import message_from_bytes
from email.policy import default

from conftest import find, wait_for


def received(servers, user, message_id):
    """The mails of that Message-ID in a recipient's inbox, once one is there and the
    SMTP server has nothing left to deliver."""
    wait_for(lambda: find(servers, user, "INBOX", message_id), f"mail for {user}")
    wait_for(lambda: not servers.queued(), "an empty queue")
    found = find(servers, user, "INBOX", message_id)
    return [message_from_bytes(raw, policy=default) for raw, _flags in found.values()]


def test_a_chatter_message_leaves_from_the_mailbox(mailbox, servers):
    """The customer sees the mailbox as sender, and bounces come back to it."""
    message = mailbox.post("<p>Our offer</p>", subject="Offer 17")
    [mail] = received(servers, mailbox.customer.email, message.message_id)
    assert mail["From"] == f"Example Support <{mailbox.address}>"
    assert mail["Reply-To"] == f"Example Support <{mailbox.address}>"
    assert mail["Return-Path"].strip("<>") == mailbox.address
    assert mail.get_all("Return-Path").count(mail["Return-Path"]) == len(
        mail.get_all("Return-Path")
    )
    assert mail["Subject"] == "Offer 17"
    assert "Our offer" in mail.get_body(("plain",)).get_content()
    assert message.notification_ids.notification_status == "sent"
