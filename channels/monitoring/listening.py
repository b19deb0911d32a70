"""How are the ports kept up on which devices say something without waiting for an answer? Each by itself, and one process for all of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence

from channels.monitoring.gathering import Gathering
from channels.monitoring.listening_tcp import TcpListener
from channels.monitoring.listening_udp import UdpListener
from core import places
from core.channel import Door
from core.common import Common
from core.log import get_logger

AGAIN = 5.0  # seconds before a port that could not be had is asked for again

log = get_logger("monitoring")


class Ports:
    """All ports of one hub. With several processes one of them has the ports, so that what a device says stays in order."""

    def __init__(self, listeners: Sequence[UdpListener | TcpListener], common: Common) -> None:
        self.listeners = listeners
        self.gathering = Gathering(common.devices)
        self._common = common
        self._down: dict[str, str] = {}

    @property
    def down(self) -> Mapping[str, str]:
        """What does not work, and why."""
        found = {
            one.way: self._down[one.way] for one in self.listeners if one.way in self._down and not one.open
        }
        if lost := self.gathering.trouble:
            found["lines"] = lost
        return found

    async def run(self, door: Door) -> None:
        """Until cancelled."""
        if self._common.processes == 1:
            await self._listen(door)
            return
        ports = "-".join(str(one.place[1]) for one in self.listeners)
        while True:
            try:
                async with door.lease(f"lines:{socket.gethostname()}:{ports}"):
                    await self._listen(door)
            except Exception as error:  # noqa: BLE001 - the lease was lost, or could not be asked for
                log.warning("the ports of devices are given up for now", reason=str(error))
                await asyncio.sleep(1.0)

    async def _listen(self, door: Door) -> None:
        storing = asyncio.create_task(self.gathering.run(door), name="devices-storing")
        listening = [
            asyncio.create_task(self._keep(one), name=f"devices-{one.way}") for one in self.listeners
        ]
        try:
            await asyncio.wait([storing, *listening], return_when=asyncio.FIRST_COMPLETED)
        finally:  # the ports first: what they still had is stored after that
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)
        for task in (storing, *listening):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _keep(self, one: UdpListener | TcpListener) -> None:
        """A port that cannot be had now may be later; the others work meanwhile."""
        while True:
            host, port = one.place
            try:
                if isinstance(one, UdpListener):
                    await one.run(self.gathering, self._common.devices)
                else:
                    await one.run(self.gathering)
            except OSError as error:
                why = f"{host}:{port} {places.why(error)}"
                if self._down.get(one.way) != why:
                    log.error("a port of devices cannot be had", way=one.way, reason=why)
                self._down[one.way] = why
            await asyncio.sleep(AGAIN)
