"""What do the processes of one hub know of one another? Memory that all of them see: who is in, who asked how often, who is well.

It is made before they part (`core.processes`) and ends with the last of them. A hub of one process uses it alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import resource
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ROWS = 32_768  # callers remembered; of those that fall together the one that was longest quiet is forgotten first
TOGETHER = 8  # rows among which a caller's is looked for
PAGES = 8_192  # browsers that may listen at the same time
CONNECTIONS = 1_024
PATIENCE = 0.05  # seconds; what is done alone takes millionths
STALE = 30.0  # seconds without a sign of life

WAYS = ("snmp", "syslog-udp", "syslog-tcp", "syslog-tls")
"""How devices say something without waiting for an answer."""
FATES = ("received", "stored", "overflow", "unknown", "unread", "refused", "asked", "kernel")
"""Came; lies in the store; lost as the queue was full or the store refused it; from nobody who may report; does not say who sends
it; of SNMP version 3: not believed, and asked who we are; dropped by the system before we saw it."""


def meter(way: str, fate: str) -> str:
    """What the count of these is called."""
    return f"{way} {fate}"


class Common:
    """What all processes of a hub see. `connections`: how many clients may be connected, over all of them."""

    def __init__(self, processes: int = 1, *, connections: int = CONNECTIONS) -> None:
        self.processes = processes
        self.number = 1
        """Which of the processes this one is."""
        alone = _Alone(shared=processes > 1)
        self.counts = Counts(alone)
        self.connections = Seats(self, connections, alone)
        self.pages = Seats(self, PAGES, alone)
        self.board = Board(self)
        self.changes = Tally(self)
        """Of tickets and lists."""
        self.calls = Tally(self)
        """Of telephone calls, and of calls to a chat that nobody takes."""
        self.endings = Tally(self)
        """Of sign-ins."""
        self.devices = Meters(self, [meter(way, fate) for way in WAYS for fate in FATES])
        """Of what devices say without waiting for an answer."""

    def ended(self, number: int) -> None:
        """That process is gone: what it held is free."""
        self.connections.clear(number)
        self.pages.clear(number)


class _Alone:
    """Nobody else is in here meanwhile. A lock of the system: it ends with the process, however that ends.

    A process that stands still in here is not waited for: a count that may be one too low keeps nobody from working.
    """

    def __init__(self, *, shared: bool) -> None:
        self._file = -1
        self._held = False
        if shared:
            self._file, path = tempfile.mkstemp(prefix="centralino-")
            os.unlink(path)  # noqa: PTH108 - what is left is the open file

    def __enter__(self) -> None:
        if self._file < 0:
            return
        end = time.monotonic() + PATIENCE
        while not self._held:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._held = True
            except BlockingIOError:
                if time.monotonic() > end:
                    return
                time.sleep(PATIENCE / 100)

    def __exit__(self, *_: object) -> None:
        if self._held:
            self._held = False
            fcntl.lockf(self._file, fcntl.LOCK_UN)


def _room(count: int) -> memoryview:
    """Of so many zeros of eight bytes each, in which child processes see what others write."""
    return memoryview(mmap.mmap(-1, count * 8))


class Tally:
    """How many times something happened that makes what was known before old: one process may answer what another changed."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self._lock = threading.Lock()
        self._by_process = _room(common.processes).cast("q")

    @property
    def count(self) -> int:
        """It never goes back."""
        return sum(self._by_process.tolist())

    def add(self) -> None:
        """Once more. From any thread, after it is committed."""
        with self._lock:
            self._by_process[self._common.number - 1] += 1


class Meters:
    """Counts by name, over all processes; the names are known before they part."""

    def __init__(self, common: Common, names: Sequence[str]) -> None:
        self._common = common
        self._at = {name: n for n, name in enumerate(names)}
        self._counts = _room(common.processes * len(names)).cast("q")

    def add(self, name: str, count: int = 1) -> None:
        """So many more. From one thread of each process."""
        self._counts[(self._common.number - 1) * len(self._at) + self._at[name]] += count

    def total(self, name: str) -> int:
        """It never goes back."""
        return sum(self._counts[self._at[name] :: len(self._at)].tolist())


