"""Words in a chat find their request: by a quote, a choice, or because there is one; nothing is lost while it is asked."""

from __future__ import annotations

import pytest

from core.desk import search, tickets, waiting
from core.desk.configuration import export
from core.desk.errors import Invalid
from core.store import tables
from tests.chat_at_work import Chatter, balanced, chatting, two
from tests.desk_files import put


@pytest.fixture
async def mario(db) -> Chatter:
    return await chatting(db)


# --- One request ---


async def test_a_strangers_first_words_open_a_ticket_and_are_acknowledged_there(mario):
    done = await mario.writes("La stampante non va.")

    ticket = await mario.desk.ticket(done.number)
    assert (done.outcome, ticket.subject, ticket.channel) == ("ticket", "La stampante non va.", "telegram")
    assert (ticket.customer, ticket.trust, ticket.state) == (None, "none", "triage")
    assert done.number in mario.last().text
    await balanced(mario)


async def test_what_follows_goes_on_there_and_is_answered_there(mario):
    first = await mario.writes("La stampante non va.")
    mario.desk.passes(minutes=31)
    second = await mario.writes("Quella al secondo piano.")

    assert (second.outcome, second.number) == ("attached", first.number)
    assert await mario.texts(first.number) == ["La stampante non va.", "Quella al secondo piano."]
    row = (await mario.desk.rows(tables.inbound, outcome="attached"))[0]
    assert row.detail["considered"] == [
        {
            "how": "conversation",
            "number": first.number,
            "taken": True,
            "why": "it is the author's only request, talked about in this chat lately",
        }
    ]


async def test_the_same_account_on_another_service_is_somebody_else(mario):
    first = await mario.writes()
    other = mario.another("xmpp:4242")

    assert (await other.writes()).number != first.number


async def test_a_linked_account_is_who_it_belongs_to(mario):
    alice = await mario.linked("alice")

    done = await alice.writes()

    ticket = await mario.desk.ticket(done.number)
    assert (ticket.customer, ticket.requester_name, ticket.trust) == ("ACME", "Alice", "verified")


async def test_what_staff_believe_of_an_account_proves_nothing(mario):
    alice = await mario.linked("alice", proof="staff")

    ticket = await mario.desk.ticket((await alice.writes()).number)

    assert (ticket.customer, ticket.trust) == ("ACME", "weak")


# --- Which one? ---


async def test_who_has_two_is_asked_and_the_words_wait_unseen_by_staff(mario):
    first, second = await two(mario)

    done = await mario.writes("È urgente!")

    assert (done.outcome, done.reason) == ("held", "which_ticket")
    offered = mario.last()
    assert [one.label for one in offered.buttons] == [
        f"{second} La rete è lenta.",
        f"{first} La stampante non va.",
        "Nuova richiesta",
    ]
    tom = await mario.desk.who("tom")
    assert not (await mario.desk.db.read(search.inbound, tom, outcome="held")).items
    await balanced(mario)


async def test_the_choice_takes_all_that_waited_in_order_and_is_remembered(mario):
    first, _ = await two(mario)
    await mario.writes("È urgente!")
    await mario.writes("Molto.")
    assert len([one for one in mario.heard() if one.kind == "which"]) == 1, "one question only"

    await mario.presses(first)

    assert await mario.texts(first) == ["La stampante non va.", "È urgente!", "Molto."]
    assert (await mario.writes("Grazie.")).number == first
    mario.desk.passes(minutes=29)
    assert (await mario.writes("Allora?")).number == first, "each message renews the choice"
    mario.desk.passes(minutes=29)
    assert (await mario.writes("Allora??")).number == first
    mario.desk.passes(minutes=31)
    assert (await mario.writes("Ancora?")).outcome == "held"
    await balanced(mario)


