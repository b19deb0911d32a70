"""Which calls does the demo desk show? Those of day.toml, led through the real flow by the real verbs, each at its time."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from core.calling import SECRET, Answer, Audio, CallEvent, Ringing
from core.desk import call_queue, calls, flows, people
from core.desk.call_identity import Proof
from core.desk.calls import House
from core.store.tx import Tx

SECONDS, RATE = 4, 8000
PIN, SPEAK, SILENCE = "pin", "speak", "silence"


class Rules(calls.Rules, Protocol):
    """What is needed of call flows: the module `ivr.rules`, as a value."""

    def digest(self, flow: Any) -> str: ...


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[calls]] of day.toml."""

    at: int
    """Minutes before now."""
    caller: str
    does: tuple[str, ...] = ()
    """Keys; or `pin`, `speak`, `silence`."""
    seconds: int = 20
    """Until they hang up, after all that."""


def play(tx: Tx, rules: Rules, shipped: str, led: Sequence[Call], *, now: datetime) -> int:
    """Let them call; how many there were. `shipped`: the flow, which answers from now on."""
    flow = rules.parse(shipped)
    house = House(rules=rules, flow=flow, digest=rules.digest(flow))
    flows.install(tx, flows.DEFAULT, shipped, house.digest, now=now)
    for n, one in enumerate(led):
        _lead(tx, house, one, f"demo-{n}", now - timedelta(minutes=one.at))
    return len(led)


def _lead(tx: Tx, house: House, one: Call, identity: str, at: datetime) -> None:
    line = call_queue.SOFTPHONE
    answer = calls.ring(tx, Ringing(line=line, external_id=identity, caller=one.caller, at=at), house, now=at)
    for what in one.does:
        at += timedelta(seconds=8)
        answer = _react(tx, house, one, answer, what, at)
    at += timedelta(seconds=one.seconds)
    calls.hung_up(tx, answer.call, house, now=at)


def _react(tx: Tx, house: House, one: Call, answer: Answer, what: str, at: datetime) -> Answer:
    call, seq, proof = answer.call, answer.seq, None
    event = CallEvent(kind="digits", value=what)
    if what == SILENCE:
        event = CallEvent(kind="silence")
    elif what == SPEAK:
        audio = Audio(content=_tone(), type="audio/wav", seconds=SECONDS, external_id=f"{call}-{seq}")
        calls.recorded(tx, call, seq, audio, now=at)
        event = CallEvent(kind="done", value="recorded")
    elif what == PIN:
        (contact,) = people.by_number(tx, one.caller)
        event = CallEvent(kind="digits", value=SECRET * 6)
        proof = Proof(contact=contact.id, customer=contact.customer)
    return calls.advance(tx, call, seq, event, house, now=at, proof=proof)


def _tone() -> bytes:
    """What stands for a voice: two notes, as a WAV of 8 kHz."""
    count = SECONDS * RATE
    sound = b"".join(
        struct.pack("<h", int(5000 * math.sin(2 * math.pi * (440 if n < count // 2 else 523) * n / RATE)))
        for n in range(count)
    )
    head = struct.pack(
        "<4sI8sIHHIIHH4sI",
        b"RIFF",
        36 + len(sound),
        b"WAVEfmt ",
        16,
        1,
        1,
        RATE,
        2 * RATE,
        2,
        16,
        b"data",
        len(sound),
    )
    return head + sound
