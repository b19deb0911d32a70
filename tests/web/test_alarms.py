"""The pages of alarms: found, looked at, acted on; a wall that stays readable; sources that say how to send to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.desk.alert_looking import Decision
from core.desk.alerts import FROM_SOURCE
from core.rules.correlation import Step
from core.rules.returning import Act
from core.store import tables
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, devices
from tests.fakes import ReadersHere
from tests.web.desk_pages import Person, serving
from web.alarm_words import decision
from web.words import say

OWN = f"""
[[agents]]
email = "sue@hub.test"
name = "Sue"
roles = ["supervisor"]
language = "en"
[[alert_sources]]
name = "own kind"
kind = "generic"
secret = "{SECRET}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
"""


@dataclass
class At:
    """A desk with devices, and people who look at it."""

    hub: Devices
    pages: Any

    async def as_(self, name: str) -> Person:
        return await self.pages.as_(await self.hub.desk.who(name))

    async def page_of(self, name: str, source: str = "am") -> str:
        return f"/desk/alarms/{(await self.hub.alert(name, source)).id}"


@pytest.fixture
async def at(db, tmp_path):
    hub = await devices(db, WITH_DEVICES + OWN)
    async with serving(db, tmp_path) as pages:
        yield At(hub, pages)


async def test_the_list_begins_with_what_fires_and_finds_what_is_over(at):
    lea = await at.as_("lea")
    assert "Nessun allarme" in (await lea.get("/desk/alarms")).words
    await at.hub.fires("sw-1", "loose")
    await at.hub.ends("sw-1")

    page = await lea.get("/desk/alarms")
    assert "loose does not answer" in page.words
    assert "Acme S.p.A. In attesa breve nessun ticket" in page.words
    assert "loose loose" not in page.words, "the thing is named once"
    assert "sw-1 does not answer" not in page.words
    assert "sw-1 does not answer" in (await lea.get("/desk/alarms?status=resolved&q=sw-1")).words
    assert "Nessun allarme così" in (await lea.get("/desk/alarms?q=nothing-like-it")).words
    assert (await lea.get("/desk/alarms?status=burning")).status == 422
    alice = await at.as_("alice")
    for path in (
        "/desk/alarms",
        "/desk/alarms/board",
        "/desk/alarms/tree",
        "/desk/sources",
        await at.page_of("loose"),
    ):
        assert (await alice.get(path)).status in (303, 404), path


async def test_an_alarm_says_why_it_is_where_it_is_and_what_the_source_said_is_only_text(at):
    lea, ann = await at.as_("lea"), await at.as_("ann")
    await at.hub.fires("<b>x</b>", severity="major")
    page = await lea.get(await at.page_of("<b>x</b>"))
    assert "<b>x</b>" not in page.text
    assert "<b>x</b> does not answer" in page.text.replace("&lt;", "<").replace("&gt;", ">")
    for words in ("Perché è qui?", "È cominciato (grave)", "Aspetta fino a", "Grave", "In attesa breve"):
        assert words in page.words
    assert (await ann.get(await at.page_of("<b>x</b>"))).status == 200, "of their technology"
    assert (await lea.get("/desk/alarms/00000000-0000-0000-0000-000000000000")).status == 404


async def test_somebody_opens_acknowledges_and_names_on_the_page_and_refusals_say_what_to_do(at):
    lea = await at.as_("lea")
    await at.hub.fires("loose", source="shared")
    await at.hub.fires("sw-1")
    one, loose = await at.page_of("sw-1"), await at.page_of("loose", "shared")

    assert (await lea.post(f"{one}/open")).status == 303
    again = await lea.post(f"{one}/open")
    assert (again.status, "worked on already" in again.words) == (409, True)
    assert (await lea.post(f"{one}/acknowledge", text="We <i>look</i>")).status == 303
    read = await lea.get(one)
    assert "Lea ne ha preso atto: We <i>look</i>" in read.words
    assert "Ne prendo atto" not in read.words, "once"
    assert (await lea.post(f"{one}/attach", ticket="26-999999")).status == 404

    asked = await lea.get(loose)
    assert "Scegliere il cliente" in asked.words
    chosen = await lea.get(f"{loose}?customer=ACME")
    assert '<option value="srv-1">' in chosen.text
    assert (await lea.post(f"{loose}/name", customer="ACME", asset="srv-1")).status == 303
    named = await lea.get(loose)
    assert "Lea ha detto che è di ACME srv-1" in named.words
    assert (await lea.post(f"{loose}/burn")).status == 404


async def test_a_ticket_shows_its_alarms_and_who_closes_it_while_one_fires_says_why(at):
    lea = await at.as_("lea")
    await at.hub.fires("core-1", source="at-once")
    await at.hub.fires("srv-1", source="at-once")
    (ticket,) = await at.hub.tickets()
    path = f"/desk/tickets/{ticket.number}"

    page = await lea.get(path)
    assert "2 attivi su 2" in page.words
    assert "Monitoraggio" in page.words
    assert "un allarme appartiene qui" in page.words
    await lea.post(f"{path}/do/take")
    solved = {"cause": "network", "text": "A fan.", "minutes": "5"}
    refused = await lea.post(f"{path}/do/resolve", **solved)
    assert refused.status == 409
    assert "Un allarme è attivo" in refused.words

    await at.hub.ends("core-1", source="at-once")
    await at.hub.ends("srv-1", source="at-once")
    await at.hub.passes(minutes=8)
    over = await lea.get(path)
    assert "2, tutti finiti" in over.words
    assert "tutti gli allarmi sono finiti" in over.words
    tasks = (await (await at.as_("lea")).get("/desk/tasks")).words
    assert f"Tutti gli allarmi di {ticket.number}" in tasks


async def test_the_wall_is_calm_without_alarms_and_counts_five_hundred(at):
    lea = await at.as_("lea")
    assert "Nessun allarme attivo" in (await lea.get("/desk/alarms/board")).words
    await at.hub.fires("core-1", source="at-once")
    await at.hub.fires(*(f"port-{n}" for n in range(500)), source="at-once", parent="core-1")
    await at.hub.fires("x", source="beta")

    page = await lea.get("/desk/alarms/board")

    assert "500 spiegati da altri" in page.words
    assert "500 ne dipendono" in page.words
    assert page.text.count('class="wall-alarm"') == 2
    assert len(page.text) < 150_000
    assert "data-fresh data-alarms" in page.text
    assert (await lea.get("/desk/alarms?parent=" + (await at.hub.alert("core-1", "at-once")).id)).text.count(
        'class="alarm"'
    ) == 50


async def test_what_hangs_on_what_is_a_picture_with_links_and_the_same_in_words(at):
    lea = await at.as_("lea")
    await at.hub.fires("core-1", source="at-once")
    await at.hub.fires("srv-1", source="at-once")

    page = await lea.get("/desk/alarms/tree?customer=ACME")

    assert 'aria-label="core-1, fermo"' in page.text
    assert 'aria-label="srv-1, spiegato"' in page.text
    assert 'href="/desk/alarms/assets/ACME/core-1"' in page.text
    assert "core-1: fermo (critico)" in page.words
    assert (await lea.get("/desk/alarms/tree?customer=NOBODY")).status == 404
    history = await lea.get("/desk/alarms/assets/ACME/core-1")
    assert "core-1 does not answer" in history.words
    assert (
        "Di questo dispositivo non è mai arrivato un allarme"
        in (await lea.get("/desk/alarms/assets/ACME/sw-1")).words
    )


async def test_a_source_says_how_to_send_to_it_and_what_nobody_understood_is_mapped_tried_and_read_again(at):
    sue, lea = await at.as_("sue"), await at.as_("lea")
    await at.hub.posts({"what": "Fan <script>", "where": {"name": "sw-1"}}, source="own kind")
    listed = await lea.get("/desk/sources")
    assert "1 non capiti" in listed.words
    page = await sue.get("/desk/sources/own%20kind")
    assert "POST /in/alerts/own%20kind" in page.text
    assert SECRET not in page.text
    assert "Fan <script>" not in page.text
    assert "A supervisor" not in page.words
    assert "Lo dice" not in (await lea.get("/desk/sources/own%20kind")).words
    at.pages.site.hub = SimpleNamespace(readers=ReadersHere(), channels=[at.hub.monitoring], ready=ready)

    where = {
        "part-event": "what",
        "part-resource": "where.name",
        "label": ["rack", ""],
        "label-path": ["=7", ""],
    }
    tried = await sue.post("/desk/sources/own%20kind/preview", **where)
    assert "generic:sw-1:Fan <script>" in tried.words
    wrong = await sue.post("/desk/sources/own%20kind/map", **{"part-summary": "what"})
    assert (wrong.status, "event, the resource or the key" in wrong.words) == (422, True)
    assert wrong.field("part-summary") == "what", "what was typed is kept"
    assert (await lea.post("/desk/sources/own%20kind/map", **where)).status == 403
    done = await sue.post("/desk/sources/own%20kind/map", **where)
    assert (done.status, done.headers["Location"]) == (303, "/desk/sources/own%20kind?again=1")
    at.hub.desk.now = datetime.now(UTC)  # pages go by the clock
    await at.hub.work()

    (row,) = await at.hub.desk.rows(tables.alert)
    assert (row.asset, row.event, row.about["labels"]) == ("sw-1", "Fan <script>", {"rack": "7"})
    assert (await sue.get("/desk/sources/nobody")).status == 404


KINDS = {str(one) for one in (Step.STORED, Step.LATE)} | set(FROM_SOURCE.values())
KINDS |= {"held", "maintenance", "opened", "storm", "attached", "reopened", "ended", "transient", "calm"}
KINDS |= {f"return_{act}" for act in Act} | {"return_given_up"}
WRITTEN = re.compile(r"alert_rows\.decide\(\s*[\w.]+,\s*[\w.]+,\s*\"(\w+)\"")


@pytest.mark.parametrize("language", ["it", "en"])
def test_every_decision_about_an_alarm_has_words(language):
    code = "".join(path.read_text(encoding="utf-8") for path in Path("core/desk").glob("*.py"))
    kinds = KINDS | set(WRITTEN.findall(code))
    values = {
        "severity": "major",
        "was": "minor",
        "ticket": "26-000001",
        "name": "sw-1",
        "by": "Lea",
        "seconds": 90,
    }
    values |= {
        "until": "2026-03-02T09:00:00+00:00",
        "changes": 5,
        "customer": "ACME",
        "asset": "sw-1",
        "act": "taken",
    }
    assert len(kinds) > 20
    for kind in kinds:
        one = Decision(seq=1, at=datetime.now(UTC), kind=kind, values=values, inbound=None)
        assert say(language).has(f"alarms.why.{kind}"), kind
        assert "{" not in decision(one, say(language), lambda at: "09:00")


async def test_the_message_behind_an_alarm_is_a_download_and_no_mail(at):
    lea = await at.as_("lea")
    inbound = await at.hub.fires("sw-1")
    file = await lea.get(f"/desk/inbound/{inbound}/source")
    assert (file.headers["Content-Type"], "sw-1" in file.text) == ("application/octet-stream", True)
    assert "message.txt" in file.headers["Content-Disposition"]


async def ready() -> tuple[str, ...]:
    return ()