async def test_all_that_waited_may_be_one_new_request(mario):
    first, second = await two(mario)
    await mario.writes("Anche il telefono.")
    await mario.writes("È muto.")

    await mario.presses("Nuova richiesta")

    (third,) = [
        row.number for row in await mario.desk.rows(tables.ticket) if row.number not in (first, second)
    ]
    assert await mario.texts(third) == ["Anche il telefono.", "È muto."]
    await balanced(mario)


async def test_who_does_not_choose_is_read_by_staff_after_ten_minutes(mario):
    first, _ = await two(mario)
    await mario.writes("È urgente!")

    mario.desk.passes(minutes=9)
    await mario.work()
    tom = await mario.desk.who("tom")
    assert not (await mario.desk.db.read(search.inbound, tom, outcome="held")).items
    mario.desk.passes(minutes=2)
    await mario.work()
    (item,) = (await mario.desk.db.read(search.inbound, tom, outcome="held")).items
    assert (item.detail["text"], item.reason) == ("È urgente!", "which_ticket")

    await mario.presses(first)  # late, and still good

    assert await mario.texts(first) == ["La stampante non va.", "È urgente!"]
    assert not (await mario.desk.db.read(search.inbound, tom, outcome="held")).items
    await balanced(mario)


async def test_a_quote_decides_without_asking(mario):
    first, _ = await two(mario)
    receipt = next(one for one in mario.heard() if one.ticket_number == first)

    done = await mario.writes("Questa!", quotes=receipt.ref)

    assert (done.outcome, done.number) == ("attached", first)


async def test_a_quote_of_their_own_words_decides_too(mario):
    first, _ = await two(mario)
    (said,) = [one for one in mario.said.values() if one.text == "La stampante non va."]

    assert (await mario.writes("Questa!", quotes=said.message_id)).number == first


async def test_a_quote_from_elsewhere_opens_nothing_of_anybody(mario):
    first = await mario.writes("Segreto.")
    receipt = mario.last()
    eve = mario.another()

    done = await eve.writes("Mio!", quotes=receipt.ref)

    assert done.number != first.number
    assert await mario.texts(first.number) == ["Segreto."]


async def test_an_old_request_is_asked_about_before_it_goes_on(mario):
    first = (await mario.writes()).number
    mario.desk.passes(hours=25)

    assert (await mario.writes("Ancora lei.")).outcome == "held"
    await mario.presses("Nuova")

    assert await mario.texts(first) == ["La stampante non va."]


# --- Another channel ---


async def test_a_request_born_by_mail_goes_on_in_the_chat_of_its_requester(mario):
    number = await mario.desk.qualified("alice@acme.test")
    alice = await mario.linked("alice")

    assert (await alice.writes("Novità?")).outcome == "held"
    assert [one.label.split()[0] for one in alice.last().buttons] == [number, "Nuova"]
    await alice.presses(number)

    assert (await alice.texts(number))[-1] == "Novità?"
    threads = await mario.desk.rows(tables.thread, number)
    assert sorted(row.channel for row in threads) == ["email", "telegram"]
    assert (await alice.writes("E?")).number == number
    assert len(await mario.desk.rows(tables.thread, number)) == 2
    await balanced(mario)


async def test_a_stranger_is_never_offered_what_was_asked_elsewhere(mario):
    await mario.desk.qualified("alice@acme.test")
    await mario.linked("alice", proof="staff")

    done = await mario.writes("Novità?")

    assert done.outcome == "ticket"


# --- Who is it? ---


async def test_staff_who_say_whose_request_it_is_name_who_writes_there_and_nobody_is_cut_off(mario):
    number = (await mario.writes()).number
    await mario.desk.qualify(number, customer="ACME", contact="alice@acme.test")

    assert (await mario.writes("E poi?")).number == number
    await mario.desk.do(tickets.reply, await mario.desk.who("tom"), number, "Arriviamo.")
    await mario.work()

    ticket = await mario.desk.ticket(number)
    alice = await mario.desk.who("alice")
    assert (ticket.contact, ticket.requester_address) == (alice.id, mario.address)
    assert "Arriviamo." in mario.last().text
    (known,) = await mario.desk.rows(tables.identity)
    assert (known.contact, known.proof) == (alice.id, "staff")
    people = await mario.desk.rows(tables.participant, number)
    assert [(row.address, row.state, row.contact) for row in people] == [(mario.address, "joined", alice.id)]
    await balanced(mario)


