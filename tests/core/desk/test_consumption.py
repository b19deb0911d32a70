"""What is used of a contract line: by tickets, by work, once each, never more than there is; and who is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.desk import activities, books, contract_changes, contract_round, joining, resolution, tickets
from core.desk.errors import Invalid, Refused
from core.store import tables
from tests.desk_at_work import CONFIGURED, MONDAY, SOLUTION, AtWork, at_work
from tests.desk_files import changed, put

HOURS = changed(
    '    sla = "Gold"\n    [[customers.contracts.lines]]\n    name = "Server by day"',
    """    sla = "Gold"
    measure = "hours"
    quantity = 2
    period = "month"
    rollover = true
    [[customers.contracts.lines]]
    name = "Tickets"
    technologies = ["Server"]
    measure = "tickets"
    quantity = 1
    priority = 1
    [[customers.contracts.lines]]
    name = "Server by day\"""",
    changed('code = "ACME"', 'code = "ACME"\naccount_manager = "lea@hub.test"', CONFIGURED).replace(
        'email = "alice@acme.test"', 'email = "alice@acme.test"\n  role = "admin"'
    ),
)


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db, HOURS)


async def balance(desk: AtWork, line: str = "Network") -> list[tuple[str, int, int]]:
    return [(r.period, r.granted, r.used) for r in await desk.rows(tables.line_balance, line=line)]


async def faults(desk: AtWork) -> list[str]:
    return [f"{fault.kind}: {fault.about}" for fault in (await desk.db.read(books.verify)).faults]


async def log(desk: AtWork, number: str, minutes: int, **more: object) -> str:
    return await desk.do(activities.log, await desk.who("ann"), number, minutes=minutes, **more)


async def test_work_is_counted_in_steps_for_the_whole_ticket(desk):
    number = await desk.taken()

    await log(desk, number, 5)
    await log(desk, number, 10)
    await log(desk, number, 1, idem="form-1")
    await log(desk, number, 1, idem="form-1")

    assert await balance(desk) == [("2026-03-01", 120, 30)]
    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
    assert await balance(desk) == [("2026-03-01", 120, 60)], "46 minutes in all"
    assert [row.minutes for row in await desk.rows(tables.activity, number)] == [5, 10, 1, 30]
    assert await faults(desk) == []


async def test_nobody_uses_more_than_is_left_and_the_refusal_says_what_to_do(desk):
    number = await desk.taken()
    await log(desk, number, 100)

    with pytest.raises(Refused, match="has 15 minutes left, and this takes 30 minutes") as refusal:
        await log(desk, number, 21)
    assert (refusal.value.code, refusal.value.allowed) == ("exhausted", ("override",))
    assert len(await desk.rows(tables.activity, number)) == 1, "nothing is half entered"

    until = desk.now + timedelta(days=2)
    lea = await desk.who("lea")
    await desk.do(resolution.override, lea, number, reason="Agreed on the phone.", until=until)
    await log(desk, number, 21)
    assert await balance(desk) == [("2026-03-01", 120, 135)]
    assert await faults(desk) == []


async def test_what_is_left_of_a_month_is_carried_over_and_a_late_entry_is_taken_off_it(desk):
    number = await desk.taken()
    await log(desk, number, 30)
    desk.passes(days=30)
    await log(desk, number, 15)
    assert await balance(desk) == [("2026-03-01", 120, 30), ("2026-04-01", 210, 15)]

    await log(desk, number, 60, at=MONDAY + timedelta(hours=1))

    assert await balance(desk) == [("2026-03-01", 120, 90), ("2026-04-01", 150, 15)]
    assert await faults(desk) == []


