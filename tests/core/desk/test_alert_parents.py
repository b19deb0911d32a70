"""What explains an alarm, and what does not: a thing above it that is down, as long as somebody is called for that."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import resolution, tickets, windows
from tests.desk_at_work import SOLUTION
from tests.devices_at_work import Devices, devices


@pytest.fixture
async def hub(db) -> Devices:
    return await devices(db)


async def stand(hub: Devices, *names: str, source: str = "am") -> list[str]:
    return [(await hub.alert(name, source)).status for name in names]


async def only_ticket_of(hub: Devices, name: str) -> None:
    (ticket,) = await hub.tickets()
    row = await hub.alert(name)
    assert (row.status, row.ticket_id, row.parent_alert) == ("firing", ticket.id, None)
    await hub.sound()


async def test_what_was_put_down_to_something_that_turns_out_for_information_only_has_a_ticket_then(hub):
    await hub.fires("srv-1")
    await hub.passes(seconds=30)
    await hub.fires("core-1", severity="info")
    await hub.passes(seconds=40)
    assert await stand(hub, "srv-1", "core-1") == ["suppressed", "held"]

    await hub.passes(minutes=1)

    await only_ticket_of(hub, "srv-1")


async def test_what_was_put_down_to_something_that_somebody_works_on_has_a_ticket_then(hub):
    begins = hub.desk.now + timedelta(seconds=60)
    await hub.desk.db.write(
        windows.plan,
        await hub.desk.who("lea"),
        customer="ACME",
        tag="env=test",
        since=begins,
        until=begins + timedelta(hours=4),
        now=hub.desk.now,
    )
    await hub.fires("srv-1")
    await hub.passes(seconds=30)
    await hub.fires("core-1", env="test")
    await hub.passes(minutes=2)

    assert await stand(hub, "core-1") == ["maintenance"]
    await only_ticket_of(hub, "srv-1")


async def test_what_hangs_on_each_other_by_labels_is_one_ticket_and_not_none(hub):
    await hub.fires("a", parent="b")
    await hub.passes(seconds=5)
    await hub.fires("b", parent="c")
    await hub.passes(seconds=5)
    await hub.fires("c", parent="a")
    await hub.passes(minutes=5)

    (ticket,) = await hub.tickets()
    assert await stand(hub, "a", "b", "c") == ["suppressed", "suppressed", "firing"]
    assert (await hub.alert("c")).ticket_id == ticket.id


async def test_a_label_against_the_tree_of_things_silences_nobody(hub):
    await hub.fires("srv-1")
    await hub.passes(seconds=5)
    await hub.fires("core-1", parent="srv-1")
    await hub.passes(minutes=5)

    await only_ticket_of(hub, "core-1")


async def test_a_name_is_a_name_and_no_pattern(hub):
    await hub.fires("sw-1:9100", source="at-once", severity="warning")
    await hub.fires("other", source="at-once", severity="warning", parent="sw_1")
    await hub.fires("child", source="at-once", severity="warning", parent="sw-1")

    assert await stand(hub, "other", "child", source="at-once") == ["firing", "suppressed"]


# --- What is above it was down before ---


async def was_down(hub: Devices, name: str, source: str = "am") -> None:
    """It was down, had its ticket, and that is over for long."""
    await hub.fires(name, source=source, severity="warning")
    await hub.passes(minutes=2)
    await hub.ends(name, source=source, severity="warning")
    await hub.passes(hours=30)
    assert not any(ticket.open for ticket in await hub.tickets())


async def test_what_was_put_down_to_a_moments_fault_of_something_that_had_a_ticket_once_has_its_own(hub):
    await was_down(hub, "core-1")
    await hub.fires("srv-1")
    await hub.passes(seconds=50)
    await hub.fires("core-1", severity="warning")
    await hub.passes(seconds=15)
    assert await stand(hub, "srv-1", "core-1") == ["suppressed", "held"]
    await hub.ends("core-1", severity="warning")
    await hub.passes(minutes=1)

    old, new = await hub.tickets()
    row = await hub.alert("srv-1")
    assert (row.status, row.ticket_id) == ("firing", new.id)
    assert (old.open, new.open) == (False, True)
    await hub.sound()


async def test_what_waited_for_the_ticket_of_what_is_above_it_belongs_to_that_however_long_it_is_down(hub):
    await was_down(hub, "core-1")
    now = hub.desk.now
    work = {"customer": "ACME", "asset": "srv-1", "since": now, "until": now + timedelta(hours=1)}
    await hub.desk.db.write(windows.plan, await hub.desk.who("lea"), now=now, **work)
    await hub.passes(seconds=1)
    await hub.fires("srv-1")
    await hub.passes(minutes=59, seconds=30)
    await hub.fires("core-1", severity="warning")
    await hub.passes(minutes=5)

    _, new = await hub.tickets()
    assert [(await hub.alert(name)).ticket_id for name in ("srv-1", "core-1")] == [new.id, new.id]
    assert await stand(hub, "srv-1", "core-1") == ["suppressed", "firing"]
    assert (await hub.decisions("srv-1")).count("suppressed") == 1
    await hub.sound()


async def test_what_hangs_on_something_whose_ticket_a_person_ended_has_its_own(hub):
    await hub.fires("core-1", source="at-once")
    (ticket,) = await hub.tickets()
    ann = await hub.desk.who("ann")
    await hub.desk.do(tickets.take, ann, ticket.number)
    known = {"alert_firing": "We live with it."}
    await hub.desk.do(resolution.resolve, ann, ticket.number, overrides=known, **SOLUTION)
    await hub.work()
    assert (await hub.alert("core-1", "at-once")).firing
    await hub.fires("srv-1")
    await hub.passes(minutes=2)

    _, new = await hub.tickets()
    row = await hub.alert("srv-1")
    assert (row.status, row.ticket_id, new.open) == ("firing", new.id, True)
    await hub.sound()
