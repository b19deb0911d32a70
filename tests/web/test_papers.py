"""Papers on pages and over the API: read, compared and downloaded by who may see the request, and by nobody else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core.desk import papers, resolution, surveys, tickets
from core.desk.errors import Refused
from core.store import tables
from tests import rows
from tests.desk_at_work import PASSED, SOLUTION, at_work
from tests.web.api_desk import Caller, furnish
from tests.web.desk_pages import Page, Person, serving

NUMBER = "26-000001"
SOLVED = {"cause": "network", "text": "A <b>cable</b>.", "minutes": 30}
PDF = b"%PDF-1.7 drawn"


def furnished(tx):
    desk = furnish(tx)
    now = datetime.now(UTC)
    tickets.take(tx, rows.LEADER, NUMBER, now=now)
    resolution.resolve(tx, rows.LEADER, NUMBER, now=now, tests="Ping holds.", **SOLVED)
    resolution.refuse(tx, rows.ALICE, NUMBER, now=now, reason="Still broken.")
    resolution.resolve(tx, rows.LEADER, NUMBER, now=now, **SOLVED | {"text": "Two cables."})
    for one in papers.of_ticket(tx, rows.LEADER, NUMBER):
        papers.keep_drawing(tx, desk.ids["acme"], one.id, PDF, now=now)
    return desk, [one.id for one in papers.of_ticket(tx, rows.LEADER, NUMBER)]


@pytest.fixture
async def desk(db):
    return await db.write(furnished)


@pytest.fixture
async def pages(db, tmp_path):
    async with serving(db, tmp_path) as pages:
        yield pages


@pytest.fixture
def client(pages):
    return pages.client


async def test_the_api_lists_papers_tells_their_values_and_gives_the_pdf(client, desk):
    desk, (first, second) = desk
    alice = Caller(client, desk.tokens["Alice"])

    listed = (await (await alice.get(f"/tickets/{NUMBER}/papers")).json())["items"]
    assert [(one["id"], one["version"], one["why"], one["newest"]) for one in listed] == [
        (first, 1, "", False),
        (second, 2, "reopened", True),
    ]
    whole = await (await alice.get(f"/tickets/{NUMBER}/papers/{second}")).json()
    assert (whole["values"]["solution"], whole["values"]["work_s"]) == ("Two cables.", 3600)
    answer = await alice.get(f"/tickets/{NUMBER}/papers/{first}/pdf")
    assert (answer.status, answer.content_type, await answer.read()) == (200, "application/pdf", PDF)
    assert 'attachment; filename="' in answer.headers["Content-Disposition"]
    assert f"{NUMBER}-v1.pdf" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("who", ["Bob", "Ada"])
async def test_out_of_scope_is_not_there(client, desk, who):
    desk, (first, _) = desk
    other = Caller(client, desk.tokens[who])
    seen = (await other.get(f"/tickets/{NUMBER}")).status

    for path in ("papers", f"papers/{first}", f"papers/{first}/pdf"):
        assert (await other.get(f"/tickets/{NUMBER}/{path}")).status == seen
    for path in (f"papers/{first}", f"papers/{first}/pdf"):
        assert (await other.get(f"/tickets/26-000002/{path}")).status == 404
    assert (await Caller(client, "cnt_nobody").get(f"/tickets/{NUMBER}/papers")).status == 401


async def test_what_is_not_drawn_yet_says_so(client, desk, db):
    desk, (first, _) = desk
    key = {"ticket_id": desk.ids["acme"], "id": first}
    await db.write(lambda tx: tx.update(tables.paper, key, pdf=None))

    answer = await Caller(client, desk.tokens["Alice"]).get(f"/tickets/{NUMBER}/papers/{first}/pdf")

    assert answer.status == 409
    assert "being drawn" in (await answer.json())["detail"]


async def test_the_customer_reads_the_report_and_says_that_it_is_not_solved(pages, desk, db):
    _, (first, second) = desk
    alice = await pages.as_(rows.ALICE)
    place = f"/portal/requests/{NUMBER}"

    shown = await alice.get(f"{place}/report")
    assert shown.status == 200
    assert "Two cables." in shown.text
    assert f"{place}/papers/{second}/pdf" in shown.text
    assert f"{place}/papers/{first}" in shown.text
    older = await alice.get(f"{place}/papers/{first}")
    assert "A &lt;b&gt;cable&lt;/b&gt;." in older.text
    assert "Ping holds." in older.text
    assert "versione più recente" in older.words
    assert ('name="reason"' in shown.text, 'name="reason"' in older.text) == (True, False)
    assert " style=" not in shown.text
    assert (await alice.get(f"{place}/papers/{first}/pdf")).text == PDF.decode()

    assert (await alice.post(f"{place}/refuse", reason="Non va ancora.")).status == 303

    state = select(tables.ticket.c.state).where(tables.ticket.c.number == NUMBER)
    assert (await db.read(lambda tx: tx.one(state))).state == "in_progress"


async def test_staff_see_versions_with_why_and_what_differs(pages, desk):
    _, (first, second) = desk
    lea, place = await pages.as_(rows.LEADER), f"/desk/tickets/{NUMBER}"

    assert f"{place}/papers" in (await lea.get(place)).text
    listed = await lea.get(f"{place}/papers")
    assert "Sostituisce la versione 1: la richiesta era stata riaperta" in listed.words
    assert "prove e stato alla consegna" in listed.words
    assert "soluzione" in listed.words
    shown = await lea.get(f"{place}/papers/{second}")
    assert "Two cables." in shown.text
    assert (await lea.get(f"{place}/papers/{first}/pdf")).text == PDF.decode()
    assert (await lea.get(f"/desk/tickets/26-000002/papers/{first}")).status == 404


async def test_who_solves_it_says_how_it_was_tested_and_what_is_left(pages, desk, db):
    lea = await pages.as_(rows.LEADER)
    await lea.do("reopen", NUMBER, reason="Ancora.")
    form = await lea.get(f"/desk/tickets/{NUMBER}")
    for name in ("tests", "limits", "next_steps"):
        assert f'name="{name}"' in form.text

    done = await lea.do(
        "resolve", NUMBER, **SOLVED, tests="Ping.", limits="Provvisorio.", next_steps="A marzo."
    )

    assert done.status == 303
    view = (await db.read(papers.of_ticket, rows.ALICE, NUMBER))[-1]
    _, values = await db.read(papers.values, rows.ALICE, NUMBER, view.id)
    assert [values[name] for name in ("tests", "limits", "next_steps")] == [
        "Ping.",
        "Provvisorio.",
        "A marzo.",
    ]


async def test_staff_correct_a_report_and_the_customer_gets_the_new_version(pages, client, desk, db):
    found, _ = desk
    lea, place = await pages.as_(rows.LEADER), f"/desk/tickets/{NUMBER}/papers"
    shown = await lea.get(place)

    assert (await lea.post(place, why=" ", text="Three.", seen=shown.field("seen"))).status == 422
    done = await lea.post(place, why="Mancava un cavo <b>", text="Three cables.", seen=shown.field("seen"))

    assert done.status == 303
    assert (await lea.post(place, why="Di nuovo", seen=shown.field("seen"))).status in (303, 409)
    views = await db.read(papers.of_ticket, rows.ALICE, NUMBER)
    assert (views[2].why, views[2].newest) == ("Mancava un cavo <b>", len(views) == 3)
    _, values = await db.read(papers.values, rows.ALICE, NUMBER, views[2].id)
    assert values["solution"] == "Three cables."
    key = select(tables.message).where(tables.message.c.kind == "corrected").order_by(tables.message.c.id)
    told = (await db.read(lambda tx: tx.all(key)))[0]
    assert "Three cables." in told.text
    assert "Mancava un cavo <b>" in told.text
    queued = select(tables.delivery).where(tables.delivery.c.message_id == told.id)
    assert [row.address for row in await db.read(lambda tx: tx.all(queued))] == ["alice@acme.test"]
    leader, alice = Caller(client, found.tokens["Lea"]), Caller(client, found.tokens["Alice"])
    made = await leader.post(f"/tickets/{NUMBER}/papers", {"why": "Limiti.", "limits": "None."})
    assert (made.status, (await made.json())["newest"]) == (201, True)
    assert (await alice.post(f"/tickets/{NUMBER}/papers", {"why": "x"})).status == 403
    assert (await leader.post("/tickets/26-000002/papers", {"why": "x"})).status == 409


# --- How did it go? ---


async def survey(db):
    """(desk at work, number, path of the link that came with the final report)."""
    desk = await at_work(db)
    desk.now = datetime.now(UTC)
    number = await desk.closed("alice@acme.test", authentication=PASSED)
    await desk.work()
    (mail,) = [one for one in desk.channel.sent if one.kind == "closed"]
    return desk, number, re.search(r"(/survey/\S+)", mail.text)[1]


async def test_the_link_in_the_final_mail_takes_an_opinion_after_a_press_and_lets_it_be_changed(pages, db):
    desk, number, path = await survey(db)
    anybody = Person(pages.client, "", "")
    for _ in range(2):  # programs that look through mail open links too
        shown = await anybody.get(path)
        assert shown.status == 200
    assert number in shown.text
    assert "Rete ferma" not in shown.text
    assert "Alice" not in shown.text
    assert not await desk.rows(tables.rating)
    assert path not in (await desk.outward(number, "closed"))[0].text
    anybody = Person(pages.client, "", "")

    async def press(**fields: str) -> Page:
        response = await pages.client.get(path)
        cookie = response.cookies
        who = Person(pages.client, "", re.search(r'name="csrf" value="([^"]*)"', await response.text())[1])
        who.headers = {"Cookie": "; ".join(f"{name}={one.value}" for name, one in cookie.items())}
        return await who.post(path, **fields)

    assert (await press(comment="Senza voto")).status == 422
    assert (await press(score="2", comment="Lenti <b>")).status == 200
    assert (await press(score="4", comment="Meglio")).status == 200
    (given,) = await desk.rows(tables.rating)
    assert (given.score, given.comment, given.channel) == (4, "Meglio", "survey")
    assert given.by.startswith("contact:")
    key = {"ticket_id": given.ticket_id}
    await db.write(lambda tx: tx.update(tables.rating, key, at=desk.now - timedelta(days=8)))
    late = await anybody.get(path)
    assert (late.status, 'type="radio"' in late.text) == (200, False)

    await desk.do(resolution.reopen, await desk.who("lea"), number, reason="Ancora rotto.")
    assert (await anybody.get(path)).status == 404
    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
    await desk.do(resolution.close, await desk.who("ann"), number)
    desk.passes(minutes=1)
    await desk.work()
    later = re.search(r"(/survey/\S+)", [one for one in desk.channel.sent if one.kind == "closed"][-1].text)[
        1
    ]
    assert later != path
    assert (await anybody.get(path)).status == 404
    assert (await anybody.get(later)).status == 200
    assert (await anybody.get("/survey/nonsense")).status == 404


async def test_whoever_is_no_contact_may_say_how_it_went_and_too_late_is_said(pages, db):
    desk = await at_work(db)
    desk.now = datetime.now(UTC)
    number = await desk.closed("gina@gamma.test", authentication=PASSED)
    await desk.work()
    (mail,) = [one for one in desk.channel.sent if one.kind == "closed"]
    token = re.search(r"/survey/(\S+)", mail.text)[1]

    await db.write(lambda tx: tx.update(tables.contact, {"email": "gina@gamma.test"}, active=False))

    given = await db.write(surveys.rate, token, score=3, comment="", now=desk.now)

    (row,) = await desk.rows(tables.rating)
    assert (given, row.score, row.by) == (number, 3, "address")
    later = desk.now + timedelta(days=8)
    with pytest.raises(Refused):
        await db.write(surveys.rate, token, score=1, comment="", now=later)
    assert await db.write(surveys.rate, "nonsense", score=1, comment="", now=desk.now) is None
    assert await db.read(surveys.of_token, token, now=desk.now + timedelta(days=15)) is None
