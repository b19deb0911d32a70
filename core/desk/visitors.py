"""Who writes from a web page, and what do they do there? A browser with a secret of its own, or somebody who proved who they are.

What a visitor is known by follows from their secret and cannot be turned back into it: staff, rows and addresses show the
one, and only the other opens the conversation.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update

from core import addresses, chat_addresses
from core.desk import accounts, chats, identities, intake, linking, links, missed, people, restraint
from core.desk.case import Case
from core.desk.errors import Refused, invalid
from core.desk.filing import Understood
from core.envelope import Address, Arrival, Inbound
from core.ids import token_hash, token_text
from core.rules import visitor_tokens
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

CHANNEL = missed.CHANNEL
SHORTEST = 22  # characters of a secret: 128 bits
LONGEST = 100
MAX_NAME = 100  # characters
NEW_PER_NETWORK = 60
"""Conversations that may begin within an hour from one network address, unless the settings say otherwise."""
TOKEN = f"{links.CHAT}:token"
"""Purpose of the rows of tokens that were used; they are forgotten a day after they lapse."""
HERE = timedelta(minutes=3)
"""For so long a page that is open counts as open without being heard of again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who writes: the address of their chat, and where they came from."""

    address: str
    site: str
    customer: str | None = None
    """The customer whose people visit this site, where it names one."""
    contact: str | None = None
    """Id of the contact who is signed in."""


def by_secret(site: str, secret: str, *, customer: str | None = None) -> Visitor:
    """A browser on a site. Another secret, or another site, is another visitor. Raises Invalid for what anybody could guess."""
    if not SHORTEST <= len(secret) <= LONGEST or not secret.isascii() or not secret.isprintable():
        raise invalid("/secret", f"must have {SHORTEST} to {LONGEST} characters")
    return Visitor(address=_address(f"{site}|{secret}"), site=site, customer=customer)


def by_sign_in(site: str, contact: str, customer: str | None) -> Visitor:
    """Somebody who is signed in here: the same conversation in whatever browser."""
    return Visitor(address=_address(f"{site}|{contact}"), site=site, customer=customer, contact=contact)


def _address(known_by: str) -> str:
    return chat_addresses.address(CHANNEL, token_text(hashlib.sha256(known_by.encode()).digest()[:16]))


def receive(
    tx: Tx,
    who: Visitor,
    arrival: Arrival,
    said: Inbound,
    *,
    now: datetime,
    network: str = "",
    most: int = NEW_PER_NETWORK,
    language: str | None = None,
) -> Understood:
    """Something a visitor wrote or chose, stored and understood at once: they wait for it. The same again changes nothing.

    `network`: the address they ask from. Raises Refused when more than `most` conversations begin there in an hour.
    """
    row = _here(tx, who, now=now, network=network, most=most, language=language)
    if said.author is not None and not said.author.name and row.name:
        said = replace(said, author=Address(said.author.address, row.name))
    done = intake.receive(tx, arrival, said, now=now)
    tx.tell("chat", who.address)
    return done


def _here(
    tx: Tx,
    who: Visitor,
    *,
    now: datetime,
    network: str = "",
    most: int = NEW_PER_NETWORK,
    language: str | None = None,
    name: str = "",
) -> Row:
    """Their chat, made with the first thing they do."""
    more: dict[str, Any] = {}
    if chats.known(tx, who.address) is None:
        _begin(tx, network, most, now=now)
        more = {"customer": who.customer, "language": language}
    row = chats.came(tx, CHANNEL, Address(who.address, name), now=now, online_until=now + HERE, **more)
    if who.contact is not None:
        _known(tx, row, who.contact, proof="sign_in", now=now)
    return row


def _begin(tx: Tx, network: str, most: int, *, now: datetime) -> None:
    key = f"chat-from:{network}"
    if not network:
        return
    if restraint.happened(tx, key, within=restraint.HOUR, now=now) >= most:
        raise Refused("too many conversations began from this network address", code="many")
    restraint.count(tx, key, now=now)


def claim(
    tx: Tx,
    who: Visitor,
    *,
    name: str,
    email: str,
    now: datetime,
    network: str = "",
    most: int = NEW_PER_NETWORK,
    language: str | None = None,
) -> None:
    """What a visitor says of themselves: a label, and where to write when they are gone. It proves nothing.

    Raises Invalid, Refused.
    """
    email = email.strip()
    if email and not addresses.plausible(email):
        raise invalid("/email", "is no e-mail address")
    named = " ".join(name.split())[:MAX_NAME]
    row = _here(tx, who, now=now, network=network, most=most, language=language, name=named)
    if email:
        chats.change(tx, row.id, email=addresses.key(email))
    if named:
        _name(tx, who, named, now=now)
    tx.tell("chat", who.address)


def _name(tx: Tx, who: Visitor, name: str, *, now: datetime) -> None:
    """What they asked while they had no name is asked by that name, as long as nobody knows better."""
    for thread in tx.all(THREADS, address=who.address):
        case = Case.open(tx, thread.ticket_id, now=now) if thread.open else None
        if case is not None and case["contact"] is None and case["requester_address"] == who.address:
            case.set(requester_name=name)
            case.save()


# --- Who a website says they are ------------------------------------------------------------------------------


def identify(
    tx: Tx, who: Visitor, token: str, secret: bytes, *, now: datetime, language: str | None = None
) -> str:
    """Believe a token of the site; return what came of it.

    `known`: a contact of ours, and from now on their log-in. `stranger`: nobody of ours, a name and an address, which
    prove nothing. `another`: this browser is somebody else's conversation, nothing was used up; begin a new one.
    Raises visitor_tokens.BadToken: they stay who they were.
    """
    said = visitor_tokens.read(token, secret, who.site, now=now)
    contact = _meant(tx, who, said.subject)
    whose = _whose(tx, who)
    if whose is not None and (contact is None or contact.id != whose):
        return "another"
    once = token_hash(f"{visitor_tokens.audience(who.site)} {said.once}")
    spent = {"purpose": TOKEN, "person": who.address, "created_at": now, "used_at": now}
    if not tx.insert_new(links.link, hash=once, expires_at=said.expires + visitor_tokens.SKEW, **spent):
        raise visitor_tokens.BadToken("replayed")
    if contact is not None:
        row = _here(tx, who, now=now, language=language, name=contact.name)
        _known(tx, row, contact.id, proof="token", now=now)
        return "known"
    email = said.subject if addresses.plausible(said.subject) else ""
    claim(tx, who, name=said.name, email=email, now=now, language=language)
    return "stranger"


def _meant(tx: Tx, who: Visitor, subject: str) -> people.Contact | None:
    """The one contact that a site speaks of: of its customer, or the only one there is."""
    by_id = people.person(tx, subject)
    found = [by_id] if by_id is not None and by_id.active else people.by_address(tx, subject)
    if who.customer is not None:
        found = [one for one in found if one.customer == who.customer]
    return found[0] if len(found) == 1 else None


def _whose(tx: Tx, who: Visitor) -> str | None:
    """The person this conversation is known to be of."""
    known_as = identities.behind(tx, who.address)
    return people.survivor(tx, known_as.contact) if known_as is not None and known_as.contact else None


def known(tx: Tx, who: Visitor, email: str, *, now: datetime) -> bool:
    """The visitor proved that this mailbox is theirs; whether somebody we know is behind it.

    Raises Refused where another person proved before that the conversation is theirs.
    """
    contact, known_as = _meant(tx, who, email), identities.behind(tx, who.address)
    if contact is not None and known_as is not None and known_as.proof in identities.PROVED:
        if _whose(tx, who) not in (None, contact.id):
            raise Refused("this conversation is somebody else's", code="another")
    row = _here(tx, who, now=now)
    chats.change(tx, row.id, email=addresses.key(email))
    if contact is not None:
        _known(tx, row, contact.id, proof="code", now=now)
    tx.tell("chat", who.address)
    return contact is not None


def _known(tx: Tx, row: Row, contact: str, *, proof: str, now: datetime) -> None:
    """Whoever has this chat open is that contact; nothing changes where that was known."""
    known_as = identities.behind(tx, row.address)
    if known_as is None or known_as.contact != contact or known_as.proof not in identities.PROVED:
        by = f"contact:{contact}"
        identities.bind(tx, row, contact=contact, proof=proof, by=by, now=now)
        person = accounts.person(tx, contact)
        if person is not None:
            linking.adopt(tx, row, person, now=now)
    tx.tell("chat", row.address)


# --- That their page is open ----------------------------------------------------------------------------------


def here(tx: Tx, present: tuple[str, ...], *, now: datetime) -> None:
    """These have the chat open now: all pages of a process at once."""
    for address in present:
        tx.run(_HERE, of_address=address, until=now + HERE)


def gone(tx: Tx, address: str, *, now: datetime) -> None:
    """The last page of a visitor was closed."""
    tx.run(_HERE, of_address=address, until=now)


_HERE = Prepared(
    update(chats.chat)
    .where(chats.chat.c.address == bindparam("of_address"))
    .values(online_until=bindparam("until", type_=Instant))
)


def typing(tx: Tx, ticket_id: str) -> None:
    """The customer is writing on this ticket: whoever shows it is told, and nothing is stored."""
    tx.tell("typing", f"{ticket_id} customer")


def seen(tx: Tx, who: Visitor, delivery_id: str, *, now: datetime) -> None:
    """What we said up to this one was on their screen."""
    row = chats.known(tx, who.address)
    if row is None:
        return
    shards = [one.ticket_id for one in tx.all(THREADS, address=who.address)]
    for shard in (row.id, *shards):
        if tx.changed(_SEEN, shard=shard, of_address=who.address, last=delivery_id, now=now):
            tx.tell("ticket", shard)
    chats.change(tx, row.id, seen_id=delivery_id, seen_at=now, online_until=now + HERE)


_SEEN = Prepared(
    update(tables.delivery)
    .where(
        tables.delivery.c.ticket_id == bindparam("shard"),
        tables.delivery.c.address == bindparam("of_address"),
        tables.delivery.c.id <= bindparam("last", type_=tables.delivery.c.id.type),
        tables.delivery.c.state == "sent",
        tables.delivery.c.seen_at.is_(None),
    )
    .values(seen_at=bindparam("now", type_=Instant))
)

THREADS = Prepared(
    select(
        tables.participant.c.ticket_id,
        tables.participant.c.thread_id,
        tables.thread.c.address,
        tables.ticket.c.number,
        tables.ticket.c.subject,
        tables.ticket.c.state,
        tables.ticket.c.open,
        tables.ticket.c.assignee,
        tables.ticket.c.desk_group,
        tables.ticket.c.received_at,
        tables.ticket.c.requester_since,
        tables.ticket.c.updated_at,
    )
    .select_from(
        tables.participant.join(
            tables.thread,
            (tables.thread.c.ticket_id == tables.participant.c.ticket_id)
            & (tables.thread.c.id == tables.participant.c.thread_id),
        ).join(tables.ticket, tables.ticket.c.id == tables.participant.c.ticket_id)
    )
    .where(
        tables.participant.c.address == bindparam("address"),
        tables.participant.c.state == "joined",
    )
    .order_by(tables.ticket.c.updated_at.desc())
    .limit(20)
)
"""The conversations that a visitor takes part in from here, those first in which something happened lately."""
