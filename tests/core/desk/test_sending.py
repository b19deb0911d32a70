"""What a channel is given: tried again when it may help, given up where staff see it, sent once."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from core.channel import DeliveryError
from core.desk import books, search, sending, tickets
from core.store import tables
from tests.desk_at_work import AtWork, at_work, not_drawing


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


# --- Not taken this time ---


async def test_a_passing_failure_is_tried_again_after_one_five_and_fifteen_minutes_then_hourly(desk):
    number = await desk.two_people()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.channel.fails_with = DeliveryError("450 greylisted")
    tries = []
    for _ in range(60 * 4):
        before = desk.channel.tries
        await desk.work()
        if desk.channel.tries > before:
            tries.append(desk.now)
        desk.passes(minutes=1)

    waits = [round((b - a).total_seconds() / 60) for a, b in pairwise(tries)]
    assert waits == [1, 5, 15, 60, 60, 60]
    row = await desk.last_delivery(number)
    assert (row.state, row.attempts, row.error) == ("queued", len(tries), "450 greylisted")
    desk.channel.fails_with = None
    desk.passes(hours=1)
    await desk.work()
    assert (await desk.last_delivery(number)).state == "sent"
    assert len(desk.channel.sent) == 2


async def test_after_two_days_it_is_given_up_where_staff_see_it(desk):
    number = await desk.two_people()
    desk.passes(days=3)  # nothing was due meanwhile
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.passes(days=3)  # the hub was down: the two days begin with the first try
    desk.channel.fails_with = DeliveryError("450 later")
    await desk.work()
    assert (await desk.last_delivery(number)).state == "queued"
    for _ in range(50):
        desk.passes(hours=1)
        await desk.work()

    row = await desk.last_delivery(number)
    assert (row.state, row.error) == ("given_up", "450 later")
    assert "undelivered" in (await desk.ticket(number)).flags
    assert [event.data["what"] for event in await desk.events(number, "delivery.given_up")] == ["reply"] * 2
    listed = await desk.db.read(search.deliveries, await desk.who("tom"), state="undelivered")
    assert {row.ticket for row in listed.items} == {number}
    attempts = await desk.rows(tables.delivery_attempt, number, delivery_id=row.id)
    assert [one.n for one in attempts] == list(range(1, len(attempts) + 1))
    assert (attempts[0].outcome, attempts[-1].outcome) == ("retry", "failed")
    assert (await desk.db.read(books.verify)).faults == ()


async def test_a_final_no_is_given_up_at_once(desk):
    number = await desk.two_people()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.channel.fails_with = DeliveryError("550 no such user", permanent=True)

    await desk.work()

    assert (await desk.last_delivery(number)).state == "given_up"
    assert desk.channel.tries == 2


async def test_an_address_that_does_not_answer_holds_up_nobody_else(desk):
    number = await desk.two_people()
    ann = await desk.who("ann")

    class Half:
        name, reader, reader_options = "email", "", {}

        async def send(self, outgoing):
            if outgoing.to.address == "alice@acme.test":
                raise DeliveryError("450 greylisted")
            return await desk_channel.send(outgoing)

    desk_channel, desk.channel = desk.channel, Half()
    await desk.do(tickets.reply, ann, number, "Uno.")
    await desk.work()
    await desk.do(tickets.reply, ann, number, "Due.")
    await desk.work()

    assert [(one.to.address, one.text) for one in desk_channel.sent] == [
        ("aldo@acme.test", "Uno."),
        ("aldo@acme.test", "Due."),
    ]
    waiting = [
        row for row in await desk.deliveries(number, address="alice@acme.test") if row.state == "queued"
    ]
    assert len(waiting) == 2, "in order, when the address answers again"


@pytest.mark.parametrize(
    ("error", "told"),
    [(RuntimeError("bug"), "RuntimeError: bug"), (DeliveryError("450 busy", retry_after=7200.0), "450 busy")],
)
async def test_a_bug_in_a_channel_or_its_own_wish_to_wait_is_a_passing_failure(desk, error, told):
    number = await desk.two_people()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.channel.fails_with = error

    await desk.work()

    assert ((await desk.last_delivery(number)).state, (await desk.last_delivery(number)).error) == (
        "queued",
        told,
    )
    due = min(job.due for job in await desk.rows(tables.job, kind="send"))
    assert due - desk.now == timedelta(seconds=getattr(error, "retry_after", None) or 60)


async def test_what_is_for_a_channel_that_is_switched_off_waits_for_it(desk):
    number = await desk.two_people()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.channel.name = "something else"

    await desk.work()

    assert (await desk.last_delivery(number)).error == "the channel 'email' is switched off"
    desk.channel.name = "email"
    desk.passes(minutes=2)
    await desk.work()
    assert (await desk.last_delivery(number)).state == "sent"


# --- Once ---


async def test_what_left_is_not_sent_again(desk):
    number = await desk.two_people()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    await desk.work()
    row = await desk.last_delivery(number)

    assert await desk.db.write(sending.begin, row.ticket_id, row.id, now=desk.now) is None
    assert await desk.db.write(sending.begin, row.ticket_id, "nothing", now=desk.now) is None


async def test_a_delivery_whose_job_is_given_up_is_given_up_at_its_ticket(desk):
    from core import handlers

    number = await desk.two_people()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    row = await desk.last_delivery(number)
    handler = handlers.Sending(desk.db, {}, not_drawing(desk), clock=lambda: desk.now)
    (job,) = [one for one in await desk.rows(tables.job, kind="send") if one.payload["delivery"] == row.id]

    assert await desk.db.write(handler.dead, job, "a bug of ours", now=desk.now), "no second place to look"

    given_up = await desk.last_delivery(number)
    assert (given_up.state, given_up.error) == ("given_up", "a bug of ours")
    assert "undelivered" in (await desk.ticket(number)).flags
