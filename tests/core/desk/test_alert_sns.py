"""What Amazon SNS sends goes through the desk: believed it is an alarm, else staff see why not."""

from __future__ import annotations

import pytest

from channels.monitoring.channel import MonitoringChannel
from channels.monitoring.sns import Vouching
from core.desk import figures, source_states
from core.store import tables
from tests.channels.monitoring.signing import CONFIRM, TOPIC, Amazon, away, confirmation, notification, sign
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, devices

SOURCE = f"""
[[alert_sources]]
name = "aws"
kind = "aws-sns"
secret = "{SECRET}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
topics = ["{TOPIC}"]
"""


async def hub_with(db, amazon: Amazon) -> Devices:
    hub = await devices(db, WITH_DEVICES + SOURCE)

    def clock() -> float:
        return hub.desk.now.timestamp()

    hub.desk.also.append(MonitoringChannel(sns=Vouching(call=amazon, clock=clock)))
    return hub


async def test_a_subscription_is_confirmed_by_itself_and_its_alarms_are_tickets(db):
    amazon = Amazon()
    hub = await hub_with(db, amazon)
    await hub.posts(sign(confirmation()), source="aws")
    assert amazon.called[-1] == CONFIRM
    assert await hub.tickets() == []
    await hub.posts(sign(notification()), source="aws")
    assert len(await hub.tickets()) == 1
    await hub.sound()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (sign(confirmation(SubscribeURL="http://10.0.0.1/")), "it is not called"),
        (sign(notification()) | {"Message": "forged"}, "somebody else sends"),
    ],
)
async def test_what_is_not_believed_is_kept_for_staff_with_the_reason(db, body, why):
    hub = await hub_with(db, Amazon())
    hub.desk.last = await hub.posts(body, source="aws")
    row = await hub.desk.inbound()
    assert (row.outcome, row.open) == ("exception", True)
    assert why in row.detail["error"]
    assert await hub.tickets() == []


async def test_while_amazon_does_not_answer_the_message_waits_and_is_not_lost(db):
    amazon = away()
    hub = await hub_with(db, amazon)
    await hub.posts(sign(notification()), source="aws")
    assert await hub.desk.rows(tables.alert) == []
    amazon.fails = None
    await hub.passes(minutes=3)
    assert len(await hub.tickets()) == 1


async def test_what_waits_behind_a_message_that_is_tried_again_is_seen_and_its_source_not_taken_for_silent(
    db,
):
    hub = await hub_with(db, away())
    for _ in range(3):
        await hub.posts(sign(notification()), source="aws")
    await hub.passes(minutes=18)

    assert await hub.desk.db.read(figures.behind, now=hub.desk.now) == {"devices": (1, 18 * 60.0)}
    assert (await hub.desk.db.read(source_states.hearing, "aws")).messages_wait
    await hub.passes(minutes=4)
    assert not (await hub.desk.db.read(source_states.hearing, "aws")).messages_wait
    assert "devices" not in await hub.desk.db.read(figures.behind, now=hub.desk.now)


async def test_what_nobody_can_look_up_is_staffs_after_twenty_minutes_however_much_waits_in_order(db):
    hub = await hub_with(db, away())
    for n in range(4):
        await hub.posts(sign(notification(MessageId=f"00000000-0000-0000-0000-00000000000{n}")), source="aws")
    await hub.passes(minutes=15)
    assert [row.outcome for row in await hub.desk.rows(tables.inbound)] == [None] * 4

    await hub.passes(minutes=8)

    assert [row.outcome for row in await hub.desk.rows(tables.inbound)] == ["exception"] * 4
