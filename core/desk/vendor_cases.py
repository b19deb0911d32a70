"""What is done with a case at a vendor? Opened, written on, kept up to date, solved, and told to the customer in words of our own.

A case has a conversation of its own; several may be open for one ticket. What a vendor writes is read by staff alone: a
customer learns of it by `promote`, which sends a new text with its author.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import acts, entitle, follow_ups, notices, tasks, tickets, timing, vendor_rows, vendor_sending
from core.desk.case import Case
from core.desk.errors import Refused, invalid
from core.desk.principal import Principal
from core.envelope import Attachment
from core.ids import new_id
from core.rules import vendor as rule
from core.rules.vendor import State
from core.rules.workflow import State as TicketState
from core.store import tables
from core.store.tx import Prepared, Row, Tx

MAX_SUBJECT = 300
_NOT_YET = (TicketState.RECEIVED, TicketState.TRIAGE)

draft = tables.draft

_DRAFTED = Prepared(
    select(draft.c.text).where(
        draft.c.ticket_id == bindparam("ticket_id"),
        draft.c.agent == bindparam("agent"),
        draft.c.kind == bindparam("kind"),
    )
)
_MESSAGE = Prepared(
    select(tables.message.c.id).where(
        tables.message.c.ticket_id == bindparam("ticket_id"),
        tables.message.c.id == bindparam("id"),
        tables.message.c.audience == bindparam("audience"),
    )
)


def open_case(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    vendor: str,
    subject: str,
    now: datetime,
    text: str = "",
    severity: str = "",
    reference: str = "",
    serial: str = "",
    rma: str = "",
    files: Sequence[Attachment] = (),
    of_ticket: Sequence[str] = (),
    wait: bool = False,
    send: bool = True,
    idem: str = "",
) -> str:
    """A case at a vendor; return its id. The same `idem` gives the same case again.

    `text`: what goes to the vendor, and nothing else does; `of_ticket`: ids of files of the ticket that go with it.
    `send` False: a draft, which keeps the text for its author. `wait`: the ticket waits for them. Raises Refused
    where the contract has to be approved first or nobody knows yet what is wanted; Invalid.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    if idem and (done := _by_idem(case, idem)) is not None:
        return done
    of = vendor_rows.named(tx, vendor)
    if of is None:
        raise invalid("/vendor", f"there is no vendor {vendor}")
    _may_begin(case)
    entitle.before_work(case)
    case_id, thread_id = new_id(), new_id()
    tx.insert(
        tables.thread,
        ticket_id=case.id,
        id=thread_id,
        channel=rule.CHANNEL,
        address=of.email,
        at=now,
        aside=True,  # nothing of the ticket is said in it
    )
    tx.insert(
        tables.vendor_case,
        ticket_id=case.id,
        id=case_id,
        vendor=of.name,
        contract=of.contract,
        reference=_short(reference, "/reference"),
        severity_there=_short(severity, "/severity"),
        thread_id=thread_id,
        subject=vendor_sending.hidden(tx, case, of.name, _subject(subject)),
        rma=_short(rma, "/rma"),
        serial=_short(serial, "/serial"),
        reference_shown=of.show_reference,
        made_at=now,
        made_by=who.actor,
    )
    case.event("vendor.made", actor=who.actor, vendor_case=case_id, idem=idem)
    row = vendor_rows.one(case, case_id)
    if send:
        _write(case, row, who, text, files=files, of_ticket=of_ticket, idem="")
        if wait:
            _wait(case, vendor_rows.one(case, case_id), who)
    elif text.strip():
        _keep_draft(case, row, who, acts.plain(text))
    acts.finish(case)
    return case_id


def _by_idem(case: Case, idem: str) -> str | None:
    for row in case.tx.all(_MADE, ticket_id=case.id):
        if row.data.get("idem") == idem:
            return str(row.data["vendor_case"])
    return None


_MADE = Prepared(
    select(tables.event.c.data).where(
        tables.event.c.ticket_id == bindparam("ticket_id"), tables.event.c.kind == "vendor.made"
    )
)


def write(
    tx: Tx,
    who: Principal,
    number: str,
    case_id: str,
    text: str,
    *,
    now: datetime,
    files: Sequence[Attachment] = (),
    of_ticket: Sequence[str] = (),
    wait: bool = False,
    idem: str = "",
) -> str:
    """Write to the vendor; return the message id. A draft is opened by it. Arguments as of `open_case`."""
    case, row = _begin(tx, who, number, case_id, now=now)
    if (done := acts.said_before(case, idem)) is not None:
        return done
    if row.state == State.DRAFT:
        entitle.before_work(case)
    message_id = _write(case, row, who, text, files=files, of_ticket=of_ticket, idem=idem)
    if wait:
        _wait(case, vendor_rows.one(case, case_id), who)
    acts.finish(case)
    return message_id


