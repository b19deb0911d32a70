"""A source that should be heard and is not is an alarm, once; it is over when the source speaks again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from core.desk import alert_rows, alert_silence, door, source_states, waiting
from core.desk.alert_sources import OWN
from core.store import tables
from core.store.tx import Row
from tests.desk_at_work import put
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, alarm, devices


def _source(name: str, kind: str, **more: str) -> str:
    given = {
        "customer": "ACME",
        "technology": "Network",
        "request_type": "Incident",
        "secret": SECRET,
        "hold": "0s",
    } | more
    words = "".join(f'{key} = "{value}"\n' for key, value in given.items())
    return f'[[alert_sources]]\nname = "{name}"\nkind = "{kind}"\n{words}'


CALLS = _source("calls", "heartbeat", heartbeat="5m")
BEATING = (
    WITH_DEVICES
    + CALLS
    + _source("guarded", "alertmanager", heartbeat="5m", auto_close="10m", stable="10m")
    + _source("says-itself", "heartbeat")
)


@pytest.fixture
async def hub(db) -> Devices:
    return await devices(db, BEATING)


async def calls(hub: Devices, source: str = "calls", body: bytes = b"") -> None:
    await hub.posts(body, source=source)


async def state(hub: Devices, source: str = "calls") -> Row:
    (row,) = await hub.desk.rows(tables.source_state, name=source)
    return row


async def silence(hub: Devices, source: str = "calls") -> Row | None:
    return await hub.desk.db.read(alert_rows.one, alert_rows.identity(source, alert_rows.SILENT))


async def configured(hub: Devices, text: str) -> None:
    await hub.desk.db.write(put, text, now=hub.desk.now)


async def round_of(hub: Devices) -> Sequence[str]:
    """What the hub does once a minute about its sources."""
    names = await hub.desk.db.read(alert_silence.astray, now=hub.desk.now)
    for name in names:
        await hub.desk.db.write(alert_silence.check, name, now=hub.desk.now)
    return names


async def test_a_call_that_does_not_come_is_one_critical_alarm_that_ends_when_it_comes(hub):
    await calls(hub)
    await hub.passes(minutes=5)
    await calls(hub)
    await hub.passes(minutes=5, seconds=59)
    assert await silence(hub) is None

    await hub.passes(minutes=3)

    alert = await silence(hub)
    assert (alert.firing, alert.severity, alert.customer, alert.count) == (True, "critical", "ACME", 1)
    (ticket,) = await hub.tickets()
    assert "calls" in ticket.subject
    assert (await state(hub)).silent_since == ticket.received_at

    await calls(hub)
    assert not (await silence(hub)).firing
    assert (await state(hub)).silent_since is None
    await hub.passes(minutes=7)
    assert (await silence(hub)).episode == 2  # it called once, and is silent again
    assert len(await hub.tickets()) == 1
    await hub.sound()


async def test_a_source_that_was_never_heard_is_not_commissioned_and_no_ticket(hub):
    await hub.passes(hours=2)
    await round_of(hub)
    assert await hub.tickets() == []
    assert await hub.desk.rows(tables.source_state, name="calls") == []


async def test_the_last_voice_of_a_customer_is_p1_and_one_of_several_is_less(hub):
    await hub.fires("core-1", severity="info")
    await calls(hub)
    await hub.passes(minutes=7)
    (first,) = await hub.tickets()
    assert first.priority == "P2"  # somebody else speaks for Acme


async def test_nobody_speaks_for_the_customer_any_more(hub):
    await calls(hub)
    await hub.passes(minutes=7)
    (ticket,) = await hub.tickets()
    assert ticket.priority == "P1"


async def test_a_message_of_before_that_is_read_again_says_nothing_of_how_long_a_source_is_silent(hub):
    first = await hub.stores(b"", source="calls")
    await hub.desk.db.write(door.exception, first, "unreadable", now=hub.desk.now)
    for _ in range(3):
        await hub.passes(minutes=5)
        await calls(hub)
    last = hub.desk.now
    await hub.passes(minutes=1)

    await hub.desk.db.write(waiting.retry, await hub.desk.who("lea"), first, now=hub.desk.now)
    await hub.work()

    seen = await state(hub)
    assert (seen.received, seen.seen_at, seen.beat_at) == (4, last, last)
    assert await silence(hub) is None


async def test_the_end_of_the_alarm_that_always_fires_is_no_heartbeat(hub):
    for status in ("firing", "resolved"):
        body = {
            "alerts": [alarm("prom", status, at=hub.desk.now, alertname="Watchdog")],
            "groupLabels": {},
            "status": status,
        }
        await hub.posts(body, source="guarded")
        await hub.passes(minutes=4)
    assert (await silence(hub, "guarded")).firing


async def test_a_heartbeat_that_says_itself_when_the_next_one_comes_is_held_to_that(hub):
    await calls(hub, "says-itself", b'{"type": "heartbeat", "timeout": 120}')
    await hub.passes(minutes=2, seconds=50)
    assert await silence(hub, "says-itself") is None
    await hub.passes(seconds=20)
    assert (await silence(hub, "says-itself")).firing
    await calls(hub, "says-itself", b'{"type": "heartbeat", "timeout": 86400}')
    await hub.passes(hours=10)
    assert not (await silence(hub, "says-itself")).firing


async def test_what_a_silent_source_does_not_say_is_no_recovery_and_is_looked_at_when_it_speaks(hub):
    await hub.fires("core-1", source="guarded", severity="warning")
    await hub.ends("core-1", source="guarded", severity="warning")
    await hub.fires("srv-1", source="guarded", severity="warning")
    await hub.passes(minutes=30)  # it is silent after six; after ten core-1 would be solved, and srv-1 over
    assert (await hub.alert("srv-1", "guarded")).firing
    assert {row.state for row in await hub.tickets()} == {"assigned"}
    assert (await silence(hub, "guarded")).firing

    await hub.ends("srv-1", source="guarded", severity="warning")
    for _ in range(3):
        await hub.passes(minutes=4)
        await hub.ends("srv-1", source="guarded", severity="warning")

    assert not (await silence(hub, "guarded")).firing
    ended = {row.asset: row.state for row in await hub.tickets()}
    assert ended["srv-1"] == ended["core-1"] == "resolved"
    await hub.sound()


@pytest.mark.parametrize("now_it_says", ["", CALLS + "enabled = false\n"], ids=["removed", "switched off"])
async def test_the_silence_of_a_source_that_is_gone_is_over(hub, now_it_says):
    await calls(hub)
    await hub.passes(minutes=7)
    assert (await silence(hub)).firing

    await configured(hub, BEATING.replace(CALLS, now_it_says))

    assert await round_of(hub) == ["calls"]
    assert not (await silence(hub)).firing
    assert await round_of(hub) == []


async def test_a_heartbeat_that_is_asked_for_later_or_sooner_is_watched_from_the_next_round(hub):
    await configured(hub, BEATING.replace(CALLS, CALLS.replace("5m", "1d")))
    await calls(hub)
    await configured(hub, BEATING)
    await round_of(hub)
    await hub.passes(minutes=7)
    assert (await silence(hub)).firing


async def test_of_two_that_look_at_once_one_raises_the_alarm(hub):
    await calls(hub)
    hub.desk.now += timedelta(minutes=7)
    for _ in range(3):
        await hub.desk.db.write(alert_silence.check, "calls", now=hub.desk.now)
    assert (await silence(hub)).count == 1
    assert (await hub.desk.rows(tables.alert_decision, alert_id=(await silence(hub)).id))[0].kind == "begun"


async def test_a_clock_that_is_set_back_delays_no_alarm_by_more_than_one_wait(hub):
    await calls(hub)
    hub.desk.now -= timedelta(hours=1)
    await round_of(hub)
    await hub.passes(minutes=7)
    assert (await silence(hub)).firing


async def test_a_hub_that_was_away_gives_everybody_their_time_to_be_heard_again(hub):
    await calls(hub)
    await hub.desk.db.write(source_states.rounds, now=hub.desk.now)
    hub.desk.now += timedelta(hours=3)  # nobody was there

    await hub.work()

    assert await silence(hub) is None
    for _ in range(7):
        await hub.desk.db.write(source_states.rounds, now=hub.desk.now)
        await hub.passes(minutes=1)
    assert (await silence(hub)).firing


async def test_of_two_hubs_whose_clocks_differ_a_little_each_counts_as_there_and_alarms_are_raised(hub):
    begun = hub.desk.now
    await calls(hub)
    for _ in range(7):
        for behind in (0, 2):
            now = hub.desk.now - timedelta(seconds=behind)
            assert not await hub.desk.db.write(source_states.rounds, now=now), "nobody set a clock back"
        await hub.passes(minutes=1)
    assert (await state(hub, OWN)).rounds_since == begun
    assert (await silence(hub)).firing


async def test_a_clock_that_is_set_back_is_a_gap(hub):
    await hub.desk.db.write(source_states.rounds, now=hub.desk.now)
    hub.desk.now -= timedelta(minutes=5)
    assert await hub.desk.db.write(source_states.rounds, now=hub.desk.now)
    assert (await state(hub, OWN)).rounds_since == hub.desk.now


async def test_while_the_hub_does_not_hear_itself_it_calls_nobody_silent(hub):
    await calls(hub)
    await hub.desk.db.write(source_states.locked, OWN)
    await hub.desk.db.write(source_states.change, OWN, silent_since=hub.desk.now)
    await hub.passes(minutes=20)
    assert await silence(hub) is None
