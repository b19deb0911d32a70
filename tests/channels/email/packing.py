"""How do tests pack what other programs pack? A winmail.dat, an opaque signature; byte by byte, as the formats say."""

from __future__ import annotations

import base64
import struct

MAIL = bytes.fromhex("0703020000000000c000000000000046")
"""The interface id in front of a mail inside a winmail.dat."""
SIGNED_DATA = "2a864886f70d010702"
DATA = "2a864886f70d010701"


def attribute(level: int, name: int, value: bytes) -> bytes:
    """One attribute of a TNEF stream."""
    return struct.pack("<BHHI", level, name, 0, len(value)) + value + b"\0\0"


def properties(*found: tuple[int, int, bytes]) -> bytes:
    """A list of properties: id, type, value."""
    out = struct.pack("<I", len(found))
    for number, kind, value in found:
        out += struct.pack("<HH", kind, number)
        if kind in (0x0D, 0x1E, 0x1F, 0x102):
            out += struct.pack("<II", 1, len(value))
        out += value + b"\0" * (-len(value) % 4)
    return out


def winmail(*attributes: bytes, page: int = 1252) -> bytes:
    """A whole TNEF stream."""
    head = b"\x78\x9f\x3e\x22\x01\x00" + attribute(1, 0x9007, struct.pack("<II", page, 0))
    return head + b"".join(attributes)


def packed_file(name: str, content: bytes, *more: tuple[int, int, bytes]) -> bytes:
    """A file: its short name, its content, and its properties."""
    return (
        attribute(2, 0x9002, b"\0" * 14)
        + attribute(2, 0x8010, name.encode("cp1252") + b"\0")
        + attribute(2, 0x800F, content)
        + attribute(2, 0x9005, properties(*more))
    )


def compressed(rtf: bytes) -> bytes:
    """RTF as Outlook writes it, literals only."""
    body = b"".join(b"\0" + rtf[at : at + 8] for at in range(0, len(rtf), 8))
    return struct.pack("<IIII", len(body) + 12, len(rtf), 0x75465A4C, 0) + body


def der(tag: int, *content: bytes) -> bytes:
    """One value of DER."""
    whole = b"".join(content)
    if len(whole) < 128:
        return bytes((tag, len(whole))) + whole
    size = len(whole).to_bytes((len(whole).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + whole


def signed(content: bytes, *, streamed: bool = False) -> bytes:
    """An opaque signature around this content; `streamed` in pieces of unknown length, as programs write while they read."""
    octets = der(4, content)
    if streamed:
        octets = (
            b"\x24\x80" + b"".join(der(4, content[i : i + 7]) for i in range(0, len(content), 7)) + b"\0\0"
        )
    capsule = der(0x30, der(6, bytes.fromhex(DATA)), der(0xA0, octets))
    data = der(0x30, der(2, b"\x01"), der(0x31), capsule, der(0x31))
    return der(0x30, der(6, bytes.fromhex(SIGNED_DATA)), der(0xA0, data))


def a_part(kind: str, content: bytes) -> str:
    """A part of this Content-Type, in base64."""
    encoded = base64.encodebytes(content).decode()
    return f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n{encoded}"
