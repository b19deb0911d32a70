"""Service levels over the API and in the pages: looked at, kept with why, applied; and a mistake stands at its field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.desk import accounts
from tests.desk_at_work import CONFIGURED, AtWork, at_work
from tests.web import api_desk
from tests.web.api_desk import Caller

SUE = '[[agents]]\nemail = "sue@hub.test"\nname = "Sue"\nroles = ["supervisor"]\n'
TARGETS = {"P3": {"response": "30m", "restore": "8h", "resolve": "24h"}}


@pytest.fixture
async def desk(db) -> AtWork:
    """Alice asked an hour ago; her response is due in another, and would be late by thirty minutes."""
    found = await at_work(db, CONFIGURED + SUE)
    found.now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    return found


async def test_the_api_looks_keeps_and_applies(db, desk):
    number = await desk.qualified()
    tokens = {
        name: await db.write(
            accounts.token_create, kind="agent", email=f"{name}@hub.test", name="test", now=datetime.now(UTC)
        )
        for name in ("sue", "lea")
    }
    async with api_desk.serving(db) as client:
        sue, lea = (Caller(client, tokens[name]) for name in ("sue", "lea"))
        kept = await (await sue.get("/service-levels/Gold")).json()
        assert kept["targets"]["P1"]["resolve_after_workaround"] == "5d"
        assert [one["name"] for one in (await (await lea.get("/service-levels")).json())["items"]] == ["Gold"]

        wrong = await sue.send(
            "PUT", "/service-levels/Gold", {"targets": {"P3": {"response": "soon"}}, "why": "x"}
        )
        assert (await wrong.json())["faults"][0]["pointer"] == "/targets/P3/response"
        body = {"targets": kept["targets"] | TARGETS, "why": "il contratto nuovo", "seen": kept["version"]}
        assert (await lea.send("PUT", "/service-levels/Gold", body)).status == 403
        seen = await (await sue.post("/service-levels/Gold/preview", {"targets": body["targets"]})).json()
        assert (seen["tickets"], seen["earlier"], seen["breached"], seen["next"]) == (1, 1, 1, None)
        assert seen["differences"] == [
            {"priority": "P3", "field": "response", "before": "2h", "after": "30m"}
        ]
        assert (await sue.send("PUT", "/service-levels/Gold", body)).status == 200
        again = await sue.send("PUT", "/service-levels/Gold", body | {"retroactive": False})
        assert again.status == 409, "somebody changed it since it was read"
        past = await (await lea.get("/service-levels/Gold/history")).json()
        assert (past["items"][0]["by"], past["items"][0]["why"]) == ("Sue", "il contratto nuovo")
        assert (await sue.post("/service-levels/Gold/apply")).status == 200
    desk.now = datetime.now(UTC) + timedelta(seconds=1)
    await desk.work()
    assert (await desk.clocks(number))["response"].target_s == 1800
