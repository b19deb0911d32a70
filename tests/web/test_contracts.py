"""Contracts in the pages and over the API: saved as versions, mistakes beside their field, books that can be corrected."""

from __future__ import annotations

import json

import msgspec
import pytest
from multidict import MultiDict, MultiDictProxy
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import select

from core.desk import activities, contract_changes
from core.desk.configuration.document import ContractPart, LinePart
from core.rules import entitlement, line_choice
from core.rules.coverage import Line
from core.store import tables
from tests.desk_at_work import CONFIGURED, at_work
from tests.desk_files import changed
from tests.web.api_desk import Caller, furnish
from tests.web.api_desk import serving as api
from tests.web.desk_pages import serving
from web.desk import checked, contract_forms
from web.words import catalogue, say

DESK = (
    changed(
        'name = "Server by day"',
        'name = "Hours"\n    technologies = ["Server"]\n    measure = "hours"\n    quantity = 2\n    priority = 1\n'
        '    [[customers.contracts.lines]]\n    name = "Server by day"',
        CONFIGURED,
    )
    + """
[[agents]]
email = "sue@hub.test"
name = "Sue"
roles = ["supervisor"]
"""
)

FORM = {
    "customer": "GAMMA",
    "number": "C-9",
    "status": "active",
    "valid_from": "2026-03-01",
    "valid_until": "2026-02-01",
    "renewal": "none",
    "grace_days": "0",
    "lines-0-name": "Network",
    "lines-0-calendar": "Nowhere",
    "lines-0-measure": "hours",
    "lines-0-period": "year",
    "lines-0-quantity": "ten",
}


@pytest.fixture
async def desk(db):
    return await at_work(db, DESK)


async def test_a_contract_is_written_in_a_form_that_says_what_is_wrong_and_what_would_change(desk, tmp_path):
    async with serving(desk.db, tmp_path) as pages:
        sue = await pages.as_(await desk.who("sue"))

        wrong = await sue.post("/desk/new-contract", **FORM)
        assert wrong.status == 422
        assert 'id="f-lines-0-quantity"' in wrong.text
        assert "Scriva una quantità più grande di 0" in wrong.words
        right = FORM | {"lines-0-quantity": "10"}
        wrong = await sue.post("/desk/new-contract", **right)
        assert (wrong.status, 'id="f-valid_until"' in wrong.text) == (422, True)
        assert 'id="f-lines-0-calendar"' in wrong.text
        assert wrong.field("lines-0-name") == "Network", "what was typed is not lost"

        assert "Scelga un orario dell'elenco." in wrong.words

        right |= {"valid_until": "2027-02-28", "lines-0-calendar": "24x7", "why": "Order 12"}
        for typed in ("", "x" * 10_000):
            for field in ("number", "lines-0-name"):
                wrong = await sue.post("/desk/new-contract", **right | {field: typed}, save="1")
                assert (wrong.status, f'id="f-{field}"' in wrong.text) == (422, True), (field, typed[:1])
                assert wrong.field(field) == typed, "what was typed is not lost"
        more = await sue.post("/desk/new-contract", **right, add="1")
        assert 'name="lines-1-name"' in more.text
        look = await sue.post("/desk/new-contract", **right, look="1")
        assert "contracts C-9 added" in look.words
        assert await desk.rows(tables.contract, customer="GAMMA") == [], "nothing is saved by looking"
        saved = await sue.post("/desk/new-contract", **right, save="1")
        assert (saved.status, saved.headers["Location"]) == (303, "/desk/contracts/C-9?saved=1")

        edit = await sue.get("/desk/contracts/C-9/edit")
        seen = edit.field("seen")
        again = right | {"lines-0-quantity": "20", "seen": seen, "why": "More"}
        assert (
            "quantity: 10.0 → 20.0" in (await sue.post("/desk/contracts/C-9/edit", **again, look="1")).words
        )
        assert (await sue.post("/desk/contracts/C-9/edit", **again, save="1")).status == 303
        stale = await sue.post("/desk/contracts/C-9/edit", **again, save="1")
        assert (stale.status, 'id="wrong"' in stale.text) == (409, True)
        page = await sue.get("/desk/contracts/C-9")
        assert "More" in page.words
        assert "quantity: 10.0 → 20.0" in page.words

        tom = await pages.as_(await desk.who("tom"))
        assert (await tom.get("/desk/contracts")).status == 200
        assert (await tom.get("/desk/contracts/C-9/edit")).status == 403
        assert (await tom.post("/desk/contracts/C-9/edit", **again, save="1")).status == 403


