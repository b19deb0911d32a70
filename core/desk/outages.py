"""Which outages concern who asks, and who wants to be told when one is over?

The phone line, the portal and acknowledgements ask `concerning`; whoever wants to be told is noted by `tell_me`. What
staff do is in core.desk.publishing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, select

from core import addresses
from core.desk import broadcasts, case, concern, people, reference
from core.desk.errors import Forbidden, NotFound
from core.desk.principal import Principal
from core.envelope import Address
from core.ids import derived_id
from core.rules.outages import concerns
from core.store import tables
from core.store.tx import Prepared, Row, Tx

subscriber = tables.outage_subscriber


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An outage that concerns who asks, in their language where it was published in it."""

    id: str
    language: str
    """Of the words below."""
    title: str
    text: str
    news: str
    """The newest update; empty: none yet."""
    since: datetime
    next_update: datetime | None
    already_subscribed: bool


def concerning(
    tx: Tx,
    *,
    customer: str | None,
    contact_sites: Sequence[str] = (),
    technologies: Sequence[str] = (),
    language: str | None = None,
    contact: str | None = None,
    channel: str = "",
    address: str = "",
    now: datetime,
) -> list[Known]:
    """What goes on that concerns this customer, the latest first; None: somebody we do not know.

    `contact_sites`, `technologies`: what the question is about; empty: all sites, and all that contracts cover.
    `language`: None is the customer's. `contact`, or `channel` and `address`: whether they asked to be told.
    """
    running = reference.desk(tx).outages
    if not running:
        return []
    asked = concern.asked(tx, customer, sites=contact_sites, technologies=technologies, now=now)
    found = reference.customer(tx, customer) if customer else None
    spoken = tx.facts.language(language or (found.language if found else None))
    return [
        _known(one, spoken, asked_for=_asked_for(tx, one.id, contact, channel, address))
        for one in running
        if concerns(one.scope, asked)
    ]


def _known(one: reference.Outage, wanted: str, *, asked_for: bool) -> Known:
    language, said = broadcasts.in_language(one.words, wanted)
    return Known(
        id=one.id,
        language=language,
        title=said["title"],
        text=said["text"],
        news=one.news.get(language, ""),
        since=one.since,
        next_update=one.next_update,
        already_subscribed=asked_for,
    )


def _asked_for(tx: Tx, outage_id: str, contact: str | None, channel: str, address: str) -> bool:
    return _subscribed(tx, outage_id, contact, channel, address) is not None


def _subscribed(tx: Tx, outage_id: str, contact: str | None, channel: str, address: str) -> Row | None:
    """Who asked, by whatever way they did, or whoever did at this address."""
    found: Row | None = tx.one(BY_CONTACT, outage_id=outage_id, contact=contact) if contact else None
    if found is None and address:
        found = tx.one(_SUBSCRIBER, outage_id=outage_id, id=_subscriber_id(channel, address))
    return found


def tell_me(
    tx: Tx,
    outage_id: str,
    *,
    customer: str | None,
    contact: str | None,
    channel: str,
    address: str,
    name: str,
    language: str,
    now: datetime,
    ticket_id: str | None = None,
    progress: bool = False,
) -> Literal["added", "already", "over"]:
    """Note that somebody wants to be told when it is over. Safe to repeat: a contact is told once, and so is an address.

    `ticket_id`: theirs, about the outage; as long as it is open they are told in it. `progress`: of every update, too.
    `over`: it ended meanwhile, and nobody will be told any more. Raises NotFound: there is none, or not for them.
    """
    row = locked(tx, outage_id)
    person = people.contact(tx, contact) if contact else None
    asked = concern.asked(tx, customer, sites=person.sites if person else (), now=now)
    if row is None or not concerns(broadcasts.scope_of(row), asked):
        raise NotFound(no_outage(outage_id))
    if row.state != "running":
        return "over"
    known = _subscribed(tx, outage_id, contact, channel, address)
    if known is not None:
        _more(tx, known, ticket_id=ticket_id, progress=progress)
        return "already"
    identity = _subscriber_id(channel, address)
    tx.insert(
        subscriber,
        outage_id=outage_id,
        id=identity,
        channel=channel,
        address=addresses.key(address) if "@" in address else address,
        name=name,
        language=language,
        customer=customer,
        contact=contact,
        progress=progress,
        ticket_id=ticket_id,
        asked_at=now,
        state="waiting",
    )
    actor = f"contact:{contact}" if contact else "system"
    case.record(
        tx,
        outage_id,
        "outage.asked",
        now=now,
        actor=actor,
        subscriber=identity,
        channel=channel,
        ticket=ticket_id,
    )
    return "added"


