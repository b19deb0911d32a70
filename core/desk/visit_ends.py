"""What becomes of a visit that nobody makes, and of the ticket behind it? It is called off, with the ticket or by itself."""

from __future__ import annotations

from core.desk import acts, bookings, maintenance, timing, visit_crew, visit_notices
from core.desk.case import Case
from core.desk.principal import HUB, Principal
from core.desk.visit_rows import (
    AGREED,
    CANCELLED,
    FLAG,
    TASKS,
    TIMER,
    answer_proposals,
    change,
    end_offers,
    open_of,
    settle_tasks,
)
from core.rules import workflow
from core.rules.workflow import State
from core.store import work
from core.store.tx import Row


def call_off(case: Case, who: Principal, row: Row, *, why: str, tell: bool = True) -> None:
    """It does not take place. Customer and engineers are told, where they were told of it before."""
    agreed = row.state in AGREED
    known = agreed or bool(visit_notices.told(case.tx, row))
    end_offers(case, row, "released", by=who.actor)
    answer_proposals(case, row, by=who.actor)
    bookings.free(case.tx, row.id, bookings.VISIT)
    sequence = row.sequence + 1 if agreed else row.sequence
    row = change(
        case,
        row,
        state=CANCELLED,
        ended_why=why,
        sequence=sequence,
        agreed=sequence,
        closed_at=case.now,
    )
    maintenance.visit_over(case, row)
    case.event("visit.cancelled", actor=who.actor, visit=row.id)
    settle_tasks(case, row, *TASKS)
    if tell and known:
        visit_notices.tell(case, row, visit_notices.CANCELLED)
    if agreed:
        visit_notices.tell_engineers(case, row, visit_notices.CANCELLED, visit_crew.ids(case.tx, row))
    over(case, who)


def over(case: Case, who: Principal) -> None:
    """A visit is over: the ticket goes on as the others that are still ahead say."""
    ahead = open_of(case.tx, case.id)
    case.flag(FLAG, on=bool(ahead))
    agreed = any(row.state in AGREED for row in ahead)
    if case["state"] == State.SCHEDULED and not agreed:
        acts.move(case, who, "visit_off")
    elif agreed and case["state"] == State.IN_PROGRESS:
        acts.move(case, who, "schedule")
    if not ahead and workflow.is_open(case["state"]):
        timing.apply(case, "visit_off")


def dropped(case: Case) -> None:
    """The ticket has ended: nobody goes there any more."""
    for row in open_of(case.tx, case.id):
        call_off(case, HUB, row, why=str(case["state"]), tell=row.state in AGREED)
    work.cancel(case.tx, shard=case.id, key=TIMER)
