"""The database of many hubs: PostgreSQL, a few threads with a connection each, and NOTIFY after the commit."""

from __future__ import annotations

import contextlib
import os
import queue
import select as os_select
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import chain
from typing import Any

import psycopg
from psycopg.types.string import TextLoader
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.facts import HubFacts
from core.ids import new_token
from core.log import get_logger
from core.store.database import Listener, P, R, StoreUnavailable, Topics, Verb, Waiting, in_a_line
from core.store.line import MAX_WAITING, Line, Request
from core.store.pipeline import Pipeline
from core.store.statements import Form, Row
from core.store.tx import Tx

TRIES = 3  # for serialization failures and deadlocks
TRY_AGAIN = 0.02  # seconds before the second try, twice that before the third
NOTIFY_EVERY = 0.05  # seconds: at most 20 notifications a second and hub
CHANNEL = "centralino"
RECONNECT_AFTER = 1.0  # seconds
CONNECT_TIMEOUT = 5  # seconds
CLOSE_WITHIN = 30.0  # seconds for what is queued, at the end
CLOSE_AWAY = 1.0  # seconds, when the server does not answer: nobody was promised anything

MOST_ROWS = 16  # added by one statement

ABANDONED = 20.0  # seconds a transaction may stand still: a hub that froze in one must not hold the others up

_AGAIN = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.UniqueViolation,  # somebody was quicker: who looks again sees it
)

