"""What joining does to the promise of a first answer, and that taking it back leaves nothing on the clocks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import books, clock_views, joining, tickets
from tests.desk_at_work import MONDAY, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def _two(desk: AtWork) -> tuple[str, str]:
    """An early request that Ann answered after ten minutes, and one of half an hour later that nobody has."""
    first = await desk.qualified()
    desk.passes(minutes=10)
    await desk.do(tickets.reply, await desk.who("lea"), first, "Guardiamo.")
    desk.passes(minutes=20)
    second = await desk.qualified(subject="Ancora la rete")
    desk.passes(minutes=10)
    return first, second


async def _response(desk: AtWork, number: str) -> tuple[str, timedelta | None]:
    clock = (await desk.clocks(number))["response"]
    return clock.state, None if clock.stopped_at is None else clock.stopped_at - MONDAY


async def _balanced(desk: AtWork) -> None:
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_an_answer_given_before_the_merge_is_the_first_answer_of_the_one_that_goes_on(desk):
    first, second = await _two(desk)
    lea = await desk.who("lea")

    await desk.do(joining.merge, lea, first, into=second)
    assert await _response(desk, second) == ("met", timedelta(minutes=10))
    await _balanced(desk)

    desk.passes(minutes=5)
    await desk.do(joining.undo, lea, second)
    assert await _response(desk, second) == ("running", None)
    assert await _response(desk, first) == ("met", timedelta(minutes=10))
    await _balanced(desk)


async def test_of_two_answers_the_earlier_one_counts_whichever_goes_on(desk):
    first, second = await _two(desk)
    lea = await desk.who("lea")
    await desk.do(tickets.take, lea, second)
    assert await _response(desk, second) == ("met", timedelta(minutes=40))

    await desk.do(joining.merge, lea, second, into=first)
    assert await _response(desk, first) == ("met", timedelta(minutes=10))
    await desk.do(joining.undo, lea, first)
    await desk.do(joining.merge, lea, first, into=second)

    assert await _response(desk, second) == ("met", timedelta(minutes=10))
    await desk.do(joining.undo, lea, second)
    assert await _response(desk, second) == ("met", timedelta(minutes=40))
    await _balanced(desk)


async def test_of_what_ended_in_it_only_what_still_does_counts(desk):
    first, second = await _two(desk)
    third = await desk.qualified(subject="E ancora")
    lea = await desk.who("lea")
    desk.passes(minutes=5)
    await desk.do(tickets.take, lea, third)
    await desk.do(joining.merge, lea, third, into=second)
    assert await _response(desk, second) == ("met", timedelta(minutes=45))
    await desk.do(joining.merge, lea, first, into=second)
    assert await _response(desk, second) == ("met", timedelta(minutes=10))

    await desk.do(joining.undo, lea, second)

    assert await _response(desk, second) == ("met", timedelta(minutes=45))
    await _balanced(desk)


async def test_what_was_said_to_its_people_while_it_was_merged_is_its_own_afterwards(desk):
    first, second = await _two(desk)
    lea = await desk.who("lea")
    await desk.do(joining.merge, lea, second, into=first)
    desk.passes(minutes=5)
    await desk.do(tickets.reply, lea, first, "Anche qui.")
    desk.passes(minutes=5)

    await desk.do(joining.undo, lea, second)

    assert await _response(desk, first) == ("met", timedelta(minutes=10))
    there = [row.at for row in await desk.outward(second, "reply")]
    expected = ("met", timedelta(minutes=45)) if there else ("running", None)
    assert await _response(desk, second) == expected
    await _balanced(desk)


async def test_the_time_of_a_merge_that_was_undone_counts_as_if_it_had_not_been(desk):
    first, second = await _two(desk)
    lea = await desk.who("lea")
    alone = await desk.qualified("aldo@acme.test", subject="Un'altra cosa")
    before = {name: (row.due_at, row.paused_s) for name, row in (await desk.clocks(second)).items()}

    await desk.do(joining.merge, lea, second, into=first)
    desk.passes(hours=3)
    await desk.do(joining.undo, lea, second)

    again = await desk.clocks(second)
    assert {name: (row.due_at, row.paused_s) for name, row in again.items()} == before
    assert again["response"].breached_at == MONDAY + timedelta(hours=2, minutes=30)
    seen = await desk.db.read(clock_views.of_ticket, lea, second, now=desk.now)
    other = await desk.db.read(clock_views.of_ticket, lea, alone, now=desk.now)
    assert seen.by_leg.keys() == other.by_leg.keys() == {"us"}
    desk.passes(seconds=2)
    await desk.work()
    assert len(await desk.events(second, "clock.breached")) == 1
    assert [one.to.address for one in desk.channel.warned if second in one.subject] != []
    await _balanced(desk)
