"""Doubles that behave: a channel with knobs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.channel import DeliveryError, Door
from core.envelope import Arrival, Outgoing, Sent


@dataclass(slots=True, kw_only=True)
class FakeChannel:
    """A channel (core.channel.Channel) that sends into a list and takes in what a test hands it."""

    name: str = "email"
    reader: str = "tests.fake_reader:read"
    reader_options: Mapping[str, Any] = field(default_factory=dict)
    fails_with: DeliveryError | Exception | None = None
    """Raised by each send until it is taken away."""
    takes: float = 0.0
    """Seconds a send takes."""
    breaks_with: Exception | None = None
    """Raised by `run`, once for each start, until it is taken away."""
    sent: list[Outgoing] = field(default_factory=list)
    tries: int = 0
    """How many sends were tried."""
    starts: int = 0
    """How often it was started."""
    door: Door | None = None
    running: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, door: Door) -> None:
        """See core.channel.Channel."""
        self.starts += 1
        if self.breaks_with is not None:
            raise self.breaks_with
        self.door = door
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.running.clear()

    async def send(self, outgoing: Outgoing) -> Sent:
        """See core.channel.Channel."""
        self.tries += 1
        if self.takes:
            await asyncio.sleep(self.takes)
        if self.fails_with is not None:
            raise self.fails_with
        self.sent.append(outgoing)
        return Sent(remote_id=outgoing.ref, detail="250 taken")

    async def receive(self, arrival: Arrival) -> str:
        """Hand a message in at the door, once the channel runs."""
        await self.running.wait()
        assert self.door is not None
        return await self.door.accept(arrival)
