"""What a mailbox holds on its IMAP server, read without changing anything there."""

from dataclasses import dataclass

from imapclient import IMAPClient


@dataclass(frozen=True)
class FolderState:
    """One folder; `messages` maps a UID to its flags, size and internal date."""

    uidvalidity: int
    uidnext: int
    highestmodseq: int | None
    messages: dict[int, tuple[tuple[str, ...], int, str]]


def folder_state(client: IMAPClient) -> dict[str, FolderState]:
    """All selectable folders of the signed-in user, by name."""
    states = {}
    for flags, _delimiter, name in client.list_folders():
        if b"\\Noselect" in flags or b"\\NonExistent" in flags:
            continue
        opened = client.select_folder(name, readonly=True)
        uids = client.search()
        data = client.fetch(uids, ["FLAGS", "RFC822.SIZE", "INTERNALDATE"])
        states[name] = FolderState(
            uidvalidity=opened[b"UIDVALIDITY"],
            # Courier does not give it.
            uidnext=opened.get(b"UIDNEXT", 0),
            highestmodseq=opened.get(b"HIGHESTMODSEQ"),
            messages={
                uid: (
                    tuple(sorted(flag.decode() for flag in item[b"FLAGS"])),
                    item[b"RFC822.SIZE"],
                    item[b"INTERNALDATE"].isoformat(),
                )
                for uid, item in data.items()
            },
        )
    return states
