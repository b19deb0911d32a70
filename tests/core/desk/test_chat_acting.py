"""Commands and buttons of a chat: each works once, for whom it was offered, and shows nobody what is another's."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.desk import linking, resolution, tickets
from core.envelope import Address, Kind
from core.store import tables
from tests.chat_at_work import Chatter, balanced, chatting, two
from tests.desk_at_work import SOLUTION


@pytest.fixture
async def mario(db) -> Chatter:
    return await chatting(db)


# --- Commands ---


async def test_a_command_is_answered_and_opens_nothing(mario):
    for command, words in (("start", "Qui risponde Desk"), ("help", "/status"), ("status", "non ci sono")):
        done = await mario.does(command=command)

        assert (done.outcome, done.reason) == ("machine", f"command_{command}")
        assert words in mario.last().text
    assert not await mario.desk.rows(tables.ticket)
    await balanced(mario)


async def test_who_is_linked_is_greeted_by_name(mario):
    await mario.linked("alice")
    await mario.does(command="start")

    assert "Buongiorno, Alice." in mario.last().text


async def test_the_state_of_what_was_asked_here_is_told_with_a_button_each(mario):
    first, second = await two(mario)

    await mario.does(command="status")

    told = mario.last()
    assert f"{first} La stampante non va.\nLa stiamo esaminando." in told.text
    assert [one.label.split()[0] for one in told.buttons] == [second, first]
    await mario.presses(first)
    assert (await mario.writes("Allora?")).number == first


async def test_who_is_linked_sees_what_they_asked_by_mail_and_when_they_hear_of_it(mario):
    number = await mario.desk.qualified("alice@acme.test")
    await mario.does(command="status")
    assert number not in mario.last().text, "a stranger is told nothing"

    await mario.linked("alice")
    await mario.does(command="requests")

    assert number in mario.last().text
    assert "Ci risentiamo entro" in mario.last().text


async def test_somebody_else_is_told_nothing_of_it(mario):
    await two(mario)
    eve = mario.another()

    await eve.does(command="status")

    assert "non ci sono richieste aperte" in eve.last().text
    assert not eve.last().buttons


async def test_the_language_is_chosen_once_for_the_chat(mario):
    await mario.does(command="language")
    await mario.presses("English")

    assert "✓ English" in mario.heard()[-2].text
    assert mario.last().text.startswith("Right:")
    await mario.does(command="new")
    assert mario.last().text.startswith("Write your new request")


async def test_who_says_stop_hears_nothing_until_they_say_start(mario):
    number = (await mario.writes()).number
    await mario.does(command="stop")
    assert "/start" in mario.last().text

    stopped = await mario.desk.rows(tables.bad_address)
    assert [row.address for row in stopped] == [mario.address]
    await mario.does(command="start")
    assert not await mario.desk.rows(tables.bad_address)
    assert (await mario.writes("Eccomi.")).number == number


async def test_what_is_no_command_is_words(mario):
    assert (await mario.writes("/dev/sda1 è pieno")).outcome == "ticket"


# --- Buttons ---


async def test_a_pressed_button_works_once_and_shows_what_was_chosen(mario):
    first, second = await two(mario)
    await mario.writes("È urgente!")
    question = mario.last()

    done = await mario.presses(first)

    assert done.reason == "pressed_choose"
    shown = next(one for one in mario.heard() if one.replaces)
    assert shown.replaces == question.ref
    assert shown.text.startswith(question.text)
    assert f"✓ {first} La stampante" in shown.text
    again = await mario.presses(second)
    assert again.reason == "pressed_before"
    assert "già stata fatta" in mario.last().text
    assert await mario.texts(first) == ["La stampante non va.", "È urgente!"]
    await balanced(mario)


async def test_two_presses_at_once_are_one(mario):
    first, second = await two(mario)
    await mario.writes("È urgente!")
    ids = [row.id for row in await mario.buttons() if row.label.startswith((first, second))]

    done = await asyncio.gather(*(mario.does(pressed=one) for one in ids))

    assert sorted(one.reason for one in done) == ["pressed_before", "pressed_choose"]
    said = [await mario.texts(number) for number in (first, second)]
    assert sorted(map(len, said)) == [1, 2]


@pytest.mark.parametrize("forged", ["nothing", "x" * 16, "'; DROP TABLE chat_button; --"])
async def test_a_forged_button_does_nothing(mario, forged):
    assert (await mario.does(pressed=forged)).reason == "pressed_not_theirs"
    assert "non è per questa conversazione" in mario.last().text


async def test_a_button_of_somebody_else_does_nothing_and_stays_theirs(mario):
    first, _ = await two(mario)
    await mario.writes("È urgente!")
    theirs = next(row.id for row in await mario.buttons() if row.act == "choose")
    eve = mario.another()

    done = await eve.does(pressed=theirs)

    assert done.reason == "pressed_not_theirs"
    assert first not in eve.last().text
    assert (await eve.chat()).ticket_id is None
    await mario.presses(first)
    assert (await mario.texts(first))[-1] == "È urgente!"


async def test_a_bare_number_chooses_where_there_are_no_buttons(mario):
    xmpp = replace(mario, address="xmpp:mario@acme.test")
    mario.desk.channel.name = "xmpp"
    first, _ = await two(xmpp)
    await xmpp.writes("È urgente!")

    done = await xmpp.writes("2")

    assert done.reason == "pressed_choose"
    assert await xmpp.texts(first) == ["La stampante non va.", "È urgente!"]


async def test_a_number_that_quotes_or_chooses_nothing_is_words(mario):
    number = (await mario.writes("Quanti?")).number
    assert (await mario.writes("2")).number == number
    await mario.does(command="status")

    assert (await mario.writes("9")).number == number
    assert (await mario.writes("1", quotes=mario.heard()[0].ref)).number == number


# --- Decisions about a request ---


async def solved(mario: Chatter) -> str:
    """Alice's request, opened in this chat and solved."""
    await mario.linked("alice")
    number = (await mario.writes()).number
    await mario.desk.qualify(number)
    await mario.desk.do(tickets.take, await mario.desk.who("ann"), number)
    await mario.desk.do(resolution.resolve, await mario.desk.who("ann"), number, **SOLUTION)
    await mario.work()
    return number


