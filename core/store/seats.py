"""How is a verb run on PostgreSQL? In a seat: one thread's connection, with transactions that are tried again where that helps."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import psycopg
from psycopg.types.string import TextLoader
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.facts import HubFacts
from core.log import get_logger
from core.store.database import StoreUnavailable, Topics, in_a_line
from core.store.line import Request
from core.store.pipeline import Pipeline
from core.store.statements import Form, Row
from core.store.tx import Tx

TRIES = 3  # for serialization failures and deadlocks, and as many for lost connections
TRY_AGAIN = 0.02  # seconds before the second try, twice that before the third
CONNECT_TIMEOUT = 5  # seconds

MOST_ROWS = 16  # added by one statement

_AGAIN = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.UniqueViolation,  # somebody was quicker: who looks again sees it
)

_LOST = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout)

log = get_logger("store")


class Owner(Protocol):
    """The database whose seat it is."""

    engine: Engine
    facts: HubFacts
    shared: dict[str, Any]
    closed: bool
    trouble: str

    def committed(self, topics: Topics) -> None:
        """Told after each commit."""
        ...


class _InDoubt(Exception):
    """The connection was lost during the commit: it may have happened. Verbs that matter are safe to repeat."""


class Seat:
    """One thread's connection, renewed when it is lost."""

    def __init__(self, db: Owner) -> None:
        self._db = db
        self._connection: Connection | None = None
        self._tx: Tx | None = None

    def run(self, verb: Callable[[Tx], Any], *, writes: bool) -> Any:
        """One transaction, tried again where that may help. Raises StoreUnavailable or the verb's own error."""
        db = self._db
        if db.closed and db.trouble:
            raise StoreUnavailable(db.trouble)
        # Each has its own tries: right after a restart of the server many are in each other's way.
        tries = {_conflict: 0, _lost: 0}
        while True:
            try:
                if self._connection is None or self._tx is None:
                    self._connection = db.engine.connect()
                    self._tx = Tx(_Crossing(self._connection), db.facts, db.shared)
                value = _transaction(self._tx, verb, writes=writes)
            except Exception as error:  # told to whoever asked
                lost = _lost(error)
                if lost:  # idle connections die with a restart of the server: a new one may do
                    self.leave()
                kind = _lost if lost else _conflict
                tries[kind] += 1
                if tries[kind] < TRIES and kind(error) and not (lost and db.closed):
                    time.sleep(TRY_AGAIN * tries[kind])
                    continue
                if not lost and not isinstance(error, _InDoubt):
                    raise
                db.trouble = f"PostgreSQL does not answer: {in_a_line(error)}"
                self.leave()
                raise StoreUnavailable(in_a_line(error)) from error
            db.committed(self._tx.topics)
            return value

    def leave(self) -> None:
        """Let go of the connection."""
        _discard(self._connection)
        self._connection = self._tx = None


class One:
    """A verb or a question that waits."""

    def __init__(self, request: Request, *, writes: bool) -> None:
        self.request = request
        self._writes = writes
        self.future: Future[Any] = request.future  # type: ignore[assignment]

    def do(self, seat: Seat) -> None:
        """Answer it."""
        asked = self.request
        try:
            value = seat.run(lambda tx: asked.verb(tx, *asked.args, **asked.named), writes=self._writes)
        except Exception as error:  # told to whoever asked
            self.future.set_exception(error)
        else:
            self.future.set_result(value)


@dataclass(slots=True)
class Several:
    """Verbs that may share a commit."""

    verbs: Sequence[Callable[[Tx], Any]]
    future: Future[list[Any]]

    def do(self, seat: Seat) -> None:
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

    def _alone(self, seat: Seat, verb: Callable[[Tx], Any]) -> Any:
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
        plain(url).replace("postgresql://", "postgresql+psycopg://", 1),
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT, "client_encoding": "utf8"},
        **({"isolation_level": "AUTOCOMMIT"} if own_transactions else {}),
    )

    @event.listens_for(made, "connect")
    def _configure(raw: psycopg.Connection[Any], _record: object) -> None:
        # Ids are text in the program, and no objects on the way.
        raw.adapters.register_loader("uuid", TextLoader)
        raw.autocommit = True
        raw.execute(f"SET idle_in_transaction_session_timeout = {int(abandoned * 1000)}")
        raw.autocommit = own_transactions

    return made


def plain(url: str) -> str:
    """As psycopg takes it: without the name of a driver."""
    return "postgresql://" + url.partition("://")[2]


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
