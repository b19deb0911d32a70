"""What the customer thinks of how it went: one opinion, theirs, which they may change for some days."""

from __future__ import annotations

import pytest

from core.desk import page, ratings, resolution
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.store import tables
from tests.desk_at_work import SOLUTION, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def test_an_opinion_is_given_once_and_changed_for_seven_days(desk):
    number = await desk.closed()
    alice = await desk.who("alice")

    await desk.do(ratings.rate, alice, number, score=2, comment="Lenti,\n e poi  cortesi.")
    desk.passes(days=6)
    await desk.do(ratings.rate, alice, number, score=4)
    await desk.do(ratings.rate, alice, number, score=4)

    (given,) = await desk.rows(tables.rating, number)
    assert (given.score, given.comment, given.by) == (4, "Lenti, e poi cortesi.", alice.actor)
    told = [row.data for row in await desk.events(number, "ticket.rated")]
    assert told == [
        {"score": 2, "commented": True, "changed": False},
        {"score": 4, "commented": True, "changed": True},
    ]
    desk.passes(days=2)
    with pytest.raises(Refused, match="too long ago"):
        await desk.do(ratings.rate, alice, number, score=5)


async def test_what_was_opened_again_and_closed_is_rated_anew(desk):
    number = await desk.closed()
    alice, lea = await desk.who("alice"), await desk.who("lea")
    await desk.do(ratings.rate, alice, number, score=1, comment="No.")
    desk.passes(days=8)
    await desk.do(resolution.reopen, lea, number, reason="La rete è di nuovo ferma.")
    await desk.do(resolution.resolve, lea, number, **SOLUTION)
    await desk.do(resolution.close, lea, number)

    await desk.do(ratings.rate, alice, number, score=5)

    (given,) = await desk.rows(tables.rating, number)
    assert (given.score, given.comment, given.at) == (5, "", desk.now)


async def test_only_the_customer_of_a_closed_ticket_rates_it(desk):
    number = await desk.resolved()
    alice = await desk.who("alice")
    with pytest.raises(Refused, match="once it is closed"):
        await desk.do(ratings.rate, alice, number, score=5)
    await desk.do(resolution.confirm, alice, number)

    with pytest.raises(Forbidden):
        await desk.do(ratings.rate, await desk.who("tom"), number, score=5)
    with pytest.raises(NotFound):
        await desk.do(ratings.rate, await desk.who("bob"), number, score=5)
    for score in (0, 6):
        with pytest.raises(Invalid, match="from 1 to 5"):
            await desk.do(ratings.rate, alice, number, score=score)
    with pytest.raises(Invalid, match="2,000"):
        await desk.do(ratings.rate, alice, number, score=5, comment="x" * 2001)


async def test_what_is_shown_says_whether_it_may_be_changed(desk):
    number = await desk.closed()
    alice, tom = await desk.who("alice"), await desk.who("tom")
    assert "rate" in (await desk.db.read(page.ticket, alice, number, now=desk.now)).allowed
    await desk.do(ratings.rate, alice, number, score=3)

    shown = await desk.db.read(page.ticket, tom, number, now=desk.now)
    assert (shown.rating.score, "rate" in shown.allowed) == (3, False)
    assert "rate" in (await desk.db.read(page.ticket, alice, number, now=desk.now)).allowed
    assert "rate" not in (await desk.db.read(page.ticket, alice, number, now=desk.passes(days=8))).allowed
