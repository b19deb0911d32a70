"""Once a day what has lapsed is forgotten, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import resolution, restraint, tidying
from core.handlers import handlers
from core.isolation import Readers
from core.store import schedules, tables
from core.worker import Worker
from tests.desk_at_work import AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def test_lapsed_counters_and_keys_go_and_those_that_count_stay(desk):
    await desk.mail("alice@acme.test", content_key="old")
    desk.passes(days=6)
    await desk.mail("alice@acme.test", content_key="young")
    desk.passes(days=3)
    await desk.db.write(restraint.count, "now", now=desk.now)

    await desk.db.write(tidying.tidy, now=desk.now)

    assert [row.at for row in await desk.rows(tables.content_key)] == [desk.now - timedelta(days=3)]
    assert {row.key for row in await desk.rows(tables.brake)} == {"now"}


async def test_it_comes_round_every_night(desk):
    await desk.db.write(schedules.ensure, tidying.NIGHTLY, now=desk.now)
    await desk.mail("alice@acme.test", content_key="old")
    desk.passes(days=9)
    todo = handlers(desk.db, [desk.channel], Readers(), clock=lambda: desk.now)

    await desk.db.write(schedules.tick, now=desk.now)
    await Worker(desk.db, todo, owner="here", clock=lambda: desk.now).drain()

    assert await desk.rows(tables.content_key) == []


async def test_what_a_device_said_is_known_as_long_as_its_ticket_is_worked_on(db):
    desk = await at_work(db)
    words = {"words_key": "00" * 20, "identified": False}
    first = await desk.mail("ups@acme.test", text="On battery.", **words)
    desk.passes(days=30)
    await desk.db.write(tidying.tidy, now=desk.now)

    again = await desk.mail("ups@acme.test", text="On battery.", **words)
    await desk.do(resolution.cancel, await desk.who("tom"), first.number, reason="The lamp is out.")
    await desk.db.write(tidying.tidy, now=desk.passes(days=30))
    later = await desk.mail("ups@acme.test", text="On battery.", **words)

    assert (again.outcome, again.reason, again.number) == ("attached", "same_words", first.number)
    assert later.outcome == "ticket"
