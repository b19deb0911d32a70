"""What does a text in Rich Text Format say? Outlook's compressed kind unpacked, then read as plain text or HTML.

Outlook wraps the HTML of a mail in RTF (MS-OXRTFEX): then the HTML comes back out. Otherwise the letters and
paragraphs are taken and the formatting is left. One pass, no recursion, and never more than `BYTES` come out.
"""

from __future__ import annotations

import re
import struct

from channels.email.reading import charset_names

BYTES = 1024 * 1024
"""That come out of a compressed stream, and that are read."""
GROUPS = 1_000
"""How deep groups are followed; what is deeper keeps the state of its parent."""

_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n"
    b"\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4_096


def unpacked(content: bytes) -> bytes:
    """The RTF in Outlook's compressed stream (MS-OXRTFCP); empty where it is none.

    >>> unpacked(struct.pack("<IIII", 17, 5, 0x414C454D, 0) + b"{rtf}")
    b'{rtf}'
    """
    if len(content) < 16:
        return b""
    _, size, kind, _ = struct.unpack_from("<IIII", content)
    size = min(size, BYTES)
    if kind == 0x414C454D:  # MELA: not compressed
        return content[16 : 16 + size]
    if kind != 0x75465A4C:  # LZFu
        return b""
    window = bytearray(_DICTIONARY.ljust(_WINDOW, b"\0"))
    write = len(_DICTIONARY)
    out = bytearray()
    at, end = 16, len(content)
    while at < end and len(out) < size:
        control = content[at]
        at += 1
        for bit in range(8):
            if not control >> bit & 1:
                piece = content[at : at + 1]
                at += 1
            else:
                if at + 2 > end:
                    return bytes(out[:size])
                reference = content[at] << 8 | content[at + 1]
                at += 2
                offset, length = reference >> 4, (reference & 0xF) + 2
                if offset == write:
                    return bytes(out[:size])
                piece = _from_window(window, offset, length, write)
            out += piece
            for byte in piece:
                window[write] = byte
                write = (write + 1) % _WINDOW
    return bytes(out[:size])


def _from_window(window: bytearray, offset: int, length: int, write: int) -> bytes:
    """The bytes of a reference, which may run into what it writes itself."""
    piece = bytearray()
    for step in range(length):
        at = (offset + step) % _WINDOW
        ahead = (at - write) % _WINDOW
        piece.append(piece[ahead] if ahead < len(piece) else window[at])
    return bytes(piece)


