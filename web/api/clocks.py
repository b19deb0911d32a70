"""Clocks over the API: every minute of a ticket's clocks explained, and the calendars they run by."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from core.desk import clock_changes, clock_editor, clock_views
from core.desk.clock_editor import CalendarView
from core.desk.configuration.document import CalendarPart
from core.store.tx import Tx
from web.api.clock_shapes import (
    Calendar,
    Calendars,
    ClockExplained,
    Clocks,
    Impact,
    LevelNoted,
    Segment,
    Turn,
)
from web.api.endpoint import Body, Call, api
from web.api.tickets import Name

SLICE = 1_000  # open tickets of one preview


class CalendarBody(Body):
    """When a service is there. What is left out is empty."""

    time_zone: Name = "Europe/Rome"
    weekly: Annotated[
        list[Annotated[str, Field(max_length=100)]],
        Field(
            max_length=100,
            description='Lines like "mon-fri 09:00-13:00"; several windows a day are several lines.',
        ),
    ]
    holidays: Annotated[str, Field(max_length=20, description="A code like IT or IT-MI.")] = ""
    closed: list[date] = Field(
        default_factory=list, max_length=1000, strict=False, description="Further days."
    )
    closed_names: dict[str, Annotated[str, Field(max_length=100)]] = Field(
        default_factory=dict, max_length=1000, description="What some of these days are called, by the day."
    )
    cut_off: Annotated[str | None, Field(max_length=5)] = None


class NewCalendar(CalendarBody):
    """A calendar that is kept."""

    seen: Annotated[
        str | None, Field(max_length=50, description="`edition` of the one that was looked at.")
    ] = None


class Preview(CalendarBody):
    """A calendar that is not kept."""

    after: Annotated[str | None, Field(max_length=50, description="`next` of the preview before.")] = None


class ApplyBody(Body):
    """Nothing more."""


def _part(name: str, body: CalendarBody) -> CalendarPart:
    return CalendarPart(
        name=name,
        time_zone=body.time_zone,
        weekly=tuple(body.weekly),
        holidays=body.holidays,
        closed=tuple(body.closed),
        closed_names=body.closed_names,
        cut_off=body.cut_off,
    )


@api("GET", "/tickets/{number}/clocks", answer=Clocks)
def explain_clocks(tx: Tx, call: Call) -> Clocks:
    """Whose turn it was in every minute of a ticket, and what each clock made of it. A customer sees what was agreed."""
    found = clock_views.of_ticket(tx, call.who, call.number, now=call.now)
    return Clocks(
        number=found.number,
        received_at=found.received_at,
        until=found.until,
        time_zone=found.time_zone,
        calendar=found.calendar,
        turns=[Turn(since=a, until=b, leg=str(leg), reason=reason) for a, b, leg, reason in found.held],
        by_leg={str(leg): seconds for leg, seconds in found.by_leg.items()},
        clocks=[
            ClockExplained(
                name=one.name,
                cycle=one.cycle,
                state=one.state,
                promise=one.promise,
                calendar=one.calendar,
                target_s=one.target_s,
                elapsed_s=one.elapsed_s,
                paused_s=one.paused_s,
                started_at=one.started_at,
                stopped_at=one.stopped_at,
                due_at=one.due_at,
                breached_at=one.breached_at,
                leg=one.leg,
                by_leg=dict(one.by_leg),
                segments=[
                    Segment(since=a, until=b, counted=str(counted), leg=str(leg), reason=reason)
                    for a, b, counted, leg, reason in one.segments
                ],
                warnings=[
                    LevelNoted(
                        level=told.level,
                        fell_due=told.fell_due,
                        at=told.at,
                        state=told.state,
                        agents=list(told.agents),
                    )
                    for told in one.told
                ],
            )
            for one in found.clocks
        ],
    )


@api("GET", "/calendars", answer=Calendars)
def list_calendars(tx: Tx, call: Call) -> Calendars:
    """The calendars of the desk, for staff; 24x7 is always there and not among them."""
    return Calendars(items=[_calendar(one) for one in clock_editor.calendars(tx, call.who)])


@api("GET", "/calendars/{name}", answer=Calendar)
def get_calendar(tx: Tx, call: Call) -> Calendar:
    """One calendar."""
    return _calendar(clock_editor.calendar(tx, call.who, call.path["name"]))


@api("PUT", "/calendars/{name}", body=NewCalendar, answer=Calendar)
def put_calendar(tx: Tx, call: Call) -> Calendar:
    """Make or change a calendar, as a supervisor or administrator. Clocks that run keep the version they have.

    With `seen` it is refused (409) when somebody changed it since.
    """
    asked: NewCalendar = call.body
    part = _part(call.path["name"], asked)
    return _calendar(clock_editor.save(tx, call.who, part, seen=asked.seen, now=call.now))


@api("POST", "/calendars/{name}/preview", body=Preview, answer=Impact, asks=True)
def preview_calendar(tx: Tx, call: Call) -> Impact:
    """What a calendar would change among open tickets; looks at some of them, and says where to go on."""
    asked: Preview = call.body
    part = _part(call.path["name"], asked)
    found = clock_editor.preview(tx, call.who, part, after=asked.after, limit=SLICE, now=call.now)
    one = found.impact
    return Impact(
        looked_at=one.looked_at,
        tickets=one.tickets,
        earlier=one.earlier,
        later=one.later,
        breached=one.breached,
        kept=one.kept,
        next=found.last,
    )


@api("POST", "/calendars/{name}/apply", body=ApplyBody, answer=Calendar)
def apply_calendar(tx: Tx, call: Call) -> Calendar:
    """Bring open tickets under the calendar as it is now. Goes on by itself, a slice at a time."""
    clock_changes.begin(tx, call.who, call.path["name"], now=call.now)
    return _calendar(clock_editor.calendar(tx, call.who, call.path["name"]))


def _calendar(found: CalendarView) -> Calendar:
    part = found.part
    return Calendar(
        name=part.name,
        version=found.version,
        edition=found.edition,
        time_zone=part.time_zone,
        weekly=list(part.weekly),
        holidays=part.holidays,
        closed=list(part.closed),
        closed_names=part.closed_names,
        cut_off=part.cut_off,
        warnings=list(found.warnings),
    )


ENDPOINTS = (
    explain_clocks,
    list_calendars,
    get_calendar,
    put_calendar,
    preview_calendar,
    apply_calendar,
)
