"""Mail load from a process of its own: connections that each send one mail after another, waiting for every 250.

`python -m bench.mail_load PORT COUNT CONNECTIONS SEED [LEDGER]` prints one JSON line. With a ledger file, each mail's
Message-ID is written and synced after its 250.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time

WORDS = (
    "buongiorno la rete della sede di Verona non risponde da questa mattina alle otto e gli utenti non riescono ad "
    "aprire il gestionale abbiamo riavviato lo switch ma la luce resta rossa potete verificare per favore grazie "
    "hello since this morning our backup job fails with error code seventeen please have a look at the server"
).split()


def mail(seed: int, n: int) -> tuple[str, bytes]:
    """The n-th mail of a run: 1.5 kB of text from a sender of its own; and its Message-ID."""
    chance = random.Random(seed * 1_000_003 + n)  # noqa: S311 - load, not secrets
    lines = [" ".join(chance.choices(WORDS, k=11)) for _ in range(18)]
    message_id = f"{seed}.{n}@load.test"
    head = (
        f"From: Utente {n} <user{n}@customer{n % 50}.test>\r\nTo: Support <support@desk.test>\r\n"
        f"Subject: {' '.join(chance.choices(WORDS, k=5))}\r\nDate: Tue, 24 Nov 2026 09:00:00 +0100\r\n"
        f"Message-ID: <{message_id}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return message_id, (head + "\r\n".join(lines) + "\r\n").encode()


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
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n" in self._buffer:
            line, self._buffer = self._buffer.split(b"\r\n", 1)
            if line[3:4] != b"-":
                self._answer(line)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _answer(self, line: bytes) -> None:
        write = self._transport.write  # type: ignore[attr-defined]
        step, self._step = self._step, self._step + 1
        if step == 0:
            write(b"EHLO load.test\r\n")
        elif step == 1 or step == 5:  # noqa: PLR1714, PLR2004
            if step == 5:  # noqa: PLR2004
                self._run.answered(self._id, ok=line.startswith(b"250"))
            following = self._run.next()
            if following is None:
                write(b"QUIT\r\n")
                self.done.set_result(None)
                return
            self._id, self._body, sender = following
            self._step = 2
            write(b"MAIL FROM:<" + sender + b">\r\n")
        elif step == 2:  # noqa: PLR2004
            write(b"RCPT TO:<support@desk.test>\r\n")
        elif step == 3:  # noqa: PLR2004
            write(b"DATA\r\n")
        elif step == 4:  # noqa: PLR2004
            write(self._body + b".\r\n")


class _Run:
    def __init__(self, count: int, seed: int, ledger: str | None) -> None:
        self.accepted = self.refused = 0
        self._left = iter(range(count))
        self._mails = [mail(seed, n) for n in range(count)]
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if ledger else None

    def next(self) -> tuple[str, bytes, bytes] | None:
        n = next(self._left, None)
        if n is None:
            return None
        message_id, body = self._mails[n]
        return message_id, body, f"user{n}@customer{n % 50}.test".encode()

    def answered(self, message_id: str, *, ok: bool) -> None:
        if not ok:
            self.refused += 1
            return
        self.accepted += 1
        if self._ledger is not None:
            os.write(self._ledger, f"{message_id}\n".encode())
            os.fsync(self._ledger)


async def main(port: int, count: int, connections: int, seed: int, ledger: str | None) -> None:
    """Send and report."""
    run = _Run(count, seed, ledger)
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    senders = [
        (await loop.create_connection(lambda: _Sender(run), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    await asyncio.gather(*(sender.done for sender in senders))
    seconds = time.perf_counter() - start
    report = {
        "accepted": run.accepted,
        "refused": run.refused,
        "seconds": seconds,
        "rate": run.accepted / seconds,
    }
    print(json.dumps(report), flush=True)  # noqa: T201 - the parent reads this line


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:5]), sys.argv[5] if len(sys.argv) > 5 else None))  # noqa: PLR2004
