"""People and rooms over the API, for staff: what is known to be a person's, two names of one person, whose a room is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.desk import merging, persons, rooms
from core.desk.errors import invalid
from core.store.tx import Tx
from web.api import shapes
from web.api.endpoint import Body, Call, api
from web.api.tickets import Name


class Into(Body):
    """Who they turned out to be."""

    into: Annotated[Name, Field(description="E-mail or id of a contact of the same customer.")]


class TheirAccount(Body):
    """Of which chat."""

    address: Annotated[Name, Field(description="As conversations name it: `telegram:4242`.")]


class Invitation(Body):
    """On which channel."""

    channel: Name


class Binding(Body):
    """Whose room it is."""

    customer: Annotated[Name, Field(description="Code.")]


class Nothing(Body):
    """No fields."""


@api("GET", "/contacts/{contact}", answer=shapes.ContactCard)
def get_contact(tx: Tx, call: Call) -> shapes.ContactCard:
    """A person with everything that is known to be theirs; by the id of any contact that turned out to be them. For staff."""
    return _card(tx, call)


@api("POST", "/contacts/{contact}/merge", body=Into, answer=shapes.ContactCard)
def merge_contact(tx: Tx, call: Call) -> shapes.ContactCard:
    """Say that this contact is the same person as another one, who goes on with the requests of both. For leaders."""
    _card(tx, call)
    merging.merge(tx, call.who, call.path["contact"], call.body.into, now=call.now)
    return _card(tx, call)


@api("POST", "/contacts/{contact}/unmerge", body=Nothing, answer=shapes.ContactCard)
def unmerge_contact(tx: Tx, call: Call) -> shapes.ContactCard:
    """Take that back: each has again what began under their name. For leaders."""
    _card(tx, call)
    merging.unmerge(tx, call.who, call.path["contact"], now=call.now)
    return _card(tx, call)


@api("POST", "/contacts/{contact}/accounts", body=TheirAccount, answer=shapes.ContactCard)
def name_account(tx: Tx, call: Call) -> shapes.ContactCard:
    """Say that a chat is this person's: it names them from now on, and proves nothing. For staff."""
    persons.this_is(tx, call.who, call.path["contact"], call.body.address, now=call.now)
    return _card(tx, call)


@api("DELETE", "/contacts/{contact}/accounts/{address}", answer=shapes.ContactCard)
def disconnect_account(tx: Tx, call: Call) -> shapes.ContactCard:
    """Disconnect an account of this person; one that was proved, for leaders."""
    persons.disconnect(tx, call.who, call.path["contact"], call.path["address"], now=call.now)
    return _card(tx, call)


@api("POST", "/contacts/{contact}/invite", body=Invitation, answer=shapes.ContactCard)
def invite_contact(tx: Tx, call: Call) -> shapes.ContactCard:
    """Mail this person a link behind which they connect an account. For staff."""
    card = _card(tx, call)
    if call.body.channel not in call.linking:
        raise invalid(
            "/channel", f"accounts are connected on: {', '.join(sorted(call.linking)) or 'none here'}"
        )
    persons.invite(tx, call.who, call.path["contact"], call.body.channel, now=call.now)
    return card


@api("GET", "/rooms", answer=shapes.Rooms, errors=(403,))
def list_rooms(tx: Tx, call: Call) -> shapes.Rooms:
    """Rooms of chats that wrote, those that spoke last first. For staff."""
    return shapes.Rooms(items=[_room(one) for one in rooms.listing(tx, call.who)])


@api("POST", "/rooms/{room}/bind", body=Binding, answer=shapes.Room)
def bind_room(tx: Tx, call: Call) -> shapes.Room:
    """Say whose room it is: what is said there is taken in from now on, and answered there. For leaders."""
    rooms.bind(tx, call.who, call.path["room"], call.body.customer, now=call.now)
    return _room(rooms.one(tx, call.who, call.path["room"]))


@api("POST", "/rooms/{room}/unbind", body=Nothing, answer=shapes.Room)
def unbind_room(tx: Tx, call: Call) -> shapes.Room:
    """It is nobody's room any more: nothing of a request is said there. For leaders."""
    rooms.unbind(tx, call.who, call.path["room"], now=call.now)
    return _room(rooms.one(tx, call.who, call.path["room"]))


def _card(tx: Tx, call: Call) -> shapes.ContactCard:
    found = persons.card(tx, call.who, call.path["contact"])
    one = found.contact
    return shapes.ContactCard(
        id=one.id,
        customer=one.customer,
        name=one.name,
        email=one.email,
        phone=one.phone,
        also=[shapes.MergedContact(id=other.id, name=other.name, email=other.email) for other in found.also],
        accounts=[
            shapes.ContactAccount(
                channel=account.channel,
                address=account.address,
                name=account.name,
                proof=account.proof,
                since=account.since,
                gone=account.gone,
            )
            for account in found.accounts
        ],
    )


def _room(one: rooms.Room) -> shapes.Room:
    return shapes.Room(
        id=one.id,
        channel=one.channel,
        address=one.address,
        title=one.title,
        customer=shapes.CustomerRef(code=one.customer, name=one.customer_name) if one.customer else None,
        last_at=one.last_at,
        gone=one.gone,
    )


ENDPOINTS = (
    get_contact,
    merge_contact,
    unmerge_contact,
    name_account,
    disconnect_account,
    invite_contact,
    list_rooms,
    bind_room,
    unbind_room,
)
