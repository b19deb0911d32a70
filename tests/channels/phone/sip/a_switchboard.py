"""A small hotline in memory (core.calling.Switchboard): language, code, secret PIN, menu, and what comes after. It has knobs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime

from core.calling import (
    SECRET,
    Answer,
    Audio,
    CallEvent,
    Gather,
    HangUp,
    Hold,
    NoSuchCall,
    OperatorLeg,
    Record,
    Ringing,
    Taken,
    Then,
    Waiting,
    Words,
)
from core.channel import Unavailable


def words(text: str, language: str = "it") -> Words:
    return Words(text=text, language=language)


@dataclass(slots=True, kw_only=True)
class Kept:
    """What is known of one call."""

    ringing: Ringing
    node: str
    seq: int = 1
    steps: list[tuple[str, str, str]] = field(default_factory=list)
    """Node, kind and value of each event; what is secret as SECRET."""
    entered: str = ""
    """The PIN, so that a test can compare: nothing else may have it."""
    audio: list[tuple[int, Audio]] = field(default_factory=list)
    offered: dict[str, str] = field(default_factory=dict)
    """Offer to what came of it."""
    asked: int = 0
    joined: str = ""
    began: float = field(default_factory=time.monotonic)
    lasted: float = 0.0
    ended: datetime | None = None
    cause: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def path(self) -> list[str]:
        return [f"{node} {kind} {value}".strip() for node, kind, value in self.steps]


@dataclass(slots=True)
class Hotline:
    """See the module."""

    number: str
    pin: str = "915203"
    operators: list[str] = field(default_factory=list)
    """Addresses that are rung for a waiting caller, one after another."""
    at_once: bool = False
    """All of them at the same time."""
    ring_seconds: int = 10
    ask_every: float = 0.5
    record: bool = False
    place: str = ""
    """Said once to who waits."""
    away: int = 0
    """So many questions are refused: nothing can be stored just now."""
    away_later: int = 0
    """The same, for what is asked after the first answer."""
    thinks: float = 0.0
    """Seconds until it answers a call."""
    gather: Gather = field(default_factory=Gather)
    """Of the first menu."""
    start: str = "language"
    long_words: str = ""
    """Said at the main menu in place of its own words."""
    calls: dict[str, Kept] = field(default_factory=dict)
    outgoing: dict[str, list[str]] = field(default_factory=dict)
    """Calls out: how each went on."""
    sounds: dict[str, bytes] = field(default_factory=dict)
    refuse_audio: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def ring(self, ringing: Ringing) -> Answer:
        self.came.set()
        await asyncio.sleep(self.thinks)
        self._busy("away")
        call = f"{self.number}-{len(self.calls) + 1}"
        self.calls[call] = Kept(ringing=ringing, node=self.start)
        return self._answer(call)

    async def find(self, line: str, external_id: str) -> str | None:
        return next((c for c, k in self.calls.items() if k.ringing.external_id == external_id), None)

    async def advance(self, call: str, seq: int, event: CallEvent) -> Answer:
        self._busy("away_later")
        kept = self.calls[call]
        assert seq == kept.seq, "a step was left out"
        if kept.node == "pin":
            kept.entered = event.value
        kept.steps.append(
            (kept.node, event.kind, SECRET * len(event.value) if kept.node == "pin" else event.value)
        )
        kept.node = self._next(kept, event)
        kept.seq += 1
        return self._answer(call)

    async def waiting(self, call: str, seq: int) -> Waiting:
        kept = self.calls[call]
        kept.asked += 1
        open_offers = [o for o, how in kept.offered.items() if how == "rung"]
        stop = tuple(o for o in open_offers if kept.joined and o != kept.joined)
        left = self.operators[len(kept.offered) :]
        begin = (
            [] if kept.joined or (open_offers and not self.at_once) else left if self.at_once else left[:1]
        )
        if not begin and not open_offers and not kept.joined and self.operators:
            kept.node, kept.seq = "nobody", kept.seq + 1
            return Waiting(answer=self._answer(call))
        legs = []
        for address in begin:
            offer = f"{call}-offer-{len(kept.offered) + 1}"
            kept.offered[offer] = "rung"
            legs.append(
                OperatorLeg(
                    offer=offer,
                    address=address,
                    name=address,
                    whisper=(words("Un cliente attende. Prema uno."),),
                    ring_seconds=self.ring_seconds,
                )
            )
        return Waiting(
            say=(words(self.place),) if self.place and kept.asked == 1 else (),
            ring=tuple(legs),
            stop=stop,
            bridged=kept.joined,
            record=self.record,
            ask_every=self.ask_every,
        )

    async def operator(self, offer: str, answer: str) -> Taken:
        call = offer.partition("-offer-")[0]
        kept = self.calls[call]
        kept.offered[offer] = answer
        connect = answer == "accepted" and not kept.joined and kept.ended is None
        if connect:
            kept.joined = offer
        return Taken(connect=connect, call=call, record=self.record)

    async def recorded(self, call: str, seq: int, audio: Audio) -> None:
        self._busy("refuse_audio")
        if call not in self.calls:
            raise NoSuchCall(call)
        self.calls[call].audio.append((seq, audio))

    async def hung_up(self, call: str, *, at: datetime | None = None, cause: str = "") -> None:
        kept = self.calls.get(call)
        if kept is None:
            self.outgoing.setdefault(call, []).append("over")
            return
        kept.ended, kept.cause, kept.lasted = at, cause, time.monotonic() - kept.began
        kept.over.set()

    async def lost(self, line: str) -> int:
        return 0

    async def dialled(self, call: str, how: str) -> None:
        self.outgoing.setdefault(call, []).append(how)

    async def sound(self, recording: str) -> bytes:
        return self.sounds[recording]

    def _busy(self, knob: str) -> None:
        if left := getattr(self, knob):
            setattr(self, knob, left - 1)
            raise Unavailable("not just now")

    def _next(self, kept: Kept, event: CallEvent) -> str:
        match kept.node, event.kind, event.value:
            case "language", "digits", _:
                return "code"
            case "code", "digits", _:
                return "pin"
            case "pin", "digits", value:
                return "main" if value == self.pin else "wrong"
            case "main", "digits", "1":
                return "status"
            case "main", "digits", "2":
                return "describe"
            case "main", "digits", "0":
                return "queue"
            case "queue", "done", "bridged":
                return "main"
            case "describe", "done", "recorded":
                return "thanks"
            case node, "silence", _ if len([s for s in kept.steps if s[0] == node]) < 2:
                return node
            case _:
                return "bye"

    def _answer(self, call: str) -> Answer:
        kept = self.calls[call]
        then: Then
        match kept.node:
            case "language":
                text, then = "Premere uno.", self.gather
            case "code":
                text, then = "Codice cliente?", Gather(minimum=4, maximum=8, finish="#")
            case "pin":
                text, then = "Codice segreto?", Gather(minimum=6, maximum=6, finish="#", secret=True)
            case "main":
                text, then = self.long_words or "Uno, stato.", Gather(timeout=8.0)
            case "status":
                text, then = "La richiesta 4 7 1 1 è in lavorazione.", HangUp()
            case "describe":
                text, then = "Dica.", Record(max_seconds=20, silence_seconds=2)
            case "queue":
                text, then = "Attenda.", Hold(ask_every=self.ask_every)
            case _:
                text, then = "Arrivederci.", HangUp()
        return Answer(call=call, seq=kept.seq, say=(words(text),), then=then)
