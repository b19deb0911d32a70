"""What do two tickets know of themselves before and after they are joined? Facts for `rules.joining`, and what is put back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, select

from core import chat_addresses
from core.desk import acts, joining_ways
from core.desk.case import Case
from core.desk.conversation import visible_text
from core.desk.errors import Refused
from core.rules import joining
from core.rules.joining import No, Side, Told
from core.store import tables
from core.store.columns import from_micros, to_micros
from core.store.tx import Prepared, Row, Tx

message, thread = tables.message, tables.thread

STATE = ("state", "state_since", "open", "resolved_at", "closed_at")
"""Columns of the ticket that a merge ends, as they were before it."""

_WHY = {
    "same_ticket": "{one} cannot be joined to itself",
    "merged_before": "{one} was merged into another ticket before: undo that first",
    "not_open": "{one} is {state}: only an open request is merged; link it instead",
    "into_merged": "{other} was merged itself: name the ticket that goes on with it",
    "into_ended": "{other} is {other_state}: reopen it first, or link the two",
    "from_ended": "{one} is {state}: nothing of it is moved any more",
    "other_customer": "{one} and {other} are of different customers: link them instead",
    "last_conversation": "this is the only conversation of {one}: merge the ticket instead",
    "split_of_none": "choose the messages that begin the new request",
    "split_of_all": "something that people asked must stay in {one}: leave at least one message of theirs",
    "nobody_asked": "nobody asked anything in these messages: choose at least one that came in",
    "undone_before": "this was undone before",
    "undo_too_late": "this is more than 30 days ago and stands",
    "merged_further": "{other} was merged into another ticket since: undo that first",
    "survivor_ended": "{other} is {other_state}: reopen it first",
    "later_act": "something of it was moved, split or merged again since: undo that first",
    "nothing_to_undo": "nothing was merged, split or moved here that could be undone",
    "tied_before": "{other} is linked so already",
    "tie_by_split": "this link is made by a split only",
    "not_tied": "{other} is not linked so",
    "has_parent": "{other} belongs to another incident already: take it out there first",
    "is_parent": "{other} has children of its own: an incident has one floor only",
    "parent_is_child": "{one} belongs to an incident itself: an incident has one floor only",
}


def side(case: Case) -> Side:
    """The ticket as the rules see it."""
    return Side(id=case.id, state=case["state"], customer=case["customer"], received_at=case["received_at"])


def allow(no: No | None, one: Case, other: Case) -> None:
    """Raise Refused where the rules say no, with a sentence that says what to do."""
    if no is None:
        return
    words = {
        "one": one["number"],
        "other": other["number"],
        "state": one["state"],
        "other_state": other["state"],
    }
    raise Refused(_WHY[no.code].format(**words), code=no.code, allowed=no.allowed)


# --- Who spoke last -----------------------------------------------------------------------------------------


def before(*cases: Case) -> dict[str, Any]:
    """Who spoke last on each, and since when each counts: what an undo puts back."""
    return {
        "told": {
            case.id: {
                "snippet": case["snippet"],
                "last_direction": case["last_direction"],
                "chat": case["chat"],
                "waits_since": case["waits_since"] and to_micros(case["waits_since"]),
                "last": _newest(case.tx, case.id),
            }
            for case in cases
        },
        "counts_from": {case.id: to_micros(own_receipt(case)) for case in cases},
        "hidden": {
            case.id: {
                name: case[name] and to_micros(case[name]) for name in ("customer_since", "requester_since")
            }
            for case in cases
        },
    }


def own_receipt(case: Case) -> datetime:
    """When the ticket itself was received: earlier than that it may count because of what was merged into it."""
    for row in joining_ways.joinings(case.tx, case.id):
        if row.kind == joining.Kind.MERGE and row.into_id == case.id and row.undone_at is None:
            return from_micros(row.before["counts_from"][case.id])
    received: datetime = case["received_at"]
    return received


def joined_receipts(tx: Tx, ticket_id: str) -> list[datetime]:
    """Receipts of the tickets that are merged into this one now."""
    return [
        tx.one(_RECEIPT, id=row.ticket_id).received_at
        for row in joining_ways.joinings(tx, ticket_id)
        if row.kind == joining.Kind.MERGE and row.into_id == ticket_id and row.undone_at is None
    ]


def unite(case: Case, other: Case, *, flags: list[str]) -> None:
    """The one that goes on knows what both knew."""
    both = joining.told(_told(case), _told(other))
    other.set(
        snippet=both.snippet,
        last_direction=both.last_direction,
        chat=both.chat,
        waits_since=both.waits_since,
        customer_since=joining.hidden_before(case["customer_since"], other["customer_since"]),
        requester_since=joining.hidden_before(case["requester_since"], other["requester_since"]),
    )
    for flag in flags:
        other.flag(flag)


def look_again(*cases: Case) -> None:
    """Who spoke last on each, asked of what is said there now."""
    for case in cases:
        case.set(**_asked(case.tx, case.id, waits=case["waits_since"]))


def restore(case: Case, was: Mapping[str, Any]) -> None:
    """Who spoke last is as it was before, unless something was said since."""
    told = was["told"].get(case.id)
    if told is None or told["last"] != _newest(case.tx, case.id):
        look_again(case)
        return
    waits = told["waits_since"]
    case.set(
        snippet=told["snippet"],
        last_direction=told["last_direction"],
        chat=told["chat"],
        waits_since=from_micros(waits) if waits is not None else None,
    )


def show_again(case: Case, other: Case, was: Mapping[str, Any]) -> None:
    """What was hidden on the one that went on only because of the one that ended is hidden no more."""
    for name in ("customer_since", "requester_since"):
        mine, theirs = (_instant(was["hidden"][one.id][name]) for one in (other, case))
        if other[name] == joining.hidden_before(mine, theirs):  # else somebody else has it since
            other.set(**{name: mine})


def _instant(value: int | None) -> datetime | None:
    return None if value is None else from_micros(value)


def _told(case: Case) -> Told:
    row = case.tx.one(_LAST, ticket_id=case.id)
    return Told(
        snippet=case["snippet"],
        last_direction=case["last_direction"],
        chat=case["chat"],
        waits_since=case["waits_since"],
        at=row.at if row is not None else None,
    )


def _asked(tx: Tx, ticket_id: str, *, waits: datetime | None) -> dict[str, Any]:
    rows = tx.all(_WORDS, ticket_id=ticket_id)
    if not rows:
        return {"waits_since": None}
    last = rows[-1]
    since = None
    for row in rows:
        since = None if row.direction == "out" else since or row.at
    if since is not None and waits is not None and waits < since:
        since = waits  # they waited before, for an answer that another conversation got
    heard = next((row for row in reversed(rows) if row.direction == "in"), None)
    return {
        "snippet": acts.snippet(visible_text(last.text, last.spans)),
        "last_direction": last.direction,
        "chat": _chat(heard),
        "waits_since": since,
    }


def _chat(row: Row | None) -> str | None:
    return row.channel if row is not None and chat_addresses.is_chat(row.address) else None


def _newest(tx: Tx, ticket_id: str) -> str:
    row = tx.one(_LAST, ticket_id=ticket_id)
    return row.id if row is not None else ""


_RECEIPT = Prepared(select(tables.ticket.c.received_at).where(tables.ticket.c.id == bindparam("id")))
_WHOSE = (
    message.c.ticket_id == bindparam("ticket_id"),
    message.c.automatic.is_(False),
    message.c.audience == literal("customer"),
)
_LAST = Prepared(
    select(message.c.id, message.c.at)
    .where(*_WHOSE)
    .order_by(message.c.at.desc(), message.c.id.desc())
    .limit(1)
)
_WORDS = Prepared(
    select(
        message.c.direction,
        message.c.text,
        message.c.spans,
        message.c.at,
        message.c.channel,
        thread.c.address,
    )
    .select_from(
        message.join(
            thread, (thread.c.ticket_id == message.c.ticket_id) & (thread.c.id == message.c.thread_id)
        )
    )
    .where(*_WHOSE, message.c.withdrawn_at.is_(None))
    .order_by(message.c.at, message.c.id)
)
