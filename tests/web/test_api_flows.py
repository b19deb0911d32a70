"""The call flow is read, changed, published and gone back to over the API as on the pages."""

from __future__ import annotations

import pytest

from core.store import tables
from ivr import rules
from tests import rows
from tests.web.api_desk import Caller, furnish, serving


@pytest.fixture
async def client(sqlite_url, facts):
    from core.store.opening import open_database

    db = open_database(sqlite_url, facts)
    desk = await db.write(furnish)
    await db.write(lambda tx: tx.update(tables.agent, {"id": rows.LEADER.id}, roles=["supervisor"]))
    async with serving(db) as client:
        yield lambda name: Caller(client, desk.tokens[name])
    db.close()


@pytest.fixture
def lea(client):
    return client("Lea")


async def answered(response, status=200):
    assert response.status == status, await response.text()
    return await response.json()


async def test_staff_read_the_version_in_force(client):
    listed = await answered(await client("Teo").get("/flows"))
    one = await answered(await client("Teo").get("/flows/1"))

    assert [(v["version"], v["state"], v["shipped"]) for v in listed["items"]] == [(1, "published", True)]
    assert listed["next"] is None
    assert one["flow"]["schema"] == "centralino-flow/1"
    assert one["findings"] == []
    assert one["digest"] == rules.digest(rules.of_plain(one["flow"]))


async def test_a_change_goes_from_a_draft_to_force_and_back(lea):
    one = await answered(await lea.get("/flows/1"))
    changed = one["flow"] | {"title": "Ours"}

    draft = await answered(await lea.send("PUT", "/flows/1", {"flow": changed, "seen": one["edition"]}))
    again = await answered(
        await lea.send("PUT", "/flows/2", {"flow": changed | {"title": "Mine"}, "seen": draft["edition"]})
    )
    assert (draft["version"], again["version"], again["mine"]) == (2, 2, True)
    stale = await answered(
        await lea.send("PUT", "/flows/2", {"flow": changed, "seen": draft["edition"]}), 409
    )
    assert "somebody saved" in stale["detail"]

    done = await answered(
        await lea.post("/flows/2/publish", {"digest": again["digest"], "comment": "New title"})
    )
    assert (done["state"], done["comment"]) == ("published", "New title")
    back = await answered(await lea.post("/flows/1/roll-back", {"comment": "Back"}))
    assert (back["version"], back["flow"]) == (3, one["flow"])
    first = await answered(await lea.get("/flows", limit="2"))
    rest = await answered(await lea.get("/flows", limit="2", cursor=first["next"]))
    assert [v["state"] for v in first["items"] + rest["items"]] == ["published", "retired", "retired"]


async def test_what_is_wrong_with_a_flow_is_listed_by_its_place(lea):
    one = await answered(await lea.get("/flows/1"))
    new = await answered(await lea.post("/flows", {"flow": one["flow"] | {"start": "nowhere"}}), 201)

    assert new["findings"] == [{"rule": "unknown_node", "place": "start", "detail": "nowhere"}]
    refused = await answered(
        await lea.post("/flows/2/publish", {"digest": new["digest"], "comment": "x"}), 422
    )
    assert refused["faults"] == [{"pointer": "/body/start", "message": "unknown_node: nowhere"}]
    no_flow = await answered(await lea.post("/flows", {"flow": {"schema": "x"}}), 422)
    assert no_flow["faults"][0]["pointer"] == "/body"
    gone = await answered(await lea.post("/flows/2/discard", {"seen": new["edition"]}))
    assert (gone["version"], (await lea.get("/flows/2")).status) == (2, 404)


async def test_who_may_not_change_a_flow_is_told_and_nothing_else_is_there(client, lea):
    one = await answered(await lea.get("/flows/1"))

    for path, status in (("/flows/x", 404), ("/flows/0", 404), ("/flows/99999999999", 404)):
        assert (await lea.get(path)).status == status
    assert (await lea.get("/flows", cursor="x")).status == 422
    body = {"flow": one["flow"], "seen": one["edition"]}
    assert (await client("Teo").send("PUT", "/flows/1", body)).status == 403
    assert (await client("reader").send("PUT", "/flows/1", body)).status == 403
    assert (await client("Alice").send("PUT", "/flows/1", body)).status == 404
    assert (await lea.send("DELETE", "/flows/1")).status == 405
