"""The database in one file: one writing thread that commits in groups, and reading threads beside it (WAL)."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.facts import HubFacts
from core.log import get_logger
from core.store.checkpoints import Checkpoints
from core.store.database import Listener, P, R, StoreUnavailable, Topics, Verb, Waiting, in_a_line
from core.store.line import MAX_WAITING, Answers, Line, Request, Share
from core.store.statements import Form, Row
from core.store.tx import Tx

MAX_GROUP = 64  # requests that share a commit
GROUP_TIME = 0.03  # seconds: a group that has worked this long commits with what it has
BUSY_TIMEOUT = 5.0  # seconds to wait for another process that writes (apply, token …)
BUSY_LOOK = 0.5  # seconds of them before it is asked whether to go on waiting

WAL_PAGES = 32_000  # 128 MB of log: then a commit copies them to their place itself (core.store.checkpoints)

WRITER_CACHE = "PRAGMA cache_size = -65536"
"""64 MiB: on a large desk a message touches pages all over the file, and each that is not at hand is read anew."""

_REFUSED = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,  # a full disk met by the index of the WAL; nothing was written
)

log = get_logger("store")


class SqliteDatabase(Waiting):
    """See core.store.database.Database."""

    kind = "sqlite"

    def __init__(self, url: str, facts: HubFacts, *, readers: int) -> None:
        self.url = url
        self.facts = facts
        self.shared: dict[str, Any] = {}
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        self.listeners: list[Listener] = []
        self._engine = _engine(path)
        self._writes: Line[Request | None] = Line()
        self._passed_over = False
        """The last group was of the door alone, and others waited."""
        self._reads: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._broken: BaseException | None = None
        self._closed = False
        self.groups = 0
        self.requests = 0
        self._checkpoints = Checkpoints(self._engine)
        self._threads = [threading.Thread(target=self._write_all, name="writer", daemon=True)]
        self._threads += [
            threading.Thread(target=self._read_all, name=f"reader-{n}", daemon=True) for n in range(readers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, verb: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """See Database.submit."""
        return self._submit(Request(verb, args, named, Future()))

    def submit_first(self, verb: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """See Database.submit_first."""
        return self._submit(Request(verb, args, named, Future(), first=True))

    def submit_all(self, verbs: Sequence[Callable[[Tx], Any]]) -> Future[list[Any]]:
        """See Database.submit_all. Each waits by itself, so that the door gets its turn between them."""
        answers = Answers(len(verbs))
        self._admit()
        for n, verb in enumerate(verbs):
            self._writes.put(Request(verb, (), {}, Share(answers, n)))
        return answers.future

    def _submit(self, request: Request) -> Future[Any]:
        self._admit()
        self._writes.put(request, first=request.first)
        return request.future  # type: ignore[return-value]

    def _admit(self) -> None:
        if self._closed or self._broken is not None:
            raise StoreUnavailable(self.health() or "the database is closed")
        if self._writes.length() >= MAX_WAITING:
            message = f"{MAX_WAITING} changes are waiting for the database already"
            raise StoreUnavailable(message)

    def query(self, question: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """See Database.query."""
        if self._closed:
            message = "the database is closed"
            raise StoreUnavailable(message)
        if self._reads.qsize() >= MAX_WAITING:
            message = f"{MAX_WAITING} questions are waiting for the database already"
            raise StoreUnavailable(message)
        request = Request(question, args, named, Future())
        self._reads.put(request)
        return request.future  # type: ignore[return-value]

    def health(self) -> str:
        """See Database.health."""
        return "" if self._broken is None else f"the database file failed: {in_a_line(self._broken)}"

    def close(self) -> None:
        """See Database.close."""
        if self._closed:
            return
        self._closed = True
        self._writes.put(None)
        for _ in self._threads[1:]:
            self._reads.put(None)
        for thread in self._threads:
            thread.join(timeout=30)
        self._checkpoints.end()
        self._engine.dispose()

    def _write_all(self) -> None:
        group: list[Request] = []
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql(WRITER_CACHE)
                tx = Tx(_Cursor(connection), self.facts, self.shared)
                while (first := self._writes.take()) is not None:
                    group = [first] if first.begin() else []
                    if group and not self._together(tx, group, more=self._writes):
                        return
        except BaseException as error:  # the thread dies: nobody may wait for ever
            self._broken = error
            log.exception("the writing thread stopped; the hub refuses everything until it is started again")
            for request in group:
                request.fail(StoreUnavailable(in_a_line(error)))
            while (late := self._writes.take()) is not None:
                if late.begin():
                    late.fail(StoreUnavailable(in_a_line(error)))

    def _together(self, tx: Tx, group: list[Request], *, more: Line[Request | None] | None = None) -> bool:
        """Run requests under one commit. When one fails that has written, each is run alone: it sinks nobody else.

        `more`: who else may join, see `_join`. False: the line has ended.
        """
        raw: sqlite3.Connection = tx.connection.connection.driver_connection  # type: ignore[assignment]
        goes_on = True
        try:
            self._begin(raw)
        except sqlite3.Error as error:
            if _fatal(error):
                raise
            while more is not None and goes_on and not more.empty():
                goes_on = _let_in(group, more.take())
            for request in group:  # locked or read-only: each by itself would only wait as long again
                request.fail(_told(error))
            return goes_on
        done: list[tuple[Request, Any, Topics]] = []
        failed: list[tuple[Request, Exception]] = []
        try:
            until = time.monotonic() + GROUP_TIME
            at = 0
            while at < len(group):
                request = group[at]
                at += 1
                tx.next()
                try:
                    done.append((request, request.verb(tx, *request.args, **request.named), tx.topics))
                except Exception as error:  # the verb's own failure belongs to its caller
                    if tx.wrote or _fatal(error) or not raw.in_transaction:
                        raise
                    failed.append((request, error))
                if more is not None and goes_on and at == len(group) < MAX_GROUP and time.monotonic() < until:
                    goes_on = self._join(group, more)
            if more is not None:
                self._passed_over = more.others() and all(request.first for request in group)
            tx.finish()
            _let_go(tx)
            raw.execute("COMMIT")
        except Exception as error:
            _let_go(tx)
            raw.rollback()  # SQLite leaves the transaction open after a failed COMMIT
            if _fatal(error):
                raise
            if len(group) == 1:
                group[0].fail(_told(error))
                return goes_on
            for request in group:  # each alone: only the guilty one fails
                self._together(tx, [request])
            return goes_on
        self.groups += 1
        self.requests += len(group)
        for request, refusal in failed:
            request.fail(_told(refusal))
        self.tell([topic for _, _, told in done for topic in told])
        for request, value, _ in done:  # only now: a result is a promise of durability
            request.future.set_result(value)
        try:
            self._checkpoints.committed(raw, len(group))
        except (sqlite3.Error, DBAPIError) as error:
            if _fatal(error):
                raise
            log.warning("the write-ahead log grows: it cannot be copied just now", error=in_a_line(error))
        return goes_on

    def _begin(self, raw: sqlite3.Connection) -> None:
        """Take the file for writing, waiting for another process, but not when we are to close."""
        until = time.monotonic() + BUSY_TIMEOUT
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                if _codes(error)[1] != sqlite3.SQLITE_BUSY or self._closed or time.monotonic() >= until:
                    raise
            else:
                return

    def _join(self, group: list[Request], more: Line[Request | None]) -> bool:
        """Let the next one that waits join the group; False: the line has ended.

        A group that has somebody of the door in it commits as soon as no other is at the door, so that they need not
        wait for the work of all others; but of two such groups one takes a piece of that work along.
        """
        if self._passed_over and more.others():
            self._passed_over = False
            return _let_in(group, more.take_other())
        if more.hurried() or not any(request.first for request in group):
            return more.empty() or _let_in(group, more.take())
        return True

    def _read_all(self) -> None:
        connection: Connection | None = None
        tx: Tx | None = None
        while (request := self._reads.get()) is not None:
            if not request.begin():
                continue
            try:
                if connection is None or tx is None:
                    connection = self._engine.connect()
                    connection.exec_driver_sql("PRAGMA query_only = ON")
                    tx = Tx(_Cursor(connection), self.facts, self.shared)
                value = _look(tx, request)
            except BaseException as error:  # noqa: BLE001 - told to whoever asked
                if (
                    _codes(error)[1] == sqlite3.SQLITE_READONLY
                ):  # a question that writes is a bug, not a full disk
                    request.future.set_exception(error)
                else:
                    request.fail(_told(error))
            else:
                request.future.set_result(value)
        if connection is not None:
            connection.close()


class _Cursor:
    """See core.store.tx.Driver: a cursor of the bare driver."""

    on_sqlite = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor: Any = connection.connection.cursor()

    def let_go(self) -> None:
        """An open SELECT keeps the old snapshot for those that follow, and rows left to fetch keep it open."""
        self._cursor.close()
        self._cursor = self._connection.connection.cursor()

    def all(self, form: Form, parameters: Any) -> list[Row]:
        self._cursor.execute(form.text, parameters)
        return [form.row(raw) for raw in self._cursor.fetchall()]

    def one(self, form: Form, parameters: Any) -> Row:
        self._cursor.execute(form.text, parameters)
        raw = self._cursor.fetchone()
        return None if raw is None else form.row(raw)

    def changed(self, form: Form, parameters: Any) -> int:
        self._cursor.execute(form.text, parameters)
        return int(self._cursor.rowcount)

    def run(self, form: Form, parameters: Any) -> None:
        self._cursor.execute(form.text, parameters)

    def run_all(self, form: Form, several: Sequence[Any]) -> None:
        self._cursor.executemany(form.text, several)

    def must(self, form: Form, parameters: Any, error: Exception) -> None:
        self._cursor.execute(form.text, parameters)
        if not self._cursor.rowcount:
            raise error

    def check(self) -> None:
        """They were checked at once."""

    def foresee(self, form: Form, parameters: Any) -> None:
        raise NotImplementedError

    def plain(self) -> Connection:
        return self._connection


def _let_go(tx: Tx) -> None:
    tx._driver.let_go()  # type: ignore[attr-defined]
    tx.fresh()


def _let_in(group: list[Request], request: Request | None) -> bool:
    """Add one to the group, unless whoever asked has gone; False: the line has ended."""
    if request is None:
        return False
    if request.begin():
        group.append(request)
    return True


def _look(tx: Tx, request: Request) -> Any:
    raw: sqlite3.Connection = tx.connection.connection.driver_connection  # type: ignore[assignment]
    raw.execute("BEGIN")
    try:
        value = request.verb(tx, *request.args, **request.named)
        tx.finish()  # what a question would change is refused
        return value
    finally:
        _let_go(tx)
        raw.rollback()


def _engine(path: Path, *, busy: float = BUSY_LOOK) -> Engine:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None  # BEGIN and COMMIT are ours
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute(f"PRAGMA busy_timeout = {int(busy * 1000)}")
        raw.execute("PRAGMA cache_size = -8192")  # 8 MiB a connection that reads
        raw.execute("PRAGMA temp_store = MEMORY")  # what a sort keeps is never worth a file
        raw.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")

    return engine


def connect_once(url: str) -> Connection:
    """A connection of one's own, for migrations and tools. BEGIN and COMMIT are the caller's."""
    return _engine(Path(url.removeprefix("sqlite:///")), busy=BUSY_TIMEOUT).connect()


def _codes(error: BaseException) -> tuple[int, int]:
    """SQLite's code of the error, extended and plain; zeros for an error that is not SQLite's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = int(getattr(cause, "sqlite_errorcode", None) or 0)
    return code, code & 0xFF


def _fatal(error: BaseException) -> bool:
    # After a failed sync nobody knows what is in the file; writing on would guess (security.md, F005).
    code, plain = _codes(error)
    return code not in _REFUSED and plain in (
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def _told(error: BaseException) -> BaseException:
    """What whoever asked is told: that the database is away just now, or the error as it is."""
    code, plain = _codes(error)
    if code in _REFUSED or plain in _REFUSED or _fatal(error):
        return StoreUnavailable(in_a_line(error))
    return error
