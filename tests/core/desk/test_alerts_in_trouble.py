"""What goes wrong around alarms ends well: everything at once, over and over, in a circle, and under somebody's hands."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import datetime

import pytest

from channels.monitoring.decoding import decode
from channels.monitoring.read import facts_of
from channels.monitoring.source import Source
from core.alerting import AlertFact
from core.desk import alerts, intake, presence, reference, resolution, tickets
from core.desk.configuration import checking
from core.desk.errors import ConfigurationError, Refused
from core.envelope import Inbound, Kind
from core.store import tables
from tests.desk_at_work import SOLUTION
from tests.devices_at_work import WITH_DEVICES, Devices, alarm, devices

MANY = 1000


@pytest.fixture
async def hub(db) -> Devices:
    return await devices(db)


def facts(body) -> list[AlertFact]:
    """What the reader finds in it."""
    raw = json.dumps(body).encode()
    at = datetime.fromisoformat(body["alerts"][0]["startsAt"])
    return facts_of(decode(raw, {}, received_at=at, peer=""), Source(name="at-once", kind="alertmanager"))


# --- At once, and over and over ---


async def test_a_thousand_identical_messages_at_once_are_one_ticket(hub):
    body = {"alerts": [alarm("sw-1", "firing", at=hub.desk.now)], "groupLabels": {}}
    stored = await asyncio.gather(*(hub.stores(body, source="at-once") for _ in range(MANY)))
    assert len(set(stored)) == MANY  # each is a message: what it means is for the alert to say
    said = Inbound(
        channel="monitoring", kind=Kind.ALERT, may_auto_reply=False, author=None, alerts=tuple(facts(body))
    )

    done = await asyncio.gather(
        *(hub.desk.db.write(intake.understand, one, said, now=hub.desk.now) for one in stored)
    )

    assert Counter(one.outcome for one in done) == {"alert": 1, "duplicate": MANY - 1}
    row = await hub.alert("sw-1", "at-once")
    assert (row.count, row.copies, row.episode) == (1, MANY - 1, 1)
    assert len(await hub.tickets(merged=True)) == 1
    await hub.work()
    await hub.sound()


async def test_ten_thousand_repeats_are_one_ticket_and_a_figure(hub, database_url):
    times = 10_000 if database_url.startswith("sqlite") else 500  # each is two answers of a server
    await hub.fires("sw-1", source="at-once")
    (fact,) = facts({"alerts": [alarm("sw-1", "firing", at=hub.desk.now)], "groupLabels": {}})
    (first,) = await hub.desk.rows(tables.inbound)

    def repeat(tx) -> None:
        source = reference.desk(tx).alert_sources["at-once"]
        for n in range(times - 1):
            message = alerts.Said(id=first.id, received_at=hub.desk.now, raw=f"{n:064x}")
            assert alerts.one(tx, source, fact, message, now=hub.desk.now) == "repeated"

    await hub.desk.db.write(repeat)

    assert (await hub.alert("sw-1", "at-once")).count == times
    assert len(await hub.tickets()) == 1
    assert len(await hub.decisions("sw-1", "at-once")) == 2  # what only counts is no decision
    await hub.sound()


# --- Under somebody's hands ---


async def test_nothing_is_closed_while_somebody_writes_an_answer(hub):
    await hub.fires("core-1", source="at-once", severity="warning")
    (ticket,) = await hub.tickets()
    ann = await hub.desk.who("ann")
    await hub.desk.do(presence.save_draft, ann, ticket.number, "reply", "Gentile Alice, stiamo")
    await hub.ends("core-1", source="at-once")

    await hub.passes(minutes=6)

    (ticket,) = await hub.tickets()
    assert (ticket.open, "recovered" in ticket.flags) == (True, True)
    await hub.sound()


@pytest.mark.parametrize("alarm_first", [True, False], ids=["alarm-first", "solved-first"])
async def test_an_alarm_in_the_second_of_the_solution_is_not_lost(hub, alarm_first):
    await hub.fires("core-1", source="at-once", severity="warning")
    (ticket,) = await hub.tickets()
    ann = await hub.desk.who("ann")
    await hub.desk.do(tickets.take, ann, ticket.number)
    hub.desk.passes(minutes=1)
    await hub.ends("core-1", source="at-once")
    hub.desk.passes(seconds=1)
    if alarm_first:
        await hub.fires("core-1", source="at-once", severity="warning")
        with pytest.raises(Refused, match="alert_firing"):
            await hub.desk.do(resolution.resolve, ann, ticket.number, **SOLUTION)
    else:
        await hub.desk.do(resolution.resolve, ann, ticket.number, **SOLUTION)
        await hub.fires("core-1", source="at-once", severity="warning")

    (ticket,) = await hub.tickets()
    assert ticket.open
    assert (await hub.alert("core-1", "at-once")).ticket_id == ticket.id
    await hub.sound()


async def test_a_ticket_that_a_person_closes_while_it_fires_is_not_opened_again_by_a_repeat(hub):
    began = hub.desk.now
    await hub.fires("core-1", source="at-once", severity="warning")
    (ticket,) = await hub.tickets()
    ann = await hub.desk.who("ann")
    await hub.desk.do(tickets.take, ann, ticket.number)
    why = {"alert_firing": "The customer lives with it until the move."}
    await hub.desk.do(resolution.resolve, ann, ticket.number, **SOLUTION, overrides=why)
    await hub.desk.do(resolution.close, ann, ticket.number, overrides=why)
    for _ in range(2):
        await hub.passes(hours=4)
        await hub.fires("core-1", source="at-once", severity="warning", at=began)
    assert [one.state for one in await hub.tickets()] == ["closed"]

    await hub.ends("core-1", source="at-once")
    await hub.passes(minutes=10)
    await hub.fires("core-1", source="at-once", severity="warning")

    assert [one.state for one in await hub.tickets()] == ["closed", "assigned"]
    await hub.sound()


# --- The desk as it is configured ---

CIRCLE = WITH_DEVICES.replace('  name = "core-1"', '  name = "core-1"\n  parent = "srv-1"')


def test_things_that_hang_on_each_other_in_a_circle_are_refused():
    with pytest.raises(ConfigurationError, match="hangs on itself in the end: ACME/core-1, ACME/srv-1"):
        checking.read(CIRCLE)


async def test_a_circle_that_is_there_all_the_same_is_no_parent(hub):
    for name, above in (("core-1", "srv-1"), ("srv-1", "core-1")):
        await hub.desk.db.write(
            lambda tx, name=name, above=above: tx.update(tables.asset, {"name": name}, parent=above)
        )
    await hub.fires("core-1", source="at-once", severity="warning")
    await hub.fires("srv-1", source="at-once", severity="warning")
    (ticket,) = await hub.tickets()
    assert {row.ticket_id for row in await hub.desk.rows(tables.alert)} == {ticket.id}
    await hub.sound()


async def test_without_a_contract_a_thing_that_is_always_reported_still_opens_a_ticket(db):
    of_beta = 'name = "Beta Ltd"\ncode = "BETA"\ndomains = ["beta.test"]\nlanguage = "en"\ntime_zone = "Europe/London"'
    thing = '\n  [[customers.assets]]\n  name = "ups-1"\n  technology = "Network"\n  always_page = true'
    assert of_beta in WITH_DEVICES
    hub = await devices(db, WITH_DEVICES.replace(of_beta, of_beta + thing))
    await hub.fires("ups-1", "ups-2", source="beta")
    (ticket,) = await hub.tickets()
    assert (ticket.customer, ticket.asset) == ("BETA", "ups-1")
    await hub.fires("ups-3", source="beta")
    asked = [one for one in await hub.desk.rows(tables.task) if one.kind == "alerts_without_contract"]
    assert len(asked) == 1  # whoever looks after the customer hears of it once a day
    await hub.sound()
