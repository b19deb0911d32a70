"""Visits over the API: staff plan and do them, the customer chooses, and nobody sees what is not theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.desk import accounts
from tests.desk_at_work import PASSED, at_work
from tests.web.api_desk import Caller, serving
from tests.web.test_visits import GOING_NOW


async def test_a_visit_over_the_api_from_plan_to_minutes(db):
    desk = await at_work(db, GOING_NOW)
    desk.now = datetime.now(UTC)
    number = await desk.taken(authentication=PASSED)
    people = [("agent", f"{name}@hub.test") for name in ("lea", "ann")]
    people += [("contact", "alice@acme.test"), ("contact", "bob@beta.test")]
    tokens = [
        await db.write(accounts.token_create, kind=kind, email=email, name="t", now=desk.now)
        for kind, email in people
    ]
    async with serving(db) as client:
        lea, ann, alice, bob = (Caller(client, token) for token in tokens)
        where = f"/tickets/{number}/visits"

        assert (await alice.post(where, {"purpose": "x"})).status == 403
        assert (await ann.post(where, {"purpose": "x", "site": "Nowhere"})).status == 422
        made = await ann.post(where, {"purpose": "Switch", "minutes": 60, "parts": [{"name": "SW-1"}]})
        assert made.status == 201
        visit = await made.json()
        assert visit["slots"][0]["why"] == "earliest"
        (seen,) = (await (await alice.get(where)).json())["items"]
        assert (seen["purpose"], seen["parts"], len(seen["slots"])) == ("", [], 3)
        assert (await bob.get(where)).status == 404
        one = f"{where}/{visit['id']}"
        assert (await (await alice.get(one)).json())["id"] == visit["id"]
        chosen = await (await alice.post(f"{one}/choose", {"slot": visit["slots"][0]["id"]})).json()
        assert (chosen["state"], chosen["slots"]) == ("confirmed", [])
        assert (await alice.post(f"{one}/choose", {"slot": visit["slots"][1]["id"]})).status == 409
        assert (await ann.get(f"{where}/nothing")).status == 404

        board = await (await lea.get("/visits")).json()
        assert [entry["visit"] for one in board["engineers"] for entry in one["entries"]] == [visit["id"]]
        assert (await alice.get("/visits")).status == 403
        for wrong in ({"since": "2026-02-31"}, {"since": "20260301"}, {"days": "0"}):
            assert (await lea.get("/visits", **wrong)).status == 422
        since = desk.now.replace(microsecond=0) + timedelta(days=3)
        leave = {"agent": "gus@hub.test", "since": since.isoformat()}
        leave["until"] = (since + timedelta(days=1)).isoformat()
        assert (await ann.post("/leave", leave)).status == 403
        entered = await lea.post("/leave", leave)
        assert entered.status == 201
        removed = await lea.post(f"/leave/{(await entered.json())['id']}/remove", {})
        assert removed.status == 200

        moved = {"start": (since + timedelta(hours=4)).isoformat(), "technician": "gus@hub.test"}
        assert (await (await ann.post(f"{one}/confirm", moved)).json())["sequence"] == 1
        assert (await ann.post(f"{one}/en-route", {})).status == 200
        assert (await (await ann.post(f"{one}/check-in", {})).json())["state"] == "onsite"
        done = await (await ann.post(f"{one}/check-out", {"minutes": 30})).json()
        assert (done["state"], bool(done["left_at"])) == ("done", True)
        assert (await ann.post(f"{one}/cancel", {"reason": "x"})).status == 409
