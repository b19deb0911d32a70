"""What becomes of words in a chat? The facts for `rules.chatting`, the question which request, and the words that wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, or_, select

from core import chat_addresses, texts
from core.desk import chat_books, chat_buttons, chat_reach, chats, door, filing, people, threads
from core.desk.authors import Author
from core.desk.filing import Message, Understood
from core.envelope import Inbound
from core.rules import chatting, threading
from core.rules.chat_acts import Act
from core.rules.chatting import Meant, Talk
from core.rules.participation import Role, State
from core.rules.workflow import State as Ticket
from core.store import tables, work
from core.store.tx import Prepared, Row, Tx

FEW = 20
"""Requests of one person that are looked at."""
LABEL = 40  # characters of a subject on a button
TIMER = chat_books.TIMER
"""Kind and key of the job that shows to staff what waits too long for its author."""

chat, inbound, ticket, participant = tables.chat, tables.inbound, tables.ticket, tables.participant


def is_chat(said: Inbound) -> bool:
    """Did it come by a chat?"""
    return said.author is not None and (said.chat is not None or chat_addresses.is_chat(said.author.key))


def come(tx: Tx, said: Inbound, *, now: datetime) -> Row:
    """The chat it came by, known from now on and reachable: the room's where it was said in one."""
    chat_reach.moved(tx, said, now=now)
    room = said.chat.room if said.chat is not None else None
    assert said.author is not None  # noqa: S101 - see is_chat
    speaks = said.chat.language.partition("-")[0].lower() if said.chat is not None and room is None else ""
    return chats.came(
        tx,
        said.channel,
        room or said.author,
        kind="room" if room is not None else "person",
        now=now,
        **({"speaks": speaks} if speaks else {}),
    )


# --- What is meant ------------------------------------------------------------------------------------------


def meant(tx: Tx, of: Row, said: Inbound, author: Author, *, now: datetime) -> Meant:
    """Which request these words are about."""
    decided = chatting.decide(
        talks(tx, of, author),
        chatting.Remembered(
            chosen=of.ticket_id,
            chosen_until=of.chosen_until,
            new_until=of.new_until,
            asked=of.asked_at is not None,
        ),
        quoted=_quoted(tx, of, said, author),
        now=now,
    )
    if decided.unclear and not threading.rights(said.kind).may_open:
        return Meant(outcome="new", why=decided.why)  # nobody is asked what a thumb was about
    return decided


def talks(tx: Tx, of: Row, author: Author) -> list[Talk]:
    """What somebody may mean: of this chat, and, once it is proved who they are, whatever is theirs."""
    found: dict[str, Talk] = {}
    for row in tx.all(_HERE, address=of.address):
        said_at = tx.one(_LAST_SAID, ticket_id=row.id, thread_id=row.thread_id).at
        found[row.id] = Talk(ticket=row.id, number=row.number, open=row.open, here=True, at=said_at)
    if of.kind == "person" and author.proved and author.contact:
        ids = people.ids(tx, author.contact)
        for row in (
            row for one in ids for asked in (_ASKED, _TAKES_PART) for row in tx.all(asked, contact=one)
        ):
            found.setdefault(row.id, Talk(ticket=row.id, number=row.number, open=True, here=False))
    return list(found.values())


def theirs(tx: Tx, of: Row, author: Author, ticket_id: str) -> bool:
    """Is this request, whatever its state, one of this chat or of who is proved to be in it?"""
    if threads.takes_part(tx, ticket_id, of.address):
        return True
    if of.kind != "person" or not (author.proved and author.contact):
        return False
    ids = people.ids(tx, author.contact)
    return any(tx.one(_OF_CONTACT, ticket_id=ticket_id, contact=one) is not None for one in ids)


def _quoted(tx: Tx, of: Row, said: Inbound, author: Author) -> str | None:
    for row in threads.quoted(tx, said):
        if theirs(tx, of, author, row.ticket_id):
            return str(row.ticket_id)
        gone_on, _ = threads.goes_on(tx, row.ticket_id, row.thread_id)
        if gone_on != row.ticket_id and theirs(tx, of, author, gone_on):
            return gone_on
    return None


