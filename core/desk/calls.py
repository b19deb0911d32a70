"""What happens to a call? It rings, goes on step by step, and ends; whatever it leaves behind is a ticket or an event.

Every step is one transaction: state, effects and answer are stored together, so that a step that is asked twice has one
effect and one answer. The rules of the flow are given as a value, because the core knows no flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import bindparam, select

from core import numbers
from core.calling import SECRET, Answer, Audio, CallEvent, HangUp, Hold, Ringing, Words
from core.desk import (
    accounts,
    call_actions,
    call_around,
    call_identity,
    call_queue,
    call_tickets,
    live_calls,
    page_calls,
    reference,
    timing,
)
from core.desk.case import Case
from core.desk.live_calls import OVER, LiveCall
from core.envelope import Trust
from core.ids import derived_id
from core.rules import call_outcomes, workflow
from core.rules.call_outcomes import Happened
from core.store import blobs, tables, work
from core.store.columns import Instant, to_micros
from core.store.tx import Prepared, Row, Tx

SILENT = timedelta(minutes=5)
"""Without a word from the line; then the call is taken for lost."""
SILENT_TALK = timedelta(hours=4)
"""The same of a conversation, of which lines say nothing."""
MOST_WORDS = 20_000  # characters of a transcript
SOUND_WITHIN = timedelta(hours=24)
"""After that a recording that was announced counts as missing."""

call, recording = tables.call, tables.recording

Flow = Any
"""What `Rules.parse` made."""


class Rules(Protocol):
    """What the core needs of call flows: `ivr.rules`, given as a value."""

    def parse(self, text: str | bytes) -> Flow: ...
    def begin(self, flow: Flow, *, language: str = "", values: Mapping[str, Any] | None = None) -> Any: ...
    def step(self, flow: Flow, state: Any, event: CallEvent | None, facts: Mapping[str, Any]) -> Any: ...
    def state(self, plain: Mapping[str, Any]) -> Any: ...
    def is_secret(self, flow: Flow, state: Any) -> bool: ...
    def queue(self, flow: Flow, at: Any) -> Any: ...
    def record(self, flow: Flow, at: Any) -> Any: ...
    def spoken(self, flow: Flow, state: Any, said: Any) -> tuple[Words, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """How this hub answers calls."""

    rules: Rules
    flow: Flow
    """That of the call."""
    digest: str
    caller_id_allows: str = "greeting"
    short: timedelta = call_outcomes.SHORT
    tickets_for_missed: bool = True


# --- It rings -----------------------------------------------------------------------------------------------


def ring(tx: Tx, ringing: Ringing, house: House, *, now: datetime) -> Answer:
    """A call comes in: its row, then the first answer. The same call again gets the same answer."""
    known = live_calls.find(tx, ringing.line, ringing.external_id)
    if known is not None:
        answer = live_calls.stored(tx, known, 0)
        if answer is not None:
            return answer
    identity = derived_id(to_micros(ringing.at) // 1000, "call", ringing.line, ringing.external_id)
    caller = numbers.normal(ringing.caller, tx.facts.country)
    begun = house.rules.begin(house.flow, values={"hub": tx.facts.name})
    values: dict[str, Any] = {
        "id": identity,
        "line": ringing.line,
        "external_id": ringing.external_id,
        "direction": "in",
        "caller": caller,
        "called": numbers.normal(ringing.called, tx.facts.country) or ringing.called,
        "customer": None,
        "contact": None,
        "trust": str(Trust.NONE),
        "language": begun.language,
        "desk_group": None,
        "flow": house.digest,
        "state": begun.to_plain(),
        "seq": 0,
        "phase": "flow",
        "outcome": "",
        "cause": "",
        "agent": None,
        "ticket_id": None,
        "facts": {},
        "first_ring_at": ringing.at,
        "signal_at": now,
        "queued_at": None,
        "bridged_at": None,
        "ended_at": None,
    }
    tx.insert(call, **values)
    tx.tell("call", identity)
    live = LiveCall(tx, values, now=now)
    work.set_timer(
        tx, shard=identity, key="silent", kind="call-silent", payload={}, due=now + SILENT, now=now
    )
    return _step(live, house, None, proof=None, seq=0)


# --- It goes on ---------------------------------------------------------------------------------------------


def advance(
    tx: Tx,
    call_id: str,
    seq: int,
    event: CallEvent,
    house: House,
    *,
    now: datetime,
    proof: call_identity.Proof | None = None,
) -> Answer:
    """The caller reacted to answer `seq`. Raises NoSuchCall.

    What was answered before is answered the same; what comes late to a call that went on gets where it is now. Digits
    of a secret never come here: `proof` says what they proved, and dots stand for them in the event.
    """
    live = LiveCall.open(tx, call_id, now=now)
    if (done := live_calls.stored(tx, call_id, seq + 1)) is not None:
        return done
    if live["phase"] == OVER or seq != live["seq"]:
        return _as_it_is(live)
    state = house.rules.state(live["state"])
    recorded = house.rules.record(house.flow, state)
    if recorded is not None and event.kind == "done" and event.value == "recorded":
        call_tickets.expect_sound(live, seq)
        live.note(in_voicemail=recorded.voicemail)
    if event.kind == "digits":
        live.note(chose=True)
    if live["phase"] == "bridged" and event.kind == "done":
        live.set(phase="flow")
        live.note(spoke=True)
    return _step(live, house, event, proof=proof, seq=seq + 1)


def _as_it_is(live: LiveCall) -> Answer:
    if live["phase"] == OVER:
        return Answer(call=live.id, seq=live["seq"], then=HangUp(), language=live["language"])
    return live_calls.stored(live.tx, live.id, live["seq"]) or Answer(call=live.id, seq=live["seq"])


def _step(
    live: LiveCall,
    house: House,
    event: CallEvent | None,
    *,
    proof: call_identity.Proof | None,
    seq: int,
) -> Answer:
    rules, flow = house.rules, house.flow
    state = rules.state(live["state"])
    around = call_actions.Around(live=live, proof=proof, caller_id_allows=house.caller_id_allows)
    before = state.node
    masked = rules.is_secret(flow, state)
    turn = rules.step(flow, state, event, call_actions.bind(around))
    answer = Answer(call=live.id, seq=seq, say=turn.say, then=turn.then, language=turn.state.language)
    value = event.value if event else ""
    live.tx.insert(
        live_calls.call_turn,
        call_id=live.id,
        seq=seq,
        at=live.now,
        event=event.kind if event else "ring",
        value=SECRET * len(value) if masked else value,
        node=before,
        passed=list(turn.passed),
        answer=live_calls.to_plain(answer),
    )
    phase = "queue" if isinstance(turn.then, Hold) else "flow"
    if phase == "queue" and rules.queue(flow, turn.state).consent:
        live.note(consented=True)
    if phase == "queue" and live["phase"] != "queue":
        live.set(queued_at=live["queued_at"] or live.now)
    live.set(
        state=turn.state.to_plain(), seq=seq, language=turn.state.language, phase=phase, signal_at=live.now
    )
    live.save()
    return answer


# --- Its sound ----------------------------------------------------------------------------------------------


def recorded(tx: Tx, call_id: str, seq: int, audio: Audio, *, now: datetime) -> None:
    """The sound of a recording: kept, and put beside its message, now or once that is there. Safe to repeat."""
    live = LiveCall.open(tx, call_id, now=now)
    tx.insert_missing(recording, call_id=call_id, seq=seq, state="expected", at=now)
    row = next(one for one in call_tickets.recordings(live) if one.seq == seq)
    if row.state not in ("expected", "missing"):
        return
    days = call_tickets.days_kept(live)
    tx.update(
        recording,
        {"call_id": call_id, "seq": seq},
        state="stored",
        blob=blobs.put(tx, audio.content, now=now),
        external_id=audio.external_id,
        type=audio.type,
        milliseconds=round(audio.seconds * 1000),
        transcript=_transcript(live, audio),
        keep_until=now + timedelta(days=days),
        **({"ticket_id": live["ticket_id"]} if seq == 0 and live["ticket_id"] else {}),
    )
    call_tickets.attach_sound(live, next(one for one in call_tickets.recordings(live) if one.seq == seq))
    live.save()


def _transcript(live: LiveCall, audio: Audio) -> dict[str, Any] | None:
    """What an engine suggests was said; the sound stays the record."""
    if not audio.words.strip():
        return None
    return {
        "engine": audio.engine[:100],
        "model": "",
        "language": live["language"],
        "confidence": None,
        "text": audio.words.strip()[:MOST_WORDS],
    }


# --- It ends ------------------------------------------------------------------------------------------------


def hung_up(
    tx: Tx,
    call_id: str,
    house: House,
    *,
    now: datetime,
    at: datetime | None = None,
    cause: str = "",
    lost: bool = False,
) -> str:
    """The call is over; its outcome. Safe to repeat: a call ends once. Raises NoSuchCall."""
    live = LiveCall.open(tx, call_id, now=now)
    if live["phase"] == OVER:
        return str(live["outcome"])
    ended = max(live["first_ring_at"], min(at or now, now))
    outcome = call_outcomes.outcome(
        Happened(
            first_ring=live["first_ring_at"],
            ended=ended,
            bridged=live["bridged_at"] is not None,
            recorded=bool(live.fact("recorded")),
            voicemail=bool(live.fact("voicemail")),
            callback=bool(live.fact("callback")),
            informed=bool(live.fact("informed")),
            asked_for_person=bool(live.fact("asked_for_person")) or live["queued_at"] is not None,
            chose=bool(live.fact("chose")),
            lost=lost,
        ),
        short=house.short,
    )
    if page_calls.of(live):
        page_calls.over(live, heard=False, how=cause or "no answer")
        live.save()
        return str(live["outcome"])
    if live["direction"] == "out" and live["bridged_at"] is None:
        outcome = call_outcomes.Outcome("tried")
    live.set(phase=OVER, outcome=outcome.code, cause=cause[:100], ended_at=ended, signal_at=now)
    for row in tx.all(call_queue.OFFERS, call_id=call_id):
        if row.state == "ringing":
            call_queue.end_offer(tx, row, "stopped", now=now)
    for ticket_id in live.fact("heard", []):
        _heard(live, ticket_id)
    if outcome.code == "spoke" and live["direction"] == "in":  # a call of ours told it when it was connected
        _spoke(live)
    elif outcome.owes_ticket and house.tickets_for_missed:
        _missed(live)
    work.cancel(tx, shard=call_id, key="silent")
    live.save()
    return outcome.code


def silent(tx: Tx, call_id: str, house: House, *, now: datetime) -> None:
    """A timer: the line has said nothing of this call for long. What is lost becomes a missed call."""
    live = LiveCall.open(tx, call_id, now=now)
    if live["phase"] == OVER:
        return
    patience = SILENT_TALK if live["phase"] == "bridged" else SILENT
    due = live["signal_at"] + patience
    if due > now:
        work.set_timer(tx, shard=call_id, key="silent", kind="call-silent", payload={}, due=due, now=now)
        return
    hung_up(tx, call_id, house, now=now, at=live["signal_at"], cause="lost", lost=True)


def live_of_line(tx: Tx, line: str) -> list[Row]:
    """Calls of this line that are not over: id, flow."""
    return tx.all(_LIVE_OF_LINE, line=line)


_LIVE_OF_LINE = Prepared(
    select(call.c.id, call.c.flow).where(call.c.phase != OVER, call.c.line == bindparam("line"))
)


def _heard(live: LiveCall, ticket_id: str) -> None:
    case = Case.open(live.tx, ticket_id, now=live.now)
    case.event("call.heard", actor=_actor(live), call=live.id)
    call_tickets.belongs(live, ticket_id, "heard")
    case.save()


def _spoke(live: LiveCall) -> None:
    """Somebody spoke with the caller: in the ticket they chose, else in a new one, whose first answer that was."""
    tx = live.tx
    spoke_at = live["bridged_at"]
    if live["ticket_id"] is None:
        done = call_tickets.open_request(
            live, "spoke", hints=call_around.hints_of(live), at=live["first_ring_at"]
        )
        if done.ticket_id is None:
            return
    ticket_id = live["ticket_id"]
    call_tickets.belongs(live, ticket_id, "spoke")
    case = Case.open(tx, ticket_id, now=live.now)
    case.event("call.spoke", actor=f"agent:{live['agent']}", at=spoke_at, call=live.id)
    if case["open"]:
        timing.apply(case, "public_answer", at=max(spoke_at, case["state_since"]))
        if case["assignee"] is None and accounts.principal(tx, "agent", live["agent"]) is not None:
            case.event(
                "ticket.assigned", actor=f"agent:{live['agent']}", agent=live["agent"], **{"from": None}
            )
            case.set(assignee=live["agent"])
    call_queue.settle(case, actor=f"agent:{live['agent']}", agent=live["agent"])
    timing.settle(case)
    case.save()


_EARLIER = Prepared(
    select(call.c.ticket_id, tables.ticket.c.open)
    .select_from(call.join(tables.ticket, tables.ticket.c.id == call.c.ticket_id))
    .where(
        call.c.caller == bindparam("caller"),
        call.c.first_ring_at >= bindparam("since", type_=Instant),
        call.c.first_ring_at <= bindparam("until", type_=Instant),
        call.c.outcome == "missed",
        call.c.id != bindparam("id"),
        tables.ticket.c.open,
    )
    .order_by(call.c.first_ring_at)
    .limit(1)
)


def _missed(live: LiveCall) -> None:
    """Nobody spoke with the caller: a ticket clocked from the first ring, or one more call of the same."""
    earlier = None
    if live["caller"]:
        earlier = live.tx.one(
            _EARLIER,
            caller=live["caller"],
            since=live["first_ring_at"] - call_outcomes.TOGETHER,
            until=live["first_ring_at"],
            id=live.id,
        )
    if earlier is not None:
        ticket_id: str | None = earlier.ticket_id
        call_tickets.add(live, earlier.ticket_id, "missed", at=live["first_ring_at"])
    elif live["ticket_id"] and _is_open(live.tx, live["ticket_id"]):
        ticket_id = live["ticket_id"]
        call_tickets.add(live, live["ticket_id"], "missed", at=live["first_ring_at"])
    else:
        hints = call_around.hints_of(live)
        ticket_id = call_tickets.open_request(live, "missed", hints=hints, at=live["first_ring_at"]).ticket_id
    if ticket_id is None:
        return
    case = Case.open(live.tx, ticket_id, now=live.now)
    case.flag("missed_call")
    case.event("call.missed", actor=_actor(live), at=live["first_ring_at"], call=live.id)
    case.save()
    call_queue.owe_call(live, ticket_id, reason="missed")


def _is_open(tx: Tx, ticket_id: str) -> bool:
    row = tx.one(_STATE, id=ticket_id)
    return row is not None and row.state not in workflow.NOT_OPEN


_STATE = Prepared(select(tables.ticket.c.state).where(tables.ticket.c.id == bindparam("id")))


def _actor(live: LiveCall) -> str:
    verified = live["trust"] == Trust.VERIFIED and live["contact"]
    return f"contact:{live['contact']}" if verified else "address"


def may_record(live: LiveCall) -> bool:
    """Was it said that the conversation may be recorded, and does the customer's policy allow it?"""
    if not live.fact("consented"):
        return False
    customer = reference.customer(live.tx, live["customer"]) if live["customer"] else None
    return customer is None or customer.keep_recordings > 0
