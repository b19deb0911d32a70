"""Visits on the pages: the slot board, one visit with its forms, the portal's choice, and the link of a mail, which works once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.desk import visits
from core.settings import Hub, Limits, Settings
from core.store import tables
from tests.core.desk.test_visits import GOING
from tests.desk_at_work import PASSED, AtWork, at_work
from tests.web.desk_pages import serving
from tests.web.test_front_door import SAME
from web.app import make_app

GOING_NOW = GOING.replace('calendar = "Office"', 'calendar = "24x7"').replace("2026-12-31", "2036-12-31")
CREWS = (
    GOING_NOW
    + """
[[agents]]
email = "ivo@hub.test"
name = "Ivo"
roles = ["technician"]
groups = ["Network L1"]
onsite = true
calendar = "24x7"
"""
)
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
async def desk(db) -> AtWork:
    made = await at_work(db, GOING_NOW)
    made.now = datetime.now(UTC)  # pages look at the clock
    return made


async def planned(desk: AtWork) -> tuple[str, str]:
    number = await desk.taken(authentication=PASSED)
    ann = await desk.who("ann")
    return number, await desk.do(visits.plan, ann, number, purpose="Cambiare lo switch")


async def test_dispatchers_plan_offer_choose_and_do_a_visit_by_forms(desk, tmp_path: Path):
    number = await desk.taken(authentication=PASSED)
    async with serving(desk.db, tmp_path) as pages:
        lea = await pages.as_(await desk.who("lea"))
        assert f"/desk/visits/{number}/new" in (await lea.get(f"/desk/tickets/{number}")).text
        form = f"/desk/visits/{number}/new"
        assert (await lea.get(form)).status == 200
        wrong = await lea.post(form, purpose=" ", minutes="120", how="offer")
        assert (wrong.status, "Scriva che cosa c'è da fare" in wrong.words) == (422, True)
        assert (
            await lea.post(form, purpose="Cambiare lo switch", minutes="60", how="offer", parts="SW-1\n")
        ).status == 303
        (row,) = await desk.rows(tables.visit, number)
        where = f"/desk/visits/{number}/{row.id}"

        shown = await lea.get(where)
        assert shown.words.count("il primo possibile") == 1, shown.words[-1500:]
        assert "SW-1" in shown.words
        board = await lea.get("/desk/visits")
        assert "tenuto per una scelta" in board.words
        slots = re.findall(r'name="slot" value="([^"]+)"', shown.text)
        assert len(slots) == 3
        assert (await lea.post(f"{where}/do/choose", slot=slots[0])).status == 303
        refused = await lea.post(f"{where}/do/choose", slot=slots[1])
        assert (refused.status, "non è più proposto" in refused.words) == (409, True)
        (row,) = await desk.rows(tables.visit, number)
        assert row.state == "confirmed"
        late = await lea.post(f"{where}/do/no_access", reason="x")
        assert late.status == 422
        start = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT10:00")
        moved = await lea.post(f"{where}/do/confirm", start=start, technician="gus@hub.test", anyway="on")
        assert moved.status == 303
        assert (await lea.post(f"{where}/do/confirm", start="", technician="")).status == 422
        assert "Gus" in (await lea.get("/desk/visits")).words
        assert (await lea.post(f"{where}/do/check_in")).status == 303
        assert (await lea.post(f"{where}/do/check_out", minutes="45", text="Fatto")).status == 303
        done = await lea.get(where)
        assert "fatto" in done.words
        assert f"/desk/visits/{number}/new?replaces={row.id}" in done.text
        assert (await lea.get(f"/desk/visits/{number}/nothing")).status == 404
        assert (await lea.get("/desk/visits/26-999999/new")).status == 404


async def test_dispatchers_ask_for_a_crew_change_it_and_each_has_it_on_the_phone(db, tmp_path: Path):
    desk = await at_work(db, CREWS)
    desk.now = datetime.now(UTC)
    number = await desk.taken(authentication=PASSED)
    async with serving(db, tmp_path) as pages:
        lea = await pages.as_(await desk.who("lea"))
        form, given = f"/desk/visits/{number}/new", {"purpose": "Rack", "minutes": "60"}
        assert (await lea.post(form, **given, engineers="0")).status == 422
        wrong = await lea.post(
            form, **given, engineers="3", lead="gus@hub.test", **{"with:eva@hub.test": "on"}
        )
        assert (wrong.status, wrong.text.count(" checked")) == (422, 2), "who was ticked stays ticked"
        assert (await lea.post(form, **given, engineers="2")).status == 303
        (row,) = await desk.rows(tables.visit, number)
        where = f"/desk/visits/{number}/{row.id}"
        shown = await lea.get(where)
        assert "Quanti tecnici 2" in shown.words
        assert re.search(r"(Gus|Eva|Ivo) con (Gus|Eva|Ivo)", shown.words)
        assert (await lea.post(f"{where}/do/offer", engineers="1")).status == 303
        assert (
            " con "
            not in re.search(r"Orari proposti.*?Il cliente", (await lea.get(where)).words + "Il cliente")[0]
        )

        start = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT10:00")
        both = {"start": start, "technician": "gus@hub.test", "with:eva@hub.test": "on"}
        assert (await lea.post(f"{where}/do/confirm", **both)).status == 303
        assert "Gus (guida), Eva" in (await lea.get(where)).words
        assert (await lea.post(f"{where}/do/add", technician="ivo@hub.test")).status == 303
        again = await lea.post(f"{where}/do/add", technician="ivo@hub.test")
        assert (again.status, "non viene già" in again.words) == (422, True)
        swap = {"technician": "eva@hub.test", "instead_of": "gus@hub.test"}
        assert (await lea.post(f"{where}/do/remove", technician="eva@hub.test")).status == 303
        assert (await lea.post(f"{where}/do/replace", **swap)).status == 303
        assert "Eva (guida), Ivo" in (await lea.get(where)).words
        for name in ("eva", "ivo"):
            phone = await pages.as_(await desk.who(name))
            assert number in (await phone.get("/desk/me/visits")).words
            assert "Eva (guida), Ivo" in (await phone.get(f"/desk/me/visits/{row.id}")).words
        assert (await lea.post(f"{where}/do/remove", technician="eva@hub.test")).status == 303
        last = await lea.post(f"{where}/do/remove", technician="ivo@hub.test")
        assert (last.status, "Non viene nessun altro" in last.words) == (409, True)

        assert (await lea.post(f"{where}/do/check_in")).status == 303
        assert (await lea.post(f"{where}/do/check_out", minutes="45", text="Fatto")).status == 303
        assert "0 min di viaggio, 45 min di lavoro" in (await phone.get("/desk/me/visits")).words


async def test_leave_by_a_form(desk, tmp_path: Path):
    begins = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT08:00")
    ends = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT08:00")
    async with serving(desk.db, tmp_path) as pages:
        lea, ann = await pages.as_(await desk.who("lea")), await pages.as_(await desk.who("ann"))
        given = {"agent": "gus@hub.test", "since": begins, "until": ends, "kind": "leave", "note": "Ferie"}
        assert (await ann.post("/desk/visits/leave", **given)).status == 403
        assert (await lea.post("/desk/visits/leave", **given | {"until": begins})).status == 422
        assert (await lea.post("/desk/visits/leave", **given)).status == 303
        shown = await lea.get("/desk/visits")
        assert "Ferie" in shown.words
        (row,) = await desk.rows(tables.booking)
        assert (await lea.post(f"/desk/visits/leave/{row.id}/remove")).status == 303
        assert await desk.rows(tables.booking) == []


async def test_the_customer_chooses_in_the_portal(desk, tmp_path: Path):
    number, visit = await planned(desk)
    where = f"/portal/requests/{number}"
    async with serving(desk.db, tmp_path) as pages:
        alice = await pages.as_(await desk.who("alice"))
        assert "Scelga un orario per l'intervento entro" in (await alice.get("/portal/")).words
        shown = await alice.get(where)
        slots = re.findall(r'type="radio" name="slot" value="([^"]+)"', shown.text)
        assert len(slots) == 3
        assert "Orari di Europe/Rome." in shown.words
        assert "Cambiare lo switch" not in shown.words, "what engineers read is not for customers"
        assert (await alice.post(f"{where}/visits/{visit}/choose")).status == 422
        assert (await alice.post(f"{where}/visits/{visit}/none", text=" ")).status == 422
        assert (await alice.post(f"{where}/visits/{visit}/choose", slot=slots[2])).status == 303
        chosen = await alice.get(where)
        assert 'type="radio"' not in chosen.text
        assert "Fissato" in chosen.words
        again = await alice.post(f"{where}/visits/{visit}/choose", slot=slots[0])
        assert (again.status, "già stato scelto" in again.words) == (409, True)
        assert (await alice.post(f"{where}/visits/{visit}/none", text="Meglio venerdì")).status == 303
    (row,) = await desk.rows(tables.visit, number)
    assert row.state == "confirmed", "the time that was agreed stays until another is"


async def test_the_portal_says_the_time_that_was_agreed_and_no_sooner_one(desk, tmp_path: Path):
    number, visit = await planned(desk)
    where = f"/portal/requests/{number}"
    async with serving(desk.db, tmp_path) as pages:
        alice = await pages.as_(await desk.who("alice"))
        assert "Tecnico sul posto entro" in (await alice.get(where)).words
        given = {"start": desk.now + timedelta(days=3), "technician": "gus@hub.test", "anyway": True}
        await desk.do(visits.confirm, await desk.who("ann"), number, visit, **given)

        shown = await alice.get(where)

        assert "Fissato" in shown.words
        assert "Tecnico sul posto entro" not in shown.words


async def test_the_link_of_a_mail_shows_the_visit_alone_and_works_once_by_a_button(desk):
    number, _ = await planned(desk)
    await desk.work()
    (mail,) = [one for one in desk.channel.sent if one.kind == "visit"]
    path = re.search(r"(/visit/\S+)", mail.text)[1]
    app = make_app(
        desk.db,
        Settings(channels={}, hub=Hub(), limits=Limits(requests_per_address=1000)),
        clean=lambda html, **_: html,
    )
    async with TestClient(TestServer(app), headers=ENGLISH) as client:
        for _ in range(3):  # programs that look through messages open links too
            answer = await client.get(path)
            page = await answer.text()
            assert answer.status == 200
            assert number in page
            assert "switch" not in page
            assert "Rete ferma" not in page
            assert "Alice" not in page
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert (await desk.rows(tables.visit, number))[0].state == "proposed"
        slots = re.findall(r'name="slot" value="([^"]+)"', page)
        empty = await client.post(f"{path}/choose", data={"slot": "x"}, headers=SAME)
        assert empty.status == 422
        done = await client.post(f"{path}/choose", data={"slot": slots[0]}, headers=SAME)
        page = await done.text()
        assert (done.status, "we have your answer" in page, "<form" in page) == (200, True, False)
        (row,) = await desk.rows(tables.visit, number)
        assert row.state == "confirmed"
        again = await client.post(f"{path}/none", data={"text": "Too early"}, headers=SAME)
        assert "<form" not in await again.text()
        assert (await client.get("/visit/nothing")).status == 404
    assert [one.kind for one in await desk.events(number, "visit.")] == [
        "visit.planned",
        "visit.offered",
        "visit.confirmed",
    ]


async def test_words_by_the_link_are_the_contacts_own(desk):
    number, _ = await planned(desk)
    await desk.work()
    (mail,) = [one for one in desk.channel.sent if one.kind == "visit"]
    path = re.search(r"(/visit/\S+)", mail.text)[1]
    app = make_app(desk.db, Settings(channels={}, hub=Hub()), clean=lambda html, **_: html)
    async with TestClient(TestServer(app), headers=ENGLISH) as client:
        done = await client.post(f"{path}/none", data={"text": "Only Thursday"}, headers=SAME)
        assert done.status == 200
    said = await desk.rows(tables.message, number, direction="in")
    assert said[-1].text == "Only Thursday"
    assert (await desk.rows(tables.visit, number))[0].state == "counter"
