"""Which conversations belong to which ticket? Merge, split, move and their undoing: events on both tickets (desk.md 14).

Contact centre, technicians and leaders may, on tickets that they see. Principal, number, `seen` and what is raised are as in
core.desk.tickets. What goes with a conversation is in core.desk.joining_rows, why it does in decision 0029.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, literal, select

from core.desk import (
    acts,
    alert_rows,
    joining_answers,
    joining_promises,
    joining_rows,
    joining_state,
    joining_undo,
    joining_visits,
    ledger,
    links_between,
    notices,
    problem_rows,
    timing,
    vendor_rows,
    workarounds,
)
from core.desk.case import Case
from core.desk.errors import invalid
from core.desk.joining_state import allow, side
from core.desk.principal import HUB, Principal
from core.desk.scope import find_to_act
from core.desk.splitting import begin_part
from core.ids import new_id
from core.rules import joining, vendor
from core.rules.joining import Kind
from core.store import tables
from core.store.columns import to_micros
from core.store.tx import Prepared, Row, Tx

message, thread = tables.message, tables.thread

SEEN = ("message.in", "message.out", "ticket.")


class Both(NamedTuple):
    """Two tickets in hand, opened in the order of their ids, so that two who join them at once wait instead of blocking."""

    one: Case
    other: Case


def both(tx: Tx, who: Principal, number: str, other: str, *, now: datetime) -> Both:
    """Raises NotFound, for either."""
    ids = [find_to_act(tx, who, one).id for one in (number, other.strip())]
    acts.only_staff(who)
    opened = {one: Case.open(tx, one, now=now) for one in sorted(set(ids))}
    return Both(opened[ids[0]], opened[ids[1]])


def merge(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    into: str,
    now: datetime,
    seen: int | None = None,
    seen_into: int | None = None,
) -> str:
    """This ticket ends in another one (`into`: its number), which has its conversations, people and notes from now on.

    The other one counts from the earlier receipt of the two, to the earlier first answer of the two; the people of this one are told, where they are answered, that
    their request goes on there. Raises Refused for the same, an ended, or another customer's ticket.
    """
    case, other = both(tx, who, number, into, now=now)
    acts.check_seen(case, who, seen, SEEN)
    acts.check_seen(other, who, seen_into, SEEN)
    allow(joining.may_merge(side(case), side(other)), case, other)
    notices.progress(case, "merged", into=other["number"])
    _merge(case, other, who, now=now)
    return number


def absorb(tx: Tx, number: str, *, into: str, now: datetime) -> None:
    """The same by the hub itself, of a ticket that nobody outside ever heard of: nobody is told. Raises Refused."""
    case, other = both(tx, HUB, number, into, now=now)
    allow(joining.may_merge(side(case), side(other)), case, other)
    _merge(case, other, HUB, now=now)


def _merge(case: Case, other: Case, who: Principal, *, now: datetime) -> None:
    tx, identity = case.tx, new_id()
    before = joining_state.before(case, other) | {
        "threads": [row.id for row in tx.all(THREADS, ticket_id=case.id)],
        "notes": [row.id for row in tx.all(_NOTES, ticket_id=case.id)],
        "state": {name: _told(case[name]) for name in joining_state.STATE},
    }
    before["answered"] = _told(joining_answers.first(case))
    acts.move(case, who, "merge", into=other.id, number=other["number"], joining=identity)
    timing.apply(case, "merge")
    workarounds.ended(case)
    case.set(merged_into=other.id)
    before["promises"] = joining_promises.carry(case, other, who)
    before["visits"] = joining_visits.carry(case, other, who)
    ledger.give_back(case, "merged", actor=who.actor)
    before["calls"] = joining_rows.calls(tx, joining_rows.calls_of(tx, case.id), of=case.id, to=other.id)
    for one in before["threads"]:
        joining_rows.conversation(tx, one, of=case.id, to=other.id, now=now)
    joining_rows.notes(tx, before["notes"], of=case.id, to=other.id)
    vendor_rows.refresh(case)
    vendor_rows.refresh(other)
    before["held"] = _beside(tx, of=case.id, to=other.id)
    before["drafts"] = joining_rows.drafts(tx, of=case.id, to=other.id)
    before["tasks"] = joining_rows.tasks(tx, of=case.id, to=other.id)
    before["problems"] = problem_rows.go_with(tx, of=case.id, to=other.id, by=who.actor, now=now)
    before["alarms"] = alert_rows.go_with(tx, of=case.id, to=other.id, now=now)
    before["asked"] = joining_rows.subscribers(tx, of=case.id, to=other.id)
    before["flags"] = list(joining.carried(case["flags"], other["flags"]))
    other.event("ticket.absorbed", actor=who.actor, ticket=case.id, number=case["number"], joining=identity)
    joining_state.unite(case, other, flags=before["flags"])
    count_from = joining.counts_from(other["received_at"], [case["received_at"]])
    if count_from != other["received_at"]:
        other.set(received_at=count_from)
        timing.count_from(other, count_from, reason="merge")
    _record(case, who, identity, Kind.MERGE, into=other.id, before=before)
    joining_answers.count(other)
    _finish(case, other)


def move(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    thread: str,
    into: str,
    now: datetime,
    seen: int | None = None,
    seen_into: int | None = None,
) -> str:
    """One conversation of this ticket is the other one's from now on, of the same customer. Raises Refused for the last one."""
    case, other = both(tx, who, number, into, now=now)
    acts.check_seen(case, who, seen, SEEN)
    acts.check_seen(other, who, seen_into, SEEN)
    there = [row for row in tx.all(THREADS, ticket_id=case.id) if row.channel != vendor.CHANNEL]
    if thread not in {row.id for row in there}:
        raise invalid("/thread", f"{number} has no conversation {thread}")
    allow(joining.may_move(side(case), side(other), conversations=len(there)), case, other)
    identity = new_id()
    notices.progress(case, "moved", only=thread, into=other["number"])
    before = joining_state.before(case, other) | {"threads": [thread]}
    told = joining_rows.calls_in(tx, thread, of=case.id)
    joining_rows.conversation(tx, thread, of=case.id, to=other.id, now=now)
    before["calls"] = joining_rows.calls(tx, told, of=case.id, to=other.id)
    about: dict[str, Any] = {"thread": thread, "joining": identity}
    case.event("ticket.moved_out", actor=who.actor, into=other.id, number=other["number"], **about)
    other.event("ticket.moved_in", actor=who.actor, ticket=case.id, number=case["number"], **about)
    case.flag(joining.PARTED)
    joining_state.look_again(case, other)
    _record(case, who, identity, Kind.MOVE, into=other.id, before=before)
    _finish(case, other)
    return number


