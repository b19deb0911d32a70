"""Who wrote this? The people the desk knows behind an address, a log-in or a name on a message."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import bindparam, select

from core import chat_addresses, numbers
from core.desk import identities, people, reference
from core.envelope import Address, Inbound
from core.store import tables
from core.store.tx import Prepared, Tx

chat = tables.chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who a message seems to come from. How far that is believed is `rules.trust`'s answer."""

    kind: Literal["contact", "agent", "stranger", "nobody"]
    """nobody: there is no usable author at all."""
    address: str = ""
    name: str = ""
    contact: str | None = None
    agent: str | None = None
    customer: str | None = None
    candidates: tuple[str, ...] = ()
    """Customers it may belong to, when it is not exactly one or the author cannot be relied on."""
    by_domain: bool = False
    """The customer is known by the domain of the address only."""
    language: str | None = None
    proved: bool = False
    """By a log-in, a PIN or a linked account."""

    @property
    def actor(self) -> str:
        """How events name them. The address of an agent in a From proves nothing: no event is an agent's for that."""
        return f"contact:{self.contact}" if self.contact else "address"

    @property
    def display(self) -> str:
        """For lists."""
        return self.address or self.name or "?"


def find(tx: Tx, said: Inbound) -> Author:
    """The author of a message, by proof if the channel has one, else by address."""
    if said.contact:
        return _contact(tx, people.person(tx, said.contact), said.author, proved=True)
    if said.author is None or not said.author.address:
        return Author(kind="nobody", name=said.author_text[:200], address="")
    if (
        said.author.key in said.own_addresses
    ):  # a web form of ours, or somebody who pretends: nobody we could answer
        return Author(kind="nobody", name=said.author.name or said.author.address)
    address = said.author.key
    name = said.author.name
    if chat_addresses.is_chat(address):
        room = said.chat.room.key if said.chat is not None and said.chat.room is not None else ""
        return _in_room(tx, said.author, room) if room else _in_chat(tx, said.author)
    by_telephone = numbers.is_number(address)
    found = people.by_number(tx, address) if by_telephone else people.by_address(tx, address)
    if len(found) == 1:
        return _contact(tx, found[0], said.author, proved=False)
    if found:  # the same person at several customers: staff say for which
        return Author(
            kind="contact",
            address=address,
            name=found[0].name,
            candidates=tuple(sorted({c.customer for c in found})),
        )
    agent = None if by_telephone else people.agent_by_email(tx, address)
    if agent is not None:
        return Author(kind="agent", address=address, name=agent.name, agent=agent.id, language=agent.language)
    customers = people.customers_of_domain(tx, said.author.domain) if said.author.domain else []
    # Letters that only look like a customer's, or an address behind another name, are no one's of that customer.
    if len(customers) == 1 and not said.author_defects:
        customer = reference.customer(tx, customers[0])
        language = customer.language if customer else None
        return Author(
            kind="stranger",
            address=address,
            name=name,
            customer=customers[0],
            by_domain=True,
            language=language,
        )
    return Author(kind="stranger", address=address, name=name, candidates=tuple(customers))


def foresee(tx: Tx, said: Inbound) -> None:
    """The author is going to be looked up."""
    if not said.contact and said.author is not None and "@" in said.author.address:
        people.foresee_address(tx, said.author.key)


def _in_chat(tx: Tx, reached: Address) -> Author:
    """The name of an account is a label: only what was proved to us once says who that is."""
    known, spoken = identities.behind(tx, reached.key), tx.one(_SPOKEN, address=reached.key)
    if known is not None and known.agent:
        agent = people.agent(tx, known.agent)
        if agent is not None and agent.active:
            return Author(
                kind="agent",
                address=reached.key,
                name=agent.name,
                agent=agent.id,
                language=agent.language,
                proved=known.proof in identities.PROVED,
            )
    if known is not None and known.contact:
        contact = people.person(tx, known.contact)
        if contact is not None and contact.active:
            author = _contact(tx, contact, reached, proved=known.proof in identities.PROVED)
            chosen = spoken.language if spoken is not None else None
            return replace(author, language=chosen or author.language)
    language = (spoken.language or spoken.speaks) if spoken is not None else None
    return Author(kind="stranger", address=reached.key, name=reached.name, language=language)


_SPOKEN = Prepared(select(chat.c.language, chat.c.speaks).where(chat.c.address == bindparam("address")))


def _in_room(tx: Tx, reached: Address, room: str) -> Author:
    """Who speaks in a room is of its customer: by name if they are known as one of that customer's people."""
    known = _in_chat(tx, reached)
    code = identities.customer_of_room(tx, room)
    if code is None or known.kind == "agent" or (known.contact and known.customer == code):
        return known
    customer = reference.customer(tx, code)
    return Author(
        kind="stranger",
        address=reached.key,
        name=reached.name,
        customer=code,
        by_domain=True,
        language=customer.language if customer else None,
    )


def _contact(tx: Tx, contact: people.Contact | None, reached: Address | None, *, proved: bool) -> Author:
    """`reached`: where they are on this channel; a number or a chat is answered there, whatever else is known of them."""
    if contact is None:
        return Author(kind="nobody")
    customer = reference.customer(tx, contact.customer)
    return Author(
        kind="contact",
        address=reached.key
        if reached and (numbers.is_number(reached.key) or chat_addresses.is_chat(reached.key))
        else contact.met_at or contact.email,
        name=contact.name,
        contact=contact.id,
        customer=contact.customer,
        language=contact.language or (customer.language if customer else None),
        proved=proved,
    )
