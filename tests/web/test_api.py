from __future__ import annotations

import asyncio
import io
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from core.desk import stopped
from core.store import tables
from core.store.database import StoreUnavailable
from tests import rows
from tests.web.api_desk import SECRET, Caller, furnish, serving
from web.api import API


@pytest.fixture
async def desk(db):
    return await db.write(furnish)


@pytest.fixture
async def client(db):
    async with serving(db) as client:
        yield client


@pytest.fixture
def caller(client, desk):
    return lambda name: Caller(client, desk.tokens.get(name))


@pytest.fixture
def leader(caller):
    return caller("Lea")


@pytest.fixture
def alice(caller):
    return caller("Alice")


async def problem(response, status):
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    found = await response.json()
    assert found["status"] == status
    assert found["detail"]
    return found


# --- Who may call -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["nobody", "lapsed", "wrong"])
async def test_without_a_valid_token_nothing_is_told(client, desk, token):
    who = Caller(client, "cnt_wrong" if token == "wrong" else desk.tokens.get(token))

    response = await who.get("/tickets/26-000001")

    assert "no-token" in (await problem(response, 401))["type"]
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_cookie_is_no_token(client, desk):
    response = await client.get(
        "/api/v1/me", cookies={"token": desk.tokens["Lea"], "__Host-sign-in": desk.tokens["Lea"]}
    )

    assert response.status == 401


async def test_a_token_may_do_only_what_its_scopes_say(caller):
    reader = caller("reader")

    assert (await reader.get("/tickets")).status == 200
    found = await problem(await reader.post("/tickets/26-000001/take"), 403)
    assert "may not write" in found["detail"]


async def test_the_last_use_of_a_token_is_noted(leader, db):
    assert (await leader.get("/me")).status == 200

    def used(tx):
        found = select(tables.api_token.c.used_at).where(tables.api_token.c.used_at.is_not(None))
        return len(tx.all(found))

    async with asyncio.timeout(5):  # nobody waits for it
        while await db.read(used) != 1:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.01)


async def test_me_says_who_and_what(leader, alice):
    staff, contact = await (await leader.get("/me")).json(), await (await alice.get("/me")).json()

    assert (staff["kind"], staff["role"], staff["scopes"]) == ("agent", "shift-leader", ["read", "write"])
    assert (contact["kind"], contact["role"], contact["customer"]) == ("contact", "user", "ACME")


# --- Reading -----------------------------------------------------------------------------------------------


async def test_a_ticket_has_the_shape_that_was_promised(leader, desk):
    ticket = await (await leader.get("/tickets/26-000001")).json()

    promised = """number subject state priority request_type technology customer requester group level assignee origin
        trust entitlement clocks flags received_at resolved_at closed_at last_event threads messages"""
    assert set(promised.split()) <= set(ticket)
    assert ticket["customer"] == {"code": "ACME", "name": "Acme S.p.A."}
    assert ticket["requester"] == {"name": "Alice", "email": "alice@acme.test", "phone": "+39 02 1234"}
    assert ticket["received_at"] == "2026-03-02T12:00:00Z"
    asked = next(one for one in ticket["messages"] if one["id"] == desk.ids["asked"])
    assert set(asked) == set(
        "id thread channel direction audience author answers_to written_for trust trust_reasons checks subject text visible_text notes times attachments at delivery seen_at edited versions withdrawn_at buttons".split()
    )
    assert (asked["visible_text"], asked["trust"], asked["delivery"]) == ("It is broken.", "weak", None)
    assert [(one["name"], one["size"]) for one in asked["attachments"]] == [("log.txt", 3)]
    assert {one["audience"] for one in ticket["messages"]} == {"customer", "vendor:1", "internal"}
    said = next(one for one in ticket["messages"] if one["delivery"])
    assert said["delivery"]["state"] == "given_up"


