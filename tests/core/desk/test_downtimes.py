"""What a tool says of work of its own keeps that alarm quiet, until the tool speaks of it again; what it said before comes too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from core.desk import alert_acts
from core.store import tables
from tests.devices_at_work import WITH_DEVICES, Devices, devices

HOUR = timedelta(hours=1)
KUMA = """
[[alert_sources]]
name = "kuma"
kind = "uptime-kuma"
secret = "a secret of the monitoring"
customer = "ACME"
technology = "Network"
request_type = "Incident"
"""


def kuma(status: int, at: datetime) -> dict:
    stamp = f"{at:%Y-%m-%d %H:%M:%S}.000"
    return {
        "heartbeat": {"monitorID": 7, "status": status, "time": stamp, "msg": "x", "important": True},
        "monitor": {"id": 7, "name": "sw-1", "hostname": "sw-1", "type": "ping"},
        "msg": "x",
    }


async def test_a_downtime_that_the_source_tells_of_holds_until_the_source_speaks_again(db):
    hub = await devices(db, WITH_DEVICES + KUMA)
    await hub.posts(kuma(0, hub.desk.now), source="kuma")
    (alert,) = await hub.desk.rows(tables.alert)
    assert alert.status == "held"
    hub.desk.now += timedelta(seconds=20)
    await hub.posts(kuma(3, hub.desk.now), source="kuma")
    (made,) = await hub.desk.rows(tables.maintenance_window)
    assert (made.source, made.alert_id, made.since) == ("source:kuma", alert.id, hub.desk.now)

    await hub.passes(hours=1)
    assert await hub.tickets() == []

    await hub.posts(kuma(0, hub.desk.now), source="kuma")
    await hub.work()
    assert len(await hub.tickets()) == 1
    (over,) = await hub.desk.rows(tables.maintenance_window)
    assert (over.state, over.over_at) == ("ended", hub.desk.now)
    await hub.sound()


async def test_a_downtime_told_by_a_clock_far_ahead_that_is_set_right_afterwards_ends_with_the_problem(db):
    hub = await devices(db, WITH_DEVICES + KUMA)
    await hub.posts(kuma(3, hub.desk.now + 6 * HOUR), source="kuma")
    await hub.passes(minutes=30)
    assert await hub.tickets() == []

    await hub.posts(kuma(0, hub.desk.now), source="kuma")
    await hub.passes(minutes=5)

    assert len(await hub.tickets()) == 1
    await hub.sound()


async def test_whose_an_alarm_is_may_be_said_in_its_downtime_without_ending_that(db):
    hub = await devices(db, WITH_DEVICES + KUMA.replace('customer = "ACME"\n', ""))
    await hub.posts(kuma(0, hub.desk.now), source="kuma")
    hub.desk.now += timedelta(seconds=20)
    await hub.posts(kuma(3, hub.desk.now), source="kuma")
    (alert,) = await hub.desk.rows(tables.alert)

    lea = await hub.desk.who("lea")
    await hub.desk.db.write(alert_acts.name, lea, alert.id, customer="ACME", asset="sw-1", now=hub.desk.now)
    await hub.passes(hours=1)

    (alert,) = await hub.desk.rows(tables.alert)
    (made,) = await hub.desk.rows(tables.maintenance_window)
    assert (alert.customer, alert.status, made.customer, made.asset) == (
        "ACME",
        "maintenance",
        "ACME",
        "sw-1",
    )
    assert await hub.tickets() == []
    await hub.sound()


async def test_what_uptime_kuma_said_before_its_maintenance_and_comes_late_ends_none(db):
    hub = await devices(db, WITH_DEVICES + KUMA)
    before = hub.desk.now
    hub.desk.now += timedelta(minutes=5)
    await hub.posts(kuma(3, hub.desk.now), source="kuma")
    hub.desk.now += timedelta(minutes=5)
    await hub.posts(kuma(0, before), source="kuma")
    await hub.passes(minutes=10)
    assert await hub.tickets() == []


NAGIOS = KUMA.replace("uptime-kuma", "nagios").replace('"kuma"', '"nagios"')


@pytest.mark.parametrize("then", ["lies in it", "comes later"])
async def test_the_end_of_a_downtime_counts_also_where_the_clock_was_set_back_in_it(db, then):
    hub = await devices(db, WITH_DEVICES + NAGIOS)

    async def says(kind: str, state: str) -> None:
        await hub.posts({"NOTIFICATIONTYPE": kind, "HOSTNAME": "sw-1", "HOSTSTATE": state}, source="nagios")

    if then == "lies in it":
        await says("PROBLEM", "DOWN")
    await says("DOWNTIMESTART", "DOWN" if then == "lies in it" else "UP")
    hub.desk.now -= HOUR
    await says("DOWNTIMEEND", "DOWN" if then == "lies in it" else "UP")
    (window,) = await hub.desk.rows(tables.maintenance_window)
    assert (window.state, window.over_at) == ("ended", hub.desk.now)
    await hub.work()
    if then == "comes later":
        hub.desk.now += timedelta(minutes=90)
        await says("PROBLEM", "DOWN")
        await hub.passes(minutes=2)
    assert len(await hub.tickets()) == 1
    await hub.sound()


@pytest.mark.parametrize("kind", ["DOWNTIMEEND", "DOWNTIMECANCELLED"])
async def test_what_still_fires_when_the_source_says_that_its_downtime_is_over_is_a_request(db, kind):
    hub = await devices(db, WITH_DEVICES + NAGIOS)

    async def says(kind: str) -> None:
        await hub.posts({"NOTIFICATIONTYPE": kind, "HOSTNAME": "sw-1", "HOSTSTATE": "DOWN"}, source="nagios")

    await says("PROBLEM")
    await says("DOWNTIMESTART")
    await hub.passes(hours=1)
    assert await hub.tickets() == []

    await says(kind)
    await hub.work()
    assert len(await hub.tickets()) == 1
    (window,) = await hub.desk.rows(tables.maintenance_window)
    assert (window.source, window.state, window.over_at) == ("source:nagios", "ended", hub.desk.now)
    (alert,) = await hub.desk.rows(tables.alert)
    decided = [one.kind for one in await hub.desk.rows(tables.alert_decision, alert_id=alert.id)]
    assert {"maintenance_there", "maintenance_over_there"} <= set(decided)

    await says(kind)  # once more: there is nothing to end
    await hub.sound()


@dataclass
class Nagios:
    """One host, as it is told."""

    hub: Devices

    async def notifies(self, kind: str, state: str, *, sent: datetime | None = None) -> None:
        said = {"NOTIFICATIONTYPE": kind, "HOSTNAME": "sw-1", "HOSTSTATE": state}
        said |= {"TIMET": str(int(sent.timestamp()))} if sent else {}
        await self.hub.posts(said, source="nagios")

    async def handles(self, state: str) -> None:
        """By a command for event handlers, which is called in a downtime too."""
        said = {"HOSTNAME": "sw-1", "HOSTSTATE": state, "HOSTSTATETYPE": "HARD"}
        await self.hub.posts(said, source="nagios")

    async def decided(self) -> list[str]:
        (alert,) = await self.hub.desk.rows(tables.alert)
        return [one.kind for one in await self.hub.desk.rows(tables.alert_decision, alert_id=alert.id)]


@pytest.fixture
async def nagios(db) -> Nagios:
    return Nagios(await devices(db, WITH_DEVICES + NAGIOS))


async def test_what_is_well_when_the_source_says_that_its_downtime_is_over_is_over_and_so_is_the_downtime(
    nagios,
):
    hub = nagios.hub
    await nagios.notifies("DOWNTIMESTART", "UP")
    await nagios.handles("DOWN")
    await hub.passes(minutes=10)
    await nagios.notifies("DOWNTIMEEND", "UP")
    await hub.passes(minutes=10)
    (alert,) = await hub.desk.rows(tables.alert)
    assert (alert.firing, await hub.tickets()) == (False, [])
    (window,) = await hub.desk.rows(tables.maintenance_window)
    assert window.state == "ended"

    await nagios.notifies("PROBLEM", "DOWN")
    await hub.passes(minutes=2)
    assert len(await hub.tickets()) == 1
    await hub.sound()


async def test_a_downtime_that_is_told_while_all_is_well_holds_what_comes_and_says_what_it_is(nagios):
    hub = nagios.hub
    await nagios.notifies("DOWNTIMESTART", "UP")
    assert await nagios.decided() == ["maintenance_there"], "nothing is over: somebody works there"
    await nagios.notifies("DOWNTIMEEND", "UP")
    await nagios.notifies("DOWNTIMESTART", "UP")
    assert await nagios.decided() == ["maintenance_there", "maintenance_over_there", "maintenance_there"]
    await hub.passes(minutes=1)
    for state in ("DOWN", "UP", "DOWN"):
        await nagios.handles(state)
        await hub.passes(minutes=20)
    assert await hub.tickets() == [], "the tool says when its work is over, and did not"
    await nagios.notifies("DOWNTIMEEND", "DOWN")
    await hub.work()
    assert len(await hub.tickets()) == 1
    await hub.sound()


async def test_a_problem_that_is_notified_ends_a_downtime_whose_end_nobody_told(nagios):
    hub = nagios.hub
    await nagios.notifies("DOWNTIMESTART", "UP")
    await hub.passes(hours=2)

    await nagios.notifies("PROBLEM", "DOWN")
    await hub.passes(minutes=2)

    assert len(await hub.tickets()) == 1
    await hub.sound()


@pytest.mark.parametrize("first", ["PROBLEM", "DOWNTIMESTART"])
@pytest.mark.parametrize("clock", [timedelta(0), -HOUR])
async def test_a_problem_from_before_a_downtime_calls_nobody_in_it_whichever_of_both_arrives_first(
    nagios, first, clock
):
    hub = nagios.hub
    await nagios.notifies("PROBLEM", "DOWN", sent=hub.desk.now + clock)
    await nagios.notifies("RECOVERY", "UP", sent=hub.desk.now + clock)
    await hub.passes(hours=1)
    began = hub.desk.now + clock
    sent = {"PROBLEM": began, "DOWNTIMESTART": began + timedelta(seconds=20)}
    last = "PROBLEM" if first == "DOWNTIMESTART" else "DOWNTIMESTART"

    hub.desk.now += timedelta(seconds=51)
    await nagios.notifies(first, "DOWN", sent=sent[first])
    hub.desk.now += timedelta(seconds=12)
    await nagios.notifies(last, "DOWN", sent=sent[last])
    await nagios.notifies("PROBLEM", "DOWN", sent=sent["PROBLEM"])  # once more
    await hub.passes(minutes=20)

    assert await hub.tickets() == []
    (alert,) = await hub.desk.rows(tables.alert)
    assert (alert.firing, alert.status) == (True, "maintenance")
    await nagios.notifies("PROBLEM", "DOWN", sent=hub.desk.now + clock)
    await hub.passes(minutes=2)
    assert len(await hub.tickets()) == 1, "it speaks of it again in the downtime: that is over"
    await hub.sound()


@pytest.mark.parametrize("ahead", [timedelta(seconds=50), HOUR, timedelta(days=400)])
async def test_by_a_clock_that_is_ahead_a_problem_from_before_a_downtime_ends_it_no_more_than_by_a_right_one(
    nagios, ahead
):
    hub = nagios.hub
    sent = hub.desk.now + ahead
    hub.desk.now += timedelta(seconds=20)
    await nagios.notifies("DOWNTIMESTART", "UP", sent=sent + timedelta(seconds=20))
    await hub.passes(minutes=30)
    for late in (sent - timedelta(seconds=5), sent):
        await nagios.notifies("PROBLEM", "DOWN", sent=late)
    await hub.passes(minutes=30)
    assert await hub.tickets() == []

    await nagios.notifies("PROBLEM", "DOWN", sent=hub.desk.now + ahead)
    await hub.passes(minutes=2)
    assert len(await hub.tickets()) == 1, "it was said in the downtime: that is over"
    await hub.sound()


@pytest.mark.parametrize("state", ["UP", "DOWN"])
async def test_a_problem_without_a_time_that_comes_right_behind_a_downtime_ends_it_only_when_it_comes_again(
    nagios, state
):
    hub = nagios.hub
    if state == "DOWN":
        await nagios.notifies("PROBLEM", "DOWN")
    await nagios.notifies("DOWNTIMESTART", state)
    hub.desk.now += timedelta(seconds=40)
    await nagios.notifies("PROBLEM", "DOWN")
    await hub.passes(minutes=30)
    (alert,) = await hub.desk.rows(tables.alert)
    assert (alert.status, await hub.tickets()) == ("maintenance", [])

    await nagios.notifies("PROBLEM", "DOWN")  # nobody has heard of it yet
    await hub.passes(minutes=2)
    assert len(await hub.tickets()) == 1
    await hub.sound()


async def test_the_repetition_of_a_problem_that_has_its_request_ends_no_downtime_unless_it_says_when_it_was(
    nagios,
):
    hub = nagios.hub
    await nagios.notifies("PROBLEM", "DOWN")
    await hub.passes(minutes=2)
    await nagios.notifies("DOWNTIMESTART", "DOWN", sent=hub.desk.now)
    await hub.passes(minutes=50)
    await nagios.notifies("PROBLEM", "DOWN")
    (window,) = await hub.desk.rows(tables.maintenance_window)
    assert window.state == "planned"
    await nagios.notifies("PROBLEM", "DOWN", sent=hub.desk.now)
    (window,) = await hub.desk.rows(tables.maintenance_window)
    assert (window.state, len(await hub.tickets())) == ("ended", 1)
    await hub.sound()


async def test_a_downtime_that_is_told_anew_is_measured_by_when_that_was(nagios):
    hub = nagios.hub
    await nagios.notifies("DOWNTIMESTART", "UP", sent=hub.desk.now + HOUR)
    await nagios.notifies("DOWNTIMEEND", "UP", sent=hub.desk.now + HOUR)
    await hub.passes(hours=3)
    await nagios.notifies("DOWNTIMESTART", "UP")
    hub.desk.now += timedelta(seconds=30)
    await nagios.notifies("PROBLEM", "DOWN", sent=hub.desk.now)
    (window,) = await hub.desk.rows(tables.maintenance_window)
    assert (window.state, window.said_at) == ("planned", None)


async def test_a_problem_of_an_episode_before_ends_no_downtime(nagios):
    hub = nagios.hub
    before = hub.desk.now
    await nagios.notifies("PROBLEM", "DOWN", sent=before)
    hub.desk.now += timedelta(seconds=30)
    await nagios.notifies("RECOVERY", "UP", sent=hub.desk.now)
    await nagios.notifies("DOWNTIMESTART", "UP", sent=before - timedelta(minutes=1))

    await nagios.notifies("PROBLEM", "DOWN", sent=before)

    (window,) = await hub.desk.rows(tables.maintenance_window)
    assert window.state == "planned"
