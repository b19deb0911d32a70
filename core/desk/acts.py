"""What does every verb on a ticket begin and end with? Who may, what was seen, the move, the words, the clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import (
    alert_returns,
    answering,
    follow_ups,
    notices,
    outbox,
    paging,
    participants,
    threads,
    timing,
)
from core.desk.authors import Author
from core.desk.case import Case
from core.desk.errors import Forbidden, Refused, Stale, invalid
from core.desk.principal import Principal
from core.desk.scope import find_to_act, goes_on
from core.envelope import Address, Attachment, Inbound
from core.ids import new_id
from core.rules import workflow
from core.store import fulltext, tables
from core.store.tx import Prepared, Tx

MAX_TEXT = 100_000  # characters of a reply or a note
HERE = "portal"
"""The channel of people who are signed in: what we answer is there for them to read."""

message, note_table = tables.message, tables.note


def begin(tx: Tx, who: Principal, number: str, *, now: datetime) -> Case:
    """The ticket of this number, if it is in the scope of whoever acts. Raises NotFound; Forbidden for who only follows it."""
    return Case.open(tx, find_to_act(tx, who, number).id, now=now)


def only_staff(who: Principal) -> None:
    """Raise Forbidden for anybody outside."""
    if who.kind in ("contact", "address"):
        message = "only staff may do this"
        raise Forbidden(message)


def only_leaders(who: Principal) -> None:
    """Raise Forbidden for whoever approves nothing."""
    only_staff(who)
    if not (who.leads or who.kind == "system"):
        message = "a shift leader, a supervisor or an administrator approves"
        raise Forbidden(message)


def check_seen(case: Case, who: Principal, seen: int | None, kinds: Sequence[str]) -> None:
    """Raise Stale when somebody else did something of these kinds since."""
    if seen is None or seen >= case.last_event:
        return
    newer = [
        row
        for row in case.tx.all(_NEWER, ticket_id=case.id, seen=seen)
        if row.kind.startswith(tuple(kinds)) and row.actor not in (who.actor, "system")
    ]
    if newer:
        messages = [
            case.tx.one(_MESSAGE, ticket_id=case.id, id=row.data["message"])
            for row in newer
            if row.kind.startswith("message.")
        ]
        raise Stale(
            "somebody did something on this ticket since you looked: read it, then decide",
            newer=messages or newer,
            last_event=case.last_event,
        )


_NEWER = Prepared(
    select(tables.event.c.seq, tables.event.c.kind, tables.event.c.actor, tables.event.c.data)
    .where(tables.event.c.ticket_id == bindparam("ticket_id"), tables.event.c.seq > bindparam("seen"))
    .order_by(tables.event.c.seq)
)
_MESSAGE = Prepared(
    select(message).where(message.c.ticket_id == bindparam("ticket_id"), message.c.id == bindparam("id"))
)


def said_before(case: Case, idem: str) -> str | None:
    """The message that this form sent already, when it is sent twice."""
    found = case.tx.one(_BY_IDEM, ticket_id=case.id, idem=idem) if idem else None
    return None if found is None else str(found.id)


_BY_IDEM = Prepared(
    select(message.c.id).where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.idem == bindparam("idem"),
        message.c.idem != "",
    )
)


def plain(text: str, pointer: str = "/text") -> str:
    """What a person typed, with plain ends of lines. Raises Invalid when it says nothing or never ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise invalid(pointer, "must not be empty")
    if len(text) > MAX_TEXT:
        raise invalid(pointer, f"must have at most {MAX_TEXT:,} characters; it has {len(text):,}")
    return text


TOLERANCE = timedelta(seconds=5)
"""So far ahead of ours may the clock of whoever acts be."""


def when(case: Case, at: datetime | None, *, after: datetime | None = None) -> datetime:
    """When it was true: now, or earlier, back to when the request was received. Raises Invalid (desk.md 5).

    `after`: not before this either, which it ends.
    """
    if at is None:
        return case.now
    if at > case.now + TOLERANCE:
        raise invalid("/at", "lies in the future: say when it was true")
    if at < case["received_at"]:
        raise invalid("/at", "is before the request was received")
    if after is not None and at < after:
        raise invalid("/at", f"is before what it ends began, {after:%Y-%m-%dT%H:%M:%SZ}")
    return min(at, case.now)


def move(case: Case, who: Principal, event: str, *, at: datetime | None = None, **data: Any) -> None:
    """From one state to the next, as the table of moves says. Raises Refused with the moves that are allowed.

    `at`: when it was true; None, now.
    """
    try:
        to = workflow.move(case["state"], event)
    except workflow.MoveRefused as refusal:
        raise Refused(gone_on(case, who) or str(refusal), allowed=refusal.allowed) from None
    case.event(f"ticket.{event}", actor=who.actor, at=at, **{"from": case["state"], "to": to}, **data)
    if to != case["state"]:
        follow_ups.left(case, case["state"])
        case.set(state=to, state_since=at or case.now, open=workflow.is_open(to))


