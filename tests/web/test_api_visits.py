"""Visits over the API: staff plan and do them, the customer chooses, and nobody sees what is not theirs."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

from PIL import Image

from core.desk import accounts, visits
from core.store import tables
from tests.desk_at_work import PASSED, at_work
from tests.web.api_desk import Caller, serving
from tests.web.test_visits import CREWS, GOING_NOW


async def test_a_crew_over_the_api_from_its_times_to_its_day_books(db):
    desk = await at_work(db, CREWS)
    desk.now = datetime.now(UTC)
    number = await desk.taken(authentication=PASSED)
    async with serving(db) as client:
        ann, alice = [
            Caller(
                client, await db.write(accounts.token_create, kind=kind, email=email, name="t", now=desk.now)
            )
            for kind, email in (("agent", "ann@hub.test"), ("contact", "alice@acme.test"))
        ]
        where = f"/tickets/{number}/visits"
        assert (await ann.post(where, {"purpose": "x", "engineers": 0})).status == 422
        assert (await ann.post(where, {"purpose": "x", "technicians": ["ann@hub.test"]})).status == 422
        visit = await (await ann.post(where, {"purpose": "Rack", "minutes": 60, "engineers": 2})).json()
        assert (visit["count"], len(visit["slots"][0]["others"])) == (2, 1)
        one = f"{where}/{visit['id']}"
        chosen = await (await alice.post(f"{one}/choose", {"slot": visit["slots"][0]["id"]})).json()
        assert [who["name"] for who in chosen["engineers"]] == [
            visit["slots"][0]["engineer"],
            *visit["slots"][0]["others"],
        ]
        start = (desk.now.replace(microsecond=0) + timedelta(days=3)).isoformat()
        given = {"start": start, "technician": "gus@hub.test", "others": ["eva@hub.test"]}
        assert (await ann.post(f"{one}/confirm", given | {"others": []})).status == 422
        assert (await ann.post(f"{one}/confirm", given)).status == 200

        joins = {"technician": "ivo@hub.test"}
        assert (await alice.post(f"{one}/add-engineer", joins)).status == 403
        added = await (await ann.post(f"{one}/add-engineer", joins)).json()
        assert [who["name"] for who in added["engineers"]] == ["Gus", "Eva", "Ivo"]
        away = {"technician": "eva@hub.test"}
        assert (await (await ann.post(f"{one}/remove-engineer", away)).json())["count"] == 2
        swap = {"technician": "eva@hub.test", "instead_of": "ivo@hub.test"}
        swapped = await (await ann.post(f"{one}/replace-engineer", swap)).json()
        assert [who["name"] for who in swapped["engineers"]] == ["Gus", "Eva"]
        other = await (await ann.post(where, {"purpose": "x", "offers": False})).json()
        held = await ann.post(
            f"{where}/{other['id']}/confirm", {"start": start, "technician": "eva@hub.test"}
        )
        assert held.status == 409, "their time is taken"

        assert (await ann.post(f"{one}/check-in", {})).status == 200
        assert (await ann.post(f"{one}/check-out", {"minutes": 30})).status == 200
        assert (await alice.get("/day-book", agent="gus@hub.test")).status == 403
        assert (await ann.get("/day-book", agent="nobody@hub.test")).status == 422
        for email, leads in (("gus@hub.test", True), ("eva@hub.test", False)):
            book = await (await ann.get("/day-book", agent=email)).json()
            assert [(each["ticket"], each["leads"], each["work"]) for each in book["items"]] == [
                (number, leads, 30)
            ]
            assert book["work"] == 30
        assert (await (await ann.get("/day-book", agent="ivo@hub.test")).json())["items"] == []


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


def _drawn(kind: str, size: tuple[int, int]) -> str:
    to = BytesIO()
    Image.effect_noise(size, 90).save(to, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return b64encode(to.getvalue()).decode()


async def _large(caller: Caller, path: str, body: dict[str, Any]) -> Any:
    """A body of several megabytes, sent in pieces."""
    headers = caller.headers | {"Content-Type": "application/json"}
    data = BytesIO(json.dumps(body).encode())
    return await caller.client.post(f"/api/v1{path}", data=data, headers=headers)


async def test_an_engineer_notes_a_whole_visit_over_the_api_and_what_is_sent_twice_is_there_once(db):
    desk = await at_work(db, GOING_NOW)
    desk.now = datetime.now(UTC) - timedelta(hours=2)
    number = await desk.taken(authentication=PASSED)
    visit = await desk.do(visits.plan, await desk.who("ann"), number, purpose="Lo switch")
    start = desk.now + timedelta(minutes=90)
    given = {"start": start, "technician": "gus@hub.test", "anyway": True}
    await desk.do(visits.confirm, await desk.who("ann"), number, visit, **given)
    people = [("agent", "gus@hub.test"), ("contact", "alice@acme.test"), ("contact", "bob@beta.test")]
    tokens = [
        await db.write(accounts.token_create, kind=kind, email=email, name="t", now=desk.now)
        for kind, email in people
    ]
    async with serving(db) as client:
        gus, alice, bob = (Caller(client, token) for token in tokens)
        where = f"/tickets/{number}/visits/{visit}/steps"
        photo = _drawn("JPEG", (1600, 1200))
        assert len(photo) > 2**20, "larger than other bodies may be"
        kept = await _large(gus, where, {"kind": "photo", "picture": photo, "text": "Quadro"})
        assert (kept.status, (await kept.json())["state"]) == (200, "confirmed")
        for step in (
            {"kind": "en_route"},
            {"kind": "check_in"},
            {"kind": "task", "text": "Etichetta", "done": True},
            {"kind": "part", "name": "SFP", "serial": "S-1", "removed": "S-0"},
            {"kind": "sign", "name": "Anna", "picture": _drawn("PNG", (200, 80))},
            {"kind": "check_out", "text": "Fatto", "minutes": 45},
        ):
            once = {"id": str(uuid4())} | step
            first, again = await gus.post(where, once), await gus.post(where, once)
            assert (first.status, again.status) == (200, 200), await first.text()
            assert [(await first.json())["new"], (await again.json())["new"]] == [True, False]
        note = [await gus.post(where, {"kind": "note", "text": "x"}, Idempotency_Key="a-1") for _ in range(2)]
        assert await note[0].json() == await note[1].json()
        kinds = [one["kind"] for one in (await (await gus.get(where)).json())["items"]]
        assert sorted(kinds) == sorted(
            ["en_route", "check_in", "task", "part", "photo", "sign", "check_out", "note"]
        )
        assert [row.state for row in await desk.rows(tables.visit, number)] == ["done"]

        for wrong, pointer in (
            ({"kind": "note", "text": "x", "serial": "S-1"}, "/serial"),
            ({"kind": "photo", "picture": "no base64"}, "/picture"),
            ({"kind": "photo", "picture": "AAAA"}, "/picture"),
            ({"kind": "note", "text": "x", "id": "x"}, "/id"),
            ({"kind": "jump"}, "/kind"),
        ):
            refused = await gus.post(where, wrong)
            assert refused.status == 422
            assert (await refused.json())["faults"][0]["pointer"] == pointer
        assert (await _large(gus, where, {"kind": "photo", "picture": "A" * 15 * 2**20})).status == 413
        assert (await alice.post(where, {"kind": "check_in"})).status == 403
        assert (await bob.post(where, {"kind": "check_in"})).status == 404
