"""Finds what a message quotes of others, by what each mail app writes, so that readers
can fold it.

What is new must stay in sight. So a quote ends where it is known to end, answers
between quotes are no part of them, and if a message consists of nothing but a quote (it
was forwarded), that one is shown.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from . import quote_words
from .tree import BLOCKS, Node, Tree, is_visible_text

# -- What mail apps call it: classes, ids, names --

#: Holds the quoted message, maybe with the line that introduces it.
_CONTAINERS = frozenset(
    """
    yahoo_quoted tutanota_quote skiff_quote missive_quote front-blockquote iosymail
    freshdesk_quote spark_quote mailru-blockquote moz-forward-container
    #olk_src_body_section #mail-editor-reference-message-container #isforwardcontent
    #isreplycontent #reply139content #origbody #orimsghtmlseperator @quote
    @__quoted_text__
    """.split()
)
#: Holds what introduces a quote beside it.
_HEADERS = frozenset(("@__headers__", "@__divider__", "#zwchr"))
#: Holds the quoted message, but answers may be written in it, between the blockquotes.
_MIXED = frozenset(
    """
    gmail_quote gmail_quote_container protonmail_quote zmail_extra #zmail_extra
    ik_mail_quote @messagereplysection
    """.split()
)
#: Begins a quote that goes on beside it.
_STARTS = frozenset(("#divrplyfwdmsg", "#stopspelling", "stopspelling", "#replysplit"))
_STARTS |= {"outlookmessageheader"}
#: The same, if a rule follows.
_MAYBE_STARTS = frozenset(
    ("#appendonsend", "#skydriveplaceholder", "skydriveplaceholder")
)
#: Introduces the quote that follows.
_INTRODUCTIONS = frozenset(("moz-cite-prefix", "gmail_attr", "#reply-intro"))
_SIGNATURES = frozenset(
    ("gmail_signature", "moz-signature", "odoo_signature_wrapper", "#signature")
)
#: Signatures that are left in sight.
_SHOWN_SIGNATURES = frozenset(
    """
    #applemailsignature #composer_signature #ms-outlook-mobile-signature
    @messagesignaturesection protonmail_signature_block sh-signature @__sig_post__
    @__sig_pre__
    """.split()
)
_IDS = """
appendonsend divRplyFwdMsg stopSpelling replySplit SkyDrivePlaceholder
OLK_SRC_BODY_SECTION mail-editor-reference-message-container isForwardContent
isReplyContent reply139content origbody oriMsgHtmlSeperator zwchr zmail_extra
reply-intro Signature AppleMailSignature composer_signature ms-outlook-mobile-signature
""".split()
_ATTRIBUTES = {
    "id": {prefix + one for one in _IDS for prefix in ("", "x_", "x_x_", "ecx")},
    "name": {"quote", "messageReplySection", "messageSignatureSection"},
    "data-marker": {"__QUOTED_TEXT__", "__HEADERS__", "__DIVIDER__"}
    | {"__SIG_POST__", "__SIG_PRE__"},
}
#: For the cleaner: the values that tell a quote, by element and attribute.
KEPT_ATTRIBUTES = {
    tag: _ATTRIBUTES
    for tag in ("blockquote", "div", "hr", "p", "section", "span", "table", "td")
}
# Mail apps put a prefix before the names in what they quote.
_PREFIX = re.compile(r"(?:x_|ecx|ydp[0-9a-f]{4,12}|yiv\d{4,12}|m_-?\d{6,24})+")
_NAMED = re.compile(
    "|".join(
        sorted(
            {
                re.escape(one.lstrip("#@"))
                for names in (_CONTAINERS, _HEADERS, _MIXED, _STARTS, _MAYBE_STARTS)
                + (_INTRODUCTIONS, _SIGNATURES, _SHOWN_SIGNATURES)
                for one in names
            }
        )
    ),
    re.I,
)
#: Without one of these there is no quote.
_HINTS = ("blockquote", "quot", "signature", ' id="', ' name="', ' data-marker="')
_HINTS += ("border-top", "--", "__", "==", "——", "OutlookMessageHeader")
_LABEL = re.compile(r">[\s*]*([^\W\d_][^<>:：]{0,19}?)\s*(?:</[a-z]+>)?\*?\s*[:：]")
_BREAK = re.compile(rf"</?(?:br|{'|'.join(sorted(BLOCKS))})\b")
_INTRODUCTION_HINT = re.compile(r"[:：](?:\s|&nbsp;|</a>|</b>|</span>)*<(?:br|/)")
# -- How Outlook draws the line above its header --
_BORDER = re.compile(r"border-top(?:-style)?:[^;]*\bsolid", re.I)
_OUTLOOK_BORDER = re.compile(
    r"border-top:\s*solid\s+(?:#e1e1e1|#b5c4df|windowtext)\s+1\.0pt", re.I
)
_NO_BORDER = re.compile(r"border(?:-left)?:\s*(?:none|0|medium none)", re.I)
# A colon, or dashes at the beginning.
_MAY_BE_HEADER = re.compile(r"[:：]|^\W?[-_=*—–]{2}|wrote|写道|寫道|작성")
#: Lines of the header that Outlook writes above a quote.
_MAX_HEADER_LINES = 14
#: Lines without a known field, such as "From Ann".
_MAX_EXTRA_LINES = 6
#: Messages that were forwarded within each other.
_MAX_FORWARDED = 10
#: Lines of the sentence above a quote that says whose it is.
_MAX_INTRODUCTION = 3
#: Characters of html between a header and its rule.
_NEAR = 2_000
#: Elements between a line and the box that it is alone in.
_MAX_BOX = 8


@dataclass(frozen=True, slots=True)
class _Quote:
    """Where a quote begins and ends, and where the words that introduce it end."""

    start: int
    end: int
    head_end: int


@dataclass(slots=True)
class _Line:
    """A line as it is seen: its text, and where it begins and ends in the html."""

    first: Node
    text: str
    start: int
    end: int
    fields: frozenset[str] | None = None


def mark(cleaned: str, attribute: str) -> str:
    """Cleaned html with ``attribute`` in each element that folds away.

    :param attribute: as it is written in a tag, with a space before it
    """
    if not _may_have_quotes(cleaned):
        return cleaned
    tree = Tree(cleaned)
    folded = _Finder(tree).folded()
    return _insert(tree, folded, attribute) if folded else cleaned


def _may_have_quotes(cleaned: str) -> bool:
    """Whether it is worth the time to look."""
    return (
        any(one in cleaned for one in _HINTS)
        or any(map(quote_words.is_first_field, _LABEL.findall(cleaned)))
        or "@" in cleaned
        and bool(_INTRODUCTION_HINT.search(cleaned))
    )


class _Finder:
    """Finds the quotes and signatures of one message."""

    def __init__(self, tree: Tree):
        self.tree = tree
        self.lines = list(_lines(tree))
        self._line_starts = [line.start for line in self.lines]
        self.quotes: list[_Quote] = []
        self.signatures: list[tuple[int, int]] = []
        self._shown_signatures: list[tuple[int, int]] = []

    def folded(self) -> list[tuple[int, int]]:
        """Start and end of what folds away, in order, none within another."""
        self._find_by_names()
        self._find_by_words()
        quotes = self._without_the_only_ones()
        found = [(one.start, one.end) for one in quotes]
        if quotes or self._is_said([], self.signatures):
            found += self.signatures
        return _outermost(found)

    def _without_the_only_ones(self) -> list[_Quote]:
        """The quotes, but for those without which nothing is left to read."""
        quotes = sorted(self.quotes, key=lambda one: (one.start, -one.end))
        heads: list[tuple[int, int]] = []
        for _attempt in range(_MAX_FORWARDED):
            outer, inner = _split_outer(quotes)
            ranges = [(one.start, one.end) for one in outer]
            if not outer or self._is_said(heads + ranges, self.signatures):
                return quotes
            heads += [(one.start, one.head_end) for one in outer]
            quotes = inner
        return []

    def _is_said(self, quotes, signatures) -> bool:
        """Whether there is anything to read besides quotes and signatures."""
        left_out = sorted((*quotes, *signatures, *self._shown_signatures))
        position = 0
        for start, end in (*left_out, (len(self.tree.source),) * 2):
            if position < start and self._says_something(position, start):
                return True
            position = max(position, end)
        return False

    def _says_something(self, start: int, end: int) -> bool:
        """Whether anything between two places is neither a signature nor a rule."""
        if not self.tree.is_seen(start, end):
            return False
        for line in self._lines_between(start, end):
            if line.text == "--":  # a signature (RFC 3676 section 4.3)
                end = line.start
                break
            if not quote_words.is_beside_the_point(line.text):
                return True
        return any(node.tag for node in self.tree.seen_between(start, end))

    def _lines_between(self, start: int, end: int) -> list[_Line]:
        first = bisect_left(self._line_starts, start)
        return self.lines[first : bisect_left(self._line_starts, end)]

    # -- By the names that mail apps give --

    def _find_by_names(self) -> None:
        known: dict[str, frozenset[str]] = {}
        for node in self.tree.elements:
            names = known.get(node.raw_attributes)
            if names is None:
                names = known[node.raw_attributes] = _names(node)
            if node.tag == "blockquote":
                self._add_blockquote(node, bool(names))
            elif names:
                self._add_named(node, names)

    def _add_named(self, node: Node, names: frozenset[str]) -> None:
        if names & _HEADERS:
            self._add(node.start, node.end, node.end)
        elif names & _CONTAINERS:
            self._add(node.start, node.end, node.inner)
        elif names & _MIXED:
            self._add_mixed(node)
        elif (
            names & _STARTS or names & _MAYBE_STARTS and self._precedes_rule(node.inner)
        ):
            self._add_rest(node, node.end)
        elif names & _SIGNATURES:
            self.signatures.append((node.start, node.end))
        elif names & _SHOWN_SIGNATURES:
            self._shown_signatures.append((node.start, node.end))

    def _add_mixed(self, node: Node) -> None:
        inner = [one for one in node.children if one.tag == "blockquote"]
        end = inner[0].end if inner else node.close
        if all(
            not self.tree.is_seen(one.start, one.end)
            for one in node.children
            if one.start >= end and one.tag != "blockquote"
        ):
            self._add(node.start, node.end, inner[0].start if inner else node.inner)
        else:  # answers are between the quotes
            self._add(node.inner, end, inner[0].start)

    def _add_blockquote(self, node: Node, is_named: bool) -> None:
        head = self._introduction(node)
        attributes = node.attributes
        if head is None and not is_named and not {"type", "cite"} & attributes.keys():
            style = attributes.get("style", "")
            if "class" not in attributes and _NO_BORDER.search(style):
                return  # an indented paragraph
        start = head if head is not None else node.start
        self._add(start, node.end, node.start)

    def _introduction(self, quote: Node) -> int | None:
        """Where the line above a quote begins that says whose it is."""
        index = bisect_left(self._line_starts, quote.start) - 1
        if index < 0:
            return None
        line = self.lines[index]
        if self.tree.first_seen(line.start, quote.start) is None:
            return None
        named = _ancestor_with(line.first, _INTRODUCTIONS)
        if named is not None and named.end <= quote.start:
            return named.start
        count = self._lines_of_introduction(index)
        if not count:
            return None
        first = self.lines[index - count + 1]
        return self._grown_start(first.first, quote.start)

    def _lines_of_introduction(self, last: int) -> int:
        """How many lines, up to this one, introduce a quote together; 0: none."""
        for count in range(1, _MAX_INTRODUCTION + 1):
            text = self._joined(last - count + 1, last)
            if text and quote_words.is_attribution(text):
                return count + self._lines_cut_off(last - count, text)
        return 0

    def _lines_cut_off(self, last: int, rest: str) -> int:
        """How many lines, up to this one, are the beginning of an introduction."""
        for count in range(1, _MAX_INTRODUCTION):
            text = self._joined(last - count + 1, last + 1)
            if text and quote_words.is_cut_off(text, rest):
                return count
        return 0

    def _joined(self, first: int, last: int) -> str:
        """Lines as one; '' if there are empty lines between them."""
        if first < 0 or not all(map(self._is_next, range(first, last))):
            return ""
        return " ".join(line.text for line in self.lines[first : last + 1])

    def _is_next(self, index: int) -> bool:
        """Whether there is no empty line between a line and the next one."""
        here, there = self.lines[index].end, self.lines[index + 1].start
        between = self.tree.source[here:there] if there - here < 500 else "<br><br>"
        return between.count("<br") < 2

    def _precedes_rule(self, position: int) -> bool:
        rule = self.tree.source.find("<hr", position, position + _NEAR)
        return rule >= 0 and not self.tree.is_seen(position, rule)

    # -- By the words above them --

    def _find_by_words(self) -> None:
        index = 0
        while index < len(self.lines):
            count = self._header_at(index)
            if count:
                self._add_below(index, count)
            index += count or 1
        if "border-top" in self.tree.source:
            for node in self.tree.elements:
                if _OUTLOOK_BORDER.search(node.raw_attributes):
                    self._add_outlook_box(node)

    def _header_at(self, index: int) -> int:
        """How many lines from here are the header of a quote; 0: none."""
        text = self.lines[index].text
        if not _MAY_BE_HEADER.search(text):
            return 0
        if quote_words.is_separator(text):
            return 1 + self._fields_at(index + 1, 1)
        if quote_words.is_unknown_separator(text):
            count = self._fields_at(index + 1, 2)
            return 1 + count if count else 0
        if quote_words.is_rule(text):
            count = self._fields_at(index + 1, 3) if self._is_from(index + 1) else 0
            return 1 + count if count else 0
        if quote_words.is_full_attribution(text):
            return 1
        return self._header_alone_at(index) if self._is_from(index) else 0

    def _header_alone_at(self, index: int) -> int:
        """The same for fields without a separator above: below or above a rule, or as
        Outlook writes them. Web sites write such fields above new words, too."""
        count = self._fields_at(index, 3)
        if not count:
            return 0
        end = self.lines[index + count - 1].end
        if self._is_boxed(self.lines[index]) or self._precedes_rule(end):
            return count
        is_like_outlook = count > 1 and "date" in self._fields(index + 1)
        return self._fields_at(index, 4) if is_like_outlook else 0

    def _is_from(self, index: int) -> bool:
        return index < len(self.lines) and "from" in self._fields(index)

    def _fields(self, index: int) -> frozenset[str]:
        line = self.lines[index]
        if line.fields is None:
            line.fields = quote_words.header_fields(line.text)
        return line.fields

    def _fields_at(self, index: int, wanted: int) -> int:
        """How many lines from here are header fields, at least ``wanted`` different
        ones of From, Date, To and Subject, From among them; 0: fewer."""
        found: set[str] = set()
        last = index - 1
        for number in range(index, min(index + _MAX_HEADER_LINES, len(self.lines))):
            fields = self._fields(number)
            if fields:
                found |= fields
                last = number
            elif number == index or number - last > 1:
                break  # one line may be the rest of a field
        found.discard("other")
        return last - index + 1 if "from" in found and len(found) >= wanted else 0

    def _is_boxed(self, line: _Line) -> bool:
        """Whether a line is the first below a rule or a border."""
        if self._with_rule(line.start) < line.start:
            return True
        node = line.first.parent
        for _level in range(_MAX_BOX):
            if node is None or self.tree.is_seen(node.start, line.start):
                return False
            if _BORDER.search(node.raw_attributes):
                return True
            node = node.parent
        return False

    def _add_outlook_box(self, node: Node) -> None:
        """Outlook's own border above a few fields, in whatever language."""
        lines = self._lines_between(node.start, node.end)
        if 3 <= len(lines) <= _MAX_HEADER_LINES and all(
            quote_words.is_field(line.text) for line in lines
        ):
            self._add_rest(node, node.end)

    def _add_below(self, index: int, count: int) -> None:
        first, head_end = self.lines[index].first, self.lines[index + count - 1].end
        quote = self._quote_below(index, count, head_end)
        if quote:
            start = self._with_rule(self._grown_start(first, quote.start))
            self._add(start, quote.end, quote.start)
        else:
            self._add_rest(first, head_end)

    def _quote_below(self, index: int, count: int, head_end: int) -> Node | None:
        """The blockquote that follows a header; below a separator, a few lines may be
        between them."""
        following = self.tree.first_seen(head_end, len(self.tree.source))
        quote = following and _outermost_blockquote(following, head_end)
        if quote or not quote_words.is_separator(self.lines[index].text):
            return quote
        for line in self.lines[index + count : index + count + _MAX_EXTRA_LINES]:
            quote = _outermost_blockquote(line.first, head_end)
            if quote or not quote_words.begins_with_field(line.text):
                return quote
        return None

    # -- Where they begin and end --

    def _add(self, start: int, end: int, head_end: int) -> None:
        self.quotes.append(_Quote(start, end, head_end))

    def _add_rest(self, first: Node, head_end: int) -> None:
        """A quote from a node to the end of what is beside it."""
        tree, node = self.tree, first
        while node.parent.parent is not None and not (
            tree.is_seen(node.parent.inner, node.start)
            or tree.is_seen(head_end, node.parent.close)
        ):
            node = node.parent
        start, parent = node.start, node.parent
        while parent.parent is not None and not tree.is_seen(head_end, parent.close):
            parent = parent.parent
        end = parent.close
        while parent.parent is not None and not tree.is_seen(parent.inner, start):
            start, end, parent = parent.start, parent.end, parent.parent
        self._add(self._with_rule(start), end, head_end)

    def _grown_start(self, first: Node, end: int) -> int:
        """Where the outermost element begins that begins with this text and ends before
        ``end``."""
        node = first
        while (
            node.parent.parent is not None
            and node.parent.end <= end
            and not self.tree.is_seen(node.parent.inner, node.start)
        ):
            node = node.parent
        return node.start

    def _with_rule(self, start: int) -> int:
        """``start``, or where the rule right above it begins."""
        before = max(self.tree.end_of_seen(start), start - _NEAR)
        rule = self.tree.source.rfind("<hr", before, start)
        return rule if rule >= 0 else start


