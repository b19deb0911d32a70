"""A person on all channels and the rooms, on the desk's pages and over the API; and what is behind an invitation."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from core.desk import chats, identities, links
from core.envelope import Address
from core.store import tables
from tests import rows
from tests.web import api_desk
from web.words import say

EN = say("en")


@pytest.fixture
async def caller(db):
    desk = await db.write(api_desk.furnish)
    async with api_desk.serving(db) as client:
        yield lambda name: api_desk.Caller(client, desk.tokens[name])


def account(tx, address="telegram:77", kind="person", **proof):
    now = datetime.now(UTC)
    chat = chats.came(tx, "telegram", Address(address, "Al"), kind=kind, now=now)
    if proof:
        identities.bind(tx, chat, by="agent:x", now=now, **proof)
    return chat.id


async def test_a_person_over_the_api_their_account_another_name_and_back(caller, db):
    lea = caller("Lea")
    await db.write(account)

    named = await (await lea.post("/contacts/ada/accounts", {"address": "telegram:77"})).json()
    merged = await (await lea.post("/contacts/ada/merge", {"into": "alice@acme.test"})).json()
    apart = await (await lea.post("/contacts/ada/unmerge")).json()
    left = await (await lea.send("DELETE", "/contacts/ada/accounts/telegram:77")).json()

    assert [(one["address"], one["proof"]) for one in named["accounts"]] == [("telegram:77", "staff")]
    assert (merged["id"], [one["email"] for one in merged["also"]]) == ("alice", ["ada@acme.test"])
    assert (apart["id"], len(apart["accounts"]), left["accounts"]) == ("ada", 1, [])
    assert (await lea.post("/contacts/ada/invite", {"channel": "telegram"})).status == 200
    assert (await lea.post("/contacts/ada/invite", {"channel": "email"})).status == 422


async def test_rooms_over_the_api(caller, db):
    lea, teo = caller("Lea"), caller("Teo")
    (room,) = (await (await lea.get("/rooms")).json())["items"]
    path = f"/rooms/{room['id']}"

    free = await (await lea.post(f"{path}/unbind")).json()
    bound = await (await lea.post(f"{path}/bind", {"customer": "BETA"})).json()

    assert (free["customer"], bound["customer"]["code"]) == (None, "BETA")
    assert ((await teo.post(f"{path}/unbind")).status, (await teo.get("/rooms")).status) == (404, 403)
    assert (await caller("Bob").get("/rooms")).status == 403


async def test_the_page_of_a_person_shows_what_is_theirs_and_takes_what_staff_say(lea, teo, db):
    await db.write(account, contact="alice", proof="link")
    await db.write(account, "telegram:78")

    await lea.post("/desk/contacts/alice/this-is", address="telegram:78")
    await lea.post("/desk/contacts/alice/merge", other="ada")
    page = await lea.get("/desk/contacts/ada")

    assert '<h1 id="title">Alice</h1>' in page.text
    assert "Telegram 77" in page.words
    assert EN("proof.staff") in page.words
    assert "Ada" in page.words
    refused = await teo.post("/desk/contacts/alice/disconnect", address="telegram:77")
    assert (refused.status, say("it")("person.refused.leaders") in refused.words) == (403, True)
    again = await lea.post("/desk/contacts/alice/this-is", address="telegram:77")
    assert (again.status, EN("person.refused.account_proved") in again.words) == (409, True)
    await lea.post("/desk/contacts/alice/unmerge", other="ada")
    await lea.post("/desk/contacts/alice/disconnect", address="telegram:77")
    page = await lea.get("/desk/contacts/alice")
    assert "Telegram 77" not in page.words
    assert EN("person.nobody_else") in page.words


async def test_a_ticket_leads_to_the_person_and_says_by_which_ways_they_are_answered(lea, db, desk):
    await db.write(account, contact="alice", proof="link")

    page = await lea.get("/desk/tickets/26-000001")

    assert 'href="/desk/contacts/alice"' in page.text
    assert 'name="by-alice@acme.test"' in page.text
    assert 'value="telegram:77"' in page.text
    other_way = {"by-alice@acme.test": "telegram:77", "from_now_on": "1"}
    refused = await lea.do("reply", text="", idem="1", **other_way)
    assert '<option value="telegram:77" selected>' in refused.text
    assert 'name="from_now_on" value="1" checked' in refused.text, "what was ticked is kept"
    await lea.do("reply", text="We come.", idem="1", **{"by-alice@acme.test": "telegram:77"})
    sent = await db.read(lambda tx: tx.all(tables.delivery.select()))
    assert ("telegram", "telegram:77") in {(row.channel, row.address) for row in sent}


async def test_rooms_are_bound_on_their_page_by_leaders(lea, teo, alice, db):
    room = await db.write(account, "telegram:-1009", "room")

    assert (await teo.get("/desk/rooms")).status == 403
    assert (await teo.post(f"/desk/rooms/{room}/bind", customer="ACME")).status == 404
    assert (await lea.post(f"/desk/rooms/{room}/bind", customer="ACME")).status == 303
    assert EN("rooms.of", customer="Acme S.p.A.") in (await lea.get("/desk/rooms")).words
    assert (await lea.post(f"/desk/rooms/{room}/bind", customer="BETA")).status == 409
    assert (await lea.post(f"/desk/rooms/{room}/unbind")).status == 303
    assert (await alice.get("/desk/rooms")).status == 404


async def test_behind_an_invitation_is_a_button_and_behind_that_a_code(pages, db):
    token = await db.write(
        lambda tx: links.create(
            tx, "chat:invite:telegram", "alice", life=timedelta(hours=1), now=datetime.now(UTC)
        )
    )
    visitor = await pages.as_(None)
    for _ in range(2):
        found = await visitor.get(f"/connect/telegram?token={token}")
        assert "Alice" in found.words
        assert "/start" not in found.text

    shown = await visitor.post("/connect/telegram", token=token)
    again = await visitor.post("/connect/telegram", token=token)

    assert re.search(r"/start [a-z2-7]{26}", shown.text)
    assert again.status == 404
    assert (await visitor.get("/connect/email?token=x")).status == 404
    assert rows.ALICE.email not in shown.text


async def test_staff_see_by_which_way_it_did_not_arrive_and_by_which_it_did(lea, db, desk):
    def moved(tx):
        first = rows.a_delivery(tx, desk.ticket, desk.said, "telegram:77", state="passed_on", error="blocked")
        tx.update(tables.delivery, {"ticket_id": desk.ticket, "id": first}, channel="telegram")

    await db.write(moved)

    page = await lea.get("/desk/tickets/26-000001")

    for words in (
        f"Telegram: {EN('delivery_to.passed_on', who='Telegram 77')}: blocked",
        f"E-mail: {EN('delivery_to.bounced', who=rows.ALICE.email)}",
    ):
        assert words in page.words