async def test_it_is_solved_says_one_button_and_the_ticket_is_closed(mario):
    number = await solved(mario)
    assert [one.label for one in mario.last().buttons] == ["Risolto", "Il problema c'è ancora"]

    await mario.presses("Risolto")

    ticket = await mario.desk.ticket(number)
    assert ticket.state == "closed"
    (closed,) = await mario.desk.events(number, "ticket.close")
    assert closed.actor == f"contact:{(await mario.desk.who('alice')).id}"
    closed = next(one for one in mario.heard() if one.kind == "closed")
    assert [one.label for one in closed.buttons] == ["1 ★", "2 ★", "3 ★", "4 ★", "5 ★"]
    await balanced(mario)


async def test_it_is_not_solved_opens_it_at_once_and_the_next_words_say_why(mario):
    number = await solved(mario)
    await mario.does(command="new")
    await mario.writes("Altra cosa.")

    await mario.presses("Il problema")

    assert (await mario.desk.ticket(number)).state in ("assigned", "in_progress")
    assert number in mario.last().text
    done = await mario.writes("Stampa pagine bianche.")
    assert done.number == number
    await balanced(mario)


async def test_what_was_closed_meanwhile_is_told_in_words(mario):
    number = await solved(mario)
    await mario.desk.do(resolution.close, await mario.desk.who("ann"), number)

    done = await mario.presses("Il problema")

    assert done.reason == "pressed_too_late"
    (told,) = [one.text for one in mario.heard() if one.kind == "too_late"]
    assert told.startswith("Non è più possibile")
    assert (await mario.desk.ticket(number)).state == "closed"


