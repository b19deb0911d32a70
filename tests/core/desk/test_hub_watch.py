"""What is wrong with the hub itself becomes a ticket that says what to do, and nobody's customer hears of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import texts
from core.channel import DeliveryError, NotAdmitted
from core.desk import alert_sources, hub_troubles, hub_watch, stuck, waiting
from core.desk.errors import ConfigurationError
from core.facts import HubFacts
from core.ids import fixed_id
from core.store import schedules, tables, work
from core.store.tx import Row, Tx
from tests.desk_at_work import put
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, devices


@pytest.fixture
def facts(request) -> HubFacts:
    named = getattr(request, "param", "")
    key = b"a key of 32 bytes for the tests."
    return HubFacts(name="Desk", mails_by="email", token_key=key, knocks=True, alarms_to=named)


@pytest.fixture
async def hub(db) -> Devices:
    found = await devices(db)
    await db.write(schedules.ensure, hub_watch.EVERY_MINUTE, now=found.desk.now)
    return found


async def minutes(hub: Devices, count: int = 1) -> None:
    """Rounds of the hub, and whatever falls due beside."""
    for _ in range(count):
        await hub.passes(minutes=1)
        await hub.desk.db.write(schedules.tick, now=hub.desk.now)
        await hub.work()


async def fires(hub: Devices) -> list[str]:
    rows = await hub.desk.rows(tables.alert, source="hub", firing=True)
    return sorted(row.dedup_key for row in rows)


async def own(hub: Devices) -> list[Row]:
    return [row for row in await hub.tickets() if "ours" in row.flags]


async def _unread(hub: Devices) -> Callable[[], Any]:
    inbound = await hub.posts({"a": "shape of its own"})
    await minutes(hub, 9)
    assert await fires(hub) == []

    async def dismissed() -> None:
        await hub.desk.db.write(waiting.discard, await hub.desk.who("lea"), inbound, now=hub.desk.now)

    return dismissed


async def _dead(hub: Devices) -> Callable[[], Any]:
    shard = fixed_id("a timer")

    def bury(tx: Tx) -> None:
        tx.insert(
            tables.dead_job,
            shard=shard,
            id=fixed_id("a job"),
            name="timer",
            kind="page",
            payload={},
            attempt=9,
            created_at=hub.desk.now,
            died_at=hub.desk.now,
            reason="a bug",
        )

    await hub.desk.db.write(bury)

    async def dismissed() -> None:
        lea = await hub.desk.who("lea")
        await hub.desk.db.write(stuck.dismiss, lea, shard, fixed_id("a job"), now=hub.desk.now)

    return dismissed


async def _leaving(hub: Devices) -> Callable[[], Any]:
    hub.desk.channel.fails_with = DeliveryError("the relay refuses our log-in")
    await hub.desk.mail("alice@acme.test")
    await hub.work()
    await minutes(hub, 9)
    assert await fires(hub) == []

    async def back() -> None:
        hub.desk.channel.fails_with = None
        await hub.passes(minutes=30)

    return back


async def _part(hub: Devices) -> Callable[[], Any]:
    trouble = {"email by support@mail.test/INBOX": (hub_troubles.PART, "wrong password")}
    told = hub.desk.now

    async def said() -> None:
        await hub.desk.db.write(hub_troubles.report, "here/1", trouble, now=hub.desk.now)

    await said()
    while hub.desk.now < told + timedelta(minutes=9):
        assert await fires(hub) == []
        await minutes(hub)
        await said()

    async def well() -> None:
        await hub.desk.db.write(hub_troubles.report, "here/1", {}, now=hub.desk.now)

    return well


async def _disk(hub: Devices) -> Callable[[], Any]:
    trouble = {hub_troubles.DISK: (hub_troubles.DISK, "the disk is nearly full: 900 MiB are left")}

    async def nobody_says_it() -> None:
        await minutes(hub, 4)

    hub.desk.now += timedelta(minutes=11)
    await hub.desk.db.write(hub_troubles.report, "here/2", trouble, now=hub.desk.now)
    return nobody_says_it


WRONG = {
    "hub:unread:am": _unread,
    "hub:dead": _dead,
    "hub:leaving:email": _leaving,
    "hub:part:email by support@mail.test/INBOX": _part,
    "hub:disk": _disk,
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_is_one_ticket_of_ours_until_it_is_well_again(hub, what):
    await minutes(hub)
    well = await WRONG[what](hub)
    await minutes(hub)
    assert await fires(hub) == [what]
    (ticket,) = await own(hub)
    assert (ticket.customer, ticket.state, ticket.channel) == (None, "triage", "monitoring")
    sent = len(hub.desk.channel.sent)

    await well()
    await minutes(hub, 2)

    assert await fires(hub) == []
    assert [one for one in hub.desk.channel.sent[sent:] if one.ticket_number == ticket.number] == []
    await minutes(hub, 8)
    (ticket,) = await own(hub)
    assert ticket.state == "resolved" or "recovered" in ticket.flags
    await hub.sound()


async def test_work_that_stands_still_is_an_alarm_of_its_crew(hub):
    await minutes(hub, 12)  # a hub that has just come back works off what waits

    def late(tx: Tx) -> None:
        since = hub.desk.now - timedelta(minutes=11)
        work.enqueue(
            tx, shard=fixed_id("r"), lane="intake:03", kind="tidy", payload={}, due=since, now=hub.desk.now
        )

    await hub.desk.db.write(late)
    found = await hub.desk.db.read(hub_watch.look, now=hub.desk.now)
    await hub.desk.db.write(hub_watch.keep, found=found, now=hub.desk.now)
    assert await fires(hub) == ["hub:lane:intake"]
    await minutes(hub, 2)
    assert await fires(hub) == []


async def test_two_processes_that_see_the_same_at_once_raise_one_alarm(hub):
    await _dead(hub)
    found = await hub.desk.db.read(hub_watch.look, now=hub.desk.now)
    for _ in range(2):
        await hub.desk.db.write(hub_watch.keep, found=found, now=hub.desk.now)
    (alert,) = await hub.desk.rows(tables.alert, source="hub")
    assert (alert.count, alert.episode) == (1, 1)


async def test_a_hub_that_is_well_writes_no_alarm(hub):
    await minutes(hub, 30)
    assert await hub.desk.rows(tables.alert) == []


@pytest.mark.parametrize(
    ("facts", "has"), [("Network L1", "Network L1"), ("Nobody", None)], indirect=["facts"]
)
async def test_the_hubs_own_tickets_go_to_the_group_that_is_named_if_there_is_one(hub, has):
    await _dead(hub)
    await minutes(hub)
    (ticket,) = await own(hub)
    assert ticket.desk_group == has


@pytest.mark.parametrize("language", ["it", "en"])
@pytest.mark.parametrize("kind", ["unread", "lane", "dead", "leaving", "part", "disk", "intake_silent"])
def test_every_alarm_of_the_hub_says_what_to_do(kind, language):
    values = dict.fromkeys(("source", "count", "crew", "minutes", "channel", "why", "name", "since"), "WORD")
    subject, text = texts.notice(f"own_{kind}", language, **values)
    assert len(subject) < 100
    assert {"it": "Che cosa fare:", "en": "What to do:"}[language] in text


# --- What it sends to itself ---


async def test_heartbeats_of_the_hub_that_do_not_arrive_twice_are_an_alarm(hub):
    secret = alert_sources.own_secret(hub.desk.db.facts)
    for _ in range(3):
        await hub.posts(b"", source="hub", secret=secret)
        await minutes(hub, 5)
    await minutes(hub, 4)
    assert await fires(hub) == []
    await minutes(hub, 2)
    assert await fires(hub) == ["hub:silent"]
    await hub.posts(b"", source="hub", secret=secret)
    assert await fires(hub) == []
    await hub.sound()


async def test_nobody_else_reports_as_the_hub(hub):
    with pytest.raises(NotAdmitted):
        await hub.posts(b"", source="hub")
    with pytest.raises(ConfigurationError, match="is the hub itself"):
        await hub.desk.db.write(
            put,
            WITH_DEVICES + f'[[alert_sources]]\nname = "hub"\nkind = "auto"\nsecret = "{SECRET}"\n',
            now=hub.desk.now,
        )
