"""How are the ports kept up on which devices say something without waiting for an answer? Each by itself, and one process for all of them."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from channels.monitoring import knocks
from channels.monitoring.gathering import Gathering
from channels.monitoring.listening_tcp import TcpListener
from channels.monitoring.listening_udp import UdpListener
from core import places
from core.channel import Door, Knock
from core.common import Common
from core.log import get_logger

AGAIN = 5.0  # seconds before a port that could not be had is asked for again
ASK = 1.0  # seconds in which a lease that nobody holds is had

log = get_logger("monitoring")


class Ports:
    """All ports of one hub. With several processes one of them has the ports, so that what a device says stays in order.

    A hub of one process has them as long as it lives, whether the database answers or not. Who has a port says so by a lease, so that
    another hub at the same place knows that it is not missing there, and waits for the port itself.
    """

    def __init__(
        self,
        listeners: Sequence[UdpListener | TcpListener],
        common: Common,
        *,
        engine: bytes = b"",
        own: bytes = b"",
    ) -> None:
        """`engine`: who we are to devices that send informs by SNMP version 3. `own`: of which the certificate is made that we show ourselves."""
        self.listeners = listeners
        self.gathering = Gathering(common.devices, engine=engine)
        self._common = common
        self._own = own
        self._down: dict[str, str] = {}

    @property
    def down(self) -> Mapping[str, str]:
        """What does not work, and why."""
        return {
            one.way: self._down[one.way] for one in self.listeners if one.way in self._down and not one.open
        }

    async def knock(self, way: str, knock: Knock) -> bool:
        """See core.channel.Listening. Another process may have the ports."""
        (one,) = (one for one in self.listeners if one.way == way)
        host, port = places.reached(one.place[0]), one.port if one.open else one.place[1]
        if isinstance(one, UdpListener):
            raw = knocks.trap(knock) if way == "snmp" else knocks.line(knock)
            knocks.datagram(raw, host, port)
            return True
        shows = self._own if one.wants_certificates else b""
        await knocks.stream(knocks.line(knock), host, port, tls=one.tls is not None, shows=shows)
        return bool(shows) or not one.wants_certificates

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
            asyncio.create_task(self._keep(one, door), name=f"devices-{one.way}") for one in self.listeners
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

    async def _keep(self, one: UdpListener | TcpListener, door: Door) -> None:
        """A port that cannot be had now may be later; the others work meanwhile."""
        while True:
            host, port = one.place
            try:
                async with self._marked(one, door):
                    if isinstance(one, UdpListener):
                        await one.run(self.gathering, self._common.devices)
                    else:
                        await one.run(self.gathering)
            except OSError as error:
                if error.errno == errno.EADDRINUSE and await self._elsewhere(one, door):
                    self._down.pop(one.way, None)
                    await asyncio.sleep(AGAIN)
                    continue
                why = f"{host}:{port} {places.why(error)}"
                if self._down.get(one.way) != why:
                    log.error("a port of devices cannot be had", way=one.way, reason=why)
                self._down[one.way] = why
            await asyncio.sleep(AGAIN)

    @asynccontextmanager
    async def _marked(self, one: UdpListener | TcpListener, door: Door) -> AsyncIterator[None]:
        marking = asyncio.create_task(self._mark(one, door), name=f"devices-{one.way}-mark")
        try:
            yield
        finally:
            marking.cancel()
            await asyncio.gather(marking, return_exceptions=True)

    async def _mark(self, one: UdpListener | TcpListener, door: Door) -> None:
        while True:
            if one.open:
                try:
                    async with door.lease(_mark_of(one)):
                        await asyncio.Event().wait()
                except Exception as error:  # noqa: BLE001 - the port is kept: what comes waits for the database
                    log.info("who has a port of devices cannot be said", way=one.way, reason=str(error))
            await asyncio.sleep(ASK)

    async def _elsewhere(self, one: UdpListener | TcpListener, door: Door) -> bool:
        """Has another hub of this database the port?"""
        try:
            async with asyncio.timeout(ASK), door.lease(_mark_of(one)):
                return False
        except TimeoutError:
            return True


def _mark_of(one: UdpListener | TcpListener) -> str:
    host, port = one.place
    return f"port:{socket.gethostname()}:{host}:{one.way}:{port}"
