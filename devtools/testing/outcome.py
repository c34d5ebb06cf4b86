"""Read what pytest wrote about its tests, and what Odoo's own runner logged."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Outcome:
    """Tests by what became of them, each named `module.Class.method`."""

    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def all(self) -> set[str]:
        return self.passed | self.failed | set(self.skipped)


def pytest_outcome(path: Path) -> Outcome:
    """From a `--junitxml` file. A test that also fails in tear-down has failed."""
    outcome = Outcome()
    if not path.exists():
        return outcome
    for case in ElementTree.parse(path).iter("testcase"):
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed.add(name)
        elif skip is not None:
            outcome.skipped[name] = skip.get("message", "")
        else:
            outcome.passed.add(name)
    outcome.passed -= outcome.failed
    return outcome


STARTED = re.compile(r" INFO \S+ odoo\.addons\.(\S+): Starting (\w+\.\w+) \.\.\.")
BAD = re.compile(r" ERROR \S+ odoo\.addons\.(\S+): (?:FAIL|ERROR): (?:Subtest )?(\S+)")
SKIPPED = re.compile(r" INFO \S+ odoo\.addons\.(\S+): skipped (\w+\.\w+) : (.*)")


def odoo_outcome(log: Path) -> Outcome:
    """From the log of `odoo --test-enable`."""
    outcome = Outcome()
    for line in log.read_text(errors="replace").splitlines():
        if match := STARTED.search(line):
            outcome.passed.add(f"{match[1]}.{match[2]}")
        elif match := BAD.search(line):
            outcome.failed.add(f"{match[1]}.{match[2]}")
        elif match := SKIPPED.search(line):
            outcome.skipped[f"{match[1]}.{match[2]}"] = match[3]
    outcome.passed -= outcome.failed | set(outcome.skipped)
    return outcome
