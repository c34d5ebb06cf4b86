"""Formats values for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytz

from odoo import fields
from odoo.tools import format_datetime, format_time

_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


def format_moment(env, moment: datetime) -> str:
    """A moment (naive UTC) in the language and time zone of the environment's user;
    with the day unless it is today."""
    zone = pytz.timezone(env.user.tz or "UTC")
    local, today = (
        pytz.utc.localize(one).astimezone(zone)
        for one in (moment, fields.Datetime.now())
    )
    if local.date() == today.date():
        return format_time(env, moment, time_format="HH:mm")
    return format_datetime(env, moment, dt_format="short")


def format_size(size: int, rounded: Callable[[float], int] = round) -> str:
    """Bytes in kB, MB or GB (of 1024), with one decimal at most: "25 MB", "9.7 MB".

    :param rounded: how tenths are rounded: ``math.ceil`` or ``math.floor`` where two
        sizes are compared, so that the larger one looks larger
    """
    unit, name = next(
        ((unit, name) for unit, name in _UNITS if size >= unit), _UNITS[-1]
    )
    return f"{rounded(size * 10 / unit) / 10:.1f} {name}".replace(".0 ", " ")
