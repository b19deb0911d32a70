"""What may this person see? One condition on tickets and one on messages; every query of the desk carries them.

A condition is part of the SQL, never a filter afterwards. It comes in a few shapes with named values, so that a
statement is compiled once per shape and never holds one person's values for the next.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
)

from core.desk import joining_ways
from core.desk.errors import Forbidden, NotFound
from core.desk.listing import hidden
from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Prepared, Row, Tx

ticket, message, participant, inbound = tables.ticket, tables.message, tables.participant, tables.inbound
event, page, booking = tables.event, tables.page, tables.booking

BELONGS = ("requester", "participant")
"""Roles in a conversation that make it somebody's own. A Cc in a mail never grants access (people.md 1)."""

PUBLISHED = "published"
"""Among the remarks on a message: staff let the customer see it although its author is not one of them."""

_BELONGS = [literal(role) for role in BELONGS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one principal may see: a shape, and the values that fill it."""

    shape: tuple[Hashable, ...]
    values: Mapping[str, Any]

    @property
    def inside(self) -> bool:
        """Staff, or the hub itself."""
        return self.shape[0] in ("everything", "groups")

    @property
    def tickets(self) -> ColumnElement[bool]:
        """The condition on `ticket`; its values are given by name when the statement is run."""
        return _tickets(self.shape)

    @property
    def tested(self) -> ColumnElement[bool]:
        """The same condition, for a list that has chosen its index: no planner begins with it."""
        return _tickets(self.shape, hide=True)

    @property
    def messages(self) -> ColumnElement[bool]:
        """The condition on `message`, beside that on its ticket."""
        return _messages(self.shape)

    @property
    def inbound(self) -> ColumnElement[bool]:
        """The condition on `inbound`."""
        return _inbound(self.shape)


EVERYTHING = Scope(shape=("everything",), values={})

Beyond = Literal["called", "follows"]

_CALLED = Prepared(
    select(page.c.ticket_id)
    .select_from(page.join(ticket, ticket.c.id == page.c.ticket_id))
    .where(ticket.c.number == bindparam("number"), page.c.agent == bindparam("agent"))
    .limit(1)
)
_COURSE = Prepared(
    select(event.c.kind, event.c.data)
    .select_from(event.join(ticket, ticket.c.id == event.c.ticket_id))
    .where(
        ticket.c.number == bindparam("number"),
        event.c.kind.in_([literal("ticket.routed"), literal("ticket.escalate")]),
    )
    .order_by(event.c.seq)
)


def scope(who: Principal) -> Scope:
    """The scope of a principal. Whoever fits nowhere sees nothing."""
    if who.sees_everything:
        return EVERYTHING
    if who.is_agent:
        groups = {f"scope_group_{n}": name for n, name in enumerate(who.groups)}
        return Scope(shape=("groups", len(groups)), values={"scope_who": who.id} | groups)
    if who.kind != "contact" or not who.customer:
        return Scope(shape=("nothing",), values={})
    own = {"scope_who": who.id, "scope_customer": who.customer}
    own |= {f"scope_also_{n}": one for n, one in enumerate(who.also)}
    same = len(who.also)
    if who.roles & {"manager", "admin"}:
        if "admin" in who.roles or not who.sites:
            return Scope(shape=("customer", same), values=own)
        sites = {f"scope_site_{n}": name for n, name in enumerate(who.sites)}
        return Scope(shape=("sites", same, len(sites)), values=own | sites)
    return Scope(shape=("own", same), values=own)


def find(tx: Tx, who: Principal, number: str) -> Row:
    """The row of a ticket by its number. Raises NotFound, also for what this person may not see.

    Somebody of the staff opens this one also when they were called to it, or follow it (`beyond`), though no list shows it.
    """
    return _found(tx, who, number)[0]


def find_to_act(tx: Tx, who: Principal, number: str) -> Row:
    """The same for whoever changes it: Forbidden for those who only follow it."""
    row, way = _found(tx, who, number)
    if way == "follows":
        raise Forbidden(
            f"{row.desk_group} has it since it was escalated: you may read it and leave a note for them",
            code="only_follows",
        )
    return row


def goes_on(tx: Tx, who: Principal, ticket_id: str) -> Row | None:
    """The ticket that goes on with this one, which was merged (desk.md 14). None: it was not, or this person may not see where."""
    end = joining_ways.survivor(tx, ticket_id)
    if end != ticket_id and (row := tx.one(_NUMBER, id=end)) is not None:
        with suppress(NotFound):
            return find(tx, who, row.number)
    return None


_NUMBER = Prepared(select(ticket.c.number).where(ticket.c.id == bindparam("id")))
_BOOKED = Prepared(
    select(booking.c.ticket_id)
    .select_from(booking.join(ticket, ticket.c.id == booking.c.ticket_id))
    .where(
        booking.c.agent == bindparam("agent"),
        booking.c.kind == literal("visit"),
        ticket.c.number == bindparam("number"),
    )
    .limit(1)
)


def beyond(tx: Tx, who: Principal, number: str) -> Beyond | None:
    """Why one of the staff may open a ticket out of their scope, if there is a reason (desk.md 8).

    `called`: they were called to it, or go to its site, and may do what its group may. `follows`: a group of theirs had it when it was
    escalated, and may read it and leave notes.
    """
    if not who.is_agent or who.sees_everything:
        return None
    asked = {"number": number, "agent": who.id}
    if tx.one(_CALLED, **asked) is not None or tx.one(_BOOKED, **asked) is not None:
        return "called"
    had_it = ""
    for row in tx.all(_COURSE, number=number):
        if row.kind == "ticket.routed":
            had_it = row.data["group"]
        elif had_it in who.groups:
            return "follows"
    return None


def _found(tx: Tx, who: Principal, number: str) -> tuple[Row, Beyond | None]:
    mine, way = scope(who), None
    row = tx.one(_find(mine.shape), number=number, **mine.values)
    if row is None and (way := beyond(tx, who, number)):
        row = tx.one(_find(EVERYTHING.shape), number=number)
    if row is None:
        raise NotFound(no_ticket(number))
    return row, way


def hidden_before(who: Principal, row: Row) -> datetime | None:
    """What of this ticket is older is not for this person's eyes: somebody else had it. None: nothing is.

    Within a company those who see all of its requests see what each requester said.
    """
    if who.kind != "contact":
        return None
    of_all = bool(who.roles & {"manager", "admin"})
    found: datetime | None = row.customer_since if of_all else row.requester_since
    return found


def no_ticket(number: str) -> str:
    """The sentence for a ticket that is not there, or not for this person: one sentence for both."""
    return f"there is no ticket {number} that you may see"


@cache
def _find(shape: tuple[Hashable, ...]) -> Prepared:
    return Prepared(select(ticket).where(ticket.c.number == bindparam("number"), _tickets(shape)))


@cache
def _tickets(shape: tuple[Any, ...], *, hide: bool = False) -> ColumnElement[bool]:
    def column(name: str) -> ColumnElement[Any]:
        return hidden(ticket.c[name]) if hide else ticket.c[name]

    who: ColumnElement[Any] = bindparam("scope_who")
    same = _same(shape)
    takes_part = ticket.c.id.in_(taking_part(who, *same))
    if hide:  # row by row
        here = taking_part(who, *same).where(participant.c.ticket_id == ticket.c.id)
        takes_part = here.correlate(ticket).exists()
    own = or_(column("contact") == who, *(column("contact") == one for one in same), takes_part)
    # A confidential request is for its requester and the people in it, whatever the role of the others.
    not_confidential = or_(type_coerce(ticket.c.flags, Text).not_like('%"confidential"%'), own)
    of_customer = column("customer") == bindparam("scope_customer")
    match shape:
        case ("everything",):
            return true()
        case ("groups", 0):
            return column("assignee") == who
        case ("groups", count):
            return or_(column("assignee") == who, column("desk_group").in_(_names("scope_group", count)))
        case ("customer", _):
            return and_(of_customer, not_confidential)
        case ("sites", _, count):
            of_sites = column("site").in_(_names("scope_site", count))
            return and_(of_customer, or_(and_(of_sites, not_confidential), own))
        case ("own", _):
            return and_(of_customer, own)
        case _:
            return false()


def _names(prefix: str, count: int) -> list[ColumnElement[Any]]:
    return [bindparam(f"{prefix}_{n}") for n in range(count)]


def _same(shape: tuple[Any, ...]) -> list[ColumnElement[Any]]:
    """Other ids of the person who asks."""
    return _names("scope_also", shape[1]) if shape[0] in ("customer", "sites", "own") else []


def taking_part(who: ColumnElement[Any], *same: ColumnElement[Any]) -> Any:
    """Ids of the tickets in whose conversations this contact takes part. `same`: further ids of theirs."""
    return select(participant.c.ticket_id).where(
        participant.c.contact.in_((who, *same)) if same else participant.c.contact == who,
        participant.c.role.in_(_BELONGS),
        participant.c.state == literal("joined"),
    )


@cache
def _messages(shape: tuple[Any, ...]) -> ColumnElement[bool]:
    """What a contact may read: what we said to the customer, and what people of the request wrote.

    A mail by anybody else is not shown until staff publish it (email.md 12): sign-up and verification codes that
    strangers send to a support address are the classic takeover. What was said while another customer had the ticket,
    or another requester, stays that one's; see `hidden_before`.
    """
    if shape[0] in ("everything", "groups"):
        return true()
    if shape[0] == "nothing":
        return false()
    since = ticket.c.requester_since if shape[0] == "own" else ticket.c.customer_since
    return (message.c.audience == "customer") & or_(
        message.c.contact == bindparam("scope_who"),
        *(message.c.contact == one for one in _same(shape)),
        _since(since) & or_(*_of_the_request()),
    )


def _since(since: ColumnElement[Any], *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Of a message: it was said since then."""
    return exists().where(
        ticket.c.id == message.c.ticket_id, or_(since.is_(None), message.c.at >= since), *more
    )


def _of_the_request() -> tuple[ColumnElement[bool], ...]:
    """Of a message: we said it, people of the request did, or staff let the customer see it. Any of these."""
    by_one_of_them = exists().where(
        participant.c.ticket_id == message.c.ticket_id,
        participant.c.address == message.c.author_address,
        participant.c.role.in_(_BELONGS),
    )
    return (
        message.c.direction == "out",
        message.c.trust == "verified",
        by_one_of_them,
        type_coerce(message.c.notes, Text).like(f'%"{PUBLISHED}"%'),
    )


def quotable() -> ColumnElement[bool]:
    """The condition on `message` of what is quoted and named to whom we write at `scope_address`: no more than the portal shows.

    Their own words are, and what the requester wrote, also where both have their answers elsewhere. No address: what
    everybody of the request may read.
    """
    reader = bindparam("scope_address", type_=Text)
    theirs = exists().where(
        participant.c.ticket_id == message.c.ticket_id,
        participant.c.address == reader,
        participant.c.contact == message.c.contact,
    )
    own = (reader != "") & or_(message.c.author_address == reader, theirs)  # noqa: PLC1901 - a column, no truth
    since = ticket.c.requester_since
    asked = _since(since, func.lower(ticket.c.requester_address) == message.c.author_address)
    return (message.c.audience == "customer") & or_(own, asked, _since(since) & or_(*_of_the_request()))


@cache
def _inbound(shape: tuple[Any, ...]) -> ColumnElement[bool]:
    """What arrived is for staff: all of it, or what belongs to tickets of one's groups."""
    if shape == ("everything",):
        return true()
    if shape[0] == "groups":
        its_ticket = select(ticket.c.id).where(ticket.c.id == inbound.c.ticket_id, _tickets(shape, hide=True))
        return its_ticket.correlate(inbound).exists()
    return false()
