"""What is said to a client that brings mail by SMTP or LMTP? Envelope and bytes go to the door; 250 only once they are on disk.

RFC 5321 and RFC 2033. aiosmtpd reads the single commands; the dialogue around them, DATA and every limit are ours,
because of how aiosmtpd 1.4.6 is: an exception answers 500 with its text, a client that hangs up cancels what is going
on, lines and commands are counted loosely, DATA is read line by line with two log calls each, and nobody counts
connections or recipients. Nothing of the message is parsed here.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException

from channels.email.gate import Gate
from core.channel import Door, Unavailable
from core.envelope import Arrival
from core.log import get_logger

COMMAND_LINE = 4096  # bytes
PIECE = 256 * 1024  # bytes of a message read at once; its lines may have any length, as those of real mail do
LAST_WORDS = 5.0  # seconds to read why the connection ends
UNKNOWN_COMMANDS = 20
COMMANDS = 10_000  # without a message
DECLARED_SLACK = 1024 * 1024  # bytes: SIZE is an estimate (RFC 1870, 5), but not any number
BYTES_A_SECOND = 1000  # of a message; who sends less counts as silent for the rest
LABEL = 1000  # characters kept of what the client says of itself

LATER = "451 4.3.0 Not stored just now, please try again later"
ROOM = "421 4.3.2 Making room for others, please try again later"
LEAVING = "421 4.3.2 Shutting down, please try again later"

_PLAIN_PATH = re.compile(
    r"<([A-Za-z0-9_+=-]+(?:\.[A-Za-z0-9_+=-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)>", re.ASCII
)

log = get_logger("smtp")


class Handler:
    """What aiosmtpd asks while a message comes in."""

    def __init__(self, gate: Gate, door: Door) -> None:
        self._gate = gate
        self._door = door

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name, as those below
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        """What we offer. Not AUTH: nobody has an account here. Commands may be sent in groups (RFC 2920)."""
        session.host_name = hostname
        offered = [line for line in answers if not line.startswith("250-AUTH")]
        return [offered[0], "250-PIPELINING", *offered[1:]]

    async def handle_MAIL(  # noqa: N802
        self, server: Dialogue, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Anybody may write, also nobody (`<>`), but not without end."""
        if not self._gate.take(server.peer, now=server.loop.time()):
            log.warning("a peer sends too much", peer=server.peer)
            return "451 4.7.1 Too many messages, please try again later"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Dialogue, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take our own addresses only: this is no relay (RFC 5321 3.6.2)."""
        if not self._gate.addressing.ours(address):
            return "550 5.1.1 No such address here"
        if self._gate.addressing.tagged(address) and await self._guesses(server, envelope):
            log.warning("reply addresses are guessed", peer=server.peer)
            return "451 4.7.1 Not from you just now, please try again later"
        if len(envelope.rcpt_tos) >= self._gate.max_recipients:
            return f"452 4.5.3 At most {self._gate.max_recipients} recipients at a time"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    def _whence(self, server: Dialogue, envelope: Envelope) -> dict[str, str]:
        """What is counted if reply addresses among the recipients were never issued."""
        if not any(map(self._gate.addressing.tagged, envelope.rcpt_tos)):
            return {}
        return {"whence": self._gate.whence(server.peer, envelope.mail_from or "")}

    async def _guesses(self, server: Dialogue, envelope: Envelope) -> bool:
        try:
            return await self._door.guesses(self._gate.whence(server.peer, envelope.mail_from or ""))
        except Unavailable:
            return False  # then nothing is stored either, and the message is put off

    async def handle_DATA(self, server: Dialogue, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store, then say 250. A client that hangs up meanwhile does not stop the storing."""
        arrival = Arrival(
            channel="email",
            raw=bytes(envelope.original_content or b""),
            received_at=datetime.now(UTC),
            sender="" if envelope.mail_from == "<>" else _label(envelope.mail_from or ""),
            recipients=tuple(envelope.rcpt_tos),
            envelope={
                "peer": server.peer,
                "helo": _label(session.host_name or ""),
                "tls": session.ssl is not None,
                "protocol": server.protocol,
                **self._whence(server, envelope),
            },
        )
        storing = asyncio.create_task(self._door.accept(arrival), name="smtp-accept")
        storing.add_done_callback(_heard)
        try:
            async with asyncio.timeout(self._gate.store_within):
                await asyncio.shield(storing)
        except Unavailable as error:
            log.warning("mail refused for now", reason=str(error))
            return LATER
        except TimeoutError:
            log.error("mail refused for now", reason=f"not stored within {self._gate.store_within:.0f} s")
            return LATER
        except Exception:
            log.exception("a mail could not be stored")
            return LATER
        return "250 2.0.0 Stored"


