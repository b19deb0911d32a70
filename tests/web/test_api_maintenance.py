"""Planned maintenance over the API: planned, approved by somebody else, ended; a customer sees theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.desk import windows
from tests import rows
from tests.web.api_desk import Caller, furnish, serving


def now() -> datetime:
    """The suite runs for longer than a beginning may lie back."""
    return datetime.now(UTC)


def window(**given):
    said = {
        "customer": "ACME",
        "tag": "env=test",
        "since": now().isoformat(),
        "until": (now() + timedelta(hours=2)).isoformat(),
        "zone": "Europe/Rome",
    }
    return said | given


@pytest.fixture
async def desk(db):
    return await db.write(furnish)


@pytest.fixture
async def caller(db, desk):
    async with serving(db) as client:
        yield lambda name: Caller(client, desk.tokens[name])


async def test_a_window_is_planned_repeats_and_ends_early(caller):
    lea = caller("Lea")
    made = await lea.post("/maintenance", window(rule="FREQ=DAILY;COUNT=3", change="CHG-7"))
    assert made.status == 201
    shown = await made.json()
    assert (shown["state"], shown["going_on"], shown["change"], shown["created_by"]) == (
        "planned",
        True,
        "CHG-7",
        "Lea",
    )
    listed = await (await lea.get("/maintenance")).json()
    assert [len(one["times"]) for one in listed["items"] if one["id"] == shown["id"]] == [3]

    ended = await (await lea.post(f"/maintenance/{shown['id']}/end")).json()
    assert (ended["state"], ended["going_on"]) == ("planned", False)
    assert ended["times"][0]["since"] > shown["times"][0]["since"]  # the next night
    assert (await lea.post(f"/maintenance/{shown['id']}/end")).status == 409
    gone = await (await lea.post(f"/maintenance/{shown['id']}/cancel", {"reason": "Not needed."})).json()
    assert (gone["state"], gone["times"]) == ("cancelled", [])


async def test_a_whole_customer_waits_for_somebody_else(caller, db, desk):
    lea = caller("Lea")
    asked = await (await lea.post("/maintenance", window(tag=""))).json()
    assert asked["state"] == "asked"
    refused = await lea.post(f"/maintenance/{asked['id']}/approve")
    assert refused.status == 403
    assert "somebody else" in (await refused.json())["detail"]
    assert (await caller("Alice").get(f"/maintenance/{asked['id']}")).status == 404

    somebody_else = replace(rows.LEADER, id="max", name="Max")
    await db.write(windows.approve, somebody_else, asked["id"], now=now())

    shown = await (await caller("Alice").get(f"/maintenance/{asked['id']}")).json()
    assert (shown["state"], shown["approved_by"], shown["created_by"]) == ("planned", "", "")


async def test_what_cannot_be_is_refused_by_name(caller):
    lea = caller("Lea")
    wrong = await lea.post(
        "/maintenance", window(site="Nowhere", asset="none", until=(now() - timedelta(hours=3)).isoformat())
    )
    assert wrong.status == 422
    pointers = {one["pointer"] for one in (await wrong.json())["faults"]}
    assert pointers == {"/site", "/asset", "/until"}
    too_long = await lea.get("/maintenance", since="2026-01-01T00:00:00Z", until="2027-01-01T00:00:00Z")
    assert too_long.status == 422


async def test_contacts_and_technicians_plan_nothing(caller):
    for name in ("Alice", "Teo"):
        assert (await caller(name).post("/maintenance", window())).status == 403


async def test_a_customer_sees_theirs_and_nobody_elses(caller, desk):
    (mine,) = (await (await caller("Alice").get("/maintenance", customer="BETA")).json())["items"]
    assert (mine["id"], mine["customer"], mine["tag"]) == (desk.ids["window"], "ACME", "")
    assert (await (await caller("Bob").get("/maintenance")).json())["items"] == []
