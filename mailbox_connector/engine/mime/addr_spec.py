"""One address: local part, "@" and domain (RFC 5322 section 3.4.1, RFC 6532)."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

_ADDR_SPEC = re.compile(
    r'("(?:[^"\\\r\n]|\\.)+"|[^\s<>()"\[\],;:\\@\uff0c\uff1b\u3001\uff20\ufe6b]+)'
    r"@([A-Za-z0-9._\x80-\U0010ffff-]+|\[[0-9A-Za-z.:-]{2,80}\])"
)
_AT = re.compile(r"\s{0,9}@\s{0,9}")
_DOT = re.compile(r"\s{1,9}\.\s{0,9}|\.\s{1,9}")
_COMMENT = re.compile(r"\([^()]{0,1000}\)")
_SCHEME = re.compile(r"(?:mailto|smtp|email|e-mail)\s?:\s?(?://)?", re.I)
#: Characters that nobody sees, which get into addresses that are copied.
_INVISIBLE = dict.fromkeys(
    (0xAD, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F))
    + (*range(0x2060, 0x2065), *range(0x2066, 0x206A))
)


def visible(text: str) -> str:
    """``text`` without the characters that nobody sees."""
    return text if text.isascii() else text.translate(_INVISIBLE)


def clean(spec: str) -> str:
    """An addr-spec for comparing; '' if it is invalid.

    Lower case; only a local part that is not ASCII keeps its case.
    """
    match = _ADDR_SPEC.fullmatch(spec if spec.isascii() else visible(_utf_8(spec)))
    if not match:
        return ""
    local, domain = match[1], match[2].lower().rstrip(".")
    if not domain or len(local) > 128 or len(domain) > 255 or not _is_domain(domain):
        return ""
    if not local.isprintable() or "=?" in local:
        return ""
    return f"{local.lower() if local.isascii() else local}@{domain}"


def _utf_8(spec: str) -> str:
    """Raw octets decoded; '' if they are not UTF-8 (RFC 6532): to guess their
    charset would make an address up."""
    try:
        return spec.encode("ascii", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError:
        return ""
    except UnicodeEncodeError:  # already text
        return spec


def _is_domain(domain: str) -> bool:
    if domain.startswith(".") or ".." in domain:
        return False
    # Letters, marks and digits of any script (RFC 5892), but no symbols.
    return domain.isascii() or all(
        one < "\x80" or unicodedata.category(one)[0] in "LMN" for one in domain
    )


def read(text: str) -> str:
    """A single address, also in quotes, with ``mailto:``, behind an obsolete route or
    with white space beside its "@"; '' if it is none."""
    text = _AT.sub("@", visible(text[:1_000])).strip()
    while len(text) > 2 and text[0] == text[-1] == "'":
        text = text[1:-1].strip()
    if scheme := _SCHEME.match(text):
        text = unquote(text[scheme.end() :].partition("?")[0])
    if text.startswith("@") and ":" in text:
        text = text.rpartition(":")[2]
    return clean(text)


def read_in_text(word: str) -> str:
    """An address that is a word of other text; '' if it is none. Its domain has a dot:
    "@" alone is often not about e-mail."""
    found = read(word.strip("\"'[]{}|") if "@" in word else "")
    return found if "." in found.rpartition("@")[2] else ""


def read_in_brackets(text: str) -> list[str]:
    """The addresses between "<" and ">"; mostly one."""
    text = visible(text[:10_000])
    if "(" in text:
        text = _COMMENT.sub("", text)
    if '"' not in text:
        text = _DOT.sub(".", text)
    elif text.count('"') == 2 and text.strip()[:1] == text.strip()[-1:] == '"':
        text = text.strip()[1:-1]
    one = read(text)
    if one:
        return [one]
    words = re.split(r"[\s,;]+", text.strip(" ,;\t"))
    found = [read_in_text(word) for word in words]
    return found if len(found) > 1 and all(found) else []
