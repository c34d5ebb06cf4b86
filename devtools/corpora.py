"""`./dev corpora`: whole collections of odd mail, through the importer.

Every message has to be imported, left out as a newsletter, or kept as a failed import
with its bytes; nothing may be logged as an unexpected error. The collections are not
part of the project: CPython's test data comes with the interpreter, others are named by
their folders (mailgun/flanker `tests/fixtures/messages`, james-mime4j `testmsgs`).
"""

import json
import os
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

from .base.console import DevError, step
from .install.python import in_odoo_python
from .install.system import require
from .odoo import database, worker
from .odoo.logcheck import problems
from .servers import postgres

USAGE = "./dev corpora [FOLDER ...]"
#: What is mail among the files of a collection.
SUFFIXES = {".txt", ".eml", ".msg", ".mbox", ""}


def main(arguments: list[str]) -> int:
    """0 if no message was lost and nothing unexpected logged."""
    require("servers")
    if (code := in_odoo_python(["corpora", *arguments])) is not None:
        return code
    files = [file for folder in _folders(arguments) for file in _mails(folder)]
    if not files:
        raise DevError(f"no mail found: {USAGE}")
    name = f"corpora_{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder, postgres.running():
        log = Path(folder) / "odoo.log"
        listed = Path(folder) / "files.json"
        listed.write_text(json.dumps([str(file) for file in files]))
        with database.temporary(name):
            with step("database"):
                database.prepare(name, log=Path(folder) / "install.log")
            with step(f"{len(files)} messages"):
                result = worker.call(
                    name, f"{__name__}:import_files", log, listed=str(listed)
                )
        lines, code = summary(result, problems([log]))
    for line in lines:
        print(line)
    return code


def summary(result: dict, errors: list[str]) -> tuple[list[str], int]:
    """What to print of a run, and what to end with.

    :param result: of :func:`import_files`
    :param errors: lines of the log that should not be there
    """
    failed, skipped, lost = result["failed"], result["skipped"], result["lost"]
    lines = [f"failed import: {path}: {reason}" for path, reason in failed]
    lines += [f"left out ({reason}): {path}" for path, reason in skipped]
    lines += [f"lost, neither imported nor kept: {path}" for path in lost]
    lines += [f"unexpected error: {line}" for line in errors]
    reasons = Counter(reason for _path, reason in skipped)
    left_out = "".join(
        f", {count} left out ({reason})" for reason, count in sorted(reasons.items())
    )
    total = result["imported"] + len(failed) + len(skipped) + len(lost)
    lines.append(
        f"{total} messages: {result['imported']} imported{left_out},"
        f" {len(failed)} failed imports, {len(lost)} lost,"
        f" {len(errors)} unexpected errors"
    )
    why = [f"{len(lost)} messages were lost"] if lost else []
    why += [f"the log has {len(errors)} unexpected errors"] if errors else []
    if why:
        lines.append(f"ends with 1: {', and '.join(why)}")
    return lines, 1 if why else 0


def _folders(arguments: list[str]) -> list[Path]:
    if arguments:
        folders = [Path(argument) for argument in arguments]
        for folder in folders:
            if not folder.is_dir():
                raise DevError(f"there is no folder {folder}: {USAGE}")
        return folders
    data = Path(sysconfig.get_path("stdlib")) / "test" / "test_email" / "data"
    if not data.is_dir():
        raise DevError(f"this Python has no test data; name a folder: {USAGE}")
    return [data]


def _mails(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower() in SUFFIXES
    )


def import_files(env, listed: str) -> dict:
    """In Odoo: import each file as mail of one contact, in batches as a sync does.

    :param listed: a JSON file with the paths
    :return: how many were ``imported``; pairs (path, why) of those that ``failed`` and
        that were ``skipped``; paths of those that were ``lost``
    """
    from odoo.addons.mailbox_connector.engine.mime.headers import first_phase
    from odoo.addons.mailbox_connector.engine.types import HeaderRecord
    from odoo.addons.mailbox_connector.services.incoming.candidate import Candidate
    from odoo.addons.mailbox_connector.services.incoming.importer import Importer
    from odoo.addons.mailbox_connector.services.incoming.matcher import Match

    files = json.loads(Path(listed).read_text())
    contact = env["res.partner"].create({"name": "Reader"})
    account = env["mailbox.account"].create(
        {"name": "Corpora", "email": "corpora@example.com"}
    )
    folder = env["mailbox.folder"].create(
        {"account_id": account.id, "name": "INBOX", "raw_name": "INBOX"}
    )
    folder.uidvalidity = 1
    candidates = []
    for uid, path in enumerate(files, 1):
        raw = Path(path).read_bytes()
        addresses, message_id = first_phase(raw)
        header = HeaderRecord(uid, len(raw), None, addresses, message_id)
        match = Match(contact.id, "to", "reader@example.com")
        candidates.append(Candidate(header, [match], raw))
    skipped = {}
    for start in range(0, len(candidates), 50):
        importer = Importer(folder)
        importer.run(candidates[start : start + 50])
        skipped |= importer.skipped
    here = [("folder_id", "=", folder.id)]
    reasons = {row.uid: row.reason for row in env["mailbox.failed.import"].search(here)}
    located = set(env["mailbox.location"].search(here).mapped("uid"))
    known = located | reasons.keys() | skipped.keys()
    return {
        "imported": len(located),
        "failed": [(files[uid - 1], reason) for uid, reason in reasons.items()],
        "skipped": [(files[uid - 1], why.value) for uid, why in skipped.items()],
        "lost": [path for uid, path in enumerate(files, 1) if uid not in known],
    }
