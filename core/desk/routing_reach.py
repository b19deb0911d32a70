"""Who is there? Groups at an instant, and over days to come, by their calendars and their rotas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from core.desk import duties, reference
from core.rules import routing
from core.rules.calendars import Calendar
from core.rules.holes import Hours, Spans, union
from core.rules.rotas import ON_CALL, SECOND, SHIFT_LEADER, SUPERVISOR
from core.store.columns import to_micros
from core.store.tx import Tx

BEYOND = (SECOND, SHIFT_LEADER, SUPERVISOR)
"""Whom the ladder calls after who is on call (desk.md 8)."""
LOOK_AHEAD = timedelta(days=14)
"""So far the next instant is looked for at which somebody is on call."""


def open_calendars(desk: reference.Desk, at: datetime) -> frozenset[str]:
    """Names of the calendars that are open then."""
    return frozenset(name for name, hours in desk.calendars.items() if hours.calendar.is_open(at))


def groups(tx: Tx, at: datetime, open_then: frozenset[str]) -> Mapping[str, routing.Group]:
    """The groups as routing sees them at an instant. `open_then`: the calendars that are open."""
    desk = reference.desk(tx)
    return {group.name: _group(tx, group, at, open_then) for group in desk.groups.values()}


def _group(tx: Tx, group: reference.DeskGroup, at: datetime, open_then: frozenset[str]) -> routing.Group:
    is_open = group.calendar in open_then
    on_call = not is_open and bool(duties.on_duty(tx, ON_CALL, group.name, at))
    there = is_open or on_call
    return routing.Group(
        name=group.name,
        level=group.level,
        technologies=group.technologies,
        request_types=group.request_types,
        fallback=group.fallback,
        reachable=there,
        on_call=on_call,
        ladder=not there and any(duties.on_duty(tx, duty, group.name, at) for duty in BEYOND),
        next_open_at=None if there else _next(tx, group, at),
    )


def _next(tx: Tx, group: reference.DeskGroup, at: datetime) -> datetime | None:
    """When its calendar opens or somebody is on call, whichever comes first."""
    opening = reference.desk(tx).calendars[group.calendar].calendar.next_open(at)
    ahead = duties.on_duty_intervals(tx, ON_CALL, group.name, at, at + LOOK_AHEAD)
    found = [one for one in (opening, ahead[0][0] if ahead else None) if one is not None]
    return min(found, default=None)


def hours(tx: Tx, since: datetime, until: datetime) -> Hours:
    """When somebody is there in [since, until), in microseconds: all groups, and the calendars that rules name."""
    desk = reference.desk(tx)
    calendars = {name: open_spans(of.calendar, since, until) for name, of in desk.calendars.items()}
    there, seconds = {}, {}
    for name, group in desk.groups.items():
        on_call = _spans(duties.on_duty_intervals(tx, ON_CALL, name, since, until))
        there[name] = union((*calendars[group.calendar], *on_call))
        seconds[name] = _spans(duties.on_duty_intervals(tx, SECOND, name, since, until))
    return Hours(groups=there, seconds=seconds, calendars=calendars)


def open_spans(calendar: Calendar, since: datetime, until: datetime) -> Spans:
    """When a calendar is open in [since, until), in microseconds."""
    first, last = to_micros(since), to_micros(until)
    count = 32
    while True:
        found = calendar.periods(since, count) if calendar.next_open(since) is not None else ()
        if len(found) < count or found[-1][0] >= until:
            break
        count *= 2
    spans = ((to_micros(a), last if b is None else to_micros(b)) for a, b in found)
    return union((max(a, first), min(b, last)) for a, b in spans if a < last)


def _spans(found: tuple[tuple[datetime, datetime], ...]) -> Spans:
    return tuple((to_micros(a), to_micros(b)) for a, b in found)
