"""One person on several channels of one request gets one answer: where they spoke last, at the end where they began."""

from __future__ import annotations

import pytest

from core.desk import chats, identities, page, requests, resolution, tickets, waiting
from core.desk.configuration import export
from core.desk.errors import Invalid, Refused
from core.envelope import Chat
from core.store import tables
from tests.chatting import CHAT, connects, leaves, writes_by_chat
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work
from tests.desk_files import put


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def told(desk: AtWork, number: str, kind: str) -> list[tuple[str, str]]:
    """Channel and address of everything of this kind that leaves now."""
    found = await desk.deliveries(number, kind=kind)
    return sorted((row.channel, row.address) for row in found if row.created_at == desk.now)


async def test_who_wrote_by_mail_and_then_from_a_chat_is_answered_once_and_there(desk):
    number = await desk.taken()
    desk.passes(minutes=5)
    await writes_by_chat(desk, number)

    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("telegram", CHAT)]
    assert [row.text for row in await desk.outward(number, "reply")] == ["Arriviamo."]


async def test_who_then_answers_by_mail_again_is_answered_by_mail(desk):
    number = await desk.taken()
    desk.passes(minutes=5)
    await writes_by_chat(desk, number)
    desk.passes(minutes=5)
    ref = await desk.ref(number, address="alice@acme.test")
    await desk.mail("alice@acme.test", own_refs=(ref,), authentication=PASSED)

    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("email", "alice@acme.test")]


async def test_the_closing_reports_go_where_the_request_began(desk):
    number = await desk.taken()
    desk.passes(minutes=5)
    await writes_by_chat(desk, number)
    ann = await desk.who("ann")

    await desk.do(resolution.resolve, ann, number, **SOLUTION)
    await desk.do(resolution.close, ann, number)

    assert await told(desk, number, "resolved") == [("email", "alice@acme.test")]
    assert await told(desk, number, "closed") == [("email", "alice@acme.test")]


async def test_progress_goes_where_they_spoke_last_and_a_colleague_hears_it_where_they_are(desk):
    number = await desk.two_people()
    await writes_by_chat(desk, number)
    desk.passes(minutes=2)

    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate la seconda linea.")

    assert await told(desk, number, "progress") == [("email", "aldo@acme.test"), ("telegram", CHAT)]


async def test_who_left_the_chat_is_answered_by_mail(desk):
    number = await desk.taken()
    desk.passes(minutes=5)
    await writes_by_chat(desk, number)
    await desk.db.write(leaves, CHAT, now=desk.now)

    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("email", "alice@acme.test")]


async def test_two_people_in_two_chats_are_answered_in_both(desk):
    number = await desk.two_people()
    await writes_by_chat(desk, number)
    await writes_by_chat(desk, number, "aldo", "telegram:77")

    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("telegram", CHAT), ("telegram", "telegram:77")]


async def test_an_automatic_word_that_nobody_can_get_is_still_on_the_ticket(desk):
    number = await desk.taken()
    await desk.db.write(_bounces, "alice@acme.test", now=desk.now)
    desk.passes(minutes=2)

    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate la seconda linea.")

    kept = (await desk.outward(number, "progress"))[-1]
    assert "seconda linea" in kept.text
    assert [row for row in await desk.deliveries(number) if row.message_id == kept.id] == []


def _bounces(tx, address: str, *, now) -> None:
    tx.insert(tables.bad_address, address=address, reason="hard bounce", at=now)


# --- Somebody in a chat whom staff name


async def strangers(desk: AtWork, where: str = "webchat:v1") -> str:
    """The number of what somebody unknown asked in a chat."""
    done = await desk.understand(await desk.arrive(where), where, channel="webchat")
    return done.number or ""


async def test_who_is_named_by_staff_goes_on_in_their_chat(desk):
    number = await strangers(desk)

    await desk.qualify(number, customer="ACME", contact="alice@acme.test")
    await desk.do(tickets.reply, await desk.who("tom"), number, "Arriviamo.")

    row = await desk.ticket(number)
    assert (row.contact, row.requester_name) == ((await desk.who("alice")).id, "Alice")
    assert await told(desk, number, "reply") == [("webchat", "webchat:v1")]
    again = await desk.understand(
        await desk.arrive("webchat:v1"), "webchat:v1", channel="webchat", chat=Chat()
    )
    assert (again.outcome, again.number) == ("attached", number)


