from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import repetition
from core.store import tables
from tests.rows import ALICE, LEADER, NOON


async def once(db, who, key, body, *, now=NOON, answer="done"):
    return await db.write(lambda tx: repetition.once(tx, who, key, body, lambda: (201, answer), now=now))


async def test_the_first_answer_is_given_again(db):
    first = await once(db, LEADER, "k", "body", answer="one")
    again = await once(db, LEADER, "k", "body", answer="two")

    assert (first.status, first.body, first.replayed) == (201, "one", False)
    assert (again.status, again.body, again.replayed) == (201, "one", True)


async def test_a_key_is_one_callers_and_one_calls(db):
    await once(db, LEADER, "k", "body")

    assert not (await once(db, ALICE, "k", "other")).replayed
    with pytest.raises(repetition.KeyReused):
        await once(db, LEADER, "k", "other")


async def test_what_failed_left_no_key(db):
    def fail():
        raise LookupError

    with pytest.raises(LookupError):
        await db.write(lambda tx: repetition.once(tx, LEADER, "k", "body", fail, now=NOON))

    assert not (await once(db, LEADER, "k", "other")).replayed


async def test_keys_lapse_after_a_day_and_are_cleared(db):
    await once(db, LEADER, "k", "body")
    await once(db, LEADER, "l", "body", now=NOON + timedelta(hours=1))

    assert (await once(db, LEADER, "k", "body", now=NOON + timedelta(hours=23))).replayed
    assert not (await once(db, LEADER, "k", "other", now=NOON + timedelta(hours=24))).replayed
    assert await db.write(repetition.forget, now=NOON + timedelta(hours=25)) == 1
    assert len(await db.read(lambda tx: tx.all(tables.idempotency.select()))) == 1
