"""Newsletters and mailing lists are skipped; what customers write never is."""

from odoo.tests import tagged

from ...engine.sync.state import SkipReason
from ...engine.types import HeaderRecord
from ...services.incoming.candidate import Candidate
from ...services.incoming.importer import Importer
from ...services.incoming.matcher import Matcher
from ..common import MailboxCase, mail

OURS = "sales@example.org"
LIST = {
    "List_Id": "Talk <talk.lists.example.net>",
    "List_Post": "<mailto:talk@lists.example.net>",
    "Precedence": "list",
}


@tagged("post_install", "-at_install")
class TestNewsletters(MailboxCase):
    @property
    def inbox(self):
        return self.account.folder_ids.filtered(lambda f: f.raw_name == "INBOX")

    def run_import(self, *raws):
        """Import e-mails of the customer as UIDs 1, 2, …; the counts."""
        match = Matcher(self.env, self.account).match
        candidates = []
        for uid, raw in enumerate(raws, 1):
            addresses = {"from": [], "to": [], "cc": [], "reply_to": []}
            header = HeaderRecord(uid, len(raw), None, addresses)
            candidates.append(Candidate(header, [], raw))
            importer = Importer(self.inbox)
            importer.parse_or_keep_failed(candidates[-1])
            header.addresses = candidates[-1].parsed.addresses
            candidates[-1].matches = match([header]).get(uid, [])
            self.assertTrue(candidates[-1].matches)
        self.importer = importer
        return importer.run(candidates)

    def test_nothing_of_a_newsletter_is_stored(self):
        tables = ("mailbox_message", "mailbox_location", "mail_message")
        tables += ("ir_attachment", "mailbox_conversation", "mailbox_reference")

        def rows():
            found = []
            for table in tables:
                # The names are those above: pylint: disable=sql-injection
                self.env.cr.execute(f"SELECT count(*) FROM {table}")
                found.append(self.env.cr.fetchone()[0])
            return found

        before = rows()
        counts = self.run_import(
            mail(List_Unsubscribe="<https://x.example>", attachments=[("a", b"b")]),
            mail(**LIST),
        )
        self.assertEqual(rows(), before)
        self.assertEqual(
            (counts.matched, counts.skipped, counts.newsletters), (0, 2, 2)
        )
        newsletters = dict.fromkeys((1, 2), SkipReason.NEWSLETTER)
        self.assertEqual(self.importer.skipped, newsletters)
        self.inbox.mark_handled(skipped=newsletters)
        self.assertEqual(self.inbox.skipped_uids, {"newsletter": "1:2"})

    def test_mail_of_our_own_group_is_imported(self):
        """support@ may be our own group: all mail that it forwards looks like mail of
        a list."""
        [message] = self.import_mail(
            mail(
                List_Id="<support.example.org>",
                List_Post="<mailto:support@example.org>",
                List_Unsubscribe="<https://groups.example/leave>",
                Precedence="list",
            )
        )
        self.assertEqual(message.link_ids.partner_id, self.customer)

    def test_a_mail_providers_domain_is_not_ours(self):
        provider = self.env["mailbox.provider"].search([("domains", "!=", False)])[0]
        domain = provider.domains.split()[0]
        self.account.email = f"shop@{domain}"
        raw = mail(to=self.account.email, List_Id=f"<news.{domain}>")
        self.assertEqual(self.run_import(raw).newsletters, 1)

    def test_a_reply_to_us_by_a_list_is_imported(self):
        self.import_mail(
            mail(OURS, "customer@example.com", message_id="<asked@example.org>"),
            folder="Sent",
        )
        reply = mail(in_reply_to="<asked@example.org>", **LIST)
        self.assertEqual(self.run_import(reply).linked, 1)
        other = mail(in_reply_to="<unknown@example.net>", **LIST)
        self.assertEqual(self.run_import(other).newsletters, 1)

    def test_what_we_send_and_automatic_replies_are_imported(self):
        counts = self.run_import(
            mail(OURS, "customer@example.com", List_Unsubscribe="<https://x.example>"),
            mail("Boss <mb_owner@staff.example.org>", "customer@example.com", **LIST),
            mail(Precedence="bulk", Auto_Submitted="auto-replied"),
            mail(Precedence="bulk", Auto_Submitted="auto-generated"),
        )
        self.assertEqual((counts.linked, counts.skipped), (4, 0))

    def test_turned_off_they_are_imported(self):
        raw = mail(List_Unsubscribe="<https://x.example>")
        self.run_import(raw)
        folder = self.inbox
        folder.mark_handled([2, 3], self.importer.skipped)
        folder.handled_since = "2024-01-01"
        self.assertEqual(folder.skip_reason(1), SkipReason.NEWSLETTER)
        self.account.skip_newsletters = False
        self.assertEqual((folder.imported_uids, folder.skipped_uids), ("2:3", False))
        self.assertFalse(folder.handled_since)
        self.assertEqual(self.run_import(raw).linked, 1)

    def test_what_was_deleted_here_is_counted(self):
        raw = mail()
        self.import_mail(raw).unlink()
        counts = self.run_import(raw)
        self.assertEqual((counts.matched, counts.skipped, counts.deleted), (0, 1, 1))
        self.assertEqual(self.importer.skipped, {1: SkipReason.DELETED})

    def test_internal_mail_is_distinguished_from_strangers(self):
        matcher = Matcher(self.env, self.account)

        def internal(**headers):
            raw = mail(**headers)
            candidate = Candidate(HeaderRecord(1, 1, None, {}), [], raw)
            Importer(self.inbox).parse_or_keep_failed(candidate)
            return matcher.is_internal(candidate.parsed.addresses)

        self.assertTrue(internal(sender="mb_owner@staff.example.org", to=OURS))
        self.assertTrue(internal(sender=OURS, to=OURS))
        self.assertFalse(internal(sender="stranger@example.net", to=OURS))
        self.assertFalse(internal(sender="", to=""))