async def test_a_file_comes_as_a_download_of_the_bytes_that_were_sent(leader):
    ticket = await (await leader.get("/tickets/26-000001")).json()
    (sent,) = [one for message in ticket["messages"] for one in message["attachments"]]

    answer = await leader.get(f"/tickets/26-000001/files/{sent['id']}")

    assert (answer.status, answer.content_type) == (200, "application/octet-stream")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="log.txt"')
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(await answer.read()) == sent["size"]


async def test_lists_come_page_by_page_newest_first(leader):
    first = await (await leader.get("/tickets", limit=1)).json()
    second = await (await leader.get("/tickets", limit=1, cursor=first["next"])).json()

    assert [[one["number"] for one in page["items"]] for page in (first, second)] == [
        ["26-000002"],
        ["26-000001"],
    ]
    assert second["next"] is None


async def test_filters_meet(leader):
    async def numbers(**query):
        return [one["number"] for one in (await (await leader.get("/tickets", **query)).json())["items"]]

    assert await numbers(customer="ACME") == ["26-000001"]
    assert await numbers(group="Servers L1", state="assigned") == ["26-000002"]
    assert await numbers(q="broken") == ["26-000001"]
    assert await numbers(q="26-000002") == ["26-000002"]
    assert await numbers(assignee="teo@desk.test") == []


async def test_events_are_listed_with_their_reasons(leader):
    found = await (await leader.get("/tickets/26-000001/events")).json()

    assert [(one["seq"], one["kind"], one["actor_name"]) for one in found["items"]] == [
        (1, "ticket.opened", "Alice")
    ]


async def test_staff_see_what_arrived_and_what_left(leader, desk):
    arrived = await (await leader.get("/inbound", waiting="true")).json()
    left = await (await leader.get("/deliveries", state="undelivered", ticket="26-000001")).json()

    assert {one["id"]: one["ticket"] for one in arrived["items"]} == {
        desk.ids["held"]: "26-000001",
        desk.ids["broken"]: None,
    }
    assert [one["state"] for one in left["items"]] == ["given_up"]


async def test_a_contract_is_shown_to_its_customer(alice, leader):
    mine = await (await alice.get("/contracts/C-2026-001")).json()

    assert (mine["stands"], [line["name"] for line in mine["lines"]]) == ("valid", ["Network", "Hours"])
    assert (await alice.get("/contracts/C-2026-002")).status == 404
    assert (await leader.get("/contracts/C-2026-002")).status == 200


# --- Refusals -----------------------------------------------------------------------------------------------


async def test_every_mistake_is_listed_with_its_place(leader):
    body = {"audience": "everybody", "texts": "x", "seen": "12", "a/b~c": 1}

    found = await problem(await leader.post("/tickets/26-000001/messages", body), 422)

    assert {fault["pointer"] for fault in found["faults"]} == {
        "/audience",
        "/text",
        "/texts",
        "/seen",
        "/a~1b~0c",
    }


async def test_unknown_and_doubled_parameters_are_refused(leader, client):
    assert (await problem(await leader.get("/tickets", colour="red"), 422))["faults"][0][
        "pointer"
    ] == "/colour"
    assert (await problem(await leader.get("/tickets", limit=201), 422))["faults"][0]["pointer"] == "/limit"
    assert (await problem(await leader.get("/tickets", cursor="x"), 422))["faults"][0]["pointer"] == "/cursor"
    assert (await problem(await leader.get("/me", a=1), 422))["faults"][0]["pointer"] == "/a"
    doubled = await client.get("/api/v1/tickets?limit=1&limit=2", headers=leader.headers)
    assert (await problem(doubled, 422))["faults"][0]["message"] == "may be given once"


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"text": "\\ud800"}', "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b"a=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b"{" + b" " * 2**20 + b"}", "application/json", 413),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(leader, client, raw, kind, status):
    response = await client.post(
        "/api/v1/tickets/26-000001/take",
        data=io.BytesIO(raw),
        headers=leader.headers | {"Content-Type": kind},
    )

    await problem(response, status)


