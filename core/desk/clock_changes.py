"""A calendar was edited: which open tickets does that concern, and how do they come under it? In slices, each a transaction.

Running tickets keep the version they were started with until somebody says otherwise. What that would change is told
before; then a job goes through the open tickets by their ids, and says after each slice where it stands, so that a hub that is
stopped goes on there and nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, case, literal, select, update

from core.desk import clock_standing, reference
from core.desk.case import ADMINISTRATION, event_hash, record
from core.desk.errors import Forbidden, NotFound
from core.desk.principal import HUB, Principal
from core.rules import clocks
from core.rules.calendar_definitions import (
    CalendarDefinition,
    at_site,
    definition_from_json,
    definition_to_json,
    definition_version,
)
from core.rules.calendars import Calendar
from core.rules.clocks import Clock, ClockState, Moved
from core.store import tables, work
from core.store.columns import Id, Instant, Json
from core.store.tx import Prepared, Row, Tx

KIND = "recalendar"
"""Of the job."""
SLICE = 50
"""Tickets of one transaction: some 10 ms, so that nobody waits longer for it."""
REASON = "calendar"
"""Of the events."""
FIRST = "00000000-0000-0000-0000-000000000000"

ticket, event, sla_clock = tables.ticket, tables.event, tables.sla_clock

Instead = Mapping[str, tuple[str, Calendar]]
"""Calendar version that clocks run by, to the version that takes its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What another calendar would change among open tickets. Each ticket counts once in `tickets`."""

    looked_at: int = 0
    """Open tickets that were looked at."""
    tickets: int = 0
    """Those with a clock that runs by an older version."""
    earlier: int = 0
    """Tickets of which some clock would be due earlier …"""
    later: int = 0
    """… or later."""
    breached: int = 0
    """Tickets that would be over a time they are within now …"""
    kept: int = 0
    """… or within one they are over now."""

    def plus(self, other: Impact) -> Impact:
        """Both together."""
        names = [one.name for one in fields(self)]
        return Impact(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One look at some open tickets, and where to go on; `last` None: that was all."""

    impact: Impact
    last: str | None


