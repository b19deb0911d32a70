"""What did somebody sign with S/MIME? The content inside an opaque signature (RFC 8551, 3.5.2); nothing is checked.

A walk over the outer values of the DER (or BER) only: `ContentInfo`, `SignedData`, `EncapsulatedContentInfo`. Nothing
else is looked at, and the certificates least of all.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPES = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
_SEQUENCE, _SET, _INTEGER, _OID, _OCTETS, _OCTETS_IN_PIECES, _EXPLICIT = (
    0x30,
    0x31,
    0x02,
    0x06,
    0x04,
    0x24,
    0xA0,
)
PIECES = 100_000
"""Of one content, as programs write them that sign while they read."""
DEPTH = 10


@dataclass(frozen=True, slots=True)
class _Value:
    tag: int
    start: int
    end: int
    """Of the content; -1 where the value ends with two zero bytes (indefinite length)."""


def content(der: bytes) -> bytes | None:
    """The signed content; None where these bytes are no such signature, or the content is elsewhere. Never raises.

    >>> content(b"0\\x80\\x06\\x09" + _SIGNED_DATA + b"\\xa0\\x80" + b"0\\x80\\x02\\x01\\x01" + b"1\\x00"
    ...         + b"0\\x80\\x06\\x01*\\xa0\\x80" + b"$\\x80\\x04\\x02Hi\\x04\\x01!\\x00\\x00")
    b'Hi!'
    """
    info = _inside(der, _value(der, 0), _SEQUENCE)
    kind = _value(der, info)
    if kind is None or kind.tag != _OID or der[kind.start : kind.end] != _SIGNED_DATA:
        return None
    data = _inside(der, _value(der, _inside(der, _value(der, kind.end), _EXPLICIT)), _SEQUENCE)
    version = _value(der, data)
    if version is None or version.tag != _INTEGER or version.end < 0:
        return None
    digests = _value(der, version.end)
    if digests is None or digests.tag != _SET:
        return None
    behind = digests.end if digests.end >= 0 else _end_of(der, digests.start)
    capsule = _inside(der, _value(der, behind), _SEQUENCE)
    type_ = _value(der, capsule)
    if type_ is None or type_.tag != _OID or type_.end < 0:
        return None
    octets = _value(der, _inside(der, _value(der, type_.end), _EXPLICIT))
    return _octets(der, octets) if octets is not None else None


def _value(der: bytes, at: int) -> _Value | None:
    """The value that begins here (X.690, 8.1); None where it does not fit."""
    if at < 0 or at + 2 > len(der):
        return None
    tag, first = der[at], der[at + 1]
    at += 2
    if first == 0x80:
        return _Value(tag, at, -1)
    if first & 0x80:
        count = first & 0x7F
        if count > 8 or at + count > len(der):
            return None
        first, at = int.from_bytes(der[at : at + count], "big"), at + count
    # A file that was cut: what is there is still read.
    return _Value(tag, at, min(at + first, len(der)))


def _inside(der: bytes, value: _Value | None, tag: int) -> int:
    """Where the content of a value of this tag begins; -1 where it is another."""
    return value.start if value is not None and value.tag == tag else -1


def _octets(der: bytes, value: _Value) -> bytes | None:
    """An octet string, in one piece or in several, those again in pieces; open ones are counted, not called."""
    if value.tag == _OCTETS and value.end >= 0:
        return der[value.start : value.end]
    if value.tag != _OCTETS_IN_PIECES:
        return None
    out: list[bytes] = []
    ends = [value.end]
    at = value.start
    for _ in range(PIECES):
        while ends and ends[-1] >= 0 and at >= ends[-1]:
            ends.pop()
        if not ends:
            break
        piece = _value(der, at)
        if piece is None:
            break
        if piece.tag == 0 and ends[-1] < 0:
            ends.pop()
            at = piece.start
        elif piece.tag == _OCTETS and piece.end >= 0:
            out.append(der[piece.start : piece.end])
            at = piece.end
        elif piece.tag == _OCTETS_IN_PIECES and len(ends) < DEPTH:
            ends.append(piece.end)
            at = piece.start
        else:
            break
    return b"".join(out)


def _end_of(der: bytes, at: int) -> int:
    """Behind a value of indefinite length, which holds others of the same kind."""
    opened = 1
    for _ in range(1_000):
        value = _value(der, at)
        if value is None:
            return -1
        if value.tag == 0:
            opened -= 1
            at = value.start
            if not opened:
                return at
        elif value.end < 0:
            opened += 1
            at = value.start
        else:
            at = value.end
    return -1