async def test_a_body_without_an_end_is_cut_off(leader, client):
    async def endless():
        for _ in range(80):
            yield b" " * 2**15

    response = await client.post(
        "/api/v1/tickets/26-000001/take",
        data=endless(),
        headers=leader.headers | {"Content-Type": "application/json"},
    )

    await problem(response, 413)


async def test_addresses_and_methods_there_are_not(leader, client):
    await problem(await leader.get("/secrets"), 404)
    await problem(await leader.get(""), 404)
    await problem(await leader.post("/openapi.json"), 405)
    for method, path, allowed in (("DELETE", "/tickets/26-000001", "GET"), ("PUT", "/tickets", "GET, POST")):
        response = await client.request(method, f"/api/v1{path}", headers=leader.headers)
        await problem(response, 405)
        assert response.headers["Allow"] == allowed


async def test_a_missing_right_on_a_visible_thing_is_403(alice):
    found = await problem(await alice.post("/tickets/26-000001/take"), 403)

    assert "only staff" in found["detail"]
    await problem(await alice.get("/inbound"), 403)
    await problem(await alice.get("/deliveries"), 403)
    await problem(await alice.post("/tickets/26-000001/messages", {"audience": "internal", "text": "x"}), 403)
    await problem(await alice.post("/tickets", {"subject": "x", "text": "x", "customer": "BETA"}), 403)
    later = {"audience": "customer", "text": "x", "send_after": "2030-01-01T00:00:00Z"}
    await problem(await alice.post("/tickets/26-000001/messages", later), 422)


async def test_a_move_that_does_not_fit_names_those_that_do(leader):
    body = {"cause": "network", "text": "Cable", "minutes": 5}

    found = await problem(await leader.post("/tickets/26-000001/resolve", body), 409)

    assert "take" in found["allowed"]


async def test_who_was_overtaken_gets_what_is_newer(leader, caller):
    before = (await (await leader.get("/tickets/26-000001")).json())["last_event"]
    text = {"audience": "customer", "text": "I looked.", "seen": before}
    assert (await caller("Teo").post("/tickets/26-000001/messages", text)).status == 201

    found = await problem(await leader.post("/tickets/26-000001/messages", text), 409)

    assert found["type"].endswith("#stale")
    assert [one["text"] for one in found["messages"]] == ["I looked."]
    again = await leader.post("/tickets/26-000001/messages", text | {"seen": found["last_event"]})
    assert again.status == 201


async def test_a_store_that_takes_nothing_is_said_so(leader, client, monkeypatch):
    async def refuse(*_, **__):
        raise StoreUnavailable

    monkeypatch.setattr(client.app[API].db, "write", refuse)

    response = await leader.post("/tickets/26-000001/take")

    await problem(response, 503)
    assert int(response.headers["Retry-After"]) > 0


async def test_a_mistake_of_ours_says_nothing_but_its_trace(leader, client, monkeypatch):
    async def fail(*_, **__):
        raise RuntimeError(SECRET)

    monkeypatch.setattr(client.app[API].db, "write", fail)

    found = await problem(await leader.post("/tickets/26-000001/take"), 500)

    assert SECRET not in str(found)
    assert re.fullmatch(r"[a-z2-7]{16}", found["trace"])


# --- Doing ---------------------------------------------------------------------------------------------------


async def test_a_way_to_answer_says_that_nothing_arrives_there(leader, db):
    mark = {"delivery_id": "", "said": "", "now": rows.NOON}
    await db.write(stopped.mark, "alice@acme.test", stopped.HARD, **mark)

    (answer,) = (await (await leader.get("/tickets/26-000001")).json())["answers"]

    assert {one["address"]: one["stopped"] for one in answer["ways"]}["alice@acme.test"] == "hard_bounce"


