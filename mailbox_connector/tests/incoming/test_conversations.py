"""E-mails that reply to each other are one conversation, in any order they come in."""

from odoo.tests import tagged

from ..common import MailboxCase, mail

OURS = "sales@example.org"


@tagged("post_install", "-at_install")
class TestConversations(MailboxCase):
    def _thread(self):
        return (
            mail("customer@example.com", OURS, subject="Q", message_id="<q@x.example>"),
            mail(
                OURS,
                "customer@example.com",
                subject="Re: Q",
                message_id="<a@x.example>",
                In_Reply_To="<q@x.example>",
                References="<q@x.example>",
            ),
            mail(
                "customer@example.com",
                OURS,
                subject="Re: Q",
                message_id="<t@x.example>",
                In_Reply_To="<a@x.example>",
                References="<q@x.example> <a@x.example>",
            ),
        )

    def test_replies_and_parents_are_bound_in_any_order(self):
        orders = ((0, 1, 2), (2, 1, 0), (2, 0, 1), (1, 2, 0))
        for order in orders:
            with self.subTest(order=order):
                raws = [
                    raw.replace(b"x.example", b"x%d%d%d.example" % order)
                    for raw in self._thread()
                ]
                messages = {n: self.import_mail(raws[n]) for n in order}
                conversations = {m.conversation_id for m in messages.values()}
                self.assertEqual(len(conversations), 1)
                question, reply, thanks = (self.copies(messages[n]) for n in range(3))
                self.assertEqual(reply.parent_id, question)
                self.assertEqual(thanks.parent_id, reply)

    def test_one_batch_binds_as_well(self):
        messages = self.import_mail(*reversed(self._thread()))
        self.assertEqual(len(messages.conversation_id), 1)

    def test_replies_to_something_unknown_belong_together(self):
        messages = self.import_mail(
            *(
                mail(
                    "customer@example.com",
                    OURS,
                    message_id=f"<{n}@y.example>",
                    In_Reply_To="<gone@y.example>",
                )
                for n in range(2)
            )
        )
        self.assertEqual(len(messages.conversation_id), 1)

    def test_unrelated_mail_stays_apart(self):
        messages = self.import_mail(
            mail("customer@example.com", OURS, subject="A"),
            mail("customer@example.com", OURS, subject="A"),
        )
        self.assertEqual(len(messages.conversation_id), 2)