def gone_on(case: Case, who: Principal) -> str:
    """A sentence that says which ticket goes on with this one; empty: this one was not merged, or they may not see where."""
    end = goes_on(case.tx, who, case.id) if case["state"] == workflow.State.MERGED else None
    return "" if end is None else f"{case['number']} was merged into {end.number}: go on there"


def say(
    case: Case,
    who: Principal,
    text: str,
    *,
    kind: str,
    idem: str,
    files: Sequence[Attachment],
    due: datetime | None = None,
    by: Mapping[str, str] | None = None,
    from_now_on: bool = False,
) -> str:
    """Words for the customer, to each person once; return the id of the message. Raises Refused: nobody hears.

    `by`: where somebody would be answered, to where staff want it, this time or from now on; Invalid for what is not theirs.
    """
    notices.overtaken(case)
    message_id, deliveries = "", 0
    chosen = partial(answering.otherwise, case, who, by=by, from_now_on=from_now_on) if by else None
    for place in answering.places(case, kind=kind, automatic=False, choose=chosen):
        said = outbox.say(
            case,
            place.where,
            place.people,
            kind=kind,
            subject=notices.title(case),
            text=text,
            automatic=False,
            language=case["language"],
            agent=who.id,
            author_name=who.name,
            files=files,
            idem=idem,
            due=due,
        )
        message_id = message_id or said.message_id
        deliveries += said.deliveries
    if not deliveries:
        raise Refused(
            "this ticket has no conversation with the customer: add a contact first", code="no_conversation"
        )
    case.event("message.out", actor=who.actor, message=message_id)
    case.set(snippet=snippet(text), last_direction="out", waits_since=None)
    follow_ups.spoken(case)
    drop_draft(case, who, "reply")
    return message_id


def hear(case: Case, who: Principal, text: str) -> str:
    """Words of a contact who is signed in, as a message of the conversation on the pages; what is answered there is mailed."""
    address = Address(who.email, who.name)
    author = Author(kind="contact", address=address.key, name=who.name, contact=who.id, customer=who.customer)
    said = Inbound(channel=HERE, author=address, also_by=case.tx.facts.mails_by)
    where = threads.beside(case, said, author)
    participants.wrote(case, where, author)
    message_id = new_id()
    case.tx.insert(
        message,
        ticket_id=case.id,
        id=message_id,
        thread_id=where,
        channel=HERE,
        direction="in",
        author_name=who.name,
        author_address=who.email,
        contact=who.id if who.kind == "contact" else None,
        trust="verified",
        subject=notices.title(case),
        text=text,
        language=case["language"],
        at=case.now,
    )
    fulltext.index(case.tx, ticket_id=case.id, item_id=message_id, audience="customer", body=text)
    case.event("message.in", actor=who.actor, message=message_id)
    spoke(case, text, chat=None, at=case.now)
    return message_id


def spoke(case: Case, text: str, *, chat: str | None, at: datetime) -> None:
    """The customer spoke last, and waits. `chat`: the channel, where it is one."""
    since = case["waits_since"] or at
    case.set(snippet=snippet(text), last_direction="in", chat=chat, waits_since=since)


def note(case: Case, who: Principal, text: str, *, idem: str = "") -> str:
    """Words for colleagues; return the note's id."""
    note_id = new_id()
    case.tx.insert(note_table, ticket_id=case.id, id=note_id, agent=who.id, text=text, at=case.now, idem=idem)
    fulltext.index(case.tx, ticket_id=case.id, item_id=note_id, audience="internal", body=text)
    case.event("note.added", actor=who.actor, note=note_id)
    return note_id


def drop_draft(case: Case, who: Principal, kind: str) -> None:
    """What was half written is said now."""
    case.tx.run(_NO_DRAFT, ticket_id=case.id, agent=who.id, kind=kind)


_NO_DRAFT = Prepared(
    tables.draft.delete().where(
        tables.draft.c.ticket_id == bindparam("ticket_id"),
        tables.draft.c.agent == bindparam("agent"),
        tables.draft.c.kind == bindparam("kind"),
    )
)


def snippet(text: str) -> str:
    """First words for a list, on one line.

    >>> snippet("Buongiorno,\\n\\n la rete   non va")
    'Buongiorno, la rete non va'
    """
    return " ".join(text[:600].split())[:160]


def finish(case: Case) -> None:
    """The clocks as they are now, and the ticket as it is now."""
    timing.settle(case)
    paging.watch(case)
    alert_returns.settle(case)
    case.save()
