"""Which characters do these bytes mean? What was declared, corrected by what the bytes themselves prove."""

from __future__ import annotations

import codecs
import re

from channels.email.reading import guessing, iso2022
from channels.email.reading.charset_names import ISO_2022, canonical

PATCHED = 1_000
"""Broken characters that are mended one by one; a text with more of them shows U+FFFD for each."""
UNREADABLE = "\ufffd"
"""Stands for what nobody can read; a text that holds it is shown with a note."""
UNREADABLE_NOTE = "characters that fit no known charset"


def text(content: bytes, declared: str = "") -> str:
    """These bytes as text: as declared where they can be that, else UTF-8, else by a guess that fits. Never raises.

    One broken character costs one character. What fits no charset becomes U+FFFD, one for each stretch, never noise;
    NUL is removed, and no C1 control is left (bytes 0x80 to 0x9F mean the Windows characters).
    """
    codec = canonical(declared)
    if codec.startswith(("utf-16", "utf-32")) and b"\0" not in content and content[:2] not in _WIDE_MARKS:
        codec = ""
    decoded = None
    if content.isascii() and codec not in _NOT_LIKE_ASCII:
        decoded = _seven_bit(content)
    elif codec:
        decoded = _as_declared(content, codec)
    if decoded is None:
        decoded = _undeclared(content)
    return decoded.replace("\0", "") if "\0" in decoded else decoded


def header_text(content: bytes, declared: str = "") -> str:
    """The same in a header, where a NUL becomes a space, so that no two words become one."""
    if b"\0" in content and not canonical(declared).startswith(("utf-16", "utf-32")):
        content = content.replace(b"\0", b" ")
    return text(content, declared)


def html(content: bytes, declared: str = "") -> str:
    """The text of an HTML document: a byte order mark wins, then what the part says, then what `<meta>` says.

    Where part and `<meta>` differ, the bytes decide: UTF-8 when they are that, else what gives the more usual letters.
    """
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return content.decode(codec, "replace").lstrip("\ufeff").replace("\0", "")
    said, meta = canonical(declared), _meta_charset(content)
    other = canonical(meta)
    if not said:
        return text(content, meta or declared)
    if not other or other == said or content.isascii():
        return text(content, declared)
    if "utf-8" in (said, other):
        unicode = _mostly_utf8(content)
        if unicode is not None:
            return unicode.replace("\0", "")
        return text(content, meta if said == "utf-8" else declared)
    first, second = text(content, declared), text(content, meta)
    return second if first != second and guessing.readable(second) > guessing.readable(first) else first


_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NOT_LIKE_ASCII = frozenset(
    "utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be utf-7 hz cp037 cp500 cp1026 cp1140".split()
)
"""Charsets in which bytes below 0x80 may mean something else than in ASCII."""
_META_BYTES = 4_096


def _meta_charset(content: bytes) -> str:
    head = content[:_META_BYTES].lower()
    at = head.find(b"charset=")
    if at < 0 or b"<meta" not in head[:at]:
        return ""
    value = head[at + 8 : at + 50].lstrip(b"\"' ")
    end = next((i for i, byte in enumerate(value) if byte in b"\"'> ;/"), len(value))
    name = value[:end].decode("latin-1")
    return "" if canonical(name).startswith(("utf-16", "utf-32")) else name


def _seven_bit(content: bytes) -> str:
    """ASCII, unless it changes to another charset by escapes: no other text holds those."""
    if iso2022.is_used(content):
        return iso2022.decode(content)
    if iso2022.is_hz(content):
        return iso2022.decode_hz(content)
    return content.decode("ascii")


def _as_declared(content: bytes, codec: str) -> str | None:
    """None where the bytes cannot be what was declared."""
    if codec == ISO_2022:
        return iso2022.decode(content) if iso2022.is_used(content) else None
    if codec == "hz":
        return iso2022.decode_hz(content)
    if codec == "utf-8":
        return _mostly_utf8(content)
    if codec == "ascii":
        return None
    if codec in _NOT_LIKE_ASCII:
        decoded = content.decode(codec, "replace")
        # UTF-7 lets halves of a surrogate pair through; nothing else can store them.
        return decoded.encode("utf-8", "replace").decode()
    several = codec in _SEVERAL_BYTES
    if _is_utf8(content, 4 if several else 2):
        return content.decode("utf-8")
    if not several:
        return _one_byte(content, codec)
    return _patched(content, codec)


_SEVERAL_BYTES = frozenset(
    "big5 big5hkscs cp932 cp949 cp950 euc_jis_2004 euc_jisx0213 euc_jp euc_kr gb18030 johab shift_jis_2004 "
    "shift_jisx0213".split()
)
_SEQUENCE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


