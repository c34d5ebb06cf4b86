"""Replies as mail apps write them, and what of them a reader sees at first."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from odoo.addons.mailbox_connector.engine.mime import html, quotes

FOLDER = Path(__file__).parent / "replies"
MARK = " data-o-mail-quote=1"
VOID = ("br", "col", "hr", "img", "wbr")


class Reader(HTMLParser):
    """Tells apart what is shown and what is folded, as the chatter does."""

    def __init__(self):
        super().__init__()
        self.shown: list[str] = []
        self.folded: list[str] = []
        self._open: list[bool] = []

    def handle_starttag(self, tag, attrs):
        is_folded = "data-o-mail-quote" in dict(attrs) or any(self._open[-1:])
        if tag not in VOID:
            self._open.append(is_folded)
        elif tag == "img":
            (self.folded if is_folded else self.shown).append(dict(attrs)["src"])

    def handle_endtag(self, tag):
        if tag not in VOID:
            self._open.pop()

    def handle_data(self, data):
        (self.folded if any(self._open[-1:]) else self.shown).append(data)


def read(source: str, is_text: bool = False) -> tuple[str, str]:
    """What is shown of a body, and what is folded."""
    cleaned = html.from_text(source) if is_text else html.clean(source)
    reader = Reader()
    reader.feed(quotes.mark(cleaned, MARK))
    assert not reader._open
    return _words(reader.shown), _words(reader.folded)


def _words(texts: list[str]) -> str:
    return " ".join(" ".join(texts).split())


def _load(pattern: str) -> dict[str, str]:
    found = sorted(FOLDER.glob(pattern))
    assert found
    return {path.stem: path.read_text(encoding="utf-8") for path in found}


#: By mail app: a reply whose new words are "New words" and whose quoted ones are "Old
#: words"; the same as plain text; answers between quotes.
REPLIES = _load("*.html")
TEXT_REPLIES = _load("*.txt")
INLINE = _load("inline/*.html")
