"""Why is somebody called to a ticket, from when on, and who stands on the rungs of its ladder? Facts for `core.rules.ladders`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, exists, literal, select

from core.desk import duties, entitle, people, reference, timing
from core.desk.case import Case
from core.rules import clocks, ladders, rotas
from core.rules.clocks import ClockState
from core.rules.ladders import Call, Cause, Member, Promise, Rung
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared

PRESENT = timedelta(minutes=15)
"""Since somebody who is signed in asked for anything."""
LEADING = frozenset({"shift-leader", "supervisor"})
EVERYWHERE = "contact-centre"
"""Who takes what belongs to no group yet."""

DUTY = {
    Rung.ON_CALL: rotas.ON_CALL,
    Rung.SECOND: rotas.SECOND,
    Rung.SHIFT_LEADER: rotas.SHIFT_LEADER,
    Rung.SUPERVISOR: rotas.SUPERVISOR,
}
NOT_TAKEN = ("qualified", "assigned")
UNKNOWN = ("received", "triage")
PROMISE_DUE = "promise_due"
"""Flag of a ticket whose customer was promised words by now."""
_PROMISE_OVER = frozenset({"promise.kept", "promise.made", "promise.dropped"})
"""Events with which one that was late is late no more."""

message, event, promised = tables.message, tables.event, tables.promise

_ANSWERED = Prepared(
    select(message.c.id)
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.direction == literal("out"),
        message.c.audience == literal("customer"),
        message.c.automatic.is_(False),
    )
    .limit(1)
)
_THERE = Prepared(
    select(tables.sign_in.c.person).where(
        tables.sign_in.c.kind == literal("agent"),
        tables.sign_in.c.expires_at > bindparam("now", type_=Instant),
        tables.sign_in.c.seen_at > bindparam("since", type_=Instant),
    )
)
_ROUTED = Prepared(
    select(event.c.at)
    .where(event.c.ticket_id == bindparam("ticket_id"), event.c.kind == literal("ticket.routed"))
    .order_by(event.c.seq.desc())
    .limit(1)
)


_PROMISED = Prepared(
    select(promised.c.due).where(
        promised.c.ticket_id == bindparam("ticket_id"), promised.c.state == literal("open")
    )
)

_page = tables.page
FOR_PROMISE = and_(
    _page.c.cause == literal(str(Cause.PROMISE)),
    exists().where(
        promised.c.ticket_id == _page.c.ticket_id,
        promised.c.state == literal("open"),
        promised.c.due <= _page.c.at,
    ),
)
"""Of a row of `page`: it calls to words that were promised and are not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """That somebody is to be called to a ticket."""

    cause: Cause
    """Once the promise is broken; a chat whose promise still holds is called for SOON."""
    promise: Promise
    since: datetime | None = None
    """Calls of before belong to another climb: the ticket has gone to somebody else. None: all count."""

    @property
    def in_chat(self) -> bool:
        """It is about words in a chat, and not about the request itself."""
        return self.cause is Cause.LATE

    def counts(self, call: Call) -> bool:
        """Was this call of the same climb? What was promised has one of its own."""
        return (call.cause is Cause.PROMISE) is (self.cause is Cause.PROMISE)


def climb(case: Case) -> Climb | None:
    """Must somebody come to this ticket? None: no, or not any more."""
    cause = cause_of(case) if case["open"] else None
    if cause is not None:
        since = _routed_at(case)
        opens = None if cause in (Cause.SAFETY, Cause.ALWAYS) else _opens_at(case)
        return Climb(cause=cause, promise=ladders.at_once(since or case.now, opens), since=since)
    due = late_promise(case)
    if due is not None:
        opens = None if _at_any_hour(case) else _works_from(case)
        return Climb(cause=Cause.PROMISE, promise=ladders.at_once(due, opens), since=due)
    if not waits_in_chat(case):
        return None
    until = promise(case)
    return None if until is None else Climb(cause=Cause.LATE, promise=until)


def cause_of(case: Case) -> Cause | None:
    """Why what nobody has taken cannot wait; None: it can. Without rotas there is nobody to call."""
    if case["state"] not in NOT_TAKEN and not (case["state"] in UNKNOWN and "safety" in case["flags"]):
        return None
    desk = reference.desk(case.tx)
    if not desk.rotas:
        return None
    if "safety" in case["flags"]:
        return Cause.SAFETY
    if case["priority"] == "P1":
        return Cause.P1
    if _always_paged(case):
        return Cause.ALWAYS
    group = desk.groups.get(case["desk_group"] or "")
    if group is None or desk.calendars[group.calendar].calendar.is_open(case.now):
        return None
    return Cause.CLOSED if duties.on_duty(case.tx, rotas.ON_CALL, group.name, case.now) else None


def late_promise(case: Case) -> datetime | None:
    """By when the words were promised for which somebody is called; None: none, or there are no rotas to call by.

    Asks nothing of a ticket that nothing late was promised on.
    """
    if PROMISE_DUE not in case["flags"] or not case["open"] or not reference.desk(case.tx).rotas:
        return None
    row = case.tx.one(_PROMISED, ticket_id=case.id)
    return row.due if row is not None else None


