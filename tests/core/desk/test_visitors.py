"""Whom does the desk take a visitor of a web page for? A stranger, until something is proved."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from core.desk import (
    identities,
    links,
    merging,
    people,
    visitor_codes,
    visitor_states,
    visitor_talk,
    visitors,
)
from core.desk.errors import Invalid, Refused
from core.envelope import Arrival
from core.rules.visitor_tokens import BadToken, signed
from core.store import tables
from tests.desk_at_work import at_work
from web.chat import reading

KEY = b"the key of the shop, 32 characters"
SECRET = "a secret of a browser, long"


@pytest.fixture
async def desk(db):
    return await at_work(db)


def visitor(secret=SECRET, *, customer="ACME"):
    return visitors.by_secret("shop", secret, customer=customer)


async def say(desk, who, text, ref="ref-1", **more):
    raw = reading.written(who.address, ref, text=text, contact=who.contact)
    arrival = Arrival(
        channel="webchat",
        external_id=f"{who.address}/{ref}",
        raw=raw,
        received_at=desk.now,
        sender=who.address,
    )
    said = reading.read(raw, {}, {})
    return await desk.db.write(visitors.receive, who, arrival, said, now=desk.now, **more)


def token(desk, once="0123456789", site="shop", **claims):
    said = {"aud": f"centralino:{site}", "sub": "alice@acme.test", "jti": once, "name": "Alice"}
    return signed(said | {"exp": (desk.now + timedelta(minutes=4)).timestamp()} | claims, KEY)


async def identify(desk, who, given):
    return await desk.db.write(visitors.identify, who, given, KEY, now=desk.now)


async def standing(desk, who):
    talk = await desk.db.read(visitor_talk.conversation, who)
    return await desk.db.read(visitor_states.standing, who, talk, language="en", line=(), now=desk.now)


def test_what_anybody_could_guess_is_no_secret():
    for weak in ("", "short", "x" * 101, "ünicode in a long secret"):
        with pytest.raises(Invalid):
            visitors.by_secret("shop", weak)


def test_another_secret_or_another_site_is_another_visitor():
    assert visitor().address == visitor().address
    assert visitor("another secret of a browser").address != visitor().address
    assert visitors.by_secret("other", SECRET).address != visitor().address
    with_address = visitors.by_secret("shop", visitor().address.partition(":")[2])
    assert with_address.address != visitor().address


async def test_what_a_visitor_says_of_themselves_proves_nothing(desk):
    who = visitor()
    await desk.db.write(visitors.claim, who, name="Alice", email="alice@acme.test", now=desk.now)

    done = await say(desk, who, "Help.")

    ticket = await desk.ticket(done.number)
    assert (ticket.customer, ticket.contact, ticket.trust) == (None, None, "none")
    assert ticket.requester_name == "Alice"
    assert (await standing(desk, who)).known == ""
    (chat,) = await desk.rows(tables.chat)
    assert chat.email == "alice@acme.test"


async def test_who_the_site_vouches_for_is_known_and_what_they_wrote_before_is_theirs(desk):
    who = visitor()
    before = await say(desk, who, "Help.")

    assert await identify(desk, who, token(desk)) == "known"

    alice = (await desk.who("alice")).id
    assert await desk.db.read(identities.proved_contact, who.address) == alice
    assert (await desk.ticket(before.number)).contact == alice
    after = await say(desk, who, "It is urgent.", "ref-2")
    assert (await desk.ticket(after.number)).trust == "verified"
    assert (await standing(desk, who)).known == "Alice"


async def test_a_token_is_good_once_and_an_expired_or_foreign_one_never(desk):
    who = visitor()
    given = token(desk)
    await identify(desk, visitor("somebody else's browser, really"), given)

    with pytest.raises(BadToken, match="replayed"):
        await identify(desk, who, given)
    with pytest.raises(BadToken, match="audience"):
        await identify(desk, who, token(desk, site="club"))
    old = token(desk, "another-one")
    desk.passes(minutes=10)
    with pytest.raises(BadToken, match="expired"):
        await identify(desk, who, old)

    assert await desk.db.read(identities.behind, who.address) is None


async def test_a_site_vouches_for_people_of_its_customer_alone(desk):
    assert await identify(desk, visitor(), token(desk, sub="bob@beta.test", name="Bob")) == "stranger"

    done = await say(desk, visitor(), "I am Bob.")

    ticket = await desk.ticket(done.number)
    assert (ticket.contact, ticket.trust, ticket.requester_name) == (None, "none", "Bob")


async def test_a_site_of_no_customer_vouches_where_there_is_exactly_one(desk):
    who = visitor(customer=None)

    assert await identify(desk, who, token(desk, sub="bob@beta.test")) == "known"


async def test_a_browser_of_somebody_is_not_given_to_the_next_and_their_token_is_not_used_up(desk):
    who = visitor()
    await identify(desk, who, token(desk, "first-token"))
    given = token(desk, "second-token", sub="aldo@acme.test")

    assert await identify(desk, who, given) == "another"
    assert await identify(desk, visitor("the new secret of this browser"), given) == "known"

    assert await desk.db.read(identities.proved_contact, who.address) == (await desk.who("alice")).id


async def test_too_many_conversations_do_not_begin_at_one_network_address(desk):
    here = {"network": "192.0.2.7", "most": 3}
    for n in range(3):
        await say(desk, visitor(f"secret number {n:020}"), "Hi.", **here)

    with pytest.raises(Refused):
        await say(desk, visitor("one secret too many, sorry"), "Hi.", **here)

    await say(desk, visitor(f"secret number {1:020}"), "Still here.", "ref-2", **here)
    await say(desk, visitor("somewhere else, another one"), "Hi.", network="192.0.2.8", most=3)


# --- Codes by mail --------------------------------------------------------------------------------------------


async def ask(desk, who, email):
    await desk.db.write(
        visitor_codes.ask, who, email, channel="email", language="en", network="192.0.2.7", now=desk.now
    )
    await desk.work()
    return re.search(r"\b(\d{6})\b", desk.channel.sent[-1].text)[1]


async def prove(desk, who, email, code):
    return await desk.db.write(visitor_codes.prove, who, email, code, now=desk.now)


async def test_six_digits_from_the_mailbox_prove_who_somebody_is(desk):
    who = visitor()
    code = await ask(desk, who, "Alice@acme.test")

    assert await prove(desk, who, "alice@acme.test", f"{code[:3]} {code[3:]}")

    assert await desk.db.read(identities.proved_contact, who.address) == (await desk.who("alice")).id
    assert not await prove(desk, who, "alice@acme.test", code)


async def test_a_stranger_proves_a_mailbox_and_nothing_more(desk):
    who = visitor()
    code = await ask(desk, who, "zoe@elsewhere.test")

    assert await prove(desk, who, "zoe@elsewhere.test", code)

    assert await desk.db.read(identities.behind, who.address) is None
    (chat,) = await desk.rows(tables.chat)
    assert chat.email == "zoe@elsewhere.test"


async def test_a_code_is_for_the_browser_and_the_mailbox_that_it_was_asked_for(desk):
    who = visitor()
    code = await ask(desk, who, "alice@acme.test")

    assert not await prove(desk, visitor("another secret of a browser"), "alice@acme.test", code)
    assert not await prove(desk, who, "aldo@acme.test", code)
    assert await prove(desk, who, "alice@acme.test", code)


async def test_a_code_does_not_give_somebodys_conversation_to_the_next_at_their_browser(desk):
    who = visitor()
    await identify(desk, who, token(desk))
    code = await ask(desk, who, "aldo@acme.test")

    with pytest.raises(Refused):
        await prove(desk, who, "aldo@acme.test", code)

    assert await desk.db.read(identities.proved_contact, who.address) == (await desk.who("alice")).id


async def test_who_turned_out_to_be_another_keeps_their_conversation(desk):
    who, lea = visitor(), await desk.who("lea")
    await identify(desk, who, token(desk, sub="aldo@acme.test"))
    alice, aldo = (await desk.who("alice")).id, (await desk.who("aldo")).id
    await desk.db.write(merging.merge, lea, aldo, alice, now=desk.now)

    for n, sub in enumerate(("alice@acme.test", "aldo@acme.test", aldo)):
        assert await identify(desk, who, token(desk, f"once-more-{n}", sub=sub)) == "known"

    assert await desk.db.read(identities.proved_contact, who.address) == alice


async def test_what_waits_for_a_choice_and_is_sent_again_is_the_same(desk):
    who = visitor()
    await say(desk, who, "The printer burns.", "ref-1")
    desk.passes(hours=25)

    first = await say(desk, who, "And now?", "ref-2")
    again = await say(desk, who, "And now?", "ref-2")

    assert (first.outcome, first.number) == (again.outcome, again.number) == ("held", None)


async def test_a_code_lives_ten_minutes_and_three_tries(desk):
    who = visitor()
    old = await ask(desk, who, "alice@acme.test")
    desk.passes(minutes=11)
    assert not await prove(desk, who, "alice@acme.test", old)

    code = await ask(desk, who, "alice@acme.test")
    for wrong in ("000000", "111111", "x"):
        assert not await prove(desk, who, "alice@acme.test", wrong)
    with pytest.raises(Refused):
        await prove(desk, who, "alice@acme.test", code)


async def test_a_new_code_ends_the_old_one_and_after_six_none_is_sent(desk):
    who = visitor()
    codes = [await ask(desk, who, "alice@acme.test") for _ in range(visitor_codes.SENDS)]

    with pytest.raises(Refused):
        await ask(desk, who, "alice@acme.test")
    assert not await prove(desk, who, "alice@acme.test", codes[0])
    assert await prove(desk, who, "alice@acme.test", codes[-1])


async def test_a_code_for_a_known_and_an_unknown_mailbox_leaves_the_same_rows(desk):
    for email in ("alice@acme.test", "zoe@elsewhere.test"):
        await desk.db.write(
            visitor_codes.ask, visitor(), email, channel="email", language="en", network="", now=desk.now
        )

    first, second = await desk.rows(tables.job, kind="letter")
    assert first.payload.keys() == second.payload.keys()
    await desk.work()
    assert {one.to.address for one in desk.channel.sent} == {"alice@acme.test", "zoe@elsewhere.test"}
    assert len({len(one.text) for one in desk.channel.sent}) == 1


async def test_no_code_is_stored_anywhere(desk):
    code = await ask(desk, visitor(), "alice@acme.test")

    for table in (tables.job, tables.one_time_link, tables.event, tables.brake):
        assert code not in str([tuple(row) for row in await desk.rows(table)])


async def test_what_is_no_address_is_refused(desk):
    for wrong in ("", "alice", "alice@acme.test, eve@evil.test", "a b@c.test"):
        with pytest.raises(Invalid):
            await ask(desk, visitor(), wrong)
        if wrong:
            with pytest.raises(Invalid):
                await desk.db.write(visitors.claim, visitor(), name="", email=wrong, now=desk.now)


async def test_staff_are_nobody_a_site_vouches_for(desk):
    staff = (await desk.who("ann")).id
    assert await desk.db.read(people.contact, staff) is None

    assert await identify(desk, visitor(), token(desk, sub=staff)) == "stranger"


async def test_what_lapsed_is_forgotten(desk):
    await identify(desk, visitor(), token(desk))
    await ask(desk, visitor(), "alice@acme.test")
    assert len(await desk.rows(tables.one_time_link)) == 2

    desk.passes(days=2)
    await desk.db.write(links.forget, now=desk.now)

    assert await desk.rows(tables.one_time_link) == []
