"""Where do lines come in by TCP and TLS? A connection is cut into messages by its first byte; nothing is ever answered on it (RFC 6587)."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter

from channels.monitoring import own_certificate
from channels.monitoring.frames import OutOfStep, Stream, end, frames
from channels.monitoring.gathering import Came, Gathering, now
from channels.monitoring.listening_udp import peer_of
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
        self.tls = tls
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

    @property
    def wants_certificates(self) -> bool:
        """Is only heard who shows a certificate?"""
        return self.tls is not None and self.tls.verify_mode is ssl.CERT_REQUIRED

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

        more = {"ssl_handshake_timeout": HANDSHAKE} if self.tls else {}
        host, port = self.place
        self.server = await asyncio.start_server(talk, host, port, ssl=self.tls, limit=PIECE, **more)
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
        patience = IDLE
        if gathering.refuses("syslog", peer):
            # Who speaks from the very address that is listened on may be the hub itself, whatever else speaks from there.
            if peer != peer_of(writer.get_extra_info("sockname") or ("",)):
                return
            patience = HANDSHAKE
        if self._by_peer.total() >= CONNECTIONS or self._by_peer[peer] >= OF_ONE:
            log.warning("a connection is refused: there are too many", way=self.way, peer=peer)
            return
        self._by_peer[peer] += 1
        stream = Stream(counted=True if self.tls else None)
        try:
            while True:
                async with asyncio.timeout(patience):
                    data = await reader.read(PIECE)
                if not data:
                    break
                whole, stream = frames(data, stream)
                self._put(gathering, peer, whole)
                await gathering.room()
                if gathering.refuses("syslog", peer):
                    break
        except OutOfStep as error:
            self._put(gathering, peer, error.whole)
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


def context(certificate: str, key: str, authority: str, *, own: bytes = b"") -> ssl.SSLContext:
    """`authority`: who signs the certificates that clients must show; empty: they need none. `own`: of which the hub's own is made, to be let in too.

    Raises OSError, ssl.SSLError.
    """
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(certificate, key)
    if authority:
        made.load_verify_locations(authority)
        made.verify_mode = ssl.CERT_REQUIRED
        if own:
            own_certificate.trusted(made, own)
    return made
