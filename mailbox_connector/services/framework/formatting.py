"""Values as people read them."""

from __future__ import annotations

from collections.abc import Callable

_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


def format_size(size: int, rounded: Callable[[float], int] = round) -> str:
    """Bytes in kB, MB or GB (of 1024), with one decimal at most: "25 MB", "9.7 MB".

    :param rounded: how tenths are rounded: ``math.ceil`` or ``math.floor`` where two
        sizes are compared, so that the larger one looks larger
    """
    unit, name = next(
        ((unit, name) for unit, name in _UNITS if size >= unit), _UNITS[-1]
    )
    return f"{rounded(size * 10 / unit) / 10:.1f} {name}".replace(".0 ", " ")
