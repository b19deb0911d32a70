"""Is a mail a vendor's matter, and what comes of it? It goes onto a case, or waits in the vendors' triage: never to a customer's conversation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.desk import (
    acts,
    authors,
    filing,
    footers,
    notices,
    restraint,
    tasks,
    timing,
    vendor_cases,
    vendor_rows,
)
from core.desk.authors import Author
from core.desk.case import Case
from core.desk.filing import Message, Understood
from core.desk.principal import HUB
from core.desk.reference import Vendor
from core.envelope import Inbound, Trust
from core.ids import message_id_key
from core.rules import threading, workflow
from core.rules import trust as trust_rule
from core.rules import vendor as rule
from core.rules.vendor import Asked, Found, Placed, State
from core.store import tables
from core.store.tx import Row, Tx

TRIAGE = "vendor_"
"""Before the reason for which a mail waits in the vendors' triage."""
TAKE_AS = "vendor"
"""What staff have decided of one that waited: it goes onto a case."""
MAX_TOKENS, MAX_REFS = 5, 10  # of one mail, looked at
MAX_REFS_OF_OTHERS = 2  # of a mail by nobody of a vendor's: this is on the way of every answer


def foresee(tx: Tx, said: Inbound) -> None:
    """Addresses for answers are going to be looked up, and what is answered."""
    for token in said.reply_tokens[:MAX_TOKENS]:
        vendor_rows.foresee_token(tx, token)
    for ref in said.own_refs[:MAX_REFS_OF_OTHERS]:
        vendor_rows.foresee_own_ref(tx, ref)


