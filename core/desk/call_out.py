"""How are people called back? One click rings the member of staff, then the customer; what came of it is an event."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from core import numbers, texts
from core.calling import Dial, Words
from core.desk import acts, call_queue, people, timing
from core.desk.case import Case
from core.desk.errors import Refused, invalid
from core.desk.live_calls import OVER, LiveCall
from core.desk.principal import Principal
from core.envelope import Trust
from core.ids import new_id
from core.store import tables, work
from core.store.tx import Tx

LINE = "out"
NO_FLOW = "0" * 64
"""A call of ours is led by nobody's flow."""

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
    case.event("call.dialled", actor=who.actor, call=identity)
    work.enqueue(
        tx,
        shard=case.id,
        lane=f"dial:{identity}",
        kind="dial",
        payload={"call": identity},
        due=now,
        now=now,
        idem_key=f"dial:{identity}",
    )
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


def begin(tx: Tx, call_id: str, *, now: datetime) -> Dial | None:
    """What the line is to do; None: it was done, or given up."""
    live = LiveCall.open(tx, call_id, now=now)
    if live["phase"] == OVER:
        return None
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


def dialled(tx: Tx, call_id: str, how: How, *, now: datetime) -> None:
    """How a call of ours goes on. Once both were connected the customer has been called back. Raises NoSuchCall."""
    live = LiveCall.open(tx, call_id, now=now)
    if live["phase"] == OVER or live["direction"] != "out":
        return
    if how == "operator":
        live.note(operator=True)
        live.set(signal_at=now)
    elif how == "connected":
        live.set(phase="bridged", bridged_at=now, signal_at=now)
        called(live)
    else:
        _failed(live, how)
    live.save()


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
