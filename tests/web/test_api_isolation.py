"""Does anybody get a byte of what is not theirs? Every call of the document, with ids of another customer."""

from __future__ import annotations

from typing import Any

import pytest

from core.desk import tasks
from core.store import tables
from tests import rows
from tests.web.api_desk import SECRET, Caller, furnish, serving
from web.api import ENDPOINTS

NOWHERE = {
    "contact": "nobody",
    "room": "01a20e0c-0000-7000-8000-000000000000",
    "address": "telegram:1",
    "version": "999",
    "problem": "999",
    "known": "999",
    "name": "nowhere",
    "user": "nobody",
    "number": "26-999999",
    "id": "01a20e0c-0000-7000-8000-000000000000",
    "visit": "01a20e0c-0000-7000-8000-000000000000",
    "period": "2026-01",
    "every": "month",
}
ALERT = "01896e57-5430-763b-9e2e-ffc9cc3fa46f"
VISIT = "01896e57-5430-763b-9e2e-ffc9cc3fa45e"
OWN = "26-000002"
"""Bob's own request: what is his does not open what is not."""
BODIES: dict[str, dict[str, Any]] = {
    "open_ticket": {"subject": "New", "text": "Please help."},
    "correct_report": {"why": "A word was missing."},
    "add_message": {"audience": "customer", "text": "Hello?"},
    "qualify_ticket": {"impact": 1},
    "take_ticket": {},
    "include_ticket": {"address": "eve@evil.test"},
    "exclude_ticket": {"address": "alice@acme.test"},
    "assign_ticket": {"group": "Network L1"},
    "escalate_ticket": {"reason": "too hard"},
    "wait_ticket": {"text": "Which port?"},
    "resume_ticket": {},
    "workaround_ticket": {"text": "Use the other."},
    "resolve_ticket": {"cause": "network", "text": "Cable.", "minutes": 5},
    "close_ticket": {},
    "reopen_ticket": {"reason": "again"},
    "cancel_ticket": {"reason": "a test"},
    "accept_proposed_time": {"proposal": "01896e57-5430-763b-9e2e-ffc9cc3fa45d"},
    "keep_proposed_time": {"proposal": "01896e57-5430-763b-9e2e-ffc9cc3fa45d"},
    "approve_ticket": {"reason": "a good customer"},
    "reject_ticket": {"reason": "not ours", "text": "Sorry."},
    "confirm_ticket": {},
    "refuse_ticket": {"reason": "still broken"},
    "rate_ticket": {"score": 4},
    "retract_ticket": {"message": "01896e57-5430-763b-9e2e-ffc9cc3fa45d"},
    "accept_inbound": {"as": "message"},
    "discard_inbound": {},
    "take_forwarded_ticket": {},
    "retry_inbound": {},
    "retry_all_inbound": {},
    "test_mail_address": {"address": "support@desk.test"},
    "explain_mail": {"mail": "U3ViamVjdDogeA0KDQp4DQo="},
    "lift_stopped_address": {},
    "set_trap_user": {"auth": "SHA256", "auth_secret": "env:TRAPS"},
    "remove_trap_user": {},
    "publish_outage": {
        "words": {"it": {"title": "Posta", "text": "Ferma."}},
        "since": "2026-03-02T09:00:00Z",
    },
    "update_outage": {"words": {"it": "Quasi.", "en": "Nearly."}},
    "end_outage": {},
    "cancel_outage": {"reason": "a test"},
    "ask_to_be_told": {},
    "plan_maintenance": {
        "customer": "ACME",
        "tag": "env=test",
        "since": "2030-03-02T09:00:00Z",
        "until": "2030-03-02T11:00:00Z",
    },
    "approve_maintenance": {},
    "end_maintenance": {},
    "cancel_maintenance": {"reason": "a test"},
    "add_flow": {"flow": {}},
    "save_flow": {"flow": {}, "seen": "0" * 64},
    "publish_flow": {"digest": "0" * 64, "comment": "a test"},
    "roll_back_flow": {"comment": "a test"},
    "discard_flow": {"seen": "0" * 64},
    "answer_call": {},
    "say_what_call_is_about": {"ticket": "26-000001"},
    "open_request_of_call": {},
    "call_back": {},
    "done_by_hand": {},
    "connect_link": {"channel": "telegram"},
    "merge_contact": {"into": "ada@acme.test"},
    "unmerge_contact": {},
    "name_account": {"address": "telegram:9"},
    "disconnect_account": {},
    "invite_contact": {"channel": "telegram"},
    "bind_room": {"customer": "ACME"},
    "unbind_room": {},
    "disconnect_link": {},
    "acknowledge_ticket": {},
    "stand_in": {
        "agent": "lea@desk.test",
        "since": "2030-03-02T09:00:00Z",
        "until": "2030-03-02T19:00:00Z",
        "reason": "a test",
    },
    "take_out_stand_in": {},
    "say_at_handover": {"sentences": {"26-000001": "Call them."}},
    "sign_handover": {"side": "out", "hash": "0" * 64},
    "save_contract": {
        "customer": "ACME",
        "valid_from": "2026-01-01",
        "valid_until": "2026-12-31",
        "why": "a test",
    },
    "buy_more": {"line": "Hours", "quantity": 5, "reason": "order 7"},
    "take_back_consumption": {"entry": "01896e57-5430-763b-9e2e-ffc9cc3fa45d", "reason": "a mistake"},
    "override_ticket": {"reason": "a good customer", "until": "2099-01-01T00:00:00Z"},
    "recheck_ticket": {},
    "log_activity": {"minutes": 5},
    "note_visit_step": {"kind": "note", "text": "x"},
    "promise_ticket": {"promise_by": "2099-01-01T00:00:00Z"},
    "observe_ticket": {"until": "2099-01-01T00:00:00Z"},
    "accept_workaround": {},
    "refuse_workaround": {"reason": "still broken"},
    "apply_known_error": {"known_error": 1},
    "open_problem": {"title": "Ports"},
    "change_problem": {"title": "Ports"},
    "move_problem": {"move": "investigate"},
    "link_problem": {"ticket": OWN},
    "unlink_problem": {"ticket": OWN},
    "write_known_error": {"title": "Ports", "public_text": "Restart it."},
    "change_known_error": {"title": "Ports", "public_text": "Restart it."},
    "retire_known_error": {"reason": "fixed"},
    "accept_suggestions": {"fields": ["technology"]},
    "set_priority": {"priority": "P2", "reason": "a good customer"},
    "put_routing": {"rules": []},
    "play_again": {"desk": "[[routing]]\ngroup = 'Network L1'"},
    "try_routing": {"rules": []},
    "set_away": {"until": None},
    "put_calendar": {"weekly": ["mon-fri 09:00-18:00"]},
    "preview_calendar": {"weekly": ["mon-fri 09:00-18:00"]},
    "apply_calendar": {},
    "put_service_level": {"targets": {"P1": {"response": "15m"}}, "why": "a test"},
    "preview_service_level": {"targets": {"P1": {"response": "15m"}}},
    "apply_service_level": {},
    "finish_task": {},
    "merge": {"into": OWN},
    "split": {"messages": ["01896e57-5430-763b-9e2e-ffc9cc3fa45d"]},
    "move": {"into": OWN, "thread": "01896e57-5430-763b-9e2e-ffc9cc3fa45d"},
    "undo": {},
    "link_ticket": {"to": OWN, "kind": "related"},
    "unlink_ticket": {"to": OWN, "kind": "related"},
    "open_incident": {"children": [OWN]},
    "attach_children": {"children": [OWN]},
    "announce_incident": {},
    "detach_children": {"children": [OWN]},
    "inform_children": {"words": {"it": "Al lavoro.", "en": "We are on it."}},
    "resolve_children": {
        "children": [OWN],
        "cause": "network",
        "words": {"it": "Fatto.", "en": "Done."},
        "minutes": 5,
    },
    "hand_vendor_mail": {"ticket": "26-000001", "case": "01896e57-5430-763b-9e2e-ffc9cc3fa45d"},
    "open_vendor_case": {"vendor": "Cumulus", "subject": "Fan", "text": "It stands still."},
    "write_to_vendor": {"text": "Any news?"},
    "describe_vendor_case": {"reference": "SR1"},
    "mark_vendor_case": {"state": "solved"},
    "promote_vendor_words": {"text": "A fan comes."},
    "plan_visit": {"purpose": "A fan"},
    "offer_visit": {},
    "choose_visit": {"slot": "01896e57-5430-763b-9e2e-ffc9cc3fa45d"},
    "decline_visit": {"text": "Too early."},
    "confirm_visit": {"start": "2099-01-01T09:00:00Z", "technician": "teo@desk.test"},
    "add_engineer_visit": {"technician": "teo@desk.test"},
    "replace_engineer_visit": {"technician": "teo@desk.test", "instead_of": "teo@desk.test"},
    "remove_engineer_visit": {"technician": "teo@desk.test"},
    "cancel_visit": {"reason": "a test"},
    "en_route_visit": {},
    "check_in_visit": {},
    "check_out_visit": {},
    "no_access_visit": {"reason": "a test"},
    "enter_leave": {
        "agent": "teo@desk.test",
        "since": "2099-03-02T09:00:00Z",
        "until": "2099-03-03T09:00:00Z",
    },
    "remove_leave": {},
    "make_report": {"period": "2026-01"},
    "approve_report": {},
    "refuse_report": {"why": "A number is wrong."},
    "put_report_schedule": {},
    "acknowledge_alert": {},
    "attach_alert": {"ticket": OWN},
    "open_ticket_of_alert": {},
    "name_alert": {"customer": "ACME"},
    "map_alert_source": {"mapping": {"event": "problem"}},
}
"""A body that each writing call takes: what is refused is refused for the id alone."""
QUERIES = {"preview_merge": {"into": OWN}, "get_day_book": {"agent": "teo@desk.test"}}
"""What reading calls cannot do without."""
WITH_IDS = [one for one in ENDPOINTS if one.parts]


