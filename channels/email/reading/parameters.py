"""What do the parameters of Content-Type and Content-Disposition say? RFC 2045, RFC 2231 and what mailers write."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from channels.email.reading import charsets, iso2022

PARAMETERS = 100
SEGMENTS = 100

_ONE = re.compile(r';\s*([^\s=;"]{1,100})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_SEGMENT = re.compile(r"(.+?)\*(?:(\d{1,3})(\*?))?$")


def parse(value: str) -> tuple[str, dict[str, str]]:
    """The main word in lower case and the parameters by lower-case name, continuations joined and decoded.

    At most 100 parameters and 100 segments are looked at. A value may hold any character.

    >>> parse('Text/Plain; charset="utf-8"; format=flowed')
    ('text/plain', {'charset': 'utf-8', 'format': 'flowed'})
    >>> parse("attachment; filename*0*=utf-8''a%20; filename*1=b.txt")
    ('attachment', {'filename': 'a b.txt'})
    >>> parse('application/pdf name="a.pdf"')
    ('application/pdf', {'name': 'a.pdf'})
    """
    if "\x1b" in value and iso2022.is_used(value.encode("latin-1", "replace")):
        value = iso2022.decode(value.encode("latin-1", "replace"))
    main, _, _ = value.partition(";")
    word = _without_comment(main).strip().strip('"').lower()
    end = _ENDS_WORD.search(word)
    if end is not None:
        # No semicolon behind the word, or no word: application/pdf name="a.pdf"; attachment, filename=a; filename=a.
        word = word[: end.start()] if end.group() != "=" else ""
        at = main.lower().index(word) + len(word)
        main, value = main[:at], f"{main[:at]};{value[at:].lstrip(' ,')}"
    found: dict[str, str] = {}
    segments: dict[str, dict[int, tuple[str, bool]]] = {}
    at = len(main)
    for _ in range(PARAMETERS):
        match = _ONE.search(value, at)
        if match is None:
            break
        at = match.end()
        name, quoted, bare = match.groups()
        if quoted is not None:
            text, at = _quoted(value, quoted, at)
        else:
            text = _bare(bare)
        name = name.lower()
        if "*" in name:
            part = _SEGMENT.fullmatch(name)
            if part is not None and len(segments.get(part.group(1), ())) < SEGMENTS:
                # filename*=… is one encoded value; filename*0=… and filename*0*=… are pieces of one.
                encoded = part.group(2) is None or part.group(3) == "*"
                segments.setdefault(part.group(1), {})[int(part.group(2) or 0)] = (text, encoded)
        else:
            found.setdefault(name, text)
    for name, pieces in segments.items():
        found[name] = _joined(pieces)
    return word, found


def _quoted(value: str, quoted: str, at: int) -> tuple[str, int]:
    """A quoted value and where it ends; a quotation mark that nobody escaped belongs to it (filename="a"b".pdf")."""
    if value[at : at + 1] not in _BEHIND_VALUE:
        further = _REAL_END.search(value, at, at + 1_000)
        if further is not None:
            quoted, at = value[value.rindex(quoted, 0, at) : further.start()], further.end()
    # Only what must be escaped is unescaped: nobody escapes anything else, but C:\Users is written as it is.
    return (_ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted), at


def _bare(bare: str) -> str:
    text = bare.strip()
    comment = _COMMENT_BEHIND.fullmatch(text)
    if comment is not None:
        text = comment.group(1)
    if text[:1] == "'" and text[-1:] == "'" and len(text) > 1:
        return text[1:-1]
    return text.strip('"')


_ENDS_WORD = re.compile(r"[\s,=]")
_BEHIND_VALUE = frozenset(("", " ", "\t", ";", ",", "(", "\r", "\n"))
_REAL_END = re.compile(r'"(?=\s*(?:;|$))')
_COMMENT_BEHIND = re.compile(r"([^()]{0,500}\.\w{1,8})\s+\([^()]{0,500}\)")


def _without_comment(text: str) -> str:
    return text.split("(", 1)[0] if "(" in text else text


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    """RFC 2231, 3 and 4: bytes of all encoded pieces are decoded together, a character may be split."""
    charset, collected, pending = "", b"", ""
    for place, number in enumerate(sorted(pieces)):
        text, encoded = pieces[number]
        if not encoded:
            collected += _bytes(pending) + text.encode("latin-1", "replace")
            pending = ""
            continue
        if place == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        # Mailers cut inside %2|0 too: encoded pieces that follow each other are one.
        pending += text
    return charsets.header_text(collected + _bytes(pending), charset)


def _bytes(encoded: str) -> bytes:
    return unquote_to_bytes(encoded.encode("latin-1", "replace"))
