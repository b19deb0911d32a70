"""How long does a page take? Agents who go through lists and tickets, beside static pages of the same size."""

from __future__ import annotations

import random
import socket
import statistics
import threading
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import quote

from bench.desk import Reader
from bench.processes import Hub
from bench.words import subject

PACE = 5.0  # requests a second of one agent
LISTS = (
    # What people look at, and how often, in hundredths.
    ("/desk/?view=open", 25),
    ("/desk/?view=mine", 20),
    ("/desk/?view=groups", 15),
    ("/desk/?view=unassigned", 10),
    ("/desk/?view=due", 10),
    ("/desk/?view=qualify", 5),
    ("/desk/?view=waiting", 5),
    ("/desk/?view=all", 5),
    ("/desk/?q={words}", 5),
)
OPEN = 0.8
"""So many of the tickets looked at are open ones; of the others, any that the list of closed ones begins with."""


@dataclass(slots=True)
class Times:
    """Seconds of each request, by what was asked for."""

    of: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def p95(self, what: str) -> float:
        """In milliseconds."""
        return 1000 * statistics.quantiles(self.of[what], n=20)[-1]

    def median(self, what: str) -> float:
        """In milliseconds."""
        return 1000 * statistics.median(self.of[what])


class Browser:
    """A connection that is kept, and a cookie."""

    def __init__(self, port: int, cookie: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: 127.0.0.1:{port}\r\nCookie: centralino={cookie}\r\nAccept: text/html\r\n\r\n"

    def get(self, path: str) -> bytes:
        """The body of a page. Raises RuntimeError when it is not 200."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{self._head}".encode())
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head = bytes(data[:end]).decode("latin-1")
        if not head.startswith("HTTP/1.1 200 "):
            raise RuntimeError(f"{path}: {head.partition(chr(13))[0]}")
        size = next(
            int(line.partition(":")[2])
            for line in head.splitlines()
            if line.lower().startswith("content-length:")
        )
        while len(data) < end + 4 + size:
            data += self._more()
        return bytes(data[end + 4 :])

    def _more(self) -> bytes:
        part = self._socket.recv(256 * 1024)
        if not part:
            raise RuntimeError("the server hung up")
        return part

    def close(self) -> None:
        self._socket.close()


def sizes(hub: Hub, readers: list[Reader]) -> dict[str, int]:
    """Look at a page of each kind, put static ones of the same size beside them, and say how large they are."""
    chance = random.Random(3)
    found = {}
    for kind in ("list", "ticket"):
        seen = []
        for reader in readers:
            with closing(Browser(hub.http, reader.cookie)) as browser:
                seen += [len(browser.get(_path(kind, reader, chance))) for _ in range(4)]
        found[kind] = int(statistics.mean(seen))
        (hub.static / f"{kind}.html").write_bytes(
            b"<p>A page that is always the same.</p>\n" * (found[kind] // 39)
        )
    return found


def look_around(hub: Hub, readers: list[Reader], *, seconds: float, seed: int) -> Times:
    """All agents at once, each going from the static pages to lists and tickets and back at an even pace."""
    times = Times()
    failures: list[Exception] = []

    def go(reader: Reader, chance: random.Random) -> None:
        try:
            _go(hub, reader, chance, times, seconds)
        except Exception as error:
            failures.append(error)

    threads = [
        threading.Thread(target=go, args=(reader, random.Random(seed * 100 + n)))
        for n, reader in enumerate(readers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return times


def _go(hub: Hub, reader: Reader, chance: random.Random, times: Times, seconds: float) -> None:
    began = time.monotonic()
    due = began + chance.random() / PACE
    with closing(Browser(hub.http, reader.cookie)) as browser:
        while due < began + seconds:
            for what in ("static list", "list", "static ticket", "ticket"):
                time.sleep(max(0.0, due - time.monotonic()))
                due += 1 / PACE
                path = f"/bench/{what[7:]}.html" if what.startswith("static") else _path(what, reader, chance)
                start = time.perf_counter()
                browser.get(path)
                times.of[what].append(time.perf_counter() - start)


def _path(kind: str, reader: Reader, chance: random.Random) -> str:
    paths = [path for path, _ in LISTS]
    path = chance.choices(paths, [share for _, share in LISTS])[0]
    if kind == "list":
        return path.replace("{words}", quote(subject(chance).split()[-1]))
    number = chance.choice(reader.open if chance.random() < OPEN else reader.closed)
    view = path if "q=" not in path else "/desk/?view=open"
    return f"/desk/tickets/{number}{view.removeprefix('/desk/')}"