def a_visit(tx, ticket):
    """Somebody is going to be there; what they are to do is for staff."""
    tx.insert(
        tables.visit,
        ticket_id=ticket,
        id=VISIT,
        customer="ACME",
        time_zone="Europe/Rome",
        purpose=SECRET,
        uid=VISIT,
        made_at=rows.NOON,
        made_by="system",
    )


def a_report(tx):
    """One that nobody has approved yet is for staff."""
    tx.insert(
        tables.periodic_report,
        contract="C-2026-001",
        period="2026-01",
        n=1,
        customer="ACME",
        since=rows.NOON,
        until=rows.NOON,
        at=rows.NOON,
        by=SECRET,
        why=SECRET,
    )


def an_alert(tx, ticket):
    """What a device said is for staff; so is which devices may speak."""
    fact = {"dedup_key": SECRET, "resource": SECRET, "event": SECRET, "severity": "major", "worst": "major"}
    tx.insert(
        tables.alert,
        id=ALERT,
        source="am",
        customer="ACME",
        status="firing",
        firing=True,
        first_seen=rows.NOON,
        last_seen=rows.NOON,
        started_at=rows.NOON,
        received_at=rows.NOON,
        ticket_id=ticket,
        about={},
        body="0" * 64,
        **fact,
    )
    tx.insert(tables.alert_source, name="am", content={"kind": "generic", "customer": "ACME"})


