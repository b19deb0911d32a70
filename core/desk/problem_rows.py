"""Which problems are there, and which tickets have them? The rows, for those who work on problems, know errors and join tickets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, select

from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Prepared, Row, Tx

problem, problem_ticket, ticket = tables.problem, tables.problem_ticket, tables.ticket

_BY_NUMBER = Prepared(select(problem).where(problem.c.number == bindparam("number")))
_BY_ID = Prepared(select(problem).where(problem.c.id == bindparam("id")))
_TIE = (
    problem_ticket.c.ticket_id == bindparam("ticket_id"),
    problem_ticket.c.problem_id == bindparam("problem_id"),
)
_UNLINK = Prepared(problem_ticket.delete().where(*_TIE))
_OF_TICKET = Prepared(
    select(problem)
    .select_from(problem_ticket.join(problem, problem.c.id == problem_ticket.c.problem_id))
    .where(problem_ticket.c.ticket_id == bindparam("ticket_id"))
    .order_by(problem.c.number)
)
_OPEN = Prepared(
    select(ticket.c.id, ticket.c.number)
    .select_from(problem_ticket.join(ticket, ticket.c.id == problem_ticket.c.ticket_id))
    .where(problem_ticket.c.problem_id == bindparam("problem_id"), ticket.c.open.is_(True))
    .order_by(ticket.c.id)
)


def name_of(number: int) -> str:
    """As people call it.

    >>> name_of(3)
    'PB-3'
    """
    return f"PB-{number}"


def find(tx: Tx, who: Principal, number: int) -> Row:
    """By its number, for staff. Raises NotFound, also for everybody else."""
    row = tx.one(_BY_NUMBER, number=number) if who.is_agent or who.kind == "system" else None
    if row is None:
        message = f"there is no problem {name_of(number)}"
        raise NotFound(message)
    return row


def by_id(tx: Tx, identity: str) -> Row | None:
    """By its id; None: there is none."""
    found: Row | None = tx.one(_BY_ID, id=identity)
    return found


def of_ticket(tx: Tx, ticket_id: str) -> list[Row]:
    """Those that a ticket has."""
    return tx.all(_OF_TICKET, ticket_id=ticket_id)


def open_tickets(tx: Tx, problem_id: str) -> list[Row]:
    """Ids and numbers of its tickets that somebody still works on."""
    return tx.all(_OPEN, problem_id=problem_id)


def link(tx: Tx, problem_id: str, ticket_id: str, *, by: str, now: datetime) -> bool:
    """This ticket has it; False: it did before."""
    return tx.insert_new(problem_ticket, ticket_id=ticket_id, problem_id=problem_id, at=now, by=by)


def unlink(tx: Tx, problem_id: str, ticket_id: str) -> bool:
    """It does not; False: it did not before."""
    return bool(tx.changed(_UNLINK, ticket_id=ticket_id, problem_id=problem_id))


def go_with(tx: Tx, *, of: str, to: str, by: str, now: datetime) -> list[str]:
    """What a ticket has, the one in which it ends has; ids of those it had not."""
    return [row.id for row in of_ticket(tx, of) if link(tx, row.id, to, by=by, now=now)]


def come_back(tx: Tx, given: Iterable[str], *, of: str) -> None:
    """The one in which a ticket ended does not have these any more."""
    for one in given:
        unlink(tx, one, of)
