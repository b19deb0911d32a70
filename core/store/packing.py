"""How do texts and bytes take less room? Zstandard (RFC 8878), with the words that all of them share known beforehand.

A dictionary that texts were packed with is needed to read them for ever: its file is never changed, a better one is a
new file with the next number. What is short, or gains nothing, stays as it is.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

import zstandard

WORDS = Path(__file__).resolve().parent / "words"
LATEST = 2
"""The number of the dictionary that is packed with, which stands before what was packed."""
SHORT = 128  # bytes: of something shorter the time is worth more than the room
MOST = 64 * 1024 * 1024  # bytes that one text may become when it is unpacked

_PLAIN = b"\0"
_MARK = bytes([LATEST])
_HOW = zstandard.ZstdCompressionParameters.from_level(
    3,
    format=zstandard.FORMAT_ZSTD1_MAGICLESS,
    write_content_size=True,
    write_checksum=False,
    write_dict_id=False,
)


@cache
def _words(number: int) -> zstandard.ZstdCompressionDict:
    content = (WORDS / f"{number}.txt").read_bytes()
    return zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


_words(LATEST).precompute_compress(compression_params=_HOW)
_own = threading.local()
"""A compressor works for one thread at a time."""


def packed(text: str) -> str | bytes:
    """For a column that takes both: the text itself, or the bytes it was packed into."""
    if len(text) < SHORT:
        return text
    plain = text.encode("utf-8", "surrogatepass")
    small = _compressor().compress(plain)
    return _MARK + small if len(small) + 1 < len(plain) else text


def packed_bytes(text: str) -> bytes:
    """For a column that takes bytes only."""
    return pack(text.encode("utf-8", "surrogatepass"))


def pack(plain: bytes) -> bytes:
    """Bytes whose first says how the others are to be read."""
    if len(plain) >= SHORT:
        small = _compressor().compress(plain)
        if len(small) < len(plain):
            return _MARK + small
    return _PLAIN + plain


def unpacked(value: str | bytes) -> str:
    """The text again."""
    return value if isinstance(value, str) else unpack(value).decode("utf-8", "surrogatepass")


def unpack(value: bytes) -> bytes:
    """The bytes again. Raises ValueError for what `pack` did not make."""
    how, rest = bytes(value[:1]), value[1:]
    if how == _PLAIN:
        return bytes(rest)
    if not _PLAIN < how <= _MARK:
        message = f"the bytes were packed in a way that this version does not know: {bytes(how)!r}"
        raise ValueError(message)
    try:
        return _decompressor(how[0]).decompress(bytes(rest), max_output_size=MOST)
    except zstandard.ZstdError as error:
        message = f"the packed bytes are damaged: {error}"
        raise ValueError(message) from error


def _compressor() -> zstandard.ZstdCompressor:
    made: zstandard.ZstdCompressor | None = getattr(_own, "compressor", None)
    if made is None:
        made = _own.compressor = zstandard.ZstdCompressor(dict_data=_words(LATEST), compression_params=_HOW)
    return made


def _decompressor(number: int) -> zstandard.ZstdDecompressor:
    made: dict[int, zstandard.ZstdDecompressor] | None = getattr(_own, "decompressors", None)
    if made is None:
        made = _own.decompressors = {}
    if number not in made:
        made[number] = zstandard.ZstdDecompressor(dict_data=_words(number), format=_HOW.format)
    return made[number]
