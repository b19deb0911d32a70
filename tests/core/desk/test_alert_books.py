"""The books of alarms balance, or it is said exactly what does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import books, joining, tickets
from core.ids import fixed_id
from core.store import tables
from core.store.tx import Tx
from tests.devices_at_work import Devices, devices

alert, episode = tables.alert, tables.alert_episode


@pytest.fixture
async def hub(db) -> Devices:
    """A desk after an hour of alarms: a storm's worth of everything that can become of one."""
    hub = await devices(db)
    await hub.fires("core-1", source="at-once", severity="warning")
    await hub.fires("srv-1", source="at-once", severity="warning")
    await hub.fires("printer", source="at-once", severity="info")
    await hub.fires("srv-9", source="beta")
    await hub.fires("pc-1", source="at-once", severity="warning")
    await hub.passes(minutes=3)
    await hub.ends("pc-1", source="at-once")
    await hub.fires("sw-1")
    return hub


async def faults(hub: Devices) -> list[str]:
    return [fault.kind for fault in (await hub.desk.db.read(books.verify, now=hub.desk.now)).faults]


async def test_good_books_of_alarms_have_no_fault(hub):
    assert await faults(hub) == []
    await hub.passes(hours=1)
    assert await faults(hub) == []


def spoil(table, **values):
    def act(tx: Tx, row) -> None:
        key = {"id": row.id} if table is alert else {"alert_id": row.id, "n": row.episode}
        tx.update(table, key, **values)

    return act


def drop(table, column: str = "ticket_id", **match):
    def act(tx: Tx, row) -> None:
        where = [table.c[column] == (row.ticket_id if column == "ticket_id" else row.id)]
        tx.run(table.delete().where(*where, *(table.c[name] == value for name, value in match.items())))

    return act


BROKEN = [
    ("sw-1", "am", spoil(alert, firing=False), ["alarm and episode that do not agree whether it fires"]),
    (
        "pc-1",
        "at-once",
        spoil(episode, ended_at=None),
        ["alarm and episode that do not agree whether it fires"],
    ),
    ("core-1", "at-once", spoil(alert, count=7), ["alarm whose count is not the sum of its episodes"]),
    (
        "core-1",
        "at-once",
        drop(tables.alert_decision, "alert_id", seq=1),
        ["alarm with a gap in what was decided of it"],
    ),
    (
        "core-1",
        "at-once",
        spoil(alert, ticket_id=fixed_id("nothing")),
        ["alarm of a ticket that there is not, or that went into another one"],
    ),
    (
        "core-1",
        "at-once",
        spoil(episode, ticket_id=fixed_id("nothing")),
        ["episode of a ticket that there is not, or that went into another one"],
    ),
    ("sw-1", "am", drop(tables.job, "shard"), ["alarm that waits, and nobody will look at it"]),
    ("sw-1", "am", spoil(alert, status="firing"), ["alarm that fires and belongs nowhere"]),
    ("srv-1", "at-once", spoil(alert, parent_alert=None), ["alarm under one that there is not"]),
]


@pytest.mark.parametrize(("name", "source", "act", "found"), BROKEN, ids=[one[3][0] for one in BROKEN])
async def test_what_does_not_balance_is_said(hub, name, source, act, found):
    row = await hub.alert(name, source)
    await hub.desk.db.write(act, row)
    assert await faults(hub) == found


async def test_an_episode_without_its_alarm_is_found(hub):
    row = await hub.alert("printer", "at-once")
    await hub.desk.db.write(lambda tx: tx.run(alert.delete().where(alert.c.id == row.id)))
    assert await faults(hub) == ["episode without its alarm"]


async def test_a_ticket_of_devices_without_an_alarm_is_found(hub):
    row = await hub.alert("pc-1", "at-once")

    def forget(tx: Tx) -> None:
        tx.update(alert, {"id": row.id}, ticket_id=None)
        tx.update(episode, {"alert_id": row.id, "n": 1}, ticket_id=None)

    await hub.desk.db.write(forget)
    assert await faults(hub) == ["ticket of devices without an alarm"]


async def test_a_ticket_whose_alarms_are_over_and_that_nobody_will_close_is_found(hub):
    row = await hub.alert("pc-1", "at-once")
    gone = tables.job.delete().where(tables.job.c.shard == row.ticket_id, tables.job.c.kind == "alerts-over")
    await hub.desk.db.write(lambda tx: tx.run(gone))
    assert await faults(hub) == ["ticket whose alarms are over, which nobody will close"]


async def test_a_customer_who_was_told_twice_of_one_matter_is_found(hub):
    row = await hub.alert("core-1", "at-once")
    (told,) = [
        one for one in await hub.desk.rows(tables.message, ticket_id=row.ticket_id) if one.kind == "progress"
    ]
    twice = told._asdict() | {"id": fixed_id("again"), "at": told.at + timedelta(minutes=1), "idem": ""}
    await hub.desk.db.write(lambda tx: tx.insert(tables.message, **twice))
    assert "conversation that was told of its alarms more than once" in await faults(hub)


async def test_alarms_go_with_a_ticket_that_is_merged_and_come_back_with_it(hub):
    one, other = await hub.alert("pc-1", "at-once"), await hub.alert("core-1", "at-once")
    numbers = {row.id: row.number for row in await hub.tickets()}
    ann = await hub.desk.who("ann")
    for number in numbers.values():
        await hub.desk.do(tickets.take, ann, number)
    await hub.desk.do(joining.merge, ann, numbers[one.ticket_id], into=numbers[other.ticket_id])

    assert (await hub.alert("pc-1", "at-once")).ticket_id == other.ticket_id
    assert await faults(hub) == []

    await hub.desk.do(joining.undo, ann, numbers[one.ticket_id])

    assert (await hub.alert("pc-1", "at-once")).ticket_id == one.ticket_id
    assert (await hub.alert("core-1", "at-once")).ticket_id == other.ticket_id
    assert await faults(hub) == []
    await hub.passes(minutes=10)
    assert [row.number for row in await hub.tickets() if "recovered" in row.flags] == [numbers[one.ticket_id]]
