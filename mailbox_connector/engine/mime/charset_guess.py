"""The charset of octets that nothing labels, by the letters that are frequent in it."""

from __future__ import annotations

import re

#: Octets that are looked at.
_SAMPLE = 4_000

_HIGH_RUN = re.compile(rb"[\x80-\xff]{2,}")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_ASCII = bytes(range(128))
_VOWELS_WINDOWS = "аеиоуыюяАЕИОУ".encode("windows-1251")
_VOWELS_KOI8 = "аеиоуыюяАЕИОУ".encode("koi8-r")


def guess(content: bytes) -> str:
    """A codec for 8-bit octets that are not UTF-8; '' if they look Western.

    Words of Western languages have ASCII letters too. Words of others consist of 8-bit
    octets, of which Cyrillic letters use the upper half only.
    """
    sample = content[:_SAMPLE]
    high = sample.translate(None, _ASCII)
    foreign = b"".join(
        word
        for word in _WORD.findall(sample)
        if len(word) > 2
        and word[0] > 0x7F
        and len(word.translate(None, _ASCII)) * 2 >= len(word)
    )
    foreign_high = foreign.translate(None, _ASCII)
    if len(foreign_high) < 4 or len(foreign_high) * 5 < len(high) * 4:
        return ""
    return _cyrillic(foreign) or _east_asian(sample)


def _share(octets: bytes, low: int, top: int) -> float:
    return sum(low <= one <= top for one in octets) / (len(octets) or 1)


def _cyrillic(words: bytes) -> str:
    if not words or _share(words, 0xC0, 0xFF) < 0.9:
        return ""
    windows, koi8 = (
        sum(words.count(one) for one in vowels) / len(words)
        for vowels in (_VOWELS_WINDOWS, _VOWELS_KOI8)
    )
    if max(windows, koi8) < 0.2:
        return ""
    # Small letters are frequent too: the upper quarter in windows-1251.
    upper = _share(words, 0xE0, 0xFF)
    return "windows-1251" if windows + upper > koi8 + (1 - upper) else "koi8_r"


def _east_asian(sample: bytes) -> str:
    leads = b"".join(run[::2] for run in _HIGH_RUN.findall(sample))
    if _share(sample.translate(None, _ASCII), 0x81, 0x84) > 0.25:  # kana
        order = ("cp932", "gb18030")
    elif _share(leads, 0xA4, 0xA5) > 0.25:
        order = ("euc_jp", "gb18030")
    elif _share(leads, 0xB0, 0xC8) > 0.95:  # Hangul
        order = ("cp949", "gb18030", "big5hkscs")
    elif _share(leads, 0xA4, 0xAF) > 0.25:
        order = ("big5hkscs", "gb18030")
    else:
        order = ("gb18030", "big5hkscs", "cp949")
    for codec in order:
        try:
            sample.decode(codec)
        except UnicodeDecodeError:
            continue
        return codec
    return ""
