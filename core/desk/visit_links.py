"""Who chooses a time by the link in a mail? Whoever has it, without a log-in, for one visit, once, by pressing a button."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from core.desk import acts, joining_ways, links, people, visit_rows, visit_views, visits
from core.desk.case import Case
from core.desk.errors import Refused
from core.desk.principal import HUB, Principal
from core.desk.views import VisitView
from core.desk.visits import Chosen
from core.store import tables
from core.store.tx import Prepared, Row, Tx

_TICKET = Prepared(select(tables.ticket).where(tables.ticket.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a link shows: its visit and the number of the ticket, and nothing else of it."""

    visit: VisitView
    language: str


def show(tx: Tx, token: str, *, now: datetime) -> Given | None:
    """What this link is for, as long as it works. Changes nothing: programs that look through mail open links too."""
    person = links.whose(tx, links.VISIT, token, now=now)
    return _given(tx, person) if person is not None else None


def used(tx: Tx, token: str) -> Given | None:
    """The visit of a link that was used; None: it was not."""
    row = links.ever(tx, links.VISIT, token)
    return _given(tx, row.person) if row is not None and row.used_at is not None else None


def choose(tx: Tx, token: str, slot: str, *, now: datetime) -> Chosen | None:
    """Take one of the times; None: the link does not work any more. Raises Refused, NotFound: then it still does."""
    found = _use(tx, token, now=now)
    if found is None:
        return None
    case, who, visit = found
    return visits.chosen(case, who, visit, slot)


def none_fits(tx: Tx, token: str, text: str, *, now: datetime) -> bool:
    """None of the times fits: in their words. False: the link does not work any more. Raises Invalid, Refused."""
    text = acts.plain(text)
    found = _use(tx, token, now=now)
    if found is None:
        return False
    case, who, visit = found
    visits.declined(case, who, visit, text)
    return True


def _use(tx: Tx, token: str, *, now: datetime) -> tuple[Case, Principal, str] | None:
    person = links.use(tx, links.VISIT, token, now=now)
    if person is None:
        return None
    ticket_id, visit, address = person.split(" ", 2)
    case = Case.open(tx, joining_ways.survivor(tx, ticket_id), now=now)
    row = visit_rows.find(case, visit)
    if row.closed_at is not None:
        raise Refused(f"this visit is {row.state}", code="visit_over")
    return case, people.behind(tx, address, case["customer"]), visit


def _given(tx: Tx, person: str) -> Given | None:
    ticket_id, visit, _ = person.split(" ", 2)
    row: Row | None = tx.one(_TICKET, id=joining_ways.survivor(tx, ticket_id))
    if row is None:
        return None
    found = next((one for one in visit_views.of_ticket(tx, HUB, row) if one.id == visit), None)
    return Given(visit=found, language=row.language) if found is not None else None
