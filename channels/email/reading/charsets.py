"""Which characters do these bytes mean? An allow-list of real charsets, then a fixed order of guesses."""

from __future__ import annotations

import codecs

from charset_normalizer import from_bytes

GUESS_BYTES = 64 * 1024
GUESSABLE = 24
"""Bytes beyond ASCII below which a guess is worse than none: four of them make a Chinese word of any language."""
_ASCII = bytes(range(128))

_ALIASES = {
    "": "",
    "utf8": "utf-8",
    "utf": "utf-8",
    "unicode": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "cp65001": "utf-8",
    "utf8mb4": "utf-8",
    "us-ascii": "ascii",
    "ansi_x3.4-1968": "ascii",
    "ascii": "ascii",
    "7bit": "ascii",
    "8bit": "",
    "binary": "",
    "default": "",
    "default_charset": "",
    "unknown-8bit": "",
    "x-unknown": "",
    "unknown": "",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "iso88591": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "l1": "cp1252",
    "ansi": "cp1252",
    "windows1252": "cp1252",
    "x-ansi": "cp1252",
    "macintosh": "mac-roman",
    "mac": "mac-roman",
    "x-mac-roman": "mac-roman",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-6-i": "iso8859-6",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "x-gbk": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "cp950",
    "x-x-big5": "cp950",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601-1989": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "korean": "cp949",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "x-euc-jp": "euc_jp",
    "unicode-1-1-utf-7": "utf-7",
    "utf-7": "utf-7",
    "koi8": "koi8-r",
    "x-cp1251": "cp1251",
    "win-1251": "cp1251",
    "win1251": "cp1251",
}

_REAL = frozenset(
    """ascii utf-8 utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be utf-7 big5 big5hkscs cp037 cp437 cp500
    cp720 cp737 cp775 cp850 cp852 cp855 cp857 cp858 cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp932
    cp949 cp950 cp1006 cp1026 cp1125 cp1140 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
    euc_jp euc_jis_2004 euc_jisx0213 euc_kr gb2312 gbk gb18030 hz iso2022_jp iso2022_jp_1 iso2022_jp_2
    iso2022_jp_2004 iso2022_jp_3 iso2022_jp_ext iso2022_kr iso8859-1 iso8859-2 iso8859-3 iso8859-4 iso8859-5
    iso8859-6 iso8859-7 iso8859-8 iso8859-9 iso8859-10 iso8859-11 iso8859-13 iso8859-14 iso8859-15 iso8859-16
    johab koi8-r koi8-t koi8-u kz1048 mac-cyrillic mac-greek mac-iceland mac-latin2 mac-roman mac-turkish
    ptcp154 shift_jis shift_jis_2004 shift_jisx0213 tis-620""".split()
)
"""By the canonical names of Python's codecs. Everything else in its registry is a codec, not a charset:
`unicode_escape`, `rot13`, `idna`, `zlib` and their like raise, or make `<script>` of harmless letters."""

_known: dict[str, str] = {}


def canonical(name: str) -> str:
    """The codec for a charset as a mail names it; empty when it is none we accept.

    >>> canonical('"UTF8"'), canonical("iso-8859-1"), canonical("unicode_escape"), canonical("idna")
    ('utf-8', 'cp1252', '', '')
    """
    known = _known.get(name)
    if known is not None:
        return known
    plain = name.strip().strip("\"'").strip().lower().removeprefix("cs")[:40]
    codec = _ALIASES.get(plain)
    if codec is None:
        codec = _looked_up(plain)
    if len(_known) < 1_000:
        _known[name] = codec
    return codec


def _looked_up(name: str) -> str:
    if not name.isascii() or "\0" in name:
        return ""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    if found in _REAL:
        return _ALIASES.get(found, found)
    return found if found.replace("_", "-") in _REAL else ""


def text(content: bytes, declared: str = "") -> str:
    """These bytes as text: as declared, else UTF-8, else a guess, else cp1252. Never raises; NUL is removed."""
    codec = canonical(declared)
    decoded = _strict(content, codec) if codec else None
    if decoded is None:
        decoded = _strict(content, "utf-8")
    if decoded is None and codec not in ("", "ascii", "cp1252"):
        # A few broken characters in an otherwise right charset: better than a guess for all of them.
        loose = content.decode(codec, "replace")
        if loose.count("\ufffd") * 20 <= len(loose):
            decoded = loose
    if decoded is None and codec == "":
        decoded = _guessed(content)
    if decoded is None:
        decoded = content.decode("cp1252", "replace")
    return decoded.replace("\0", "") if "\0" in decoded else decoded


def header_text(content: bytes, declared: str = "") -> str:
    """The same for a few characters in a header, where no guess is worth its time."""
    codec = canonical(declared)
    decoded = _strict(content, codec) if codec else None
    if decoded is None:
        decoded = _strict(content, "utf-8")
    return decoded if decoded is not None else content.decode(codec or "cp1252", "replace")


def html(content: bytes, declared: str = "") -> str:
    """The text of an HTML document: a byte order mark wins, then what the part says, then what `<meta>` says."""
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return content.decode(codec, "replace").lstrip("\ufeff").replace("\0", "")
    if not canonical(declared):
        declared = _meta_charset(content) or declared
    return text(content, declared)


_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def _meta_charset(content: bytes) -> str:
    head = content[:2048].lower()
    at = head.find(b"charset=")
    if at < 0 or b"<meta" not in head[:at]:
        return ""
    value = head[at + 8 : at + 50].lstrip(b"\"' ")
    end = next((i for i, byte in enumerate(value) if byte in b"\"'> ;/"), len(value))
    name = value[:end].decode("latin-1")
    return "" if canonical(name).startswith(("utf-16", "utf-32")) else name


def _strict(content: bytes, codec: str) -> str | None:
    try:
        decoded = content.decode(codec)
        # UTF-7 lets halves of a surrogate pair through; nothing else can store them.
        return decoded.encode("utf-8", "replace").decode() if codec == "utf-7" else decoded
    except (UnicodeError, ValueError):
        # cp1252 has five holes; a declared Latin-1 text with one of them is still that text.
        return content.decode("cp1252", "replace") if codec == "cp1252" else None


def _guessed(content: bytes) -> str | None:
    if len(content.translate(None, _ASCII)) < GUESSABLE:
        return None
    best = from_bytes(content[:GUESS_BYTES], steps=3, chunk_size=256).best()
    if best is None or canonical(best.encoding) == "":
        return None
    return content.decode(canonical(best.encoding), "replace")
