"""What explains the clocks of a ticket? Whose turn it was in every minute, what each clock made of it, who was told when.

Staff see everything. A customer sees the clocks that were agreed with them and whose turn it was, in legs, without states,
groups or notices of the inside; of a request that was somebody else's before, no history (decision 0015).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.desk import clock_notices, clock_standing, people, reference, search
from core.desk.principal import Principal
from core.desk.scope import hidden_before
from core.rules import legs
from core.rules.calendars import Calendar
from core.rules.clocks import Clock, ClockName, ClockState
from core.rules.legs import Counted, Held, Leg, Move, Segment
from core.store.tx import Tx

_SHOWN_FIRST = (ClockName.RESOLVE, ClockName.RESTORE, ClockName.RESPONSE)
"""Whose calendar says when the service is there, for the request as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One level of a clock."""

    level: int
    """Percent of the target."""
    fell_due: datetime
    at: datetime
    """When it was noted."""
    state: str
    """See core.desk.clock_notices."""
    agents: tuple[str, ...]
    """Names of those who were told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockExplained:
    """One cycle of a clock, and every minute of it."""

    name: str
    cycle: int
    state: str
    promise: str
    """The service level, priority and target, as people say it; empty for customers."""
    calendar: str
    """Name of the calendar it runs by."""
    target_s: int
    elapsed_s: int
    paused_s: int
    started_at: datetime
    stopped_at: datetime | None
    due_at: datetime | None
    """None: a pause holds it."""
    breached_at: datetime | None
    leg: str
    """Who had the ball most of the time when it was breached; empty: it was not."""
    by_leg: Mapping[str, int]
    """Seconds that counted, by who had the ball."""
    segments: tuple[Segment, ...]
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClocksExplained:
    """All clocks of a ticket."""

    number: str
    subject: str
    received_at: datetime
    until: datetime
    """Now, or when the request ended."""
    time_zone: str
    """The customer's: times are meant there."""
    calendar: str
    """By which `held` says that the service was closed."""
    held: tuple[Held, ...]
    by_leg: Mapping[str, int]
    """Seconds of the whole time, by who had the ball."""
    clocks: tuple[ClockExplained, ...]


def of_ticket(tx: Tx, who: Principal, number: str, *, now: datetime) -> ClocksExplained:
    """The clocks of a ticket as this person may see them. Raises NotFound."""
    head = search.find(tx, who, number)
    inside = who.kind != "contact"
    standing = [
        one
        for one in clock_standing.of_ticket(tx, head.id, now=now)
        if inside or one.name in clock_notices.AGREED
    ]
    moves = clock_standing.moves_of(tx, head.id)
    customer = reference.customer(tx, head.customer) if head.customer else None
    shown = hidden_before(who, head) is None
    calendar = _calendar(standing)
    held = legs.held(moves, received_at=head.received_at, now=now, calendar=calendar) if shown else ()
    told = _told(tx, head.id) if inside else {}
    shares: dict[str, int] = {}
    for one in held:
        shares[one.leg] = shares.get(one.leg, 0) + int((one.until - one.since).total_seconds())
    return ClocksExplained(
        number=head.number,
        subject=head.subject if shown else "",
        received_at=head.received_at,
        until=held[-1].until if held else now,
        time_zone=customer.time_zone if customer else tx.facts.time_zone,
        calendar=calendar.definition.name if calendar else reference.ALWAYS,
        held=held if inside else _plain(held),
        by_leg=shares,
        clocks=tuple(
            _explained(
                one,
                moves,
                received_at=head.received_at,
                now=now,
                inside=inside,
                shown=shown,
                told=told.get((str(one.name), one.cycle), ()),
            )
            for one in standing
        ),
    )


def _explained(
    clock: Clock,
    moves: tuple[Move, ...],
    *,
    received_at: datetime,
    now: datetime,
    inside: bool,
    shown: bool,
    told: tuple[Told, ...],
) -> ClockExplained:
    whole = legs.explain(clock, moves, received_at=received_at, now=now)
    segments = (
        whole.segments if inside else tuple(one._replace(reason=_public(one)) for one in whole.segments)
    )
    leg = ""
    if clock.breached_at is not None:
        leg = str(legs.responsible(clock, moves, received_at=received_at, at=clock.breached_at))
    return ClockExplained(
        name=str(clock.name),
        cycle=clock.cycle,
        state=_state(clock),
        promise=clock.policy.name if inside else "",
        calendar=clock.policy.calendar.definition.name,
        target_s=clock.target_s,
        elapsed_s=clock.elapsed_s,
        paused_s=clock.paused_s,
        started_at=clock.started_at,
        stopped_at=clock.stopped_at,
        due_at=clock.due_at,
        breached_at=clock.breached_at,
        leg=leg,
        by_leg={str(name): int(share.total_seconds()) for name, share in whole.by_leg().items()},
        segments=segments if shown else (),
        told=told,
    )


def _state(clock: Clock) -> str:
    if clock.state is ClockState.RUNNING and clock.breached_at is not None:
        return "late"
    return str(clock.state)


def _public(one: Segment) -> str:
    """Why time did not count is the customer's to know; which state we were in is not."""
    return one.reason if one.counted is not Counted.COUNTED else ""


def _plain(held: tuple[Held, ...]) -> tuple[Held, ...]:
    found: list[Held] = []
    for one in held:
        plain = one._replace(reason="closed" if one.leg is Leg.OUTSIDE else "")
        if found and found[-1].leg is plain.leg:
            found[-1] = found[-1]._replace(until=plain.until)
        else:
            found.append(plain)
    return tuple(found)


def _calendar(standing: list[Clock]) -> Calendar | None:
    by_name = {one.name: one for one in standing}
    return next((by_name[name].policy.calendar for name in _SHOWN_FIRST if name in by_name), None)


def _told(tx: Tx, ticket_id: str) -> dict[tuple[str, int], tuple[Told, ...]]:
    found: dict[tuple[str, int], tuple[Told, ...]] = {}
    names: dict[str, str] = {}
    for row in tx.all(clock_notices.NOTICES, ticket_id=ticket_id):
        for agent_id in row.agents:
            if agent_id not in names:
                agent = people.agent(tx, agent_id)
                names[agent_id] = agent.name if agent else ""
        one = Told(
            level=row.level,
            fell_due=row.fell_due,
            at=row.at,
            state=row.state,
            agents=tuple(names[agent_id] for agent_id in row.agents),
        )
        key = row.clock, row.cycle
        found[key] = (*found.get(key, ()), one)
    return found
