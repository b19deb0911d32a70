"""What people count by: each number once, whoever shares a commit, and none is left out on SQLite."""

from __future__ import annotations

from sqlalchemy import select

from core.store import counters, tables
from core.store.database import Database
from core.store.tx import Tx

NAME = "ticket:26"


def take(tx: Tx) -> int:
    return counters.following(tx, NAME)


def take_and_fail(tx: Tx) -> None:
    take(tx)
    raise LookupError(NAME)


def take_around_the_end(tx: Tx) -> tuple[int, int]:
    first = take(tx)
    tx.finish()  # what waits for the end of the group is written now
    return first, take(tx)


def kept(tx: Tx) -> list[int]:
    return [row.value for row in tx.all(select(tables.counter.c.value))]


async def test_who_shares_a_commit_has_each_a_number(db: Database) -> None:
    first = await db.write_all([take, take, take])
    others = await db.write_all([take, take_around_the_end])

    assert [*first, others[0], *others[1]] == [1, 2, 3, 4, 5, 6]


async def test_on_sqlite_who_fails_leaves_no_gap(db: Database) -> None:
    answers = await db.write_all([take, take_and_fail, take])

    assert isinstance(answers[1], LookupError)
    if db.kind == "sqlite":
        assert (answers[0], answers[2]) == (1, 2)
        assert await db.read(kept) == [2]
    else:
        assert answers[0] < answers[2]


async def test_a_year_that_was_begun_goes_on(db: Database) -> None:
    await db.write(lambda tx: tx.insert(tables.counter, name=NAME, value=41))

    assert await db.write(take) == 42
