"""Planned maintenance over the API: staff plan windows, a second person approves, customers see theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from core.desk import window_views, windows
from core.desk.window_views import WindowView
from core.rules.windows import MAX_RULE, Span
from core.store.tx import Tx
from web.api import maintenance_shapes as shapes
from web.api.duties import At, Instant
from web.api.endpoint import Body, Call, Query, api
from web.api.tickets import Name

Words = Annotated[str, Field(max_length=windows.MAX_WORDS)]
Maybe = Annotated[str, Field(max_length=200)]
USUAL = timedelta(days=14)


class WindowQuery(Query):
    """From and until when; left out: the fourteen days from now."""

    since: At | None = None
    until: At | None = None
    customer: Annotated[Name | None, Field(description="Code. For staff.")] = None


class NewWindow(Body):
    """Planned work. Of where it is, what is left out means all; an asset covers what hangs on it."""

    customer: Annotated[Name, Field(description="Code.")]
    site: Maybe = ""
    asset: Maybe = ""
    tag: Annotated[Words, Field(description="name=value of a label.")] = ""
    since: Annotated[Instant, Field(description="Of the first occurrence.")]
    until: Instant
    rule: Annotated[
        str,
        Field(
            max_length=MAX_RULE,
            description="RFC 5545, FREQ=DAILY, WEEKLY or MONTHLY, such as FREQ=WEEKLY;BYDAY=TU. Empty: once.",
        ),
    ] = ""
    zone: Annotated[
        str,
        Field(
            max_length=100, description="On whose clocks it repeats. Empty: the site's, else the customer's."
        ),
    ] = ""
    mode: Annotated[
        Literal["mute", "store_only"], Field(description="Shown and silent, or not shown on boards either.")
    ] = "mute"
    change: Annotated[Words, Field(description="What for: a number of a change, a few words.")] = ""


class Nothing(Body):
    """No fields."""


class CancelWindow(Body):
    """Why it does not take place, for colleagues."""

    reason: Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]


@api("GET", "/maintenance", query=WindowQuery, answer=shapes.Windows)
def list_maintenance(tx: Tx, call: Call) -> shapes.Windows:
    """Windows that are there from and until when, with every time they are: at most 100 days. Contacts see theirs."""
    asked: WindowQuery = call.query
    since = asked.since or call.now
    until = asked.until or since + USUAL
    found: dict[str, tuple[WindowView, list[Span]]] = {}
    for one in window_views.between(
        tx, call.who, since=since, until=until, now=call.now, customer=asked.customer
    ):
        found.setdefault(one.window.id, (one.window, []))[1].append(Span(one.since, one.until))
    return shapes.Windows(items=[_shape(view, spans) for view, spans in found.values()])


@api("GET", "/maintenance/{id}", answer=shapes.Window)
def get_maintenance(tx: Tx, call: Call) -> shapes.Window:
    """A window of planned maintenance."""
    return _now(tx, call, call.path["id"])


@api("POST", "/maintenance", body=NewWindow, answer=shapes.Window, status=201)
def plan_maintenance(tx: Tx, call: Call) -> shapes.Window:
    """Plan work: alerts in it call nobody. What is longer than 7 days, alone or with others of yours for the same thing, or of a whole customer, waits for a second person."""
    asked: NewWindow = call.body
    made = windows.plan(
        tx,
        call.who,
        customer=asked.customer,
        site=asked.site,
        asset=asked.asset,
        tag=asked.tag,
        since=asked.since,
        until=asked.until,
        rule=asked.rule,
        zone=asked.zone,
        mode=asked.mode,
        change=asked.change,
        now=call.now,
    )
    return _now(tx, call, made)


@api("POST", "/maintenance/{id}/approve", body=Nothing, answer=shapes.Window)
def approve_maintenance(tx: Tx, call: Call) -> shapes.Window:
    """As the second person: it may be so."""
    windows.approve(tx, call.who, call.path["id"], now=call.now)
    return _now(tx, call, call.path["id"])


@api("POST", "/maintenance/{id}/end", body=Nothing, answer=shapes.Window)
def end_maintenance(tx: Tx, call: Call) -> shapes.Window:
    """The work is done before its time: alerts count again at once. Of one that repeats, later times stay."""
    windows.end(tx, call.who, call.path["id"], now=call.now)
    return _now(tx, call, call.path["id"])


@api("POST", "/maintenance/{id}/cancel", body=CancelWindow, answer=shapes.Window)
def cancel_maintenance(tx: Tx, call: Call) -> shapes.Window:
    """The work does not take place, also as a whole series."""
    asked: CancelWindow = call.body
    windows.cancel(tx, call.who, call.path["id"], reason=asked.reason, now=call.now)
    return _now(tx, call, call.path["id"])


def _now(tx: Tx, call: Call, window_id: str) -> shapes.Window:
    """As the caller sees it."""
    found = window_views.one(tx, call.who, window_id, now=call.now)
    return _shape(found, [found.next] if found.next is not None else [])


def _shape(found: WindowView, spans: list[Span]) -> shapes.Window:
    return shapes.Window(
        id=found.id,
        customer=found.customer,
        site=found.site,
        asset=found.asset,
        tag=found.tag,
        since=found.since,
        until=found.until,
        rule=found.rule,
        zone=found.zone,
        mode=found.mode,
        change=found.change,
        state=found.state,
        going_on=found.going_on,
        times=[shapes.Time(since=one.since, until=one.until) for one in spans],
        source=found.source,
        of=found.of,
        created_at=found.created_at,
        created_by=found.created_by,
        approved_by=found.approved_by,
        ended_at=found.ended_at,
    )


ENDPOINTS = (
    list_maintenance,
    get_maintenance,
    plan_maintenance,
    approve_maintenance,
    end_maintenance,
    cancel_maintenance,
)
