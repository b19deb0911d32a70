"""Which charset does this name mean? What mailers write, against an allow-list of real charsets."""

from __future__ import annotations

import codecs
import re

ISO_2022 = "iso2022"
"""Every charset that changes by escapes: our own decoder reads them all (iso2022.py)."""

_MEANT = {
    "": "7bit-default 8bit 8-bit binary default default_charset unknown-8bit x-unknown unknown unknown8bit none x-user-defined",
    "utf-8": "utf8 utf unicode unicode-1-1-utf-8 utf-8-sig cp65001 utf8mb4 utf-8mb4 unicode-2-0-utf-8",
    "ascii": "us-ascii ansi_x3.4-1968 ascii 7bit 7-bit us iso646-us iso-ir-6 ansi_x3.110-1983",
    "cp1252": "iso-8859-1 latin1 latin-1 l1 ansi x-ansi iso-ir-100 cp819 western",
    "cp1254": "iso-8859-9 latin5 l5",
    "cp874": "iso-8859-11 tis-620 tis620 windows-874 x-windows-874",
    "iso8859-2": "latin2 latin-2",
    "iso8859-8": "iso-8859-8-i iso-8859-8-e logical visual",
    "iso8859-6": "iso-8859-6-i iso-8859-6-e asmo-708 ecma-114 arabic",
    "mac-roman": "macintosh mac macroman x-mac-roman x-macroman",
    "mac-latin2": "x-mac-ce x-mac-centraleurroman x-mac-centraleuropean",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "mac-greek": "x-mac-greek",
    "mac-turkish": "x-mac-turkish",
    "gb18030": "x-gbk gbk cp936 ms936 gb2312 gb_2312 gb_2312-80 gb2312-80 gbk2k euc-cn x-euc-cn gb18030-2000 chinese simplified-chinese",
    "hz": "hz-gb-2312 hz hzgb cp52936",
    "cp950": "big5 big-5 x-x-big5 big5-eten traditional-chinese big5-tw",
    "big5hkscs": "big5-hkscs big5hkscs",
    "cp949": "ks_c_5601-1987 ks_c_5601-1989 ks_c_5601 ksc5601 ksc_5601 ks-c-5601 euc-kr euckr korean uhc x-windows-949",
    "cp932": "x-sjis shift_jis shift-jis sjis s-jis x-ms-cp932 windows-31j ms_kanji mskanji ms932",
    "euc_jp": "x-euc-jp euc-jp eucjp euc_jp eucjp-ms eucjp-win cp51932 x-euc",
    "utf-7": "unicode-1-1-utf-7 utf-7 utf7 unicode-2-0-utf-7",
    "utf-16": "ucs-2 iso-10646-ucs-2 ucs2",
    "koi8-r": "koi8 koi-8 koi8r koi8-ru",
    "koi8-u": "koi8u",
    ISO_2022: "iso-2022-jp iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 iso-2022-jp-2004 iso-2022-jp-ms iso-2022-jp-ext "
    "x-iso-2022-jp x-iso-2022-jp-ms iso2022jp iso2022-jp jis jis7 x-jis jis_encoding x-windows-iso2022jp cp50220 cp50221 cp50222 "
    "iso-2022-kr x-iso-2022-kr iso2022kr cp50225 iso-2022-cn iso-2022-cn-ext x-iso-2022-cn cp50227 cp50229 iso-2022 iso2022",
}
_ALIASES = {alias: codec for codec, names in _MEANT.items() for alias in names.split()} | {"": ""}
_HABITS = (
    (re.compile(r"(?:x-)?(?:windows|win|cp|ms|ibm)[-_ ]?(\d{3,5})(?!\d).{0,30}"), r"cp\1"),
    (
        re.compile(
            r"(?:x-)?(?:cs)?iso[-_ ]?(?:ir-)?8859[-_ ]?(\d{1,2})(-[ei])?(?::\d{4})?(?:[^a-z0-9-].{0,30})?"
        ),
        r"iso-8859-\1\2",
    ),
)
"""`win-1251`, `x-cp1251`, `iso8859_15`, `iso_8859-1:1987`, and a word that ran into the name behind it."""

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
    """The codec for a charset as a mail names it; empty when it is none we accept, `ISO_2022` for that family.

    >>> canonical('"UTF8"'), canonical("iso-8859-1"), canonical("unicode_escape"), canonical("idna")
    ('utf-8', 'cp1252', '', '')
    >>> canonical("x-win-1251"), canonical("ISO_8859-15:1998"), canonical("cp50221"), canonical("windows-1252http")
    ('cp1251', 'iso8859-15', 'iso2022', 'cp1252')
    """
    known = _known.get(name)
    if known is None:
        known = _resolved(name.strip().strip("\"'").strip().lower()[:60])
        if len(_known) < 1_000:
            _known[name] = known
    return known


def _resolved(plain: str) -> str:
    plain = plain.partition(";")[0].strip("\"' ").removeprefix("charset=").strip("\"' ")
    for name in (plain, plain.removeprefix("cs")):
        if name in _ALIASES:
            return _ALIASES[name]
        found = _looked_up(name)
        if found:
            return found
    for habit, meant in _HABITS:
        match = habit.fullmatch(plain)
        if match is not None:
            name = match.expand(meant)
            return _ALIASES[name] if name in _ALIASES else _looked_up(name)
    return ""


def _looked_up(name: str) -> str:
    if not name.isascii() or "\0" in name:
        return ""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    if found.startswith("iso2022"):
        return ISO_2022
    if found in _REAL:
        return _ALIASES.get(found) or _ALIASES.get(found.replace("iso8859", "iso-8859"), found)
    return found if found.replace("_", "-") in _REAL else ""