def _lines(tree: Tree) -> Iterator[_Line]:
    """The lines that have words, as elements break them."""
    texts: list[Node] = []
    position = 0
    for leaf in tree.leaves:
        if _BREAK.search(tree.source, position, leaf.start):
            yield from _line(tree, texts)
            texts = []
        position = leaf.end
        if not leaf.tag:
            texts.append(leaf)
    yield from _line(tree, texts)


def _line(tree: Tree, texts: list[Node]) -> Iterator[_Line]:
    seen = [one for one in texts if is_visible_text(tree.source[one.start : one.end])]
    if seen:
        text = " ".join("".join(map(tree.text, texts)).split())
        yield _Line(seen[0], text, seen[0].start, seen[-1].end)


def _names(node: Node) -> frozenset[str]:
    """Classes, #id and @name of an element, lower-case, without prefixes."""
    if not _NAMED.search(node.raw_attributes):
        return frozenset()
    attributes = node.attributes
    found = {_without_prefix(one) for one in attributes.get("class", "").split()}
    if "id" in attributes:
        found.add("#" + _without_prefix(attributes["id"]))
    for name in ("name", "data-marker"):
        if name in attributes:
            found.add("@" + _without_prefix(attributes[name]))
    return frozenset(found)


def _without_prefix(name: str) -> str:
    match = _PREFIX.match(name)
    return (name[match.end() :] if match else name).lower()


