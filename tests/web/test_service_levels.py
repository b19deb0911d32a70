"""Service levels over the API and in the pages: looked at, kept with why, applied; and a mistake stands at its field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from core.desk import accounts
from tests.desk_at_work import CONFIGURED, AtWork, at_work
from tests.web import api_desk, desk_pages
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


async def test_the_page_shows_what_would_change_before_it_is_kept_and_keeps_what_was_typed(
    db, desk, tmp_path
):
    await desk.qualified()
    async with desk_pages.serving(db, tmp_path) as pages:
        sue, lea = [await pages.as_(await desk.who(name)) for name in ("sue", "lea")]
        gold = "/desk/service-levels/Gold"
        form = _fields((await sue.get(gold)).text)
        assert (form["P1-resolve_after_workaround"], form["P3-response"]) == ("5d", "2h")

        wrong = await sue.post(gold, **form | {"P3-response": "soon"}, look="1")
        assert wrong.status == 422
        assert 'id="f-P3-response"' in wrong.text
        assert _fields(wrong.text)["P3-response"] == "soon", "what was typed is still there"

        looked = await sue.post(gold, **form | {"P3-response": "30m"}, look="1")
        assert "P3, Risposta: 2h → 30m" in looked.words
        assert "1 seguono ciò che diceva prima: 1 scadrebbero prima, 0 dopo." in looked.words
        assert "1 sarebbero in ritardo e ora non lo sono" in looked.words
        form = _fields(looked.text)
        nothing = await sue.post(gold, **form, save="1")
        assert (nothing.status, 'id="f-why"' in nothing.text) == (422, True)
        other = await sue.post(gold, **form | {"P3-response": "20m", "why": "meno"}, save="1")
        assert "Non è ciò che ha guardato" in other.words
        kept = await sue.post(gold, **form | {"why": "il contratto nuovo"}, save="1")
        assert kept.status == 303
        late = await sue.post(gold, **form | {"why": "di nuovo"}, save="1")
        assert late.status == 409
        shown = await sue.get(gold)
        assert "il contratto nuovo" in shown.words
        assert (await sue.post(gold, apply="1")).status == 303

        assert 'name="save"' not in (await lea.get(gold)).text
        assert "30m" in (await lea.get("/desk/service-levels")).words
        assert (await lea.post(gold, **form | {"why": "x"}, save="1")).status == 403

        new = _fields((await sue.get("/desk/new-service-level")).text)
        silver = new | {"name": "Silver 9/5", "P1-response": "1h", "P1-calendar": "Office"}
        seen = _fields((await sue.post("/desk/new-service-level", **silver, look="1")).text)
        made = await sue.post("/desk/new-service-level", **seen | {"why": "per Beta"}, save="1")
        assert made.headers["Location"].startswith("/desk/service-levels/Silver%209%2F5")
        taken = await sue.post("/desk/new-service-level", **seen | {"why": "per Beta"}, save="1")
        assert (taken.status, 'id="f-name"' in taken.text) == (422, True)


def _fields(text: str) -> dict[str, str]:
    """What the form of the page would send, but for its buttons and the token."""
    form = HTMLParser(text).css_first("form.levels")
    named = (one.attributes for one in form.css("input[name]") if one.attributes["name"] != "csrf")
    found = {one["name"]: one.get("value") or "" for one in named}
    for select in form.css("select"):
        chosen = select.css_first("option[selected]")
        found[select.attributes["name"]] = chosen.attributes["value"] if chosen else ""
    return found
