"""`./dev lint` finds refused wordings wherever people read, and nothing else."""

from textwrap import dedent

import pytest

from devtools.words import PHRASES, faults

PYTHON = "mailbox_connector/models/example.py"
XML = "mailbox_connector/views/example.xml"
SCRIPT = "mailbox_connector/static/src/example.js"
PAGE = "docs/example.md"


def found(file: str, source: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.found) for fault in faults(file, dedent(source))]


@pytest.mark.parametrize(
    "source",
    [
        'raise UserError(_("It is sent by itself."))',
        'raise UserError(self.env._("It is sent %s by itself.", when))',
        'raise UserError(\n  words.env._(\n    "It is sent "\n    "by itself."))',
        'name = fields.Char(string="Sent by itself")',
        'name = fields.Char(help="Sent by itself.")',
        'state = fields.Selection([("sent", "Sent by itself")])',
        'STATES = [("new", "New"), ("sent", "Sent by itself")]',
        '_unique = models.Constraint("UNIQUE (name)", "It is there by itself.")',
        '_description = "Sent by itself"',
    ],
)
def test_python(source):
    [(_line, phrase)] = found(PYTHON, source)
    assert phrase == "by itself"


@pytest.mark.parametrize(
    "source",
    [
        "<p>It is sent by itself.</p>",
        "<p>It is sent <b>by\n itself</b>.</p>",
        '<field name="name" string="Sent by itself"/>',
        '<field name="name" help="Sent by itself."/>',
        '<field name="name" placeholder="Sent by itself"/>',
        '<button name="send" title="Sent by itself"/>',
        '<button name="send" confirm="Sent by itself?"/>',
        '<attribute name="help">Sent by itself.</attribute>',
    ],
)
def test_xml(source):
    [(_line, phrase)] = found(XML, f"<odoo>{source}</odoo>")
    assert phrase == "by itself"


def test_javascript():
    source = """\
        const state = _t("Sent by itself");
        const other = _t(
            'Sent %s by itself',
            name
        );
    """
    assert found(SCRIPT, source) == [(1, "by itself"), (3, "by itself")]


def test_docstrings_and_comments():
    source = '''\
        """It is sent by
        itself."""

        class Example:
            """Sent by itself."""

            # This is sent by
            # itself. ``by itself``
            name = 1  #: by itself

            def send(self):
                """:param mails: ``by itself``"""
                text = "by itself"
    '''
    lines = [line for line, phrase in found(PYTHON, source) if phrase == "by itself"]
    assert lines == [1, 5, 7, 9]
    assert len(found(PYTHON, source)) == 4
    source = """\
        /** It is sent by
         *  itself. */
        const url = "https://example.com/"; // by itself
    """
    assert found(SCRIPT, source) == [(1, "by itself"), (3, "by itself")]


def test_documents():
    source = """\
        # Sent by itself

        A copy is filed by
        itself.
    """
    assert found(PAGE, source) == [(1, "by itself"), (3, "by itself")]
    assert found("README.md", source) == found(PAGE, source)


def test_a_fault_names_its_place_and_what_to_write():
    [fault] = faults(XML, "<odoo>\n\n<p>\nSent by itself.</p></odoo>")
    assert str(fault) == f'{XML}:4: "by itself": better automatically'


@pytest.mark.parametrize(
    "text",
    [
        "Its mail stands on the contact.",
        "The mail that stood in Sent",
        "The copy will stand in Sent.",
        "Every e-mail bears a name.",
        "The owner is told.",
        "Members are told of it.",
        "It was made anew.",
        "Whoever may read it.",
        "This one is of ours.",
        "One password a side",
        "What waits is sent now.",
        "This brings mail in.",
        "E-mails that were brought in",
        "E-mails that were put aside",
        "This step is a must.",
        "They are no contacts.",
        "It takes no passwords from programs.",
        "Two mails were sent.",
    ],
)
def test_every_phrase(text):
    assert len(found(PAGE, text)) == 1


def test_each_pattern_has_its_example():
    texts = next(
        mark.args[1]
        for mark in test_every_phrase.pytestmark
        if mark.name == "parametrize"
    )
    assert len(texts) >= len(PHRASES)


@pytest.mark.parametrize(
    "text",
    [
        "Is the port wrong, the dialog says so.",
        "Look here. Has the server a certificate,\nadd it.",
        "Steps:\n\n- Are there more, press Next.",
    ],
)
def test_conditions_without_if(text):
    assert len(found(PAGE, text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "TLS stands for Transport Layer Security.",
        "Bear in mind that a pass can be told apart from a tick by its side effects.",
        "Odoo saves a copy; people are notified and can bring their own device.",
        "Is the port wrong, or the encryption? Has the server, or the proxy, answered?",
        "Has no IMAP, but SMTP.",
        "Does not answer, or not in time.",
        "Have a look, then press Next.",
        "One password per server; servers stand by.",
        "`stands`, `by itself`",
        "```\nby itself\n```",
        "[help](https://example.com/by-itself/stands)",
    ],
)
def test_ordinary_text_of_documents(text):
    assert not found(PAGE, text)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        (PYTHON, 'log.info("anew")'),
        (PYTHON, 'rows = env["x"].search([("a", "=", "by itself")])'),
        (PYTHON, '_order = "history"'),
        (
            XML,
            '<odoo><record id="by_itself"><field name="name">mailbox.backfill.form'
            '</field><field name="code">history = "by itself"</field></record></odoo>',
        ),
        (XML, "<odoo><!-- by itself --><t t-if=\"history == 'anew'\"/></odoo>"),
        (SCRIPT, 'const history = "anew";'),
        ("tests/e2e/test_example.py", 'screen.press(_("by itself"))'),
        ("docs/style.md", "Its mail stands by itself."),
    ],
)
def test_what_nobody_reads(file, source):
    assert not found(file, source)


def test_screens_say_import():
    assert found(XML, '<odoo><p string="Import of history">Backfill</p></odoo>')
    assert not found(PAGE, "A backfill imports the history of a folder.")


@pytest.mark.parametrize(
    "name",
    ["quarantine", "MailboxNewcomer", "mailbox.scope", "mailbox_outbox_ids",
     "mailbox.notice", "mailbox_why", "mailbox.history.undo", "put_aside"],
)  # fmt: skip
def test_former_names(name):
    for file in (PYTHON, XML, SCRIPT, PAGE, "tests/engine/test_example.py"):
        source = f'<odoo id="{name}"/>' if file == XML else f"# {name}"
        assert found(file, source), file
    assert not found("CHANGELOG.md", name)
