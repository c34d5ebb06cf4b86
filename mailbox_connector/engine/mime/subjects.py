"""Subjects, and what mail apps, lists and filters put in front of them."""

from __future__ import annotations

import re

#: "Re:", "Fwd:" and their translations, also counted as in "Re[2]:".
_REPLY = r"(?:re|fwd?|aw|antw|wg|sv|vs|tr|rv|r|i|enc|odp|ynt)\s*(?:\[\d+\])?\s*:"
#: "[sales]" of a list, "***SPAM***" of a filter.
_TAG = r"\[[^\]]{1,80}\]|\*{3,}[^*]{1,20}\*{3,}"

_REPLIES = re.compile(rf"^\s*(?:{_REPLY}\s*)+", re.I)
_REPLIES_AND_TAGS = re.compile(rf"^(?:\s|{_TAG}|{_REPLY})+", re.I)


def without_replies(subject: str | None) -> str:
    """A subject without "Re:" and "Fwd:" in front of it."""
    return _REPLIES.sub("", subject or "").strip()


def bare_subject(subject: str | None) -> str:
    """A subject without "Re:" and "Fwd:", in lower case, for comparing."""
    return without_replies(subject).casefold()


def untagged_subject(subject: str | None) -> str:
    """A subject without replies and tags of lists and filters, for comparing."""
    return " ".join(_REPLIES_AND_TAGS.sub("", subject or "").split()).casefold()


def reply_subject(subject: str | None) -> str:
    """The subject of a reply: "Re: " once, however often it was there."""
    return f"Re: {without_replies(subject)}".strip()
