"""A calendar as a form of rows: what it says, what somebody typed, and what of that cannot be, each at its field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from babel.dates import get_day_names

from core.desk.configuration.document import CalendarPart
from core.rules.calendar_definitions import MIDNIGHT, WEEKDAYS, in_minutes, parse_weekly
from web import numbers

MOST_HOURS = 60  # rows
MOST_CLOSED = 400  # rows
SHORTEST_RUN = 3  # days that are written as a run: "mon-wed", but "sat,sun"

_TIME = re.compile(r"(\d{1,2})(?:[:.](\d\d))?", re.ASCII)

Faults = dict[str, tuple[str, Mapping[str, Any]]]
"""Field of the form to a word of the catalogue below `calendars.fault`, and what stands in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """One row of weekly hours, as typed."""

    days: tuple[str, ...] = ()
    opens: str = ""
    closes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """One row of further closed days, as typed."""

    day: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The whole form."""

    name: str = ""
    time_zone: str = "Europe/Rome"
    holidays: str = "IT"
    cut_off: str = ""
    hours: tuple[Hours, ...] = (Hours(days=WEEKDAYS[:5]),)
    closed: tuple[Closed, ...] = ()


def of_part(part: CalendarPart) -> Form:
    """What a calendar says."""
    return Form(
        name=part.name,
        time_zone=part.time_zone,
        holidays=part.holidays,
        cut_off=part.cut_off or "",
        hours=tuple(_hours(line) for line in part.weekly),
        closed=tuple(
            Closed(day=str(day), name=part.closed_names.get(str(day), "")) for day in sorted(part.closed)
        ),
    )


def read(sent: Any) -> Form:
    """What was sent, a mapping with several values of a name; nothing is refused here."""

    def text(name: str) -> str:
        return str(sent.get(name, "")).strip()

    return Form(
        name=text("name"),
        time_zone=text("time_zone"),
        holidays=text("holidays"),
        cut_off=text("cut_off"),
        hours=tuple(
            Hours(
                days=tuple(day for day in WEEKDAYS if day in sent.getall(f"days-{n}", ())),
                opens=text(f"from-{n}"),
                closes=text(f"to-{n}"),
            )
            for n in _rows(sent, "from", MOST_HOURS)
        ),
        closed=tuple(
            Closed(day=text(f"closed-{n}"), name=text(f"closed-name-{n}"))
            for n in _rows(sent, "closed", MOST_CLOSED)
        ),
    )


def with_rows(form: Form, what: str) -> Form:
    """`add-hours`, `add-closed`, `remove-hours:2`, `remove-closed:0`: a row more or less; anything else changes nothing."""
    verb, _, place = what.partition(":")
    n = numbers.whole(place)
    if verb == "add-hours" and len(form.hours) < MOST_HOURS:
        return replace(form, hours=(*form.hours, Hours()))
    if verb == "add-closed" and len(form.closed) < MOST_CLOSED:
        return replace(form, closed=(*form.closed, Closed()))
    if verb == "remove-hours" and n is not None:
        return replace(form, hours=form.hours[:n] + form.hours[n + 1 :])
    if verb == "remove-closed" and n is not None:
        return replace(form, closed=form.closed[:n] + form.closed[n + 1 :])
    return form


def part_of(form: Form, name: str) -> tuple[CalendarPart, Faults]:
    """The calendar that was meant, and what cannot be; rows that are empty say nothing."""
    faults: Faults = {}
    weekly = []
    taken: list[tuple[int, tuple[str, ...], tuple[int, int]]] = []
    for n, row in enumerate(form.hours):
        if row == Hours():
            continue
        window = _window(row, n, faults)
        if window is None:
            continue
        minutes = in_minutes(window)
        for other, days, span in taken:
            both = set(days) & set(row.days)
            if both and minutes[0] < span[1] and span[0] < minutes[1]:
                faults.setdefault(f"from-{n}", ("overlap", {"row": other + 1}))
        taken.append((n, row.days, minutes))
        weekly.append(line_of(row.days, window))
    closed = dict(_closed(form.closed, faults))
    part = CalendarPart(
        name=name,
        time_zone=form.time_zone,
        weekly=tuple(weekly),
        holidays=form.holidays,
        closed=tuple(closed),
        closed_names={str(day): words for day, words in closed.items() if words},
        cut_off=_time(form.cut_off) or form.cut_off or None,
    )
    return part, faults


def line_of(days: Sequence[str], window: tuple[str, str]) -> str:
    """The line of the file.

    >>> line_of(("mon", "tue", "wed", "fri"), ("09:00", "13:00"))
    'mon-wed,fri 09:00-13:00'
    """
    runs = ",".join(
        f"{run[0]}-{run[-1]}" if len(run) >= SHORTEST_RUN else ",".join(run) for run in _runs(days)
    )
    return f"{runs} {window[0]}-{window[1]}"


def spoken(line: str, language: str) -> str:
    """The same for people.

    >>> spoken("mon-fri 09:00-13:00", "it")
    'lun–ven 09:00–13:00'
    """
    row, names = _hours(line), day_names(language)
    runs = ", ".join(
        f"{names[run[0]]}–{names[run[-1]]}"
        if len(run) >= SHORTEST_RUN
        else ", ".join(names[day] for day in run)
        for run in _runs(row.days)
    )
    return f"{runs} {row.opens}–{row.closes}"


def day_names(language: str) -> dict[str, str]:
    """Short names, by the days of the file."""
    found = get_day_names("abbreviated", context="stand-alone", locale=language)
    return {day: found[n] for n, day in enumerate(WEEKDAYS)}


def _hours(line: str) -> Hours:
    weekly = parse_weekly([line])
    opens, closes = next(iter(weekly.values()))[0]
    return Hours(days=tuple(weekly), opens=opens, closes=closes)


def _runs(days: Sequence[str]) -> list[list[str]]:
    runs: list[list[str]] = []
    for day in WEEKDAYS:
        if day not in days:
            continue
        before = WEEKDAYS[WEEKDAYS.index(day) - 1]
        if runs and runs[-1][-1] == before:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _rows(sent: Mapping[str, Any], field: str, most: int) -> Iterator[int]:
    n = 0
    while n < most and f"{field}-{n}" in sent:
        yield n
        n += 1


def _window(row: Hours, n: int, faults: Faults) -> tuple[str, str] | None:
    """The times of a row, where they are such; midnight is an end too."""
    if not row.days:
        faults[f"days-{n}"] = ("days", {})
    opens, closes = _time(row.opens), _time(row.closes)
    if closes == "00:00":
        closes = "24:00"
    if opens is None or opens == "24:00":
        faults[f"from-{n}"] = ("time", {})
    if closes is None:
        faults[f"to-{n}"] = ("time", {})
    if opens is None or closes is None or opens == "24:00" or not row.days:
        return None
    if closes <= opens:
        faults[f"to-{n}"] = ("order", {})
        return None
    return opens, closes


def _time(text: str) -> str | None:
    """Of a day, HH:MM; also of "9", "9:00" and "9.00". None: it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hours, minutes = int(match[1]), int(match[2] or 0)
    fits = minutes < 60 and hours * 60 + minutes <= MIDNIGHT  # noqa: PLR2004 - of an hour
    return f"{hours:02}:{minutes:02}" if fits else None


def _closed(rows: Sequence[Closed], faults: Faults) -> Iterator[tuple[date, str]]:
    seen: dict[date, int] = {}
    for n, row in enumerate(rows):
        if row == Closed():
            continue
        try:
            day = date.fromisoformat(row.day)
        except ValueError:
            faults[f"closed-{n}"] = ("day", {})
            continue
        if day in seen:
            faults[f"closed-{n}"] = ("twice", {"row": seen[day] + 1})
            continue
        seen[day] = n
        yield day, row.name
