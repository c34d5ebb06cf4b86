"""Makes html of strangers safe to show inside Odoo; converts plain text to html.

Cleaning is by allow-list (nh3): no script, form, frame, handler or style sheet,
only the inline styles that mail layouts need. Remote pictures stay; whether they are
loaded is the caller's decision. ``data:`` pictures are removed: the parser has already
turned them into attachments.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from urllib.parse import unquote

import nh3

from . import nesting, quotes, raw_html
from .tree import Tree, is_visible_text

_TAGS = frozenset(
    """
    a abbr address article aside b bdi bdo big blockquote br caption center cite
    code col colgroup dd del details dfn div dl dt em figcaption figure font footer
    h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q s samp
    section small span strike strong sub summary sup table tbody td tfoot th thead
    time tr tt u ul var wbr
    """.split()
)
#: Removed with their content, which no browser shows; of other unknown elements only
#: the tags are removed.
_DROPPED = frozenset(
    """
    script style title head template iframe embed noembed noframes noscript datalist
    svg math xml
    """.split()
)
_COMMON = frozenset(
    "align bgcolor class dir height lang style title valign width".split()
)
_ATTRIBUTES = {
    "*": _COMMON,
    "a": {"href", "name"},
    "blockquote": {"cite", "type"},
    "col": {"span"},
    "colgroup": {"span"},
    "del": {"cite", "datetime"},
    "font": {"color", "face", "size"},
    "hr": {"color", "noshade", "size"},
    "input": {"alt", "placeholder", "type", "value"},
    "img": {"alt", "border", "hspace", "src", "vspace"},
    "ins": {"cite", "datetime"},
    "li": {"type", "value"},
    "ol": {"start", "type"},
    "optgroup": {"label"},
    "option": {"label"},
    "q": {"cite"},
    "table": {"border", "cellpadding", "cellspacing", "frame", "rules", "summary"},
    "td": {"abbr", "colspan", "headers", "nowrap", "rowspan", "scope"},
    "th": {"abbr", "colspan", "headers", "nowrap", "rowspan", "scope"},
    "time": {"datetime"},
    "ul": {"type"},
}
_SCHEMES = frozenset({"http", "https", "mailto", "tel", "cid", "ftp", "sms", "geo"})
#: No position, z-index, opacity or transform: an e-mail must not cover the page around
#: it. No content, cursor or animation.
_STYLES = frozenset(
    """
    background background-color border border-bottom border-bottom-color
    border-bottom-style border-bottom-width border-collapse border-color border-left
    border-left-color border-left-style border-left-width border-radius border-right
    border-right-color border-right-style border-right-width border-spacing
    border-style border-top border-top-color border-top-style border-top-width
    border-width box-sizing caption-side clear color direction display empty-cells
    float font font-family font-size font-style font-variant font-weight height
    letter-spacing line-height list-style list-style-position list-style-type margin
    margin-bottom margin-left margin-right margin-top max-height max-width
    min-height min-width overflow-wrap padding padding-bottom padding-left
    padding-right padding-top table-layout text-align text-decoration text-indent
    text-transform unicode-bidi vertical-align white-space width word-break
    word-spacing word-wrap
    """.split()
)
_cleaner = nh3.Cleaner(
    tags={*_TAGS, *raw_html.CONTROLS, "input"},
    clean_content_tags=set(_DROPPED),
    attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
    tag_attribute_values=quotes.KEPT_ATTRIBUTES,
    url_schemes=set(_SCHEMES),
    filter_style_properties=set(_STYLES),
    link_rel="noopener noreferrer nofollow",
    strip_comments=True,
)
#: Keeps what hides an element, for :func:`is_blank`.
_witness = nh3.Cleaner(
    tags={*_TAGS, *raw_html.CONTROLS, "input"},
    clean_content_tags=set(_DROPPED),
    attributes={
        "*": {"hidden", "style"},
        "img": {"alt", "height", "src", "width"},
        "input": _ATTRIBUTES["input"],
        "optgroup": {"label"},
    },
    url_schemes={*_SCHEMES, "data"},
)
#: With more letters than this, something is surely seen.
_ENOUGH = 1_500
#: The same, if nothing hides any; searched for in short html only.
_FEW = 20
_SHORT = 20_000
#: Without one of these, every letter is seen.
_HIDES = re.compile(
    r"hidden|display|visib|opacity|transparent|mso-hide|max-|font-size\s*:\s*[01.]",
    re.I,
)
# A style may fetch a picture from anywhere, and negative margins put an e-mail on top
# of the page around it; nh3 looks at the names of properties, not at their values. (nh3
# writes every attribute in double quotes, and no other "<" than a tag's.)
_STYLE = re.compile(r'(<[a-z0-9]+(?: [\w:-]+="[^"]*")*?) style="([^"]*)"')
_BAD_VALUE = re.compile(
    r"url\s*\(|image-set|expression|@import|javascript|\\|&#|:\s*-|\s-\d|position", re.I
)
_BRACKETED = re.compile(r"<([^<>]+)>")
_CID = re.compile(r'(<img(?: [\w:-]+="[^"]*")*? src=")cid:([^"]*)(")', re.I)


def clean(source: str) -> str:
    """Safe html of an e-mail's html body. Never raises for any text.

    Html that is nested too deeply is converted to text: Odoo's own parser would
    silently drop everything below 255 elements, and the cleaner's time grows with the
    square of the depth.
    """
    shown = _clean_content(raw_html.prepare(source))
    wrapper = raw_html.page_wrapper(source)
    if not wrapper or not shown.strip():
        return shown
    if " style=" in wrapper:
        wrapper = _without_bad_values(_cleaner.clean(wrapper)).removesuffix("</div>")
    return shown if wrapper == "<div>" else f"{wrapper}{shown}</div>"


def is_blank(source: str) -> bool:
    """Whether a browser would show nothing of an e-mail's html body: no word and no
    picture, but at most pixels that count its readers. If in doubt, it shows something.
    """
    is_sure = len(source) < _SHORT and not _HIDES.search(source)
    if nesting.has_letters(source, _FEW if is_sure else _ENOUGH):
        return False
    source = raw_html.prepare(source)
    if nesting.may_take_ages(source):
        return not is_visible_text(nesting.to_text(source))
    return not Tree(raw_html.without_controls(_witness.clean(source))).seen


def _clean_content(source: str) -> str:
    if nesting.may_take_ages(source):
        return from_text(nesting.to_text(source))
    cleaned = raw_html.without_controls(_cleaner.clean(source))
    if nesting.too_deep(cleaned):
        return from_text(nesting.to_text(source))
    return _without_bad_values(cleaned)


def _without_bad_values(cleaned: str) -> str:
    # Each different style once; text that merely looks like a style is harmless here.
    styles = {part.partition('"')[0] for part in cleaned.split(' style="')[1:]}
    if any(map(_BAD_VALUE.search, styles)):
        return _STYLE.sub(_safe_style, cleaned)
    return cleaned


def _safe_style(match: re.Match) -> str:
    if not _BAD_VALUE.search(match[2]):
        return match[0]
    # Entities of the attribute are decoded first: they may hold the semicolon.
    declarations = html.unescape(match[2]).split(";")
    kept = [one for one in declarations if one.strip() and not _BAD_VALUE.search(one)]
    style = html.escape(";".join(kept), quote=True)
    return f'{match[1]} style="{style}"' if style else match[1]


def cid_map(cleaned: str, urls: Mapping[str, str]) -> str:
    """Cleaned html whose pictures ``cid:…`` point to ``urls[content_id]``.

    IDs without a URL stay ``cid:…``, which no browser loads.
    """
    if not _has_cid(cleaned):
        return cleaned
    by_key = {content_key(one): url for one, url in urls.items()}

    def replace(match: re.Match) -> str:
        url = by_key.get(content_key(html.unescape(match[2])))
        if url is None:
            return match[0]
        return f"{match[1]}{html.escape(url, quote=True)}{match[3]}"

    return _CID.sub(replace, cleaned)


def _has_cid(source: str) -> bool:
    """A quick look, because few have any."""
    return "cid:" in source or "CID:" in source or "Cid:" in source


def content_ids(source: str) -> set[str]:
    """Content-IDs that html refers to (RFC 2392), as :func:`content_key` makes them."""
    if not _has_cid(source):
        return set()
    found = re.findall(r"""cid:([^"')>]+)""", source, re.I)
    return {content_key(html.unescape(one)) for one in found} - {""}


def content_id(value: str) -> str:
    """A Content-ID without brackets and URL escapes."""
    value = unquote(value) if "%" in value else value
    bracketed = _BRACKETED.search(value)
    return bracketed[1].strip() if bracketed else value.strip("<> ")


def content_key(value: str) -> str:
    """A Content-ID for comparing: neither white space nor case count."""
    return "".join(content_id(value).split()).lower()


_QUOTE = re.compile(r"((?:> ?)*>) ?")
#: More levels than anybody reads, but few enough for browsers.
MAX_QUOTES = 20


def from_text(text: str) -> str:
    """A plain text body as html: escaped, line breaks kept, quotes nested.

    Links stay text; the caller may make them clickable.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not text:
        return ""
    out: list[str] = []
    run: list[str] = []
    depth = 0
    for line in text.split("\n"):
        wanted = 0
        if line.startswith(">"):
            match = _QUOTE.match(line)
            wanted = min(match[1].count(">"), MAX_QUOTES)
            line = line[match.end() :]
        if wanted != depth:
            out.append(_lines(run))
            run = []
            out.append("<blockquote>" * (wanted - depth))
            out.append("</blockquote>" * (depth - wanted))
            depth = wanted
        run.append(line)
    out.append(_lines(run))
    out.append("</blockquote>" * depth)
    return f"<div>{''.join(out)}</div>"


def _lines(lines: list[str]) -> str:
    """Lines of one quoting level; runs of spaces do not collapse."""
    text = html.escape("\n".join(lines), quote=False)
    if "\t" in text:
        text = text.expandtabs(8)
    if "  " in text:
        text = _SPACES.sub(lambda run: "\u00a0" * (len(run[0]) - 1) + " ", text)
    return text.replace("\n", "<br>")


_SPACES = re.compile(r" {2,}")
