"""An alarm that concerns many customers is one incident: a part for each, one outage, and all of it ends with the alarm."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.desk import (
    alert_acts,
    books,
    incident_outages,
    incident_telling,
    incident_views,
    outage_board,
    outages,
    publishing,
    reference,
    tickets,
    windows,
)
from core.desk.errors import Forbidden, NotFound, Refused
from core.ids import new_id
from core.store import tables
from tests.chat_at_work import Chatter
from tests.chatting import connects
from tests.desk_at_work import CONFIGURED, PASSED
from tests.devices_at_work import SECRET, Devices, devices
from tests.telephone import ALICE, BOB, exchange, with_telephones

OURS = """
[[customers]]
name = "Our network"
code = "OURS"
language = "en"
  [[customers.assets]]
  name = "ring-1"
  technology = "Network"
  address = "198.51.100.1"
  [[customers.assets]]
  name = "line-7"
  technology = "Network"
  parent = "ring-1"
[[customers]]
name = "Delta"
code = "DELTA"
domains = ["delta.test"]
language = "en"
  [[customers.sites]]
  name = "Leeds"
  [[customers.sites]]
  name = "York"
  [[customers.contacts]]
  name = "Dora"
  email = "dora@delta.test"
  alerts = true
  [[customers.assets]]
  name = "router"
  technology = "Network"
  site = "Leeds"
  depends_on = ["OURS/line-7"]
  [[customers.contracts]]
  number = "C-4"
  valid_from = 2026-01-01
  valid_until = 2026-12-31
    [[customers.contracts.lines]]
    name = "All"
    sla = "Gold"
"""
SOURCES = "".join(
    f"""
