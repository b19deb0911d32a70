"""The engineer's page by forms and by what its script sends: each step once, too much is refused, nobody else gets in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import FormData

from core.desk import visits
from core.store import tables
from tests.core.desk.test_visit_steps import a_picture
from tests.desk_at_work import PASSED, AtWork, at_work
from tests.web.desk_pages import Person, serving
from tests.web.test_visits import GOING_NOW


@pytest.fixture
async def desk(db) -> AtWork:
    made = await at_work(db, GOING_NOW)
    made.now = datetime.now(UTC)  # pages look at the clock
    return made


async def agreed(desk: AtWork) -> tuple[str, str]:
    """Gus comes in a minute."""
    number = await desk.taken(authentication=PASSED)
    ann = await desk.who("ann")
    purpose = "Cambiare lo switch\n- Etichettare il cavo"
    visit = await desk.do(visits.plan, ann, number, purpose=purpose, offers=False)
    start = desk.now + timedelta(minutes=1)
    given = {"start": start, "technician": "gus@hub.test", "anyway": True}
    await desk.do(visits.confirm, ann, number, visit, **given)
    return number, visit


async def by_script(person: Person, where: str, picture: bytes = b"", **fields: str):
    """A step as the phone's queue sends it."""
    form = FormData({"csrf": person.csrf, "id": str(uuid4()), **fields}, default_to_multipart=True)
    if picture:
        form.add_field("picture", BytesIO(picture), filename="x.png")
    headers = person.headers | {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}
    answer = await person.client.post(f"{where}/steps", data=form, headers=headers, allow_redirects=False)
    return answer.status, await answer.json()


async def test_a_visit_is_made_without_a_script(desk, tmp_path: Path):
    number, visit = await agreed(desk)
    where = f"/desk/me/visits/{visit}"
    async with serving(desk.db, tmp_path) as pages:
        gus = await pages.as_(await desk.who("gus"))
        assert "Verona" in (await gus.get("/desk/me/visits")).words
        shown = await gus.get(where)
        assert 'href="geo:0,0?q=Via%20Roma%201%2C%20Verona"' in shown.text
        assert "Annunciati 60 minuti prima" in shown.words
        ids = re.findall(r'name="id" value="([^"]+)"', shown.text)
        assert len(ids) == len(set(ids)) == 9
        for _ in range(2):  # pressed twice
            assert (await gus.post(f"{where}/steps", id=ids[0], kind="check_in")).status == 303
        task = {"id": ids[1], "kind": "task", "text": "Etichettare il cavo", "done": "1"}
        assert (await gus.post(f"{where}/steps", **task)).status == 303
        wrong = await gus.post(f"{where}/steps", id=ids[2], kind="sign", name="Anna")
        signer = wrong.field("name", form='for="sign-name"')
        assert (wrong.status, "Faccia firmare, o scriva perché non può" in wrong.words, signer) == (
            422,
            True,
            "Anna",
        )
        photo = await gus.post(
            f"{where}/steps", (("q.jpg", a_picture("JPEG")),), id=ids[3], kind="photo", text="Quadro"
        )
        assert photo.status == 303
        signed = {"id": ids[2], "kind": "sign", "name": "Anna", "unable": "Mano ferita"}
        assert (await gus.post(f"{where}/steps", **signed)).status == 303
        out = {"id": ids[4], "kind": "check_out", "text": "Fatto", "minutes": "30"}
        assert (await gus.post(f"{where}/steps", **out)).status == 303
        done = await gus.get(where)
        assert "✓ Etichettare il cavo" in done.words
        (source,) = re.findall(r'<img src="([^"]+)"', done.text)
        picture = await gus.get(source)
        assert (picture.status, picture.headers["Content-Type"]) == (200, "image/jpeg")
        assert "sandbox" in picture.headers["Content-Security-Policy"]
    steps = await desk.rows(tables.visit_step, number)
    assert sorted(one.kind for one in steps) == ["check_in", "check_out", "photo", "sign", "task"]
    (row,) = await desk.rows(tables.visit, number)
    assert row.state == "done"


async def test_what_a_phone_sends_is_there_once_and_what_is_too_large_not_at_all(desk, tmp_path: Path):
    number, visit = await agreed(desk)
    where = f"/desk/me/visits/{visit}"
    async with serving(desk.db, tmp_path) as pages:
        gus = await pages.as_(await desk.who("gus"))
        token = await (await gus.client.get("/desk/me/visits/token", headers=gus.headers)).json()
        assert token == {"csrf": gus.csrf, "who": (await desk.who("gus")).id}
        one = {"id": str(uuid4()), "kind": "check_in", "at": "2026-01-01T10:00:00.000Z"}
        assert await by_script(gus, where, **one) == (200, {"id": one["id"], "new": True, "state": "onsite"})
        assert (await by_script(gus, where, **one))[1]["new"] is False
        for fields, said in (
            ({"kind": "note"}, "Scriva che cosa"),
            ({"kind": "note", "text": "x" * 10_000}, "al massimo 5.000 caratteri"),
            ({"kind": "note", "text": "x", "at": "yesterday"}, "L'ora del telefono"),
            ({"kind": "note", "text": "x", "at": "2026-01-01T10:00:00"}, "L'ora del telefono"),
            ({"kind": "note", "text": "x", "id": "1"}, "ricarichi la pagina"),
            ({"kind": "check_out", "text": "x", "minutes": "-5"}, "Scriva i minuti"),
        ):
            status, answer = await by_script(gus, where, **fields)
            assert (status, said in answer["detail"]) == (422, True), (fields, answer)
        status, problem = await by_script(gus, where, b"x" * 40 * 2**20, kind="photo")
        assert (status, problem["title"]) == (413, "Too large")
        large: Any = (("q.jpg", BytesIO(b"x" * 11 * 2**20)),)
        refused = await gus.post(f"{where}/steps", large, kind="photo", id=str(uuid4()))
        assert (refused.status, "al massimo 10 MB" in refused.words) == (413, True)
        worker = await gus.get("/desk/me/visits/worker.js")
        assert worker.headers["Service-Worker-Allowed"] == "/desk/me/visits"
        alice = await pages.as_(await desk.who("alice"))
        for path in ("/desk/me/visits", where, "/desk/me/visits/token", "/desk/me/visits/worker.js"):
            assert (await alice.get(path)).status == 404
        assert (await by_script(alice, where, kind="check_in"))[0] == 404
        eva = await pages.as_(await desk.who("eva"))
        assert (await eva.get(where)).status == 404
    assert [row.kind for row in await desk.rows(tables.visit_step, number)] == ["check_in"]


async def test_an_agreed_visit_goes_into_the_customers_calendar_as_a_file(desk, tmp_path: Path):
    number, visit = await agreed(desk)
    async with serving(desk.db, tmp_path) as pages:
        alice = await pages.as_(await desk.who("alice"))
        page = await alice.get(f"/portal/requests/{number}")
        (where,) = re.findall(r'href="([^"]+visit\.ics)"', page.text)
        file = await alice.get(where)
        assert (file.status, file.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
        assert f"UID:{visit}@" in file.text.replace("\r\n ", "")
        bob = await pages.as_(await desk.who("bob"))
        assert (await bob.get(where)).status == 404
