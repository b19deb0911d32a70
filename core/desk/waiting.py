"""What do staff decide about what waits for them? Held messages are taken or discarded, what failed is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import chat_intake, chats, door, traffic, vendor_intake, vendor_rows
from core.desk.case import Case
from core.desk.errors import Forbidden, Refused, invalid
from core.desk.principal import Principal
from core.desk.scope import find, find_to_act
from core.rules import reaching, threading, workflow
from core.store import tables
from core.store.tx import Prepared, Row, Tx

TAKE_AS = ("message", "ticket", "note")

inbound_table = tables.inbound


def release(
    tx: Tx,
    who: Principal,
    inbound_id: str,
    *,
    as_: str,
    now: datetime,
    ticket: str | None = None,
    vendor_case: str | None = None,
) -> None:
    """Take a held message: into the conversation it names, as a new ticket, as a note, or onto a case at a vendor. It is read again for that.

    `ticket`: of words in a chat whose author did not say which request they mean, the number of one they were offered.
    `vendor_case`: with "vendor", which case of the ticket that it names. A ticket that has ended takes it as it is, and stays
    ended; a case of it does not. Raises NotFound, Forbidden, Refused when it waits for nobody, or for a case of a ticket that has ended, Invalid.
    """
    row = _waiting(tx, who, inbound_id, "held")
    if as_ == vendor_intake.TAKE_AS:
        number = traffic.inbound_item(tx, who, inbound_id).ticket
        if not number or row.channel != reaching.MAIL:
            raise invalid("/as", "only a mail that names a ticket can be taken onto a case at a vendor")
        if not vendor_case:
            raise invalid("/vendor_case", "must be one of the cases of the ticket")
        _onto_case(tx, row, who, number, vendor_case, now=now)
        return
    if ticket:
        _choose(tx, row, who, ticket, now=now)
        return
    if as_ not in TAKE_AS:
        raise invalid("/as", f"must be one of {', '.join((*TAKE_AS, vendor_intake.TAKE_AS))}")
    if as_ != "ticket" and not row.detail.get("ticket"):
        raise invalid("/as", "the message names no ticket: take it as a ticket of its own")
    _again(tx, row, who, {**row.detail, "take_as": as_, "by": who.id}, now=now)


def hand_to_vendor_case(
    tx: Tx, who: Principal, inbound_id: str, *, number: str, vendor_case: str, now: datetime
) -> None:
    """A mail that waits in the vendors' triage belongs to this case of a ticket. It is read again for that.

    Raises NotFound, Forbidden, Refused when it waits for nobody, or its ticket has ended.
    """
    row = _waiting(tx, who, inbound_id, "held")
    if not row.reason.startswith(vendor_intake.TRIAGE):
        raise Refused(
            "this item is no vendor's: take it as a message, a ticket or a note", code="no_vendors_item"
        )
    _onto_case(tx, row, who, number, vendor_case, now=now)


def _onto_case(tx: Tx, row: Row, who: Principal, number: str, vendor_case: str, *, now: datetime) -> None:
    case = Case.open(tx, find_to_act(tx, who, number).id, now=now)
    if case["state"] in workflow.ENDED:
        raise Refused(
            f"{number} is {case['state']}", allowed=workflow.allowed(case["state"]), code="request_ended"
        )
    of = vendor_rows.one(case, vendor_case)
    if of.opened_at is None:
        raise Refused(
            f"nothing was sent to {of.vendor} on this case yet", allowed=("write",), code="vendor_unwritten"
        )
    chosen = {"take_as": vendor_intake.TAKE_AS, "vendor_thread": of.thread_id, "by": who.id}
    _again(tx, row, who, {**row.detail, **chosen}, now=now)


def _choose(tx: Tx, row: Row, who: Principal, number: str, *, now: datetime) -> None:
    """What the author was asked, staff answer; what else waits in the chat still waits."""
    of = chats.one(tx, row.ticket_id) if row.reason == threading.WHICH_TICKET and row.ticket_id else None
    if of is None or number not in row.detail["meant"]["offered"]:
        raise invalid("/ticket", f"{number} is none of those that its author was asked about")
    chosen = {"ticket": find(tx, who, number).id}
    chat_intake.again(tx, row, row.sender, {**row.detail, **chosen, "chat": of.id, "by": who.actor}, now=now)
    if not chat_intake.waiting(tx, of):
        chat_intake.answered(tx, of)


def retry(tx: Tx, who: Principal, inbound_id: str, *, now: datetime) -> None:
    """Try again what could not be read or decided, after a fix."""
    row = _waiting(tx, who, inbound_id, "exception")
    _again(tx, row, who, {}, now=now)


AT_ONCE = 100
"""Exceptions that one transaction takes up."""


def retry_all(tx: Tx, who: Principal, *, before: datetime, now: datetime) -> int:
    """Try again whatever could not be read or decided before this instant, as far as this person sees it; return how many.

    At most AT_ONCE, the oldest first: called until it returns 0, it has taken up all of them. What fails again has failed later, and stays.
    """
    waiting = 0
    cursor = None
    while waiting < AT_ONCE:
        page = traffic.inbound(tx, who, outcome="exception", oldest_first=True, cursor=cursor, limit=AT_ONCE)
        for item in page.items:
            if (item.decided_at is None or item.decided_at < before) and waiting < AT_ONCE:
                _again(tx, tx.one(_ROW, id=item.id), who, {}, now=now)
                waiting += 1
        cursor = page.next
        if cursor is None:
            break
    return waiting


def discard(tx: Tx, who: Principal, inbound_id: str, *, now: datetime) -> None:
    """Decide that nothing is to be done. The bytes and the outcome stay; it is no longer in the list."""
    row = _waiting(tx, who, inbound_id)
    detail = {**row.detail, "discarded_by": who.id}
    tx.update(inbound_table, {"id": inbound_id}, open=False, decided_at=now, detail=detail)
    _no_longer_held(tx, row, who, "inbound.discarded", now=now)
    tx.tell("inbound", inbound_id)


def _waiting(tx: Tx, who: Principal, inbound_id: str, outcome: str | None = None) -> Row:
    if who.kind == "contact":
        raise Forbidden("only staff may do this")
    traffic.inbound_item(tx, who, inbound_id)  # raises NotFound for what is out of scope
    row = tx.one(_ROW, id=inbound_id)
    if not row.open or (outcome is not None and row.outcome != outcome):
        raise Refused(f"this item is no longer waiting: it is {row.outcome}", code="not_waiting_any_more")
    return row


_ROW = Prepared(select(inbound_table).where(inbound_table.c.id == bindparam("id")))


def _again(tx: Tx, row: Row, who: Principal, detail: Mapping[str, Any], *, now: datetime) -> None:
    tx.update(
        inbound_table,
        {"id": row.id},
        outcome=None,
        reason="",
        detail=detail,
        open=False,
        tries=0,
        decided_at=None,
    )
    _no_longer_held(tx, row, who, "inbound.taken_up", now=now)
    door.enqueue(tx, row.id, row.sender, now=now, source=door.source_of(row))
    tx.tell("inbound", row.id)


def _no_longer_held(tx: Tx, row: Row, who: Principal, event: str, *, now: datetime) -> None:
    if row.detail.get("ticket"):
        case = Case.open(tx, row.detail["ticket"], now=now)
        case.flag("held", on=tx.one(_OTHER_HELD, ticket_id=case.id, id=row.id) is not None)
        case.event(event, actor=who.actor, inbound=row.id)
        case.save()


_OTHER_HELD = Prepared(
    select(inbound_table.c.id)
    .where(
        inbound_table.c.ticket_id == bindparam("ticket_id"),
        inbound_table.c.id != bindparam("id"),
        inbound_table.c.outcome == "held",
        inbound_table.c.open,
    )
    .limit(1)
)
