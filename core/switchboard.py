"""Where do telephone calls go? Every line of this hub hands its signals in here; see core.calling.Switchboard."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from core.calling import (
    SECRET,
    Answer,
    Audio,
    CallEvent,
    NoSuchCall,
    Ringing,
    Taken,
    Waiting,
    Words,
)
from core.channel import Unavailable
from core.desk import call_identity, call_out, call_waiting, calls, flows, live_calls, page_calls, passwords
from core.desk.call_identity import Proof
from core.desk.calls import House, Rules
from core.store import blobs
from core.store.database import Database, StoreUnavailable
from core.store.tx import Tx

KNOWN_FLOWS = 20
"""Versions that are kept as parsed."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How this hub answers calls: [calls] of the settings."""

    caller_id_allows: str = "greeting"
    short: timedelta = timedelta(seconds=5)
    tickets_for_missed: bool = True
    flow: str = "default"


class HubSwitchboard:
    """See core.calling.Switchboard. `rules`: the module `ivr.rules`, as a value."""

    def __init__(
        self,
        db: Database,
        rules: Rules,
        ways: Ways | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._db = db
        self._rules = rules
        self._ways = ways or Ways()
        self._clock = clock
        self._flows: OrderedDict[str, Any] = OrderedDict()

    # --- Calls that come in -----------------------------------------------------------------------------------

    async def ring(self, ringing: Ringing) -> Answer:
        """See Switchboard. The door goes first: a caller waits."""
        return await self._first(self._ring, ringing)

    def _ring(self, tx: Tx, ringing: Ringing) -> Answer:
        digest = ringing.flow or flows.published_digest(tx, self._ways.flow)
        return calls.ring(tx, ringing, self._house(tx, digest), now=self._clock())

    async def find(self, line: str, external_id: str) -> str | None:
        """See Switchboard."""
        return await self._db.read(live_calls.find, line, external_id)

    async def advance(self, call: str, seq: int, event: CallEvent) -> Answer:
        """See Switchboard. What a PIN proves is found out before the transaction, and the PIN ends here."""
        proof = None
        if event.kind == "digits":
            asked = await self._read(self._secret, call, seq)
            if asked is not None:
                pin = event.value
                event = CallEvent(kind="digits", value=SECRET * len(pin))
                proof = Proof()
                if pin not in asked.choices and not asked.candidates.locked and pin.isdecimal():
                    proof = await call_identity.compare(asked.candidates, pin, passwords.pin_matches)
                elif pin in asked.choices:
                    event = CallEvent(kind="digits", value=pin)
        return await self._first(self._advance, call, seq, event, proof)

    def _advance(self, tx: Tx, call: str, seq: int, event: CallEvent, proof: Proof | None) -> Answer:
        return calls.advance(tx, call, seq, event, self._house_of(tx, call), now=self._clock(), proof=proof)

    def _secret(self, tx: Tx, call: str, seq: int) -> _Secret | None:
        """What the keys of this step are compared with; None: they are no secret, or the step is over."""
        row = live_calls.one(tx, call)
        if row.seq != seq or row.phase == live_calls.OVER:
            return None
        house = self._house_of(tx, call)
        state = self._rules.state(row.state)
        if not self._rules.is_secret(house.flow, state):
            return None
        found = call_identity.candidates(
            tx,
            phone_code=row.facts.get("code", ""),
            customer=row.customer,
            number=row.caller,
            now=self._clock(),
        )
        return _Secret(candidates=found, choices=frozenset(house.flow.nodes[state.node].choices))

    async def waiting(self, call: str, seq: int) -> Waiting:
        """See Switchboard."""
        return await self._write(self._waiting, call, seq)

    def _waiting(self, tx: Tx, call: str, seq: int) -> Waiting:
        return call_waiting.waiting(tx, call, seq, self._house_of(tx, call), now=self._clock())

    async def operator(
        self, offer: str, answer: Literal["accepted", "declined", "busy", "no_answer", "failed"]
    ) -> Taken:
        """See Switchboard."""
        return await self._write(call_waiting.operator, offer, answer, now=self._clock())

    async def recorded(self, call: str, seq: int, audio: Audio) -> None:
        """See Switchboard."""
        await self._write(calls.recorded, call, seq, audio, now=self._clock())

    async def hung_up(self, call: str, *, at: datetime | None = None, cause: str = "") -> None:
        """See Switchboard."""
        await self._write(self._hung_up, call, at, cause)

    def _hung_up(self, tx: Tx, call: str, at: datetime | None, cause: str) -> None:
        calls.hung_up(tx, call, self._house_of(tx, call), now=self._clock(), at=at, cause=cause)

    async def lost(self, line: str) -> int:
        """See Switchboard."""
        return await self._write(self._lost, line)

    def _lost(self, tx: Tx, line: str) -> int:
        found = calls.live_of_line(tx, line)
        for row in found:
            calls.hung_up(
                tx, row.id, self._house_of(tx, row.id), now=self._clock(), cause="line restarted", lost=True
            )
        return len(found)

    def silent(self, tx: Tx, call: str, *, now: datetime) -> None:
        """A timer of the call: core.handlers."""
        calls.silent(tx, call, self._house_of(tx, call), now=now)

    # --- Calls out ----------------------------------------------------------------------------------------------

    async def dialled(
        self, call: str, how: Literal["operator", "connected", "declined", "busy", "no_answer", "failed"]
    ) -> tuple[Words, ...]:
        """See Switchboard."""
        return await self._write(call_out.dialled, call, how, now=self._clock())

    # --- Prompts ------------------------------------------------------------------------------------------------

    async def sound(self, recording: str) -> bytes:
        """See Switchboard."""
        return await self._read(blobs.get, recording)

    # --- Flows --------------------------------------------------------------------------------------------------

    def _house_of(self, tx: Tx, call: str) -> House:
        return self._house(tx, live_calls.one(tx, call).flow)

    def _house(self, tx: Tx, digest: str) -> House:
        flow = self._flows.get(digest)
        if flow is None and digest != page_calls.NO_FLOW:
            flow = self._flows[digest] = self._rules.parse(flows.of_digest(tx, digest).body)
            if len(self._flows) > KNOWN_FLOWS:
                self._flows.popitem(last=False)
        return House(
            rules=self._rules,
            flow=flow,
            digest=digest,
            caller_id_allows=self._ways.caller_id_allows,
            short=self._ways.short,
            tickets_for_missed=self._ways.tickets_for_missed,
        )

    async def _first(self, verb: Callable[..., R], *args: Any) -> R:
        """Before all that waits already; what has begun is stored, whoever hangs up meanwhile."""
        try:
            return await asyncio.shield(asyncio.wrap_future(self._db.submit_first(verb, *args)))
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error

    async def _write(self, verb: Callable[..., R], *args: Any, **named: Any) -> R:
        try:
            return await self._db.write(verb, *args, **named)
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error

    async def _read(self, question: Callable[..., R], *args: Any) -> R:
        try:
            return await self._db.read(question, *args)
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Secret:
    """What somebody enters a secret for."""

    candidates: call_identity.Candidates
    choices: frozenset[str]
    """Entries that mean something of their own there."""


__all__ = ["HubSwitchboard", "NoSuchCall", "Ways"]