[[alert_sources]]
name = "{name}"
kind = "alertmanager"
secret = "{SECRET}"
technology = "Network"
request_type = "Incident"
hold = "0s"
severity = "major"
{more}"""
    for name, more in (
        ("ours", 'customer = "OURS"\n'),
        ("loud", 'customer = "OURS"\nannounce = true\n'),
        ("acme", 'customer = "ACME"\n'),
        ("delta", 'customer = "DELTA"\n'),
        ("nobodys", "names_customers = true\n"),
    )
)
SHARED = (
    CONFIGURED.replace('email = "alice@acme.test"', 'email = "alice@acme.test"\n  alerts = true')
    .replace(
        '  name = "sw-1"\n  technology = "Network"\n  criticality = "critical"',
        '  name = "sw-1"\n  technology = "Network"\n  site = "Verona"\n  depends_on = ["OURS/ring-1"]',
    )
    .replace(
        '[[customers]]\nname = "Gamma"',
        OURS + '[[customers]]\nname = "Gamma"',
    )
    .replace(
        '  status = "suspended"\n    [[customers.contracts.lines]]\n    name = "All"',
        '    [[customers.contracts.lines]]\n    name = "All"\n  [[customers.assets]]\n  name = "pc-1"',
    )
    .replace(
        '  email = "gina@gamma.test"',
        '  email = "gina@gamma.test"\n  [[customers.assets]]\n  name = "till"\n  depends_on = ["OURS/ring-1"]',
    )
    + SOURCES
)
"""Acme hangs on the ring, Delta on a line of it; Gamma does too, and has no contract; Beta has one, and hangs on nothing of it."""
WORDS = {"it": "Il tecnico è sul posto.", "en": "The engineer is there."}


@pytest.fixture
async def hub(db) -> Devices:
    return await devices(db, SHARED)


async def parts(hub: Devices) -> dict[str, object]:
    """The tickets by customer; each has one."""
    rows = await hub.tickets()
    assert len({row.customer for row in rows}) == len(rows)
    return {row.customer: row for row in rows}


async def heard(hub: Devices, customer: str, **more) -> list[outages.Known]:
    """What goes on that somebody of this customer hears of."""
    return await hub.desk.db.read(outages.concerning, customer=customer, now=hub.desk.now, **more)


def told(hub: Devices, kind: str) -> list[str]:
    return sorted(one.to.address for one in hub.desk.channel.sent if one.kind == kind)


# --- It begins ---


async def test_an_alarm_of_something_shared_is_one_incident_with_a_part_for_each_covered_customer_below(hub):
    await hub.fires("ring-1", source="ours")

    by_customer = await parts(hub)
    assert set(by_customer) == {"OURS", "ACME", "DELTA"}
    parent = by_customer["OURS"]
    assert "major" in parent.flags
    links = await hub.desk.rows(tables.ticket_link, parent.number)
    assert {row.other_id for row in links if row.kind == "child"} == {
        by_customer["ACME"].id,
        by_customer["DELTA"].id,
    }
    acme, delta = by_customer["ACME"], by_customer["DELTA"]
    assert (acme.contract, acme.language, acme.site, acme.asset) == ("C-1", "it", "Verona", "sw-1")
    assert (delta.contract, delta.language, delta.site) == ("C-4", "en", "Leeds")
    for one in (acme, delta):
        assert (await hub.desk.clocks(one.number))["response"].due_at is not None
    assert "ring-1" not in acme.subject  # what is ours is called nothing to them
    await hub.sound()


async def test_parts_of_an_incident_of_what_was_worked_on_are_measured_from_when_the_work_ends(hub):
    now = hub.desk.now
    tom = await hub.desk.who("tom")
    work = {"customer": "OURS", "asset": "ring-1", "since": now, "until": now + timedelta(hours=8)}
    await hub.desk.db.write(windows.plan, tom, now=now, **work)
    await hub.fires("ring-1", source="ours")
    assert await hub.tickets() == []
    await hub.passes(hours=8)
    worked_on = await hub.tickets()
    assert len(worked_on) > 1
    assert {one.received_at for one in worked_on} == {hub.desk.now}
    await hub.passes(minutes=1)
    assert [flag for one in await hub.tickets() for flag in one.flags if flag.startswith("breached")] == []


async def test_parts_of_an_incident_of_what_was_for_information_only_are_measured_from_when_it_is_worse(hub):
    await hub.fires("ring-1", source="ours", severity="info")
    await hub.passes(hours=8)
    assert await hub.tickets() == []
    await hub.fires("ring-1", source="ours", severity="critical")
    worse = await hub.tickets()
    assert len(worse) > 1
    assert {one.received_at for one in worse} == {hub.desk.now}
    await hub.passes(minutes=1)
    assert [flag for one in await hub.tickets() for flag in one.flags if flag.startswith("breached")] == []


async def test_each_customer_hears_of_it_once_in_their_language_and_nobody_else(hub):
    await hub.fires("ring-1", source="ours")
    await hub.passes(minutes=4)
    assert told(hub, "progress") == ["alice@acme.test", "dora@delta.test"]
    by_address = {one.to.address: one.text for one in hub.desk.channel.sent}
    assert "Network: un guasto che La riguarda (Verona)" in by_address["alice@acme.test"]
    assert "Network: a fault that concerns you (Leeds)" in by_address["dora@delta.test"]
    number = (await parts(hub))["OURS"].number
    led = await hub.desk.db.read(
        incident_views.of_ticket, await hub.desk.who("lea"), number, now=hub.desk.now
    )
    assert {one.row.customer: one.told for one in led.children} == {"ACME": "sent", "DELTA": "sent"}
    await hub.sound()


async def test_an_alarm_of_something_shared_that_somebody_puts_to_a_ticket_makes_that_the_incident(hub):
    await hub.fires("something", source="ours")
    (ticket,) = await hub.tickets()
    await hub.fires("ring-1", source="ours", severity="info")
    assert len(await hub.tickets()) == 1
    alarm = await hub.alert("ring-1", "ours")

    await hub.desk.do(alert_acts.attach, await hub.desk.who("lea"), alarm.id, ticket.number)
    await hub.work()

    by_customer = await parts(hub)
    assert set(by_customer) == {"OURS", "ACME", "DELTA"}
    assert "major" in by_customer["OURS"].flags
    assert (by_customer["OURS"].id, by_customer["OURS"].asset) == (ticket.id, None)
    assert (by_customer["ACME"].site, by_customer["ACME"].asset) == ("Verona", "sw-1")
    await hub.fires("sw-1", source="acme")
    assert (await hub.alert("sw-1", "acme")).ticket_id == by_customer["ACME"].id
    await hub.passes(minutes=4)
    assert told(hub, "progress") == ["alice@acme.test", "dora@delta.test"]
    await hub.sound()


async def test_the_cause_that_is_put_to_another_ticket_takes_the_parts_and_the_outage_along(hub):
    await hub.fires("something", source="loud")
    (ticket,) = await hub.tickets()
    await hub.fires("ring-1", source="loud")
    alarm = await hub.alert("ring-1", "loud")
    before = {row.id for row in await hub.tickets()}
    await hub.passes(minutes=3)

    await hub.desk.do(alert_acts.attach, await hub.desk.who("lea"), alarm.id, ticket.number)
    await hub.work()

    tickets = {row.id: row for row in await hub.tickets()}
    assert tickets.keys() == before
    assert "major" in tickets[ticket.id].flags
    assert "major" not in tickets[alarm.ticket_id].flags
    links = {
        (row.ticket_id, tickets[row.other_id].customer)
        for row in await hub.desk.rows(tables.ticket_link, kind="child")
    }
    assert links == {(ticket.id, "ACME"), (ticket.id, "DELTA")}
    (outage,) = await hub.desk.rows(tables.outage, state="running")
    assert outage.incident == ticket.id
    await hub.passes(minutes=3)
    assert told(hub, "progress") == ["alice@acme.test", "dora@delta.test"]
    await hub.sound()


async def test_parts_that_something_else_of_the_incident_explains_stay_when_one_alarm_leaves_it(hub):
    await hub.fires("something", source="ours")
    (ticket,) = await hub.tickets()
    await hub.fires("line-7", source="ours")
    await hub.fires("ring-1", source="ours")
    ring, line = await hub.alert("ring-1", "ours"), await hub.alert("line-7", "ours")
    assert ring.ticket_id == line.ticket_id

    await hub.desk.do(alert_acts.attach, await hub.desk.who("lea"), ring.id, ticket.number)
    await hub.work()

    parts = await hub.desk.rows(tables.ticket_link, kind="child")
    assert len({row.other_id for row in parts}) == len(parts)
    customers = {row.id: row.customer for row in await hub.tickets()}
    assert {(row.ticket_id, customers[row.other_id]) for row in parts} == {
        (ticket.id, "ACME"),
        (line.ticket_id, "DELTA"),
    }
    await hub.sound()


async def test_only_those_below_what_is_down_are_concerned(hub):
    await hub.fires("line-7", source="ours")
    assert set(await parts(hub)) == {"OURS", "DELTA"}


async def test_a_source_of_no_customer_finds_the_shared_thing_by_its_name_or_address(hub):
    await hub.fires("198.51.100.1:9100", source="nobodys")
    assert set(await parts(hub)) == {"OURS", "ACME", "DELTA"}
    await hub.fires("pc-1", source="nobodys")  # nobody else depends on that: staff say whose it is
    assert [row.customer for row in await hub.tickets()].count(None) == 1


async def test_a_customers_own_alarms_below_belong_to_their_part(hub):
    await hub.fires("ring-1", source="ours")
    await hub.fires("sw-1", source="acme")
    by_customer = await parts(hub)
    alarm = await hub.alert("sw-1", "acme")
    assert (alarm.status, alarm.ticket_id) == ("suppressed", by_customer["ACME"].id)
    await hub.sound()


async def test_what_came_shortly_before_its_cause_becomes_the_customers_part_and_nobody_is_told_twice(hub):
    await hub.fires("router", source="delta")
    hub.desk.passes(seconds=50)
    await hub.work()
    await hub.fires("line-7", source="ours")

    by_customer = await parts(hub)
    alarm = await hub.alert("router", "delta")
    assert (alarm.status, alarm.ticket_id) == ("suppressed", by_customer["DELTA"].id)
    assert by_customer["DELTA"].asset == "router"
    await hub.passes(minutes=5)
    assert told(hub, "progress") == ["dora@delta.test"]
    await hub.sound()


@pytest.mark.parametrize("over", [True, False])
async def test_what_comes_below_something_that_had_an_incident_once_is_called_for_now(db, over):
    ours = SHARED.index('name = "ours"')
    hub = await devices(db, SHARED[:ours] + SHARED[ours:].replace('hold = "0s"', 'hold = "60s"', 1))
    await hub.fires("ring-1", source="ours", severity="warning")
    await hub.passes(minutes=2)
    await hub.ends("ring-1", source="ours", severity="warning")
    await hub.passes(hours=30)
    before = {row.id for row in await hub.tickets()}
    assert len(before) == 3
    assert not any(row.open for row in await hub.tickets())

    await hub.fires("ring-1", source="ours", severity="warning")
    await hub.passes(seconds=5)
    await hub.fires("sw-1", source="acme")
    assert (await hub.alert("sw-1", "acme")).status == "suppressed"
    if over:
        await hub.ends("ring-1", source="ours", severity="warning")
    await hub.passes(minutes=2)

    new = {row.customer: row for row in await hub.tickets() if row.id not in before}
    alarm = await hub.alert("sw-1", "acme")
    assert set(new) == ({"ACME"} if over else {"OURS", "ACME", "DELTA"})
    assert alarm.ticket_id == new["ACME"].id
    assert new["ACME"].open
    assert alarm.status == ("firing" if over else "suppressed")
    await hub.sound()


async def test_the_same_alarm_again_makes_no_second_part(hub):
    began = hub.desk.now
    for _ in range(3):
        await hub.fires("ring-1", source="ours", at=began)
        hub.desk.passes(seconds=20)
    assert set(await parts(hub)) == {"OURS", "ACME", "DELTA"}


async def test_cause_and_effects_that_come_at_once_find_each_other(hub):
    await asyncio.gather(
        hub.fires("sw-1", source="acme"),
        hub.fires("ring-1", source="ours"),
        hub.fires("router", source="delta"),
        hub.fires("line-7", source="ours"),
    )
    await hub.work()
    by_customer = await parts(hub)
    assert set(by_customer) == {"OURS", "ACME", "DELTA"}
    for name, source, customer in (("sw-1", "acme", "ACME"), ("router", "delta", "DELTA")):
        assert (await hub.alert(name, source)).ticket_id == by_customer[customer].id
    await hub.passes(minutes=4)
    assert told(hub, "progress") == ["alice@acme.test", "dora@delta.test"]
    await hub.sound()


# --- A storm of several customers ---


async def test_a_storm_of_several_customers_is_laid_to_what_they_all_hang_on_and_later_ones_join(hub):
    for n in range(9):
        await hub.fires(f"host-{n}", source="acme", parent="sw-1")
    assert all(row.customer == "ACME" for row in await hub.tickets())
    await hub.fires("router", source="delta")

    by_customer = await parts(hub)
    assert set(by_customer) == {"OURS", "ACME", "DELTA"}
    assert by_customer["OURS"].asset == "ring-1"
    assert {"major", "storm"} <= set(by_customer["OURS"].flags)
    for n in range(9):
        assert (await hub.alert(f"host-{n}", "acme")).ticket_id == by_customer["ACME"].id
    await hub.passes(minutes=4)
    assert told(hub, "progress") == ["alice@acme.test", "dora@delta.test"]

    await hub.fires("sw-1", source="acme")
    assert (await hub.alert("sw-1", "acme")).ticket_id == by_customer["ACME"].id
    await hub.fires("ring-1", source="ours")
    assert (await hub.alert("ring-1", "ours")).ticket_id == by_customer["OURS"].id
    assert set(await parts(hub)) == {"OURS", "ACME", "DELTA"}
    await hub.sound()


async def test_a_storm_ends_when_all_of_its_alarms_are_over(hub):
    names = [f"host-{n}" for n in range(9)]
    await hub.fires(*names, source="acme", parent="sw-1")
    await hub.fires("router", source="delta")
    hub.desk.passes(minutes=5)
    await hub.ends("router", source="delta")
    await hub.passes(minutes=6)
    assert (await parts(hub))["DELTA"].state == "resolved"
    assert (await parts(hub))["OURS"].state != "resolved"
    await hub.ends(*names, source="acme", parent="sw-1")
    await hub.passes(minutes=6)
    assert {row.state for row in await hub.tickets() if row.customer != "OURS"} == {"resolved"}
    ours = (await parts(hub))["OURS"]
    assert ours.state == "resolved" or "recovered" in ours.flags
    await hub.sound()


# --- The outage ---


async def test_the_outage_waits_for_one_press_of_who_leads(hub):
    await hub.fires("ring-1", source="ours")
    parent = (await parts(hub))["OURS"]
    assert await heard(hub, "ACME") == []
    (task,) = [one for one in await hub.desk.rows(tables.task) if one.kind == "incident_outage"]
    assert (task.role, task.done_at) == ("shift-leader", None)

    with pytest.raises(Forbidden):
        await hub.desk.do(incident_outages.publish, await hub.desk.who("ann"), parent.number)
    lea = await hub.desk.who("lea")
    made = await hub.desk.do(incident_outages.publish, lea, parent.number)
    assert await hub.desk.do(incident_outages.publish, lea, parent.number) == made

    assert [one.id for one in await heard(hub, "ACME")] == [made]
    (task,) = [one for one in await hub.desk.rows(tables.task) if one.kind == "incident_outage"]
    assert task.done_at is not None
    await hub.sound()


async def test_what_is_no_incident_or_concerns_nobody_cannot_be_published(hub):
    await hub.fires("sw-1", source="acme")
    number = (await hub.tickets())[0].number
    with pytest.raises(Refused, match="no incident"):
        await hub.desk.do(incident_outages.publish, await hub.desk.who("lea"), number)


async def test_it_is_for_exactly_the_sites_and_technologies_that_hang_on_it(hub):
    await hub.fires("ring-1", source="loud")
    (row,) = await hub.desk.rows(tables.outage)
    assert (row.customers, row.technologies) == ([], ["Network"])
    assert sorted(map(tuple, row.sites)) == [("ACME", "Verona"), ("DELTA", "Leeds")]
    assert len(await heard(hub, "ACME")) == len(await heard(hub, "DELTA")) == 1
    assert await heard(hub, "BETA") == await heard(hub, "GAMMA") == await heard(hub, "OURS") == []
    assert await heard(hub, "DELTA", contact_sites=("York",)) == []
    assert await heard(hub, "ACME", technologies=("Server",)) == []
    assert (await heard(hub, "ACME"))[0].title == "Network: servizio disturbato"
    assert [one.kind for one in await hub.desk.rows(tables.task)].count("incident_outage") == 0
    await hub.sound()


async def test_who_joins_later_hears_of_the_outage_from_then_on(hub):
    await hub.fires("line-7", source="loud")
    assert await heard(hub, "ACME") == []
    for n in range(3):
        await hub.fires(f"pc-{n}", source="acme", parent="sw-1")
    assert await heard(hub, "ACME") == []  # it does not hang on the line
    await hub.fires("ring-1", source="loud")
    assert len(await heard(hub, "ACME")) == 1
    await hub.sound()


async def test_a_mail_about_it_is_answered_with_it_and_one_of_somebody_else_is_not(hub):
    await hub.fires("ring-1", source="loud")
    await hub.desk.mail("aldo@acme.test", authentication=PASSED)
    await hub.desk.mail("bob@beta.test", authentication=PASSED)
    await hub.work()
    by_address = {one.to.address: one.text for one in hub.desk.channel.sent if one.kind == "received"}
    assert "Network: servizio disturbato" in by_address["aldo@acme.test"]
    assert "disturbed" not in by_address["bob@beta.test"]
    await hub.sound()


async def test_what_a_person_withdrew_is_published_by_a_person_only(hub):
    await hub.fires("line-7", source="loud")
    (row,) = await hub.desk.rows(tables.outage)
    lea = await hub.desk.who("lea")
    await hub.desk.do(publishing.cancel, lea, row.id, reason="It is our own test.")
    await hub.fires("ring-1", source="loud")
    assert await heard(hub, "ACME") == []
    (task,) = [one for one in await hub.desk.rows(tables.task) if one.kind == "incident_outage"]
    parent = (await parts(hub))["OURS"]
    assert task.ticket_id == parent.id
    await hub.desk.do(incident_outages.publish, lea, parent.number)
    assert len(await heard(hub, "ACME")) == 1
    await hub.sound()


async def test_a_caller_hears_it_and_is_told_of_the_end_by_one_key_and_another_customers_caller_is_not(db):
    line = await exchange(db, with_telephones(SHARED))
    hub = Devices(line.desk)
    await hub.fires("ring-1", source="loud")

    phone = await line.phone(ALICE).identified()
    assert "Network: servizio disturbato" in phone.last
    await phone.press("1")
    assert "La avviseremo" in " ".join(phone.heard)
    await phone.hang_up(seconds=20)
    other = await line.phone(BOB).dial()
    await other.press("889900")
    assert "disturbed" not in " ".join(other.heard)
    (asked,) = await hub.desk.rows(tables.outage_subscriber)
    assert (asked.customer, asked.address) == ("ACME", ALICE)
    await hub.sound()


async def test_the_portal_shows_it_to_who_is_concerned_who_may_ask_by_one_click(hub):
    await hub.fires("ring-1", source="loud")
    alice, bob = await hub.desk.who("alice"), await hub.desk.who("bob")
    shown = await hub.desk.db.read(outage_board.listing, alice, state="running", now=hub.desk.now)
    (one,) = shown.items
    assert await hub.desk.do(outages.subscribe, alice, one.id, by="email") == "added"
    nothing = await hub.desk.db.read(outage_board.listing, bob, state="running", now=hub.desk.now)
    assert not nothing.items
    with pytest.raises(NotFound):
        await hub.desk.do(outages.subscribe, bob, one.id, by="email")


async def test_a_chat_about_it_is_answered_with_it_and_one_of_somebody_else_is_not(hub):
    await hub.fires("ring-1", source="loud")
    answers = {}
    for name, address in (("aldo", "telegram:1"), ("bob", "telegram:2")):
        await connects(hub.desk, name, address)
        number = (await Chatter(hub.desk, address=address, name=name).writes()).number
        answers[name] = "".join(row.text for row in await hub.desk.outward(number, "received"))
    assert "Network: servizio disturbato" in answers["aldo"]
    assert answers["bob"]
    assert "disturbed" not in answers["bob"]
    (asked,) = await hub.desk.rows(tables.outage_subscriber)
    assert (asked.customer, asked.ticket_id is None) == ("ACME", False)
    await hub.sound()


# --- It goes on ---


async def test_an_update_reaches_parts_and_who_asked_for_every_word_once_each(hub):
    await hub.fires("ring-1", source="loud")
    await hub.passes(minutes=4)
    (row,) = await hub.desk.rows(tables.outage)
    for name in ("alice", "aldo"):
        await hub.desk.do(outages.subscribe, await hub.desk.who(name), row.id, by="email", progress=True)
    hub.desk.channel.sent.clear()

    parent = (await parts(hub))["OURS"]
    lea = await hub.desk.who("lea")
    await hub.desk.do(incident_telling.inform, lea, parent.number, words=WORDS)
    await hub.work()

    assert told(hub, "incident") == ["alice@acme.test", "dora@delta.test"]
    assert told(hub, "outage_updated") == ["aldo@acme.test"]
    assert "Il tecnico" in next(
        one.text for one in hub.desk.channel.sent if one.to.address == "aldo@acme.test"
    )
    assert (await heard(hub, "ACME"))[0].news == WORDS["it"]
    await hub.sound()


async def test_when_all_is_over_the_parts_are_solved_the_outage_ends_and_who_asked_is_told_once(hub):
    await hub.fires("ring-1", source="loud")
    await hub.passes(minutes=4)
    (row,) = await hub.desk.rows(tables.outage)
    for name in ("alice", "aldo"):
        await hub.desk.do(outages.subscribe, await hub.desk.who(name), row.id, by="email")
    parent = (await parts(hub))["OURS"]
    await hub.desk.do(incident_telling.inform, await hub.desk.who("lea"), parent.number, words=WORDS)
    hub.desk.channel.sent.clear()

    await hub.ends("ring-1", source="loud")
    await hub.passes(minutes=4)
    assert len(await heard(hub, "ACME")) == 1  # it has to hold first
    await hub.passes(minutes=3)

    by_customer = await parts(hub)
    assert by_customer["ACME"].state == by_customer["DELTA"].state == "resolved"
    assert "recovered" in by_customer["OURS"].flags  # a person spoke to everybody: they end it
    assert await heard(hub, "ACME") == []
    assert told(hub, "resolved") == ["alice@acme.test", "dora@delta.test"]
    assert told(hub, "outage_ended") == ["aldo@acme.test"]
    await hub.sound()


async def test_a_part_somebody_works_on_is_theirs_to_end(hub):
    await hub.fires("ring-1", source="ours")
    acme = (await parts(hub))["ACME"]
    await hub.desk.do(tickets.take, await hub.desk.who("ann"), acme.number)
    await hub.ends("ring-1", source="ours")
    await hub.passes(minutes=6)
    by_customer = await parts(hub)
    assert (by_customer["ACME"].state, "recovered" in by_customer["ACME"].flags) == ("in_progress", True)
    assert by_customer["DELTA"].state == "resolved"


async def test_a_part_with_an_alarm_of_its_own_goes_on_and_the_outage_ends_without_it(hub):
    await hub.fires("ring-1", source="loud")
    await hub.fires("sw-1", source="acme")
    await hub.ends("ring-1", source="loud")
    await hub.passes(minutes=6)
    by_customer = await parts(hub)
    assert by_customer["DELTA"].state == "resolved"
    assert by_customer["ACME"].state != "resolved"
    assert await heard(hub, "DELTA") == []
    await hub.ends("sw-1", source="acme")
    await hub.passes(minutes=6)
    assert (await parts(hub))["ACME"].state == "resolved"
    await hub.sound()


async def test_down_again_within_the_hour_the_parts_go_on_and_the_outage_is_published_anew(hub):
    await hub.fires("ring-1", source="loud")
    await hub.ends("ring-1", source="loud")
    await hub.passes(minutes=6)
    await hub.fires("ring-1", source="loud")
    by_customer = await parts(hub)
    assert set(by_customer) == {"OURS", "ACME", "DELTA"}
    assert "resolved" not in {row.state for row in by_customer.values()}
    assert len(await heard(hub, "ACME")) == 1
    assert sorted(row.state for row in await hub.desk.rows(tables.outage)) == ["ended", "running"]
    await hub.sound()


# --- Whose part is made when ---


MANY = "".join(
    f"""
