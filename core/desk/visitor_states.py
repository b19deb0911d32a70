"""What does a visitor know of where they stand? Who they are to us, whether somebody is there, how many wait before them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, literal_column, select

from core import texts
from core.desk import chats, coverage, identities, people, reference, visitor_talk
from core.desk.principal import Principal
from core.desk.visitor_talk import Talk
from core.desk.visitors import Visitor
from core.store import tables
from core.store.tx import Prepared, Row, Tx

IN_LINE = 2_000  # conversations that wait, of which places are told

ticket = tables.ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class InLine:
    """A conversation in which nobody has answered yet."""

    ticket: str
    group: str | None
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a visitor stands."""

    state: str
    """new: nothing was written; waiting, joined, solved (and words open it again) or ended."""
    known: str = ""
    """The name of the contact they proved to be."""
    name: str = ""
    email: str = ""
    """What they say of themselves."""
    before: int = 0
    """Conversations that wait before theirs."""
    who: str = ""
    """The first name of who works on it."""
    opens: str = ""
    """When somebody is there again, in words and in their zone; empty: somebody is there."""
    number: str = ""
    may_send_files: bool = False

    @property
    def moves(self) -> bool:
        """Does it change without anything being written there?"""
        return self.state == "waiting" or bool(self.opens)

    def plain(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Everything that a page shows."""

    talk: Talk
    standing: Standing


def shown(tx: Tx, who: Visitor, *, language: str, line: tuple[InLine, ...], now: datetime) -> Shown:
    """What a page shows now. `line`: who waits, see `in_line`."""
    talk = visitor_talk.conversation(tx, who)
    return Shown(talk=talk, standing=standing(tx, who, talk, language=language, line=line, now=now))


def standing(
    tx: Tx, who: Visitor, talk: Talk, *, language: str, line: tuple[InLine, ...], now: datetime
) -> Standing:
    """Where they stand with what they wrote about last."""
    chat = chats.known(tx, who.address)
    contact = _contact(tx, who)
    row = tx.one(_TICKET, id=talk.newest) if talk.newest else None
    agent = people.agent(tx, row.assignee) if row is not None and row.assignee else None
    answered = any(one.by == "us" for one in talk.items)
    before = 0
    if row is None:
        state = "new"
    elif not row.open:
        state = "solved" if row.state == "resolved" else "ended"
    elif agent is not None or row.waits_since is None or _answered(row, talk):
        state = "joined"
    else:
        state = "waiting"
        before = sum(
            1
            for one in line
            if one.ticket != row.id and one.group == row.desk_group and one.since < row.waits_since
        )
    last = next((one.name for one in reversed(talk.items) if one.by == "us"), "")
    return Standing(
        state=state,
        known=contact.name if contact else "",
        name=chat.name if chat is not None else "",
        email=chat.email if chat is not None else "",
        before=before,
        who=agent.name.split()[0] if agent is not None and agent.name else last,
        opens=_opens(tx, contact, row, language=language, now=now) if state in ("new", "waiting") else "",
        number=row.number if row is not None else "",
        may_send_files=contact is not None or answered,
    )


def in_line(tx: Tx) -> tuple[InLine, ...]:
    """Conversations of the web chat that nobody has taken, for the places of all of them."""
    return tuple(
        InLine(ticket=row.id, group=row.desk_group, since=row.waits_since) for row in tx.all(_WAITING)
    )


def _answered(row: Row, talk: Talk) -> bool:
    return any(one.by == "us" and one.ticket == row.number for one in talk.items)


def _contact(tx: Tx, who: Visitor) -> people.Contact | None:
    identity = who.contact or identities.proved_contact(tx, who.address)
    found = people.contact(tx, identity) if identity else None
    return found if found is not None and found.active else None


def _opens(tx: Tx, contact: people.Contact | None, row: Row | None, *, language: str, now: datetime) -> str:
    """When somebody is there again: as their contract says, else the group that has it, which is there day and night unless told."""
    desk = reference.desk(tx)
    if contact is not None:
        who = Principal(kind="contact", id=contact.id, customer=contact.customer)
        services = [
            one
            for bought in coverage.bought(tx, who, now=now)
            if bought.standing in ("valid", "grace")
            for one in bought.services
        ]
        if services:
            at = [one.next_open_at for one in services if not one.open and one.next_open_at is not None]
            customer = reference.customer(tx, contact.customer)
            zone = ZoneInfo(customer.time_zone) if customer else tx.facts.zone
            return (
                "" if any(one.open for one in services) or not at else texts.opening(min(at), zone, language)
            )
    group = desk.groups.get(row.desk_group) if row is not None and row.desk_group else None
    if group is None or group.calendar not in desk.calendars:
        return ""
    is_open, next_open = desk.window(group.calendar, now)
    return "" if is_open or next_open is None else texts.opening(next_open, tx.facts.zone, language)


_TICKET = Prepared(
    select(
        ticket.c.id,
        ticket.c.number,
        ticket.c.open,
        ticket.c.state,
        ticket.c.assignee,
        ticket.c.desk_group,
        ticket.c.waits_since,
    ).where(ticket.c.id == bindparam("id"))
)
_WAITING = Prepared(
    select(ticket.c.id, ticket.c.desk_group, ticket.c.waits_since)
    .where(
        ticket.c.open,
        ticket.c.chat.is_not(None),
        ticket.c.waits_since.is_not(None),
        ticket.c.assignee.is_(None),
    )
    .order_by(literal_column(tables.WAIT_ORDER), ticket.c.id)
    .limit(IN_LINE)
)
