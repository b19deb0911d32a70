"""Recordings are kept as long as the customer lets us, and not an hour longer; one that never comes is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.desk import books, call_desk, page, sounds
from core.desk.errors import NotFound
from core.handlers import handlers
from core.isolation import Readers
from core.store import blobs, schedules, tables
from core.worker import Worker
from tests.telephone import ALICE, WITH_TELEPHONES, WORDS, Exchange, Telephone, exchange


@pytest.fixture
async def line(db) -> Exchange:
    return await exchange(db)


async def recorded(line: Exchange, audio=WORDS) -> Telephone:
    phone = await line.phone(ALICE).identified()
    await phone.press("2", "1", "1", "3")
    await phone.speak(audio)
    await phone.hang_up(seconds=40)
    return phone


async def an_hour_comes(line: Exchange) -> None:
    """The schedule makes a job, the worker does it."""
    db = line.desk.db
    await db.write(schedules.ensure, sounds.HOURLY, now=line.desk.now)
    line.desk.passes(hours=1)
    await db.write(schedules.tick, now=line.desk.now)
    todo = handlers(db, [line.desk.channel], Readers(), clock=lambda: line.desk.now)
    await Worker(db, todo, owner="here", clock=lambda: line.desk.now).drain()


async def state(line: Exchange) -> str:
    (row,) = await line.desk.rows(tables.recording)
    return row.state


async def kinds(line: Exchange) -> list[str]:
    (ticket, *_) = await line.desk.rows(tables.ticket)
    return [row.kind for row in await line.desk.events(ticket.number, "recording.")]


async def faults(line: Exchange) -> list[str]:
    found = await line.desk.db.read(books.verify, now=line.desk.now)
    return [fault.kind for fault in found.faults]


async def test_at_the_end_of_its_time_a_recording_is_gone_with_its_file_and_its_bytes(line):
    phone = await recorded(line)
    (row,) = await line.desk.rows(tables.recording)
    (ticket,) = await line.desk.rows(tables.ticket)
    tom = await line.desk.who("tom")

    line.desk.passes(days=89)
    await an_hour_comes(line)
    assert await state(line) == "stored"
    line.desk.passes(days=1)
    await an_hour_comes(line)

    assert await state(line) == "deleted"
    assert await line.desk.rows(tables.attachment) == []
    assert await line.desk.db.read(blobs.size, row.blob) is None
    assert await kinds(line) == ["recording.deleted"]
    with pytest.raises(NotFound):
        await line.desk.db.read(call_desk.sound, tom, phone.answer.call, row.seq)
    shown = await line.desk.db.read(page.ticket, tom, ticket.number, now=line.desk.now)
    assert [one.state for one in shown.calls[0].recordings] == ["deleted"]
    assert [one.files for one in shown.messages if one.channel == "phone"] == [()]
    assert await faults(line) == []


async def test_each_customer_says_how_long(db):
    short = WITH_TELEPHONES.replace('code = "ACME"', 'code = "ACME"\nkeep_recordings = 7')
    line = await exchange(db, short)
    await recorded(line)

    line.desk.passes(days=8)
    await an_hour_comes(line)

    assert await state(line) == "deleted"


async def test_bytes_that_something_else_names_stay(line):
    await recorded(line)
    (row,) = await line.desk.rows(tables.recording)
    (ticket,) = await line.desk.rows(tables.ticket)
    (file,) = await line.desk.rows(tables.attachment)
    other = {name: value for name, value in file._asdict().items() if name != "id"}
    kept = "01890000-0000-7000-8000-000000000001"  # Alice mailed the same file on the same day
    await line.desk.db.write(lambda tx: tx.insert(tables.attachment, id=kept, **other))

    line.desk.passes(days=91)
    await an_hour_comes(line)

    assert await state(line) == "deleted"
    assert await line.desk.db.read(blobs.get, row.blob) == WORDS.content
    assert [one.id for one in await line.desk.rows(tables.attachment, ticket.number)] == [kept]
    assert await faults(line) == []


async def test_a_recording_that_does_not_come_within_a_day_is_missing_and_comes_late_all_the_same(line):
    phone = await recorded(line, audio=None)
    assert await state(line) == "expected"
    (row,) = await line.desk.rows(tables.recording)

    line.desk.passes(hours=22)
    await an_hour_comes(line)
    assert await state(line) == "expected"
    line.desk.passes(hours=2)
    await an_hour_comes(line)
    assert (await state(line), await kinds(line)) == ("missing", ["recording.missing"])

    await line.board.recorded(phone.answer.call, row.seq, WORDS)

    assert await state(line) == "stored"
    assert len(await line.desk.rows(tables.attachment)) == 1
    assert await faults(line) == []


async def test_what_an_engine_made_of_it_is_a_suggestion_to_staff_and_goes_with_the_sound(line):
    await recorded(line, replace(WORDS, words="  La rete è ferma. ", engine="whisper base"))
    (ticket,) = await line.desk.rows(tables.ticket)

    async def told(name: str) -> list[tuple[str, str]]:
        found = await line.desk.db.read(call_desk.calls_of_ticket, await line.desk.who(name), ticket.number)
        return [(one.transcript, one.engine) for one in found[0].recordings]

    assert await told("tom") == [("La rete è ferma.", "whisper base")]
    assert await told("alice") == [("", "")]
    line.desk.passes(days=91)
    await an_hour_comes(line)
    assert await told("tom") == [("", "")]


# --- The books ---


async def test_books_with_calls_balance_and_say_what_does_not(line):
    phone = await recorded(line)
    call = phone.answer.call
    assert await faults(line) == []

    async def spoilt(table, key, **values):
        (row,) = [
            one for one in await line.desk.rows(table) if all(getattr(one, k) == v for k, v in key.items())
        ]
        before = {name: getattr(row, name) for name in values}
        await line.desk.db.write(lambda tx: tx.update(table, key, **values))
        found = await faults(line)
        await line.desk.db.write(
            lambda tx: tx.update(table, {k: values.get(k, v) for k, v in key.items()}, **before)
        )
        return found

    nowhere = "01890000-0000-7000-8000-0000000000ff"
    assert await spoilt(tables.call, {"id": call}, outcome="") == ["call that is over without an outcome"]
    assert await spoilt(tables.call, {"id": call}, phase="queue") == ["call with an outcome before its end"]
    assert await spoilt(tables.recording, {"call_id": call}, call_id=nowhere) == ["recording of no call"]
    assert await spoilt(tables.ticket_call, {"call_id": call}, call_id=nowhere) == [
        "ticket with a call that is not there"
    ]
    assert await faults(line) == []


async def test_a_call_that_lives_for_days_is_a_fault(line):
    await line.phone(ALICE).dial()
    assert await faults(line) == []

    line.desk.passes(days=2)

    assert "call that never ends" in await faults(line)
