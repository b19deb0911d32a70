"""Visits on site over the API: planned, offered, chosen, moved, made or called off; the slot board, and engineers' leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from core.desk import bookings, visit_views, visits
from core.desk.views import VisitView
from core.rules import slots
from core.store.tx import Tx
from web.api import visit_shapes as shapes
from web.api.duties import YEARS, Instant
from web.api.endpoint import Body, Call, Endpoint, Query, api
from web.api.tickets import Name, Seen, Words

Reason = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]
WhenTrue = Annotated[
    Instant | None,
    Field(description="When it was true, back to when the request was received. None: now."),
]
NotBefore = Annotated[Instant | None, Field(description="Times before this are not offered.")]
Many = Annotated[
    int | None,
    Field(
        ge=1,
        le=visits.MAX_CREW,
        description="How many engineers have to come; left out: one, or those named.",
    ),
]
ByName = Annotated[
    list[Name], Field(description="E-mails of exactly those who come, the first leads; none: whoever can.")
]
WEEK = 7


def a_date(value: object) -> object:
    """Of a query: a bare number is no day, whatever it might count."""
    if isinstance(value, str) and value.count("-") != 2:  # noqa: PLR2004 - year, month, day
        raise ValueError("must be a date, such as 2026-03-02")
    return value


def of_our_time(value: date) -> date:
    """Raises ValueError outside the years that there are calendars for."""
    if value.year not in YEARS:
        raise ValueError(f"must be between {YEARS[0]} and {YEARS[-1]}")
    return value


Day = Annotated[date, AfterValidator(of_our_time), BeforeValidator(a_date)]


class BoardQuery(Query):
    """Which days, on the hub's clock; left out: the seven from today."""

    since: Day | None = None
    days: Annotated[int, Field(ge=1, le=visit_views.MOST_DAYS)] = WEEK


class Part(Body):
    """Something to be brought."""

    name: Name
    serial: Annotated[str, Field(max_length=200)] = ""


class Plan(Body):
    """A visit. What is left out is the ticket's own: site and technology."""

    purpose: Annotated[str, Field(min_length=1, max_length=visits.MAX_PURPOSE, pattern=r"\S")]
    site: Annotated[Name | None, Field(description="Name of a site of the customer.")] = None
    minutes: Annotated[int, Field(ge=1, le=slots.LONGEST, description="How long the work takes.")] = 120
    skills: Annotated[
        list[Name] | None,
        Field(
            max_length=20,
            description="Technologies that whoever leads must know; those who come by name know them together.",
        ),
    ] = None
    engineers: Many = None
    technicians: ByName = Field(default_factory=list, max_length=visits.MAX_CREW)
    parts: list[Part] = Field(default_factory=list, max_length=visits.MAX_PARTS)
    replaces: Annotated[Name | None, Field(description="Id of an earlier visit that is over.")] = None
    not_before: NotBefore = None
    offers: Annotated[
        bool, Field(description="Give the customer three times to choose from; false: you agree on one.")
    ] = True
    seen: Seen = None


class Offer(Body):
    """From when on, and for whom; neither number nor names: for as many, or the same, as before."""

    not_before: NotBefore = None
    engineers: Many = None
    technicians: ByName = Field(default_factory=list, max_length=visits.MAX_CREW)
    seen: Seen = None


class Choose(Body):
    """Which of the times."""

    slot: Annotated[Name, Field(description="Its id.")]


class Decline(Body):
    """What would suit."""

    text: Words


class Confirm(Body):
    """The time that was agreed, and who comes."""

    start: Instant
    technician: Annotated[Name, Field(description="E-mail of the engineer who leads.")]
    others: Annotated[list[Name], Field(description="E-mails of engineers who come with them.")] = Field(
        default_factory=list, max_length=visits.MAX_CREW
    )
    asked: Annotated[
        bool, Field(description="The customer wanted it that late: until then the clocks stand still.")
    ] = False
    anyway: Annotated[
        bool,
        Field(
            description="Although it lies outside the hours of the site, the line or the engineers, or fewer come than were asked for."
        ),
    ] = False
    seen: Seen = None


