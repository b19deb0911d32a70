"""What does a header field say? Encoded words, raw bytes, ids and dates. Nothing here raises."""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from channels.email.reading import charsets, iso2022

IDS = 50
ID_CHARACTERS = 1_000


def decoded(value: str, charset: str = "") -> str:
    """A field's text: encoded words decoded, raw 8-bit read, control characters made spaces, on one line.

    `value` holds one byte a character, as `structure.Field` does; `charset` is the body's, for raw bytes.

    >>> decoded("=?utf-8?q?Gr=C3=BC=C3=9F?= =?utf-8?b?ZSE=?= x")
    'Grüße! x'
    >>> decoded("in\\u200bvoice \\u202egnp.exe")
    'in·voice ⇤gnp.exe'
    """
    text = words(value, charset) if "=?" in value else raw_text(value, charset)
    if not text.isprintable():
        text = seen(text)
    return " ".join(text.split(" ")).strip() if "  " not in text else _SPACES.sub(" ", text).strip()


_SPACES = re.compile(r"[ \t]{2,}")
_JOINERS = frozenset("\u200c\u200d\u200e\u200f")
"""Kept as they are: they are part of words in some scripts, and turn nothing around."""
_SEEN = {
    **dict.fromkeys("\u202a\u202d\u2066", "\u21e5"),
    **dict.fromkeys("\u202b\u202e\u2067", "\u21e4"),
    **dict.fromkeys("\u202c\u2068\u2069", "\u21c6"),
    **dict.fromkeys("\u200b\u2060\ufeff", "\u00b7"),
}
"""What turns the direction of what follows, or hides inside a word, becomes an arrow or a dot: a name that only looks like another's
is seen, and nothing on a page is turned around (Unicode TR 36, 2.5)."""


def seen(text: str) -> str:
    """The same with a mark for what turns or hides letters, and a space for what is no character to look at."""
    return "".join(c if c.isprintable() or c in _JOINERS else _SEEN.get(c, " ") for c in text)


