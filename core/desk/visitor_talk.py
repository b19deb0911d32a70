"""What does a visitor read in their chat? Their own words, what was delivered to them there, and what they may choose.

Nothing else is asked for: what was not delivered to this very address, a note, another's words are in none of these queries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, literal, or_, select

from core.desk import chats, identities, missed, outbox, people, visitors
from core.desk.conversation import visible_text
from core.desk.errors import NotFound
from core.desk.visitors import Visitor
from core.envelope import Button
from core.store import blobs, tables
from core.store.tx import Prepared, Row, Tx

SHOWN = 100  # messages of one conversation, the last ones

message, delivery, attachment, button, participant = (
    tables.message,
    tables.delivery,
    tables.attachment,
    tables.chat_button,
    tables.participant,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a message."""

    id: str
    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing in the conversation."""

    id: str
    """Of the message that they wrote, or of the delivery that brought ours."""
    at: datetime
    by: str
    """me; us: a person of ours; desk: nobody wrote it by hand."""
    name: str = ""
    """The first name of who answered."""
    text: str = ""
    ref: str = ""
    """What the page itself calls a message of theirs."""
    ticket: str = ""
    """The number of its request."""
    files: tuple[File, ...] = ()
    buttons: tuple[Button, ...] = ()
    chosen: str = ""
    """The words of the button that was pressed."""
    changed: bool = False
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation as of now."""

    items: tuple[Item, ...]
    """Oldest first."""
    tickets: tuple[str, ...]
    """Ids of what it is about: when one of these changes, it is read again."""
    newest: str | None
    """Id of the request that was touched last."""


def conversation(tx: Tx, who: Visitor) -> Talk:
    """All of it, as far as pages show it."""
    threads = tx.all(visitors.THREADS, address=who.address)
    chat = chats.known(tx, who.address)
    items = [item for one in threads for item in _of_thread(tx, who, chat, one)]
    if chat is not None:
        items += _words(tx, who, chat)
    items.sort(key=lambda one: (one.at, one.id))
    return Talk(
        items=tuple(items[-SHOWN:]),
        tickets=tuple(dict.fromkeys(one.ticket_id for one in threads)),
        newest=threads[0].ticket_id if threads else None,
    )


