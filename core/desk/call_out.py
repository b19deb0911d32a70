"""How are people called back? One click rings the member of staff, then the customer; what came of it is an event."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import bindparam, select

from core import numbers, texts
from core.calling import Dial, Words
from core.desk import accounts, acts, call_queue, page_answers, page_calls, people, timing
from core.desk.case import Case
from core.desk.errors import Refused, invalid
from core.desk.live_calls import OVER, LiveCall
from core.desk.page_calls import NO_FLOW
from core.desk.principal import Principal
from core.envelope import Trust
from core.ids import new_id
from core.rules import calling_hours, queueing
from core.store import tables
from core.store.columns import Instant
from core.store.schedules import Schedule
from core.store.tx import Prepared, Tx

LINE = "out"

AGAIN = timedelta(minutes=10)
"""After a try that reached nobody; each member of staff is asked once within it."""
MOST_TRIES = 3
"""Within that time."""
MOST_AT_ONCE = 20
IN_TURN = Schedule(name="callbacks", rhythm="every 20", kind="callbacks", payload={})

How = Literal["operator", "connected", "declined", "busy", "no_answer", "failed"]


def call_back(tx: Tx, who: Principal, number: str, *, now: datetime, to: str = "") -> str:
    """Call the person of a ticket: rings whoever asks, then `to` or the number that waits for it; the id of the call.

    Raises NotFound, Forbidden, Refused without a telephone of one's own, Invalid for what is no number.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    agent = people.agent(tx, who.id)
    if agent is None or not agent.phone:
        raise Refused(
            "nobody knows where your telephone is: an administrator names it in the desk configuration",
            code="no_telephone",
        )
    wanted = numbers.normal(to or _number(case), tx.facts.country)
    if not wanted:
        raise invalid("/to", "is no number that can be called")
    identity = new_id()
    tx.insert(
        tables.call,
        id=identity,
        line=LINE,
        external_id=identity,
        direction="out",
        caller=wanted,
        called=agent.phone,
        customer=case["customer"],
        contact=case["contact"],
        trust=str(Trust.NONE),
        language=case["language"],
        desk_group=case["desk_group"],
        flow=NO_FLOW,
        state={},
        seq=0,
        phase="flow",
        outcome="",
        cause="",
        agent=who.id,
        ticket_id=case.id,
        facts={},
        first_ring_at=now,
        signal_at=now,
    )
    tx.insert(tables.ticket_call, ticket_id=case.id, call_id=identity, how="callback", at=now)
    tx.tell("call", identity)
    case.event("call.dialled", actor=who.actor, call=identity)
    page_calls.start(tx, case.id, identity, now=now)
    case.save()
    return identity


def _number(case: Case) -> str:
    waiting = case.tx.one(call_queue.OWED, ticket_id=case.id)
    if waiting is not None:
        return str(waiting.number)
    if numbers.is_number(case["requester_address"]):
        return str(case["requester_address"])
    contact = people.contact(case.tx, case["contact"]) if case["contact"] else None
    return contact.number if contact else ""


_IN_TURN = Prepared(
    select(tables.callback, tables.ticket.c.number.label("ticket"))
    .select_from(tables.callback.join(tables.ticket, tables.ticket.c.id == tables.callback.c.ticket_id))
    .where(tables.callback.c.state == "waiting", tables.callback.c.reason == "asked", tables.ticket.c.open)
    .order_by(tables.callback.c.since)
    .limit(MOST_AT_ONCE)
)
_TRIED = Prepared(
    select(tables.call.c.agent, tables.call.c.phase, tables.call.c.first_ring_at)
    .select_from(tables.ticket_call.join(tables.call, tables.call.c.id == tables.ticket_call.c.call_id))
    .where(
        tables.ticket_call.c.ticket_id == bindparam("ticket_id"),
        tables.ticket_call.c.how == "callback",
        tables.call.c.first_ring_at > bindparam("since", type_=Instant),
    )
)


