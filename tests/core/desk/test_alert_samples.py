"""A storm of 500 alarms and a link that comes and goes, as real senders told them: one ticket each, and hardly a word to the customer."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from core.store import tables
from tests.devices_at_work import WITH_DEVICES, Devices, devices

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "alerts"
if not SHARED.exists():
    pytest.skip("needs ../shared", allow_module_level=True)

WITH_MILANO = WITH_DEVICES.replace(
    '  [[customers.sites]]\n  name = "Verona"',
    '  [[customers.sites]]\n  name = "Verona"\n  [[customers.sites]]\n  name = "Milano"',
)


@pytest.fixture
async def hub(db) -> Devices:
    """The switch is in Milano, as the samples say."""
    return await devices(db, WITH_MILANO)


def told(name: str) -> list[Any]:
    return [json.loads(line) for line in (SHARED / name).read_text(encoding="utf-8").splitlines()]


def later(body: Any, shift: timedelta) -> Any:
    """The same message as if it had been sent so much later."""
    for alert in body["alerts"]:
        for name in ("startsAt", "endsAt"):
            if not alert[name].startswith("0001"):
                alert[name] = (datetime.fromisoformat(alert[name]) + shift).isoformat()
    return body


def began(body: Any) -> datetime:
    return datetime.fromisoformat(body["alerts"][0]["startsAt"])


@pytest.mark.parametrize("source", ["am", "at-once"], ids=["after-a-wait", "at-once"])
async def test_a_storm_of_500_alarms_is_one_ticket_of_its_cause_and_one_word_to_the_customer(hub, source):
    bodies = told("storm-switch-500.ndjson")
    shift = hub.desk.now - began(bodies[0])
    for at, together in groupby(bodies, key=began):
        hub.desk.now = max(hub.desk.now, at + shift)
        await asyncio.gather(*(hub.stores(later(body, shift), source=source) for body in together))
        await hub.work()
    await hub.passes(minutes=6)

    (ticket,) = await hub.tickets()
    alerts = await hub.desk.rows(tables.alert)
    root = next(one for one in alerts if not one.above)
    assert {one.ticket_id for one in alerts} == {ticket.id}
    assert {one.parent_alert for one in alerts if one.id != root.id} == {root.id}
    assert (root.parent_alert, root.status) == (None, "firing")
    assert "sw-core-01" in ticket.subject
    assert ticket.open
    (noticed,) = hub.desk.channel.sent
    assert "sw-core-01" in noticed.text
    await hub.sound()


async def test_a_link_that_comes_and_goes_is_one_ticket_that_speaks_twice_and_ends_when_it_is_calm(hub):
    lines = told("flapping-link-20.ndjson")
    shift = hub.desk.now - datetime.fromisoformat(lines[0]["at"])
    flagged = []
    for line in lines:
        at = datetime.fromisoformat(line["at"]) + shift
        await hub.passes(seconds=(at - hub.desk.now).total_seconds())
        await hub.posts(later(line["body"], shift))
        flagged.append((await hub.desk.rows(tables.alert))[0].flapping_since is not None)
    last = hub.desk.now
    assert flagged.index(True) < 6
    (ticket,) = await hub.tickets()
    assert ticket.open

    await hub.passes(minutes=29)
    assert (await hub.tickets())[0].open
    await hub.passes(minutes=2)

    (ticket,) = await hub.tickets()
    assert ticket.state == "resolved"
    assert ticket.resolved_at <= last + timedelta(minutes=31)
    assert len(hub.desk.channel.sent) <= 2
    await hub.sound()