async def test_a_stranger_confirms_what_was_solved_in_their_chat_as_an_address(mario):
    number = (await mario.writes()).number
    await mario.desk.qualify(number, customer="ACME")
    await mario.desk.do(tickets.take, await mario.desk.who("ann"), number)
    await mario.desk.do(resolution.resolve, await mario.desk.who("ann"), number, **SOLUTION)
    await mario.work()

    await mario.presses("Risolto")

    (closed,) = await mario.desk.events(number, "ticket.close")
    assert closed.actor == "address"


async def test_whose_account_was_disconnected_decides_nothing_any_more(mario):
    number = await solved(mario)
    row = (await mario.desk.rows(tables.participant, number, address=mario.address))[0]
    key = {"ticket_id": row.ticket_id, "thread_id": row.thread_id, "address": row.address}
    await mario.desk.db.write(lambda tx: tx.update(tables.participant, key, state="retired"))
    await mario.desk.db.write(lambda tx: tx.run(tables.identity.delete()))

    done = await mario.presses("Risolto")

    assert done.reason == "pressed_too_late"
    assert (await mario.desk.ticket(number)).state == "resolved"


# --- How it went ---


async def test_a_rating_is_one_press_and_the_next_words_are_its_comment(mario):
    number = await solved(mario)
    await mario.presses("Risolto")

    await mario.presses("5")
    done = await mario.writes("Gentilissimi!")

    assert done.reason == "rating_comment"
    (given,) = await mario.desk.rows(tables.rating, number)
    assert (given.score, given.comment, given.channel) == (5, "Gentilissimi!", "telegram")
    assert "Gentilissimi" not in str([row.data for row in await mario.desk.events(number, "ticket.rated")])
    await balanced(mario)


async def test_a_request_taken_for_a_comment_is_one_after_one_press(mario):
    number = await solved(mario)
    await mario.presses("Risolto")
    await mario.presses("3")
    await mario.writes("E ora il telefono non va.")

    await mario.presses("È una nuova richiesta")

    (given,) = await mario.desk.rows(tables.rating, number)
    assert (given.score, given.comment) == (3, "")
    (opened,) = [row.number for row in await mario.desk.rows(tables.ticket) if row.number != number]
    assert await mario.texts(opened) == ["E ora il telefono non va."]
    await balanced(mario)


async def test_files_and_late_words_are_no_comment(mario):
    number = await solved(mario)
    await mario.presses("Risolto")
    await mario.presses("3")
    assert (await mario.writes("Guardi.", files=1)).outcome == "ticket"
    mario.desk.passes(minutes=16)

    assert (await mario.writes("Grazie.")).reason != "rating_comment"
    (given,) = await mario.desk.rows(tables.rating, number)
    assert given.comment == ""


async def test_a_number_answers_a_persons_question_and_rates_nothing(mario):
    number = await solved(mario)
    await mario.presses("Risolto")
    mario.desk.passes(minutes=1)
    other = (await mario.writes("Servono cavi.")).number
    await mario.desk.qualify(other)
    await mario.desk.do(tickets.reply, await mario.desk.who("ann"), other, "Quanti?")
    await mario.work()

    assert (await mario.writes("3")).number == other
    assert not await mario.desk.rows(tables.rating, number)


# --- Codes ---


async def test_a_code_behind_start_connects_the_account(mario):
    issued = await mario.desk.db.write(
        linking.issue, await mario.desk.who("alice"), "telegram", now=mario.desk.now
    )

    done = await mario.does(command="start", argument=issued.code)

    assert done.reason == "linked"
    assert "Alice" in mario.last().text
    ticket = await mario.desk.ticket((await mario.writes()).number)
    assert (ticket.requester_name, ticket.trust) == ("Alice", "verified")
    await balanced(mario)


async def test_a_wrong_code_is_refused_in_words_and_connects_nobody(mario):
    done = await mario.does(command="start", argument="abcdefghijklmnopqrstuvwxyz")

    assert done.reason == "link_refused"
    assert mario.last().kind == "told"
    assert not await mario.desk.rows(tables.identity)


# --- What nobody may do without end ---


