"""What a person promised the customer: said, shown, kept by a person's words alone, and never forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import next_steps, promise_books, resolution, tasks, tickets
from core.desk.errors import Forbidden, Invalid, Refused
from core.rules.promising import NONE
from core.store import tables
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def _open(desk: AtWork, number: str) -> list[str]:
    return [
        f"{row.kind}:{row.role or row.agent}"
        for row in await desk.rows(tables.task, number)
        if row.done_at is None
    ]


async def _faults(desk: AtWork) -> list[tuple[str, str]]:
    return await desk.db.read(lambda tx: list(promise_books.faults(tx, now=desk.now)))


async def test_a_promise_is_said_in_the_message_on_the_customers_clock_and_runs_as_a_clock(desk):
    number = await desk.taken()
    ann = await desk.who("ann")

    message = await desk.do(tickets.reply, ann, number, "Guardo subito.", promise_by="16:00")

    (row,) = await desk.rows(tables.promise, number)
    assert (row.state, row.message_id) == ("open", message)
    assert row.due == desk.now + timedelta(hours=6), "ten in Rome, and 16:00 there"
    assert (await desk.outward(number, "reply"))[0].text == (
        "Guardo subito.\n\nRiceverà di nuovo nostre notizie entro lunedì 2 marzo 2026, 16:00 (CET)."
    )
    clock = (await desk.clocks(number))["promise"]
    assert (clock.state, clock.due_at) == ("running", row.due)
    assert await _faults(desk) == []


async def test_the_owner_is_reminded_then_called_with_the_shift_leader_and_words_settle_it(desk):
    number = await desk.taken()
    ann, lea = await desk.who("ann"), await desk.who("lea")
    await desk.do(tickets.reply, ann, number, "Guardo.", promise_by="30m")

    desk.passes(minutes=20)
    await desk.work()
    assert await _open(desk, number) == [f"promise_soon:{ann.id}"]
    desk.passes(minutes=10)
    await desk.work()
    assert sorted(await _open(desk, number)) == sorted(
        [f"promise_late:{ann.id}", "promise_late:shift-leader"]
    )
    assert "promise_due" in (await desk.ticket(number)).flags
    assert [one.alarm for one in await desk.db.read(tasks.mine, lea)] == [True]
    told = [
        (sent.to.address, sent.subject.partition(":")[0])
        for sent in desk.channel.sent
        if sent.kind == "promise"
    ]
    assert sorted(told) == [
        ("ann@hub.test", "Promessa in scadenza"),
        ("ann@hub.test", "Promessa scaduta"),
        ("lea@hub.test", "Promessa scaduta"),
    ]
    with pytest.raises(Refused, match="write to the customer first"):
        await desk.do(next_steps.promise, ann, number, promise_by="60m")

    desk.passes(minutes=5)
    await desk.do(tickets.reply, ann, number, "Ecco.", promise_by="60m")

    late, open_now = await desk.rows(tables.promise, number)
    assert (late.state, late.kept_at, open_now.state) == ("late", desk.now, "open")
    assert await _open(desk, number) == []
    assert "promise_due" not in (await desk.ticket(number)).flags
    assert await _faults(desk) == []


async def test_a_notice_keeps_no_promise_and_the_end_of_the_ticket_drops_it(desk):
    number = await desk.taken(authentication=PASSED)
    ann = await desk.who("ann")
    await desk.do(next_steps.promise, ann, number, promise_by="60m")
    await desk.do(tickets.escalate, ann, number, reason="x")

    (row,) = await desk.rows(tables.promise, number)
    assert row.state == "open"
    assert "entro lunedì 2 marzo 2026, 11:00 (CET)" in (await desk.outward(number, "progress"))[0].text
    await desk.do(resolution.cancel, await desk.who("lea"), number, reason="Un doppione.")
    (row,) = await desk.rows(tables.promise, number)
    assert row.state == "dropped"
    assert await desk.rows(tables.job, kind="promise") == []
    assert await _faults(desk) == []


async def test_the_report_of_the_solution_keeps_it_and_nothing_is_promised_afterwards(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    await desk.do(tickets.reply, ann, number, "Guardo.", promise_by="60m")
    desk.passes(minutes=5)

    await desk.do(resolution.resolve, ann, number, **SOLUTION)

    (row,) = await desk.rows(tables.promise, number)
    assert row.state == "kept"
    with pytest.raises(Refused, match="promise nothing more"):
        await desk.do(tickets.reply, ann, number, "Ancora.", promise_by="60m")


async def test_no_promise_is_a_choice_that_is_on_record(desk):
    number = await desk.taken()

    await desk.do(tickets.reply, await desk.who("ann"), number, "Fatto.", promise_by=NONE)

    assert [row.kind for row in await desk.events(number, "promise.")] == ["promise.declined"]
    assert await desk.rows(tables.promise, number) == []


@pytest.mark.parametrize("words", ["09:00", "soon", "99999m"])
async def test_what_cannot_be_promised_sends_nothing(desk, words):
    number = await desk.taken()

    with pytest.raises(Invalid) as refused:
        await desk.do(tickets.reply, await desk.who("ann"), number, "Guardo.", promise_by=words)

    assert [fault.pointer for fault in refused.value.faults] == ["/promise_by"]
    assert await desk.outward(number, "reply") == []


async def test_customers_promise_nothing(desk):
    number = await desk.taken(authentication=PASSED)
    with pytest.raises(Forbidden):
        await desk.do(next_steps.promise, await desk.who("alice"), number, promise_by="60m")


async def test_what_the_service_level_agrees_on_is_promised_in_a_word(desk):
    number = await desk.taken()
    await desk.qualify(number, impact=1, urgency=1)

    await desk.do(tickets.reply, await desk.who("ann"), number, "Guardo.", promise_by="agreed")

    (row,) = await desk.rows(tables.promise, number)
    assert row.due == desk.now + timedelta(hours=1)


async def test_the_books_find_a_promise_without_its_clock(desk):
    number = await desk.taken()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Guardo.", promise_by="60m")

    await desk.db.write(
        lambda tx: tx.run(tables.sla_clock.delete().where(tables.sla_clock.c.name == "promise"))
    )
    await desk.db.write(lambda tx: tx.run(tables.job.delete().where(tables.job.c.kind == "promise")))

    assert [kind for kind, _ in await _faults(desk)] == [
        "promise without its clock",
        "promise that nobody will be reminded of",
    ]
