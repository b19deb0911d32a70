"""A month of the demo desk is played by readers, verbs and jobs with a moved clock, and looks like one that was lived."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest
import typer
from sqlalchemy import select

import main
from core.desk import books, month_acts, month_plan, month_told, periodic
from core.desk.errors import NotFound
from core.desk.principal import HUB
from core.store import tables
from core.store.database import Database
from core.store.tx import Tx
from tests.month.playing import ENDS, FIRST, REQUESTS, ROME, WORKING


@pytest.fixture(scope="module")
def events_of() -> dict[str, list[tuple]]:
    """By kind of database, what happened: the same month on each."""
    return {}


async def test_a_month_is_lived_through_its_books_balance_and_the_same_seed_makes_the_same_events(
    lived, events_of
) -> None:
    db, play, script = lived.db, lived.play, lived.script

    found = await db.read(books.verify, now=ENDS)
    assert found.faults == ()
    assert found.outcomes["exception"] == found.outcomes["held"] == 0

    told = {one.name: one for one in await db.read(month_told.stories, script.stories, play.numbers)}
    assert told.keys() == {one.name for one in script.stories}
    assert all(one.times for one in told.values()), "each happened, by an event of its ticket"
    assert told["night"].times == 3, "two did not answer, the third did"
    assert told["visit"].times == 2
    assert told["reopened"].times == 1
    assert (told["expired"].verdict, told["suspended"].verdict) == ("expired", "suspended")
    assert told["workaround"].state == "in_progress"
    assert "review_overdue" in (await ticket(db, told["workaround"].number)).flags
    assert told["silent"].state in ("resolved", "closed"), "although nobody confirmed it"
    assert told["vendor"].state == told["night"].state == "closed"
    assert (told["switch"].times, told["switch"].state) == (1, "closed"), "it came back, and nobody objected"
    assert "breached:response" in (await ticket(db, told["breach"].number)).flags

    counted = await db.read(month_told.figures)
    assert counted["requests"] == len(script.stories) + REQUESTS
    assert counted["visits on site"] == counted["cases at vendors"] == 1
    assert counted["shifts that were handed over"] == 63
    left = await db.read(
        lambda tx: tx.all(select(tables.delivery).where(tables.delivery.c.state == "queued"))
    )
    assert all(one.created_at > ENDS - timedelta(days=1) for one in left)

    with pytest.raises(NotFound, match="nobody was called to"):
        await db.read(month_acts._called, told["silent"].number)
    with pytest.raises(NotFound, match="has no visit"):
        await db.read(month_acts._last, tables.visit, told["silent"].number)
    with pytest.raises(ValueError, match="is nobody of the demo desk"):
        await db.read(month_acts.somebody, "nobody@nordest.test")
    await the_report_of_a_week_says_what_can_be_counted_without_it(db)

    happened = await db.read(_events)
    assert happened == next(iter(events_of.values()), happened)
    events_of[db.kind] = happened


async def the_report_of_a_week_says_what_can_be_counted_without_it(db: Database) -> None:
    """Of a contract that gets one each Monday, the second week: sent, and with the tickets that rows and events name."""
    whole = await db.read(periodic.whole, HUB, "C-2026-003", "2026-W41", 1)
    told = {one["name"]: one for one in whole.values["figures"] if one["section"] in ("volume", "work")}
    since, until = (datetime(2026, 10, day, tzinfo=ROME).astimezone(UTC) for day in (5, 12))
    of = tables.ticket
    came = await db.read(
        lambda tx: tx.all(
            select(of.c.number)
            .where(of.c.customer == "MORETTI", of.c.received_at >= since, of.c.received_at < until)
            .order_by(of.c.number)
        )
    )
    solved = await db.read(
        lambda tx: tx.all(
            select(of.c.number)
            .distinct()
            .select_from(of.join(tables.event, tables.event.c.ticket_id == of.c.id))
            .where(
                of.c.customer == "MORETTI",
                tables.event.c.kind == "ticket.resolve",
                tables.event.c.at >= since,
                tables.event.c.at < until,
            )
            .order_by(of.c.number)
        )
    )

    assert whole.view.state == "sent"
    assert sorted(told["received"]["tickets"]) == [row.number for row in came]
    assert len(came) >= 2
    assert sorted(told["resolved"]["tickets"]) == [row.number for row in solved]
    assert solved


def _events(tx) -> list[tuple]:
    event = tables.event
    of = event.join(tables.ticket, tables.ticket.c.id == event.c.ticket_id)
    columns = (tables.ticket.c.number, event.c.seq, event.c.kind, event.c.at)
    found = tx.all(select(*columns).select_from(of))
    return sorted((row.number, row.seq, row.kind, row.at) for row in found)


async def ticket(db: Database, number: str):
    return await db.read(lambda tx: tx.one(select(tables.ticket).where(tables.ticket.c.number == number)))


def test_the_seed_says_which_ordinary_requests_come_and_everything_is_in_order() -> None:
    script = month_plan.read()
    one, same, other = (
        month_plan.plan(script, WORKING, zone=ROME, seed=seed, requests=30) for seed in (7, 7, 8)
    )

    assert one == same != other
    assert [happening.at for happening in one] == sorted(happening.at for happening in one)
    assert len({happening.ticket for happening in one}) == len(script.stories) + 30


def test_a_month_that_is_cut_short_has_no_story_that_begins_after_it() -> None:
    script = month_plan.read()

    plan = month_plan.plan(script, WORKING[:5], zone=ROME, seed=1, requests=0)

    assert {happening.ticket for happening in plan} == {one.name for one in script.stories if one.day <= 5}


def test_a_time_that_is_none_is_refused_with_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"write HH:MM or \+DAYS HH:MM"):
        month_plan.instant("tomorrow", WORKING, ROME)


def test_a_verb_that_there_is_not_is_named_with_its_ticket() -> None:
    step = month_plan.Step(at="09:00", agent="ann@hub.test", verb="dance")
    one = month_plan.Happening(at=ENDS, ticket="night", step=step, fields={})

    with pytest.raises(ValueError, match="night: there is no verb 'dance'"):
        month_acts.act(cast("Tx", None), one, "26-000001", now=ENDS)


def test_every_verb_of_the_file_is_one_that_can_happen_and_the_other_way_round() -> None:
    plan = month_plan.plan(month_plan.read(), WORKING, zone=ROME, seed=1, requests=40)

    assert {one.step.verb for one in plan} - {""} == set(month_acts.VERBS)


def test_the_month_before_is_played_to_the_noon_after_it_and_the_running_one_up_to_now() -> None:
    now = datetime(2026, 11, 29, 20, 30, tzinfo=ROME)

    assert main._month("", now=now) == (FIRST, datetime(2026, 11, 1, 11, tzinfo=UTC))
    assert main._month("2026-11", now=now) == (date(2026, 11, 1), now)


@pytest.mark.parametrize("wanted", ["2026-13", "October", "2026-12", "2025-12"])
def test_a_month_that_is_none_or_cannot_be_played_is_refused(wanted, capsys) -> None:
    with pytest.raises(typer.Exit):
        main._month(wanted, now=datetime(2026, 11, 29, tzinfo=ROME))

    assert f"--month {wanted}" in capsys.readouterr().err
