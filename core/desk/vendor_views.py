"""What do staff see of cases at vendors? Those of a ticket, one with its conversation, all that are open, and what waits in the triage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, literal, select

from core.desk import conversation, reference, vendor_cases, vendor_intake, vendor_rows, vendor_sending
from core.desk.errors import Forbidden, NotFound
from core.desk.principal import Principal
from core.desk.scope import Scope, find, scope
from core.desk.views import MessageView, VendorCaseView
from core.rules import vendor as rule
from core.store import tables
from core.store.tx import Prepared, Row, Tx

MOST = 300
"""Open cases listed, and mails of the triage."""

case_table, ticket, inbound = tables.vendor_case, tables.ticket, tables.inbound

_OF_TICKET = select(
    case_table,
    ticket.c.number,
    ticket.c.subject.label("ticket_subject"),
    tables.customer.c.name.label("customer_name"),
    ticket.c.requester_name,
).select_from(
    case_table.join(ticket, ticket.c.id == case_table.c.ticket_id).outerjoin(
        tables.customer, tables.customer.c.code == ticket.c.customer
    )
)
_HERE = Prepared(_OF_TICKET.where(case_table.c.ticket_id == bindparam("ticket_id")).order_by(case_table.c.id))
_WAITING = Prepared(
    select(inbound)
    .where(
        inbound.c.open.is_(True),
        inbound.c.outcome == literal("held"),
        inbound.c.reason.like(f"{vendor_intake.TRIAGE}%"),
    )
    .order_by(inbound.c.received_at, inbound.c.id)
    .limit(MOST)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One case, with what was said there."""

    case: VendorCaseView
    messages: tuple[MessageView, ...]
    draft: str
    """What the one who asks began to write."""
    to: tuple[str, ...]
    """Addresses that the next mail goes to."""
    masks: bool
    """What goes there is without the customer's names and addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A mail that waits in the triage."""

    id: str
    received_at: datetime
    sender: str
    subject: str
    text: str
    why: str
    """no_case, unproved, third_party, failed, ambiguous, ticket_over or flood."""
    vendor: str
    named: VendorCaseView | None
    """The case that it seems to mean."""
    cases: tuple[VendorCaseView, ...]
    """The open ones of that vendor, to choose from."""


def of_ticket(tx: Tx, who: Principal, number: str) -> tuple[VendorCaseView, ...]:
    """The cases of a ticket, oldest first. Raises NotFound, Forbidden for contacts."""
    found = find(tx, who, number)
    _only_staff(who)
    return tuple(_view(row) for row in tx.all(_HERE, ticket_id=found.id))


def one(tx: Tx, who: Principal, number: str, case_id: str) -> Opened:
    """A case and its conversation, oldest first. Raises NotFound, Forbidden for contacts."""
    found = find(tx, who, number)
    _only_staff(who)
    row = next((one for one in tx.all(_HERE, ticket_id=found.id) if one.id == case_id), None)
    if row is None:
        raise NotFound(vendor_rows.no_case(number, case_id))
    audience = rule.audience(case_id)
    said = tuple(one for one in conversation.messages(tx, who, found) if one.audience == audience)
    of = vendor_rows.named(tx, row.vendor)
    return Opened(
        case=_view(row),
        messages=said,
        draft=vendor_cases.drafted(tx, who, found.id, case_id),
        to=tuple(person.address for person in vendor_sending.next_to(tx, row)),
        masks=of is not None and of.mask,
    )


def to_choose(tx: Tx, who: Principal, numbers: Iterable[str]) -> dict[str, tuple[VendorCaseView, ...]]:
    """Of each of these tickets that has any, the cases on which something was sent: what a mail can be an answer to."""
    found = {number: of_ticket(tx, who, number) for number in dict.fromkeys(numbers)}
    sent = {number: tuple(one for one in cases if one.opened_at) for number, cases in found.items()}
    return {number: cases for number, cases in sent.items() if cases}


def listing(tx: Tx, who: Principal) -> tuple[VendorCaseView, ...]:
    """All that are not closed and whose tickets one may see: those that wait for us first, then what is due first."""
    _only_staff(who)
    mine = scope(who)
    found = [_view(row) for row in tx.all(_open(mine.shape), **mine.values)]
    return tuple(sorted(found, key=_urgency))


def _urgency(one: VendorCaseView) -> tuple[Any, ...]:
    due = one.next_update_due
    return (one.state != "waiting_us", due is None, due or one.made_at, one.id)


def triage(tx: Tx, who: Principal) -> tuple[Waiting, ...]:
    """What vendors wrote that belongs to no case for sure, oldest first. For those who see every ticket."""
    if not who.sees_everything:
        return ()
    rows = tx.all(_WAITING)
    if not rows:
        return ()
    cases = [_view(row) for row in tx.all(_open(scope(who).shape))]
    threads = {row.id: row.thread_id for row in tx.all(_open(scope(who).shape))}
    return tuple(_waiting(row, cases, threads) for row in rows)


def _waiting(row: Row, cases: Sequence[VendorCaseView], threads: dict[str, str]) -> Waiting:
    vendor, thread = row.detail.get("vendor") or "", row.detail.get("vendor_thread")
    named = next((one for one in cases if thread is not None and threads[one.id] == thread), None)
    return Waiting(
        id=row.id,
        received_at=row.received_at,
        sender=row.author or row.sender,
        subject=row.subject,
        text=row.detail.get("text", ""),
        why=row.reason.removeprefix(vendor_intake.TRIAGE),
        vendor=vendor,
        named=named,
        cases=tuple(one for one in cases if not vendor or one.vendor == vendor),
    )


def preview(tx: Tx, who: Principal, number: str, *, vendor: str, text: str) -> str:
    """What a vendor would read of these words. Raises NotFound, Forbidden for contacts."""
    found = find(tx, who, number)
    _only_staff(who)
    return vendor_sending.hidden(tx, found, vendor, text)


def names(tx: Tx, who: Principal) -> tuple[str, ...]:
    """Vendors that a case can be opened at. Forbidden for contacts."""
    _only_staff(who)
    return tuple(reference.desk(tx).vendors)


def _only_staff(who: Principal) -> None:
    if not who.is_agent and who.kind != "system":
        raise Forbidden("only staff see what vendors are asked")


def _view(row: Row) -> VendorCaseView:
    return VendorCaseView(
        id=row.id,
        number=row.number,
        ticket_subject=row.ticket_subject,
        customer_name=row.customer_name or row.requester_name,
        vendor=row.vendor,
        contract=row.contract,
        reference=row.reference,
        subject=row.subject,
        state=row.state,
        severity=row.severity_there,
        rma=row.rma,
        serial=row.serial,
        reference_shown=row.reference_shown,
        made_at=row.made_at,
        opened_at=row.opened_at,
        first_answer_at=row.first_answer_at,
        next_update_due=row.next_update_due,
        solved_at=row.solved_at,
        closed_at=row.closed_at,
        reopened=row.reopened,
        kept=row.kept,
        late=row.late,
        allowed=rule.allowed(row.state),
    )


@cache
def _open(shape: tuple[Any, ...]) -> Prepared:
    readable = Scope(shape=shape, values={}).tickets
    return Prepared(
        _OF_TICKET.where(case_table.c.closed_at.is_(None), readable).order_by(case_table.c.id).limit(MOST)
    )