def take(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Understood | None:
    """What becomes of a vendor's mail, and of one that came to a vendor's address; None: it is no matter of vendors."""
    if said.chat is not None or said.contact or said.agent:
        return None
    address = said.author.key if said.author is not None and not said.under_our_name else ""
    of, by_domain = vendor_rows.by_address(tx, address) if address else (None, False)
    cases = _named(tx, said, of)
    if of is None and not cases:
        return None
    author = authors.find(tx, said)
    known = author.kind in ("contact", "agent")
    placed = rule.place(
        Asked(
            vendor=of.name if of is not None else None,
            contact=known and by_domain,
            known=(known or author.by_domain) and of is None,
            aligned=said.authentication.verdict == "pass",
            failed=said.authentication.verdict == "fail" or bool(said.author_defects),
        ),
        [Found(how=how, case=one.id, vendor=one.vendor) for how, one in cases],  # type: ignore[arg-type]
    )
    if placed.outcome == "none":
        return None
    message = _message(tx, row, said, author, placed)
    rights = threading.rights(said.kind)
    if restraint.flooding(tx, restraint.sender(tx, author, row.sender, now=now)):
        return _wait(tx, message, "flood", placed, cases, now=now)
    if not rights.may_attach:
        return filing.conclude(tx, row, said, "machine", said.kind, now=now, detail=message.detail)
    if placed.outcome == "triage":
        return _wait(tx, message, placed.why, placed, cases, now=now)
    found = next(one for _, one in cases if one.id == placed.case)
    return _onto(tx, message, found, placed, cases, now=now)


def handed(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Understood:
    """Staff have said to which case it belongs."""
    author = authors.find(tx, said)
    found = vendor_rows.by_thread(tx, row.detail["vendor_thread"])
    assert found is not None  # noqa: S101 - no conversation is ever deleted
    placed = Placed(outcome="case", why="chosen", case=found.id, vendor=found.vendor)
    message = _message(tx, row, said, author, placed)
    message.detail["released_by"] = row.detail["by"]
    return _onto(tx, message, found, placed, [("chosen", found)], now=now)


# --- What it names ------------------------------------------------------------------------------------------


def _named(tx: Tx, said: Inbound, of: Vendor | None) -> list[tuple[str, Row]]:
    """(how, case) of every case that the mail names. Their own references are looked at among their own cases only."""
    found: list[tuple[str, Row]] = []
    for token in said.reply_tokens[:MAX_TOKENS]:
        found += [("token", one) for one in vendor_rows.by_token(tx, token)]
    for ref in said.own_refs[: MAX_REFS if of is not None else MAX_REFS_OF_OTHERS]:
        found += [("references", one) for one in vendor_rows.by_own_ref(tx, ref)]
    if of is None:
        return found
    for ref in said.body_refs[:MAX_REFS]:
        found += [("references", one) for one in vendor_rows.by_own_ref(tx, ref)]
    for ref in dict.fromkeys((*said.in_reply_to, *reversed(said.references))):
        if len(found) >= MAX_REFS:
            break
        found += [("references", one) for one in vendor_rows.by_ref(tx, ref)]
    called = rule.references(of.reference_pattern, said.subject, filing.visible(said))
    if called:
        theirs = [one for one in vendor_rows.open_of(tx, of.name) if one.reference in called]
        found += [("reference", one) for one in theirs]
    return found


def _message(tx: Tx, row: Row, said: Inbound, author: Author, placed: Placed) -> Message:
    decided = trust_rule.decide(
        known=placed.vendor is not None,
        proved=False,
        defects=said.author_defects or (("no_author",) if author.kind == "nobody" else ()),
        authentication=said.authentication,
        token=placed.why == "token",
        own=said.under_our_name,
    )
    detail: dict[str, Any] = {
        "trust": decided.trust,
        "trust_reasons": list(decided.reasons),
        "authentication": list(said.authentication.evidence),
        "threading": placed.why,
        "kind": said.kind,
        "kind_evidence": list(said.kind_evidence),
        "vendor": placed.vendor,
    }
    said, why_folded = footers.fold(tx, said, whose=f"vendor {placed.vendor}" if placed.vendor else None)
    if why_folded:
        detail["folded"] = why_folded
    whose = Author(kind="stranger", address=author.address, name=author.name, language=author.language)
    return Message(
        row=row,
        said=said,
        author=whose,  # whoever else they are, here they are the vendor's
        trust=Trust(decided.trust),
        placed=threading.Threading(outcome="held", reason=f"{TRIAGE}{placed.why}"),
        detail=detail,
    )


# --- Where it goes ------------------------------------------------------------------------------------------


def _wait(
    tx: Tx, message: Message, why: str, placed: Placed, cases: list[tuple[str, Row]], *, now: datetime
) -> Understood:
    """Staff decide: it stands in the vendors' triage, beside no ticket, so that nobody takes it into a conversation by mistake."""
    named = next((one for _, one in cases if one.id == placed.case), None)
    if named is not None:
        message.detail["vendor_thread"] = named.thread_id
    return filing.hold(tx, message, f"{TRIAGE}{why}", now=now)


def _onto(
    tx: Tx, message: Message, found: Row, placed: Placed, cases: list[tuple[str, Row]], *, now: datetime
) -> Understood:
    said = message.said
    case = Case.open(tx, found.ticket_id, now=now)
    here = vendor_rows.by_thread(tx, found.thread_id)
    if here is not None and here.ticket_id != case.id:  # it was joined to another while we waited for its row
        return _onto(tx, message, here, placed, cases, now=now)
    if case["state"] in workflow.ENDED:
        return _wait(tx, message, "ticket_over", placed, cases, now=now)
    person = threading.rights(said.kind).may_reopen
    if not person and restraint.chattering(tx, case.id, now=now):
        return filing.conclude(tx, message.row, said, "machine", "too_many", now=now, detail=message.detail)
    row = vendor_rows.one(case, found.id)
    message_id = filing.store(case, message, row.thread_id, audience=rule.audience(row.id))
    if said.message_id:
        tx.insert_missing(
            tables.thread_ref,
            ref=message_id_key(said.message_id),
            ticket_id=case.id,
            thread_id=row.thread_id,
            kind=rule.CHANNEL,
            customer=None,
            at=now,
        )
    case.event(
        "vendor.wrote",
        actor="address",
        at=message.row.received_at,
        vendor_case=row.id,
        message=message_id,
        automatic=not person,
    )
    row = _called(case, row, said)
    if person:
        _answered(case, row, at=message.row.received_at)
    elif row.reference and rule.references(_pattern(tx, row), said.subject, filing.visible(said)):
        _acknowledged(case, row, at=message.row.received_at)
    acts.finish(case)
    return filing.conclude(
        tx,
        message.row,
        said,
        "attached",
        f"{TRIAGE}{placed.why}",
        now=now,
        detail=message.detail,
        case=case,
        message_id=message_id,
    )


def _pattern(tx: Tx, row: Row) -> str:
    of = vendor_rows.named(tx, row.vendor)
    return of.reference_pattern if of is not None else ""


def _called(case: Case, row: Row, said: Inbound) -> Row:
    """What they call the case, if they say it and nobody did before. A reference of another open case of theirs is none."""
    if row.reference:
        return row
    others = {one.reference for one in vendor_rows.open_of(case.tx, row.vendor) if one.id != row.id}
    named = rule.references(_pattern(case.tx, row), said.subject, filing.visible(said))
    new = [one for one in named if one not in others]
    if not new:
        return row
    case.event("vendor.described", actor="system", vendor_case=row.id, fields=["reference"])
    return vendor_rows.change(case, row, reference=new[0])


def _acknowledged(case: Case, row: Row, *, at: datetime) -> None:
    """Their machine has it: that is an answer, and no word of a person."""
    if row.state != State.OPENED:
        return
    to = rule.move(row.state, "acknowledge")
    _first(case, row, at=at)
    case.event(
        "vendor.acknowledged", actor="system", vendor_case=row.id, **{"from": row.state, "to": str(to)}
    )
    vendor_rows.change(case, row, state=str(to), first_answer_at=row.first_answer_at or at)


def _answered(case: Case, row: Row, *, at: datetime) -> None:
    """A person there wrote: the next word is ours, whatever was thought of the case."""
    to = rule.move(row.state, "answer")
    _first(case, row, at=at)
    changed: dict[str, Any] = {"state": str(to), "first_answer_at": row.first_answer_at or at}
    changed |= {"closed_at": None, "solved_at": None}
    if row.next_update_due is not None:
        if at <= row.next_update_due:
            changed["kept"] = row.kept + 1
        elif not vendor_rows.reminded(case.tx, row):
            changed["late"] = row.late + 1
        once = vendor_rows.reminder_of(row)
        tasks.settle(case.tx, once=once, now=case.now, ticket_id=case.id)
    changed["next_update_due"] = vendor_rows.due(case.tx, row.vendor, "update", since=max(at, case.now))
    if row.state != to:
        word = "came_back" if row.state in (State.SOLVED, State.CLOSED) else "answered"
        case.event(f"vendor.{word}", actor="system", vendor_case=row.id, **{"from": row.state, "to": str(to)})
    row = vendor_rows.change(case, row, **changed)
    vendor_cases.ask_to_read(case, row)
    if case["state"] == workflow.State.WAITING_VENDOR:
        at = max(at, case["state_since"])  # one that came before we waited, and was read after
        acts.move(case, HUB, "vendor_message", at=at, vendor_case=row.id)
        timing.apply(case, "vendor_message", at=at)
        notices.progress(case, "vendor_answered")


def _first(case: Case, row: Row, *, at: datetime) -> None:
    if row.first_answer_at is None and row.opened_at is not None:
        timing.vendor_answered(case, row, at=max(at, row.opened_at))
