"""What is wrong with the hub itself becomes a ticket that says what to do, and nobody's customer hears of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import texts
from core.channel import DeliveryError, NotAdmitted
from core.desk import alert_sources, door, hub_troubles, hub_watch, source_secrets, stuck, waiting
from core.desk.errors import ConfigurationError
from core.facts import HubFacts
from core.ids import fixed_id
from core.store import lanes, schedules, tables, work
from core.store.tx import Row, Tx
from tests.desk_at_work import DISOWNED, put
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


async def _left(hub: Devices) -> Callable[[], Any]:
    trouble = {"left:desk@imap.test/INBOX": (hub_troubles.LEFT, "large:2 refused:1")}
    await hub.desk.db.write(hub_troubles.report, "here/1", trouble, now=hub.desk.now)

    async def seen_to() -> None:
        await hub.desk.db.write(hub_troubles.report, "here/1", {}, now=hub.desk.now)

    return seen_to


async def _held(hub: Devices) -> Callable[[], Any]:
    await hub.desk.mail("alice@acme.test", authentication=DISOWNED)
    item = hub.desk.last
    await minutes(hub, 28)
    assert await fires(hub) == []
    await minutes(hub)

    async def discarded() -> None:
        await hub.desk.db.write(waiting.discard, await hub.desk.who("lea"), item, now=hub.desk.now)

    return discarded


async def _exceptions(hub: Devices) -> Callable[[], Any]:
    item = await hub.desk.arrive("eve@evil.test", raw=b"broken")
    await hub.desk.db.write(door.exception, item, "no header", now=hub.desk.now)
    await minutes(hub, 9)
    assert await fires(hub) == []

    async def discarded() -> None:
        await hub.desk.db.write(waiting.discard, await hub.desk.who("lea"), item, now=hub.desk.now)

    return discarded


def _told(kind: str) -> Callable[[Devices], Any]:
    async def tell(hub: Devices) -> Callable[[], Any]:
        trouble = {f"{kind}:snmp": (kind, "2")}
        await hub.desk.db.write(hub_troubles.report, "here/1", trouble, now=hub.desk.now)

        async def well() -> None:
            await hub.desk.db.write(hub_troubles.report, "here/1", {}, now=hub.desk.now)

        return well

    return tell


async def _secret(hub: Devices) -> Callable[[], Any]:
    wanted = [source_secrets.Wanted(source="am", what="hmac.secret", where="env:NOBODY_SET_IT")]
    lacking = source_secrets.troubles(source_secrets.lacking(wanted))
    await hub.desk.db.write(hub_troubles.report, "here/1", lacking, now=hub.desk.now)
    await minutes(hub)
    assert await fires(hub) == [], "a file that is being written anew is not there for an instant"
    await hub.desk.db.write(hub_troubles.report, "here/1", lacking, now=hub.desk.now)

    async def well() -> None:
        await hub.desk.db.write(hub_troubles.report, "here/1", {}, now=hub.desk.now)

    return well


WRONG = {
    "hub:secret:am": _secret,
    "hub:held": _held,
    "hub:exceptions": _exceptions,
    "hub:way:snmp": _told(hub_troubles.WAY),
    "hub:lost:snmp": _told(hub_troubles.LOST),
    "hub:unread:am": _unread,
    "hub:dead": _dead,
    "hub:leaving:email": _leaving,
    "hub:part:email by support@mail.test/INBOX": _part,
    "hub:disk": _disk,
    "hub:left:desk@imap.test/INBOX": _left,
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


async def test_an_alarm_that_waits_a_moment_when_the_clock_is_set_back_waits_no_hour(hub):
    await minutes(hub)
    await hub.fires("sw-1")
    assert (await hub.alert("sw-1")).status == "held"
    before = hub.desk.now
    hub.desk.now -= timedelta(hours=1)
    await minutes(hub, 2)
    assert hub.desk.now < before
    assert (await hub.alert("sw-1")).status == "firing"
    assert "opened" in await hub.decisions("sw-1")
    await hub.sound()


async def test_a_storm_that_waits_a_moment_when_the_clock_is_set_back_is_one_request(hub):
    await minutes(hub)
    await hub.fires(*(f"ap-{n}" for n in range(12)), site="Verona")
    hub.desk.now -= timedelta(hours=1)
    await minutes(hub, 2)
    (ticket,) = await hub.tickets(merged=True)
    assert "storm" in ticket.flags
    assert len(await hub.desk.rows(tables.alert, ticket_id=ticket.id)) == 12
    await hub.sound()


async def _report(hub: Devices, found: dict[str, tuple[str, str]], by: str = "here/1") -> None:
    await hub.desk.db.write(hub_troubles.report, by, found, now=hub.desk.now)


UNSAID = source_secrets.troubles(
    source_secrets.lacking([source_secrets.Wanted(source="am", what="secret", where="env:NOBODY_SET_IT")])
)
DOWN = {"email by support@mail.test/INBOX": (hub_troubles.PART, "wrong password")}


async def test_what_two_processes_missed_once_each_was_not_missed_twice(hub):
    await _report(hub, UNSAID)
    hub.desk.now += timedelta(seconds=40)
    await _report(hub, UNSAID, by="there/1")
    await minutes(hub)
    assert await fires(hub) == []
    await _report(hub, UNSAID, by="there/1")
    await minutes(hub)
    assert await fires(hub) == ["hub:secret:am"]


@pytest.mark.parametrize("back", [timedelta(seconds=40), timedelta(minutes=5), timedelta(hours=3)])
async def test_what_does_not_work_while_the_clock_is_set_back_stays_one_alarm(hub, back):
    for _ in range(12):
        await _report(hub, UNSAID | DOWN)
        await minutes(hub)
    both = ["hub:part:email by support@mail.test/INBOX", "hub:secret:am"]
    assert await fires(hub) == both
    hub.desk.now -= back
    for _ in range(4):
        await minutes(hub)
        assert await fires(hub) == both
        await _report(hub, UNSAID | DOWN)
    assert [one.episode for one in await hub.desk.rows(tables.alert, source="hub")] == [1, 1]


async def test_what_a_process_that_is_gone_said_before_the_clock_was_set_back_is_forgotten(hub):
    for _ in range(12):
        await _report(hub, UNSAID | DOWN)
        await minutes(hub)
    hub.desk.now -= timedelta(hours=3)
    await minutes(hub, 5)
    assert await fires(hub) == []
    assert await hub.desk.rows(tables.hub_trouble) == []


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
    # A port or a mailbox that it holds for hours is no work that stands still.
    name = "lease:port:desk:0.0.0.0:snmp:162"
    await hub.desk.db.write(lanes.hold, shard=fixed_id(name), name=name, owner="hub", now=hub.desk.now)
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
@pytest.mark.parametrize(
    "kind",
    [
        *("unread", "lane", "dead", "leaving", "part", "disk", "intake_silent", "held", "exceptions"),
        *("way", "lost", "secret"),
    ],
)
def test_every_alarm_of_the_hub_says_what_to_do(kind, language):
    values = dict.fromkeys(
        ("source", "count", "crew", "minutes", "channel", "why", "name", "since", "way", "secrets"), "WORD"
    )
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