def _write(
    case: Case,
    row: Row,
    who: Principal,
    text: str,
    *,
    files: Sequence[Attachment],
    of_ticket: Sequence[str],
    idem: str,
) -> str:
    text = vendor_sending.hidden(case.tx, case, row.vendor, acts.plain(text))
    to = vendor_rows.moved(row, "write")
    along = (*files, *vendor_sending.chosen(case, of_ticket))
    message_id = vendor_sending.say(case, row, who, text, files=along, idem=idem)
    acts.drop_draft(case, who, draft_kind(row.id))
    changed: dict[str, Any] = {"state": str(to)}
    if row.state == State.DRAFT:
        changed |= {"opened_at": case.now}
        changed["next_update_due"] = row.next_update_due or vendor_rows.due(
            case.tx, row.vendor, "answer", since=case.now
        )
        _event(case, row, who, "opened", to)
    elif to != row.state:
        _event(case, row, who, "written", to)
    vendor_rows.change(case, row, **changed)
    if row.state == State.DRAFT:
        timing.vendor_opened(case, row.vendor)
    _read(case, row)
    return message_id


def draft_kind(case_id: str) -> str:
    """The kind of draft that half written words to a vendor are kept as."""
    return f"vendor:{case_id}"


def _keep_draft(case: Case, row: Row, who: Principal, text: str) -> None:
    acts.drop_draft(case, who, draft_kind(row.id))
    given = {"ticket_id": case.id, "agent": who.id, "kind": draft_kind(row.id)}
    case.tx.insert(draft, **given, text=text, updated_at=case.now)


def drafted(tx: Tx, who: Principal, ticket_id: str, case_id: str) -> str:
    """What somebody began to write on a case and did not send; empty: nothing."""
    row = tx.one(_DRAFTED, ticket_id=ticket_id, agent=who.id, kind=draft_kind(case_id))
    return str(row.text) if row is not None else ""


def describe(
    tx: Tx,
    who: Principal,
    number: str,
    case_id: str,
    *,
    now: datetime,
    reference: str | None = None,
    severity: str | None = None,
    rma: str | None = None,
    serial: str | None = None,
    reference_shown: bool | None = None,
    next_update_due: datetime | None = None,
    no_update_due: bool = False,
) -> str:
    """What the vendor calls it, how grave it is there, what is exchanged, and by when they said to write again.

    A field left out keeps its value. `reference_shown`: the customer may know the reference. `no_update_due`: nothing
    is waited for any more. Raises Invalid for an instant that is over.
    """
    case, row = _begin(tx, who, number, case_id, now=now)
    said = {"reference": reference, "severity_there": severity, "rma": rma, "serial": serial}
    changed: dict[str, Any] = {
        name: _short(value, f"/{name}") for name, value in said.items() if value is not None
    }
    if reference_shown is not None:
        changed["reference_shown"] = reference_shown
    if no_update_due:
        changed["next_update_due"] = None
    elif next_update_due is not None and next_update_due != row.next_update_due:
        if next_update_due <= now:
            raise invalid("/next_update_due", "is over: say when they are to write again")
        changed["next_update_due"] = next_update_due
    changed = {name: value for name, value in changed.items() if getattr(row, name) != value}
    if changed:
        case.event("vendor.described", actor=who.actor, vendor_case=row.id, fields=sorted(changed))
        vendor_rows.change(case, row, **changed)
        if "next_update_due" in changed:
            _no_longer_late(case, row, who)
    acts.finish(case)
    return number


def working(tx: Tx, who: Principal, number: str, case_id: str, *, now: datetime) -> str:
    """They said by another way that they work on it: the next word is theirs."""
    return _mark(tx, who, number, case_id, "work", now=now)


def solved(tx: Tx, who: Principal, number: str, case_id: str, *, now: datetime) -> str:
    """What they did solves it. It is closed with the ticket, or before."""
    return _mark(tx, who, number, case_id, "solve", now=now)


def reopen(tx: Tx, who: Principal, number: str, case_id: str, *, now: datetime) -> str:
    """It is not solved: the case goes on. Raises Refused on a ticket that has ended."""
    return _mark(tx, who, number, case_id, "reopen", now=now)


def close(tx: Tx, who: Principal, number: str, case_id: str, *, now: datetime) -> str:
    """Nothing more is wanted of them."""
    return _mark(tx, who, number, case_id, "close", now=now)


def _mark(tx: Tx, who: Principal, number: str, case_id: str, event: str, *, now: datetime) -> str:
    case, row = _begin(tx, who, number, case_id, now=now)
    to = vendor_rows.moved(row, event)
    if event == "reopen":
        _may_begin(case)
    changed: dict[str, Any] = {"state": str(to)}
    if event == "solve":
        changed["solved_at"] = now
    elif event == "close":
        changed["closed_at"] = now
    elif event == "reopen":
        changed |= {"solved_at": None, "closed_at": None}
        if row.opened_at is None:  # it was never sent: a draft again
            to = State.DRAFT
            changed["state"] = str(to)
        else:
            changed["reopened"] = row.reopened + 1
    if event in ("solve", "close"):
        changed["next_update_due"] = None
        _no_longer_late(case, row, who)
    _event(
        case, row, who, {"work": "working", "solve": "solved", "close": "closed"}.get(event, "reopened"), to
    )
    vendor_rows.change(case, row, **changed)
    _read(case, row)
    if event in ("solve", "close"):
        no_longer_there(case, who)
    acts.finish(case)
    return number