_SPEAKS = participant.c.role.in_(
    [literal(str(role)) for role in (Role.REQUESTER, Role.PARTICIPANT, Role.SILENT, Role.SENDER)]
)
_HERE = Prepared(
    select(ticket.c.id, ticket.c.number, ticket.c.open, participant.c.thread_id)
    .select_from(threads.WITH_THREAD.join(ticket, ticket.c.id == participant.c.ticket_id))
    .where(
        *threads.HELD_AT,
        or_(ticket.c.open, ticket.c.state == literal(str(Ticket.RESOLVED))),
    )
    .order_by(ticket.c.updated_at.desc())
    .limit(FEW)
)
_ASKED = Prepared(
    select(ticket.c.id, ticket.c.number)
    .where(ticket.c.contact == bindparam("contact"), ticket.c.open)
    .order_by(ticket.c.id.desc())
    .limit(FEW)
)
_TAKES_PART = Prepared(
    select(ticket.c.id, ticket.c.number)
    .select_from(participant.join(ticket, ticket.c.id == participant.c.ticket_id))
    .where(
        participant.c.contact == bindparam("contact"),
        participant.c.state == literal(str(State.JOINED)),
        _SPEAKS,
        ticket.c.open,
    )
    .order_by(ticket.c.id.desc())
    .limit(FEW)
)
_OF_CONTACT = Prepared(
    select(ticket.c.id).where(
        ticket.c.id == bindparam("ticket_id"),
        or_(
            ticket.c.contact == bindparam("contact"),
            select(participant.c.address)
            .where(
                participant.c.ticket_id == ticket.c.id,
                participant.c.contact == bindparam("contact"),
                participant.c.state == literal(str(State.JOINED)),
                _SPEAKS,
            )
            .exists(),
        ),
    )
)
_LAST_SAID = Prepared(
    select(func.max(tables.message.c.at).label("at")).where(
        tables.message.c.ticket_id == bindparam("ticket_id"),
        tables.message.c.thread_id == bindparam("thread_id"),
    )
)


def follow(tx: Tx, of: Row, row: Row, done: Understood, *, now: datetime) -> None:
    """Words found their request: what comes next goes on there, unless another one is named.

    What is held and belongs to no ticket has the chat in its place, so that its author can still change it.
    """
    if done.outcome == "held" and done.ticket_id is None:
        tx.update(inbound, {"id": row.id}, ticket_id=of.id)
    if done.outcome in ("ticket", "attached") and done.ticket_id:
        chats.change(tx, of.id, ticket_id=done.ticket_id, chosen_until=now + chatting.CHOICE, new_until=None)


# --- The question, and what waits for it --------------------------------------------------------------------


def wait(tx: Tx, of: Row, message: Message, *, now: datetime) -> Understood:
    """Their author says which request they mean; staff see them when that takes too long. One question at a time."""
    decided = message.meant
    assert decided is not None  # noqa: S101 - see rules.threading: only words of a chat are unclear
    before = waiting(tx, of)
    place = before[-1].detail["place"] + 1 if before else 1
    message = replace(message, detail=message.detail | {"place": place})
    done = filing.hold(tx, message, threading.WHICH_TICKET, now=now, waiting=False)
    if decided.outcome == "ask":
        offers = [
            chat_buttons.Offer(act=Act.CHOOSE, value=one.ticket, label=label(tx, one.ticket))
            for one in decided.offered
        ]
        chats.say(tx, of, "which", now=now, offers=[*offers, chat_buttons.Offer(act=Act.NEW)])
        chats.change(tx, of.id, asked_at=now)
        due = now + chatting.PATIENCE
        work.set_timer(tx, shard=of.id, key=TIMER, kind=TIMER, payload={}, due=due, now=now)
    return done


def held(tx: Tx, of: Row) -> list[Row]:
    """What is held of this chat and belongs to no ticket, for whatever reason, and nobody has discarded."""
    return [row for row in tx.all(_HELD, chat=of.id) if not row.detail.get("discarded_by")]


