"""What becomes of a message of a chat that is not over when it came? Parts join it, its author changes it or takes it back.

Only whoever wrote a message changes it. What was there before is kept: as a version, or for staff to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from core.desk import acts, chat_intake, filing, outbox, restraint, threads
from core.desk.case import Case
from core.desk.chat_came import Came
from core.desk.conversation import visible_text
from core.desk.filing import Understood
from core.envelope import SpanKind
from core.ids import short_hash
from core.store import fulltext, tables
from core.store.tx import Prepared, Row, Tx

message, version, inbound, thread_ref = (
    tables.message,
    tables.message_version,
    tables.inbound,
    tables.thread_ref,
)

INSIDE = "internal"
"""By whom words that were taken back are found."""

_BY_REF = Prepared(select(thread_ref.c.ticket_id).where(thread_ref.c.ref == bindparam("ref")))
_BY_ID = Prepared(
    select(message).where(
        message.c.ticket_id == bindparam("ticket_id"), message.c.external_ref == bindparam("ref")
    )
)
_BY_PART = Prepared(
    select(message).where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.idem == bindparam("idem"),
        message.c.idem != "",
    )
)
_OF_PART = Prepared(
    select(message, inbound.c.detail.label("detail"))
    .select_from(
        inbound.join(
            message, (message.c.ticket_id == inbound.c.ticket_id) & (message.c.id == inbound.c.message_id)
        )
    )
    .where(inbound.c.ticket_id == bindparam("ticket_id"), inbound.c.reason == literal(filing.PART))
)
_VERSIONS = Prepared(
    select(func.max(version.c.n).label("n")).where(
        version.c.ticket_id == bindparam("ticket_id"), version.c.message_id == bindparam("message_id")
    )
)


def act(tx: Tx, came: Came) -> Understood | None:
    """Join, change or take back; None: it is a message of its own, or something else is done."""
    done = came.said.chat
    if done is None:
        return None
    if done.part_of:
        return _join(tx, came)
    if done.changes:
        return _change(tx, came, done.changes)
    if done.withdraws:
        return _withdraw(tx, came, done.withdraws)
    return None


# --- Parts --------------------------------------------------------------------------------------------------


def _join(tx: Tx, came: Came) -> Understood | None:
    """All files of a group are one message. None: this part is the first to come, and makes it."""
    name = filing.part_of(came.said)
    found = None
    for ref in tx.all(_BY_REF, ref=short_hash(name)):
        found = found or tx.one(_BY_PART, ticket_id=ref.ticket_id, idem=name)
    if found is None or found.author_address != came.author.address:
        return None
    case = Case.open(tx, found.ticket_id, now=came.now)
    outbox.keep_files(case, found.id, came.said.attachments, internal=False)
    if words := came.said.text.strip():
        text = f"{found.text}\n\n{words}" if found.text.strip() else words
        more = [[len(found.text), len(text), str(SpanKind.VISIBLE)]] if found.spans else []
        _write(case, found, text, spans=[*found.spans, *more] if found.text.strip() else [])
    if came.said.notes:
        key = {"ticket_id": found.ticket_id, "id": found.id}
        tx.update(message, key, notes=list(dict.fromkeys((*found.notes, *came.said.notes))))
    threads.listen(case, found.thread_id, came.said, came.author)
    case.event("message.completed", actor=came.author.actor, message=found.id)
    case.save()
    return _kept(tx, came, "attached", filing.PART, case=case, of=found.id)


# --- Changes ------------------------------------------------------------------------------------------------


def _change(tx: Tx, came: Came, of: str) -> Understood:
    """Its text is another one now. Of what waits or is held, that which waits says the new one."""
    if restraint.doing_too_much(
        tx, came.author, came.chat.address, now=came.now
    ):  # each is looked for in the index
        return _kept(tx, came, "machine", "too_many")
    found = _written(tx, came, of)
    text = came.said.text
    if found is None:
        held = _held(tx, came, of)
        if held is None:  # it never came, or is somebody else's
            return _kept(tx, came, "machine", "change_of_unknown")
        detail = {**held.detail, "text": text.strip()[: filing.HELD_TEXT], "changed": text}
        tx.update(inbound, {"id": held.id}, detail=detail)
        return _kept(tx, came, "machine", "changed_held")
    if found.text == text or not text.strip():
        return _kept(tx, came, "machine", "changed_nothing")
    case = Case.open(tx, found.ticket_id, now=came.now)
    n = int(tx.one(_VERSIONS, ticket_id=found.ticket_id, message_id=found.id).n or 0) + 1
    tx.insert(
        version,
        ticket_id=found.ticket_id,
        message_id=found.id,
        n=n,
        text=found.text,
        at=came.now,
        by=came.author.actor,
    )
    _write(case, found, text)
    case.event("message.changed", actor=came.author.actor, message=found.id, version=n)
    case.save()
    return _kept(tx, came, "attached", "changed", case=case, of=found.id)


def _write(case: Case, found: Row, text: str, *, spans: Sequence[Any] = ()) -> None:
    """The text of a message that is there, findable by its words of now. `spans`: what of it is quoted; none, nothing is."""
    case.tx.update(message, {"ticket_id": case.id, "id": found.id}, text=text, spans=list(spans))
    fulltext.change(
        case.tx,
        ticket_id=case.id,
        item_id=found.id,
        audience=found.audience if found.withdrawn_at is None else INSIDE,
        before=f"{found.subject}\n{found.text}",
        body=f"{found.subject}\n{text}",
    )
    if _is_snippet(case, found):
        case.set(snippet=acts.snippet(visible_text(text, spans)))


def _is_snippet(case: Case, found: Row) -> bool:
    """Are these the words that lists show of the ticket?"""
    return bool(case["snippet"] == acts.snippet(visible_text(found.text, found.spans)))


# --- What is taken back -------------------------------------------------------------------------------------


def _withdraw(tx: Tx, came: Came, of: str) -> Understood:
    """Staff still read it, marked; nobody else does. What was not shown to anybody yet never is."""
    found = _written(tx, came, of)
    if found is None:
        held = _held(tx, came, of)
        if held is None:
            return _kept(tx, came, "machine", "withdrawal_of_unknown")
        detail = {**held.detail, "discarded_by": came.author.actor}
        tx.update(inbound, {"id": held.id}, detail=detail, open=False)
        if not chat_intake.waiting(tx, came.chat):
            chat_intake.answered(tx, came.chat)
        tx.tell("inbound", held.id)
        return _kept(tx, came, "machine", "withdrew_held")
    if found.withdrawn_at is not None:
        return _kept(tx, came, "machine", "withdrawn_before")
    case = Case.open(tx, found.ticket_id, now=came.now)
    tx.update(message, {"ticket_id": case.id, "id": found.id}, withdrawn_at=came.now)
    said = f"{found.subject}\n{found.text}"
    fulltext.change(tx, ticket_id=case.id, item_id=found.id, audience=INSIDE, before=said, body=said)
    if _is_snippet(case, found):
        case.set(snippet="")
    case.event("message.withdrawn", actor=came.author.actor, message=found.id)
    case.save()
    return _kept(tx, came, "attached", "withdrawn", case=case, of=found.id)


# --- Which one ----------------------------------------------------------------------------------------------


def _written(tx: Tx, came: Came, of: str) -> Row | None:
    """The message of this id that the same author wrote, or the one that it is a part of."""
    for ref in tx.all(_BY_REF, ref=short_hash(of)):
        parts = [row for row in tx.all(_OF_PART, ticket_id=ref.ticket_id) if row.detail.get("said_id") == of]
        for row in (*tx.all(_BY_ID, ticket_id=ref.ticket_id, ref=of), *parts):
            if row.direction == "in" and row.author_address == came.author.address:
                return row
    return None


def _held(tx: Tx, came: Came, of: str) -> Row | None:
    """What was held in this chat under this id."""
    return next(
        (
            row
            for row in chat_intake.held(tx, came.chat)
            if row.detail.get("said_id") == of and row.author == came.address
        ),
        None,
    )


def _kept(
    tx: Tx, came: Came, outcome: str, reason: str, *, case: Case | None = None, of: str | None = None
) -> Understood:
    detail = {"said_id": came.said.message_id}
    return filing.conclude(
        tx, came.row, came.said, outcome, reason, now=came.now, detail=detail, case=case, message_id=of
    )
