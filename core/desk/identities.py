"""Who is behind an address of a chat, and how do we know? A row for each address; none: a stranger."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select

from core.desk import case, people
from core.store import tables
from core.store.tx import Prepared, Row, Tx

PROVED = ("link", "code", "token", "sign_in")
"""Ways of knowing that count as a log-in does. What staff say (`staff`) names somebody, and proves nothing."""

identity = tables.identity

_BY_ADDRESS = Prepared(select(identity).where(identity.c.address == bindparam("address")))
_OF_CONTACT = Prepared(
    select(identity)
    .where(identity.c.contact == bindparam("contact"))
    .order_by(identity.c.since, identity.c.address)
)
_OF_AGENT = Prepared(
    select(identity)
    .where(identity.c.agent == bindparam("agent"))
    .order_by(identity.c.since, identity.c.address)
)
_UNBIND = Prepared(identity.delete().where(identity.c.address == bindparam("address")))


_CHAT = Prepared(select(tables.chat).where(tables.chat.c.address == bindparam("address")))


def chat_at(tx: Tx, address: str) -> Row | None:
    """The chat or room of this address."""
    return tx.one(_CHAT, address=address)


def customer_of_room(tx: Tx, address: str) -> str | None:
    """Whose room this is, as staff bound it; None: nobody's, or no room."""
    found = chat_at(tx, address)
    return found.customer if found is not None and found.kind == "room" else None


def behind(tx: Tx, address: str) -> Row | None:
    """Who is known to be behind an address: contact or agent, and the proof."""
    return tx.one(_BY_ADDRESS, address=address.lower())


def proved_contact(tx: Tx, address: str) -> str | None:
    """Id of the contact who proved that this address is theirs."""
    known = behind(tx, address)
    if known is None or known.contact is None or known.proof not in PROVED:
        return None
    return people.survivor(tx, known.contact)


def of_contact(tx: Tx, contact: str) -> list[Row]:
    """The accounts of a contact, oldest first, and of those who turned out to be the same person."""
    return [row for one in people.ids(tx, contact) for row in tx.all(_OF_CONTACT, contact=one)]


def proved(tx: Tx, contact: str) -> list[Row]:
    """Those of them that count as a log-in does."""
    return [row for row in of_contact(tx, contact) if row.proof in PROVED]


def of_agent(tx: Tx, agent: str) -> list[Row]:
    """The accounts of a member of staff, oldest first."""
    return tx.all(_OF_AGENT, agent=agent)


def bind(
    tx: Tx,
    chat: Row,
    *,
    contact: str | None = None,
    agent: str | None = None,
    proof: str,
    by: str,
    now: datetime,
) -> None:
    """From now on this person is behind the chat, whoever was before. `by`: the actor who says so."""
    tx.run(_UNBIND, address=chat.address)
    tx.insert(
        identity,
        address=chat.address,
        contact=contact,
        agent=agent,
        channel=chat.channel,
        name=chat.name,
        proof=proof,
        by=by,
        since=now,
    )
    person = f"contact:{contact}" if contact else f"agent:{agent}"
    about = {"chat": chat.id, "channel": chat.channel, "person": person, "proof": proof}
    case.record(tx, case.ADMINISTRATION, "identity.linked", now=now, actor=by, **about)


def unbind(tx: Tx, known: Row, *, by: str, now: datetime) -> None:
    """Nobody is known to be behind it any more."""
    tx.run(_UNBIND, address=known.address)
    person = f"contact:{known.contact}" if known.contact else f"agent:{known.agent}"
    about = {"channel": known.channel, "person": person, "proof": known.proof}
    case.record(tx, case.ADMINISTRATION, "identity.unlinked", now=now, actor=by, **about)
