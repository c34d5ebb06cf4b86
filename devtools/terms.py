"""`./dev terms`: what there is to translate in the addon, exported for translators."""

import io
import re

from .base.console import say, step
from .base.paths import ADDON, run_folder
from .install.system import require
from .odoo import database, worker
from .servers import postgres

NAME = "terms"
FILE = ADDON / "i18n" / f"{ADDON.name}.pot"
#: Lines of the file's head that would change each time.
DATES = re.compile(r'^"(POT-Creation|PO-Revision)-Date: .*\n', re.MULTILINE)


def main(arguments: list[str]) -> int:
    require("servers")
    folder = run_folder(NAME)
    with postgres.running(), database.temporary(NAME):
        with step("a database with the addon"):
            database.prepare(NAME, log=folder / "install.log")
        terms = worker.call(NAME, "devtools.terms:export", folder / "export.log")
    before = FILE.read_text() if FILE.exists() else ""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(terms)
    say(f"{FILE}: {'unchanged' if terms == before else 'written'}")
    return 0


def export(env) -> str:
    """The template of translations (.pot) of the addon; runs inside Odoo."""
    from odoo.tools.translate import trans_export

    file = io.BytesIO()
    trans_export(None, [ADDON.name], file, "po", env)
    return DATES.sub("", file.getvalue().decode()).rstrip() + "\n"
