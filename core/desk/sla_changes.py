"""A service level was edited: which open tickets does that concern, and how do they come under it? In slices, each a transaction.

As with calendars (core.desk.clock_changes) what runs keeps its promise until somebody says otherwise, and that is told before.
A level that is not `retroactive` counts from the instant it is applied, any other from the start of each clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, bindparam, case, literal, select

from core.desk import clock_policies, clock_standing, reference, timing
from core.desk.case import ADMINISTRATION, Case, record
from core.desk.clock_changes import FIRST, Slice, Tally
from core.desk.errors import Forbidden, NotFound
from core.desk.principal import HUB, Principal
from core.desk.reference import ServiceLevel
from core.rules import clocks, new_promises
from core.rules.clocks import ClockEvent, ClockName, Policy
from core.store import tables, work
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

KIND = "relevel"
"""Of the job."""
LOOKED = 200
"""Open tickets that one transaction looks at …"""
SLICE = 20
"""… and those it moves at most: some 20 ms, so that nobody waits longer for it."""
REASON = "sla"
"""Of the events."""

ticket, event, sla_clock = tables.ticket, tables.event, tables.sla_clock

# The planner is not to sort all open tickets for each slice: it walks along the key (decision 0006).
_OPEN = case((ticket.c.open, 1), else_=0) == 1
_TICKETS = Prepared(
    select(
        ticket.c.id,
        ticket.c.priority,
        ticket.c.flags,
        ticket.c.contract_version,
        ticket.c.line,
        ticket.c.customer,
        ticket.c.site,
        ticket.c.asset,
    )
    .where(_OPEN, ticket.c.id > bindparam("after", type_=Id()))
    .order_by(ticket.c.id)
    .limit(bindparam("limit", type_=BigInteger))
)
_EVENTS = Prepared(
    select(event.c.ticket_id, event.c.kind, event.c.at, event.c.data)
    .select_from(event.join(ticket, ticket.c.id == event.c.ticket_id))
    .where(
        _OPEN,
        ticket.c.id >= bindparam("first", type_=Id()),
        ticket.c.id <= bindparam("last", type_=Id()),
        event.c.kind > literal("clock."),
        event.c.kind < literal("clock.z"),
    )
    .order_by(ticket.c.id, event.c.seq)
)
_CLOCKS = Prepared(
    select(sla_clock.c.ticket_id, sla_clock.c.name, sla_clock.c.target_s, sla_clock.c.calendar).where(
        sla_clock.c.ticket_id >= bindparam("first", type_=Id()),
        sla_clock.c.ticket_id <= bindparam("last", type_=Id()),
        sla_clock.c.stopped_at.is_(None),
    )
)


class _Read:
    """A ticket that is only looked at, as `clock_policies` asks for it."""

    __slots__ = ("_values", "tx")

    def __init__(self, tx: Tx, row: Row) -> None:
        self.tx = tx
        self._values = row._asdict()

    def __getitem__(self, column: str) -> Any:
        return self._values[column]


def impact(tx: Tx, level: ServiceLevel, *, after: str | None, limit: int, now: datetime) -> Slice:
    """What this level, kept or not, would do to the next open tickets after this id; None: from the first. Changes nothing."""
    rows = tx.all(_TICKETS, after=after or FIRST, limit=limit)
    tally = Tally()
    for _, events, caused in _moved(tx, rows, level, now):
        policies = clock_standing.policies(tx, events)
        before = {(one.name, one.cycle): one for one in clocks.rebuild(events, policies, now)}
        policies |= {one.key: one for _, one in caused}
        moved = {(one.clock, one.cycle) for one, _ in caused}
        after_it = clocks.rebuild([*events, *(one for one, _ in caused)], policies, now)
        tally.ticket(
            [(before[one.name, one.cycle], one) for one in after_it if (one.name, one.cycle) in moved]
        )
    last = rows[-1].id if len(rows) == limit else None
    return Slice(impact=tally.impact(len(rows)), last=last)


def only_who_edits(who: Principal) -> None:
    """A supervisor or an administrator: Forbidden for other staff; for anybody outside there are no levels (NotFound)."""
    only_staff(who)
    if not (who.configures or who.kind == "system"):
        message = "a supervisor or an administrator changes service levels and applies them to open tickets"
        raise Forbidden(message)


def only_staff(who: Principal) -> None:
    """Raise NotFound for anybody outside."""
    if who.kind in ("contact", "address"):
        message = "there are no service levels here"
        raise NotFound(message)


def begin(tx: Tx, who: Principal, name: str, *, now: datetime) -> None:
    """Bring open tickets under the service level as it is now, from the first to the last: a job does it in slices.

    A supervisor or an administrator says so (Forbidden). Raises NotFound for a level there is none of. Begun again
    while it goes on, it starts anew.
    """
    only_who_edits(who)
    if name not in reference.desk(tx).slas:
        message = f"there is no service level {name}"
        raise NotFound(message)
    record(tx, ADMINISTRATION, "sla.applied", now=now, actor=who.actor, sla=name)
    _go_on(tx, {"sla": name, "after": FIRST, "by": who.actor}, now=now)


def go_on(tx: Tx, job: work.Job, *, now: datetime) -> str | None:
    """The job: the next slice, and a job for the one after it. Returns the id it came to; None: all are done."""
    payload = job.payload
    level = reference.desk(tx).slas.get(payload["sla"])
    if level is None:  # taken away meanwhile: what runs by it keeps it
        return None
    last = apply(tx, level, after=payload["after"], now=now)
    if last is not None:
        _go_on(tx, {**payload, "after": last}, now=now)
    return last


def apply(tx: Tx, level: ServiceLevel, *, after: str, limit: int = SLICE, now: datetime) -> str | None:
    """Retarget the clocks of the next open tickets under this level, `limit` at most; return the last id looked at.

    None: there are no more. Each ticket gets one event. Nobody is told here: the timer of a ticket that is newly late
    rings at once, and tells what was not told before.
    """
    rows = tx.all(_TICKETS, after=after, limit=LOOKED)
    for done, (ticket_id, _, _) in enumerate(_moved(tx, rows, level, now), start=1):
        _retarget(Case.open(tx, ticket_id, now=now), level)
        if done == limit:
            return ticket_id
    return rows[-1].id if len(rows) == LOOKED else None


def _retarget(found: Case, level: ServiceLevel) -> None:
    """The ticket in hand: whoever acted on it since it was looked at is heard."""
    if not found["open"] or clock_policies.level_name(found) != level.name:
        return
    caused = new_promises.retargets(
        clock_standing.of_case(found), clock_policies.of(found), now=found.now, reason=REASON
    )
    if not caused:
        return
    found.event(
        clock_standing.RELEVEL,
        actor=HUB.actor,
        cause=level.name,
        reason=REASON,
        clocks=[{"clock": str(one.clock), "cycle": one.cycle, "policy": one.policy} for one, _ in caused],
    )
    timing.settle(found)
    found.save()


Caused = tuple[tuple[ClockEvent, Policy], ...]


def _moved(
    tx: Tx, rows: Sequence[Row], level: ServiceLevel, now: datetime
) -> Iterator[tuple[str, list[ClockEvent], Caused]]:
    """Of these tickets those with a clock that the level promises otherwise: id, events of clocks, retargets."""
    concerned = _concerned(tx, rows, level)
    ids = sorted(concerned)
    for some in (ids[n : n + SLICE] for n in range(0, len(ids), SLICE)):
        found = groupby(tx.all(_EVENTS, first=some[0], last=some[-1]), key=itemgetter(0))
        for ticket_id, of_one in found:
            if ticket_id not in concerned:
                continue
            events = clock_standing.read(row[1:] for row in of_one)
            standing = clocks.rebuild(events, clock_standing.policies(tx, events), now)
            caused = new_promises.retargets(standing, concerned[ticket_id], now=now, reason=REASON)
            if caused:
                yield ticket_id, events, caused


def _concerned(tx: Tx, rows: Sequence[Row], level: ServiceLevel) -> dict[str, Mapping[ClockName, Policy]]:
    """Tickets under the level of which the cache has a clock with another target or calendar, and their promises.

    Most of a desk is as it should be, and its events are not read.
    """
    under = {row.id: one for row in rows if clock_policies.level_name(one := _Read(tx, row)) == level.name}
    if not under:
        return {}
    promised = {ticket_id: clock_policies.promised(one, level) for ticket_id, one in under.items()}
    found: dict[str, Mapping[ClockName, Policy]] = {}
    for ticket_id, name, target_s, version in tx.all(_CLOCKS, first=min(under), last=max(under)):
        if ticket_id in promised and ticket_id not in found:
            policy = promised[ticket_id].get(name)
            if policy is not None and _differs(tx, policy, target_s, version):
                found[ticket_id] = promised[ticket_id]
    return found


def _differs(tx: Tx, policy: Policy, target_s: int, version: str) -> bool:
    if policy.target.seconds != target_s:  # of working days the cache does not know how many
        return True
    other = version != policy.calendar_version
    return other and reference.hours(tx, version).definition.name != policy.calendar.definition.name


def _go_on(tx: Tx, payload: dict[str, str], *, now: datetime) -> None:
    key = f"{KIND} {payload['sla']}"
    work.set_timer(tx, shard=ADMINISTRATION, key=key, kind=KIND, payload=payload, due=now, now=now)
