"""What is noted of a clock that runs out, and who hears of it? Each level once, of those that passed together the highest.

A row of `sla_notice` stands for each level, and an event on the ticket: `clock.warned`, `clock.breached` with whoever had the
ball most of the time, `clock.breach_withdrawn` when it turned out not to be true. Each names the target that it was true of: a
breach, and what follows it, is told once for each target that the clock is late under. What is promised in words of a person
has reminders of its own (core.desk.promises); of it only the breach is noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, or_, select

from core import texts
from core.desk import clock_standing, notices, reference, staff_notices
from core.desk.case import Case
from core.rules import clocks, legs
from core.rules.clocks import Clock, ClockName, ClockState, LevelPassed
from core.store import tables
from core.store.tx import Prepared, Row

AGREED = frozenset(
    {ClockName.RESPONSE, ClockName.UPDATE, ClockName.RESTORE, ClockName.RESOLVE, ClockName.ONSITE}
)
"""Clocks that measure what was promised to the customer; the others are between us and our vendors."""
TOLD, OVERTAKEN, SEEN, WITHDRAWN, PAST = "told", "overtaken", "seen", "withdrawn", "past"
"""States of a notice: told; passed together with a higher one; a breach known only when the clock had stopped, of which
nobody was told; not true after all; a breach of a target in whose place another came that was not passed then."""

_ANOTHER_PROMISE = frozenset({"clock.retarget", *clock_standing.WHOLE})

notice, event = tables.sla_notice, tables.event

NOTICES = Prepared(
    select(notice)
    .where(notice.c.ticket_id == bindparam("ticket_id"))
    .order_by(notice.c.fell_due, notice.c.clock, notice.c.level)
)
_NOTED = Prepared(
    select(event.c.kind, event.c.data).where(
        event.c.ticket_id == bindparam("ticket_id"),
        or_(event.c.kind == literal("clock.breached"), event.c.kind == literal("clock.warned")),
    )
)


def passed(case: Case, clock: Clock, levels: Sequence[LevelPassed]) -> None:
    """Levels of a running clock have fallen due, lowest first: note each, tell the highest."""
    by_hand = clock.name is ClockName.PROMISE
    if any(one.level == clocks.BREACH for one in levels):
        _all_are(
            case, clock, PAST
        )  # another calendar may have made the one before vanish, without a word here
    known = {(row.clock, row.cycle, row.level): row.state for row in case.tx.all(NOTICES, ticket_id=case.id)}
    for level, at in levels:
        if by_hand and level != clocks.BREACH:
            continue
        before = known.get((str(clock.name), clock.cycle, level))
        if before in (None, WITHDRAWN, PAST):
            is_highest = level == levels[-1].level
            _note(case, clock, level, at, TOLD if is_highest else OVERTAKEN, before=before)


def seen(case: Case, clock: Clock, level: int) -> int:
    """A verb moved the clock; return the highest level that stands noted, given the one that did.

    A breach that only this verb finds is noted, and nobody is told of what is over. One that was noted and is not true
    any more is withdrawn, unless another promise took its place: then it was true of the old one, and the new one has
    a breach of its own.
    """
    if clock.state is ClockState.BREACHED and level < clocks.BREACH and clock.breached_at is not None:
        stands = next((row.state for row in _breaches(case, clock) if row.level == clocks.BREACH), None)
        if stands in (None, WITHDRAWN, PAST):
            _note(case, clock, clocks.BREACH, clock.breached_at, SEEN, before=stands)
        return clocks.BREACH
    if clock.breached_at is None and level >= clocks.BREACH:
        mine = [
            row
            for row in case.new_events()
            for one in clock_standing.read([(row["kind"], row["at"], row["data"])])
            if (one.clock, one.cycle) == (clock.name, clock.cycle)
        ]
        if any(row["kind"] in _ANOTHER_PROMISE for row in mine):
            _all_are(case, clock, PAST)
        else:
            _withdraw(case, clock, cause=mine[0]["seq"] if mine else case.last_event)
        return clock.level_passed
    return level


def _note(case: Case, clock: Clock, level: int, at: datetime, state: str, *, before: str | None) -> None:
    """`before`: the state of the notice of this level, which it loses; None: there is none."""
    named: dict[str, Any] = {"clock": str(clock.name), "cycle": clock.cycle}
    key = {"ticket_id": case.id, **named, "level": level}
    if before == PAST and level in _noted(case, clock):  # back to a target under which it is known
        case.tx.update(notice, key, fell_due=at, state=state)
        return
    leg = ""
    if level == clocks.BREACH:
        leg = str(
            legs.responsible(
                clock, clock_standing.moves(case), received_at=case["received_at"], at=min(at, case.now)
            )
        )
    agents: list[str] = []
    if state == TOLD and clock.name is not ClockName.PROMISE:
        agents = staff_notices.tell(case, clock, level, fell_due=at)
        if level == clocks.BREACH and clock.name in AGREED and _customer_hears(case):
            due = texts.instant(at, notices.zone_of(case), case["language"])
            notices.progress(case, "breached", clock=str(clock.name), due=due)
    values = {"fell_due": at, "at": case.now, "leg": leg, "state": state, "agents": agents}
    if before is None:
        case.tx.insert(notice, **key, **values)
    else:
        case.tx.update(notice, key, **values)
    named["target"] = clock.policy.key
    if level == clocks.BREACH:
        case.event("clock.breached", actor="system", at=at, **named, leg=leg, told=state == TOLD)
    else:
        case.event("clock.warned", actor="system", at=at, **named, level=level, told=state == TOLD)


def _noted(case: Case, clock: Clock) -> set[int]:
    """The levels of this clock that were noted under the target it has now."""
    mine = (str(clock.name), clock.cycle, clock.policy.key)
    return {
        clocks.BREACH if row.kind == "clock.breached" else row.data["level"]
        for row in case.tx.all(_NOTED, ticket_id=case.id)
        if (row.data["clock"], row.data["cycle"], row.data.get("target")) == mine
    }


def _breaches(case: Case, clock: Clock) -> list[Row]:
    """Notices of this clock from the breach on."""
    mine = (str(clock.name), clock.cycle)
    rows = case.tx.all(NOTICES, ticket_id=case.id)
    return [row for row in rows if (row.clock, row.cycle) == mine and row.level >= clocks.BREACH]


def _all_are(case: Case, clock: Clock, state: str) -> None:
    for row in _breaches(case, clock):
        if row.state not in (WITHDRAWN, PAST):
            key = {"ticket_id": case.id, "clock": row.clock, "cycle": row.cycle, "level": row.level}
            case.tx.update(notice, key, state=state)


def _withdraw(case: Case, clock: Clock, *, cause: int) -> None:
    _all_are(case, clock, WITHDRAWN)
    case.event(
        "clock.breach_withdrawn",
        actor="system",
        clock=str(clock.name),
        cycle=clock.cycle,
        target=clock.policy.key,
        cause=cause,
    )


def _customer_hears(case: Case) -> bool:
    version = case["contract_version"]
    return bool(version) and reference.contract(case.tx, version).tell_breach
