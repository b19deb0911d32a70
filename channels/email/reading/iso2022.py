"""What do seven-bit texts say that change their character set on the way? ISO-2022 of Japan, Korea and China, and HZ.

An own decoder beside Python's: those stop at the first character that only a vendor had (a circled number, say),
and know the vendors' names for these charsets not at all. Here one odd character costs one character.
"""

from __future__ import annotations

import re
from collections.abc import Callable

CAREFUL_BYTES = 512 * 1024
"""Bytes that are decoded with all this care; of a longer text the rest as Python does it."""

_ESCAPES = {
    b"(B": "ascii",
    b"(J": "ascii",  # JIS X 0201 Roman: yen and overline aside, the same letters
    b"(H": "ascii",
    b"(I": "katakana",
    b"$@": "jis",
    b"$B": "jis",
    b"$(@": "jis",
    b"$(B": "jis",
    b"$(D": "jis-supplement",
    b"$(O": "jis-2004",
    b"$(Q": "jis-2004",
    b"$(P": "jis-2004-second",
    b"$A": "gb",
    b"$(A": "gb",
    b"$(C": "ks",
    b"&@": "",  # announces a revision of the table that follows
}
_SHIFTED = {b"$)C": "ks", b"$)A": "gb", b"$)G": "unknown", b"$)E": "unknown", b")I": "katakana"}
"""What the shift bytes SO and SI switch to and from (RFC 1557, RFC 1922)."""

_ESCAPE = re.compile(rb"\x1b(\$[()]?[@-Z]|[()][B-J]|&@)|([\x0e\x0f\r\n])")
_ANY = re.compile(rb"\x1b(?:\$[@AB]|\$[()][@-Q]|\([IJ])")
_HZ = re.compile(rb"~\{((?:[\x21-\x77][\x21-\x7e]){1,2000})(?:~\}|\n|\r|$)")


def is_used(content: bytes) -> bool:
    """Do these bytes change to a double-byte character set somewhere?

    >>> is_used(b"\\x1b$BF|K\\\\\\x1b(B"), is_used(b"\\x1b[31mred\\x1b[0m")
    (True, False)
    """
    return b"\x1b" in content and _ANY.search(content) is not None


def decode(content: bytes) -> str:
    """The text of ISO-2022-JP (and its vendors' kinds), -KR or -CN; a line begins in ASCII, as RFC 1468 asks.

    >>> decode(b"\\x1b$B-!F|K\\\\\\x1b(B!")
    '①日本!'
    """
    if len(content) > CAREFUL_BYTES:
        return decode(content[:CAREFUL_BYTES]) + content[CAREFUL_BYTES:].decode("iso2022_jp_ext", "replace")
    out: list[str] = []
    base, other, shifted = "ascii", "ks", False
    at = 0
    for match in _ESCAPE.finditer(content):
        if match.start() > at:
            out.append(_TABLES[other if shifted else base](content[at : match.start()]))
        at = match.end()
        escape, control = match.groups()
        if escape is None:
            if control in (b"\r", b"\n"):
                base, shifted = "ascii", False
                out.append(control.decode("ascii"))
            else:
                shifted = control == b"\x0e"
        elif escape in _SHIFTED:
            other = _SHIFTED[escape]
        else:
            base = _ESCAPES.get(escape, "unknown") or base
    out.append(_TABLES[other if shifted else base](content[at:]))
    return "".join(out)


def is_hz(content: bytes) -> bool:
    """Is this Chinese between `~{` and `~}` (RFC 1843), every pair of it a character?

    >>> is_hz(b"~{VPND~}."), is_hz(b"a ~{tilde} of mine")
    (True, False)
    """
    found = _HZ.search(content) if b"~{" in content else None
    return found is not None and "\ufffd" not in _gb(found.group(1))


def decode_hz(content: bytes) -> str:
    """The text of HZ.

    >>> decode_hz(b"~{VPND~}, ~~x")
    '中文, ~x'
    """
    if len(content) > CAREFUL_BYTES:
        return decode_hz(content[:CAREFUL_BYTES]) + content[CAREFUL_BYTES:].decode("hz", "replace")
    out: list[str] = []
    pieces = content.replace(b"~~", b"\0").replace(b"~\n", b"").split(b"~{")
    for number, piece in enumerate(pieces):
        double, mark, plain = piece.partition(b"~}") if number else (b"", b"", piece)
        if number and not mark:
            double, mark, plain = piece.partition(b"\n")
            plain = mark + plain
        out.append(_gb(double))
        out.append(_ascii(plain.replace(b"\0", b"~")))
    return "".join(out)


def _ascii(content: bytes) -> str:
    """Bytes above ASCII are half-width katakana as some Japanese programs write them in between."""
    return content.decode("ascii") if content.isascii() else content.decode("cp932", "replace")


def _katakana(content: bytes) -> str:
    return bytes(byte | 0x80 if 0x21 <= byte <= 0x5F else byte for byte in content).decode("cp932", "replace")


def _pairs(content: bytes, codec: str, prefix: bytes = b"") -> str:
    """Two bytes a character, with the high bits that the eight-bit form of the table has.

    What cannot be half of a character (a blank, say) stands for itself and does not shift what follows.
    """
    if not prefix:
        try:
            return content.translate(_HIGH).decode(codec)
        except UnicodeDecodeError:
            pass
    out: list[str] = []
    at, end = 0, len(content)
    while at < end:
        pair = content[at : at + 2]
        if not _is_cell(pair[0]):
            out.append(chr(pair[0]) if pair[0] < 0x80 else "\ufffd")
            at += 1
        elif len(pair) < 2 or not _is_cell(pair[1]):
            # Something was put inside a character, or took the place of its second half: the rest tells by its length.
            begins = next((i for i in range(at + 1, end) if _is_cell(content[i])), end)
            stops = next((i for i in range(begins, end) if not _is_cell(content[i])), end)
            if (stops - begins) % 2:
                out.append(_cell(prefix + bytes((content[at], content[begins])).translate(_HIGH), codec))
                out.append("\ufffd")
                at = begins + 1
            else:
                out.append("\ufffd")
                at += 1
        else:
            out.append(_cell(prefix + pair.translate(_HIGH), codec))
            at += 2
    return "".join(out)


_HIGH = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else byte for byte in range(256))


def _is_cell(byte: int) -> bool:
    return 0x21 <= byte <= 0x7E


def _cell(pair: bytes, codec: str) -> str:
    text = pair.decode(codec, "ignore")
    if len(text) != 1 and codec == "euc_jp":
        # Shift JIS as Windows has it knows the vendors' rows (NEC, IBM), which EUC does not.
        row, cell = pair[0] & 0x7F, pair[1] & 0x7F
        first = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
        second = cell + (0x1F if cell < 0x60 else 0x20) if row % 2 else cell + 0x7E
        text = bytes((first, second)).decode("cp932", "ignore")
    return text if len(text) == 1 else "\ufffd"


def _gb(content: bytes) -> str:
    return _pairs(content, "gb2312")


_TABLES: dict[str, Callable[[bytes], str]] = {
    "ascii": _ascii,
    "katakana": _katakana,
    "jis": lambda content: _pairs(content, "euc_jp"),
    "jis-supplement": lambda content: _pairs(content, "euc_jp", b"\x8f"),
    "jis-2004": lambda content: _pairs(content, "euc_jis_2004"),
    "jis-2004-second": lambda content: _pairs(content, "euc_jis_2004", b"\x8f"),
    "gb": _gb,
    "ks": lambda content: _pairs(content, "cp949"),
    "unknown": lambda content: "\ufffd" * (len(content) // 2),
}
