"""Clocks are explained minute by minute, to staff and in plain words to customers; calendars are changed with their places told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.desk import accounts, tickets
from core.store import tables
from tests.desk_at_work import CONFIGURED, AtWork, at_work
from tests.web import api_desk, desk_pages
from tests.web.api_desk import Caller

SUE = """
[[agents]]
email = "sue@hub.test"
name = "Sue"
roles = ["supervisor"]
"""
OFFICE = {
    "time_zone": "Europe/Rome",
    "weekly": ["mon-fri 08:00-12:00", "mon-fri 11:00-16:00"],
    "holidays": "IT",
    "closed": ["2026-12-24"],
    "closed_names": {"2026-12-24": "Vigilia"},
}


@pytest.fixture
async def desk(db) -> AtWork:
    """Three hours ago Alice asked; Ann asked back after one, and Alice has not answered."""
    found = await at_work(db, CONFIGURED + SUE)
    found.now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    return found


async def asked(desk: AtWork) -> str:
    number = await desk.taken()
    desk.passes(hours=1)
    await desk.do(tickets.wait, await desk.who("ann"), number, "Quale?")
    return number


async def test_every_minute_is_explained_to_staff_and_what_was_agreed_to_the_customer(db, desk, tmp_path):
    number = await asked(desk)
    tokens = {
        name: await db.write(
            accounts.token_create, kind=kind, email=email, name="test", now=datetime.now(UTC)
        )
        for name, kind, email in (
            ("ann", "agent", "ann@hub.test"),
            ("alice", "contact", "alice@acme.test"),
            ("bob", "contact", "bob@beta.test"),
        )
    }
    async with api_desk.serving(db) as client:
        found = await (await Caller(client, tokens["ann"]).get(f"/tickets/{number}/clocks")).json()
        hers = await (await Caller(client, tokens["alice"]).get(f"/tickets/{number}/clocks")).json()
        assert (await Caller(client, tokens["bob"]).get(f"/tickets/{number}/clocks")).status == 404

    resolve = next(one for one in found["clocks"] if one["name"] == "resolve")
    assert [one["leg"] for one in found["turns"]] == ["us"] * (len(found["turns"]) - 1) + ["customer"]
    assert [(one["counted"], one["reason"]) for one in resolve["segments"]][-1] == ("paused", "customer")
    assert resolve["elapsed_s"] == 3600
    assert {one["name"] for one in hers["clocks"]} == {"response", "restore", "resolve"}, "triage is ours"
    assert {one["reason"] for one in hers["turns"]} == {""}, "no state of the inside"
    assert all(one["warnings"] == [] and one["promise"] == "" for one in hers["clocks"])

    async with desk_pages.serving(db, tmp_path) as pages:
        page = await (await pages.as_(await desk.who("ann"))).get(f"/desk/tickets/{number}/clocks")
        assert page.status == 200
        assert "aspettavamo il cliente" in page.words
        portal = await (await pages.as_(await desk.who("alice"))).get(f"/portal/requests/{number}/clocks")
        assert portal.status == 200
        assert "Gold" not in portal.words


async def test_a_calendar_is_changed_with_its_mistakes_in_their_places_and_applied_to_what_runs(db, desk):
    number = await desk.qualify((await desk.mail("alice@acme.test")).number or "", technology="Server")
    before = (await desk.clocks(number))["resolve"].calendar
    token, lea = [
        await db.write(accounts.token_create, kind="agent", email=email, name="test", now=datetime.now(UTC))
        for email in ("sue@hub.test", "lea@hub.test")
    ]
    async with api_desk.serving(db) as client:
        sue = Caller(client, token)
        refused = await sue.send("PUT", "/calendars/Office", {"weekly": ["mon-fri 18:00-09:00"]})
        assert refused.status == 422
        assert "weekly" in (await refused.json())["faults"][0]["pointer"]
        never = await (await sue.send("PUT", "/calendars/Office", {"weekly": []})).json()
        assert "never open" in never["faults"][0]["message"]
        assert (await Caller(client, lea).send("PUT", "/calendars/Office", OFFICE)).status == 403

        seen = await (await sue.post("/calendars/Office/preview", OFFICE)).json()
        assert (seen["tickets"], seen["next"]) == (1, None)
        looked = await (await sue.get("/calendars/Office")).json()
        kept = await (await sue.send("PUT", "/calendars/Office", OFFICE | {"seen": looked["edition"]})).json()
        stale = await sue.send("PUT", "/calendars/Office", OFFICE | {"seen": looked["edition"]})
        assert stale.status == 409, "somebody changed it meanwhile"
        assert "overlap and are merged" in kept["warnings"][0]
        assert kept["closed_names"] == OFFICE["closed_names"]
        stray = await sue.send("PUT", "/calendars/Office", OFFICE | {"closed": []})
        assert (await stray.json())["faults"][0]["pointer"] == "/closed_names"
        assert (await desk.clocks(number))["resolve"].calendar == before, "what runs keeps its hours"
        assert (await sue.post("/calendars/Office/apply")).status == 200
    desk.now = datetime.now(UTC) + timedelta(seconds=1)
    await desk.work()

    assert (await desk.clocks(number))["resolve"].calendar == kept["version"]
    assert len(await desk.rows(tables.job, kind="recalendar")) == 0


async def test_the_page_of_a_calendar_shows_what_it_means_before_it_is_kept(db, desk, tmp_path):
    await desk.qualify((await desk.mail("alice@acme.test")).number or "", technology="Server")
    async with desk_pages.serving(db, tmp_path) as pages:
        sue = await pages.as_(await desk.who("sue"))
        form = {
            "days-0": ["mon", "tue", "wed", "thu", "fri"],
            "from-0": "09:00",
            "to-0": "12:00",
            "time_zone": "Europe/Rome",
            "holidays": "",
            "cut_off": "",
        }
        looked = await sue.post("/desk/calendars/Office", **form, look="1")
        assert "1 richieste aperte seguono un'altra versione" in looked.words
        assert "09:00–12:00" in looked.words
        wrong = await sue.post("/desk/calendars/Office", **form | {"closed-0": "24/12"}, save="1")
        assert wrong.status == 422
        assert "Non è una data." in wrong.words
        lea = await pages.as_(await desk.who("lea"))
        assert 'name="save"' not in (await lea.get("/desk/calendars/Office")).text
        listed = await lea.get("/desk/calendars")
        assert "lun–ven 14:00–18:00" in listed.words
