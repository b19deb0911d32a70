"""Where do datagrams come in? Read, stamped and queued, as fast as the system hands them out: a device sends them once."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from channels.monitoring.gathering import Came, Gathering, now
from core.common import Meters, meter
from core.log import get_logger

BUFFER = 4 * 2**20  # bytes of the system's, asked for; it keeps what comes while we do something else
LONGEST = 65_535  # bytes of a datagram
AT_ONCE = 500  # datagrams before others have their turn
LAST = 100  # times so many, when the hub stops
COUNT_EVERY = 1.0  # seconds between looks at what the system dropped
_INODE, _DROPS = 9, 12  # columns of /proc/net/udp

log = get_logger("monitoring")


class UdpListener:
    """A port for datagrams. `way`: see gathering."""

    def __init__(self, way: str, host: str, port: int) -> None:
        self.way = way
        self.place = (host, port)
        self.socket: socket.socket | None = None

    @property
    def open(self) -> bool:
        """Does it listen?"""
        return self.socket is not None

    @property
    def port(self) -> int:
        """The one really listened on."""
        assert self.socket is not None
        return int(self.socket.getsockname()[1])

    async def run(self, gathering: Gathering, meters: Meters) -> None:
        """Listen until cancelled. Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(*self.place, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        with socket.socket(family, socket.SOCK_DGRAM) as listening:
            listening.setblocking(False)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            listening.bind(address)
            self.socket = listening
            granted = listening.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # Linux says double
            log.info(
                "listening for datagrams",
                way=self.way,
                port=self.port,
                buffer=granted,
                **({} if granted >= BUFFER else {"asked": BUFFER, "hint": "raise net.core.rmem_max"}),
            )
            loop.add_reader(listening, self._read, gathering)
            before = meters.total(meter(self.way, "kernel"))
            try:
                while True:
                    await asyncio.sleep(COUNT_EVERY)
                    self._count(gathering, meters, before)
            finally:
                loop.remove_reader(listening)
                for _ in range(LAST):  # what the system had taken in before we stopped
                    if not self._read(gathering):
                        break
                self._count(gathering, meters, before)
                self.socket = None

    def _read(self, gathering: Gathering) -> bool:
        """What is there, up to a number; True: there may be more."""
        listening = self.socket
        if listening is None:
            return False
        for _ in range(AT_ONCE):
            try:
                raw, address = listening.recvfrom(LONGEST)
            except BlockingIOError:
                return False
            except OSError as error:  # an answer of ours that reached nobody: told at the next read
                log.debug("a datagram was not read", error=str(error))
                continue
            answer = _Back(listening, address) if self.way == "snmp" else None
            gathering.put(Came(self.way, peer_of(address), now(), raw, answer))
        return True

    def _count(self, gathering: Gathering, meters: Meters, before: int) -> None:
        if self.socket is not None:
            dropped = drops(os.fstat(self.socket.fileno()).st_ino)
            missing = before + dropped - meters.total(meter(self.way, "kernel"))
            if missing > 0:
                gathering.dropped(self.way, missing)


class _Back:
    """Sends to where a datagram came from."""

    __slots__ = ("_address", "_socket")

    def __init__(self, listening: socket.socket, address: Any) -> None:
        self._socket, self._address = listening, address

    def __call__(self, raw: bytes) -> None:
        with suppress(OSError):  # whoever hears no answer says it again
            self._socket.sendto(raw, self._address)


def peer_of(address: Any) -> str:
    """The IP address, of IPv4 in its own form also where it came to a socket of IPv6.

    >>> peer_of(("::ffff:192.0.2.1", 162, 0, 0)), peer_of(("fe80::1%eth0", 162, 0, 2))
    ('192.0.2.1', 'fe80::1')
    """
    host = str(address[0]).partition("%")[0]
    if ":" not in host:
        return host
    mapped = getattr(ip_address(host), "ipv4_mapped", None)
    return str(mapped or host)


def drops(inode: int) -> int:
    """Datagrams that the system dropped as the buffer of this socket was full; 0 where it does not say."""
    for name in ("udp", "udp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{name}").read_text(encoding="ascii").splitlines()[1:]:
                columns = line.split()
                if len(columns) > _DROPS and columns[_INODE] == str(inode):
                    return int(columns[_DROPS])
    return 0
