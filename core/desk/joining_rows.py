"""What hangs at a conversation, and goes with it to another ticket? Every row that is read by its ticket (decision 0029).

Content is never rewritten, only where it hangs. What is looked up by a name of its own (ids of messages, reply addresses)
stays as a signpost: `core.desk.joining_ways` says where it leads. Events stay in the chain of the ticket they happened on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, bindparam, literal, or_, select, update

from core.desk import missed, outbox, vendor_rows
from core.ids import message_id_keys
from core.store import fulltext, tables
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx
from core.store.work import move as move_jobs

message, delivery, thread, participant = tables.message, tables.delivery, tables.thread, tables.participant
inbound, note = tables.inbound, tables.note
ticket_call, callback, recording = tables.ticket_call, tables.callback, tables.recording

SENT_BY = ("send", "retract")
"""Kinds of jobs that belong to one delivery."""

_OF, _TO = bindparam("of", type_=Id), bindparam("to", type_=Id)


def conversation(tx: Tx, thread_id: str, *, of: str, to: str, now: datetime) -> None:
    """A conversation of one ticket hangs at another, with everybody and everything in it."""
    said = tx.all(_SAID_IN, of=of, thread=thread_id)
    _messages(tx, said, _BY_THREAD, of=of, to=to, thread=thread_id, to_thread=thread_id, now=now)
    for table in (participant, thread):
        key = "thread_id" if table is participant else "id"
        tx.update(table, {"ticket_id": of, key: thread_id}, ticket_id=to)
    vendor_rows.follow(tx, thread_id, of=of, to=to)
    tx.run(_CHATS, of=of, to=to, thread=thread_id)
    for row in tx.all(_HELD, of=of):
        if row.detail.get("thread") == thread_id:
            held(tx, row, to=to)


def messages(tx: Tx, said: Sequence[Row], *, of: str, to: str, to_thread: str, now: datetime) -> None:
    """Some messages of one ticket are of a conversation of another, with what names them."""
    for row in said:
        given = {"of": of, "to": to, "thread": row.id, "to_thread": to_thread, "now": now}
        sent = [one.remote_id for one in tx.all(_DELIVERIES, of=of, message=row.id)]
        _messages(tx, [row], _BY_MESSAGE, **given)
        for ref in (row.external_ref, *sent):
            for known_by in message_id_keys(ref) if ref else ():
                key = {"ref": known_by, "ticket_id": of}
                tx.update(tables.thread_ref, key, ticket_id=to, thread_id=to_thread)


def held(tx: Tx, row: Row, *, to: str) -> None:
    """What waits beside a conversation for staff waits beside it where it is now."""
    tx.update(inbound, {"id": row.id}, ticket_id=to, detail=row.detail | {"ticket": to})


def notes(tx: Tx, ids: Sequence[str], *, of: str, to: str) -> None:
    """What colleagues told each other about one ticket stands on another, with its files."""
    for one in ids:
        tx.update(tables.attachment, {"ticket_id": of, "message_id": one}, ticket_id=to)
        tx.update(inbound, {"ticket_id": of, "message_id": one}, ticket_id=to)
        tx.update(note, {"ticket_id": of, "id": one}, ticket_id=to)
    fulltext.move(tx, ids, ticket_id=of, to=to)


def calls(tx: Tx, ids: Sequence[str], *, of: str, to: str) -> list[str]:
    """These calls are about the other ticket, with who waits to be called back; return those that were not already."""
    there = {row.call_id for row in tx.all(_CALLS, of=to)}
    moved = [one for one in ids if one not in there]
    for one in moved:
        tx.update(ticket_call, {"ticket_id": of, "call_id": one}, ticket_id=to)
        tx.update(callback, {"ticket_id": of, "call_id": one}, ticket_id=to)
        tx.update(tables.call, {"id": one, "ticket_id": of}, ticket_id=to)
        tx.update(recording, {"call_id": one, "ticket_id": of}, ticket_id=to)
    return moved


def calls_of(tx: Tx, ticket_id: str) -> list[str]:
    """The calls of a ticket."""
    return [row.call_id for row in tx.all(_CALLS, of=ticket_id)]


def calls_in(tx: Tx, thread_id: str, *, of: str) -> list[str]:
    """Those that were said in this conversation."""
    found = [row.external_id.partition(":")[0] for row in tx.all(_ARRIVED, of=of, thread=thread_id)]
    known = set(calls_of(tx, of))
    return [one for one in dict.fromkeys(found) if one in known]


def drafts(tx: Tx, *, of: str, to: str) -> list[list[str]]:
    """What is half written is written on; (agent, kind) of each. Who has begun something on both finds both where they are."""
    return _drafts(tx, [(row.agent, row.kind) for row in tx.all(_DRAFTS, of=of)], of=of, to=to)


def _drafts(tx: Tx, meant: Iterable[Sequence[str]], *, of: str, to: str) -> list[list[str]]:
    there = {(row.agent, row.kind) for row in tx.all(_DRAFTS, of=to)}
    moved = [[agent, kind] for agent, kind in meant if (agent, kind) not in there]
    for agent, kind in moved:
        tx.update(tables.draft, {"ticket_id": of, "agent": agent, "kind": kind}, ticket_id=to)
    return moved


def tasks(tx: Tx, *, of: str, to: str) -> list[str]:
    """What somebody has to do is to be done on the other ticket; ids. What is asked there already is not asked twice."""
    asked = {row.once for row in tx.all(_TASKS, of=to) if row.once}
    moved = [row.id for row in tx.all(_TASKS, of=of) if row.once not in asked]
    for one in moved:
        tx.update(tables.task, {"ticket_id": of, "id": one}, ticket_id=to)
    return moved


def subscribers(tx: Tx, *, of: str, to: str) -> list[list[str]]:
    """Who asked to be told of the end of an outage is told on the other ticket; (outage, subscriber) of each."""
    found = [[row.outage_id, row.id] for row in tx.all(_SUBSCRIBERS, of=of)]
    _asked(tx, found, of=of, to=to)
    return found


def _asked(tx: Tx, found: Iterable[Sequence[str]], *, of: str, to: str) -> None:
    for outage_id, one in found:
        key = {"outage_id": outage_id, "id": one, "ticket_id": of}
        tx.update(tables.outage_subscriber, key, ticket_id=to)


def back(tx: Tx, was: Mapping[str, Any], *, of: str, to: str) -> None:
    """What went with a whole ticket, and hangs at no conversation of it, comes back: as far as it is still there."""
    for row in held_of(tx, of):
        if row.id in was["held"]:
            held(tx, row, to=to)
    _drafts(tx, was["drafts"], of=of, to=to)
    for one in was["tasks"]:
        tx.update(tables.task, {"ticket_id": of, "id": one}, ticket_id=to)
    _asked(tx, was["asked"], of=of, to=to)


def held_of(tx: Tx, ticket_id: str) -> list[Row]:
    """What waits for staff beside a ticket."""
    return tx.all(_HELD, of=ticket_id)


# --- Messages and what hangs at each ------------------------------------------------------------------------


def _messages(
    tx: Tx,
    said: Sequence[Row],
    statements: Mapping[str, Prepared],
    *,
    of: str,
    to: str,
    thread: str,
    to_thread: str,
    now: datetime,
) -> None:
    given = {"of": of, "to": to, "which": thread}
    sent = tx.all(statements["sent"], of=of, which=thread)
    lanes = {row.id: outbox.lane_of(to_thread, row.address, row.channel) for row in sent}
    for shard in _shards(tx, of):
        move_jobs(tx, shard=shard, to=to, lane_of=_lane_of(lanes), now=now)
    for name in ("attempts", "files", "versions", "buttons", "arrived", "sounds"):
        tx.run(statements[name], **given)
    if any(row.kind.startswith("outage") for row in said):
        tx.run(statements["tellings"], **given)
    for name in ("deliveries", "messages"):
        tx.run(statements[name], **given, to_thread=to_thread)
    fulltext.move(tx, [row.id for row in said], ticket_id=of, to=to)
    for row in sent:
        if row.state == "sent" and row.seen_at is None:
            missed.watch(tx, tx.one(_DELIVERY, of=to, id=row.id), now=now)


def _lane_of(lanes: Mapping[str, str]) -> Callable[[Row], str | None]:
    def lane(row: Row) -> str | None:
        if row.kind not in SENT_BY or row.payload.get("delivery") not in lanes:
            return None
        if (
            row.kind == "retract"
            or row.name == f"send:{row.payload['delivery']}:{row.name.rpartition(':')[2]}"
        ):
            return str(row.name)  # a lane of its own
        return lanes[row.payload["delivery"]]

    return lane


def _shards(tx: Tx, ticket_id: str) -> list[str]:
    """Where jobs of this ticket's deliveries may lie: with it, or with a ticket they came from while they were in hand."""
    seen, todo = [ticket_id], [ticket_id]
    while todo:
        for row in tx.all(_CAME_FROM, to=todo.pop(0)):
            for end in (row.ticket_id, row.into_id):
                if end not in seen:
                    seen.append(end)
                    todo.append(end)
    return seen


