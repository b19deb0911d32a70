"""Somebody goes there: planned, offered, chosen, moved, made or called off, with one engineer in one place at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from core.desk import bookings, joining, resolution, tickets, visit_books, visit_views, visits
from core.desk.course import PUBLIC_EVENTS
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.store import tables
from core.store.opening import open_database
from tests.chat_at_work import Chatter
from tests.desk_at_work import CONFIGURED, PASSED, SOLUTION, AtWork, at_work
from tests.fakes import FakeChannel

GOING = (
    CONFIGURED.replace(
        """name = "Network"
    technologies = ["Network"]
    sla = "Gold"
""",
        """name = "Network"
    technologies = ["Network"]
    sla = "Gold"
    onsite = true
    measure = "visits"
    quantity = 2
    no_access_billable = true
""",
    )
    .replace(
        """  [[customers.sites]]
  name = "Verona"
""",
        """  [[customers.sites]]
  name = "Verona"
  address = "Via Roma 1, Verona"
  calendar = "Office"
  access_lead = 60
""",
    )
    .replace('resolve = "24h"\n', 'resolve = "24h"\nonsite = "8h"\n')
    + """
[[agents]]
email = "gus@hub.test"
name = "Gus"
roles = ["technician"]
groups = ["Network L1"]
onsite = true
calendar = "Office"
[[agents]]
email = "eva@hub.test"
name = "Eva"
roles = ["technician"]
groups = ["Systems"]
skills = ["Network", "Server"]
onsite = true
calendar = "Office"
"""
)


@pytest.fixture
async def desk(sqlite_url, facts) -> AsyncIterator[AtWork]:
    db = open_database(sqlite_url, facts, readers=1, connections=1)
    yield await at_work(db, GOING)
    db.close()


@pytest.fixture
async def anywhere(db) -> AtWork:
    """The same on either database, for what they might not do alike."""
    return await at_work(db, GOING)


async def _planned(desk: AtWork, **fields) -> tuple[str, str]:
    number = await desk.taken(authentication=PASSED)
    given = {"purpose": "Cambiare lo switch"} | fields
    return number, await desk.do(visits.plan, await desk.who("ann"), number, **given)


async def _agreed(desk: AtWork, **fields) -> tuple[str, str]:
    number, visit = await _planned(desk, **fields)
    (first, *_) = await _offered(desk, number)
    await desk.do(visits.choose, await desk.who("alice"), number, visit, first.id)
    return number, visit


async def _offered(desk: AtWork, number: str):
    found = await desk.rows(tables.visit_slot, number, state="offered")
    return sorted(found, key=lambda row: row.slot_start)


async def _visit(desk: AtWork, number: str):
    return (await desk.rows(tables.visit, number))[-1]


async def _sound(desk: AtWork) -> None:
    assert await desk.db.read(lambda tx: list(visit_books.faults(tx, now=desk.now))) == []


async def _tasks(desk: AtWork, number: str) -> list[str]:
    return [row.kind for row in await desk.rows(tables.task, number) if row.done_at is None]


def rome(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+01:00").astimezone(UTC)


async def test_a_planned_visit_holds_three_times_tells_the_customer_and_starts_the_clock(anywhere):
    number, _ = await _planned(anywhere)

    offered = await _offered(anywhere, number)
    assert [one.slot_start for one in offered] == [
        rome("2026-03-02T11:00"),
        rome("2026-03-02T14:00"),
        rome("2026-03-03T09:00"),
    ], "an hour's notice, then other half days"
    assert [one.expires_at - anywhere.now for one in offered] == [timedelta(hours=4)] * 3
    holds = await anywhere.rows(tables.booking)
    assert {(row.kind, row.expires_at) for row in holds} == {("hold", offered[0].expires_at)}
    assert (await anywhere.clocks(number))["onsite"].state == "running"
    (said,) = await anywhere.outward(number, "visit")
    assert "lunedì 2 marzo 2026, 11:00 – 13:00 (CET)" in said.text
    assert "fino a lunedì 2 marzo 2026, 14:00 (CET)" in said.text
    assert "visit_planned" in (await anywhere.ticket(number)).flags
    await _sound(anywhere)


async def test_the_first_acceptance_wins_and_the_others_are_free_again(anywhere):
    number, visit = await _planned(anywhere)
    first, second, _ = await _offered(anywhere, number)

    for _ in range(2):  # the answer was lost on its way: they press again
        chosen = await anywhere.do(visits.choose, await anywhere.who("alice"), number, visit, second.id)
        assert chosen.agreed

    assert len(await anywhere.outward(number, "visit")) == 2
    row = await _visit(anywhere, number)
    assert (row.state, row.window_start, await anywhere.crew(number)) == (
        "confirmed",
        second.slot_start,
        [second.technician],
    )
    (booked,) = await anywhere.rows(tables.booking)
    assert (booked.kind, booked.agent, booked.since) == ("visit", second.technician, second.slot_start)
    assert (await anywhere.ticket(number)).state == "scheduled"
    with pytest.raises(Refused, match="another was chosen") as refused:
        await anywhere.do(visits.choose, await anywhere.who("ann"), number, visit, first.id)
    assert refused.value.code == "chosen"
    clock = (await anywhere.clocks(number))["onsite"]
    assert clock.due_at - second.slot_start < timedelta(seconds=2), "to be there by then is the promise now"
    assert "è fissato" in (await anywhere.outward(number, "visit"))[-1].text
    await anywhere.work()
    assert [one.to.address for one in anywhere.channel.sent if one.kind == "visit_engineer"] == [
        "eva@hub.test" if second.technician != (await anywhere.who("gus")).id else "gus@hub.test"
    ]
    await _sound(anywhere)


async def test_two_who_take_the_same_hour_at_once_meet_at_the_engineer(anywhere):
    one, other = await anywhere.taken(authentication=PASSED), await anywhere.taken(authentication=PASSED)
    ann = await anywhere.who("ann")
    made = [
        await anywhere.do(visits.plan, ann, number, purpose="x", offers=False, minutes=60)
        for number in (one, other)
    ]
    start = rome("2026-03-03T10:00")

    found = await asyncio.gather(
        *(
            anywhere.do(visits.confirm, ann, number, visit, start=start, technician="gus@hub.test")
            for number, visit in zip((one, other), made, strict=True)
        ),
        return_exceptions=True,
    )

    (refused,) = [each for each in found if isinstance(each, Exception)]
    assert isinstance(refused, Refused)
    assert refused.code == "taken"
    assert len(await anywhere.rows(tables.booking, kind="visit")) == 1
    await _sound(anywhere)


async def test_a_hold_that_is_over_is_looked_at_again(desk):
    number, visit = await _planned(desk)
    first, _, third = await _offered(desk, number)
    desk.passes(hours=4)
    await desk.work()
    assert await desk.rows(tables.booking) == []
    assert "visit_no_choice" in await _tasks(desk, number)
    alice = await desk.who("alice")

    gone = await desk.do(visits.choose, alice, number, visit, first.id)

    assert not gone.agreed, "eleven is past by now"
    assert len(await _offered(desk, number)) == 3
    with pytest.raises(Refused, match="others were offered"):
        await desk.do(visits.choose, alice, number, visit, third.id)
    await _sound(desk)


async def test_an_expired_time_that_is_still_free_is_theirs(desk):
    number, visit = await _planned(desk)
    third = (await _offered(desk, number))[2]
    desk.passes(hours=5)
    await desk.work()

    assert (await desk.do(visits.choose, await desk.who("alice"), number, visit, third.id)).agreed
    assert "visit_no_choice" not in await _tasks(desk, number)
    await _sound(desk)


async def test_none_fits_is_said_in_words_and_the_next_time_pauses_the_clock_until_it_comes(desk):
    number, visit = await _planned(desk)

    await desk.do(visits.none_fits, await desk.who("alice"), number, visit, "Solo giovedì mattina.")

    assert (await _visit(desk, number)).state == "counter"
    assert await desk.rows(tables.booking) == []
    assert "visit_counter" in await _tasks(desk, number)
    heard = await desk.rows(tables.message, number, direction="in")
    assert heard[-1].text == "Solo giovedì mattina."
    ann = await desk.who("ann")
    start = rome("2026-03-05T09:00")
    await desk.do(visits.confirm, ann, number, visit, start=start, technician="gus@hub.test", asked=True)
    clocks = await desk.clocks(number)
    assert (clocks["onsite"].state, clocks["resolve"].state) == ("paused", "paused")
    desk.now = start
    await desk.work()
    desk.passes(seconds=2)
    await desk.work()
    clocks = await desk.clocks(number)
    assert clocks["resolve"].state == "running"
    assert "visit_late" in await _tasks(desk, number)
    desk.passes(minutes=5)
    await desk.do(visits.check_in, await desk.who("gus"), number, visit)
    assert (await desk.clocks(number))["onsite"].state == "breached", "after the time that was agreed"
    assert "visit_late" not in await _tasks(desk, number)


async def test_the_whole_visit_from_the_way_to_the_minutes(anywhere):
    number, visit = await _agreed(anywhere)
    gus = await anywhere.who("gus")
    row = await _visit(anywhere, number)
    who = gus if await anywhere.crew(number) == [gus.id] else await anywhere.who("eva")
    anywhere.now = row.window_start - timedelta(minutes=20)
    await anywhere.do(visits.en_route, who, number, visit)
    assert "sta arrivando" in (await anywhere.outward(number, "visit"))[-1].text
    anywhere.passes(minutes=20)

    await anywhere.do(visits.check_in, who, number, visit)

    assert (await anywhere.ticket(number)).state == "onsite"
    assert (await anywhere.clocks(number))["onsite"].state == "met"
    anywhere.passes(minutes=50)
    await anywhere.do(visits.check_out, who, number, visit, text="Switch cambiato")
    await anywhere.do(visits.check_out, who, number, visit)
    row = await _visit(anywhere, number)
    assert (row.state, row.left_at) == ("done", anywhere.now)
    assert "ha finito il lavoro" in (await anywhere.outward(number, "visit"))[-1].text
    (entry,) = await anywhere.rows(tables.activity, number)
    assert (entry.kind, entry.minutes, entry.agent) == ("onsite", 50, who.id)
    (used,) = await anywhere.rows(tables.consumption, number)
    assert (used.unit, used.quantity) == ("visits", 1)
    assert (await anywhere.ticket(number)).state == "in_progress"
    (booked,) = await anywhere.rows(tables.booking)
    assert booked.until == anywhere.now, "the rest of the time is free"
    with pytest.raises(Refused, match="done"):
        await anywhere.do(visits.cancel, await anywhere.who("ann"), number, visit, reason="x")
    await _sound(anywhere)


async def test_a_move_keeps_the_old_time_until_the_new_one_is_chosen(desk):
    number, visit = await _agreed(desk)
    old = await _visit(desk, number)

    await desk.do(visits.move, await desk.who("ann"), number, visit)

    assert (await _visit(desk, number)).window_start == old.window_start
    assert len(await desk.rows(tables.booking, kind="visit")) == 1
    new = (await _offered(desk, number))[-1]
    await desk.do(visits.choose, await desk.who("alice"), number, visit, new.id)
    row = await _visit(desk, number)
    assert (row.window_start, row.sequence, row.uid) == (new.slot_start, 1, old.uid)
    assert [one.since for one in await desk.rows(tables.booking)] == [new.slot_start]
    assert "è spostato" in (await desk.outward(number, "visit"))[-1].text
    await _sound(desk)


async def test_a_closed_door_counts_tells_the_customer_and_stops_the_clocks(desk):
    number, visit = await _agreed(desk)
    ann = await desk.who("ann")
    desk.now = (await _visit(desk, number)).window_start + timedelta(minutes=20)

    await desk.do(visits.no_access, ann, number, visit, reason="Nessuno apre")

    row = await _visit(desk, number)
    assert (row.state, row.billable) == ("no_access", True)
    assert (await desk.ticket(number)).state == "in_progress"
    assert (await desk.clocks(number))["resolve"].state == "paused"
    assert len(await desk.rows(tables.consumption, number)) == 1
    assert "nessuno che ci facesse entrare" in (await desk.outward(number, "visit"))[-1].text
    again = await desk.do(visits.plan, ann, number, purpose="Di nuovo", replaces=visit)
    (first, *_) = await _offered(desk, number)
    assert (await desk.clocks(number))["resolve"].state == "paused"
    await desk.do(visits.choose, await desk.who("alice"), number, again, first.id)
    assert (await desk.clocks(number))["resolve"].state == "running"
    await _sound(desk)


async def test_who_cancels_frees_the_engineer_and_tells_both(desk):
    number, visit = await _agreed(desk)

    await desk.do(visits.cancel, await desk.who("ann"), number, visit, reason="Risolto da remoto")

    row = await _visit(desk, number)
    assert (row.state, row.sequence) == ("cancelled", 1)
    assert await desk.rows(tables.booking) == []
    assert (await desk.ticket(number)).state == "in_progress"
    assert (await desk.clocks(number))["onsite"].state == "cancelled"
    assert "è annullato" in (await desk.outward(number, "visit"))[-1].text
    await desk.work()
    assert [one.subject.partition(":")[0] for one in desk.channel.sent if one.kind == "visit_engineer"] == [
        "Intervento annullato"
    ], "that it was agreed is news no more"
    await _sound(desk)


async def test_reminders_leave_a_day_and_an_hour_before(desk):
    number, visit = await _planned(desk, offers=False)
    start = rome("2026-03-05T09:00")
    await desk.do(
        visits.confirm, await desk.who("ann"), number, visit, start=start, technician="gus@hub.test"
    )

    for before in (24, 1):
        desk.now = start - timedelta(hours=before)
        await desk.work()
        await desk.work()

    steps = [row.made_from["step"] for row in await desk.outward(number, "visit")]
    assert steps == ["confirmed", "day_before", "hour_before"]
    await _sound(desk)


async def test_what_the_contract_does_not_say_a_leader_allows(desk):
    number = await desk.taken(authentication=PASSED)
    ann, lea = await desk.who("ann"), await desk.who("lea")
    await desk.qualify(number, technology="Server")
    with pytest.raises(Refused) as refused:
        await desk.do(visits.plan, ann, number, purpose="x", skills=[])
    assert refused.value.code == "not_onsite"

    until = desk.now + timedelta(days=3)
    await desk.do(resolution.override, lea, number, reason="Paga a parte", until=until)
    assert await desk.do(visits.plan, ann, number, purpose="x", skills=[])


async def test_visits_that_were_bought_run_out(desk):
    third = await desk.taken(authentication=PASSED)
    for _ in range(2):
        number, visit = await _agreed(desk)
        desk.now = (await _visit(desk, number)).window_start
        await desk.do(visits.check_in, await desk.who("ann"), number, visit)
        desk.passes(minutes=60)
        await desk.do(visits.check_out, await desk.who("ann"), number, visit)

    with pytest.raises(Refused) as refused:
        await desk.do(visits.plan, await desk.who("ann"), third, purpose="x")
    assert refused.value.code in ("exhausted", "on_hold")


async def test_an_open_visit_keeps_the_ticket_from_its_end_and_goes_with_it(desk):
    number, _ = await _planned(desk)
    ann = await desk.who("ann")

    with pytest.raises(Refused) as refused:
        await desk.do(resolution.resolve, ann, number, **SOLUTION)
    assert [(one.reason, one.about) for one in refused.value.obstacles] == [("visit_booked", ("Verona",))]

    await desk.do(resolution.cancel, await desk.who("lea"), number, reason="Un doppione.")
    assert (await _visit(desk, number)).state == "cancelled"
    assert await desk.rows(tables.booking) == []
    assert await desk.rows(tables.job, kind="visits") == []
    await _sound(desk)


async def test_past_visits_are_replaced_and_past_times_refused(desk):
    number, visit = await _agreed(desk)
    ann = await desk.who("ann")
    desk.now = (await _visit(desk, number)).window_end + timedelta(hours=1)

    for act, fields in ((visits.cancel, {"reason": "x"}), (visits.offer, {}), (visits.move, {})):
        with pytest.raises(Refused) as refused:
            await desk.do(act, ann, number, visit, **fields)
        assert refused.value.code == "past"
    new = await desk.do(visits.plan, ann, number, purpose="Ancora", replaces=visit, offers=False)
    with pytest.raises(Invalid):
        await desk.do(
            visits.confirm, ann, number, new, start=desk.now - timedelta(hours=1), technician="gus@hub.test"
        )
    old, now = await desk.rows(tables.visit, number)
    assert (old.state, old.ended_why, now.replaces) == ("cancelled", "replaced", old.id)
    await _sound(desk)


async def test_leave_is_entered_by_oneself_or_a_leader_and_not_over_a_visit(desk):
    number, _ = await _agreed(desk)
    row = await _visit(desk, number)
    gus, lea = await desk.who("gus"), await desk.who("lea")
    who = "gus@hub.test" if await desk.crew(number) == [gus.id] else "eva@hub.test"

    def leave(by, since, until, agent=who):
        return desk.db.write(bookings.leave, by, agent=agent, since=since, until=until, now=desk.now)

    with pytest.raises(Refused) as refused:
        await leave(lea, row.window_start, row.window_end)
    assert refused.value.code == "taken"
    with pytest.raises(Forbidden):
        await leave(await desk.who("ann"), desk.now + timedelta(days=7), desk.now + timedelta(days=8))
    with pytest.raises(Invalid):
        await leave(lea, desk.now + timedelta(days=8), desk.now + timedelta(days=7))
    made = await leave(lea, desk.now + timedelta(days=7), desk.now + timedelta(days=8))
    with pytest.raises(NotFound):
        await desk.db.write(bookings.remove, lea, "no such", now=desk.now)
    await desk.db.write(bookings.remove, lea, made, now=desk.now)
    assert len(await desk.rows(tables.booking)) == 1


async def test_customers_plan_nothing_and_strangers_see_nothing(desk):
    number, visit = await _planned(desk)
    (first, *_) = await _offered(desk, number)

    with pytest.raises(Forbidden):
        await desk.do(visits.plan, await desk.who("alice"), number, purpose="x")
    with pytest.raises(NotFound):
        await desk.do(visits.choose, await desk.who("bob"), number, visit, first.id)
    with pytest.raises(NotFound):
        await desk.do(visits.offer, await desk.who("ann"), number, "nothing")


async def test_an_engineer_of_another_group_opens_the_ticket_they_go_to(desk):
    number, visit = await _planned(desk, offers=False)
    eva = await desk.who("eva")
    with pytest.raises(NotFound):
        await desk.do(visits.en_route, eva, number, visit)
    start = rome("2026-03-03T10:00")
    await desk.do(
        visits.confirm, await desk.who("ann"), number, visit, start=start, technician="eva@hub.test"
    )

    await desk.do(visits.en_route, eva, number, visit)

    assert (await _visit(desk, number)).state == "en_route"


async def test_the_board_shows_whose_time_is_taken_and_outsiders_nothing(anywhere):
    number, visit = await _agreed(anywhere)

    board = await anywhere.db.read(
        visit_views.board, await anywhere.who("tom"), since=anywhere.now.date(), days=7, now=anywhere.now
    )

    assert [one.name for one in board.engineers] == ["Eva", "Gus"]
    entries = [entry for one in board.engineers for entry in one.entries]
    assert [(entry.kind, entry.number, entry.visit) for entry in entries] == [("visit", number, visit)]
    with pytest.raises(Forbidden):
        await anywhere.db.read(
            visit_views.board,
            await anywhere.who("alice"),
            since=anywhere.now.date(),
            days=7,
            now=anywhere.now,
        )
    hidden = await anywhere.db.read(
        visit_views.board, await anywhere.who("eva"), since=anywhere.now.date(), days=7, now=anywhere.now
    )
    gus_goes = board.engineers[1].entries
    assert not gus_goes or [entry.number for one in hidden.engineers for entry in one.entries] == [None]


async def test_visits_go_with_a_ticket_that_is_merged_and_come_back_with_it(anywhere):
    number, visit = await _agreed(anywhere)
    other = await anywhere.taken(authentication=PASSED)
    ann, lea = await anywhere.who("ann"), await anywhere.who("lea")

    await anywhere.do(joining.merge, ann, number, into=other)

    (row,) = await anywhere.rows(tables.visit, other)
    assert (row.id, (await anywhere.ticket(other)).state) == (visit, "scheduled")
    assert [one.ticket_id for one in await anywhere.rows(tables.booking)] == [row.ticket_id]
    assert len(await anywhere.rows(tables.job, kind="visits")) == 1
    await _sound(anywhere)
    await anywhere.do(joining.undo, lea, number)
    assert [(await anywhere.ticket(one)).state for one in (number, other)] == ["scheduled", "in_progress"]
    assert [one.id for one in await anywhere.rows(tables.visit, number)] == [visit]
    await _sound(anywhere)


async def test_every_move_of_a_visit_reaches_the_customer(desk):
    number, visit = await _agreed(desk)
    told = []
    for act, fields in (
        (visits.cancel, {"reason": "x"}),
        (visits.plan, {"purpose": "y"}),
    ):
        before = len(await desk.deliveries(number))
        await desk.do(
            act, await desk.who("ann"), number, *([visit] if act is visits.cancel else []), **fields
        )
        told.append(len(await desk.deliveries(number)) - before)
    assert all(told)
    assert {"ticket.schedule", "ticket.visit_off"} <= {row.kind for row in await desk.events(number)}
    assert {f"ticket.{one}" for one in ("schedule", "check_in", "visit_off", "check_out")} <= PUBLIC_EVENTS


async def test_in_a_chat_a_time_is_a_button_and_none_of_them_is_one_too(desk):
    desk.channel = FakeChannel(name="telegram")
    alice = await Chatter(desk).linked("alice")
    number = (await alice.writes("Rete ferma")).number
    await desk.qualify(number)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, number)
    visit = await desk.do(visits.plan, ann, number, purpose="x")
    await alice.work()
    assert [one.label for one in alice.last().buttons] == [
        "lun 2 mar, 11:00–13:00",
        "lun 2 mar, 14:00–16:00",
        "mar 3 mar, 09:00–11:00",
        "Nessuno va bene",
    ]
    assert "http" not in alice.last().text

    done = await alice.presses("Nessuno")

    assert done.reason == "pressed_visit_none"
    assert (await _visit(desk, number)).state == "counter"
    assert "quando andrebbe bene" in alice.last().text
    assert (await alice.writes("Giovedì")).number == number
    await desk.do(visits.offer, ann, number, visit)
    await alice.work()
    assert (await alice.presses("lun 2 mar, 14:00")).reason == "pressed_visit"
    row = await _visit(desk, number)
    assert (row.state, row.window_start) == ("confirmed", rome("2026-03-02T14:00"))
    assert (await alice.presses("mar 3 mar")).reason == "pressed_before"
    await _sound(desk)
