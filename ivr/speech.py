"""How is a prompt said? Places are filled by plain substitution, and the filter decides how a value is read aloud."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time, format_timedelta

PLACE = re.compile(r"\{(\w+)(?:\|(\w+))?\}")
MAX_CHOICES = 8
"""Read in one menu; the key behind the last is "something else"."""

_AT = {"it": "alle", "en": "at"}
_PRESS = {"it": "Per {what}, prema {key}.", "en": "For {what}, press {key}."}
_ELSE = {"it": "qualcos'altro", "en": "something else"}
_KEYS = {
    "it": dict(zip("0123456789", "zero uno due tre quattro cinque sei sette otto nove".split(), strict=True)),
    "en": dict(zip("0123456789", "zero one two three four five six seven eight nine".split(), strict=True)),
}


def fill(text: str, values: Mapping[str, Any], language: str) -> str:
    """The text with its places filled. Raises KeyError for a place nobody gave a value, which `validate` rules out."""
    return PLACE.sub(lambda found: _read(found[2] or "", values[found[1]], language), text)


def places(text: str) -> frozenset[str]:
    """The names a text needs.

    >>> sorted(places("Request {ticket|digits}: {request_state}"))
    ['request_state', 'ticket']
    """
    return frozenset(found[1] for found in PLACE.finditer(text))


def unknown_filters(text: str, language: str) -> frozenset[str]:
    """Filters in a text that nobody knows, or not in this language."""
    used = {found[2] for found in PLACE.finditer(text) if found[2]}
    return frozenset(
        name for name in used if name not in FILTERS or (name in _MENUS and language not in _PRESS)
    )


def loose(text: str) -> str:
    """What looks like a place and is none, and would be read aloud as it stands.

    >>> loose("You have {open count} requests"), loose("You have {open_count} requests")
    ('{open count}', '')
    """
    found = re.search(r"\{[^{}]*\}?|\}", PLACE.sub("", text))
    return found[0] if found else ""


def speaks(language: str) -> bool:
    """Can days and lengths of time be said in this language?

    >>> speaks("pt-BR"), speaks("xx"), speaks("it alia")
    (True, False, False)
    """
    try:
        return bool(_locale(language))
    except (UnknownLocaleError, ValueError):
        return False


def _locale(language: str) -> Locale:
    return Locale.parse(language, sep="-")


def _read(name: str, value: Any, language: str) -> str:
    return FILTERS[name](value, language) if name else _plain(value)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def digits(value: Any, language: str) -> str:
    """One by one, for a voice that would else read a number.

    >>> digits("26-000471", "en")
    '2 6, 0 0 0 4 7 1'
    """
    groups = re.findall(r"\d+", str(value))
    return ", ".join(" ".join(group) for group in groups)


def spell(value: Any, language: str) -> str:
    """Letter by letter."""
    return " ".join(str(value))


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(value)


def _datetime(value: Any, language: str) -> str:
    moment = _moment(value)
    day = format_datetime(moment, "EEEE d MMMM", locale=_locale(language))
    return f"{day} {_AT.get(language, '')} {_time(value, language)}".replace("  ", " ")


def _date(value: Any, language: str) -> str:
    return format_date(_moment(value), "EEEE d MMMM", locale=_locale(language))


def _time(value: Any, language: str) -> str:
    return format_time(_moment(value).time(), "H:mm", locale=_locale(language))


def _number(value: Any, language: str) -> str:
    return str(int(value))


def _duration(value: Any, language: str) -> str:
    """Seconds, as a length of time in minutes that nobody is held to."""
    minutes = max(1, round(float(value) / 60))
    return format_timedelta(minutes * 60, granularity="minute", threshold=10**6, locale=_locale(language))


def _menu(value: Sequence[str], language: str) -> str:
    press, keys = _PRESS[language], _KEYS[language]
    told = [press.format(what=what, key=keys[str(n)]) for n, what in enumerate(value[:MAX_CHOICES], 1)]
    if len(value) > MAX_CHOICES:
        told.append(press.format(what=_ELSE[language], key=keys[str(MAX_CHOICES + 1)]))
    return " ".join(told)


def _moments(value: Sequence[str], language: str) -> str:
    """Instants to choose from, each with its key."""
    return _menu([_datetime(one, language) for one in value], language)


FILTERS: Mapping[str, Callable[[Any, str], str]] = {
    "digits": digits,
    "number": _number,
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "duration": _duration,
    "spell": spell,
    "menu": _menu,
    "moments": _moments,
}
"""How a value may be read. Instants are ISO 8601 with the offset of who hears them."""


_MENUS = ("menu", "moments")


def within(text: str, limit: int) -> str:
    """The text, cut at the end of a sentence when it is longer than anybody listens to."""
    if len(text) <= limit:
        return text
    end = max(text.rfind(mark, 0, limit) for mark in (". ", "! ", "? "))
    return text[: end + 1] if end > 0 else text[:limit]


def printable(text: str) -> str:
    """Without what no voice can say.

    >>> printable("a\\x00b\\nc")
    'a b c'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
