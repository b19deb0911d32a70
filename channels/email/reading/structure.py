"""How is a mail put together? Bytes to a tree of parts, in bounded time whatever the bytes are.

An own splitter instead of the standard library's: it works on ranges of bytes with `find`, so that a large
attachment is never looked at line by line, it has no recursion, and the limits are part of the scan. The tests
hold its leaves against those of `email.parser` on every ordinary sample.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from channels.email.reading import header_lines, parameters

DEPTH = 100
PARTS = 1_000
FALSE_BOUNDARIES = 20_000
"""Lines that begin like a boundary and are none, after which we stop looking."""
SCANS = 20
"""How many times the size of the mail may be searched for boundaries, all levels together …"""
SCAN_FLOOR = 16 * 1024 * 1024
"""… and how many bytes in any case, so that small mails may nest as deep as DEPTH says."""


class Field(NamedTuple):
    """One header field, unfolded but not decoded: each character of `value` is one byte."""

    name: str
    """Lower case."""
    value: str


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of one mail or part, in order, and by name."""

    fields: tuple[Field, ...]
    by_name: Mapping[str, list[str]]
    notes: tuple[str, ...] = ()

    def first(self, name: str) -> str:
        """The first field of this (lower case) name, or empty."""
        values = self.by_name.get(name)
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        """Every field of this (lower case) name, from the top."""
        return self.by_name.get(name, [])


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its header, its body as transferred, and what is inside a multipart."""

    header: Header
    type: str
    """Lower case, always with a slash; `text/plain` where nothing usable was said."""
    parameters: Mapping[str, str]
    body: bytes
    children: tuple[Part, ...] = ()
    closed_by_limit: bool = False
    """A multipart that was not opened because a limit was reached."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole mail. `body` is everything below the header, for hashing."""

    root: Part
    body: bytes
    notes: tuple[str, ...]


def parts(root: Part) -> Iterator[Part]:
    """This part and every part inside it, from the top; attached mails stay closed."""
    pending = [root]
    while pending:
        part = pending.pop()
        yield part
        pending.extend(reversed(part.children))


def parse(raw: bytes) -> Tree:
    """The tree of any bytes. Never raises; limits that were reached are named in `notes`."""
    return _tree(*_whole(header_lines.with_usual_ends(raw)), size=len(raw))


def parse_part(raw: bytes) -> Tree:
    """The same of a part that stands by itself, as a signed content does: it needs no author."""
    return _tree(*split_header(header_lines.with_usual_ends(raw)), size=len(raw))


def _tree(header: Header, body: bytes, *, size: int) -> Tree:
    work = _Work(budget=max(SCANS * size, SCAN_FLOOR))
    root = _part(header, body, "text/plain")
    if root.type.startswith("multipart/"):
        root = work.open(root)
    return Tree(root, body, (*header.notes, *work.notes))


def _whole(raw: bytes) -> tuple[Header, bytes]:
    """The header of a mail; where an empty line stands in the middle of it, what is below that too.

    Some gateways write one there. It is in the middle when no From stands above it, and what follows is nothing but
    fields: a From among them, none of those that stand above, and, where the mail is addressed already, one that only
    programs write. Everything else is a form that somebody filled in.
    """
    # Devices write a byte order mark in front, gateways empty lines.
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    header, body = split_header(raw.lstrip(b" \t\r\n") if raw[:1] in b" \t\r\n" else raw)
    if "from" in header.by_name or not header.fields:
        return header, body
    further, rest = split_header(body.lstrip(b" \t\r\n"))
    repeated = any(name in header.by_name for name in _ONCE if name in further.by_name)
    if "from" not in further.by_name or len(further.fields) < 2 or further.notes or repeated:
        return header, body
    if ("to" in header.by_name or "subject" in header.by_name) and _TECHNICAL.isdisjoint(further.by_name):
        return header, body
    by_name = {name: list(values) for name, values in header.by_name.items()}
    for field in further.fields:
        by_name.setdefault(field.name, []).append(field.value)
    notes = (*header.notes, "an empty line inside the header")
    return Header((*header.fields, *further.fields), by_name, notes), rest


