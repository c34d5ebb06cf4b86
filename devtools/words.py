"""`./dev lint`: the wordings that docs/style.md refuses, in what people read.

That is: translatable strings, labels, help and messages in Python; text and labels in
XML; `_t()` in JavaScript; documents but for their code. Its phrases are refused in the
addon's docstrings and comments, too, and names that the glossary of docs/development.md
has replaced in every file.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from xml.parsers import expat

from .base.paths import CHECKOUT
from .base.process import run

#: Phrase → what to write. Spaces match line breaks too.
PHRASES = {
    r"(stands|stood)(?! for)": "is, is shown on, is in",
    r"stand (on|in|at|under|among|here|there)": "be, be shown on, be in",
    r"bears?(?! in mind)": "has",
    r"(am|are|be|been|being|gets?|is|was|were) told(?! apart)": "alerted, notified",
    r"by (itself|himself|herself|themselves)": "automatically",
    r"anew": "again",
    r"whoever": "anyone who, the person who",
    r"of ours": "our own",
    r"a side(?! effect)": "per server, per connection",
    r"what waits": "waiting e-mails",
    r"(brings?|bringing|brought)( \w+)? in(to)?": "import, come in",
    r"puts? aside|putting aside": "keep as a failed import",
    r"(is|are) a must": "is required",
    r"(is|are) no contacts?": "is not a contact",
    r"no passwords from programs": "does not allow password sign-in for mail apps",
    r"(?<!-)mails": "e-mails",
}
#: Former names of buttons and states, for screens and for documents that quote them.
LABELS = {
    r"Guide me": "Set up step by step",
    r"Check the round trip": "Send a test e-mail",
    r"Import more history": "Import older e-mails",
    r"Find an e-mail": "Why is an e-mail missing?",
    r"What was read": "Activity log",
    r"Needs (you|someone)(?! to)": "Action needed",
}
#: Screens speak of importing e-mails; documents for developers may name the code.
SCREENS = {
    r"backfills?": "import",
    r"histor(y|ies)": "import, older e-mails",
}
#: A condition without "if" is a question in English: it ends with a question mark.
INVERTED = re.compile(
    r"(?:^\s*|[.!:|]\s+|\n\s*\n|\n\s*[-*] |\n\s*\d+\. )"
    r"(?P<found>(?:(?:Is|Are|Has|Does|Was|Were)\s+(?!not?\b)|Have\s+(?:the|they|we|you)\b)"
    r"(?:(?!\n\s*\n)[^.:!?|])*,(?:(?!\n\s*\n)[^.:!?|])*)\.(?=\s|$)"
)
#: Name that is gone → its successor; see the glossary.
FORMER = {
    r"quarantined?": "failed import",
    r"newcomers?": "new contact, contact lookup",
    r"put_aside": "failed_imports",
    r"mailbox[._]history": "mailbox.backfill",
    r"mailbox[._]newcomer": "mailbox.contact.lookup",
    r"mailbox[._]notice": "mailbox.alert",
    r"mailbox[._]outbox": "mailbox.delivery",
    r"mailbox[._]scope": "mailbox.audience",
    r"mailbox[._]why": "mailbox.trace",
}
ATTRIBUTES = {
    "alt",
    "aria-label",
    "confirm",
    "confirm-label",
    "help",
    "placeholder",
    "string",
    "text",
    "title",
}
#: Fields of XML records that hold code.
CODE = {"code", "context", "domain", "domain_force", "filter_domain", "path"}
TYPES = (".csv", ".js", ".md", ".py", ".rst", ".scss", ".toml", ".xml")
#: They name what is refused.
EXEMPT = {
    "CHANGELOG.md",
    "devtools/words.py",
    "docs/style.md",
    "tests/engine/test_words.py",
}


@dataclass(frozen=True)
class Fault:
    file: str
    line: int
    found: str
    instead: str

    def __str__(self) -> str:
        return f'{self.file}:{self.line}: "{self.found}": better {self.instead}'


def faults(file: str, source: str) -> list[Fault]:
    """What is refused in a file, in the order of its lines.

    :param file: its path from the root of the project, which says how it is read
    """
    found = []
    if file not in EXEMPT:
        found += _search(file, 1, source, _FORMER)
    if file != "docs/style.md":
        for line, text, patterns in _read(PurePosixPath(file), source):
            found += _search(file, line, text, patterns)
            for match in INVERTED.finditer(text):
                start = line + text.count("\n", 0, match.start("found"))
                words = " ".join(match["found"].split())
                found.append(Fault(file, start, words, '"If …", or a question mark'))
    return sorted(set(found), key=lambda fault: (fault.line, fault.found))


def _search(file, line, text, patterns) -> Iterator[Fault]:
    for pattern, instead in patterns:
        for match in pattern.finditer(text):
            start = line + text.count("\n", 0, match.start())
            yield Fault(file, start, " ".join(match[0].split()), instead)


def _compiled(table: dict[str, str], flags=re.IGNORECASE):
    return [
        (re.compile(rf"\b(?:{pattern})\b".replace(" ", r"\s+"), flags), instead)
        for pattern, instead in table.items()
    ]


_PHRASES = _compiled(PHRASES)
_DOCUMENT = _PHRASES + _compiled(LABELS, flags=0)
_SCREEN = _DOCUMENT + _compiled(SCREENS)
#: Also as a part of a longer name, such as MailboxNewcomer or newcomer_ids.
_FORMER = [
    (re.compile(rf"(?<![a-z]){pattern}|{pattern}(?![a-z])", re.IGNORECASE), instead)
    for pattern, instead in FORMER.items()
]


def _read(path: PurePosixPath, source: str) -> Iterator[tuple[int, str, list]]:
    """The texts of a file that people read: line, text, what is refused in it."""
    if path.suffix in (".md", ".rst"):
        yield 1, _without_code(source), _DOCUMENT
    elif path.parts[0] != "mailbox_connector" or "tests" in path.parts:
        return
    elif path.suffix == ".py":
        yield from ((*read, _SCREEN) for read in _python(source))
        yield from ((*read, _PHRASES) for read in _docstrings(source))
        yield from ((*read, _PHRASES) for read in _comments(source))
    elif path.suffix == ".xml":
        yield from ((*read, _SCREEN) for read in _xml(source))
    elif path.suffix == ".js":
        yield from ((*read, _SCREEN) for read in _javascript(source))
        yield from ((*read, _PHRASES) for read in _javascript_comments(source))


def _without_code(source: str) -> str:
    """A document with its code and addresses blanked; lines keep their numbers."""
    code = re.compile(
        r"^[ ]*```.*?^[ ]*```[ ]*$|``.+?``|`[^`]+`|\]\([^)]*\)",
        re.DOTALL | re.MULTILINE,
    )
    return code.sub(lambda found: re.sub(r"[^\n]", "~", found[0]), source)


def _python(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        for text in _texts(node):
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.lineno, text.value


def _texts(node: ast.AST) -> Iterator[ast.AST]:
    """The strings of a node that Odoo translates or shows."""
    if isinstance(node, ast.Call):
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called in ("_", "_lt"):
            yield from node.args[:1]
        elif called in ("Constraint", "UniqueIndex"):
            yield from node.args[1:]
        yield from (
            word.value for word in node.keywords if word.arg in ("string", "help")
        )
    elif isinstance(node, ast.Assign):
        if [getattr(one, "id", "") for one in node.targets] == ["_description"]:
            yield node.value
    elif isinstance(node, ast.List):
        # Selections, where they are declared and as constants.
        pairs = [one for one in node.elts if isinstance(one, ast.Tuple)]
        yield from (one.elts[1] for one in pairs if len(one.elts) == 2)


def _docstrings(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and ast.get_docstring(node, clean=False):
            text = node.body[0].value
            yield text.lineno, _prose(text.value)


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Comments; those on lines that follow each other are one text."""
    block: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            if block and line != last + 1:
                yield last - len(block) + 1, _prose("\n".join(block))
                block = []
            block.append(token.string.lstrip("#:"))
            last = line
    if block:
        yield last - len(block) + 1, _prose("\n".join(block))