class Cancel(Body):
    """Why, for colleagues."""

    reason: Reason
    seen: Seen = None


class Since(Body):
    """When it was."""

    at: WhenTrue = None


class CheckOut(Since):
    """When they left, and the work."""

    minutes: Annotated[
        int | None, Field(ge=1, le=100_000, description="Of work; left out: since the arrival.")
    ] = None
    text: Annotated[str, Field(max_length=10_000)] = ""


class NoAccess(Since):
    """What was found."""

    reason: Reason


class NewLeave(Body):
    """Somebody is not there."""

    agent: Annotated[Name, Field(description="E-mail.")]
    since: Instant
    until: Instant
    kind: Literal["leave", "other"] = "leave"
    note: Annotated[str, Field(max_length=bookings.MAX_NOTE)] = ""


class Nothing(Body):
    """No fields."""


@api("GET", "/tickets/{number}/visits", answer=shapes.Visits)
def list_visits(tx: Tx, call: Call) -> shapes.Visits:
    """The visits of a ticket, in the order in which they were planned."""
    return shapes.Visits(items=[_visit(one) for one in visit_views.visits(tx, call.who, call.number)])


@api("GET", "/tickets/{number}/visits/{visit}", answer=shapes.Visit)
def get_visit(tx: Tx, call: Call) -> shapes.Visit:
    """One visit, with the times that wait for a choice."""
    return _now(tx, call, call.path["visit"])


@api("POST", "/tickets/{number}/visits", body=Plan, answer=shapes.Visit, status=201)
def plan_visit(tx: Tx, call: Call) -> shapes.Visit:
    """Plan a visit: the onsite clock starts, and the customer is given three times, held for four hours.

    Where nobody can come there are no times, and `no_time` says why. 409 where the contract has nobody come, or nothing is left.
    """
    asked: Plan = call.body
    given = {name: getattr(asked, name) for name in Plan.model_fields if name != "parts"}
    parts = [part.model_dump() for part in asked.parts]
    return _now(tx, call, visits.plan(tx, call.who, call.number, now=call.now, parts=parts, **given))


@api("GET", "/visits", query=BoardQuery, answer=shapes.Board, errors=(403,))
def get_slot_board(tx: Tx, call: Call) -> shapes.Board:
    """The slot board: whose time is taken when, and which visits wait for a time. Staff only."""
    asked: BoardQuery = call.query
    return _board(tx, call, asked.since, asked.days)


@api("POST", "/leave", body=NewLeave, answer=shapes.Leave, status=201)
def enter_leave(tx: Tx, call: Call) -> shapes.Leave:
    """An engineer is not there: they say so themselves, or a leader does. 409 where a visit or a hold is in the way."""
    return shapes.Leave(id=bookings.leave(tx, call.who, now=call.now, **dict(call.body)))


@api("POST", "/leave/{id}/remove", body=Nothing, answer=shapes.Board)
def remove_leave(tx: Tx, call: Call) -> shapes.Board:
    """They are there after all; answers the slot board of the next seven days."""
    bookings.remove(tx, call.who, call.path["id"], now=call.now)
    return _board(tx, call, None, WEEK)


def on_visit(name: str, body: type[Body], verb: Callable[..., Any], does: str) -> Endpoint:
    """A verb of a visit: the fields of the body are its own named arguments."""

    def act(tx: Tx, call: Call) -> shapes.Visit:
        verb(tx, call.who, call.number, call.path["visit"], now=call.now, **dict(call.body))
        return _now(tx, call, call.path["visit"])

    act.__name__ = f"{name.replace('-', '_')}_visit"
    act.__doc__ = does
    path = f"/tickets/{{number}}/visits/{{visit}}/{name}"
    return api("POST", path, body=body, answer=shapes.Visit)(act)


