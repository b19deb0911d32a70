"""How does mail leave? Through one relay by SMTP, or, without a relay, into files that the admin pages show."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from channels.email import sasl
from channels.email.reading.bounce_reasons import best_status, is_hard
from channels.email.troubles import Server
from core.channel import DeliveryError
from core.envelope import Sent

CONNECT_TIMEOUT = 10.0  # seconds
TIMEOUT = 60.0  # seconds for each answer
WITHIN = 240.0  # seconds for the whole dialogue
AT_ONCE = 32  # mails on their way

T = TypeVar("T")

# Threads of its own: a relay that is slow to answer must not hold up who else needs one, such as the pages' files.
_threads = ThreadPoolExecutor(AT_ONCE, "relay")


class Relay(Protocol):
    """Takes one mail for one recipient."""

    async def send(self, ref: str, sender: str, recipient: str, mail: bytes) -> Sent:
        """Hand it over. Raises DeliveryError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpRelay:
    """The provider's own mail server."""

    host: str
    port: int
    name: str
    """What we say our name is. Not asked of the DNS, which may not answer."""
    user: str = ""
    password: str = ""
    tokens: sasl.Tokens | None = None
    """Where it takes no password."""
    tls: str = "none"
    """none, starttls or tls. What is configured is required: never silently dropped."""
    timeout: float = TIMEOUT
    within: float = WITHIN

    async def send(self, ref: str, sender: str, recipient: str, mail: bytes) -> Sent:
        """See Relay. The message is ours until 250: a broken connection is tried again with the same Message-ID."""
        return await self._with_log_in(lambda one: one.run(sender, recipient, mail))

    async def log_in(self) -> None:
        """Be greeted, encrypted and logged in as for a mail, and leave again. Raises DeliveryError."""
        await self._with_log_in(_HandingOver.only_log_in)

    async def _with_log_in(self, act: Callable[[_HandingOver], T]) -> T:
        try:
            async with asyncio.timeout(self.within):
                if self.tokens is None:
                    return await self._in_dialogue(act, "")
                token = await self.tokens.current()
                try:
                    return await self._in_dialogue(act, token)
                except sasl.LogInRefused:
                    other = await self.tokens.current(but=token)
                    if other == token:
                        raise
                    return await self._in_dialogue(act, other)
        except TimeoutError:
            raise DeliveryError(f"{self} did not take it within {self.within:.0f} s") from None

    async def _in_dialogue(self, act: Callable[[_HandingOver], T], token: str) -> T:
        dialogue = _HandingOver(self, token)
        try:
            return await in_thread(act, dialogue)
        finally:
            dialogue.cut()  # when nobody waits any more, its thread ends too

    def __str__(self) -> str:
        return f"the relay {self.host}:{self.port}"


