"""Cleaned html as a tree of its places in the text.

For looking into html that the cleaner wrote: well-formed, every value in double quotes,
no other ``<`` or ``>`` than a tag's. A tree of html that is anything else may be wrong,
but building it never fails, and takes linear time.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

VOID = frozenset(("br", "col", "hr", "img", "wbr"))
BLOCKS = frozenset(
    """
    address article aside blockquote caption center dd details div dl dt figcaption
    figure footer h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary
    table tbody tfoot thead tr ul
    """.split()
)
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [\w:-]+="[^"]*")*)>')
_ATTRIBUTE = re.compile(r' ([\w:-]+)="([^"]*)"')
# White space, soft hyphens, joiners, direction marks, fillers.
INVISIBLE = (
    r"\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u2028-\u202f\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc"
)
_VISIBLE = re.compile(f"[^{INVISIBLE}]")
#: Entities that the cleaner writes.
_SPACE_ENTITY = re.compile("&(?:nbsp|#160|#xa0);?", re.I)
# Of styles, after white space is gone.
_NO_ROOM = r"(?:0+(?:\.0*)?|\.0+)(?:px|pt|em|rem|ex|%|in|cm|mm)?(?:!important)?(?:;|$)"
_HIDING = re.compile(
    r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse)|mso-hide:all"
    rf"|(?:font-size|max-height|max-width|opacity):(?:{_NO_ROOM})"
    r"|font-size:[01](?:\.\d+)?px|color:transparent)",
    re.I,
)
_PIXEL = 3
_SIZE = re.compile(r"\s*(\d{1,9})(?:\.\d*)?\s*(?:px|pt)?\s*", re.I)
_STYLE_SIZE = re.compile(r"(?:^|;)\s*(?:max-)?(?:width|height)\s*:\s*([^;]*)", re.I)


@dataclass(slots=True, eq=False)
class Node:
    """An element, or a text (its tag is '').

    :ivar start: where it begins in the source; ``inner``: where its content does
    :ivar close: where its content ends; ``end``: where it ends itself
    """

    tag: str
    raw_attributes: str
    start: int
    inner: int
    parent: Node | None
    close: int = 0
    end: int = 0
    children: list[Node] = field(default_factory=list)

    @property
    def attributes(self) -> dict[str, str]:
        """Decoded values by name."""
        if not self.raw_attributes:
            return {}
        found = _ATTRIBUTE.findall(self.raw_attributes)
        return {name: html.unescape(value) for name, value in found}

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in the order of the source."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))


class Tree:
    """:ivar source: the html
    :ivar root: a node around all of it
    """

    def __init__(self, source: str):
        self.source = source
        self.root = Node("", "", 0, 0, None)
        #: In the order of the source.
        self.elements: list[Node] = []
        self._build()
        #: Texts and pictures that nothing hides, in order.
        self.leaves = list(_leaves(self.root))
        #: Those of them that can be seen.
        self.seen = [one for one in self.leaves if self._shows(one)]
        self._starts = [node.start for node in self.seen]

    def _build(self) -> None:
        source, node, position = self.source, self.root, 0
        for match in _TAG.finditer(source):
            start, end = match.span()
            if start > position:
                _add_text(node, position, start)
            position = end
            closing, tag, attributes = match.groups()
            if closing:
                node = _closed(node, tag, start, end)
                continue
            child = Node(tag, attributes, start, end, node, end, end)
            node.children.append(child)
            self.elements.append(child)
            if tag not in VOID:
                node = child
        if len(source) > position:
            _add_text(node, position, len(source))
        while node is not None:
            node.close = node.end = len(source)
            node = node.parent

    def _shows(self, leaf: Node) -> bool:
        if leaf.tag:
            return is_visible_picture(leaf.attributes)
        return is_visible_text(self.source[leaf.start : leaf.end])

    def is_seen(self, start: int, end: int) -> bool:
        """Whether anything between two places is seen."""
        first = bisect_left(self._starts, start)
        return first < len(self._starts) and self._starts[first] < end

    def first_seen(self, start: int, end: int) -> Node | None:
        """The first text or picture that is seen between two places."""
        first = bisect_left(self._starts, start)
        if first < len(self.seen) and self._starts[first] < end:
            return self.seen[first]
        return None

    def seen_between(self, start: int, end: int) -> list[Node]:
        """The texts and pictures that are seen between two places."""
        first = bisect_left(self._starts, start)
        return self.seen[first : bisect_left(self._starts, end)]

    def end_of_seen(self, position: int) -> int:
        """Where the last text or picture ends that is seen before a place."""
        index = bisect_left(self._starts, position) - 1
        return self.seen[index].end if index >= 0 else 0

    def text(self, node: Node) -> str:
        """The decoded text of a text node."""
        text = self.source[node.start : node.end]
        return html.unescape(text) if "&" in text else text


def _add_text(node: Node, start: int, end: int) -> None:
    node.children.append(Node("", "", start, start, node, end, end))


def _closed(node: Node, tag: str, start: int, end: int) -> Node:
    """The node that goes on after an end tag. Cleaned html ends what is open; any other
    end tag is ignored."""
    if node.tag != tag or node.parent is None:
        return node
    node.close, node.end = start, end
    return node.parent


def _leaves(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.tag == "img" or (not node.tag and node.parent is not None):
            yield node
        elif not is_hidden(node.raw_attributes):
            stack.extend(reversed(node.children))


def is_visible_text(text: str) -> bool:
    """Whether a text shows anything; it may have entities."""
    if "&" in text:
        text = html.unescape(_SPACE_ENTITY.sub(" ", text))
    return bool(_VISIBLE.search(text))


def is_hidden(raw_attributes: str) -> bool:
    """Whether attributes as written hide an element. If in doubt they don't."""
    if " hidden=" in raw_attributes:
        return True
    if ' style="' not in raw_attributes:
        return False
    style = dict(_ATTRIBUTE.findall(raw_attributes)).get("style", "")
    return bool(_HIDING.search("".join(html.unescape(style).split())))


def is_visible_picture(attributes: dict[str, str]) -> bool:
    """Whether an ``<img>`` is more than a pixel that counts its readers.

    One without a picture shows its ``alt``.
    """
    style = attributes.get("style", "")
    if is_hidden(f' style="{html.escape(style)}"' if style else ""):
        return False
    if " hidden" in attributes or not attributes.get("src"):
        return is_visible_text(attributes.get("alt", ""))
    sizes = [attributes.get("width", ""), attributes.get("height", "")]
    sizes += _STYLE_SIZE.findall(style)
    return not any(_is_tiny(size) for size in sizes)


def _is_tiny(size: str) -> bool:
    match = _SIZE.fullmatch(size.lower().replace("!important", ""))
    return bool(match) and int(match[1]) <= _PIXEL
