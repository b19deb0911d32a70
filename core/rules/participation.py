"""Who is written to on a ticket, and who is not, with the reason; and where somebody who wrote wants to be answered.

One person of a conversation at a time. A ticket that has a customer is answered to people of that customer; anybody
else is written to only once staff said so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Is somebody still of the conversation?"""

    JOINED = "joined"
    RETIRED = "retired"
    """Was, and is no more: never written to, and what they write waits for staff."""


class Role(StrEnum):
    """As what somebody is in a conversation."""

    REQUESTER = "requester"
    PARTICIPANT = "participant"
    CC = "cc"
    """Named in a mail: listed, not written to."""
    VISITOR = "visitor"
    """Wrote into the conversation without being of it: listed, and staff decide."""
    SILENT = "silent"
    """A machine wrote from there: it gets no mail that nobody wrote."""
    SENDER = "sender"
    """Wrote through a group or a form, and is answered at another address."""
    REPLY_TO = "reply_to"
    """Named by somebody's mail as where to answer; staff choose."""


class Why(StrEnum):
    """What decided."""

    WRITTEN_TO = "written_to"
    RETIRED = "retired"
    CC = "cc"
    VISITOR = "visitor"
    REPLY_TO = "reply_to"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    OUTSIDER = "outsider"
    """Is no contact of the ticket's customer, and staff did not say that they are to be written to."""
    MACHINE = "machine"
    BAD_ADDRESS = "bad_address"
    """Mail to it came back, or somebody there complained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One participant of a conversation, as far as writing to them cares."""

    role: Role
    state: State = State.JOINED
    admitted: bool = False
    """Staff said that this person is to be written to, whosever contact they are."""
    requester: bool = False
    """Whose request it is now."""
    contact: bool = False
    """Was a contact of somebody when they joined."""
    customers: frozenset[str] = frozenset()
    """Of which this address is an active contact now."""
    of_domain: bool = False
    """The address is in a domain of the ticket's customer."""
    bad_address: bool = False


_LISTED = {
    Role.CC: Why.CC,
    Role.VISITOR: Why.VISITOR,
    Role.REPLY_TO: Why.REPLY_TO,
    Role.SENDER: Why.ANSWERED_ELSEWHERE,
}


def written_to(person: Person, *, customer: str | None, automatic: bool) -> Why:
    """Does this person get what we say on a ticket of this customer? `automatic`: nobody pressed send.

    >>> moved = Person(role=Role.REQUESTER, requester=True, contact=True, customers=frozenset({"BETA"}))
    >>> str(written_to(moved, customer="ACME", automatic=False))
    'outsider'
    """
    if person.state is State.RETIRED:
        return Why.RETIRED
    if person.role in _LISTED:
        return _LISTED[person.role]
    if outsider(person, customer=customer):
        return Why.OUTSIDER
    if automatic and person.role is Role.SILENT:
        return Why.MACHINE
    if automatic and person.bad_address:
        return Why.BAD_ADDRESS
    return Why.WRITTEN_TO


def outsider(person: Person, *, customer: str | None) -> bool:
    """Is this nobody of the ticket's customer, and did no one of staff let them in?"""
    if customer is None or person.admitted or customer in person.customers:
        return False
    if person.customers:  # somebody else's contact, whatever they were when they joined
        return True
    if person.of_domain:
        return False
    # A requester whom nobody knows is the customer's because staff said so; one who was a contact is none any more.
    return person.contact or not person.requester


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Where the answers to a message go."""

    elsewhere: bool
    """To the address it names, not to who wrote."""
    offered: bool
    """It names another address, and staff choose."""


def answer(*, author_customer: str | None, named_customers: frozenset[str], failed: bool = False) -> Answer:
    """A message names another address for answers (RFC 5322, 3.6.2): is it answered there?

    By itself only to a contact of the author's customer. `failed`: the message failed the checks that its domain asks
    for. Whom a mail names proves nothing: any other address waits for staff.
    """
    there = author_customer is not None and author_customer in named_customers and not failed
    return Answer(elsewhere=there, offered=not there)