async def test_a_machine_that_answers_our_answers_is_answered_no_more_after_a_while(mario):
    for _ in range(62):
        done = await mario.does(command="help")

    assert (done.outcome, done.reason) == ("machine", "too_many")
    assert len(mario.heard()) == 60
    mario.desk.passes(minutes=16)
    assert (await mario.does(command="help")).reason == "command_help"


async def test_who_said_stop_and_writes_is_told_once_a_day_why_they_hear_nothing(mario):
    await mario.does(command="stop")
    number = (await mario.writes()).number
    assert mario.last().kind == "stopped"
    assert (await mario.writes("Allora?")).number == number

    assert [one.kind for one in mario.heard()] == ["stop", "stopped"]


async def test_a_second_strangers_request_of_a_day_is_not_acknowledged_again(mario):
    first = (await mario.writes()).number
    await mario.does(command="new")
    second = (await mario.writes("Altra cosa.")).number

    assert first != second
    assert [one.kind for one in mario.heard()] == ["received", "new"]


async def test_words_to_what_was_solved_open_it_again(mario):
    number = await solved(mario)

    done = await mario.writes("No, non va ancora.")

    assert (done.outcome, done.number) == ("attached", number)
    assert (await mario.desk.ticket(number)).state in ("assigned", "in_progress")


async def test_a_button_of_a_room_that_decides_is_for_who_is_known_to_be_of_the_customer(mario):
    there = replace(mario, room=Address("telegram:-1001", "Acme IT"))
    await there.writes("Ciao.")
    await mario.desk.db.write(
        lambda tx: tx.update(tables.chat, {"address": "telegram:-1001"}, customer="ACME")
    )
    number = (await there.writes()).number
    await mario.desk.qualify(number, contact="alice@acme.test")
    await mario.desk.do(tickets.take, await mario.desk.who("ann"), number)
    await mario.desk.do(resolution.resolve, await mario.desk.who("ann"), number, **SOLUTION)
    await there.work()

    stranger = replace(there, address="telegram:99", name="Carla")
    assert (await stranger.presses("Risolto")).reason == "pressed_by_a_stranger"
    assert (await mario.desk.ticket(number)).state == "resolved"
    aldo = await replace(there, address="telegram:88", name="Aldo").linked("aldo")
    assert (await aldo.presses("Risolto")).reason == "pressed_confirm"
    (closed,) = await mario.desk.events(number, "ticket.close")
    assert closed.actor == f"contact:{(await mario.desk.who('aldo')).id}"

    await aldo.presses("5")
    alice = await replace(there, address="telegram:77", name="Ally").linked("alice")
    assert (await alice.writes("Il telefono non va.")).outcome == "ticket", "Aldo was asked for a comment"
    assert (await aldo.writes("Grazie!")).reason == "rating_comment"


# --- Nobody is told of another's ---


async def test_neither_commands_nor_buttons_nor_words_show_or_change_what_is_another_customers(mario):
    number = await solved(mario)  # Alice's, of ACME
    ids = [row.id for row in await mario.buttons()]
    receipt = next(one for one in mario.heard() if one.ticket_number == number)
    bob = await mario.another("telegram:77", "Bob").linked("bob")
    stranger = mario.another("telegram:78", "Eve")

    for other in (bob, stranger):
        for command in ("status", "requests", "start", "new", "help"):
            await other.does(command=command)
        for one in ids:
            assert (await other.does(pressed=one)).reason == "pressed_not_theirs"
        opened = await other.writes("Che succede?", quotes=receipt.ref)
        assert opened.number != number
        await other.does(command="status")

    for other in (bob, stranger):
        assert not any(number in one.text or "stampante" in one.text.lower() for one in other.heard())
        assert not any(number in button.label for one in other.heard() for button in one.buttons)
    assert (await mario.desk.ticket(number)).state == "resolved"
    assert await mario.texts(number) == ["La stampante non va."]
    assert {row.id: row.used_at for row in await mario.buttons()} == dict.fromkeys(ids)