def printable(text: str) -> str:
    """The same with a space for everything that is no character to look at."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def raw_text(value: str, charset: str = "") -> str:
    """Raw 8-bit bytes in a header: UTF-8, else the body's charset, else a guess; raw ISO-2022 by its escapes.

    What holds characters that no byte stands for was decoded before, as parameters are (RFC 2231), and is left as it is.

    >>> raw_text("\xe2\x82\xac"), raw_text("\xe9"), raw_text("日本語")
    ('€', 'é', '日本語')
    """
    if value.isascii():
        return charsets.text(value.encode()) if "\x1b" in value else value
    if max(value) > "\xff":
        return value
    content = value.encode("latin-1")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return charsets.header_text(content, charset)


def without_escapes(value: str) -> str:
    """The same field where it changes to a Japanese, Korean or Chinese charset by escapes: those stretches as text.

    Their bytes are letters, quotation marks and brackets of ASCII, so this comes before the field is taken apart. No
    character that is read from two bytes is one of ASCII: nothing of the structure can come out of it.
    """
    if not ("\x1b" in value and value.isascii() and iso2022.is_used(value.encode())):
        return value
    return iso2022.decode(value.encode())


def words(value: str, charset: str = "") -> str:
    """RFC 2047 wherever it stands; adjacent words of one charset are joined before they are decoded."""
    out: list[str] = []
    pending, pending_charset = b"", ""
    at, length, close = 0, len(value), value.rfind("?=")
    while at < length:
        start = value.find("=?", at) if at < close else -1
        word = _word(value, start) if start >= 0 else None
        if start < 0:
            start = length
        between = value[at:start]
        if word is None and start < length:
            between = value[at : start + 2]
        if between and not (pending_charset and word is not None and between.isspace()):
            if pending_charset:
                out.append(charsets.header_text(pending, pending_charset))
                pending, pending_charset = b"", ""
            out.append(raw_text(between, charset))
        if word is None:
            at = start + 2 if start < length else length
            continue
        name, content, at = word
        if pending_charset and name != pending_charset:
            out.append(charsets.header_text(pending, pending_charset))
            pending = b""
        pending, pending_charset = pending + content, name
    if pending_charset:
        out.append(charsets.header_text(pending, pending_charset))
    return "".join(out)


def _word(value: str, start: int) -> tuple[str, bytes, int] | None:
    """The encoded word that begins here: its charset, its bytes, where it ends; or None."""
    first = value.find("?", start + 2, start + 82)
    if first < 0 or value[first + 2 : first + 3] != "?":
        return None
    method = value[first + 1].lower()
    if method not in "bq":
        return None
    end = value.find("?=", first + 3)
    if end < 0:
        return None
    # RFC 2231, 5: a language may follow the charset.
    name = value[start + 2 : first].partition("*")[0].strip().lower()
    content = value[first + 3 : end].encode("latin-1", "replace")
    return name or "utf-8", _base64(content) if method == "b" else _quoted(content), end + 2


def _quoted(content: bytes) -> bytes:
    return binascii.a2b_qp(content, header=True)


def _base64(content: bytes) -> bytes:
    content = content.rstrip(b"=")
    short = len(content) % 4
    if short == 1:
        content = content[:-1]
    try:
        return binascii.a2b_base64(content + b"==")
    except binascii.Error:
        return b"\xef\xbf\xbd"


_BRACKETED = re.compile(r"<([^<>]{1,2000})>")
_COMMENT = re.compile(r"\([^()<>]{0,500}\)")
_WHITE = re.compile(r"\s+")


def ids(value: str, limit: int = 10_000) -> list[str]:
    """Message ids without brackets, in order, each once. Comments, folds and missing brackets are accepted.

    >>> ids("<a@b> (was) <c\\t@d> <a@b>"), ids("a@b, c@d"), ids("<>"), ids("yesterday's mail")
    (['a@b', 'c@d'], ['a@b', 'c@d'], [], [])
    """
    if not value:
        return []
    value = raw_text(value)
    found = _BRACKETED.findall(value)
    if not found:
        if "(" in value:
            value = _COMMENT.sub(" ", value)
        found = [word for word in value.replace(",", " ").split() if "@" in word]
    clean: dict[str, None] = {}
    for one in found[:limit]:
        text = _WHITE.sub("", one).strip('<>"')[:ID_CHARACTERS]
        if text and text.isprintable():
            clean[text] = None
    return list(clean)


def message_id(value: str) -> str:
    """The one id of a Message-ID field; any text is taken when it holds none that looks like one.

    >>> message_id("<x@y>"), message_id("<no-at-sign>"), message_id("plain"), message_id("<>")
    ('x@y', 'no-at-sign', 'plain', '')
    """
    found = ids(value)
    if found:
        return found[0]
    text = _WHITE.sub("", raw_text(value)).strip("<>")[:ID_CHARACTERS]
    return text if text.isprintable() else ""


_DATE = re.compile(
    r"(?:[A-Za-z]{3,9},? *)?(\d{1,2}) ([A-Za-z]{3})[a-z]* (\d{4}) (\d{1,2}):(\d\d)(?::(\d\d))? ([+-])(\d\d)(\d\d)"
)
_MONTHS = {m: n for n, m in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}


def date(value: str) -> datetime | None:
    """An aware UTC instant, or None where no date can be read (RFC 5322, 3.3, and the obsolete forms).

    >>> date("Mon, 23 Nov 2026 06:00:00 +0100").isoformat()
    '2026-11-23T05:00:00+00:00'
    >>> date("soon") is None
    True
    """
    if not value:
        return None
    match = _DATE.match(value[:100])
    try:
        if match is not None:
            day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            at = datetime(
                int(year),
                _MONTHS[month.lower()],
                int(day),
                int(hour),
                int(minute),
                min(int(second or 0), 59),
                tzinfo=timezone(-offset if sign == "-" else offset),
            )
            return at.astimezone(UTC)
        loose = parsedate_to_datetime(value[:100])
        return (loose if loose.tzinfo is not None else loose.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, KeyError, OverflowError, TypeError, IndexError):
        return None
