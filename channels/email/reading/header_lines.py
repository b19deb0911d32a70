"""Where does a field of a header begin and end, and where the header? Lines as mailers and gateways write them."""

from __future__ import annotations

import re

BYTES = 256 * 1024
FIELDS = 2_000
FIELD_BYTES = 64 * 1024


def with_usual_ends(raw: bytes) -> bytes:
    """The same mail where its first line ends as everywhere, in LF or CRLF; some gateways write CR or CR CR LF."""
    first = raw.find(b"\r", 0, FIELD_BYTES)
    if first < 0 or raw.startswith(b"\r\n", first) or raw.find(b"\n", 0, first) >= 0:
        return raw
    if raw.startswith(b"\r\r\n", first):
        return raw.replace(b"\r\r\n", b"\r\n")
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


_NAME = re.compile(r"([!-9;-~]{1,200})[ \t]*:")
ODD_LINE_END = re.compile(r"\r{0,2}\n|\r")


def fields(block: str, notes: list[str]) -> tuple[list[tuple[str, str]], int | None]:
    """The fields of a header block; and the number of the line at which the body begins, where that is inside it."""
    found: list[tuple[str, str]] = []
    name = ""
    pieces: list[str] = []
    lines = block.split("\n")
    body_at: int | None = None
    for number, line in enumerate(lines):
        if line[:1] in _BLANK:
            if not line.strip(" \t") and number < len(lines) - 1:
                if line and _goes_on({*(one for one, _ in found), name}, lines, number + 1):
                    continue
                body_at = number + 1
                break
            if pieces:
                pieces.append(line)
            continue
        if pieces:
            found.append((name, _joined(pieces, notes)))
            pieces = []
            if len(found) >= FIELDS:
                notes.append(f"more than {FIELDS} header fields: the rest was not read")
                return found, None
        match = _NAME.match(line)
        if match is not None:
            name, pieces = match.group(1).lower(), [line[match.end() :]]
        elif line.strip():
            if _fields_follow(found, lines, number + 1):
                # The rest of a long field that somebody broke without a fold.
                if found:
                    name, value = found.pop()
                    pieces = [value, " ", line]
                continue
            notes.append("a line in the header that is none: the text begins there")
            return found, number
    if pieces:
        found.append((name, _joined(pieces, notes)))
    return found, body_at


_BLANK = ("", " ", "\t")


_USUAL = frozenset(
    "from to cc subject date message-id mime-version content-type references in-reply-to".split()
)


def _goes_on(names: set[str], lines: list[str], below: int) -> bool:
    """Is this line of blanks only a fold? Then a folded line follows, and behind it usual fields not seen so far.

    RFC 5322, 4.2: old programs wrote such lines. In the header of a part or a whole mail nothing usual is left to come.
    """
    return (
        lines[below][:1] in (" ", "\t") and bool(lines[below].strip()) and _brings_news(names, lines, below)
    )


UNFOLDED = 4
"""Lines of one field that were broken without a fold."""


def _fields_follow(found: list[tuple[str, str]], lines: list[str], below: int) -> bool:
    """Does the header go on behind a line that is no field? At once, or in some lines with usual fields not seen so far."""
    for number in range(below, min(below + UNFOLDED, len(lines))):
        if not lines[number].strip(" \t"):
            return False
        if _NAME.match(lines[number]) is not None:
            return number == below or _brings_news({name for name, _ in found}, lines, number)
    return False


def _brings_news(names: set[str], lines: list[str], below: int) -> bool:
    """Nothing but fields up to the next empty line, and a usual one among them that was not seen so far?"""
    new = False
    for line in lines[below : below + FIELDS]:
        if not line.strip(" \t"):
            break
        if line[0] in " \t":
            continue
        match = _NAME.match(line)
        if match is None:
            return False
        new = new or (match.group(1).lower() in _USUAL and match.group(1).lower() not in names)
    return new


def _joined(pieces: list[str], notes: list[str]) -> str:
    value = pieces[0] if len(pieces) == 1 else "".join(pieces)
    if len(value) > FIELD_BYTES:
        notes.append(f"a header field longer than {FIELD_BYTES // 1024} KiB was cut")
        value = value[:FIELD_BYTES]
    return value.strip()


def start(raw: bytes, header: int, line: int) -> int:
    """Where this line (counted from 0, each ended as `ODD_LINE_END` says) begins."""
    ends = LINE_END.finditer(raw, header, header + BYTES + 2)
    for _ in range(line - 1):
        next(ends, None)
    last = next(ends, None) if line else None
    return last.end() if last is not None else header if not line else len(raw)


LINE_END = re.compile(rb"\r{0,2}\n|\r")
