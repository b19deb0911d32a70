"""Mail load from a process of its own: connections that each send one mail after another, waiting for every 250.

`python -m bench.mail_load PORT COUNT CONNECTIONS SEED [LEDGER] [--pause SECONDS]` prints one JSON line. With a ledger
file, each mail's Message-ID is written and synced after its 250. The senders are people of `bench.desk`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import time

from bench.words import line, subject

CUSTOMERS = 50
PEOPLE = 2_000  # contacts of all customers together
LINES = 18


def address(n: int) -> str:
    """Whom the n-th mail comes from: after PEOPLE mails it is the first one's turn again."""
    return f"user{n % PEOPLE}@customer{n % CUSTOMERS}.test"


def mail(seed: int, n: int) -> tuple[str, bytes]:
    """The n-th mail of a run, 1.5 kB; and its Message-ID."""
    chance = random.Random(seed * 1_000_003 + n)
    message_id = f"{seed}.{n}@load.test"
    head = (
        f"From: Utente {n % PEOPLE:04} <{address(n)}>\r\nTo: Support <support@desk.test>\r\n"
        f"Subject: {subject(chance)}\r\nDate: Tue, 24 Nov 2026 09:00:00 +0100\r\n"
        f"Message-ID: <{message_id}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return message_id, (head + "\r\n".join(line(chance) for _ in range(LINES)) + "\r\n").encode()


class _Sender(asyncio.Protocol):
    """One connection. Plain callbacks: the load must cost less than what it measures."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = b""
        self._step = 0
        self._id = ""
        self._body = b""
        self._rcpt = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n" in self._buffer:
            line_, self._buffer = self._buffer.split(b"\r\n", 1)
            if line_[3:4] != b"-":
                self._answer(line_)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _answer(self, answer: bytes) -> None:
        write = self._transport.write  # type: ignore[attr-defined]
        step, self._step = self._step, self._step + 1
        if step == 0:
            write(b"EHLO load.test\r\n")
        elif step == 1:
            self._next()
        elif step == 2:
            write(b"RCPT TO:<support@desk.test>\r\n")
        elif step == 3:
            write(b"DATA\r\n")
        elif step == 4:
            write(self._body + b".\r\n")
        elif step == 5:
            self._run.answered(self._id, ok=answer.startswith(b"250"))
            if self._run.pause:
                asyncio.get_running_loop().call_later(self._run.pause, self._next)
            else:
                self._next()

    def _next(self) -> None:
        write = self._transport.write  # type: ignore[attr-defined]
        following = self._run.next()
        if following is None:
            write(b"QUIT\r\n")
            self.done.set_result(None)
            return
        self._id, self._body, sender = following
        self._step = 2
        write(b"MAIL FROM:<" + sender + b">\r\n")


class _Run:
    def __init__(self, count: int, seed: int, ledger: str | None, pause: float) -> None:
        self.accepted = self.refused = 0
        self.pause = pause
        self._left = iter(range(count))
        self._mails = [mail(seed, n) for n in range(count)]
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if ledger else None

    def next(self) -> tuple[str, bytes, bytes] | None:
        n = next(self._left, None)
        if n is None:
            return None
        message_id, body = self._mails[n]
        return message_id, body, address(n).encode()

    def answered(self, message_id: str, *, ok: bool) -> None:
        if not ok:
            self.refused += 1
            return
        self.accepted += 1
        if self._ledger is not None:
            os.write(self._ledger, f"{message_id}\n".encode())
            os.fsync(self._ledger)


async def send(
    port: int, count: int, connections: int, seed: int, *, ledger: str | None = None, pause: float = 0.0
) -> dict[str, float]:
    """Send them all; how many were accepted and refused, in how many seconds, and when that began."""
    run = _Run(count, seed, ledger, pause)
    loop = asyncio.get_running_loop()
    began, start = time.time(), time.perf_counter()
    senders = [
        (await loop.create_connection(lambda: _Sender(run), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    await asyncio.gather(*(sender.done for sender in senders))
    seconds = time.perf_counter() - start
    return {
        "accepted": run.accepted,
        "refused": run.refused,
        "began": began,
        "seconds": seconds,
        "rate": run.accepted / seconds,
    }


def main() -> None:
    """See the module."""
    asked = argparse.ArgumentParser()
    for name in ("port", "count", "connections", "seed"):
        asked.add_argument(name, type=int)
    asked.add_argument("ledger", nargs="?")
    asked.add_argument("--pause", type=float, default=0.0)
    given = asked.parse_args()
    report = asyncio.run(
        send(given.port, given.count, given.connections, given.seed, ledger=given.ledger, pause=given.pause)
    )
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