# The planner is not to sort all open tickets for each slice: it walks along the key (decision 0006).
_OPEN = case((ticket.c.open, 1), else_=0) == 1
_TICKETS = Prepared(
    select(ticket.c.id, ticket.c.last_event, ticket.c.flags, event.c.hash)
    .select_from(
        ticket.join(event, (event.c.ticket_id == ticket.c.id) & (event.c.seq == ticket.c.last_event))
    )
    .where(_OPEN, ticket.c.id > bindparam("after", type_=Id()))
    .order_by(ticket.c.id)
    .limit(bindparam("limit", type_=BigInteger))
)
# PostgreSQL: whoever acts on one of them meanwhile waits, as for any act on it.
_LOCK = Prepared(
    select(ticket.c.id)
    .where(_OPEN, ticket.c.id > bindparam("after", type_=Id()))
    .order_by(ticket.c.id)
    .limit(bindparam("limit", type_=BigInteger))
    .with_for_update()
)
_CLOCKS = Prepared(
    select(
        sla_clock.c.ticket_id, sla_clock.c.name, sla_clock.c.cycle, sla_clock.c.calendar, sla_clock.c.level
    ).where(
        sla_clock.c.ticket_id >= bindparam("first", type_=Id()),
        sla_clock.c.ticket_id <= bindparam("last", type_=Id()),
        sla_clock.c.stopped_at.is_(None),
    )
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
_VERSIONS = Prepared(
    select(tables.definition.c.version, tables.definition.c.content).where(
        tables.definition.c.kind == literal("calendar"), tables.definition.c.name == bindparam("name")
    )
)


def instead_of_older(tx: Tx, definition: CalendarDefinition) -> dict[str, tuple[str, Calendar]]:
    """Every version that a calendar of this name ever had, at whatever site, and what takes its place."""
    places = [reference.SiteHours(time_zone="", holidays=""), *reference.desk(tx).sites.values()]
    present = {}
    for place in dict.fromkeys(places):
        there = at_site(definition, time_zone=place.time_zone, holidays=place.holidays)
        present[place] = _hours(there)
    found: dict[str, tuple[str, Calendar]] = {}
    for row in tx.all(_VERSIONS, name=definition.name):
        older = definition_from_json(row.content)
        for place, now in present.items():
            there = at_site(older, time_zone=place.time_zone, holidays=place.holidays)
            version = definition_version(there)
            if version != now[0]:
                found.setdefault(version, now)
    return found


def _hours(definition: CalendarDefinition) -> tuple[str, Calendar]:
    """The same calendar for every slice: its years are expanded once."""
    version = definition_version(definition)
    calendar = _known.get(version)
    if calendar is None:
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        calendar = _known[version] = Calendar(definition)
    return version, calendar


_known: dict[str, Calendar] = {}
"""By their versions."""
MAX_KNOWN = 200


def impact(tx: Tx, instead: Instead, *, after: str | None, limit: int = SLICE, now: datetime) -> Slice:
    """What the change would do to the next open tickets after this id; None: from the first. Changes nothing."""
    rows = tx.all(_TICKETS, after=after or FIRST, limit=limit)
    if not rows:
        return Slice(impact=Impact(), last=None)
    last = rows[-1].id
    count = {"tickets": 0, "earlier": 0, "later": 0, "breached": 0, "kept": 0}
    for _, events in _events(tx, _standing(tx, rows, instead)):
        moved = _moved(tx, events, instead, now)
        if not moved.events:
            continue
        before = {
            (one.name, one.cycle): one
            for one in clocks.rebuild(events, clock_standing.policies(tx, events), now)
        }
        pairs = [(before[one.name, one.cycle], one) for one in moved.clocks]
        due = [(old.due_at, new.due_at) for old, new in pairs if old.due_at and new.due_at]
        count["tickets"] += 1
        count["earlier"] += any(new < old for old, new in due)
        count["later"] += any(new > old for old, new in due)
        count["breached"] += any(new.breached_at and not old.breached_at for old, new in pairs)
        count["kept"] += any(old.breached_at and not new.breached_at for old, new in pairs)
    return Slice(impact=Impact(looked_at=len(rows), **count), last=last if len(rows) == limit else None)


def only_who_edits(who: Principal) -> None:
    """A supervisor or an administrator: Forbidden for other staff; for anybody outside there are no calendars (NotFound)."""
    only_staff(who)
    if not (who.is_admin or "supervisor" in who.roles or who.kind == "system"):
        message = "a supervisor or an administrator changes calendars and applies them to open tickets"
        raise Forbidden(message)


def only_staff(who: Principal) -> None:
    """Raise NotFound for anybody outside."""
    if who.kind in ("contact", "address"):
        message = "there are no calendars here"
        raise NotFound(message)


def begin(tx: Tx, who: Principal, calendar: str, *, now: datetime) -> None:
    """Bring open tickets under the calendar as it is now, from the first to the last: a job does it in slices.

    A supervisor or an administrator says so (Forbidden). Raises NotFound for a calendar there is none of. Begun again
    while it goes on, it starts anew.
    """
    only_who_edits(who)
    if calendar not in reference.desk(tx).calendars:
        message = f"there is no calendar {calendar}"
        raise NotFound(message)
    version = reference.desk(tx).calendars[calendar].version
    record(
        tx, ADMINISTRATION, "calendar.applied", now=now, actor=who.actor, calendar=calendar, version=version
    )
    _go_on(tx, {"calendar": calendar, "after": FIRST, "by": who.actor}, now=now)


def go_on(tx: Tx, job: work.Job, *, now: datetime) -> str | None:
    """The job: the next slice, and a job for the one after it. Returns the id it came to; None: all are done."""
    payload = job.payload
    hours = reference.desk(tx).calendars.get(payload["calendar"])
    if hours is None:  # taken away meanwhile: what runs by it keeps it
        return None
    instead = instead_of_older(tx, hours.calendar.definition)
    last = apply(tx, instead, after=payload["after"], cause=payload["calendar"], now=now) if instead else None
    if last is not None:
        _go_on(tx, {**payload, "after": last}, now=now)
    return last


def _go_on(tx: Tx, payload: Mapping[str, Any], *, now: datetime) -> None:
    work.set_timer(
        tx,
        shard=ADMINISTRATION,
        key=f"{KIND} {payload['calendar']}",
        kind=KIND,
        payload=payload,
        due=now,
        now=now,
    )


# --- A slice ------------------------------------------------------------------------------------------------


def apply(
    tx: Tx, instead: Instead, *, after: str, cause: str, limit: int = SLICE, now: datetime
) -> str | None:
    """Retarget the clocks of the next open tickets; return the last id looked at, None when there are no more.

    `cause`: the calendar's name. What people see changes: due instants, flags, the order of the inbox. Nobody is told
    here: the timer of a ticket that is newly late rings at once, and tells.
    """
    if not tx.is_sqlite:
        tx.all(_LOCK, after=after, limit=limit)
    rows = tx.all(_TICKETS, after=after, limit=limit)
    if not rows:
        return None
    by_id = {row.id: row for row in rows}
    kept: set[str] = set()
    changes = _Changes(tx, cause, now)
    standing = _standing(tx, rows, instead)
    for ticket_id, events in _events(tx, standing):
        moved = _moved(tx, events, instead, now)
        if moved.events:
            changes.ticket(by_id[ticket_id], moved, standing[ticket_id])
            kept.update(one.policy.calendar_version for one in moved.clocks)
    _keep(tx, instead, kept, now)
    changes.write()
    return rows[-1].id if len(rows) == limit else None


Levels = Mapping[tuple[str, int], int]
"""Clocks of a ticket that have not ended, by name and cycle, to the highest level that stands noted."""


def _standing(tx: Tx, rows: Sequence[Row], instead: Instead) -> dict[str, Levels]:
    """Those tickets that have a clock by an older version."""
    found: dict[str, dict[tuple[str, int], int]] = {}
    by_id = {row.id for row in rows}
    concerned: set[str] = set()
    for ticket_id, name, cycle, calendar, level in tx.all(_CLOCKS, first=rows[0].id, last=rows[-1].id):
        found.setdefault(ticket_id, {})[name, cycle] = level
        if calendar in instead and ticket_id in by_id:
            concerned.add(ticket_id)
    return {ticket_id: levels for ticket_id, levels in found.items() if ticket_id in concerned}


def _events(tx: Tx, tickets: Mapping[str, Levels]) -> Iterable[tuple[str, list[clocks.ClockEvent]]]:
    if tickets:
        rows = tx.all(_EVENTS, first=min(tickets), last=max(tickets))
        for ticket_id, of_one in groupby(rows, key=itemgetter(0)):
            if ticket_id in tickets:
                yield ticket_id, clock_standing.read(row[1:] for row in of_one)


def _moved(tx: Tx, events: Sequence[clocks.ClockEvent], instead: Instead, now: datetime) -> Moved:
    return clocks.recalendared(events, clock_standing.policies(tx, events), instead, now=now, reason=REASON)


def _keep(tx: Tx, instead: Instead, versions: set[str], now: datetime) -> None:
    """The versions that clocks name from now on stay findable, also those of sites."""
    for version, calendar in dict(instead.values()).items():
        if version in versions:
            tx.insert_missing(
                tables.definition,
                version=version,
                kind="calendar",
                name=calendar.definition.name,
                content=definition_to_json(calendar.definition),
                at=now,
            )


_CLOCK = Prepared(
    update(sla_clock)
    .where(
        sla_clock.c.ticket_id == bindparam("key_ticket", type_=Id()),
        sla_clock.c.name == bindparam("key_name", type_=Text),
        sla_clock.c.cycle == bindparam("key_cycle", type_=BigInteger),
    )
    .values(
        state=bindparam("state", type_=Text),
        target_s=bindparam("target_s", type_=BigInteger),
        calendar=bindparam("calendar", type_=Text),
        due_at=bindparam("due_at", type_=Instant),
        elapsed_s=bindparam("elapsed_s", type_=BigInteger),
        paused_s=bindparam("paused_s", type_=BigInteger),
        next_check_at=bindparam("next_check_at", type_=Instant),
        breached_at=bindparam("breached_at", type_=Instant),
        # A breach of the promise by its old hours stays on record; what passes next is noted again.
        level=case(
            (
                sla_clock.c.level > bindparam("passed", type_=BigInteger),
                bindparam("passed", type_=BigInteger),
            ),
            else_=sla_clock.c.level,
        ),
    )
)
_TICKET = Prepared(
    update(ticket)
    .where(ticket.c.id == bindparam("key_id", type_=Id()))
    .values(
        last_event=bindparam("last_event", type_=BigInteger),
        next_due=bindparam("next_due", type_=Instant),
        next_clock=bindparam("next_clock", type_=Text),
        breached_at=bindparam("breached_at", type_=Instant),
        flags=bindparam("flags", type_=Json()),
    )
)


class _Changes:
    """What a slice writes, gathered to be written table by table."""

    def __init__(self, tx: Tx, cause: str, now: datetime) -> None:
        self.tx, self.cause, self.now = tx, cause, now
        self.events: list[dict[str, Any]] = []
        self.clocks: list[dict[str, Any]] = []
        self.tickets: list[dict[str, Any]] = []
        self.timers: dict[str, datetime] = {}

    def ticket(self, row: Row, moved: Moved, noted: Levels) -> None:
        """One ticket: its event, the cache of its clocks, what the inbox shows of them."""
        added = {
            "ticket_id": row.id,
            "seq": row.last_event + 1,
            "kind": clock_standing.RECALENDAR,
            "at": self.now,
            "recorded_at": self.now,
            "actor": HUB.actor,
            "data": {
                "cause": self.cause,
                "reason": REASON,
                "clocks": [
                    {"clock": one.clock, "cycle": one.cycle, "policy": one.policy} for one in moved.events
                ],
            },
        }
        added["hash"] = event_hash(row.hash, added)
        self.events.append(added)
        self.clocks += [self._clock(row.id, one) for one in moved.clocks]
        standing = moved.clocks + moved.others
        first: datetime | None = None
        first_name: str | None = None
        late: datetime | None = None
        check: datetime | None = None
        for one in standing:
            if one.state is not ClockState.RUNNING:
                continue
            if one.due_at and (first is None or (one.due_at, one.name) < (first, first_name)):
                first, first_name = one.due_at, one.name
            if one.breached_at and (late is None or one.breached_at < late):
                late = one.breached_at
            # Passed at a stroke: the timer rings at once, and tells.
            unheard = one.level_passed > noted.get((one.name, one.cycle), 0)
            at = self.now if unheard else one.next_check_at
            if at and (check is None or at < check):
                check = at
        self.tickets.append(
            {
                "key_id": row.id,
                "last_event": row.last_event + 1,
                "next_due": first,
                "next_clock": first_name,
                "breached_at": late,
                "flags": _flags(row.flags, standing),
            }
        )
        if check is not None:
            self.timers[row.id] = max(check, self.now + timedelta(seconds=1))

    def _clock(self, ticket_id: str, one: Clock) -> dict[str, Any]:
        return {
            "key_ticket": ticket_id,
            "key_name": one.name,
            "key_cycle": one.cycle,
            "state": one.state,
            "target_s": one.target_s,
            "calendar": one.policy.calendar_version,
            "due_at": one.due_at,
            "elapsed_s": one.elapsed_s,
            "paused_s": one.paused_s,
            "next_check_at": one.next_check_at,
            "breached_at": one.breached_at,
            "passed": one.level_passed if one.breached_at is None else clocks.BREACH * 100,
        }

    def write(self) -> None:
        """Everything, many rows of a table at a time."""
        tx = self.tx
        tx.insert_all(event, self.events)
        tx.change_all(_CLOCK, self.clocks)
        tx.change_all(_TICKET, self.tickets)
        work.move_timers(tx, self.timers, key="clocks", kind="clocks", now=self.now)


def _flags(flags: Sequence[str], standing: Sequence[Clock]) -> Sequence[str]:
    late = {f"breached:{one.name}" for one in standing if one.breached_at is not None}
    if not flags and not late:
        return flags
    running = {f"breached:{one.name}" for one in standing if one.cycle == 1}  # an earlier cycle may be late
    return [flag for flag in flags if flag not in running - late] + sorted(late.difference(flags))
