"""Is this a picture, and how large? The frame of a PNG or a JPEG is walked through; nothing is drawn, and what is packed is bounded."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
SIDE = 12_000  # pixels
PIXELS = 50_000_000
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # samples of a pixel by PNG's colour type
_CHUNKS = 20_000
_BARE_MARKERS = frozenset((0x01, *range(0xD0, 0xD8)))  # JPEG: without a length behind them
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG: what says how large it is
_SCAN, _END = 0xDA, 0xD9


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int


def size(content: bytes) -> Size | None:
    """How large a PNG or JPEG is; None: it is none, it is damaged where that can be seen, or it is larger than anybody needs.

    >>> size(b"GIF89a") is None
    True
    """
    found = _png(content) if content.startswith(PNG) else _jpeg(content) if content.startswith(JPEG) else None
    if found is None or not (0 < found.width <= SIDE and 0 < found.height <= SIDE):
        return None
    return found if found.width * found.height <= PIXELS else None


def drawn(content: bytes, *, most: Size) -> Size | None:
    """The same of a PNG of at most this size, unpacked to see that every line of it is there; None: it is no such picture."""
    found = size(content) if content.startswith(PNG) else None
    if found is None or found.width > most.width or found.height > most.height:
        return None
    depth, colour, _, _, interlaced = content[24:29]
    if depth not in (1, 2, 4, 8, 16) or colour not in _CHANNELS or interlaced:
        return None
    line = 1 + (found.width * _CHANNELS[colour] * depth + 7) // 8
    unpacking = zlib.decompressobj()
    length = 0
    try:
        for kind, data in _chunks(content):
            if kind == b"IDAT":
                length += len(unpacking.decompress(data, line * found.height + 1 - length))
            if length > line * found.height:
                return None
    except (ValueError, zlib.error):
        return None
    return found if length == line * found.height and unpacking.eof else None


def _png(content: bytes) -> Size | None:
    try:
        chunks = _chunks(content)
    except ValueError:
        return None
    kind, head = chunks[0]
    if kind != b"IHDR" or len(head) != 13 or chunks[-1][0] != b"IEND":  # noqa: PLR2004 - of PNG 11.2.1
        return None
    return Size(*struct.unpack(">II", head[:8]))


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of each; raises ValueError where the frame is broken, or something stands behind its end."""
    found: list[tuple[bytes, bytes]] = []
    at = len(PNG)
    while at < len(content):
        if len(content) - at < 12 or len(found) == _CHUNKS:  # noqa: PLR2004 - length, kind and sum
            raise ValueError("a piece of the picture is missing")
        (length,) = struct.unpack_from(">I", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            raise ValueError("a piece of the picture is missing")
        kind = content[at + 4 : at + 8]
        if struct.unpack_from(">I", content, end)[0] != zlib.crc32(content[at + 4 : end]):
            raise ValueError("a piece of the picture is damaged")
        found.append((kind, content[at + 8 : end]))
        at = end + 4
        if kind == b"IEND" and at != len(content):
            raise ValueError("something stands behind the picture")
    if not found:
        raise ValueError("there is nothing of the picture")
    return found


def _jpeg(content: bytes) -> Size | None:
    at, found = 2, None
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker in _BARE_MARKERS:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        if marker in _FRAMES and length >= 7 and at + 9 <= len(content):  # noqa: PLR2004
            height, width = struct.unpack_from(">HH", content, at + 5)
            found = Size(width, height)
        if marker == _SCAN:
            return found
        if marker == _END or length < 2:  # noqa: PLR2004 - it counts itself
            return None
        at += 2 + length
    return None
