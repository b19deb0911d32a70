"""Qualification and routing on pages and over the API: one click, mistakes beside the field, a table that is tried and then saved."""

from __future__ import annotations

import html
import json
import re

import pytest

from core.desk import holes
from core.store import tables
from tests import rows
from tests.web import api_desk


@pytest.fixture
async def boss(pages, db):
    """A supervisor, who reads English."""
    await db.write(lambda tx: tx.update(tables.agent, {"id": rows.LEADER.id}, roles=["supervisor"]))
    return await pages.as_(rows.LEADER)


@pytest.fixture
async def caller(db):
    desk = await db.write(api_desk.furnish)
    await db.write(lambda tx: tx.update(tables.agent, {"id": rows.LEADER.id}, roles=["supervisor"]))
    async with api_desk.serving(db) as client:
        yield lambda name: api_desk.Caller(client, desk.tokens[name])


def table_in(page) -> tuple[str, str]:
    """The table as the form carries it, and its version."""
    return tuple(
        html.unescape(re.search(f'name="{name}" value="([^"]*)"', page.text).group(1))
        for name in ("rules", "version")
    )


async def test_a_line_is_put_tried_and_saved_and_a_mistake_stands_beside_its_field(boss, teo, db):
    page = await boss.get("/desk/routing")
    table, version = table_in(page)
    assert "no line" in page.words

    wrong = await boss.post(
        "/desk/routing", rules=table, version=version, do="put", at="0", technology="Network"
    )
    assert wrong.status == 422
    assert "Choose a group that exists." in wrong.words
    put = await boss.post(
        "/desk/routing",
        rules=table,
        version=version,
        do="put",
        at="0",
        technology="Network",
        group="Servers L1",
    )
    assert "Changes that are not saved yet." in put.words
    table, _ = table_in(put)
    assert json.loads(table) == [{"technology": "Network", "group": "Servers L1"}]
    tried = await boss.post("/desk/routing", rules=table, version=version, do="try", days="366")
    assert (
        re.search(r"from (Network L1|nobody) to Servers L1", tried.words)
        or "none would have gone" in tried.words
    )

    saved = await boss.post("/desk/routing", rules=table, version=version, do="save")
    assert saved.status == 303, saved.words
    (kept,) = await db.read(lambda tx: tx.all(tables.routing_rule.select()))
    assert (kept.technology, kept.desk_group) == ("Network", "Servers L1")
    again = await boss.post("/desk/routing", rules="[]", version=version, do="save")
    assert (again.status, "Somebody changed the routing meanwhile" in again.words) == (409, True)
    _, version = table_in(await boss.get("/desk/routing"))
    empty = await boss.post("/desk/routing", rules="[]", version=version, do="save")
    assert (empty.status, "Keep one line that names only a group" in empty.words) == (422, True)
    gone = json.dumps([{"group": "Nobody"}])
    refused = await boss.post("/desk/routing", rules=gone, version="", do="save")
    assert (refused.status, "Line 1, Group" in refused.words) == (422, True)
    assert (await teo.post("/desk/routing", rules="[]", version="", do="save")).status == 403
    assert (await teo.get("/desk/routing/holes")).status == 200


async def test_what_waits_is_one_queue_and_one_click_takes_a_suggestion(boss, alice, db):
    def add(tx):
        tx.insert(tables.asset, customer="ACME", name="core-sw-1", technology="Network")
        rows.a_ticket(tx, "26-000055", subject="core-sw-1 smokes", state="triage", snippet="Help.")
        tx.insert(tables.intake_rule, position=1, content={"words": ["smokes"], "urgency": 1, "safety": True})
        tx.insert(tables.desk_revision, one=1, revision=99, at=rows.NOON) if not tx.one(
            tables.desk_revision.select()
        ) else tx.update(tables.desk_revision, {"one": 1}, revision=2**50)

    await db.write(add)
    page = await boss.get("/desk/qualify")
    assert "Missing: type, technology, impact, urgency" in page.words
    assert "the text has core-sw-1" in page.words

    await boss.post("/desk/qualify/26-000055/accept", field="technology")
    long = await boss.post("/desk/qualify/26-000055", impact="9" * 5000, seen="9" * 5000)
    assert long.status == 422, "a number that nobody means is a mistake like any other"
    form = await boss.get("/desk/qualify/26-000055")
    assert "from: rule" in form.words
    lacking = await boss.post("/desk/qualify/26-000055", request_type="Incident", has_safety="1", safety="on")
    assert lacking.status == 409
    assert "impact, urgency missing" in lacking.words
    await boss.post(
        "/desk/qualify/26-000055",
        request_type="Incident",
        impact="2",
        urgency="2",
        has_safety="1",
        safety="on",
    )
    (ticket,) = await db.read(
        lambda tx: tx.all(tables.ticket.select().where(tables.ticket.c.number == "26-000055"))
    )
    assert (ticket.priority, ticket.state in ("qualified", "assigned"), "safety" in ticket.flags) == (
        "P1",
        True,
        True,
    )
    why = await boss.get("/desk/tickets/26-000055/why")
    assert "Where the data come from" in why.words
    assert (await alice.get("/desk/qualify")).status == 404


async def test_the_same_over_the_api_and_a_dry_run_writes_nothing(caller, db):
    lea, alice = caller("Lea"), caller("Alice")
    table = await (await lea.get("/routing")).json()
    rule = {"technology": "Network", "group": "Servers L1"}

    tried = await (await lea.post("/routing/dry-run", {"rules": [rule], "days": 30})).json()
    assert (tried["days"], tried["different"]) == (30, len(tried["differences"]))
    assert await (await lea.get("/routing")).json() == table
    wrong = await lea.send("PUT", "/routing", {"rules": [{"group": "Nobody"}], "version": table["version"]})
    assert wrong.status == 422
    assert [one["pointer"] for one in (await wrong.json())["faults"]] == ["/rules/0/group"]
    saved = await lea.send("PUT", "/routing", {"rules": [rule], "version": table["version"]})
    assert (saved.status, (await saved.json())["rules"][0]["weight"]) == (200, 4)
    stale = await lea.send("PUT", "/routing", {"rules": [], "version": table["version"]})
    assert stale.status == 409
    read = await (await lea.get("/routing")).json()
    again = await lea.send("PUT", "/routing", read)
    assert (again.status, await again.json()) == (200, read), "what was read can be saved"
    empty = await lea.send("PUT", "/routing", {"rules": []})
    assert (empty.status, (await empty.json())["faults"][0]["pointer"]) == (422, "/rules")
    assert await (await lea.get("/routing")).json() == read
    assert (await caller("Teo").send("PUT", "/routing", {"rules": []})).status == 403

    await db.write(lambda tx: holes.keep(tx, holes.look(tx, now=rows.NOON), now=rows.NOON))
    assert (await (await lea.get("/routing/holes")).json())["at"]
    assert (await (await lea.get("/qualification")).json())["count"] >= 0
    assert (await (await lea.get("/tickets/26-000001/why")).json())["group"] == "Network L1"
    refused = await lea.post("/tickets/26-000001/priority", {"priority": "P1", "reason": "The mayor."})
    assert refused.status in (200, 409)
    away = await (await lea.post("/capacity/away", {"until": None})).json()
    assert {one["name"] for one in away["items"]} >= {"Lea", "Teo"}
    for path in ("/routing", "/routing/holes", "/qualification", "/capacity"):
        assert (await alice.get(path)).status == 403
