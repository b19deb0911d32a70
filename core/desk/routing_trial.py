"""What would an edited routing table have done? The tickets of the last days, routed again by both; nothing is written."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select, tuple_

from core.desk import acts, duties, reference, routing_reach
from core.desk.errors import Forbidden, invalid
from core.desk.principal import Principal
from core.rules import routing
from core.rules.rotas import ON_CALL, Span
from core.rules.routing import Asked, Considered, Group, Rule
from core.store import tables
from core.store.columns import Id, Instant
from core.store.tx import Prepared, Row, Tx

SLICE = 1_000  # tickets read at once
MOST_DAYS = 366
TOLD = 200  # differences told one by one; all are counted

ticket = tables.ticket

_TICKETS = Prepared(
    select(
        ticket.c.id,
        ticket.c.number,
        ticket.c.customer,
        ticket.c.technology,
        ticket.c.request_type,
        ticket.c.received_at,
        ticket.c.qualified_at,
        ticket.c.updated_at,
        ticket.c.desk_group,
        ticket.c.decision,
    )
    .where(
        tuple_(ticket.c.updated_at, ticket.c.id)
        > tuple_(bindparam("after_at", type_=Instant), bindparam("after_id", type_=Id)),
        or_(ticket.c.technology.is_not(None), ticket.c.request_type.is_not(None)),
    )
    .order_by(ticket.c.updated_at, ticket.c.id)
    .limit(SLICE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A ticket that would have gone elsewhere."""

    number: str
    customer: str | None
    technology: str | None
    request_type: str | None
    at: datetime
    """When it was routed, or received."""
    was: str | None
    """By the table as it is; None: to nobody."""
    would_be: str | None
    """By the edited one."""
    has_it: str | None
    """The group that has it now."""
    why: Considered | None
    """What decided in the edited table; None: no rule did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came out."""

    days: int
    looked_at: int
    different: int
    moves: tuple[tuple[str | None, str | None, int], ...]
    """(from, to, how many), the most first."""
    differences: tuple[Difference, ...]
    """The newest first, at most TOLD."""


def run(tx: Tx, who: Principal, rules: Sequence[Rule], *, days: int, now: datetime) -> Trial:
    """Route the tickets received in the last `days` by the table as it is and by `rules`, each at its own instant.

    For who may edit the table. Raises Forbidden, and Invalid for days out of range.
    """
    acts.only_staff(who)
    if not who.leads:
        message = "a shift leader, a supervisor or an administrator tries a routing table"
        raise Forbidden(message)
    if not 1 <= days <= MOST_DAYS:
        raise invalid("/days", f"must be 1 to {MOST_DAYS}")
    since = now - timedelta(days=days)
    desk = reference.desk(tx)
    on_call = {
        name: spans
        for name in desk.groups
        if (spans := duties.on_duty_intervals(tx, ON_CALL, name, since, now + timedelta(seconds=1)))
    }
    old, new = Router(tx, desk.routing, on_call), Router(tx, rules, on_call)
    looked_at = 0
    moves: Counter[tuple[str | None, str | None]] = Counter()
    found: list[tuple[Row, str | None, str | None, frozenset[str]]] = []
    for row in _received(tx, since):
        looked_at += 1
        open_then = routing_reach.open_calendars(desk, instant(row))
        was, would_be = old.group(row, open_then), new.group(row, open_then)
        if was != would_be:
            moves[was, would_be] += 1
            found.append((row, was, would_be, open_then))
    found.sort(key=lambda one: one[0].received_at, reverse=True)
    return Trial(
        days=days,
        looked_at=looked_at,
        different=len(found),
        moves=tuple((was, would_be, count) for (was, would_be), count in moves.most_common()),
        differences=tuple(_difference(new, *one) for one in found[:TOLD]),
    )


def _received(tx: Tx, since: datetime) -> Iterator[Row]:
    """What was received since then changed since then: along the index of that."""
    after_at, after_id = since, FIRST
    while True:
        rows = tx.all(_TICKETS, after_at=after_at, after_id=after_id)
        yield from (row for row in rows if row.received_at >= since)
        if len(rows) < SLICE:
            return
        after_at, after_id = rows[-1].updated_at, rows[-1].id


FIRST = "00000000-0000-0000-0000-000000000000"


class Router:
    """Routes many tickets: what depends on who is there is worked out once for each state of calendars and rotas."""

    def __init__(self, tx: Tx, rules: Sequence[Rule], on_call: Mapping[str, Sequence[Span]]) -> None:
        self._tx, self._rules, self._on_call = tx, rules, on_call
        self._desk = reference.desk(tx)
        self._named = {rule.customer for rule in rules if rule.customer is not None}
        self._groups: dict[tuple[frozenset[str], frozenset[str]], Mapping[str, Group]] = {}
        self._known: dict[tuple[object, ...], str | None] = {}

    def group(self, row: Row, open_then: frozenset[str]) -> str | None:
        """Where it goes, given the calendars open at its instant; None: nowhere. What goes to sales does by any table."""
        if row.decision == "route_sales" and self._desk.sales is not None:
            return self._desk.sales
        customer = reference.customer(self._tx, row.customer) if row.customer else None
        key = (
            row.technology,
            row.request_type,
            row.customer if row.customer in self._named else None,
            customer.groups if customer else (),
            open_then,
            self._called(row, open_then),
        )
        if key not in self._known:
            self._known[key] = self._routed(row, open_then).group
        return self._known[key]

    def why(self, row: Row, open_then: frozenset[str]) -> Considered | None:
        """The rule that decides."""
        trace = self._routed(row, open_then).trace
        matching = [entry for entry in trace if entry.matched and entry.rule.startswith("rule ")]
        return max(matching, key=lambda entry: entry.weight, default=None)

    def _routed(self, row: Row, open_then: frozenset[str]) -> routing.Route:
        customer = reference.customer(self._tx, row.customer) if row.customer else None
        asked = Asked(
            technology=row.technology,
            request_type=row.request_type,
            customer=row.customer,
            allowed=customer.groups if customer else (),
            open_calendars=open_then,
        )
        state = (open_then, self._called(row, open_then))
        groups = self._groups.get(state)
        if groups is None:
            groups = self._groups[state] = routing_reach.groups(self._tx, instant(row), open_then)
        return routing.route(asked, self._rules, groups)

    def _called(self, row: Row, open_then: frozenset[str]) -> frozenset[str]:
        """Closed groups with somebody on call."""
        at = instant(row)
        return frozenset(
            name
            for name, spans in self._on_call.items()
            if self._desk.groups[name].calendar not in open_then
            and any(since <= at < until for since, until in _around(spans, at))
        )


def instant(row: Row) -> datetime:
    """When a ticket was routed, or would have been."""
    found: datetime = row.qualified_at or row.received_at
    return found


def _around(spans: Sequence[Span], at: datetime) -> Sequence[Span]:
    place = bisect_right(spans, at, key=lambda span: span[0])
    return spans[max(place - 1, 0) : place]


def _difference(
    router: Router, row: Row, was: str | None, would_be: str | None, open_then: frozenset[str]
) -> Difference:
    return Difference(
        number=row.number,
        customer=row.customer,
        technology=row.technology,
        request_type=row.request_type,
        at=instant(row),
        was=was,
        would_be=would_be,
        has_it=row.desk_group,
        why=router.why(row, open_then),
    )
