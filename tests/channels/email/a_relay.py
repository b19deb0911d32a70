"""A mail server that takes what we send, or does not, as a test wants it: aiosmtpd, in a thread of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, Session, auth_mechanism

from core.envelope import Address, Outgoing
from core.ids import derived_id
from tests.channels.email.running_mail import in_a_thread

TOKEN = "abcdefghijklmnopqrstuvwx27"
CONVERSATION = derived_id(1_795_600_000_000, "conversation")
OTHER = "22222222222222222222222222"


def an_answer(**changed: Any) -> Outgoing:
    """An agent's answer to Ann; a test names only what it is about."""
    known: dict[str, Any] = {
        "delivery_id": "d1",
        "channel": "email",
        "ref": "r" * 26,
        "kind": "reply",
        "automatic": False,
        "to": Address("ann@cust.test", "Ann Rossi"),
        "mailbox": "support@hub.test",
        "author_name": "Bea",
        "subject": "Printer",
        "text": "Please restart it.\n",
        "language": "en",
        "ticket_number": "26-000123",
        "reply_token": TOKEN,
        "conversation": CONVERSATION,
        "bounce_token": OTHER,
        "in_reply_to": "1@cust.test",
        "references": ("1@cust.test",),
    }
    return Outgoing(**known | changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A mail that the relay took."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    hello: str
    encrypted: bool
    user: str


@dataclass(slots=True, kw_only=True)
class FakeRelay:
    """What it answers, by command, once each; then it takes everything. `hang up`: cuts the connection instead."""

    says: dict[str, list[str]] = field(default_factory=dict)
    password: str = ""
    tokens: set[str] = field(default_factory=set)
    """Those that it lets in by XOAUTH2."""
    offers: bool = True
    """SMTPUTF8"""
    taken: list[Taken] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    """Which commands came."""
    port: int = 0

    def _answer(self, server: SMTP, command: str) -> str | None:
        self.heard.append(command)
        left = self.says.get(command, [])
        answer = left.pop(0) if left else None
        if answer == "hang up":
            server.transport.abort()
        return answer

    async def handle_MAIL(
        self, server: SMTP, _s: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self._answer(server, "MAIL")
        if answer is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, _s: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        answer = self._answer(server, "RCPT")
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self._answer(server, "DATA")
        if answer is None or answer == "hang up":
            assert isinstance(envelope.original_content, bytes)
            self.taken.append(
                Taken(
                    sender=envelope.mail_from or "",
                    recipients=tuple(envelope.rcpt_tos),
                    content=envelope.original_content,
                    hello=session.host_name or "",
                    encrypted=session.ssl is not None
                    or server.transport.get_extra_info("sslcontext") is not None,
                    user=str(session.auth_data or ""),
                )
            )
        return answer or "250 2.0.0 queued as 4711"

    async def handle_QUIT(self, server: SMTP, _s: Session, _e: Envelope) -> str:
        return self._answer(server, "QUIT") or "221 Bye"

    def authenticate(self, _server: SMTP, _s: Session, _e: Envelope, _how: str, data: Any) -> AuthResult:
        self.heard.append("AUTH")
        if data.password.decode() == self.password:
            return AuthResult(success=True, auth_data=data.login.decode())
        return AuthResult(success=False, handled=False)

    @auth_mechanism("XOAUTH2")
    async def auth_by_token(self, server: SMTP, args: list[str]) -> AuthResult:
        """As Microsoft and Google do it: who is refused hears why, and says something before the end."""
        self.heard.append(" ".join(args[:1]))
        said = base64.b64decode(args[1]) if len(args) > 1 else await server.challenge_auth("")
        assert said is not MISSING
        user, token = said.decode().removeprefix("user=").removesuffix("\1\1").split("\1auth=Bearer ")
        if token in self.tokens:
            return AuthResult(success=True, auth_data=user)
        assert await server.challenge_auth('{"status":"401","schemes":"bearer"}') == b""
        return AuthResult(success=False, handled=False)

    @contextlib.contextmanager
    def running(
        self, *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
    ) -> Iterator[FakeRelay]:
        """On a free port, until the block ends."""

        def connect() -> SMTP:
            return SMTP(
                self,
                enable_SMTPUTF8=self.offers,
                tls_context=starttls,
                auth_required=bool(self.password or self.tokens),
                authenticator=self.authenticate,
                hostname="relay.test",
                loop=asyncio.get_running_loop(),
            )

        async def work(stop: asyncio.Event, ready: Any) -> None:
            server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0, ssl=tls)
            self.port = server.sockets[0].getsockname()[1]
            ready()
            await stop.wait()
            server.close()

        with in_a_thread(work):
            yield self


@contextlib.contextmanager
def a_server_that_says(greeting: bytes, *, drips: bool = False) -> Iterator[int]:
    """Greets everybody so and then listens without a word; `drips`: a byte now and then."""
    ended = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            there, _ = listening.accept()
            with there, contextlib.suppress(OSError):
                there.sendall(greeting)
                while drips and not ended.wait(0.05):
                    there.sendall(b"2")
                ended.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(20)
