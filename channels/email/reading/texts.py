"""What does one text part say? Its charset, flowed lines, encoded files between the lines, HTML with its pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass

from channels.email.reading import attachments, charsets, html_text, pictures, structure
from core.envelope import Attachment

TYPES = frozenset(
    ("text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown", "text/x-markdown")
)
LONG = "more HTML than is read: the end of its text is in the original mail"
FILES = 200
"""Between the lines of one text."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One stretch of the body: plain text, or HTML; with the sender's marks as offsets into the text."""

    text: str
    html: str = ""
    cuts: tuple[int, ...] = ()
    signatures: tuple[tuple[int, int], ...] = ()
    files: tuple[Attachment, ...] = ()
    """That stood in the text itself: uuencoded blocks, pictures in the HTML."""
    notes: tuple[str, ...] = ()

    def says_something(self) -> bool:
        """Is there anything to read or to look at?"""
        return bool(self.text.strip()) or "<img" in self.html.lower()


def of_part(part: structure.Part) -> Piece:
    """The piece of a part whose type is one of `TYPES`."""
    declared = part.parameters.get("charset", "")
    content = attachments.content(part)
    if part.type == "text/html" or (part.type == "text/plain" and _is_a_page(content)):
        return of_html(charsets.html(content, declared))
    text = with_plain_line_ends(charsets.text(content, declared))
    if part.type in ("text/enriched", "text/richtext"):
        text = _ENRICHED.sub("", text.replace("<<", "\uffff")).replace("\uffff", "<")
    if part.parameters.get("format", "").lower() == "flowed":
        text = unflowed(text, joined=part.parameters.get("delsp", "").lower() == "yes")
    return of_text(text)


def _is_a_page(content: bytes) -> bool:
    """Devices and web forms call a whole page of HTML plain text; nobody writes one from its first sign to its last."""
    start = content[:100].lstrip()[:15].lower()
    return start.startswith((b"<html", b"<!doctype html")) and content[-100:].rstrip().lower().endswith(
        b"</html>"
    )


def of_text(text: str) -> Piece:
    """The piece of a plain text; uuencoded files between its lines become files."""
    files: tuple[Attachment, ...] = ()
    if ("begin " in text and "\nend" in text) or "begin-base64 " in text:
        text, files = _without_uu(text)
    return Piece(text, files=files, notes=_unreadable(text))


def of_html(html: str) -> Piece:
    """The piece of an HTML text; pictures in it that are `data:` addresses become files."""
    taken = pictures.taken_out(html)
    converted = html_text.convert(taken.html)
    notes = _unreadable(converted.text)
    if taken.left_out:
        notes = (
            *notes,
            f"more than {pictures.PICTURES} pictures or 10 MiB in the HTML: the others are in the original mail",
        )
    if not converted.whole:
        notes = (*notes, LONG)
    return Piece(converted.text, taken.html, converted.cuts, converted.signatures, taken.files, notes)


def _unreadable(text: str) -> tuple[str, ...]:
    return (charsets.UNREADABLE_NOTE,) if charsets.UNREADABLE in text else ()


_ENRICHED = re.compile(r"<param>[^<]{0,200}</param>|</?[a-zA-Z-]{1,40}>")


def with_plain_line_ends(text: str) -> str:
    """Each line ends in LF, however it came; a byte order mark in front goes."""
    if "\r" in text:
        text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return text.removeprefix("\ufeff")


def unflowed(text: str, *, joined: bool) -> str:
    """RFC 3676: lines that end in a space go on in the next one of the same quote depth; `joined` is DelSp.

    >>> unflowed("> a \\n> b\\nc \\nd\\n-- \\nme", joined=False)
    '> a b\\nc d\\n-- \\nme'
    """
    out: list[str] = []
    depth, pending = -1, ""
    flowing = False
    for line in text.split("\n"):
        here = len(line) - len(line.lstrip(">")) if line.startswith(">") else 0
        content = line[here:]
        content = content.removeprefix(" ")
        soft = content.endswith(" ") and content != "-- "
        if flowing and here == depth and content != "-- ":
            pending += content
        else:
            if depth >= 0:
                out.append(_requoted(depth, pending))
            depth, pending = here, content
        flowing = soft
        if soft and joined:
            pending = pending[:-1]
    if depth >= 0:
        out.append(_requoted(depth, pending))
    return "\n".join(out)


def _requoted(depth: int, text: str) -> str:
    return f"{'>' * depth} {text}".rstrip() if depth else text


_UU_BEGIN = re.compile(r"^begin(-base64)? [0-7]{3,4} ([^\r\n]{1,200})\r?$", re.MULTILINE)


def _without_uu(text: str) -> tuple[str, tuple[Attachment, ...]]:
    files: list[Attachment] = []
    kept: list[str] = []
    at, end = 0, -1
    for match in _UU_BEGIN.finditer(text):
        base64, name = match.groups()
        first = text[match.end() + 1 : match.end() + 80]
        if match.start() < at or not (_looks_uuencoded(first) or (base64 and _BASE64_LINE.match(first))):
            continue
        closing = "\n====" if base64 else "\nend"
        if base64 or end < match.end():
            end = text.find(closing, match.end())
        if end < 0 or len(files) >= FILES:
            break
        block = text[match.end() + 1 : end].encode("latin-1", "replace")
        files.append(
            Attachment(
                name=attachments.safe_name(name) or attachments.made_name(len(files) + 2, ""),
                type=attachments.guessed_type(name),
                content=attachments.base64(block) if base64 else attachments.uuencoded(block),
            )
        )
        kept.append(text[at : match.start()])
        at = min(end + len(closing), len(text))
        end = -1 if base64 else end
    return "".join(kept) + text[at:] if kept else text, tuple(files)


_BASE64_LINE = re.compile(r"[A-Za-z0-9+/]{4,}={0,2}\s*$", re.MULTILINE)


def _looks_uuencoded(beginning: str) -> bool:
    """Is the first line as long as its first character says (three bytes in four characters)?"""
    first = beginning.partition("\n")[0].rstrip("\r")
    if not first or not " " < first[0] <= "`":
        return False
    return abs(len(first) - 1 - (((ord(first[0]) - 32) & 63) + 2) // 3 * 4) <= 2
