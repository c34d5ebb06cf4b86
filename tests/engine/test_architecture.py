"""The house rules that keep the engine plain Python."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ENGINE = Path(__file__).resolve().parents[2] / "mailbox_connector" / "engine"
FILES = sorted(ENGINE.rglob("*.py"))

#: What each part may use of the others, beside itself; the lowest first, see
#: ``engine/__init__.py``.
GROUND = {"errors", "types"}
LAYERS = {
    "errors": set(),
    "types": {"errors"},
    "backoff": set(),
    "redact": GROUND,
    "net": GROUND,
    "mime": GROUND,
    "diagnosis_rules": {"errors"},
    "diagnosis": GROUND | {"diagnosis_rules", "redact"},
    "imap": GROUND | {"net", "mime", "diagnosis"},
    "smtp": GROUND | {"backoff", "net", "diagnosis"},
    "sync": GROUND | {"net", "imap"},
    "discovery": GROUND | {"net", "diagnosis", "imap", "mime", "smtp"},
    "connection_test": GROUND | {"net", "discovery", "imap", "redact", "smtp"},
}
THIRD_PARTY = {"imapclient", "nh3", "dns", "defusedxml", "publicsuffixlist"}
#: Libraries that Odoo itself requires.
THIRD_PARTY |= {"babel", "pytz"}


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


def test_the_layers_are_those_that_are_documented():
    words = (ENGINE / "__init__.py").read_text(encoding="utf-8")
    positions = [words.find(f"``{part}``") for part in LAYERS]
    assert -1 not in positions and positions == sorted(positions)
    found = {path.relative_to(ENGINE).parts[0].removesuffix(".py") for path in FILES}
    assert found - {"__init__"} == LAYERS.keys()