_LOST = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout)

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
        self._asked: Line[_One | None] = Line()
        self._lanes: queue.SimpleQueue[_Several | None] = queue.SimpleQueue()
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
        return self._queue(_One(Request(verb, args, named, Future()), writes=True))

    def submit_first(self, verb: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """See Database.submit_first."""
        return self._queue(_One(Request(verb, args, named, Future(), first=True), writes=True))

    def submit_all(self, verbs: Sequence[Callable[[Tx], Any]]) -> Future[list[Any]]:
        """See Database.submit_all."""
        return self._queue(_Several(verbs, Future()))

    def query(self, question: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """See Database.query."""
        return self._queue(_One(Request(question, args, named, Future()), writes=False))

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

    def _queue(self, work: _One | _Several) -> Future[Any]:
        if self.closed:
            message = "the database is closed"
            raise StoreUnavailable(message)
        if self._asked.length() + self._lanes.qsize() >= MAX_WAITING:
            message = f"{MAX_WAITING} requests are waiting for the database already"
            raise StoreUnavailable(message)
        if isinstance(work, _One):
            self._asked.put(work, first=work.request.first)
        else:
            self._lanes.put(work)
        return work.future

    def _serve(self, following: Callable[[], _One | _Several | None]) -> None:
        seat = _Seat(self)
        while (work := following()) is not None:
            if work.future.set_running_or_notify_cancel():
                work.do(seat)
        seat.leave()

    def _committed(self, topics: Topics) -> None:
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


class _InDoubt(Exception):
    """The connection was lost during the commit: it may have happened. Verbs that matter are safe to repeat."""


class _Seat:
    """One thread's connection, renewed when it is lost."""

    def __init__(self, db: PostgresDatabase) -> None:
        self._db = db
        self._connection: Connection | None = None
        self._tx: Tx | None = None

    def run(self, verb: Callable[[Tx], Any], *, writes: bool) -> Any:
        """One transaction, tried again where that may help. Raises StoreUnavailable or the verb's own error."""
        db = self._db
        if db.closed and db.trouble:
            raise StoreUnavailable(db.trouble)
        attempt = 0
        while True:
            attempt += 1
            try:
                if self._connection is None or self._tx is None:
                    self._connection = db.engine.connect()
                    self._tx = Tx(_Crossing(self._connection), db.facts, db.shared)
                value = _transaction(self._tx, verb, writes=writes)
            except Exception as error:  # told to whoever asked
                if lost := _lost(
                    error
                ):  # idle connections die with a restart of the server: a new one may do
                    self.leave()
                if attempt < TRIES and (_conflict(error) or (lost and not db.closed)):
                    time.sleep(TRY_AGAIN * attempt)
                    continue
                if not lost and not isinstance(error, _InDoubt):
                    raise
                db.trouble = f"PostgreSQL does not answer: {in_a_line(error)}"
                self.leave()
                raise StoreUnavailable(in_a_line(error)) from error
            db._committed(self._tx.topics)
            return value

    def leave(self) -> None:
        """Let go of the connection."""
        _discard(self._connection)
        self._connection = self._tx = None


class _One:
    """A verb or a question that waits."""

    def __init__(self, request: Request, *, writes: bool) -> None:
        self.request = request
        self._writes = writes
        self.future: Future[Any] = request.future  # type: ignore[assignment]

    def do(self, seat: _Seat) -> None:
        """Answer it."""
        asked = self.request
        try:
            value = seat.run(lambda tx: asked.verb(tx, *asked.args, **asked.named), writes=self._writes)
        except Exception as error:  # told to whoever asked
            self.future.set_exception(error)
        else:
            self.future.set_result(value)


@dataclass(slots=True)
class _Several:
    """Verbs that may share a commit."""

    verbs: Sequence[Callable[[Tx], Any]]
    future: Future[list[Any]]

    def do(self, seat: _Seat) -> None:
        """All in one transaction, and if that fails each in its own: only the guilty one fails."""
        answers: list[Any] | None = None
        if len(self.verbs) > 1:
            try:
                answers = seat.run(self._together, writes=True)
            except StoreUnavailable as error:
                answers = [error] * len(self.verbs)
            except Exception as error:
                log.debug("verbs are run one by one", why=in_a_line(error))
        self.future.set_result(answers or [self._alone(seat, verb) for verb in self.verbs])

    def _together(self, tx: Tx) -> list[Any]:
        answers: list[Any] = []
        topics: Topics = []
        for verb in self.verbs:
            tx.next()
            try:
                answers.append(verb(tx))
            except Exception as error:
                if tx.wrote or isinstance(error, (psycopg.Error, DBAPIError)):
                    raise
                answers.append(error)
            topics += tx.topics
        tx.topics = topics
        return answers

    def _alone(self, seat: _Seat, verb: Callable[[Tx], Any]) -> Any:
        try:
            return seat.run(verb, writes=True)
        except Exception as error:  # told to whoever asked
            return error


def _transaction(tx: Tx, verb: Callable[[Tx], Any], *, writes: bool) -> Any:
    tx.fresh()
    driver: _Crossing = tx._driver  # type: ignore[assignment]
    driver.pipeline.begin(writes=writes)
    try:
        value = verb(tx)
        tx.finish()
    except BaseException:
        with contextlib.suppress(Exception):  # the first error tells more
            driver.rollback()
        raise
    try:
        driver.commit(writes=writes)
    except Exception as error:
        hung_up_before = isinstance(error, psycopg.errors.AdminShutdown) and not driver.pipeline.heard
        if _lost(error) and writes and not hung_up_before:
            raise _InDoubt(in_a_line(error)) from error
        with contextlib.suppress(Exception):
            driver.rollback()
        raise
    return value


class _Crossing:
    """See core.store.tx.Driver: statements that cross together, and SQLAlchemy on the same connection beside them."""

    on_sqlite = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        self.pipeline = Pipeline(raw)

    def all(self, form: Form, parameters: Any) -> list[Row]:
        answer = self.pipeline.ask(form.text, parameters)
        value, columns = answer.get_value, range(answer.nfields)
        return [form.row([value(n, c) for c in columns]) for n in range(answer.ntuples)]

    def one(self, form: Form, parameters: Any) -> Row:
        answer = self.pipeline.ask(form.text, parameters)
        if not answer.ntuples:
            return None
        return form.row([answer.get_value(0, c) for c in range(answer.nfields)])

    def changed(self, form: Form, parameters: Any) -> int:
        return self.pipeline.ask(form.text, parameters).command_tuples or 0

    def run(self, form: Form, parameters: Any) -> None:
        self.pipeline.tell(form.text, parameters)

    def run_all(self, form: Form, several: Sequence[Any]) -> None:
        """In as few statements as binary numbers have digits: each shape is prepared once."""
        at = 0
        while at < len(several):
            rows = min(MOST_ROWS, 1 << ((len(several) - at).bit_length() - 1))
            if rows == 1:
                self.pipeline.tell(form.text, several[at])
            else:
                values, formats = zip(*several[at : at + rows], strict=True)
                parameters = tuple(chain.from_iterable(values)), list(chain.from_iterable(formats))
                self.pipeline.tell(form.of(rows), parameters)
            at += rows

    def must(self, form: Form, parameters: Any, error: Exception) -> None:
        self.pipeline.tell(form.text, parameters, must=error)

    def check(self) -> None:
        self.pipeline.check()

    def foresee(self, form: Form, parameters: Any) -> None:
        self.pipeline.foresee(form.text, parameters)

    def plain(self) -> Connection:
        self.pipeline.leave()
        return self._connection

    def commit(self, *, writes: bool) -> None:
        if writes or self._connection.in_transaction():
            self.pipeline.commit()
            self._forget()
        else:
            self.pipeline.end()

    def rollback(self) -> None:
        self.pipeline.rollback()
        self._forget()

    def _forget(self) -> None:
        if self._connection.in_transaction():  # as SQLAlchemy thinks, which was asked for something
            self.pipeline.leave()
            self._connection.rollback()


def engine(url: str, *, abandoned: float = 0, own_transactions: bool = False) -> Engine:
    """An engine without a pool: each thread keeps its own connection. `own_transactions`: BEGIN and COMMIT are ours.

    `abandoned`: seconds after which the server ends a transaction in which nobody says anything; 0: never.
    """
    made = create_engine(
        _plain(url).replace("postgresql://", "postgresql+psycopg://", 1),
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT, "client_encoding": "utf8"},
        **({"isolation_level": "AUTOCOMMIT"} if own_transactions else {}),
    )

    @event.listens_for(made, "connect")
    def _configure(raw: psycopg.Connection[Any], _record: object) -> None:
        raw.adapters.register_loader(
            "uuid", TextLoader
        )  # ids are text in the program, and no objects on the way
        raw.autocommit = True
        raw.execute(f"SET idle_in_transaction_session_timeout = {int(abandoned * 1000)}")
        raw.autocommit = own_transactions

    return made


def _listener(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(_plain(url), autocommit=True, connect_timeout=CONNECT_TIMEOUT)


def _plain(url: str) -> str:
    return "postgresql://" + url.partition("://")[2]


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


def _cause(error: BaseException) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def _conflict(error: BaseException) -> bool:
    return isinstance(_cause(error), _AGAIN)


def _lost(error: BaseException) -> bool:
    # Conflicts are operational errors too, to psycopg and to SQLAlchemy; their connection is in order.
    return isinstance(_cause(error), _LOST) and not _conflict(error)


def _discard(connection: Connection | None) -> None:
    if connection is not None:
        try:
            connection.invalidate()
            connection.close()
        except Exception:
            log.debug("a lost connection could not be closed")
