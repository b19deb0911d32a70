"""Where do lines come in by TCP and TLS? A connection is cut into messages by its first byte; nothing is ever answered on it (RFC 6587)."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter

from channels.monitoring.frames import Stream, end, frames
from channels.monitoring.gathering import Came, Gathering, now
from channels.monitoring.listening_udp import peer_of
from channels.monitoring.source import NotUnderstood
from core.log import get_logger

CONNECTIONS = 500
OF_ONE = 50  # connections of one address
IDLE = 3600.0  # seconds without a byte: a relay with nothing to say keeps its connection, and loses a line when it is closed
PIECE = 65_536  # bytes
HANDSHAKE = 15.0  # seconds

log = get_logger("monitoring")


class TcpListener:
    """A port for lines. `tls`: over TLS each message is preceded by its length."""

    def __init__(self, way: str, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self.way = way
        self.place = (host, port)
        self._tls = tls
        self._by_peer: Counter[str] = Counter()
        self._talks: set[asyncio.Task[None]] = set()
        self.server: asyncio.Server | None = None

    @property
    def open(self) -> bool:
        """Does it listen?"""
        return self.server is not None

    @property
    def port(self) -> int:
        """The one really listened on."""
        assert self.server is not None
        return int(self.server.sockets[0].getsockname()[1])

    async def run(self, gathering: Gathering) -> None:
        """Listen until cancelled. Raises OSError."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._talks.add(task)
            try:
                await self._talk(gathering, reader, writer)
            finally:
                self._talks.discard(task)
                writer.close()

        more = {"ssl_handshake_timeout": HANDSHAKE} if self._tls else {}
        host, port = self.place
        self.server = await asyncio.start_server(talk, host, port, ssl=self._tls, limit=PIECE, **more)
        log.info("listening for lines", way=self.way, port=self.port)
        try:
            await asyncio.Event().wait()
        finally:
            self.server.close()
            for task in list(self._talks):
                task.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            self.server = None

    async def _talk(
        self, gathering: Gathering, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        peer = peer_of(writer.get_extra_info("peername") or ("",))
        if gathering.refuses("syslog", peer):
            return
        if self._by_peer.total() >= CONNECTIONS or self._by_peer[peer] >= OF_ONE:
            log.warning("a connection is refused: there are too many", way=self.way, peer=peer)
            return
        self._by_peer[peer] += 1
        stream = Stream(counted=True if self._tls else None)
        try:
            while not gathering.refuses("syslog", peer):
                async with asyncio.timeout(IDLE):
                    data = await reader.read(PIECE)
                if not data:
                    break
                whole, stream = frames(data, stream)
                self._put(gathering, peer, whole)
                await gathering.room()
        except NotUnderstood as error:
            log.warning("a connection is closed", way=self.way, peer=peer, reason=str(error))
        except TimeoutError:
            log.info("a connection is closed: nothing came for long", way=self.way, peer=peer)
        except (OSError, ssl.SSLError) as error:
            log.info("a connection broke", way=self.way, peer=peer, reason=str(error))
        finally:
            self._put(gathering, peer, end(stream))
            self._by_peer -= Counter({peer: 1})

    def _put(self, gathering: Gathering, peer: str, whole: list[bytes]) -> None:
        for raw in whole:
            gathering.put(Came(self.way, peer, now(), raw))


def context(certificate: str, key: str, authority: str) -> ssl.SSLContext:
    """`authority`: who signs the certificates that clients must show; empty: they need none. Raises OSError, ssl.SSLError."""
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(certificate, key)
    if authority:
        made.load_verify_locations(authority)
        made.verify_mode = ssl.CERT_REQUIRED
    return made
