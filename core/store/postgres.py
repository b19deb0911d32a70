"""The database of many hubs: PostgreSQL, a few threads with a connection each, and NOTIFY after the commit."""

from __future__ import annotations

import os
import queue
import select as os_select
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import psycopg

from core.facts import HubFacts
from core.ids import new_token
from core.log import get_logger
from core.store.database import Listener, P, R, StoreUnavailable, Topics, Verb, Waiting, in_a_line
from core.store.line import MAX_WAITING, Line, Request
from core.store.seats import CONNECT_TIMEOUT, One, Seat, Several, engine, plain
from core.store.tx import Tx

NOTIFY_EVERY = 0.05  # seconds: at most 20 notifications a second and hub
CHANNEL = "centralino"
RECONNECT_AFTER = 1.0  # seconds
CLOSE_WITHIN = 30.0  # seconds for what is queued, at the end
CLOSE_AWAY = 1.0  # seconds, when the server does not answer: nobody was promised anything

ABANDONED = 20.0  # seconds a transaction may stand still: a hub that froze in one must not hold the others up

log = get_logger("store")


class PostgresDatabase(Waiting):
    """See core.store.database.Database."""

    kind = "postgresql"

    def __init__(self, url: str, facts: HubFacts, *, connections: int, abandoned: float = ABANDONED) -> None:
        self.url = url
        self.facts = facts
        self.shared: dict[str, Any] = {}
        self.listeners: list[Listener] = []
        self._hub = new_token()
        self.engine = engine(url, abandoned=abandoned, own_transactions=True)
        self._asked: Line[One | None] = Line()
        self._lanes: queue.SimpleQueue[Several | None] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[Topics | None] = queue.SimpleQueue()
        self._stop_hearing = os.pipe()
        self.closed = False
        self.trouble = ""
        # Jobs come in whole lanes, and take their time: they leave most connections to those who wait for an answer.
        workers = max(2, connections // 4)
        self._threads = [
            threading.Thread(target=self._serve, args=(line,), name=f"postgres-{n}", daemon=True)
            for n, line in enumerate(
                [self._lanes.get] * workers + [self._asked.take] * max(1, connections - workers)
            )
        ]
        self._threads.append(threading.Thread(target=self._notify, name="postgres-notify", daemon=True))
        self._listening = threading.Thread(target=self._hear, name="postgres-listen", daemon=True)
        for thread in [*self._threads, self._listening]:
            thread.start()

    def submit(self, verb: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """See Database.submit."""
        return self._queue(One(Request(verb, args, named, Future()), writes=True))

    def submit_first(self, verb: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """See Database.submit_first."""
        return self._queue(One(Request(verb, args, named, Future(), first=True), writes=True))

    def submit_all(self, verbs: Sequence[Callable[[Tx], Any]]) -> Future[list[Any]]:
        """See Database.submit_all."""
        return self._queue(Several(verbs, Future()))

    def query(self, question: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """See Database.query."""
        return self._queue(One(Request(question, args, named, Future()), writes=False))

    def health(self) -> str:
        """See Database.health."""
        return self.trouble

    def close(self) -> None:
        """See Database.close."""
        if self.closed:
            return
        self.closed = True
        for _ in self._threads[:-1]:
            self._asked.put(None)
            self._lanes.put(None)
        until = time.monotonic() + (CLOSE_AWAY if self.trouble else CLOSE_WITHIN)
        for thread in self._threads[:-1]:
            thread.join(timeout=max(0.0, until - time.monotonic()))
        self._told.put(None)
        self._threads[-1].join(timeout=max(NOTIFY_EVERY * 4, until - time.monotonic()))
        os.write(self._stop_hearing[1], b".")
        self._listening.join(timeout=CLOSE_AWAY if self.trouble else CONNECT_TIMEOUT)
        for end in self._stop_hearing:
            os.close(end)
        self.engine.dispose()

    def _queue(self, work: One | Several) -> Future[Any]:
        if self.closed:
            message = "the database is closed"
            raise StoreUnavailable(message)
        if self._asked.length() + self._lanes.qsize() >= MAX_WAITING:
            message = f"{MAX_WAITING} requests are waiting for the database already"
            raise StoreUnavailable(message)
        if isinstance(work, One):
            self._asked.put(work, first=work.request.first)
        else:
            self._lanes.put(work)
        return work.future

    def _serve(self, following: Callable[[], One | Several | None]) -> None:
        seat = Seat(self)
        while (work := following()) is not None:
            if work.future.set_running_or_notify_cancel():
                work.do(seat)
        seat.leave()

    def committed(self, topics: Topics) -> None:
        """Tell everybody here and elsewhere what a transaction changed; and the server answers."""
        self.trouble = ""
        if topics:
            self.tell(topics)
            self._told.put(topics)

    def _notify(self) -> None:
        """Tell other hubs, after the commit and coalesced: NOTIFY inside each transaction costs a third (stack.md 4)."""
        connection: psycopg.Connection[Any] | None = None
        while (topics := self._told.get()) is not None:
            time.sleep(NOTIFY_EVERY)
            seen = set(topics)
            last = False
            while not self._told.empty():
                more = self._told.get()
                if more is None:
                    last = True
                    break
                seen.update(more)
            try:
                if connection is None or connection.closed:
                    connection = _listener(self.url)
                with connection.cursor() as cursor:
                    for payload in _payloads(self._hub, seen):
                        cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
            except psycopg.Error as error:  # a hint only: the poll is the truth
                log.warning("other hubs were not told", error=in_a_line(error))
                connection = None
            if last:
                break
        if connection is not None:
            connection.close()

    def _hear(self) -> None:
        while not self.closed:
            try:
                with _listener(self.url) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    while not self.closed:
                        os_select.select([connection.fileno(), self._stop_hearing[0]], [], [])
                        for notice in connection.notifies(timeout=0):
                            sender, topics = _read_payload(notice.payload)
                            if sender != self._hub:
                                self.tell(topics)
            except (psycopg.Error, OSError) as error:
                if not self.closed:
                    log.warning("not listening to other hubs", error=in_a_line(error))
                    os_select.select([self._stop_hearing[0]], [], [], RECONNECT_AFTER)


def _listener(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(plain(url), autocommit=True, connect_timeout=CONNECT_TIMEOUT)


def _payloads(hub: str, topics: set[tuple[str, str]]) -> list[str]:
    # A payload may have 8,000 bytes; ids are short, so a hundred fit with room to spare.
    items = sorted(topics)
    return [
        hub + "".join(f"\n{topic}\t{about}" for topic, about in items[i : i + 100])
        for i in range(0, len(items), 100)
    ]


def _read_payload(payload: str) -> tuple[str, Topics]:
    sender, _, rest = payload.partition("\n")
    topics = [line.partition("\t") for line in rest.split("\n") if line]
    return sender, [(topic, about) for topic, _, about in topics]
