"""Finding inbox and Sent, whatever language and server."""

from __future__ import annotations

import pytest

from odoo.addons.mailbox_connector.engine.imap.roles import assign_roles
from odoo.addons.mailbox_connector.engine.types import Folder, FolderStatus, Role


def folder(name, *flags, messages=0, delimiter="/", selectable=True):
    status = FolderStatus(messages, 1, 1)
    return Folder(name, name, delimiter, flags, Role.OTHER, selectable, status)


def roles(*folders):
    return {one.name: one.role for one in assign_roles(folders)}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Gesendete Elemente", Role.SENT),
        ("Envoyés", Role.SENT),
        ("ÉLÉMENTS ENVOYÉS", Role.SENT),
        ("Отправленные", Role.SENT),
        ("送信済みトレイ", Role.SENT),
        ("Wysłane", Role.SENT),
        ("INBOX.Sent", Role.SENT),
        ("[Gmail].Spam", Role.JUNK),
        ("Corbeille", Role.TRASH),
        ("Gelöscht", Role.TRASH),
        ("Borradores", Role.DRAFTS),
        ("Archív", Role.ARCHIVE),
        ("inbox", Role.INBOX),
        ("Customers.Sent", Role.OTHER),
        ("Sent invoices", Role.OTHER),
    ],
)
def test_by_name(name, role):
    assert roles(folder(name, delimiter="."))[name] is role


def test_special_use_beats_names_and_counts():
    found = roles(
        folder("INBOX"),
        folder("Sent", messages=900),
        folder("Verschickt", "\\HasNoChildren", "\\Sent"),
        folder("All", "\\All"),
        folder("Spamverdacht", "\\Junk"),
    )
    assert found["Verschickt"] is Role.SENT and found["Sent"] is Role.OTHER
    assert found["All"] is Role.ALL and found["Spamverdacht"] is Role.JUNK


def test_of_several_the_one_that_is_used():
    found = roles(folder("Sent"), folder("Sent Items", messages=12), folder("INBOX"))
    assert found == {
        "Sent": Role.OTHER,
        "Sent Items": Role.SENT,
        "INBOX": Role.INBOX,
    }


def test_every_junk_and_trash_folder_is_skipped():
    found = roles(folder("Junk", "\\Junk"), folder("Spam"), folder("Trash"))
    assert found["Spam"] is Role.JUNK and found["Trash"] is Role.TRASH


def test_what_cannot_be_opened_has_no_role_by_name():
    assert roles(folder("Sent", selectable=False))["Sent"] is Role.OTHER
