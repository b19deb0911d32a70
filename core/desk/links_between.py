"""Which tickets have to do with each other, and how? Each tie is a row at both ends (desk.md 14)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select

from core import texts
from core.desk import acts
from core.desk.case import Case
from core.desk.errors import NotFound, invalid
from core.desk.joining_state import allow
from core.desk.principal import Principal
from core.desk.scope import Scope, find, find_to_act, hidden_before, scope
from core.rules import joining
from core.rules.joining import BACK, BY_HAND, No, Tie
from core.store import tables
from core.store.tx import Prepared, Row, Tx

link, ticket = tables.ticket_link, tables.ticket

_ALL = Prepared(select(link).where(link.c.ticket_id == bindparam("ticket_id")))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """Another ticket, as far as the person who asks may see it."""

    kind: str
    """What it is to this one: core.rules.joining.Tie."""
    number: str
    subject: str
    state: str
    open: bool
    customer: str | None
    at: datetime
    by_hand: bool


def link_to(
    tx: Tx, who: Principal, number: str, *, to: str, kind: str, now: datetime, seen: int | None = None
) -> str:
    """The other ticket is this to the one: related, duplicate, parent, child, follow_up or followed.

    Staff, across customers too; a contact sees only ties to tickets of theirs. Raises NotFound for either, Refused, Invalid.
    """
    one, other, tie = _both(tx, who, number, to, kind, now=now)
    acts.check_seen(one, who, seen, ("ticket.linked", "ticket.unlinked"))
    check(one, other, tie)
    make(one, other, tie, by=who.actor)
    _finish(one, other)
    return number


def unlink(
    tx: Tx, who: Principal, number: str, *, to: str, kind: str, now: datetime, seen: int | None = None
) -> str:
    """Take such a tie away. Raises Refused where there is none."""
    one, other, tie = _both(tx, who, number, to, kind, now=now)
    acts.check_seen(one, who, seen, ("ticket.linked", "ticket.unlinked"))
    between = {row.kind for row in tx.all(_ALL, ticket_id=one.id) if row.other_id == other.id}
    if tie not in between:
        allow(No("not_tied"), one, other)
    unmake(one, other, tie, by=who.actor)
    _finish(one, other)
    return number


def check(one: Case, other: Case, tie: Tie) -> None:
    """Raise Refused where the other ticket cannot be this to the one."""
    rows, of_other = one.tx.all(_ALL, ticket_id=one.id), kinds(one.tx, other.id)
    between = {Tie(row.kind) for row in rows if row.other_id == other.id}
    of_one = {Tie(row.kind) for row in rows}
    allow(joining.may_tie(one.id, other.id, tie, ties=between, of_one=of_one, of_other=of_other), one, other)


def kinds(tx: Tx, ticket_id: str) -> set[Tie]:
    """What other tickets are to this one."""
    return {Tie(row.kind) for row in tx.all(_ALL, ticket_id=ticket_id)}


def between(tx: Tx, one: str, other: str) -> bool:
    """Do these two have to do with each other already?"""
    return any(row.other_id == other for row in tx.all(_ALL, ticket_id=one))


def make(one: Case, other: Case, tie: Tie, *, by: str) -> None:
    """Tie two tickets in hand, with an event on both."""
    tie_rows(one, other, tie, by=by)
    one.event("ticket.linked", actor=by, ticket=other.id, number=other["number"], tie=str(tie))
    other.event("ticket.linked", actor=by, ticket=one.id, number=one["number"], tie=str(BACK[tie]))


def unmake(one: Case, other: Case, tie: Tie, *, by: str) -> None:
    """The same backwards."""
    for mine, theirs, kind in ((one, other, tie), (other, one, BACK[tie])):
        mine.tx.run(_DROP, ticket_id=mine.id, other_id=theirs.id, kind=str(kind))
        mine.event("ticket.unlinked", actor=by, ticket=theirs.id, number=theirs["number"], tie=str(kind))


def tie_rows(one: Case, other: Case, tie: Tie, *, by: str) -> None:
    """The two rows of a tie, where another event tells of it."""
    for mine, theirs, kind in ((one, other, tie), (other, one, BACK[tie])):
        mine.tx.insert_missing(link, ticket_id=mine.id, other_id=theirs.id, kind=str(kind), at=one.now, by=by)


def of_ticket(tx: Tx, who: Principal, number: str) -> list[LinkView]:
    """Every tie of a ticket to one that this person may see. Raises NotFound."""
    mine = scope(who)
    found = tx.all(_seen(mine.shape), ticket_id=find(tx, who, number).id, **mine.values)
    return [_view(who, row) for row in found]


def of_kind(tx: Tx, ticket_id: str, tie: Tie) -> list[str]:
    """Ids of the tickets that are this to the one."""
    return sorted(row.other_id for row in tx.all(_ALL, ticket_id=ticket_id) if row.kind == tie)


def _view(who: Principal, row: Row) -> LinkView:
    hidden = hidden_before(who, row) is not None
    return LinkView(
        kind=row.kind,
        number=row.number,
        subject=texts.title(who.language, number=row.number) if hidden else row.subject,
        state=row.state,
        open=row.open,
        customer=row.customer,
        at=row.at,
        by_hand=row.kind in BY_HAND,
    )


def _both(
    tx: Tx, who: Principal, number: str, to: str, kind: str, *, now: datetime
) -> tuple[Case, Case, Tie]:
    here = find_to_act(tx, who, number).id
    acts.only_staff(who)
    if kind not in {str(tie) for tie in BY_HAND}:
        raise invalid("/kind", f"must be one of {', '.join(BY_HAND)}")
    ids = [here, _other(tx, who, to)]
    opened = {one: Case.open(tx, one, now=now) for one in sorted(set(ids))}
    return opened[ids[0]], opened[ids[1]], Tie(kind)


def _other(tx: Tx, who: Principal, to: str) -> str:
    try:
        return str(find(tx, who, to.strip()).id)
    except NotFound as error:
        raise invalid("/to", str(error)) from None


def _finish(*cases: Case) -> None:
    for case in sorted({case.id: case for case in cases}.values(), key=lambda one: one.id):
        case.save()


_DROP = Prepared(
    link.delete().where(
        link.c.ticket_id == bindparam("ticket_id"),
        link.c.other_id == bindparam("other_id"),
        link.c.kind == bindparam("kind"),
    )
)


@cache
def _seen(shape: tuple[Any, ...]) -> Prepared:
    columns = (
        ticket.c.number,
        ticket.c.subject,
        ticket.c.state,
        ticket.c.open,
        ticket.c.customer,
        ticket.c.customer_since,
        ticket.c.requester_since,
    )
    return Prepared(
        select(link.c.kind, link.c.at, *columns)
        .select_from(link.join(ticket, ticket.c.id == link.c.other_id))
        .where(link.c.ticket_id == bindparam("ticket_id"), Scope(shape=shape, values={}).tickets)
        .order_by(link.c.kind, ticket.c.number)
    )
