"""The pages of alarms: found, looked at, acted on; a wall that stays readable; sources that say how to send to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.desk import hub_troubles, hub_watch, source_secrets
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
[[agents]]
email = "ada@hub.test"
name = "Ada"
roles = ["admin"]
language = "en"
[[alert_sources]]
name = "anything"
kind = "auto"
secret = "{SECRET}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
[[alert_sources]]
name = "own kind"
kind = "generic"
secret = "{SECRET}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
[[alert_sources]]
name = "signs"
kind = "alertmanager"
customer = "ACME"
hmac = {{ header = "X-Signature", secret = "env:TOOL_HMAC" }}
[[alert_sources]]
name = "lines"
kind = "syslog"
peers = ["192.0.2.0/24"]
customer = "ACME"
[[alert_sources]]
name = "switches"
kind = "snmp"
customer = "ACME"
technology = "Network"
users = [
    {{ name = "trapuser", auth = "SHA-256", auth_secret = "env:TRAP_AUTH", priv = "AES-256", priv_secret = "file:/etc/priv" }},
    {{ name = "older", auth = "MD5", auth_secret = "env:TRAP_OLD" }},
]
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
    assert "Acme S.p.A. In attesa breve nessuna richiesta" in page.words
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


async def test_what_the_hub_says_of_itself_is_read_by_each_in_their_language(at):
    said = {"email by u@example.org": (hub_troubles.PART, "[Errno 111] Connection refused")}
    db, desk = at.hub.desk.db, at.hub.desk
    for _ in range(2):
        await db.write(hub_troubles.report, "one", said, now=desk.now)
        desk.now += timedelta(minutes=12)
        await db.write(hub_troubles.report, "one", said, now=desk.now)
    await db.write(hub_watch.keep, found=await db.read(hub_watch.look, now=desk.now), now=desk.now)
    (row,) = await desk.rows(tables.alert)
    for who, words in (
        (
            "lea",
            ("Non funziona: email by u@example.org", "da più di dieci minuti: la connessione è rifiutata"),
        ),
        (
            "sue",
            ("Does not work: email by u@example.org", "for more than ten minutes: [Errno 111] Connection"),
        ),
    ):
        person = await at.as_(who)
        assert words[0] in (await person.get("/desk/alarms")).words
        assert words[0] in (await person.get("/desk/alarms/board")).words
        page = (await person.get(f"/desk/alarms/{row.id}")).words
        assert words[0] in page
        assert words[1] in page


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
    assert (again.status, "Ci si lavora già" in again.words) == (409, True)
    assert (await lea.post(f"{one}/acknowledge", text="We <i>look</i>")).status == 303
    read = await lea.get(one)
    assert "Lea ne ha preso atto: We <i>look</i>" in read.words
    assert "Ne prendo atto" not in read.words, "once"
    assert (await lea.post(f"{one}/attach", ticket="26-999999")).status == 404

    asked = await lea.get(loose)
    assert 'name="customer" required' in asked.text
    chosen = await lea.get(f"{loose}?customer=ACME")
    assert '<option value="srv-1">' in chosen.text
    assert (await lea.post(f"{loose}/name", customer="ACME", asset="srv-1")).status == 303
    named = await lea.get(loose)
    assert re.search(r"Lea ha detto che è di Acme\b.* srv-1", named.words), "by its name, not by its code"
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
        "Di questo apparato non è mai arrivato un allarme"
        in (await lea.get("/desk/alarms/assets/ACME/sw-1")).words
    )


async def test_a_source_of_traps_names_its_users_and_none_of_their_secrets(at):
    page = await (await at.as_("lea")).get("/desk/sources/switches")
    assert "trapuser SHA-256 AES-256 older MD5 no" in page.words
    assert "engine ID di questo centralino" in page.words
    assert not any(word in page.text for word in ("TRAP_AUTH", "/etc/priv", "TRAP_OLD", "SECRET", "POST /in"))


async def test_an_administrator_says_on_the_page_who_sends_traps_and_where_their_secrets_are(at, monkeypatch):
    monkeypatch.setenv("TRAP_NEW", "long enough")
    ada, lea, url = await at.as_("ada"), await at.as_("lea"), "/desk/sources/switches"
    new = {"user": "newer", "auth": "SHA", "auth_secret": "env:TRAP_NEW", "priv": "", "priv_secret": "env:X"}
    assert "Aggiungi un utente" not in (await lea.get(url)).words
    assert (await lea.post(f"{url}/user", **new)).status == 403

    wrong = await ada.post(f"{url}/user", **{**new, "auth_secret": "the secret itself"})
    assert (wrong.status, "the secret itself" in wrong.text) == (422, False)
    assert "Say where the secret is" in wrong.words
    assert (await ada.post(f"{url}/user", **new)).status == 303
    assert (await ada.post(f"{url}/user-away", known="older")).status == 303

    page = await ada.get(url)
    assert "trapuser SHA-256 AES-256 newer SHA no" in page.words
    assert 'value="env:TRAP_NEW"' in page.text
    kept = (await at.hub.desk.rows(tables.alert_source, name="switches"))[0].content["users"]
    assert kept[1] == {"name": "newer", "auth": "SHA", "auth_secret": "env:TRAP_NEW"}
    audited = await at.hub.desk.rows(tables.event, kind="alert_source.user_set")
    assert [(row.data["user"], row.data["auth_secret"]) for row in audited] == [("newer", "env:TRAP_NEW")]
    assert len(await at.hub.desk.rows(tables.event, kind="alert_source.user_removed")) == 1


async def test_a_supervisor_changes_users_of_traps_and_learns_of_no_place_whether_a_secret_is_there(
    at, monkeypatch
):
    monkeypatch.setenv("TRAP_NEW", "long enough")
    sue, url = await at.as_("sue"), "/desk/sources/switches"
    page = await sue.get(url)
    assert not any(place in page.text for place in ("TRAP_AUTH", "/etc/priv", "_secret"))
    assert "only an administrator says where they are" in page.words
    assert "with “no” the place is lost" in page.words
    older = {"known": "older", "auth": "SHA", "priv": ""}
    assert (await sue.post(f"{url}/user", **older)).status == 303
    for asks in (
        {**older, "auth_secret": "env:TRAP_NEW"},
        {**older, "priv": "AES"},
        {"user": "newer", "auth": "SHA", "auth_secret": "file:/etc/passwd"},
    ):
        refused = await sue.post(f"{url}/user", **asks)
        assert (refused.status, "Only an administrator says where" in refused.words) == (403, True)
        assert "/etc/passwd" not in refused.text
    kept = (await at.hub.desk.rows(tables.alert_source, name="switches"))[0].content["users"]
    assert kept[1] == {"name": "older", "auth": "SHA", "auth_secret": "env:TRAP_OLD"}

    signs = {"known": "trapuser", "auth": "SHA-256"}
    assert (await sue.post(f"{url}/user", **signs, priv="")).status == 303
    assert (await sue.post(f"{url}/user", **signs, priv="AES-256")).status == 403, "that place is lost"
    assert (await sue.post(f"{url}/user-away", known="older")).status == 303


async def test_a_source_of_mail_names_its_address_and_one_of_lines_where_it_is_heard_from(at):
    lea = await at.as_("lea")
    mail = (await lea.get("/desk/sources/by-mail")).words
    assert "support+ups@desk.test" in mail
    lines = (await lea.get("/desk/sources/lines")).words
    assert "Si ascolta solo da 192.0.2.0/24" in lines
    assert not any("POST /in" in page for page in (mail, lines))
    signed = (await lea.get("/desk/sources/signs")).words
    assert "nell'intestazione X-Signature" in signed
    assert "Bearer" not in signed


async def test_a_secret_that_is_not_there_stands_at_its_source(at):
    lacks = [
        source_secrets.Lacking(source="switches", what=f"users.{name}.auth_secret", where=where, reason=why)
        for name, where, why in (("trapuser", "env:TRAP_AUTH", "unset"), ("older", "file:/etc/old", "short"))
    ]
    told = source_secrets.troubles(lacks)
    await at.hub.desk.db.write(hub_troubles.report, "here/1", told, now=at.hub.desk.now)
    ada, sue, lea = await at.as_("ada"), await at.as_("sue"), await at.as_("lea")
    assert "manca un segreto" in (await lea.get("/desk/sources")).words
    page = (await lea.get("/desk/sources/switches")).words
    assert "users.older.auth_secret: ha meno di 8 caratteri" in page
    assert "has no such variable (env:TRAP_AUTH)" in (await ada.get("/desk/sources/switches")).words
    seen = (await sue.get("/desk/sources/switches")).words
    assert ("has no such variable" in seen, "TRAP_AUTH" in seen) == (True, False)


async def test_what_nobody_understood_of_a_source_of_any_kind_is_mapped_and_what_is_known_is_read_as_ever(at):
    sue, url = await at.as_("sue"), "/desk/sources/anything"
    await at.hub.posts({"what": "Fan", "where": "sw-1"}, source="anything")
    page = await sue.get(url)
    assert "What is said here holds for all others of this source" in page.words
    where = {"part-event": "what", "part-resource": "where"}
    done = await sue.post(f"{url}/map", **where)
    assert (done.status, done.headers["Location"]) == (303, f"{url}?again=1")
    at.hub.desk.now = datetime.now(UTC)  # pages go by the clock
    await at.hub.work()
    await at.hub.fires("sw-2", source="anything")
    keys = {row.dedup_key for row in await at.hub.desk.rows(tables.alert, source="anything")}
    assert "generic:sw-1:Fan" in keys
    assert len(keys) == 2


async def test_a_source_says_how_to_send_to_it_and_what_nobody_understood_is_mapped_tried_and_read_again(at):
    sue, lea = await at.as_("sue"), await at.as_("lea")
    item = await at.hub.posts({"what": "Fan <script>", "where": {"name": "sw-1"}}, source="own kind")
    waits = await lea.get(f"/desk/inbound/{item}")
    assert "Un messaggio di own kind" in waits.words
    assert '"where": { "name": "sw-1" }' in waits.words, "laid out"
    listed = await lea.get("/desk/sources")
    assert "1 messaggio non capito" in listed.words
    assert "il centralino stesso" in listed.words
    assert "SECRET" not in (await lea.get("/desk/sources/hub")).text, "nothing is to be set up"
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
    assert (wrong.status, "by one of these an alarm is known" in wrong.words) == (422, True)
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
