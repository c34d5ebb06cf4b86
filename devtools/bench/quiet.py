"""Row `quiet_mailbox_ms`: one pass over many mailboxes that have nothing new.

Beside it the bare log-in is measured: imaplib connects, signs in and out, for every
one of those accounts. What the pass takes longer is our own time.
"""

import imaplib
import ssl
import time

from ..base.console import step
from .inside import Clock, allow_loopback
from .row import Bench, Row

MAILBOXES, QUICK_MAILBOXES = 500, 20


def rows(bench: Bench) -> list[Row]:
    count = QUICK_MAILBOXES if bench.quick else MAILBOXES
    arguments = {
        "common": bench.mailbox(bench.user("quiet")),
        "users": [bench.user(f"quiet{number}") for number in range(count)],
    }
    with bench.ours("quiet") as name:
        with step(f"{count} mailboxes, looked at for the first time"):
            bench.call(name, f"{__name__}:prepare", "quiet-prepare", **arguments)
        with step(f"{count} quiet mailboxes"):
            run = bench.call(name, f"{__name__}:quiet", "quiet", **arguments)
    bare = min(run["bare"])
    own = (run["seconds"] - bare) / count * 1000
    return [
        Row(
            name="quiet_mailbox_ms",
            what="a quiet mailbox in a pass over many, beyond the bare log-in",
            value=own,
            unit="ms each beyond the bare log-in",
            reach=60,
            at_least=False,
            details=[
                ("mailboxes", str(count)),
                ("the pass", f"{run['seconds'] / count * 1000:.1f} ms each"),
                ("bare log-ins", f"{bare / count * 1000:.1f} ms each"),
                (
                    "processor time of the pass",
                    f"{run['own'] / count * 1000:.1f} ms each, its database"
                    f" {run['database'] / count * 1000:.1f} ms",
                ),
            ],
        )
    ]


# ----------------------------------------------------------------------
# In an Odoo process
# ----------------------------------------------------------------------


def prepare(env, common: dict, users: list[str]) -> None:
    """Mailboxes whose first pass is behind them."""
    allow_loopback(env)
    accounts = env["mailbox.account"].create(
        [{**common, "email": user, "imap_username": user} for user in users]
    )
    for account in accounts:
        account.start_backfill(0)
    env.cr.commit()
    env["mailbox.sync"]._cron_new_mail()
    _due(env)
    env["mailbox.sync"]._cron_new_mail()
    if problems := set(accounts.mapped("imap_problem")) - {False}:
        raise RuntimeError(f"not read: {problems}")
    env.cr.commit()
    env.cr.execute("ANALYZE")


def quiet(env, common: dict, users: list[str]) -> dict:
    _due(env)
    bare = [_log_in(common, users)]
    with Clock(env) as clock:
        env["mailbox.sync"]._cron_new_mail()
    bare.append(_log_in(common, users))
    env.cr.execute("SELECT count(*) FROM mailbox_lease WHERE served_at IS NULL")
    if left := env.cr.fetchone()[0]:
        raise RuntimeError(f"{left} mailboxes were not served")
    return {**clock.times, "bare": bare}


def _due(env) -> None:
    env.cr.execute("UPDATE mailbox_lease SET served_at = NULL, pending = false")
    env.cr.commit()
    env.invalidate_all()


def _log_in(common: dict, users: list[str]) -> float:
    """Seconds for signing in to every account and out again."""
    host, port = common["imap_host"], common["imap_port"]
    context = ssl.create_default_context(cadata=common["ca_certificate"])
    started = time.monotonic()
    for user in users:
        imap = imaplib.IMAP4_SSL(host, port, ssl_context=context)
        imap.login(user, common["imap_password"])
        imap.logout()
    return time.monotonic() - started
