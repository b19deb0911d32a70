"""Outages over the API: staff publish and end them, customers see those that concern them and ask to be told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.store import tables
from tests.web.api_desk import Caller, furnish, serving

NOTICE = {
    "words": {"it": {"title": "Posta", "text": "Ferma."}, "en": {"title": "Mail", "text": "It is down."}},
    "since": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
}
NEWS = {"it": "Quasi.", "en": "Nearly."}


@pytest.fixture
async def desk(db):
    return await db.write(furnish)


@pytest.fixture
async def caller(db, desk):
    async with serving(db) as client:
        yield lambda name: Caller(client, desk.tokens[name])


async def test_an_outage_is_published_updated_and_ended(caller):
    lea = caller("Lea")

    made = await lea.post("/outages", NOTICE | {"customers": ["BETA"], "technologies": ["Network"]})
    assert made.status == 201
    outage = await made.json()
    assert (outage["state"], outage["last_update"]) == ("running", 1)
    assert outage["concerned"] == [{"code": "BETA", "name": "Beta S.r.l."}]
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    path = f"/outages/{outage['id']}"
    updated = await (
        await lea.post(f"{path}/update", {"words": NEWS, "next_update": until, "seen": 1})
    ).json()
    assert [one["kind"] for one in updated["updates"]] == ["published", "updated"]
    ended = await (await lea.post(f"{path}/end", {"seen": 2})).json()
    assert (ended["state"], ended["next_update"]) == ("ended", None)
    refused = await lea.post(f"{path}/end")
    assert refused.status == 409
    over = await (await lea.get("/outages", state="over")).json()
    assert [one["id"] for one in over["items"]] == [outage["id"]]


async def test_an_outage_that_was_a_mistake_is_withdrawn(caller, desk):
    path = f"/outages/{desk.ids['outage']}"

    withdrawn = await (await caller("Lea").post(f"{path}/cancel", {"reason": "Wrong customer."})).json()

    assert (withdrawn["state"], withdrawn["updates"][-1]["reason"]) == ("cancelled", "Wrong customer.")
    assert (await caller("Alice").get(path)).status == 404


async def test_a_list_of_outages_is_read_page_by_page(caller):
    lea = caller("Lea")
    for _ in range(2):
        await lea.post("/outages", NOTICE)

    first = await (await lea.get("/outages", limit=2)).json()
    rest = await (await lea.get("/outages", limit=2, cursor=first["next"])).json()

    assert len({one["id"] for one in (*first["items"], *rest["items"])}) == 3
    assert rest["next"] is None


async def test_a_call_with_the_same_key_publishes_once(caller):
    lea = caller("Lea")

    first = await (await lea.post("/outages", NOTICE, Idempotency_Key="k")).json()
    again = await (await lea.post("/outages", NOTICE, Idempotency_Key="k")).json()

    assert first["id"] == again["id"]


async def test_every_mistake_has_its_pointer(caller):
    answer = await caller("Lea").post("/outages", NOTICE | {"customers": ["X"], "technologies": ["Alchemy"]})

    assert answer.status == 422
    faults = (await answer.json())["faults"]
    assert {one["pointer"] for one in faults} == {"/customers", "/technologies"}


async def test_who_did_not_see_an_update_is_told_its_number(caller, desk, db):
    path = f"/outages/{desk.ids['outage']}"
    await db.write(lambda tx: tx.run(tables.outage_update.update().values(by="agent:somebody")))

    answer = await caller("Lea").post(f"{path}/end", {"seen": 1})

    assert answer.status == 409
    assert (await answer.json())["last_event"] == 2


async def test_a_customer_sees_what_concerns_them_and_nothing_of_others(caller, desk):
    await caller("Lea").post("/outages", NOTICE | {"customers": ["ACME", "BETA"]})
    alice, bob = caller("Alice"), caller("Bob")

    theirs = (await (await alice.get("/outages")).json())["items"]
    others = (await (await bob.get("/outages")).json())["items"]

    assert [one["words"]["en"]["title"] for one in theirs] == ["Mail", "Network"]
    assert [one["words"]["en"]["title"] for one in others] == ["Mail"]
    assert [one["customers"] for one in others] == [["BETA"]]
    one = await (await alice.get(f"/outages/{desk.ids['outage']}")).json()
    assert one["updates"][1]["words"] == {"it": "Al lavoro.", "en": "We are on it."}
    assert (one["concerned"], one["subscribers"], one["asked"]) == ([], [], 0)
    assert {update["by"] for update in one["updates"]} == {""}
    assert (await bob.get(f"/outages/{desk.ids['outage']}")).status == 404
    assert (await alice.post("/outages", NOTICE)).status == 403


async def test_a_customer_asks_to_be_told_and_staff_see_that_they_did(caller, desk):
    path = f"/outages/{desk.ids['outage']}"
    alice = caller("Alice")

    assert (await (await alice.post(f"{path}/tell-me")).json())["subscribed"] is True
    assert (await alice.post(f"{path}/tell-me", {"progress": True})).status == 200
    assert (await caller("Lea").post(f"{path}/tell-me")).status == 403

    (asked,) = (await (await caller("Lea").get(path)).json())["subscribers"]
    assert (asked["channel"], asked["address"], asked["progress"]) == ("portal", "alice@acme.test", True)
    await caller("Lea").post(f"{path}/end")
    (told,) = (await (await caller("Lea").get(path)).json())["subscribers"]
    assert told["state"] == "told"
    (row,) = (await (await caller("Lea").get("/deliveries", state="queued")).json())["items"]
    assert (row["ticket"], row["outage"], row["kind"]) == ("", desk.ids["outage"], "outage_ended")


async def test_a_technician_reads_outages_and_changes_none(caller, desk):
    teo, path = caller("Teo"), f"/outages/{desk.ids['outage']}"

    assert (await teo.get(path)).status == 200
    assert (await teo.post(f"{path}/end")).status == 403
    assert (await teo.post("/outages", NOTICE)).status == 403
