"""Calls by the default flow: who is recognised, what they hear, what they leave, and what is owed them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

import ivr.rules
from core.calling import Gather, HangUp, Hold, NoSuchCall, Record
from core.desk import call_actions, call_out, flows, publishing, resolution, tickets
from core.envelope import Chat
from core.store import tables
from ivr.actions import ACTIONS
from tests.chatting import CHAT, connects
from tests.desk_at_work import MONDAY, SOLUTION
from tests.telephone import ALDO, ALICE, BOB, PIN, STRANGER, WITH_TELEPHONES, WORDS, Exchange, exchange


@pytest.fixture
async def line(db) -> Exchange:
    return await exchange(db)


# --- Who calls ---


async def test_a_known_number_is_greeted_in_its_language_and_asked_for_the_pin_alone(line):
    phone = await line.phone(ALICE).dial()

    assert phone.heard[0] == "Benvenuto al servizio di assistenza Desk."
    assert "PIN" in phone.last
    assert isinstance(phone.answer.then, Gather)
    assert phone.answer.then.secret
    call = await line.call(phone)
    assert (call.customer, call.trust, call.phase) == ("ACME", "weak", "flow")


async def test_a_stranger_chooses_a_language_and_then_gives_code_and_pin(line):
    phone = await line.phone(STRANGER).dial()
    assert [words.language for words in phone.answer.say] == ["it", "it", "en"]

    await phone.press("2", "1001", PIN)

    assert "For the state of your requests" in phone.last
    call = await line.call(phone)
    assert (call.customer, call.trust, call.language) == ("ACME", "verified", "en")


async def test_a_withheld_number_is_led_like_a_strangers(line):
    phone = await line.phone("anonymous").dial()

    assert "premi" not in phone.last
    assert (await line.call(phone)).caller == ""


async def test_an_unknown_code_and_a_wrong_pin_sound_alike(line):
    wrong, unknown = await line.phone("+390288888881").dial(), await line.phone("+390288888882").dial()

    await wrong.press("1", "1001", "000000")
    await unknown.press("1", "9999", "000000")

    assert wrong.last == unknown.last
    assert "non corrispondono" in wrong.last


async def test_three_wrong_pins_lead_to_a_person_with_a_note(line):
    await line.signed_in("tom")
    phone = await line.phone(STRANGER).dial()

    await phone.press("1", "1001", "000000", "000001", "000002")
    assert "riconoscer" in phone.last
    await phone.press("1")
    await phone.speak()

    (note,) = await line.desk.rows(tables.message, direction="in")
    assert "non è stato riconosciuto" in note.text
    assert note.contact is None


async def test_a_code_is_locked_after_five_wrong_pins_in_an_hour_even_for_the_right_one(line):
    for n in range(2):
        phone = await line.phone(f"+39028888888{n}").dial()
        await phone.press("1", "1001", "000000", "000001", "000002")

    phone = await line.phone(STRANGER).dial()
    await phone.press("1", "1001", PIN)

    assert "riconoscer" in phone.last
    assert (await line.call(phone)).trust == "none"
    line.desk.passes(minutes=66)
    later = await line.phone(STRANGER).dial()
    await later.press("1", "1001", PIN)
    assert (await line.call(later)).trust == "verified"


async def test_a_number_is_locked_after_ten_wrong_pins_whatever_code_it_tries(line):
    for n in range(4):
        phone = await line.phone("+390288888881").dial()
        await phone.press("1", f"777{n}", "000000", "000001", "000002")

    phone = await line.phone("+390288888881").dial()
    await phone.press("1", "1001", PIN)

    assert (await line.call(phone)).trust == "none"


async def test_no_digit_of_a_pin_is_kept_anywhere(line, tmp_path):
    phone = await line.phone(STRANGER).dial()
    await phone.press("1", "1001", "918273", PIN)
    await phone.hang_up(seconds=20)

    for table in tables.metadata.sorted_tables:
        for row in await line.desk.db.read(lambda tx, t=table: tx.all(select(t))):
            told = " ".join(str(value) for value in row)
            assert "918273" not in told, table.name
            assert PIN not in told, table.name
    turns = await line.desk.rows(tables.call_turn, call_id=phone.answer.call)
    assert [row.value for row in turns if row.node == "pin"] == ["••••••", "••••••"]


# --- What they hear ---


async def test_the_state_of_requests_is_read_with_the_next_promise_and_never_a_word_of_them(line):
    number = await line.desk.taken(subject="Licenziamo Rossi")
    phone = await line.phone(ALICE).identified()

    await phone.press("1")

    assert "Ha una richiesta aperta." in phone.heard
    told = phone.last
    assert "ci stiamo lavorando" in told
    assert "Incident Network" in told
    assert " ".join(number.partition("-")[2]) in told
    assert "Soluzione prevista entro martedì 3 marzo alle 10:00" in told
    assert "Licenziamo" not in " ".join(phone.heard)
    call = await phone.hang_up(seconds=30)
    assert call.outcome == "informed"
    assert [row.kind for row in await line.desk.events(number, "call.")] == ["call.heard"]
    assert len(await line.desk.rows(tables.ticket)) == 1, (
        "who heard the state and hung up leaves no new ticket"
    )


async def test_without_the_pin_no_state_is_read(line):
    await line.desk.taken()
    phone = await line.phone(ALICE).dial()

    await phone.silence(2)
    await phone.press("1")

    assert "codice cliente" in " ".join(phone.heard)
    assert "ci stiamo lavorando" not in " ".join(phone.heard)


async def test_the_desk_may_let_a_known_number_hear_its_requests(db):
    line = await exchange(db, caller_id_allows="status")
    await line.desk.taken()
    phone = await line.phone(ALICE).dial()

    await phone.silence(2)
    await phone.press("1")

    assert "ci stiamo lavorando" in phone.last


async def test_what_is_solved_is_asked_about_first_and_closed_by_one_key(line):
    number = await line.desk.resolved()
    phone = await line.phone(ALICE).identified()
    assert "per noi è risolta" in phone.last

    await phone.press("1")

    assert "la richiesta è chiusa" in " ".join(phone.heard)
    ticket = await line.desk.ticket(number)
    assert ticket.state == "closed"
    closing = await line.desk.outward(number, "closed")
    assert closing, "the final report leaves"


async def test_what_is_not_solved_is_open_again_and_the_words_are_of_the_same_ticket(line):
    number = await line.desk.resolved()
    phone = await line.phone(ALICE).identified()

    await phone.press("2")
    await phone.speak()

    ticket = await line.desk.ticket(number)
    assert (ticket.state, "reopened" in ticket.flags) == ("in_progress", True)
    files = await line.desk.rows(tables.attachment, number)
    assert [file.name for file in files] == [f"messaggio-vocale-{number}-{phone.answer.seq - 1}.wav"]
    assert len(await line.desk.rows(tables.ticket)) == 1


# --- What they open ---


async def test_a_new_request_goes_by_its_keys_to_the_competent_group_and_keeps_the_voice(line):
    phone = await line.phone(ALICE).identified()
    rang = line.desk.now

    await phone.press("2")
    assert "Incident" in phone.last
    await phone.press("1", "1", "2")
    assert isinstance(phone.answer.then, Record)
    assert phone.heard[-2] == "Il messaggio viene registrato."
    line.desk.passes(seconds=40)
    await phone.speak()

    (ticket,) = await line.desk.rows(tables.ticket)
    assert (ticket.request_type, ticket.technology, ticket.desk_group) == (
        "Incident",
        "Network",
        "Network L1",
    )
    assert (ticket.channel, ticket.trust, ticket.customer) == ("phone", "verified", "ACME")
    assert ticket.received_at == rang, "its clocks run from the first ring"
    assert ticket.provenance["technology"] == "ivr"
    assert " ".join(ticket.number.partition("-")[2]) in phone.heard[-2]
    (file,) = await line.desk.rows(tables.attachment, ticket.number)
    assert (file.type, file.size) == ("audio/wav", len(WORDS.content))
    assert not await line.desk.outward(ticket.number), "the number was heard: nobody is told again"
    call = await phone.hang_up(seconds=3)
    assert (call.outcome, call.ticket_id) == ("recorded", ticket.id)


async def test_a_new_request_is_a_new_one_whatever_was_read_or_asked_before(line):
    solved, read = await line.desk.resolved(), await line.desk.taken(subject="Altro")
    phone = await line.phone(ALICE).identified()
    await phone.press("3", "1")
    assert "ci stiamo lavorando" in phone.last
    await phone.press("9", "2", "1", "1", "3")
    await phone.speak()

    found = await line.desk.rows(tables.ticket)
    assert len(found) == 3
    (new,) = [row for row in found if row.number not in (solved, read)]
    assert new.channel == "phone"
    assert (await line.desk.ticket(solved)).state == "resolved"
    assert [row.channel for row in await line.desk.rows(tables.thread, read)] == ["email"]


async def test_the_sound_may_come_an_hour_later(line):
    phone = await line.phone(ALICE).identified()
    await phone.press("2", "1", "1", "3")
    seq = phone.answer.seq
    await phone.speak(audio=None)
    await phone.hang_up()
    (ticket,) = await line.desk.rows(tables.ticket)
    assert not await line.desk.rows(tables.attachment, ticket.number)

    line.desk.passes(hours=1)
    for _ in range(3):
        await line.board.recorded(phone.answer.call, seq, WORDS)

    assert len(await line.desk.rows(tables.attachment, ticket.number)) == 1


async def test_the_closing_report_of_a_request_by_telephone_goes_to_that_telephone(line):
    phone = await line.phone(ALICE).identified()
    await phone.press("2", "1", "1", "3")
    await phone.speak()
    (ticket,) = await line.desk.rows(tables.ticket)
    ann = await line.desk.who("ann")

    from core.desk import tickets

    await line.desk.do(tickets.take, ann, ticket.number)
    await line.desk.do(resolution.resolve, ann, ticket.number, **SOLUTION)

    told = await line.desk.deliveries(ticket.number, kind="resolved")
    assert [(row.channel, row.address) for row in told] == [("phone", ALICE)]


async def test_a_call_about_a_request_by_mail_is_one_more_conversation_and_is_answered_by_mail(line):
    number = await line.desk.taken()
    phone = await line.phone(ALICE).identified()

    await phone.press("1", "2")
    await phone.speak()

    threads = await line.desk.rows(tables.thread, number)
    assert sorted((row.channel, row.aside) for row in threads) == [("email", False), ("phone", True)]
    ann = await line.desk.who("ann")
    await line.desk.do(resolution.resolve, ann, number, **SOLUTION)
    assert {row.channel for row in await line.desk.deliveries(number, kind="resolved")} == {"email"}


async def test_a_request_from_a_chat_is_read_to_its_caller_and_a_call_about_it_is_answered_in_the_chat(line):
    desk = line.desk
    await connects(desk)
    number = (await desk.mail(CHAT, channel="telegram", text="La rete è ferma.", chat=Chat())).number
    await desk.qualify(number)
    await desk.do(tickets.take, await desk.who("ann"), number)
    phone = await line.phone(ALICE).identified()

    await phone.press("1")
    assert " ".join(number.partition("-")[2]) in phone.last
    await phone.press("2")
    await phone.speak()

    threads = await desk.rows(tables.thread, number)
    assert sorted((row.channel, row.aside) for row in threads) == [("phone", True), ("telegram", False)]
    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")
    assert [row.address for row in await desk.deliveries(number, kind="reply")] == [CHAT]


# --- Who answers ---


async def test_a_caller_waits_for_somebody_of_the_desk_who_hears_what_it_is_about_and_presses_one(line):
    await line.signed_in("tom")
    phone = await line.phone(ALICE).identified()
    await phone.press("0")
    assert isinstance(phone.answer.then, Hold)

    waiting = await phone.wait()
    (leg,) = waiting.ring
    assert (leg.name, leg.address) == ("Tom", "+390110000001")
    assert "Acme S.p.A." in leg.whisper[0].text
    assert "Alice, riconosciuto" in leg.whisper[0].text
    assert not (await phone.wait(seconds=5)).ring, "each is rung once"
    taken = await line.board.operator(leg.offer, "accepted")
    assert taken.connect
    assert (await phone.wait(seconds=5)).bridged == leg.offer
    call = await phone.hang_up(minutes=3)

    assert call.outcome == "spoke"
    (ticket,) = await line.desk.rows(tables.ticket)
    assert ticket.assignee == (await line.desk.who("tom")).id
    assert [row.kind for row in await line.desk.events(ticket.number, "call.")] == ["call.spoke"]


async def test_whoever_does_not_answer_gives_way_to_the_next_and_somebody_may_be_quicker(line):
    await line.signed_in("tom", "ann")
    phone = await line.phone(ALICE).identified()
    await phone.press("2", "1", "1", "3")
    await phone.speak()
    await phone.press("0")
    (first,) = (await phone.wait()).ring
    assert first.name == "Ann", "she is of the competent group"

    await line.board.operator(first.offer, "no_answer")
    (second,) = (await phone.wait(seconds=5)).ring

    assert second.name == "Tom"
    assert (await line.board.operator(second.offer, "accepted")).connect
    assert not (await line.board.operator(first.offer, "accepted")).connect


async def test_place_and_wait_are_said_and_a_call_back_is_offered_after_a_minute(line):
    await line.signed_in("tom")
    ahead = await line.phone(ALDO).dial()
    await ahead.press("0")
    (leg,) = (await ahead.wait(seconds=1)).ring
    phone = await line.phone(ALICE).identified()
    await phone.press("0")

    await phone.wait(seconds=2)
    assert "numero 2 in attesa" in phone.heard[-1]
    await line.board.operator(leg.offer, "accepted")
    await phone.wait(seconds=70)
    assert "premi uno" in " ".join(phone.heard[-2:]).replace("prema", "premi")
    await phone.press("1", "1")

    assert phone.over
    (owed,) = await line.desk.rows(tables.callback)
    assert (owed.number, owed.reason, owed.state) == (ALICE, "asked", "waiting")
    assert owed.since == (await line.call(phone)).queued_at, "the place in line is kept"
    assert (await phone.hang_up()).outcome == "callback"


async def test_where_nobody_is_there_a_message_is_taken_and_a_call_is_owed(line):
    phone = await line.phone(ALICE).identified()

    await phone.press("0")
    assert "nessuno può rispondere" in " ".join(phone.heard)
    await phone.speak()

    (ticket,) = await line.desk.rows(tables.ticket)
    (owed,) = await line.desk.rows(tables.callback)
    assert (owed.reason, owed.number) == ("voicemail", ALICE)
    assert "callback" in ticket.flags
    assert (await phone.hang_up()).outcome == "voicemail"


# --- What is owed ---


@pytest.mark.parametrize("after", [0, 1, 2, 3])
async def test_a_call_that_ends_unanswered_at_any_step_is_a_ticket_clocked_from_the_first_ring(line, after):
    rang = line.desk.now
    phone = await line.phone(ALICE).dial()
    for entry in (PIN, "2", "1")[:after]:
        await phone.press(entry)

    call = await phone.hang_up(seconds=30)

    assert call.outcome == "missed"
    (ticket,) = await line.desk.rows(tables.ticket)
    assert ticket.received_at == rang
    assert {"missed_call", "callback"} <= set(ticket.flags)
    assert (await line.board.hung_up(phone.answer.call)) is None, "and once only"
    assert len(await line.desk.rows(tables.ticket)) == 1


async def test_who_hangs_up_at_once_leaves_a_line_in_the_log_and_nothing_else(line):
    phone = await line.phone(STRANGER).dial()

    call = await phone.hang_up(seconds=2)

    assert call.outcome == "short"
    assert not await line.desk.rows(tables.ticket)


async def test_a_second_unanswered_call_within_half_an_hour_joins_the_first(line):
    await (await line.phone(STRANGER).dial()).hang_up(seconds=20)
    line.desk.passes(minutes=10)
    await (await line.phone(STRANGER).dial()).hang_up(seconds=20)
    line.desk.passes(minutes=31)
    await (await line.phone(STRANGER).dial()).hang_up(seconds=20)

    numbers = [
        len(await line.desk.rows(tables.message, row.number)) for row in await line.desk.rows(tables.ticket)
    ]
    assert sorted(numbers) == [1, 2]


async def test_a_line_that_falls_silent_is_finished_by_the_hub_as_a_missed_call(line):
    phone = await line.phone(STRANGER).dial()
    call = phone.answer.call

    line.desk.passes(minutes=6)
    await line.desk.db.write(line.board.silent, call, now=line.desk.now)

    row = await line.call(phone)
    assert (row.outcome, row.cause, row.ended_at) == ("missed", "lost", MONDAY)
    assert len(await line.desk.rows(tables.ticket)) == 1


async def test_a_line_that_begins_anew_gives_up_its_calls_and_no_other_lines(line):
    ours, other = await line.phone(ALICE, line="sip").dial(), await line.phone(ALDO).dial()
    line.desk.passes(seconds=30)

    assert await line.board.lost("sip") == 1

    assert (await line.call(ours)).phase == "over"
    assert (await line.call(other)).phase == "flow"


# --- The same again ---


async def test_a_step_asked_again_has_one_effect_and_one_answer(line):
    phone = await line.phone(ALICE).identified()
    await phone.press("2", "1", "1", "3")
    before = phone.answer
    from core.calling import CallEvent

    event = CallEvent(kind="done", value="recorded")
    answers = [await line.board.advance(before.call, before.seq, event) for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert len(await line.desk.rows(tables.ticket)) == 1
    late = await line.board.advance(before.call, 0, CallEvent(kind="digits", value="9"))
    assert late.seq == 1, "a late step gets what it got then"


async def test_a_call_that_rings_twice_is_one_call(line):
    phone = line.phone(ALICE)
    first = (await phone.dial()).answer
    again = (await phone.dial()).answer

    assert first == again
    assert len(await line.desk.rows(tables.call)) == 1


async def test_a_call_nobody_knows_is_said_so(line):
    with pytest.raises(NoSuchCall):
        await line.board.hung_up("01896e57-5430-763b-9e2e-ffc9cc3fa45d")


# --- Contracts ---


async def test_outside_the_hours_of_the_contract_the_next_service_time_is_said(db):
    by_day = WITH_TELEPHONES.replace(
        'technologies = ["Network"]\n    sla', 'technologies = ["Network"]\n    calendar = "Office"\n    sla'
    )
    line = await exchange(db, by_day)
    line.desk.passes(hours=12)

    phone = await line.phone(ALICE).identified()

    assert "Riapre martedì 3 marzo alle 9:00" in phone.last
    assert "emergenza" not in phone.last
    await phone.press("2")
    await phone.speak()
    assert (await phone.hang_up()).outcome == "voicemail"


async def test_a_contract_with_emergency_service_lets_its_caller_wake_somebody(db):
    by_day = WITH_TELEPHONES.replace(
        'technologies = ["Network"]\n    sla',
        'technologies = ["Network"]\n    calendar = "Office"\n    emergency = true\n    sla',
    )
    line = await exchange(db, by_day)
    line.desk.passes(hours=12)
    await line.signed_in("tom")
    phone = await line.phone(ALICE).identified()
    assert "Per un'emergenza" in phone.last

    await phone.press("1")

    (leg,) = (await phone.wait()).ring
    assert "Emergenza" in leg.whisper[0].text


async def test_a_suspended_contract_leads_to_a_person_and_loses_nothing(line):
    phone = await line.phone(BOB).dial()
    await phone.press("889900")

    assert "Your contract is suspended" in " ".join(phone.heard)
    assert isinstance(phone.answer.then, Record)


async def test_the_call_ends_by_itself_when_somebody_never_chooses(line):
    phone = await line.phone(STRANGER).dial()

    for _ in range(40):
        if isinstance(phone.answer.then, Gather):
            await phone.silence()
        else:
            break

    assert isinstance(phone.answer.then, Record | HangUp | Hold)
    assert (await phone.hang_up(minutes=2)).outcome == "missed"
    assert line.desk.now - MONDAY < timedelta(hours=1)


# --- What they are told afterwards ---


async def test_a_text_message_goes_on_with_what_was_last_said_to_its_number(line):
    phone = await line.phone(ALDO).dial()
    await phone.silence(2)
    await phone.press("2", "1", "1", "3")
    await phone.speak()
    (ticket,) = await line.desk.rows(tables.ticket)

    done = await line.desk.mail(ALDO, "", "È la porta 12.", channel="sms", message_id="SM1")

    assert (done.number, done.reason) == (ticket.number, "conversation")
    other = await line.desk.mail(STRANGER, "", "Chi siete?", channel="sms", message_id="SM2")
    assert other.number != ticket.number, "another number is another conversation"


async def test_nobody_is_rung_for_every_step_and_a_mobile_gets_texts(db):
    object.__setattr__(db.facts, "texts_by", "sms")
    line = await exchange(db)
    ann = await line.desk.who("ann")
    told = {}
    for number in (ALICE, ALDO):
        phone = await line.phone(number).dial()
        await phone.silence(2)
        await phone.press("2", "1", "1", "3")
        await phone.speak()
        ticket = (await line.desk.rows(tables.ticket))[-1]

        from core.desk import tickets

        await line.desk.do(tickets.take, ann, ticket.number)
        line.desk.passes(minutes=5)
        await line.desk.do(resolution.resolve, ann, ticket.number, **SOLUTION)
        rows = await line.desk.deliveries(ticket.number)
        told[number] = [(row.kind, row.channel) for row in rows]

    assert told == {ALICE: [("resolved", "phone")], ALDO: [("progress", "sms"), ("resolved", "sms")]}
    words = (await line.desk.outward(ticket.number, "progress"))[0].text
    assert words == f"Desk, richiesta {ticket.number}: Ann la segue.\n"
    assert "Cambiato il cavo." in (await line.desk.outward(ticket.number, "resolved"))[0].text


async def test_an_outage_is_said_before_anything_else_and_its_end_is_told_to_who_pressed_one(line):
    lea = await line.desk.who("lea")
    words = {"it": {"title": "Rete ferma a Verona", "text": "Un cavo è rotto."}}
    outage = await line.desk.db.write(
        publishing.publish,
        lea,
        words=words,
        customers=("ACME",),
        since=line.desk.now - timedelta(minutes=30),
        next_update=line.desk.now + timedelta(minutes=30),
        now=line.desk.now,
    )

    phone = await line.phone(ALICE).identified()
    assert "Rete ferma a Verona" in phone.last
    assert "Prossimo aggiornamento lunedì 2 marzo alle 10:30" in phone.last
    await phone.press("1")
    assert "La avviseremo" in " ".join(phone.heard)
    assert "Per lo stato delle Sue richieste" in phone.last, "each outage is said once"
    call = await phone.hang_up(seconds=20)
    assert call.outcome == "informed"
    other = await line.phone(BOB).dial()
    assert "Rete" not in " ".join(other.heard)

    await line.desk.db.write(publishing.end, lea, outage, words={"it": "Il cavo è nuovo."}, now=line.desk.now)

    (told,) = await line.desk.rows(tables.delivery)
    assert (told.channel, told.address, told.kind) == ("phone", ALICE, "outage_ended")


async def test_who_asked_is_called_back_in_turn_by_whoever_is_free(line):
    object.__setattr__(line.desk.db.facts, "dials", True)
    for number in (ALDO, ALICE):
        phone = await line.phone(number).dial()
        await phone.silence(2)
        await phone.press("3", "1")
        assert phone.over
        await phone.hang_up(seconds=30)
    turn = lambda: line.desk.db.write(call_out.in_turn, now=line.desk.now)  # noqa: E731
    assert await turn() == 0, "nobody is at work"
    await line.signed_in("tom")

    assert await turn() == 1
    (out,) = [row for row in await line.desk.rows(tables.call) if row.direction == "out"]
    assert (out.caller, out.called) == (ALDO, "+390110000001"), "who asked first"
    dial = await line.desk.db.write(call_out.begin, out.id, now=line.desk.now)
    assert dial.number == ALDO
    assert await turn() == 0, "Tom is being rung"

    await line.board.dialled(out.id, "operator")
    await line.board.dialled(out.id, "connected")
    await line.board.hung_up(out.id)
    states = {row.number: row.state for row in await line.desk.rows(tables.callback)}
    assert states == {ALDO: "done", ALICE: "waiting"}
    line.desk.passes(minutes=1)
    assert await turn() == 1


async def test_nobody_is_called_back_at_night_nor_again_and_again(line):
    object.__setattr__(line.desk.db.facts, "dials", True)
    phone = await line.phone(ALICE).dial()
    await phone.silence(2)
    await phone.press("3", "1")
    await phone.hang_up(seconds=30)
    await line.signed_in("tom")
    turn = lambda: line.desk.db.write(call_out.in_turn, now=line.desk.now)  # noqa: E731

    assert await turn() == 1
    out = [row for row in await line.desk.rows(tables.call) if row.direction == "out"][-1]
    await line.board.dialled(out.id, "no_answer")
    line.desk.passes(minutes=1)
    assert await turn() == 0
    line.desk.passes(minutes=10)
    assert await turn() == 1
    out = [row for row in await line.desk.rows(tables.call) if row.direction == "out"][-1]
    await line.board.dialled(out.id, "no_answer")
    line.desk.passes(hours=13)
    assert await turn() == 0, "it is night where she is"


# --- Whether it is recorded ---


async def spoken_with(line: Exchange) -> bool:
    """May the conversation of a caller who is put through be recorded?"""
    await line.signed_in("tom")
    phone = await line.phone(ALICE).identified()
    await phone.press("0")
    (leg,) = (await phone.wait()).ring
    taken = await line.board.operator(leg.offer, "accepted")
    assert (await phone.wait(seconds=5)).record is taken.record
    return taken.record


async def test_a_conversation_may_be_recorded_after_it_was_said_and_the_customer_lets_us(line):
    assert await spoken_with(line)
    turns = await line.desk.rows(tables.call_turn)
    said = [words["text"] for words in turns[-1].answer["say"]]
    assert said == ["La conversazione può essere registrata.", "Attenda in linea, Le passiamo una persona."]


async def test_a_customer_who_lets_nothing_be_kept_is_not_recorded(db):
    line = await exchange(db, WITH_TELEPHONES.replace('code = "ACME"', 'code = "ACME"\nkeep_recordings = 0'))

    assert not await spoken_with(line)


async def test_a_flow_that_does_not_say_so_records_no_conversation(line):
    body = json.loads(ivr.rules.DEFAULT.read_text("utf-8"))
    del body["nodes"]["queue"]["consent"], body["prompts"]["conversation_recorded"]
    text = json.dumps(body)
    digest = ivr.rules.digest(ivr.rules.parse(text))
    await line.desk.db.write(flows.install, "default", text, digest, now=line.desk.now)

    assert not await spoken_with(line)


async def test_a_voice_message_is_kept_also_for_who_wants_no_conversation_recorded(db):
    line = await exchange(db, WITH_TELEPHONES.replace('code = "ACME"', 'code = "ACME"\nkeep_recordings = 0'))
    phone = await line.phone(ALICE).identified()
    await phone.press("2", "1", "1", "3")
    await phone.speak()

    (kept,) = await line.desk.rows(tables.recording)
    assert kept.keep_until - line.desk.now == timedelta(days=90)


# --- The table of acts ---


def test_the_desk_has_every_act_that_flows_may_name_and_no_other():
    assert set(call_actions.BY_NAME) == set(ACTIONS)


async def test_every_answer_of_an_act_in_a_long_call_is_one_of_the_table(line, monkeypatch):
    seen = set()

    def watched(name, act):
        def answers(around, value, given):
            branch, new = act(around, value, given)
            seen.add((name, branch))
            assert set(new) - {"language"} <= ACTIONS[name].branches.get(branch, set()), (name, branch)
            return branch, new

        return answers

    for name, act in list(call_actions.BY_NAME.items()):
        monkeypatch.setitem(call_actions.BY_NAME, name, watched(name, act))
    await line.desk.taken()
    phone = await line.phone(ALICE).identified()
    await phone.press("1", "9", "2", "1", "1", "3")
    await phone.speak()
    await phone.press("1")
    stranger = await line.phone(STRANGER).dial()
    await stranger.press("1", "1001", "000000", PIN, "3", "1")

    foreseen = {(name, branch) for name, call in ACTIONS.items() for branch in call.branches}
    assert seen - foreseen == {("check_pin", "wrong")}, "the one answer that counts as an entry gone wrong"
    assert len(seen) > 15
