"""Quotes and signatures in bodies, marked so that the chatter folds them."""

import re

#: What the chatter looks for; it folds the outermost element that bears it. Without
#: quotes: inside another attribute's value it would do no harm.
MARK = " data-o-mail-quote=1"
#: How mail programs name the element that holds the quoted mail or a signature.
_NAMES = "gmail_quote|gmail_extra|gmail_signature|yahoo_quoted|moz-signature"
# The html cleaner writes every attribute in double quotes.
_NAMED = re.compile(
    rf"""(<[a-z]+)(?=(?: [\w:-]+="[^"]*")*? class="(?:[^"]*[ ])?(?:{_NAMES})[ "])"""
)


def mark_quotes(body: str) -> str:
    """Cleaned html (see ``engine.mime.html``) with its quotes marked, once."""
    marked = body.replace("<blockquote", f"<blockquote{MARK}")
    if not any(name in body for name in _NAMES.split("|")):
        return marked
    return _NAMED.sub(_mark, marked)


def _mark(match: re.Match) -> str:
    # A blockquote that bears such a name has its mark already.
    return match[0] if match[1] == "<blockquote" else match[1] + MARK