@pytest.fixture
async def desk(db):
    made = await db.write(furnish)
    await db.write(an_alert, made.ids["acme"])
    made.ids["alert"] = ALERT
    await db.write(a_visit, made.ids["acme"])
    await db.write(a_report)
    made.ids["task"] = await db.write(tasks.add, "observed", ticket_id=made.ids["acme"], now=rows.NOON)
    return made


@pytest.fixture
async def client(db):
    async with serving(db) as client:
        yield client


@pytest.fixture
def caller(client, desk):
    return lambda name: Caller(client, desk.tokens[name])


def ids_of_acme(endpoint, desk):
    number = "C-2026-001" if endpoint.path.startswith("/contracts") else "26-000001"
    kinds = {
        "outages": "outage",
        "calls": "call",
        "tasks": "task",
        "maintenance": "window",
        "alerts": "alert",
    }
    kind = kinds.get(endpoint.path.split("/")[1], "held")
    identity = desk.ids[kind]
    known = {"contact": "alice", "room": desk.ids["room"], "address": desk.ids["account"]}
    known |= {
        "problem": "1",
        "known": "1",
        "visit": VISIT,
        "period": "2026-01",
        "version": "1",
        "every": "month",
    }
    name = "am" if endpoint.path.startswith("/alert-sources") else "Nights"
    return known | {"version": "1", "user": "core", "name": name, "number": number, "id": identity}


