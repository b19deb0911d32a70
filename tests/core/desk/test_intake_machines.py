"""The desk never talks to a machine, and a machine's word changes nothing but what it is about."""

from __future__ import annotations

import pytest

from core.desk import tickets
from core.envelope import Kind
from core.rules import threading
from core.store import tables
from tests.desk_at_work import DISOWNED, AtWork, at_work

REPORTS = sorted(threading.ABOUT_A_DELIVERY)
ANSWERING = [Kind.OUT_OF_OFFICE, Kind.AUTO_REPLY, Kind.CHALLENGE]


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


# --- Out of office and its like ---


@pytest.mark.parametrize("kind", [*ANSWERING, *REPORTS, Kind.OWN_LOOP])
async def test_alone_it_opens_nothing_and_is_answered_by_nobody(desk, kind):
    done = await desk.mail("alice@acme.test", kind=kind, may_auto_reply=False)

    assert done.outcome == "machine"
    assert await desk.rows(tables.ticket) == []
    assert await desk.rows(tables.delivery) == []


@pytest.mark.parametrize("kind", ANSWERING)
async def test_one_that_its_domain_disowns_waits_for_staff_only_beside_a_request(desk, kind):
    number = await desk.qualified()

    alone = await desk.mail("alice@acme.test", kind=kind, authentication=DISOWNED)
    beside = await desk.mail(
        "alice@acme.test", kind=kind, authentication=DISOWNED, own_refs=(await desk.ref(number),)
    )

    assert (alone.outcome, beside.outcome) == ("machine", "held")


@pytest.mark.parametrize("kind", ANSWERING)
async def test_on_a_solved_ticket_it_is_kept_and_opens_nothing_again(desk, kind):
    number = await desk.resolved()
    before, told = await desk.ticket(number), len(await desk.deliveries(number))

    done = await desk.mail(
        "alice@acme.test", text="Sono in ferie.", kind=kind, own_refs=(await desk.ref(number),)
    )

    after = await desk.ticket(number)
    assert done.outcome == "attached"
    assert (after.state, after.snippet, after.last_direction) == (
        "resolved",
        before.snippet,
        before.last_direction,
    )
    assert len(await desk.deliveries(number)) == told
    (kept,) = await desk.rows(tables.message, number, kind=kind)
    assert kept.automatic
    assert [job.idem_key for job in await desk.rows(tables.job, kind="auto-close")] == ["auto-close"]


async def test_while_we_wait_for_the_customer_it_ends_no_wait_and_stops_no_clock(desk):
    number = await desk.taken()
    await desk.do(tickets.wait, await desk.who("ann"), number, "Quale switch?")

    await desk.mail("alice@acme.test", kind=Kind.OUT_OF_OFFICE, own_refs=(await desk.ref(number),))

    assert (await desk.ticket(number)).state == "waiting_customer"
    assert (await desk.clocks(number))["resolve"].state == "paused"


async def test_about_a_closed_ticket_it_is_a_machines_record(desk):
    number = await desk.closed()

    done = await desk.mail("alice@acme.test", kind=Kind.OUT_OF_OFFICE, own_refs=(await desk.ref(number),))

    assert (done.outcome, done.reason) == ("machine", "ooo")


async def test_a_stranger_machine_with_a_key_is_held_like_any_stranger(desk):
    number = await desk.qualified()

    done = await desk.mail("eve@evil.test", kind=Kind.OUT_OF_OFFICE, own_refs=(await desk.ref(number),))

    assert (done.outcome, done.reason) == ("held", "third_party")


@pytest.mark.parametrize("kind", [Kind.SYSTEM_NOTIFICATION, Kind.MAILING_LIST])
async def test_a_notification_opens_a_ticket_that_nothing_automatic_answers(desk, kind):
    done = await desk.mail("alice@acme.test", kind=kind, may_auto_reply=False)
    number = await desk.qualify(done.number)
    await desk.do(tickets.take, await desk.who("ann"), number)
    assert await desk.deliveries(number) == []

    await desk.do(tickets.reply, await desk.who("ann"), number, "Ecco.")

    assert [row.address for row in await desk.deliveries(number)] == ["alice@acme.test"], (
        "a person's answer goes out"
    )


async def test_a_mail_that_might_be_a_machines_is_a_ticket_without_an_acknowledgement(desk):
    done = await desk.mail("alice@acme.test", may_auto_reply=False)

    assert done.outcome == "ticket"
    assert await desk.deliveries(done.number) == []
    assert (await desk.inbound()).detail["acknowledged"] == "machine"
