"""How does mail come in by SMTP and LMTP? Envelope and bytes go to the door; 250 only once they are on disk.

RFC 5321 and RFC 2033 on aiosmtpd. Nothing of the message is parsed here. Facts of aiosmtpd 1.4.6 that this is built
around: an exception in a hook answers 500 with its text, a client that hangs up cancels the hook, DATA is read line by
line with two log calls each, and neither connections nor recipients are counted.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.email.addressing import Addressing
from core.channel import Door, Unavailable
from core.envelope import Arrival
from core.log import get_logger

LINE_LIMIT = 1024 * 1024  # bytes: real mail has lines far beyond the 1,000 of RFC 5321 4.5.3.1.6
IDLE = 60  # seconds between commands
TRANSACTION = 300  # seconds for one DATA, however busy the client keeps it
UNKNOWN_COMMANDS = 20
LOOPBACK = ("127.", "::1")

_PLAIN_PATH = re.compile(
    r"<([A-Za-z0-9_+=-]+(?:\.[A-Za-z0-9_+=-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)>", re.ASCII
)

LATER = "451 4.3.0 Not stored just now, please try again later"

log = get_logger("smtp")


@dataclass(slots=True, kw_only=True)
class Gate:
    """Who may talk to us at the same time: counted over both listeners."""

    addressing: Addressing
    max_size: int  # bytes
    max_recipients: int
    max_connections: int
    max_per_peer: int  # loopback, where a relay of our own would be, is not counted
    trusted_peers: tuple[str, ...] = ()
    open: Counter[str] = field(default_factory=Counter)

    def enter(self, peer: str) -> bool:
        """Count a connection in; False: there are too many."""
        limited = not peer.startswith(LOOPBACK) and peer not in self.trusted_peers
        if self.open.total() >= self.max_connections or (limited and self.open[peer] >= self.max_per_peer):
            return False
        self.open[peer] += 1
        return True

    def leave(self, peer: str) -> None:
        """Count it out again."""
        self.open[peer] -= 1
        if self.open[peer] <= 0:
            del self.open[peer]


class Handler:
    """What aiosmtpd asks while a message comes in."""

    def __init__(self, gate: Gate, door: Door) -> None:
        self._gate = gate
        self._door = door

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take our own addresses only: this is no relay (RFC 5321 3.6.2)."""
        if len(envelope.rcpt_tos) >= self._gate.max_recipients:
            return f"452 4.5.3 At most {self._gate.max_recipients} recipients at a time"
        if not self._gate.addressing.ours(address):
            return "550 5.1.1 No such address here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store, then say 250. A client that hangs up meanwhile does not stop the storing."""
        arrival = Arrival(
            channel="email",
            raw=bytes(envelope.original_content or b""),
            received_at=datetime.now(UTC),
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            envelope={
                "peer": session.peer[0] if session.peer else "",
                "helo": session.host_name or "",
                "tls": session.ssl is not None,
                "protocol": "LMTP" if isinstance(server, LMTP) else "SMTP",
            },
        )
        storing = asyncio.create_task(self._door.accept(arrival), name="smtp-accept")
        try:
            await asyncio.shield(storing)
        except Unavailable as error:
            log.warning("mail refused for now", reason=str(error))
            answer = LATER
        else:
            answer = "250 2.0.0 Stored"
        # RFC 2033 4.2: LMTP answers once for each recipient.
        return "\r\n".join([answer] * (len(envelope.rcpt_tos) if isinstance(server, LMTP) else 1))

    async def handle_exception(self, error: Exception) -> str:
        """Whatever went wrong is ours: the client keeps the mail, and learns nothing of our inside."""
        log.error("a mail could not be taken", error=repr(error))
        return LATER


class _Counted(SMTP):
    """aiosmtpd's protocol with our limits, and with DATA read in large pieces."""

    line_length_limit = LINE_LIMIT
    gate: Gate
    _peer: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = str((transport.get_extra_info("peername") or ("local",))[0])
        if self._peer is None:  # after STARTTLS the connection is made a second time
            if not self.gate.enter(peer):
                assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - a server's transport
                transport.write(b"421 4.7.0 Too many connections, try again later\r\n")
                transport.close()
                return
            self._peer = peer
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._peer is None:
            return  # refused before it began
        self.gate.leave(self._peer)
        self._peer = None
        super().connection_lost(error)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address of MAIL or RCPT and what follows it. Ordinary ones without the whole grammar: it costs 80 µs."""
        plain = _PLAIN_PATH.match(arg)
        if plain is not None:
            return plain[1], arg[plain.end() :]
        given: tuple[str | None, str | None] = super()._getaddr(arg)
        return given

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.4. The end is CR LF dot CR LF and nothing else: no other form smuggles a second message."""
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        assert self.envelope is not None  # noqa: S101 - aiosmtpd makes it on greeting
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        self._reset_timeout(TRANSACTION)
        content = await self._read_content()
        self._reset_timeout()
        if content is None:
            self._set_post_data_state()  # type: ignore[no-untyped-call]
            await self.push(f"552 5.3.4 Larger than {self.gate.max_size} bytes")
            return
        self.envelope.content = self.envelope.original_content = content
        status = await self._call_handler_hook("DATA")
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push(status)

    async def _read_content(self) -> bytes | None:
        """The message without its dots; None when it is too large (it is read to its end all the same)."""
        data = bytearray(b"\r\n")  # so that a dot on the first line is found like any other
        too_large = False
        while True:
            try:
                data += await self._reader.readuntil(b".\r\n")
            except asyncio.LimitOverrunError as overrun:
                data += await self._reader.read(overrun.consumed)
            if data.endswith(b"\r\n.\r\n"):
                break
            if len(data) > self.gate.max_size + 2:
                too_large = True
                del data[:-4]
        return None if too_large else bytes(data[:-3]).replace(b"\r\n..", b"\r\n.")[2:]


class _Smtp(_Counted):
    pass


class _Lmtp(_Counted, LMTP):
    pass


async def listen(
    host: str, port: int, gate: Gate, door: Door, *, lmtp: bool = False, tls: Any = None
) -> asyncio.Server:
    """Listen for mail; port 0 takes a free one. The caller closes the server."""
    kind: type[_Counted] = _Lmtp if lmtp else _Smtp
    protocol = type(kind.__name__, (kind,), {"gate": gate})
    handler = Handler(gate, door)

    def connect() -> asyncio.BaseProtocol:
        made: asyncio.BaseProtocol = protocol(
            handler,
            data_size_limit=gate.max_size,
            enable_SMTPUTF8=True,
            decode_data=False,
            hostname=gate.addressing.domain,
            ident="Centralino",
            timeout=IDLE,
            tls_context=tls,
            command_call_limit={"*": 100_000},
            loop=asyncio.get_running_loop(),
        )
        return made

    factory: Callable[[], asyncio.BaseProtocol] = connect
    return await asyncio.get_running_loop().create_server(factory, host, port)
