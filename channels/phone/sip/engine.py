"""How do calls get to the network and from it? The SIP stack in threads of its own, and each call as a `Leg`.

The stack's own log is never asked for below warnings: on its way to the program it would tell every key.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from baresip import (
    Account,
    BaresipError,
    Call,
    Config,
    Event,
    RegistrationError,
    StackEvent,
    UserAgent,
)
from baresip.runtime import Runtime

from channels.phone.sip import addresses
from channels.phone.sip.keys import Keys, Presses
from channels.phone.sip.pump import Pump, Stream
from core.log import get_logger
from core.settings_values import Secret

REGISTER_WITHIN = 15.0  # seconds
REGISTER_EVERY = 300  # seconds
PATIENCE = 30.0  # seconds in which the stack registers again by itself
RINGS = 45.0  # seconds until nobody answers, unless somebody says how long
CODECS = ("pcma", "pcmu", "g722/16000/1")
EARLY = 64  # events that may come before the call they are about is known

log = get_logger("phone")

Refusal = Literal["busy", "declined", "no_answer", "failed"]
_REFUSALS: dict[int, Refusal] = {
    486: "busy",
    600: "busy",
    603: "declined",
    408: "no_answer",
    480: "no_answer",
    487: "no_answer",
}


class NotAnswered(Exception):
    """Nobody took the call, and why. `status`: what the other side said (RFC 3261 21), 0 where it said nothing."""

    def __init__(self, how: Refusal, *, status: int = 0, reason: str = "") -> None:
        super().__init__(f"{status} {reason}".strip() if status else reason or how)
        self.how = how
        self.status = status


class Gone(Exception):
    """The call is over: the other side hung up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Where the stack listens, and what it is to the network."""

    host: str
    port: int
    domain: str
    """Host and port of the registrar, or of the trunk's other end; empty: calls only come in."""
    registers: bool
    user: str
    auth_user: str
    """What it logs in with."""
    password: Secret
    transport: str
    """udp or tcp."""
    plus: str
    calls: int
    """Legs at the same time, in either direction."""
    rtp_timeout: int
    """Seconds without sound, after which a call is over."""
    rtp_ports: tuple[int, int]


class Leg:
    """One call, to us or from us."""

    def __init__(self, call: Call, stream: Stream) -> None:
        self._call = call
        self.stream = stream
        self.keys = Keys()
        self._presses = Presses()
        self.up = asyncio.Event()
        self.gone = asyncio.Event()
        self.why = ""
        self.caller = addresses.number(call.peer)
        self.called = addresses.called(call.headers.get("To"))
        self.id = call.call_id or ""

    def hear(self, event: StackEvent, at: float) -> None:
        """What the stack says of it. `at`: seconds of a clock that never goes back."""
        match event.event:
            case Event.CALL_ESTABLISHED:
                self.up.set()
            case Event.CALL_CLOSED:
                self.end(event.text or "")
            case Event.CALL_DTMF_START if event.text:
                if self._presses.down(event.text, at=at):
                    self.keys.press(event.text)
            case Event.CALL_DTMF_END:
                self._presses.up(at=at)
            case _:
                pass
        self.id = self.id or event.call_id or ""

    def end(self, why: str) -> None:
        if not self.gone.is_set():
            self.why = why
            self.gone.set()
            self.stream.close()

    async def answer(self) -> None:
        """Take it. Raises Gone."""
        with _or_gone():
            await self._call.answer()
        await self._until(self.up)

    async def refuse(self) -> None:
        """486 Busy Here."""
        with contextlib.suppress(BaresipError):
            await self._call.reject()
        self.end("refused")

    async def hang_up(self) -> None:
        if not self.gone.is_set():
            with contextlib.suppress(BaresipError):
                await self._call.hangup()
            self.end("hung up")

    async def _until(self, happened: asyncio.Event) -> None:
        """Raises Gone when the call ends before."""
        await first(happened.wait(), self.gone.wait())
        if self.gone.is_set():
            raise Gone(self.why)

    async def taken(self, within: float) -> None:
        """Wait until somebody takes it. Raises NotAnswered; it is over then."""
        try:
            async with asyncio.timeout(within):
                await self._until(self.up)
        except TimeoutError:
            await self.hang_up()
            raise NotAnswered("no_answer", reason=f"not taken within {within:.0f} s") from None
        except Gone:
            head, _, reason = self.why.partition(" ")
            status = int(head) if len(head) == 3 and head.isdigit() else 0
            raise NotAnswered(
                _REFUSALS.get(status, "failed"), status=status, reason=reason if status else self.why
            ) from None
        except asyncio.CancelledError:
            await self.hang_up()
            raise


