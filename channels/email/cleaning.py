"""How is a stranger's HTML made fit to be shown? An allow-list, when it is shown; the original stays as it came.

What comes out is for an isolated frame (sandboxed, own content policy) and nowhere else. Lists, titles, notices
and exports use the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import nh3

from channels.email.reading import tags

CHARACTERS = 1024 * 1024
"""Of HTML that are shown; of a longer mail the beginning."""
DEPTH = 256
"""Measured: 20,000 nested elements cost the cleaner 1.6 s, 256 cost 0.3 ms."""
FORMATTING_DEPTH = 16
"""A parser repeats every open `<b>` in every paragraph that follows: 300 of them in 5,000 make millions."""
TAGS = 50_000

PLACEHOLDER = "data:image/gif;base64,R0lGODlhAQABAIAAAMzMzP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
"""A grey dot in the place of an image that would be fetched from somewhere."""


def clean_html(html: str, *, cid_url: Callable[[str], str | None], remote_images: bool = False) -> str:
    """HTML that neither runs, nor fetches, nor leaves its frame. May be repeated; never raises.

    `cid_url` gives the address under which an inline image is shown, or None where there is none of that id; what it
    gives is believed. Other images become `PLACEHOLDER`, unless the reader asked for `remote_images`. Links open
    outside, say nothing of where they were followed, and show their real host where their text names another one.
    """

    def allowed(tag: str, attribute: str, value: str) -> str | None:
        if attribute == "style":
            return _style(value)
        if attribute == "src":
            return _image(value, cid_url, remote_images=remote_images)
        if attribute == "href":
            return _link(value)
        if attribute in _SIZES:
            return value if _SIZE.fullmatch(value) else None
        return value if len(value) < 2_000 else None

    cleaned = nh3.clean(
        balanced(html[:CHARACTERS]),
        tags=_SHOWN,
        clean_content_tags=_UNSEEN,
        attributes=_ATTRIBUTES,
        attribute_filter=allowed,
        strip_comments=True,
        link_rel="noopener noreferrer nofollow",
        url_schemes=_SCHEMES | {"cid"},
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return _HREF.sub(_with_host, cleaned) if "<a " in cleaned else cleaned


_SHOWN = set(
    "a abbr address b big blockquote br caption center cite code col colgroup dd del div dl dt em figcaption figure "
    "font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strike strong sub sup table tbody "
    "td tfoot th thead tr tt u ul var wbr bdi bdo".split()
)
_UNSEEN = set(
    "script style title noscript iframe object embed template textarea select xmp noembed noframes".split()
)
_VOID = frozenset(("br", "hr", "img", "col", "wbr"))
_FORMATTING = frozenset("a b big code em font i s small strike strong tt u".split())
_SCOPES = frozenset(("table", "td", "th", "caption", "tr", "tbody", "thead", "tfoot"))
_SCHEMES = {"http", "https", "mailto", "tel"}
_SIZES = frozenset(
    ("width", "height", "border", "cellpadding", "cellspacing", "colspan", "rowspan", "span", "size")
)
_SIZE = re.compile(r"[+-]?\d{1,4}(?:\.\d{1,3})?(?:px|%|pt)?")
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"style", "title", "dir", "lang", "align", "valign"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "table": {"width", "height", "border", "cellpadding", "cellspacing", "bgcolor"},
    "td": {"width", "height", "colspan", "rowspan", "bgcolor", "nowrap"},
    "th": {"width", "height", "colspan", "rowspan", "bgcolor", "nowrap"},
    "tr": {"height", "bgcolor"},
    "col": {"width", "span"},
    "colgroup": {"width", "span"},
    "font": {"color", "size", "face"},
    "ol": {"type", "start"},
    "ul": {"type"},
    "hr": {"width", "size", "color"},
    "bdo": {"dir"},
}


def balanced(html: str) -> str:
    """The same HTML with every element closed, none deeper than DEPTH, and without those nobody shows.

    One pass; each tag is looked at once and each open element closed once, whatever the markup is. The cleaner's
    parser then has nothing to repair, which is where hostile markup makes it slow.

    >>> balanced("<div><b>x</div>y</i><svg><p>z")
    '<div><b>x</b></div>y<p>z</p>'
    """
    out: list[str] = []
    stack: list[str] = []
    formatting = kept = 0
    for kind, value, inside in tags.scan(html):
        if kind == tags.TEXT:
            out.append(value.replace("<", "&lt;"))
        elif value not in _SHOWN or kept >= TAGS:
            continue
        elif kind == tags.CLOSE:
            popped = _popped(stack, value)
            formatting -= sum(one in _FORMATTING for one in popped)
            out.extend(f"</{one}>" for one in popped)
        elif value in _VOID:
            kept += 1
            out.append(f"<{value}{inside}>")
        elif len(stack) < DEPTH and not (value in _FORMATTING and formatting >= FORMATTING_DEPTH):
            kept += 1
            stack.append(value)
            formatting += value in _FORMATTING
            out.append(f"<{value}{inside.removesuffix('/')}>")
    out.extend(f"</{one}>" for one in reversed(stack))
    return "".join(out)


def _popped(stack: list[str], name: str) -> list[str]:
    """Close this element and what is open inside it, innermost first; nothing where it is not open here."""
    for back in range(len(stack) - 1, -1, -1):
        if stack[back] == name:
            popped = stack[back:]
            del stack[back:]
            popped.reverse()
            return popped
        if stack[back] in _SCOPES and name not in _SCOPES:
            return []
    return []


_LENGTH = r"-?(?:\d{1,4}(?:\.\d{1,4})?)(?:px|pt|em|rem|ex|cm|mm|in|%)?"
_POSITIVE = r"(?:\d{1,4}(?:\.\d{1,4})?)(?:px|pt|em|rem|ex|cm|mm|in|%)?|auto|normal|thin|medium|thick"
_COLOUR = r"#[0-9a-f]{3,8}|[a-z]{3,20}|rgba?\([\d\s,.%]{5,40}\)"
_WORD = r"[a-z-]{2,30}"
_BOX = rf"(?:(?:{_POSITIVE})\s*){{1,4}}"
_BORDER = rf"(?:(?:{_POSITIVE}|{_COLOUR}|{_WORD})\s*){{1,4}}"
_PROPERTIES = {
    name: re.compile(pattern)
    for names, pattern in (
        ("color background-color background border-color", _COLOUR),
        (
            "font-size line-height width max-width min-width height letter-spacing text-indent",
            _POSITIVE + "|" + _WORD,
        ),
        ("font-weight", r"\d{3}|[a-z]{4,8}"),
        ("font-style text-align vertical-align text-decoration white-space text-transform direction", _WORD),
        ("list-style-type border-collapse border-style float clear word-break overflow-wrap", _WORD),
        ("font-family", r"[\w\s,'\"-]{1,200}"),
        ("margin margin-top margin-right margin-bottom margin-left", _BOX),
        ("padding padding-top padding-right padding-bottom padding-left border-width border-spacing", _BOX),
        ("border border-top border-right border-bottom border-left", _BORDER),
        ("border-radius", _BOX),
    )
    for name in names.split()
}
_HIDING = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)")
STYLE_CHARACTERS = 4_000


def _style(value: str) -> str | None:
    """The few properties that lay out text; no place on the page, nothing fetched, nothing negative."""
    kept = []
    for declaration in value[:STYLE_CHARACTERS].lower().split(";")[:60]:
        name, colon, said = declaration.partition(":")
        name, said = name.strip(), said.replace("!important", "").strip()
        rule = _PROPERTIES.get(name)
        if colon and rule is not None and len(said) <= 200 and rule.fullmatch(said) is not None:
            kept.append(f"{name}:{said}")
    if _HIDING.search(value[:STYLE_CHARACTERS].lower()) is not None:
        kept.append("display:none")
    return ";".join(kept) or None


def _image(value: str, cid_url: Callable[[str], str | None], *, remote_images: bool) -> str:
    address = _squeezed(value)
    if address[:4].lower() == "cid:":
        return cid_url(unquote(address[4:])) or PLACEHOLDER
    if remote_images and address[:8].lower().startswith(("https://", "http://")):
        return address
    return PLACEHOLDER


def _link(value: str) -> str | None:
    """An absolute address a reader may follow; browsers ignore white space and control characters in it, so do we."""
    address = _squeezed(value)[:4_000]
    scheme, colon, rest = address.partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in _SCHEMES or not rest:
        return None
    return f"{scheme}:{rest}"


def _squeezed(value: str) -> str:
    return "".join(c for c in value if c > " " and c != "\x7f").strip()


_HREF = re.compile(r'<a ([^<>]{0,6000}?)href="([^"<>]{1,5000})"([^<>]{0,200})>([^<]{1,300})</a>')
_HOSTLIKE = re.compile(
    r"(?:https?://)?(?:www\.)?((?:[\w-]{1,63}\.){1,6}[a-z]{2,24})(?=[\s/:?#]|$)", re.IGNORECASE
)


def _with_host(match: re.Match[str]) -> str:
    """A link whose text names one host and whose target is another: the target's host stands behind it."""
    named = _HOSTLIKE.match(match.group(4).strip())
    if named is None or "@" in match.group(4):
        return match.group()
    try:
        host = (urlsplit(match.group(2).replace("&amp;", "&")).hostname or "").lower()
    except ValueError:
        host = ""
    said = named.group(1).lower().removeprefix("www.")
    if not host or host.removeprefix("www.") == said or host.endswith(f".{said}"):
        return match.group()
    shown = "".join(c for c in host if c.isalnum() or c in ".-")
    return f"{match.group()} <span>[{shown}]</span>"