def _ancestor_with(node: Node, names: frozenset[str]) -> Node | None:
    for _level in range(_MAX_BOX):
        node = node.parent
        if node is None:
            return None
        if _names(node) & names:
            return node
    return None


def _outermost_blockquote(node: Node, start: int) -> Node | None:
    """The outermost blockquote around a node that begins after ``start``."""
    found = None
    while node is not None and node.start >= start:
        if node.tag == "blockquote":
            found = node
        node = node.parent
    return found


def _split_outer(quotes: list[_Quote]) -> tuple[list[_Quote], list[_Quote]]:
    """Of sorted quotes, those that are in no other one, and those that are."""
    outer: list[_Quote] = []
    inner: list[_Quote] = []
    end = -1
    for one in quotes:
        is_same = outer and (one.start, one.end) == (outer[-1].start, outer[-1].end)
        (outer if one.end > end or is_same else inner).append(one)
        end = max(end, one.end)
    return outer, inner


def _outermost(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that are not within another one, in order. Two that overlap become one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(ranges, key=lambda one: (one[0], -one[1])):
        if not found or start >= found[-1][1]:
            found.append((start, end))
        elif end > found[-1][1]:
            found[-1] = (found[-1][0], end)
    return found


# -- Marking --

#: Only certain elements may be within these.
_STRICT = frozenset("table tbody thead tfoot tr colgroup ul ol dl".split())


def _insert(tree: Tree, folded: list[tuple[int, int]], attribute: str) -> str:
    edits: list[tuple[int, str]] = []
    for run, last_break in _runs(tree.root, folded):
        edits += _edits(_trimmed(tree, run), last_break, attribute)
    pieces, position = [], 0
    for place, text in edits:
        pieces += (tree.source[position:place], text)
        position = place
    return "".join((*pieces, tree.source[position:]))


def _runs(
    root: Node, folded: list[tuple[int, int]]
) -> Iterator[tuple[list[Node], int]]:
    """The nodes that are within a range and whose parent is not, those beside each
    other together; and where the last line break beside them is."""
    starts = [start for start, _end in folded]
    stack: list[Node | tuple[list[Node], int]] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            yield node
            continue
        breaks = [child.start for child in node.children if child.tag == "br"]
        found: list[Node | tuple[list[Node], int]] = []
        for child in node.children:
            index = bisect_right(starts, child.start) - 1
            within = index >= 0 and child.end <= folded[index][1]
            if within and found and isinstance(found[-1], tuple):
                found[-1][0].append(child)
            elif within:
                found.append(([child], breaks[-1] if breaks else -1))
            else:
                found.append(child)
        stack.extend(reversed(found))


def _edits(run: list[Node], last_break: int, attribute: str) -> list[tuple[int, str]]:
    """What to insert where, to mark the nodes of a run."""
    if not run:
        return []
    if run[0].parent.tag in _STRICT:
        return [_in_tag(node, attribute) for node in run if node.tag]
    has_blocks = any(one.tag in BLOCKS for node in run for one in node.walk())
    tag = "div" if has_blocks else "span"
    start, end = run[0].start, run[-1].end
    if len(run) > 1 or not run[0].tag:
        edits = [(start, f"<{tag}{attribute}>"), (end, f"</{tag}>")]
    else:
        edits = [_in_tag(run[0], attribute)]
    if last_break >= end:
        # The chatter would fold all line breaks that are beside a quote.
        edits = [(start, f"<{tag}>"), *edits, (end, f"</{tag}>")]
    return edits


def _in_tag(node: Node, attribute: str) -> tuple[int, str]:
    return node.start + 1 + len(node.tag), attribute


def _trimmed(tree: Tree, run: list[Node]) -> list[Node]:
    """A run without the blanks at its ends."""
    kept = [
        index for index, node in enumerate(run) if node.tag or _has_words(tree, node)
    ]
    return run[kept[0] : kept[-1] + 1] if kept else []


def _has_words(tree: Tree, node: Node) -> bool:
    return bool(tree.source[node.start : node.end].strip())
