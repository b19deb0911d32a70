"""It works for now: the customer is asked, accepts or refuses, and somebody looks at it again by a date."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from core.desk import resolution, tickets, workaround_books, workaround_links, workarounds
from core.desk.errors import Invalid, NotFound, Refused
from core.store import tables
from tests.chat_at_work import chatting
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def applied(desk: AtWork, **fields) -> str:
    """A P1 of Alice's, which works again by 4G."""
    number = await desk.qualified(authentication=PASSED)
    await desk.qualify(number, impact=1, urgency=1)
    await desk.do(tickets.take, await desk.who("ann"), number)
    desk.passes(hours=1)
    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate il 4G.", **fields)
    return number


async def the_one(desk: AtWork, number: str):
    return (await desk.rows(tables.workaround, number))[-1]


async def sound(desk: AtWork) -> None:
    assert await desk.db.read(lambda tx: list(workaround_books.faults(tx, now=desk.now))) == []


async def link(desk: AtWork, number: str) -> str:
    desk.passes(minutes=2)
    await desk.work()
    return re.findall(r"/workaround/(\S+)", desk.channel.sent[-1].text)[-1]


async def open_tasks(desk: AtWork, number: str) -> list[str]:
    return [row.kind for row in await desk.rows(tables.task, number) if row.done_at is None]


async def test_the_customer_is_asked_whether_it_works_and_hears_when_the_fix_is_there(desk):
    number = await applied(desk)
    row = await the_one(desk, number)
    fix = (await desk.clocks(number))["resolve"].due_at
    assert (row.state, row.review_by, row.text) == ("asked", fix, "Usate il 4G.")

    await desk.do(workarounds.accept, await desk.who("alice"), number)

    row = await the_one(desk, number)
    assert (row.state, row.answered_by) == ("accepted", (await desk.who("alice")).actor)
    assert "7 marzo 2026" in (await desk.outward(number))[-1].text
    with pytest.raises(Refused) as refused:
        await desk.do(workarounds.accept, await desk.who("alice"), number)
    assert refused.value.code == workarounds.ANSWERED
    with pytest.raises(NotFound):
        await desk.do(workarounds.accept, await desk.who("bob"), number)
    await sound(desk)


async def test_that_it_does_not_work_needs_words_and_starts_the_restore_clock_again(desk):
    number = await applied(desk)
    alice = await desk.who("alice")
    with pytest.raises(Invalid):
        await desk.do(workarounds.refuse, alice, number, reason="  ")
    desk.passes(hours=1)

    await desk.do(workarounds.refuse, alice, number, reason="Il 4G non prende.")

    clocks, ticket = await desk.clocks(number), await desk.ticket(number)
    assert clocks["restore"].state == "running"
    assert clocks["restore"].paused_s == 3600, "while it was thought to work"
    assert clocks["resolve"].target_s == 8 * 3600, "no long target any more"
    assert "workaround" not in ticket.flags
    assert "workaround" not in ticket.resolution
    said = await desk.rows(tables.message, number, direction="in")
    assert said[-1].text == "Il 4G non prende."
    assert "workaround_refused" in await open_tasks(desk, number)
    with pytest.raises(Refused):
        await desk.do(workarounds.accept, alice, number)
    await sound(desk)


async def test_a_link_in_the_mail_answers_once_without_a_password(desk):
    number = await applied(desk)
    token = await link(desk, number)
    shown = await desk.db.read(workaround_links.show, token, now=desk.now)
    assert (shown.number, shown.text, shown.answerable) == (number, "Usate il 4G.", True)

    assert await desk.db.write(workaround_links.accept, token, now=desk.now)

    assert (await the_one(desk, number)).state == "accepted"
    assert not await desk.db.write(workaround_links.accept, token, now=desk.now), "it works once"
    shown = await desk.db.read(workaround_links.show, token, now=desk.now)
    assert (shown.state, shown.answerable) == ("accepted", False)
    assert await desk.db.read(workaround_links.show, "guessed", now=desk.now) is None


async def test_the_link_takes_the_words_of_who_says_that_it_does_not_work(desk):
    number = await applied(desk)
    token = await link(desk, number)
    with pytest.raises(Invalid):
        await desk.db.write(workaround_links.refuse, token, "", now=desk.now)

    assert await desk.db.write(workaround_links.refuse, token, "Non va.", now=desk.now)

    assert (await the_one(desk, number)).why == "Non va."
    await sound(desk)


