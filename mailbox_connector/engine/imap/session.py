"""One signed-in IMAP connection that only reads.

Folders are opened with EXAMINE and bodies fetched with BODY.PEEK, so nothing on
the server changes; the one command that writes is APPEND, for sent copies.

    with ImapSession(endpoint, policy, Deadline(45)) as session:
        for folder in session.list_folders(status=True): ...
"""

from __future__ import annotations

from .folders import FolderCommands
from .messages import MessageCommands


class ImapSession(FolderCommands, MessageCommands):
    """A connection to one account: its folders and their messages.

    A context manager that connects and signs in. Every failure is an
    :class:`~..errors.EngineError`. See :class:`~.account_connection.AccountConnection`
    for its parameters.
    """
