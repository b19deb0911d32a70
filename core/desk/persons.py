"""What do staff know of a person on all channels, and what do they say of it? Accounts, names that turned out to be the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import acts, answering, chats, identities, linking, people, subscriptions
from core.desk.errors import NotFound, Refused
from core.desk.people import Contact
from core.desk.principal import Principal
from core.desk.scope import Scope, scope
from core.desk.subscriptions import Subscription, What
from core.store import tables
from core.store.tx import Prepared, Row, Tx

ticket = tables.ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A chat of theirs."""

    address: str
    channel: str
    name: str
    """As the account calls itself: a label."""
    proof: str
    since: datetime
    gone: bool
    """They blocked us there, or left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A contact with everything that is known to be theirs."""

    contact: Contact
    also: tuple[Contact, ...]
    """Contacts that turned out to be this one."""
    accounts: tuple[Account, ...]
    unsubscribed: tuple[Subscription, ...]
    """What their address wants no more by mail."""


def card(tx: Tx, who: Principal, contact: str) -> Person:
    """The person behind this contact, whom they turned out to be, for staff who see a request of theirs. Raises NotFound."""
    found = people.person(tx, contact) if who.kind != "contact" else None
    if found is None or not _seen(tx, who, found.id):
        raise NotFound(_no_contact(contact))
    others = (people.contact(tx, one) for one in people.merged(tx, found.id))
    return Person(
        contact=found,
        also=tuple(one for one in others if one is not None),
        accounts=tuple(_account(tx, row) for row in identities.of_contact(tx, found.id)),
        unsubscribed=subscriptions.of_address(tx, found.email),
    )


def _seen(tx: Tx, who: Principal, contact: str) -> bool:
    mine = scope(who)
    return who.sees_everything or any(
        tx.one(_asked(mine.shape), contact=one, **mine.values) is not None for one in people.ids(tx, contact)
    )


@cache
def _asked(shape: tuple[Any, ...]) -> Prepared:
    readable = Scope(shape=shape, values={}).tested
    return Prepared(select(ticket.c.id).where(ticket.c.contact == bindparam("contact"), readable).limit(1))


def _account(tx: Tx, row: Row) -> Account:
    return Account(
        address=row.address,
        channel=row.channel,
        name=row.name,
        proof=row.proof,
        since=row.since,
        gone=answering.gone(tx, row.address),
    )


def this_is(tx: Tx, who: Principal, contact: str, address: str, *, now: datetime) -> None:
    """Staff say that this chat is that person's. It names them from now on, and proves nothing.

    Raises NotFound, Refused for a room, and for what was proved to be somebody's.
    """
    of = card(tx, who, contact).contact
    chat = chats.known(tx, address.strip())
    if chat is None:
        raise Refused(f"nobody has written from {address!r}", code="account_unknown")
    if chat.kind == "room":
        raise Refused("a room is bound to a customer, not to a person", code="account_room")
    known = identities.behind(tx, chat.address)
    if known is not None and known.proof in identities.PROVED:
        raise Refused("it was proved whose account this is", code="account_proved")
    identities.bind(tx, chat, contact=of.id, proof="staff", by=who.actor, now=now)


def subscribe(tx: Tx, who: Principal, contact: str, what: What, *, now: datetime) -> None:
    """They told us that they want it by mail again. Raises NotFound."""
    subscriptions.begin_for(tx, who, card(tx, who, contact).contact.email, what, now=now)


def disconnect(tx: Tx, who: Principal, contact: str, address: str, *, now: datetime) -> None:
    """This account is not that person's any more. What was proved is for leaders to end. Raises NotFound, Forbidden."""
    of = card(tx, who, contact)
    known = identities.behind(tx, address)
    if known is None or known.address not in {one.address for one in of.accounts}:
        message = f"{address} is no account of {of.contact.name}"
        raise NotFound(message)
    if known.proof in identities.PROVED:
        acts.only_leaders(who)
    linking.release(tx, who, known, now=now)


def invite(tx: Tx, who: Principal, contact: str, channel: str, *, now: datetime) -> None:
    """Mail the person a link behind which they connect an account of theirs. Raises NotFound, Refused without a mailbox."""
    linking.invite(tx, who, card(tx, who, contact).contact, channel, now=now)


def _no_contact(contact: str) -> str:
    return f"there is no contact {contact} that you may see"
