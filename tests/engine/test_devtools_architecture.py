"""The code of `./dev` has no circles: neither its modules nor its folders."""

import ast
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for path in (ROOT / "devtools").rglob("*.py")
}


def imported(name: str, path: Path):
    """Modules of devtools that are imported while this one is loaded."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            source = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                module = f"{source}.{alias.name}"
                yield module if module in MODULES else source


@pytest.mark.parametrize("depth", [2, 3], ids=["folders", "modules"])
def test_no_circles(depth):
    graph: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        part = ".".join(name.split(".")[:depth])
        others = {".".join(o.split(".")[:depth]) for o in imported(name, path)}
        graph.setdefault(part, set()).update(others - {part})
    assert len(graph) > 5
    # Raises a CycleError that names the circle.
    TopologicalSorter(graph).prepare()
