"""How values are written for a person to read."""

from __future__ import annotations

from datetime import datetime

import pytz

from odoo import fields
from odoo.tools import format_datetime, format_time


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
