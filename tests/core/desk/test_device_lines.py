"""What becomes of lines and traps that came many in one row? Each counts, and lines that are no alarm are forgotten in time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channels.monitoring import batches, knocks
from core.alerting import BATCH
from core.channel import Knock, NoSuchSource
from core.desk import device_lines, door, waiting
from core.envelope import Arrival, Claims
from core.ids import new_id
from core.store import blobs, tables
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, devices

LINES = f"""
[[alert_sources]]
name = "traps"
kind = "snmp"
secret = "{SECRET}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
[[alert_sources]]
name = "lines"
kind = "syslog"
peers = ["192.0.2.0/24"]
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
"""
DOWN = b"<11>%%LINK-3-UPDOWN: Interface %s, changed state to down"
UP = b"<11>%%LINK-3-UPDOWN: Interface %s, changed state to up"


@pytest.fixture
async def hub(db) -> Devices:
    return await devices(db, WITH_DEVICES + LINES)


async def say(hub: Devices, *lines: bytes, peer: str = "192.0.2.7") -> None:
    """These lines came together from one device until now, a thousandth of a second apart."""
    identity = new_id()
    came = [(hub.desk.now - timedelta(milliseconds=len(lines) - n), raw) for n, raw in enumerate(lines)]
    arrival = Arrival(
        channel="monitoring",
        raw=batches.pack(identity, came),
        received_at=came[-1][0],
        external_id=identity,
        envelope={"peer": peer, BATCH: len(lines)},
        claims=Claims(kind="syslog", peer=peer),
    )
    hub.desk.last = await hub.desk.db.write(door.accept, arrival, now=hub.desk.now)
    await hub.work()


async def test_each_line_of_a_row_counts_in_the_order_it_came(hub):
    await say(
        hub, DOWN % b"Gi1", b"<14>all is well", UP % b"Gi1", DOWN % b"Gi1", DOWN % b"Gi1", DOWN % b"Gi2"
    )
    one, two = sorted(await hub.desk.rows(tables.alert), key=lambda row: row.resource)
    assert (one.count, one.episode, one.firing) == (3, 2, True)
    assert (two.count, two.episode, two.firing) == (1, 1, True)
    row = await hub.desk.inbound()
    assert (row.outcome, row.reason, row.detail["messages"], row.detail["facts"]) == ("alert", "facts", 6, 5)
    (state,) = await hub.desk.rows(tables.source_state)
    assert (state.name, state.received) == ("lines", 6)
    await hub.sound()


async def test_a_flood_of_one_alarm_is_one_ticket_that_counts_it(hub):
    for _ in range(4):
        await say(hub, *[DOWN % b"Gi1"] * 500)
    (alert,) = await hub.desk.rows(tables.alert)
    assert alert.count == 2000
    assert len(await hub.tickets()) == 1
    assert len(await hub.desk.rows(tables.alert_decision)) < 10
    await hub.sound()


async def test_lines_of_nobody_who_may_report_are_not_stored(hub):
    with pytest.raises(NoSuchSource):
        await say(hub, DOWN % b"Gi1", peer="198.51.100.1")
    assert await hub.desk.rows(tables.inbound) == []


async def test_lines_that_are_no_alarm_are_kept_thirty_days_and_those_that_are_one_stay(hub, monkeypatch):
    monkeypatch.setattr(device_lines, "SLICE", 2)
    for _ in range(5):
        await say(hub, b"<14>all is well", b"<14>still")
    await say(hub, DOWN % b"Gi1", b"<14>that is not well")
    assert {row.reason for row in await hub.desk.rows(tables.inbound)} == {"lines", "facts"}

    hub.desk.now += timedelta(days=29)
    await hub.desk.db.write(device_lines.forget, now=hub.desk.now)
    assert len(await hub.desk.rows(tables.inbound)) == 6

    hub.desk.now += timedelta(days=2)
    await hub.desk.db.write(device_lines.forget, now=hub.desk.now)
    await hub.work()  # the slices that follow
    (row,) = await hub.desk.rows(tables.inbound)
    assert row.reason == "facts"
    assert {one.name for one in await hub.desk.rows(tables.blob)} >= {row.raw}
    assert len([one for one in await hub.desk.rows(tables.blob) if one.name == row.raw]) == 1
    await hub.sound()


async def test_of_many_messages_those_that_nobody_understood_are_an_item_of_staffs_without_the_others(hub):
    good, bad = knocks.trap(Knock(source="traps", id="0" * 36, secret="x")), b"nonsense"
    identity = new_id()
    arrival = Arrival(
        channel="monitoring",
        raw=batches.pack(identity, [(hub.desk.now, one) for one in (good, bad, good, bad)]),
        received_at=hub.desk.now,
        external_id=identity,
        envelope={"peer": "192.0.2.7", BATCH: 4},
        claims=Claims(source="traps", secret=SECRET, peer="192.0.2.7"),
    )
    await hub.desk.db.write(door.accept, arrival, now=hub.desk.now)
    await hub.work()

    (left,) = await hub.desk.rows(tables.inbound, outcome="exception")
    assert (left.open, left.sender, left.envelope[BATCH]) == (True, "traps", 2)
    assert [raw for _, raw in batches.unpack(await hub.desk.db.read(blobs.get, left.raw))] == [bad, bad]
    (alert,) = await hub.desk.rows(tables.alert)
    assert alert.count == 2
    (source,) = await hub.desk.rows(tables.source_state, name="traps")
    assert source.received == 2, "what staff have read again counts then"
    await hub.desk.db.write(waiting.retry, await hub.desk.who("lea"), left.id, now=hub.desk.now)
    await hub.work()
    (alert,) = await hub.desk.rows(tables.alert)
    assert alert.count == 2, "the others are not read again"
    assert len(await hub.desk.rows(tables.inbound, outcome="exception")) == 1
    await hub.sound()
