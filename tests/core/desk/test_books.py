"""The books balance, or it is said exactly what does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import books, case, door, tickets
from core.ids import fixed_id
from core.store import tables
from tests.desk_at_work import AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    """A desk after a day's work: closed, solved, taken, held, unreadable and waiting."""
    desk = await at_work(db)
    await desk.closed()
    await desk.resolved("aldo@acme.test", html="<p>x</p>")
    number = await desk.qualified("gina@gamma.test")
    await desk.do(tickets.note, await desk.who("lea"), number, "nota")
    await desk.mail("eve@evil.test", own_refs=(await desk.ref(number),))
    await desk.mail("alice@acme.test", content_key="twice")
    await desk.mail("alice@acme.test", content_key="twice")
    await desk.db.write(door.exception, await desk.arrive("x@y.test"), "broken", now=desk.now)
    await desk.arrive("late@acme.test")
    return desk


async def faults(desk: AtWork) -> list[tuple[str, str]]:
    return [(fault.kind, fault.about) for fault in (await desk.db.read(books.verify)).faults]


async def spoil(desk: AtWork, act) -> list[str]:
    """The kinds of what is found after something was done to the rows behind the desk's back."""
    await desk.db.write(act)
    return [kind for kind, _ in await faults(desk)]


async def test_good_books_have_no_fault(desk):
    found = await desk.db.read(books.verify)

    assert found.faults == ()
    assert found.received == found.waiting + sum(found.outcomes.values()) == 8
    assert found.waiting == 1
    assert set(found.outcomes) == set(books.OUTCOMES)
    assert (found.tickets, found.blobs > 5, found.events > 30) == (4, True, True)


async def test_books_are_good_again_after_the_worker_and_the_clocks(desk):
    (waiting,) = await desk.rows(tables.inbound, outcome=None)
    await desk.understand(waiting.id, "late@acme.test")
    for days in (0, 1, 5):
        desk.passes(days=days)
        await desk.work()

    assert await faults(desk) == []


async def test_an_empty_desk_is_a_good_one(db):
    found = await db.read(books.verify)

    assert (found.received, found.tickets, found.faults) == (0, 0, ())


# --- Events ---


@pytest.mark.parametrize(
    "change",
    [{"actor": "agent:somebody"}, {"kind": "ticket.invented"}, {"data": {"to": "closed"}}, {"at": "earlier"}],
    ids=lambda change: next(iter(change)),
)
async def test_an_event_that_was_changed_is_found(desk, change):
    event = (await desk.rows(tables.event))[2]
    values = change if "at" not in change else {"at": event.at - timedelta(hours=1)}
    key = {"ticket_id": event.ticket_id, "seq": event.seq}

    await desk.db.write(lambda tx: tx.update(tables.event, key, **values))

    ((kind, about),) = await faults(desk)
    assert kind == "event chain"
    assert f"event {event.seq}" in about
    assert "was changed" in about
    assert about.startswith("26-"), "the ticket is named"


async def test_an_event_that_was_taken_out_is_found_wherever_it_was(desk):
    chain = await desk.rows(tables.event, "26-000001")

    def drop(tx, *rows):
        for row in rows:
            gone = tables.event.delete().where(
                tables.event.c.ticket_id == row.ticket_id, tables.event.c.seq == row.seq
            )
            tx.run(gone)

    await desk.db.write(drop, chain[-1])
    assert await faults(desk) == [
        ("event chain", f"26-000001: the ticket says {len(chain)} events, there are {len(chain) - 1}")
    ]
    await desk.db.write(drop, chain[3])
    assert await faults(desk) == [("event chain", "26-000001: event 4 is missing")]
    await desk.db.write(drop, *chain)
    assert await faults(desk) == [
        ("event chain", f"26-000001: the ticket says {len(chain)} events, there are 0")
    ]


async def test_a_chain_that_was_forged_as_a_whole_does_not_begin_right(desk):
    def forge(tx):
        of_tickets = tables.event.select().where(tables.event.c.kind == "ticket.opened")
        first = tx.all(of_tickets.order_by(tables.event.c.ticket_id))[0]
        row = first._asdict() | {"actor": "agent:nobody"}
        key = {"ticket_id": first.ticket_id, "seq": first.seq}
        tx.update(tables.event, key, actor="agent:nobody", hash=case.event_hash("", row))

    assert await spoil(desk, forge) == ["event chain"], "the second does not follow from it"


