"""Calendars are told of visits and answer: invitations go out, answers are noted, another time waits for staff."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from core.desk import visit_answers, visits
from core.desk.errors import Forbidden, NotFound, Refused
from core.envelope import CalendarWord, Kind
from core.store import tables
from tests.core.desk.test_visits import GOING, _agreed, _sound, _tasks, _visit, rome
from tests.desk_at_work import DISOWNED, PASSED, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db, GOING)


async def said(desk: AtWork, number: str, author: str = "alice@acme.test", **fields):
    """A calendar's answer comes in."""
    row = await _visit(desk, number)
    given = {
        "method": "REPLY",
        "uid": row.uid,
        "sequence": row.sequence,
        "attendee": author,
        "partstat": "ACCEPTED",
    } | fields
    return await desk.mail(
        author,
        "Accepted",
        kind=Kind.CALENDAR_REPLY,
        may_auto_reply=False,
        authentication=given.pop("authentication", PASSED),
        calendar=CalendarWord(**given),
    )


async def answers(desk: AtWork, number: str) -> dict[str, str]:
    return {row.address: row.partstat for row in await desk.rows(tables.visit_attendee, number)}


async def sent(desk: AtWork) -> set[tuple[str, str, int, str]]:
    """What left for calendars since the last look: to whom, what, which change, and when the visit begins in Rome."""
    desk.channel.sent.clear()
    await desk.work()
    found = [(one.to.address, one.invitation) for one in desk.channel.sent if one.invitation is not None]
    zone = ZoneInfo("Europe/Rome")
    return {(to, one.method, one.sequence, f"{one.start.astimezone(zone):%d %H:%M}") for to, one in found}


async def test_every_change_goes_to_the_calendars_of_both_sides(desk):
    number, visit = await _agreed(desk)
    ann, row = await desk.who("ann"), await _visit(desk, number)
    mine = {one.id: one.email for one in [await desk.who("gus"), await desk.who("eva")]}[
        (await desk.crew(number))[0]
    ]
    assert await sent(desk) == {(to, "REQUEST", 0, "02 11:00") for to in ("alice@acme.test", mine)}
    assert {one.invitation.uid for one in desk.channel.sent if one.invitation} == {row.uid}
    assert all("(CET)" in one.invitation.text for one in desk.channel.sent if one.invitation)
    start = row.window_start + timedelta(days=1)
    await desk.do(visits.confirm, ann, number, visit, start=start, technician=mine, anyway=True)
    assert await sent(desk) == {(to, "REQUEST", 1, "03 11:00") for to in ("alice@acme.test", mine)}
    await desk.do(visits.cancel, ann, number, visit, reason="Risolto da remoto")
    assert await sent(desk) == {(to, "CANCEL", 2, "03 11:00") for to in ("alice@acme.test", mine)}


async def test_who_was_invited_says_whether_they_come(desk):
    number, visit = await _agreed(desk)
    await said(desk, number)
    assert (await answers(desk, number))["alice@acme.test"] == "ACCEPTED"
    assert await _tasks(desk, number) == []
    await said(desk, number, partstat="DECLINED")
    assert "visit_counter" in await _tasks(desk, number)
    engineer = next(one for one in await answers(desk, number) if one != "alice@acme.test")
    await said(desk, number, author=engineer, partstat="DECLINED", authentication=PASSED)
    assert "visit_declined" in await _tasks(desk, number)
    shown = await desk.db.read(visit_answers.calendar, await desk.who("lea"), number, visit)
    assert {one.answer for one in shown.invited} == {"DECLINED"}
    with pytest.raises(Forbidden):
        await desk.db.read(visit_answers.calendar, await desk.who("alice"), number, visit)
    await _sound(desk)


