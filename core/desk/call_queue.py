"""Who is rung for a caller, who is called back, and in which turn? What staff do with calls from the inbox is in call_desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select

from core import texts
from core.calling import OperatorLeg, Words
from core.desk import answering, notices, people, placing, reference
from core.desk.case import Case
from core.desk.live_calls import LiveCall
from core.envelope import Address
from core.ids import new_id
from core.rules import queueing, reaching
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

SOFTPHONE = "softphone"
"""The line of practice: whoever answers does so in the inbox, and no telephone rings."""
SIGNED_IN = timedelta(hours=12)
"""Since they were last seen; whoever signed out is not rung."""
LATELY = 20
"""Conversations that say how long the next will take."""
NO_ANSWER_AFTER = queueing.RING + timedelta(seconds=10)

call, call_offer, callback = tables.call, tables.call_offer, tables.callback

_STAFF = Prepared(
    select(tables.agent, func.max(tables.sign_in.c.seen_at).label("seen"))
    .select_from(
        tables.agent.join(tables.sign_in, tables.sign_in.c.person == tables.agent.c.id).outerjoin(
            tables.operator, tables.operator.c.agent == tables.agent.c.id
        )
    )
    .where(
        tables.agent.c.active.is_(True),
        tables.sign_in.c.kind == "agent",
        tables.sign_in.c.expires_at > bindparam("now", type_=Instant),
        tables.sign_in.c.seen_at > bindparam("since", type_=Instant),
        func.coalesce(tables.operator.c.paused, False).is_(False),
    )
    .group_by(*tables.agent.c)
)
_TALKING = Prepared(
    select(call.c.agent).where(
        call.c.phase != "over",
        (call.c.phase == "bridged") | (call.c.direction == "out"),
        call.c.agent.is_not(None),
    )
)
_OFFERS_OF_AGENT = Prepared(
    select(call_offer)
    .where(call_offer.c.agent == bindparam("agent"), call_offer.c.at > bindparam("since", type_=Instant))
    .order_by(call_offer.c.at.desc())
)
OFFERS = Prepared(
    select(call_offer).where(call_offer.c.call_id == bindparam("call_id")).order_by(call_offer.c.at)
)
_LOAD = Prepared(
    select(tables.ticket.c.assignee, func.count().label("count"))
    .where(tables.ticket.c.open, tables.ticket.c.assignee == bindparam("agent"))
    .group_by(tables.ticket.c.assignee)
)
_AHEAD = Prepared(
    select(func.count().label("count")).where(
        call.c.phase == "queue",
        func.coalesce(call.c.desk_group, "") == bindparam("desk_group"),
        call.c.queued_at < bindparam("before", type_=Instant),
    )
)
_TOOK = Prepared(
    select(call.c.bridged_at, call.c.ended_at)
    .where(call.c.desk_group == bindparam("desk_group"), call.c.bridged_at.is_not(None))
    .order_by(call.c.bridged_at.desc())
    .limit(LATELY)
)
_WAITING_BACK = Prepared(
    select(func.count().label("count")).where(
        callback.c.state != "done", callback.c.since < bindparam("before", type_=Instant)
    )
)
OWED = Prepared(
    select(callback).where(callback.c.ticket_id == bindparam("ticket_id"), callback.c.state != "done")
)


# --- Who answers --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Whose line a caller waits in. `group` None: that of whoever takes what nobody else does."""

    group: str | None
    open: bool


def group_for(live: LiveCall, *, emergency: bool) -> Chosen:
    """The group that is competent for what is known of the request; in an emergency whatever its hours are."""
    technology, kind = live.fact("technology"), live.fact("request_type")
    if technology is None and kind is None:
        return Chosen(group=None, open=True)
    found = placing.competent(
        live.tx,
        technology=technology,
        request_type=kind,
        customer=live["customer"],
        level=1,
        now=live.now,
    )
    return Chosen(group=found.group, open=found.group is None or found.reachable or emergency)


def operators(live: LiveCall) -> list[queueing.Operator]:
    """Staff who could be rung for this call: signed in, taking calls, and with a telephone unless it is practice."""
    practice = live["line"] == SOFTPHONE
    return staff_for(live.tx, live["desk_group"], by_telephone=not practice, call_id=live.id, now=live.now)


def staff_for(
    tx: Tx, group: str | None, *, by_telephone: bool, call_id: str = "", now: datetime
) -> list[queueing.Operator]:
    """The same for whoever waits for this group; None: for anybody who takes calls."""
    talking = {row.agent for row in tx.all(_TALKING)}
    found = []
    for row in tx.all(_STAFF, now=now, since=now - SIGNED_IN):
        competent = group in row.groups if group else "contact-centre" in row.roles
        if not (competent or "contact-centre" in row.roles):
            continue
        if by_telephone and not row.phone:
            continue
        offers = tx.all(_OFFERS_OF_AGENT, agent=row.id, since=now - timedelta(hours=12))
        ringing = any(one.state == "ringing" and now - one.at < NO_ANSWER_AFTER for one in offers)
        load = tx.one(_LOAD, agent=row.id)
        found.append(
            queueing.Operator(
                agent=row.id,
                competent=competent,
                busy=ringing or row.id in talking,
                last_rung=offers[0].at if offers else None,
                declined=any(one.call_id == call_id and one.state == "declined" for one in offers),
                open_tickets=load.count if load else 0,
            )
        )
    return found


