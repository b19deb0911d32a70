"""Every open request has somebody, a next step and an instant; those that lack one are found at night and asked about."""

from __future__ import annotations

import pytest

from core.desk import next_steps, tasks, tickets, unattended
from core.store import tables
from tests.desk_at_work import AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def _look(desk: AtWork) -> dict[str, tuple[str, ...]]:
    found = await desk.db.read(unattended.look)
    await desk.db.write(unattended.note, found, now=desk.now)
    return {one.number: one.lacks for one in found}


async def test_a_request_without_anybody_or_any_instant_is_asked_about_until_it_has_them(desk):
    number = await desk.taken()
    ann, lea = await desk.who("ann"), await desk.who("lea")
    assert await _look(desk) == {}, "its clocks run"
    ticket = await desk.ticket(number)
    await desk.db.write(lambda tx: tx.update(tables.ticket, {"id": ticket.id}, next_due=None))

    assert await _look(desk) == {number: ("due",)}
    assert await _look(desk) == {number: ("due",)}
    assert [one.kind for one in await desk.db.read(tasks.mine, ann)] == ["no_next_step"]
    assert (await desk.db.read(unattended.last, lea)).numbers == (number,)
    assert await desk.db.read(unattended.last, ann) is None

    await desk.do(tickets.reply, ann, number, "Guardo.", promise_by="60m")
    assert await _look(desk) == {}
    assert await desk.db.read(tasks.mine, ann) == []


async def test_what_is_watched_has_its_instant(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    await desk.do(next_steps.observe, ann, number, until="60m")
    ticket = await desk.ticket(number)
    await desk.db.write(
        lambda tx: tx.update(tables.ticket, {"id": ticket.id}, next_due=None, assignee=None, desk_group=None)
    )

    assert await _look(desk) == {number: ("owner",)}
