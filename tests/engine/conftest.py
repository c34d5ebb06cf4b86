"""The engine under the one name it has, with Odoo or without it.

Importing ``odoo.addons.mailbox_connector`` would run the addon's ``__init__``,
which needs Odoo; where Odoo is not loaded, stub packages lead to the engine.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _stub(name: str, path: Path | None = None) -> None:
    module = types.ModuleType(name)
    module.__path__ = [str(path)] if path else []
    sys.modules[name] = module
    parent, _dot, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


if "odoo" not in sys.modules:
    _stub("odoo")
    _stub("odoo.addons")
    _stub("odoo.addons.mailbox_connector", ROOT / "mailbox_connector")
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
