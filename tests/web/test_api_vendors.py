"""Cases at vendors over the API: programs open, write, describe, mark and promote; customers learn that one is engaged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.store import tables
from core.store.opening import open_database
from tests import rows
from tests.web.api_desk import Caller, furnish, serving

CASES = "/tickets/26-000001/vendor-cases"
NEW = {"vendor": "Cumulus", "subject": "Fan", "text": "The fan at Acme S.p.A. stands still."}


@pytest.fixture
def db(sqlite_url, facts):
    database = open_database(sqlite_url, facts, readers=2, connections=4)
    yield database
    database.close()


@pytest.fixture
async def desk(db):
    def put(tx):
        tx.insert(
            tables.vendor,
            name="Cumulus",
            content={"email": "support@cumulus.test", "mask": True, "answer": "2h"},
        )
        return furnish(tx)

    return await db.write(put)


@pytest.fixture
async def caller(db, desk):
    async with serving(db) as client:
        yield lambda name: Caller(client, desk.tokens[name])


async def test_a_case_is_opened_kept_up_to_date_and_told_of(caller, db):
    teo, lea, alice = caller("Teo"), caller("Lea"), caller("Alice")
    assert (await (await teo.get("/vendors")).json())["items"] == ["Cumulus"]
    answer = await teo.post(CASES, NEW, Idempotency_Key="one")
    case = await answer.json()
    assert (answer.status, case["state"], case["masks"]) == (201, "opened", True)
    assert [one["text"] for one in case["messages"]] == ["The fan at […] stands still."]
    assert case["to"] == ["support@cumulus.test"]
    assert (await (await teo.post(CASES, NEW, Idempotency_Key="one")).json())["id"] == case["id"]
    here = f"{CASES}/{case['id']}"

    later = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    details = {"reference": "SR1", "reference_shown": True, "next_update_due": later.isoformat()}
    shown = await (await teo.post(f"{here}/describe", details)).json()
    assert (shown["reference"], datetime.fromisoformat(shown["next_update_due"])) == ("SR1", later)
    (engaged,) = (await (await alice.get("/tickets/26-000001")).json())["engaged"]
    assert engaged["reference"] == "SR1"
    written = await (await teo.post(f"{here}/write", {"text": "Any news?"})).json()
    assert [one["audience"] for one in written["messages"]] == [f"vendor:{case['id']}"] * 2
    assert (await teo.post(f"{here}/promote", {"text": "A fan comes.", "message": "nothing"})).status == 422
    assert (await teo.post(f"{here}/promote", {"text": "A fan comes."})).status == 200
    told = (await (await alice.get("/tickets/26-000001")).json())["messages"]
    assert [one["text"] for one in told][-1] == "A fan comes."
    assert "stands still" not in repr(told)
    assert (await (await teo.post(f"{here}/describe", {"next_update_due": "none"})).json())[
        "next_update_due"
    ] is None
    for state, is_now in (
        ("working", "working"),
        ("solved", "solved"),
        ("reopened", "working"),
        ("closed", "closed"),
    ):
        assert (await (await teo.post(f"{here}/mark", {"state": state})).json())["state"] == is_now
    refused = await teo.post(f"{here}/mark", {"state": "waiting"})
    assert (refused.status, (await refused.json())["allowed"]) == (409, ["reopen"])
    assert (await (await lea.get("/vendor-cases")).json())["items"] == []
    assert [one["id"] for one in (await (await lea.get(CASES)).json())["items"]] == [case["id"]]
    assert (await (await lea.get(here)).json())["allowed"] == ["reopen"]


async def test_the_triage_and_the_score_are_for_staff(caller, desk, db):
    teo, lea, alice = caller("Teo"), caller("Lea"), caller("Alice")
    case = await (await teo.post(CASES, NEW)).json()
    assert [one["id"] for one in (await (await teo.get("/vendor-cases")).json())["items"]] == [case["id"]]

    def put(tx):
        return rows.an_inbound(tx, reason="vendor_unproved", subject="Fan?", detail={"vendor": "Cumulus"})

    held = await db.write(put)
    (one,) = (await (await lea.get("/vendor-triage")).json())["items"]
    assert (one["id"], one["why"], one["named"]) == (held, "unproved", None)
    assert (await (await teo.get("/vendor-triage")).json())["items"] == []
    to = {"ticket": "26-000001", "case": case["id"]}
    assert (await lea.post(f"/vendor-triage/{desk.ids['held']}/hand", to)).status == 409
    assert (await lea.post(f"/vendor-triage/{held}/hand", to)).status == 200
    score = await (await lea.get("/vendor-score")).json()
    assert [(one["vendor"], one["cases"], one["answered"]["of"]) for one in score["items"]] == [
        ("Cumulus", 1, 0)
    ]
    assert (await lea.get("/vendor-score", month="soon")).status == 422
    assert (await teo.get("/vendor-score")).status == 403
    for path in ("/vendors", "/vendor-cases", CASES, f"{CASES}/{case['id']}", "/vendor-score"):
        assert (await alice.get(path)).status == 403, path
    assert (await alice.post(CASES, NEW)).status == 403
    assert (await caller("Bob").get(CASES)).status == 404
