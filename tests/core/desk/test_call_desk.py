"""Calls in the inbox: who sees that somebody rings, who takes them, what they are about, and what is told of them later."""

from __future__ import annotations

import pytest

from core.calling import SECRET
from core.desk import call_desk, counts
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.store import tables
from tests.telephone import ALDO, ALICE, PIN, STRANGER, Exchange, Telephone, exchange


@pytest.fixture
async def line(db) -> Exchange:
    return await exchange(db)


async def sees(line: Exchange, name: str) -> tuple[call_desk.LiveView, ...]:
    return await line.desk.db.read(call_desk.live, await line.desk.who(name), now=line.desk.now)


async def act(line: Exchange, verb, name: str, *words: object, **fields: object):
    return await line.desk.db.write(verb, await line.desk.who(name), *words, now=line.desk.now, **fields)


async def in_line(line: Exchange, caller: str = ALICE, *, on: str = "softphone") -> Telephone:
    """Alice, proved, about the network, waits for somebody."""
    phone = await line.phone(caller, line=on).identified()
    await phone.press("2", "1", "1", "3")
    await phone.speak()
    await phone.press("0")
    return phone


async def talking(line: Exchange, name: str = "tom", **kind: str) -> Telephone:
    await line.signed_in(name)
    phone = await line.phone(ALICE, line="softphone").identified()
    await phone.press("0")
    assert await act(line, call_desk.answer, name, phone.answer.call) == "bridged"
    return phone


# --- Who rings ---


async def test_staff_see_who_waits_with_what_is_open_the_persons_own_first(line):
    of_colleague = await line.desk.taken("aldo@acme.test")
    own = await line.desk.taken()
    await line.desk.taken("gina@gamma.test")
    await line.signed_in("tom")
    phone = await line.phone(ALICE).identified()
    await phone.press("0")

    (seen,) = await sees(line, "tom")

    assert (seen.caller, seen.customer_name, seen.contact_name) == (ALICE, "Acme S.p.A.", "Alice")
    assert (seen.phase, seen.proved, seen.may_answer, seen.offer) == ("queue", True, True, None)
    assert [(one.number, one.own) for one in seen.tickets] == [(own, True), (of_colleague, False)]
    await phone.wait()
    (rung,) = await sees(line, "tom")
    assert rung.offer
    assert rung.rung == ("Tom",)
    line.desk.passes(minutes=1)
    assert (await sees(line, "tom"))[0].offer is None, "what rang too long rings no more"
    await phone.hang_up()
    assert await sees(line, "tom") == ()


async def test_a_technician_sees_calls_of_their_groups_and_those_offered_to_them_and_no_whole_number_before(
    line,
):
    await line.signed_in("ann")
    phone = await line.phone(ALICE).dial()
    assert await sees(line, "ann") == ()
    assert len(await sees(line, "tom")) == 1

    await phone.press(PIN, "2", "1", "1", "3")
    await phone.speak()
    await phone.press("0")
    (seen,) = await sees(line, "ann")
    assert (seen.group, seen.caller) == ("Network L1", "+39 ••• 01")
    await phone.wait()

    (rung,) = await sees(line, "ann")
    assert (rung.caller, bool(rung.offer)) == (ALICE, True)
    assert (rung.technology, rung.request_type) == ("Network", "Incident")


async def test_a_contact_sees_no_call_and_does_nothing_with_one(line):
    phone = await talking(line)

    assert await sees(line, "alice") == ()
    for verb, words in (
        (call_desk.answer, (phone.answer.call,)),
        (call_desk.this_is, (phone.answer.call, "26-000001")),
        (call_desk.new_request, (phone.answer.call,)),
        (call_desk.pause, (True,)),
    ):
        with pytest.raises((Forbidden, NotFound)):
            await act(line, verb, "alice", *words)


# --- Take it, or leave it ---


async def test_on_the_line_of_practice_a_call_is_taken_in_the_inbox(line):
    phone = await talking(line)

    waiting = await phone.wait(seconds=1)
    assert waiting.bridged
    (seen,) = await sees(line, "tom")
    assert (seen.mine, seen.phase, seen.agent_name, seen.may_answer) == (True, "bridged", "Tom", False)
    assert await act(line, call_desk.answer, "tom", phone.answer.call) == "bridged", "twice is once"
    with pytest.raises(Refused, match="quicker"):
        await act(line, call_desk.answer, "lea", phone.answer.call)
    assert (await phone.hang_up(minutes=2)).outcome == "spoke"
    with pytest.raises(Refused, match="hung up"):
        await act(line, call_desk.answer, "lea", phone.answer.call)


async def test_on_any_other_line_the_telephone_of_whoever_takes_it_rings_next(line):
    await line.signed_in("ann", "tom")
    phone = await in_line(line, on="twilio")
    (first,) = (await phone.wait()).ring
    assert first.name == "Ann"

    assert await act(line, call_desk.answer, "tom", phone.answer.call) == "ringing"
    assert await act(line, call_desk.answer, "tom", phone.answer.call) == "ringing", "one offer, not two"
    (second,) = (await phone.wait(seconds=2)).ring

    assert (second.name, second.address) == ("Tom", "+390110000001")
    assert (await line.board.operator(second.offer, "accepted")).connect
    (seen,) = await sees(line, "tom")
    assert seen.mine


