"""Two people, or two hubs, at the same moment: one of them wins, the other is told, and nothing is there twice."""

from __future__ import annotations

import asyncio

import pytest

from core.desk import books, door, intake, resolution, tickets
from core.desk.errors import Refused, Stale
from core.envelope import Arrival
from core.store import tables
from tests.desk_at_work import AtWork, a_mail, at_work

MANY = 6


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def test_two_agents_who_take_a_ticket_at_once_do_not_both_get_it(desk):
    number = await desk.qualified()
    seen = (await desk.ticket(number)).last_event
    lea, tom = await desk.who("lea"), await desk.who("tom")

    done = await asyncio.gather(
        desk.do(tickets.take, lea, number, seen=seen),
        desk.do(tickets.take, tom, number, seen=seen),
        return_exceptions=True,
    )

    (lost,) = [one for one in done if isinstance(one, Exception)]
    assert isinstance(lost, Stale)
    winner = (await desk.events(number, "ticket.take"))[0].actor
    assert winner == (lea if done[0] == number else tom).actor
    assert len(await desk.events(number, "ticket.take")) == 1


async def test_an_answer_clicked_many_times_is_sent_once(desk):
    number = await desk.taken()
    ann = await desk.who("ann")

    ids = await asyncio.gather(
        *(desk.do(tickets.reply, ann, number, "Eccoci.", idem="form") for _ in range(MANY))
    )

    assert len(set(ids)) == 1
    assert len(await desk.outward(number, "reply")) == 1


async def test_one_mail_by_many_ways_at_once_is_one_ticket(desk):
    ids = [await desk.arrive("alice@acme.test") for _ in range(MANY)]

    done = await asyncio.gather(
        *(desk.understand(one, "alice@acme.test", content_key="the same") for one in ids)
    )

    assert sorted(one.outcome for one in done) == ["duplicate"] * (MANY - 1) + ["ticket"]
    assert len(await desk.rows(tables.ticket)) == 1


async def test_the_same_bytes_handed_in_by_many_at_once_are_one_arrival(desk):
    arrival = Arrival(channel="email", raw=b"x", received_at=desk.now, external_id="1")

    ids = await asyncio.gather(*(desk.db.write(door.accept, arrival, now=desk.now) for _ in range(MANY)))

    assert len(set(ids)) == 1
    assert (await desk.inbound(ids[0])).copies == MANY
    assert len(await desk.rows(tables.job, kind="understand")) == 1


async def test_tickets_opened_at_once_have_numbers_of_their_own_without_a_gap(desk):
    ids = [await desk.arrive(f"user{n}@elsewhere.test") for n in range(MANY)]

    done = await asyncio.gather(
        *(desk.understand(one, f"user{n}@elsewhere.test") for n, one in enumerate(ids))
    )

    assert sorted(one.number for one in done) == [f"26-{n:06}" for n in range(1, MANY + 1)]


async def test_a_mail_and_an_agent_at_once_leave_a_chain_that_holds(desk):
    number = await desk.taken()
    ref = await desk.ref(number)
    ann = await desk.who("ann")
    ids = [await desk.arrive("alice@acme.test") for _ in range(MANY)]
    acts = [desk.do(tickets.note, ann, number, f"nota {n}") for n in range(MANY)]
    mails = [
        desk.db.write(intake.understand, one, a_mail("alice@acme.test", own_refs=(ref,)), now=desk.now)
        for one in ids
    ]

    await asyncio.gather(*acts, *mails)

    assert len(await desk.events(number, "message.in")) == MANY + 1
    assert len(await desk.events(number, "note.added")) == MANY
    assert (await desk.db.read(books.verify)).faults == ()


async def test_two_who_close_at_once_send_one_final_report(desk):
    number = await desk.resolved()

    done = await asyncio.gather(
        desk.do(resolution.close, await desk.who("ann"), number),
        desk.do(resolution.confirm, await desk.who("alice"), number),
        return_exceptions=True,
    )

    assert sum(isinstance(one, Refused) for one in done) == 1
    assert len(await desk.outward(number, "closed")) == 1