def _is_utf8(content: bytes, sequences: int) -> bool:
    """Is this UTF-8 whatever was declared? Then all of it is, and more of it than chance would make so."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    found = _SEQUENCE.finditer(content)
    return sum(1 for _ in zip(range(sequences), found, strict=False)) == sequences


_WINDOWS = {
    "iso8859-2": "cp1250",
    "iso8859-3": "cp1254",
    "iso8859-4": "cp1257",
    "iso8859-5": "cp1251",
    "iso8859-6": "cp1256",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-10": "cp1257",
    "iso8859-13": "cp1257",
    "iso8859-14": "cp1252",
    "iso8859-15": "cp1252",
    "iso8859-16": "cp1250",
}
"""The Windows code page of the same letters: what a text is in that holds bytes which ISO 8859 leaves to controls."""
_CONTROL = re.compile(rb"[\x80-\x9f]")


def _one_byte(content: bytes, codec: str) -> str | None:
    page = _WINDOWS.get(codec)
    if page is not None and _CONTROL.search(content) is not None:
        return _windows(content, codec, page)
    meant = not_latin(content) if codec == "cp1252" else ""
    if meant:
        return _decoded(content, meant)
    return content.decode(codec, "replace")


def not_latin(content: bytes) -> str:
    """The charset of a text that is Western by its label only: that of programs that know no better. Empty: it may be."""
    if _NOT_WESTERN.search(content) is None and not (
        _MANY_HIGH.search(content) is not None and guessing.is_foreign(content)
    ):
        return ""
    guess = guessing.codec(content)
    return "" if guess in _LATIN_PAGES else guess


_MANY_HIGH = re.compile(rb"[\xa1-\xff]{6}")
_NOT_WESTERN = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
"""Bytes that the Western code page leaves out."""
_LATIN_PAGES = frozenset(("cp1252", "cp1250", "iso8859-2", "cp1254", "cp1257", "cp850"))


def _windows(content: bytes, codec: str, page: str) -> str:
    """Is the whole text in the Windows code page, or is it ISO 8859 with quotation marks from there in it?"""
    whole = content.decode(page, "replace")
    if codec == "iso8859-15":
        whole = whole.replace("\xa4", "€")
    signs = bytes(range(0x80, 0xA0)).decode(page, "replace")
    mixed = content.decode(codec, "replace").translate(dict(enumerate(signs, 0x80)))
    return mixed if mixed != whole and guessing.readable(mixed) > guessing.readable(whole) else whole


_TRIED = 256 * 1024
"""Of a large text the beginning shows whether it is in a charset at all."""


def _patched(content: bytes, codec: str) -> str | None:
    """A text of East Asia, its broken characters mended or replaced one by one; None where most of it is broken."""
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        if len(content) > _TRIED and _patched(content[:_TRIED], codec) is None:
            return None
        decoded = content.decode(codec, "replace")
    broken = decoded.count(UNREADABLE)
    if broken <= PATCHED:
        decoded = content.decode(codec, "mail-patch")
        broken = decoded.count(UNREADABLE)
    return decoded if broken * 4 <= _beyond_ascii(decoded) + 4 else None


def _beyond_ascii(decoded: str) -> int:
    return len(decoded) - len(decoded.encode("ascii", "ignore"))


_WIDER = {"cp950": "big5hkscs", "big5": "big5hkscs", "cp932": "shift_jis_2004", "euc_kr": "cp949"}
"""Where a character is looked for that a charset does not have: in one that has the same and more."""


def _mend(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    at = error.start
    pair = bytes(error.object[at : at + 2])
    if error.encoding == "euc_jp" and len(pair) == 2 and min(pair) >= 0xA1:
        return iso2022.decode(b"\x1b$B" + bytes(byte & 0x7F for byte in pair)), at + 2
    wider = _WIDER.get(error.encoding)
    if wider is not None and len(pair) == 2:
        found = pair.decode(wider, "ignore")
        if len(found) == 1 and found > "\x7f":
            return found, at + 2
    if pair[:1] == b"\x80":
        return "€", at + 1
    return UNREADABLE, max(error.end, at + 1)


codecs.register_error("mail-patch", _mend)


def _undeclared(content: bytes) -> str:
    decoded = _mostly_utf8(content)
    if decoded is not None:
        return decoded
    if iso2022.is_used(content):
        return iso2022.decode(content)
    guess = guessing.codec(content)
    mixed = _mostly_utf8(content, share=3) if not guess or guess in _LATIN_PAGES else None
    if mixed is not None:
        return mixed
    return _decoded(content, guess) if guess else _HIGH.sub(UNREADABLE, content.decode("latin-1"))


_HIGH = re.compile("[\x80-\xff]+")


def _decoded(content: bytes, codec: str) -> str:
    decoded = _patched(content, codec) if codec in _SEVERAL_BYTES else None
    return content.decode(codec, "replace") if decoded is None else decoded


def _mostly_utf8(content: bytes, share: int = 1) -> str | None:
    """UTF-8 with here and there a byte that is none; None where those are `share` times the whole characters."""
    try:
        decoded = content.decode("utf-8")
    except UnicodeDecodeError:
        decoded = content.decode("utf-8", "replace")
        broken = decoded.count(UNREADABLE)
        if _beyond_ascii(decoded) - broken < broken / share:
            return None
        if broken <= PATCHED:
            decoded = content.decode("utf-8", "mail-stray")
    return decoded if _C1.search(content) is None else decoded.translate(_C1_MEANT)


_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_C1_MEANT = dict(enumerate(bytes(range(0x80, 0xA0)).decode("cp1252", "replace"), 0x80))


def _stray(error: UnicodeError) -> tuple[str, int]:
    """A byte or two among ASCII letters were written by a Western program: a quotation mark, an umlaut."""
    assert isinstance(error, UnicodeDecodeError)
    content, start, end = error.object, error.start, error.end
    left, right = start, end
    while left > 0 and content[left - 1] >= 0x80 and end - left < 4:
        left -= 1
    while right < len(content) and content[right] >= 0x80 and right - left < 4:
        right += 1
    around = bytes(content[max(left - 1, 0) : left] + content[right : right + 1])
    if end - start == 1 and right - left < 4:
        byte = bytes(content[start:end])
        if byte < b"\xa0" or (byte >= b"\xc0" and around.decode("ascii", "replace").strip().isalpha()):
            return byte.decode("cp1252", "replace"), end
    return UNREADABLE, end


codecs.register_error("mail-stray", _stray)
