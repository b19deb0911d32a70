"""The hub keeps its parts up, takes messages in, and stops in time without losing anything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.channel import DeliveryError, Unavailable
from core.common import Common
from core.desk import hub_troubles
from core.envelope import Arrival
from core.hub import AlreadyRunning, Hub, Service
from core.ids import fixed_id
from core.store import lanes, tables
from core.store.database import Database
from core.store.opening import open_database
from core.store.tx import Tx
from tests.fakes import FakeChannel


def a_mail(line: str = "alice@acme.test|Printer|It burns.", **facts: Any) -> Arrival:
    given = {"channel": "email", "raw": line.encode(), "received_at": datetime.now(UTC)}
    return Arrival(**{**given, "recipients": ("support@desk.test",), **facts})


@contextlib.asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(hub.run(signals=False))
    try:
        yield task
    finally:
        hub.stop()
        await task


async def until(question: Callable[[], Any], seconds: float = 10.0) -> Any:
    async with asyncio.timeout(seconds):
        while True:
            answer = question()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(0.02)


def inbound(tx: Tx) -> list[Any]:
    return tx.all(select(tables.inbound).order_by(tables.inbound.c.received_at))


def deliveries(tx: Tx) -> list[Any]:
    return tx.all(select(tables.delivery))


def attempts(tx: Tx) -> list[Any]:
    return tx.all(select(tables.delivery_attempt))


@pytest.fixture
def channel() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def hub(db: Database, channel: FakeChannel, tmp_path: Path) -> Hub:
    return Hub(db, data_dir=tmp_path / "data", channels=[channel])


async def test_a_message_handed_in_becomes_a_ticket_and_is_acknowledged(
    db: Database, hub: Hub, channel: FakeChannel
) -> None:
    async with running(hub):
        identity = await channel.receive(a_mail())
        (row,) = await until(lambda: _decided(db))
        await until(lambda: channel.sent)

    assert (row.id, row.outcome) == (identity, "ticket")
    assert channel.sent[0].to.address == "alice@acme.test"
    assert channel.sent[0].automatic
    assert [d.state for d in await db.read(deliveries)] == ["sent"]


async def _decided(db: Database) -> list[Any]:
    return [row for row in await db.read(inbound) if row.outcome]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("|unreadable|this", "unreadable: this cannot be read"),
        ("|bug|here", "the reader failed: KeyError: 'here'"),
        ("|die|", "the reading process died over this message"),
    ],
)
async def test_what_cannot_be_read_is_an_exception_item_and_the_next_is_a_ticket(
    db: Database, hub: Hub, channel: FakeChannel, line: str, reason: str
) -> None:
    async with running(hub):
        bad = await channel.receive(a_mail(line))
        good = await channel.receive(a_mail())
        rows = {row.id: row for row in await until(lambda: _two_decided(db))}

    assert rows[good].outcome == "ticket"
    assert rows[bad].outcome == "exception"
    assert rows[bad].open
    assert rows[bad].detail == {"error": reason}
    assert await db.read(lambda tx: tx.all(select(tables.dead_job))) == []


async def _two_decided(db: Database) -> list[Any]:
    rows = await _decided(db)
    return rows if len(rows) == 2 else []


async def test_a_passing_failure_to_send_is_tried_again_later(
    db: Database, hub: Hub, channel: FakeChannel
) -> None:
    channel.fails_with = DeliveryError("greylisted")
    async with running(hub):
        await channel.receive(a_mail())
        await until(lambda: db.read(attempts))

    (delivery,) = await db.read(deliveries)
    assert (delivery.state, delivery.error) == ("queued", "greylisted")
    (job,) = await db.read(lambda tx: tx.all(select(tables.job).where(tables.job.c.kind == "send")))
    assert job.attempt == 1
    assert 50 < (job.due - datetime.now(UTC)).total_seconds() <= 60


async def test_a_permanent_failure_to_send_is_given_up_and_shown(
    db: Database, hub: Hub, channel: FakeChannel
) -> None:
    channel.fails_with = DeliveryError("no such mailbox", permanent=True)
    async with running(hub):
        await channel.receive(a_mail())
        await until(lambda: db.read(attempts))

    assert [d.state for d in await db.read(deliveries)] == ["given_up"]
    (ticket,) = await db.read(lambda tx: tx.all(select(tables.ticket)))
    assert "undelivered" in ticket.flags
    assert channel.tries == 1


async def test_a_bug_in_a_channel_is_a_failed_try_not_a_lost_delivery(
    db: Database, hub: Hub, channel: FakeChannel
) -> None:
    channel.fails_with = RuntimeError("oops")
    async with running(hub):
        await channel.receive(a_mail())
        await until(lambda: db.read(attempts))

    assert [(d.state, d.error) for d in await db.read(deliveries)] == [("queued", "RuntimeError: oops")]


async def test_a_channel_that_falls_over_is_started_again_and_takes_nobody_down(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.hub.FIRST_WAIT", 0.05)
    broken, fine = FakeChannel(name="chat", breaks_with=OSError("no route")), FakeChannel()
    hub = Hub(db, data_dir=tmp_path / "data", channels=[broken, fine])
    async with running(hub):
        await until(lambda: broken.starts >= 3)
        assert fine.starts == 1
        assert await hub.ready() == ("chat is down: OSError: no route",)
        broken.breaks_with = None
        await until(broken.running.is_set)
        await until(lambda: _is_ready(hub))


async def _is_ready(hub: Hub) -> bool:
    return await hub.ready() == ()


async def test_a_service_is_kept_up_like_a_channel(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.hub.FIRST_WAIT", 0.02)
    starts = []

    async def serve() -> None:
        starts.append(1)
        if len(starts) < 3:
            raise OSError("port in use")
        await asyncio.Event().wait()

    hub = Hub(db, data_dir=tmp_path / "data", services=[Service(name="web", run=serve)])
    async with running(hub):
        await until(lambda: len(starts) == 3)
        await until(lambda: _is_ready(hub))


async def test_who_hangs_up_does_not_undo_the_storing(db: Database, hub: Hub, channel: FakeChannel) -> None:
    async with running(hub):
        await channel.running.wait()
        handing_in = asyncio.create_task(channel.receive(a_mail()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        handing_in.cancel()
        await asyncio.gather(handing_in, return_exceptions=True)
        await until(lambda: db.read(inbound))


async def test_without_room_on_the_disk_nothing_is_taken_in(
    db: Database, channel: FakeChannel, tmp_path: Path
) -> None:
    hub = Hub(db, data_dir=tmp_path / "data", channels=[channel], full=lambda: "the disk is full")
    async with running(hub):
        with pytest.raises(Unavailable, match="the disk is full"):
            await channel.receive(a_mail())
        assert any("the disk is full" in reason for reason in await hub.ready())

    assert await db.read(inbound) == []


async def test_a_closed_database_refuses_at_the_door(db: Database, hub: Hub, channel: FakeChannel) -> None:
    async with running(hub):
        await channel.running.wait()
        db.close()
        with pytest.raises(Unavailable):
            await channel.receive(a_mail())


async def test_a_second_hub_on_the_same_file_is_refused_with_who_has_it(
    sqlite_url: str, tmp_path: Path, facts: Any
) -> None:
    from core.store.opening import open_database

    db = open_database(sqlite_url, facts)
    hub = Hub(db, data_dir=tmp_path / "data")
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        Hub(db, data_dir=tmp_path / "data")
    async with running(hub):
        pass
    async with running(Hub(db, data_dir=tmp_path / "data")):
        pass
    db.close()


async def test_leases_of_a_hub_that_was_killed_are_free_at_the_next_start(
    db: Database, channel: FakeChannel, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    killed = Hub(db, data_dir=data_dir, channels=[channel])
    await HubDoorOf(killed).accept(a_mail())
    claims = await db.write(
        lanes.claim, crew="intake", owner=killed.worker._owner, now=datetime.now(UTC), most=10
    )
    assert claims
    killed._lock.give_back()  # what the end of a process does

    async with running(Hub(db, data_dir=data_dir, channels=[channel])):
        await until(lambda: _decided(db), seconds=5)


def HubDoorOf(hub: Hub) -> Any:
    return hub.door


async def test_sigterm_stops_the_hub_with_what_was_in_hand_done(
    db: Database, hub: Hub, channel: FakeChannel
) -> None:
    channel.takes = 0.5
    task = asyncio.create_task(hub.run())
    await channel.receive(a_mail())
    await until(lambda: channel.tries)

    started = asyncio.get_running_loop().time()
    os.kill(os.getpid(), signal.SIGTERM)
    await task

    assert asyncio.get_running_loop().time() - started < 10
    assert len(channel.sent) == 1
    assert [d.state for d in await db.read(deliveries)] == ["sent"]
    assert not [t for t in threading.enumerate() if t.name.startswith("reader-process")]


async def test_each_process_of_a_hub_tells_of_another_that_is_not_well_or_silent(
    db: Database, channel: FakeChannel, tmp_path: Path
) -> None:
    common = Common(3)
    common.number = 2
    common.board.post(well=False, jobs=0)
    common.number = 1
    hub = Hub(db, data_dir=tmp_path / "data", channels=[channel], common=common)
    others = ("process 2 is not well", "process 3 gives no sign of life")

    async with running(hub):
        await until(lambda: common.board.posted()[0].well)
        told = await until(lambda: _said(hub, others))

    assert told == others


async def _said(hub: Hub, reasons: tuple[str, ...]) -> tuple[str, ...]:
    told = await hub.ready()
    return told if told == reasons else ()


@pytest.mark.postgres
async def test_what_a_killed_process_had_in_hand_is_free_when_it_is_started_again(
    postgres_url: str, tmp_path: Path
) -> None:
    db = open_database(postgres_url, connections=3)
    held = {"shard": fixed_id("work"), "name": "work", "now": datetime.now(UTC), "lease": timedelta(hours=1)}
    try:
        for number in (1, 2):
            common = Common(2)
            common.number = number
            killed = Hub(db, data_dir=tmp_path, common=common)
            claim = await db.write(lanes.hold, owner=killed.worker._owner, **held)
            assert claim is not None
            killed._lock.give_back()  # as its end does

            async with running(Hub(db, data_dir=tmp_path, common=common)):
                again = await until(lambda: db.write(lanes.hold, owner="another", **held))

            await db.write(lanes.let_go, again)
    finally:
        db.close()


async def test_a_hub_that_just_started_is_ready_within_a_second_or_two(hub: Hub) -> None:
    async with running(hub):
        await until(lambda: _is_ready(hub), seconds=2)

    assert "the hub is stopping" in await hub.ready()


async def test_each_process_tells_what_does_not_work_in_it_until_it_works(
    db: Database, hub: Hub, channel: FakeChannel
) -> None:
    async with running(hub):
        channel.down = {"the mailbox": "wrong password"}
        assert await hub.report() == 1
        (told,) = await db.read(hub_troubles.standing, now=datetime.now(UTC))
        assert (told.kind, told.name, told.why) == ("part", "email by the mailbox", "wrong password")
        since = told.since

        assert await hub.report() == 1
        (told,) = await db.read(hub_troubles.standing, now=datetime.now(UTC))
        assert told.since == since
        assert await db.read(hub_troubles.standing, now=datetime.now(UTC) + hub_troubles.FORGOTTEN) == []

        channel.down.clear()
        assert await hub.report() == 0
        assert await db.read(hub_troubles.standing, now=datetime.now(UTC)) == []


async def test_a_mailbox_that_cannot_be_read_is_on_record_within_moments(
    db: Database, hub: Hub, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.hub.LOOK_EVERY", 0.05)

    async def told() -> list[str]:
        return [one.name for one in await db.read(hub_troubles.standing, now=datetime.now(UTC))]

    async def nothing() -> bool:
        return await told() == []

    async with running(hub):
        channel.down = {"the mailbox": "wrong password"}
        assert await until(told) == ["email by the mailbox"]
        channel.down = {}
        await until(nothing)


async def test_what_does_not_work_yet_after_a_restart_stands_since_it_began(
    db: Database, hub: Hub, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a mailbox does not answer is known later than the first look: its alarm did not end meanwhile, nor begin anew."""
    monkeypatch.setattr("core.hub.LOOK_EVERY", 0.05)
    monkeypatch.setattr("core.hub.REPORT_EVERY", 1.0)
    began = datetime.now(UTC) - timedelta(hours=1)
    last_run = {f"{what}email by {name}": ("part", "?") for what in ("", "left:") for name in ("a", "b")}
    for now in (began, datetime.now(UTC)):
        await db.write(hub_troubles.report, hub._reporter, last_run, now=now)

    async def told() -> dict[str, datetime]:
        return {one.name: one.since for one in await db.read(hub_troubles.standing, now=datetime.now(UTC))}

    async with running(hub):
        channel.down = {"c": "wrong password"}
        await until(lambda: _has(told, "email by c"))
        before = await told()
        assert before.keys() == {*last_run, "email by c"}
        channel.down = {"a": "no answer"}
        await until(lambda: _lacks(told, "email by c"))
        await until(lambda: _lacks(told, "email by b"), seconds=20)
        after = await told()
    assert after == {"email by a": before["email by a"]}, "what is well has ended, what is not goes on"


async def _has(told: Callable[[], Awaitable[Container[str]]], name: str) -> bool:
    return name in await told()


async def _lacks(told: Callable[[], Awaitable[Container[str]]], name: str) -> bool:
    return name not in await told()


async def test_messages_that_stay_in_a_mailbox_are_told_and_the_hub_is_ready_all_the_same(
    db: Database, hub: Hub, channel: FakeChannel
) -> None:
    async with running(hub):
        await until(lambda: _is_ready(hub), seconds=20)
        channel.left = {"desk@imap.test/INBOX": "large:1"}
        assert await hub.report() == 1
        (told,) = await db.read(hub_troubles.standing, now=datetime.now(UTC))
        assert (told.kind, told.name) == ("left", "left:desk@imap.test/INBOX")
        assert told.why == "large:1"
        assert await hub.ready() == ()


async def test_a_disk_that_is_nearly_full_is_told_too(db: Database, tmp_path: Path) -> None:
    hub = Hub(db, data_dir=tmp_path / "data", low=lambda: "the disk is nearly full")
    async with running(hub):
        await hub.report()
        (told,) = await db.read(hub_troubles.standing, now=datetime.now(UTC))
    assert (told.kind, told.why) == ("disk", "the disk is nearly full")
