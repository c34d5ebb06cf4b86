"""Sets of UIDs as compressed ranges, which take a few bytes in the database.

``1:4711,4713:5000`` is the sequence-set notation of RFC 9051 section 9.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

#: The largest UID there can be: 32 bits (RFC 9051 section 2.3.1.1).
MAX_UID = 0xFFFFFFFF


class UidRanges:
    """An immutable set of UIDs (1 to 4294967295), stored as ranges.

    >>> str(UidRanges.parse("1:3,5").add([4, 9]))
    '1:5,9'
    """

    __slots__ = ("_len", "_lows", "_spans")

    def __init__(self, spans: Iterable[tuple[int, int]] = ()):
        """``spans``: pairs (first, last), in any order, overlapping or not."""
        self._spans = _merged(spans)
        self._lows = [low for low, _high in self._spans]
        self._len: int | None = None

    @classmethod
    def parse(cls, text: str | None) -> UidRanges:
        """From sequence-set notation; '' and None are the empty set.

        :raises ValueError: anything but numbers, ':' and ','
        """
        spans = []
        for part in (text or "").split(","):
            part = part.strip()
            if part:
                low, colon, high = part.partition(":")
                first, last = _uid(low), _uid(high if colon else low)
                spans.append((min(first, last), max(first, last)))
        return cls(spans)

    @classmethod
    def from_uids(cls, uids: Iterable[int]) -> UidRanges:
        """From single UIDs, in any order."""
        return cls(_runs(sorted(set(uids))))

    @classmethod
    def span(cls, low: int, high: int) -> UidRanges:
        """All UIDs from ``low`` to ``high``, both included."""
        return cls([(low, high)] if low <= high else [])

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Ascending pairs (first, last), never touching each other."""
        return self._spans

    def add(self, uids: Iterable[int]) -> UidRanges:
        """This set with these UIDs added."""
        return self | UidRanges.from_uids(uids)

    def __or__(self, other: UidRanges) -> UidRanges:
        return UidRanges(self._spans + other._spans)

    def __and__(self, other: UidRanges) -> UidRanges:
        return self - (self - other)

    def __sub__(self, other: UidRanges) -> UidRanges:
        left: list[tuple[int, int]] = []
        holes = iter(other._spans)
        hole = next(holes, None)
        for low, high in self._spans:
            while hole and hole[1] < low:
                hole = next(holes, None)
            while hole and hole[0] <= high:
                if hole[0] > low:
                    left.append((low, hole[0] - 1))
                low = hole[1] + 1
                if hole[1] > high:
                    break
                hole = next(holes, None)
            if low <= high:
                left.append((low, high))
        return UidRanges(left)

    def __contains__(self, uid: object) -> bool:
        if not isinstance(uid, int):
            return False
        index = bisect_right(self._lows, uid) - 1
        return index >= 0 and uid <= self._spans[index][1]

    def __iter__(self) -> Iterator[int]:
        for low, high in self._spans:
            yield from range(low, high + 1)

    def __len__(self) -> int:
        if self._len is None:
            self._len = sum(high - low + 1 for low, high in self._spans)
        return self._len

    def __bool__(self) -> bool:
        return bool(self._spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UidRanges) and self._spans == other._spans

    def __hash__(self) -> int:
        return hash(self._spans)

    def __str__(self) -> str:
        return ",".join(
            f"{low}:{high}" if low < high else str(low) for low, high in self._spans
        )

    def __repr__(self) -> str:
        return f"UidRanges.parse({str(self)!r})"


def _uid(text: str) -> int:
    uid = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
    if not 1 <= uid <= MAX_UID:
        raise ValueError(f"not a UID: {text[:20]!r}")
    return uid


def _runs(uids: list[int]) -> list[tuple[int, int]]:
    """Ascending UIDs without doubles as pairs (first, last)."""
    spans: list[tuple[int, int]] = []
    start = previous = 0
    for uid in uids:
        if start and uid == previous + 1:
            previous = uid
            continue
        if start:
            spans.append((start, previous))
        start = previous = uid
    if start:
        spans.append((start, previous))
    return spans


def _merged(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if low < 1 or high > MAX_UID or low > high:
            raise ValueError(f"not a range of UIDs: {low}:{high}")
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)
