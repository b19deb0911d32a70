"""Who signs in, how long that holds, and what guessing brings."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import timedelta

import pytest
from argon2 import extract_parameters
from sqlalchemy import select

from core.desk import accounts, books, links, passwords
from core.desk.accounts import Limits
from core.desk.errors import Invalid
from core.store import tables
from tests.desk_files import SMALL, changed, put, small_hashes, with_secrets
from tests.rows import NOON

LIMITS = Limits()
HERE = "192.0.2.1"
ELSEWHERE = "198.51.100.7"


@pytest.fixture
async def desk(db):
    await db.write(put, SMALL, small_hashes())
    return db


def after(**span: int):
    return NOON + timedelta(**span)


async def signed_in(db, email: str = "ann@hub.test", *, now=NOON, limits: Limits = LIMITS) -> str:
    found = await db.read(accounts.account, email)
    cookie, _ = await db.write(accounts.begin, found, device="Firefox", limits=limits, now=now)
    return cookie


async def who(db, cookie: str, *, now=NOON):
    return await db.read(accounts.principal_of_cookie, cookie, LIMITS, now=now)


async def guess(db, email: str, *, times: int, now=NOON, address: str = ELSEWHERE) -> None:
    for _ in range(times):
        await db.write(accounts.failed, email, address, now=now)


async def may_try(db, email: str, *, now=NOON, address: str = HERE, device: str = "") -> bool:
    return await db.read(accounts.may_try, email, address, LIMITS, now=now, device=device)


# Passwords


async def test_a_password_fits_its_own_hash_only() -> None:
    stored = await passwords.hashed("correct horse")

    assert stored.startswith("$argon2id$v=19$m=65536,t=3,")
    assert await passwords.matches(stored, "correct horse")
    assert not await passwords.matches(stored, "Correct horse")
    assert not await passwords.matches("no hash at all", "correct horse")


async def test_an_unknown_address_takes_as_long_as_a_wrong_password() -> None:
    stored = await passwords.hashed("correct horse")

    def took(hash_: str | None) -> float:
        start = time.thread_time()
        assert not passwords.matches_now(hash_, "wrong")
        return time.thread_time() - start

    assert extract_parameters(passwords._NOBODY) == extract_parameters(stored)
    assert extract_parameters(passwords._NOBODYS_PIN) == extract_parameters(passwords.hash_pin_now("915203"))
    took(None)
    pairs = [(took(stored), took(None)) for _ in range(3)]
    known, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))

    assert 0.7 < known / unknown < 1.4


async def test_the_line_of_those_who_wait_for_a_check_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAITING", 2)
    checks = [asyncio.ensure_future(passwords.matches(None, "x")) for _ in range(3)]

    done = await asyncio.gather(*checks, return_exceptions=True)

    assert [type(answer) for answer in done] == [bool, bool, passwords.TooManyWaiting]
    assert await passwords.matches(None, "x") is False  # the line is empty again


# Accounts


async def test_staff_and_contacts_sign_in_with_their_address(desk) -> None:
    ann = await desk.read(accounts.account, " Ann@Hub.test ")
    alice = await desk.read(accounts.account, "alice@acme.test")

    assert (ann.kind, alice.kind) == ("agent", "contact")
    assert passwords.matches_now(alice.password_hash, "battery staple")
    assert await desk.read(accounts.account, "nobody@acme.test") is None


async def test_an_agent_comes_before_a_contact_with_the_same_address(desk) -> None:
    both = SMALL.replace("alice@acme.test", "ann@hub.test").replace("Alice@acme.test", "ann@hub.test")
    with_secrets(desk, both, now=after(hours=1))

    assert (await desk.read(accounts.account, "ann@hub.test")).kind == "agent"


async def test_a_contact_without_a_password_has_no_account(db) -> None:
    await db.write(put, SMALL)

    assert await db.read(accounts.account, "alice@acme.test") is None


# Sign-ins


async def test_a_cookie_leads_to_the_person_with_what_they_may_see(desk) -> None:
    ann = await who(desk, await signed_in(desk))
    alice = await who(desk, await signed_in(desk, "alice@acme.test"))

    assert (ann.principal.kind, ann.principal.roles) == ("agent", {"contact-centre", "admin"})
    assert ann.principal.groups == ("Network L1",)
    assert ann.principal.scopes is None
    assert (alice.principal.kind, alice.principal.customer) == ("contact", "ACME")
    assert (alice.principal.roles, alice.principal.sites) == ({"manager"}, ("Verona",))


async def test_a_cookie_has_256_bits_and_only_its_hash_is_kept(desk) -> None:
    cookie = await signed_in(desk)

    rows = await desk.read(lambda tx: tx.all(select(tables.sign_in)))

    assert len(cookie) >= 43
    assert [row.hash for row in rows] == [passwords.cookie_hash(cookie)]
    assert cookie not in repr(rows)
    assert await who(desk, rows[0].hash) is None


@pytest.mark.parametrize(
    ("email", "idle_hours", "there"),
    [
        ("ann@hub.test", 11, True),
        ("ann@hub.test", 13, False),
        ("alice@acme.test", 23, True),
        ("alice@acme.test", 25, False),
    ],
)
async def test_a_sign_in_ends_when_it_sleeps_too_long(
    desk, *, email: str, idle_hours: int, there: bool
) -> None:
    cookie = await signed_in(desk, email)

    assert (await who(desk, cookie, now=after(hours=idle_hours)) is not None) is there


async def test_a_sign_in_that_is_used_ends_after_seven_days_all_the_same(desk) -> None:
    cookie = await signed_in(desk)
    for hours in range(10, 7 * 24, 10):
        await desk.write(accounts.seen, passwords.cookie_hash(cookie), now=after(hours=hours))

    assert await who(desk, cookie, now=after(days=6, hours=23)) is not None
    assert await who(desk, cookie, now=after(days=7)) is None


async def test_the_oldest_sign_in_gives_way_to_one_too_many(desk) -> None:
    limits = Limits(per_person=3)
    cookies = [await signed_in(desk, now=after(minutes=n), limits=limits) for n in range(5)]

    there = [await who(desk, cookie, now=after(minutes=10)) is not None for cookie in cookies]

    assert there == [False, False, True, True, True]


async def test_people_who_sign_in_at_the_same_moment_all_get_in(desk) -> None:
    cookies = await asyncio.gather(*(signed_in(desk) for _ in range(12)))

    assert len(set(cookies)) == 12
    assert (await desk.read(books.verify)).faults == ()


async def test_a_revoked_sign_in_is_dead_at_once_and_open_pages_are_told(desk) -> None:
    told: list[tuple[str, str]] = []
    cookie = await signed_in(desk)
    found = await who(desk, cookie)
    (listed,) = await desk.read(accounts.of_person, found.principal)
    desk.listen(told.extend)

    await desk.write(accounts.end, listed.hash)

    assert (listed.device, listed.created_at) == ("Firefox", NOON)
    assert await who(desk, cookie) is None
    assert ("sign_in", listed.hash) in told


async def test_who_leaves_is_signed_out(desk) -> None:
    cookie = await signed_in(desk)

    await desk.write(
        put, 'rotas = []\n[[agents]]\nemail = "bob@hub.test"\nname = "Bob"\n', now=after(hours=1)
    )

    assert await who(desk, cookie, now=after(hours=1)) is None
    assert await desk.read(accounts.account, "ann@hub.test") is None


# Guessing


async def test_five_wrong_passwords_make_an_account_wait(desk) -> None:
    await guess(desk, "Ann@hub.test", times=4)
    assert await may_try(desk, "ann@hub.test")

    await guess(desk, "ann@hub.test", times=1)

    assert not await may_try(desk, " ANN@hub.test")
    assert await may_try(desk, "alice@acme.test")
    assert await may_try(desk, "ann@hub.test", now=after(minutes=21))


async def test_an_address_nobody_has_waits_just_the_same(desk) -> None:
    await guess(desk, "nobody@hub.test", times=5)

    assert not await may_try(desk, "nobody@hub.test")


async def test_who_goes_on_guessing_waits_longer(desk) -> None:
    for minutes in (0, 21):
        await guess(desk, "ann@hub.test", times=5, now=after(minutes=minutes))

    assert not await may_try(desk, "ann@hub.test", now=after(minutes=42))
    assert await may_try(desk, "ann@hub.test", now=after(minutes=70))

    for hours in (2, 4):
        await guess(desk, "ann@hub.test", times=5, now=after(hours=hours))

    assert not await may_try(desk, "ann@hub.test", now=after(hours=12))
    assert await may_try(desk, "ann@hub.test", now=after(hours=30))


async def test_the_owner_is_never_locked_out_of_a_known_device(desk) -> None:
    ann = await desk.read(accounts.account, "ann@hub.test")
    alice = await desk.read(accounts.account, "alice@acme.test")
    mark = await desk.read(accounts.device_mark, ann)
    other = await desk.read(accounts.device_mark, alice)
    await guess(desk, "ann@hub.test", times=50)

    assert await may_try(desk, "ann@hub.test", device=mark)
    assert not await may_try(desk, "ann@hub.test", device=other)
    assert not await may_try(desk, "ann@hub.test", device="é")
    assert not await may_try(
        desk, "ann@hub.test", device=mark, address=ELSEWHERE
    )  # which guessed fifty times


async def test_the_mark_of_a_device_ends_with_the_password(desk) -> None:
    mark = await desk.read(accounts.device_mark, await desk.read(accounts.account, "ann@hub.test"))
    await guess(desk, "ann@hub.test", times=5)

    with_secrets(desk, changed("correct horse", "another horse"), now=after(hours=1))

    assert not await may_try(desk, "ann@hub.test", device=mark)


async def test_one_network_address_may_not_try_many_accounts(desk) -> None:
    for n in range(30):
        await guess(desk, f"person{n}@hub.test", times=1)

    assert not await may_try(desk, "ann@hub.test", address=ELSEWHERE)
    assert await may_try(desk, "ann@hub.test", address=HERE)
    assert await may_try(desk, "ann@hub.test", address=ELSEWHERE, now=after(minutes=66))


# Tokens


async def test_a_token_speaks_for_its_person_within_its_scopes_until_it_ends(desk) -> None:
    token = await desk.write(
        accounts.token_create,
        kind="agent",
        email="ann@hub.test",
        name="script",
        scopes=["read"],
        expires_at=after(days=1),
        now=NOON,
    )

    found = await desk.read(accounts.principal_of_token, token, now=NOON)
    rows = await desk.read(lambda tx: tx.all(select(tables.api_token)))

    assert token.startswith("cnt_")
    assert (found.email, found.scopes) == ("ann@hub.test", {"read"})
    assert token not in repr(rows)
    assert await desk.read(accounts.principal_of_token, token, now=after(days=1)) is None
    assert await desk.read(accounts.principal_of_token, token + "x", now=NOON) is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"email": "nobody@hub.test"}, "there is no agent nobody@hub.test"),
        ({"scopes": ["everything"]}, "'everything' is not one of read, write"),
    ],
)
async def test_a_token_for_nobody_or_nothing_is_refused(desk, wrong: dict[str, object], told: str) -> None:
    given = {"kind": "agent", "email": "ann@hub.test", "name": "script", "now": NOON} | wrong

    with pytest.raises(Invalid, match=told):
        await desk.write(accounts.token_create, **given)


async def test_a_token_ends_with_the_right_of_its_person_to_be_here(desk) -> None:
    agents = await desk.write(accounts.token_create, kind="agent", email="ann@hub.test", name="x", now=NOON)
    contacts = await desk.write(
        accounts.token_create, kind="contact", email="alice@acme.test", name="x", now=NOON
    )
    later = after(hours=1)
    assert await desk.read(accounts.principal_of_token, agents, now=later) is not None
    assert await desk.read(accounts.principal_of_token, contacts, now=later) is not None

    await desk.write(put, 'rotas = []\n[[agents]]\nemail = "bob@hub.test"\nname = "Bob"\n', now=later)
    nobody = '[[routing]]\ngroup = "Systems"\n[[alert_sources]]\nname = "z"\nkind = "generic"\n'
    await desk.write(put, nobody + '[[customers]]\nname = "B"\ncode = "B"\n', now=later)

    assert await desk.read(accounts.principal_of_token, agents, now=later) is None
    assert await desk.read(accounts.principal_of_token, contacts, now=later) is None


async def test_a_contact_of_a_customer_out_of_use_does_not_get_in(desk) -> None:
    cookie = await signed_in(desk, "alice@acme.test")
    await desk.write(lambda tx: tx.update(tables.customer, {"code": "ACME"}, active=False))

    assert await who(desk, cookie) is None


async def test_the_last_use_of_a_token_is_known(desk) -> None:
    token = await desk.write(accounts.token_create, kind="agent", email="ann@hub.test", name="x", now=NOON)

    await desk.write(accounts.token_seen, token, now=after(hours=1))

    assert (await desk.read(lambda tx: tx.one(select(tables.api_token.c.used_at)))).used_at == after(hours=1)


# One-time links


async def test_a_link_works_once_for_its_purpose_and_in_its_time(desk) -> None:
    life = timedelta(hours=1)
    token = await desk.write(links.create, "reset", "ann", life=life, now=NOON)
    late = await desk.write(links.create, "reset", "ann", life=life, now=NOON)

    async def use(link: str, *, purpose: str = "reset", now=NOON):
        return await desk.write(links.use, purpose, link, now=now)

    assert await use(token, purpose="invite") is None
    assert await use(token + "x") is None
    assert await use(token) == "ann"
    assert await use(token) is None
    assert await use(late, now=after(hours=1)) is None


async def test_of_many_who_use_a_link_at_once_one_succeeds(desk) -> None:
    token = await desk.write(links.create, "setup", "first", life=timedelta(hours=1), now=NOON)

    answers = await asyncio.gather(*(desk.write(links.use, "setup", token, now=NOON) for _ in range(12)))

    assert sorted(answers, key=str) == [None] * 11 + ["first"]


async def test_what_happens_to_accounts_is_in_the_chain_of_events(desk) -> None:
    await signed_in(desk)
    await desk.write(accounts.token_create, kind="agent", email="ann@hub.test", name="x", now=NOON)

    kinds = [row.kind for row in await desk.read(lambda tx: tx.all(select(tables.event.c.kind)))]

    assert kinds.count("sign_in.begun") == kinds.count("token.created") == 1
    assert (await desk.read(books.verify)).faults == ()
