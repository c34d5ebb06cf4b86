"""Keeps ``mailbox.folder`` in step with what the server lists."""

from __future__ import annotations

from collections.abc import Iterable

from ...engine.types import Folder, Role

#: Folders whose mail nobody means to see on a contact.
UNREAD_ROLES = {Role.DRAFTS, Role.JUNK, Role.TRASH}
ORDER = list(Role)


def refresh(account, known, listed: Iterable[Folder]) -> bool:
    """Add new folders, mark vanished ones; write only what differs.

    Where a folder is there again that history has not reached, it goes on.

    :param known: the account's ``mailbox.folder`` records
    :param listed: selectable and other folders, as LIST gave them
    :return: whether anything differed
    """
    differs = False
    listed = {f.raw_name: f for f in listed if f.selectable}
    by_name = {folder.raw_name: folder for folder in known}
    has_all = any(f.role is Role.ALL for f in listed.values())
    new_values = []
    for raw_name, folder in listed.items():
        values = {
            "name": folder.name,
            "role": folder.role.value,
            "sequence": ORDER.index(folder.role),
            "gone": False,
        }
        record = by_name.get(raw_name)
        if record:
            changed = {k: v for k, v in values.items() if record[k] != v}
            if changed:
                record.write(changed)
                differs = True
            if "gone" in changed:
                account._reopen_backfill()
            continue
        new_values.append(
            {
                **values,
                "account_id": account.id,
                "raw_name": raw_name,
                "sync": _is_read(folder, has_all),
            }
        )
    for raw_name, record in by_name.items():
        if raw_name not in listed and not record.gone:
            record._mark_gone()
            differs = True
    if new_values:
        account.env["mailbox.folder"].create(new_values)
    return differs or bool(new_values)


def _is_read(folder: Folder, has_all: bool) -> bool:
    """All folders but drafts, junk and trash, so that mail which a server rule files
    away is not missed; where one holds everything (Gmail), that one."""
    if has_all:
        return folder.role is Role.ALL
    return folder.role not in UNREAD_ROLES
