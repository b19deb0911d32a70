"""A customer who was asked and says nothing is reminded twice, by working days; then the request counts as solved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.desk import tickets
from core.store import tables
from tests import rows
from tests.desk_at_work import CONFIGURED, AtWork, at_work

SERVER = {"technology": "Server"}  # its line keeps office hours


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db, CONFIGURED)


async def asked(desk: AtWork) -> str:
    """On a Thursday at noon."""
    desk.now = datetime(2026, 3, 5, 11, tzinfo=UTC)
    number = await desk.qualify((await desk.mail("alice@acme.test")).number or "", **SERVER)
    await desk.do(tickets.take, await desk.who("lea"), number)
    await desk.do(tickets.wait, await desk.who("lea"), number, "Quale versione?")
    return number


async def ring(desk: AtWork) -> datetime:
    (timer,) = await desk.rows(tables.job, kind="unanswered")
    desk.now = timer.due
    await desk.work()
    return timer.due


async def test_five_two_and_three_working_days_and_then_it_counts_as_solved(desk):
    number = await asked(desk)
    days = [await ring(desk) for _ in range(3)]

    assert [(at.day, at.hour) for at in days] == [(12, 11), (16, 11), (19, 11)], "no weekend is a working day"
    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.resolution["cause"]) == ("resolved", "no_answer")
    told = [
        row.text for row in await desk.outward(number, "progress") if "ancora una Sua risposta" in row.text
    ]
    assert len(told) == 2
    assert "«Quale versione?»" in told[0]
    assert "giovedì 19 marzo 2026, 12:00" in told[0]
    assert "Causa: nessuna risposta alle nostre domande" in (await desk.outward(number, "resolved"))[0].text
    clock = (await desk.clocks(number))["resolve"]
    assert (clock.state, clock.elapsed_s) == ("met", 0), "it was not our time"
    assert await desk.rows(tables.job, kind="unanswered") == []


async def test_an_answer_ends_the_reminding(desk):
    number = await asked(desk)
    await ring(desk)
    await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),))

    assert (await desk.ticket(number)).state == "in_progress"
    assert await desk.rows(tables.job, kind="unanswered") == []


async def test_what_is_not_over_is_not_taken_for_solved(desk):
    number = await asked(desk)
    await desk.db.write(rows.a_vendor_case, (await desk.ticket(number)).id)
    for _ in range(3):
        await ring(desk)

    assert (await desk.ticket(number)).state == "waiting_customer"
    (task,) = await desk.rows(tables.task, number, kind="still_open")
    assert task.about["reasons"]
    assert (await desk.rows(tables.job, kind="unanswered"))[0].due > desk.now


async def test_who_was_asked_by_telephone_before_it_was_written_has_the_ball_since_then(desk):
    number = await desk.taken()
    began = desk.now
    desk.passes(hours=3)
    await desk.do(tickets.wait, await desk.who("ann"), number, "Quale?", at=began + timedelta(hours=1))
    desk.passes(hours=1)
    await desk.do(tickets.resume, await desk.who("ann"), number, at=began + timedelta(hours=3, minutes=30))

    clock = (await desk.clocks(number))["resolve"]
    assert (clock.elapsed_s, clock.paused_s) == (90 * 60, 150 * 60)
