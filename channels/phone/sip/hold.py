"""What happens while a caller waits? Music, a word now and then, members of staff who are rung, and the one who takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from channels.phone.sip.engine import Leg, NotAnswered, first
from channels.phone.sip.pump import Bridge
from channels.phone.sip.recordings import Dialogue
from channels.phone.sip.service import Service, persistent
from core.calling import Answer, CallEvent, OperatorLeg
from core.log import get_logger

log = get_logger("phone")


class Holding:
    """One caller on hold, until the flow goes on."""

    def __init__(
        self, leg: Leg, service: Service, call: str, seq: int, *, tape: Callable[[], Dialogue]
    ) -> None:
        self._leg = leg
        self._service = service
        self._call = call
        self._seq = seq
        self._tape = tape
        self._rung: dict[str, asyncio.Task[None]] = {}
        self._news = asyncio.Event()
        self._bridged: str | None = None
        self._talked = False

    async def run(self) -> Answer | CallEvent:
        """How it goes on: the hub's answer, or what the caller did. Nobody is rung any more when it returns."""
        leg = self._leg
        leg.keys.clear()  # a key pressed too often before must not take them out of the line
        try:
            while True:
                self._news.clear()
                if self._bridged is None:
                    if self._talked:
                        return CallEvent(kind="done", value="bridged")
                    leg.stream.repeat(self._service.music)
                told = await persistent(lambda: self._service.switchboard.waiting(self._call, self._seq))
                if told.answer is not None:
                    return told.answer
                for offer in told.stop:
                    self._let_go(offer)
                for wanted in told.ring:
                    self._ring(wanted)
                if told.say and not self._connected():
                    await first(self._service.speak(leg, told.say, until_key=True), self._news.wait())
                    if not self._news.is_set():
                        leg.stream.repeat(self._service.music)
                if (key := await self._pause(told.ask_every)) is not None:
                    return CallEvent(kind="digits", value=key)
        finally:
            for task in self._rung.values():
                task.cancel()
            await asyncio.gather(*self._rung.values(), return_exceptions=True)
            leg.stream.hush()

    async def _pause(self, seconds: float) -> str | None:
        """Until it is time to ask again, something happened, or the caller pressed a key: which."""
        waits = [asyncio.sleep(seconds), self._news.wait()]
        if self._bridged is None:
            waits.append(self._leg.keys.some())
        await first(*waits)
        return self._leg.keys.take() if self._bridged is None and not self._news.is_set() else None

    def _connected(self) -> bool:
        return self._bridged is not None

    def _ring(self, wanted: OperatorLeg) -> None:
        if wanted.offer not in self._rung:
            self._rung[wanted.offer] = asyncio.create_task(self._offer(wanted), name=f"ring-{wanted.offer}")

    def _let_go(self, offer: str) -> None:
        if offer in self._rung and offer != self._bridged:
            self._rung[offer].cancel()

    async def _offer(self, wanted: OperatorLeg) -> None:
        try:
            await self._ask(wanted)
        except Exception:
            log.exception("a member of staff could not be connected", call=self._call)
            await self._service.switchboard.operator(wanted.offer, "failed")
        finally:
            self._news.set()

    async def _ask(self, wanted: OperatorLeg) -> None:
        service, switchboard = self._service, self._service.switchboard
        try:
            leg = await service.engine.ring(wanted.address, within=wanted.ring_seconds)
        except NotAnswered as error:
            refused = error.how
            log.info("a member of staff did not answer", call=self._call, how=refused, status=error.status)
            await persistent(lambda: switchboard.operator(wanted.offer, refused))
            return
        try:
            how = await service.takes(leg, wanted.whisper)
            taken = await persistent(lambda: switchboard.operator(wanted.offer, how))
            await service.speak(leg, taken.say)
            if taken.connect:
                self._talked = True  # for the hub; it may have been short
                await self._talk(wanted.offer, leg, record=taken.record)
        finally:
            await asyncio.shield(leg.hang_up())

    async def _talk(self, offer: str, operator: Leg, *, record: bool) -> None:
        self._bridged = offer
        self._news.set()
        tape = self._tape() if record else None
        bridge = Bridge(self._leg.stream, operator.stream, tape)
        began = datetime.now(UTC)
        bridge.open()
        try:
            await operator.gone.wait()
        finally:
            bridge.close()
            self._leg.keys.clear()  # what was pressed while they talked was for the other side
            self._bridged = None
            log.info("conversation ended", call=self._call, seconds=(datetime.now(UTC) - began).seconds)