async def test_a_verb_answers_the_ticket_as_it_is_then(leader):
    ticket = await (await leader.post("/tickets/26-000001/take", {"seen": 1})).json()

    assert (ticket["state"], ticket["assignee"]) == ("in_progress", "lea@desk.test")
    assert ticket["last_event"] > 1


async def test_a_message_is_answered_with_what_was_stored(leader, alice):
    response = await leader.post(
        "/tickets/26-000001/messages", {"audience": "customer", "text": " Look: \r\n1 "}
    )
    assert response.status == 201
    said = await response.json()
    assert (said["text"], said["direction"], said["delivery"]["state"]) == ("Look: \n1", "out", "queued")
    noted = await (
        await leader.post("/tickets/26-000001/messages", {"audience": "internal", "text": f"psst {SECRET}"})
    ).json()
    assert (noted["audience"], noted["thread"], noted["author"]["name"]) == ("internal", None, "Lea")

    seen = await (await alice.get("/tickets/26-000001")).json()

    assert said["id"] in [one["id"] for one in seen["messages"]]
    assert noted["id"] not in [one["id"] for one in seen["messages"]]


async def test_a_contact_opens_a_request_and_writes_into_it(alice, leader):
    response = await alice.post("/tickets", {"subject": " Printer\n on fire ", "text": "Smoke.", "impact": 3})

    assert response.status == 201, await response.text()
    ticket = await response.json()
    assert (ticket["subject"], ticket["origin"], ticket["requester"]["email"]) == (
        "Printer on fire",
        "portal",
        "alice@acme.test",
    )
    assert ticket["messages"][0]["text"] == "Smoke."
    path = f"/tickets/{ticket['number']}"
    more = await alice.post(f"{path}/messages", {"audience": "customer", "text": "Flames!"})
    assert more.status == 201
    assert (await more.json())["direction"] == "in"
    seen = await (await leader.get(path)).json()
    assert [(one["text"], one["trust"]) for one in seen["messages"] if one["direction"] == "in"] == [
        ("Smoke.", "verified"),
        ("Flames!", "verified"),
    ]
    assert (await (await leader.get("/tickets", limit=1)).json())["items"][0]["number"] == ticket["number"]


async def test_an_agent_opens_a_request_for_a_contact_or_a_stranger(leader, alice):
    for_alice = {"subject": "Called", "text": "No tone.", "contact": "Alice@acme.test"}
    known = await (await leader.post("/tickets", for_alice)).json()
    new = await (
        await leader.post(
            "/tickets", {"subject": "Called", "text": "?", "contact": "new@acme.test", "customer": "ACME"}
        )
    ).json()

    assert (known["customer"]["code"], known["origin"]) == ("ACME", "api")
    assert (await alice.get(f"/tickets/{known['number']}")).status == 200
    assert new["requester"]["email"] == "new@acme.test"


async def test_a_request_with_values_nobody_knows_is_refused(leader, db):
    before = await db.read(lambda tx: len(tx.all(tables.ticket.select())))
    body = {
        "subject": "x",
        "text": "x",
        "customer": "ACME",
        "technology": "Magic",
        "asset": "none",
        "site": "Mars",
    }

    found = await problem(await leader.post("/tickets", body), 422)

    assert {fault["pointer"] for fault in found["faults"]} == {"/technology", "/asset", "/site"}
    await problem(await leader.post("/tickets", {"subject": "x", "text": "x", "customer": "NOBODY"}), 422)
    await problem(await leader.post("/tickets", {"subject": "x", "text": "x", "contact": "a b@c"}), 422)
    assert await db.read(lambda tx: len(tx.all(tables.ticket.select()))) == before


async def test_a_request_that_has_ended_takes_no_more_words(alice, db):
    await db.write(lambda tx: tx.run(tables.ticket.update().values(state="closed", open=False)))

    found = await problem(
        await alice.post("/tickets/26-000001/messages", {"audience": "customer", "text": "Hello?"}), 409
    )

    assert "open a new request" in found["detail"]