[[customers]]
name = "Shop {n}"
code = "SHOP{n}"
language = "{("it", "en")[n % 2]}"
  [[customers.contacts]]
  name = "Keeper {n}"
  email = "keeper@shop{n}.test"
  alerts = true
  [[customers.assets]]
  name = "till"
  depends_on = ["OURS/ring-1"]
  [[customers.contracts]]
  number = "S-{n}"
  valid_from = 2026-01-01
  valid_until = 2026-12-31
    [[customers.contracts.lines]]
    name = "All"
    sla = "Gold"
"""
    for n in range(45)
)


async def test_many_customers_have_their_parts_a_slice_at_a_time_and_hear_once_each(db):
    hub = await devices(db, SHARED.replace("[[alert_sources]]", f"{MANY}[[alert_sources]]", 1))
    await hub.fires("ring-1", source="loud")
    assert len(await parts(hub)) == 45 + 3
    (row,) = await hub.desk.rows(tables.outage)
    assert len(row.customers) == 45
    await hub.passes(minutes=4)
    assert len(told(hub, "progress")) == len(set(told(hub, "progress"))) == 45 + 2
    await hub.ends("ring-1", source="loud")
    await hub.passes(minutes=7)
    assert [row.state for row in await hub.tickets()].count("resolved") == 45 + 3
    await hub.sound()


async def test_a_circle_that_is_met_all_the_same_hangs_nobody_up(hub):
    def closes(tx):
        tx.update(tables.asset, {"customer": "OURS", "name": "ring-1"}, depends_on=["ACME/sw-1"])
        reference.revise(tx, now=hub.desk.now)

    await hub.desk.db.write(closes)
    await hub.fires("sw-1", source="acme")
    await hub.fires("ring-1", source="ours")
    assert (await hub.alert("ring-1", "ours")).status == "suppressed"
    await hub.ends("sw-1", source="acme")
    await hub.ends("ring-1", source="ours")
    await hub.passes(minutes=7)
    await hub.sound()


async def test_a_line_below_a_line_is_one_incident_of_the_one_above(hub):
    await hub.fires("line-7", source="loud")
    (first,) = await hub.desk.rows(tables.outage)
    await hub.fires("ring-1", source="loud")
    assert set(await parts(hub)) == {"OURS", "ACME", "DELTA"}
    assert [one.id for one in await heard(hub, "ACME")] == [first.id]
    await hub.passes(minutes=4)
    assert told(hub, "progress") == ["alice@acme.test", "dora@delta.test"]
    await hub.ends("ring-1", source="loud")
    await hub.ends("line-7", source="loud")
    await hub.passes(minutes=7)
    assert {row.state for row in await hub.tickets()} == {"resolved"}
    assert await heard(hub, "ACME") == []
    await hub.sound()


# --- The books ---


async def breaks(hub: Devices, change) -> list[str]:
    """What the books say when this was done to the rows."""
    await hub.desk.db.write(change)
    found = await hub.desk.db.read(books.verify, now=hub.desk.now)
    return [one.kind for one in found.faults]


async def test_the_books_find_a_part_without_its_incident_and_a_customer_with_two(hub):
    await hub.fires("ring-1", source="loud")
    by_customer = await parts(hub)
    acme, delta = by_customer["ACME"], by_customer["DELTA"]
    moved = await breaks(hub, lambda tx: tx.update(tables.ticket, {"id": delta.id}, customer="ACME"))
    assert "incident with two parts of one customer" in moved
    link = tables.ticket_link
    gone = await breaks(hub, lambda tx: tx.run(link.delete().where(link.c.ticket_id == acme.id)))
    assert "part of an incident without it" in gone


async def test_the_books_find_a_customer_who_was_told_twice(hub):
    await hub.fires("ring-1", source="loud")
    await hub.passes(minutes=3)
    acme = (await parts(hub))["ACME"]
    (said,) = await hub.desk.rows(tables.message, acme.number, kind="progress")
    twice = {**said._asdict(), "id": new_id()}
    assert "customer who was told twice of an incident" in await breaks(
        hub, lambda tx: tx.insert(tables.message, **twice)
    )


async def test_the_books_find_an_outage_of_no_incident_of_everybody_and_two_at_once(hub):
    await hub.fires("ring-1", source="loud")
    (row,) = await hub.desk.rows(tables.outage)
    everybody = await breaks(hub, lambda tx: tx.update(tables.outage, {"id": row.id}, customers=[], sites=[]))
    assert "outage of an incident that concerns everybody" in everybody
    second = {**row._asdict(), "id": new_id()}
    assert "incident with two outages at once" in await breaks(
        hub, lambda tx: tx.insert(tables.outage, **second)
    )
    assert "outage without its incident" in await breaks(
        hub, lambda tx: tx.update(tables.outage, {"id": row.id}, incident=row.id)
    )
