"""Updates ``mailbox.folder`` to the server's list of folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...engine.types import Folder, Role

#: Roles of folders that are not imported unless a person chooses them.
UNREAD_ROLES = {Role.DRAFTS, Role.JUNK, Role.TRASH}
ORDER = list(Role)


def refresh(
    account, known, listed: Iterable[Folder], unreadable: Sequence[str] = ()
) -> bool:
    """Add new folders, mark folders that are gone; write only what differs.

    A folder that has reappeared may have missed a backfill, which is then reopened.

    :param known: the account's ``mailbox.folder`` records
    :param listed: selectable and other folders, as LIST gave them
    :param unreadable: what else it gave, and that could not be read; a known folder
        whose name occurs there is not gone
    :return: whether anything differed
    """
    on_server = {folder.raw_name: folder for folder in listed if folder.selectable}
    by_name = {folder.raw_name: folder for folder in known}
    changed = [
        _update(account, by_name[raw_name], folder)
        for raw_name, folder in on_server.items()
        if raw_name in by_name
    ]
    vanished = known.filtered(
        lambda folder: (
            folder.raw_name not in on_server
            and not folder.gone
            and not any(folder.name in name for name in unreadable)
        )
    )
    if vanished:
        vanished.mark_gone()
    if (account.unreadable_folders or "") != ", ".join(unreadable):
        account.unreadable_folders = ", ".join(unreadable)
    new = [folder for raw_name, folder in on_server.items() if raw_name not in by_name]
    if new:
        has_all = any(folder.role is Role.ALL for folder in on_server.values())
        _create(account, new, has_all)
    return any(changed) or bool(vanished) or bool(new)


def _update(account, record, folder: Folder) -> bool:
    """
    :return: whether anything differed
    """
    changed = {k: v for k, v in _values(folder).items() if record[k] != v}
    if changed:
        record.write(changed)
    if "gone" in changed:
        account.reopen_backfill()
    return bool(changed)


def _create(account, folders: list[Folder], has_all: bool) -> None:
    account.env["mailbox.folder"].create(
        [
            {
                **_values(folder),
                "account_id": account.id,
                "raw_name": folder.raw_name,
                "sync": _is_read(folder, has_all),
            }
            for folder in folders
        ]
    )


def _values(folder: Folder) -> dict:
    return {
        "name": folder.name,
        "role": folder.role.value,
        "sequence": ORDER.index(folder.role),
        "gone": False,
        "found_elsewhere": False,
    }


def _is_read(folder: Folder, has_all: bool) -> bool:
    """All folders but drafts, junk and trash, so that e-mails that a server rule moves
    are not missed; only the folder with all mail, if there is one (Gmail)."""
    if has_all:
        return folder.role is Role.ALL
    return folder.role not in UNREAD_ROLES