async def ask(who, endpoint, ids, **headers):
    path = endpoint.path.format(**ids)
    if endpoint.method == "GET":
        return await who.get(path, **QUERIES.get(endpoint.name, {}))
    return await who.send(endpoint.method, path, BODIES[endpoint.name], **headers)


def everything(tx):
    """All rows of all tables, but for the sign of life of callers."""
    left_out = {"idempotency", "api_token"}
    return {
        name: sorted(map(repr, tx.all(table.select())))
        for name, table in tables.metadata.tables.items()
        if name not in left_out
    }


def test_every_writing_call_is_swept():
    assert set(BODIES) == {one.name for one in ENDPOINTS if one.method != "GET"}


async def test_a_foreign_id_looks_like_one_that_is_not_there(caller, desk, db):
    bob = caller("Bob")
    before = await db.read(everything)

    told_apart = [endpoint.name for endpoint in WITH_IDS if not await looks_like_nothing(bob, endpoint, desk)]

    assert told_apart == []
    assert await db.read(everything) == before


async def looks_like_nothing(who, endpoint, desk):
    """Is the answer for an id of Acme's that for one of nobody's, to the letter?"""
    foreign = await ask(who, endpoint, ids_of_acme(endpoint, desk))
    nowhere = await ask(who, endpoint, NOWHERE)
    again = await ask(who, endpoint, ids_of_acme(endpoint, desk), Idempotency_Key=endpoint.name)
    return (
        foreign.status == nowhere.status == again.status == 404
        and await foreign.read() == await nowhere.read() == await again.read()
        and {name for name in foreign.headers if name != "Date"} == set(nowhere.headers) - {"Date"}
    )


async def test_a_foreign_customer_shows_nothing_in_any_list(caller):
    bob = caller("Bob")
    for query in ({"customer": "ACME"}, {"q": "26-000001"}, {"q": "alice@acme.test"}, {"q": "broken"}):
        assert (await (await bob.get("/tickets", **query)).json())["items"] == []
    assert [one["number"] for one in (await (await bob.get("/tickets")).json())["items"]] == ["26-000002"]


@pytest.mark.parametrize("name", ["Alice", "Ada"])
async def test_nothing_a_contact_gets_holds_what_is_for_staff(caller, desk, name):
    who = caller(name)
    answers = []
    for endpoint in ENDPOINTS:
        answers.append(await ask(who, endpoint, ids_of_acme(endpoint, desk)))
        assert answers[-1].status in (endpoint.status, *endpoint.errors), endpoint.name
        if endpoint.path == "/tickets":
            answers += [await who.get("/tickets", q=words) for words in (SECRET, "paid", "vendor", "code")]
            answers += [await who.get("/tickets", view=view) for view in ("mine", "open", "closed", "all")]

    for answer in answers:
        assert SECRET not in await answer.text(), answer.url
        assert answer.status < 500, answer.url
    shown = await (await who.get("/tickets/26-000001")).json()
    assert {one["audience"] for one in shown["messages"]} == {"customer"}
    assert all(one["trust"] is None for one in shown["messages"])
    assert all(one["trust_reasons"] == one["checks"] == [] for one in shown["messages"])
    assert shown["trust"] is None


async def test_words_of_hidden_texts_find_nothing_for_a_contact(caller):
    for words in (SECRET, "paid", "vendor", "code"):
        assert (await (await caller("Alice").get("/tickets", q=words)).json())["items"] == []
        assert (await (await caller("Lea").get("/tickets", q=words)).json())["items"] != []


async def test_a_technician_of_another_group_sees_nothing(caller, desk, db):
    for table in (tables.ticket, tables.call):
        await db.write(lambda tx, one=table: tx.run(one.update().values(desk_group="Phones L1")))
    teo = caller("Teo")

    for endpoint in (
        one
        for one in WITH_IDS
        if not one.path.startswith(
            (
                "/contracts",
                "/outages",
                "/flows",
                "/rotas",
                "/calendars",
                "/service-levels",
                "/problems",
                "/known-errors",
                "/maintenance",
            )
        )
    ):
        answer = await ask(teo, endpoint, ids_of_acme(endpoint, desk))
        assert answer.status == 404, endpoint.name
    for path in ("/tickets", "/inbound", "/deliveries", "/calls", "/callbacks"):
        assert (await (await teo.get(path)).json())["items"] == []
