"""A calendar was edited: which open tickets does that concern, and how do they come under it? In slices, each a transaction.

Running tickets keep the version they were started with until somebody says otherwise. What that would change is told
before; then a job goes through the open tickets by their ids, a few slices at a time, and says where it stands, so that a hub
that is stopped goes on from there and nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    LargeBinary,
    Text,
    bindparam,
    case,
    insert,
    literal,
    select,
    type_coerce,
    update,
)

from core.desk import clock_standing, reference
from core.desk.case import ADMINISTRATION, link, record
from core.desk.errors import Forbidden, NotFound
from core.desk.principal import HUB, Principal
from core.rules import clocks, recalendaring
from core.rules.calendar_definitions import (
    CalendarDefinition,
    at_site,
    definition_from_json,
    definition_to_json,
    definition_version,
)
from core.rules.calendars import Calendar
from core.rules.clocks import ClockName, ClockState, Policy
from core.rules.recalendaring import Deed, Going, Instead, Stand, stand
from core.store import packing, tables, work
from core.store.columns import Digest, Id, Json, Repeated, decode_json, from_micros, to_json, to_micros
from core.store.tx import Prepared, Row, Tx

KIND = "recalendar"
"""Of the job."""
SLICE = 150
"""Tickets of one transaction: some 15 ms, so that nobody waits longer for it."""
REASON = "calendar"
"""Of the events."""
FIRST = "00000000-0000-0000-0000-000000000000"

ticket, event, sla_clock = tables.ticket, tables.event, tables.sla_clock


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


class Tally:
    """Counts what a change would make of the clocks of tickets, one ticket after the other."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = {"tickets": 0, "earlier": 0, "later": 0, "breached": 0, "kept": 0}

    def ticket(self, pairs: Sequence[tuple[Any, Any]]) -> None:
        """`pairs`: each clock of it that would change, as it stands (`due_at`, `breached_at`) and as it would; none: it is not concerned."""
        due = [(old.due_at, new.due_at) for old, new in pairs if old.due_at and new.due_at]
        self._count["tickets"] += bool(pairs)
        self._count["earlier"] += any(new < old for old, new in due)
        self._count["later"] += any(new > old for old, new in due)
        self._count["breached"] += any(new.breached_at and not old.breached_at for old, new in pairs)
        self._count["kept"] += any(old.breached_at and not new.breached_at for old, new in pairs)

    def impact(self, looked_at: int) -> Impact:
        """All of it."""
        return Impact(looked_at=looked_at, **self._count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One look at some open tickets, and where to go on; `last` None: that was all."""

    impact: Impact
    last: str | None


# The planner is not to sort all open tickets for each slice: it walks along the key (decision 0006).
_OPEN = case((ticket.c.open, 1), else_=0) == 1
_TICKETS = Prepared(
    select(
        ticket.c.id,
        ticket.c.last_event,
        ticket.c.flags,
        event.c.hash,
        type_coerce(ticket.c.next_due, BigInteger).label("next_due"),
        ticket.c.next_clock,
        type_coerce(ticket.c.breached_at, BigInteger).label("breached_at"),
    )
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
    select(
        event.c.ticket_id,
        event.c.kind,
        type_coerce(event.c.at, BigInteger).label("at"),
        type_coerce(event.c.data, Repeated()).label("data"),
    )
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
    select(type_coerce(tables.definition.c.content, Text).label("content")).where(
        tables.definition.c.kind == literal("calendar"), tables.definition.c.name == bindparam("name")
    )
)


def instead_of_older(tx: Tx, definition: CalendarDefinition) -> dict[str, tuple[str, Calendar]]:
    """Every version that a calendar of this name ever had, at whatever site, and what takes its place."""
    places = list(
        dict.fromkeys([reference.SiteHours(time_zone="", holidays=""), *reference.desk(tx).sites.values()])
    )
    text = to_json(definition_to_json(definition))
    present = [(place, _hours(text, place)) for place in places]
    found: dict[str, tuple[str, Calendar]] = {}
    for row in tx.all(_VERSIONS, name=definition.name):
        for place, now in present:
            version, _ = _hours(row.content, place)
            if version != now[0]:
                found.setdefault(version, now)
    return found


@lru_cache(maxsize=1_000)
def _hours(text: str, place: reference.SiteHours) -> tuple[str, Calendar]:
    """A calendar as it is there, and its version: the same for every slice, so that its years are expanded once."""
    there = at_site(
        definition_from_json(decode_json(text)), time_zone=place.time_zone, holidays=place.holidays
    )
    return definition_version(there), Calendar(there)


def impact(tx: Tx, instead: Instead, *, after: str | None, limit: int = SLICE, now: datetime) -> Slice:
    """What the change would do to the next open tickets after this id; None: from the first. Changes nothing."""
    rows = tx.all(_TICKETS, after=after or FIRST, limit=limit)
    if not rows:
        return Slice(impact=Impact(), last=None)
    last = rows[-1].id
    tally = Tally()
    until = to_micros(now)
    for _, plan, instants in _plans(tx, _standing(tx, rows, instead), instead):
        tally.ticket(
            [
                (stand(one, one.policy, instants, until), stand(one, one.under, instants, until))
                for one in plan.going
                if one.under is not None
            ]
        )
    return Slice(impact=tally.impact(len(rows)), last=last if len(rows) == limit else None)


def only_who_edits(who: Principal) -> None:
    """A supervisor or an administrator: Forbidden for other staff; for anybody outside there are no calendars (NotFound)."""
    only_staff(who)
    if not (who.configures or who.kind == "system"):
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


def advance(tx: Tx, calendar: str, after: str, *, now: datetime) -> str | None:
    """The next slice after this id. Returns the id it came to; None: all are done. Done again, it finds nothing to do."""
    hours = reference.desk(tx).calendars.get(calendar)
    if hours is None:  # taken away meanwhile: what runs by it keeps it
        return None
    instead = instead_of_older(tx, hours.calendar.definition)
    return apply(tx, instead, after=after, cause=calendar, limit=SLICE, now=now) if instead else None


def go_on(tx: Tx, payload: Mapping[str, Any], after: str | None, *, now: datetime) -> None:
    """The job came to this id: another goes on from there. None: it is over."""
    if after is not None:
        _go_on(tx, {**payload, "after": after}, now=now)


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


def apply(tx: Tx, instead: Instead, *, after: str, cause: str, limit: int, now: datetime) -> str | None:
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
    changes = _Changes(tx, cause, now)
    standing = _standing(tx, rows, instead)
    for ticket_id, plan, instants in _plans(tx, standing, instead):
        if plan.moved:
            changes.ticket(by_id[ticket_id], plan, instants, standing[ticket_id])
    _keep(tx, instead, changes.versions, now)
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


class _Plan:
    """How the clocks of a ticket go on, by what happened to it: the same for many, and made once for all slices."""

    __slots__ = ("document", "going", "moved", "moves")

    def __init__(self, going: tuple[Going, ...]) -> None:
        self.going = going
        self.moved = [
            {"clock": str(one.name), "cycle": one.cycle, "policy": one.key}
            for one in going
            if one.under is not None
        ]
        """Those that come under another calendar, as the event says it."""
        self.document: tuple[str, str, str | bytes] = "", "", ""
        """Why they do, what the event of it says, as its hash takes it and as the table holds it; see `said`."""

    def said(self, cause: str, *, sqlite: bool) -> tuple[str, str, str | bytes]:
        """See `document`."""
        if self.document[0] != cause:
            text = to_json({"cause": cause, "reason": REASON, "clocks": self.moved})
            self.document = cause, text, packing.packed(text) if sqlite else packing.packed_bytes(text)
        return self.document


def _plans(tx: Tx, tickets: Mapping[str, Levels], instead: Instead) -> Iterable[tuple[str, _Plan, list[int]]]:
    """Of each ticket: how its clocks go on, and the instants of what happened to it."""
    if not tickets:
        return
    known = _plans_for(instead)
    deeds = clock_standing.deeds
    for ticket_id, of_one in groupby(
        tx.all(_EVENTS, first=min(tickets), last=max(tickets)), key=itemgetter(0)
    ):
        if ticket_id not in tickets:
            continue
        recorded = [(at, done) for _, kind, at, data in of_one if (done := deeds(kind, data))]
        happened = sorted(recorded, key=itemgetter(0))
        shape = tuple([done for _, done in happened])
        plan = known.get(shape)
        if plan is None:
            joined = recalendaring.is_of_joinings(shape)
            if joined:
                happened = recalendaring.as_joined(recorded)
                shape = tuple([done for _, done in happened])
            policies = clock_standing.policies(tx, [one for done in shape for one in done])
            plan = _Plan(recalendaring.read(shape, policies, instead))
            if not joined:  # else it is another in another order of recording
                if len(known) >= MAX_PLANS:
                    known.clear()
                known[shape] = plan
        yield ticket_id, plan, [at for at, _ in happened]


Plans = dict[tuple[tuple[Deed, ...], ...], _Plan]
MAX_PLANS = 5_000


def _plans_for(instead: Instead) -> Plans:
    global _made  # noqa: PLW0603 - one calendar is applied at a time; another begins anew
    versions = {older: now[0] for older, now in instead.items()}
    if _made[0] != versions:
        _made = versions, {}
    return _made[1]


_made: tuple[dict[str, str], Plans] = {}, {}


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


_EVENT = Prepared(
    insert(event).values(
        ticket_id=bindparam("ticket_id", type_=Id()),
        seq=bindparam("seq", type_=BigInteger),
        kind=bindparam("kind", type_=Text),
        at=bindparam("at", type_=BigInteger),
        recorded_at=bindparam("recorded_at", type_=BigInteger),
        actor=bindparam("actor", type_=Text),
        data=bindparam("data", type_=LargeBinary),  # as it is stored
        hash=bindparam("hash", type_=Digest()),
    )
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
        due_at=bindparam("due_at", type_=BigInteger),
        elapsed_s=bindparam("elapsed_s", type_=BigInteger),
        paused_s=bindparam("paused_s", type_=BigInteger),
        next_check_at=bindparam("next_check_at", type_=BigInteger),
        breached_at=bindparam("breached_at", type_=BigInteger),
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
        next_due=bindparam("next_due", type_=BigInteger),
        next_clock=bindparam("next_clock", type_=Text),
        breached_at=bindparam("breached_at", type_=BigInteger),
        flags=bindparam("flags", type_=Json()),
    )
)
# It stands in no index, and what does is the dearest of a ticket to change.
_UNMOVED = Prepared(
    update(ticket)
    .where(ticket.c.id == bindparam("key_id", type_=Id()))
    .values(last_event=bindparam("last_event", type_=BigInteger))
)


# A driver takes a plain text sooner than one that is something else besides.
_STATES = {one: one.value for one in ClockState}
_NAMES = {one: one.value for one in ClockName}


class _Changes:
    """What a slice writes, gathered to be written table by table. Instants are in microseconds."""

    def __init__(self, tx: Tx, cause: str, now: datetime) -> None:
        self.tx, self.cause, self.now = tx, cause, now
        self.at = to_micros(now)
        self.versions: set[str] = set()
        """Of calendars that clocks name from now on."""
        self.events: list[dict[str, Any]] = []
        self.clocks: list[dict[str, Any]] = []
        self.tickets: list[dict[str, Any]] = []
        self.unmoved: list[dict[str, Any]] = []
        """Tickets of which the inbox shows nothing else than before."""
        self.timers: dict[str, datetime] = {}

    def ticket(self, row: Row, plan: _Plan, instants: Sequence[int], noted: Levels) -> None:
        """One ticket: its event, the cache of its clocks, what the inbox shows of them."""
        _, text, stored = plan.said(self.cause, sqlite=self.tx.is_sqlite)
        at, seq = self.at, row.last_event + 1
        kind, actor = clock_standing.RECALENDAR, HUB.actor
        self.events.append(
            {
                "ticket_id": row.id,
                "seq": seq,
                "kind": kind,
                "at": at,
                "recorded_at": at,
                "actor": actor,
                "data": stored,
                "hash": link(row.hash, row.id, seq, kind, at, at, actor, text),
            }
        )
        first: tuple[int, str] | tuple[None, None] = None, None
        late: int | None = None
        check: int | None = None
        standing, breached = [], False
        for one in plan.going:
            now = stand(one, one.under or one.policy, instants, at)
            standing.append((one, now))
            breached = breached or now.breached_at is not None
            if one.under is not None:
                self.clocks.append(self._clock(row.id, one, one.under, now))
            if now.state is not ClockState.RUNNING:
                continue
            if now.due_at is not None and (first[0] is None or (now.due_at, one.name) < first):
                first = now.due_at, _NAMES[one.name]
            if now.breached_at is not None and (late is None or now.breached_at < late):
                late = now.breached_at
            # Passed at a stroke: the timer rings at once, and tells.
            unheard = now.level_passed > noted.get((one.name, one.cycle), 0)
            rings = at if unheard else now.next_check_at
            if rings is not None and (check is None or rings < check):
                check = rings
        flags = _flags(row.flags, standing) if row.flags or breached else row.flags
        if (row.next_due, row.next_clock, row.breached_at) == (*first, late) and flags == row.flags:
            self.unmoved.append({"key_id": row.id, "last_event": seq})
        else:
            shown = {"next_due": first[0], "next_clock": first[1], "breached_at": late, "flags": flags}
            self.tickets.append({"key_id": row.id, "last_event": seq, **shown})
        if check is not None:
            self.timers[row.id] = from_micros(max(check, at + 1_000_000))

    def _clock(self, ticket_id: str, one: Going, under: Policy, now: Stand) -> dict[str, Any]:
        self.versions.add(under.calendar_version)
        return {
            "key_ticket": ticket_id,
            "key_name": _NAMES[one.name],
            "key_cycle": one.cycle,
            "state": _STATES[now.state],
            "target_s": now.target_s,
            "calendar": under.calendar_version,
            "due_at": now.due_at,
            "elapsed_s": now.elapsed_s,
            "paused_s": now.paused_s,
            "next_check_at": now.next_check_at,
            "breached_at": now.breached_at,
            "passed": now.level_passed if now.breached_at is None else clocks.BREACH * 100,
        }

    def write(self) -> None:
        """Everything, many rows of a table at a time."""
        tx = self.tx
        tx.run_all(_EVENT, self.events)
        tx.change_all(_CLOCK, self.clocks)
        tx.change_all(_TICKET, self.tickets)
        tx.change_all(_UNMOVED, self.unmoved)
        work.move_timers(tx, self.timers, key="clocks", kind="clocks", now=self.now)


def _flags(flags: Sequence[str], standing: Sequence[tuple[Going, Stand]]) -> Sequence[str]:
    late = {f"breached:{one.name}" for one, now in standing if now.breached_at is not None}
    # An earlier cycle may be late.
    running = {f"breached:{one.name}" for one, _ in standing if one.cycle == 1}
    return [flag for flag in flags if flag not in running - late] + sorted(late.difference(flags))
