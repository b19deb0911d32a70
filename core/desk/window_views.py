"""What does somebody see of planned maintenance? Staff all of it; customers what is theirs, without who made it and how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import bindparam, literal, select

from core.desk import alert_views, maintenance, people, reference
from core.desk.errors import NotFound, invalid
from core.desk.maintenance import ASKED, ENDED, PLANNED
from core.desk.principal import Principal
from core.desk.windows import may_plan
from core.rules import windows
from core.rules.windows import Span, Window
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

SHOWN = 1000
"""Windows that one look takes in."""
LONGEST = timedelta(days=100)
"""What one look goes over."""
AHEAD = timedelta(days=14)
"""How far ahead a customer is shown what is planned, unless they ask."""

window = tables.maintenance_window

_BETWEEN = Prepared(
    select(window)
    .where(
        window.c.over_at > bindparam("since", type_=Instant),
        window.c.since < bindparam("until", type_=Instant),
        window.c.state.in_([literal(one) for one in (ASKED, PLANNED, ENDED)]),
    )
    .order_by(window.c.since, window.c.id)
    .limit(literal(SHOWN))
)
_OF_CUSTOMER = Prepared(
    select(window)
    .where(
        window.c.customer == bindparam("customer"),
        window.c.over_at > bindparam("since", type_=Instant),
        window.c.since < bindparam("until", type_=Instant),
        window.c.state.in_([literal(one) for one in (ASKED, PLANNED, ENDED)]),
    )
    .order_by(window.c.since, window.c.id)
    .limit(literal(SHOWN))
)

Does = Literal["approve", "end", "cancel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """A window, as far as who asks may see it."""

    id: str
    customer: str
    customer_name: str
    site: str
    asset: str
    tag: str
    since: datetime
    until: datetime
    """Of the first occurrence."""
    rule: str
    zone: str
    mode: Literal["mute", "store_only"]
    change: str
    state: Literal["asked", "planned", "ended", "cancelled"]
    going_on: bool
    next: Span | None
    """The occurrence that goes on or comes next; None: it is over."""
    source: Literal["person", "visit", "source"]
    of: str
    """Number of the visit's ticket, or name of the alert source. For customers empty."""
    created_at: datetime
    created_by: str
    """Name. For customers empty."""
    approved_by: str
    ended_at: datetime | None
    may: tuple[Does, ...] = ()
    """What who asks can do now."""

    @property
    def meant(self) -> Window:
        """As the rule takes it."""
        return Window(
            since=self.since, until=self.until, rule=self.rule, zone=self.zone, ended_at=self.ended_at
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time that a window is there."""

    window: WindowView
    since: datetime
    until: datetime


def between(
    tx: Tx, who: Principal, *, since: datetime, until: datetime, now: datetime, customer: str | None = None
) -> tuple[Occurrence, ...]:
    """What is there in [since, until), in order. Contacts get what concerns them. Raises Invalid for what is longer than LONGEST."""
    if until <= since:
        raise invalid("/until", "is not after the beginning: the end must be later")
    if until - since > LONGEST:
        raise invalid("/until", f"is more than {LONGEST.days} days after the beginning: ask for less at once")
    named = who.customer if who.kind == "contact" else customer
    if named is None and who.kind == "contact":
        return ()
    statement = _BETWEEN if named is None else _OF_CUSTOMER
    given = {} if named is None else {"customer": named}
    rows = [row for row in tx.all(statement, since=since, until=until, **given) if _theirs(who, row)]
    found = [
        Occurrence(window=view, since=span.since, until=span.until)
        for row, view in zip(rows, _views(tx, who, rows, now=now), strict=True)
        for span in windows.occurrences(maintenance.rule_of(row), since, until)
    ]
    return tuple(sorted(found, key=lambda one: (one.since, one.until, one.window.id)))


def listing(
    tx: Tx, who: Principal, *, now: datetime, ahead: timedelta = LONGEST, customer: str | None = None
) -> tuple[WindowView, ...]:
    """Windows that go on or are still to come within `ahead`, the next first."""
    until = now + ahead
    seen = {
        one.window.id: one.window
        for one in between(tx, who, since=now, until=until, now=now, customer=customer)
    }
    return tuple(seen.values())


def going_on(tx: Tx, who: Principal, *, now: datetime) -> list[Occurrence]:
    """The occurrences that go on now and keep alarms from calling anybody, the one that ends first before others."""
    found = between(tx, who, since=now, until=now + timedelta(seconds=1), now=now)
    return sorted(
        (one for one in found if one.window.state == PLANNED and one.since <= now), key=lambda one: one.until
    )


def one(tx: Tx, who: Principal, window_id: str, *, now: datetime) -> WindowView:
    """A window. Raises NotFound, also for a stranger to it."""
    row = tx.one(maintenance.BY_ID, id=window_id)
    if row is None or not _theirs(who, row):
        raise NotFound(f"there is no window of maintenance {window_id}")
    return _views(tx, who, [row], now=now)[0]


def holding(tx: Tx, who: Principal, alert_id: str, *, now: datetime) -> tuple[WindowView, ...]:
    """The windows that keep an alert from calling anybody now, the one that ends last first. Raises NotFound for a stranger to it."""
    row = alert_views.find(tx, who, alert_id)
    held = maintenance.holding(tx, row, now=now) if row.status == "maintenance" else None
    return tuple(one(tx, who, window_id, now=now) for window_id in held.windows) if held is not None else ()


def _theirs(who: Principal, row: Row) -> bool:
    """A customer sees what is decided and meant for them: not what one device of theirs tells of itself."""
    if who.kind != "contact":
        return who.is_agent or who.kind == "system"
    mine = row.customer == who.customer and row.alert_id is None and row.state in (PLANNED, ENDED)
    return mine and (not row.site or not who.sites or row.site in who.sites)


def _views(tx: Tx, who: Principal, rows: Sequence[Row], *, now: datetime) -> list[WindowView]:
    inside = who.kind != "contact"
    return [_view(tx, who, row, inside=inside, now=now) for row in rows]


def _view(tx: Tx, who: Principal, row: Row, *, inside: bool, now: datetime) -> WindowView:
    known = reference.customer(tx, row.customer) if row.customer else None
    kind, _, of = row.source.partition(":")
    over = row.state not in (ASKED, PLANNED) or row.over_at <= now
    going_on = maintenance.going_on(row, now=now) is not None
    return WindowView(
        id=row.id,
        customer=row.customer,
        customer_name=known.name if known else row.customer,
        site=row.site,
        asset=row.asset,
        tag=row.tag if inside else "",
        since=row.since,
        until=row.until,
        rule=row.rrule,
        zone=row.zone or tx.facts.zone.key,
        mode=row.mode,
        change=row.change,
        state=row.state,
        going_on=going_on,
        next=None if over else windows.following(maintenance.rule_of(row), now),
        source=kind,
        of=of if inside else "",
        created_at=row.created_at,
        created_by=_name(tx, row.created_by) if inside else "",
        approved_by=_name(tx, row.approved_by) if inside and row.approved_by else "",
        ended_at=row.ended_at,
        may=tuple(_may(who, row, going_on=going_on, now=now)) if inside and not over else (),
    )


def _may(who: Principal, row: Row, *, going_on: bool, now: datetime) -> Iterable[Does]:
    if not may_plan(who):
        return
    if row.state == ASKED and row.created_by != who.actor and row.over_at > now:
        yield "approve"
    if going_on:
        yield "end"
    yield "cancel"


def _name(tx: Tx, actor: str) -> str:
    kind, _, identity = actor.partition(":")
    found = people.agent(tx, identity) if kind == "agent" else None
    return found.name if found else tx.facts.name
