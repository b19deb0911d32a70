"""Who else comes, who comes in somebody's place, and who stays away? Changes of the crew of a visit whose time is agreed.

Principal, number, `visit`, `seen` and what is raised are as in core.desk.visits; engineers are named by e-mail. Staff only. The
customer's calendar is left alone, those of who joins and who leaves are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.desk import acts, bookings, visit_crew, visit_notices, visit_rows, visit_times, visits
from core.desk.case import Case
from core.desk.errors import Refused, invalid
from core.desk.principal import Principal
from core.desk.visit_rows import AGREED, DECLINED
from core.rules.slots import Why
from core.store.tx import Row, Tx


def add(
    tx: Tx,
    who: Principal,
    number: str,
    visit: str,
    *,
    now: datetime,
    technician: str,
    anyway: bool = False,
    seen: int | None = None,
) -> str:
    """One more comes. `anyway`: outside their hours, or too soon. Raises Refused (409) where their time is taken."""
    case, row, crew = _begin(tx, who, number, visit, now=now, seen=seen)
    joins = _newcomer(tx, crew, technician)
    if len(crew) == visits.MAX_CREW:
        raise invalid("/technician", f"a visit has at most {visits.MAX_CREW} engineers")
    _change(case, who, row, crew, [*crew, joins], anyway=anyway)
    return visit


def replace(
    tx: Tx,
    who: Principal,
    number: str,
    visit: str,
    *,
    now: datetime,
    technician: str,
    instead_of: str,
    anyway: bool = False,
    seen: int | None = None,
) -> str:
    """`technician` comes in the place of `instead_of`, and leads if they did. `anyway` also: nobody of the crew knows what is needed."""
    case, row, crew = _begin(tx, who, number, visit, now=now, seen=seen)
    joins = _newcomer(tx, crew, technician)
    gone = _member(tx, crew, instead_of, "/instead_of")
    _change(case, who, row, crew, [joins if one == gone else one for one in crew], anyway=anyway)
    return visit


def remove(
    tx: Tx,
    who: Principal,
    number: str,
    visit: str,
    *,
    now: datetime,
    technician: str,
    anyway: bool = False,
    seen: int | None = None,
) -> str:
    """One less comes; where that was who leads, the next does. Raises Refused for the last: then the visit is cancelled, or they are replaced."""
    case, row, crew = _begin(tx, who, number, visit, now=now, seen=seen)
    gone = _member(tx, crew, technician, "/technician")
    if len(crew) == 1:
        raise Refused(
            "nobody else comes: replace them, or cancel the visit", code="last", allowed=("replace", "cancel")
        )
    _change(case, who, row, crew, [one for one in crew if one != gone], anyway=anyway)
    return visit


def _begin(
    tx: Tx, who: Principal, number: str, visit: str, *, now: datetime, seen: int | None
) -> tuple[Case, Row, list[str]]:
    case, row = visits.begin(tx, who, number, visit, now=now, seen=seen)
    if row.state not in AGREED or row.window_end <= now:
        raise Refused(
            f"who comes is changed once a time is agreed and until the work begins; this visit is {row.state}",
            code="visit_state",
        )
    return case, row, visit_crew.ids(tx, row)


def _newcomer(tx: Tx, crew: Sequence[str], email: str) -> str:
    (found,) = visit_times.engineers(tx, [email], "/technician")
    if found in crew:
        raise invalid("/technician", f"{email} comes already")
    return found


def _member(tx: Tx, crew: Sequence[str], email: str, pointer: str) -> str:
    found = visit_times.by_email(tx, email)
    if found not in crew:
        raise invalid(pointer, f"{email} does not come to this visit")
    return found


def _change(
    case: Case, who: Principal, row: Row, before: Sequence[str], crew: Sequence[str], *, anyway: bool
) -> None:
    """Their time is booked, or free again; who joins, who leaves and the customer are told."""
    joined, gone = [one for one in crew if one not in before], [one for one in before if one not in crew]
    why = _why_not(case, row, crew, joined)
    if why is not None and (why is Why.ALL_TAKEN or not anyway):
        raise visits.nobody(why)
    for one in joined:
        bookings.take(
            case.tx,
            one,
            bookings.VISIT,
            row.window_start,
            row.window_end,
            by=who.actor,
            now=case.now,
            ticket_id=case.id,
            visit_id=row.id,
        )
    for booked in bookings.of_visit(case.tx, row.id):
        if booked.kind == bookings.VISIT and booked.agent in gone:
            bookings.free_one(case.tx, booked)
    visit_crew.put(case, row, crew, by=who.actor)
    row = visit_rows.change(case, row, engineers=len(crew), named=[], sequence=row.sequence + 1)
    if gone:
        visit_rows.settle_tasks(case, row, DECLINED)
    case.event("visit.crew", actor=who.actor, visit=row.id, engineers=list(crew), joined=joined, gone=gone)
    visit_notices.tell(case, row, visit_notices.CREW)
    visit_notices.tell_engineers(case, row, visit_notices.CONFIRMED, joined)
    visit_notices.tell_engineers(case, row, visit_notices.CANCELLED, gone)
    acts.finish(case)


def _why_not(case: Case, row: Row, crew: Sequence[str], joined: Sequence[str]) -> Why | None:
    if visit_times.unknown(case.tx, row, crew):
        return Why.NO_SKILL
    return visit_times.obstacle(case, row, joined, row.window_start, skilled=True) if joined else None
