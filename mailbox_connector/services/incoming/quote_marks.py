"""Marks quotes and signatures in bodies, so that the chatter folds them."""

import re

#: The attribute that the chatter looks for; it folds the outermost element that has
#: it. Written without quotation marks, so that it is harmless if it ends up within the
#: value of another attribute.
MARK = " data-o-mail-quote=1"
#: CSS classes that mail apps give to quotes and signatures.
_NAMES = "gmail_quote|gmail_extra|gmail_signature|yahoo_quoted|moz-signature"
# The HTML cleaner writes all attribute values in double quotes.
_NAMED = re.compile(
    rf"""(<[a-z]+)(?=(?: [\w:-]+="[^"]*")*? class="(?:[^"]*[ ])?(?:{_NAMES})[ "])"""
)


def mark_quotes(body: str) -> str:
    """HTML that the engine has cleaned, with its quotes marked. Call it only once."""
    marked = body.replace("<blockquote", f"<blockquote{MARK}")
    if not any(name in body for name in _NAMES.split("|")):
        return marked
    return _NAMED.sub(_mark, marked)


def _mark(match: re.Match) -> str:
    # A blockquote with such a class is already marked.
    return match[0] if match[1] == "<blockquote" else match[1] + MARK
