"""Malformed e-mails, from a real server to the contact."""

from datetime import date, datetime, timedelta, timezone


def put(servers, mailbox, raw, folder="INBOX", days=0):
    """A message as other programs leave it, with its INTERNALDATE."""
    when = datetime.now(timezone.utc) - timedelta(days=days)
    servers.append(mailbox.address, folder, raw, internaldate=when)


def raw_mail(contact, subject, *headers, text="Text"):
    lines = [f"From: {contact.email}", f"Subject: {subject}", *headers, "", text]
    return "\r\n".join(lines).encode()


def messages(env, contact):
    env.invalidate_all()
    return env["mailbox.message"].search([("partner_ids", "=", contact.id)])


def test_without_message_id_it_is_identified_by_its_content(
    env, servers, mailbox, contact
):
    header = "Date: Thu, 01 Jan 2026 10:00:00 +0000"
    raw = raw_mail(contact, "Nameless", header)
    put(servers, mailbox, raw)
    put(servers, mailbox, raw, folder="Archive")
    put(servers, mailbox, raw_mail(contact, "Nameless", header, text="Another"))
    mailbox.connect()
    found = messages(env, contact)
    assert sorted(len(message.location_ids) for message in found) == [1, 2]


def test_two_mails_have_the_same_message_id(env, servers, mailbox, contact):
    """Some programs give every e-mail the same one: they are different e-mails."""
    header = f"Message-ID: <always@{contact.email.partition('@')[2]}>"
    for number in range(3):
        put(servers, mailbox, raw_mail(contact, f"Number {number}", header))
    mailbox.connect()
    subjects = messages(env, contact).mapped("subject")
    assert sorted(subjects) == ["Number 0", "Number 1", "Number 2"]


def test_broken_date_is_the_day_of_arrival(env, servers, mailbox, contact):
    put(servers, mailbox, raw_mail(contact, "When?", "Date: yesterday, 27h"), days=2)
    mailbox.connect()
    [message] = messages(env, contact)
    assert message.date.date() == date.today() - timedelta(days=2)


def test_without_from_it_belongs_to_its_recipients(env, servers, mailbox, contact):
    raw = f"To: {contact.email}\r\nSubject: Who?\r\n\r\nText".encode()
    put(servers, mailbox, raw, folder="Sent")
    mailbox.connect()
    [message] = messages(env, contact)
    assert message.subject == "Who?"
    assert message.link_ids.mail_message_id.email_from == "Unknown sender"


def test_header_alone(env, servers, mailbox, contact):
    put(servers, mailbox, f"From: {contact.email}\r\n\r\n".encode())
    mailbox.connect()
    [message] = messages(env, contact)
    assert not message.subject
    assert not mailbox.account.failed_import_ids


def test_almost_nothing_does_not_stop_the_folder(env, servers, mailbox, contact):
    """Dovecot refuses messages of 0 bytes; a single line end is the closest."""
    put(servers, mailbox, b"\r\n")
    mailbox.receive(contact.email, "After it")
    mailbox.connect()
    assert mailbox.subjects(contact) == ["After it"]
    assert not mailbox.account.failed_import_ids


def test_sixty_megabytes(env, servers, mailbox, contact):
    mailbox.receive(contact.email, "Film", attachment=bytes(44_000_000))
    mailbox.receive(contact.email, "After it")
    mailbox.connect()
    assert set(mailbox.subjects(contact)) == {"Film", "After it"}
    [file] = messages(env, contact).attachment_ids
    assert file.file_size == 44_000_000
