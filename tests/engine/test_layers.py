"""The house rules above the engine: layers, circles, private names, one definition.

Read as source, without Odoo: an import is followed wherever it is, ``env[...]`` is
looked through by the names of methods.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ADDON = Path(__file__).resolve().parents[2] / "mailbox_connector"
FILES = [
    path
    for folder in ("engine", "services", "models", "wizards")
    for path in sorted((ADDON / folder).rglob("*.py"))
] + sorted(ADDON.glob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}

#: What each folder may import, beside itself. Arrows point one way.
LAYERS = {
    "engine": set(),
    "credentials": set(),
    "formatting": set(),
    "error_messages": {"engine", "credentials", "formatting"},
    "services": {"engine", "credentials", "formatting", "error_messages"},
    "models": {"engine", "credentials", "formatting", "error_messages", "services"},
    "wizards": {"engine", "error_messages", "services", "models"},
}
#: The same for the subjects of services and models.
SERVICES = {
    "framework": set(),
    "accounts": {"framework"},
    "incoming": {"framework"},
    "sending": {"framework", "accounts", "incoming"},
    "sync": {"framework", "accounts", "incoming"},
    "trace": {"framework", "accounts", "incoming", "sync"},
}
MODELS = {
    "framework": set(),
    "access": {"framework"},
    "sync": {"framework", "access"},
    "incoming": {"framework", "sync"},
    "messages": {"framework", "access"},
    "health": {"framework", "sync"},
    "sending": {"framework", "health"},
    "accounts": {"framework", "access", "sync", "sending", "health"},
}
#: Private names of Odoo's own that services use.
ODOO = {
    "_commit_progress",
    "_description_selection",
    "_detect_loop_headers",
    "_detect_loop_sender",
    "_fields",
    "_filtered_access",
    "_is_internal",
    "_log_access",
    "_message_compute_subject",
    "_message_log",
    "_message_parse_extract_from_parent",
    "_message_parse_post_process",
    "_message_route_process",
    "_name",
    "_notify_message_notification_update",
    "_notify_thread_by_inbox",
    "_origin",
    "_partner_find_from_emails_single",
    "_read_group",
    "_render",
    "_routing_handle_bounce",
    "_table",
    "_trigger",
    "_xmlid_to_res_id",
}


def imports(path: Path):
    """Modules of the addon that a file imports, as (dotted name, imported name)."""
    package = path.relative_to(ADDON).parts[:-1]
    for node in ast.walk(TREES[path]):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) - node.level + 1]
        target = (*base, *(node.module.split(".") if node.module else ()))
        for alias in node.names:
            inner = (*target, alias.name)
            if _is_module(inner):
                yield ".".join(inner), ""
            else:
                yield ".".join(target), alias.name


def _is_module(parts) -> bool:
    path = ADDON.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").exists()


def module(path: Path) -> str:
    parts = path.relative_to(ADDON).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", FILES, ids=module)
def test_arrows_point_one_way(path):
    """A folder imports those below it alone, and so does a subject."""
    own = module(path).split(".")
    if path.name == "__init__.py" or own[0] not in LAYERS:
        return
    for target, _name in imports(path):
        other = target.split(".")
        assert other[0] in LAYERS[own[0]] | {own[0]}, f"{module(path)} → {target}"
        if own[0] != other[0] or own[0] not in ("services", "models"):
            continue
        subjects = SERVICES if own[0] == "services" else MODELS
        assert other[1] in subjects[own[1]] | {own[1]}, f"{module(path)} → {target}"


def test_no_module_imports_itself_in_a_circle():
    graph = {
        module(path): {target for target, _name in imports(path)} - {module(path)}
        for path in FILES
        if path.name != "__init__.py"
    }
    done, doing = set(), []

    def visit(name):
        assert name not in doing, " → ".join([*doing[doing.index(name) :], name])
        if name in done or name not in graph:
            return
        doing.append(name)
        for target in graph[name]:
            visit(target)
        doing.pop()
        done.add(name)

    for name in graph:
        visit(name)


def test_nothing_private_is_imported():
    for path in FILES:
        for target, name in imports(path):
            assert not name.startswith("_"), f"{module(path)}: {target}.{name}"


def test_services_use_what_is_public_of_models():
    """What services call on a record is documented and public there."""
    found = []
    for path in FILES:
        if not module(path).startswith("services."):
            continue
        for node in ast.walk(TREES[path]):
            if (
                isinstance(node, ast.Attribute)
                and node.attr.startswith("_")
                and node.attr != "_"
                and not node.attr.startswith("__")
                and not (
                    isinstance(node.value, ast.Name)
                    and node.value.id in ("self", "cls")
                )
                and node.attr not in ODOO
            ):
                found.append(f"{module(path)}:{node.lineno} {node.attr}")
    assert not found, "\n".join(found)


def test_a_method_of_ours_is_defined_once():
    """``super()`` means Odoo: no two classes of one model define the same method, and
    neither do two of the parts that ``mailbox.account`` is made of."""
    definitions = defaultdict(list)
    for path in FILES:
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.ClassDef) and (model := _model(node)):
                if model.startswith("mailbox.account."):
                    model = "mailbox.account"
                for item in node.body:
                    if isinstance(item, ast.FunctionDef):
                        definitions[model, item.name].append(module(path))
    twice = {key: paths for key, paths in definitions.items() if len(paths) > 1}
    assert not twice


def test_a_class_is_in_one_place():
    places = defaultdict(set)
    for path in FILES:
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.ClassDef) and (model := _model(node)):
                places[model].add(module(path))
    assert not {model: paths for model, paths in places.items() if len(paths) > 1}


def _model(node: ast.ClassDef) -> str | None:
    """The name of the model that a class defines or extends."""
    values = {
        target.id: item.value
        for item in node.body
        if isinstance(item, ast.Assign)
        for target in item.targets
        if isinstance(target, ast.Name)
    }
    value = values.get("_name") or values.get("_inherit")
    return value.value if isinstance(value, ast.Constant) else None