async def test_what_does_not_fit_changes_nothing_and_staff_see_it(desk):
    number, _ = await _agreed(desk)
    before = await answers(desk, number)
    for wrong in (
        {"sequence": 7},
        {"uid": "somebody@else.test"},
        {"attendee": "aldo@acme.test"},
        {"authentication": DISOWNED},
    ):
        done = await said(desk, number, **wrong)
        assert done.outcome in ("held", "attached"), wrong
    stranger = await said(desk, number, author="eve@evil.test")
    assert (stranger.outcome, stranger.reason) == ("held", "calendar_answer")
    assert await answers(desk, number) == before
    assert await desk.rows(tables.visit_slot, number, state="asked") == []


async def test_another_time_waits_for_staff_who_take_it_or_keep_the_old_one(desk):
    number, visit = await _agreed(desk)
    ann, before = await desk.who("ann"), await _visit(desk, number)
    wish = rome("2026-03-05T15:00")
    await said(desk, number, method="COUNTER", start=wish - timedelta(hours=1), end=wish)
    await said(desk, number, method="COUNTER", start=wish, end=wish + timedelta(hours=2))
    await said(desk, number, method="COUNTER", start=wish, end=wish + timedelta(hours=2))
    (asked,) = await desk.rows(tables.visit_slot, number, state="asked")
    assert (asked.slot_start, asked.by) == (wish, "alice@acme.test")
    crew = await desk.crew(number)
    assert (await _visit(desk, number)).window_start == before.window_start, "the old time stays"
    assert "visit_counter" in await _tasks(desk, number)
    await desk.do(visit_answers.keep, ann, number, visit, asked.id)
    assert ("alice@acme.test", "DECLINECOUNTER", 0, "02 11:00") in await sent(desk)
    assert "resta" in (await desk.outward(number, "visit"))[-1].text
    assert await _tasks(desk, number) == []
    with pytest.raises(NotFound):
        await desk.do(visit_answers.keep, ann, number, visit, asked.id)

    await said(desk, number, method="COUNTER", start=wish)
    (asked,) = await desk.rows(tables.visit_slot, number, state="asked")
    await desk.do(visit_answers.accept, ann, number, visit, asked.id)
    row = await _visit(desk, number)
    assert (row.window_start, row.sequence, await desk.crew(number)) == (wish, 1, crew)
    assert {one[1:] for one in await sent(desk)} == {("REQUEST", 1, "05 15:00")}
    assert await desk.rows(tables.visit_slot, number, state="asked") == []
    await desk.do(visits.cancel, ann, number, visit, reason="x")
    with pytest.raises(Refused):
        await desk.do(visit_answers.accept, ann, number, visit, asked.id)
    await _sound(desk)


async def test_the_engineer_may_ask_for_another_time_too_and_each_word_counts_once(desk):
    number, visit = await _agreed(desk)
    engineer = next(one for one in await answers(desk, number) if one != "alice@acme.test")
    await said(desk, number, author=engineer)
    await said(desk, number, author=engineer)
    assert len(await desk.events(number, "visit.answered")) == 1
    wish = rome("2026-03-05T15:00")
    await said(desk, number, author=engineer, method="COUNTER", start=wish)
    await said(desk, number, method="COUNTER", start=wish)
    asked = await desk.rows(tables.visit_slot, number, state="asked")
    assert {one.by for one in asked} == {engineer, "alice@acme.test"}
    mine = next(one for one in asked if one.by == engineer)
    await sent(desk)
    await desk.do(visit_answers.keep, await desk.who("ann"), number, visit, mine.id)
    assert await sent(desk) == {(engineer, "DECLINECOUNTER", 0, "02 11:00")}


async def test_words_that_are_overtaken_before_they_leave_bring_no_calendar(desk):
    number, visit = await _agreed(desk)
    row = await _visit(desk, number)
    mine = next(one for one in await answers(desk, number) if one != "alice@acme.test")
    later = {"start": row.window_start + timedelta(days=1), "technician": mine, "anyway": True}
    await desk.do(visits.confirm, await desk.who("ann"), number, visit, **later)
    assert {one[1:3] for one in await sent(desk)} == {("REQUEST", 1)}
