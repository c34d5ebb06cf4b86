"""An IMAP session on Courier that takes the names and commands of other servers."""

from imapclient import IMAPClient

PREFIX, DELIMITER = "INBOX.", "."


def wire(folder: str) -> str:
    """The name on Courier of a folder that others call "Sent" or "Projects/New"."""
    if folder in ("", "*") or folder.startswith("INBOX"):
        return folder
    return PREFIX + folder.replace("/", DELIMITER)


class CourierClient(IMAPClient):
    """Folders are below INBOX, and there is no MOVE."""

    def move(self, messages, folder):
        """What mail programs do without RFC 6851."""
        self.copy(messages, folder)
        self.delete_messages(messages)
        self.expunge()

    def _normalise_folder(self, folder_name):
        return super()._normalise_folder(wire(folder_name))