async def test_whoever_has_no_telephone_is_told_what_to_do(line):
    await line.signed_in("tom")
    phone = await line.phone(ALICE).identified()
    await phone.press("0")

    with pytest.raises(Refused, match="desk configuration"):
        await act(line, call_desk.answer, "lea", phone.answer.call)


async def test_who_speaks_with_somebody_takes_nobody_else(line):
    await talking(line)
    other = await line.phone(ALDO, line="softphone").dial()
    await other.press("0")

    with pytest.raises(Refused, match="in conversation"):
        await act(line, call_desk.answer, "tom", other.answer.call)


async def test_who_declines_gives_way_and_their_telephone_stops(line):
    await line.signed_in("ann", "tom")
    phone = await in_line(line, on="twilio")
    (leg,) = (await phone.wait()).ring
    with pytest.raises(NotFound):
        await act(line, call_desk.decline, "tom", leg.offer)

    await act(line, call_desk.decline, "ann", leg.offer)
    waiting = await phone.wait(seconds=2)

    assert leg.offer in waiting.stop
    assert [one.name for one in waiting.ring] == ["Tom"]


async def test_who_takes_no_calls_is_not_rung_until_they_say_so(line):
    await line.signed_in("tom")
    await act(line, call_desk.pause, "tom", True)
    assert await line.desk.db.read(call_desk.paused, await line.desk.who("tom"))
    phone = await line.phone(ALICE).identified()
    await phone.press("0")
    assert "nessuno può rispondere" in " ".join(phone.heard)

    await act(line, call_desk.pause, "tom", False)

    other = await line.phone(ALDO).dial()
    await other.press("0")
    assert len((await other.wait()).ring) == 1


# --- What it is about ---


async def test_a_call_becomes_a_conversation_of_the_ticket_it_is_about_once(line):
    number = await line.desk.taken()
    phone = await talking(line)

    assert await act(line, call_desk.this_is, "tom", phone.answer.call, number) == number
    await act(line, call_desk.this_is, "tom", phone.answer.call, number)
    other = await line.desk.taken("aldo@acme.test")
    with pytest.raises(Refused, match=number):
        await act(line, call_desk.this_is, "tom", phone.answer.call, other)
    await phone.hang_up(minutes=3)

    threads = await line.desk.rows(tables.thread, number)
    assert sorted(one.channel for one in threads) == ["email", "phone"]
    said = [one for one in await line.desk.rows(tables.message, number) if one.channel == "phone"]
    assert len(said) == 1
    assert [one.kind for one in await line.desk.events(number, "call.")] == ["call.spoke"]
    (belongs,) = await line.desk.rows(tables.ticket_call, number)
    assert belongs.call_id == phone.answer.call
    assert len(await line.desk.rows(tables.ticket)) == 2, "no third ticket came of it"


async def test_a_call_about_something_new_opens_a_request_with_what_staff_heard(line):
    phone = await talking(line)
    fields = {"request_type": "Incident", "technology": "Network", "impact": 3, "urgency": 2}

    number = await act(line, call_desk.new_request, "tom", phone.answer.call, **fields)
    assert await act(line, call_desk.new_request, "tom", phone.answer.call, **fields) == number
    await phone.hang_up(minutes=3)

    ticket = await line.desk.ticket(number)
    assert (ticket.customer, ticket.technology, ticket.desk_group) == ("ACME", "Network", "Network L1")
    assert ticket.assignee == (await line.desk.who("tom")).id
    assert len(await line.desk.rows(tables.ticket)) == 1
    assert (await line.desk.clocks(number))["response"].state == "met"


async def test_what_the_desk_does_not_know_opens_nothing(line):
    phone = await talking(line)

    with pytest.raises(Invalid, match="Bridges"):
        await act(line, call_desk.new_request, "tom", phone.answer.call, technology="Bridges")

    assert await line.desk.rows(tables.ticket) == []


async def test_who_does_not_lead_a_call_does_not_say_what_it_is_about(line):
    number = await line.desk.taken()
    phone = await talking(line)

    with pytest.raises(Forbidden):
        await act(line, call_desk.this_is, "lea", phone.answer.call, number)
    with pytest.raises(NotFound):
        await act(line, call_desk.this_is, "ann", phone.answer.call, number)
    await phone.hang_up(minutes=1)
    with pytest.raises(Refused):
        await act(line, call_desk.this_is, "tom", phone.answer.call, number)


# --- What is told later ---