async def test_a_contact_writes_and_what_waited_for_them_goes_on(alice, leader):
    await leader.post("/tickets/26-000001/take")
    await leader.post("/tickets/26-000001/wait", {"text": "Which port?"})
    assert (await (await alice.get("/tickets/26-000001")).json())["state"] == "waiting_customer"

    await alice.post("/tickets/26-000001/messages", {"audience": "customer", "text": "Port 4."})

    assert (await (await alice.get("/tickets/26-000001")).json())["state"] == "in_progress"


async def test_the_customer_confirms_or_refuses_what_was_solved(alice, leader):
    solved = {"cause": "network", "text": "Cable.", "minutes": 5}
    await leader.post("/tickets/26-000001/take")
    await leader.post("/tickets/26-000001/resolve", solved)

    refused = await (await alice.post("/tickets/26-000001/refuse", {"reason": "Still dead."})).json()
    assert refused["state"] == "in_progress"
    await leader.post("/tickets/26-000001/resolve", solved)
    confirmed = await (await alice.post("/tickets/26-000001/confirm")).json()

    assert confirmed["state"] == "closed"


async def test_the_customer_rates_what_was_closed(alice, leader):
    await leader.post("/tickets/26-000001/take")
    await leader.post("/tickets/26-000001/resolve", {"cause": "network", "text": "Cable.", "minutes": 5})
    await problem(await alice.post("/tickets/26-000001/rate", {"score": 5}), 409)
    await alice.post("/tickets/26-000001/confirm")

    rated = await (await alice.post("/tickets/26-000001/rate", {"score": 5, "comment": "Quick."})).json()

    assert "rate" in rated["allowed"]
    assert (rated["rating"]["score"], rated["rating"]["comment"]) == (5, "Quick.")
    await problem(await alice.post("/tickets/26-000001/rate", {"score": 6}), 422)
    await problem(await leader.post("/tickets/26-000001/rate", {"score": 1}), 403)


async def test_staff_decide_what_is_held_and_what_could_not_be_read(leader, desk):
    taken = await (await leader.post(f"/inbound/{desk.ids['held']}/accept", {"as": "ticket"})).json()
    again = await (await leader.post(f"/inbound/{desk.ids['broken']}/retry")).json()

    assert (taken["waiting"], taken["outcome"]) == (False, None)
    assert (again["waiting"], again["outcome"]) == (False, None)
    await problem(await leader.post(f"/inbound/{desk.ids['held']}/discard"), 409)


async def test_an_item_that_is_discarded_waits_for_nobody(leader, desk):
    item = await (await leader.post(f"/inbound/{desk.ids['broken']}/discard")).json()

    assert (item["waiting"], item["outcome"]) == (False, "exception")
    left = await (await leader.get("/inbound", waiting="true")).json()
    assert [one["id"] for one in left["items"]] == [desk.ids["held"]]


# --- Idempotency ---------------------------------------------------------------------------------------------


async def messages(db):
    return len(await db.read(lambda tx: tx.all(tables.message.select())))


async def test_the_same_call_again_gives_the_same_answer(leader, db):
    body = {"audience": "customer", "text": "Once."}
    first = await leader.post("/tickets/26-000001/messages", body, Idempotency_Key="k1")
    count = await messages(db)

    second = await leader.post("/tickets/26-000001/messages", body, Idempotency_Key="k1")

    assert (second.status, await second.read()) == (first.status, await first.read())
    assert "Idempotent-Replay" not in first.headers
    assert second.headers["Idempotent-Replay"] == "true"
    assert await messages(db) == count


async def test_a_key_belongs_to_one_call_of_one_caller(leader, caller):
    body = {"audience": "customer", "text": "Once."}
    await leader.post("/tickets/26-000001/messages", body, Idempotency_Key="k1")

    other = await leader.post("/tickets/26-000001/messages", body | {"text": "Twice."}, Idempotency_Key="k1")
    elsewhere = await leader.post("/tickets/26-000002/messages", body, Idempotency_Key="k1")
    another = await caller("Teo").post("/tickets/26-000001/messages", body, Idempotency_Key="k1")

    assert (await problem(other, 422))["type"].endswith("#key-reused")
    await problem(elsewhere, 422)
    assert another.status == 201


