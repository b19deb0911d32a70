"""Who comes to a visit, or came? One who leads, and any number of others; the times of the visit are everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update

from core.desk.case import Case
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

crew = tables.visit_crew

_OF_VISIT = Prepared(
    select(crew)
    .where(crew.c.ticket_id == bindparam("ticket_id"), crew.c.visit_id == bindparam("visit_id"))
    .order_by(crew.c.leads.desc(), crew.c.at, crew.c.agent)
)
_LEAVES = Prepared(
    crew.delete().where(
        crew.c.ticket_id == bindparam("ticket_id"),
        crew.c.visit_id == bindparam("visit_id"),
        crew.c.agent == bindparam("agent"),
    )
)
_SET_OUT = Prepared(
    update(crew)
    .where(
        crew.c.ticket_id == bindparam("of_ticket"),
        crew.c.visit_id == bindparam("of_visit"),
        crew.c.set_out_at.is_(None),
    )
    .values(set_out_at=bindparam("since", type_=Instant))
)


def rows(tx: Tx, visit: Row) -> list[Row]:
    """Everybody of it; who leads is first."""
    return tx.all(_OF_VISIT, ticket_id=visit.ticket_id, visit_id=visit.id)


def ids(tx: Tx, visit: Row) -> list[str]:
    """The same: agents' ids."""
    return [row.agent for row in rows(tx, visit)]


def put(case: Case, visit: Row, agents: Sequence[str], *, by: str) -> None:
    """These come and nobody else; the first leads. Of who stays is kept what was noted."""
    was = {row.agent: row for row in rows(case.tx, visit)}
    key = {"ticket_id": case.id, "visit_id": visit.id}
    for gone in was.keys() - set(agents):
        case.tx.run(_LEAVES, **key, agent=gone)
    for one in agents:
        leads = one == agents[0]
        if one not in was:
            case.tx.insert(crew, **key, agent=one, leads=leads, at=case.now, by=by)
        elif was[one].leads != leads:
            case.tx.update(crew, key | {"agent": one}, leads=leads)


def set_out(case: Case, visit: Row, at: datetime) -> None:
    """They are on the way since then."""
    case.tx.run(_SET_OUT, of_ticket=case.id, of_visit=visit.id, since=at)


def worked(case: Case, visit: Row, minutes: int) -> None:
    """So long each of them worked on site."""
    case.tx.update(crew, {"ticket_id": case.id, "visit_id": visit.id}, minutes=minutes)
