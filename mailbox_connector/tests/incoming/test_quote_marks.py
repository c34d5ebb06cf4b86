from lxml import html as lxml_html

from odoo.tests import TransactionCase, tagged
from odoo.tools.mail import html_sanitize

from odoo.addons.mailbox_connector.engine.mime.html import clean, from_text
from odoo.addons.mailbox_connector.services.incoming.quote_marks import (
    MARK,
    mark_quotes,
)


def _folded(body):
    """The text that the chatter folds."""
    root = lxml_html.fragment_fromstring(body, create_parent=True)
    return " ".join(
        "".join(node.itertext()) for node in root.xpath("//*[@data-o-mail-quote]")
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
            '<hr id="stopSpelling">',
            '<div class="gmail_signature">Bob</div>',
        ):
            with self.subTest(source=source):
                shown = mark_quotes(clean(f"<p>new</p>{source}"))
                self.assertEqual(shown.count(MARK), 1)
                self.assertIn(MARK, shown.removeprefix("<p>new</p>").split(">", 1)[0])

    def test_what_core_folds_is_folded(self):
        """Whatever core recognizes in these replies has to be within our marks."""
        for source in (
            '<p>new</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">'
            "<b>From:</b> Ann</div><div>old</div>",
            '<p>new</p><hr id="stopSpelling"><p>old</p>',
            '<p>new</p><div class="yahoo_quoted">old</div>',
            '<p>new</p><div class="gmail_quote">On 1 May Ann wrote:<blockquote>old'
            "</blockquote></div>",
            '<p>new</p><div id="Signature">Bob</div>',
            '<p>new</p><blockquote type="cite">old</blockquote>',
        ):
            with self.subTest(source=source):
                core, own = html_sanitize(source), mark_quotes(clean(source))
                self.assertIn('data-o-mail-quote="1"', core)
                self.assertNotIn("new", _folded(own))
                for word in ("old", "Ann", "Bob"):
                    self.assertEqual(word in _folded(core), word in _folded(own))

    def test_a_forwarded_message_is_shown(self):
        source = '<div class="gmail_quote"><blockquote>old</blockquote></div>'
        self.assertNotIn(MARK, mark_quotes(clean(source)))

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
