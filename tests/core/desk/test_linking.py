"""An account of a chat is a person's by a code of one use: minutes long, for one channel, refused to anybody else (A018)."""

from __future__ import annotations

import asyncio

import pytest

from core.desk import accounts, case, chats, identities, linking, tickets, tidying
from core.desk.errors import NotFound, Refused
from core.envelope import Address
from core.store import tables
from tests.chatting import connects, writes_by_chat
from tests.desk_at_work import AtWork, at_work

HERS = "telegram:4242"
ANOTHER = "telegram:6666"


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def code(desk: AtWork, name: str = "alice", channel: str = "telegram") -> str:
    return (await desk.db.write(linking.issue, await desk.who(name), channel, now=desk.now)).code


def brought(tx, address: str, code: str, *, kind: str = "person", now) -> str:
    """As intake does it: a refusal becomes words, and what it left behind is kept."""
    who = Address(address, "Cool Name")
    chat = chats.came(tx, address.partition(":")[0], who, kind=kind, now=now)
    try:
        return linking.redeem(tx, chat, code, now=now)
    except Refused as refused:
        return refused.code if str(refused) else "without words"


async def bring(desk: AtWork, code: str, address: str = HERS, **more) -> str:
    return await desk.db.write(brought, address, code, now=desk.now, **more)


async def behind(desk: AtWork, address: str = HERS):
    return await desk.db.read(identities.behind, address)


async def letters(desk: AtWork) -> list[tuple[str, str]]:
    desk.channel.sent.clear()
    await desk.work()
    return [(one.kind, one.to.address) for one in desk.channel.sent]


async def administration(desk: AtWork, kind: str):
    return [row.data for row in await desk.rows(tables.event, ticket_id=case.ADMINISTRATION, kind=kind)]


async def test_who_brings_the_code_from_a_chat_is_that_person_there_and_is_told_by_mail(desk):
    alice = await desk.who("alice")

    assert await bring(desk, await code(desk)) == "Alice"

    known = await behind(desk)
    assert (known.contact, known.agent, known.proof) == (alice.id, None, "link")
    assert (known.by, known.since) == (alice.actor, desk.now)
    assert await letters(desk) == [("account_linked", "alice@acme.test")]
    assert "«Cool Name»" in desk.channel.sent[0].text
    assert "http://127.0.0.1:8080/account" in desk.channel.sent[0].text
    (told,) = await administration(desk, "identity.linked")
    assert told["person"] == alice.actor
    assert "4242" not in str(told)


async def test_staff_connect_their_account_the_same_way(desk):
    assert await bring(desk, await code(desk, "ann")) == "Ann"

    known = await behind(desk)
    assert (known.contact, known.agent) == (None, (await desk.who("ann")).id)


async def test_the_code_is_stored_nowhere_but_as_a_hash(desk):
    shown = await code(desk)

    assert shown not in str(await desk.rows(tables.one_time_link))
    assert len(shown) == 26


async def test_a_second_chat_with_the_same_code_is_refused_and_its_owner_is_told(desk):
    hers = await code(desk)
    await bring(desk, hers)
    await letters(desk)

    assert await bring(desk, hers, ANOTHER) == "link_used"

    assert await behind(desk, ANOTHER) is None
    assert (await behind(desk)).contact == (await desk.who("alice")).id
    assert await letters(desk) == [("account_code_misused", "alice@acme.test")]


async def test_the_same_chat_may_bring_its_code_twice(desk):
    hers = await code(desk)
    await bring(desk, hers)

    assert await bring(desk, hers) == "Alice"
    assert len(await administration(desk, "identity.linked")) == 1


async def test_a_code_works_for_ten_minutes(desk):
    hers = await code(desk)
    desk.passes(minutes=10)

    assert await bring(desk, hers) == "link_expired"
    assert await behind(desk) is None


async def test_a_new_code_takes_the_place_of_the_one_before(desk):
    first, second = await code(desk), await code(desk)

    assert await bring(desk, first) == "link_used"
    assert await bring(desk, second) == "Alice"


async def test_a_code_is_good_on_its_channel_alone(desk):
    assert await bring(desk, await code(desk, channel="xmpp")) == "link_unknown"


async def test_a_chat_that_is_somebody_elses_is_not_taken_over_by_a_code(desk):
    await bring(desk, await code(desk))

    assert await bring(desk, await code(desk, "bob")) == "link_taken"
    assert (await behind(desk)).contact == (await desk.who("alice")).id


async def test_what_staff_said_of_a_chat_gives_way_to_a_proof(desk):
    bob = await desk.who("bob")
    chat = await desk.db.write(chats.came, "telegram", Address(HERS), now=desk.now)
    await desk.db.write(
        lambda tx: identities.bind(
            tx, chats.one(tx, chat.id), contact=bob.id, proof="staff", by="agent:x", now=desk.now
        )
    )

    assert await bring(desk, await code(desk)) == "Alice"
    assert (await behind(desk)).proof == "link"


async def test_a_room_is_nobodys_account(desk):
    hers = await code(desk)

    assert await bring(desk, hers, "telegram:-1009", kind="room") == "link_room"
    assert await bring(desk, hers) == "Alice"


async def test_a_chat_that_guesses_waits_even_with_the_right_code(desk):
    for n in range(linking.WRONG_OF_CHAT):
        assert await bring(desk, f"guess{n}", ANOTHER) == "link_unknown"
    hers = await code(desk)

    assert await bring(desk, hers, ANOTHER) == "link_wait"
    assert await bring(desk, hers) == "Alice"
    desk.passes(minutes=25)
    assert await bring(desk, await code(desk, "bob"), ANOTHER) == "Bob"