def _prose(text: str) -> str:
    """A docstring or comment with its code and the names of parameters blanked."""
    return re.sub(
        r":\w+ [^:\n]*:", lambda found: "~" * len(found[0]), _without_code(text)
    )


def _javascript_comments(source: str) -> Iterator[tuple[int, str]]:
    for found in re.finditer(r"/\*.*?\*/|(?<!:)//[^\n]*", source, re.DOTALL):
        text = re.sub(r"(?m)^\s*\*", "", found[0])
        yield source.count("\n", 0, found.start()) + 1, _prose(text)


def _javascript(source: str) -> Iterator[tuple[int, str]]:
    string = r"\b_t\(\s*(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)"
    for found in re.finditer(string, source):
        start = source.count("\n", 0, found.start("text"))
        yield start + 1, found["text"][1:-1]


def _xml(source: str) -> Iterator[tuple[int, str]]:
    reader = _Reader()
    reader.parser.Parse(source.encode(), True)
    yield from reader.texts


class _Reader:
    """Collects the texts and labels of an XML file."""

    def __init__(self):
        self.texts: list[tuple[int, str]] = []
        self._text = ""
        self._line = 1
        self._open: list[bool] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data

    def _start(self, tag, attributes):
        self._flush()
        for name, value in attributes.items():
            if name in ATTRIBUTES:
                self.texts.append((self.parser.CurrentLineNumber, value))
        name = attributes.get("name")
        is_code = (tag == "field" and name in CODE) or (
            tag == "attribute" and name not in ATTRIBUTES
        )
        self._open.append(not is_code)

    def _end(self, _tag):
        self._flush()
        self._open.pop()

    def _data(self, data):
        if not self._text:
            self._line = self.parser.CurrentLineNumber
        self._text += data

    def _flush(self):
        # A lone word with dots is a technical name.
        is_name = re.fullmatch(r"\s*\w+(\.\w+)+\s*", self._text)
        if self._text.strip() and self._open[-1] and not is_name:
            before = len(self._text) - len(self._text.lstrip())
            line = self._line + self._text.count("\n", 0, before)
            self.texts.append((line, self._text.strip()))
        self._text = ""


def main() -> int:
    listed = run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=CHECKOUT
    ).split("\0")
    found = [
        fault
        for name in sorted(listed)
        if name.endswith(TYPES) and (CHECKOUT / name).is_file()
        for fault in faults(name, (CHECKOUT / name).read_text(errors="replace"))
    ]
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
