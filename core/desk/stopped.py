"""Which addresses get nothing from us, why, and who lets them again? Dead ones, those that complained, those that said stop.

An address that is dead gets nothing automatic, but what a person of ours writes is tried; one that complained gets nothing at all,
until staff say so. Who asked for no more messages is written to again when they ask for it, and only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, literal, or_, select, true, type_coerce

from core import addresses
from core.desk import case, follow_ups, tasks
from core.desk.case import Case
from core.desk.errors import Forbidden, NotFound, Refused
from core.desk.listing import Condition, Order, Walk, page_keys
from core.desk.principal import Principal
from core.desk.scope import Scope, scope
from core.desk.views import Page
from core.ids import short_hash
from core.store import tables
from core.store.tx import Prepared, Row, Tx

HARD, SOFT, COMPLAINT, OPTED_OUT = "hard bounce", "soft bounces", "complaint", "opted out"
"""Why."""
WORDS: Mapping[str, str] = {
    COMPLAINT: "they complained about our mail: nothing leaves for them until staff allow it again",
    OPTED_OUT: "they asked for no more messages here (STOP)",
}
"""What stands at a delivery that did not leave: these get nothing at all."""
ANOTHER_WAY, COMPLAINED = "address_dead", "address_complained"
"""Kinds of tasks."""
_OF = {HARD: ANOTHER_WAY, SOFT: ANOTHER_WAY, COMPLAINT: COMPLAINED}

bad_address, delivery, ticket = tables.bad_address, tables.delivery, tables.ticket

_STOPPED = Prepared(
    select(bad_address.c.reason).where(
        bad_address.c.address == bindparam("address"),
        or_(*(bad_address.c.reason == literal(reason) for reason in WORDS)),
    )
)
_KNOWN = Prepared(select(bad_address.c.reason).where(bad_address.c.address == bindparam("address")))
_LIFTED = Prepared(
    bad_address.delete().where(
        bad_address.c.address == bindparam("address"), bad_address.c.reason != literal(OPTED_OUT)
    )
)
_FORGET_WISH = Prepared(
    bad_address.delete().where(
        bad_address.c.address == bindparam("address"), bad_address.c.reason == literal(OPTED_OUT)
    )
)
_WEAKER = Prepared(
    bad_address.delete().where(
        bad_address.c.address == bindparam("address"),
        or_(bad_address.c.reason == literal(HARD), bad_address.c.reason == literal(SOFT)),
    )
)
_TASKS = Prepared(
    select(tables.task.c.ticket_id, tables.task.c.once).where(
        or_(*(tables.task.c.once == bindparam(f"once_{n}") for n in range(2))),
        tables.task.c.done_at.is_(None),
    )
)
_FROM = bad_address.outerjoin(delivery, delivery.c.id == bad_address.c.delivery_id).outerjoin(
    ticket, ticket.c.id == delivery.c.ticket_id
)
_ORDER = Order(
    name="stopped",
    columns=(type_coerce(bad_address.c.at, BigInteger), bad_address.c.address),
    descending=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """One address, and why."""

    address: str
    reason: str
    """HARD, SOFT, COMPLAINT or OPTED_OUT."""
    at: datetime
    said: str
    """As the other side put it; empty: it said nothing."""
    ticket: str
    """Number of the ticket whose mail it was about; empty: of none."""
    lifts: bool
    """Staff may; False: only its owner does."""


# --- Marking -----------------------------------------------------------------------------------------------------


def why(tx: Tx, address: str) -> str:
    """Why nothing at all may leave for this address, in words; empty: it may."""
    row = tx.one(_STOPPED, address=addresses.key(address))
    return "" if row is None else WORDS[row.reason]


def known(tx: Tx, of: Iterable[str]) -> dict[str, str]:
    """Of these addresses those that something is known against: HARD, SOFT, COMPLAINT or OPTED_OUT, by address."""
    found = {address: tx.one(_KNOWN, address=addresses.key(address)) for address in of}
    return {address: row.reason for address, row in found.items() if row is not None}


def mark(tx: Tx, address: str, reason: str, *, delivery_id: str, said: str, now: datetime) -> bool:
    """From now on; False: it was known already. A complaint weighs more than an address that is dead."""
    address = addresses.key(address)
    if reason == COMPLAINT:
        tx.run(_WEAKER, address=address)
    return tx.insert_new(
        bad_address, address=address, reason=reason, at=now, delivery_id=delivery_id, said=said[:500]
    )


def ask(of: Case, address: str, reason: str, *, name: str, said: str) -> None:
    """Whoever has the ticket is asked for another way, or what is to become of who complained; once for each address."""
    kind = _OF[reason]
    follow_ups.ask(of, kind, once=_once(kind, address), who=name or address, address=address, why=said[:200])


def wished(tx: Tx, address: str, *, stop: bool, now: datetime) -> None:
    """Who has this number wants nothing more from us, or wants it again. Staff cannot send to it meanwhile either."""
    tx.run(_FORGET_WISH, address=address)
    if stop:
        tx.run(_LIFTED, address=address)  # whatever else was wrong with it
        tx.insert(bad_address, address=address, reason=OPTED_OUT, at=now)


def works(tx: Tx, address: str, *, now: datetime) -> bool:
    """Staff say that it does: what was asked because of it is settled. False: nothing was known against it, or only its owner may."""
    address = addresses.key(address)
    if not tx.changed(_LIFTED, address=address):
        return False
    onces = {f"once_{n}": _once(kind, address) for n, kind in enumerate((ANOTHER_WAY, COMPLAINED))}
    for row in tx.all(_TASKS, **onces):
        tasks.settle(tx, once=row.once, now=now, ticket_id=row.ticket_id)
    return True


def _once(kind: str, address: str) -> str:
    return f"{kind}:{short_hash(addresses.key(address))}"


# --- The list ----------------------------------------------------------------------------------------------------


def page(tx: Tx, who: Principal, *, cursor: str | None = None, limit: int = 50) -> Page:
    """One page of Stopped, newest first: those about whose mail on a ticket this person may know.

    Raises Forbidden for contacts, Invalid for a cursor there is not.
    """
    mine = _staff(who)
    condition = Condition(shape=mine.shape, build=lambda: _known(mine.shape), values=mine.values)
    keys, further = page_keys(tx, bad_address, [Walk()], _ORDER, [condition], cursor=cursor, limit=limit)
    found = [tx.one(_one(("everything",)), address=key[-1]) for key in keys]
    return Page(items=tuple(_stopped(row) for row in found), next=further)


def lift(tx: Tx, who: Principal, address: str, *, now: datetime) -> None:
    """Let mail leave for it again, from now on: what did not leave is sent again one by one.

    Raises NotFound, also for what this person may not know, and Refused where only its owner may.
    """
    if who.kind == "contact":
        raise NotFound(_NONE.format(address))
    mine = scope(who)
    row = tx.one(_one(mine.shape), address=addresses.key(address), **mine.values)
    if row is None:
        raise NotFound(_NONE.format(address))
    if row.reason == OPTED_OUT:
        message = (
            f"{address} asked for no more messages: they are written to again when they ask for it (START)"
        )
        raise Refused(message, code="opted_out")
    works(tx, address, now=now)
    case.record(tx, case.ADMINISTRATION, "address.lifted", now=now, actor=who.actor, reason=row.reason)
    if row.ticket_id is not None:
        of = Case.open(tx, row.ticket_id, now=now)
        of.event("address.lifted", actor=who.actor, reason=row.reason, delivery=row.delivery_id)
        of.save()


_NONE = "nothing is known against the address {}"


def _staff(who: Principal) -> Scope:
    if who.kind == "contact":
        message = "this list is for staff"
        raise Forbidden(message)
    return scope(who)


def _shape(shape: tuple[Any, ...]) -> Scope:
    return Scope(shape=shape, values={})


def _known(shape: tuple[Any, ...]) -> ColumnElement[bool]:
    """Who sees everything knows all of them, others what is about a ticket of theirs."""
    if shape == ("everything",):
        return true()
    of = select(ticket.c.id).select_from(ticket.join(delivery, delivery.c.ticket_id == ticket.c.id))
    theirs = of.where(delivery.c.id == bad_address.c.delivery_id, _shape(shape).tested)
    return theirs.correlate(bad_address).exists()


@cache
def _one(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(
        select(bad_address, ticket.c.number, ticket.c.id.label("ticket_id"))
        .select_from(_FROM)
        .where(bad_address.c.address == bindparam("address"), _known(shape))
    )


def _stopped(row: Row) -> Stopped:
    return Stopped(
        address=row.address,
        reason=row.reason,
        at=row.at,
        said=row.said,
        ticket=row.number or "",
        lifts=row.reason != OPTED_OUT,
    )
