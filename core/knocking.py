"""Does what devices send without waiting for an answer get in? The hub sends itself a message by each such way and looks for it in the store.

That one did not arrive twice is a trouble, which the hub says of itself (core.hub). The way by HTTP is tried in web.knocking.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Protocol

from core.channel import Channel, Knock, Listening
from core.desk import alert_sources, door, hub_troubles
from core.ids import new_id
from core.log import get_logger
from core.store.database import Database, StoreUnavailable

FIRST = 60.0  # seconds after the start; and between two knocks where nothing gets in, so that its end is soon known
WITHIN = 30.0  # seconds for a message to be understood
LOOK = 0.25  # seconds between looks at the store
TWICE = 2
"""Knocks in a row that did not get in."""

log = get_logger("knocking")


class Ported(Channel, Listening, Protocol):
    """A channel that listens."""


class PortKnocking:
    """Knocks at every port of a channel, from one process of a hub."""

    def __init__(self, db: Database, channel: Ported, *, within: float = WITHIN) -> None:
        self._db = db
        self._channel = channel
        self._secret = alert_sources.own_secret(db.facts)
        self._within = within
        self._missed: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(FIRST)
        while True:
            await self.knock()
            await asyncio.sleep(FIRST if self.troubles() else alert_sources.KNOCKS.total_seconds())

    async def knock(self) -> None:
        """Once by each way."""
        await asyncio.gather(*(self._by(way) for way in self._channel.ways))

    def troubles(self) -> dict[str, tuple[str, str]]:
        """See core.hub.Service."""
        return {
            f"way:{way}": (hub_troubles.WAY, str(missed))
            for way, missed in self._missed.items()
            if missed >= TWICE
        }

    async def _by(self, way: str) -> None:
        if way in getattr(self._channel, "down", {}):  # which is said, with its reason
            return
        knock = Knock(source=alert_sources.OWN, id=new_id(), secret=self._secret)
        try:
            if not await self._channel.knock(way, knock) or await self._arrives(knock):
                del self._missed[way]
                return
            why = f"it was not understood within {self._within:.0f} s"
        except StoreUnavailable:  # nothing can be said, and that is said elsewhere
            return
        except (OSError, TimeoutError) as error:
            why = f"{type(error).__name__}: {error}"
        self._missed[way] += 1
        log.warning("the hub does not take in what it sends to itself", way=way, reason=why)

    async def _arrives(self, knock: Knock) -> bool:
        end = time.monotonic() + self._within
        while time.monotonic() < end:
            await asyncio.sleep(LOOK)
            if await self._db.read(door.understood, self._channel.name, knock.source, knock.id):
                return True
        return False