def no_longer_there(case: Case, who: Principal) -> None:
    """A case has ended: when it was the last, the vendor's clock stops and the ticket waits no more."""
    if vendor_rows.standing(vendor_rows.of_ticket(case.tx, case.id)):
        return
    timing.apply(case, "vendor_closed")
    if case["state"] == TicketState.WAITING_VENDOR:
        acts.move(case, who, "vendor_message")
        notices.progress(case, "vendor_over")


def wait_for(tx: Tx, who: Principal, number: str, case_id: str, *, now: datetime) -> str:
    """The ticket waits for this vendor: clocks pause where its contract says so. Raises Refused without an open case."""
    case, row = _begin(tx, who, number, case_id, now=now)
    _wait(case, row, who)
    acts.finish(case)
    return number


def _wait(case: Case, row: Row, who: Principal) -> None:
    if row.state not in rule.OPEN:
        raise Refused(
            f"the case at {row.vendor} is {row.state}: open it first",
            allowed=rule.allowed(row.state),
            code="vendor_not_open",
        )
    acts.move(case, who, "wait_vendor", vendor_case=row.id)
    timing.vendor_waits(case, row)
    notices.progress(case, "vendor")


def promote(
    tx: Tx,
    who: Principal,
    number: str,
    case_id: str,
    text: str,
    *,
    now: datetime,
    message: str | None = None,
    idem: str = "",
    seen: int | None = None,
) -> str:
    """Tell the customer, in words of one's own, what the vendor said; return the id of the new message, which is ours.

    `message`: id of the vendor's that it tells of. Nothing of it is copied: the customer gets `text` and its author's
    name. Raises NotFound for a message that is not of this case, and what `tickets.reply` raises.
    """
    case, row = _begin(tx, who, number, case_id, now=now)
    if message is not None:
        given = {"ticket_id": case.id, "id": message, "audience": rule.audience(row.id)}
        if tx.one(_MESSAGE, **given) is None:
            raise invalid("/message", f"the case has no message {message}")
    if (done := acts.said_before(case, idem)) is not None:
        return done
    said = tickets.reply(tx, who, number, text, now=now, idem=idem, seen=seen)
    case = Case.open(tx, case.id, now=now)
    case.event("vendor.promoted", actor=who.actor, vendor_case=row.id, source=message, message=said)
    _read(case, row)
    case.save()
    return said


# --- Within one verb ----------------------------------------------------------------------------------------


def _begin(tx: Tx, who: Principal, number: str, case_id: str, *, now: datetime) -> tuple[Case, Row]:
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    return case, vendor_rows.one(case, case_id)


def _may_begin(case: Case) -> None:
    if case["open"] and case["state"] not in _NOT_YET:
        return  # what waits for approval is told by `entitle.before_work`
    raise Refused(
        f"{case['number']} is {case['state']}: a vendor is asked about what is being worked on",
        code="vendor_not_yet",
    )


def _event(case: Case, row: Row, who: Principal, word: str, to: State) -> None:
    case.event(f"vendor.{word}", actor=who.actor, vendor_case=row.id, **{"from": row.state, "to": str(to)})


def _read(case: Case, row: Row) -> None:
    """Whoever acts on a case has read what came."""
    tasks.settle(case.tx, once=answered(row), now=case.now, ticket_id=case.id)


def answered(row: Row) -> str:
    """The name under which somebody is asked to read what a vendor wrote."""
    return f"{vendor_rows.ANSWERED}:{row.id}"


def _no_longer_late(case: Case, row: Row, who: Principal) -> None:
    if row.next_update_due is not None:
        once = vendor_rows.reminder_of(row)
        tasks.settle(case.tx, once=once, now=case.now, ticket_id=case.id, by=who.actor)


def ask_to_read(case: Case, row: Row, *, kind: str = vendor_rows.ANSWERED) -> None:
    """Whoever has the ticket is to read what the vendor wrote."""
    url = f"/desk/tickets/{case['number']}/vendors/{row.id}"
    about = follow_ups.about(case) | {"vendor": row.vendor, "reference": row.reference, "url": url}
    agent = case["assignee"]
    tasks.add(
        case.tx,
        kind,
        ticket_id=case.id,
        now=case.now,
        agent=agent,
        group=None if agent else case["desk_group"],
        once=answered(row),
        **about,
    )


def _short(text: str, pointer: str) -> str:
    text = " ".join(text.split())
    if len(text) > rule.MAX_REFERENCE:
        raise invalid(pointer, f"must have at most {rule.MAX_REFERENCE} characters")
    return text


def _subject(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise invalid("/subject", "must not be empty: the vendor reads it first")
    if len(text) > MAX_SUBJECT:
        raise invalid("/subject", f"must have at most {MAX_SUBJECT} characters")
    return text
