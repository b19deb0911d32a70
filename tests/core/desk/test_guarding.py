"""What is not over keeps a ticket from its end, and is asked of somebody; what was watched, held or answered too."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import next_steps, resolution, tickets
from core.desk.case import Case
from core.desk.errors import Forbidden, Invalid, Refused
from core.store import tables
from tests import rows
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work

WHY = "Ne ho parlato al telefono con il cliente."


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def _open(desk: AtWork, number: str) -> list[str]:
    return [row.kind for row in await desk.rows(tables.task, number) if row.done_at is None]


async def _in_the_way(desk: AtWork) -> str:
    """A ticket with a vendor case, a child, a promise that is overdue, and a held message of its requester."""
    number = await desk.taken()
    ann = await desk.who("ann")
    await desk.do(tickets.reply, ann, number, "Guardo.", promise_by="30m")
    child = await desk.taken("aldo@acme.test")
    parent_id, child_id = (await desk.ticket(number)).id, (await desk.ticket(child)).id

    def put(tx):
        tx.insert(
            tables.ticket_link, ticket_id=parent_id, other_id=child_id, kind="child", at=desk.now, by="system"
        )
        tx.insert(
            tables.inbound,
            id=parent_id,
            channel="email",
            received_at=desk.now,
            raw=tx.one(tables.inbound.select()).raw,
            outcome="held",
            detail={},
            open=True,
            ticket_id=parent_id,
            author="Alice@acme.test",
        )
        rows.a_vendor_case(tx, parent_id)
        case = Case.open(tx, parent_id, now=desk.now)
        case.flag("held")
        case.save()

    await desk.db.write(put)
    desk.passes(minutes=45)
    return number


async def test_every_reason_is_listed_and_each_is_overridden_by_a_text_of_its_own(desk):
    number = await _in_the_way(desk)
    ann = await desk.who("ann")
    reasons = ["vendor_open", "promise_overdue", "child_open", "message_held"]

    with pytest.raises(Refused) as refused:
        await desk.do(resolution.resolve, ann, number, **SOLUTION)
    assert (refused.value.code, [one.reason for one in refused.value.obstacles]) == ("guarded", reasons)
    assert refused.value.obstacles[0].about == ("Cumulus SR1234567",)
    with pytest.raises(Refused) as refused:
        await desk.do(resolution.resolve, ann, number, **SOLUTION, overrides={"vendor_open": WHY})
    assert [one.reason for one in refused.value.obstacles] == reasons[1:]
    with pytest.raises(Invalid) as invalid:
        await desk.do(resolution.resolve, ann, number, **SOLUTION, overrides=dict.fromkeys(reasons, "ok"))
    assert invalid.value.faults[0].pointer == "/overrides/vendor_open"
    assert await desk.outward(number, "resolved") == [], "nothing half done"

    await desk.do(resolution.resolve, ann, number, **SOLUTION, overrides=dict.fromkeys(reasons, WHY))

    told = [row.data["reason"] for row in await desk.events(number, "ticket.guard_overridden")]
    assert told == reasons
    assert [
        row.text.startswith(reason)
        for row, reason in zip(await desk.rows(tables.note, number), reasons, strict=True)
    ]
    assert (await desk.ticket(number)).state == "resolved"


async def test_what_closes_by_itself_waits_for_what_is_not_over_and_the_customers_word_does_not(desk):
    number = await desk.resolved(authentication=PASSED)
    ticket = await desk.ticket(number)

    await desk.db.write(rows.a_vendor_case, ticket.id)
    desk.passes(days=3)
    await desk.work()
    assert (await desk.ticket(number)).state == "resolved"
    assert await _open(desk, number) == ["still_open"]
    (timer,) = await desk.rows(tables.job, kind="auto-close")
    assert timer.due == desk.now + timedelta(days=1)

    await desk.do(resolution.confirm, await desk.who("alice"), number)
    assert (await desk.ticket(number)).state == "closed"


# --- Watching, holding, waiting ---


async def test_what_is_watched_is_told_to_the_customer_and_asked_of_the_owner_at_its_instant(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    with pytest.raises(Invalid):
        await desk.do(next_steps.observe, ann, number, until=desk.now)
    with pytest.raises(Forbidden):
        await desk.do(
            next_steps.observe, await desk.who("alice"), number, until=desk.now + timedelta(hours=2)
        )

    await desk.do(next_steps.observe, ann, number, until=desk.now + timedelta(hours=2))

    assert (
        "lo teniamo sotto controllo fino a lunedì 2 marzo 2026, 12:00"
        in (await desk.outward(number, "progress"))[0].text
    )
    desk.passes(hours=2)
    await desk.work()
    (asked,) = [row for row in await desk.rows(tables.task, number) if row.done_at is None]
    assert (asked.kind, asked.agent) == ("observe_over", ann.id)
    await desk.do(resolution.resolve, ann, number, **SOLUTION)
    assert await _open(desk, number) == []


async def test_who_goes_on_before_the_instant_is_not_asked(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    await desk.do(next_steps.observe, ann, number, until=desk.now + timedelta(hours=2))

    await desk.do(tickets.resume, ann, number)

    desk.passes(hours=3)
    await desk.work()
    assert await _open(desk, number) == []


async def test_what_needs_an_approval_is_asked_of_those_who_lead_until_it_is_decided(desk):
    number = (await desk.mail("bob@beta.test", authentication=PASSED)).number
    assert await _open(desk, number) == ["approve"]

    await desk.do(resolution.approve, await desk.who("lea"), number, reason="Lo paga a parte.")

    assert await _open(desk, number) == []


async def test_the_owner_is_told_that_the_customer_answered_until_somebody_writes(desk):
    number = await desk.taken(authentication=PASSED)
    ann = await desk.who("ann")
    await desk.do(tickets.wait, ann, number, "Quale?")
    await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),), authentication=PASSED)
    assert await _open(desk, number) == ["customer_answered"]

    await desk.do(tickets.reply, ann, number, "Grazie.")

    assert await _open(desk, number) == []


async def test_an_act_may_have_happened_before_but_not_before_the_request_nor_ahead(desk):
    number = await desk.qualified()
    received = desk.now
    desk.passes(hours=1)
    ann = await desk.who("ann")
    for at in (received - timedelta(seconds=1), desk.now + timedelta(seconds=6)):
        with pytest.raises(Invalid) as refused:
            await desk.do(tickets.take, ann, number, at=at)
        assert refused.value.faults[0].pointer == "/at"

    await desk.do(tickets.take, ann, number, at=received + timedelta(minutes=5))

    (event,) = await desk.events(number, "ticket.take")
    assert (event.at, event.recorded_at) == (received + timedelta(minutes=5), desk.now)
    assert (await desk.clocks(number))["response"].elapsed_s == 300


async def test_reopenings_are_counted(desk):
    number = await desk.closed(authentication=PASSED)
    lea = await desk.who("lea")
    for times in (1, 2):
        await desk.do(resolution.reopen, lea, number, reason="Di nuovo.")
        assert (await desk.ticket(number)).resolution["reopened"] == times
        await desk.do(resolution.resolve, lea, number, **SOLUTION)