async def test_staff_who_named_the_wrong_person_name_another_and_the_chat_goes_on(mario):
    number = (await mario.writes()).number
    await mario.desk.qualify(number, customer="ACME", contact="alice@acme.test")
    await mario.desk.qualify(number, contact="aldo@acme.test")

    done = await mario.writes("E poi?")

    assert (done.outcome, done.number) == ("attached", number)
    (known,) = await mario.desk.rows(tables.identity)
    assert known.contact == (await mario.desk.who("aldo")).id


async def test_whoever_is_unknown_becomes_a_contact_of_the_customer_in_that_chat(mario):
    number = (await mario.writes()).number
    await mario.desk.qualify(number, customer="ACME")

    (made,) = await mario.desk.rows(tables.contact, email=mario.address)
    assert (made.name, made.customer) == ("Mario", "ACME")
    again = await mario.desk.ticket((await mario.writes("Di nuovo.")).number)
    assert (again.number, again.contact) == (number, made.id)
    written = await mario.desk.db.read(export.export)
    await mario.desk.db.write(put, written, None, now=mario.desk.now)
    assert (await mario.desk.rows(tables.contact, email=mario.address))[0].active


async def test_a_linked_account_is_not_given_to_somebody_else_by_naming_them(mario):
    await mario.linked("alice")
    number = (await mario.writes()).number

    await mario.desk.qualify(number, contact="aldo@acme.test")

    (known,) = await mario.desk.rows(tables.identity)
    assert known.contact == (await mario.desk.who("alice")).id
    assert (await mario.desk.ticket(number)).requester_address == "aldo@acme.test"


# --- The language of who is nobody we know ---


async def test_a_stranger_is_answered_in_what_their_program_speaks_until_they_choose(mario):
    anna = mario.another("telegram:77", "Anna")

    done = await anna.writes("The printer is broken", language="en-GB")

    assert (await mario.desk.ticket(done.number)).language == "en"
    assert "registered" in anna.last().text
    await anna.does(command="help", language="it")
    assert "Scriva" in anna.last().text
    await anna.does(command="language")
    await anna.presses("English")
    await anna.does(command="help", language="it")
    assert "Just write" in anna.last().text


async def test_a_language_that_nobody_here_speaks_is_no_reason_for_another_than_the_first(mario):
    done = await mario.writes("プリンターが壊れた", language="ja")

    assert (await mario.desk.ticket(done.number)).language == "it"


async def test_what_a_program_speaks_is_nothing_beside_what_is_known_of_the_person(mario):
    alice = await mario.linked("alice")

    done = await alice.writes(language="en")

    assert (await mario.desk.ticket(done.number)).language == "it"


async def test_staff_say_what_the_author_did_not_and_only_what_was_asked(mario):
    first, _ = await two(mario)
    await mario.writes("È urgente!")
    other = await mario.desk.qualified("alice@acme.test")
    mario.desk.passes(minutes=11)
    await mario.work()
    (item,) = await mario.desk.rows(tables.inbound, outcome="held")
    tom = await mario.desk.who("tom")

    with pytest.raises(Invalid, match="none of those"):
        await mario.desk.do(waiting.release, tom, item.id, as_="message", ticket=other)
    await mario.desk.do(waiting.release, tom, item.id, as_="message", ticket=first)
    await mario.work()

    assert await mario.texts(first) == ["La stampante non va.", "È urgente!"]
    assert not (await mario.desk.db.read(search.inbound, tom, outcome="held")).items
    await balanced(mario)
