"""What do staff do with calls from the inbox? See who rings, take it or leave it, and say what the call is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import bindparam, or_, select

from core.calling import NoSuchCall
from core.desk import acts, call_around, call_history, call_queue, call_tickets, describing, people, placing
from core.desk.call_history import callbacks, calls_of_ticket, log, one, shown, sound
from core.desk.call_views import CallbackView, CallView, EntryView, LiveView, OpenTicket, RecordingView
from core.desk.case import Case
from core.desk.errors import Forbidden, NotFound, Refused
from core.desk.live_calls import OVER, LiveCall
from core.desk.principal import Principal
from core.desk.scope import Scope, find_to_act, scope
from core.store import tables
from core.store.tx import Prepared, Row, Tx

__all__ = [
    "CallView",
    "CallbackView",
    "EntryView",
    "LiveView",
    "OpenTicket",
    "RecordingView",
    "answer",
    "callbacks",
    "calls_of_ticket",
    "decline",
    "live",
    "log",
    "new_request",
    "one",
    "pause",
    "paused",
    "sound",
    "this_is",
]

TICKETS_SHOWN = 6
"""Open requests offered beside a call."""
LOOKED_AT = 30
"""The newest open ones of a customer, among which those of the person are looked for."""

call, call_offer, ticket, operator = tables.call, tables.call_offer, tables.ticket, tables.operator

_OFFER = Prepared(select(call_offer).where(call_offer.c.id == bindparam("id")))
_RINGING = Prepared(
    select(call_offer, tables.agent.c.name.label("name"))
    .select_from(
        call_offer.join(call, call.c.id == call_offer.c.call_id).outerjoin(
            tables.agent, tables.agent.c.id == call_offer.c.agent
        )
    )
    .where(call.c.phase != OVER, call_offer.c.state == "ringing")
    .order_by(call_offer.c.at)
)
_TALKING = Prepared(
    select(call.c.id).where(call.c.phase == "bridged", call.c.agent == bindparam("agent")).limit(1)
)
_NUMBER = Prepared(select(ticket.c.number).where(ticket.c.id == bindparam("id")))
_OPERATOR = Prepared(select(operator).where(operator.c.agent == bindparam("agent")))


# --- Who rings ----------------------------------------------------------------------------------------------


def live(tx: Tx, who: Principal, *, now: datetime) -> tuple[LiveView, ...]:
    """Calls that are not over, as far as this person may know of them: those for me first, then who waits longest.

    A contact sees none.
    """
    if who.kind == "contact":
        return ()
    mine = scope(who)
    rows = tx.all(_live(mine.shape), **mine.values)
    if not rows:
        return ()
    ringing = [row for row in tx.all(_RINGING) if now - row.at < call_queue.NO_ANSWER_AFTER]
    busy = any(row.phase == "bridged" and row.agent == who.id for row in rows)
    views = [_live_view(tx, who, row, ringing, busy=busy) for row in rows]
    return tuple(sorted(views, key=lambda view: (not view.mine, view.offer is None, view.began_at)))


def _live_view(tx: Tx, who: Principal, row: Row, ringing: list[Row], *, busy: bool) -> LiveView:
    of_call = [one for one in ringing if one.call_id == row.id]
    offer = next((one.id for one in of_call if one.agent == who.id), None)
    mine = row.agent == who.id
    own = scope(who)
    in_hand = tx.one(_in_hand(own.shape), id=row.ticket_id, **own.values) if row.ticket_id else None
    return LiveView(
        id=row.id,
        line=row.line,
        direction=row.direction,
        phase=row.phase,
        caller=shown(who, row.caller, own=mine or offer is not None),
        customer=row.customer,
        customer_name=row.customer_name or "",
        contact=row.contact,
        contact_name=row.contact_name or "",
        trust=row.trust,
        language=row.language,
        request_type=row.facts.get("request_type"),
        technology=row.facts.get("technology"),
        emergency=bool(row.facts.get("emergency")),
        group=row.desk_group,
        began_at=row.first_ring_at,
        queued_at=row.queued_at,
        bridged_at=row.bridged_at,
        offer=offer,
        rung=tuple(one.name or "" for one in of_call),
        agent_name=row.agent_name or "",
        mine=mine and (row.phase == "bridged" or row.direction == "out"),
        may_answer=row.phase == "queue" and not busy and who.is_agent,
        ticket=in_hand.number if in_hand else None,
        about=in_hand is not None and row.facts.get("about") == row.ticket_id,
        telephone=row.line != call_queue.SOFTPHONE,
        tickets=_open_tickets(tx, who, row),
    )


def _open_tickets(tx: Tx, who: Principal, row: Row) -> tuple[OpenTicket, ...]:
    """Of the customer, those of the person who seems to call first, then the newest."""
    if not row.customer or row.phase == "flow":
        return ()
    mine = scope(who)
    found = [
        OpenTicket(
            number=one.number,
            subject=one.subject,
            state=one.state,
            own=row.contact is not None and one.contact == row.contact,
        )
        for one in tx.all(_open(mine.shape), customer=row.customer, **mine.values)
    ]
    found.sort(key=lambda one: not one.own)
    return tuple(found[:TICKETS_SHOWN])


# --- Take it, or leave it -----------------------------------------------------------------------------------


def answer(tx: Tx, who: Principal, call_id: str, *, now: datetime) -> Literal["bridged", "ringing"]:
    """I take it. On the line of practice at once; on any other my telephone rings next, and 1 connects.

    Raises NotFound, Forbidden, Refused when the caller does not wait (any more), I speak already, or nobody knows
    my telephone.
    """
    in_hand = _open_call(tx, who, call_id, now=now)
    if in_hand["phase"] == "bridged" and in_hand["agent"] == who.id:
        return "bridged"
    if in_hand["phase"] == "bridged":
        raise Refused("somebody was quicker: the caller is in conversation", code="quicker")
    if in_hand["phase"] == OVER:
        raise Refused("the caller has hung up", code="hung_up")
    if in_hand["phase"] != "queue":
        raise Refused("the caller does not wait for anybody yet", code="not_waiting")
    if tx.one(_TALKING, agent=who.id) is not None:
        raise Refused("you are in conversation: end that call first", code="talking")
    agent = people.agent(tx, who.id)
    practice = in_hand["line"] == call_queue.SOFTPHONE
    if agent is None or not (agent.phone or practice):
        raise Refused(
            "nobody knows where your telephone is: an administrator names it in the desk configuration",
            code="no_telephone",
        )
    offers = tx.all(call_queue.OFFERS, call_id=call_id)
    ringing = next((row.id for row in offers if row.state == "ringing" and row.agent == who.id), None)
    if ringing is None:
        ringing = call_queue.offer(in_hand, agent, told=False)
    if not practice:
        return "ringing"
    call_queue.accept(in_hand, tx.one(_OFFER, id=ringing))
    in_hand.save()
    return "bridged"


def decline(tx: Tx, who: Principal, offer_id: str, *, now: datetime) -> None:
    """Not me: the next is rung. Safe to repeat. Raises NotFound for an offer to somebody else."""
    row = tx.one(_OFFER, id=offer_id)
    if row is None or not who.is_agent or row.agent != who.id:
        message = f"there is no offer {offer_id} to you"
        raise NotFound(message)
    if row.state == "ringing":
        call_queue.end_offer(tx, row, "declined", now=now)


def pause(tx: Tx, who: Principal, on: bool, *, now: datetime) -> None:  # noqa: FBT001 - a switch
    """`on`: I take no calls until I say so. Raises Forbidden for who is no member of staff."""
    if not who.is_agent:
        message = "only staff take calls"
        raise Forbidden(message)
    before = tx.one(_OPERATOR, agent=who.id)
    if before is None:
        tx.insert_missing(operator, agent=who.id, paused=on, since=now)
    elif before.paused != on:
        tx.update(operator, {"agent": who.id}, paused=on, since=now)
    tx.tell("call")


def paused(tx: Tx, who: Principal) -> bool:
    """Whether they take no calls just now."""
    row = tx.one(_OPERATOR, agent=who.id)
    return row is not None and bool(row.paused)


# --- What it is about ---------------------------------------------------------------------------------------


def this_is(tx: Tx, who: Principal, call_id: str, number: str, *, now: datetime) -> str:
    """The call that I lead is about this ticket: a conversation of it from now on. Return the ticket's number.

    A call is put into one ticket once; the same again changes nothing. Raises NotFound, Forbidden for a call that
    somebody else leads, Refused for another ticket, or one that has ended.
    """
    in_hand = _led(tx, who, call_id, now=now)
    row = find_to_act(tx, who, number)
    chosen = _chosen(in_hand)
    if chosen is not None and chosen == row.number:
        return chosen
    if chosen is not None:
        raise Refused(f"this call is a conversation of {chosen} already", code="in_ticket")
    if not row.open and row.state != "resolved":
        raise Refused(f"{row.number} is {row.state}: open a new request and name it there", code="ended")
    if in_hand["ticket_id"] == row.id and tx.one(_BELONGS, ticket_id=row.id, call_id=call_id) is not None:
        pass  # what the caller said before they waited is a message of it
    else:
        call_tickets.add(in_hand, row.id, "spoke", at=in_hand["bridged_at"])
    in_hand.note(about=row.id)
    in_hand.save()
    return str(row.number)


def new_request(
    tx: Tx,
    who: Principal,
    call_id: str,
    *,
    now: datetime,
    customer: str | None = None,
    contact: str | None = None,
    request_type: str | None = None,
    technology: str | None = None,
    impact: int | None = None,
    urgency: int | None = None,
    asset: str | None = None,
    site: str | None = None,
) -> str:
    """The call that I lead is a request of its own; return its number. What is left out keeps what the keys said.

    The same again gives the same ticket. Raises NotFound, Forbidden, Refused for a call that is in a ticket, Invalid
    with every value the desk does not know.
    """
    in_hand = _led(tx, who, call_id, now=now)
    chosen = _chosen(in_hand)
    if chosen is not None:
        if in_hand.fact("opened_by") == who.id:
            return chosen
        raise Refused(f"this call is a conversation of {chosen} already", code="in_ticket")
    hints = call_around.hints_of(in_hand)
    before = in_hand["ticket_id"]
    done = call_tickets.open_request(in_hand, "spoke", hints=hints, at=in_hand["first_ring_at"])
    if done.ticket_id is None or done.number is None:
        in_hand.set(ticket_id=before)
        raise Refused(
            "more has come from this number than anybody reads: staff look at it first", code="flood"
        )
    fields: Mapping[str, Any] = {
        "customer": customer,
        "contact": contact,
        "request_type": request_type,
        "technology": technology,
        "impact": impact,
        "urgency": urgency,
        "asset": asset,
        "site": site,
    }
    _describe(tx, who, done.ticket_id, {k: v for k, v in fields.items() if v not in (None, "")}, now=now)
    in_hand.note(about=done.ticket_id, opened_by=who.id)
    in_hand.save()
    return done.number


def _describe(tx: Tx, who: Principal, ticket_id: str, fields: dict[str, Any], *, now: datetime) -> None:
    """What staff heard of the request; once all is known it goes to a group, else it waits to be qualified."""
    if not fields:
        return
    case = Case.open(tx, ticket_id, now=now)
    handed_over = describing.describe(case, who, fields)
    describing.only_choice(case)
    if not describing.missing(case):
        placing.qualify(case, who, handed_over=handed_over)
    acts.finish(case)


def _led(tx: Tx, who: Principal, call_id: str, *, now: datetime) -> LiveCall:
    in_hand = _open_call(tx, who, call_id, now=now)
    if in_hand["phase"] != "bridged":
        raise Refused("nobody is in conversation on this call", code="hung_up")
    if in_hand["agent"] != who.id:
        message = "whoever speaks with the caller says what it is about"
        raise Forbidden(message)
    if in_hand["direction"] == "out":
        raise Refused("a call from a ticket stays a conversation of it", code="ours")
    return in_hand


def _chosen(in_hand: LiveCall) -> str | None:
    """Number of the ticket that staff said the call is about."""
    about = in_hand.fact("about")
    row = in_hand.tx.one(_NUMBER, id=about) if about else None
    return None if row is None else str(row.number)


def _open_call(tx: Tx, who: Principal, call_id: str, *, now: datetime) -> LiveCall:
    mine = scope(who)
    if tx.one(_may_see(mine.shape), id=call_id, **mine.values) is None:
        raise NotFound(f"there is no call {call_id} that you may see")
    if not who.is_agent:
        message = "only staff answer calls"
        raise Forbidden(message)
    try:
        return LiveCall.open(tx, call_id, now=now)
    except NoSuchCall as error:
        raise NotFound(str(error)) from error


# --- Statements ---------------------------------------------------------------------------------------------

_BELONGS = Prepared(
    select(tables.ticket_call.c.how).where(
        tables.ticket_call.c.ticket_id == bindparam("ticket_id"),
        tables.ticket_call.c.call_id == bindparam("call_id"),
        or_(*(tables.ticket_call.c.how == how for how in ("opened", "added", "missed"))),
    )
)


@cache
def _live(shape: tuple[Any, ...]) -> Prepared:
    named = (
        call.outerjoin(tables.customer, tables.customer.c.code == call.c.customer)
        .outerjoin(tables.contact, tables.contact.c.id == call.c.contact)
        .outerjoin(tables.agent, tables.agent.c.id == call.c.agent)
    )
    return Prepared(
        select(
            call,
            tables.customer.c.name.label("customer_name"),
            tables.contact.c.name.label("contact_name"),
            tables.agent.c.name.label("agent_name"),
        )
        .select_from(named)
        .where(call.c.phase != OVER, call_history.visible(shape))
        .order_by(call.c.first_ring_at)
    )


@cache
def _may_see(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(select(call.c.id).where(call.c.id == bindparam("id"), call_history.visible(shape)))


@cache
def _in_hand(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(
        select(ticket.c.number).where(ticket.c.id == bindparam("id"), Scope(shape=shape, values={}).tickets)
    )


@cache
def _open(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(
        select(ticket.c.number, ticket.c.subject, ticket.c.state, ticket.c.contact)
        .where(
            ticket.c.customer == bindparam("customer"),
            ticket.c.open,
            Scope(shape=shape, values={}).tested,
        )
        .order_by(ticket.c.id.desc())
        .limit(LOOKED_AT)
    )
