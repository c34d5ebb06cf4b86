"""`./dev corpora` says of every message what became of it, and why it ends with 1."""

import pytest

from devtools.corpora import summary

NOTHING = {"imported": 3, "failed": [], "skipped": [], "lost": []}


def test_all_imported():
    assert summary(NOTHING, []) == (
        ["3 messages: 3 imported, 0 failed imports, 0 lost, 0 unexpected errors"],
        0,
    )


def test_newsletters_are_counted_and_not_lost():
    skipped = [("a.eml", "newsletter"), ("b.eml", "newsletter")]
    lines, code = summary({**NOTHING, "skipped": skipped}, [])
    assert code == 0
    assert "left out (newsletter): a.eml" in lines
    assert lines[-1].startswith("5 messages: 3 imported, 2 left out (newsletter), 0 f")


def test_failed_imports_are_named_and_not_lost():
    lines, code = summary({**NOTHING, "failed": [("a.eml", "Too large.")]}, [])
    assert code == 0
    assert lines[0] == "failed import: a.eml: Too large."


@pytest.mark.parametrize(
    ("lost", "errors", "why"),
    [
        (["a.eml"], [], "1 messages were lost"),
        ([], ["ERROR x"], "the log has 1 unexpected errors"),
        (
            ["a.eml"],
            ["ERROR x"],
            "1 messages were lost, and the log has 1 unexpected errors",
        ),
    ],
)
def test_why_it_ends_with_1(lost, errors, why):
    lines, code = summary({**NOTHING, "lost": lost}, errors)
    assert code == 1
    assert lines[-1] == f"ends with 1: {why}"
    for path in lost:
        assert f"lost, neither imported nor kept: {path}" in lines
    for line in errors:
        assert f"unexpected error: {line}" in lines