_ONCE = ("to", "subject", "date", "message-id", "content-type", "reply-to")
_TECHNICAL = frozenset(("message-id", "mime-version", "content-type", "received"))


def split_header(raw: bytes) -> tuple[Header, bytes]:
    """The header at the beginning of these bytes, and what is below the line that ends it.

    That line is empty, or holds nothing but blanks; it ends in LF, CRLF, CR CR LF or CR.
    """
    start = 0
    while raw[start : start + 1] in (b"\n", b"\r") and start < len(raw):
        start += 1
    if _MAILBOX_LINE.match(raw, start) is not None:
        start = raw.find(b"\n", start) + 1 or len(raw)
    end, body_at = _end_of_header(raw, start)
    notes: list[str] = []
    too_long = end - start > header_lines.BYTES
    if too_long:
        end = raw.rfind(b"\n", start, start + header_lines.BYTES) + 1 or start + header_lines.BYTES
    block = raw[start:end].decode("latin-1")
    if "\r" in block:
        block = block.replace("\r\n", "\n")
        if "\r" in block:
            block = header_lines.ODD_LINE_END.sub("\n", block)
    found, rest = header_lines.fields(block, notes)
    if rest is not None:
        body_at = header_lines.start(raw, start, rest)
    elif too_long:
        notes.append(f"header longer than {header_lines.BYTES // 1024} KiB: the rest was not read")
    by_name: dict[str, list[str]] = {}
    for name, value in found:
        by_name.setdefault(name, []).append(value)
    return Header(tuple(map(Field._make, found)), by_name, tuple(notes)), raw[body_at:]


_MAILBOX_LINE = re.compile(rb">?From (?![ \t]*:)")
"""In front of a mail that was cut out of a mailbox file; `From  :` is a field."""


def _end_of_header(raw: bytes, start: int) -> tuple[int, int]:
    if raw.startswith(b"\n", start):
        return start, start + 1
    plain = raw.find(b"\n\n", start)
    network = raw.find(b"\n\r\n", start, plain if plain >= 0 else len(raw))
    if network >= 0:
        return network + 1, network + 3
    if plain >= 0:
        return plain + 1, plain + 2
    return len(raw), len(raw)


_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")


def _part(header: Header, body: bytes, default: str) -> Part:
    declared = header.first("content-type")
    kind, named = parameters.parse(declared) if declared else (default, {})
    if _TYPE.fullmatch(kind) is None:
        # RFC 2045, 5.2: what cannot be understood is plain text; some old mailers write only "text" or "html".
        kind = "text/html" if kind in ("html", "text/html;") else default
    return Part(header, kind, named, body)


