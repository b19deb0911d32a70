"""How does a part of a conversation become a request of its own? A ticket and its conversations, placed as if they had just come."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from core.desk import acts, authors, filing, placing
from core.desk.case import Case
from core.desk.conversation import visible_text
from core.desk.principal import Principal
from core.envelope import Address, BadAddress, Inbound, Trust
from core.ids import new_id
from core.store import tables
from core.store.tx import Prepared, Row

participant, thread = tables.participant, tables.thread

_THREAD = Prepared(
    select(thread).where(thread.c.ticket_id == bindparam("ticket_id"), thread.c.id == bindparam("id"))
)
_PEOPLE = Prepared(
    select(participant).where(
        participant.c.ticket_id == bindparam("ticket_id"), participant.c.thread_id == bindparam("thread_id")
    )
)


def begin_part(
    case: Case, chosen: Sequence[Row], first: Row, *, subject: str, by: Principal
) -> tuple[Case, dict[str, str]]:
    """A ticket for these messages, not yet saved, and its conversations by those they were in.

    `chosen`: in order. `first`: the first that somebody wrote to us, who is the requester; received is when the first
    of all was. Everybody of the old conversations is of the new ones.
    """
    tx, at = case.tx, chosen[0].at
    said = _said(case, first, subject)
    author = authors.find(tx, said)
    asked = first.author_address == case["requester_address"].lower()
    named = " ".join(subject.split()) or first.subject.strip() or acts.snippet(first.text)[:80]
    part = Case.begin(
        tx,
        now=case.now,
        id=new_id(),
        number=filing.next_number(tx, at),
        subject=(named or case["subject"])[:1000],
        state="received",
        state_since=case.now,
        customer=author.customer or case["customer"],
        contact=author.contact or (case["contact"] if asked else None),
        requester_name=author.name or first.author_name,
        requester_address=first.author_address,
        channel=first.channel,
        trust=first.trust or str(Trust.NONE),
        language=case["language"],
        snippet=acts.snippet(visible_text(first.text, first.spans)),
        last_direction="in",
        received_at=at,
        updated_at=case.now,
        customer_since=case["customer_since"],
        requester_since=case["requester_since"],
    )
    part.event(
        "ticket.opened",
        actor=by.actor,
        at=at,
        channel=first.channel,
        trust=part["trust"],
        threading="split",
        ticket=case.id,
    )
    places = {old: _like(case, part, old) for old in dict.fromkeys(row.thread_id for row in chosen)}
    placing.first(part, said, author, trust=Trust(part["trust"]))
    return part, places


def _said(case: Case, first: Row, subject: str) -> Inbound:
    where = case.tx.one(_THREAD, ticket_id=case.id, id=first.thread_id)
    try:
        author = Address(first.author_address, first.author_name) if first.author_address else None
    except BadAddress:
        author = None
    return Inbound(
        channel=first.channel,
        author=author,
        author_text=first.author_name,
        contact=first.contact if first.trust == Trust.VERIFIED else None,
        mailbox=where.mailbox,
        also_by=where.also_by,
        subject=subject or first.subject,
        text=first.text,
        told=True,
    )


def _like(case: Case, part: Case, old: str) -> str:
    """A conversation like the old one, with the same people in it."""
    where = case.tx.one(_THREAD, ticket_id=case.id, id=old)
    new = new_id()
    case.tx.insert(thread, **(where._asdict() | {"ticket_id": part.id, "id": new, "at": case.now}))
    for row in case.tx.all(_PEOPLE, ticket_id=case.id, thread_id=old):
        case.tx.insert(participant, **(row._asdict() | {"ticket_id": part.id, "thread_id": new}))
    return new
