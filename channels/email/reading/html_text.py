"""How does an HTML mail read as plain text? One pass over its tags, with the marks mail programs leave in it.

A pass over tags instead of a tree: it is linear, has no depth, and a tag that never closes costs nothing. Quoted
blocks become lines with `> `, so that the same line rules read text and HTML.
"""

from __future__ import annotations

import html as entities
import re
from dataclasses import dataclass

from channels.email.reading import attributions, html_marks, picture_words, tags

CHARACTERS = 4 * 1024 * 1024
"""Of HTML that are looked at; a longer mail has its whole HTML stored and this much of it as text."""
OPEN_ELEMENTS = 2_000
LISTS = 100
"""Inside each other that are numbered."""
MARKS = 50
"""Of each kind that are looked at; only the first beginning of the history counts anyway."""
ATTRIBUTIONS = 200
"""Lines before a bare blockquote that are read as an attribution."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The text, and what the sender's program marked in it, as offsets into the text."""

    text: str
    cuts: tuple[int, ...] = ()
    """Where the history begins."""
    signatures: tuple[tuple[int, int], ...] = ()
    whole: bool = True
    """False: there is more HTML than is read."""


def convert(html: str) -> Converted:
    """The text of an HTML mail: paragraphs, lists, table cells kept apart, quotes marked with `> `.

    >>> convert("<p>Yes.</p><blockquote type=cite>Eh?<br>Really?</blockquote>").text
    'Yes.\\n\\n> Eh?\\n> Really?\\n'
    """
    return _Writer().run(html)


_SKIPPED = frozenset(("svg", "xml"))
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr o:p".split())
_LINE = frozenset(
    "div section article header footer main nav aside address center form fieldset figure figcaption dl dt dd li tr "
    "table tbody thead tfoot caption body html pre option details summary".split()
)
_PARAGRAPH = frozenset("p h1 h2 h3 h4 h5 h6 ul ol blockquote".split())
_BLOCK = _LINE | _PARAGRAPH
_CELL = frozenset(("td", "th"))
_LISTS = frozenset(("ol", "ul"))

