"""The carrier of calls by SIP, running on loopback for a module of tests, behind a hotline in memory."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from channels.phone.sip.carrier import SipCarrier
from channels.phone.sip.engine import Setup
from channels.phone.speech import Speech
from core.calling import Ringing
from core.settings_values import Secret
from tests.channels.phone.sip import sipp
from tests.channels.phone.sip.a_switchboard import Hotline, Kept

needs_sipp = pytest.mark.skipif(not sipp.AVAILABLE, reason="needs sipp")
needs_speech = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


@dataclass(slots=True)
class Door:
    """As much of a door (core.channel.Door) as a carrier of calls needs, with a hotline for each number that is called."""

    hotlines: dict[str, Hotline] = field(default_factory=dict)
    held: asyncio.Lock = field(default_factory=asyncio.Lock)
    begun: list[str] = field(default_factory=list)

    @property
    def switchboard(self) -> Any:
        return self

    async def lost(self, line: str) -> int:
        """The line begins anew."""
        self.begun.append(line)
        return 0

    def __getattr__(self, name: str) -> Any:
        """What the switchboard is asked: by the hotline that was called."""

        def ask(about: Any, *more: Any, **named: Any) -> Any:
            number = about.called if isinstance(about, Ringing) else str(about).partition("-")[0]
            return getattr(self.hotlines[number], name)(about, *more, **named)

        return ask

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[None]:
        assert name == "sip"
        async with self.held:
            yield


@dataclass(slots=True)
class Running:
    """What a test works with."""

    carrier: SipCarrier
    door: Door
    port: int

    def hotline(self, number: str, **knobs: Any) -> Hotline:
        """What answers under this number from now on."""
        self.door.hotlines[number] = Hotline(number, **knobs)
        return self.door.hotlines[number]

    async def call(self, number: str, steps: list[sipp.Step], **how: Any) -> sipp.Sipp:
        return await sipp.callers(self.port, number, steps, **how)

    async def ended(self, number: str, calls: int = 1) -> list[Kept]:
        """The calls to this number, when they are over and the hub was told."""
        async with asyncio.timeout(5):
            kept = list(self.door.hotlines[number].calls.values())
            assert len(kept) == calls
            for one in kept:
                await one.over.wait()
        return kept


def setup(port: int, **changed: Any) -> Setup:
    return Setup(
        **{
            "host": "127.0.0.1",
            "port": port,
            "domain": "",
            "registers": False,
            "user": "700",
            "auth_user": "700",
            "password": Secret(""),
            "transport": "udp",
            "plus": "+",
            "calls": 0,
            "rtp_timeout": 30,
            "rtp_ports": sipp.SOUND,
            **changed,
        }
    )


@asynccontextmanager
async def running(
    folder: Path, *, spoken: Path, limits: tuple[int, int] = (40, 100), **changed: Any
) -> AsyncIterator[Running]:
    """A carrier that takes calls. `limits`: of calls at once, and in a second."""
    port = sipp.free_port()
    carrier = SipCarrier(
        setup=setup(port, **changed),
        speech=Speech(folder=spoken),
        folder=folder / "recorded",
        max_calls=limits[0],
        calls_per_second=limits[1],
    )
    door = Door()
    task = asyncio.create_task(carrier.run(door))
    up = asyncio.create_task(carrier.up.wait())
    await asyncio.wait([task, up], return_when=asyncio.FIRST_COMPLETED, timeout=20)
    if task.done():
        task.result()
    try:
        yield Running(carrier, door, port)
    finally:
        up.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
