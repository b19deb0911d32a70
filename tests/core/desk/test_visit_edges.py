"""What cannot be planned, who is called at night, what the books find, and how engineers hear of it when their chat is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core.channel import DeliveryError
from core.desk import (
    bookings,
    handover_facts,
    links,
    page,
    search,
    visit_books,
    visit_links,
    visit_times,
    visit_views,
    visits,
)
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.rules import handover
from core.store import tables
from core.store.opening import open_database
from tests.chat_at_work import Chatter
from tests.core.desk.test_visits import GOING, _agreed, _offered, _planned, _tasks, _visit, rome
from tests.desk_at_work import PASSED, AtWork, at_work

NIGHTS = (
    GOING.replace('  calendar = "Office"\n  access_lead = 60\n', '  time_zone = "Europe/London"\n')
    + """
[[rotas]]
name = "Nights"
duty = "on-call"
  [[rotas.layers]]
  members = ["gus@hub.test"]
  starts = 2026-01-05
"""
).replace('email = "gus@hub.test"\n', 'email = "gus@hub.test"\nphone = "+393405550199"\n')


@pytest.fixture
async def desk(sqlite_url, facts) -> AsyncIterator[AtWork]:
    db = open_database(sqlite_url, facts, readers=1, connections=1)
    yield await at_work(db, GOING)
    db.close()


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("purpose", " "),
        ("purpose", "x" * 2001),
        ("minutes", 0),
        ("site", "Nowhere"),
        ("skills", ["Magic"]),
        ("parts", [{"name": "x"}] * 51),
    ],
)
async def test_what_cannot_be_is_named(desk, field, wrong):
    number = await desk.taken(authentication=PASSED)

    with pytest.raises(Invalid) as refused:
        await desk.do(visits.plan, await desk.who("ann"), number, **{"purpose": "x", field: wrong})

    assert [fault.pointer for fault in refused.value.faults] == [f"/{field}"]


async def test_nobody_plans_before_somebody_works_on_it_and_ahead_is_not_replaced(desk):
    ann = await desk.who("ann")
    with pytest.raises(Refused) as refused:
        await desk.do(visits.plan, ann, await desk.qualified(authentication=PASSED), purpose="x")
    assert "take" in refused.value.allowed

    number, visit = await _agreed(desk)
    with pytest.raises(Invalid, match="still ahead"):
        await desk.do(visits.plan, ann, number, purpose="x", replaces=visit)
    for fields, pointer in (
        ({"technician": "ann@hub.test"}, "goes to no customers"),
        ({"technician": None}, "say who comes"),
    ):
        with pytest.raises(Invalid, match=pointer):
            await desk.do(visits.move, ann, number, visit, start=rome("2026-03-05T09:00"), **fields)
    with pytest.raises(Refused) as refused:
        await desk.do(
            visits.confirm, ann, number, visit, start=rome("2026-03-05T20:00"), technician="gus@hub.test"
        )
    assert refused.value.code == "site_closed"
    anyway = {"start": rome("2026-03-05T20:00"), "technician": "gus@hub.test", "anyway": True}
    await desk.do(visits.move, ann, number, visit, **anyway)
    await desk.do(visits.en_route, ann, number, visit)
    await desk.do(visits.en_route, ann, number, visit)
    with pytest.raises(Invalid, match="before the visit was to begin"):
        await desk.do(visits.no_access, ann, number, visit, reason="x")
    with pytest.raises(Refused) as refused:
        await desk.do(visits.offer, ann, number, visit)
    assert refused.value.code == "visit_over"
    await desk.do(visits.cancel, ann, number, visit, reason="x")
    await desk.do(visits.cancel, ann, number, visit, reason="x")
    with pytest.raises(Refused):
        await desk.do(visits.none_fits, ann, number, visit, "x")


async def test_why_nobody_can_come_is_shown_and_somebody_is_asked(desk):
    number = await desk.taken(authentication=PASSED)
    ann = await desk.who("ann")
    visit = await desk.do(visits.plan, ann, number, purpose="x", skills=["Network"], minutes=300)

    shown = await desk.db.read(visit_views.one, ann, number, visit)

    assert (shown.no_time, shown.slots) == ("site_closed", ())
    assert "visit_no_time" in await _tasks(desk, number)
    with pytest.raises(Refused) as refused:
        await desk.do(visits.offer, ann, number, visit)
    assert refused.value.code == "site_closed"
    board = await desk.db.read(visit_views.board, ann, since=desk.now.date(), days=1, now=desk.now)
    assert [one.visit for one in board.waiting] == [visit]
    with pytest.raises(Invalid):
        await desk.db.read(visit_views.board, ann, since=desk.now.date(), days=99, now=desk.now)
    with pytest.raises(NotFound):
        await desk.do(visits.choose, ann, number, visit, "no such time")


async def test_for_what_is_urgent_who_is_on_call_goes_at_night_by_the_clock_of_the_site(sqlite_url, facts):
    db = open_database(sqlite_url, facts, readers=1, connections=1)
    desk = await at_work(db, NIGHTS)
    desk.now = rome("2026-03-02T22:00")
    patient, urgent = [await desk.taken(authentication=PASSED) for _ in range(2)]
    await desk.qualify(urgent, impact=1, urgency=1)
    ann = await desk.who("ann")

    for number in (patient, urgent):
        await desk.do(visits.plan, ann, number, purpose="x")

    (first, *_), (second, *_) = [await _offered(desk, number) for number in (patient, urgent)]
    assert first.slot_start == rome("2026-03-03T09:00")
    assert second.slot_start == rome("2026-03-02T22:30")
    assert (await _visit(desk, urgent)).time_zone == "Europe/London"
    assert "21:30 – 23:30 (GMT)" in (await desk.outward(urgent, "visit"))[0].text
    db.close()


async def test_leave_that_is_none_is_refused(desk):
    lea, day = await desk.who("lea"), timedelta(days=1)
    given = {"agent": "gus@hub.test", "since": desk.now + day, "until": desk.now + 2 * day}
    for field, wrong in (
        ("agent", "nobody@hub.test"),
        ("kind", "holiday"),
        ("until", desk.now + 500 * day),
        ("note", "x" * 301),
    ):
        with pytest.raises(Invalid) as refused:
            await desk.db.write(bookings.leave, lea, now=desk.now, **{**given, field: wrong})
        assert [fault.pointer for fault in refused.value.faults] == [f"/{field}"]
    with pytest.raises(Invalid, match="past"):
        await desk.db.write(
            bookings.leave,
            lea,
            now=desk.now,
            **given | {"since": desk.now - 2 * day, "until": desk.now - day},
        )
    made = await desk.db.write(bookings.leave, await desk.who("gus"), now=desk.now, **given)
    with pytest.raises(Forbidden):
        await desk.db.write(bookings.remove, await desk.who("eva"), made, now=desk.now)


async def test_the_books_name_what_does_not_agree(desk):
    number, visit = await _agreed(desk)
    other, another = await _planned(desk)
    row, crew = await _visit(desk, number), await desk.crew(number)
    held = await desk.rows(tables.booking, kind="hold")

    def corrupt(tx):
        tx.insert(
            tables.booking,
            agent=crew[0],
            id="01a228e4-e112-7000-a2a5-b84b86034d5f",
            kind="visit",
            since=row.window_start + timedelta(minutes=5),
            until=row.window_end,
            by="x",
            at=desk.now,
        )
        tx.update(tables.visit, {"id": visit}, window_start=row.window_start + timedelta(hours=1))
        tx.run(tables.visit_crew.delete())
        tx.update(tables.visit, {"id": another}, closed_at=desk.now)
        tx.update(tables.ticket, {"number": other}, state="closed")
        tx.run(tables.job.delete().where(tables.job.c.kind == "visits"))
        tx.run(tables.delivery.delete().where(tables.delivery.c.kind == "visit"))

    await desk.db.write(corrupt)
    found = await desk.db.read(lambda tx: list(visit_books.faults(tx, now=desk.now)))

    assert {kind for kind, _ in found} == {
        "visit without a booking",
        "booking of a visit that nobody makes",
        "hold of a visit that is over",
        "visit that is over and is not, or the other way round",
        "offer that nobody watches",
        "engineer in two places",
        "visit that nobody leads, or several",
        "booking of somebody who does not come",
        "agreed visit that the customer was not told of",
    }
    assert len(held) == 3


async def test_an_engineer_whose_chat_is_gone_hears_by_mail_and_of_old_news_not_at_all(desk):
    await Chatter(desk, address="telegram:77").linked("gus")
    number, visit = await _planned(desk, offers=False)
    ann = await desk.who("ann")
    start = {"start": rome("2026-03-05T09:00"), "technician": "gus@hub.test"}
    await desk.do(visits.confirm, ann, number, visit, **start)
    desk.telegram.fails_with = DeliveryError("blocked", permanent=True)
    await desk.work()
    desk.passes(minutes=1)
    await desk.work()

    told = [(one.to.address, one.kind) for one in desk.channel.sent if one.kind == "visit_engineer"]
    assert told == [("gus@hub.test", "visit_engineer")]


async def test_a_link_of_somebody_unknown_leaves_their_words_for_colleagues(desk):
    number, visit = await _planned(desk)
    ticket = await desk.ticket(number)

    def make(tx):
        tokens = [tx.facts.token("test", one) for one in "ab"]
        for n, token in enumerate(tokens):
            person = f"{ticket.id} {visit} +3934055500{n}0"
            links.give(tx, links.VISIT, token, person, until=desk.now + timedelta(days=1), now=desk.now)
        return tokens

    first, second = await desk.db.write(make)
    shown = await desk.db.read(visit_links.show, first, now=desk.now)
    assert shown.visit.id == visit
    assert await desk.db.write(visit_links.none_fits, first, "Sabato", now=desk.now)
    (note,) = await desk.rows(tables.note, number)
    assert note.text.endswith("Sabato")
    assert not await desk.db.write(visit_links.none_fits, first, "Di nuovo", now=desk.now)
    assert await desk.db.write(visit_links.choose, first, "x", now=desk.now) is None
    await desk.do(visits.cancel, await desk.who("ann"), number, visit, reason="x")
    with pytest.raises(Refused):
        await desk.db.write(visit_links.choose, second, "x", now=desk.now)
    assert await desk.db.read(visit_links.used, second) is None


async def test_who_goes_on_site_knows_what_their_groups_do(desk):
    found = await desk.db.read(visit_times.goers)

    assert [(one.name, one.skills, one.calendar) for one in found] == [
        ("Eva", ("Network", "Server"), "Office"),
        ("Gus", ("Network",), "Office"),
    ]


async def test_the_next_shift_is_told_of_the_visits_of_a_day(desk):
    number, _ = await _agreed(desk)

    found = await desk.db.read(handover_facts.now_open, now=desk.now)

    assert [(one["number"], one["site"]) for one in found["visits"]] == [(number, "Verona")]
    assert handover.brief(found)["visits"]


async def test_an_engineer_whose_visit_goes_to_a_colleague_is_told_so(desk):
    number, visit = await _planned(desk, offers=False)
    ann, start = await desk.who("ann"), rome("2026-03-05T09:00")
    await desk.do(visits.confirm, ann, number, visit, start=start, technician="gus@hub.test")
    await desk.work()
    desk.channel.sent.clear()

    await desk.do(visits.move, ann, number, visit, start=start, technician="eva@hub.test")
    await desk.work()

    told = {one.to.address: one.subject for one in desk.channel.sent if one.kind == "visit_engineer"}
    assert told["gus@hub.test"] == f"Lei non va più a questo intervento: {number}"
    assert told["eva@hub.test"].startswith("Intervento fissato: giovedì 5 marzo 2026, 09:00")


async def test_who_wants_an_agreed_visit_later_has_the_clocks_stand_still_and_who_is_moved_by_us_has_not(
    desk,
):
    number, visit = await _agreed(desk)
    alice, ann = await desk.who("alice"), await desk.who("ann")
    await desk.do(visits.none_fits, alice, number, visit, "Meglio domani.")
    assert (await _visit(desk, number)).state == "confirmed"
    await desk.do(visits.move, ann, number, visit)
    await desk.do(visits.choose, alice, number, visit, (await _offered(desk, number))[-1].id)
    assert (await desk.clocks(number))["resolve"].state == "paused"
    agreed = await desk.events(number, "visit.moved")

    await desk.do(visits.move, ann, number, visit)
    await desk.do(visits.choose, alice, number, visit, (await _offered(desk, number))[-1].id)

    moved = (await desk.events(number, "visit.moved"))[len(agreed) :]
    assert [row.data["asked"] for row in (*agreed, *moved)] == [True, False]


def _next_is_onsite(tx, number, due) -> None:
    tx.update(tables.ticket, {"number": number}, next_clock="onsite", next_due=due)


async def test_beside_a_later_time_the_customer_is_not_told_that_somebody_is_there_sooner(desk):
    number, visit = await _planned(desk)
    alice, lea = await desk.who("alice"), await desk.who("lea")

    async def due(who):
        seen = await desk.db.read(page.ticket, who, number, now=desk.now)
        return next(one.due_at for one in seen.clocks if one.name == "onsite")

    target = await due(lea)
    assert await due(alice) == target, "a time before it is offered as well"
    later = rome("2026-03-05T09:00")
    await desk.do(visits.offer, await desk.who("ann"), number, visit, not_before=later)
    assert await due(alice) is None
    first, *_ = await _offered(desk, number)
    await desk.do(visits.choose, alice, number, visit, first.id)

    seen = await desk.db.read(page.ticket, alice, number, now=desk.now)
    assert (await due(alice), seen.visits[0].window_start) == (None, first.slot_start)
    assert seen.next_action.due == first.slot_start
    assert await due(lea) == target
    await desk.db.write(_next_is_onsite, number, target)
    told = [(await desk.db.read(search.tickets, who)).items[0] for who in (alice, lea)]
    assert [(row.next_clock, row.next_due) for row in told] == [(None, None), ("onsite", target)]
    desk.now = target + timedelta(minutes=1)
    await desk.work()
    assert (await desk.clocks(number))["onsite"].breached_at is not None, "that it was missed stays a fact"