def _now(tx: Tx, call: Call, identity: str) -> shapes.Visit:
    return _visit(visit_views.one(tx, call.who, call.number, identity))


def _visit(one: VisitView) -> shapes.Visit:
    return shapes.Visit(
        id=one.id,
        ticket=one.number,
        state=one.state,
        site=one.site,
        place=one.place,
        time_zone=one.time_zone,
        purpose=one.purpose,
        skills=list(one.skills),
        parts=[shapes.Part(name=part["name"], serial=part.get("serial", "")) for part in one.parts],
        minutes=one.minutes,
        count=one.count,
        engineers=[shapes.Engineer(id=who.id, name=who.name, email=who.email) for who in one.engineers],
        window_start=one.window_start,
        window_end=one.window_end,
        arrived_at=one.arrived_at,
        left_at=one.left_at,
        sequence=one.sequence,
        billable=one.billable,
        ended_why=one.ended_why,
        replaces=one.replaces,
        made_at=one.made_at,
        closed_at=one.closed_at,
        slots=[
            shapes.Slot(
                id=slot.id,
                engineer=slot.engineer,
                others=list(slot.others),
                start=slot.start,
                end=slot.end,
                expires_at=slot.expires_at,
                why=slot.why,
                late=slot.late,
            )
            for slot in one.slots
        ],
        no_time=one.no_time,
    )


def _board(tx: Tx, call: Call, since: date | None, days: int) -> shapes.Board:
    first = since or call.now.astimezone(tx.facts.zone).date()
    found = visit_views.board(tx, call.who, since=first, days=days, now=call.now)
    return shapes.Board(
        since=found.since,
        until=found.until,
        engineers=[
            shapes.EngineerDays(
                id=one.id,
                name=one.name,
                email=one.email,
                skills=list(one.skills),
                hours=[shapes.Hours(since=opens, until=closes) for opens, closes in one.hours],
                entries=[
                    shapes.Entry(
                        id=entry.id,
                        kind=entry.kind,
                        since=entry.since,
                        until=entry.until,
                        expires_at=entry.expires_at,
                        note=entry.note,
                        ticket=entry.number,
                        visit=entry.visit,
                        customer=entry.customer,
                        site=entry.site,
                        state=entry.state,
                    )
                    for entry in one.entries
                ],
            )
            for one in found.engineers
        ],
        waiting=[
            shapes.Waiting(
                ticket=one.number,
                visit=one.visit,
                state=one.state,
                customer=one.customer,
                site=one.site,
                purpose=one.purpose,
                until=one.until,
                since=one.since,
            )
            for one in found.waiting
        ],
    )


ENDPOINTS = (
    list_visits,
    get_visit,
    plan_visit,
    on_visit(
        "offer",
        Offer,
        visits.offer,
        "Give the customer three times, held for four hours; those of before are free.",
    ),
    on_visit(
        "choose",
        Choose,
        visits.choose,
        "Take one of the times, as the customer or for them: the first acceptance wins.",
    ),
    on_visit(
        "decline",
        Decline,
        visits.none_fits,
        "None of the times fits, or the one that was agreed does not any more.",
    ),
    on_visit(
        "confirm", Confirm, visits.confirm, "Set the time that was agreed; one that was set before is moved."
    ),
    on_visit("cancel", Cancel, visits.cancel, "Nobody goes there: customer and engineer are told."),
    on_visit("en-route", Since, visits.en_route, "The engineer has set out: the customer is told."),
    on_visit(
        "check-in", Since, visits.check_in, "The engineer is there: the onsite clock is met, or was missed."
    ),
    on_visit("check-out", CheckOut, visits.check_out, "The work on site is over: its minutes are entered."),
    on_visit("no-access", NoAccess, visits.no_access, "Nobody let the engineer in: the clocks stand still."),
    get_slot_board,
    enter_leave,
    remove_leave,
)
