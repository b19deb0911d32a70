"""How does the hub carry calls by SIP itself? See channels.phone.channel.Carrier."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp.web import RouteDef

from channels.phone import sounds
from channels.phone.sip import calls_out, window
from channels.phone.sip.caller import Caller
from channels.phone.sip.engine import Engine, Leg, Setup, first
from channels.phone.sip.recordings import Recordings
from channels.phone.sip.service import Service
from channels.phone.speech import CannotSpeak, Speech
from core.calling import Dial
from core.channel import DeliveryError, Door
from core.envelope import Outgoing, Sent
from core.log import get_logger

LEASE = "sip"
SOCKET = "calls.sock"
SPARE = 4  # legs beyond two for each caller
SOON = 30.0  # seconds until a delivery is tried again when there is no line just now
LOOK = 5.0  # seconds between looks whether the registrar knows us
ENDS_WITHIN = 3.0  # seconds calls have to tell that they ended, when the hub stops

log = get_logger("phone")


class LineLost(Exception):
    """No call can come in any more; says why."""


@dataclass(slots=True, kw_only=True)
class SipCarrier:
    """One account at a switch, or one trunk; one process of all hubs holds it."""

    setup: Setup
    speech: Speech
    folder: Path
    """For recordings that are not handed in yet, and for the questions of other processes."""
    max_calls: int
    calls_per_second: int
    music: str = ""
    """A WAV file; empty: our own."""
    name: str = "sip"
    up: asyncio.Event = field(default_factory=asyncio.Event)
    """Calls are taken."""
    _service: Service | None = None
    _callers: set[asyncio.Task[None]] = field(default_factory=set)
    _dials: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _refusals: set[asyncio.Task[None]] = field(default_factory=set)
    _came: list[float] = field(default_factory=list)

    async def run(self, door: Door) -> None:
        """See Carrier. Raises CannotSpeak, LineLost, BaresipError."""
        if trouble := self.speech.trouble():
            raise CannotSpeak(trouble)
        async with door.lease(LEASE):
            engine = Engine(replace(self.setup, calls=2 * self.max_calls + SPARE), incoming=self._take)
            service = Service(
                switchboard=door.switchboard,
                engine=engine,
                speech=self.speech,
                recordings=Recordings(self.folder),
                music=await asyncio.to_thread(self._music),
            )
            if lost := await door.switchboard.lost(self.name):
                log.warning("calls of an earlier run were lost", calls=lost)
            try:
                service.recordings.start(door.switchboard)
                self._service = service
                await engine.start()
                async with window.opened(self.folder / SOCKET, self._serve):
                    self.up.set()
                    log.info("calls are taken", host=self.setup.host, port=self.setup.port)
                    await self._watch(engine)
            finally:
                self.up.clear()
                self._service = None
                await self._end(service)

    async def _watch(self, engine: Engine) -> None:
        """Until it cannot go on; who is on the line is left in peace until then. Raises LineLost."""
        while not engine.dead.is_set():
            if (trouble := engine.trouble()) and not len(engine):
                raise LineLost(trouble)
            await first(engine.dead.wait(), asyncio.sleep(LOOK))
        raise LineLost("the telephone stack ended; the hub must be started again")

    async def say(self, outgoing: Outgoing) -> Sent:
        """See Carrier."""
        return await self._do(window.Question(say=outgoing))

    async def dial(self, dial: Dial) -> None:
        """See core.calling.Line. Asked again for the same call: it goes on as it does."""
        await self._do(window.Question(dial=dial))

    async def _do(self, question: window.Question) -> Sent:
        """Here, or in the process of this hub that holds the account."""
        if self._service is not None:
            return await self._serve(question)
        absent = DeliveryError("the telephone line is not there just now", retry_after=SOON)
        return await window.ask(self.folder / SOCKET, question, otherwise=absent)

    async def _serve(self, question: window.Question) -> Sent:
        service = self._running()
        if question.say is not None:
            return await calls_out.tell(question.say, service)
        if (dial := question.dial) is not None and dial.call not in self._dials:
            self._dials[dial.call] = self._begin(calls_out.connect(dial, service), f"dial-{dial.call}")
            self._dials[dial.call].add_done_callback(lambda _: self._dials.pop(dial.call, None))
        return Sent()

    def webhooks(self) -> Sequence[RouteDef]:
        """None: nobody asks us by HTTP."""
        return ()

    def _running(self) -> Service:
        if self._service is None or not self.up.is_set():
            raise DeliveryError("the telephone line begins just now", retry_after=SOON)
        if len(self._service.engine) >= 2 * self.max_calls:
            raise DeliveryError("every telephone line is in use", retry_after=SOON)
        return self._service

    def _take(self, leg: Leg) -> None:
        service, now = self._service, time.monotonic()
        self._came = [at for at in self._came if now - at < 1.0]
        busy = len(self._callers) >= self.max_calls or len(self._came) >= self.calls_per_second
        if service is None or busy:
            log.warning("a call is refused: too many", calls=len(self._callers))
            self._begin(leg.refuse(), "refuse-call", counts=False)
            return
        self._came.append(now)
        self._begin(Caller(leg, service).attend(), f"call-{leg.id}")

    def _begin(
        self, work: Coroutine[Any, Any, None], name: str, *, counts: bool = True
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        kept = self._callers if counts else self._refusals
        kept.add(task)
        task.add_done_callback(kept.discard)
        task.add_done_callback(_complain)
        return task

    async def _end(self, service: Service) -> None:
        """Hang up everywhere, let what is on its way arrive, and close."""
        await service.engine.hang_up()
        if self._callers:
            _, late = await asyncio.wait(self._callers, timeout=ENDS_WITHIN)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)
        await service.recordings.stop()
        await service.engine.stop()

    def _music(self) -> bytes:
        if self.music:
            with contextlib.suppress(OSError, sounds.NoSound):
                return sounds.pcm(Path(self.music).read_bytes())
            log.error("the music cannot be played; ours is", file=self.music)
        return sounds.music()


def _complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a call ended by a mistake of ours", exc_info=error)
