"""What several customers depend on: work on it keeps their alarms quiet, too, and what calls nobody is no storm of theirs."""

from __future__ import annotations

from datetime import timedelta

from core.desk import windows
from tests.core.desk.test_alert_incidents import SHARED
from tests.devices_at_work import alarm, devices


async def test_what_is_for_information_only_is_no_storm_of_several_customers(db):
    hub = await devices(db, SHARED)
    for n in range(6):
        for source, asset in (("acme", "sw-1"), ("delta", "router")):
            told = alarm(f"{source}{n}", "firing", at=hub.desk.now, asset=asset, severity="info")
            await hub.posts({"alerts": [told]}, source=source)
    await hub.posts(
        {"alerts": [alarm("loud", "firing", at=hub.desk.now, asset="sw-1", severity="major")]}, source="acme"
    )

    (ticket,) = await hub.tickets()
    assert (ticket.customer, ticket.asset, ticket.flags) == ("ACME", "sw-1", [])


async def test_work_on_a_shared_thing_keeps_quiet_whoever_hangs_on_it_and_wakes_them_when_it_ends(db):
    hub = await devices(db, SHARED)
    now = hub.desk.now
    made = await hub.desk.db.write(
        windows.plan,
        await hub.desk.who("tom"),
        customer="OURS",
        asset="ring-1",
        since=now,
        until=now + timedelta(hours=2),
        now=now,
    )
    things = (("ring-1", "ours"), ("sw-1", "acme"), ("router", "delta"), ("loose", "acme"))
    for name, source in things:
        await hub.fires(name, source=source)
    assert [(await hub.alert(*one)).status for one in things] == ["maintenance"] * 3 + ["firing"]

    await hub.passes(minutes=5)
    await hub.desk.db.write(windows.end, await hub.desk.who("tom"), made, now=hub.desk.now)
    await hub.work()

    assert "maintenance" not in {(await hub.alert(*one)).status for one in things}
    assert {one.customer for one in await hub.tickets()} == {"OURS", "ACME", "DELTA"}
    await hub.sound()