async def test_both_sides_are_told_once_at_eighty_and_at_a_hundred_percent(desk):
    number = await desk.taken()
    await log(desk, number, 96)
    assert [t.kind for t in await desk.rows(tables.task)] == ["consumption_80"]
    await log(desk, number, 9)
    await log(desk, number, 15)

    desk.channel.sent.clear()
    await desk.work()

    told = [
        (sent.to.address, sent.subject) for sent in desk.channel.sent if sent.kind.startswith("consumption")
    ]
    assert sorted(told) == [
        ("alice@acme.test", 'Contratto C-1: "Network" è esaurito'),
        ("alice@acme.test", 'Contratto C-1: ore residue di "Network": 0,25'),
        ("lea@hub.test", 'C-1: "Network" esaurita'),
        ("lea@hub.test", 'C-1: "Network" utilizzata all\'80 %'),
    ]


async def test_a_ticket_counts_once_it_is_qualified_and_a_cancelled_one_is_given_back(desk):
    number = (await desk.mail("alice@acme.test")).number
    assert await balance(desk, "Tickets") == [("2026-01-01", 1, 0)]
    await desk.qualify(number, technology="Server")
    assert await balance(desk, "Tickets") == [("2026-01-01", 1, 1)]
    second = (await desk.mail("alice@acme.test")).number
    await desk.qualify(second, technology="Server")
    ticket = await desk.ticket(second)
    assert (ticket.state, ticket.verdict, ticket.line) == ("on_hold", "exhausted", "Tickets")
    await desk.qualify(number, urgency=1)
    assert (await desk.ticket(number)).verdict == "covered", "it is one of those that were bought"

    await desk.do(tickets.qualify, await desk.who("tom"), number, technology="Network")
    assert await balance(desk, "Tickets") == [("2026-01-01", 1, 0)], "it is under another line now"
    await desk.do(tickets.qualify, await desk.who("tom"), number, technology="Server")
    await desk.do(resolution.cancel, await desk.who("tom"), number, reason="A test.")
    assert await balance(desk, "Tickets") == [("2026-01-01", 1, 0)]
    kinds = [row.kind for row in await desk.rows(tables.consumption, number)]
    assert kinds == ["use", "reversal", "use", "reversal"]
    assert await faults(desk) == []


async def test_of_two_who_use_the_last_quarter_of_an_hour_at_once_one_is_refused(desk):
    one, other = await desk.taken(), await desk.taken()
    await log(desk, one, 105)

    done = await asyncio.gather(log(desk, one, 15), log(desk, other, 15), return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in done) == ["Refused", "str"]
    assert await balance(desk) == [("2026-03-01", 120, 120)]
    assert await faults(desk) == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"minutes": 0}, "/minutes"),
        ({"minutes": -5}, "/minutes"),
        ({"minutes": 5, "kind": "sleep"}, "/kind"),
        ({"minutes": 5, "at": MONDAY + timedelta(hours=1)}, "/at"),
        ({"minutes": 5, "at": MONDAY - timedelta(hours=1)}, "/at"),
    ],
)
async def test_work_that_cannot_have_been_is_not_entered(desk, fields, pointer):
    number = await desk.taken()

    with pytest.raises(Invalid) as refusal:
        await desk.do(activities.log, await desk.who("ann"), number, **fields)
    assert refusal.value.faults[0].pointer == pointer


async def test_no_work_is_entered_after_the_end(desk):
    number = await desk.closed()

    with pytest.raises(Invalid, match="no work is entered after its end; reopen it"):
        await log(desk, number, 5)


async def test_work_on_a_request_that_ended_as_none_says_where_it_belongs(desk):
    number, other, third = [(await desk.mail("alice@acme.test")).number for _ in range(3)]
    await desk.do(joining.merge, await desk.who("lea"), other, into=number)
    await desk.do(resolution.cancel, await desk.who("tom"), third, reason="Sent twice.")

    with pytest.raises(Invalid, match=f"{other} was merged into {number}: enter the work there"):
        await desk.do(activities.log, await desk.who("lea"), other, minutes=5)
    with pytest.raises(Invalid, match=f"{third} was cancelled and has ended for good: enter the work on"):
        await desk.do(activities.log, await desk.who("lea"), third, minutes=5)