_HELD = Prepared(
    select(inbound).where(inbound.c.ticket_id == bindparam("chat"), inbound.c.outcome == literal("held"))
)


def answered(tx: Tx, of: Row) -> None:
    """Nobody waits for an answer to the question any more."""
    chats.change(tx, of.id, asked_at=None)
    work.cancel(tx, shard=of.id, key=TIMER)


def label(tx: Tx, ticket_id: str) -> str:
    """What a request is called on a button."""
    row = tx.one(_CALLED, id=ticket_id)
    if row.requester_since is not None:  # its subject is somebody else's words
        return str(texts.title(row.language, number=row.number))
    subject = row.subject if len(row.subject) <= LABEL else f"{row.subject[: LABEL - 1].rstrip()}…"
    return f"{row.number} {subject}"


_CALLED = Prepared(
    select(ticket.c.number, ticket.c.subject, ticket.c.language, ticket.c.requester_since).where(
        ticket.c.id == bindparam("id")
    )
)


def waiting(tx: Tx, of: Row) -> list[Row]:
    """What waits in this chat for its author's choice, in the order in which it was understood. Nobody has discarded it."""
    found = [row for row in held(tx, of) if row.reason == threading.WHICH_TICKET]
    return sorted(found, key=lambda row: row.detail["place"])


def release(tx: Tx, of: Row, *, ticket_id: str | None, by: str, now: datetime) -> int:
    """Their author said which: what waits is understood again, in order, for this ticket or for one new one."""
    rows = waiting(tx, of)
    for row in rows:
        to = {"ticket": ticket_id} if ticket_id else {"with": rows[0].id}
        changed = {"changed": row.detail["changed"]} if "changed" in row.detail else {}
        again(tx, row, rows[0].sender, {**to, **changed, "chat": of.id, "by": by}, now=now)
    answered(tx, of)
    return len(rows)


def as_new(tx: Tx, of: Row, inbound_id: str, *, by: str, now: datetime) -> None:
    """What was taken for something else is a new request."""
    row = tx.one(_ROW, id=inbound_id)
    if row is not None and row.outcome == "machine":
        again(tx, row, row.sender, {"chat": of.id, "by": by}, now=now)


_ROW = Prepared(select(inbound).where(inbound.c.id == bindparam("id")))


def again(tx: Tx, row: Row, sender: str, detail: Mapping[str, Any], *, now: datetime) -> None:
    """Understand what was held once more. `sender`: whose lane it takes, so that several keep their order."""
    tx.update(
        inbound,
        {"id": row.id},
        outcome=None,
        reason="",
        detail={**detail, "take_as": "chosen"},
        ticket_id=None,
        open=False,
        tries=0,
        decided_at=None,
    )
    door.enqueue(tx, row.id, sender, now=now)
    if row.open:
        tx.tell("inbound", row.id)


def chosen(tx: Tx, row: Row) -> Meant:
    """What was chosen for a message that waited. Of those for one new request, the first opens it."""
    first = row.detail.get("with")
    found = tx.one(_INBOUND, id=first) if first and first != row.id else None
    to = row.detail.get("ticket")
    if found is not None and found.outcome in ("ticket", "attached"):
        to = found.ticket_id
    if to:
        return Meant(outcome="on", why=chatting.Why.CHOSEN, ticket=to)
    return Meant(outcome="new", why=chatting.Why.ASKED_FOR_NEW)


_INBOUND = Prepared(select(inbound.c.ticket_id, inbound.c.outcome).where(inbound.c.id == bindparam("id")))


def silent(tx: Tx, chat_id: str, *, now: datetime) -> None:
    """They did not say which: staff see what they wrote. The question may still be answered, and they are asked anew next time."""
    of = chats.one(tx, chat_id)
    if of is None or of.asked_at is None or now - of.asked_at < chatting.PATIENCE:
        return
    _show(tx, waiting(tx, of))
    chats.change(tx, of.id, asked_at=None)


def _show(tx: Tx, rows: Sequence[Row]) -> None:
    for row in rows:
        if not row.open:
            tx.update(inbound, {"id": row.id}, open=True)
            tx.tell("inbound", row.id)
