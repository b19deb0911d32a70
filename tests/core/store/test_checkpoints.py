"""The log of changes is copied to its place beside the writer, and a sync that failed is never taken for one that did not."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.store import checkpoints, tables
from core.store.checkpoints import Checkpoints
from core.store.opening import open_database
from core.store.sqlite import SqliteDatabase
from core.store.tx import Tx


def put(tx: Tx, name: str) -> None:
    tx.insert(tables.counter, name=name, value=1)


def until(true: Any, *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


class Failing:
    """An engine whose connections cannot copy."""

    def __init__(self, error: sqlite3.Error) -> None:
        self.error = error
        self.asked = 0

    @contextmanager
    def connect(self) -> Iterator[Any]:
        yield SimpleNamespace(connection=SimpleNamespace(driver_connection=self))

    def execute(self, _: str) -> Any:
        self.asked += 1
        raise self.error


def failed_sync() -> sqlite3.Error:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    return error


def test_the_log_is_copied_while_changes_go_on_and_begins_anew(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "AFTER", 20)
    log = Path(sqlite_url.removeprefix("sqlite:///") + "-wal")
    with closing(open_database(sqlite_url, readers=1)) as db:
        salts = set()
        changes = itertools.count()

        def three_times() -> bool:
            """Each beginning has its own salts (https://www.sqlite.org/fileformat2.html#walformat)."""
            db.submit(put, f"change {next(changes)}").result(5)
            with log.open("rb") as file:
                salts.add(file.read(32)[16:24])
            return len(salts) == 3

        until(three_times, seconds=30.0)


def test_a_change_of_many_rows_weighs_more_than_one_of_a_few(sqlite_url: str) -> None:
    def put_many(tx: Tx) -> None:
        for n in range(4 * checkpoints.ROWS):
            put(tx, f"row {n}")

    with closing(open_database(sqlite_url, readers=1)) as db:
        assert isinstance(db, SqliteDatabase)
        before = db._checkpoints._since
        db.submit(put_many).result(5)
        until(lambda: db._checkpoints._since >= before + 4)


def test_a_sync_that_failed_beside_the_writer_stops_it_and_nothing_is_tried_again(sqlite_url: str) -> None:
    with closing(open_database(sqlite_url, readers=1)) as db:
        assert isinstance(db, SqliteDatabase)
        db._checkpoints.end()
        failing = Failing(failed_sync())
        db._checkpoints = Checkpoints(failing)  # type: ignore[arg-type]
        db._checkpoints._since = checkpoints.AFTER
        db.submit(put, "stored").result(5)
        until(lambda: failing.asked)
        until(lambda: db._checkpoints._failed is not None)
        db.submit(put, "stored too").result(5)
        until(db.health)

        assert failing.asked == 1
        assert "disk I/O error" in db.health()


def test_a_disk_that_is_full_for_a_while_stops_nobody(sqlite_url: str) -> None:
    with closing(open_database(sqlite_url, readers=1)) as db:
        assert isinstance(db, SqliteDatabase)
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorcode = sqlite3.SQLITE_FULL
        db._checkpoints._failed = full
        for n in range(3):
            db.submit(put, f"after {n}").result(5)

        assert db.health() == ""