async def test_a_review_lies_ahead_and_not_after_the_fix(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    for wrong in (desk.now, desk.now - timedelta(days=1), desk.now + timedelta(days=2)):
        with pytest.raises(Invalid) as refused:
            await desk.do(tickets.workaround, ann, number, "4G", review_by=wrong)
        assert refused.value.faults[0].pointer == "/review_by"
    await desk.do(tickets.workaround, ann, number, "4G", review_by=desk.now + timedelta(hours=3))
    assert (await the_one(desk, number)).review_by == desk.now + timedelta(hours=3)


async def test_when_nobody_looked_by_the_date_restore_runs_again_and_it_is_on_the_board(desk):
    number = await applied(desk, review_by=desk.now + timedelta(hours=3))
    desk.now += timedelta(hours=4)
    await desk.work()

    ticket, clocks = await desk.ticket(number), await desk.clocks(number)
    assert {"workaround", "review_overdue"} <= set(ticket.flags)
    assert clocks["restore"].state == "running"
    assert clocks["resolve"].target_s == 5 * 86_400, "it still works by it"
    (task,) = [row for row in await desk.rows(tables.task, number) if row.kind == "workaround_review"]
    assert (task.alarm, task.agent) == (True, (await desk.who("ann")).id)
    await sound(desk)

    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate la fibra di riserva.")

    first, second = await desk.rows(tables.workaround, number)
    assert (first.state, second.state) == ("ended", "asked")
    assert "review_overdue" not in (await desk.ticket(number)).flags
    assert (await desk.clocks(number))["restore"].state == "met"
    assert "workaround_review" not in await open_tasks(desk, number)
    await sound(desk)


async def test_the_fix_ends_it_and_a_reopening_brings_it_back(desk):
    number = await applied(desk)
    await desk.do(workarounds.accept, await desk.who("alice"), number)
    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
    assert (await the_one(desk, number)).state == "ended"
    await sound(desk)

    await desk.do(resolution.reopen, await desk.who("ann"), number, reason="Di nuovo.")

    assert (await the_one(desk, number)).state == "accepted"
    await sound(desk)


async def test_who_was_waited_for_and_says_that_it_fails_is_not_waited_for(desk):
    number = await applied(desk)
    await desk.do(tickets.wait, await desk.who("ann"), number, "Funziona?")
    await desk.do(workarounds.refuse, await desk.who("alice"), number, reason="No.")
    assert (await desk.ticket(number)).state == "in_progress"


# --- In a chat ---


@pytest.fixture
async def mario(db):
    return await (await chatting(db)).linked("alice")


async def asked_in_a_chat(mario) -> str:
    desk = mario.desk
    number = (await mario.writes("La rete non va")).number
    await desk.qualify(number, impact=1, urgency=1)
    await desk.do(tickets.take, await desk.who("ann"), number)
    desk.passes(minutes=5)
    await mario.work()
    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate il 4G.")
    desk.passes(minutes=2)
    await mario.work()
    assert [one.label for one in mario.last().buttons] == ["Funziona", "Non funziona"]
    assert "#workaround" not in mario.last().text
    return number


async def test_in_a_chat_a_button_accepts_it(mario):
    number = await asked_in_a_chat(mario)

    done = await mario.presses("Funziona")

    assert done.reason == "pressed_accept"
    assert (await the_one(mario.desk, number)).state == "accepted"


async def test_in_a_chat_their_next_words_say_why_it_fails(mario):
    number = await asked_in_a_chat(mario)

    done = await mario.presses("Non funziona")
    await mario.writes("Il 4G qui non prende")

    assert done.reason == "pressed_fails"
    assert (await the_one(mario.desk, number)).state == "refused"
    assert (await mario.desk.clocks(number))["restore"].state == "running"
    assert (await mario.texts(number))[-1] == "Il 4G qui non prende"
    await sound(mario.desk)


async def test_a_button_of_one_that_was_replaced_answers_nothing(mario):
    number = await asked_in_a_chat(mario)
    desk = mario.desk
    (old, *_) = [row for row in await mario.buttons() if row.label == "Funziona"]
    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate la fibra.")

    done = await mario.does(pressed=old.id)

    assert done.reason == "pressed_too_late"
    assert (await the_one(desk, number)).state == "asked"
