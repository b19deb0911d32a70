"""Planned work keeps devices from calling anybody, for as long as it lasts and not a second longer."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from core.desk import (
    alert_acts,
    alert_board,
    alert_placing,
    alert_rows,
    alert_views,
    bookings,
    tickets,
    visits,
    window_views,
    windows,
)
from core.desk.alert_sources import AlertSource
from core.desk.case import ADMINISTRATION
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.store import tables
from tests.devices_at_work import WITH_DEVICES, Devices, devices

HOUR = timedelta(hours=1)
ENGINEER = """
[[agents]]
email = "eva@hub.test"
name = "Eva"
roles = ["technician"]
groups = ["Network L1"]
onsite = true
"""


@pytest.fixture
async def hub(db) -> Devices:
    onsite = WITH_DEVICES.replace('    sla = "Gold"\n', '    sla = "Gold"\n    onsite = true\n', 1)
    return await devices(db, onsite.replace("[[customers]]", ENGINEER + "[[customers]]", 1))


async def plan(hub: Devices, by: str = "tom", **given) -> str:
    """A window from now on for two hours, of the switch unless told otherwise."""
    now = hub.desk.now
    said = {"customer": "ACME", "asset": "sw-1", "since": now, "until": now + 2 * HOUR} | given
    return await hub.desk.db.write(windows.plan, await hub.desk.who(by), now=now, **said)


async def act(hub: Devices, verb, by: str, window: str, **given) -> None:
    await hub.desk.db.write(verb, await hub.desk.who(by), window, now=hub.desk.now, **given)


async def window(hub: Devices, identity: str):
    (row,) = await hub.desk.rows(tables.maintenance_window, id=identity)
    return row


async def administration(hub: Devices) -> list[str]:
    rows = await hub.desk.rows(tables.event, ticket_id=ADMINISTRATION)
    return [row.kind for row in rows if row.kind.startswith("maintenance.")]


# --- What it does to alarms ---


async def test_what_is_over_before_the_work_is_called_nobody_and_leaves_nothing(hub):
    await plan(hub)
    await hub.fires("sw-1")
    assert (await hub.alert("sw-1")).status == "maintenance"
    await hub.passes(hours=1)
    await hub.ends("sw-1")
    await hub.passes(hours=2)
    assert await hub.tickets() == []
    assert await hub.decisions("sw-1") == ["begun", "maintenance", "ended"]
    await hub.sound()


async def test_what_still_fires_when_the_work_ends_is_a_ticket_then_and_says_why(hub):
    await plan(hub)
    await hub.fires("sw-1")
    await hub.passes(hours=1, minutes=59)
    assert await hub.tickets() == []

    await hub.passes(minutes=1)

    (ticket,) = await hub.tickets()
    assert ticket.asset == "sw-1"
    assert await hub.decisions("sw-1") == ["begun", "maintenance", "after_maintenance", "opened"]
    events = [one.kind for one in await hub.desk.rows(tables.event, ticket_id=ticket.id)]
    assert "alert.after_maintenance" in events
    await hub.sound()


async def test_what_fires_outside_the_window_and_elsewhere_is_a_ticket_as_always(hub):
    await plan(hub, since=hub.desk.now + HOUR)
    await hub.fires("sw-1")
    await hub.fires("core-1")
    await hub.passes(minutes=2)
    assert {one.asset for one in await hub.tickets()} == {"sw-1", "core-1"}


async def test_an_alarm_from_before_the_work_keeps_its_ticket_and_its_clocks_go_on(hub):
    await hub.fires("sw-1", source="at-once")
    (ticket,) = await hub.tickets()
    await plan(hub)
    await hub.fires("sw-1", source="at-once")
    await hub.passes(minutes=30)
    (same,) = await hub.tickets()
    assert (same.id, same.open) == (ticket.id, True)
    clocks = await hub.desk.clocks(ticket.number)
    assert {one.state for one in clocks.values()} <= {"running", "met", "breached"}
    assert (await hub.alert("sw-1", "at-once")).status == "firing"


async def test_work_on_a_switch_covers_what_hangs_on_it(hub):
    await plan(hub, asset="core-1")
    await hub.fires("core-1", "srv-1", "sw-1")
    await hub.passes(minutes=5)
    assert [one.asset for one in await hub.tickets()] == ["sw-1"]
    assert (await hub.alert("srv-1")).status == "maintenance"


async def test_of_windows_that_overlap_the_latest_end_counts(hub):
    await plan(hub)
    await plan(hub, asset="", site="Verona", until=hub.desk.now + 5 * HOUR)
    await hub.fires("sw-1")
    await hub.passes(hours=4)
    assert await hub.tickets() == []
    await hub.passes(hours=1)
    assert len(await hub.tickets()) == 1


async def test_a_window_that_is_planned_meanwhile_goes_on_where_the_first_ends(hub):
    await plan(hub)
    await hub.fires("sw-1")
    await hub.passes(hours=1)
    await plan(hub, until=hub.desk.now + 3 * HOUR)
    await hub.passes(hours=2)
    assert await hub.tickets() == []
    assert (await hub.alert("sw-1")).status == "maintenance"
    await hub.passes(hours=1)
    assert len(await hub.tickets()) == 1


async def test_a_label_says_which_alarms_are_meant(hub):
    await plan(hub, asset="", tag="env=test")
    await hub.fires("core-1", env="test")
    await hub.fires("sw-1", env="live")
    await hub.passes(minutes=2)
    assert [one.asset for one in await hub.tickets()] == ["sw-1"]


async def test_an_alarm_that_boards_do_not_show_is_shown_again_when_the_work_ends(hub):
    await plan(hub, mode="store_only")
    await hub.fires("sw-1")
    assert (await hub.alert("sw-1")).hidden
    await hub.passes(hours=2)
    assert not (await hub.alert("sw-1")).hidden


async def test_a_weekly_window_at_two_holds_in_the_night_in_which_the_clock_jumps(hub):
    hub.desk.now = datetime(2026, 3, 20, 9, tzinfo=UTC)
    first = datetime(2026, 3, 22, 1, tzinfo=UTC)  # two in Rome
    await plan(hub, since=first, until=first + 2 * HOUR, rule="FREQ=WEEKLY;BYDAY=SU")
    hub.desk.now = datetime(2026, 3, 29, 1, 5, tzinfo=UTC)  # five past three: there was no two
    await hub.fires("sw-1")
    assert (await hub.alert("sw-1")).status == "maintenance"
    await hub.passes(minutes=54)
    assert await hub.tickets() == []
    await hub.passes(minutes=1)
    assert len(await hub.tickets()) == 1


async def test_another_customers_window_is_not_ours(hub):
    await plan(hub, asset="", site="", customer="BETA", tag="instance=sw-1")
    await hub.fires("sw-1")
    await hub.passes(minutes=2)
    assert len(await hub.tickets()) == 1


async def test_what_still_fires_all_over_a_site_when_the_work_ends_is_one_storm(hub):
    made = await plan(hub, asset="", site="Verona")
    await hub.fires(*(f"ap-{n}" for n in range(40)), site="Verona")
    await hub.passes(hours=1)
    assert await hub.tickets() == []
    await act(hub, windows.end, "tom", made)
    await hub.passes(minutes=3)
    (ticket,) = await hub.tickets()
    assert "storm" in ticket.flags
    await hub.sound()


# --- Ended early, called off ---


@pytest.mark.parametrize("verb", [windows.end, windows.cancel])
async def test_work_that_ends_early_or_is_called_off_lets_alarms_count_at_once(hub, verb):
    made = await plan(hub)
    await hub.fires("sw-1")
    await hub.passes(minutes=30)
    await act(hub, verb, "tom", made, **({"reason": "No spare part."} if verb is windows.cancel else {}))
    await hub.work()
    assert len(await hub.tickets()) == 1
    assert (await window(hub, made)).ended_at == hub.desk.now
    await act(hub, verb, "tom", made, **({"reason": "No spare part."} if verb is windows.cancel else {}))
    assert await administration(hub) == [
        "maintenance.planned",
        f"maintenance.{(await window(hub, made)).state}",
    ]
    await hub.sound()


async def test_ending_one_of_several_windows_leaves_the_alarm_in_the_other(hub):
    made = await plan(hub)
    await plan(hub, asset="", site="Verona", until=hub.desk.now + 3 * HOUR)
    await hub.fires("sw-1")
    await act(hub, windows.end, "tom", made)
    await hub.passes(hours=2)
    assert await hub.tickets() == []
    await hub.passes(hours=1)
    assert len(await hub.tickets()) == 1


async def test_ending_one_night_of_a_daily_window_leaves_the_next(hub):
    made = await plan(hub, rule="FREQ=DAILY")
    await hub.passes(minutes=30)
    await act(hub, windows.end, "tom", made)
    await hub.fires("sw-1", source="at-once")
    assert len(await hub.tickets()) == 1
    with pytest.raises(Refused, match="no work goes on"):
        await act(hub, windows.end, "tom", made)
    hub.desk.now += timedelta(hours=24)
    await hub.fires("core-1")  # elsewhere
    await hub.fires("sw-1")
    assert (await hub.alert("sw-1")).status == "maintenance"


async def test_what_is_over_or_not_begun_cannot_be_ended(hub):
    ahead = await plan(hub, since=hub.desk.now + HOUR)
    past = await plan(hub)
    with pytest.raises(Refused, match="no work goes on"):
        await act(hub, windows.end, "tom", ahead)
    hub.desk.now += 5 * HOUR
    with pytest.raises(Refused, match="is over"):
        await act(hub, windows.cancel, "tom", past, reason="late")


async def test_an_alarm_that_finds_its_way_into_a_window_while_that_ends_is_not_forgotten_in_it(hub):
    await hub.fires("sw-1")
    row = await hub.alert("sw-1")
    made = await plan(hub)
    placed, ended = threading.Event(), threading.Event()
    source = AlertSource(name="am", kind="alertmanager", hold=timedelta(0))

    def places(tx):
        alert_rows.meet(tx, row.customer, row.source)
        alert_placing.settle(tx, row.id, source, now=hub.desk.now)
        placed.set()
        ended.wait(0.5)  # not committed: whoever ends the window waits for us

    async def ends():
        await asyncio.to_thread(placed.wait, 10)
        await act(hub, windows.end, "tom", made)
        ended.set()

    await asyncio.gather(hub.desk.db.write(places), ends())
    await hub.passes(minutes=2)

    assert len(await hub.tickets()) == 1
    assert await hub.decisions("sw-1") == ["begun", "held", "maintenance", "after_maintenance", "opened"]


# --- Who plans, and what is refused ---


async def test_every_mistake_is_named(hub):
    now = hub.desk.now
    with pytest.raises(Invalid) as found:
        await plan(
            hub,
            site="Milano",
            asset="sw-9",
            tag="env",
            since=now,
            until=now - HOUR,
            rule="FREQ=NOW",
            mode="loud",
        )
    assert {one.pointer for one in found.value.faults} == {
        "/site",
        "/asset",
        "/tag",
        "/until",
        "/rule",
        "/mode",
    }
    assert "Acme S.p.A. has no asset 'sw-9'" in str(found.value)
    for given, pointer in [
        ({"customer": "NOBODY"}, "/customer"),
        ({"since": now - 3 * HOUR, "until": now - HOUR}, "/until"),
        ({"since": now - HOUR}, "/since"),
        ({"until": now + timedelta(days=32)}, "/until"),
        ({"zone": "Europe/Nowhere"}, "/zone"),
        ({"since": now + timedelta(days=1000), "until": now + timedelta(days=1001)}, "/since"),
    ]:
        with pytest.raises(Invalid) as found:
            await plan(hub, **given)
        assert [one.pointer for one in found.value.faults] == [pointer]
    assert await hub.desk.rows(tables.maintenance_window) == []


async def test_the_same_form_twice_plans_once(hub):
    assert await plan(hub, idem="x") == await plan(hub, idem="x")


async def test_technicians_and_customers_plan_nothing(hub):
    with pytest.raises(Forbidden, match="plan maintenance"):
        await plan(hub, by="ann")
    alice = await hub.desk.who("alice")
    with pytest.raises(Forbidden):
        await hub.desk.db.write(
            windows.plan,
            alice,
            customer="ACME",
            since=hub.desk.now,
            until=hub.desk.now + HOUR,
            now=hub.desk.now,
        )
    made = await plan(hub)
    for verb in (windows.approve, windows.end):
        with pytest.raises(NotFound):
            await hub.desk.db.write(verb, alice, made, now=hub.desk.now)


@pytest.mark.parametrize("given", [{"asset": ""}, {"until": timedelta(days=8)}])
async def test_a_whole_customer_or_more_than_a_week_waits_for_a_second_person(hub, given):
    until = hub.desk.now + given.get("until", 2 * HOUR)
    made = await plan(hub, by="lea", **given | {"until": until})
    await hub.fires("sw-1", source="at-once")
    assert len(await hub.tickets()) == 1  # nothing holds yet
    (asked,) = [one for one in await hub.desk.rows(tables.task) if one.kind == windows.ASK]
    assert (asked.role, asked.about["url"]) == ("shift-leader", f"/desk/maintenance/{made}")

    with pytest.raises(Forbidden, match="somebody else"):
        await act(hub, windows.approve, "lea", made)
    await act(hub, windows.approve, "tom", made)
    await act(hub, windows.approve, "tom", made)  # pressed twice

    assert (await window(hub, made)).state == "planned"
    (asked,) = [one for one in await hub.desk.rows(tables.task) if one.kind == windows.ASK]
    assert asked.done_at == hub.desk.now
    await hub.fires("sw-1")
    assert (await hub.alert("sw-1")).status == "maintenance"
    assert await administration(hub) == ["maintenance.asked", "maintenance.approved"]
    with pytest.raises(Refused, match="does not wait"):
        await act(hub, windows.approve, "lea", made)
    await hub.sound()


async def follows(hub: Devices, *spans: tuple[float, float], by: str = "tom", **given) -> list[str]:
    """Windows from one to another number of days from now; how each stands."""
    now = hub.desk.now
    made = [
        await plan(hub, by, since=now + timedelta(days=a), until=now + timedelta(days=b), **given)
        for a, b in spans
    ]
    return [(await window(hub, one)).state for one in made]


async def test_windows_of_one_person_in_a_row_are_as_long_as_they_are_together(hub):
    assert await follows(hub, (0, 3), (3, 7)) == ["planned", "planned"]
    assert await follows(hub, (7, 8)) == ["asked"]
    assert await follows(hub, (2, 6)) == ["planned"], "all of it is quiet already"
    assert await follows(hub, (15, 19)) == ["planned"], "a week later is another matter"
    assert await follows(hub, (7, 8), by="lea") == ["planned"], "somebody else has looked"
    assert await follows(hub, (7, 14), asset="core-1") == ["planned"], "another device"
    await hub.sound()


async def test_weeks_that_one_person_plans_one_after_the_other_as_each_ends_are_one(hub):
    first = await plan(hub, until=hub.desk.now + timedelta(days=7))
    await hub.passes(days=6, hours=23)
    await act(hub, windows.end, "tom", first)
    assert await follows(hub, (0, 1)) == ["asked"]
    await hub.passes(days=7)
    assert await follows(hub, (0, 7)) == ["planned"]


async def test_windows_of_what_hangs_together_are_added_up_where_they_cover_the_same(hub):
    """The server hangs on the core switch, and both are at the site."""
    assert await follows(hub, (0, 5), asset="core-1") == ["planned"]
    assert await follows(hub, (5, 10), asset="srv-1") == ["asked"], "its parent covers it too"
    assert await follows(hub, (5, 10), asset="sw-1") == ["planned"], "beside it is not below it"
    assert await follows(hub, (5, 8), asset="", site="Verona") == ["asked"]
    assert await follows(hub, (5, 8), asset="", tag="env=test") == ["asked"]
    assert await follows(hub, (20, 25), asset="", tag="env=test") == ["planned"]
    assert await follows(hub, (25, 30), asset="", tag="env=live") == ["planned"], "no alarm has both"
    assert await follows(hub, (25, 30), asset="srv-1") == ["asked"]


async def test_windows_that_repeat_fill_each_others_gaps(hub):
    half = timedelta(hours=12)
    now = hub.desk.now
    day = await plan(hub, until=now + half, rule="FREQ=DAILY")
    assert (await window(hub, day)).state == "planned"
    short = await plan(hub, since=now + half, until=now + half + 8 * HOUR, rule="FREQ=DAILY")
    assert (await window(hub, short)).state == "planned"
    night = await plan(hub, since=now + half, until=now + 2 * half, rule="FREQ=DAILY")
    assert (await window(hub, night)).state == "asked"
    once = await plan(hub, since=now + half, until=now + 2 * half)
    assert (await window(hub, once)).state == "planned"


async def test_what_was_approved_or_never_held_is_not_added_up(hub):
    long = await plan(hub, until=hub.desk.now + timedelta(days=10))
    assert await follows(hub, (0, 7)) == ["planned"], "nothing holds that waits"
    await act(hub, windows.cancel, "tom", long, reason="Too long.")
    hub.desk.now += timedelta(days=20)
    asked = await plan(hub, until=hub.desk.now + timedelta(days=10))
    hub.desk.now += timedelta(days=4)
    await act(hub, windows.cancel, "lea", asked, reason="Not so long.")
    assert await follows(hub, (0, 7)) == ["planned"], "what nobody approved kept nothing quiet"
    hub.desk.now += timedelta(days=20)
    long = await plan(hub, until=hub.desk.now + timedelta(days=10))
    await act(hub, windows.approve, "lea", long)
    assert await follows(hub, (10, 17)) == ["planned"], "two have decided on what is before it"
    await hub.sound()


async def test_what_was_asked_too_late_is_not_approved_any_more(hub):
    made = await plan(hub, asset="")
    hub.desk.now += 3 * HOUR
    with pytest.raises(Refused, match="is past"):
        await act(hub, windows.approve, "lea", made)
    await act(hub, windows.cancel, "tom", made, reason="too late")
    assert (await hub.desk.rows(tables.task))[-1].done_at is not None


# --- Windows that make themselves ---


async def visited(hub: Devices) -> tuple[str, str]:
    """A ticket with a visit that is agreed, two hours from tomorrow at this time on."""
    number = await hub.desk.qualified()
    tom = await hub.desk.who("tom")
    ann = await hub.desk.who("ann")
    await hub.desk.do(tickets.take, ann, number)
    visit = await hub.desk.do(visits.plan, tom, number, purpose="Replace it.", site="Verona", offers=False)
    start = hub.desk.now + timedelta(days=1)
    await hub.desk.do(visits.confirm, tom, number, visit, start=start, technician="eva@hub.test", anyway=True)
    return number, visit


async def test_an_agreed_visit_keeps_its_site_quiet_moves_and_goes_with_it(hub):
    number, visit = await visited(hub)
    (made,) = await hub.desk.rows(tables.maintenance_window)
    tomorrow = hub.desk.now + timedelta(days=1)
    assert (made.customer, made.site, made.since, made.source) == (
        "ACME",
        "Verona",
        tomorrow,
        f"visit:{number}",
    )

    tom = await hub.desk.who("tom")
    later = tomorrow + timedelta(hours=3)
    await hub.desk.do(visits.confirm, tom, number, visit, start=later, technician="eva@hub.test", anyway=True)
    (moved,) = await hub.desk.rows(tables.maintenance_window)
    assert (moved.id, moved.since, moved.over_at) == (made.id, later, moved.until)

    hub.desk.now = later + timedelta(minutes=5)
    await hub.fires("sw-1")
    assert (await hub.alert("sw-1")).status == "maintenance"
    eva = await hub.desk.who("eva")
    await hub.desk.do(visits.check_in, eva, number, visit)
    hub.desk.now += timedelta(minutes=30)
    await hub.desk.do(visits.check_out, eva, number, visit)
    await hub.work()
    assert (await hub.alert("sw-1")).status == "firing"  # the engineer has left, and it still fires
    (over,) = await hub.desk.rows(tables.maintenance_window)
    assert (over.state, over.over_at) == ("ended", hub.desk.now)
    await hub.sound()


async def test_the_window_of_a_visit_lasts_as_long_as_the_engineer_and_a_day_at_most(hub):
    number, visit = await visited(hub)
    (made,) = await hub.desk.rows(tables.maintenance_window)
    hub.desk.now = made.since
    eva = await hub.desk.who("eva")
    await hub.desk.do(visits.check_in, eva, number, visit)
    await hub.fires("sw-1")
    await hub.passes(hours=4)
    (longer,) = await hub.desk.rows(tables.maintenance_window)
    assert hub.desk.now < longer.until <= hub.desk.now + timedelta(minutes=30)
    assert longer.over_at == longer.until
    assert (await hub.alert("sw-1")).status == "maintenance"
    assert await hub.decisions("sw-1") == ["begun", "maintenance"]

    await hub.passes(hours=22)  # they never said that they left
    (over,) = await hub.desk.rows(tables.maintenance_window)
    assert made.since + timedelta(hours=24) <= over.until <= made.since + timedelta(hours=24, minutes=30)
    assert (await hub.alert("sw-1")).status == "firing"
    await hub.sound()


async def test_who_comes_after_the_window_of_the_visit_has_one_as_long_as_they_are_there(hub):
    number, visit = await visited(hub)
    (made,) = await hub.desk.rows(tables.maintenance_window)
    hub.desk.now = made.until + timedelta(hours=1)
    await hub.work()
    eva = await hub.desk.who("eva")
    await hub.desk.do(visits.check_in, eva, number, visit)
    await hub.fires("sw-1")
    assert (await hub.alert("sw-1")).status == "maintenance"
    await hub.desk.do(visits.check_out, eva, number, visit)
    await hub.work()
    assert (await hub.alert("sw-1")).status != "maintenance"


async def test_a_visit_that_is_called_off_takes_its_window_with_it(hub):
    number, visit = await visited(hub)
    await hub.desk.do(visits.cancel, await hub.desk.who("tom"), number, visit, reason="Solved.")
    (made,) = await hub.desk.rows(tables.maintenance_window)
    assert made.state == "cancelled"
    assert bookings.VISIT not in {one.kind for one in await hub.desk.rows(tables.booking)}


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


# --- Who sees it ---


async def test_staff_see_all_windows_and_customers_theirs_without_who_made_them(hub):
    mine = await plan(hub, change="Firmware")
    whole = await plan(hub, asset="")
    theirs = await plan(hub, customer="BETA", asset="", tag="env=x", since=hub.desk.now + HOUR)
    tom, ann, alice, bob = [await hub.desk.who(one) for one in ("tom", "ann", "alice", "bob")]

    async def seen(who):
        found = await hub.desk.db.read(window_views.listing, who, now=hub.desk.now)
        return {one.id: one for one in found}

    assert set(await seen(tom)) == set(await seen(ann)) == {mine, whole, theirs}
    assert set(await seen(alice)) == {mine}  # what nobody approved is not decided
    assert set(await seen(bob)) == {theirs}
    shown = (await seen(alice))[mine]
    assert (shown.change, shown.created_by, shown.may, shown.going_on) == ("Firmware", "", (), True)
    assert (await seen(tom))[mine].created_by == "Tom"
    assert (await seen(tom))[whole].may == ("cancel",)
    assert (await seen(ann))[mine].may == ()
    with pytest.raises(NotFound):
        await hub.desk.db.read(window_views.one, bob, mine, now=hub.desk.now)


async def test_the_calendar_has_every_time_of_a_window_that_repeats(hub):
    made = await plan(hub, rule="FREQ=DAILY;COUNT=3")
    tom = await hub.desk.who("tom")
    found = await hub.desk.db.read(
        window_views.between,
        tom,
        since=hub.desk.now,
        until=hub.desk.now + timedelta(days=30),
        now=hub.desk.now,
    )
    assert [(one.window.id, one.since - hub.desk.now) for one in found] == [
        (made, timedelta(days=n)) for n in range(3)
    ]


async def test_an_alert_says_which_window_it_lies_in_and_after_it_none(hub):
    made = await plan(hub)
    await hub.fires("sw-1")
    lea, alert = await hub.desk.who("lea"), await hub.alert("sw-1")

    async def held() -> list[str]:
        found = await hub.desk.db.read(window_views.holding, lea, alert.id, now=hub.desk.now)
        return [one.id for one in found]

    assert await held() == [made]
    await hub.passes(hours=2)
    assert await held() == []


async def test_what_goes_on_now_is_told_with_its_end_and_what_is_only_asked_for_is_not(hub):
    lea = await hub.desk.who("lea")
    made = await plan(hub, asset="core-1")
    await plan(hub, asset="", until=hub.desk.now + 200 * HOUR)

    found = await hub.desk.db.read(window_views.going_on, lea, now=hub.desk.now)

    assert [one.window.id for one in found] == [made]
    assert found[0].until > hub.desk.now


async def test_what_boards_do_not_show_is_in_the_list_and_not_on_the_board(hub):
    lea = await hub.desk.who("lea")
    await plan(hub, mode="store_only")
    await plan(hub, asset="core-1")
    await hub.fires("sw-1", "core-1")
    board = await hub.desk.db.read(alert_board.board, lea)
    assert board.maintenance == 1
    listed = await hub.desk.db.read(alert_views.listing, lea, alert_views.Filter())
    assert {one.asset for one in listed.items} == {"sw-1", "core-1"}
