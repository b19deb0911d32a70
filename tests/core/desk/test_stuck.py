"""Work that the hub gave up on is seen by those who lead, who try it again or let it be; and the figures count it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import books, case, figures, stuck
from core.desk.errors import Forbidden, NotFound
from core.store import lanes, tables, work
from tests.desk_at_work import AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def gave_up(desk: AtWork) -> tuple[str, str]:
    """A timer of a ticket that failed too often: the ticket's number and the job's id."""
    number = await desk.qualified()

    def bury(tx):
        (row,) = [job for job in tx.all(tables.job.select()) if job.kind == "clocks"]
        dead = lanes._job(row)
        work.done(tx, dead)
        work.bury(tx, dead, reason="LookupError: x", now=desk.now)

    await desk.db.write(bury)
    (dead,) = await desk.rows(tables.dead_job)
    return number, dead.id


async def test_leaders_see_what_got_stuck_and_why(desk):
    number, identity = await gave_up(desk)

    (job,) = await desk.db.read(stuck.jobs, await desk.who("lea"))

    assert (job.id, job.ticket, job.kind, job.reason, job.attempt) == (
        identity,
        number,
        "clocks",
        "LookupError: x",
        1,
    )
    assert await desk.db.read(stuck.count, await desk.who("lea")) == 1


async def test_others_neither_see_nor_touch_it(desk):
    _, identity = await gave_up(desk)
    (job,) = await desk.rows(tables.dead_job)

    for name in ("ann", "tom", "alice"):
        who = await desk.who(name)
        assert await desk.db.read(stuck.count, who) == 0
        with pytest.raises(Forbidden):
            await desk.db.read(stuck.jobs, who)
        for verb in (stuck.retry, stuck.dismiss):
            with pytest.raises(Forbidden):
                await desk.db.write(verb, who, job.shard, identity, now=desk.now)


async def test_what_is_tried_again_is_done_as_if_it_had_never_failed(desk):
    number, identity = await gave_up(desk)
    (job,) = await desk.rows(tables.dead_job)
    lea = await desk.who("lea")

    await desk.db.write(stuck.retry, lea, job.shard, identity, now=desk.now)
    desk.passes(hours=3)
    await desk.work()

    assert await desk.rows(tables.dead_job) == []
    assert "breached:response" in (await desk.ticket(number)).flags
    events = await desk.rows(tables.event, ticket_id=case.ADMINISTRATION)
    assert [(row.kind, row.actor) for row in events if row.kind.startswith("job.")] == [
        ("job.retried", lea.actor)
    ]
    assert (await desk.db.read(books.verify)).faults == ()


async def test_what_is_dismissed_is_gone_and_who_did_it_is_kept(desk):
    _, identity = await gave_up(desk)
    (job,) = await desk.rows(tables.dead_job)
    lea = await desk.who("lea")

    await desk.db.write(stuck.dismiss, lea, job.shard, identity, now=desk.now)

    assert await desk.rows(tables.dead_job) == []
    assert [row.kind for row in await desk.rows(tables.event) if row.kind.startswith("job.")] == [
        "job.dismissed"
    ]
    for verb in (stuck.retry, stuck.dismiss):
        with pytest.raises(NotFound):
            await desk.db.write(verb, lea, job.shard, identity, now=desk.now)


async def test_the_figures_say_what_waits_and_for_how_long(desk):
    await gave_up(desk)
    await desk.arrive("alice@acme.test")
    desk.passes(minutes=1)

    waiting = await desk.db.read(figures.waiting, now=desk.now)
    behind = await desk.db.read(figures.behind, now=desk.now)

    assert (waiting["open"], waiting["unassigned"], waiting["stuck"], waiting["held"]) == (1, 1, 1, 0)
    assert behind["intake"][1] == timedelta(minutes=1).total_seconds()
