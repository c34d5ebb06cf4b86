"""What the soak has done inside Odoo; the functions get `env` (see `forks`)."""

import resource

#: Tables whose times say when something may be done again.
CLOCKS = (
    "mailbox_account",
    "mailbox_folder",
    "mailbox_lease",
    "mailbox_location",
    "mailbox_failed_import",
)
#: Longer than any back-off, lease or rest, shorter than the daily reconcile.
WHILE = "45 minutes"
#: What a quiet mailbox no longer changes.
STATE = (
    "mailbox_account",
    "mailbox_folder",
    "mailbox_location",
    "mailbox_message",
    "mailbox_link",
    "mailbox_backfill",
    "mailbox_failed_import",
)
PASSES = {"new": "_cron_new_mail", "backfill": "_cron_backfill"}


def make_mailbox(env, values: dict, contacts: list[str], days: int) -> dict:
    """The only connected mailbox; its older e-mails are still to be imported."""
    env["mailbox.account"].search([]).active = False
    env["ir.config_parameter"].set_param(
        "mailbox_connector.allowed_networks", "127.0.0.0/8 ::1"
    )
    known = set(env["res.partner"].search([("email", "in", contacts)]).mapped("email"))
    env["res.partner"].create(
        [{"name": one, "email": one} for one in contacts if one not in known]
    )
    account = env["mailbox.account"].create(
        {"owner_id": env.ref("base.user_admin").id, **values}
    )
    account.action_connect()
    if problem := account.imap_problem or account.smtp_problem:
        raise RuntimeError(problem)
    account.start_backfill(days)
    return {"account": account.id}


def start_backfill(env, account: int, days: int) -> None:
    """Widen the window, as Import in the dialog does."""
    env["mailbox.account"].browse(account).start_backfill(days)


def archive(env, account: int) -> None:
    env["mailbox.account"].browse(account).active = False


def one_pass(
    env,
    kinds: list[str],
    seconds: float | None = None,
    file_limit: int | None = None,
) -> None:
    """Let time pass and run the scheduled actions once, in that order.

    :param kinds: of :data:`PASSES`
    :param seconds: the total deadline of a mailbox, when not the usual
    :param file_limit: bytes after which no file can be written on, as on a full disk
    """
    time_passes(env)
    if seconds:
        from odoo.addons.mailbox_connector.models.sync import sync

        sync.SCHEDULED = (sync.SCHEDULED[0], seconds)
    if file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.RLIM_INFINITY))
    for kind in kinds:
        getattr(env["mailbox.sync"], PASSES[kind])()


def settle(env, limit: int = 12) -> dict:
    """Let time pass and passes run until one changes nothing.

    :return: `passes`: how many; `quiet`: whether it came to that; `problem`: what a
        mailbox complains of
    """
    before = None
    for number in range(1, limit + 1):
        one_pass(env, ["new", "backfill"])
        now = _state(env)
        if now == before and not _pending(env):
            return {"passes": number, "quiet": True, "problem": ""}
        before = now
    return {"passes": limit, "quiet": False, "problem": _pending(env)}


def time_passes(env) -> None:
    """Put every time back: back-offs, leases and rests are over."""
    for table in CLOCKS:
        if columns := _times(env, table):
            sets = ", ".join(f"{one} = {one} - interval '{WHILE}'" for one in columns)
            env.cr.execute(f"UPDATE {table} SET {sets}")
    env.cr.commit()
    env.invalidate_all()


def _times(env, table: str) -> list[str]:
    env.cr.execute(
        """
        SELECT column_name FROM information_schema.columns
         WHERE table_schema = current_schema AND table_name = %s
           AND data_type LIKE 'timestamp%%'
           AND column_name NOT IN ('create_date', 'write_date', 'date')
        """,
        [table],
    )
    return [name for (name,) in env.cr.fetchall()]


def _state(env) -> list[str]:
    found = []
    for table in STATE:
        times = [*_times(env, table), "write_date", "write_uid"]
        env.cr.execute(
            "SELECT md5(string_agg((to_jsonb(t) - %s::text[])::text, ',' ORDER BY id))"
            f" FROM {table} t",
            [times],
        )
        found += env.cr.fetchone()
    env.cr.rollback()
    return found


def _pending(env) -> str:
    """What is still to be done or mended, "" for nothing."""
    env.cr.execute(
        """
        SELECT concat_ws(' ', a.email, a.imap_problem, 'failures', a.failures,
                         'pending', l.pending, 'history', b.state,
                         'to be tried again', q.id)
          FROM mailbox_account a
          JOIN mailbox_lease l ON l.account_id = a.id
          LEFT JOIN mailbox_backfill b
            ON b.account_id = a.id AND b.state = 'running'
          LEFT JOIN mailbox_failed_import q
            ON q.account_id = a.id AND q.retry_at IS NOT NULL
         WHERE a.active AND a.state = 'connected'
           AND (a.failures > 0 OR a.needs_person OR a.imap_problem IS NOT NULL
                OR l.pending OR b.id IS NOT NULL OR q.id IS NOT NULL)
        """
    )
    found = "; ".join(text for (text,) in env.cr.fetchall())
    env.cr.rollback()
    return found
