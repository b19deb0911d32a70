"""Whoever wants no more progress notices by mail gets no more, and everything else as before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.channel import DeliveryError
from core.desk import books, persons, resolution, subscriptions, tickets
from core.desk.errors import NotFound
from core.desk.subscriptions import What
from core.store import tables
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work

PER_HOUR = 3


@pytest.fixture
def facts(facts):
    few = replace(facts.brakes, notices_per_hour=PER_HOUR)
    return replace(facts, brakes=few, public_url="https://desk.test")


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


def link_of(mail) -> str:
    assert mail.unsubscribe.startswith("https://desk.test/unsubscribe/")
    return mail.unsubscribe.rpartition("/")[2]


async def told(desk: AtWork) -> list:
    """What left in the minutes that follow."""
    before = len(desk.channel.sent)
    desk.passes(minutes=2)
    await desk.work()
    return desk.channel.sent[before:]


async def moved(desk: AtWork, number: str, words: str = "Usate il 4G.") -> list:
    await desk.do(tickets.workaround, await desk.who("ann"), number, words)
    return await told(desk)


async def unsubscribed(desk: AtWork, number: str) -> str:
    """Alice followed the link of a progress notice; its token."""
    (notice,) = [one for one in await moved(desk, number) if one.kind == "progress"]
    token = link_of(notice)
    assert await desk.db.write(subscriptions.end, token, now=desk.now)
    return token


async def test_only_mail_that_comes_by_subscription_names_where_it_ends(desk):
    number = await desk.taken(authentication=PASSED)
    await told(desk)
    await moved(desk, number)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Ciao.")
    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
    await told(desk)
    await desk.do(resolution.close, await desk.who("ann"), number)
    await told(desk)

    by_kind = {one.kind: bool(one.unsubscribe) for one in desk.channel.sent}
    assert by_kind == {
        "received": False,
        "progress": True,
        "reply": False,
        "resolved": False,
        "closed": False,
    }


async def test_whoever_ended_them_gets_no_progress_notice_and_the_ticket_says_so(desk):
    number = await desk.taken(authentication=PASSED)
    await told(desk)
    await unsubscribed(desk, number)

    assert await moved(desk, number, "Usate il 5G.") == []
    assert [one.state for one in await desk.deliveries(number, kind="progress")][-1] == "unsubscribed"
    (event,) = await desk.events(number, "delivery.unsubscribed")
    assert event.data["what"] == "progress"
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_answers_and_the_closing_report_still_arrive(desk):
    number = await desk.taken(authentication=PASSED)
    await unsubscribed(desk, number)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Ciao.")
    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
    kinds = {one.kind for one in await told(desk)}
    await desk.do(resolution.close, await desk.who("ann"), number)
    kinds |= {one.kind for one in await told(desk)}

    assert kinds == {"reply", "resolved", "closed"}


async def test_others_of_the_request_are_told_as_before(desk):
    number = await desk.two_people()
    notices = {one.to.address: one for one in await moved(desk, number)}
    assert set(notices) == {"alice@acme.test", "aldo@acme.test"}
    await desk.db.write(subscriptions.end, link_of(notices["alice@acme.test"]), now=desk.now)

    assert [one.to.address for one in await moved(desk, number, "Usate il 5G.")] == ["aldo@acme.test"]


async def test_what_waited_of_several_requests_does_not_leave_either(desk):
    numbers = [await desk.taken(authentication=PASSED, subject=f"Sede {n}") for n in range(PER_HOUR)]
    first = [one for one in await told(desk) if one.kind == "progress"]
    for number in numbers:
        await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate il 4G.")
    assert {(await desk.deliveries(one, kind="progress"))[-1].state for one in numbers} == {"collected"}
    await desk.db.write(subscriptions.end, link_of(first[0]), now=desk.now)
    desk.passes(minutes=61)

    assert [one.kind for one in await told(desk)] == []
    assert {(await desk.deliveries(one, kind="progress"))[-1].state for one in numbers} == {"unsubscribed"}
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_news_of_several_requests_names_where_it_ends(desk):
    numbers = [await desk.taken(authentication=PASSED, subject=f"Sede {n}") for n in range(PER_HOUR)]
    await told(desk)
    for number in numbers:
        await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate il 4G.")
    desk.passes(minutes=61)

    (roundup,) = await told(desk)
    assert roundup.kind == "roundup"
    assert link_of(roundup) == link_of(desk.channel.sent[-2]), "one link for all notices to an address"


async def test_the_link_is_the_same_at_each_try_and_works_as_often_as_it_is_used(desk):
    number = await desk.taken(authentication=PASSED)
    await told(desk)
    desk.channel.fails_with = DeliveryError("later")
    await moved(desk, number)
    desk.channel.fails_with = None
    token = link_of((await told(desk))[0])

    for _ in range(2):
        assert await desk.db.write(subscriptions.end, token, now=desk.now)
    (row,) = await desk.rows(tables.unsubscribed)
    assert (row.address, row.what) == ("alice@acme.test", "progress")
    for _ in range(2):
        assert await desk.db.write(subscriptions.begin, token, now=desk.now)
    assert await desk.rows(tables.unsubscribed) == []
    assert len(await moved(desk, number, "Usate il 5G.")) == 1
    kinds = [row.kind for row in await desk.rows(tables.event) if row.kind.startswith("subscription.")]
    assert kinds == ["subscription.ended", "subscription.begun"]


async def test_a_link_that_nobody_was_given_ends_nothing(desk):
    assert not await desk.db.write(subscriptions.end, "x" * 26, now=desk.now)
    assert not await desk.db.write(subscriptions.begin, "x" * 26, now=desk.now)
    assert await desk.rows(tables.unsubscribed) == []


async def test_staff_see_it_at_the_person_and_let_them_come_again_when_they_are_told_to(desk):
    number = await desk.taken(authentication=PASSED)
    await told(desk)
    await unsubscribed(desk, number)
    alice, ann = (await desk.ticket(number)).contact, await desk.who("ann")

    (shown,) = (await desk.db.read(persons.card, ann, alice)).unsubscribed
    assert (shown.what, shown.ended_at) == (What.PROGRESS, desk.now)
    with pytest.raises(NotFound):
        await desk.db.write(persons.subscribe, await desk.who("alice"), alice, What.PROGRESS, now=desk.now)
    await desk.db.write(persons.subscribe, ann, alice, What.PROGRESS, now=desk.now)

    assert (await desk.db.read(persons.card, ann, alice)).unsubscribed == ()
    assert len(await moved(desk, number, "Usate il 5G.")) == 1
