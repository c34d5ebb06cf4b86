"""The Date field as senders write it (RFC 5322 sections 3.3 and 4.3, and worse)."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta

from . import words

#: Characters of a value that are read.
_MAX_VALUE = 300

_MONTHS = (
    *("jan gen ene ian sty", "feb fev lut", "mar mrz mrt maa", "apr abr avr kwi"),
    *("may mai maj mag mei", "jun giu cze", "jul lug lip", "aug ago aou sie"),
    *("sep set wrz", "oct okt ott out paz", "nov noi lis", "dec dez dic des gru"),
)
_MONTH = {name: n for n, names in enumerate(_MONTHS, 1) for name in names.split()}
#: Minutes east of UTC. Of names that mean several zones, the one with most people who
#: write e-mail; letters are "-0000" (RFC 5322 section 4.3).
_ZONES = {
    **{"est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360},
    **{"pst": -480, "pdt": -420, "akst": -540, "akdt": -480, "hst": -600, "hdt": -540},
    **{"ast": -240, "adt": -180, "nst": -210, "ndt": -150, "brt": -180, "brst": -120},
    **{"art": -180, "clt": -240, "clst": -180, "pet": -300, "cot": -300},
    **{"wet": 0, "west": 60, "bst": 60, "cet": 60, "cest": 120, "met": 60, "mest": 120},
    **{"mez": 60, "mesz": 120, "mewt": 60, "eet": 120, "eest": 180, "sast": 120},
    **{"cat": 120, "wat": 60, "eat": 180, "msk": 180, "msd": 240, "trt": 180},
    **{"idt": 180, "gst": 240, "pkt": 300, "ist": 330, "npt": 345, "ict": 420},
    **{"wib": 420, "hkt": 480, "sgt": 480, "awst": 480, "pht": 480, "myt": 480},
    **{"jst": 540, "kst": 540, "acst": 570, "acdt": 630, "aest": 600, "aedt": 660},
    **{"nzst": 720, "nzdt": 780},
}

_COMMENT = re.compile(r"\(([^()]{0,100})\)")
_USUAL = re.compile(
    r"(?:[A-Za-z]{3},? )?([0-9]{1,2}) ([A-Za-z]{3}) ([0-9]{4})"
    r" ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))? ([+-])([0-9]{2})([0-9]{2})"
    r"(?: \([^()]{0,100}\))?"
)
_TIME = re.compile(
    r"(?<![\d:.])(\d{1,2})\s?:\s?(\d{1,2})(?:\s?:\s?(\d{1,2})(?:[.,:]\d{1,9})?)?(?![\d:])"
    r"(?:\s{0,3}([AaPp])\.?[Mm]\b\.?)?"
)
_DOTTED_TIME = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{2})\.(\d{2})(?![\d.])()")
_DAY_MONTH = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?[.,]?[\s/-]{0,3}(?:de\s)?([^\W\d_]{3,12})[.,]?"
    r"[\s/-]{0,3}(?:de\s)?(\d{4}|\d{2,3})(?![\d:])"
)
_MONTH_DAY = re.compile(
    r"(?<![^\W\d_])([^\W\d_]{3,12})[.,]?\s{1,3}(\d{1,2})(?:st|nd|rd|th)?(?![\d:])"
)
_YEAR = re.compile(r"(?<![\d:+-])(\d{4})(?![\d:])")
_OFFSET = re.compile(
    r"(?<![\d:+-])(?:[+-])?([+-])\s?(\d{1,2})(?::?(\d{2}))?(?::?\d{2})?(?!\d)"
)
_TOO_LONG = re.compile(r"[+-]\s?\d{5}")
_ZONE_NAME = re.compile(r"[A-Za-z]{1,5}")
_IS_UTC = re.compile(r"\b(?:utc?|gmt|z)\b", re.I)


def parse_date(value: str) -> datetime | None:
    """The time of a Date value, naive UTC; None if it says none. Never raises.

    A zone that is missing or unknown is UTC.
    """
    try:
        usual = _USUAL.fullmatch(value)
        if usual and (month := _MONTH.get(usual[2].lower())):
            day, year, hour, minute = map(int, usual.group(1, 3, 4, 5))
            offset = int(usual[8]) * 60 + int(usual[9])
            offset = -offset if usual[7] == "-" else offset
            return _moment(year, month, day, hour, minute, int(usual[6] or 0), offset)
        return _unusual(value)
    except (ValueError, OverflowError):
        return None


def _moment(
    year: int, month: int, day: int, hour: int, minute: int, second: int, offset: int
) -> datetime:
    """:raises ValueError: there is no such time; 24:00 and a leap second are"""
    last = (hour, minute, second) == (24, 0, 0)
    if hour > 24 or (hour == 24 and not last) or minute > 59 or second > 60:
        raise ValueError
    if abs(offset) > 24 * 60:
        raise ValueError
    passed = timedelta(hours=hour, minutes=minute - offset, seconds=second)
    return datetime(year, month, day) + passed


def _unusual(value: str) -> datetime | None:
    text = words.text(value[:_MAX_VALUE])
    comments = " ".join(_COMMENT.findall(text))
    text = " ".join(_COMMENT.sub(" ", text).replace('"', " ").split())
    time = _TIME.search(text) or _DOTTED_TIME.search(text)
    if not time:
        return None
    hour, minute, second = int(time[1]), int(time[2]), int(time[3] or 0)
    if time[4] and hour <= 12:
        hour = hour % 12 + (12 if time[4] in "Pp" else 0)
    before, after = text[: time.start()], text[time.end() :]
    date = _date(before, after)
    if date is None:
        return None
    return _moment(*date, hour, minute, second, _zone(after, comments))


def _date(before: str, after: str) -> tuple[int, int, int] | None:
    """Year, month and day of the text around the time."""
    for text in (before, after):
        for match in _DAY_MONTH.finditer(text):
            month = _month(match[2])
            if month:
                return _year(match[3]), month, int(match[1])
    # "Fri May  1 10:00:00 CEST 2026", "May 1, 2026 10:00"
    for text in (before, after):
        for match in _MONTH_DAY.finditer(text):
            month = _month(match[1])
            year = _YEAR.search(text, match.end()) or _YEAR.search(after)
            if month and year:
                return int(year[1]), month, int(match[2])
    return None


def _year(text: str) -> int:
    """RFC 5322 section 4.3: of two digits, those from 50 are of 19xx."""
    year = int(text)
    if len(text) == 4:
        return year
    return year + (2000 if len(text) == 2 and year < 50 else 1900)


def _month(name: str) -> int | None:
    """The month of its name in the languages of Europe, short or long."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = plain.lower()
    if plain.startswith("jui"):  # "juin", "juil."
        return 7 if plain[3:4] == "l" else 6
    return _MONTH.get(plain[:3])


def _zone(text: str, comments: str) -> int:
    """Minutes east of UTC, of the text behind a time: an offset, else a name, else a
    name in a comment.

    :raises ValueError: no such offset
    """
    offset = _OFFSET.search(text)
    if offset:
        hours, minutes = int(offset[2]), int(offset[3] or 0)
        total = hours * 60 + minutes
        if minutes > 59 or total > 24 * 60:
            raise ValueError
        return -total if offset[1] == "-" else total
    if _TOO_LONG.search(text):
        raise ValueError
    for source in (text, comments):
        for name in _ZONE_NAME.findall(source):
            known = _ZONES.get(name.lower())
            if known is not None:
                return known
        if _IS_UTC.search(source):
            return 0
    return 0
