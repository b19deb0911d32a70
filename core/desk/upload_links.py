"""What does somebody do with a file that their chat does not hand over? They are given a link, at once, that takes it for this request.

The link works once, for a day. Its token is made from the hub's key and the words that bring it, when they leave; only its hash
is kept, like that of every link, and no row holds what would let anybody send something.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from core.desk import chats, links
from core.desk.filing import Understood
from core.envelope import Address, Inbound
from core.store import tables
from core.store.tx import Prepared, Row, Tx

LIFE = timedelta(hours=24)
NAMED = 5
"""Files that are named in one message of ours."""

_TICKET = Prepared(
    select(tables.ticket.c.id, tables.ticket.c.number).where(tables.ticket.c.id == bindparam("id"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a link is for."""

    ticket: str
    number: str
    chat: str
    """Id of the chat it was given in."""
    author: Address
    """Whose file it is going to be."""


def offer(tx: Tx, of: Row, said: Inbound, done: Understood, *, now: datetime) -> None:
    """Words of theirs are on a request, and a file is not: say so, with the link."""
    missing = said.chat.too_large if said.chat is not None else ()
    if not missing or done.outcome not in ("ticket", "attached") or not done.ticket_id:
        return
    assert said.author is not None  # noqa: S101 - see chat_intake.is_chat
    names = ", ".join(missing[:NAMED]) + (" …" if len(missing) > NAMED else "")
    delivery = chats.say(
        tx, of, links.UPLOAD_WORDS, now=now, files=names, number=done.number, link=links.UPLOAD_PLACE
    )
    person = f"{done.ticket_id} {of.id} {delivery} {said.author.address} {said.author.name}"
    links.give(tx, links.UPLOAD, links.upload_token(tx, delivery), person, until=now + LIFE, now=now)


def whose(tx: Tx, token: str, *, now: datetime) -> Given | None:
    """What this link is for, as long as it works. Changes nothing."""
    person = links.whose(tx, links.UPLOAD, token, now=now)
    return _given(tx, person) if person is not None else None


def use(tx: Tx, token: str, *, now: datetime) -> Given | None:
    """The same, once."""
    person = links.use(tx, links.UPLOAD, token, now=now)
    return _given(tx, person) if person is not None else None


def used(tx: Tx, token: str) -> str | None:
    """The number of the request that this link has brought something to; None: it has not."""
    row = links.ever(tx, links.UPLOAD, token)
    given = _given(tx, row.person) if row is not None and row.used_at is not None else None
    return given.number if given is not None else None


def _given(tx: Tx, person: str) -> Given | None:
    ticket_id, chat, _, address, name = person.split(" ", 4)
    row = tx.one(_TICKET, id=ticket_id)
    if row is None:
        return None
    return Given(ticket=row.id, number=row.number, chat=chat, author=Address(address, name))
