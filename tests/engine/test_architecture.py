"""The house rules that keep the engine plain Python."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ENGINE = Path(__file__).resolve().parents[2] / "mailbox_connector" / "engine"
FILES = sorted(ENGINE.rglob("*.py"))

#: What each part may use of the others, beside itself.
GROUND = {"errors", "types"}
LAYERS = {
    "backoff": set(),
    "errors": set(),
    "types": {"errors"},
    "net": GROUND,
    "diagnosis_rules": {"errors"},
    "diagnosis": GROUND | {"diagnosis_rules"},
    "mime": GROUND,
    "imap": GROUND | {"net", "diagnosis", "mime"},
    "sync": GROUND | {"net", "imap"},
    "smtp": GROUND | {"net", "diagnosis"},
    "discovery": GROUND | {"net", "diagnosis", "imap", "mime", "smtp"},
    "connection_test": GROUND | {"net", "discovery", "imap", "smtp"},
}
THIRD_PARTY = {"imapclient", "nh3", "cryptography", "dns", "defusedxml"}


def imports(path: Path):
    """Pairs (level of a relative import, dotted name)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.level, node.module
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.level, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ENGINE)))
def test_imports(path):
    import sys

    inside = path.relative_to(ENGINE)
    part = inside.parts[0].removesuffix(".py")
    for level, name in imports(path):
        if not level:
            top = name.partition(".")[0]
            assert top != "odoo", f"{inside} imports {name}"
            assert top in sys.stdlib_module_names or top in THIRD_PARTY, name
        elif level == len(inside.parts):
            target = name.partition(".")[0]
            assert part in LAYERS, f"{part} has no layer"
            assert target == part or target in LAYERS[part], f"{inside}: {name}"


def test_files_are_short_enough_to_read():
    lengths = {path.name: len(path.read_text().splitlines()) for path in FILES}
    assert not {name: count for name, count in lengths.items() if count > 300}
