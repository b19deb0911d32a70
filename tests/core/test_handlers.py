"""What is stored is understood by the worker: read apart from the hub, tried twice, and then an exception staff see."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core import handlers
from core.desk import books, search, waiting
from core.envelope import Address
from core.isolation import Readers
from core.store import tables
from core.store.work import Job
from core.worker import Worker
from tests.desk_at_work import AtWork, at_work, not_drawing


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


@pytest.fixture
async def worker(desk) -> AsyncIterator[Worker]:
    """A worker with a real reading process; its messages are lines `sender|subject|text`."""
    readers = Readers(cpu_hard=1)
    todo = handlers.handlers(desk.db, [desk.channel], readers, clock=lambda: desk.now)
    yield Worker(desk.db, todo, owner="here", clock=lambda: desk.now)
    await readers.close()


async def sends(desk: AtWork) -> list[Job]:
    """The jobs that wait to be sent, as the worker is given them."""
    names = ("shard", "seq", "id", "kind", "payload", "due", "attempt", "created_at")
    found = await desk.rows(tables.job, kind="send")
    return [Job(lane=row.name, **{name: getattr(row, name) for name in names}) for row in found]


async def comes(desk: AtWork, line: str) -> str:
    return await desk.arrive(line.partition("|")[0], raw=line.encode())


async def test_a_stored_message_becomes_a_ticket_and_its_acknowledgement_leaves(desk, worker):
    inbound_id = await comes(desk, "alice@acme.test|Rete ferma|Non va.")

    await worker.drain()

    assert (await desk.inbound(inbound_id)).outcome == "ticket"
    assert [one.to.address for one in desk.channel.sent] == ["alice@acme.test"]
    assert await desk.rows(tables.job, kind="understand") == []


async def test_a_broken_message_stops_none_of_the_others(desk, worker):
    ids = [
        await comes(desk, line)
        for line in (
            "alice@acme.test|Uno|1",
            "alice@acme.test|unreadable|this",
            "alice@acme.test|bug|that",
            "aldo@acme.test|Due|2",
        )
    ]

    await worker.drain()

    outcomes = [(await desk.inbound(one)).outcome for one in ids]
    assert outcomes == ["ticket", "exception", "exception", "ticket"]
    told = [(await desk.inbound(one)).detail.get("error", "") for one in ids]
    assert told[1] == "unreadable: this cannot be read"
    assert told[2].startswith("the reader failed: ")
    assert await desk.rows(tables.dead_job) == [], "they are where staff look"
    assert (await desk.db.read(books.verify)).faults == ()


async def test_a_message_that_kills_its_reader_twice_waits_for_staff(desk, worker):
    inbound_id = await comes(desk, "eve@evil.test|die|x")

    await worker.drain()
    assert (await desk.inbound(inbound_id)).outcome is None, "it may have been somebody else's message"
    desk.passes(seconds=2)
    await worker.drain()

    assert (await desk.inbound(inbound_id)).outcome == "exception"
    (item,) = (await desk.db.read(search.inbound, await desk.who("tom"), outcome="exception")).items
    assert item.id == inbound_id


async def test_after_a_fix_staff_try_again_and_it_is_a_ticket_like_any_other(desk, worker):
    inbound_id = await comes(desk, "alice@acme.test|unreadable|x")
    await worker.drain()
    desk.channel.reader = "tests.fake_reader:read_at_last"

    await desk.do(waiting.retry, await desk.who("tom"), inbound_id)
    await worker.drain()

    assert (await desk.inbound(inbound_id)).outcome == "ticket"


async def test_what_came_by_a_channel_that_is_switched_off_is_an_exception_that_says_so(desk, worker):
    inbound_id = await desk.arrive("alice@acme.test", channel="pigeon")

    await worker.drain()

    row = await desk.inbound(inbound_id)
    assert row.outcome == "exception"
    assert "no channel here is called 'pigeon'" in row.detail["error"]


async def test_what_cannot_be_decided_is_tried_once_more_and_then_staff_see_it(desk, worker, monkeypatch):
    def cannot(*args, **named):
        raise LookupError("a row that is not there")

    monkeypatch.setattr(handlers.intake, "understand", cannot)
    inbound_id = await comes(desk, "alice@acme.test|Uno|1")

    await worker.drain()
    assert (await desk.inbound(inbound_id)).outcome is None
    desk.passes(seconds=6)
    await worker.drain()

    row = await desk.inbound(inbound_id)
    assert (row.outcome, row.detail["error"]) == ("exception", "LookupError: a row that is not there")


async def test_a_message_understood_meanwhile_is_left_alone(desk, worker):
    inbound_id = await comes(desk, "alice@acme.test|Uno|1")
    await desk.understand(inbound_id, "aldo@acme.test")

    await worker.drain()

    assert (await desk.inbound(inbound_id)).author == "aldo@acme.test"
    assert len(await desk.rows(tables.ticket)) == 1


async def test_what_the_other_side_took_is_not_sent_again_when_it_could_not_be_written_down(desk):
    sending = handlers.Sending(desk.db, {"email": desk.channel}, not_drawing(desk), clock=lambda: desk.now)
    number = (await desk.mail("alice@acme.test")).number
    (job,) = await sends(desk)

    await sending.prepare([job])  # the commit of what this changes is lost
    (effect,) = await sending.prepare([job])
    await desk.db.write(effect)

    assert len(desk.channel.sent) == 1
    assert [row.state for row in await desk.deliveries(number)] == ["sent"]


async def test_only_the_last_thousand_are_remembered(desk, monkeypatch):
    monkeypatch.setattr(handlers, "REMEMBERED", 1)
    sending = handlers.Sending(desk.db, {"email": desk.channel}, not_drawing(desk), clock=lambda: desk.now)
    for name in ("alice", "aldo"):
        await desk.mail(f"{name}@acme.test", cc=(Address("x@y.test"),))

    await sending.prepare(await sends(desk))

    assert len(sending._taken) == 1


async def test_a_send_that_never_ends_is_a_passing_failure(desk, worker, monkeypatch):
    monkeypatch.setattr(handlers, "SEND_TIMEOUT", 0.05)
    desk.channel.takes = 60.0
    number = (await desk.mail("alice@acme.test")).number

    await worker.drain()

    (row,) = await desk.deliveries(number)
    assert (row.state, row.error) == ("queued", "no answer within 0 s")