async def test_books_are_added_to_and_corrected_and_a_ticket_shows_its_evidence(desk, tmp_path):
    number = await desk.qualify((await desk.mail("alice@acme.test")).number, technology="Server")
    await desk.do(activities.log, await desk.who("tom"), number, minutes=50)
    async with serving(desk.db, tmp_path) as pages:
        sue = await pages.as_(await desk.who("sue"))
        page = await sue.get("/desk/contracts/C-1")
        assert number in page.text
        entry = page.field("entry")
        assert (await sue.post("/desk/contracts/C-1/reversals", entry=entry, reason="no")).status == 422
        assert (
            await sue.post("/desk/contracts/C-1/reversals", entry=entry, reason="Not theirs")
        ).status == 303
        assert (
            await sue.post("/desk/contracts/C-1/reversals", entry=entry, reason="Not theirs")
        ).status == 409
        bought = {"line": "Hours", "quantity": "1,5", "reason": "Order 13", "form": "one"}
        for _ in range(2):
            assert (await sue.post("/desk/contracts/C-1/purchases", **bought)).status == 303
        (balance,) = await desk.rows(tables.line_balance, line="Hours")
        assert (balance.granted, balance.used) == (210, 0)

        ann = await pages.as_(await desk.who("tom"))
        evidence = await ann.get(f"/desk/tickets/{number}/contract")
        assert "Hours" in evidence.words
        assert "50 min" in evidence.words
        late = await ann.post(f"/desk/tickets/{number}/contract/work", minutes="0", kind="remote")
        assert (late.status, 'id="f-minutes"' in late.text) == (422, True)
        much = await ann.post(f"/desk/tickets/{number}/contract/work", minutes="300", kind="remote")
        assert (much.status, "resta meno di quanto serve" in much.words) == (409, True)
        assert "restano 3,5 ore" in much.words
        told = [task.kind for task in await desk.rows(tables.task)]
        assert "consumption_below" in told, "both sides hear of it although nothing was entered"


def test_why_a_line_lost_and_what_was_known_is_told_in_the_readers_words():
    line = Line(name="A", technologies=("X",), assets=("db-1",), sites=("Rome",))
    nothing = {"technology": None, "request_type": None, "asset": None, "site": None}
    kept = [
        *(criterion.format("C-1, Office") for criterion in line_choice.CRITERIA),
        *entitlement._STANDS_WORSE.values(),
        *(
            line.misfit(**nothing | known)
            for known in (
                {"technology": "Y"},
                {},
                {"asset": "pc-1"},
                {"asset": "db-1"},
                {"asset": "db-1", "site": "Bari"},
            )
        ),
        Line(name="B", request_types=("X",)).misfit(**nothing | {"request_type": "Y"}),
        "this person may not ask under the contract",
        "asset pc-1 is not the customer's",
        "not for requests by email",
        "the same as C-1, Office",
    ]
    assert all(kept)
    assert [why for why in kept if checked.lost(why, say("it")) == why] == []
    told = {f"contract.input.{name}" for name in (*entitlement.Asked.__slots__, "rule_version")}
    assert told <= catalogue("it").keys() & catalogue("en").keys()


async def test_programs_save_contracts_log_work_and_override(db):
    desk = await db.write(furnish)
    async with api(db) as client:
        lea, alice = Caller(client, desk.tokens["Lea"]), Caller(client, desk.tokens["Alice"])
        ada = Caller(client, desk.tokens["Ada"])
        body = {"customer": "ACME", "valid_from": "2026-01-01", "valid_until": "2026-12-31", "why": "Order"}
        assert (await lea.send("PUT", "/contracts/C-2026-001", body)).status == 403, "a supervisor's"
        await db.write(lambda tx: tx.update(tables.agent, {"email": "lea@desk.test"}, roles=["supervisor"]))

        wrong = await lea.send(
            "PUT", "/contracts/C-2026-001", body | {"lines": [{"name": "A", "calendar": "B"}]}
        )
        assert [fault["pointer"] for fault in (await wrong.json())["faults"]] == ["/lines/0/calendar"]
        lines = [{"name": "Network", "measure": "hours", "quantity": 1, "period": "month"}]
        never = body | {"valid_from": "9999-12-31", "valid_until": "9999-12-31", "lines": lines}
        wrong = await lea.send("PUT", "/contracts/C-2026-001", never)
        assert [fault["pointer"] for fault in (await wrong.json())["faults"]] == ["/valid_from"]
        endless = never | {"valid_from": "2026-01-01"}
        assert (await lea.send("PUT", "/contracts/C-2026-001", endless)).status == 200
        lines = [{"name": "Network", "measure": "hours", "quantity": 2, "used_before": 1}]
        saved = await lea.send("PUT", "/contracts/C-2026-001", body | {"lines": lines, "tell_breach": True})
        assert (await saved.json())["lines"][0]["balance"]["left"] == 1
        whole = await (await lea.get("/contracts/C-2026-001")).json()
        again = await lea.send("PUT", "/contracts/C-2026-001", whole | {"why": "As it was read."})
        assert (again.status, await again.json()) == (200, whole)
        listed = await (await lea.get("/contracts", limit=1)).json()
        assert (listed["items"][0]["number"], listed["next"]) == ("C-2026-001", "C-2026-001")
        versions = await (await lea.get("/contracts/C-2026-001/versions")).json()
        assert [one["why"] for one in versions["items"]] == ["", "Order", "Order"]

        until = "2099-01-01T00:00:00Z"
        refused = await lea.post("/tickets/26-000001/override", {"reason": "No reason.", "until": until})
        assert refused.status == 422, "too far ahead"
        assert (await lea.post("/tickets/26-000001/activities", {"minutes": 30})).status == 201
        worked = await (await lea.get("/tickets/26-000001/activities")).json()
        assert [one["minutes"] for one in worked["items"]] == [30]
        now = await (await lea.get("/contracts/C-2026-001")).json()
        under = {"contract": "C-2026-001", "contract_version": now["version"], "line": "Network"}
        await db.write(lambda tx: tx.update(tables.ticket, {"number": "26-000001"}, **under))
        assert (await lea.post("/tickets/26-000001/activities", {"minutes": 600})).status == 409
        told = await db.read(lambda tx: [row.kind for row in tx.all(select(tables.task))])
        assert "consumption_below" in told, "both sides hear of it although nothing was entered"
        assert (await alice.get("/contracts/C-2026-001/consumption")).status == 403
        assert (await ada.get("/contracts/C-2026-001/consumption")).status == 200
        seen = await (await ada.get("/contracts/C-2026-001")).json()
        hidden = {name for name, value in {**seen, **seen["lines"][0]}.items() if value is None}
        ours = {"policy", "authorised_contacts", "grace_days"}
        ours |= {"priority", "overdraft", "vendor_pauses", "no_access_billable"}
        assert ours <= hidden, "customers see what they bought, not how we go about it"
        assert seen["lines"][0]["balance"]["granted"] == 2
        assert seen["lines"][0]["hours"][0] == "mon 00:00-24:00"