def subscribe(
    tx: Tx, who: Principal, outage_id: str, *, by: str, progress: bool = False, now: datetime
) -> Literal["added", "already", "over"]:
    """A contact who is signed in wants to be told by this channel, at their e-mail address. Raises NotFound, Forbidden for staff."""
    if who.kind != "contact":
        raise Forbidden("staff see every outage; customers ask to be told")
    return tell_me(
        tx,
        outage_id,
        customer=who.customer,
        contact=who.id,
        channel=by,
        address=who.email,
        name=who.name,
        language=who.language,
        progress=progress,
        now=now,
    )


def mention(of: case.Case, channel: str, to: Address) -> list[Known]:
    """What goes on that concerns the customer of a new ticket, for its acknowledgement. They are told of the end in it."""
    if not reference.desk(of.tx).outages or not of["customer"]:
        return []
    person = people.contact(of.tx, of["contact"]) if of["contact"] else None
    known = concerning(
        of.tx,
        customer=of["customer"],
        contact_sites=(of["site"],) if of["site"] else person.sites if person else (),
        technologies=(of["technology"],) if of["technology"] else (),
        language=of["language"],
        now=of.now,
    )
    for one in known:
        heard = tell_me(
            of.tx,
            one.id,
            customer=of["customer"],
            contact=of["contact"],
            channel=channel,
            address=to.address,
            name=to.name,
            language=of["language"],
            ticket_id=of.id,
            now=of.now,
        )
        of.event("outage.mentioned", actor="system", outage=one.id)
        of.flag("outage", on=heard == "added" or "outage" in of["flags"])
    return known


def _more(tx: Tx, known: Row, *, ticket_id: str | None, progress: bool) -> None:
    """Who asks again may want more. They are told in the first of their tickets about it that is open."""
    change: dict[str, Any] = {}
    if ticket_id is not None and not broadcasts.is_open(tx, known.ticket_id):
        change["ticket_id"] = ticket_id
    if progress and not known.progress:
        change["progress"] = True
    if change:
        tx.update(subscriber, {"outage_id": known.outage_id, "id": known.id}, **change)


def _subscriber_id(channel: str, address: str) -> str:
    return derived_id(0, "outage", channel, addresses.key(address) if "@" in address else address)


def no_outage(outage_id: str) -> str:
    """The sentence for one that is not there, or not for this person."""
    return f"there is no outage {outage_id} that you may see"


def locked(tx: Tx, outage_id: str) -> Row | None:
    """The row of an outage, until the end of the transaction nobody else's to change."""
    row: Row | None = tx.one(broadcasts.BY_ID if tx.is_sqlite else _BY_ID_LOCKED, id=outage_id)
    return row


_BY_ID_LOCKED = Prepared(select(tables.outage).where(tables.outage.c.id == bindparam("id")).with_for_update())
BY_CONTACT = Prepared(
    select(subscriber)
    .where(subscriber.c.outage_id == bindparam("outage_id"), subscriber.c.contact == bindparam("contact"))
    .limit(1)
)
_SUBSCRIBER = Prepared(
    select(subscriber).where(
        subscriber.c.outage_id == bindparam("outage_id"), subscriber.c.id == bindparam("id")
    )
)