class Counts:
    """Two figures for each caller: how much, and as of when. Callers are forgotten when there are too many."""

    def __init__(self, alone: _Alone, rows: int = ROWS) -> None:
        self._alone = alone
        self._rows = rows
        self._keys = _room(rows).cast("q")
        self._figures = _room(2 * rows).cast("d")

    @contextlib.contextmanager
    def of(self, caller: str) -> Iterator[Count]:
        """This caller's figures, for nobody else meanwhile; both 0 for one who is not known."""
        key = hash(caller) or 1  # the same in all processes that were one
        with self._alone:
            row = self._row(key)
            count = Count(self._figures[2 * row], self._figures[2 * row + 1])
            yield count
            self._keys[row] = key
            self._figures[2 * row], self._figures[2 * row + 1] = count.amount, count.at

    def _row(self, key: int) -> int:
        first = key % (self._rows // TOGETHER) * TOGETHER
        rows = range(first, first + TOGETHER)
        for row in rows:
            if self._keys[row] == key:
                return row
        row = min(rows, key=lambda one: self._figures[2 * one + 1] if self._keys[one] else float("-inf"))
        self._figures[2 * row] = self._figures[2 * row + 1] = 0.0
        return row


@dataclass(slots=True)
class Count:
    """What is known of a caller."""

    amount: float
    at: float


class Seats:
    """A number of places; whoever is in sits on one, under up to two names."""

    def __init__(self, common: Common, count: int, alone: _Alone) -> None:
        self._common = common
        self._alone = alone
        self._count = count
        # So many from the first were ever taken: further ones are not looked at.
        self._used = _room(1).cast("q")
        self._who = _room(count).cast("q")
        self._names = [_room(count).cast("q"), _room(count).cast("q")]

    def enter(self, *names: str, most: tuple[int | None, ...], in_all: int | None = None) -> bool:
        """Take a place; False: a name has `most` places already (None: as many as it likes), or all are taken."""
        keys = [hash(name) or 1 for name in names]
        with self._alone:
            used = self._used[0]
            who = self._who[:used].tolist()
            seat = who.index(0) if 0 in who else used
            if seat == self._count or (in_all is not None and used - who.count(0) >= in_all):
                return False
            for column, key, limit in zip(self._names, keys, most, strict=False):
                if limit is not None and column[:used].tolist().count(key) >= limit:
                    return False
            self._used[0] = max(used, seat + 1)
            for column, key in zip(self._names, keys, strict=False):
                column[seat] = key
            self._who[seat] = self._common.number
        return True

    def leave(self, *names: str) -> None:
        """Give back a place that this process took under these names."""
        wanted = (self._common.number, *(hash(name) or 1 for name in names))
        used = self._used[0]
        with self._alone:
            for seat, held in enumerate(
                zip(self._who[:used].tolist(), *(n[:used].tolist() for n in self._names), strict=True)
            ):
                if held[: len(wanted)] == wanted:
                    self._free(seat)
                    return

    def taken(self, number: int | None = None) -> int:
        """How many there are; `number`: of that process."""
        who = self._who[: self._used[0]].tolist()
        return len(who) - who.count(0) if number is None else who.count(number)

    def clear(self, number: int) -> None:
        """Give back all of a process."""
        with self._alone:
            for seat, held in enumerate(self._who.tolist()):
                if held == number:
                    self._free(seat)

    def _free(self, seat: int) -> None:
        self._who[seat] = 0
        for column in self._names:
            column[seat] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What a process said of itself."""

    number: int
    at: float
    """Seconds of the clock that never goes back; 0: it has not said anything yet."""
    well: bool
    jobs: int
    """That it has done."""
    processor: float
    """Seconds of it that were used."""
    memory: int
    """Bytes it held at most."""


class Board:
    """Where each process says how it is. What one says is true for a while, and then no sign of life."""

    _WIDTH = 5

    def __init__(self, common: Common) -> None:
        self._common = common
        self._figures = _room(common.processes * self._WIDTH).cast("d")

    def post(self, *, well: bool, jobs: int) -> None:
        """Say how this process is."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        at = (self._common.number - 1) * self._WIDTH
        figures = (time.monotonic(), float(well), jobs, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
        for n, figure in enumerate(figures):
            self._figures[at + n] = figure

    def posted(self) -> list[Posted]:
        """What all have said."""
        found = []
        for number in range(1, self._common.processes + 1):
            at = (number - 1) * self._WIDTH
            when, well, jobs, processor, memory = self._figures[at : at + self._WIDTH].tolist()
            found.append(
                Posted(
                    number=number,
                    at=when,
                    well=bool(well) and time.monotonic() - when < STALE,
                    jobs=int(jobs),
                    processor=processor,
                    memory=int(memory),
                )
            )
        return found

    def unwell(self) -> list[str]:
        """What keeps the other processes from working, in words."""
        return [
            f"process {one.number} is not well"
            if one.at and time.monotonic() - one.at < STALE
            else f"process {one.number} gives no sign of life"
            for one in self.posted()
            if not one.well and one.number != self._common.number
        ]
