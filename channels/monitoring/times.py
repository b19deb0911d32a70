"""When was it? Instants as tools write them: nine digits, odd offsets, epochs, no zone, years that mean "not yet"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

AHEAD = timedelta(minutes=2)
"""A start that lies further in the future than this is a clock that is wrong (monitoring.md 3)."""
_NOT_YET = 1971  # years before it mean "none": 0001-01-01 of Go, the epoch itself
_EPOCH = re.compile(r"-?\d{9,19}(\.\d+)?")
_ISO = re.compile(
    r"(\d{4})[-./](\d{2})[-./](\d{2})(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?)?\s*"
    r"(Z|UTC|GMT|[+-]\d{2}(?:[:.]?\d{2})?)?",
    re.IGNORECASE,
)


def instant(value: Any, zone: tzinfo) -> datetime | None:
    """A moment in UTC, to the microsecond; None: none was given, or what stands there cannot be read.

    `zone`: of what says none. Seconds, milli-, micro- and nanoseconds since 1970 are told apart by their size.

    >>> instant("2017-08-03T15:17:37.804123456-04:00", UTC).isoformat()
    '2017-08-03T19:17:37.804123+00:00'
    >>> instant("0001-01-01T00:00:00Z", UTC) is None, instant(1518193480123, UTC).year, instant("+01.00", UTC)
    (True, 2018, None)
    """
    if value is None or isinstance(value, bool):
        return None
    try:
        found = _read(value, zone)
        return None if found is None or found.year < _NOT_YET else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _read(value: Any, zone: tzinfo) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=zone)
    if isinstance(value, (int, float)):
        return _epoch(value)
    text = str(value).strip()
    if _EPOCH.fullmatch(text):
        return _epoch(float(text) if "." in text else int(text))
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    return datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        min(int(second or 0), 59),  # a leap second is the last of its minute
        int((fraction or "0").ljust(6, "0")[:6]),
        tzinfo=_offset(offset) if offset else zone,
    )


def _offset(text: str) -> tzinfo:
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    digits = re.sub(r"\D", "", text).ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]))
    return timezone(-ahead if text.startswith("-") else ahead)


def _epoch(value: float) -> datetime:
    for _ in range(3):
        if abs(value) < 1e11:  # noqa: PLR2004 - seconds until the year 5138
            break
        value /= 1000
    whole = int(value)
    return datetime.fromtimestamp(whole, UTC) + timedelta(microseconds=round((value - whole) * 1_000_000))
