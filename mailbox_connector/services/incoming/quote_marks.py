"""Marks quotes and signatures in bodies, so that the chatter folds them."""

from ...engine.mime import quotes

#: The attribute that the chatter looks for; it folds the outermost element that has
#: it. Written without quotation marks, so that it is harmless if it ends up within the
#: value of another attribute.
MARK = " data-o-mail-quote=1"


def mark_quotes(body: str) -> str:
    """HTML that the engine has cleaned, with its quotes marked. Call it only once."""
    return quotes.mark(body, MARK)
