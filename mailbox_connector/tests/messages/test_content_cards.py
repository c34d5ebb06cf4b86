"""What is shown above the text of an e-mail: encryption, and invitations."""

import base64
from datetime import datetime, timezone
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from odoo.tests import tagged

from odoo.addons.mail.tools.discuss import Store

from ..common import MailboxCase, MailboxHttpCase

HOSTILE = '<script>alert(1)</script><b>Visit</b> & "x" \''
EVENT = [
    f"SUMMARY:{HOSTILE}",
    "LOCATION:<img src=x onerror=alert(2)>",
    'ORGANIZER;CN="<i>Ann</i>":mailto:ann@example.com',
    "ATTENDEE;CN=<u>Bob</u>;PARTSTAT=ACCEPTED:mailto:bob@example.org",
    "DTSTART;TZID=W. Europe Standard Time:20260501T090000",
    "DTEND;TZID=W. Europe Standard Time:20260501T100000",
]


def calendar(*lines, method="REQUEST"):
    return "\r\n".join(
        ["BEGIN:VCALENDAR", f"METHOD:{method}", "BEGIN:VEVENT", "UID:1", *lines]
        + ["END:VEVENT", "END:VCALENDAR", ""]
    )


def invitation(*lines, method="REQUEST", text="Please come"):
    """An e-mail with an event of these lines."""
    message = EmailMessage()
    message["From"] = "Customer <customer@example.com>"
    message["To"] = "sales@example.org"
    message["Subject"] = "Visit"
    message["Date"] = format_datetime(datetime(2026, 4, 1, tzinfo=timezone.utc))
    message["Message-ID"] = make_msgid(domain="mail.example.com")
    message.set_content(text)
    message.add_alternative(
        calendar(*lines, method=method), subtype="calendar", params={"method": method}
    )
    return message.as_bytes()


def raw(content_type, body, encoding="7bit"):
    return (
        "From: Customer <customer@example.com>\r\nTo: sales@example.org\r\n"
        "Subject: Secret\r\nDate: Wed, 1 Apr 2026 10:00:00 +0000\r\n"
        f"Message-ID: {make_msgid(domain='mail.example.com')}\r\n"
        f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        f"{body}"
    ).encode()