WHOLE = """
  [[customers.contracts]]
  number = "C-7"
  valid_from = 2026-01-01
  valid_until = 2027-12-31
  status = "suspended"
  grace_days = 12
  covers_children = true
  authorised_contacts = ["alice@acme.test"]
  notice_date = 2027-06-30
  renewal = "tacit"
  tell_breach = true
  policy = { expired = "quarantine", exhausted = "store_alert_only" }
    [[customers.contracts.lines]]
    name = "Everything"
    technologies = ["Network"]
    request_types = ["Change"]
    channels = ["whatsapp"]
    assets = ["sw-1"]
    sites = ["Verona"]
    calendar = "Office"
    sla = "Gold"
    onsite = true
    vendor_pauses = true
    measure = "hours"
    quantity = 7.5
    used = 1.25
    period = "month"
    overdraft = true
    priority = 3
    emergency = true
    rollover = true
    step = 20
    no_access_billable = true
[[customers]]
name = "Beta Ltd"
"""


def _default(part, name):
    """What a field is when nobody says it."""
    return {one.encode_name: one.default for one in msgspec.structs.fields(part)}[name]


def _sent(page):
    """The fields that a browser would send of the form as it stands, but for its buttons."""
    fields: MultiDict[str] = MultiDict()
    for one in LexborHTMLParser(page.text).css("form.panel input, form.panel select"):
        name, at = one.attributes.get("name"), one.attributes
        if one.tag == "select":
            (picked,) = one.css("option[selected]") or one.css("option")[:1]
            fields.add(name, picked.attributes["value"])
        elif at.get("type") != "checkbox" or "checked" in at:
            fields.add(name, at.get("value") or "")
    return MultiDictProxy(fields)


async def test_a_contract_that_is_opened_and_saved_is_what_it_was_with_every_field(db, tmp_path):
    desk = await at_work(db, changed('[[customers]]\nname = "Beta Ltd"\n', WHOLE.lstrip("\n"), DESK))
    plain = await db.read(contract_changes.written, "C-7")
    for part, given in ((ContractPart, plain), (LinePart, plain["lines"][0])):
        as_usual = [
            name
            for name, value in given.items()
            if name not in ("customer", "lines") and value == _default(part, name)
        ]
        assert as_usual == [], "the example says something else than usual in every field"
    async with serving(desk.db, tmp_path) as pages:
        page = await (await pages.as_(await desk.who("sue"))).get("/desk/contracts/C-7/edit")

    again = contract_forms.read(_sent(page)) | {"number": "C-7"}  # of its address

    kept = {name: value for name, value in again.items() if name not in ("why", "seen")}
    assert kept == json.loads(json.dumps(plain)), "tuples are lists in a form"
    wanted = {name: value for name, value in again.items() if name not in ("customer", "why", "seen")}
    said = await db.read(contract_changes.preview, await desk.who("sue"), wanted, customer="ACME")
    assert said.changes == ()


async def test_what_the_lists_of_an_editor_name_no_more_stays_ticked(desk, tmp_path):
    async with serving(desk.db, tmp_path) as pages:
        sue = await pages.as_(await desk.who("sue"))
        page = await sue.post(
            "/desk/new-contract", **FORM, **{"lines-0-channels": "pigeon", "lines-0-assets": "gone"}, look="1"
        )

    sent = _sent(page)
    assert (sent["lines-0-channels"], sent["lines-0-assets"]) == ("pigeon", "gone")
    assert sent["lines-0-calendar"] == "Nowhere"
