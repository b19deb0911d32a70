"""Several engineers come to one visit: found, held, booked, told and invited together; the crew changes, and its books balance."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import permutations

import pytest

from core.desk import (
    crew_changes,
    day_books,
    joining,
    visit_books,
    visit_day,
    visit_steps,
    visit_views,
    visits,
)
from core.desk.errors import Forbidden, Invalid, Refused, Stale
from core.store import tables
from tests.core.desk.test_visit_answers import answers, said, sent
from tests.core.desk.test_visit_steps import a_step
from tests.core.desk.test_visits import GOING, _agreed, _offered, _planned, _sound, _tasks, _visit, rome
from tests.desk_at_work import PASSED, AtWork, at_work

THREE = (
    GOING
    + """
[[agents]]
email = "ivo@hub.test"
name = "Ivo"
roles = ["technician"]
groups = ["Systems"]
skills = ["Server"]
onsite = true
calendar = "Office"
"""
)
GUS, EVA, IVO = (f"{name}@hub.test" for name in ("gus", "eva", "ivo"))


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db, THREE)


async def crew_of(desk: AtWork, number: str) -> list[str]:
    """E-mails; who leads is first."""
    known = {(await desk.who(name)).id: f"{name}@hub.test" for name in ("gus", "eva", "ivo")}
    return [known[one] for one in await desk.crew(number)]


async def agreed(desk: AtWork, *others: str, leads: str = GUS) -> tuple[str, str]:
    """A visit on Thursday at ten, two hours."""
    number, visit = await _planned(desk, offers=False)
    given = {"start": rome("2026-03-05T10:00"), "technician": leads, "others": others}
    await desk.do(visits.confirm, await desk.who("ann"), number, visit, **given)
    return number, visit


async def test_times_are_held_for_as_many_as_the_visit_asks_for_and_all_of_them_are_booked(desk):
    number, visit = await _planned(desk, engineers=2, skills=["Network"])
    first, *_ = slots = await _offered(desk, number)
    holds = await desk.rows(tables.booking, kind="hold")
    assert sorted((row.agent, row.since) for row in holds) == sorted(
        (who, slot.slot_start) for slot in slots for who in (slot.technician, *slot.others)
    )
    assert [len(slot.others) for slot in slots] == [1, 1, 1]
    await _sound(desk)

    await desk.do(visits.choose, await desk.who("alice"), number, visit, first.id)

    assert await desk.crew(number) == [first.technician, *first.others]
    booked = await desk.rows(tables.booking)
    assert {(row.kind, row.agent) for row in booked} == {("visit", who) for who in await desk.crew(number)}
    assert "Vengono: " in (await desk.outward(number, "visit"))[-1].text
    await _sound(desk)


async def test_who_is_asked_for_by_name_comes_also_to_another_time(desk):
    number, visit = await _planned(desk, technicians=[IVO, EVA], skills=["Network"])
    ann = await desk.who("ann")
    for _ in range(2):
        first, *_ = await _offered(desk, number)
        await desk.do(visits.choose, await desk.who("alice"), number, visit, first.id)
        assert await crew_of(desk, number) == [IVO, EVA]
        await desk.do(visits.offer, ann, number, visit)

    await desk.do(visits.offer, ann, number, visit, engineers=1)
    assert [len(slot.others) for slot in await _offered(desk, number)] == [0, 0, 0]
    shown = await desk.db.read(visit_views.one, ann, number, visit)
    assert (shown.count, len(shown.engineers)) == (1, 2), "the crew stays until another time is agreed"
    await _sound(desk)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"engineers": 0}, "/engineers"),
        ({"engineers": 21}, "/engineers"),
        ({"engineers": 3, "technicians": [GUS, EVA]}, "/engineers"),
        ({"technicians": [GUS, GUS]}, "/technicians"),
        ({"technicians": ["ann@hub.test"]}, "/technicians"),
    ],
)
async def test_a_crew_that_cannot_be_is_named(desk, fields, pointer):
    with pytest.raises(Invalid) as refused:
        await _planned(desk, **fields)

    assert [fault.pointer for fault in refused.value.faults] == [pointer]


async def test_more_than_go_on_site_are_not_offered_and_fewer_than_asked_for_are_not_agreed(desk):
    number, visit = await _planned(desk, engineers=4)
    ann = await desk.who("ann")
    assert (await desk.db.read(visit_views.one, ann, number, visit)).no_time == "too_few"
    given = {"start": rome("2026-03-05T10:00"), "technician": GUS}
    for others, words in (((EVA,), "name 2 more"), ((GUS,), "leads already")):
        with pytest.raises(Invalid, match=words):
            await desk.do(visits.confirm, ann, number, visit, **given, others=others)

    await desk.do(visits.confirm, ann, number, visit, **given, others=[EVA], anyway=True)

    assert await crew_of(desk, number) == [GUS, EVA]
    await _sound(desk)


async def test_a_crew_has_its_limit(desk, monkeypatch):
    monkeypatch.setattr(visits, "MAX_CREW", 2)
    number, visit = await agreed(desk, EVA)
    with pytest.raises(Invalid, match="at most 2"):
        await desk.do(crew_changes.add, await desk.who("ann"), number, visit, technician=IVO)
    with pytest.raises(Invalid, match="at most 1"):
        await agreed(desk, EVA, IVO)


async def test_a_hold_that_ran_out_is_not_given_where_one_of_them_goes_on_site_no_more(desk):
    number, visit = await _planned(desk, engineers=3)
    *_, last = await _offered(desk, number)
    desk.passes(hours=5)
    await desk.db.write(lambda tx: tx.update(tables.agent, {"email": IVO}, onsite=False))

    chosen = await desk.do(visits.choose, await desk.who("alice"), number, visit, last.id)

    assert not chosen.agreed
    shown = await desk.db.read(visit_views.one, await desk.who("ann"), number, visit)
    assert (shown.no_time, shown.slots) == ("too_few", ())
    await _sound(desk)


@pytest.mark.parametrize(("email", "days"), [("nobody@hub.test", 1), (GUS, 0), (GUS, 32)])
async def test_a_day_book_that_cannot_be_is_refused(desk, email, days):
    with pytest.raises(Invalid):
        await desk.db.read(day_books.book, await desk.who("ann"), email, days=days, now=desk.now)


async def test_somebody_joins_takes_a_place_and_leaves_and_calendars_of_the_others_are_left_alone(desk):
    number, visit = await agreed(desk, EVA)
    ann = await desk.who("ann")
    assert {to for to, method, *_ in await sent(desk) if method == "REQUEST"} == {GUS, EVA, "alice@acme.test"}
    await said(desk, number, "alice@acme.test")

    await desk.do(crew_changes.add, ann, number, visit, technician=IVO)
    assert await sent(desk) == {(IVO, "REQUEST", 1, "05 10:00")}
    assert "Gus, Eva, Ivo" in (await desk.outward(number, "visit"))[-1].text
    await said(desk, number, IVO, sequence=1, partstat="TENTATIVE")
    await said(desk, number, EVA, sequence=0, partstat="DECLINED")
    assert await _tasks(desk, number) == ["visit_declined"]

    await desk.do(crew_changes.remove, ann, number, visit, technician=EVA)
    assert await sent(desk) == {(EVA, "CANCEL", 2, "05 10:00")}
    assert await _tasks(desk, number) == []
    await said(desk, number, EVA, sequence=2)
    assert await answers(desk, number) == {
        "alice@acme.test": "ACCEPTED",
        GUS: "NEEDS-ACTION",
        IVO: "TENTATIVE",
    }, "who does not come answers for nothing"

    await desk.do(crew_changes.replace, ann, number, visit, technician=EVA, instead_of=GUS)
    assert await sent(desk) == {(GUS, "CANCEL", 3, "05 10:00"), (EVA, "REQUEST", 3, "05 10:00")}
    assert await crew_of(desk, number) == [EVA, IVO], "who takes the place of who leads leads"
    await _sound(desk)

    await desk.do(visits.cancel, ann, number, visit, reason="Risolto da remoto")
    assert await sent(desk) == {(to, "CANCEL", 4, "05 10:00") for to in ("alice@acme.test", EVA, IVO)}
    assert await desk.rows(tables.booking) == []
    await _sound(desk)


async def test_what_cannot_be_changed_says_why(desk):
    number, visit = await agreed(desk, IVO, leads=EVA)
    ann, alice = await desk.who("ann"), await desk.who("alice")
    with pytest.raises(Forbidden):
        await desk.do(crew_changes.add, alice, number, visit, technician=GUS)
    for verb, fields, words in (
        (crew_changes.add, {"technician": IVO}, "comes already"),
        (crew_changes.add, {"technician": "ann@hub.test"}, "goes to no customers"),
        (crew_changes.remove, {"technician": GUS}, "does not come"),
        (crew_changes.remove, {"technician": "nobody@hub.test"}, "does not come"),
        (crew_changes.replace, {"technician": GUS, "instead_of": GUS}, "does not come"),
        (crew_changes.replace, {"technician": IVO, "instead_of": EVA}, "comes already"),
    ):
        with pytest.raises(Invalid, match=words):
            await desk.do(verb, ann, number, visit, **fields)
    with pytest.raises(Refused) as refused:
        await desk.do(crew_changes.remove, ann, number, visit, technician=EVA)
    assert refused.value.code == "no_skill", "nobody would be left who knows it"

    await desk.do(crew_changes.remove, ann, number, visit, technician=EVA, anyway=True)
    assert await crew_of(desk, number) == [IVO]
    with pytest.raises(Refused) as refused:
        await desk.do(crew_changes.remove, ann, number, visit, technician=IVO)
    assert refused.value.code == "last"

    waiting, other = await _planned(desk)
    with pytest.raises(Refused) as refused:
        await desk.do(crew_changes.add, ann, waiting, other, technician=GUS)
    assert refused.value.code == "visit_state"


async def test_two_dispatchers_who_want_the_same_engineer_at_once_do_not_both_get_them(desk):
    pairs = [await agreed(desk, leads=leads) for leads in (GUS, EVA)]
    ann = await desk.who("ann")

    found = await asyncio.gather(
        *(desk.do(crew_changes.add, ann, number, visit, technician=IVO) for number, visit in pairs),
        return_exceptions=True,
    )

    (refused,) = [one for one in found if isinstance(one, Exception)]
    assert isinstance(refused, Refused)
    assert refused.code == "taken"
    await _sound(desk)


async def test_two_crews_of_the_same_people_in_another_order_meet_and_one_gets_the_hour(desk):
    pairs = [await _planned(desk, offers=False, purpose=f"{n}") for n in range(2)]
    ann, start = await desk.who("ann"), rome("2026-03-05T10:00")
    for (leads, other), (number, visit) in zip(permutations((GUS, EVA)), pairs, strict=True):
        given = {"start": start, "technician": leads, "others": [other]}
        pairs[pairs.index((number, visit))] = (number, visit, given)  # type: ignore[assignment]

    found = await asyncio.gather(
        *(desk.do(visits.confirm, ann, number, visit, **given) for number, visit, given in pairs),
        return_exceptions=True,
    )

    (refused,) = [one for one in found if isinstance(one, Exception)]
    assert isinstance(refused, Refused)
    assert refused.code == "taken"
    assert len(await desk.rows(tables.booking, kind="visit")) == 2
    await _sound(desk)


async def test_two_who_change_the_same_crew_at_once_do_not_undo_each_other(desk):
    number, visit = await agreed(desk, EVA)
    ann, seen = await desk.who("ann"), (await desk.ticket(number)).last_event

    found = await asyncio.gather(
        desk.do(crew_changes.add, ann, number, visit, technician=IVO, seen=seen),
        desk.do(crew_changes.remove, await desk.who("lea"), number, visit, technician=EVA, seen=seen),
        return_exceptions=True,
    )

    (refused,) = [one for one in found if isinstance(one, Exception)]
    assert isinstance(refused, Stale)
    await _sound(desk)


async def test_every_one_of_a_crew_has_the_visit_on_the_phone_and_a_step_is_taken_once_whoever_takes_it(desk):
    number, visit = await agreed(desk, EVA)
    gus, eva = await desk.who("gus"), await desk.who("eva")
    desk.now = (await _visit(desk, number)).window_start - timedelta(minutes=25)
    for one in (gus, eva):
        (stop,) = await desk.db.read(visit_day.mine, one, now=desk.now)
        assert stop.id == visit

    await desk.db.write(visit_steps.record, eva, visit, a_step("en_route"), now=desk.now)
    desk.passes(minutes=25)
    await desk.db.write(visit_steps.record, gus, visit, a_step("check_in"), now=desk.now)
    again = await desk.db.write(visit_steps.record, eva, visit, a_step("check_in"), now=desk.now)
    assert (again.new, again.state) == (False, "onsite")
    desk.passes(minutes=50)
    await desk.db.write(visit_steps.record, eva, visit, a_step("check_out", text="Fatto"), now=desk.now)

    sheet = await desk.db.read(visit_day.sheet, gus, visit, now=desk.now)
    assert [(one.kind, one.by) for one in sheet.steps] == [
        ("en_route", "Eva"),
        ("check_in", "Gus"),
        ("check_out", "Eva"),
    ]
    worked = await desk.rows(tables.activity, number, kind="onsite")
    assert {(row.agent, row.minutes) for row in worked} == {(gus.id, 50), (eva.id, 50)}
    for email in (GUS, EVA):
        (day,) = await desk.db.read(day_books.book, await desk.who("ann"), email, now=desk.now)
        assert (day.number, day.travel, day.work) == (number, 25, 50)
    (paper,) = await desk.rows(tables.paper, number, kind="visit")
    assert paper.values["of"]["technicians"] == ["Gus", "Eva"]
    await _sound(desk)


async def test_a_crew_goes_with_its_visit_when_requests_are_merged(desk):
    number, _ = await agreed(desk, EVA)
    into = await desk.taken(authentication=PASSED)

    await desk.do(joining.merge, await desk.who("ann"), number, into=into)

    assert await crew_of(desk, into) == [GUS, EVA]
    await _sound(desk)


async def test_the_books_name_a_crew_that_is_not_what_was_booked(desk):
    number, visit = await agreed(desk, EVA)
    await _planned(desk, engineers=2)
    gus, eva, ivo = [(await desk.who(name)).id for name in ("gus", "eva", "ivo")]
    ticket = (await _visit(desk, number)).ticket_id

    def corrupt(tx):
        tx.run(tables.booking.delete().where(tables.booking.c.agent == eva))
        tx.update(tables.booking, {"visit_id": visit}, agent=ivo)
        tx.update(tables.visit_crew, {"agent": gus}, leads=False)
        tx.insert(tables.visit_crew, ticket_id=ticket, visit_id=visit, agent="x", at=desk.now)
        tx.insert(tables.visit_crew, ticket_id=ticket, visit_id=ticket, agent="x", at=desk.now)
        tx.update(tables.visit_slot, {"technician": gus}, others=[])

    await desk.db.write(corrupt)

    assert {
        kind for kind, _ in await desk.db.read(lambda tx: list(visit_books.faults(tx, now=desk.now)))
    } == {
        "engineer who comes without a booking",
        "booking of somebody who does not come",
        "visit that nobody leads, or several",
        "crew of no visit",
        "time that was offered and is not held",
        "hold of a time that nobody is offered",
    }


async def test_one_engineer_is_a_crew_of_one(desk):
    number, _ = await _agreed(desk)

    (row,) = await desk.rows(tables.visit_crew, number)

    assert (row.leads, (await _visit(desk, number)).engineers) == (True, 1)