async def test_many_chats_that_guess_together_wait_all(desk):
    def guesses(tx) -> None:
        for n in range(linking.WRONG_OF_ALL):
            assert brought(tx, f"telegram:{n + 1}", "guess", now=desk.now) == "link_unknown"

    await desk.db.write(guesses)

    assert await bring(desk, await code(desk)) == "link_wait"


async def test_nobody_asks_for_codes_without_end(desk):
    alice = await desk.who("alice")
    for _ in range(linking.ISSUED):
        await desk.db.write(linking.issue, alice, "telegram", now=desk.now)

    with pytest.raises(Refused, match="wait an hour"):
        await desk.db.write(linking.issue, alice, "telegram", now=desk.now)


async def test_two_chats_at_once_with_one_code_are_one_account(desk):
    hers = await code(desk)

    told = await asyncio.gather(bring(desk, hers), bring(desk, hers, ANOTHER))

    assert sorted(told) == ["Alice", "link_used"]
    assert len(await desk.rows(tables.identity)) == 1


async def test_the_code_of_somebody_who_left_connects_nobody(desk):
    hers = await code(desk)
    alice = await desk.who("alice")
    await desk.db.write(lambda tx: tx.update(tables.contact, {"id": alice.id}, active=False))

    assert await bring(desk, hers) == "link_unknown"


async def test_what_was_asked_in_this_chat_before_is_hers_now(desk):
    asked = await desk.mail("mario@elsewhere.test")
    other = await desk.mail("luigi@elsewhere.test")
    await desk.db.write(_as_in_chat, asked.ticket_id)

    await bring(desk, await code(desk))

    alice = await desk.who("alice")
    row = await desk.ticket(asked.number)
    assert (row.contact, row.customer, row.requester_name) == (alice.id, "ACME", "Alice")
    assert row.requester_address == HERS
    assert row.requester_since is None
    assert [one.actor for one in await desk.events(asked.number, "requester.recognised")] == [alice.actor]
    assert (await desk.ticket(other.number)).contact is None


async def test_what_is_another_customers_stays_theirs(desk):
    asked = await desk.mail("mario@beta.test")
    await desk.db.write(_as_in_chat, asked.ticket_id)

    await bring(desk, await code(desk))

    assert (await desk.ticket(asked.number)).contact is None


async def test_codes_that_lapsed_are_forgotten(desk):
    await code(desk)

    desk.passes(days=2)
    await desk.db.write(tidying.tidy, now=desk.now)

    assert await desk.rows(tables.one_time_link) == []


async def test_a_person_is_found_by_their_id_alone(desk):
    for name in ("ann", "alice"):
        who = await desk.who(name)
        assert await desk.db.read(accounts.person, who.id) == who


def _as_in_chat(tx, ticket_id: str) -> None:
    """The stranger of this ticket wrote in the chat."""
    tx.update(tables.ticket, {"id": ticket_id}, requester_address=HERS)
    tx.update(tables.participant, {"ticket_id": ticket_id}, address=HERS)
    tx.update(tables.thread, {"ticket_id": ticket_id}, address=HERS, channel="telegram")


# --- Disconnecting


async def disconnect(desk: AtWork, name: str = "alice", address: str = HERS) -> None:
    await desk.db.write(linking.disconnect, await desk.who(name), address, now=desk.now)


async def test_who_disconnects_a_chat_is_answered_by_mail_in_the_same_conversation(desk):
    await connects(desk)
    done = await desk.understand(await desk.arrive(HERS), HERS, channel="telegram")
    tom = await desk.who("tom")
    await desk.do(tickets.reply, tom, done.number, "Prima.")

    await disconnect(desk)
    await desk.do(tickets.reply, tom, done.number, "Dopo.")

    sent = [(row.channel, row.address, row.state) for row in await desk.deliveries(done.number, kind="reply")]
    assert sent == [("telegram", HERS, "withdrawn"), ("email", "alice@acme.test", "queued")]
    assert (await desk.ticket(done.number)).requester_address == "alice@acme.test"
    assert await desk.db.read(linking.mine, await desk.who("alice")) == []
    (told,) = await administration(desk, "identity.unlinked")
    assert told["person"] == (await desk.who("alice")).actor


async def test_what_comes_from_a_disconnected_chat_is_a_strangers(desk):
    await connects(desk)
    number = await desk.taken()
    await writes_by_chat(desk, number)
    ref = await desk.ref(number)

    await disconnect(desk)
    done = await desk.understand(await desk.arrive(HERS), HERS, channel="telegram", own_refs=(ref,))

    assert (done.outcome, done.number != number) == ("ticket", True)
    opened = await desk.ticket(done.number)
    assert (opened.customer, opened.contact, opened.trust) == (None, None, "none")


async def test_who_has_a_mail_conversation_too_is_not_entered_twice(desk):
    await connects(desk)
    number = await desk.taken()
    await writes_by_chat(desk, number)

    await disconnect(desk)

    there = [
        (row.address, row.state)
        for row in await desk.rows(tables.participant, number)
        if row.address in (HERS, "alice@acme.test")
    ]
    assert sorted(there) == [("alice@acme.test", "joined"), (HERS, "retired")]


async def test_only_ones_own_account_is_disconnected(desk):
    await connects(desk)

    with pytest.raises(NotFound):
        await disconnect(desk, "bob")
    with pytest.raises(NotFound):
        await disconnect(desk, address="telegram:1")

    assert (await behind(desk)).contact == (await desk.who("alice")).id