def _heard(storing: asyncio.Task[str]) -> None:
    """What became of it is known even when the client, and with it the one who asked, is gone."""
    if not storing.cancelled():
        storing.exception()


def _label(text: str) -> str:
    """What a client says of itself, fit to be stored and shown: bytes that are no text become �."""
    return "".join(c if c.isprintable() else "�" for c in text[:LABEL])


class Dialogue(SMTP):
    """One client's connection."""

    line_length_limit = COMMAND_LINE  # what aiosmtpd gives its reader
    protocol = "SMTP"
    peer = ""

    def __init__(self, handler: Handler, gate: Gate, sessions: set[Dialogue], *, tls: Any) -> None:
        self._gate = gate
        self._sessions = sessions
        self._entered = self._counted = self._leaving = False
        self._waiting: float | None = None  # since when we wait for the client
        self._came = 0  # bytes of the message we wait for
        self._deadline = 0.0
        self._commands = self._unknown = 0
        loop = asyncio.get_running_loop()
        super().__init__(
            handler,
            data_size_limit=gate.max_size,
            enable_SMTPUTF8=True,
            decode_data=False,
            hostname=gate.addressing.domain,
            ident="Centralino",
            timeout=gate.idle,
            tls_context=tls,
            loop=loop,
        )

    @property
    def talk(self) -> asyncio.Task[None] | None:
        """The conversation; None before it begins."""
        task: asyncio.Task[None] | None = self._handler_coroutine
        return task

    # --- The connection ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Made a second time after STARTTLS."""
        if not self._entered:
            self.peer = str((transport.get_extra_info("peername") or ("local",))[0]).removeprefix("::ffff:")
            if self._gate.full():
                self._make_room()
            if not self._gate.enter(self.peer):
                refused = cast(asyncio.WriteTransport, transport)
                refused.write(b"421 4.7.0 Too many connections, try again later\r\n")
                refused.close()
                return
            self._entered = self._counted = True
            self._sessions.add(self)
            self._deadline = self.loop.time() + self._gate.transaction
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """It is over; what is being stored is stored all the same."""
        if not self._entered:
            return  # refused before it began, or lost already
        self._entered = False
        self._sessions.discard(self)
        self._give_place_back()
        super().connection_lost(error)

    def silent(self, now: float) -> float:
        """For how many seconds the client has kept us waiting, less those it has sent a message in."""
        if self._waiting is None:
            return -math.inf  # we are at work ourselves
        came = self._came + len(self._reader._buffer) if self._came else 0  # type: ignore[attr-defined]
        return now - self._waiting - came / BYTES_A_SECOND

    def _make_room(self) -> None:
        """Those who drip must not keep out those who speak."""
        now = self.loop.time()
        slowest = max(self._sessions, key=lambda session: session.silent(now), default=None)
        if slowest is not None and slowest.silent(now) > self._gate.patience:
            log.warning("a silent client makes room", peer=slowest.peer)
            slowest._give_place_back()
            slowest._say_goodbye(ROOM)

    def _give_place_back(self) -> None:
        if self._counted:
            self._counted = False
            self._gate.leave(self.peer)

    def eof_received(self) -> bool | None:
        """The client will say no more. What it said before is still read and answered."""
        if self.session is not None and self.session.ssl is not None:
            encrypted: bool | None = super().eof_received()
            return encrypted
        return asyncio.StreamReaderProtocol.eof_received(self)

    def leave(self) -> None:
        """End the conversation: at once between commands, else after the one that is being answered."""
        self._leaving = True
        if self._waiting is not None and not self._came:
            self._say_goodbye(LEAVING)

    def abort(self) -> None:
        """Cut the connection."""
        if self._encrypting:
            self._give_up_encryption()
        elif self.transport is not None:
            cast(asyncio.WriteTransport, self.transport).abort()

    @property
    def _encrypting(self) -> bool:
        """Between STARTTLS and the end of the handshake."""
        return self._original_transport is not None and self.session is not None and self.session.ssl is None

    def _give_up_encryption(self) -> None:
        # Until the handshake is done asyncio does not tell us that the connection is lost.
        if self._original_transport is not None:
            cast(asyncio.WriteTransport, self._original_transport).abort()
        self.connection_lost(None)

    def _reset_timeout(self, duration: float | None = None) -> None:
        left = max(0.001, self._deadline - self.loop.time())
        super()._reset_timeout(min(duration or self._gate.idle, left))

    def _timeout_cb(self) -> None:
        self._say_goodbye("421 4.4.2 Too slow, closing the connection")

    def _say_goodbye(self, words: str) -> None:
        if self._encrypting:
            self._give_up_encryption()
        if self.transport is None or self._timeout_handle is None:
            return
        transport = cast(asyncio.WriteTransport, self.transport)  # uvloop's does not say that it is one
        transport.write(words.encode() + b"\r\n")
        transport.close()
        # A client that does not read would keep it open for ever.
        self._timeout_handle.cancel()
        self._timeout_handle = self.loop.call_later(LAST_WORDS, transport.abort)

    # --- The conversation --------------------------------------------------------------------------------

    async def _handle_client(self) -> None:
        try:
            await self.push(f"220 {self.hostname} {self.__ident__}")
            while self.transport is not None and await self._answer_next():
                if self._leaving:
                    await self.push(LEAVING)
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            log.debug("a client hung up", peer=self.peer)
        except TLSSetupException:
            log.info("a client could not agree on encryption", peer=self.peer)
            self._give_up_encryption()
        finally:
            if self.transport is not None:
                self.transport.close()

    async def _answer_next(self) -> bool:
        """Read one command and answer it; False: that was the last one."""
        try:
            self._waiting = self.loop.time()
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            await self.push("500 5.5.6 Line too long")
            return False
        finally:
            self._waiting = None
        name, _, rest = line.rstrip(b"\r\n").partition(b" ")
        method = self._smtp_methods.get(name.upper().decode("ascii", "replace"))
        if method is None:
            self._unknown += 1
            if self._unknown > UNKNOWN_COMMANDS:
                await self.push("421 4.7.0 Too many unknown commands")
                return False
            await self.push("500 5.5.1 Command not recognized")
            return True
        self._commands += 1
        if self._commands > COMMANDS:
            await self.push("421 4.7.0 Too many commands without a message")
            return False
        self._reset_timeout()
        try:
            # Bytes that are no UTF-8 become surrogates, and are never sent back.
            await method(str(rest.strip(), "utf-8", "surrogateescape") or None)
        except (asyncio.IncompleteReadError, ConnectionError, TLSSetupException):
            raise
        except Exception:
            # Ours, whatever it is: the client keeps its mail, and learns nothing of our inside.
            log.exception("a command could not be answered", command=name.decode("ascii", "replace")[:20])
            await self.push(LATER)
        return True

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address of MAIL or RCPT and what follows it. Ordinary ones without the whole grammar: it costs 80 µs."""
        plain = _PLAIN_PATH.match(arg)
        if plain is not None:
            return plain[1], arg[plain.end() :]
        if arg.upper().startswith("<POSTMASTER>"):  # RFC 5321 4.5.1: the one address without a domain
            return "postmaster", arg[len("<postmaster>") :]
        try:
            given: tuple[str | None, str | None] = super()._getaddr(arg)
        except Exception:  # the standard library's parser was not made for strangers
            return None, None
        return given

    async def push(self, status: Any) -> None:
        """Answer; a client that does not read keeps us waiting too."""
        before, self._waiting = self._waiting, self.loop.time()
        try:
            await super().push(status)
        finally:
            self._waiting = before

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name, as those below
        """RFC 3207; the client may keep us waiting in the handshake."""
        self._waiting = self.loop.time()
        try:
            await super().smtp_STARTTLS(arg)
        finally:
            self._waiting = None

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        """Nobody has an account here."""
        await self.push("502 5.5.1 Not implemented")

    async def smtp_VRFY(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 3.5.3: neither yes nor no."""
        await self.push("252 2.5.2 Send some mail, it will be tried")

    async def smtp_HELP(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.8."""
        await self.push("214 2.0.0 RFC 5321")

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.4. The end is CR LF dot CR LF and nothing else: no other form smuggles a second message."""
        if await self.check_helo_needed():
            return
        envelope = self.envelope
        assert envelope is not None
        if not envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        self._reset_timeout(self._gate.transaction)
        content = await self._read_content(_allowed(envelope.mail_options, self._gate.max_size))
        self._deadline = self.loop.time() + max(self._gate.transaction, 2 * self._gate.store_within)
        self._commands = 0
        if content is None:
            answer = "552 5.3.4 Larger than announced, or than we take"
        else:
            self._reset_timeout(2 * self._gate.store_within)
            envelope.content = envelope.original_content = content
            answer = await self._call_handler_hook("DATA")
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        self._reset_timeout()
        await self.push("\r\n".join([answer] * self._answers(envelope.rcpt_tos)))

    def _answers(self, recipients: Sequence[str]) -> int:
        return 1

    async def _read_content(self, limit: int) -> bytes | None:
        """The message without its dots; None when it has more bytes than `limit` (it is read to its end all the same)."""
        data = bytearray(b"\r\n")  # so that a dot on the first line is found like any other
        too_large = False
        self._read_up_to(PIECE)
        self._waiting, self._came = self.loop.time(), 1
        try:
            while True:
                before = len(data)
                try:
                    data += await self._reader.readuntil(b".\r\n")
                except asyncio.LimitOverrunError as overrun:
                    data += await self._reader.read(overrun.consumed)
                self._came += len(data) - before
                if data.endswith(b"\r\n.\r\n"):
                    break
                if len(data) > limit + 2:
                    too_large = True
                    del data[:-4]
        finally:
            self._waiting, self._came = None, 0
            self._read_up_to(COMMAND_LINE)
        if too_large or len(data) > limit + 5:
            return None
        del data[-3:]
        # RFC 5321 4.5.2: the first dot of a line is not part of it.
        return bytes(memoryview(data.replace(b"\r\n.", b"\r\n") if b"\r\n." in data else data)[2:])

    def _read_up_to(self, limit: int) -> None:
        # asyncio's reader is told once, when it is made; a dialogue has short lines and a message long pieces.
        self._reader._limit = limit  # type: ignore[attr-defined]


class LmtpDialogue(Dialogue, LMTP):
    """The same by LMTP."""

    protocol = "LMTP"

    def _answers(self, recipients: Sequence[str]) -> int:
        """RFC 2033 4.2: one for each recipient."""
        return len(recipients)


def _allowed(options: Sequence[str], most: int) -> int:
    """How many bytes this message may have: it was announced with a size, or not.

    >>> _allowed(["BODY=8BITMIME", "SIZE=10"], 50_000_000), _allowed([], 50_000_000)
    (1048596, 50000000)
    """
    for option in options:
        name, _, value = option.partition("=")
        if name == "SIZE" and value.isdecimal():
            return min(most, 2 * int(value) + DECLARED_SLACK)
    return most
