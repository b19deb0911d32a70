"""Times of a visit on the telephone: who may hear them hears them and takes one by a key, as by a link or a button."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import visit_books, visits
from core.store import tables
from tests.core.desk.test_visits import GOING, rome
from tests.desk_at_work import PASSED
from tests.telephone import ALICE, BOB, PIN, STRANGER, Exchange, exchange, with_telephones


@pytest.fixture
async def line(db) -> Exchange:
    return await exchange(db, with_telephones(GOING))


async def _planned(line: Exchange) -> tuple[str, str]:
    number = await line.desk.taken(authentication=PASSED)
    return number, await line.desk.do(visits.plan, await line.desk.who("ann"), number, purpose="Lo switch")


async def _visit(line: Exchange, number: str):
    return (await line.desk.rows(tables.visit, number))[-1]


async def _sound(line: Exchange) -> None:
    assert await line.desk.db.read(lambda tx: list(visit_books.faults(tx, now=line.desk.now))) == []


async def test_a_time_is_taken_by_one_key(line):
    number, _ = await _planned(line)
    phone = await line.phone(ALICE).identified()
    assert (
        "Per lunedì 2 marzo alle 11:00, prema uno. Per lunedì 2 marzo alle 14:00, prema due. "
        "Per martedì 3 marzo alle 9:00, prema tre." in phone.last
    )

    await phone.press("2")

    assert "D'accordo, il tecnico viene lunedì 2 marzo alle 14:00." in phone.heard
    row = await _visit(line, number)
    assert (row.state, row.window_start) == ("confirmed", rome("2026-03-02T14:00"))
    assert await line.desk.rows(tables.visit_slot, number, state="offered") == []
    assert "Per lo stato delle Sue richieste" in phone.last, "the call goes on"
    call = await phone.hang_up()
    assert call.outcome == "informed", "nobody is owed a call"
    assert {one.how for one in await line.desk.rows(tables.ticket_call, number)} == {"heard"}
    await _sound(line)


async def test_the_words_are_english_for_who_chose_english(line):
    number, _ = await _planned(line)
    phone = await line.phone(STRANGER).dial()

    await phone.press("2", "1001", PIN, "1")

    assert any("For Monday 2 March at 11:00, press one." in words for words in phone.heard)
    assert "Agreed, the engineer comes on Monday 2 March at 11:00." in phone.heard
    assert (await _visit(line, number)).state == "confirmed"


async def test_without_the_pin_and_at_another_customer_nothing_of_a_visit_is_heard(line):
    number, _ = await _planned(line)
    silent = await line.phone(ALICE).dial()
    await silent.silence(2)
    bob = await line.phone(BOB).dial()
    await bob.press("889900")

    heard = " ".join((*silent.heard, *bob.heard))

    assert "tecnico" not in heard
    assert "engineer" not in heard
    assert len(await line.desk.rows(tables.visit_slot, number, state="offered")) == 3


async def test_a_key_without_a_time_takes_none_and_the_person_asked_for_has_the_request_at_hand(line):
    number, _ = await _planned(line)
    await line.signed_in("tom")
    phone = await line.phone(ALICE).identified()

    await phone.press("4")
    assert "non è tra quelli possibili" in " ".join(phone.heard)
    await phone.press("0")

    assert (await line.call(phone)).ticket_id == (await line.desk.ticket(number)).id
    assert (await _visit(line, number)).state == "proposed"


async def test_who_decides_later_hears_it_again_in_the_next_call_and_not_in_this_one(line):
    await _planned(line)
    phone = await line.phone(ALICE).identified()

    await phone.press("9")

    assert "Per lo stato delle Sue richieste" in phone.last
    assert "un nostro tecnico" in (await line.phone(ALICE).identified()).last


async def test_the_first_acceptance_wins_whoever_gives_it(line):
    number, visit = await _planned(line)
    phone = await line.phone(ALICE).identified()
    first, *_ = sorted(await line.desk.rows(tables.visit_slot, number), key=lambda row: row.slot_start)
    await line.desk.do(visits.choose, await line.desk.who("alice"), number, visit, first.id)

    await phone.press("2")

    assert "Nel frattempo la richiesta è cambiata." in phone.heard
    assert (await _visit(line, number)).window_start == first.slot_start
    await _sound(line)


async def test_a_hold_that_ended_while_they_thought_is_answered_with_new_times(line):
    number, visit = await _planned(line)
    line.desk.now += timedelta(hours=3, minutes=59)
    phone = await line.phone(ALICE).identified()
    line.desk.now += timedelta(minutes=2)

    await phone.press("1")

    assert "Questo orario non è più libero. Se ce ne sono altri, li sente ora." in phone.heard
    assert "Per lunedì 2 marzo alle 11:00" not in phone.last
    await phone.press("1")
    row = await _visit(line, number)
    assert (row.id, row.state) == (visit, "confirmed")
    assert row.window_start > line.desk.now
    await _sound(line)