def standing(live: LiveCall, able: int) -> queueing.Standing:
    """Place in line and expected wait."""
    group = live["desk_group"] or ""
    ahead = live.tx.one(_AHEAD, desk_group=group, before=live["queued_at"] or live.now).count
    took = [
        row.ended_at - row.bridged_at
        for row in live.tx.all(_TOOK, desk_group=live["desk_group"])
        if row.ended_at is not None
    ]
    return queueing.standing(ahead=ahead, operators=able, lately=took)


def offer(live: LiveCall, agent: people.Agent, *, told: bool) -> str:
    """Begin to ring somebody; the id of the offer."""
    identity = new_id()
    live.tx.insert(
        call_offer,
        call_id=live.id,
        id=identity,
        agent=agent.id,
        address=agent.phone,
        state="ringing",
        told=told,
        at=live.now,
    )
    live.tx.tell("call", live.id)
    return identity


def end_offer(tx: Tx, row: Row, state: str, *, now: datetime) -> None:
    """What came of it."""
    tx.update(call_offer, {"call_id": row.call_id, "id": row.id}, state=state, ended_at=now)
    tx.tell("call", row.call_id)


def accept(live: LiveCall, row: Row) -> None:
    """This member of staff speaks with the caller now; nobody else is rung any more."""
    for other in live.tx.all(OFFERS, call_id=live.id):
        if other.state == "ringing" and other.id != row.id:
            end_offer(live.tx, other, "stopped", now=live.now)
    end_offer(live.tx, row, "accepted", now=live.now)
    live.set(phase="bridged", bridged_at=live.now, agent=row.agent, signal_at=live.now)
    live.note(offer=row.id)


def leg(live: LiveCall, row: Row) -> OperatorLeg:
    """What a line needs to ring this member of staff."""
    agent = people.agent(live.tx, row.agent)
    language = live.tx.facts.language(agent.language if agent else None)
    return OperatorLeg(
        offer=row.id,
        address=row.address,
        name=agent.name if agent else "",
        whisper=whisper(live, language),
        ring_seconds=int(queueing.RING.total_seconds()),
    )


def whisper(live: LiveCall, language: str) -> tuple[Words, ...]:
    """What a member of staff hears before they decide: whose call, about what, waiting how long."""
    say = texts.voice(language)["whisper"]
    customer = reference.customer(live.tx, live["customer"]) if live["customer"] else None
    contact = people.contact(live.tx, live["contact"]) if live["contact"] else None
    told = [say["call"].format(hub=live.tx.facts.name)]
    told.append(say["customer"].format(customer=customer.name) if customer else say["unknown"])
    if contact and live["trust"] == "verified":
        told.append(say["proved"].format(name=contact.name))
    if live.fact("technology"):
        told.append(say["technology"].format(technology=live.fact("technology")))
    if live.fact("emergency"):
        told.append(say["emergency"])
    if live["queued_at"]:
        waited = int((live.now - live["queued_at"]).total_seconds())
        told.append(say["waited"].format(waited=texts.duration(max(waited, 60), language)))
    told.append(say["press"])
    return (Words(text=" ".join(told), language=language),)


# --- Who is called back -------------------------------------------------------------------------------------


def owe_call(live: LiveCall, ticket_id: str, *, reason: str) -> None:
    """Somebody waits to be called back: at the place in line they had. `reason`: asked, missed or voicemail."""
    tx = live.tx
    number = live.fact("callback_number") or live["caller"]
    if tx.one(OWED, ticket_id=ticket_id) is not None or not number:
        return
    contact = people.contact(tx, live["contact"]) if live["contact"] else None
    tx.insert(
        callback,
        ticket_id=ticket_id,
        id=new_id(),
        call_id=live.id,
        number=number,
        name=contact.name if contact else "",
        desk_group=live["desk_group"] or "",
        reason=reason,
        state="waiting",
        since=live["queued_at"] or live["first_ring_at"],
    )
    case = Case.open(tx, ticket_id, now=live.now)
    case.flag("callback")
    case.event("callback.owed", actor="system", call=live.id, reason=reason)
    case.save()


def until_called_back(live: LiveCall) -> timedelta:
    """How long it takes until it is this caller's turn."""
    waiting = live.tx.one(_WAITING_BACK, before=live["queued_at"] or live["first_ring_at"]).count
    able = len(operators(live))
    return queueing.standing(ahead=waiting + 1, operators=able, lately=()).wait


def settle(case: Case, *, actor: str, agent: str | None) -> bool:
    """Whoever was owed a call on this ticket was called; say whether somebody was."""
    row = case.tx.one(OWED, ticket_id=case.id)
    if row is None:
        return False
    case.tx.update(
        callback, {"ticket_id": case.id, "id": row.id}, state="done", agent=agent, done_at=case.now
    )
    case.flag("callback", on=False)
    case.flag("missed_call", on=False)
    case.event("callback.done", actor=actor, call=row.call_id)
    return True


def send_number(live: LiveCall) -> bool:
    """The number of the request in hand as a message to the caller's telephone; False: there is no conversation for it."""
    case = Case.open(live.tx, live["ticket_id"], now=live.now)
    where: Any = next(
        (
            one
            for one in answering.conversations(case)
            if one.channel == reaching.PHONE and one.address == live["caller"]
        ),
        None,
    )
    if where is None:
        return False
    notices.received(case, where, plain=False, next_open=None, only=Address(live["caller"], ""), answers="")
    case.save()
    return True