async def test_another_quantity_in_the_contract_is_what_is_granted_from_then_on(desk):
    number = await desk.taken()
    await log(desk, number, 60)

    await desk.db.write(put, changed("quantity = 2\n", "quantity = 3\n    used = 0.5\n", HOURS), now=desk.now)

    assert await balance(desk) == [("2026-03-01", 180, 90)]
    assert await faults(desk) == []
    versions = [row for row in await desk.rows(tables.contract_version) if row.number == "C-1"]
    assert [(row.n, row.by) for row in versions] == [(1, "system"), (2, "system")]


@pytest.mark.parametrize(
    ("begins", "opened"),
    [
        ("2026-03-03", [("2026-01-01", 1, 1), ("2026-03-03", 1, 0)]),
        ("2026-03-02", [("2026-01-01", 1, 0), ("2026-03-02", 1, 1)]),
        ("2025-12-15", [("2025-12-15", 1, 1), ("2026-01-01", 1, 0)]),
    ],
)
async def test_a_contract_that_begins_on_another_day_counts_from_there(desk, begins, opened):
    number = (await desk.mail("alice@acme.test")).number
    await desk.qualify(number, technology="Server")
    desk.passes(days=60)

    other = changed("valid_from = 2026-01-01", f"valid_from = {begins}", HOURS)
    await desk.db.write(put, other, now=desk.now)

    assert sorted(await balance(desk, "Tickets")) == opened
    assert await faults(desk) == []


async def test_what_was_used_and_bought_counts_in_the_period_that_another_beginning_makes_of_it(desk):
    number = await desk.taken()
    await log(desk, number, 60)
    await desk.db.write(lambda tx: tx.update(tables.agent, {"email": "lea@hub.test"}, roles=["supervisor"]))
    lea = await desk.who("lea")
    await desk.db.write(
        contract_changes.buy, lea, "C-1", line="Network", quantity=1, reason="Order 7", now=desk.now
    )
    desk.passes(days=9)

    async def counts_from(begins: str) -> tuple[str, int, int]:
        other = changed("valid_from = 2026-01-01", f"valid_from = {begins}", HOURS)
        await desk.db.write(put, other, now=desk.now)
        of = {row[0]: row for row in await balance(desk)}
        return of[begins.replace("2025-12", "2026-02").replace("2026-01", "2026-03")]

    assert await counts_from("2025-12-15") == ("2026-02-15", 180, 60)
    assert await counts_from("2026-01-01") == ("2026-03-01", 180, 60)
    await counts_from("2025-12-15")
    desk.passes(days=5)
    assert await log(desk, number, 5)
    last = max(await balance(desk))
    assert last == ("2026-03-15", 240, 15), "two hours, and two that were left of the month before it"
    assert await faults(desk) == []
    await desk.db.write(put, HOURS, now=desk.now)
    assert ("2026-03-01", 180, 75) in await balance(desk)
    assert await faults(desk) == []


async def test_the_end_of_a_contract_is_told_once_for_each_step(desk):
    desk.now = MONDAY.replace(month=11)

    for _ in range(2):
        await desk.db.write(contract_round.look, lost=0, now=desk.now)

    about = [(t.kind, t.about["contract"], t.about["days"]) for t in await desk.rows(tables.task)]
    assert about == [("contract_end", "C-1", "59"), ("contract_end", "C-2", "59")]


async def test_a_message_that_was_lost_is_an_alarm_until_it_is_found(desk):
    lost = await desk.arrive("alice@acme.test")
    await desk.db.write(lambda tx: tx.run(tables.job.delete()))
    desk.passes(hours=2)

    found = await desk.db.read(contract_round.lost, now=desk.now)
    await desk.db.write(contract_round.look, lost=found, now=desk.now)
    (task,) = await desk.rows(tables.task, kind="messages_lost")
    assert (found, task.alarm, task.done_at) == (1, True, None)

    await desk.understand(lost, "alice@acme.test")
    found = await desk.db.read(contract_round.lost, now=desk.now)
    await desk.db.write(contract_round.look, lost=found, now=desk.now)
    (task,) = await desk.rows(tables.task, kind="messages_lost")
    assert task.done_at is not None