class _Runtime(Runtime):
    """Tells when each event happened, not when this program had time for it: keys are told apart by their times."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0
        """Of the event that is told just now: seconds of a clock that never goes back."""

    def _on_native_event(self, ev: int, handle: int, payload: bytes | None) -> None:
        self._call_threadsafe(self._at, time.monotonic(), ev, handle, payload)

    def _at(self, at: float, ev: int, handle: int, payload: bytes | None) -> None:
        self.at = at
        self._dispatch(ev, handle, payload)


class Engine:
    """The SIP stack. One in a process at a time."""

    def __init__(self, setup: Setup, *, incoming: Callable[[Leg], None]) -> None:
        self._setup = setup
        self._incoming = incoming
        self._runtime = _Runtime()
        self._agent: UserAgent | None = None
        self._legs: dict[int, Leg] = {}
        self._dialling = 0
        self._early: list[StackEvent] = []
        self.pump = Pump()
        self.dead = asyncio.Event()
        self._trouble: tuple[float, str] | None = None

    async def start(self) -> None:
        """Listen and register. Raises BaresipError, OSError."""
        setup = self._setup
        await self._runtime.start(
            Config(
                net_interface=setup.host,
                max_concurrent_calls=setup.calls,
                rtp_timeout=setup.rtp_timeout,
                native_log_level="warning",
                sip_trace=False,
                expose_headers=("To",),
                extra_config_text=f"sip_listen {_bracketed(setup.host)}:{setup.port}\n"
                f"rtp_ports {setup.rtp_ports[0]}-{setup.rtp_ports[1]}\n",
            )
        )
        self._runtime.on_dead = self._died  # type: ignore[assignment]  # a hook that nobody typed
        self._runtime.subscribe(self._hear)
        self.pump.start()
        self._agent = await UserAgent.create(
            self._runtime,
            Account(
                user=setup.user,
                domain=setup.domain or f"{_bracketed(setup.host)}:{setup.port}",
                password=setup.password.reveal(),
                auth_user=setup.auth_user,
                reg_interval=REGISTER_EVERY if setup.registers else 0,
                transport="tcp" if setup.transport == "tcp" else "udp",
                audio_codecs=CODECS,
                # A trunk hands us calls for the numbers behind it, whatever our own name is.
                extra_params=() if setup.registers else ("catchall=yes",),
            ),
            transfer_policy="reject",  # who calls us does not make us call others
        )
        self._agent.on_incoming(self._came)
        if setup.registers:
            await self._agent.register(timeout=REGISTER_WITHIN)

    async def hang_up(self) -> None:
        """End every call."""
        for leg in list(self._legs.values()):
            await leg.hang_up()

    async def stop(self) -> None:
        """Tell the registrar, and close."""
        await self.hang_up()
        with contextlib.suppress(BaresipError, RegistrationError):
            if self._agent is not None and self._setup.registers:
                await self._agent.unregister(timeout=1.0)
        await self.pump.stop()
        with contextlib.suppress(BaresipError):
            await self._runtime.close()

    async def ring(self, address: str, *, within: float = RINGS) -> Leg:
        """Call a number or an extension, and wait until somebody takes it. Raises NotAnswered."""
        to = addresses.uri(
            address, self._setup.domain, plus=self._setup.plus, transport=self._setup.transport
        )
        if self._agent is None or not self._setup.domain or to is None:
            raise NotAnswered("failed", status=404, reason="no such address")
        self._dialling += 1
        try:
            call = await self._agent.dial(to)
            leg = self._leg(call)
        except (BaresipError, ValueError) as error:
            raise NotAnswered("failed", reason=str(error)) from error
        finally:
            self._dialling -= 1
            if not self._dialling:
                self._early.clear()
        await leg.taken(within)
        return leg

    def trouble(self) -> str:
        """Why no calls have been able to come in for a while, if that is so."""
        if self._trouble is None or time.monotonic() - self._trouble[0] < PATIENCE:
            return ""
        return self._trouble[1]

    def __len__(self) -> int:
        return len(self._legs)

    def _came(self, call: Call) -> None:
        self._incoming(self._leg(call))

    def _leg(self, call: Call) -> Leg:
        leg = Leg(call, self.pump.add(call.audio))
        self._legs[call.handle] = leg
        # The answer may be here before we know what was asked: an extension that refuses at once.
        for event in [one for one in self._early if one.call == call.handle]:
            self._tell(leg, event)
        return leg

    def _hear(self, event: StackEvent) -> None:
        if (leg := self._legs.get(event.call)) is not None:
            self._tell(leg, event)
        elif event.call and self._dialling:
            self._early = [*self._early[-EARLY:], event]
        elif event.event is Event.REGISTER_FAIL:
            since = self._trouble[0] if self._trouble else time.monotonic()
            self._trouble = since, f"the registrar does not know us any more: {event.text}"
            log.error("registration lost", answer=event.text)
        elif event.event is Event.REGISTER_OK:
            self._trouble = None

    def _tell(self, leg: Leg, event: StackEvent) -> None:
        leg.hear(event, self._runtime.at)
        if event.event is Event.CALL_CLOSED:
            self._legs.pop(event.call, None)
            self.pump.remove(leg.stream)

    def _died(self) -> None:
        for leg in self._legs.values():
            leg.end("the telephone stack ended")
        self._legs.clear()
        self.dead.set()


async def first(*waits: Coroutine[Any, Any, object]) -> None:
    """Go on when the first of them is done; the others are cancelled, and have let go when this returns."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def _or_gone() -> Iterator[None]:
    try:
        yield
    except BaresipError as error:
        raise Gone(str(error)) from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