async def test_what_was_refused_may_be_tried_again_with_the_same_key(leader):
    body = {"cause": "network", "text": "Cable", "minutes": 5}
    assert (await leader.post("/tickets/26-000001/resolve", body, Idempotency_Key="k1")).status == 409
    await leader.post("/tickets/26-000001/take")

    assert (await leader.post("/tickets/26-000001/resolve", body, Idempotency_Key="k1")).status == 200


async def test_two_at_once_make_one(leader, db):
    body = {"audience": "customer", "text": "Once."}
    count = await messages(db)

    answers = await asyncio.gather(
        *(leader.post("/tickets/26-000001/messages", body, Idempotency_Key="k1") for _ in range(5))
    )

    statuses = [one.status for one in answers]
    assert statuses.count(201) >= 1
    assert set(statuses) <= {201, 409}
    assert await messages(db) == count + 1
    for one in answers:
        if one.status == 409:
            assert (await one.json())["type"].endswith("#running")
            assert int(one.headers["Retry-After"]) > 0


async def test_a_key_is_forgotten_after_a_day(leader, db):
    body = {"audience": "customer", "text": "Once."}
    await leader.post("/tickets/26-000001/messages", body, Idempotency_Key="k1")
    await db.write(lambda tx: tx.run(tables.idempotency.update().values(at=datetime(2020, 1, 1, tzinfo=UTC))))

    again = await leader.post("/tickets/26-000001/messages", body | {"text": "Anew."}, Idempotency_Key="k1")

    assert again.status == 201


async def test_a_key_that_is_no_key_is_refused(leader):
    for key in ("", "a b", "x" * 256):
        response = await leader.post("/tickets/26-000001/take", {}, Idempotency_Key=key)
        assert (await problem(response, 422))["faults"][0]["pointer"] == "/Idempotency-Key"


# --- Limits -------------------------------------------------------------------------------------------------


async def test_too_many_calls_are_told_when_to_come_back(db, desk):
    async with serving(db, per_person=1) as client:
        leader, alice = Caller(client, desk.tokens["Lea"]), Caller(client, desk.tokens["Alice"])
        answers = [await leader.get("/me") for _ in range(6)]

        assert [one.status for one in answers] == [200] * 5 + [429]
        assert answers[0].headers["RateLimit"] == '"calls";r=4;t=0'
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert (await alice.get("/me")).status == 200
        guesses = [await Caller(client, f"cnt_{n}").get("/me") for n in range(6)]
        assert [one.status for one in guesses] == [401] * 5 + [429]


# --- The document --------------------------------------------------------------------------------------------


async def test_document_and_page_are_there_without_a_token(client):
    document = await (await client.get("/api/v1/openapi.json")).json()
    page = await (await client.get("/api")).text()

    assert document["openapi"].startswith("3.1")
    for path in document["paths"]:
        assert f"/api/v1{path}" in page
    assert 'id="stale"' in page


async def test_a_message_is_taken_back(leader, alice):
    number = "26-000001"
    assert (
        await leader.post(f"/tickets/{number}/messages", {"audience": "customer", "text": "Wrong."})
    ).status == 201
    said = (await (await leader.get(f"/tickets/{number}")).json())["messages"][-1]

    answer = await leader.post(f"/tickets/{number}/retract", {"message": said["id"]})
    seen = await (await alice.get(f"/tickets/{number}")).json()

    assert answer.status == 200, await answer.text()
    assert "Wrong." not in str(seen)
    assert [one["withdrawn_at"] is not None for one in seen["messages"] if one["id"] == said["id"]] == [True]
    await problem(await alice.post(f"/tickets/{number}/retract", {"message": said["id"]}), 403)