class _Work:
    """Opens multiparts from the outside in, without recursion, under the budget of the whole mail."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.parts = 1
        self.false = 0
        self.notes: list[str] = []

    def open(self, root: Part) -> Part:
        """The same part with its children, theirs, and so on."""
        # Parts are frozen: first the ranges, breadth first; then the tree is put together from the leaves.
        order: list[tuple[Part, int]] = [(root, -1)]
        depth = [0]
        at = 0
        while at < len(order):
            part = order[at][0]
            if part.type.startswith("multipart/"):
                if depth[at] >= DEPTH:
                    self.note(f"nested deeper than {DEPTH}: kept closed")
                    order[at] = (_closed(part), order[at][1])
                else:
                    children = self.split(part)
                    if children is None:
                        order[at] = (_closed(part), order[at][1])
                    elif not children:
                        order[at] = (_as_text(part), order[at][1])
                    else:
                        order.extend((child, at) for child in children)
                        depth.extend([depth[at] + 1] * len(children))
            at += 1
        inside: dict[int, list[Part]] = {}
        for at in range(len(order) - 1, -1, -1):
            part, parent = order[at]
            if at in inside:
                whole = tuple(reversed(inside.pop(at)))
                part = Part(part.header, part.type, part.parameters, part.body, whole)
            if parent < 0:
                return part
            inside.setdefault(parent, []).append(part)
        raise AssertionError  # the root has no parent

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def split(self, part: Part) -> list[Part] | None:
        """The parts inside; empty when no boundary is there; None when a limit forbids to look."""
        body = part.body
        if self.parts >= PARTS:
            self.note(f"more than {PARTS} parts: the rest was kept closed")
            return None
        boundary = part.parameters.get("boundary", "").encode("latin-1", "replace").rstrip()
        if not boundary:
            boundary = _guessed_boundary(body)
            if not boundary:
                return []
            self.note("a multipart without a boundary: the first line that looks like one was taken")
        if self.budget <= 0:
            self.note("too much nesting for its size: kept closed")
            return None
        self.budget -= len(body)
        default = "message/rfc822" if part.type == "multipart/digest" else "text/plain"
        pieces = self.ranges(body, b"--" + boundary)
        children = []
        for start, end in pieces:
            header, content = _part_bytes(body[start:end])
            children.append(_part(header, content, default))
        return children

    def ranges(self, body: bytes, delimiter: bytes) -> list[tuple[int, int]]:
        """Where the parts between the delimiter lines begin and end (RFC 2046, 5.1.1)."""
        found: list[tuple[int, int]] = []
        opened = -1
        at = body.find(delimiter)
        while at >= 0:
            after = at + len(delimiter)
            line_end = body.find(b"\n", after, after + 200)
            rest = body[after : line_end if line_end >= 0 else after + 200]
            begins_line = at == 0 or body[at - 1] in b"\n\r"
            closing = rest.startswith(b"--")
            if not begins_line or (rest.strip(b" \t\r") and not closing):
                self.false += 1
                if self.false > FALSE_BOUNDARIES:
                    self.note("too many lines that look like a boundary: the rest was not split")
                    break
                at = body.find(delimiter, after)
                continue
            if opened >= 0:
                end = at
                if body[end - 1 : end] == b"\n":
                    end -= 1
                    if body[end - 1 : end] == b"\r":
                        end -= 1
                found.append((opened, max(end, opened)))
                self.parts += 1
                if self.parts >= PARTS:
                    self.note(f"more than {PARTS} parts: the rest was not split")
                    return found
                opened = -1
            if closing:
                # Some mailers write more parts behind the closing line; a second opening line is followed.
                follower = body.find(delimiter, after)
                if follower < 0:
                    return found
                at = follower
                continue
            opened = line_end + 1 if line_end >= 0 else len(body)
            at = body.find(delimiter, max(opened - 1, after))
        if opened >= 0 and opened < len(body):
            found.append((opened, len(body)))
            self.parts += 1
        return found


def _part_bytes(piece: bytes) -> tuple[Header, bytes]:
    empty = header_lines.LINE_END.match(piece)
    return (_NO_HEADER, piece[empty.end() :]) if empty is not None else split_header(piece)


_NO_HEADER = Header((), {})


def _closed(part: Part) -> Part:
    return Part(part.header, part.type, part.parameters, part.body, (), closed_by_limit=True)


def _as_text(part: Part) -> Part:
    """A multipart without any part is shown as the text it is."""
    start = part.body[:1024].lstrip()[:200].lower()
    kind = "text/html" if start.startswith((b"<html", b"<!doctype html", b"<div", b"<p>")) else "text/plain"
    return Part(
        part.header, kind, {**part.parameters, "charset": part.parameters.get("charset", "")}, part.body
    )


def _guessed_boundary(body: bytes) -> bytes:
    for line in body[:4096].splitlines():
        if line.startswith(b"--") and len(line.strip()) > 3 and not line.startswith(b"-- "):
            candidate = line.strip()[2:]
            return candidate if body.find(b"--" + candidate, 4096 if len(body) > 4096 else 1) >= 0 else b""
    return b""