def _always_paged(case: Case) -> bool:
    if not (case["asset"] and case["customer"]):
        return False
    asset = people.asset(case.tx, case["customer"], case["asset"])
    return asset is not None and asset.always_page


def may_have_been_called(case: Case) -> bool:
    """Can there be a ladder to stop? Of most tickets this asks nothing."""
    if any(one["kind"] in _PROMISE_OVER for one in case.new_events()):
        return True
    if case["chat"] is not None or case["priority"] == "P1" or "safety" in case["flags"]:
        return True
    desk = reference.desk(case.tx)
    group = desk.groups.get(case["desk_group"] or "")
    closed = group is not None and not desk.calendars[group.calendar].calendar.is_open(case.now)
    return bool(desk.rotas) and (closed or bool(case["asset"]))


def waits_in_chat(case: Case) -> bool:
    """Is it a conversation in a chat that nobody has taken, and no person has answered?"""
    return (
        case["chat"] is not None
        and case["open"]
        and case["assignee"] is None
        and (case.new or case.tx.one(_ANSWERED, ticket_id=case.id) is None)
    )


def promise(case: Case) -> Promise | None:
    """Until when somebody is to answer in a chat; None: it stands still for now."""
    clock = timing.response(case)
    if clock is not None and clock.state in (ClockState.RUNNING, ClockState.PENDING):
        warn_at = clocks.level_at(clock, ladders.WARN_AT)
        if warn_at is None or clock.due_at is None:
            return None
        return Promise(warn_at=warn_at, due_at=clock.due_at, opens_at=_opens_at(case))
    if clock is not None and clock.state is ClockState.PAUSED:
        return None
    return ladders.unpromised(case["waits_since"] or case["received_at"], _opens_at(case))


def standing(case: Case, climbed: Climb) -> dict[Rung, tuple[str, ...]]:
    """Ids of who stands on each rung now, by the rotas; in a chat, where those name nobody, by group and role."""
    tx, group, now = case.tx, case["desk_group"], case.now
    planned = {rung: duties.on_duty(tx, duty, group, now) for rung, duty in DUTY.items()}
    if duties.fallback(tx):
        planned[Rung.SUPERVISOR] = (*planned[Rung.SUPERVISOR], ladders.FALLBACK)
    if climbed.in_chat:
        return ladders.of_chat(_members(case), planned)
    if climbed.cause is Cause.PROMISE:
        return ladders.of_promise(case["assignee"], planned)
    if case["assignee"] is not None:  # it was given to somebody, who has not taken it
        planned[Rung.ON_CALL] = tuple(dict.fromkeys((case["assignee"], *planned[Rung.ON_CALL])))
    return planned


def _members(case: Case) -> list[Member]:
    tx, group = case.tx, case["desk_group"]
    there = {row.person for row in tx.all(_THERE, now=case.now, since=case.now - PRESENT)}
    staff = people.agents(tx)
    leading = {one.id for one in staff if LEADING.intersection(one.roles)}
    leading = leading or {one.id for one in staff if "admin" in one.roles}
    return [
        Member(
            agent=one.id,
            present=one.id in there,
            of_group=group in one.groups if group else EVERYWHERE in one.roles,
            leads=one.id in leading,
        )
        for one in staff
    ]


def _opens_at(case: Case) -> datetime | None:
    """When the service opens again: by the clock of a first answer, else by the contract line; None: it is open."""
    clock = timing.response(case)
    opens: datetime | None = None
    if clock is not None and clock.state in (ClockState.RUNNING, ClockState.PENDING):
        opens = clock.policy.calendar.next_open(case.now)
    elif case["verdict"] == "covered_outside_window":
        row = case.tx.one(entitle.LATEST, ticket_id=case.id)
        opens = row.next_open_at if row is not None else None
    return opens if opens is not None and opens > case.now else None


def _at_any_hour(case: Case) -> bool:
    """Is somebody called whatever the hours of the contract are?"""
    return "safety" in case["flags"] or _always_paged(case)


def _works_from(case: Case) -> datetime | None:
    """When what was agreed is worked on again, whoever has it: by the hours of the contract, else of the group; None: now."""
    clock, desk = timing.response(case), reference.desk(case.tx)
    group = desk.groups.get(case["desk_group"] or "")
    if clock is not None:
        hours = clock.policy.calendar
    elif group is not None:
        hours = desk.calendars[group.calendar].calendar
    else:
        return None
    opens = hours.next_open(case.now)
    return opens if opens is not None and opens > case.now else None


def _routed_at(case: Case) -> datetime | None:
    """Since when those have it who have it now."""
    if any(one["kind"] == "ticket.routed" for one in case.new_events()):
        return case.now
    row = None if case.new else case.tx.one(_ROUTED, ticket_id=case.id)
    return row.at if row is not None else None