async def test_a_ticket_tells_its_calls_with_keys_by_name_and_never_a_secret(line):
    phone = await line.phone(STRANGER).dial()
    await phone.press("2", "1001", PIN, "2", "1", "1", "3")
    await phone.speak()
    await phone.hang_up(seconds=40)
    (ticket,) = await line.desk.rows(tables.ticket)

    (call,) = await line.desk.db.read(call_desk.calls_of_ticket, await line.desk.who("tom"), ticket.number)

    keys = {one.node: one for one in call.entries if one.event == "digits"}
    assert (keys["pin"].keys, keys["pin"].to) == (SECRET * 6, "")
    assert PIN not in repr(call)
    assert (keys["main"].keys, keys["main"].to) == ("2", "types")
    assert (keys["ask_type"].meaning, keys["ask_technology"].meaning) == ("Incident", "Network")
    assert keys["impact"].sets == {"impact": "3", "urgency": "3"}
    assert "new request" in keys["main"].asked
    assert (call.outcome, call.how, call.direction, call.lasted) == ("recorded", "opened", "in", 40)
    (sound,) = call.recordings
    assert (sound.state, sound.seconds, sound.seq) == ("stored", 7.5, call.entries[-1].seq - 1)
    heard, content = await line.desk.db.read(call_desk.sound, await line.desk.who("tom"), call.id, sound.seq)
    assert (heard.type, content[:4]) == ("audio/wav", b"RIFF")


async def test_a_contact_learns_that_they_called_hears_their_own_message_and_nothing_of_the_inside(line):
    phone = await line.phone(ALICE).identified()
    await phone.press("2", "1", "1", "3")
    await phone.speak()
    await phone.hang_up(seconds=40)
    (ticket,) = await line.desk.rows(tables.ticket)
    alice, aldo = await line.desk.who("alice"), await line.desk.who("aldo")

    (call,) = await line.desk.db.read(call_desk.calls_of_ticket, alice, ticket.number)

    assert (call.caller, call.line, call.entries, call.trust, call.cause) == ("", "", (), "", "")
    (sound,) = call.recordings
    _, content = await line.desk.db.read(call_desk.sound, alice, call.id, sound.seq)
    assert content.startswith(b"RIFF")
    with pytest.raises(NotFound):
        await line.desk.db.read(call_desk.sound, aldo, call.id, sound.seq)
    with pytest.raises(NotFound):
        await line.desk.db.read(call_desk.one, aldo, call.id)
    assert (await line.desk.db.read(call_desk.log, aldo)).items == ()
    assert [one.id for one in (await line.desk.db.read(call_desk.log, alice)).items] == [call.id]


async def test_the_log_is_read_page_by_page_and_by_outcome_within_what_one_may_see(line):
    for n in range(3):
        phone = await line.phone(f"+39028888888{n}").dial()
        await phone.press("1")
        await phone.hang_up(seconds=30)
        line.desk.passes(minutes=40)
    recorded = await line.phone(ALICE).identified()
    await recorded.press("2", "1", "1", "3")
    await recorded.speak()
    await recorded.hang_up(seconds=30)
    tom, ann = await line.desk.who("tom"), await line.desk.who("ann")

    first = await line.desk.db.read(call_desk.log, tom, limit=2)
    second = await line.desk.db.read(call_desk.log, tom, limit=2, cursor=first.next)

    assert [one.outcome for one in first.items + second.items] == ["recorded", "missed", "missed", "missed"]
    assert second.next is None
    assert len((await line.desk.db.read(call_desk.log, tom, outcome="missed")).items) == 3
    assert (await line.desk.db.read(call_desk.log, ann)).items == ()
    of_ann = await line.desk.db.read(call_desk.one, ann, recorded.answer.call)
    assert of_ann.caller == "+39 ••• 01"
    with pytest.raises(Invalid):
        await line.desk.db.read(call_desk.log, tom, outcome="lost")


async def test_who_waits_to_be_called_back_is_told_in_turn(line):
    first = await line.phone(STRANGER).dial()
    await first.press("1")
    await first.hang_up(seconds=30)
    line.desk.passes(minutes=5)
    second = await line.phone(ALICE).identified()
    await second.press("3", "1")
    await second.hang_up(seconds=30)
    tom, ann = await line.desk.who("tom"), await line.desk.who("ann")

    waiting = await line.desk.db.read(call_desk.callbacks, tom)

    assert [(one.number, one.reason) for one in waiting] == [(STRANGER, "missed"), (ALICE, "asked")]
    assert (await line.desk.db.read(counts.counts, tom))["calls"] == 2
    assert (await line.desk.db.read(counts.counts, ann))["calls"] == 0
    assert await line.desk.db.read(call_desk.callbacks, ann) == ()
    with pytest.raises(Forbidden):
        await line.desk.db.read(call_desk.callbacks, await line.desk.who("alice"))


async def test_the_ticket_that_the_caller_opened_before_waiting_is_chosen_without_a_second_message(line):
    await line.signed_in("tom")
    phone = await in_line(line)
    (ticket,) = await line.desk.rows(tables.ticket)
    assert await act(line, call_desk.answer, "tom", phone.answer.call) == "bridged"

    assert await act(line, call_desk.this_is, "tom", phone.answer.call, ticket.number) == ticket.number

    assert len(await line.desk.rows(tables.message, ticket.number)) == 1