def split(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    messages: Sequence[str],
    now: datetime,
    subject: str = "",
    seen: int | None = None,
) -> str:
    """Chosen messages begin a ticket of their own; return its number. It counts from the first of them.

    Its requester is who wrote the first; what it is and whether the contract covers it is asked anew. The conversation
    that they were in keeps a mark. Raises Refused for none, all, or only what we said; Invalid for what is not of this ticket.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, SEEN)
    chosen = _chosen(case, messages)
    people = [row for row in tx.all(_SAID, ticket_id=case.id) if _asks(row)]
    ids = {row.id for row in chosen}
    asked = [row for row in people if row.id in ids]
    left = len(people) - len(asked)
    allow(joining.may_split(case["state"], chosen=len(chosen), asked=len(asked), asked_left=left), case, case)
    identity = new_id()
    before = joining_state.before(case) | {"messages": {row.id: row.thread_id for row in chosen}}
    part, places = begin_part(case, chosen, asked[0], subject=subject, by=who)
    before["threads"] = sorted(places.values())
    for old, new in places.items():
        of_old = [row for row in chosen if row.thread_id == old]
        joining_rows.messages(tx, of_old, of=case.id, to=part.id, to_thread=new, now=now)
    case.event(
        "ticket.split",
        actor=who.actor,
        into=part.id,
        number=part["number"],
        messages=sorted(ids),
        joining=identity,
    )
    links_between.tie_rows(case, part, joining.Tie.SPLIT_INTO, by=who.actor)
    case.flag(joining.PARTED)
    part.save()
    joining_state.look_again(case, part)
    notices.progress(part, "split", of=case["number"])
    _record(case, who, identity, Kind.SPLIT, into=part.id, before=before)
    _finish(case, part)
    return str(part["number"])


def undo(
    tx: Tx, who: Principal, number: str, *, now: datetime, act: str | None = None, seen: int | None = None
) -> str:
    """Take back a merge, a split or a move of this ticket, on either side; the last one unless `act` names it.

    State, receipt, clocks and conversations are as before; what was said since stays in the conversation it was said in.
    Within 30 days, unless the ticket that got something is closed. Raises Refused naming the later act that is in the way.
    """
    return joining_undo.undo(tx, who, number, now=now, identity=act, seen=seen)


# --- Within one verb ----------------------------------------------------------------------------------------


def _chosen(case: Case, ids: Sequence[str]) -> list[Row]:
    found = {row.id: row for row in case.tx.all(_SAID, ticket_id=case.id)}
    for n, one in enumerate(ids):
        if one not in found:
            raise invalid(f"/messages/{n}", f"{case['number']} has no message {one}")
    return [row for row in found.values() if row.id in set(ids)]


def _asks(row: Row) -> bool:
    return row.direction == "in" and not row.automatic


def _beside(tx: Tx, *, of: str, to: str) -> list[str]:
    """What waits for staff beside the whole ticket, in no conversation of it."""
    rows = joining_rows.held_of(tx, of)
    for row in rows:
        joining_rows.held(tx, row, to=to)
    return [row.id for row in rows]


def _told(value: Any) -> Any:
    return to_micros(value) if isinstance(value, datetime) else value


def _record(
    case: Case, who: Principal, identity: str, kind: Kind, *, into: str, before: dict[str, Any]
) -> None:
    case.tx.insert(
        tables.joining,
        ticket_id=case.id,
        id=identity,
        kind=str(kind),
        into_id=into,
        before=before,
        at=case.now,
        by=who.actor,
        reason="",
    )


def _finish(*cases: Case) -> None:
    for case in sorted(cases, key=lambda one: one.id):
        acts.finish(case)


THREADS = Prepared(
    select(thread).where(thread.c.ticket_id == bindparam("ticket_id")).order_by(thread.c.at, thread.c.id)
)
_NOTES = Prepared(
    select(tables.note.c.id)
    .where(tables.note.c.ticket_id == bindparam("ticket_id"))
    .order_by(tables.note.c.id)
)
_SAID = Prepared(
    select(message)
    .where(message.c.ticket_id == bindparam("ticket_id"), message.c.audience == literal("customer"))
    .order_by(message.c.at, message.c.id)
)
