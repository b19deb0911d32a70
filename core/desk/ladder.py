"""How else is somebody reached when what we said to them did not arrive? The same message by their next way, until one works.

Only by ways that are proved theirs: conversations of the ticket that they take part in, chats that they connected, the
address and the number that the desk has of them. Of who is nobody's contact that is none; a visitor's own address,
as they typed it, gets what was said in that very chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from core import chat_addresses, numbers
from core.desk import answering, outbox, participants, people
from core.desk.case import Case
from core.desk.participants import Participant
from core.envelope import Address
from core.rules import answering as rule
from core.rules import reaching
from core.store import tables
from core.store.tx import Prepared, Row, Tx

TEXT_FITS = 1_000  # characters of what is texted instead: more would be many messages, each to be paid

delivery = tables.delivery

_TRIED = Prepared(
    select(delivery).where(
        delivery.c.ticket_id == bindparam("ticket_id"), delivery.c.message_id == bindparam("message_id")
    )
)
_MESSAGE = Prepared(
    select(tables.message).where(
        tables.message.c.ticket_id == bindparam("ticket_id"), tables.message.c.id == bindparam("id")
    )
)
_THREAD = Prepared(
    select(tables.thread).where(
        tables.thread.c.ticket_id == bindparam("ticket_id"), tables.thread.c.id == bindparam("id")
    )
)
_EMAIL = Prepared(select(tables.chat.c.email).where(tables.chat.c.address == bindparam("address")))


def another_way(case: Case, row: Row) -> bool:
    """This delivery of the ticket did not arrive: let the same message leave by their next way; False: there is none."""
    tx = case.tx
    said = tx.one(_MESSAGE, ticket_id=case.id, id=row.message_id)
    to = _next(tx, case, row, said) if said.withdrawn_at is None else ""
    if not to:
        return False
    where = tx.one(_THREAD, ticket_id=case.id, id=row.thread_id)
    instead = outbox.instead(case, where, said, row, Address(to, row.name))
    key = {"ticket_id": case.id, "id": row.id}
    tx.update(delivery, key, state="passed_on")
    case.event(
        "delivery.fell_back",
        actor="system",
        delivery=row.id,
        instead=instead,
        channel=_channel(to),
        what=row.kind,
    )
    return True


def there_is(tx: Tx, row: Row, *, now: datetime) -> bool:
    """Is there another way for this delivery, and did a person of ours write it?"""
    said = tx.one(_MESSAGE, ticket_id=row.ticket_id, id=row.message_id)
    if said is None or said.automatic:
        return False
    return bool(_next(tx, Case.open(tx, row.ticket_id, now=now), row, said))


def _next(tx: Tx, case: Case, row: Row, said: Row) -> str:
    there = participants.of_ticket(
        tx, case.id, customer=case["customer"], requester=case["requester_address"]
    )
    tried = tx.all(_TRIED, ticket_id=case.id, message_id=row.message_id)
    who = _who(row, tried, there)
    person = people.contact(tx, who)
    addresses = {one.address.lower() for one in tried}
    if person is None:
        return rule.next_address(addresses, [], chats=[], mail=_claimed(tx, row), texts=[])
    if not person.active:
        return ""
    told = answering.written_to(there, case["customer"], automatic=False)
    theirs = [one for one in told if one.who == who]
    if not theirs:  # no longer of the request
        return ""
    ways = answering.ways(tx, case.id, answering.conversations(case), theirs)
    return answering.beyond(tx, person, addresses, ways, texts=len(said.text) <= TEXT_FITS)


def _who(row: Row, tried: Sequence[Row], there: Sequence[Participant]) -> str:
    """Of whom it was: the one in the conversation, or whoever the first delivery of the chain was for."""
    known = {(one.thread, one.address): one.who for one in there}
    by_id = {one.id: one for one in tried}
    first = row
    while first.instead_of in by_id:
        first = by_id[first.instead_of]
    address = first.address.lower()
    return known.get((first.thread_id, address), str(address))


def _claimed(tx: Tx, row: Row) -> list[str]:
    """Where a visitor of a page wants to be written to when they have left it."""
    found = tx.one(_EMAIL, address=row.address.lower()) if tx.facts.mails_by else None
    return [found.email] if found is not None and found.email and answering.works(tx, found.email) else []


def _channel(address: str) -> str:
    return chat_addresses.channel_of(address) or (
        reaching.PHONE if numbers.is_number(address) else reaching.MAIL
    )