_joining = tables.joining
_CAME_FROM = Prepared(
    select(_joining.c.ticket_id, _joining.c.into_id).where(
        or_(_joining.c.ticket_id == _TO, _joining.c.into_id == _TO)
    )
)


def _statements(of_messages: Select[Any]) -> dict[str, Prepared]:
    """`of_messages`: ids of those that go; what hangs at each goes before them."""

    def hanging(table: Table, key: str, ids: Select[Any], *, ticket: str = "ticket_id") -> Prepared:
        here = (table.c[ticket] == _OF, table.c[key].in_(ids))
        return Prepared(update(table).where(*here).values({ticket: _TO}))

    of_deliveries = select(delivery.c.id).where(
        delivery.c.ticket_id == _OF, delivery.c.message_id.in_(of_messages)
    )
    of_calls = select(ticket_call.c.call_id).where(ticket_call.c.ticket_id == _OF)
    moved = {"ticket_id": _TO, "thread_id": bindparam("to_thread", type_=Id)}
    return {
        "sent": Prepared(
            select(delivery)
            .where(delivery.c.ticket_id == _OF, delivery.c.message_id.in_(of_messages))
            .order_by(delivery.c.id)
        ),
        "attempts": hanging(tables.delivery_attempt, "delivery_id", of_deliveries),
        "files": hanging(tables.attachment, "message_id", of_messages),
        "versions": hanging(tables.message_version, "message_id", of_messages),
        "buttons": hanging(tables.chat_button, "message_id", of_messages, ticket="shard"),
        "arrived": hanging(inbound, "message_id", of_messages),
        "sounds": Prepared(
            update(recording)
            .where(
                recording.c.call_id.in_(of_calls),
                recording.c.ticket_id == _OF,
                recording.c.message_id.in_(of_messages),
            )
            .values(ticket_id=_TO)
        ),
        "tellings": hanging(tables.outage_telling, "message_id", of_messages, ticket="shard"),
        "deliveries": Prepared(
            update(delivery)
            .where(delivery.c.ticket_id == _OF, delivery.c.message_id.in_(of_messages))
            .values(moved)
        ),
        "messages": Prepared(
            update(message).where(message.c.ticket_id == _OF, message.c.id.in_(of_messages)).values(moved)
        ),
    }