async def test_how_it_is_going_is_asked_by_a_button_again_and_again(mario):
    number = (await mario.writes()).number

    for _ in range(2):
        assert (await mario.presses("Come procede?")).reason == "pressed_status"
        told = mario.last()
        assert told.text == f"{number} La stampante non va.\nLa stiamo esaminando."
        assert [one.label for one in told.buttons] == ["Come procede?"]


async def test_a_button_about_what_is_no_longer_theirs_is_told_so(mario):
    number = (await mario.writes()).number
    ticket = await mario.desk.ticket(number)
    await mario.does(command="status")
    await mario.desk.db.write(
        lambda tx: tx.update(tables.participant, {"ticket_id": ticket.id}, state="retired")
    )

    for label in ("Come procede?", number):
        assert (await mario.presses(label)).reason == "pressed_too_late"
    assert (
        await mario.chat()
    ).ticket_id == ticket.id  # of before: what it chose is asked for again each time
    assert (await mario.writes("Ci siete?")).number != number


async def test_nobody_silences_a_room_who_is_not_known_to_be_of_it(mario):
    there = replace(mario, room=Address("telegram:-1001", "Acme IT"))
    await there.writes("Ciao.")
    await mario.desk.db.write(
        lambda tx: tx.update(tables.chat, {"address": "telegram:-1001"}, customer="ACME")
    )

    assert (await there.does(command="stop")).reason == "command_by_a_stranger"
    assert not await mario.desk.rows(tables.bad_address)


async def test_colleagues_of_the_desk_open_nothing_in_a_customers_room(mario):
    there = replace(mario, room=Address("telegram:-1001", "Acme IT"))
    await there.writes("Ciao.")
    await mario.desk.db.write(
        lambda tx: tx.update(tables.chat, {"address": "telegram:-1001"}, customer="ACME")
    )
    ann = await replace(there, address="telegram:55", name="Ann").linked("ann")

    done = await ann.writes("Ci penso io.")

    assert (done.outcome, done.reason) == ("machine", "staff_in_room")


async def test_what_is_too_long_for_a_comment_is_about_something_else(mario):
    number = await solved(mario)
    await mario.presses("Risolto")
    await mario.presses("3")

    done = await mario.writes("Molto da dire. " * 200)

    assert done.outcome == "ticket"
    (given,) = await mario.desk.rows(tables.rating, number)
    assert given.comment == ""


async def test_a_sign_is_asked_about_by_nobody(mario):
    await two(mario)

    done = await mario.comes(kind=Kind.REACTION, text="👍")

    assert (done.outcome, done.reason) == ("machine", "reaction")
    assert not any(one.kind == "which" for one in mario.heard())


async def test_an_act_that_nobody_knows_is_kept(mario):
    assert (await mario.does()).reason == "act"


async def test_whoever_was_called_takes_the_request_from_their_own_chat(mario):
    await mario.linked("alice")
    number = (await mario.writes()).number
    await mario.desk.qualify(number)
    ann = await mario.another("telegram:55", "Ann").linked("ann")
    await ann.does(command="start")
    mario.desk.passes(minutes=90)
    await mario.work()

    done = await ann.presses("Lo prendo io")

    assert done.reason == "pressed_take"
    assert (await mario.desk.ticket(number)).assignee == (await mario.desk.who("ann")).id
    shown = next(one for one in ann.heard() if one.replaces)
    assert shown.text.strip() == f"{number} La stampante non va.\n\n✓ Lo prendo io"
    assert (await mario.does(pressed=(await ann.buttons())[-1].id)).reason == "pressed_not_theirs"


async def test_new_is_an_answer_to_the_question_which_request(mario):
    first, second = await two(mario)
    await mario.writes("Anche il telefono.")

    await mario.does(command="new")

    assert any(one.kind == "as_new" for one in mario.heard())
    (third,) = [
        row.number for row in await mario.desk.rows(tables.ticket) if row.number not in (first, second)
    ]
    assert await mario.texts(third) == ["Anche il telefono."]
    assert (await mario.writes("È muto.")).number == third
    await balanced(mario)
