"""What does a caller on hold hear, and whose telephone rings meanwhile? Asked every few seconds by whoever holds the call."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, select

from core.calling import Answer, CallEvent, OperatorLeg, Taken, Waiting, Words
from core.desk import call_queue, calls, live_calls, people
from core.desk.calls import House
from core.desk.live_calls import OVER, LiveCall
from core.rules import queueing
from core.store import tables
from core.store.tx import Prepared, Row, Tx

SAY_EVERY = timedelta(seconds=45)
"""How often place and wait are said."""
GIVE_UP_ALONE = timedelta(seconds=20)
"""So long somebody is waited for who could answer, where there is nobody."""

_OFFER = Prepared(select(tables.call_offer).where(tables.call_offer.c.id == bindparam("id")))

Came = Literal["accepted", "declined", "busy", "no_answer", "failed"]


def waiting(tx: Tx, call_id: str, seq: int, house: House, *, now: datetime) -> Waiting:
    """How it stands with a caller on hold, or in conversation. Raises NoSuchCall."""
    live = LiveCall.open(tx, call_id, now=now)
    if live["phase"] == OVER or seq != live["seq"]:
        return Waiting(answer=live_calls.stored(tx, call_id, live["seq"]) or Answer(call=call_id, seq=seq))
    live.set(signal_at=now)
    if live["phase"] == "bridged":
        live.save()
        return Waiting(bridged=live.fact("offer", ""), record=calls.may_record(live))
    rules = house.rules
    state = rules.state(live["state"])
    node = rules.queue(house.flow, state)
    if node is None:
        return Waiting(answer=live_calls.stored(tx, call_id, seq))
    able = call_queue.operators(live)
    standing = call_queue.standing(live, len(able))
    waited = now - (live["queued_at"] or now)
    outcome = _over(node, standing, able, waited)
    offers = _offers(live)
    if outcome and not any(one.state == "ringing" for one in offers):
        answer = calls.advance(tx, call_id, seq, CallEvent(kind="done", value=outcome), house, now=now)
        return Waiting(answer=answer)
    ring = _ring(live, able, offers)
    say: tuple[Words, ...] = ()
    said_at = live.fact("said_at")
    if said_at is None or waited.total_seconds() - said_at >= SAY_EVERY.total_seconds():
        live.note(said_at=waited.total_seconds())
        prompts = [*node.waiting, *(node.offer if waited.total_seconds() >= node.offer_after else ())]
        told = {"place": standing.place, "eta": standing.wait.total_seconds()}
        say = rules.spoken(house.flow, state.go(state.node, told), prompts)
    stop = tuple(row.id for row in offers if row.state in ("stopped", "declined") and row.told)
    live.save()
    return Waiting(say=say, ring=ring, stop=stop)


def _over(node: Any, standing: queueing.Standing, able: list[queueing.Operator], waited: timedelta) -> str:
    if standing.full:
        return "full"
    if waited.total_seconds() > node.max_wait or (not able and waited > GIVE_UP_ALONE):
        return "no_operator"
    return ""


def _offers(live: LiveCall) -> list[Row]:
    """Those of this call; what rang too long has ended."""
    found = live.tx.all(call_queue.OFFERS, call_id=live.id)
    late = [
        row for row in found if row.state == "ringing" and live.now - row.at >= call_queue.NO_ANSWER_AFTER
    ]
    for row in late:
        call_queue.end_offer(live.tx, row, "no_answer", now=live.now)
    return live.tx.all(call_queue.OFFERS, call_id=live.id) if late else found


def _ring(live: LiveCall, able: list[queueing.Operator], offers: list[Row]) -> tuple[OperatorLeg, ...]:
    """Who begins to ring now: one after another, and whom staff chose themselves."""
    tx = live.tx
    if not any(row.state == "ringing" for row in offers):
        chosen = queueing.next_operator(able, now=live.now)
        agent = people.agent(tx, chosen.agent) if chosen else None
        if agent is not None:
            call_queue.offer(live, agent, told=False)
            offers = tx.all(call_queue.OFFERS, call_id=live.id)
    legs = []
    for row in offers:
        if row.state == "ringing" and not row.told and row.address and live["line"] != call_queue.SOFTPHONE:
            tx.update(tables.call_offer, {"call_id": live.id, "id": row.id}, told=True)
            legs.append(call_queue.leg(live, row))
    return tuple(legs)


def operator(tx: Tx, offer: str, answer: Came, *, now: datetime) -> Taken:
    """What came of ringing somebody. Who accepts is connected, unless somebody was quicker or the caller left."""
    row = tx.one(_OFFER, id=offer)
    if row is None:
        return Taken(connect=False)
    live = LiveCall.open(tx, row.call_id, now=now)
    if row.state == "accepted":
        return Taken(connect=live["phase"] == "bridged", call=live.id, record=calls.may_record(live))
    if answer != "accepted":
        if row.state == "ringing":
            call_queue.end_offer(tx, row, answer, now=now)
        return Taken(connect=False, call=live.id)
    if live["phase"] != "queue" or row.state not in ("ringing", "no_answer"):
        return Taken(connect=False, call=live.id)
    call_queue.accept(live, row)
    live.save()
    return Taken(connect=True, call=live.id, record=calls.may_record(live))
