"""Workarounds, problems, known errors and replay over the API, each once, as staff and as a customer."""

from __future__ import annotations

import pytest

from tests.web.api_desk import Caller, furnish, serving

NUMBER = "26-000001"


@pytest.fixture
async def callers(db):
    desk = await db.write(furnish)
    async with serving(db) as client:
        yield lambda name: Caller(client, desk.tokens[name])


async def done(answer, status=200):
    body = await answer.json()
    assert answer.status == status, body
    return body


async def test_what_is_known_is_written_applied_and_answered(callers):
    lea, alice = callers("Lea"), callers("Alice")
    problem = await done(await lea.post("/problems", {"title": "Ports", "ticket": NUMBER}), 201)
    assert (problem["name"], problem["count"], problem["moves"]) == (
        "PB-1",
        1,
        ["investigate", "know", "close"],
    )
    moved = await done(await lea.post("/problems/1/move", {"move": "investigate"}))
    assert moved["state"] == "investigating"
    assert (await lea.post("/problems/1/move", {"move": "close"})).status == 409
    changed = {"title": "Ports hang", "root_cause": "Firmware"}
    assert (await done(await lea.send("PUT", "/problems/1", changed)))["root_cause"] == "Firmware"
    known = {"title": "Ports", "public_text": "Restart it.", "pattern": "*", "problem": 1}
    assert (await done(await lea.post("/known-errors", known), 201))["name"] == "KE-1"
    again = await done(await lea.send("PUT", "/known-errors/1", {**known, "steps": "reload", "version": 1}))
    assert [one["n"] for one in again["versions"]] == [1, 2]
    assert (await lea.send("PUT", "/known-errors/1", {**known, "version": 1})).status == 409
    assert (await lea.post("/known-errors", {**known, "problem": 77})).status == 422
    behind = await done(await lea.get(f"/tickets/{NUMBER}/known-errors"))
    assert [one["name"] for one in behind["known_errors"]] == ["KE-1"]
    assert [one["name"] for one in behind["problems"]] == ["PB-1"]

    await done(await lea.post(f"/tickets/{NUMBER}/known-errors", {"known_error": 1}))
    shown = await done(await alice.get(f"/tickets/{NUMBER}"))
    (standing,) = shown["workarounds"]
    assert (standing["text"], standing["known_error"], standing["by"]) == ("Restart it.", "", "")
    accepted = await done(await alice.post(f"/tickets/{NUMBER}/accept_workaround", {}))
    assert accepted["workarounds"][0]["state"] == "accepted"
    assert (await alice.post(f"/tickets/{NUMBER}/accept_workaround", {})).status == 409
    assert (await alice.post(f"/tickets/{NUMBER}/refuse_workaround", {"reason": " "})).status == 422
    for path in ("/problems", "/known-errors", f"/tickets/{NUMBER}/known-errors"):
        assert (await alice.get(path)).status == 403
    for path in ("/problems/1", "/known-errors/1", "/problems/x"):
        assert (await alice.get(path)).status == 404
    assert (await done(await lea.get("/problems")))["items"][0]["name"] == "PB-1"
    assert (await done(await lea.get("/known-errors")))["items"][0]["version"] == 2
    assert (await done(await lea.post("/known-errors/1/retire", {"reason": "fixed"})))["closed_at"]


async def test_tickets_are_played_again_for_who_leads(callers):
    edited = {"desk": "[[routing]]\ngroup = 'Network L1'\n"}
    told = await done(await callers("Lea").post("/replay", edited))
    assert told["next"] is None
    assert (await callers("Teo").post("/replay", edited)).status == 403
    assert (await callers("Lea").post("/replay", {"desk": "[["})).status == 422
    backwards = edited | {"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}
    assert (await callers("Lea").post("/replay", backwards)).status == 422
