"""What does `main.py facts working-time` answer? One question about a calendar, from JSON to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from core.rules.calendars import ALWAYS, Calendar, from_vectors

Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Pauses: TypeAlias = tuple[tuple[Instant, Instant | None], ...]


class _Request(msgspec.Struct, tag_field="op"):
    calendar: Mapping[str, Any] | Literal["24x7"]
    start: Instant


class _Due(_Request, tag="due"):
    seconds: int
    pauses: Pauses = ()


class _Elapsed(_Request, tag="elapsed"):
    end: Instant
    pauses: Pauses = ()


class _Before(_Request, tag="before"):
    seconds: int


class _Periods(_Request, tag="periods"):
    count: int = 1


class _DueWorkingDays(_Request, tag="due_working_days"):
    days: int
    end_of_working_day: bool = False
    pauses: Pauses = ()


class _Clock(_Request, tag="clock"):
    target_s: int
    pauses: Pauses = ()
    stopped_at: Instant | None = None
    as_of: Instant | None = None


_Question: TypeAlias = _Due | _Elapsed | _Before | _Periods | _DueWorkingDays | _Clock


def working_time_fact(request: Mapping[str, Any]) -> dict[str, Any]:
    """What `main.py facts working-time` answers for one line: {"result": …}, or {"error": "what is wrong with it"}.

    Every request has `op`, `calendar` (an object as `from_vectors` reads it, or "24x7") and `start`; instants are
    RFC 3339 with their zone, results in UTC with Z, durations whole seconds. `pauses` is [[from, to or null], …].

    | op | further fields | result |
    | --- | --- | --- |
    | due | seconds, pauses? | instant, or null while an open pause holds it |
    | elapsed | end, pauses? | seconds |
    | before | seconds | instant |
    | periods | count? | [[from, to], …]; to is null when the calendar never closes |
    | due_working_days | days, end_of_working_day?, pauses? | instant or null |
    | clock | target_s, pauses?, stopped_at or as_of | {"elapsed_s", "due", "breached", "remaining_s"} |
    """
    try:
        asked = msgspec.convert(request, _Question)
        definition = ALWAYS if isinstance(asked.calendar, str) else from_vectors(asked.calendar)
        return {"result": msgspec.to_builtins(_answer(asked, Calendar(definition)))}
    except (ValueError, OverflowError) as error:
        return {"error": str(error)}


def _answer(asked: _Question, calendar: Calendar) -> object:
    match asked:
        case _Due():
            return calendar.due(asked.start, asked.seconds, asked.pauses)
        case _Elapsed():
            return calendar.elapsed(asked.start, asked.end, asked.pauses)
        case _Before():
            return calendar.before(asked.start, asked.seconds)
        case _Periods():
            return [list(period) for period in calendar.periods(asked.start, asked.count)]
        case _DueWorkingDays():
            end = asked.end_of_working_day
            return calendar.due_working_days(asked.start, asked.days, end=end, pauses=asked.pauses)
        case _Clock():
            return _clock_answer(asked, calendar)


def _clock_answer(asked: _Clock, calendar: Calendar) -> dict[str, object]:
    end = asked.stopped_at or asked.as_of
    if end is None:
        raise ValueError("as_of: needed while there is no stopped_at")
    due = calendar.due(asked.start, asked.target_s, asked.pauses)
    broken = None if due is None else calendar.overrun(due, asked.pauses)
    elapsed = calendar.elapsed(asked.start, end, asked.pauses)
    return {
        "elapsed_s": elapsed,
        "due": due,
        "breached": broken is not None and end > broken,
        "remaining_s": asked.target_s - elapsed,
    }
