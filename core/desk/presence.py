"""Who has this ticket open, and who is writing? Rows that lapse; a notice for colleagues, never a wall."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, literal, select

from core import chat_addresses
from core.desk.errors import Forbidden, invalid
from core.desk.principal import Principal
from core.desk.scope import find
from core.rules.participation import State
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Tx

LAPSES = timedelta(seconds=30)
"""A page says again that it is there well within this time."""
DOING = ("looking", "writing")
DRAFTS = ("reply", "note")
MAX_DRAFT = 100_000  # characters

presence, draft = tables.presence, tables.draft

_MINE = Prepared(
    select(presence).where(
        presence.c.ticket_id == bindparam("ticket_id"), presence.c.agent == bindparam("agent")
    )
)
_HERE = Prepared(
    lambda insert: (
        insert(presence)
        .values(
            ticket_id=bindparam("ticket_id"),
            agent=bindparam("agent"),
            doing=bindparam("doing"),
            since=bindparam("since", type_=Instant),
            until=bindparam("until", type_=Instant),
        )
        .on_conflict_do_update(
            index_elements=["ticket_id", "agent"],
            set_={
                "doing": bindparam("doing"),
                "since": bindparam("since", type_=Instant),
                "until": bindparam("until", type_=Instant),
            },
        )
    )
)
_LEFT = Prepared(
    delete(presence).where(
        presence.c.ticket_id == bindparam("ticket_id"), presence.c.agent == bindparam("agent")
    )
)
_LAPSED = Prepared(
    delete(presence).where(
        presence.c.ticket_id == bindparam("ticket_id"), presence.c.until <= bindparam("now", type_=Instant)
    )
)
_SAVE = Prepared(
    lambda insert: (
        insert(draft)
        .values(
            ticket_id=bindparam("ticket_id"),
            agent=bindparam("agent"),
            kind=bindparam("kind"),
            text=bindparam("text"),
            updated_at=bindparam("now", type_=Instant),
        )
        .on_conflict_do_update(
            index_elements=["ticket_id", "agent", "kind"],
            set_={"text": bindparam("text"), "updated_at": bindparam("now", type_=Instant)},
        )
    )
)
_DROP = Prepared(
    delete(draft).where(
        draft.c.ticket_id == bindparam("ticket_id"),
        draft.c.agent == bindparam("agent"),
        draft.c.kind == bindparam("kind"),
    )
)

_SENT = {
    kind: Prepared(
        select(table.c.id).where(
            table.c.ticket_id == bindparam("ticket_id"),
            table.c.idem == bindparam("idem"),
            table.c.idem != "",
        )
    )
    for kind, table in (("reply", tables.message), ("note", tables.note))
}


def here(tx: Tx, who: Principal, number: str, doing: str, *, now: datetime) -> None:
    """An agent has the ticket open: looking or writing. Holds for 30 s unless said again.

    Colleagues are told when something changed; whoever did it need not be, unless somebody else is gone. Raises NotFound, Forbidden for contacts, Invalid.
    """
    ticket_id = _of_staff(tx, who, number)
    if doing not in DOING:
        raise invalid("/doing", f"must be one of {', '.join(DOING)}")
    before = tx.one(_MINE, ticket_id=ticket_id, agent=who.id)
    same = before is not None and before.doing == doing and before.until > now
    gone = tx.changed(_LAPSED, ticket_id=ticket_id, now=now)
    since = before.since if before is not None and same else now
    tx.run(_HERE, ticket_id=ticket_id, agent=who.id, doing=doing, since=since, until=now + LAPSES)
    if gone:
        tx.tell("presence", ticket_id)
    elif not same:
        tx.tell("presence", f"{ticket_id} {who.id}")


def leave(tx: Tx, who: Principal, number: str) -> None:
    """The agent closed the page. Raises NotFound, Forbidden for contacts."""
    ticket_id = _of_staff(tx, who, number)
    if tx.changed(_LEFT, ticket_id=ticket_id, agent=who.id):
        tx.tell("presence", f"{ticket_id} {who.id}")


def typing(tx: Tx, who: Principal, number: str) -> tuple[str, ...]:
    """An agent is writing in a chat: tell whoever shows it there, and return its addresses, for channels that can say so.

    Nothing is stored. Raises NotFound, Forbidden for contacts.
    """
    ticket_id = _of_staff(tx, who, number)
    addresses = [row.address for row in tx.all(_TALKS, ticket_id=ticket_id)]
    found = tuple(dict.fromkeys(one for one in addresses if chat_addresses.is_chat(one)))
    if found:
        tx.tell("typing", f"{ticket_id} staff")
    return found


_TALKS = Prepared(
    select(tables.thread.c.address)
    .where(
        tables.thread.c.ticket_id == bindparam("ticket_id"),
        ~select(tables.participant.c.address)
        .where(
            tables.participant.c.ticket_id == tables.thread.c.ticket_id,
            tables.participant.c.thread_id == tables.thread.c.id,
            tables.participant.c.address == tables.thread.c.address,
            tables.participant.c.state == literal(str(State.RETIRED)),
        )
        .exists(),
    )
    .order_by(tables.thread.c.at.desc())
)


def save_draft(
    tx: Tx, who: Principal, number: str, kind: str, text: str, *, now: datetime, idem: str = ""
) -> None:
    """Keep what an agent has written so far: one draft per agent, ticket and kind. Empty text drops it.

    `idem`: the form it is typed in. Once that form was sent, what it says late is no draft any more.

    Raises NotFound, Forbidden for contacts, Invalid.
    """
    ticket_id = _of_staff(tx, who, number)
    if kind not in DRAFTS:
        raise invalid("/kind", f"must be one of {', '.join(DRAFTS)}")
    if len(text) > MAX_DRAFT:
        raise invalid("/text", f"must have at most {MAX_DRAFT:,} characters; it has {len(text):,}")
    if idem and tx.one(_SENT[kind], ticket_id=ticket_id, idem=idem) is not None:
        return
    if text.strip():
        tx.run(_SAVE, ticket_id=ticket_id, agent=who.id, kind=kind, text=text, now=now)
    else:
        tx.run(_DROP, ticket_id=ticket_id, agent=who.id, kind=kind)


def _of_staff(tx: Tx, who: Principal, number: str) -> str:
    ticket_id = str(find(tx, who, number).id)
    if not who.is_agent:
        message = "only staff see who has a ticket open"
        raise Forbidden(message)
    return ticket_id
