"""What staff know and say of a person on all channels: accounts, names, an invitation; and whose the rooms are."""

from __future__ import annotations

import re

import pytest

from core.desk import case, chats, identities, linking, persons, rooms, tickets
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.envelope import Address, Chat
from core.store import tables
from tests.chatting import CHAT, connects, leaves
from tests.desk_at_work import AtWork, at_work

ROOM = "telegram:-1009"


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def card(desk: AtWork, name: str = "alice", who: str = "tom") -> persons.Person:
    return await desk.db.read(persons.card, await desk.who(who), (await desk.who(name)).id)


async def act(desk: AtWork, verb, who: str, *words: str) -> None:
    await desk.db.write(verb, await desk.who(who), *words, now=desk.now)


async def wrote(desk: AtWork, where: str = CHAT) -> str:
    done = await desk.mail(where, channel="telegram", chat=Chat())
    return done.number or ""


async def test_staff_see_all_accounts_of_a_person_how_they_are_known_and_whether_they_work(desk):
    await connects(desk)
    await connects(desk, address="telegram:77", proof="staff")
    await desk.db.write(leaves, CHAT, now=desk.now)

    found = await card(desk)

    assert [(one.address, one.proof, one.gone) for one in found.accounts] == [
        (CHAT, "link", True),
        ("telegram:77", "staff", False),
    ]
    with pytest.raises(NotFound):
        await card(desk, who="alice")


async def test_what_staff_say_of_a_chat_names_its_person_and_proves_nothing(desk):
    await wrote(desk)
    alice = (await desk.who("alice")).id

    await act(desk, persons.this_is, "tom", alice, CHAT)

    assert (await desk.db.read(identities.behind, CHAT)).proof == "staff"
    desk.passes(days=2)
    again = await desk.mail(CHAT, channel="telegram", chat=Chat(command="new"), kind="act")
    number = await wrote(desk)
    row = await desk.ticket(number)
    assert again.number is None
    assert (row.contact, row.trust) == (alice, "weak")
    await act(desk, persons.disconnect, "tom", alice, CHAT)
    assert await desk.db.read(identities.behind, CHAT) is None


async def test_what_was_proved_staff_do_not_say_otherwise_and_leaders_alone_end(desk):
    await connects(desk)
    alice, aldo = (await desk.who("alice")).id, (await desk.who("aldo")).id

    with pytest.raises(Refused):
        await act(desk, persons.this_is, "tom", aldo, CHAT)
    with pytest.raises(Forbidden):
        await act(desk, persons.disconnect, "tom", alice, CHAT)
    with pytest.raises(NotFound):
        await act(desk, persons.disconnect, "lea", aldo, CHAT)

    await act(desk, persons.disconnect, "lea", alice, CHAT)
    assert await desk.db.read(identities.behind, CHAT) is None


async def test_of_a_chat_that_never_wrote_nothing_is_said(desk):
    with pytest.raises(Refused):
        await act(desk, persons.this_is, "tom", (await desk.who("alice")).id, "telegram:1")


# --- An invitation


async def invited(desk: AtWork) -> str:
    """The token that came by mail."""
    await act(desk, persons.invite, "tom", (await desk.who("alice")).id, "telegram")
    await desk.work()
    (mailed,) = [one for one in desk.channel.sent if one.kind == "account_invited"]
    assert mailed.to.address == "alice@acme.test"
    return re.search(r"/connect/telegram\?token=([a-z2-7]{26})\s", mailed.text)[1]


async def test_who_is_invited_gets_a_link_whose_button_gives_a_code_once(desk):
    token = await invited(desk)
    alice = await desk.who("alice")
    for _ in range(2):
        assert await desk.db.read(linking.invited, token, "telegram", now=desk.now) == alice

    issued = await desk.db.write(linking.accept, token, "telegram", now=desk.now)

    assert await desk.db.write(linking.accept, token, "telegram", now=desk.now) is None
    await desk.db.write(_brings, issued.code, desk)
    assert (await desk.db.read(identities.behind, CHAT)).contact == alice.id


async def test_an_invitation_is_for_its_channel_and_lapses(desk):
    token = await invited(desk)

    assert await desk.db.read(linking.invited, token, "xmpp", now=desk.now) is None
    desk.passes(hours=73)
    assert await desk.db.read(linking.invited, token, "telegram", now=desk.now) is None


def _brings(tx, code: str, desk: AtWork) -> None:
    linking.redeem(tx, chats.came(tx, "telegram", Address(CHAT), now=desk.now), code, now=desk.now)


# --- Rooms


async def says_in_room(desk: AtWork, author: str = CHAT, text: str = "Ferma."):
    room = Chat(room=Address(ROOM, "Acme e noi"))
    return await desk.mail(author, channel="telegram", text=text, chat=room)


async def room(desk: AtWork) -> rooms.Room:
    (found,) = await desk.db.read(rooms.listing, await desk.who("tom"))
    return found


async def test_a_room_is_taken_in_once_it_is_bound_and_its_people_are_answered_there(desk):
    assert (await says_in_room(desk)).reason == "unbound_room"
    found = await room(desk)
    assert (found.title, found.customer) == ("Acme e noi", None)

    await act(desk, rooms.bind, "lea", found.id, "ACME")
    done = await says_in_room(desk)

    assert (await desk.ticket(done.number)).customer == "ACME"
    await desk.do(tickets.reply, await desk.who("tom"), done.number, "Arriviamo.")
    assert [row.address for row in await desk.deliveries(done.number, kind="reply")] == [ROOM]


async def test_once_it_is_nobodys_room_nothing_of_a_request_is_said_there(desk):
    await says_in_room(desk)
    found = await room(desk)
    await act(desk, rooms.bind, "lea", found.id, "ACME")
    done = await says_in_room(desk)
    await desk.do(tickets.reply, await desk.who("tom"), done.number, "Arriviamo.")

    await act(desk, rooms.unbind, "lea", found.id)

    assert {row.state for row in await desk.deliveries(done.number)} == {"withdrawn"}
    with pytest.raises(Refused):
        await desk.do(tickets.reply, await desk.who("tom"), done.number, "Eccoci.")
    assert (await says_in_room(desk)).reason == "unbound_room"
    told = [row.kind for row in await desk.rows(tables.event, ticket_id=case.ADMINISTRATION)]
    assert [kind for kind in told if kind.startswith("room.")] == ["room.bound", "room.unbound"]


async def test_leaders_bind_a_room_to_a_customer_there_is_and_to_one_at_a_time(desk):
    await says_in_room(desk)
    found = await room(desk)

    with pytest.raises(Forbidden):
        await act(desk, rooms.bind, "tom", found.id, "ACME")
    with pytest.raises(Forbidden):
        await desk.db.read(rooms.listing, await desk.who("alice"))
    with pytest.raises(NotFound):
        await act(desk, rooms.bind, "alice", found.id, "ACME")
    with pytest.raises(NotFound):
        await act(desk, rooms.bind, "lea", "x", "ACME")
    with pytest.raises(Invalid):
        await act(desk, rooms.bind, "lea", found.id, "NOBODY")
    with pytest.raises(Refused):
        await act(desk, rooms.unbind, "lea", found.id)
    await act(desk, rooms.bind, "lea", found.id, "ACME")
    await act(desk, rooms.bind, "lea", found.id, "ACME")
    with pytest.raises(Refused):
        await act(desk, rooms.bind, "lea", found.id, "BETA")