class _HandingOver:
    """One dialogue with the relay, in a thread; it may be cut from another one."""

    def __init__(self, relay: SmtpRelay, token: str) -> None:
        self._relay = relay
        self._token = token
        self._cut = False
        self._smtp: smtplib.SMTP | None = None

    def cut(self) -> None:
        """End it at once: whoever waits for an answer fails."""
        self._cut = True
        connection = self._smtp.sock if self._smtp is not None else None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def run(self, sender: str, recipient: str, mail: bytes) -> Sent:
        """Raises DeliveryError: permanent only when this mail was refused, not when the relay would not talk with us."""
        refused = taken = False
        try:
            smtp = self._connected()
            if not (sender + recipient).isascii() and not smtp.has_extn("smtputf8"):
                message = f"{self._relay} cannot send to addresses beyond ASCII (it offers no SMTPUTF8)"
                raise DeliveryError(message, permanent=True)
            code, text = smtp.mail(sender, [] if (sender + recipient).isascii() else ["SMTPUTF8"])
            if code == 250:
                refused = True
                code, text = smtp.rcpt(recipient)
                if taken := code in (250, 251):
                    code, text = smtp.data(mail)
            if 200 <= code < 300:
                # It has it. What it says to QUIT is of no interest, nor whether it says anything.
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    smtp.putcmd("QUIT")
        except smtplib.SMTPResponseException as error:
            code, text = error.smtp_code, _bytes(error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            raise self._failed(error) from error
        finally:
            if self._smtp is not None:
                self._smtp.close()
        if 200 <= code < 300:
            return Sent(detail=f"{code} {_words(text)}")
        # RFC 5321 4.2.1: 5yz is permanent, everything else may pass.
        permanent, said = refused and 500 <= code < 600, f"{code} {_words(text)}"
        dead = permanent and not taken and is_hard(best_status("", said), said)
        raise DeliveryError(said, permanent=permanent, dead=dead)

    def only_log_in(self) -> None:
        """Raises DeliveryError."""
        try:
            self._connected().quit()
        except (OSError, smtplib.SMTPException) as error:
            raise self._failed(error) from error
        finally:
            if self._smtp is not None:
                self._smtp.close()

    def _failed(self, error: OSError | smtplib.SMTPException) -> DeliveryError:
        """Why it would not talk with us, and what to do: nothing of that is about a mail."""
        relay = self._relay
        at = Server(host=relay.host, port=relay.port, tls=relay.tls, user=relay.user, keys="relay_")
        return DeliveryError(at.told(error))

    def _connected(self) -> smtplib.SMTP:
        """Greeted, encrypted and logged in, as it is configured. Raises DeliveryError."""
        try:
            return self._let_in()
        except (OSError, smtplib.SMTPException) as error:
            raise self._failed(error) from error

    def _let_in(self) -> smtplib.SMTP:
        relay = self._relay
        context = ssl.create_default_context() if relay.tls != "none" else None
        smtp = self._smtp = (
            _Encrypted(local_hostname=relay.name, timeout=relay.timeout, context=context)
            if relay.tls == "tls"
            else _Plain(local_hostname=relay.name, timeout=relay.timeout)
        )
        # The name in the certificate; smtplib keeps it only when it connects as it is made.
        smtp._host = relay.host  # type: ignore[union-attr]
        code, text = smtp.connect(relay.host, relay.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        if self._cut:
            raise smtplib.SMTPServerDisconnected("nobody waits for it any more")
        smtp.ehlo_or_helo_if_needed()
        if relay.tls == "starttls":
            smtp.starttls(context=context)
        if relay.tokens is not None:
            self._show_token(smtp)
        elif relay.user:
            smtp.login(relay.user, relay.password)
        smtp.ehlo_or_helo_if_needed()
        return smtp

    def _show_token(self, smtp: smtplib.SMTP) -> None:
        """AUTH (RFC 4954) by what the server offers. Raises LogInRefused."""
        relay = self._relay
        smtp.ehlo_or_helo_if_needed()
        offered = smtp.esmtp_features.get("auth", "").split()
        mechanism = sasl.mechanism(offered, str(relay))
        bearer = sasl.Bearer(mechanism, relay.user, self._token, host=relay.host, port=relay.port)
        try:
            smtp.auth(mechanism, bearer, initial_response_ok=bearer.fits_a_line)
        except smtplib.SMTPAuthenticationError as error:
            said = f"{error.smtp_code} {_words(_bytes(error.smtp_error))}"
            if error.smtp_code < 500:  # noqa: PLR2004 - RFC 4954 4: it cannot judge just now
                raise
            raise sasl.refused(str(relay), relay.user, said, bearer.reason) from error
        except ValueError as error:  # what it asked is not in base64
            raise DeliveryError(f"{relay} does not log us in as RFC 4954 has it: {error}") from error


class _Patient(smtplib.SMTP):
    """A connection is there soon or not at all; an answer may take longer."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection: socket.socket = super()._get_socket(host, port, CONNECT_TIMEOUT)  # type: ignore[misc]
        connection.settimeout(timeout)
        return connection


class _Plain(_Patient):
    pass


class _Encrypted(_Patient, smtplib.SMTP_SSL):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """No relay: each mail is kept as `<ref>.eml`, so that one machine shows the whole round trip."""

    path: Path

    async def send(self, ref: str, sender: str, recipient: str, mail: bytes) -> Sent:
        """See Relay."""
        return await in_thread(self._keep, ref, sender, recipient, mail)

    def _keep(self, ref: str, sender: str, recipient: str, mail: bytes) -> Sent:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            unfinished = self.path / f".{ref}.part"
            envelope = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode()
            unfinished.write_bytes(envelope + mail)
            unfinished.replace(self.path / f"{ref}.eml")
        except OSError as error:
            message = f"{self.path} cannot be written: {error}"
            raise DeliveryError(message) from error
        return Sent(detail=f"kept as {ref}.eml")


async def in_thread(work: Callable[..., T], *args: Any) -> T:
    """Do it in one of the threads of mail that leaves."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)


def _bytes(text: bytes | str) -> bytes:
    return text.encode("utf-8", "replace") if isinstance(text, str) else text


def _words(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())[:300]