_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_SIGNS = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "tab": "\t", "cell": "\t",
    "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
    "emspace": " ", "enspace": " ",
}  # fmt: skip
_FONT_PAGES = {
    128: "cp932", 129: "cp949", 134: "gb18030", 136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258",
    177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
"""What a font's `\\fcharset` says of its letters; others are those of the document."""
_UNSEEN = frozenset(
    "fonttbl colortbl stylesheet info pict header footer headerl headerr footerl footerr generator themedata "
    "colorschememapping listtable listoverridetable rsidtbl xmlnstbl latentstyles datastore object objdata fldinst "
    "filetbl revtbl userprops pntext mhtmltag".split()
)


def text(rtf: bytes) -> tuple[str, str]:
    """The plain text, and the HTML where the RTF only wraps one; of the two one is empty.

    >>> text(rb"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}Gr\\'fc\\'dfe\\par\\u8364?5}")
    ('Grüße\\n€5', '')
    """
    html = b"\\fromhtml" in rtf[:1_000]
    said = _Reading(html=html).run(rtf)
    return ("", said) if html else (said, "")


class _Reading:
    def __init__(self, *, html: bool) -> None:
        self.html = html
        self.out: list[str] = []
        self.length = 0
        self.bytes = bytearray()
        """Of the code page, not decoded yet: a character may be written as two of them."""
        self.page = self.code_page = "cp1252"
        """Of the document, and of the font that is used."""
        self.unseen = False
        """Inside a group that nobody reads (fonts, colours, pictures)."""
        self.after_unicode = 1
        """How many characters behind a Unicode one stand for old readers."""
        self.skip = 0
        self.half = 0
        self.stack: list[tuple[bool, int, bool, str, bool]] = []
        self.deeper = 0
        self.shadow = False
        """Between `\\htmlrtf` and `\\htmlrtf0`: what readers of RTF see in place of the HTML."""
        self.in_fonts = False
        self.font = 0
        self.fonts: dict[int, str] = {}
        """The code page of each font that has another one than the document."""

    def run(self, rtf: bytes) -> str:
        first = starred = False
        at, end = 0, min(len(rtf), BYTES)
        while at < end and self.length < BYTES:
            match = _TOKEN.match(rtf, at, end)
            if match is None:
                at += 1
                continue
            at = match.end()
            word, number, code, sign, brace, plain = match.groups()
            if brace == b"{":
                self.opened()
                first, starred = True, False
                continue
            if brace == b"}":
                self.closed()
                if not self.stack:
                    break
            elif sign == b"*" and first:
                starred = True
                continue
            elif sign is not None:
                self.sign(sign)
            elif word == b"bin" and number is not None:
                at += max(int(number), 0)
            elif word is not None:
                self.word(word.decode("ascii"), int(number) if number is not None else None, starred=starred)
            elif code is not None:
                self.byte(bytes((int(code, 16),)))
            elif plain is not None:
                self.plain(plain)
            first = starred = False
        self.flush()
        return "".join(self.out)

    def opened(self) -> None:
        if len(self.stack) < GROUPS:
            self.stack.append((self.unseen, self.after_unicode, self.in_fonts, self.code_page, self.shadow))
        else:
            self.deeper += 1

    def closed(self) -> None:
        if self.deeper:
            self.deeper -= 1
        elif self.stack:
            self.flush()
            self.unseen, self.after_unicode, self.in_fonts, self.code_page, self.shadow = self.stack.pop()

    def word(self, name: str, number: int | None, *, starred: bool) -> None:
        if name in _UNSEEN or (starred and name != "htmltag"):
            self.unseen = True
            self.in_fonts = self.in_fonts or name == "fonttbl"
        elif name == "htmlrtf":
            self.flush()
            self.shadow = number != 0
        elif name == "ansicpg" and number:
            self.code_page = self.page = charset_names.canonical(f"cp{number}") or self.page
        elif name == "f" and number is not None:
            self.font = number
            if not self.in_fonts:
                self.flush()
                self.code_page = self.fonts.get(number, self.page)
        elif name == "fcharset" and self.in_fonts and number in _FONT_PAGES:
            self.fonts[self.font] = _FONT_PAGES[number]
        elif name == "uc" and number is not None:
            self.after_unicode = max(min(number, 8), 0)
        elif name == "u" and number is not None:
            self.unicode(number % 65_536)
        elif name in _SIGNS:
            self.write(_SIGNS[name])

    def sign(self, sign: bytes) -> None:
        if sign == b"~":
            self.write("\u00a0")
        elif sign in (b"\\", b"{", b"}"):
            self.plain(sign)
        elif sign in (b"\n", b"\r"):
            self.write("\n")
        elif sign == b"_":
            self.write("-")

    def unicode(self, number: int) -> None:
        self.skip = self.after_unicode
        if 0xD800 <= number < 0xDC00:
            self.half = number
            return
        if 0xDC00 <= number < 0xE000:
            if self.half:
                self.write(chr(0x10000 + ((self.half - 0xD800) << 10) + number - 0xDC00))
            self.half = 0
            return
        self.write(chr(number))

    def plain(self, content: bytes) -> None:
        if self.skip:
            content, self.skip = content[self.skip :], max(self.skip - len(content), 0)
        if not self.unseen and not self.shadow:
            self.bytes += content

    def byte(self, one: bytes) -> None:
        if self.skip:
            self.skip -= 1
        elif not self.unseen and not self.shadow:
            self.bytes += one

    def write(self, written: str) -> None:
        if not self.unseen and not self.shadow:
            self.flush()
            self.out.append(written)
            self.length += len(written)

    def flush(self) -> None:
        if self.bytes:
            self.out.append(self.bytes.decode(self.code_page, "replace").replace("\0", ""))
            self.length += len(self.out[-1])
            self.bytes.clear()