async def test_the_chain_of_administration_is_checked_too(desk):
    await desk.db.write(
        lambda tx: case.record(tx, case.ADMINISTRATION, "token.made", now=desk.now, actor="x")
    )
    assert await faults(desk) == []

    key = {"ticket_id": case.ADMINISTRATION, "kind": "token.made"}
    assert await spoil(desk, lambda tx: tx.update(tables.event, key, actor="y")) == ["event chain"]


# --- Bytes ---


async def test_bytes_that_changed_or_are_gone_are_found(desk):
    blobs = await desk.rows(tables.blob)
    name = (await desk.inbound()).raw

    for other in (b"other", b"\0other", b"\1other", b"\7other"):
        assert await spoil(desk, lambda tx: tx.update(tables.blob, {"name": name}, content=other)) == ["blob"]  # noqa: B023
    gone = tables.blob.delete().where(tables.blob.c.name == name)
    assert await spoil(desk, lambda tx: tx.run(gone)) == ["blob missing"]
    assert await spoil(desk, lambda tx: tx.run(tables.blob.delete())) == ["blob missing"] * min(
        len(blobs), books.WORST + 1
    )


# --- Rows that point into the void ---


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        (tables.message, "message without its ticket"),
        (tables.note, "note without its ticket"),
        (tables.delivery, "delivery without its ticket"),
        (tables.thread, "thread without its ticket"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_a_row_without_its_ticket_is_found(desk, table, kind):
    row = (await desk.rows(table))[-1]
    key = {"ticket_id": row.ticket_id, "id": row.id}

    found = await spoil(desk, lambda tx: tx.update(table, key, ticket_id=fixed_id("nowhere")))

    assert kind in found


async def test_a_ticket_that_is_gone_leaves_traces(desk):
    gone = tables.ticket.delete().where(tables.ticket.c.number == "26-000001")

    found = set(await spoil(desk, lambda tx: tx.run(gone)))

    assert {
        "inbound without its ticket",
        "message without its ticket",
        "delivery without its ticket",
    } <= found


async def test_an_outcome_without_its_message_or_of_no_known_kind_is_found(desk):
    row = (await desk.rows(tables.inbound, outcome="ticket"))[0]
    key = {"id": row.id}

    assert await spoil(desk, lambda tx: tx.update(tables.inbound, key, message_id=fixed_id("x"))) == [
        "inbound without its message"
    ]
    assert "unknown outcome" in await spoil(desk, lambda tx: tx.update(tables.inbound, key, outcome="eaten"))


async def test_a_duplicate_of_nothing_is_found(desk):
    (row,) = await desk.rows(tables.inbound, outcome="duplicate")

    found = await spoil(
        desk, lambda tx: tx.update(tables.inbound, {"id": row.id}, detail={"first": "nothing"})
    )

    assert found == ["duplicate of nothing"]


# --- Work that nobody will do ---


@pytest.mark.parametrize(
    ("job", "kind"),
    [
        ("understand", "inbound that nobody will understand"),
        ("send", "delivery that nobody will send"),
        ("auto-close", "solved ticket that nobody will close"),
        ("clocks", "running clock that nobody watches"),
    ],
)
async def test_a_promise_without_its_job_is_found(desk, job, kind):
    lost = tables.job.delete().where(tables.job.c.kind == job)

    assert set(await spoil(desk, lambda tx: tx.run(lost))) == {kind}


async def test_a_job_without_its_lane_is_found(desk):
    assert set(await spoil(desk, lambda tx: tx.run(tables.lane.delete()))) == {"job without its lane"}


async def test_work_that_failed_too_often_is_not_lost_staff_see_it(desk):
    def bury(tx):
        for row in tx.all(tables.job.select()):
            dead = {
                name: getattr(row, name)
                for name in ("shard", "id", "name", "kind", "payload", "attempt", "created_at")
            }
            tx.insert(tables.dead_job, **dead, died_at=desk.now, reason="too often")
        tx.run(tables.job.delete())

    assert await spoil(desk, bury) == []


async def test_of_many_alike_the_worst_are_listed(desk):
    def lose(tx):
        for n in range(books.WORST + 10):
            tx.insert(
                tables.thread, ticket_id=fixed_id(f"nowhere {n}"), id=fixed_id(f"thread {n}"), at=desk.now
            )

    assert await spoil(desk, lose) == ["thread without its ticket"] * books.WORST
