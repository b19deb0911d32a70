"""How is a message of ours taken back? Its words are gone for the customer at once; what left is asked back where a service can.

Only chats can. A mail or a text message that left stays where it is, which whoever takes it back is told before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from core import chat_addresses
from core.desk import acts, conversation, outbox, sending
from core.desk.case import Case
from core.desk.errors import Forbidden, NotFound, Refused
from core.desk.principal import Principal
from core.desk.views import MessageView
from core.envelope import Address
from core.store import fulltext, tables, work
from core.store.tx import Prepared, Row, Tx

delivery, message = tables.delivery, tables.message

LEFT = ("sent",)

# One answer is a message in each conversation that it was said in, all of one moment.
_SAID_WITH = Prepared(
    select(message.c.id, message.c.text).where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.agent == bindparam("agent"),
        message.c.at == bindparam("at", type_=message.c.at.type),
        message.c.kind == bindparam("kind"),
        message.c.withdrawn_at.is_(None),
    )
)
_DELIVERIES = Prepared(
    select(delivery).where(
        delivery.c.ticket_id == bindparam("ticket_id"), delivery.c.message_id == bindparam("message_id")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A message of ours as a service has it."""

    channel: str
    to: Address
    remote_id: str


def may(who: Principal, said: MessageView) -> bool:
    """May this person take this message back? Their own words, and those of others where they lead."""
    return _may(who, said.agent, taken_back=said.withdrawn_at is not None, automatic=said.automatic)


def _may(who: Principal, agent: str | None, *, taken_back: bool, automatic: bool) -> bool:
    return agent is not None and not automatic and not taken_back and (who.leads or who.id == agent)


def stays(said: MessageView) -> tuple[str, ...]:
    """Addresses where the message lies for good, as it has left and nobody there gives it back."""
    return tuple(
        one.address
        for one in said.deliveries
        if one.state in LEFT and not chat_addresses.is_chat(one.address)
    )


def retract(tx: Tx, who: Principal, number: str, message: str, *, now: datetime) -> str:
    """Take back a message that staff wrote; return its id. A second time changes nothing.

    It is gone from the portal and the web chat, what waits to leave does not leave, and chats are asked to delete it; mail and
    text messages that left stay. Raises NotFound, Forbidden for somebody else's words, Refused for what is no answer of ours.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    row = conversation.message_row(tx, who, case.id, message)
    if row is None:
        raise NotFound(f"there is no message {message} on {number} that you may see")
    if row.direction != "out" or row.agent is None or row.automatic:
        raise Refused("only what a person of the desk wrote can be taken back", code="not_ours")
    if row.withdrawn_at is not None:
        return str(row.id)
    if not _may(who, row.agent, taken_back=False, automatic=False):
        raise Forbidden("it was written by somebody else: they or a shift leader take it back")
    for one in tx.all(_SAID_WITH, ticket_id=case.id, agent=row.agent, at=row.at, kind=row.kind):
        tx.update(tables.message, {"ticket_id": case.id, "id": one.id}, withdrawn_at=now)
        _ask_back(case, one.id)
        fulltext.change(  # found by colleagues from now on, and by nobody else
            tx, ticket_id=case.id, item_id=one.id, audience="internal", before=one.text, body=one.text
        )
        case.event("message.withdrawn", actor=who.actor, message=one.id)
    case.save()
    return str(row.id)


def _ask_back(case: Case, message_id: str) -> None:
    for row in case.tx.all(_DELIVERIES, ticket_id=case.id, message_id=message_id):
        if row.state == "queued":
            case.tx.update(delivery, {"ticket_id": case.id, "id": row.id}, state="withdrawn")
            work.cancel(case.tx, shard=case.id, key=f"send:{row.id}")
        elif chat_addresses.is_chat(row.address):
            if row.state in LEFT:  # what is on its way now is asked back once it has left
                outbox.take_back(case.tx, row, now=case.now)
            case.tx.tell("chat", row.address)


# --- At the service -----------------------------------------------------------------------------------------


def begin(tx: Tx, ticket_id: str, delivery_id: str) -> Copy | None:
    """What is to be taken back; None: nothing any more."""
    row = sending.find(tx, ticket_id, delivery_id)
    if row is None or row.state not in LEFT:
        return None
    return Copy(channel=row.channel, to=Address(row.address, row.name), remote_id=row.remote_id)


def done(tx: Tx, ticket_id: str, delivery_id: str, *, now: datetime) -> None:
    """The service took it back."""
    row = _row(tx, ticket_id, delivery_id)
    tx.update(delivery, {"ticket_id": row.ticket_id, "id": delivery_id}, state="retracted", error="")
    sending.attempted(tx, row, "retracted", "", now=now)
    _told(tx, row, "delivery.retracted", now=now)


def kept(tx: Tx, ticket_id: str, delivery_id: str, why: str, *, now: datetime) -> None:
    """The service did not: it stands there for good."""
    row = _row(tx, ticket_id, delivery_id)
    sending.attempted(tx, row, "kept", why, now=now)
    _told(tx, row, "delivery.kept", now=now)


def _row(tx: Tx, ticket_id: str, delivery_id: str) -> Row:
    found = sending.find(tx, ticket_id, delivery_id)
    assert found is not None  # noqa: S101 - no delivery is ever deleted
    return found


def _told(tx: Tx, row: Row, kind: str, *, now: datetime) -> None:
    case = Case.open(tx, row.ticket_id, now=now)
    case.event(kind, actor="system", delivery=row.id, what=row.kind)
    case.save()
