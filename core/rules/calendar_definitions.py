"""What is a calendar? Local opening hours, closed dates and exceptions: as written, checked, and kept as a version."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import msgspec

Window: TypeAlias = tuple[str, str]  # local wall clock, "HH:MM" to "HH:MM"; "24:00" is allowed as an end
Minutes: TypeAlias = tuple[int, int]  # the same in minutes after local midnight, 0 to 1440

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY_YEARS = range(2024, 2041)
"""Copied into a calendar's definition. A fixed range: one that moved would change every calendar each January."""
MIDNIGHT = 24 * 60  # minutes: the end of a day

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)
_WEEKLY = re.compile(r"([a-z,-]+) (\S+)-(\S+)", re.ASCII)
_YEARLY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)
_LEAP_YEAR = 2000  # any: 29 February is a date of it


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDefinition:
    """The opening hours of a service, in local time. A window over midnight is given as two.

    One date is open by its `shifts` when it has any, else by `weekly` unless it is closed; `breaks` are cut out of
    that. Windows that overlap are merged, `warnings()` names them. Raises ValueError with every mistake, each with
    its field.
    """

    name: str
    time_zone: str  # IANA name
    weekly: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)  # "mon" to "sun"
    closed: frozenset[date] = frozenset()  # holidays are copied in: a newer holiday list moves no due date
    annual_closed: frozenset[str] = frozenset()  # "MM-DD", every year
    shifts: Mapping[date, tuple[Window, ...]] = field(
        default_factory=dict
    )  # replace that date, holidays included
    breaks: Mapping[date, tuple[Window, ...]] = field(default_factory=dict)  # closed on that date
    cut_off: str | None = (
        None  # "HH:MM" after which a working-day target counts from the next; None: last closing
    )

    def __post_init__(self) -> None:
        if mistakes := list(_mistakes(self)):
            raise ValueError("; ".join(mistakes))

    def warnings(self) -> tuple[str, ...]:
        """What is accepted and probably not meant: windows of one day that overlap."""
        days = [(f"weekly {day}", self.weekly.get(day, ())) for day in WEEKDAYS]
        days += [(f"shifts {day}", self.shifts[day]) for day in sorted(self.shifts)]
        days += [(f"breaks {day}", self.breaks[day]) for day in sorted(self.breaks)]
        return tuple(
            f"{place}: {'-'.join(first)} and {'-'.join(second)} overlap and are merged"
            for place, windows in days
            for first, second in pairwise(sorted(windows, key=in_minutes))
            if in_minutes(second)[0] < in_minutes(first)[1]
        )


def parse_weekly(lines: Iterable[str]) -> dict[str, tuple[Window, ...]]:
    """The `weekly` of a definition, from lines like "mon-fri 09:00-13:00", "sat,sun 10:00-12:00" or "mon 8:30-24:00".

    Days run forwards and may pass Sunday ("fri-mon"). Raises ValueError that quotes the line.

    >>> parse_weekly(["sat-sun 09:00-13:00", "sun 14:00-18:00"])
    {'sat': (('09:00', '13:00'),), 'sun': (('09:00', '13:00'), ('14:00', '18:00'))}
    """
    weekly: dict[str, tuple[Window, ...]] = {}
    for line in lines:
        match = _WEEKLY.fullmatch(" ".join(line.lower().split()))
        if match is None:
            raise ValueError(f'weekly: "{line}" is not understood; write it like "mon-fri 09:00-18:00"')
        opens, closes = match[2].zfill(5), match[3].zfill(5)
        for day in _days(match[1], line):
            weekly[day] = (*weekly.get(day, ()), (opens, closes))
    return {day: weekly[day] for day in WEEKDAYS if day in weekly}


def holiday_dates(code: str, years: Iterable[int]) -> frozenset[date]:
    """The public holidays of a country ("IT"), or of a place in it with its patron saint ("IT-MI").

    Codes are those of ISO 3166; Italy's places are provinces. National Unity Day is left out: it is kept on a Sunday
    (law 54/1977) and closes nobody who works on Sundays. Raises ValueError for a code that is not known.
    """
    country, _, place = code.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=place or None, years=list(years), language="en_US")
    except NotImplementedError:
        raise ValueError(f'holidays: "{code}" is not known; use a code like IT, IT-MI or IT-RM') from None
    return frozenset(day for day, name in found.items() if name != "National Unity Day")


