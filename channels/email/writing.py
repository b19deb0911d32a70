"""How is a mail written? Fields and parts as bytes (RFC 5322, 2045 to 2047), each character looked at once.

Nothing is checked here: who calls has made sure that no value of a field holds the end of a line but where it is folded.
"""

from __future__ import annotations

import base64
import math
from binascii import b2a_qp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

T = TypeVar("T", str, bytes)

LINE = 75  # characters of an encoded word, and of a line that holds one (RFC 2047 2)

_AROUND = len("=?utf-8?q??=")
_QUOTED = {
    chr(n): chr(n) if chr(n).isalnum() or chr(n) in "-!*+/" else "_" if n == ord(" ") else f"={n:02X}"
    for n in range(128)
}
"""ASCII as it stands in an encoded word, in a name too (RFC 2047 5, 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a mail."""

    type: str
    """Value of its Content-Type."""
    body: bytes
    """Encoded, CRLF line ends."""
    encoding: str = ""
    disposition: str = ""

    def fields(self) -> dict[str, str]:
        """Those that say how it is read."""
        more = {"Content-Transfer-Encoding": self.encoding, "Content-Disposition": self.disposition}
        return {"Content-Type": self.type} | {name: value for name, value in more.items() if value}


def text(content: str, kind: str, **parameters: str) -> Part:
    """`text/<kind>`, quoted-printable: lines stay short, and most of it readable."""
    more = "".join(f'; {name}="{value}"' for name, value in parameters.items())
    lines = content.replace("\r\n", "\n").replace("\r", "\n")
    return Part(
        type=f'text/{kind}; charset="utf-8"{more}',
        body=b2a_qp(lines.encode("utf-8", "replace")).replace(b"\n", b"\r\n"),
        encoding="quoted-printable",
    )


def file(content: bytes, kind: str, name: str) -> Part:
    """An attachment of any bytes; its name as RFC 2231 has it."""
    return Part(
        type=kind,
        body=base64.encodebytes(content).replace(b"\n", b"\r\n"),
        encoding="base64",
        disposition=f"attachment; filename*=utf-8''{quote(name, safe='', errors='replace')}",
    )


def multipart(kind: str, boundary: str, parts: Sequence[Part]) -> Part:
    """Several as one. The boundary stands in none of them."""
    between = f"\r\n--{boundary}\r\n".encode()
    written = between.join(_head(part.fields()) + part.body for part in parts)
    body = b"".join((between[2:], written, f"\r\n--{boundary}--\r\n".encode()))
    return Part(type=f'multipart/{kind}; boundary="{boundary}"', body=body)


def mail(fields: Mapping[str, str], content: Part) -> bytes:
    """The whole. A field beyond ASCII is written as it is (RFC 6532)."""
    return _head({**fields, "MIME-Version": "1.0", **content.fields()}) + content.body


def _head(fields: Mapping[str, str]) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    return ("".join(lines) + "\r\n").encode("utf-8", "replace")


def encoded(field: str, words: str) -> str:
    """The value of a field: as encoded words where it must be, or looks as if it were already; folded.

    Each character stands whole in one of them, and what is shorter is chosen, Q or B (RFC 2047 4).

    >>> encoded("Subject", "Plain"), encoded("Subject", "Perché no")
    ('Plain', '=?utf-8?q?Perch=C3=A9_no?=')
    """
    if words.isascii() and "=?" not in words:
        return words
    characters = [char.encode("utf-8", "replace") for char in words]
    quoted = [
        _QUOTED.get(char) or "".join(f"={byte:02X}" for byte in raw)
        for char, raw in zip(words, characters, strict=True)
    ]
    room, more = LINE - len(f"{field}: ") - _AROUND, LINE - len(" ") - _AROUND
    if sum(map(len, quoted)) <= 4 * math.ceil(sum(map(len, characters)) / 3):
        found = [f"=?utf-8?q?{''.join(some)}?=" for some in _shared_out(quoted, room, more)]
    else:
        of_bytes = _shared_out(characters, room // 4 * 3, more // 4 * 3)
        found = [f"=?utf-8?b?{base64.b64encode(b''.join(some)).decode()}?=" for some in of_bytes]
    return "\r\n ".join(found)


def _shared_out(pieces: Sequence[T], first: int, more: int) -> list[list[T]]:
    """In their order, so many characters or bytes together at most."""
    found: list[list[T]] = [[]]
    left = first
    for piece in pieces:
        if len(piece) > left:
            found.append([])
            left = more
        found[-1].append(piece)
        left -= len(piece)
    return found
