"""Reports on pages and over the API: made, read number by number, approved or refused; the customer sees what was approved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.desk import accounts, operations, periodic, periodic_words, stopped
from core.ids import new_id
from core.store import tables
from tests.core.desk.test_periodic import LED, OCTOBER
from tests.desk_at_work import at_work
from tests.web.api_desk import Caller
from tests.web.desk_pages import serving
from web.known_words import in_words

ONE = "/desk/reports/C-1/2026-10/1"
PAPER = "/contracts/C-1/reports/2026-10/1"


@pytest.fixture
async def desk(db):
    desk = await at_work(db, LED)
    desk.now = OCTOBER
    await desk.resolved(subject="<b>=1")
    await desk.taken(subject="<i>Later")
    desk.now, desk.draws = datetime.now(UTC) + timedelta(minutes=2), True
    return desk


async def token(desk, who: str) -> str:
    person = await desk.who(who)
    now = datetime.now(UTC)
    return await desk.db.write(
        accounts.token_create, kind=person.kind, email=person.email, name="test", now=now
    )


async def test_a_report_is_made_read_number_by_number_and_approved_on_pages(desk, tmp_path):
    async with serving(desk.db, tmp_path) as pages:
        sue, tom, aldo, alice = [
            await pages.as_(await desk.who(name)) for name in ("sue", "tom", "aldo", "alice")
        ]
        wrong = await sue.post("/desk/reports", contract="C-1", period="October")
        assert (wrong.status, 'value="October"' in wrong.text) == (422, True)
        assert (await sue.post("/desk/reports", contract="C-1", period="2026-10")).status == 303
        await desk.work()

        page = await sue.get(ONE)
        whole = await desk.db.read(periodic.whole, await desk.who("sue"), "C-1", "2026-10", 1)
        say = periodic_words.Say(whole.language, whole.values["time_zone"])
        for n, one in enumerate(whole.values["figures"]):
            assert (
                f"{say.label(one)} {say.number(one['value'], one['unit'])} {len(one['tickets'])}"
                in page.words
            )
            if one["tickets"]:
                assert f'href="{ONE}/figures/{n}"' in page.text
        assert "<i>Later" not in page.text
        behind = await sue.get(f"{ONE}/figures/0")
        assert all(number in behind.text for number in whole.values["figures"][0]["tickets"])
        assert (await sue.get(f"{ONE}/figures/999")).status == 404
        drawn = await sue.get(f"{ONE}/charts/volume")
        assert drawn.text.startswith("<svg")
        assert "<script" not in drawn.text
        assert (await sue.get(f"{ONE}/charts/quality")).status == 404

        theirs = ONE.replace("/desk/", "/portal/")
        assert (await aldo.get(theirs)).status == 404, "it was not approved"
        assert (await tom.post(ONE, do="approve")).status in (403, 409)
        assert (await sue.post(ONE, do="approve")).status == 303
        await desk.work()
        assert "2026-10" in (await aldo.get("/portal/reports")).text
        assert (await aldo.get(theirs)).status == 200
        assert (await aldo.get(f"{theirs}/figures/0")).status == 200
        for file in ("pdf", "csv", "csv?sep=semicolon"):
            for place, who in ((theirs, aldo), (ONE, sue)):
                answer = await who.client.get(f"{place}/{file}", headers=who.headers)
                start = b"%PDF" if file == "pdf" else b"\xef\xbb\xbf"
                assert (answer.status, (await answer.read())[: len(start)]) == (200, start)
        for place in ("/portal/reports", theirs, f"{theirs}/pdf"):
            assert (await alice.get(place)).status in (403, 404)
        again = await sue.post(ONE, do="refuse", why="Too late.")
        assert again.status == 409

        rhythm = {"contract": "C-1", "every": "month", "recipients": "nobody@x.test", "active": "on"}
        assert (await sue.post("/desk/reports/rhythm", **rhythm)).status == 422
        assert (await sue.post("/desk/reports/rhythm", **rhythm | {"recipients": ""})).status == 303
        assert 'scope="row"' in (await sue.get("/desk/reports")).text


async def test_the_api_gives_the_same_numbers(desk, tmp_path):
    async with serving(desk.db, tmp_path) as pages:
        sue, aldo, alice = [
            Caller(pages.client, await token(desk, name)) for name in ("sue", "aldo", "alice")
        ]
        made = await sue.post("/contracts/C-1/reports", {"period": "2026-10"})
        assert (made.status, (await made.json())["draft"]) == (202, False)
        assert (await (await sue.get("/reports")).json())["making"] == [["C-1", "2026-10"]]
        await desk.work()
        whole = await (await sue.get(PAPER)).json()
        kept = await desk.db.read(periodic.whole, await desk.who("sue"), "C-1", "2026-10", 1)
        assert whole["figures"] == [dict(one) for one in kept.values["figures"]]
        assert whole["exclusions"] == kept.values["exclusions"]
        assert (await aldo.get(PAPER)).status == 404
        answer = await sue.post(f"{PAPER}/approve")
        assert (answer.status, (await answer.json())["state"]) == (200, "approved")
        await desk.work()
        assert (await (await aldo.get(PAPER)).json())["figures"] == whole["figures"]
        assert (await alice.get("/reports")).status == 403
        assert (await (await aldo.get(f"{PAPER}/pdf")).read()).startswith(b"%PDF")
        assert (await (await aldo.get(f"{PAPER}/csv", sep="semicolon")).read()).startswith(b"\xef\xbb\xbf")
        assert (await sue.post(f"{PAPER}/refuse", {"why": "No."})).status == 409
        assert (await sue.get("/contracts/C-1/reports/2026-10/x")).status == 404
        put = await sue.send("PUT", "/contracts/C-1/report-schedules/week", {"recipients": []})
        assert put.status == 200
        assert len((await (await sue.get("/report-schedules")).json())["items"]) == 1


async def test_who_leads_sees_the_desk_at_a_glance(desk, tmp_path):
    async with serving(desk.db, tmp_path) as pages:
        sue, ann = await pages.as_(await desk.who("sue")), await pages.as_(await desk.who("ann"))
        page = await sue.get("/desk/operations")
        assert "1 aperte" in page.words or "1 open" in page.words
        assert "Negli ultimi 28 giorni non è arrivato niente." in page.words, "not an empty drawing"
        for name in ("load", "risks", "ages", "hours"):
            assert (f'src="/desk/operations/charts/{name}"' in page.text) == (name != "hours")
            drawn = await sue.get(f"/desk/operations/charts/{name}")
            assert (drawn.status, drawn.text[:4], "<script" in drawn.text) == (200, "<svg", False)
        assert (await sue.get("/desk/operations/charts/other")).status == 404
        assert (await ann.get("/desk/operations")).status == 403
        found = await desk.db.read(operations.now_at, await desk.who("sue"), now=desk.now)
        assert (found.open, found.risks["late"], found.ages["31-"]) == (1, 1, 1)
        assert sum(map(sum, found.hours)) == 0, "what was received before is not of these days"
        await desk.mail("alice@acme.test")
        found = await desk.db.read(operations.now_at, await desk.who("sue"), now=desk.now)
        local = desk.now.astimezone(desk.db.facts.zone)
        assert found.hours[local.weekday()][local.hour] == 1


async def test_why_a_report_reached_somebody_not_is_said_in_the_readers_language(desk, tmp_path):
    await desk.db.write(
        stopped.mark, "aldo@acme.test", stopped.COMPLAINT, delivery_id=new_id(), said="", now=desk.now
    )
    async with serving(desk.db, tmp_path) as pages:
        sue = await pages.as_(await desk.who("sue"))
        assert (await sue.post("/desk/reports", contract="C-1", period="2026-10")).status == 303
        await desk.work()
        assert (await sue.post(ONE, do="approve")).status == 303
        await desk.work()

        said = stopped.WORDS[stopped.COMPLAINT]
        there = [row.error for row in await desk.rows(tables.report_delivery)]
        page = await sue.get(ONE)

    assert said in there
    assert said not in page.words
    assert in_words(said, "it", "health") in page.words
