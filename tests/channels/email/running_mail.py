"""How do tests run the mail channel? For real, on a loop and in a thread of its own, as blocking clients need it."""

from __future__ import annotations

import asyncio
import shutil
import smtplib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest
import uvloop

from channels.email.build import build
from channels.email.channel import EmailChannel
from channels.settings import EmailSettings
from channels.surroundings import Surroundings
from core import keys
from core.channel import Door

PATIENCE = 20.0  # seconds until a test gives up


def a_channel(folder: Path, *, max_mail_size: int = 50 * 1024 * 1024, **settings: Any) -> EmailChannel:
    """The channel of a desk at hub.test, as the hub makes it from its settings, on free ports."""
    given: dict[str, Any] = {
        "domain": "hub.test",
        "addresses": ("support@hub.test", "alarms@hub.test"),
        "smtp_port": 0,
    }
    around = Surroundings(
        desk_name="Acme Desk",
        data_dir=folder,
        keys=keys.load(folder),
        max_mail_size=max_mail_size,
        max_recipients=5,
    )
    return build(EmailSettings(**given | settings), around)


@contextmanager
def running(channel: EmailChannel, door: Door) -> Iterator[EmailChannel]:
    """The channel at work, on the loop that the hub runs on."""

    async def work(stop: asyncio.Event, ready: Callable[[], None]) -> None:
        task = asyncio.create_task(channel.run(door))
        heard = [asyncio.create_task(event.wait()) for event in (channel.listening, stop)]
        await asyncio.wait([task, heard[0]], return_when=asyncio.FIRST_COMPLETED)
        ready()
        await asyncio.wait([task, heard[1]], return_when=asyncio.FIRST_COMPLETED)
        for one in [task, *heard]:
            one.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with in_a_thread(work):
        yield channel


@contextmanager
def in_a_thread(
    work: Callable[[asyncio.Event, Callable[[], None]], Coroutine[Any, Any, None]],
) -> Iterator[None]:
    """Run `work(stop, ready)` on a loop in a thread until the block ends; what it raises is raised here."""
    ready = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    errors: list[BaseException] = []

    async def begin() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        await work(stop, ready.set)

    def run() -> None:
        try:
            uvloop.run(begin())
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="mail-under-test")
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        if errors:
            raise errors[0]
        yield
    finally:
        if thread.is_alive():
            loop, stop = loops[0]
            loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the channel did not stop"
    if errors:
        raise errors[0]


def client(channel: EmailChannel) -> smtplib.SMTP:
    """A real client, connected."""
    return smtplib.SMTP("127.0.0.1", channel.bound["smtp"], timeout=PATIENCE)


class Raw:
    """A bare connection: says exactly these bytes."""

    def __init__(self, port: int) -> None:
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self) -> str:
        """The next answer, all its lines; empty when the other side has closed."""
        lines = []
        while True:
            while b"\n" not in self._rest:
                try:
                    more = self.socket.recv(65536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    return "\n".join(lines)
                self._rest += more
            line, _, self._rest = self._rest.partition(b"\n")
            lines.append(line.decode().rstrip("\r"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    def ask(self, command: str) -> str:
        self.say(command.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.hear()

    def hear_all(self) -> list[str]:
        """Every answer until the other side closes."""
        answers = []
        while answer := self.hear():
            answers.append(answer)
        return answers

    def encrypt(self, context: ssl.SSLContext) -> None:
        assert self._rest == b"", "an answer to something that was said before the encryption"
        self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")


def a_certificate(folder: Path, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    if not certificate.exists():
        subprocess.run(
            [
                *"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(),
                *("-keyout", key, "-out", certificate, "-subj", f"/CN={name}"),
                *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            ],
            check=True,
            capture_output=True,
        )
    return certificate, key
