"""Which calls were there, what happened in them, and who waits to be called back? As far as whoever asks may know.

Whoever sees everything sees every call; a technician those of their groups, those that were offered to them or led by
them, and those of tickets they see; a contact, without the inside, those of their own tickets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, exists, false, literal, or_, select, true

from core import numbers
from core.calling import SECRET
from core.desk import conversation, flows, live_calls
from core.desk.call_tickets import CHANNEL
from core.desk.call_views import CallbackView, CallView, EntryView, RecordingView
from core.desk.errors import Forbidden, NotFound, invalid
from core.desk.listing import Condition, Order, Walk, page_keys
from core.desk.principal import Principal
from core.desk.scope import Scope, find, hidden_before, scope
from core.desk.views import Page
from core.envelope import Trust
from core.rules import call_outcomes
from core.store import blobs, tables
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

MOST_WAITING = 200
"""Callers who wait to be called back that are shown at once: those whose turn comes first."""

call, call_offer, ticket_call, recording = (
    tables.call,
    tables.call_offer,
    tables.ticket_call,
    tables.recording,
)
ticket, callback = tables.ticket, tables.callback

_NEWEST = Order(name="calls", columns=(call.c.id,), descending=True)
_ROW = select(
    call,
    exists().where(call_offer.c.call_id == call.c.id, call_offer.c.agent == bindparam("me")).label("offered"),
    tables.customer.c.name.label("customer_name"),
    tables.contact.c.name.label("contact_name"),
    tables.agent.c.name.label("agent_name"),
).select_from(
    call.outerjoin(tables.customer, tables.customer.c.code == call.c.customer)
    .outerjoin(tables.contact, tables.contact.c.id == call.c.contact)
    .outerjoin(tables.agent, tables.agent.c.id == call.c.agent)
)
_RECORDINGS = Prepared(
    select(recording).where(recording.c.call_id == bindparam("call_id")).order_by(recording.c.seq)
)
_OF_TICKET = Prepared(
    _ROW.add_columns(ticket_call.c.how)
    .join(ticket_call, ticket_call.c.call_id == call.c.id)
    .where(ticket_call.c.ticket_id == bindparam("ticket_id"))
    .order_by(call.c.first_ring_at, call.c.id)
)

_MESSAGES = Prepared(
    select(tables.message.c.id, tables.inbound.c.external_id)
    .select_from(tables.message.join(tables.inbound, tables.inbound.c.id == tables.message.c.inbound_id))
    .where(
        tables.message.c.ticket_id == bindparam("ticket_id"),
        tables.message.c.channel == literal(CHANNEL),
        tables.inbound.c.external_id.is_not(None),
    )
    .order_by(tables.message.c.at, tables.message.c.id)
)


# --- One, and those of a ticket -----------------------------------------------------------------------------


def one(tx: Tx, who: Principal, call_id: str) -> CallView:
    """A call. Raises NotFound, also for what this person may not see."""
    mine = scope(who)
    row = tx.one(_one(mine.shape), id=call_id, me=who.id, **mine.values)
    if row is None:
        raise NotFound(_no_call(call_id))
    return _view(tx, who, row, _tickets_of(tx, who, [row.id])[row.id])


def calls_of_ticket(tx: Tx, who: Principal, number: str) -> tuple[CallView, ...]:
    """The calls that belong to a ticket, in their order. Raises NotFound."""
    return of_ticket(tx, who, find(tx, who, number))


def of_ticket(tx: Tx, who: Principal, found: Row) -> tuple[CallView, ...]:
    """The same of a ticket's row that this person may see."""
    since = hidden_before(who, found)
    rows = [
        row
        for row in tx.all(_OF_TICKET, ticket_id=found.id, me=who.id)
        if since is None or row.first_ring_at >= since
    ]
    if not rows:
        return ()
    also = _tickets_of(tx, who, [row.id for row in rows])
    told: dict[str, tuple[str, ...]] = {}
    for message in tx.all(_MESSAGES, ticket_id=found.id):
        of = message.external_id.partition(":")[0]
        told[of] = (*told.get(of, ()), message.id)
    return tuple(
        _view(tx, who, row, also[row.id], how=row.how, messages=told.get(row.id, ())) for row in rows
    )


def sound(tx: Tx, who: Principal, call_id: str, seq: int) -> tuple[RecordingView, bytes]:
    """The sound of a recording: staff hear those of calls they see, a contact what is a file of their own requests.

    Raises NotFound, also where the sound has not come, or is deleted.
    """
    mine = scope(who)
    row = tx.one(_one(mine.shape), id=call_id, me=who.id, **mine.values)
    for told in _recordings(tx, who, call_id) if row is not None else ():
        if told.seq == seq and told.state == "stored":
            name = next(one.blob for one in tx.all(_RECORDINGS, call_id=call_id) if one.seq == seq)
            return told, blobs.get(tx, name)
    message = f"there is no sound {seq} of call {call_id} that you may hear"
    raise NotFound(message)


# --- Lists --------------------------------------------------------------------------------------------------


