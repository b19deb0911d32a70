"""How is a merge, a split or a move taken back? As if it had not been, but that nothing that came since is lost (desk.md 14).

The clocks of a ticket that was merged count the time until the undoing as if it had stood by itself: that it was looked after
under another number held nothing up. Who answered its people meanwhile answered it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import (
    acts,
    alert_rows,
    joining_answers,
    joining_promises,
    joining_rows,
    joining_state,
    joining_visits,
    joining_ways,
    ledger,
    notices,
    problem_rows,
    promises,
    resolution,
    timing,
    vendor_rows,
    workarounds,
)
from core.desk.case import Case
from core.desk.errors import NotFound, Refused
from core.desk.joining_state import allow
from core.desk.principal import Principal
from core.desk.scope import find_to_act
from core.rules import joining, workflow
from core.rules.joining import Kind, No
from core.store import tables
from core.store.columns import from_micros
from core.store.tx import Prepared, Row, Tx

message = tables.message

_MESSAGES = Prepared(
    select(message.c.id, message.c.thread_id, message.c.kind, message.c.external_ref).where(
        message.c.ticket_id == bindparam("ticket_id")
    )
)
_SINCE = Prepared(
    select(message.c.at)
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.direction == "in",
        message.c.automatic.is_(False),
        message.c.audience == "customer",
        message.c.at > bindparam("since", type_=message.c.at.type),
    )
    .order_by(message.c.at)
    .limit(1)
)


def undo(
    tx: Tx, who: Principal, number: str, *, now: datetime, identity: str | None, seen: int | None
) -> str:
    """See core.desk.joining."""
    here = find_to_act(tx, who, number)
    acts.only_staff(who)
    row = chosen(tx, here.id, identity)
    opened = {one: Case.open(tx, one, now=now) for one in sorted({row.ticket_id, row.into_id})}
    row = chosen(tx, here.id, row.id)  # somebody may have been quicker while we waited for the tickets
    one, other = opened[row.ticket_id], opened[row.into_id]
    if (
        row.by != who.actor
    ):  # what somebody did themselves they take back, though they may not see what came of it
        for case in (one, other):
            find_to_act(tx, who, case["number"])
    acts.check_seen(opened[here.id], who, seen, ("message.in", "ticket."))
    allow(_why_not(row, one, other, now=now), one, other)
    key = {"ticket_id": row.ticket_id, "id": row.id}
    tx.update(tables.joining, key, undone_at=now, undone_by=who.actor)
    _UNDO[Kind(row.kind)](row, one, other, who)
    for case in sorted((one, other), key=lambda case: case.id):
        vendor_rows.refresh(case)
        acts.finish(case)
    return number


def chosen(tx: Tx, ticket_id: str, identity: str | None) -> Row:
    """The joining that is meant: the named one, else the last that stands. Raises NotFound, Refused."""
    rows = joining_ways.joinings(tx, ticket_id)
    if identity:
        found = next((row for row in rows if row.id == identity), None)
        if found is None:
            raise NotFound(f"there is no merge, split or move {identity} of this ticket")
        return found
    standing = [row for row in rows if row.undone_at is None]
    if not standing:
        raise Refused("nothing was merged, split or moved here that could be undone", code="nothing_to_undo")
    return standing[-1]


def why_not(tx: Tx, row: Row, *, now: datetime) -> No | None:
    """What is in the way of taking this joining back; None: nothing. Reads only."""
    one, other = (tx.one(_TICKET, id=end) for end in (row.ticket_id, row.into_id))
    return _decide(row, one.state, other.state, _gone_on(tx, row), now=now)


_TICKET = Prepared(select(tables.ticket.c.state).where(tables.ticket.c.id == bindparam("id")))


def _why_not(row: Row, one: Case, other: Case, *, now: datetime) -> No | None:
    return _decide(row, one["state"], other["state"], _gone_on(one.tx, row), now=now)


def _decide(row: Row, one: str, other: str, gone_on: set[str], *, now: datetime) -> No | None:
    no = joining.may_undo(
        at=row.at, undone=row.undone_at is not None, survivor=other, gone_on=gone_on, now=now
    )
    if no is not None or row.kind == Kind.MERGE:
        return no
    if one in workflow.ENDED:  # what comes back would come to nobody
        return No("into_merged" if one == workflow.State.MERGED else "from_ended", ("undo",))
    if row.kind == Kind.SPLIT and not workflow.is_open(other):
        return No("survivor_ended", workflow.allowed(other))
    return None


def _gone_on(tx: Tx, row: Row) -> set[str]:
    """What the joining brought and is no longer there."""
    threads = {one for one in row.before["threads"] if not joining_ways.is_at(tx, row.into_id, one)}
    if row.kind != Kind.SPLIT:
        return threads
    there = {one.id for one in tx.all(_MESSAGES, ticket_id=row.into_id)}
    old = {one for one in row.before["messages"].values() if not joining_ways.is_at(tx, row.ticket_id, one)}
    return threads | set(row.before["messages"]) - there | old


# --- Each kind ----------------------------------------------------------------------------------------------


def _merge(row: Row, one: Case, other: Case, who: Principal) -> None:
    was, tx = row.before, one.tx
    back = {"of": other.id, "to": one.id}
    for thread_id in was["threads"]:
        joining_rows.conversation(tx, thread_id, **back, now=one.now)
    joining_rows.notes(tx, was["notes"], **back)
    joining_rows.calls(tx, was["calls"], **back)
    joining_rows.back(tx, was, **back)
    problem_rows.come_back(tx, was.get("problems", ()), of=other.id)
    if "alarms" in was:
        alert_rows.come_back(tx, was["alarms"], of=other.id, to=one.id, now=one.now)
    state = {name: _instant(name, value) for name, value in was["state"].items()}
    one.event(
        "ticket.merge_undone", actor=who.actor, joining=row.id, **{"from": "merged", "to": state["state"]}
    )
    one.set(merged_into=None, **state)
    timing.apply(one, "merge_undone")
    workarounds.taken_up(one)
    joining_promises.give_back(one, other, who, was["promises"])
    joining_visits.give_back(one, other, who, was.get("visits", ()))
    joining_promises.asked_again(one)
    ledger.settle(one)
    joining_state.restore(one, was)
    other.event("ticket.gave_back", actor=who.actor, ticket=one.id, joining=row.id)
    other.flag(joining.PARTED)
    for flag in was["flags"]:
        other.flag(flag, on=flag == "held" and bool(joining_rows.held_of(tx, other.id)))
    joining_state.restore(other, was)
    joining_state.show_again(one, other, was)
    own = from_micros(was["counts_from"][other.id])
    since = joining.counts_from(own, joining_state.joined_receipts(tx, other.id))
    if since != other["received_at"]:
        other.set(received_at=since)
        timing.count_from(other, since, reason="merge_undone")
    joining_answers.count(other)
    for case in (one, other):
        joining_answers.own(case)
    wrote = tx.one(_SINCE, ticket_id=one.id, since=row.at)
    if wrote is not None:
        resolution.customer_wrote(one, at=wrote.at)
    _tell(one, "merged", "unmerged")


def _move(row: Row, one: Case, other: Case, who: Principal) -> None:
    tx, (thread_id,) = one.tx, row.before["threads"]
    told = not notices.take_back(other, thread_id, "moved")
    joining_rows.conversation(tx, thread_id, of=other.id, to=one.id, now=one.now)
    joining_rows.calls(tx, row.before["calls"], of=other.id, to=one.id)
    one.event("ticket.move_undone", actor=who.actor, thread=thread_id, ticket=other.id, joining=row.id)
    other.event("ticket.gave_back", actor=who.actor, thread=thread_id, ticket=one.id, joining=row.id)
    other.flag(joining.PARTED)
    for case in (one, other):
        joining_state.restore(case, row.before)
    if told:
        notices.progress(one, "unmoved", only=thread_id)


def _split(row: Row, one: Case, other: Case, who: Principal) -> None:
    """The part ends in the ticket it was taken from; what came to it since comes along as a conversation."""
    tx, was = one.tx, row.before
    told = [notices.take_back(other, thread_id, "split") for thread_id in was["threads"]]
    said = tx.all(_MESSAGES, ticket_id=other.id)
    for old in dict.fromkeys(was["messages"].values()):
        mine = [one_ for one_ in said if was["messages"].get(one_.id) == old]
        joining_rows.messages(tx, mine, of=other.id, to=one.id, to_thread=old, now=one.now)
    acts.move(other, who, "merge", into=one.id, joining=row.id)
    timing.apply(other, "merge")
    workarounds.ended(other)
    promises.dropped(other)
    joining_visits.carry(other, one, who)
    alert_rows.go_with(tx, of=other.id, to=one.id, now=one.now)
    ledger.give_back(other, "merged", actor=who.actor)
    other.set(merged_into=one.id, waits_since=None)
    other.flag(joining.PARTED)
    talks = {one_.thread_id for one_ in tx.all(_STANDING, ticket_id=other.id)}
    talks |= {one_.thread_id for one_ in vendor_rows.of_ticket(tx, other.id)}
    for thread_id in sorted(talks):
        joining_rows.conversation(tx, thread_id, of=other.id, to=one.id, now=one.now)
    one.event("ticket.split_undone", actor=who.actor, ticket=other.id, joining=row.id)
    one.flag(joining.PARTED)
    joining_state.restore(one, was)
    if not all(told):
        notices.progress(one, "unsplit", of=other["number"])


_STANDING = Prepared(
    select(message.c.thread_id).where(
        message.c.ticket_id == bindparam("ticket_id"), message.c.withdrawn_at.is_(None)
    )
)


def _instant(name: str, value: Any) -> Any:
    return from_micros(value) if name.endswith(("_at", "_since")) and value is not None else value


def _tell(case: Case, told: str, instead: str) -> None:
    """Who was told what is not true any more is told so, unless the notice is still here: then it does not leave."""
    rows = case.tx.all(THREADS, ticket_id=case.id)
    taken_back = [notices.take_back(case, row.id, told) for row in rows]
    if not any(taken_back):
        notices.progress(case, instead)


THREADS = Prepared(select(tables.thread.c.id).where(tables.thread.c.ticket_id == bindparam("ticket_id")))
_UNDO: Mapping[Kind, Callable[[Row, Case, Case, Principal], None]] = {
    Kind.MERGE: _merge,
    Kind.SPLIT: _split,
    Kind.MOVE: _move,
}
