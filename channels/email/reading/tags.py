"""Where are the tags in this HTML? One pass in bounded time; a tree would be built from them by somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

TEXT, OPEN, CLOSE = range(3)

TAGS = 100_000
"""After which the rest is left out. A mail of 1 MB has some 30,000."""
TAG_CHARACTERS = 8_000
QUOTED_CHARACTERS = 2_000
"""How far a quotation mark may keep a tag open behind its first >."""

RAW = frozenset(("style", "script", "title", "textarea", "xmp", "noscript", "noembed", "noframes", "iframe"))
"""Elements whose content is no markup and is not shown."""

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9:-]{0,60}")


def scan(html: str) -> Iterator[tuple[int, str, str]]:
    """The pieces of this HTML: (TEXT, text, ""), (OPEN, name, attributes) and (CLOSE, name, "").

    Texts are as they stand there, entities not decoded; names are in lower case. Comments, declarations and what is
    inside `RAW` elements are left out. A `<` that begins no tag is text.

    >>> [piece for piece in scan("<p class=x>1 < 2<br/><!-- no --><STYLE>p{}</STYLE></p>")]
    [(1, 'p', ' class=x'), (0, '1 ', ''), (0, '<', ''), (0, ' 2', ''), (1, 'br', '/'), (2, 'p', '')]
    """
    at, end, left = 0, len(html), TAGS
    ends = -1
    endless: set[str] = set()
    while at < end:
        start = html.find("<", at)
        if start != at:
            yield TEXT, html[at : start if start >= 0 else end], ""
        left -= 1
        if start < 0 or left < 0:
            return
        if ends < start:
            ends = html.find(">", start)
        if ends < 0:
            yield TEXT, html[start:], ""
            return
        if html.startswith("<!--", start):
            at = _behind_comment(html, start)
            continue
        closing = html.startswith("/", start + 1)
        match = _NAME.match(html, start + (2 if closing else 1))
        if match is None or ends - start > TAG_CHARACTERS:
            if match is None and html[start + 1 : start + 2] in ("!", "?", "/"):
                at = ends + 1
            else:
                yield TEXT, "<", ""
                at = start + 1
            continue
        name = match.group().lower()
        at = ends + 1
        if closing:
            if name not in RAW:
                yield CLOSE, name, ""
            continue
        inside = html[match.end() : ends]
        if ('"' in inside and inside.count('"') % 2) or ("='" in inside and inside.count("'") % 2):
            at, inside = _longer(html, match.end(), ends)
        if name in RAW:
            if name not in endless:
                behind = _behind_raw(html, name, at)
                if behind < 0:
                    endless.add(name)
                else:
                    at = behind
            continue
        yield OPEN, name, inside


def _behind_comment(html: str, start: int) -> int:
    if html.startswith((">", "->"), start + 4):
        return html.index(">", start + 4) + 1
    close = html.find("-->", start + 4)
    return close + 3 if close >= 0 else len(html)


def _longer(html: str, start: int, stop: int) -> tuple[int, str]:
    """A > inside an attribute: the tag goes on to the one behind the closing quotation mark."""
    quote = '"' if html.count('"', start, stop) % 2 else "'"
    close = html.find(quote, stop, stop + QUOTED_CHARACTERS)
    further = html.find(">", close, close + QUOTED_CHARACTERS) if close >= 0 else -1
    if further < 0 or "\n\n" in html[stop:close]:
        return stop + 1, html[start:stop]
    return further + 1, html[start:further]


def _behind_raw(html: str, name: str, at: int) -> int:
    match = re.compile(rf"</{name}[\s/>]", re.IGNORECASE).search(html, at)
    if match is None:
        return -1
    stop = html.find(">", match.start())
    return stop + 1 if stop >= 0 else len(html)
