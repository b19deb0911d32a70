"""Accounts of chats on one's own account page and over the API: connected by a code that is shown once, listed, ended."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from core.desk import chats, identities, linking
from core.envelope import Address
from core.store import tables
from tests import rows
from tests.web import api_desk
from web.words import say

IT = say("it")


def connect(tx, code, address="telegram:77", *, now):
    return linking.redeem(tx, chats.came(tx, "telegram", Address(address, "Al"), now=now), code, now=now)


@pytest.fixture
async def caller(db):
    desk = await db.write(api_desk.furnish)
    async with api_desk.serving(db) as client:
        yield lambda name: api_desk.Caller(client, desk.tokens[name])


async def test_a_code_over_the_api_connects_the_account_that_brings_it(caller, db):
    bob = caller("Bob")

    answer = await bob.post("/me/links", {"channel": "telegram"})

    assert answer.status == 201
    issued = await answer.json()
    assert issued["url"] == f"https://chat.test/telegram?start={issued['code']}"
    assert await db.write(connect, issued["code"], now=datetime.now(UTC)) == "Bob"
    (listed,) = (await (await bob.get("/me/links")).json())["items"]
    assert (listed["address"], listed["name"], listed["proof"]) == ("telegram:77", "Al", "link")
    ended = await bob.send("DELETE", "/me/links/telegram:77")
    assert (await ended.json())["items"] == []
    assert await db.read(identities.behind, "telegram:77") is None


async def test_a_code_is_kept_by_no_idempotency_key(caller, db):
    bob = caller("Bob")

    codes = [
        (await (await bob.post("/me/links", {"channel": "telegram"}, Idempotency_Key="k")).json())["code"]
        for _ in range(2)
    ]

    assert codes[0] != codes[1]
    assert await db.read(lambda tx: tx.all(tables.idempotency.select())) == []


async def test_where_nothing_can_be_connected_the_api_says_where_it_can(caller):
    answer = await caller("Bob").post("/me/links", {"channel": "email"})

    assert answer.status == 422
    assert "telegram" in (await answer.json())["faults"][0]["message"]


@pytest.mark.parametrize("who", [rows.ALICE, rows.TECHNICIAN])
async def test_the_account_page_shows_a_code_once_and_then_the_account(pages, db, who):
    person = await pages.as_(who)

    shown = await person.post("/account/links", channel="telegram")

    code = re.search(r"/start ([a-z2-7]{26})", shown.text)[1]
    assert f'href="https://chat.test/telegram?start={code}"' in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert code not in (await person.get("/account")).text
    await db.write(connect, code, now=datetime.now(UTC))
    page = await person.get("/account")
    assert "Telegram · Al" in page.words
    assert IT("proof.link") in page.words
    gone = await person.post("/account/links/end", address="telegram:77")
    assert gone.status == 303
    assert IT("account.no_links") in (await person.get("/account")).words


async def test_nobody_disconnects_anothers_account(pages, db, teo):
    await db.write(_connected, datetime.now(UTC))

    refused = await teo.post("/account/links/end", address="telegram:77")

    assert refused.status == 404
    assert (await db.read(identities.behind, "telegram:77")).contact == "alice"


async def test_without_the_pages_token_nothing_is_connected(pages, db):
    person = await pages.as_(rows.ALICE)
    person.csrf = "x"

    assert (await person.post("/account/links", channel="telegram")).status == 403
    assert await db.read(lambda tx: tx.all(tables.one_time_link.select())) == []


async def test_a_channel_on_which_nothing_is_connected_is_not_there(alice):
    assert (await alice.post("/account/links", channel="email")).status == 404


async def test_the_portal_tells_of_an_account_that_was_connected_lately(db, alice):
    await db.write(_connected, datetime.now(UTC))

    page = await alice.get("/portal/")

    assert IT("portal.linked", channel="Telegram", account="Al") in page.words
    assert IT("portal.linked_not_me") in page.words


def _connected(tx, now):
    chat = chats.came(tx, "telegram", Address("telegram:77", "Al"), now=now)
    identities.bind(tx, chat, contact="alice", proof="link", by="contact:alice", now=now)