def in_turn(tx: Tx, *, now: datetime) -> int:
    """Call back those whose turn it is: who asked for it first, as soon as somebody competent is free; how many.

    Nobody is called at an indecent hour, nor again for a while after a try that reached nobody. Whoever did not ask,
    and only hung up, is called by staff who decide so.
    """
    if not tx.facts.dials:
        return 0
    begun, busy = 0, set[str]()
    for row in tx.all(_IN_TURN):
        tried = tx.all(_TRIED, ticket_id=row.ticket_id, since=now - AGAIN)
        if any(one.phase != OVER for one in tried) or len(tried) >= MOST_TRIES:
            continue
        if not calling_hours.may_call(row.number, now=now, home=tx.facts.zone).now:
            continue
        able = [
            one
            for one in call_queue.staff_for(tx, row.desk_group or None, by_telephone=True, now=now)
            if one.agent not in busy and one.agent not in {other.agent for other in tried}
        ]
        chosen = queueing.next_operator(able, now=now)
        who = accounts.principal(tx, "agent", chosen.agent) if chosen else None
        if who is None:
            continue
        busy.add(who.id)
        call_back(tx, who, row.ticket, now=now)
        begun += 1
    return begun


def begin(tx: Tx, call_id: str, *, now: datetime) -> Dial | None:
    """What the line is to do; None: it was done, or given up."""
    live = LiveCall.open(tx, call_id, now=now)
    if live["phase"] == OVER:
        return None
    if page_calls.of(live):
        live.set(signal_at=now)
        live.save()
        return page_calls.dial(live)
    agent = people.agent(tx, live["agent"])
    language = tx.facts.language(agent.language if agent else None)
    contact = people.contact(tx, live["contact"]) if live["contact"] else None
    name = contact.name if contact else live["caller"]
    say = texts.voice(language)["whisper"]["back"].format(name=name)
    live.set(signal_at=now)
    live.save()
    return Dial(
        call=call_id,
        operator=live["called"],
        number=live["caller"],
        whisper=(Words(text=say, language=language),),
        language=live["language"],
    )


def dialled(tx: Tx, call_id: str, how: How, *, now: datetime) -> tuple[Words, ...]:
    """How a call of ours goes on; what is said to whoever pressed 1 and is connected with nobody. Raises NoSuchCall.

    Once both were connected the customer has been called back. Who was called because they are on duty knows by key 1.
    """
    live = LiveCall.open(tx, call_id, now=now)
    if live["direction"] != "out":
        return ()
    if page_calls.of(live):
        return page_answers.by_telephone(live, how)
    if live["phase"] == OVER:
        return ()
    if how == "operator":
        live.note(operator=True)
        live.set(signal_at=now)
    elif how == "connected":
        live.set(phase="bridged", bridged_at=now, signal_at=now)
        called(live)
    else:
        _failed(live, how)
    live.save()
    return ()


def called(live: LiveCall) -> None:
    """The customer was reached: that is an answer, and nobody waits any more."""
    case = Case.open(live.tx, live["ticket_id"], now=live.now)
    _answered(case)
    case.event("call.spoke", actor=f"agent:{live['agent']}", call=live.id)
    call_queue.settle(case, actor=f"agent:{live['agent']}", agent=live["agent"])
    acts.finish(case)


def _answered(case: Case) -> None:
    if case["open"]:
        timing.apply(case, "public_answer")


def _failed(live: LiveCall, how: str) -> None:
    live.set(phase=OVER, outcome="tried", cause=how, ended_at=live.now)
    case = Case.open(live.tx, live["ticket_id"], now=live.now)
    case.event("call.tried", actor=f"agent:{live['agent']}", call=live.id, how=how)
    case.save()


def given_up(tx: Tx, call_id: str, reason: str, *, now: datetime) -> None:
    """No line could call."""
    live = LiveCall.open(tx, call_id, now=now)
    if live["phase"] != OVER:
        live.note(error=reason[:200])
        if page_calls.of(live):
            page_calls.over(live, heard=False, how=reason[:200])
        else:
            _failed(live, "failed")
        live.save()


def done_by_hand(tx: Tx, who: Principal, number: str, *, now: datetime) -> str:
    """Staff called with a telephone the hub knows nothing of. Raises NotFound, Forbidden, Refused when nobody waits."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    if not call_queue.settle(case, actor=who.actor, agent=who.id):
        raise Refused("nobody waits for a call on this ticket", code="nobody_waits")
    _answered(case)
    acts.finish(case)
    return number
