"""Alarms become the right number of tickets: none for what is over in a moment, one for what belongs together."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from core.channel import NoSuchSource, NotAdmitted
from core.desk import door, hub_watch, periodic, periodic_values, resolution, tickets
from core.desk.errors import Refused
from core.envelope import Inbound, Kind
from core.store import tables
from tests.desk_at_work import SOLUTION, put
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, alarm, devices

ZABBIX = f"""
[[alert_sources]]
name = "zabbix"
kind = "zabbix"
secret = "{SECRET}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
"""


@pytest.fixture
async def hub(db) -> Devices:
    return await devices(db, WITH_DEVICES + ZABBIX)


# --- In at the door ---


async def test_what_a_device_sends_is_taken_in_from_a_source_that_proves_who_it_is(hub):
    with pytest.raises(NotAdmitted):
        await hub.posts({}, secret="another secret")
    with pytest.raises(NoSuchSource):
        await hub.posts({}, source="nobody")
    assert await hub.desk.rows(tables.inbound) == []


async def test_a_message_that_nobody_understands_is_kept_for_staff(hub):
    hub.desk.last = await hub.posts({"a": "shape of its own"})
    row = await hub.desk.inbound()
    assert (row.outcome, row.open) == ("exception", True)


# --- One alarm ---


async def test_an_alarm_waits_a_minute_and_then_is_a_ticket_of_its_customer_asset_and_group(hub):
    await hub.fires("sw-1")
    assert (await hub.alert("sw-1")).status == "held"
    assert await hub.tickets() == []

    await hub.passes(seconds=75)

    (ticket,) = await hub.tickets()
    assert (ticket.customer, ticket.asset, ticket.site) == ("ACME", "sw-1", "Verona")
    assert (ticket.state, ticket.desk_group, ticket.priority) == ("assigned", "Network L1", "P1")
    assert (ticket.channel, ticket.contract) == ("monitoring", "C-1")
    assert ticket.received_at == (await hub.alert("sw-1")).started_at  # clocks count from the alarm
    await hub.sound()


@pytest.mark.parametrize(
    ("ago", "measured"), [({"minutes": 5}, {"minutes": 5}), ({"hours": 1}, {}), ({"days": 90}, {})]
)
async def test_what_is_told_late_or_by_a_clock_that_is_behind_is_not_too_late_when_it_is_a_ticket(
    hub, ago, measured
):
    """An hour: a tool that gives its local time and no zone. Three months: it fired before anybody listened."""
    told = hub.desk.now
    await hub.fires("sw-1", source="at-once", at=told - timedelta(**ago))
    await hub.passes(minutes=2)
    (ticket,) = await hub.tickets()
    assert ticket.received_at == told - timedelta(**measured)
    assert [flag for flag in ticket.flags if flag.startswith("breached")] == []
    assert (await hub.alert("sw-1", "at-once")).started_at == told - timedelta(**ago), "that it says is kept"
    await hub.ends("sw-1", source="at-once", at=told - timedelta(**ago) + timedelta(minutes=1))
    await hub.passes(minutes=6)
    await hub.sound()


async def test_what_was_for_information_only_and_gets_worse_is_measured_from_then(hub):
    await hub.fires("sw-1", source="at-once", severity="info")
    await hub.passes(hours=20)
    await hub.fires("sw-1", source="at-once", severity="critical")
    (ticket,) = await hub.tickets()
    assert ticket.received_at == hub.desk.now
    await hub.sound()


async def test_what_is_over_within_the_wait_is_no_ticket(hub):
    await hub.fires("sw-1")
    await hub.passes(seconds=30)
    await hub.ends("sw-1")
    await hub.passes(minutes=10)
    assert await hub.tickets() == []
    assert await hub.decisions("sw-1") == ["begun", "held", "transient"]
    await hub.sound()


async def test_the_customer_hears_of_it_once_and_again_when_it_came_back_by_itself(hub):
    await hub.fires("core-1", source="at-once", severity="warning")
    await hub.passes(minutes=4)
    (noticed,) = hub.desk.channel.sent
    assert noticed.to.address == "alice@acme.test"
    assert "core-1" in noticed.text

    await hub.ends("core-1", source="at-once")
    ended_at = hub.desk.now
    await hub.passes(minutes=6)

    (ticket,) = await hub.tickets()
    assert (ticket.state, ticket.resolution["cause"]) == ("resolved", "auto_recovered")
    clocks = await hub.desk.clocks(ticket.number)
    assert clocks["resolve"].stopped_at == ended_at  # when it ended, not when we were sure
    assert (clocks["response"].state, clocks["response"].due_at) == ("paused", None), (
        "nobody is late to answer"
    )
    assert [one.kind for one in hub.desk.channel.sent] == ["progress", "resolved"]
    await hub.sound()


async def test_what_comes_back_and_is_over_again_by_a_clock_that_is_behind_leaves_no_clock_running(hub):
    await hub.fires("core-1", source="at-once", severity="warning")
    await hub.ends("core-1", source="at-once")
    await hub.passes(minutes=6)
    behind = hub.desk.now - timedelta(minutes=4)
    await hub.fires("core-1", source="at-once", severity="warning", at=behind)
    (ticket,) = await hub.tickets()
    assert (ticket.open, (await hub.desk.clocks(ticket.number))["response"].state) == (True, "running")

    await hub.passes(seconds=30)
    await hub.ends("core-1", source="at-once", at=behind + timedelta(seconds=30))
    await hub.passes(minutes=6)

    (ticket,) = await hub.tickets()
    assert ticket.state == "resolved"
    assert {one.state for one in (await hub.desk.clocks(ticket.number)).values()} <= {"paused", "met"}
    await hub.sound()


async def test_nothing_is_closed_under_the_hands_of_whoever_works_on_it(hub):
    await hub.fires("core-1", source="at-once", severity="warning")
    (ticket,) = await hub.tickets()
    ann = await hub.desk.who("ann")
    await hub.desk.do(tickets.take, ann, ticket.number)
    with pytest.raises(Refused, match="alert_firing"):
        await hub.desk.do(resolution.resolve, ann, ticket.number, **SOLUTION)

    await hub.ends("core-1", source="at-once")
    await hub.passes(minutes=6)

    (ticket,) = await hub.tickets()
    assert ticket.state == "in_progress"
    assert "recovered" in ticket.flags
    await hub.desk.do(resolution.resolve, ann, ticket.number, **SOLUTION)
    await hub.sound()


async def test_p1_is_never_closed_without_a_person(hub):
    await hub.fires("sw-1", source="at-once")
    await hub.ends("sw-1", source="at-once")
    await hub.passes(minutes=10)
    (ticket,) = await hub.tickets()
    assert (ticket.state, ticket.priority) == ("assigned", "P1")
    assert "recovered" in ticket.flags


async def test_the_same_alarm_within_an_hour_opens_the_same_ticket_again_and_later_another_one(hub):
    await hub.fires("core-1", source="at-once", severity="warning")
    await hub.ends("core-1", source="at-once")
    await hub.passes(minutes=6)
    await hub.fires("core-1", source="at-once", severity="warning")
    (ticket,) = await hub.tickets()
    assert (ticket.state, "reopened" in ticket.flags) == ("assigned", True)

    await hub.ends("core-1", source="at-once")
    await hub.passes(minutes=6)
    hub.desk.passes(hours=2)
    await hub.fires("core-1", source="at-once", severity="warning")

    first, second = await hub.tickets()
    assert "recurrence" in second.flags
    assert [row.other_id for row in await hub.desk.rows(tables.ticket_link, second.number)] == [first.id]
    await hub.sound()


async def test_a_risk_that_was_accepted_does_not_come_back_until_it_has_recovered_once(hub):
    await hub.fires("core-1", source="at-once", severity="warning")
    (ticket,) = await hub.tickets()
    ann = await hub.desk.who("ann")
    await hub.desk.do(tickets.take, ann, ticket.number)
    why = {"alert_firing": "The customer lives with it until the move."}
    await hub.desk.do(resolution.resolve, ann, ticket.number, **SOLUTION, overrides=why)
    assert (await hub.alert("core-1", "at-once")).accepted_risk

    began = (await hub.alert("core-1", "at-once")).started_at
    for _ in range(3):
        hub.desk.passes(hours=4)
        await hub.fires("core-1", source="at-once", severity="warning", at=began)
    assert len(await hub.tickets()) == 1
    assert (await hub.tickets())[0].state == "resolved"
    assert (await hub.alert("core-1", "at-once")).count == 4


async def test_what_its_source_never_takes_back_is_over_when_it_was_silent_for_long_enough(hub):
    await hub.fires("core-1", source="never-over", severity="warning")
    await hub.passes(minutes=50)
    await hub.fires("core-1", source="never-over", severity="warning")
    await hub.passes(minutes=50)
    assert (await hub.alert("core-1", "never-over")).firing
    await hub.passes(minutes=20)
    assert (await hub.alert("core-1", "never-over")).status == "expired"
    assert (await hub.tickets())[0].state == "resolved"


# --- Again and again ---


async def test_what_the_hub_took_to_be_over_and_fires_on_is_heard_and_its_clocks_begin_then(hub):
    began = hub.desk.now
    await hub.fires("srv-1", source="never-over", severity="warning")
    await hub.passes(hours=4)
    assert (await hub.alert("srv-1", "never-over")).status == "expired"

    await hub.fires("srv-1", source="never-over", at=began, severity="warning")

    row = await hub.alert("srv-1", "never-over")
    assert (row.firing, row.episode, row.started_at) == (True, 2, hub.desk.now)
    assert row.about["claimed_started_at"] == began.isoformat()
    assert [(one.state, one.received_at) for one in await hub.tickets()][1:] == [("assigned", hub.desk.now)]
    await hub.sound()


async def ends_since(hub: Devices, name: str, began: datetime, *, at: datetime) -> None:
    """It is over, as its source tells it: since when it was down, and until when."""
    over = alarm(name, "resolved", at=at) | {"startsAt": began.isoformat()}
    await hub.posts({"alerts": [over], "groupLabels": {}}, source="never-over")


async def test_the_end_of_what_went_on_after_the_hub_took_it_to_be_over_is_believed(hub):
    began = hub.desk.now
    await hub.fires("srv-1", source="never-over", severity="warning")
    await hub.passes(minutes=71)
    assert (await hub.alert("srv-1", "never-over")).status == "expired"
    await hub.fires("srv-1", source="never-over", at=began, severity="warning")
    await hub.passes(seconds=30)

    await ends_since(hub, "srv-1", began, at=began - timedelta(minutes=1))
    assert (await hub.alert("srv-1", "never-over")).firing, "that was another episode"
    await ends_since(hub, "srv-1", began, at=hub.desk.now - timedelta(minutes=1))

    row = await hub.alert("srv-1", "never-over")
    assert (row.firing, row.status, row.ended_at) == (False, "resolved", row.started_at)
    await hub.sound()


async def test_an_end_that_is_told_stands_in_place_of_the_one_the_hub_assumed(hub):
    began = hub.desk.now
    await hub.fires("srv-1", source="never-over", severity="warning")
    await hub.passes(minutes=71)
    await ends_since(hub, "srv-1", began, at=began - timedelta(minutes=1))
    assert (await hub.alert("srv-1", "never-over")).status == "expired", "that was another episode"
    over = began + timedelta(minutes=20)
    await ends_since(hub, "srv-1", began, at=over)
    row = await hub.alert("srv-1", "never-over")
    assert (row.status, row.ended_at) == ("resolved", over)
    (spell,) = await hub.desk.rows(tables.alert_episode, alert_id=row.id)
    assert spell.ended_at == over

    await hub.fires("srv-1", source="never-over", at=began, severity="warning")

    assert (await hub.decisions("srv-1", "never-over"))[-2:] == ["ended", "late"]
    assert len(await hub.tickets()) == 1
    await hub.fires("srv-1", source="never-over", severity="warning")
    assert (await hub.alert("srv-1", "never-over")).firing
    await hub.sound()


async def test_an_acknowledgement_that_comes_before_its_problem_does_not_make_that_late(hub):
    began = hub.desk.now
    problem = {"event_id": "77", "event_value": "1", "event_nseverity": "5", "event_source": "0"}
    problem |= {
        "event_name": "down",
        "host_name": "srv-1",
        "event_date": "2026.03.02",
        "event_time": "09:00:00",
    }
    acknowledged = {"event_update_status": "1", "event_update_action": "acknowledged"}
    await hub.posts(problem | acknowledged, source="zabbix")
    hub.desk.now += timedelta(minutes=30)

    await hub.posts(problem | {"event_update_status": "0"}, source="zabbix")

    (row,) = await hub.desk.rows(tables.alert)
    assert (row.firing, row.started_at < began) == (True, True)
    assert len(await hub.tickets()) == 1


async def test_what_fires_already_is_over_too_when_its_source_is_given_a_time_later(hub):
    await hub.fires("sw-1", source="at-once", severity="warning")
    given = (WITH_DEVICES + ZABBIX).replace('name = "at-once"', 'name = "at-once"\nauto_close = "2h"')
    await hub.desk.db.write(put, given, now=hub.desk.now)
    found = await hub.desk.db.read(hub_watch.look, now=hub.desk.now)
    await hub.desk.db.write(hub_watch.keep, found=found, now=hub.desk.now)

    await hub.passes(minutes=119)
    assert (await hub.alert("sw-1", "at-once")).firing
    await hub.passes(minutes=2)

    assert (await hub.alert("sw-1", "at-once")).status == "expired"


async def test_a_source_that_is_given_a_shorter_time_ends_by_it_what_fires_already(hub):
    await hub.fires("sw-1", source="never-over")
    given = WITH_DEVICES.replace('auto_close = "1h"', 'auto_close = "20m"')
    await hub.desk.db.write(put, given, now=hub.desk.now)
    for _ in range(2):
        found = await hub.desk.db.read(hub_watch.look, now=hub.desk.now)
        await hub.desk.db.write(hub_watch.keep, found=found, now=hub.desk.now)
    assert found.endless == []

    await hub.passes(minutes=19)
    assert (await hub.alert("sw-1", "never-over")).firing
    await hub.passes(minutes=2)

    assert (await hub.alert("sw-1", "never-over")).status == "expired"


async def test_what_a_long_message_says_again_and_worse_is_no_copy_of_its_beginning(hub):
    alerts = [alarm(f"n{n}", "firing", at=hub.desk.now, severity="info") for n in range(230)]
    alerts[5] = alarm("x", "firing", at=hub.desk.now, severity="warning")
    alerts[225] = alarm("x", "firing", at=hub.desk.now, severity="critical")
    body = {"alerts": alerts, "groupLabels": {}}
    await hub.posts(body)
    row = await hub.alert("x")
    assert (row.severity, row.worst, row.copies, row.count) == ("critical", "critical", 0, 2)
    await hub.passes(seconds=1)
    await hub.posts(body)
    row = await hub.alert("x")
    assert (row.copies, row.count) == (2, 2)


async def test_the_ticket_says_how_many_problems_its_message_left_out(hub):
    down = alarm("sw-1", "firing", at=hub.desk.now, severity="warning")
    await hub.posts({"alerts": [down], "groupLabels": {}, "truncatedAlerts": 7}, source="at-once")

    (ticket,) = await hub.tickets()
    events = await hub.desk.rows(tables.event, ticket_id=ticket.id, kind="alert.left_out")
    assert [row.data["count"] for row in events] == [7]


async def test_repeats_are_counted_and_the_same_bytes_are_one_message(hub):
    began = hub.desk.now
    for _ in range(5):
        hub.desk.passes(seconds=1)
        await hub.fires("sw-1", source="at-once", at=began)
    again = {"alerts": [alarm("sw-1", "firing", at=began)], "groupLabels": {}}
    for _ in range(4):
        await hub.posts(again, source="at-once")
    row = await hub.alert("sw-1", "at-once")
    assert (row.count, row.copies) == (6, 3)
    assert len(await hub.tickets()) == 1
    assert [one.outcome for one in await hub.desk.rows(tables.inbound)].count("duplicate") == 3
    await hub.sound()


async def test_of_two_states_in_one_message_the_worse_counts_and_the_message_again_does_not(hub):
    two = [alarm("sw-1", "firing", at=hub.desk.now, severity=bad) for bad in ("warning", "critical")]
    await hub.posts({"alerts": two, "groupLabels": {}}, source="at-once")
    row = await hub.alert("sw-1", "at-once")
    assert (row.severity, row.worst, row.count, row.copies) == ("critical", "critical", 2, 0)


async def test_late_words_of_an_episode_that_is_over_change_nothing(hub):
    began = hub.desk.now
    await hub.fires("sw-1", at=began)
    hub.desk.passes(seconds=40)
    await hub.ends("sw-1")
    hub.desk.passes(seconds=5)
    await hub.fires("sw-1", at=began)
    assert (await hub.alert("sw-1")).status == "resolved"

    hub.desk.passes(minutes=5)
    await hub.fires("sw-1")
    await hub.ends("sw-1", at=began + timedelta(seconds=10))
    assert (await hub.alert("sw-1")).firing


async def test_down_up_and_down_within_one_second_is_down(hub):
    second = hub.desk.now
    await hub.fires("sw-1", at=second)
    hub.desk.passes(seconds=0.2)
    await hub.ends("sw-1", at=second)
    hub.desk.passes(seconds=0.2)
    await hub.fires("sw-1", at=second)
    row = await hub.alert("sw-1")
    assert (row.firing, row.episode) == (True, 2)


async def test_an_end_of_what_never_began_is_kept_and_opens_nothing(hub):
    await hub.ends("sw-1")
    await hub.passes(minutes=10)
    assert await hub.decisions("sw-1") == ["never_began"]
    assert await hub.tickets() == []
    await hub.sound()


async def test_what_comes_and_goes_is_one_ticket_that_is_silent_until_it_is_calm(hub):
    for _ in range(10):
        await hub.fires("core-1", severity="warning")
        await hub.passes(seconds=45)
        await hub.ends("core-1", severity="warning")
        await hub.passes(seconds=45)
    row = await hub.alert("core-1")
    assert row.flapping_since is not None
    assert row.episode == 10
    (ticket,) = await hub.tickets()
    assert ticket.open
    assert "flapping" in ticket.flags
    assert len(hub.desk.channel.sent) <= 2

    await hub.passes(minutes=32)

    (ticket,) = await hub.tickets()
    assert ticket.state == "resolved"
    assert (await hub.alert("core-1")).flapping_since is None
    assert [one.kind for one in hub.desk.channel.sent] == ["progress", "resolved"]
    await hub.sound()


async def test_what_flapped_is_calm_after_half_an_hour_whoever_has_its_ticket(hub):
    for _ in range(3):
        await hub.fires("sw-1")
        await hub.passes(seconds=20)
        await hub.ends("sw-1")
        await hub.passes(seconds=20)
    (ticket,) = await hub.tickets()
    await hub.desk.do(tickets.take, await hub.desk.who("ann"), ticket.number)
    await hub.passes(minutes=29)
    assert (await hub.alert("sw-1")).flapping_since is not None
    await hub.passes(minutes=2)

    assert (await hub.alert("sw-1")).flapping_since is None
    assert (await hub.decisions("sw-1"))[-1] == "calm"
    await hub.passes(hours=1)
    await hub.fires("sw-1")
    assert (await hub.alert("sw-1")).status == "held"
    await hub.sound()


# --- What belongs together ---


async def test_what_hangs_on_something_that_is_down_belongs_to_that(hub):
    await hub.fires("srv-1")
    await hub.passes(seconds=20)
    await hub.fires("core-1", severity="warning")
    await hub.passes(minutes=4)

    (ticket,) = await hub.tickets()
    assert ticket.asset == "core-1"
    child = await hub.alert("srv-1")
    assert (child.status, child.ticket_id) == ("suppressed", ticket.id)
    assert len(hub.desk.channel.sent) == 1


async def test_a_cause_that_is_told_late_takes_over_what_nobody_has_touched(hub):
    await hub.fires("srv-1", source="at-once", severity="warning")
    await hub.passes(minutes=1)
    await hub.fires("core-1", source="at-once", severity="warning")
    await hub.passes(minutes=5)

    (ticket,) = await hub.tickets()
    assert ticket.asset == "core-1"
    assert len(await hub.tickets(merged=True)) == 2
    assert len(hub.desk.channel.sent) == 1  # only the one that is left speaks
    await hub.sound()


async def test_a_cause_that_is_told_late_is_tied_to_what_somebody_works_on(hub):
    await hub.fires("srv-1", source="at-once", severity="warning")
    (child,) = await hub.tickets()
    await hub.desk.do(tickets.take, await hub.desk.who("ann"), child.number)
    await hub.fires("core-1", source="at-once", severity="warning")

    assert len(await hub.tickets()) == 2
    (tie,) = await hub.desk.rows(tables.ticket_link, child.number)
    assert tie.kind == "related"


async def test_what_was_explained_by_a_blink_has_a_ticket_of_its_own_when_it_goes_on(hub):
    await hub.fires("core-1")
    await hub.fires("srv-1")
    await hub.passes(seconds=20)
    await hub.fires("srv-1", source="at-once")
    assert (await hub.alert("srv-1", "at-once")).status == "suppressed"

    await hub.ends("core-1")
    await hub.passes(minutes=1)

    (ticket,) = await hub.tickets()
    assert ticket.asset == "srv-1"
    assert (await hub.alert("srv-1", "at-once")).ticket_id == ticket.id
    await hub.sound()


async def test_what_is_for_information_only_explains_nothing(hub):
    await hub.fires("core-1", source="at-once", severity="info")
    await hub.fires("srv-1", source="at-once")
    (ticket,) = await hub.tickets()
    assert ticket.asset == "srv-1"
    await hub.sound()


async def test_what_was_for_information_only_and_gets_worse_has_a_ticket_then(hub):
    await hub.fires("core-1", source="at-once", severity="warning")
    await hub.ends("core-1", source="at-once")
    await hub.passes(minutes=6)
    hub.desk.passes(hours=30)
    await hub.fires("core-1", source="at-once", severity="info")
    assert len(await hub.tickets()) == 1
    await hub.fires("core-1", source="at-once", severity="critical")
    assert len(await hub.tickets()) == 2
    await hub.sound()


async def test_ten_alarms_at_one_site_are_one_matter(hub):
    names = [f"pc-{n}" for n in range(14)]
    for name in names:
        await hub.fires(name, source="at-once", severity="warning", site="verona")
        hub.desk.passes(seconds=3)
    await hub.passes(minutes=4)

    (ticket,) = await hub.tickets()
    assert "storm" in ticket.flags
    rows = [await hub.alert(name, "at-once") for name in names]
    assert {row.ticket_id for row in rows} == {ticket.id}
    assert len(hub.desk.channel.sent) == 1
    await hub.sound()


# --- Whose it is ---


async def test_what_nobody_is_called_for_makes_no_storm(hub):
    await hub.fires(*(f"i{n}" for n in range(6)), source="at-once", severity="info")
    await hub.fires(*(f"w{n}" for n in range(6)), source="am", severity="info")
    await hub.fires("loose", source="at-once", severity="warning")

    (ticket,) = await hub.tickets()
    assert (ticket.flags, ticket.subject) == ([], "loose does not answer")


async def test_two_customers_with_the_same_names_and_fingerprints_have_nothing_in_common(hub):
    await hub.fires("srv-9", source="at-once")
    await hub.fires("srv-9", source="shared", customer="gamma")
    ours, theirs = await hub.tickets()
    assert (ours.customer, theirs.customer) == ("ACME", "GAMMA")


async def test_what_nobody_can_be_named_for_waits_in_triage(hub):
    await hub.fires("srv-9", source="shared", customer="who?")
    (ticket,) = await hub.tickets()
    assert (ticket.customer, ticket.state) == (None, "triage")


async def test_without_a_contract_that_stands_it_is_kept_and_calls_nobody(hub):
    await hub.fires("srv-9", source="beta")
    row = await hub.alert("srv-9", "beta")
    assert (row.status, row.ticket_id) == ("firing", None)


async def test_a_message_of_many_alarms_is_taken_in_whole(hub):
    await hub.fires(*(f"pc-{n}" for n in range(450)), source="am", site="Verona")
    assert len(await hub.desk.rows(tables.alert)) == 450
    await hub.passes(minutes=2)
    assert len(await hub.tickets()) == 1
    await hub.sound()


# --- By mail ---


async def test_what_is_well_again_does_not_begin_because_the_message_that_it_is_down_was_a_long_one(hub):
    down = [alarm(f"h{n}", "firing", at=hub.desk.now) | {"startsAt": None} for n in range(250)]
    up = alarm("h240", "resolved", at=hub.desk.now) | {"endsAt": None}
    await hub.stores({"alerts": down, "groupLabels": {}})
    hub.desk.passes(seconds=1)
    await hub.stores({"alerts": [up], "groupLabels": {}})

    await hub.work()

    assert await hub.decisions("h240") == ["begun", "held", "transient"]
    assert (await hub.alert("h249")).firing


async def test_mail_to_the_address_of_a_source_is_an_alarm_and_other_mail_of_the_same_sender_is_mail(hub):
    mail = (
        b"From: ups@acme.test\nSubject: UPS in batteria\nAuto-Submitted: auto-generated\n\nSede di Verona\n"
    )
    for to in ("Support+UPS@desk.test", "support@desk.test"):
        await hub.desk.arrive("ups@acme.test", raw=mail, recipients=(to,))
        await hub.work()
    alarms = [row for row in await hub.desk.rows(tables.inbound) if row.outcome == "alert"]
    assert [row.envelope["alert_source"] for row in alarms] == ["by-mail"]
    (ticket,) = [row for row in await hub.tickets() if row.channel == "monitoring"]
    assert (ticket.customer, ticket.subject) == ("ACME", "UPS in batteria")


async def mail(hub: Devices, subject: str) -> None:
    raw = f"To: support+ups@desk.test\nFrom: ups@acme.test\nSubject: {subject}\n\nx\n".encode()
    await hub.desk.arrive("ups@acme.test", raw=raw, recipients=("support+ups@desk.test",))
    await hub.work()


@pytest.mark.parametrize(
    "subject", ["OK: 12 servers, two of them broken", "RIENTRO: UPS", "Ripristino: fallito su SRV01"]
)
async def test_a_mail_that_reads_like_the_end_of_what_never_began_is_for_somebody_to_look_at(hub, subject):
    for _ in range(2):
        await mail(hub, subject)
        await hub.passes(minutes=30)
    (ticket,) = await hub.tickets()
    assert (ticket.open, ticket.subject) == (True, subject)
    await hub.sound()


async def test_a_mail_that_says_that_it_is_over_ends_what_fires_and_once_more_begins_nothing(hub):
    await mail(hub, "ALARM: Sensor: too hot")
    await hub.passes(minutes=3)
    await mail(hub, "RIENTRO: Sensor: too hot")
    await hub.passes(minutes=30)
    (ticket,) = await hub.tickets()
    assert ticket.state == "resolved"
    await mail(hub, "Ripristinato: Sensor: too hot")
    await hub.passes(minutes=30)
    assert [(one.id, one.state) for one in await hub.tickets()] == [(ticket.id, "resolved")]
    await hub.sound()


@pytest.mark.parametrize(
    ("field", "outcome"),
    [("To", "alert"), ("Cc", "alert"), ("Delivered-To", "alert"), ("X-Forwarded-To", "ticket")],
)
async def test_in_a_mailbox_without_an_envelope_the_mail_itself_says_that_it_came_to_a_source(
    hub, field, outcome
):
    hub.desk.channel.reader = "channels.email.reading.read:read"
    hub.desk.channel.reader_options = {"domain": "desk.test", "addresses": ["support@desk.test"]}
    mail = (
        f"From: ups@acme.test\n{field}: Support+UPS@desk.test\nSubject: UPS in batteria\n\nSede di Verona\n"
    )

    await hub.desk.arrive(
        "", raw=mail.encode(), recipients=(), envelope={"protocol": "IMAP", "mailbox": "desk@imap.test/INBOX"}
    )
    await hub.work()

    (row,) = await hub.desk.rows(tables.inbound)
    assert row.outcome == outcome
    (ticket,) = await hub.tickets()
    assert ticket.channel == ("monitoring" if outcome == "alert" else "email")
    await hub.sound()


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ("Delivered-To: support@desk.test\nTo: support@desk.test\nCc: support+ups@desk.test", "ticket"),
        ("To: support@desk.test\nCc: support+ups@desk.test", "ticket"),
        ("Delivered-To: support@desk.test\nDelivered-To: support+ups@desk.test\nTo: x@acme.test", "ticket"),
        ("Delivered-To: support+ups@desk.test\nTo: support@desk.test\nCc: support+ups@desk.test", "alert"),
        ("To: support+web@desk.test\nCc: support+ups@desk.test", "ticket"),
        ("Delivered-To: box@imap.test\nTo: team@acme.test, support+ups@desk.test", "alert"),
    ],
    ids=[
        "delivered to the desk",
        "written to both",
        "delivered further",
        "delivered to the source",
        "by a plus address",
        "by whom it names",
    ],
)
async def test_in_a_mailbox_words_to_the_desk_stay_a_request_though_a_source_has_a_copy(hub, fields, outcome):
    hub.desk.channel.reader = "channels.email.reading.read:read"
    hub.desk.channel.reader_options = {"domain": "desk.test", "addresses": ["support@desk.test"]}
    mail = f"{fields}\nFrom: alice@acme.test\nSubject: Re: UPS in batteria\n\nChe cosa devo fare?\n"

    await hub.desk.arrive("", raw=mail.encode(), recipients=(), envelope={"protocol": "IMAP"})
    await hub.work()

    (row,) = await hub.desk.rows(tables.inbound)
    assert row.outcome == outcome


async def test_what_one_envelope_brings_to_the_desk_and_to_a_source_is_a_request(hub):
    hub.desk.channel.reader = "channels.email.reading.read:read"
    hub.desk.channel.reader_options = {"domain": "desk.test", "addresses": ["support@desk.test"]}
    mail = b"From: alice@acme.test\nSubject: UPS in batteria\n\nChe cosa devo fare?\n"

    await hub.desk.arrive("", raw=mail, recipients=("support+ups@desk.test", "support@desk.test"))
    await hub.work()

    (row,) = await hub.desk.rows(tables.inbound)
    assert row.outcome == "ticket"


async def test_an_address_of_the_desks_own_that_is_a_sources_is_the_sources_in_a_mailbox_too(db):
    own = WITH_DEVICES.replace("support+ups@desk.test", "alarms@desk.test")
    assert own != WITH_DEVICES
    hub = await devices(db, own)
    hub.desk.channel.reader = "channels.email.reading.read:read"
    hub.desk.channel.reader_options = {
        "domain": "desk.test",
        "addresses": ["support@desk.test", "alarms@desk.test"],
    }
    mail = b"To: alarms@desk.test\nFrom: ups@acme.test\nSubject: UPS in batteria\n\nSede\n"

    await hub.desk.arrive("", raw=mail, recipients=(), envelope={"protocol": "IMAP"})
    await hub.work()

    (row,) = await hub.desk.rows(tables.inbound)
    assert row.outcome == "alert"


async def test_what_staff_decided_about_a_mail_in_a_mailbox_is_no_devices_any_more(hub):
    inbound = await hub.desk.arrive("", recipients=())
    said = Inbound(channel="email", kind=Kind.HUMAN, author=None, delivered_to=("support+ups@desk.test",))

    def handed_on(tx, **row):
        if row:
            tx.update(tables.inbound, {"id": inbound}, **row)
        return door.handed_on(tx, inbound, said, now=hub.desk.now)

    assert not await hub.desk.db.write(handed_on, detail={"take_as": "new"})
    assert not await hub.desk.db.write(handed_on, detail={}, recipients=("support@desk.test",))
    assert await hub.desk.db.write(handed_on, recipients=())
    assert not await hub.desk.db.write(handed_on)  # it is one already


async def test_who_is_away_and_answers_at_the_address_of_a_source_opens_nothing(hub):
    away = b"From: ups@acme.test\nSubject: Sono in ferie\nAuto-Submitted: auto-replied\n\nTorno lunedi.\n"
    await hub.desk.arrive("ups@acme.test", raw=away, recipients=("support+ups@desk.test",))
    await hub.work()
    assert (await hub.desk.inbound()).reason == "ignored"
    assert await hub.tickets() == []


# --- Where it is ---


async def test_a_repeat_says_where_it_is_now_and_an_alarm_that_waits_is_asked_again(hub):
    began = hub.desk.now
    await hub.fires("core-1", source="at-once")
    await hub.fires("new-1", parent="nothing")
    hub.desk.passes(seconds=10)
    await hub.fires("new-1", at=began, parent="core-1", site="Verona")
    alert = await hub.alert("new-1")
    assert (alert.site, list(alert.above), alert.count) == ("Verona", ["core-1"], 2)
    assert alert.about["labels"]["parent"] == "core-1"

    await hub.passes(minutes=2)
    assert (await hub.alert("new-1")).status == "suppressed"
    assert (await hub.decisions("new-1"))[:3] == ["begun", "held", "relocated"]
    assert len(await hub.tickets()) == 1
    await hub.sound()


async def test_a_repeat_with_the_same_labels_or_others_that_say_nothing_of_the_place_decides_nothing(hub):
    began = hub.desk.now
    await hub.fires("srv-1", at=began)
    hub.desk.passes(seconds=10)
    await hub.fires("srv-1", at=began)
    hub.desk.passes(seconds=10)
    await hub.fires("srv-1", at=began, value="93")
    alert = await hub.alert("srv-1")
    assert (alert.count, alert.site, list(alert.above)) == (3, "Verona", ["core-1"])
    assert alert.about["labels"]["value"] == "93"
    assert await hub.decisions("srv-1") == ["begun", "held"]


async def test_whose_a_repeat_is_stays_for_its_episode(hub):
    began = hub.desk.now
    await hub.fires("srv-1", source="shared", customer="ACME", at=began)
    hub.desk.passes(seconds=10)
    await hub.fires("srv-1", source="shared", customer="BETA", at=began, parent="sw-1")
    alert = await hub.alert("srv-1", "shared")
    assert (alert.customer, alert.asset, alert.above[0]) == ("ACME", "srv-1", "sw-1")


# --- What is told at the end ---


async def test_the_closing_report_lists_what_fired_when_and_how_often(hub):
    began = hub.desk.now
    await hub.fires("core-1", source="at-once", severity="warning")
    hub.desk.passes(seconds=30)
    await hub.fires("core-1", source="at-once", severity="warning", at=began)
    await hub.fires(*(f"pc-{n}" for n in range(25)), source="at-once", severity="warning", parent="core-1")
    await hub.ends("core-1", *(f"pc-{n}" for n in range(25)), source="at-once")
    await hub.passes(minutes=10)

    report = hub.desk.channel.sent[-1]
    assert report.kind == "resolved"
    assert "Allarmi" in report.text
    assert "core-1: Down" in report.text
    assert "e altri 6" in report.text
    await hub.sound()


async def test_the_report_of_a_month_names_what_fired_most_often(hub):
    for _ in range(3):
        await hub.fires("core-1", source="at-once", severity="warning")
        await hub.passes(minutes=2)
        await hub.ends("core-1", source="at-once")
        await hub.passes(minutes=10)
    await hub.fires("pc-1", source="at-once", severity="warning")
    await hub.passes(minutes=1)

    of = await hub.desk.db.read(periodic_values.wanted, "C-1", "2026-03", draft=True, now=hub.desk.now)
    values = (await hub.desk.db.read(periodic.made, of)).values

    told = [one for one in values["figures"] if one["name"] == "alarms"]
    assert [(one["about"], one["value"]) for one in told] == [("core-1: Down", 3), ("pc-1: Down", 1)]
    assert told[0]["tickets"] == [(await hub.tickets())[0].number]