async def test_staff_who_name_the_wrong_person_first_do_not_cut_the_chat_off(desk):
    number = await strangers(desk)
    await desk.qualify(number, customer="ACME", contact="alice@acme.test")

    await desk.qualify(number, contact="aldo@acme.test")
    await desk.do(tickets.reply, await desk.who("tom"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("webchat", "webchat:v1")]


async def test_a_chat_that_is_proved_to_be_hers_is_not_answered_for_somebody_else(desk):
    await connects(desk, address="webchat:v1")
    number = await strangers(desk)

    await desk.qualify(number, contact="aldo@acme.test")
    await desk.do(tickets.reply, await desk.who("tom"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("email", "aldo@acme.test")]


async def test_who_gave_an_address_in_a_chat_becomes_a_contact_of_the_customer_with_it(desk):
    number = await strangers(desk)
    await desk.db.write(_types, "webchat:v1", "new@acme.test")

    await desk.qualify(number, customer="ACME")

    (contact,) = await desk.rows(tables.contact, email="new@acme.test")
    assert ((await desk.ticket(number)).contact, contact.customer) == (contact.id, "ACME")


async def test_of_whom_nothing_is_known_but_their_chat_is_known_by_it_next_time_without_proof(desk):
    number = await strangers(desk)

    await desk.qualify(number, customer="ACME")

    contact = (await desk.ticket(number)).contact
    known = await desk.db.read(identities.behind, "webchat:v1")
    assert (known.contact, known.proof) == (contact, "staff")
    await desk.do(tickets.reply, await desk.who("tom"), number, "Arriviamo.")
    assert await told(desk, number, "reply") == [("webchat", "webchat:v1")]
    again = await desk.mail("webchat:v1", channel="webchat", chat=Chat(command=""))
    assert (await desk.ticket(again.number)).customer == "ACME"


async def test_the_configuration_neither_names_nor_removes_who_is_known_by_a_chat_alone(desk):
    number = await strangers(desk)
    await desk.qualify(number, customer="ACME")
    contact = (await desk.ticket(number)).contact

    file = await desk.db.read(export.export)
    await desk.db.write(put, file, now=desk.now)

    assert "webchat:v1" not in file
    (row,) = await desk.rows(tables.contact, id=contact)
    assert row.active


def _types(tx, address: str, email: str) -> None:
    row = chats.known(tx, address)
    chats.change(tx, row.id, email=email)


# --- Somebody who is known writes another way


async def by_chat(desk: AtWork, name: str = "alice") -> str:
    """The number of what somebody known asked in a chat."""
    await connects(desk, name)
    done = await desk.understand(await desk.arrive(CHAT), CHAT, channel="telegram", chat=Chat())
    return done.number or ""


async def threads_of(desk: AtWork, number: str) -> list[tuple[str, str]]:
    return [(row.channel, row.address) for row in await desk.rows(tables.thread, number)]


async def test_a_mail_with_the_number_of_a_request_from_a_chat_begins_a_conversation_by_mail(desk):
    number = await by_chat(desk)
    desk.passes(minutes=3)

    done = await desk.mail("alice@acme.test", ticket_numbers=(number,), authentication=PASSED)
    await desk.do(tickets.reply, await desk.who("tom"), number, "Arriviamo.")

    assert (done.outcome, done.number) == ("attached", number)
    assert await threads_of(desk, number) == [("telegram", CHAT), ("email", "alice@acme.test")]
    assert await told(desk, number, "reply") == [("email", "alice@acme.test")]
    again = await desk.mail("alice@acme.test", ticket_numbers=(number,), authentication=PASSED)
    assert again.number == number
    assert len(await threads_of(desk, number)) == 2


async def test_a_colleague_in_the_chat_is_of_the_request_by_mail_too(desk):
    number = await desk.taken()
    await connects(desk, "aldo")
    await writes_by_chat(desk, number, "aldo")
    desk.passes(minutes=3)

    done = await desk.mail("aldo@acme.test", ticket_numbers=(number,), authentication=PASSED)

    assert (done.outcome, done.number) == ("attached", number)


async def test_what_is_written_on_the_pages_is_answered_there_and_mailed(desk):
    number = await by_chat(desk)
    desk.passes(minutes=3)

    await desk.do(requests.write, await desk.who("alice"), number, "Ancora niente.")
    await desk.do(tickets.reply, await desk.who("tom"), number, "Arriviamo.")

    said = (await desk.rows(tables.message, number))[-2]
    assert (said.channel, said.direction, said.text) == ("portal", "in", "Ancora niente.")
    assert await told(desk, number, "reply") == [
        ("email", "alice@acme.test"),
        ("portal", "alice@acme.test"),
    ]


async def test_who_asked_by_mail_and_looks_into_the_portal_goes_on_in_one_conversation_by_mail(desk):
    number = await desk.taken()
    desk.passes(minutes=3)

    await desk.do(requests.write, await desk.who("alice"), number, "Ancora niente.")
    await desk.do(tickets.reply, await desk.who("tom"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("email", "alice@acme.test")]
    answer = (await desk.deliveries(number, kind="reply"))[-1]
    assert answer.thread_id == (await desk.rows(tables.thread, number, channel="email"))[0].id


async def test_a_stranger_who_is_taken_into_a_request_from_a_chat_is_not_written_to(desk):
    number = await by_chat(desk)
    token = await desk.token(number, CHAT)
    await desk.mail("eve@evil.test", reply_tokens=(token,))
    item = desk.last

    await desk.db.write(waiting.release, await desk.who("tom"), item, as_="message", now=desk.now)
    await desk.understand(item, "eve@evil.test", reply_tokens=(token,))
    desk.passes(minutes=3)
    await desk.do(tickets.reply, await desk.who("tom"), number, "Arriviamo.")

    assert (await desk.inbound(item)).outcome == "attached"
    assert await told(desk, number, "reply") == [("telegram", CHAT)]


async def test_who_is_excluded_is_so_on_all_their_channels(desk):
    number = await desk.two_people()
    await connects(desk, "aldo")
    await writes_by_chat(desk, number, "aldo")

    await desk.do(tickets.exclude, await desk.who("ann"), number, address="aldo@acme.test")
    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("email", "alice@acme.test")]


async def test_a_chat_is_excluded_by_its_address_and_brought_back(desk):
    number = await desk.taken()
    await connects(desk, "aldo")
    await writes_by_chat(desk, number, "aldo")
    ann = await desk.who("ann")

    await desk.do(tickets.exclude, ann, number, address=CHAT)
    await desk.do(tickets.reply, ann, number, "Arriviamo.")
    assert await told(desk, number, "reply") == [("email", "alice@acme.test")]

    desk.passes(minutes=1)
    await desk.do(tickets.include, ann, number, address=CHAT)
    await desk.do(tickets.reply, ann, number, "Eccoci.")
    assert await told(desk, number, "reply") == [("email", "alice@acme.test"), ("telegram", CHAT)]
    with pytest.raises(Refused):
        await desk.do(tickets.include, ann, number, address="telegram:1")


# --- Staff choose


async def reply_by(desk: AtWork, number: str, by: dict[str, str], **more: bool) -> None:
    ann = await desk.who("ann")
    await desk.do(tickets.reply, ann, number, "Arriviamo.", by=by, **more)


async def ways(desk: AtWork, number: str) -> dict[str, list[str]]:
    """Name to the addresses by which they can be answered, as staff see it."""
    view = await desk.db.read(page.ticket, await desk.who("ann"), number, now=desk.now)
    return {one.name: [way.address for way in one.ways] for one in view.answers}


async def test_staff_see_who_gets_an_answer_and_every_way_that_is_proved_theirs(desk):
    number = await desk.two_people()
    await connects(desk)
    await connects(desk, "aldo", "telegram:77", proof="staff")

    assert await ways(desk, number) == {
        "Alice": ["alice@acme.test", CHAT],
        "Aldo": ["aldo@acme.test"],
    }


async def test_staff_answer_one_time_in_a_chat_that_has_no_part_in_the_request_yet(desk):
    number = await desk.taken()
    await connects(desk)

    await reply_by(desk, number, {"alice@acme.test": CHAT})

    assert await told(desk, number, "reply") == [("telegram", CHAT)]
    desk.passes(minutes=1)
    await reply_by(desk, number, {})
    assert await told(desk, number, "reply") == [("email", "alice@acme.test")]
    done = await desk.mail(CHAT, channel="telegram", chat=Chat())
    assert done.number == number


async def test_from_now_on_holds_until_the_person_writes_from_elsewhere(desk):
    number = await desk.taken()
    await connects(desk)
    await reply_by(desk, number, {"alice@acme.test": CHAT}, from_now_on=True)
    desk.passes(minutes=1)

    await reply_by(desk, number, {})
    assert await told(desk, number, "reply") == [("telegram", CHAT)]
    (event,) = await desk.events(number, "people.answered_at")
    assert event.data["channel"] == "telegram"

    desk.passes(minutes=1)
    await desk.mail("alice@acme.test", ticket_numbers=(number,), authentication=PASSED)
    desk.passes(minutes=1)
    await reply_by(desk, number, {})
    assert await told(desk, number, "reply") == [("email", "alice@acme.test")]


async def test_nobody_is_answered_at_an_address_that_is_not_known_to_be_theirs(desk):
    number = await desk.two_people()
    await connects(desk, "aldo", "telegram:77")

    for by in (
        {"alice@acme.test": "telegram:77"},
        {"alice@acme.test": "eve@evil.test"},
        {"eve@evil.test": "alice@acme.test"},
    ):
        with pytest.raises(Invalid):
            await reply_by(desk, number, by)

    assert await told(desk, number, "reply") == []


async def test_an_address_that_is_typed_in_a_chat_shows_nothing_of_whose_it_is(desk):
    """A015: only what was proved opens what is somebody's."""
    hers = await desk.taken()
    number = await strangers(desk)
    await desk.db.write(_types, "webchat:v1", "alice@acme.test")
    await desk.qualify(number, customer="ACME")
    assert (await desk.ticket(number)).contact not in (None, (await desk.who("alice")).id)

    await desk.mail("webchat:v1", kind="act", channel="webchat", text="", chat=Chat(command="status"))
    await desk.do(tickets.reply, await desk.who("ann"), hers, "Per Alice.")

    words = " ".join(row.text for row in await desk.rows(tables.chat_word))
    assert number in words
    assert hers not in words
    assert await told(desk, hers, "reply") == [("email", "alice@acme.test")]
    known = await desk.db.read(identities.behind, "webchat:v1")
    assert (known.contact != (await desk.who("alice")).id, known.proof) == (True, "staff")
