"""What does a caller hear, and what comes of what they do? The hub says; nothing is decided here."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import assert_never

from channels.phone import sounds
from channels.phone.sip.engine import Gone, Leg, first
from channels.phone.sip.hold import Holding
from channels.phone.sip.recordings import Dialogue
from channels.phone.sip.service import Service, persistent
from core.calling import Answer, CallEvent, Gather, HangUp, Hold, NoSuchCall, Record, Ringing
from core.channel import Unavailable
from core.log import get_logger

LINE = "sip"
LOOK = 0.1  # seconds between looks whether somebody still speaks
LEAD = sounds.silence(0.3)  # after answering: until the way of the sound is open in both directions
TOLD_WITHIN = 60.0  # seconds the end of a call is told again and again, when the hub cannot store it

log = get_logger("phone")


class Caller:
    """One call that came in, from its first ring to its end."""

    def __init__(self, leg: Leg, service: Service) -> None:
        self._leg = leg
        self._service = service
        self._call = ""
        self._tape: Dialogue | None = None
        self._left_speaking: int | None = None  # the step whose recording ended with the call

    async def attend(self) -> None:
        """Until it is over, and the hub knows."""
        leg = self._leg
        ringing = Ringing(
            line=LINE, external_id=leg.id, caller=leg.caller, called=leg.called, at=datetime.now(UTC)
        )
        try:
            answer = await self._service.switchboard.ring(ringing)
        except Unavailable as error:
            log.error("a call is refused", error=str(error))
            await leg.refuse()
            return
        except Exception:
            log.exception("a call is refused")
            await leg.refuse()
            return
        self._call = answer.call
        log.info("call came in", call=answer.call)
        try:
            await self._until_gone(answer)
        finally:
            await asyncio.shield(self._ended())

    async def _until_gone(self, answer: Answer) -> None:
        talk = asyncio.create_task(self._talk(answer))
        try:
            await first(_settled(talk), self._leg.gone.wait())
        finally:
            talk.cancel()
            (how,) = await asyncio.gather(talk, return_exceptions=True)
            if isinstance(how, Exception) and not isinstance(how, Gone):
                log.error("a call ends because of us", call=self._call, exc_info=how)
            await self._leg.hang_up()

    async def _talk(self, answer: Answer) -> None:
        leg, service = self._leg, self._service
        await leg.answer()
        await leg.stream.play(LEAD)
        while True:
            then = answer.then
            await service.speak(leg, answer.say, until_key=isinstance(then, Gather))
            outcome: Answer | CallEvent
            match then:
                case HangUp():
                    await leg.hang_up()
                    return
                case Gather():
                    outcome = await leg.keys.entry(then)
                case Record():
                    outcome = await self._record(answer.seq, then)
                case Hold():
                    outcome = await Holding(leg, service, answer.call, answer.seq, tape=self._recorded).run()
                case _:
                    assert_never(then)
            answer = outcome if isinstance(outcome, Answer) else await self._advance(answer.seq, outcome)

    async def _advance(self, seq: int, event: CallEvent) -> Answer:
        return await persistent(lambda: self._service.switchboard.advance(self._call, seq, event))

    async def _record(self, seq: int, wanted: Record) -> CallEvent:
        """Until they say no more, press the key, or have said enough. Who hangs up has said it too."""
        leg, service = self._leg, self._service
        await leg.stream.play(sounds.beep())
        leg.keys.clear()
        tape = service.recordings.mono(self._call, seq)
        leg.stream.listen(tape.hear)
        ends = asyncio.get_running_loop().time() + wanted.max_seconds
        ended = False
        try:
            while asyncio.get_running_loop().time() < ends and tape.quiet() < wanted.silence_seconds:
                key = await leg.keys.next(LOOK)
                if key is not None and key == wanted.finish:
                    break
            ended = True
        finally:
            leg.stream.listen(None)
            spoken = tape.end(service.switchboard)
            if spoken and not ended:
                self._left_speaking = seq
        return CallEvent(kind="done", value="recorded" if spoken else "empty")

    def _recorded(self) -> Dialogue:
        if self._tape is None:
            self._tape = self._service.recordings.stereo(self._call)
        return self._tape

    async def _ended(self) -> None:
        at = datetime.now(UTC)
        if self._tape is not None:
            self._tape.end(self._service.switchboard)
        if self._left_speaking is not None:
            with contextlib.suppress(Unavailable, NoSuchCall):
                await self._advance(self._left_speaking, CallEvent(kind="done", value="recorded"))
        await tell_end(self._service, self._call, at=at, cause=self._leg.why)


async def tell_end(service: Service, call: str, *, at: datetime, cause: str) -> None:
    """Tell the hub that a call is over, until it has understood."""
    log.info("call ended", call=call)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TOLD_WITHIN):
            while True:
                try:
                    await persistent(lambda: service.switchboard.hung_up(call, at=at, cause=cause))
                    return
                except NoSuchCall:
                    return
                except Exception as error:
                    log.warning("the end of a call is told later", call=call, error=str(error))
                await asyncio.sleep(5.0)


async def _settled(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])
