"""Rooms of a customer, chats that somebody left, and what was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.desk import stopped, tickets
from core.envelope import Address
from core.store import tables
from tests.chat_at_work import Chatter, balanced, chatting

ROOM = Address("telegram:-1001", "Acme IT")


@pytest.fixture
async def mario(db) -> Chatter:
    return await chatting(db)


async def bound(mario: Chatter, customer: str = "ACME") -> Chatter:
    """Mario, whom nobody knows, in a room that staff bound to the customer."""
    there = replace(mario, room=ROOM)
    await there.writes("Ciao a tutti.")
    await mario.desk.db.write(lambda tx: tx.update(tables.chat, {"address": ROOM.key}, customer=customer))
    mario.desk.channel.sent.clear()
    return there


# --- Rooms ---


async def test_a_room_of_nobodys_is_told_so_once_a_day_and_opens_nothing(mario):
    there = replace(mario, room=ROOM)

    for _ in range(3):
        done = await there.writes("Ciao a tutti.")
        assert (done.outcome, done.reason) == ("machine", "unbound_room")
    assert (await there.does(command="status")).reason == "unbound_room"

    assert [one.kind for one in there.heard()] == ["unbound_room"]
    mario.desk.passes(hours=25)
    await there.writes("Ciao di nuovo.")
    assert len(there.heard()) == 2
    assert not await mario.desk.rows(tables.ticket)
    await balanced(mario)


async def test_what_is_said_in_a_customers_room_is_answered_to_all_in_it(mario):
    there = await bound(mario)

    number = (await there.writes("La stampante non va.")).number
    await mario.desk.qualify(number)
    await mario.desk.do(tickets.take, await mario.desk.who("ann"), number)
    await mario.desk.do(tickets.reply, await mario.desk.who("ann"), number, "Arriviamo.")
    await there.work()

    ticket = await mario.desk.ticket(number)
    assert (ticket.customer, ticket.trust) == ("ACME", "none")
    assert {one.to.key for one in mario.desk.channel.sent} == {ROOM.key}
    assert any("Arriviamo." in one.text for one in there.heard())
    await balanced(mario)


async def test_whoever_writes_in_the_name_of_the_room_is_answered_there(mario):
    there = replace(await bound(mario), address=ROOM.key, name=ROOM.name)

    number = (await there.writes("La stampante non va.")).number
    assert (await there.writes("Ancora ferma.")).number == number
    await mario.desk.do(tickets.reply, await mario.desk.who("lea"), number, "Arriviamo.")
    await there.work()

    assert [one.text for one in there.heard()][-1] == "Arriviamo."
    await balanced(mario)


async def test_colleagues_in_a_room_go_on_with_its_request_and_who_is_known_is_named(mario):
    there = await bound(mario)
    number = (await there.writes("La stampante non va.")).number
    alice = await replace(there, address="telegram:77", name="Ally").linked("alice")

    done = await alice.writes("Confermo.")

    assert (done.outcome, done.number) == ("attached", number)
    (said,) = await mario.desk.rows(tables.message, number, author_address="telegram:77")
    assert (said.author_name, said.trust) == ("Alice", "verified")
    people = {row.address: row.role for row in await mario.desk.rows(tables.participant, number)}
    assert people == {"telegram:4242": "sender", ROOM.key: "participant", "telegram:77": "sender"}


async def test_somebody_elses_contact_is_a_stranger_in_the_room(mario):
    there = await bound(mario)
    bob = await replace(there, address="telegram:88", name="Bobby").linked("bob")

    ticket = await mario.desk.ticket((await bob.writes()).number)

    assert (ticket.customer, ticket.contact, ticket.requester_name) == ("ACME", None, "Bobby")


async def test_the_question_which_request_is_asked_and_answered_in_the_room(mario):
    there = await bound(mario)
    first = (await there.writes("La stampante non va.")).number
    await there.does(command="new")
    await there.writes("La rete è lenta.")
    mario.desk.passes(minutes=31)
    await there.writes("È urgente!")

    colleague = replace(there, address="telegram:99", name="Carla")
    await colleague.presses(first)

    assert await there.texts(first) == ["La stampante non va.", "È urgente!"]
    private = replace(there, room=None)
    await private.does(command="status")
    assert "non ci sono" in private.last().text, "what is the room's is not in a private chat"
    await balanced(mario)


async def test_a_room_of_another_customer_now_hears_nothing_more(mario):
    there = await bound(mario)
    number = (await there.writes("La stampante non va.")).number
    await mario.desk.qualify(number)
    await mario.desk.db.write(lambda tx: tx.update(tables.chat, {"address": ROOM.key}, customer="BETA"))
    mario.desk.channel.sent.clear()
    mario.desk.passes(minutes=5)
    await there.work()

    assert not there.heard()


async def test_a_room_with_another_address_keeps_its_binding_and_its_requests(mario):
    there = await bound(mario)
    number = (await there.writes("La stampante non va.")).number
    assert await mario.desk.rows(tables.thread, address=ROOM.key)
    moved = replace(there, room=Address("telegram:-1009", "Acme IT"))

    await mario.desk.db.write(stopped.wished, ROOM.key, stop=True, now=mario.desk.now)
    assert (await moved.does(moved_from=ROOM.key)).reason == "moved"
    assert [row.address for row in await mario.desk.rows(tables.bad_address)] == [moved.here]
    done = await moved.writes("Ancora?")

    assert (done.outcome, done.number) == ("attached", number)
    assert (await moved.chat()).customer == "ACME"
    assert not await mario.desk.rows(tables.chat, address=ROOM.key)
    assert not await mario.desk.rows(tables.thread, address=ROOM.key)
    await balanced(mario)


async def test_a_room_heard_under_its_new_address_first_is_bound_once_it_is_told(mario):
    there = await bound(mario)
    number = (await there.writes("La stampante non va.")).number
    moved = replace(there, room=Address("telegram:-1009", "Acme IT"))
    assert (await moved.writes("Eccoci.")).reason == "unbound_room"

    await moved.does(moved_from=ROOM.key)

    assert (await moved.writes("Ancora?")).number == number
    await balanced(mario)


# --- Gone, and seen ---


async def test_what_waits_for_who_left_fails_at_once_and_staff_see_it(mario):
    number = (await mario.writes()).number
    await mario.desk.qualify(number, customer="ACME")

    done = await mario.does(gone=True)

    assert (done.outcome, done.reason) == ("machine", "gone")
    states = {row.state for row in await mario.desk.deliveries(number, kind="progress")}
    assert states == {"given_up"}
    assert "undelivered" in (await mario.desk.ticket(number)).flags
    assert [row.kind for row in await mario.desk.events(number, "chat.")] == ["chat.left"]
    assert (await mario.chat()).gone_at == mario.desk.now
    await mario.writes("Sono tornato.")
    assert (await mario.chat()).gone_at is None
    await balanced(mario)


async def test_what_was_seen_stands_at_its_delivery(mario):
    number = (await mario.writes()).number
    receipt = mario.last()
    mario.desk.passes(minutes=1)

    await mario.does(seen=(receipt.ref, "telegram:4242/unknown"))

    (row,) = await mario.desk.deliveries(number)
    assert row.seen_at == mario.desk.now
    assert (await mario.chat()).seen_id == row.message_id


async def test_nobody_says_that_another_has_seen_something(mario):
    number = (await mario.writes()).number
    eve = mario.another()

    assert (await eve.does(seen=(mario.last().ref,))).reason == "seen_unknown"
    (row,) = await mario.desk.deliveries(number)
    assert row.seen_at is None


# --- Floods ---


async def test_five_hundred_stickers_are_one_ticket_one_answer_and_a_heap_for_staff(mario):
    for _ in range(65):
        await mario.writes("", files=1)

    assert len(await mario.desk.rows(tables.ticket)) == 1
    held = await mario.desk.rows(tables.inbound, outcome="held")
    assert {row.reason for row in held} == {"sender_flood"}
    assert len(mario.heard()) == 1
    await balanced(mario)


async def test_who_left_and_is_known_is_told_another_way(mario):
    await mario.linked("alice")
    number = (await mario.writes()).number
    await mario.desk.qualify(number)

    await mario.does(gone=True)

    by_mail = await mario.desk.deliveries(number, address="alice@acme.test")
    assert [(row.channel, row.kind) for row in by_mail] == [("email", "progress")]
    await balanced(mario)
