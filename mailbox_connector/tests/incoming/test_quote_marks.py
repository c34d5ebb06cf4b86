from odoo.tests import TransactionCase, tagged

from odoo.addons.mailbox_connector.engine.mime.html import clean, from_text
from odoo.addons.mailbox_connector.services.incoming.quote_marks import (
    MARK,
    mark_quotes,
)


@tagged("post_install", "-at_install")
class TestQuoteMarks(TransactionCase):
    """The chatter folds what is marked: one sees the reply, and the quote on demand."""

    def test_quotes_of_mail_apps_are_folded(self):
        for source in (
            '<div class="gmail_quote"><div class="gmail_attr">Ann wrote:</div></div>',
            '<div dir="ltr" class="x gmail_quote gmail_quote_container">old</div>',
            '<blockquote type="cite" class="gmail_quote">old</blockquote>',
            '<div id="yahoo" class="yahoo_quoted">old</div>',
        ):
            with self.subTest(source=source):
                shown = mark_quotes(clean(source))
                self.assertEqual(shown.count(MARK), 1)
                self.assertIn(MARK, shown.split(">", 1)[0])

    def test_quotes_of_plain_text_are_folded(self):
        shown = mark_quotes(from_text("Yes.\n\n> Shall we?\n"))
        self.assertIn(f"<blockquote{MARK}>", shown)
        self.assertTrue(shown.startswith("<div>Yes."))

    def test_what_is_no_quote_stays(self):
        for source in (
            "<p>A gmail_quote is a class.</p>",
            '<div class="my_gmail_quotes">new</div>',
            '<p title="class=&quot;gmail_quote&quot;">new</p>',
            "<p>&lt;blockquote&gt;</p>",
        ):
            with self.subTest(source=source):
                self.assertNotIn(MARK, mark_quotes(clean(source)))

    def test_a_mark_inside_a_value_stays_inside(self):
        """Even if a cleaner left "<" in a value, a mark ends no attribute."""
        shown = mark_quotes('<p title="<blockquote x=">text</p>')
        self.assertEqual(shown.count('"'), 2)