_WHICH = bindparam("which", type_=Id)
_BY_THREAD = _statements(
    select(message.c.id).where(message.c.ticket_id == _OF, message.c.thread_id == _WHICH)
)
_BY_MESSAGE = _statements(select(message.c.id).where(message.c.ticket_id == _OF, message.c.id == _WHICH))
_SAID_IN = Prepared(
    select(message.c.id, message.c.kind)
    .where(message.c.ticket_id == _OF, message.c.thread_id == bindparam("thread", type_=Id))
    .order_by(message.c.id)
)
_DELIVERIES = Prepared(
    select(delivery.c.remote_id).where(
        delivery.c.ticket_id == _OF, delivery.c.message_id == bindparam("message", type_=Id)
    )
)
_DELIVERY = Prepared(select(delivery).where(delivery.c.ticket_id == _OF, delivery.c.id == bindparam("id")))
_CHATS = Prepared(
    update(tables.chat)
    .where(
        tables.chat.c.ticket_id == _OF,
        tables.chat.c.address.in_(
            select(participant.c.address).where(
                participant.c.ticket_id == _TO, participant.c.thread_id == bindparam("thread", type_=Id)
            )
        ),
    )
    .values(ticket_id=_TO)
)
_HELD = Prepared(select(inbound).where(inbound.c.ticket_id == _OF, inbound.c.outcome == literal("held")))
_CALLS = Prepared(select(ticket_call).where(ticket_call.c.ticket_id == _OF).order_by(ticket_call.c.call_id))
_DRAFTS = Prepared(
    select(tables.draft.c.agent, tables.draft.c.kind)
    .where(tables.draft.c.ticket_id == _OF)
    .order_by(tables.draft.c.agent, tables.draft.c.kind)
)
_TASKS = Prepared(
    select(tables.task.c.id, tables.task.c.once)
    .where(tables.task.c.ticket_id == _OF, tables.task.c.done_at.is_(None))
    .order_by(tables.task.c.id)
)
_SUBSCRIBERS = Prepared(
    select(tables.outage_subscriber.c.outage_id, tables.outage_subscriber.c.id).where(
        tables.outage_subscriber.c.ticket_id == _OF
    )
)
_ARRIVED = Prepared(
    select(inbound.c.external_id)
    .where(
        inbound.c.ticket_id == _OF,
        inbound.c.external_id.is_not(None),
        inbound.c.message_id.in_(
            select(message.c.id).where(
                message.c.ticket_id == _OF, message.c.thread_id == bindparam("thread", type_=Id)
            )
        ),
    )
    .order_by(inbound.c.id)
)
