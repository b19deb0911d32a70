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
from tests.channels.phone.sip import sipp
from tests.channels.phone.sip.a_switchboard import Hotline

needs_sipp = pytest.mark.skipif(not sipp.AVAILABLE, reason="needs sipp")
needs_speech = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


@dataclass(slots=True)
class Door:
    """As much of a door (core.channel.Door) as a carrier of calls needs; the hotline may be changed between tests."""

    hotline: Hotline
    held: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def switchboard(self) -> Any:
        return Switched(self)

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[None]:
        assert name == "sip"
        async with self.held:
            yield


class Switched:
    """Hands everything on to the hotline of the test that runs."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def __getattr__(self, name: str) -> Any:
        return getattr(self._door.hotline, name)


@dataclass(slots=True)
class Running:
    """What a test works with."""

    carrier: SipCarrier
    door: Door
    port: int

    def hotline(self, **knobs: Any) -> Hotline:
        """A fresh one for this test."""
        self.door.hotline = Hotline(**knobs)
        return self.door.hotline

    async def call(self, steps: list[sipp.Step], **how: Any) -> sipp.Sipp:
        return await sipp.callers(self.port, steps, **how)


def setup(port: int, **changed: Any) -> Setup:
    first = sipp.free_port()
    return Setup(
        **{
            "host": "127.0.0.1",
            "port": port,
            "domain": "",
            "registers": False,
            "user": "700",
            "password": "",
            "transport": "udp",
            "plus": "+",
            "calls": 0,
            "rtp_timeout": 30,
            "rtp_ports": (first, first + 2000),
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
    door = Door(Hotline())
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
