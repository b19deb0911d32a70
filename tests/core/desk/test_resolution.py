"""How a ticket ends: workaround, solution, confirmation, refusal, silence, cancellation; and how it begins again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.desk import page, resolution, search, tickets
from core.desk.errors import Forbidden, Invalid, Refused, Stale
from core.store import tables
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


# --- Workaround ---


async def test_a_workaround_meets_the_restoring_and_gives_the_fix_more_time(desk):
    number = await desk.qualified()
    await desk.qualify(number, impact=1, urgency=1)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, number)
    desk.passes(hours=3)

    await desk.do(tickets.workaround, ann, number, "Usate il 4G.")

    ticket, clocks = await desk.ticket(number), await desk.clocks(number)
    assert (ticket.state, "workaround" in ticket.flags) == ("in_progress", True)
    assert "breached:update" in ticket.flags, "nobody wrote for three hours"
    assert (clocks["restore"].state, clocks["restore"].elapsed_s) == ("met", 3 * 3600)
    assert clocks["resolve"].target_s == 5 * 86_400
    assert ticket.resolution["workaround"] == "Usate il 4G."
    assert datetime.fromisoformat(ticket.resolution["review_by"]) == clocks["resolve"].due_at, (
        "not after the fix is due"
    )
    told = (await desk.outward(number))[-1].text
    assert "Usate il 4G." in told
    assert "7 marzo 2026" in told


# --- Solved ---


async def test_what_is_solved_is_reported_to_the_customer_and_closes_by_itself_in_three_working_days(desk):
    number = await desk.taken("alice@acme.test", authentication=PASSED)
    desk.passes(hours=2)

    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)

    ticket, clocks = await desk.ticket(number), await desk.clocks(number)
    assert (ticket.state, ticket.resolved_at, ticket.open) == ("resolved", desk.now, False)
    assert {clocks[name].state for name in ("restore", "resolve")} == {"met"}
    assert ticket.resolution | {"by": ""} == SOLUTION | {"by": ""}
    (report,) = await desk.outward(number, "resolved")
    for words in (
        "RAPPORTO DI INTERVENTO",
        "versione 1",
        "Acme S.p.A.",
        "C-1, Network",
        "Cambiato il cavo.",
        "30 minuti",
    ):
        assert words in report.text, words
    assert "presa in carico da Ann" in report.text
    assert "Soluzione: trascorso 2 ore, concordato 24 ore, esito rispettato" in report.text
    (timer,) = await desk.rows(tables.job, kind="auto-close")
    assert timer.due == datetime(2026, 3, 5, 11, tzinfo=UTC)


async def test_three_working_days_do_not_count_the_weekend(desk):
    number = await desk.taken()
    desk.now = datetime(2026, 3, 5, 15, tzinfo=UTC)  # a Thursday

    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)

    (timer,) = await desk.rows(tables.job, kind="auto-close")
    assert timer.due == datetime(2026, 3, 10, 15, tzinfo=UTC)


async def test_silence_closes_what_is_solved_with_the_final_report(desk):
    number = await desk.resolved()
    desk.passes(days=2, hours=20)
    await desk.work()
    assert (await desk.ticket(number)).state == "resolved"

    desk.passes(hours=5)
    await desk.work()

    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.closed_at) == ("closed", desk.now)
    assert (await desk.events(number, "ticket.close"))[0].actor == "system"
    (report,) = await desk.outward(number, "closed")
    assert "versione 2" in report.text
    assert {row.kind for row in await desk.rows(tables.job)} <= {"send"}
    assert {one.kind for one in desk.channel.sent} >= {"resolved"}


async def test_silence_closes_nothing_that_is_no_longer_solved(desk):
    number = await desk.resolved()
    ticket_id = (await desk.ticket(number)).id
    await desk.do(resolution.reopen, await desk.who("ann"), number, reason="non va")

    await desk.db.write(resolution.close_when_silent, ticket_id, now=desk.now)

    assert (await desk.ticket(number)).state == "in_progress"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"cause": "magic"}, "/cause"),
        ({"minutes": 0}, "/minutes"),
        ({"minutes": -5}, "/minutes"),
        ({"text": " "}, "/text"),
    ],
)
async def test_a_solution_needs_a_cause_a_time_and_words_for_the_customer(desk, fields, pointer):
    number = await desk.taken()

    with pytest.raises(Invalid, match=pointer):
        await desk.do(resolution.resolve, await desk.who("ann"), number, **(SOLUTION | fields))

    assert (await desk.ticket(number)).state == "in_progress"


async def test_nobody_solves_over_an_unread_message_of_the_customer(desk):
    number = await desk.taken()
    seen = (await desk.ticket(number)).last_event
    await desk.mail("alice@acme.test", text="Peggio di prima.", own_refs=(await desk.ref(number),))

    with pytest.raises(Stale):
        await desk.do(resolution.resolve, await desk.who("ann"), number, seen=seen, **SOLUTION)


async def test_the_time_of_all_solutions_is_added_up(desk):
    number = await desk.resolved()
    ann = await desk.who("ann")
    await desk.do(resolution.reopen, ann, number, reason="non va")
    desk.passes(hours=1)
    await desk.do(
        resolution.resolve, ann, number, **(SOLUTION | {"minutes": 45, "text": "Cambiato lo switch."})
    )

    assert (await desk.ticket(number)).resolution["minutes"] == 75
    second = (await desk.outward(number, "resolved"))[-1].text
    assert "versione 2" in second
    assert "1 ora 15 minuti" in second
    assert "riaperta" in second
    assert "Cambiato lo switch." in second


# --- Closed, confirmed, refused ---


async def test_a_closed_ticket_has_no_running_clock_and_no_timer(desk):
    number = await desk.closed()

    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.closed_at, ticket.next_due) == ("closed", desk.now, None)
    assert {row.state for row in (await desk.clocks(number)).values()} <= {"met", "breached", "cancelled"}
    assert await desk.rows(tables.job, kind="clocks") == []
    assert await desk.rows(tables.job, kind="auto-close") == []


async def test_the_customer_confirms_and_the_ticket_is_closed(desk):
    number = await desk.resolved()
    alice = await desk.who("alice")

    await desk.do(resolution.confirm, alice, number)

    assert (await desk.ticket(number)).state == "closed"
    assert (await desk.events(number, "ticket.close"))[0].actor == alice.actor
    with pytest.raises(Refused, match="cannot close from closed"):
        await desk.do(resolution.confirm, alice, number)


async def test_the_customer_refuses_and_work_goes_on_where_it_was(desk):
    number = await desk.resolved()
    alice = await desk.who("alice")
    desk.passes(hours=6)

    await desk.do(resolution.refuse, alice, number, reason="Ancora lento.")

    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.assignee) == ("in_progress", (await desk.who("ann")).id)
    assert (ticket.snippet, ticket.last_direction) == ("Ancora lento.", "in")
    heard = (await desk.rows(tables.message, number, direction="in"))[-1]
    assert (heard.text, heard.trust, heard.contact) == ("Ancora lento.", "verified", alice.id)
    assert (await desk.events(number, "ticket.reopen"))[0].data["reason"] == "refused"
    assert "riaperta" in (await desk.outward(number))[-1].text
    found = await desk.db.read(search.tickets, await desk.who("tom"), q="lento")
    assert [row.number for row in found.items] == [number]
    with pytest.raises(Refused, match="not waiting for a confirmation"):
        await desk.do(resolution.refuse, alice, number, reason="Ancora.")


async def test_another_customer_neither_confirms_nor_refuses(desk):
    from core.desk.errors import NotFound

    number = await desk.resolved()

    with pytest.raises(NotFound):
        await desk.do(resolution.confirm, await desk.who("bob"), number)
    with pytest.raises(NotFound):
        await desk.do(resolution.refuse, await desk.who("aldo"), number, reason="x")


# --- Opened again ---


async def test_staff_open_a_solved_ticket_again_and_the_pause_is_not_counted(desk):
    number = await desk.resolved()
    before = (await desk.clocks(number))["resolve"].elapsed_s
    desk.passes(hours=10)

    await desk.do(resolution.reopen, await desk.who("ann"), number, reason="Segnalato per telefono.")

    ticket, clocks = await desk.ticket(number), await desk.clocks(number)
    assert (ticket.state, ticket.open, ticket.resolved_at) == ("in_progress", True, None)
    assert (clocks["resolve"].state, clocks["resolve"].elapsed_s, clocks["resolve"].paused_s) == (
        "running",
        before,
        36_000,
    )
    assert clocks["response"].state == "met", "not asked for twice"
    assert (await desk.events(number, "ticket.reopen"))[0].data["reason"] == "staff"
    assert [row.text for row in await desk.rows(tables.note, number)] == ["Segnalato per telefono."]
    assert "riaperta" in (await desk.outward(number))[-1].text


async def test_a_closed_ticket_is_opened_by_a_leader_within_ten_days(desk):
    number = await desk.closed()
    with pytest.raises(Forbidden, match="shift leader"):
        await desk.do(resolution.reopen, await desk.who("ann"), number, reason="x")
    closed = desk.now
    desk.now = closed + timedelta(days=10, seconds=1)
    with pytest.raises(Refused, match="too long ago"):
        await desk.do(resolution.reopen, await desk.who("lea"), number, reason="x")
    desk.now = closed + timedelta(days=10)

    await desk.do(resolution.reopen, await desk.who("lea"), number, reason="x")

    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.closed_at) == ("in_progress", None)
    assert (await desk.clocks(number))["resolve"].state == "running"


# --- Cancelled ---


async def test_what_is_cancelled_ends_with_its_clocks_and_the_customer_is_told(desk):
    number = await desk.taken()

    await desk.do(resolution.cancel, await desk.who("ann"), number, reason="Era una prova.")

    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.open) == ("cancelled", False)
    assert {row.state for row in (await desk.clocks(number)).values()} == {"met", "cancelled"}
    assert await desk.rows(tables.job, kind="clocks") == []
    told = (await desk.outward(number))[-1].text
    assert "annullata" in told
    assert "prova" not in told, "the reason is for colleagues"
    assert [row.text for row in await desk.rows(tables.note, number)] == ["Era una prova."]


async def test_a_request_can_be_cancelled_before_anybody_qualified_it(desk):
    number = (await desk.mail("alice@acme.test")).number

    await desk.do(resolution.cancel, await desk.who("tom"), number, reason="doppia")

    assert (await desk.ticket(number)).state == "cancelled"
    assert (await desk.clocks(number))["triage"].state == "cancelled"


async def test_the_customer_reads_in_the_portal_what_happened_and_no_more(desk):
    number = await desk.closed()

    shown = await desk.db.read(page.ticket, await desk.who("alice"), number, now=desk.now)

    assert [one.kind for one in shown.events] == [
        "ticket.opened",
        "ticket.qualify",
        "ticket.take",
        "ticket.resolve",
        "ticket.close",
    ]
    assert all(set(one.data) <= {"from", "to"} for one in shown.events)
    assert "triage" not in {one.name for one in shown.clocks}
