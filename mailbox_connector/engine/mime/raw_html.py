"""Html as strangers write it, made ready for the cleaner without losing a word.

The cleaner parses like a browser that runs scripts and draws pictures. An e-mail is
shown without either, so what is meant for such a program has to be shown: the content
of ``<noscript>`` and ``<iframe>``, the words in a drawing. Ordinary html is returned as
it is.
"""

from __future__ import annotations

import html
import re

_ADDRESS = (
    r"(?=[a-z][\w.+'=-]{0,80}@[\w-]"
    r"|(?:https?|ftps?|file)://|(?:mailto|tel|cid|sips?|callto|news):"
    r"|[a-z][\w-]{0,60}(?:\.[\w-]{1,60}){1,9}(?:>|&gt;))"
)
#: An address or a URL in brackets that nobody escaped: browsers take it for a tag.
_BRACKET = re.compile(rf"<{_ADDRESS}", re.I | re.ASCII)
_SCRIPTLESS = "noscript|iframe|noframes|noembed"
_DRAWINGS = "svg|math"
#: Elements of drawings and formulas: elsewhere, the cleaner would drop their content,
#: though a browser shows that of any element that it does not know.
_PARTS = """
animate|animatemotion|animatetransform|circle|clippath|defs|desc|discard|ellipse
|feblend|fecolormatrix|fecomponenttransfer|fecomposite|feconvolvematrix
|fediffuselighting|fedisplacementmap|fedistantlight|fedropshadow|feflood|fefunca
|fefuncb|fefuncg|fefuncr|fegaussianblur|feimage|femerge|femergenode|femorphology
|feoffset|fepointlight|fespecularlighting|fespotlight|fetile|feturbulence|filter
|foreignobject|g|hatch|hatchpath|line|lineargradient|marker|mask|mesh|meshgradient
|meshpatch|meshrow|metadata|mpath|path|pattern|polygon|polyline|radialgradient|rect|set
|solidcolor|stop|switch|symbol|text|textpath|tspan|unknown|use|view|annotation
|annotation-xml|maction|maligngroup|malignmark|menclose|merror|mfenced|mfrac|mglyph|mi
|mlabeledtr|mlongdiv|mmultiscripts|mn|mo|mover|mpadded|mphantom|mprescripts|mroot|mrow
|ms|mscarries|mscarry|msgroup|msline|mspace|msqrt|msrow|mstack|mstyle|msub|msubsup|msup
|mtable|mtd|mtext|mtr|munder|munderover|none|semantics
""".replace("\n", "")
_NAME = re.compile(r"<([a-zA-Z][^\s/>]*)")
_ODD_NAMES = frozenset(f"{_SCRIPTLESS}|{_DRAWINGS}|{_PARTS}".split("|"))
# Not beyond the next tag, and not over the end of a comment.
_INSIDE_TAG = r"""(?:[^<>"']|"[^<"]*"|'[^<']*')*(?<!--)>"""
_SCRIPTLESS_TAG = re.compile(rf"</?(?:{_SCRIPTLESS})\b{_INSIDE_TAG}", re.I)
_PART_TAG = re.compile(rf"</?(?:{_DRAWINGS}|{_PARTS})(?=[\s/>]){_INSIDE_TAG}", re.I)
_CDATA = re.compile(r"<!\[CDATA\[([^<>]*)\]\]>", re.I)
_DRAWING = re.compile(rf"<(svg|math)\b{_INSIDE_TAG}", re.I)
_DRAWING_END = re.compile(r"</(svg|math)\s*>", re.I)
#: What a drawing holds besides its words.
_UNSEEN = re.compile(
    r"<(style|script|title|template|datalist|desc|metadata|annotation)\b"
    r"[^<>]*(?<!/)>[^<]*",
    re.I,
)
_TAG = re.compile(r"<[^<>]*>")


def prepare(source: str) -> str:
    """``source`` with all words where a parser of html sees them."""
    if "<![" not in source and not any(map(_is_odd, set(_NAME.findall(source)))):
        return source
    source = _BRACKET.sub("&lt;", source)
    source = _CDATA.sub(r"\1", source)
    source = _SCRIPTLESS_TAG.sub("", source)
    return _PART_TAG.sub("", _with_words_of_drawings(source))


def _is_odd(name: str) -> bool:
    """Whether it is the name of an element that needs care, or an address."""
    if "@" in name or "." in name or name.lower() in _ODD_NAMES:
        return True
    return bool(_BRACKET.match(f"<{name}//")) if ":" in name else False


def _with_words_of_drawings(source: str) -> str:
    """Each ``<svg>`` and ``<math>`` replaced by its words."""
    kept: list[str] = []
    position = 0
    while opened := _DRAWING.search(source, position):
        kept.append(source[position : opened.start()])
        position = opened.end()
        if opened[0].endswith("/>"):
            continue
        closed = _DRAWING_END.search(source, position)
        if not closed:
            return "".join(kept) + _DRAWING.sub("", source[position:])
        inner = source[position : closed.start()]
        if "--" not in inner:  # else a part of it may be a comment
            inner = _TAG.sub(" ", _UNSEEN.sub(" ", inner)).replace("<", "&lt;")
        kept.append(f" {inner} ")
        position = closed.end()
    kept.append(source[position:])
    return "".join(kept)


