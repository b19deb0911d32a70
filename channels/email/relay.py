"""How does mail leave? Through one relay by SMTP, or, without a relay, into files that the admin pages show."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core.channel import DeliveryError
from core.envelope import Sent

TIMEOUT = 60.0  # seconds for each step of the dialogue
AT_ONCE = 32  # mails on their way

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
    user: str = ""
    password: str = ""
    tls: str = "none"
    """none, starttls or tls. What is configured is required: never silently dropped."""

    async def send(self, ref: str, sender: str, recipient: str, mail: bytes) -> Sent:
        """See Relay. The message is ours until 250: a broken connection is tried again with the same Message-ID."""
        return await _in_thread(self._send, sender, recipient, mail)

    def _send(self, sender: str, recipient: str, mail: bytes) -> Sent:
        try:
            with self._connect() as smtp:
                if self.tls == "starttls":
                    smtp.starttls(context=ssl.create_default_context())
                if self.user:
                    smtp.login(self.user, self.password)
                smtp.ehlo_or_helo_if_needed()
                options = ["SMTPUTF8"] if not (sender + recipient).isascii() else []
                code, text = smtp.mail(sender, options)
                if code == 250:  # noqa: PLR2004 - RFC 5321 4.2
                    code, text = smtp.rcpt(recipient)
                if code in (250, 251):
                    code, text = smtp.data(mail)
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            message = f"the relay {self.host}:{self.port} could not be used: {error}"
            raise DeliveryError(message) from error
        if code != 250:  # noqa: PLR2004
            raise _refused(code, text)
        return Sent(detail=f"{code} {_words(text)}")

    def _connect(self) -> smtplib.SMTP:
        if self.tls == "tls":
            return smtplib.SMTP_SSL(
                self.host, self.port, timeout=TIMEOUT, context=ssl.create_default_context()
            )
        return smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """No relay: each mail is kept as `<ref>.eml`, so that one machine shows the whole round trip."""

    path: Path

    async def send(self, ref: str, sender: str, recipient: str, mail: bytes) -> Sent:
        """See Relay."""
        return await _in_thread(self._keep, ref, sender, recipient, mail)

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


async def _in_thread(work: Callable[..., Sent], *args: Any) -> Sent:
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)


def _refused(code: int, text: bytes | str) -> DeliveryError:
    # RFC 5321 4.2.1: 5yz is permanent, everything else may pass.
    return DeliveryError(f"{code} {_words(text)}", permanent=500 <= code < 600)  # noqa: PLR2004


def _words(text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(words.split())[:300]