def log(
    tx: Tx,
    who: Principal,
    *,
    outcome: str | None = None,
    live: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page:
    """One page of CallView without entries, newest first. `live`: only those that are not over.

    Raises Invalid for an outcome or a cursor there is not.
    A technician gets calls of their groups and those they led; further ones are on the tickets they belong to.
    """
    if outcome is not None and outcome not in call_outcomes.OUTCOMES:
        raise invalid("/outcome", f"must be one of {', '.join(call_outcomes.OUTCOMES)}")
    mine = scope(who)
    held = (("outcome", outcome),) if outcome and mine.shape == ("everything",) else ()
    conditions = []
    seen = Condition(shape=mine.shape, build=lambda: visible(mine.shape), values=mine.values)
    if live:
        held, walks = (), [Walk(also=(call.c.phase != literal(live_calls.OVER),), sort=True)]
        conditions.append(seen)
    elif mine.shape == ("everything",):
        walks = [Walk(held)]
    elif mine.shape[0] == "groups":
        walks = [Walk((("desk_group", name),)) for name in who.groups] + [Walk((("agent", who.id),))]
    else:
        walks = [Walk()]
        conditions.append(seen)
    if outcome and not held:
        conditions.append(
            Condition(
                shape=("outcome",),
                build=lambda: call.c.outcome.concat("") == bindparam("log_outcome"),
                values={"log_outcome": outcome},
            )
        )
    keys, further = page_keys(tx, call, walks, _NEWEST, conditions, cursor=cursor, limit=limit)
    ids = [key[-1] for key in keys]
    rows = {row.id: row for row in tx.all(_rows(len(ids)), me=who.id, **_named(ids))} if ids else {}
    also = _tickets_of(tx, who, ids)
    items = tuple(_view(tx, who, rows[id_], also[id_], short=True) for id_ in ids)
    return Page(items=items, next=further)


def callbacks(tx: Tx, who: Principal) -> tuple[CallbackView, ...]:
    """Who waits to be called back, in turn. Raises Forbidden for contacts."""
    if who.kind == "contact":
        message = "only staff see who waits to be called back"
        raise Forbidden(message)
    mine = scope(who)
    return tuple(
        CallbackView(
            ticket=row.ticket_number,
            subject=row.subject,
            customer_name=row.customer_name or "",
            call=row.call_id,
            number=shown(who, row.number),
            name=row.name,
            group=row.desk_group,
            reason=row.reason,
            since=row.since,
        )
        for row in tx.all(_callbacks(mine.shape), **mine.values)
    )


# --- What may be seen ---------------------------------------------------------------------------------------


@cache
def visible(shape: tuple[Any, ...]) -> ColumnElement[bool]:
    """The condition on `call` for a scope; its values are those of the scope."""
    if shape == ("everything",):
        return true()
    if shape[0] == "nothing":
        return false()
    its_tickets = (
        select(ticket_call.c.call_id)
        .select_from(ticket_call.join(ticket, ticket.c.id == ticket_call.c.ticket_id))
        .where(ticket_call.c.call_id == call.c.id, Scope(shape=shape, values={}).tested)
    )
    if shape[0] != "groups":
        since = ticket.c.requester_since if shape[0] == "own" else ticket.c.customer_since
        its_tickets = its_tickets.where(or_(since.is_(None), call.c.first_ring_at >= since))
        return its_tickets.correlate(call).exists()
    me: ColumnElement[Any] = bindparam("scope_who")
    offered = exists().where(call_offer.c.call_id == call.c.id, call_offer.c.agent == me)
    groups: list[ColumnElement[Any]] = [bindparam(f"scope_group_{n}") for n in range(shape[1])]
    of_groups = call.c.desk_group.in_(groups) if groups else false()
    return or_(of_groups, call.c.agent == me, offered, its_tickets.correlate(call).exists())


def shown(who: Principal, number: str, *, own: bool = False) -> str:
    """A telephone number for these eyes: whole for who answers calls, or for `own` ones; else masked; to contacts none."""
    if who.kind == "contact":
        return ""
    return number if who.sees_everything or own else numbers.masked(number)


def _no_call(call_id: str) -> str:
    return f"there is no call {call_id} that you may see"


@cache
def _one(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(_ROW.where(call.c.id == bindparam("id"), visible(shape)))


@cache
def _rows(count: int) -> Prepared:
    return Prepared(_ROW.where(call.c.id.in_([bindparam(f"id_{n}", type_=Id) for n in range(count)])))


def _named(ids: Sequence[str]) -> dict[str, str]:
    return {f"id_{n}": value for n, value in enumerate(ids)}


def _tickets_of(tx: Tx, who: Principal, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By call, the numbers of its tickets that this person sees."""
    mine = scope(who)
    found: dict[str, tuple[str, ...]] = dict.fromkeys(ids, ())
    for row in tx.all(_numbers(mine.shape, len(ids)), **_named(ids), **mine.values) if ids else ():
        found[row.call_id] = (*found[row.call_id], row.number)
    return found


@cache
def _numbers(shape: tuple[Any, ...], count: int) -> Prepared:
    ids = [bindparam(f"id_{n}", type_=Id) for n in range(count)]
    return Prepared(
        select(ticket_call.c.call_id, ticket.c.number)
        .select_from(ticket_call.join(ticket, ticket.c.id == ticket_call.c.ticket_id))
        .where(ticket_call.c.call_id.in_(ids), Scope(shape=shape, values={}).tested)
        .order_by(ticket_call.c.at, ticket.c.number)
    )


@cache
def _callbacks(shape: tuple[Any, ...]) -> Prepared:
    found = callback.join(ticket, ticket.c.id == callback.c.ticket_id).outerjoin(
        tables.customer, tables.customer.c.code == ticket.c.customer
    )
    return Prepared(
        select(
            callback,
            ticket.c.number.label("ticket_number"),
            ticket.c.subject,
            tables.customer.c.name.label("customer_name"),
        )
        .select_from(found)
        .where(callback.c.state != literal("done"), Scope(shape=shape, values={}).tested)
        .order_by(callback.c.since, callback.c.id)
        .limit(MOST_WAITING)
    )


# --- What happened ------------------------------------------------------------------------------------------


def _view(
    tx: Tx,
    who: Principal,
    row: Row,
    tickets: tuple[str, ...],
    *,
    how: str = "",
    messages: tuple[str, ...] = (),
    short: bool = False,
) -> CallView:
    inside = who.kind != "contact"
    own = inside and (row.agent == who.id or bool(row.offered))
    return CallView(
        id=row.id,
        line=row.line if inside else "",
        direction=row.direction,
        caller=shown(who, row.caller, own=own),
        customer=row.customer if inside else None,
        customer_name=(row.customer_name or "") if inside else "",
        contact_name=(row.contact_name or "") if row.trust == Trust.VERIFIED else "",
        trust=row.trust if inside else "",
        language=row.language,
        group=row.desk_group if inside else None,
        phase=row.phase,
        outcome=row.outcome,
        cause=row.cause if inside else "",
        began_at=row.first_ring_at,
        queued_at=row.queued_at,
        bridged_at=row.bridged_at,
        ended_at=row.ended_at,
        agent_name=row.agent_name or "",
        how=how,
        tickets=tickets,
        entries=_entries(tx, row, whole=own or who.sees_everything) if inside and not short else (),
        recordings=() if short else _recordings(tx, who, row.id),
        messages=messages if inside else (),
    )


def _recordings(tx: Tx, who: Principal, call_id: str) -> tuple[RecordingView, ...]:
    inside = who.kind != "contact"
    return tuple(
        RecordingView(
            seq=row.seq,
            state=row.state,
            file=row.attachment_id,
            type=row.type,
            seconds=row.milliseconds / 1000,
            at=row.at,
            keep_until=row.keep_until if inside else None,
            transcript=(row.transcript or {}).get("text", "") if inside else "",
            engine=(row.transcript or {}).get("engine", "") if inside else "",
        )
        for row in tx.all(_RECORDINGS, call_id=call_id)
        if inside or _may_hear(tx, who, row)
    )


def _may_hear(tx: Tx, who: Principal, row: Row) -> bool:
    """A contact hears what is a file of a message that is theirs to read: never a conversation with staff."""
    if not (row.ticket_id and row.attachment_id):
        return False
    return conversation.file_row(tx, who, row.ticket_id, row.attachment_id) is not None


def _entries(tx: Tx, row: Row, *, whole: bool) -> tuple[EntryView, ...]:
    """What the caller did, step by step. What a key meant is read in the version of the flow that the call followed.

    `whole`: with numbers, those that were entered and those that were read aloud.
    """
    turns = tx.all(live_calls.TURNS, call_id=row.id)
    nodes = _nodes(tx, row.flow) if len(turns) > 1 else {}
    told = []
    for before, turn in pairwise(turns):
        node = nodes.get(turn.node, {})
        choice = node.get("choices", {}).get(turn.value, {})
        check = node.get("check", "")
        hide = not whole and check == "note_number" and not choice
        told.append(
            EntryView(
                seq=turn.seq,
                at=turn.at,
                event=turn.event,
                keys=SECRET * len(turn.value) if hide else turn.value,
                node=turn.node,
                asked=" ".join(words["text"] for words in before.answer["say"]) if whole else "",
                to=choice.get("goto", ""),
                meaning=_meaning(check, turn, row.facts),
                sets=choice.get("set", {}),
            )
        )
    return tuple(told)


_OFFERS = {"choose_type": "request_types", "choose_technology": "technologies"}
"""Checks whose entry is the number of something that was read aloud, and where that is noted."""


def _meaning(check: str, turn: Row, facts: Mapping[str, Any]) -> str:
    offered = facts.get(_OFFERS.get(check, ""), [])
    if turn.event == "digits" and turn.value.isdecimal() and 1 <= int(turn.value) <= len(offered):
        return str(offered[int(turn.value) - 1])
    return ""


def _nodes(tx: Tx, digest: str) -> Mapping[str, Any]:
    """The nodes of a version, as they were written."""
    try:
        found = msgspec.json.decode(flows.of_digest(tx, digest).body)
    except (NotFound, msgspec.DecodeError):
        return {}
    return dict(found.get("nodes", {}))