def file(tx: Tx, who: Visitor, file_id: str) -> tuple[str, str, bytes]:
    """Name, type and content of a file in the conversation. Raises NotFound."""
    for one in conversation(tx, who).items:
        for found in one.files:
            if found.id == file_id:
                for thread in tx.all(visitors.THREADS, address=who.address):
                    row = tx.one(_FILE, ticket_id=thread.ticket_id, id=file_id)
                    if row is not None:
                        return row.name, row.type, blobs.get(tx, row.blob)
    message = "there is no such file here"
    raise NotFound(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a visitor sent so far, and whether they may send more."""

    known: bool
    """They proved who they are."""
    may: bool
    """Known, or somebody of ours answered them."""
    count: int
    size: int


def files_sent(tx: Tx, who: Visitor) -> Sent:
    """Files of theirs in this conversation."""
    talk = conversation(tx, who)
    known = who.contact is not None or identities.proved_contact(tx, who.address) is not None
    sent = [one for item in talk.items if item.by == "me" for one in item.files]
    return Sent(
        known=known,
        may=known or any(one.by == "us" for one in talk.items),
        count=len(sent),
        size=sum(one.size for one in sent),
    )


def _of_thread(tx: Tx, who: Visitor, chat: Row | None, thread: Row) -> Iterator[Item]:
    key = {"ticket_id": thread.ticket_id, "thread_id": thread.thread_id}
    came = tx.all(_SAID, **key)
    typed = chat.email if chat is not None and thread.address == who.address else ""
    own, mailed_at = _own(tx, who), _mailed_at(tx, typed, thread, came)
    said = [
        row
        for row in came
        if row.author_address in own or (mailed_at and row.author_address == typed and row.at >= mailed_at)
        if outbox.shared(row, since=thread.requester_since, address=row.author_address)
    ]
    told = tx.all(_TOLD, address=who.address, **key)
    files = _files(tx, thread.ticket_id) if said or told else {}
    buttons = _buttons(tx, thread.ticket_id, who.address) if told else {}
    for row in said:
        yield Item(
            id=row.id,
            at=row.at,
            by="me",
            text="" if row.withdrawn_at else visible_text(row.text, row.spans).strip(),
            ref=row.external_ref.rpartition("/")[2],
            ticket=thread.number,
            files=() if row.withdrawn_at else files.get(row.id, ()),
            withdrawn=row.withdrawn_at is not None,
        )
    for row in told:
        offered, chosen = buttons.get(row.id, ((), ""))
        yield Item(
            id=row.delivery_id,
            at=row.sent_at,
            by="desk" if row.automatic or not row.author_name else "us",
            name=row.author_name.split()[0] if row.author_name and not row.automatic else "",
            text="" if row.withdrawn_at else row.text.strip(),
            ticket=thread.number,
            files=() if row.withdrawn_at else files.get(row.id, ()),
            buttons=offered,
            chosen=chosen,
            withdrawn=row.withdrawn_at is not None,
        )


def _own(tx: Tx, who: Visitor) -> frozenset[str]:
    """What their words come from: this chat, and the mailbox of who they proved to be."""
    contact = who.contact or identities.proved_contact(tx, who.address)
    person = people.contact(tx, contact) if contact else None
    return frozenset({who.address, *([person.email] if person is not None and person.email else [])})


def _mailed_at(tx: Tx, email: str, thread: Row, came: Sequence[Row]) -> datetime | None:
    """When we first wrote to the mailbox they typed in place of this chat: what comes from it since is their answer.

    What they typed proves nothing. Words that came before, or of somebody whom staff brought in, are another's. None: all of them.
    """
    if not email or all(row.author_address != email for row in came):
        return None
    if tx.one(_BROUGHT_IN, ticket_id=thread.ticket_id, address=email) is not None:
        return None
    at: datetime | None = tx.one(
        _MAILED, ticket_id=thread.ticket_id, thread_id=thread.thread_id, address=email
    ).at
    return at


def _words(tx: Tx, who: Visitor, chat: Row) -> Iterator[Item]:
    """What was said beside all tickets, but for what later words took the place of."""
    told = tx.all(_WORDS, chat_id=chat.id)
    replaced = {row.replaces for row in told if row.replaces}
    buttons = _buttons(tx, chat.id, who.address) if told else {}
    for row in told:
        if row.delivery_id in replaced:
            continue
        offered, chosen = buttons.get(row.id, ((), ""))
        yield Item(
            id=row.delivery_id,
            at=row.sent_at,
            by="desk",
            text=row.text.strip(),
            buttons=offered,
            chosen=chosen,
        )


def _buttons(tx: Tx, shard: str, address: str) -> dict[str, tuple[tuple[Button, ...], str]]:
    """By message: what may be chosen, and what was."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in tx.all(_BUTTONS, shard=shard, address=address):
        rows[row.message_id].append(row)
    return {identity: _choice(of_message) for identity, of_message in rows.items()}


def _choice(rows: Sequence[Row]) -> tuple[tuple[Button, ...], str]:
    if any(row.used_at is not None for row in rows):
        return (), next((str(row.label) for row in rows if row.used_by), "")
    return tuple(Button(row.id, row.label) for row in rows), ""


def _files(tx: Tx, ticket_id: str) -> dict[str, tuple[File, ...]]:
    found: dict[str, tuple[File, ...]] = {}
    for row in tx.all(_FILES, ticket_id=ticket_id):
        one = File(id=row.id, name=row.name, size=row.size)
        found[row.message_id] = (*found.get(row.message_id, ()), one)
    return found


_SAID = Prepared(
    select(
        message.c.id,
        message.c.at,
        message.c.text,
        message.c.spans,
        message.c.author_address,
        message.c.external_ref,
        message.c.withdrawn_at,
    )
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.thread_id == bindparam("thread_id"),
        message.c.direction == "in",
        message.c.audience == "customer",
    )
    .order_by(message.c.id.desc())
    .limit(SHOWN)
)
_MAILED = Prepared(
    select(func.min(delivery.c.created_at).label("at")).where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.thread_id == bindparam("thread_id"),
        delivery.c.address == bindparam("address"),
        or_(delivery.c.kind == literal(missed.MESSAGE), delivery.c.instead_of.is_not(None)),
    )
)
_BROUGHT_IN = Prepared(
    select(participant.c.address).where(
        participant.c.ticket_id == bindparam("ticket_id"),
        participant.c.address == bindparam("address"),
        participant.c.changed_by != literal(""),
    )
)
_TOLD = Prepared(
    select(
        message.c.id,
        message.c.text,
        message.c.automatic,
        message.c.author_name,
        message.c.withdrawn_at,
        delivery.c.id.label("delivery_id"),
        delivery.c.sent_at,
    )
    .select_from(
        delivery.join(
            message, (message.c.ticket_id == delivery.c.ticket_id) & (message.c.id == delivery.c.message_id)
        )
    )
    .where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.thread_id == bindparam("thread_id"),
        delivery.c.address == bindparam("address"),
        delivery.c.state == "sent",
    )
    .order_by(delivery.c.id.desc())
    .limit(SHOWN)
)
_WORDS = Prepared(
    select(
        tables.chat_word.c.id,
        tables.chat_word.c.text,
        tables.chat_word.c.replaces,
        delivery.c.id.label("delivery_id"),
        delivery.c.sent_at,
    )
    .select_from(
        delivery.join(
            tables.chat_word,
            (tables.chat_word.c.chat_id == delivery.c.ticket_id)
            & (tables.chat_word.c.id == delivery.c.message_id),
        )
    )
    .where(delivery.c.ticket_id == bindparam("chat_id"), delivery.c.state == "sent")
    .order_by(delivery.c.id.desc())
    .limit(SHOWN)
)
_BUTTONS = Prepared(
    select(button)
    .where(button.c.shard == bindparam("shard"), button.c.address == bindparam("address"))
    .order_by(button.c.message_id, button.c.position)
)
_FILES = Prepared(
    select(attachment.c.id, attachment.c.message_id, attachment.c.name, attachment.c.size)
    .where(attachment.c.ticket_id == bindparam("ticket_id"), attachment.c.internal.is_(False))
    .order_by(attachment.c.id)
)
_FILE = Prepared(
    select(attachment).where(
        attachment.c.ticket_id == bindparam("ticket_id"),
        attachment.c.id == bindparam("id"),
        attachment.c.internal.is_(False),
    )
)
