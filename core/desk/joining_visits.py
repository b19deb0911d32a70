"""What becomes of the visits of a ticket that ends in another one? They go with it: somebody comes all the same."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, update

from core.desk import acts, timing, visit_ends, visit_round, visit_rows
from core.desk.case import Case
from core.desk.principal import Principal
from core.rules.workflow import State
from core.store import tables, work
from core.store.columns import Id
from core.store.tx import Prepared

_HANGING = tuple(
    Prepared(
        update(table)
        .where(table.c.ticket_id == bindparam("of", type_=Id), table.c[key] == bindparam("which", type_=Id))
        .values(ticket_id=bindparam("to", type_=Id))
    )
    for table, key in (
        (tables.visit_slot, "visit_id"),
        (tables.visit_crew, "visit_id"),
        (tables.visit_attendee, "visit_id"),
        (tables.visit_step, "visit_id"),
        (tables.booking, "visit_id"),
        (tables.visit, "id"),
    )
)


def carry(case: Case, other: Case, who: Principal) -> list[str]:
    """The visits of one ticket are the other's; their ids. The other one is scheduled where somebody is to come."""
    moved = [row.id for row in visit_rows.of_ticket(case.tx, case.id)]
    _move(moved, case, other)
    case.flag(visit_rows.FLAG, on=False)
    work.cancel(case.tx, shard=case.id, key=visit_rows.TIMER)
    _follow(other, who)
    return moved


def give_back(case: Case, other: Case, who: Principal, was: Sequence[str]) -> None:
    """What went with a ticket comes back with it, as far as it is still there; `case`: whose it was."""
    there = {row.id for row in visit_rows.of_ticket(other.tx, other.id)}
    moved = [one for one in was if one in there]
    if not moved:
        return
    _move(moved, other, case)
    visit_ends.over(other, who)
    visit_round.watch(other)
    _follow(case, who)


def _move(ids: Sequence[str], of: Case, to: Case) -> None:
    for one in ids:
        for statement in _HANGING:
            of.tx.run(statement, of=of.id, to=to.id, which=one)


def _follow(case: Case, who: Principal) -> None:
    """The ticket is where its visits say."""
    ahead = visit_rows.open_of(case.tx, case.id)
    if ahead:
        case.flag(visit_rows.FLAG)
        timing.apply(case, "dispatch")
        agreed = visit_rows.next_agreed(case.tx, case.id)
        if agreed is not None:
            timing.come_by(case, agreed.window_start, asked=False)
            if case["state"] == State.IN_PROGRESS:
                acts.move(case, who, "schedule")
    visit_round.watch(case)