def at_site(definition: CalendarDefinition, *, time_zone: str, holidays: str) -> CalendarDefinition:
    """The calendar as it is at a place: by the clock there, and closed on its holidays too; empty: nothing of its own.

    What never closes knows no holidays and no zones.
    """
    whole = (("00:00", "24:00"),)
    if all(tuple(definition.weekly.get(day, ())) == whole for day in WEEKDAYS) and not definition.closed:
        return definition
    closed = holiday_dates(holidays, HOLIDAY_YEARS) if holidays else frozenset()
    return replace(definition, time_zone=time_zone or definition.time_zone, closed=definition.closed | closed)


def definition_to_json(definition: CalendarDefinition) -> dict[str, Any]:
    """Plain dicts, sorted lists and text: equal definitions give equal ones."""
    plain: dict[str, Any] = json.loads(msgspec.json.encode(definition))
    return plain | {name: sorted(plain[name]) for name in ("closed", "annual_closed")}


def definition_from_json(plain: Mapping[str, Any]) -> CalendarDefinition:
    """What `definition_to_json` wrote. Raises ValueError naming the field."""
    return msgspec.convert(plain, CalendarDefinition)


def definition_version(definition: CalendarDefinition) -> str:
    """16 hexadecimal digits that change when anything in the definition does."""
    text = json.dumps(definition_to_json(definition), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def from_vectors(plain: Mapping[str, Any], name: str = "") -> CalendarDefinition:
    """A calendar as the working-time samples write it. Raises ValueError naming the field.

    {"tz", "weekly": {"mon": [["09:00", "18:00"]]}, "holidays": ["2026-04-06"], "annual_holidays": ["12-25"],
    "shifts" and "breaks": {"2026-04-07": [["10:00", "12:00"]]}}; all but `tz` may be absent.
    """
    names = {"tz": "time_zone", "holidays": "closed", "annual_holidays": "annual_closed"}
    return definition_from_json({"name": name} | {names.get(key, key): value for key, value in plain.items()})


def in_minutes(window: Window) -> Minutes:
    """Minutes after local midnight. Raises ValueError for what is no window of one day."""
    opens, closes = (_minutes(text) for text in window)
    if opens == MIDNIGHT:
        raise ValueError("24:00 is an end, never a start: write 00:00 of the next day")
    if closes <= opens:
        raise ValueError(
            f'"to" {window[1]} is not after "from" {window[0]}; a window over midnight is given as two'
        )
    return opens, closes


def _minutes(text: str) -> int:
    if not _TIME.fullmatch(text):
        raise ValueError(f'"{text}" is no time of day: write HH:MM')
    return int(text[:2]) * 60 + int(text[3:])


def _days(text: str, line: str) -> list[str]:
    days: list[str] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise ValueError(f'weekly: "{line}" names no weekday; use {" ".join(WEEKDAYS)}')
        at, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        days += [WEEKDAYS[(at + step) % 7] for step in range((end - at) % 7 + 1)]
    return days


def _mistakes(definition: CalendarDefinition) -> Iterable[str]:
    try:
        ZoneInfo(definition.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a directory of zones
        yield f'time_zone: "{definition.time_zone}" is not known; use a name like Europe/Rome'
    for day in definition.weekly:
        if day not in WEEKDAYS:
            yield f'weekly: "{day}" is no weekday; use {" ".join(WEEKDAYS)}'
    everything: Sequence[tuple[str, Mapping[Any, tuple[Window, ...]]]] = (
        ("weekly", definition.weekly),
        ("shifts", definition.shifts),
        ("breaks", definition.breaks),
    )
    for name, days in everything:
        for day, windows in days.items():
            yield from _wrong_windows(f"{name} {day}", windows)
    for text in definition.annual_closed:
        if not _is_date_of_some_year(text):
            yield f'annual_closed: "{text}" is no date: write MM-DD'
    if definition.cut_off is not None and not _TIME.fullmatch(definition.cut_off):
        yield f'cut_off: "{definition.cut_off}" is no time of day: write HH:MM'
    weekly = any(definition.weekly.values()) and len(definition.annual_closed) < 366  # noqa: PLR2004 - every date
    if not weekly and not any(definition.shifts.values()):
        yield "weekly: the calendar is never open"


def _wrong_windows(place: str, windows: Iterable[Window]) -> Iterable[str]:
    for window in windows:
        try:
            in_minutes(window)
        except ValueError as error:
            yield f"{place}: {error}"


def _is_date_of_some_year(text: str) -> bool:
    match = _YEARLY.fullmatch(text)
    try:
        return match is not None and bool(date(_LEAP_YEAR, int(match[1]), int(match[2])))
    except ValueError:
        return False


ALWAYS = CalendarDefinition(
    name="24x7", time_zone="UTC", weekly=dict.fromkeys(WEEKDAYS, (("00:00", "24:00"),))
)
"""The calendar every desk has."""