_ATTRIBUTE = re.compile(r"""([a-zA-Z_:][-a-zA-Z0-9_:.]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_WHITE = re.compile(r"[ \t\r\n\f]+")
_MARKING = re.compile(r"class|id\s*=|type|style|hidden|name\s*=", re.IGNORECASE)


class _Writer:
    def __init__(self) -> None:
        self.out: list[str] = []
        self.length = 0
        self.line: list[str] = []
        self.blank = True
        """The last line written was empty, or nothing was written."""
        self.want_blank = False
        self.quoted = 0
        self.open: list[tuple[str, str]] = []
        """Names of open elements, and what closing them ends: quote, hide, signature, pre or nothing."""
        self.hidden = 0
        self.pre = 0
        self.cuts: list[int] = []
        self.signatures: list[tuple[int, int]] = []
        self.signature_at = -1
        self.cut_next = False
        self.last_quoted = 0
        self.tried = 0
        self.pictures: list[str] = []
        """What stands for the pictures that are no emoji."""
        self.lists: list[tuple[str, int]] = []
        """Of each open list the kind of its numbers, empty for none, and the next of them."""
        self.tight = False
        """The paragraph being written keeps no distance, as Outlook's do not."""

    def run(self, html: str) -> Converted:
        for kind, value, inside in tags.scan(html[:CHARACTERS]):
            if kind == tags.TEXT:
                self.text(value)
            elif kind == tags.OPEN:
                self.start(value, inside)
            else:
                self.close(value)
        self.newline()
        if not self.out and self.pictures:
            # The pictures are all there is.
            self.out = [f"{_inner(words)}\n" for words in dict.fromkeys(self.pictures)]
        text = "".join(self.out)
        if self.signature_at >= 0:
            self.signatures.append((self.signature_at, len(text)))
        whole = len(html) <= CHARACTERS and (len(html) < tags.TAGS or html.count("<") <= tags.TAGS)
        return Converted(text, tuple(self.cuts), tuple(self.signatures), whole)

    def text(self, raw: str) -> None:
        if self.hidden:
            return
        if "&" in raw:
            raw = entities.unescape(raw)
        if "\u00a0" in raw:
            raw = raw.replace("\u00a0", " ")
        if "\0" in raw or "\x0b" in raw:
            raw = raw.replace("\0", "").replace("\x0b", " ")
        if self.pre and "\n" in raw:
            pieces = raw.replace("\r", "").split("\n")
            for piece in pieces[:-1]:
                self.line.append(piece)
                self.newline(keep=True)
            if pieces[-1]:
                self.line.append(pieces[-1])
            return
        raw = _WHITE.sub(" ", raw) if not self.pre else raw
        if raw == " " and not self.line:
            return
        self.line.append(raw)

    def newline(self, *, keep: bool = False) -> None:
        """End the line; `keep` writes it even when it is empty."""
        text = "".join(self.line if not self.pictures else _beside_words(self.line))
        self.line.clear()
        text = text.rstrip() if self.pre else _inner(text)
        if not text:
            if keep and not self.blank:
                self.want_blank = True
            return
        prefix = "> " * min(self.quoted, 10)
        if self.want_blank and self.out:
            self.write(("> " * min(self.quoted, self.last_quoted, 10)).rstrip() + "\n")
        self.want_blank = False
        if self.cut_next and len(self.cuts) < MARKS:
            self.cuts.append(self.length)
            self.cut_next = False
        self.write(f"{prefix}{text}\n")
        self.last_quoted = self.quoted
        self.blank = False

    def write(self, text: str) -> None:
        self.out.append(text)
        self.length += len(text)

    def start(self, name: str, inside: str) -> None:
        ends = ""
        marked = bool(inside) and _MARKING.search(inside) is not None
        attributes = _attributes(inside) if marked else _NONE
        style = attributes.get("style", "").lower().replace(" ", "") if marked else ""
        if name in _SKIPPED or (style and ("display:none" in style or "mso-hide:all" in style)):
            ends = "hide"
        if name == "br":
            if not self.hidden:
                if self.line_has_text():
                    self.newline(keep=True)
                elif self.out:
                    self.want_blank = True
            return
        if name in _BLOCK:
            self.newline()
            self.tight = marked and ("mso" in attributes.get("class", "").lower() or "margin:0" in style)
            if name in _PARAGRAPH and not self.tight and not self.blank and not self.inside_list(name):
                self.want_blank = True
        elif name in _CELL:
            if self.line_has_text():
                self.line.append("\t")
        if name == "hr" and not self.hidden:
            self.newline()
            if "id" in attributes or "tabindex" in inside:
                self.cut_next = self.cut_next or html_marks.begins_history(attributes)
            self.line.append("-" * 20)
            self.newline()
            return
        if name in _LISTS and len(self.lists) < LISTS:
            self.lists.append(_numbering(name, inside))
        if name == "li" and not self.hidden:
            self.line.append(self.item())
        if name == "img" and not ends and not self.hidden and "alt" in inside.lower():
            self.picture(_attributes(inside))
        if marked:
            ends = ends or self.mark(name, attributes, style)
        if name == "blockquote" and not ends and self.after_attribution():
            self.quoted += 1
            ends = "quote"
        if name == "pre":
            ends = ends or "pre"
        if ends == "hide":
            self.hidden += 1
        elif ends == "pre":
            self.pre += 1
        if name not in _VOID and len(self.open) < OPEN_ELEMENTS and not inside.endswith("/"):
            self.open.append((name, ends))
        elif ends:
            self.end(ends)

    def item(self) -> str:
        """What stands before an item: people write of "step 3"."""
        kind, number = self.lists[-1] if self.lists else ("", 1)
        if not kind:
            return "- "
        self.lists[-1] = kind, number + 1
        letter = chr(ord(kind) + number - 1) if kind in "aA" and 0 < number <= 26 else str(number)
        return f"{letter}. "

    def inside_list(self, name: str) -> bool:
        """Is this a list in an item of another? No line is left free around it."""
        return name in _LISTS and bool(self.lists)

    def picture(self, attributes: dict[str, str]) -> None:
        """What the writer chose as a word is read as one; what stands beside words may be; the rest is decoration."""
        words = picture_words.said(attributes)
        if words is None:
            return
        if words.emoji:
            self.line.append(words.text)
        elif len(self.pictures) < MARKS:
            self.line.append(_Picture(words.text))
            self.pictures.append(words.text)

    def mark(self, name: str, attributes: dict[str, str], style: str) -> str:
        """Do what the sender's program says with this element; answers with what closing it ends."""
        said = html_marks.said(name, attributes, style)
        if said == html_marks.QUOTE:
            if name == "div":
                self.newline()
            self.quoted += 1
            return "quote"
        if said == html_marks.SIGNATURE and (
            self.signature_at < 0 and not self.quoted and len(self.signatures) < MARKS
        ):
            self.newline()
            self.signature_at = self.length
            return "signature"
        if said == html_marks.HISTORY:
            self.newline()
            self.cut_next = True
        return ""

    def after_attribution(self) -> bool:
        """Does the last line say who wrote what follows? Then a bare blockquote is that; else it only sets text in."""
        if not self.out or len(self.out[-1]) > attributions.CHARACTERS or self.tried >= ATTRIBUTIONS:
            return False
        if self.out[-1].rstrip()[-1:] not in (":", "：", ">"):
            return False
        self.tried += 1
        last = [piece.strip("> \n")[: attributions.CHARACTERS] for piece in self.out[-3:]]
        return any(attributions.is_one(" ".join(last[back:])) for back in range(len(last)))

    def close(self, name: str) -> None:
        if name in _LISTS and self.lists:
            self.lists.pop()
        if name == "p" or name in _BLOCK:
            self.newline()
            if name in _PARAGRAPH and not self.blank and not self.tight and not self.inside_list(name):
                self.want_blank = True
        for back in range(len(self.open) - 1, max(len(self.open) - 200, -1), -1):
            if self.open[back][0] == name:
                for _, ends in self.open[back:]:
                    if ends:
                        self.end(ends)
                del self.open[back:]
                return

    def end(self, ends: str) -> None:
        if ends == "hide":
            self.hidden -= 1
        elif ends == "pre":
            self.newline()
            self.pre -= 1
        elif ends == "quote":
            self.newline()
            self.quoted -= 1
        elif ends == "signature":
            self.newline()
            self.signatures.append((self.signature_at, self.length))
            self.signature_at = -1

    def line_has_text(self) -> bool:
        return any(piece.strip() for piece in self.line)


class _Picture(str):
    """The words that stand for a picture, in a line that may hold others."""

    __slots__ = ()


def _beside_words(line: list[str]) -> list[str]:
    """The line without the pictures that stand by themselves, alone in it or in a cell of a table."""
    kept: list[str] = []
    cell: list[str] = []
    for piece in (*line, "\t"):
        if piece == "\t":
            words = any(not isinstance(one, _Picture) and any(map(str.isalnum, one)) for one in cell)
            kept.extend(one for one in cell if words or not isinstance(one, _Picture))
            kept.append(piece)
            cell = []
        else:
            cell.append(piece)
    return kept[:-1]


_NONE: dict[str, str] = {}


def _numbering(name: str, inside: str) -> tuple[str, int]:
    if name != "ol":
        return "", 1
    attributes = _attributes(inside) if inside else _NONE
    start, kind = attributes.get("start", ""), attributes.get("type", "1")
    return kind if kind in ("a", "A") else "1", int(start) if start.isascii() and start.isdigit() and len(
        start
    ) < 6 else 1


def _attributes(inside: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(inside):
        found.setdefault(name.lower(), entities.unescape(double or single or bare))
    return found


def _inner(text: str) -> str:
    text = text.strip()
    if "  " in text or "\t" in text:
        text = _SPACED.sub(_one_space, text)
    return text


_SPACED = re.compile(r" *\t[ \t]*|  +")


def _one_space(match: re.Match[str]) -> str:
    return "\t" if "\t" in match.group() else " "
