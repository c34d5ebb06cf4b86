"""Imports: what is shown of an e-mail, what never happens."""

from datetime import datetime, timedelta, timezone

from odoo.exceptions import AccessError
from odoo.tests import tagged

from ...engine.types import HeaderRecord
from ...services.incoming.candidate import Candidate
from ...services.incoming.chatter_copies import MAX_COPIES
from ...services.incoming.importer import Importer
from ...services.incoming.matcher import Match
from ..common import PNG, MailboxCase, mail

OURS = "sales@example.org"


@tagged("post_install", "-at_install")
class TestChatterCopies(MailboxCase):
    def test_copy_shows_the_mail_as_it_was(self):
        [message] = self.import_mail(
            mail(
                "Customer <customer@example.com>",
                f"Sales <{OURS}>",
                subject="Größe",
                html='<p onclick="x()">Hi <b>there</b><img src="cid:pic"></p>'
                "<script>bad()</script>",
                inline=[("pic", PNG)],
                attachments=[("Angebot.pdf", b"%PDF-1.4")],
                date=datetime(2024, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
            )
        )
        copy = self.copies(message)
        self.assertEqual(copy.model, "res.partner")
        self.assertEqual(copy.res_id, self.customer.id)
        self.assertEqual(copy.subject, "Größe")
        self.assertEqual(copy.date, datetime(2024, 2, 3, 2, 5))
        self.assertEqual(copy.author_id, self.customer)
        self.assertIn("<b>there</b>", copy.body)
        self.assertNotIn("bad()", copy.body)
        self.assertNotIn("onclick", copy.body)
        files = self.env["ir.attachment"].search(
            [("res_model", "=", message._name), ("res_id", "=", message.id)]
        )
        picture = files.filtered(lambda a: a.mimetype == "image/png")
        self.assertIn(f'src="/web/image/{picture.id}"', copy.body)
        self.assertEqual(picture.raw, PNG)
        self.assertNotIn(picture, copy.attachment_ids, "it is shown in the text")
        paper = copy.attachment_ids
        self.assertEqual((paper.name, paper.raw), ("Angebot.pdf", b"%PDF-1.4"))
        self.assertEqual(paper.res_model, "mailbox.message")
        self.assertEqual(message.attachment_count, 1)

    def test_a_sender_without_an_address_keeps_its_name(self):
        [message] = self.import_mail(
            b"From: Mail Delivery Subsystem <MAILER-DAEMON>\r\n"
            b"To: customer@example.com, sales@example.org\r\n"
            b"Subject: Returned mail\r\n\r\nIt was not delivered."
        )
        copy = self.copies(message)
        self.assertEqual(message.email_from, "Mail Delivery Subsystem")
        self.assertEqual(copy.email_from, "Mail Delivery Subsystem")
        self.assertFalse(copy.author_id)

    def test_import_is_silent(self):
        self.customer.message_subscribe(self.agent.partner_id.ids)
        counted = (
            "mail.mail",
            "mail.notification",
            "mail.followers",
            "res.partner",
            "mail.activity",
        )
        before = {model: self.env[model].search_count([]) for model in counted}
        self.import_mail(
            mail("customer@example.com", f"{OURS}, new@stranger.example"),
            mail(OURS, "customer@example.com"),
        )
        after = {model: self.env[model].search_count([]) for model in counted}
        self.assertEqual(after, before)

    def test_copy_has_an_id_of_its_own(self):
        raw = mail("customer@example.com", OURS, message_id="<real@customer.example>")
        [message] = self.import_mail(raw)
        self.assertEqual(message.rfc_message_id, "<real@customer.example>")
        self.assertNotIn("real@customer.example", self.copies(message).message_id)

    def test_same_mail_in_two_folders_is_shown_once(self):
        raw = mail(OURS, f"customer@example.com, {OURS}")
        [one] = self.import_mail(raw, folder="Sent")
        [other] = self.import_mail(raw, folder="INBOX")
        self.assertEqual(one, other)
        self.assertEqual(len(one.location_ids), 2)
        self.assertEqual(len(self.copies(one, self.customer)), 1)

    def test_same_mail_in_two_mailboxes_is_shown_once_to_readers_of_both(self):
        raw = mail("customer@example.com", f"{OURS}, private@example.org")
        private = self.make_account(
            "private@example.org", self.member, visibility="members"
        )
        self.account.visibility = "members"
        [one] = self.import_mail(raw)
        [other] = self.import_mail(raw, account=private)
        self.assertEqual(one, other)
        self.assertEqual(
            self.env["mail.message"].search_count(
                [("mailbox_message_id", "=", one.id)]
            ),
            1,
        )
        for user, count in ((self.owner, 1), (self.member, 1), (self.agent, 0)):
            found = (
                self.env["mail.message"]
                .with_user(user)
                .search([("mailbox_message_id", "=", one.id)])
            )
            self.assertEqual(len(found), count, user.login)

    def test_forged_message_id_gives_no_access_to_other_mail(self):
        secret = self.make_account("secret@example.org", self.member, "members")
        [mine] = self.import_mail(
            mail(
                "customer@example.com",
                "secret@example.org",
                text="The secret",
                message_id="<secret@x.example>",
            ),
            account=secret,
        )
        [forged] = self.import_mail(
            mail(
                "customer@example.com",
                OURS,
                text="Let me in",
                message_id="<secret@x.example>",
            )
        )
        self.assertNotEqual(forged, mine)
        self.assertFalse(mine.with_user(self.owner).search([("id", "=", mine.id)]))
        self.assertEqual(len(self.copies(mine | forged, self.customer)), 2)

    def test_mail_without_id_is_identified_by_content_and_date(self):
        def raw(day):
            lines = mail(
                "customer@example.com",
                OURS,
                text="Backup done",
                date=datetime(2024, 5, day, tzinfo=timezone.utc),
            ).splitlines()
            return b"\r\n".join(
                line for line in lines if not line.startswith(b"Message-ID")
            )

        [first] = self.import_mail(raw(1))
        [again] = self.import_mail(raw(1), folder="Sent")
        [next_day] = self.import_mail(raw(2))
        self.assertEqual(first, again)
        self.assertNotEqual(first, next_day)

    def test_mail_to_very_many_contacts_is_copied_to_some_and_linked_to_all(self):
        partners = self.env["res.partner"].create(
            [
                {"name": f"P{n}", "email": f"p{n}@crowd.example"}
                for n in range(MAX_COPIES + 5)
            ]
        )
        [message] = self.import_mail(mail(OURS, ", ".join(partners.mapped("email"))))
        self.assertEqual(message.link_ids.partner_id, partners)
        self.assertEqual(len(self.copies(message)), MAX_COPIES)
        self.assertEqual(partners[-1].with_user(self.agent).mailbox_message_count, 1)

    def test_contact_added_later_gets_the_body_and_attachments_too(self):
        raw = mail(
            "customer@example.com",
            f"{OURS}, late@customer.example",
            attachments=[("a.pdf", b"%PDF-1.4")],
        )
        [message] = self.import_mail(raw)
        late = self.env["res.partner"].create(
            {"name": "Late", "email": "late@customer.example"}
        )
        [again] = self.import_mail(raw, folder="Sent")
        self.assertEqual(message, again)
        first, second = self.copies(message, self.customer), self.copies(message, late)
        self.assertEqual(first.body, second.body)
        self.assertEqual(first.attachment_ids, second.attachment_ids)


@tagged("post_install", "-at_install")
class TestFailedImport(MailboxCase):
    def test_one_bad_message_fails_and_the_rest_is_imported(self):
        folder = self.account.folder_ids.filtered(lambda f: f.role == "inbox")
        good = [mail("customer@example.com", OURS, subject=f"Good {n}") for n in (1, 2)]
        bad = b"From: customer@example.com\r\nSubject: bad\r\n" + nested(2000)
        importer = Importer(folder)
        match = Match(self.customer.id, "from", "customer@example.com")
        candidates = [
            Candidate(HeaderRecord(uid, len(raw), None, {}), [match], raw)
            for uid, raw in enumerate([good[0], bad, good[1]], start=100)
        ]
        counts = importer.run(candidates)
        self.assertEqual((counts.linked, counts.failed), (2, 1))
        [row] = self.env["mailbox.failed.import"].search(
            [("folder_id", "=", folder.id)]
        )
        self.assertEqual(row.uid, 101)
        self.assertTrue(row.reason)
        stored = self.env["ir.attachment"].search(
            [
                ("res_model", "=", row._name),
                ("res_id", "=", row.id),
                ("res_field", "=", "raw"),
            ]
        )
        self.assertEqual(stored.raw, bad, "kept as it came")
        with self.assertRaises(AccessError):
            stored.with_user(self.agent).check_access("read")


def nested(depth):
    """A body of parts within parts."""
    lines = []
    for n in range(depth):
        lines += [f'Content-Type: multipart/mixed; boundary="b{n}"', "", f"--b{n}"]
    return "\r\n".join(lines).encode()