_PAGE = re.compile(r"<(?:!--|(html|body)(?=[\s/>]))", re.I)
_ATTRIBUTE = re.compile(
    r"""([a-z-]+)\s*=\s*(?:"([^"<]{0,2000})"|'([^'<]{0,2000})'|([^\s"'<>]{1,200}))""",
    re.I,
)
_TAG_LENGTH = 4_000
_DIRECTIONS = ("rtl", "ltr", "auto")
_LANGUAGE = re.compile(r"[a-z]{1,8}(?:[-_][a-z0-9]{1,8}){0,4}", re.I)
#: Of the body's style: what its words need to be readable, and look alike.
_PAGE_STYLES = ("background", "background-color", "color", "direction")
_PAGE_STYLES += ("font-family", "font-size")


def page_wrapper(source: str) -> str:
    """Start tag of a ``<div>`` with what ``<html>`` and ``<body>`` say of the whole
    page: direction, language, colors, font. '' if they say nothing.

    A style in it has to be cleaned like the rest.
    """
    page = _page_attributes(source)
    found = []
    if page.get("dir", "").lower() in _DIRECTIONS:
        found.append(("dir", page["dir"].lower()))
    if _LANGUAGE.fullmatch(page.get("lang", "")):
        found.append(("lang", page["lang"]))
    styles = [f"background-color:{page['bgcolor']}"] if page.get("bgcolor") else []
    styles += [f"color:{page['text']}"] if page.get("text") else []
    for one in page.get("style", "").split(";"):
        name, _colon, value = one.partition(":")
        if name.strip().lower() in _PAGE_STYLES:
            styles.append(f"{name.strip().lower()}:{value.strip()}")
    if styles:
        found.append(("style", ";".join(styles)))
    if not found:
        return ""
    return "<div{}>".format(
        "".join(f' {name}="{html.escape(value)}"' for name, value in found)
    )


def _page_attributes(source: str) -> dict[str, str]:
    """Attributes of the first ``<html>`` and ``<body>``; the body's win."""
    found: dict[str, dict[str, str]] = {}
    position = 0
    while len(found) < 2 and (match := _PAGE.search(source, position)):
        position = match.end()
        if not match[1]:
            position = source.find("-->", match.start() + 2)
            if position < 0:
                break
        elif match[1].lower() not in found:
            tag = source[position : position + _TAG_LENGTH]
            found[match[1].lower()] = _attributes(tag)
    return {**found.get("html", {}), **found.get("body", {})}


def _attributes(tag: str) -> dict[str, str]:
    """Attributes by lower-case name, of the text after a tag's name."""
    found: dict[str, str] = {}
    position = 0
    while match := _ATTRIBUTE.search(tag, position):
        if ">" in tag[position : match.start()]:
            break  # the tag has ended
        value = html.unescape(match[2] or match[3] or match[4] or "").strip()
        found.setdefault(match[1].lower(), value)
        position = match.end()
    return found


#: Kept by the cleaner for their words and looks, and renamed afterwards: nothing that
#: could be typed into or sent is left.
CONTROLS = {
    **dict.fromkeys(("button", "label", "textarea"), ("span", " ")),
    **dict.fromkeys(("select", "optgroup"), ("span", "")),
    "option": ("span", "<br>"),
    **dict.fromkeys(("dialog", "fieldset", "form", "hgroup", "legend"), ("div", "")),
    **dict.fromkeys(("marquee", "search"), ("div", "")),
    **dict.fromkeys(("dir", "menu"), ("ul", "")),
    "listing": ("pre", ""),
}
_CONTROL = re.compile(rf"<(/?)(input|{'|'.join(CONTROLS)})\b([^<>]*)>")
_EMPTY_FORM = re.compile(r"<form[^<>]*></form>")  # as it is left within tables
_SHOWN = re.compile(r' (type|value|placeholder|alt|label)="([^"]*)"')
_WORDLESS = frozenset(("hidden", "checkbox", "radio", "password", "file", "range"))
_WORDLESS |= {"color"}


def without_controls(cleaned: str) -> str:
    """Cleaned html whose controls are replaced by the words that they show."""
    if not _CONTROL.search(cleaned):
        return cleaned
    return _CONTROL.sub(_words_of_control, _EMPTY_FORM.sub("", cleaned))


def _words_of_control(match: re.Match) -> str:
    end, name, attributes = match.groups()
    shown = dict(_SHOWN.findall(attributes))
    if name == "input":
        if shown.get("type", "").lower() in _WORDLESS:
            return ""
        words = shown.get("value") or shown.get("placeholder") or shown.get("alt")
        return f"<span>{words}</span> " if words else ""
    tag, after = CONTROLS[name]
    if end:
        return f"</{tag}>{after}"
    label = f"{shown['label']}<br>" if shown.get("label") else ""
    attributes = _SHOWN.sub("", attributes)
    if name == "textarea" and " style=" not in attributes:
        attributes += ' style="white-space:pre-wrap"'
    return f"<{tag}{attributes}>{label}"
