"""Who forgot their password gets a link by mail: once, for ten minutes, and nobody learns from it who is known here."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.channel import DeliveryError
from core.desk import accounts, books, case, letters, links, new_passwords, tidying
from core.desk.accounts import Limits
from core.envelope import Kind, Report
from core.ids import token_hash
from core.store import tables
from tests.desk_at_work import CONFIGURED, AtWork, at_work
from tests.desk_files import put

LIMITS = Limits()
HERE = "192.0.2.1"
ELSEWHERE = "198.51.100.7"
NEW = "hash of a new one"
TWICE = """
[[customers]]
name = "Delta"
code = "DELTA"
language = "en"
  [[customers.contacts]]
  name = "Alice of Delta"
  email = "alice@acme.test"
"""


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def ask(desk: AtWork, email: str = "alice@acme.test", address: str = HERE) -> None:
    await desk.db.write(new_passwords.ask, email, address, channel="email", limits=LIMITS, now=desk.now)


async def link(desk: AtWork, email: str = "alice@acme.test", address: str = HERE) -> str:
    """The token that came by mail to who asked."""
    await ask(desk, email, address)
    await desk.work()
    return token_in(desk)


def token_in(desk: AtWork) -> str:
    return re.search(r"/reset\?token=([a-z2-7]{26})\s", desk.channel.sent[-1].text)[1]


async def works(desk: AtWork, token: str) -> bool:
    return await desk.db.read(new_passwords.whose, token, now=desk.now) is not None


async def use(desk: AtWork, token: str, password_hash: str = NEW):
    return await desk.db.write(
        new_passwords.by_link,
        token,
        password_hash,
        device="Firefox",
        limits=LIMITS,
        channel="email",
        now=desk.now,
    )


async def to_whom(desk: AtWork) -> list[tuple[str, str]]:
    return [(one.kind, one.to.address) for one in desk.channel.sent]


async def administration(desk: AtWork, *kinds: str):
    found = await desk.rows(tables.event, ticket_id=case.ADMINISTRATION)
    return [(row.kind, row.data) for row in found if row.kind in kinds]


# The link


async def test_who_asks_gets_a_link_in_their_language_as_mail_that_no_machine_answers(desk):
    await ask(desk, " Alice@ACME.test")
    await ask(desk, "bob@beta.test")
    await desk.work()

    hers, his = sorted(desk.channel.sent, key=lambda one: one.to.address)
    assert (hers.to.address, his.to.address) == ("alice@acme.test", "bob@beta.test")
    assert hers.subject == "Il collegamento per una nuova password"
    assert his.subject == "Your link to a new password"
    assert "http://127.0.0.1:8080/reset?token=" in hers.text
    assert "lunedì 2 marzo 2026, 10:10 (CET)" in hers.text
    assert "Monday 2 March 2026, 09:10 (GMT)" in his.text
    assert hers.automatic
    assert hers.reply_token is None
    assert hers.ticket_number == ""


async def test_the_link_sets_the_password_once_and_signs_in_on_this_device_alone(desk):
    found = accounts.Account(kind="contact", person=(await desk.who("alice")).id, password_hash=None)
    old, _ = await desk.db.write(accounts.begin, found, device="old", limits=LIMITS, now=desk.now)
    token = await link(desk)

    account, cookie = await use(desk, token)

    assert (account.person, account.password_hash) == (found.person, NEW)
    assert (await desk.db.read(accounts.account, "alice@acme.test")).password_hash == NEW
    signed = await desk.db.read(accounts.principal_of_cookie, cookie, LIMITS, now=desk.now)
    assert signed.principal.email == "alice@acme.test"
    assert await desk.db.read(accounts.principal_of_cookie, old, LIMITS, now=desk.now) is None
    assert await use(desk, token, "hash of another") is None
    assert (await desk.db.read(accounts.account, "alice@acme.test")).password_hash == NEW


async def test_staff_get_theirs_the_same_way(desk):
    account, _ = await use(desk, await link(desk, "ann@hub.test"))

    assert account.kind == "agent"
    assert (await desk.db.read(accounts.account, "ann@hub.test")).password_hash == NEW


async def test_it_lives_for_ten_minutes_and_looking_at_it_uses_nothing_up(desk):
    token = await link(desk)
    desk.passes(minutes=9, seconds=59)
    assert [await works(desk, token) for _ in range(3)] == [True] * 3

    desk.passes(seconds=1)

    assert not await works(desk, token)
    assert await use(desk, token) is None


async def test_the_newest_link_is_the_only_one(desk):
    first = await link(desk)
    bobs = await link(desk, "bob@beta.test")
    desk.passes(minutes=1)
    second = await link(desk)

    assert first != second
    assert [await works(desk, token) for token in (first, second, bobs)] == [False, True, True]


async def test_a_new_password_makes_links_void_however_it_came(desk):
    alice = await desk.who("alice")
    token = await link(desk)
    found = accounts.Account(kind="contact", person=alice.id, password_hash=None)

    await desk.db.write(
        new_passwords.change, found, NEW, device="", limits=LIMITS, channel="email", now=desk.now
    )

    assert not await works(desk, token)


async def test_who_is_put_out_of_use_meanwhile_cannot_use_it(desk):
    token = await link(desk)

    await desk.db.write(
        put, CONFIGURED.replace('name = "Alice"\n  email = "alice@', 'name = "Al"\n  email = "al@')
    )

    assert not await works(desk, token)
    assert await use(desk, token) is None


async def test_only_the_hash_of_the_link_is_ever_stored(desk):
    await ask(desk)
    before = await everything(desk)
    await desk.work()
    token = token_in(desk)
    after = await everything(desk)

    assert token not in before
    assert token not in after
    assert token_hash(token) in after


async def everything(desk: AtWork) -> str:
    return "".join([repr(await desk.rows(table)) for table in tables.metadata.sorted_tables])


async def test_lapsed_links_are_forgotten_at_night_and_the_set_up_is_remembered(desk):
    await link(desk)
    await desk.db.write(links.create, "setup", "first", life=timedelta(hours=1), now=desk.now)
    desk.passes(days=2)

    await desk.db.write(tidying.tidy, now=desk.now)

    assert [row.purpose for row in await desk.rows(tables.one_time_link)] == ["setup"]


# Who is meant


async def test_who_has_no_password_yet_chooses_the_first(desk):
    assert await desk.db.read(accounts.account, "gina@gamma.test") is None

    await use(desk, await link(desk, "gina@gamma.test"))

    assert (await desk.db.read(accounts.account, "gina@gamma.test")).password_hash == NEW


@pytest.mark.parametrize("has", ["nobody", "the second", "both"])
async def test_of_somebody_at_two_customers_it_is_the_log_in_that_their_address_opens(desk, has):
    await desk.db.write(put, CONFIGURED + TWICE)
    first, second = await desk.rows(tables.contact, email="alice@acme.test")
    chosen = {"nobody": (), "the second": (second,), "both": (first, second)}[has]
    for one in chosen:
        await desk.db.write(
            lambda tx, one=one: tx.update(tables.contact, {"id": one.id}, password_hash="old")
        )

    account, _ = await use(desk, await link(desk))

    assert account.person == (second if has == "the second" else first).id
    assert (await desk.db.read(accounts.account, "alice@acme.test")).person == account.person


async def test_of_two_customers_one_out_of_use_counts_for_nothing(desk):
    await desk.db.write(put, CONFIGURED + TWICE)
    first, second = await desk.rows(tables.contact, email="alice@acme.test")
    await desk.db.write(lambda tx: tx.update(tables.contact, {"id": first.id}, password_hash="old"))
    await desk.db.write(put, CONFIGURED.replace('"alice@acme.test"', '"al@acme.test"') + TWICE)
    await desk.db.write(lambda tx: tx.update(tables.contact, {"id": first.id}, active=True))
    await desk.db.write(lambda tx: tx.update(tables.customer, {"code": "ACME"}, active=False))

    account, _ = await use(desk, await link(desk))

    assert account.person == second.id


# What nobody may learn


async def test_asking_writes_the_same_rows_for_everybody_and_does_not_look_anybody_up(desk):
    await desk.db.write(
        put,
        CONFIGURED.replace(
            '[[agents]]\nemail = "tom@hub.test"\nname = "Tom"\nroles = ["contact-centre"]\n', ""
        ),
    )
    people = ("alice@acme.test", "tom@hub.test", "nobody@evil.test")

    asked = []
    for n, email in enumerate(people):
        before = await everything(desk)
        await ask(desk, email, f"192.0.2.{n}")
        after = await everything(desk)
        asked.append(len(after) - len(before) - 3 * len(email))
    jobs = await desk.rows(tables.job, kind="letter")

    assert len(jobs) == 3
    assert max(asked) - min(asked) < 10, "lengths of numbers only"
    assert await desk.rows(tables.one_time_link) == []
    await desk.work()
    assert await to_whom(desk) == [("password_link", "alice@acme.test")]
    assert await desk.rows(tables.job, kind="letter") == []


async def test_nobody_is_sent_more_than_three_an_hour_and_no_network_asks_for_more_than_twenty(desk):
    for n in range(5):
        await ask(desk, address=f"192.0.2.{n}")
        await desk.work()
        desk.passes(minutes=11)
    assert len(desk.channel.sent) == 3

    desk.passes(minutes=20)
    await ask(desk, "bob@beta.test", ELSEWHERE)
    await ask(desk)
    await desk.work()
    assert len(desk.channel.sent) == 5

    for n in range(25):
        await ask(desk, f"somebody{n}@evil.test", ELSEWHERE)
    assert len(await desk.rows(tables.job, kind="letter")) == 19


async def test_who_guessed_before_gets_in_with_the_new_password(desk):
    for _ in range(5):
        await desk.db.write(accounts.failed, "alice@acme.test", HERE, now=desk.now)
    assert not await desk.db.read(accounts.may_try, "alice@acme.test", HERE, LIMITS, now=desk.now)

    await use(desk, await link(desk))

    assert await desk.db.read(accounts.may_try, "alice@acme.test", HERE, LIMITS, now=desk.now)


# How it leaves


async def test_a_relay_that_fails_is_tried_again_with_the_same_link(desk):
    desk.channel.fails_with = DeliveryError("451 later")
    await ask(desk)
    await desk.work()
    (kept,) = await desk.rows(tables.one_time_link)
    desk.channel.fails_with = None
    desk.passes(seconds=10)

    await desk.work()

    (sent,) = desk.channel.sent
    (row,) = await desk.rows(tables.one_time_link)
    assert row.hash == kept.hash == token_hash(token_in(desk))
    assert row.expires_at == desk.now + timedelta(minutes=10), "from when it left"
    assert await works(desk, token_in(desk))
    assert sent.ref == sent.bounce_token


async def test_what_arrived_after_all_and_was_used_is_not_sent_again(desk):
    desk.channel.fails_with = DeliveryError("the connection broke")
    await ask(desk)
    await desk.work()
    (job,) = await desk.rows(tables.job, kind="letter")
    token = await desk.db.read(lambda tx: tx.facts.token("password", letters.ref(tx, job)))
    assert await use(desk, token) is not None
    desk.channel.fails_with = None
    desk.passes(minutes=1)

    await desk.work()

    assert await to_whom(desk) == [("password_changed", "alice@acme.test")]
    assert not await works(desk, token)


@pytest.mark.parametrize("permanent", [True, False])
async def test_a_letter_that_is_not_taken_is_given_up_and_administrators_see_it(desk, permanent):
    desk.channel.fails_with = DeliveryError("no", permanent=permanent)
    await ask(desk)
    for _ in range(40):
        await desk.work()
        desk.passes(minutes=1)

    alice = (await desk.who("alice")).actor
    assert await administration(desk, "letter.sent", "letter.failed") == [
        ("letter.failed", {"letter": "password_link", "person": alice})
    ]
    assert await desk.rows(tables.job, kind="letter") == []
    assert await desk.rows(tables.dead_job) == []
    assert desk.channel.tries == 1 if permanent else desk.channel.tries > 10


async def test_a_link_that_waited_while_no_hub_ran_is_not_sent_hours_later(desk):
    await ask(desk)
    desk.passes(hours=2)

    await desk.work()

    assert desk.channel.sent == []
    assert await desk.rows(tables.job, kind="letter") == []
    assert await desk.rows(tables.dead_job) == []


async def test_who_asks_while_one_waits_gets_that_one(desk):
    desk.channel.fails_with = DeliveryError("451 later")
    await ask(desk)
    await desk.work()
    await ask(desk)
    desk.channel.fails_with = None
    desk.passes(minutes=1)

    await desk.work()

    assert len(desk.channel.sent) == 1
    assert await works(desk, token_in(desk))


async def test_a_link_that_comes_back_opens_nothing_for_who_reads_what_comes_back(desk):
    token = await link(desk)
    other = await link(desk, "bob@beta.test")

    await desk.mail("", kind=Kind.BOUNCE_HARD, bounce_tokens=(desk.channel.sent[0].ref,))
    await desk.mail("", kind=Kind.DELAYED, report=Report(own_refs=(desk.channel.sent[1].ref,)))

    assert (await desk.inbound()).outcome == "machine"
    assert not await works(desk, token)
    assert await works(desk, other)


# What is told afterwards


async def test_who_has_a_new_password_is_told_so(desk):
    await use(desk, await link(desk))
    desk.channel.sent.clear()

    await desk.work()

    (told,) = desk.channel.sent
    assert (told.kind, told.to.address) == ("password_changed", "alice@acme.test")
    assert "lunedì 2 marzo 2026, 10:00 (CET)" in told.text
    assert "http://127.0.0.1:8080/forgot" in told.text
    assert told.automatic


async def test_it_is_on_no_ticket_and_in_the_chain_of_administration_without_a_word_about_anybody(desk):
    await use(desk, await link(desk))
    await desk.work()

    events = await administration(desk, "letter.sent", "password.changed", "letter.failed")
    alice = (await desk.who("alice")).actor
    assert events == [
        ("letter.sent", {"letter": "password_link", "person": alice}),
        ("password.changed", {"by_link": True}),
        ("letter.sent", {"letter": "password_changed", "person": alice}),
    ]
    assert "acme.test" not in repr(events)
    assert await desk.db.read(lambda tx: tx.all(select(tables.delivery))) == []
    assert await desk.rows(tables.message) == []
    assert (await desk.db.read(books.verify)).faults == ()