@tagged("post_install", "-at_install")
class TestContentCards(MailboxCase):
    def card(self, *lines, user=None, **more):
        """The card of an invitation, as a reader sees it in the form."""
        mail = self.import_mail(invitation(*lines, **more))
        return str(mail.with_user(user or self.agent).card)

    def in_chatter(self, mail, user):
        copy = self.copies(mail).with_user(user)
        store = Store().add(copy)
        (values,) = store.get_result()["mail.message"]
        return values.get("mailbox_card")

    def test_an_invitation_says_what_when_where_who(self):
        self.agent.tz = "Asia/Tokyo"
        card = self.card(*EVENT)
        for text in ("Invitation", "Friday, May 1, 2026", "Asia/Tokyo", "Visit"):
            self.assertIn(text, card)
        self.assertRegex(card, r"4:00\sPM – 5:00\sPM")

    def test_what_a_sender_writes_is_text_for_every_reader(self):
        """A reader without any rights beyond being an employee, in both places."""
        reader = self.make_user("mb_reader", "base.group_user")
        mail = self.import_mail(invitation(*EVENT))
        shown = str(mail.with_user(reader).card)
        kind, in_chatter = self.in_chatter(mail, reader)
        self.assertEqual(kind, "markup")
        for html in (shown, in_chatter):
            for tag in ("<script", "<b>", "<img", "<i>Ann", "<u>", "onerror=alert(2)>"):
                self.assertNotIn(tag, html)
            self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", html)
            self.assertIn("&lt;i&gt;Ann&lt;/i&gt;", html)
            self.assertIn("&lt;u&gt;Bob&lt;/u&gt; (accepted)", html)

    def test_the_text_and_the_file_are_the_sender_s(self):
        mail = self.import_mail(invitation(*EVENT))
        self.assertEqual(mail.body, "<div>Please come</div>")
        self.assertEqual(mail.attachment_count, 1)
        self.assertTrue(mail.attachment_ids.name.endswith(".ics"))
        self.assertIn(b"SUMMARY:<script>", mail.attachment_ids.raw)

    def test_each_reader_has_a_language_and_a_time_zone(self):
        mail = self.import_mail(invitation(*EVENT))
        self.env["res.lang"]._activate_lang("fr_FR")
        for zone, lang, time in (
            ("UTC", "en_US", r"7:00\sAM"),
            ("America/New_York", "en_US", r"3:00\sAM"),
            ("Europe/Paris", "fr_FR", r"vendredi 1 mai 2026, 09:00"),
        ):
            self.agent.write({"tz": zone, "lang": lang})
            reader = mail.with_user(self.agent).with_context(lang=lang, tz=zone)
            self.assertRegex(str(reader.card), time)
            self.assertIn(zone, str(reader.card))

    def test_whole_days(self):
        one = self.card("SUMMARY:Fair", "DTSTART;VALUE=DATE:20260501")
        self.assertIn("Friday, May 1, 2026", one)
        self.assertNotIn("UTC", one)
        several = self.card(
            "SUMMARY:Fair",
            "DTSTART;VALUE=DATE:20260501",
            "DTEND;VALUE=DATE:20260504",
        )
        self.assertIn("Friday, May 1, 2026 – Sunday, May 3, 2026", several)

    def test_a_zone_that_nobody_knows_is_named(self):
        card = self.card("DTSTART;TZID=Mars Time:20260501T090000")
        self.assertRegex(card, r"9:00\sAM \(Mars Time\)")

    def test_methods_in_words(self):
        person = "ATTENDEE;CN=Bob;PARTSTAT={}:mailto:bob@example.org"
        start = "DTSTART:20260501T090000Z"
        for method, line, title in (
            ("REQUEST", person.format("NEEDS-ACTION"), "Invitation"),
            ("CANCEL", person.format("NEEDS-ACTION"), "Canceled"),
            ("REQUEST", "STATUS:CANCELLED", "Canceled"),
            ("REPLY", person.format("ACCEPTED"), "Accepted by Bob"),
            ("REPLY", person.format("DECLINED"), "Declined by Bob"),
            ("REPLY", person.format("TENTATIVE"), "Tentatively accepted by Bob"),
            ("COUNTER", person.format("TENTATIVE"), "New time proposed by Bob"),
            ("PUBLISH", "STATUS:CONFIRMED", "Event"),
        ):
            with self.subTest(method=method, title=title):
                self.assertIn(f">{title}<", self.card(start, line, method=method))

    def test_how_often_in_words(self):
        start = "DTSTART:20260501T090000Z"
        for rule, text in (
            ("FREQ=DAILY", "Every day"),
            (
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
                "Every 2 weeks on Monday and Friday",
            ),
            ("FREQ=MONTHLY;COUNT=6", "Every month, times: 6"),
            ("FREQ=YEARLY;UNTIL=20300501T000000Z", "Every year, until 05/01/2030"),
            ("FREQ=MONTHLY;BYDAY=-1FR", "Several times"),
        ):
            with self.subTest(rule=rule):
                self.assertIn(text, self.card(start, f"RRULE:{rule}"))

    def test_many_people_are_counted(self):
        people = [f"ATTENDEE:mailto:p{number}@example.com" for number in range(300)]
        card = self.card("DTSTART:20260501T090000Z", *people)
        self.assertIn("p9@example.com", card)
        self.assertNotIn("p10@example.com", card)
        self.assertIn("and more: 290", card)

    def test_an_invitation_without_text_is_shown(self):
        mail = self.import_mail(
            raw("text/calendar", calendar("SUMMARY:Fair", "DTSTART:20260501T090000Z"))
        )
        self.assertIn("Fair", self.in_chatter(mail, self.agent)[1])
        self.assertFalse(mail.body)

    def test_a_calendar_that_cannot_be_read_is_a_file(self):
        mail = self.import_mail(invitation("DTSTART:rubbish"))
        self.assertFalse(mail.card)
        self.assertFalse(self.in_chatter(mail, self.agent))
        self.assertEqual(mail.attachment_count, 1)

    def test_it_does_not_depend_on_the_calendar_app(self):
        """Nothing is created in Odoo's calendar, and nothing of it is needed."""
        module = self.env["ir.module.module"].search(
            [("name", "=", "mailbox_connector")]
        )
        self.assertNotIn("calendar", module.upstream_dependencies().mapped("name"))
        before = None
        if "calendar.event" in self.env:
            before = self.env["calendar.event"].search_count([])
        self.assertIn("Visit", self.card(*EVENT))
        if before is not None:
            self.assertEqual(self.env["calendar.event"].search_count([]), before)

    def test_an_encrypted_mail_says_so_and_keeps_its_file(self):
        content = base64.encodebytes(b"not for us").decode()
        smime = raw(
            'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
            content,
            "base64",
        )
        pgp = raw(
            "text/plain",
            "-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----\r\n",
        )
        for content, word, files in ((smime, "S/MIME", 1), (pgp, "PGP", 0)):
            mail = self.import_mail(content)
            self.assertEqual(mail.encryption, word.lower().replace("/", ""))
            self.assertIn("This e-mail is encrypted", str(mail.card))
            self.assertIn(word, self.in_chatter(mail, self.agent)[1])
            self.assertEqual(len(mail.attachment_ids), files)

    def test_signatures_are_kept_but_not_listed(self):
        body = (
            "--B\r\nContent-Type: text/plain\r\n\r\nHello\r\n--B\r\n"
            "Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nsig\r\n"
            "--B--\r\n"
        )
        mail = self.import_mail(raw('multipart/signed; boundary="B"', body))
        self.assertEqual(mail.attachment_count, 0)
        self.assertFalse(mail.attachment_ids)
        self.assertFalse(self.copies(mail).attachment_ids)
        kept = self.env["ir.attachment"].search(
            [("res_model", "=", "mailbox.message"), ("res_id", "=", mail.id)]
        )
        self.assertEqual((kept.name, kept.raw), ("smime.p7s", b"sig"))

    def test_ordinary_mail_has_no_card(self):
        mail = self.import_mail(raw("text/plain", "Hello"))
        self.assertFalse(mail.card)
        self.assertIsNone(self.in_chatter(mail, self.agent))

    def test_a_batch_of_all_kinds(self):
        """Stored in one statement, with and without an event."""
        mails = self.import_mail(
            raw("text/plain", "Hello"),
            invitation(*EVENT),
            raw("text/plain", "Bye"),
            invitation(*EVENT[1:]),
        )
        self.assertEqual(
            [bool(mail.invitation) for mail in mails], [False, True, False, True]
        )


@tagged("post_install", "-at_install")
class TestContentCardsTour(MailboxHttpCase):
    def test_the_chatter_shows_cards_as_text(self):
        """Above the text; what looks like HTML does nothing."""
        self.import_mail(
            invitation(*EVENT),
            raw("application/pkcs7-mime; smime-type=enveloped-data", "x"),
        )
        self.start_tour(
            f"/odoo/action-base.action_partner_form/{self.customer.id}",
            "mailbox_content_cards",
            login="mb_agent",
            timeout=300,
        )
