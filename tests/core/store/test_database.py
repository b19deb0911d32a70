"""A verb is one transaction: whole and durable, or not at all; in trouble the database refuses and does not guess."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import bindparam, select, update

from core.facts import HubFacts
from core.ids import fixed_id
from core.store import blobs, columns, tables
from core.store import sqlite as sqlite_module
from core.store.database import Database, StoreUnavailable
from core.store.opening import open_database
from core.store.postgres import PostgresDatabase
from core.store.sqlite import SqliteDatabase
from core.store.tx import Prepared, Tx

_COUNTERS = Prepared(select(tables.counter).order_by(tables.counter.c.name))
_COUNTER = Prepared(select(tables.counter).where(tables.counter.c.name == bindparam("name")))


def put(tx: Tx, name: str, value: int = 1) -> str:
    tx.insert(tables.counter, name=name, value=value)
    return name


def refuse(tx: Tx, reason: str) -> None:
    raise LookupError(reason)


def put_then_fail(tx: Tx, name: str) -> None:
    put(tx, name)
    raise LookupError(name)


def names(tx: Tx) -> list[str]:
    return [row.name for row in tx.all(_COUNTERS)]


@pytest.fixture
def sqlite_db(sqlite_url: str) -> Iterator[SqliteDatabase]:
    database = open_database(sqlite_url, readers=2)
    assert isinstance(database, SqliteDatabase)
    yield database
    database.close()


def together(db: SqliteDatabase, *calls: tuple[Any, ...]) -> list[Future[Any]]:
    """Submit calls so that they share one group: the writer is held until all are queued."""
    held, go = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        held.set()
        go.wait(5)

    db.submit(hold)
    held.wait(5)
    try:
        return [db.submit(*call) for call in calls]
    finally:
        go.set()


async def test_who_waits_at_the_door_goes_before_all_who_wait_already(
    database_url: str, facts: HubFacts
) -> None:
    db = open_database(database_url, facts, readers=1, connections=1)
    order: list[str] = []
    held, go = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        held.set()
        go.wait(5)

    def note(tx: Tx, name: str) -> None:
        order.append(name)

    try:
        waiting = [db.submit(hold)]
        held.wait(5)
        waiting += [db.submit(note, f"work {n}") for n in range(3)]
        waiting += [db.submit_first(note, f"mail {n}") for n in range(2)]
        go.set()
        await asyncio.gather(*(asyncio.wrap_future(future) for future in waiting))
    finally:
        go.set()
        db.close()

    assert order == ["mail 0", "mail 1", "work 0", "work 1", "work 2"]


def test_who_has_time_gets_on_however_many_come_to_the_door(sqlite_db: SqliteDatabase) -> None:
    """Mails that come without a pause must not keep those from being understood that have come."""
    order: list[str] = []

    def at_the_door(tx: Tx) -> None:
        order.append("mail")
        if len(order) < 200:
            sqlite_db.submit_first(at_the_door)

    def work(tx: Tx) -> None:
        order.append("work")

    sqlite_db.submit_first(at_the_door)
    futures = [sqlite_db.submit(work) for _ in range(3)]
    for future in futures:
        future.result(timeout=5)

    assert order.count("work") == 3
    assert order.index("work") < 199


async def test_a_verb_that_fails_leaves_nothing_and_its_caller_hears_why(db: Database) -> None:
    with pytest.raises(LookupError, match="half"):
        await db.write(put_then_fail, "half")

    await db.write(put, "whole")
    assert await db.read(names) == ["whole"]


async def test_a_question_cannot_change_anything(db: Database) -> None:
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.ReadOnlySqlTransaction)):
        await db.read(put, "sneaked in")

    assert await db.read(names) == []


async def test_a_read_sees_what_was_written_before_it_was_asked(db: Database) -> None:
    """Also on a reader that looked at several rows and left some behind: its next snapshot is a new one."""
    for name in ("a", "b", "c"):
        await db.write(put, name)

    for turn in range(6):
        await asyncio.gather(*(db.read(lambda tx: tx.one(_COUNTERS)) for _ in range(4)))
        await db.write(put, f"turn {turn}")
        seen = await asyncio.gather(
            *(db.read(lambda tx, n: tx.one(_COUNTER, name=n), f"turn {turn}") for _ in range(4))
        )
        assert all(row is not None for row in seen), turn


async def test_a_question_sees_one_moment_however_long_it_looks(db: Database) -> None:
    await db.write(put, "before")
    first, written = threading.Event(), threading.Event()

    def look_twice(tx: Tx) -> tuple[list[str], list[str]]:
        one = names(tx)
        first.set()
        written.wait(5)
        return one, names(tx)

    looking = asyncio.ensure_future(db.read(look_twice))
    await asyncio.to_thread(first.wait, 5)
    await db.write(put, "meanwhile")
    written.set()

    assert await looking == (["before"], ["before"])


async def test_who_listens_hears_after_the_commit_and_only_then(db: Database) -> None:
    heard: list[tuple[str, str]] = []
    db.listen(heard.extend)

    def tell(tx: Tx, about: str, *, fail: bool = False) -> None:
        tx.tell("ticket", about)
        if fail:
            raise LookupError

    await db.write(tell, "1")
    with pytest.raises(LookupError):
        await db.write(tell, "2", fail=True)
    await db.write(tell, "3")
    await asyncio.sleep(0.05)

    assert heard == [("ticket", "1"), ("ticket", "3")]


async def test_a_listener_that_fails_harms_neither_commit_nor_writer(db: Database) -> None:
    def broken(topics: object) -> None:
        raise RuntimeError("a bug in the page")

    def tell(tx: Tx) -> None:
        put(tx, "kept")
        tx.tell("ticket", "1")

    db.listen(broken)
    await db.write(tell)
    await db.write(put, "next")

    assert await db.read(names) == ["kept", "next"]


def test_a_request_cancelled_while_it_waits_is_not_run(sqlite_db: SqliteDatabase) -> None:
    held, go = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        held.set()
        go.wait(5)

    sqlite_db.submit(hold)
    held.wait(5)
    gone, kept = sqlite_db.submit(put, "gone"), sqlite_db.submit(put, "kept")
    assert gone.cancel()
    go.set()
    kept.result(5)

    assert sqlite_db.query(names).result(5) == ["kept"]


async def test_values_come_back_as_they_were_stored(db: Database) -> None:
    at = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)

    def store(tx: Tx) -> None:
        tx.insert(
            tables.inbound,
            id=fixed_id("1"),
            channel="email",
            received_at=at,
            sender="Perché ☎",
            raw="00ff",
            detail={},
            recipients=("x@y.test",),
            envelope={"peer": "::1", "tls": True},
            open=True,
        )
        tx.insert(tables.blob, name="00ff", piece=0, size=4, content=b"\0\xff\r\n")

    await db.write(store)
    by_prepared = (await db.read(lambda tx: tx.all(Prepared(select(tables.inbound)))))[0]
    by_sqlalchemy = (await db.read(lambda tx: tx.all(select(tables.inbound))))[0]

    assert tuple(by_prepared) == tuple(by_sqlalchemy)
    assert by_prepared.received_at == at
    assert by_prepared.recipients == ["x@y.test"]
    assert by_prepared.envelope == {"peer": "::1", "tls": True}
    assert by_prepared.open is True
    assert by_prepared.outcome is None
    assert by_prepared.sender == "Perché ☎"
    assert (await db.read(lambda tx: tx.one(Prepared(select(tables.blob))))).content == b"\0\xff\r\n"


async def test_a_naive_instant_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        await db.write(
            lambda tx: tx.insert(
                tables.content_key, key="00", inbound_id=fixed_id("i"), at=datetime(2026, 3, 2)
            )
        )


@pytest.mark.parametrize(
    "moment", [datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
def test_instants_survive_the_way_to_microseconds(moment: datetime) -> None:
    assert columns.from_micros(columns.to_micros(moment)) == moment


def test_an_address_that_is_no_database_is_refused() -> None:
    with pytest.raises(ValueError, match="must begin with"):
        open_database("mysql://localhost/desk")


# --- SQLite: the group -------------------------------------------------------------------------------------


def test_one_group_with_a_failing_function_and_a_duplicate_key_keeps_the_rest(
    sqlite_db: SqliteDatabase,
) -> None:
    sqlite_db.submit(put, "taken").result(5)

    good, failing, duplicate, other = together(
        sqlite_db, (put, "good"), (put_then_fail, "failing"), (put, "taken"), (put, "other")
    )

    assert (good.result(5), other.result(5)) == ("good", "other")
    with pytest.raises(LookupError):
        failing.result(5)
    with pytest.raises(sqlite3.IntegrityError):
        duplicate.result(5)
    assert sqlite_db.query(names).result(5) == ["good", "other", "taken"]


def test_one_that_is_refused_before_it_writes_costs_its_group_nothing(sqlite_db: SqliteDatabase) -> None:
    groups = sqlite_db.groups

    good, refused, other = together(sqlite_db, (put, "good"), (refuse, "why"), (put, "other"))

    assert (good.result(5), other.result(5)) == ("good", "other")
    with pytest.raises(LookupError):
        refused.result(5)
    assert sqlite_db.groups <= groups + 2  # the held one, and all three together


@pytest.fixture
def with_deferred_key(sqlite_url: str) -> None:
    """Two tables whose link is looked at only by COMMIT."""
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        connection.execute(
            "CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"
        )
    connection.close()


def orphan(tx: Tx) -> None:
    tx.connection.exec_driver_sql("INSERT INTO child VALUES (7)")


@pytest.mark.usefixtures("with_deferred_key")
def test_an_error_at_commit_fails_only_the_guilty_one(sqlite_db: SqliteDatabase) -> None:
    first, guilty, last = together(sqlite_db, (put, "first"), (orphan,), (put, "last"))

    assert (first.result(5), last.result(5)) == ("first", "last")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        guilty.result(5)
    assert sqlite_db.query(names).result(5) == ["first", "last"]
    assert sqlite_db.submit(put, "after").result(5) == "after"


def test_a_full_database_refuses_and_recovers(sqlite_db: SqliteDatabase) -> None:
    def limit(tx: Tx, pages: int) -> int:
        return int(tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar() or 0)

    def big(tx: Tx, name: str) -> None:
        tx.insert(tables.blob, name=blobs.digest(name.encode()), piece=0, size=1, content=bytes(200_000))

    used = sqlite_db.query(lambda tx: tx.connection.exec_driver_sql("PRAGMA page_count").scalar()).result(5)
    sqlite_db.submit(limit, int(used or 0) + 5).result(5)

    refused, small = together(sqlite_db, (big, "too big"), (put, "small"))
    with pytest.raises(StoreUnavailable, match="full"):
        refused.result(5)
    assert small.result(5) == "small"
    assert sqlite_db.health() == ""

    sqlite_db.submit(limit, 1_000_000).result(5)
    sqlite_db.submit(big, "fits now").result(5)
    assert sqlite_db.query(names).result(5) == ["small"]


def test_a_file_locked_by_another_process_is_refused_once_for_all_who_wait(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "BUSY_TIMEOUT", 0.3)
    db = open_database(sqlite_url)
    db.submit(put, "before").result(5)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    waiting = [db.submit(put, f"during {n}") for n in range(20)]
    errors = [one.exception(3) for one in waiting]

    assert all(isinstance(error, StoreUnavailable) for error in errors)
    assert db.query(names).result(5) == ["before"]  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    assert db.submit(put, "after").result(5) == "after"
    db.close()


def test_a_file_locked_by_another_process_does_not_hold_up_the_end(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "BUSY_TIMEOUT", 3600)
    db = open_database(sqlite_url)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    waiting = [db.submit(put, f"during {n}") for n in range(3)]
    db.close()

    assert all(isinstance(one.exception(0), StoreUnavailable) for one in waiting)
    other.execute("ROLLBACK")
    other.close()


def test_what_the_database_said_holds_no_word_of_the_rows() -> None:
    from sqlalchemy.exc import OperationalError

    from core.store.database import in_a_line

    error = OperationalError("INSERT INTO name VALUES (?)", ("secret",), Exception("disk I/O\nerror"))

    assert in_a_line(error) == "disk I/O error"


def test_when_the_writing_thread_dies_nobody_waits_for_ever(sqlite_db: SqliteDatabase) -> None:
    def fails_to_sync(tx: Tx) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    futures = together(sqlite_db, (put, "never told"), (fails_to_sync,), (put, "behind"))

    for future in futures:
        with pytest.raises(StoreUnavailable):
            future.result(5)
    with pytest.raises(StoreUnavailable, match="disk I/O error"):
        sqlite_db.submit(put, "later")
    assert "disk I/O error" in sqlite_db.health()
    assert sqlite_db.query(names).result(5) == []


def test_too_many_who_wait_are_refused_at_once(
    sqlite_db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "MAX_WAITING", 3)
    calls = [(put, str(n)) for n in range(5)]

    with pytest.raises(StoreUnavailable, match="3 changes are waiting"):
        together(sqlite_db, *calls)


def test_closing_finishes_what_was_queued(sqlite_url: str) -> None:
    db = open_database(sqlite_url)
    waiting = [db.submit(put, f"{n:03}") for n in range(200)]
    db.close()

    assert [one.result(0) for one in waiting] == [f"{n:03}" for n in range(200)]
    with pytest.raises(StoreUnavailable):
        db.submit(put, "late")


def test_a_file_that_cannot_be_opened_is_told_to_whoever_asks(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    db = open_database(f"sqlite:///{tmp_path / 'folder'}", HubFacts())

    for ask in (db.query, db.submit):
        with pytest.raises(StoreUnavailable):
            ask(names).result(5)
    db.close()


# --- PostgreSQL --------------------------------------------------------------------------------------------


@pytest.fixture
def postgres_db(postgres_url: str) -> Iterator[Database]:
    database = open_database(postgres_url, connections=4)
    yield database
    database.close()


@pytest.mark.postgres
def test_a_deadlock_is_tried_again_and_both_succeed(postgres_db: Database) -> None:
    """Also when the conflict comes through SQLAlchemy, which calls it an operational error like a lost connection."""
    for name in ("a", "b"):
        postgres_db.submit(put, name, 0).result(5)
    meet = threading.Barrier(2)
    runs: list[str] = []

    def raise_both(tx: Tx, first: str, second: str) -> None:
        runs.append(first)
        _add_one(tx, first)
        if len(runs) <= 2:
            meet.wait(5)
        _add_one(tx, second)

    one = postgres_db.submit(raise_both, "a", "b")
    two = postgres_db.submit(raise_both, "b", "a")
    one.result(10)
    two.result(10)

    assert len(runs) == 3
    assert [row.value for row in postgres_db.query(lambda tx: tx.all(_COUNTERS)).result(5)] == [2, 2]


def _add_one(tx: Tx, name: str) -> None:
    counter = tables.counter
    tx.run(counter.update().where(counter.c.name == name).values(value=counter.c.value + 1))


@pytest.mark.postgres
def test_connections_that_the_server_cut_are_replaced_without_a_failure(
    postgres_db: Database, postgres_url: str
) -> None:
    for n in range(8):
        postgres_db.submit(put, f"before {n}").result(5)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    for n in range(8):
        postgres_db.submit(put, f"after {n}").result(5)

    assert len(postgres_db.query(names).result(5)) == 16
    assert postgres_db.health() == ""


@pytest.mark.postgres
def test_a_connection_that_is_cut_without_a_word_is_replaced_and_the_verb_runs_again(
    postgres_db: Database,
) -> None:
    runs: list[str] = []

    def cut_once(tx: Tx, name: str) -> None:
        runs.append(name)
        if len(runs) == 1:
            connection: Any = tx.connection.connection.driver_connection
            with socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
        names(tx)
        put(tx, name)

    postgres_db.submit(cut_once, "cut").result(5)

    assert len(runs) == 2
    assert postgres_db.query(names).result(5) == ["cut"]
    assert postgres_db.health() == ""


@pytest.mark.postgres
def test_a_server_that_is_not_there_refuses_and_says_so() -> None:
    db = open_database("postgresql://postgres@127.0.0.1:1/none", connections=1)

    with pytest.raises(StoreUnavailable):
        db.submit(put, "x").result(10)
    assert "does not answer" in db.health()
    db.close()


@pytest.mark.postgres
def test_a_nul_is_left_out_where_the_database_has_none(postgres_db: Database) -> None:
    postgres_db.submit(put, "a\0b").result(5)

    assert postgres_db.query(names).result(5) == ["ab"]


@pytest.mark.postgres
def test_a_hub_that_froze_in_a_transaction_holds_nobody_up_and_does_it_again(postgres_url: str) -> None:
    frozen = PostgresDatabase(postgres_url, HubFacts(), connections=1, abandoned=0.3)
    other = PostgresDatabase(postgres_url, HubFacts(), connections=1)
    begun, thaw = threading.Event(), threading.Event()
    other.submit(lambda tx: tx.insert(tables.counter, name="one", value=0)).result()

    def freeze(tx: Tx) -> None:
        tx.run(update(tables.counter).values(value=tables.counter.c.value + 1))
        begun.set()
        thaw.wait(30)
        tx.run(update(tables.counter).values(value=tables.counter.c.value + 10))

    try:
        held = frozen.submit(freeze)
        assert begun.wait(30)
        other.submit(lambda tx: tx.update(tables.counter, {"name": "one"}, value=100)).result(30)
        thaw.set()
        held.result(30)
        assert other.query(lambda tx: tx.one(select(tables.counter.c.value)).value).result() == 111
    finally:
        thaw.set()
        frozen.close()
        other.close()


@pytest.mark.postgres
def test_two_hubs_hear_each_other_after_the_commit(postgres_url: str) -> None:
    one, two = (open_database(postgres_url, connections=2) for _ in range(2))
    heard = threading.Event()
    told: list[tuple[str, str]] = []

    def listener(topics: list[tuple[str, str]]) -> None:
        told.extend(topics)
        heard.set()

    two.listen(listener)
    for _ in range(50):
        one.submit(lambda tx: tx.tell("ticket", "0195")).result(5)
        if heard.wait(0.1):  # it may not have been listening yet
            break

    assert told[0] == ("ticket", "0195")
    one.close()
    two.close()
