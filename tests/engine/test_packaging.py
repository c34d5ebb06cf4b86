"""What a user installs and reads belongs to what is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "mailbox_connector"
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


@pytest.fixture(scope="module")
def manifest() -> dict:
    return ast.literal_eval((ADDON / "__manifest__.py").read_text())


def test_requirements_are_those_of_the_manifest(manifest):
    """Else ``pip install -r requirements.txt`` leaves the addon without a library."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = sorted(manifest["external_dependencies"]["python"])
    assert [line for line in lines if not line.startswith("#")] == wanted


def test_the_newest_entry_of_the_changelog_is_this_version(manifest):
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert versions[0] == manifest["version"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_a_page_lead_somewhere(page):
    """Within the project; pages of providers are not asked."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _hash, anchor = target.partition("#")
        linked = (page.parent / path) if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_folders_that_a_page_names_exist(page):
    """Named from the root of the project or of the addon, or by the file name alone."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for name in re.findall(r"`([\w./-]+(?:\.(?:py|xml|js|md|csv|toml)|/))`", prose):
        if "/" in name:
            assert (ROOT / name).exists() or (ADDON / name).exists(), name
        else:
            places = (ROOT, ADDON, ROOT / "tests", ROOT / "devtools")
            assert any(any(place.rglob(name)) for place in places), name


def anchors(page: Path) -> set[str]:
    """The names that headings get: lower case, words joined by hyphens."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in kept}
