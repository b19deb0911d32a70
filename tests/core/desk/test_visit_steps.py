"""What the engineer notes on site: each step once, in whatever order it comes, and the visit goes as far as they lead."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image

from core.desk import joining, papers, papers_books, resolution, visit_day, visit_steps, visits
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.desk.visit_steps import Step
from core.store import tables
from tests.core.desk.test_visits import GOING, _agreed, _offered, _planned, _sound, _visit
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db, GOING)


def a_picture(kind: str = "PNG") -> bytes:
    to = BytesIO()
    Image.new("RGB", (40, 20), "white").save(to, kind)
    return to.getvalue()


def a_step(kind: str, at: datetime | None = None, picture: bytes = b"", **given: str) -> Step:
    return Step(id=str(uuid4()), kind=kind, at=at, given=given, picture=picture)


async def who_goes(desk: AtWork, number: str):
    (first,) = await desk.crew(number)
    return next(one for one in [await desk.who("gus"), await desk.who("eva")] if one.id == first)


async def noted(desk: AtWork, number: str) -> list[str]:
    return sorted(row.kind for row in await desk.rows(tables.visit_step, number))


async def test_a_visit_is_made_on_the_phone_and_its_report_holds_all_of_it(desk):
    number, visit = await _agreed(desk)
    gus, row = await who_goes(desk, number), await _visit(desk, number)
    desk.now = row.window_start
    for one in (
        a_step("en_route", desk.now - timedelta(minutes=20)),
        a_step("check_in", desk.now),
        a_step("task", text="Etichetta", done="1"),
        a_step("photo", picture=a_picture("JPEG"), text="Quadro"),
        a_step("part", name="SFP", serial="S-1", removed="S-0"),
        a_step("note", text="Cavo sostituito"),
        a_step("sign", name="Anna", role="IT", picture=a_picture()),
    ):
        assert (await desk.do(visit_steps.record, gus, visit, one)).new
    desk.passes(minutes=50)
    out = a_step("check_out", minutes="45", text="Switch sostituito")
    assert (await desk.do(visit_steps.record, gus, visit, out)).state == "done"

    row = await _visit(desk, number)
    assert (row.arrived_at, row.left_at) == (row.window_start, desk.now)
    (work,) = await desk.rows(tables.activity, number)
    assert work.minutes == 45
    (paper,) = await desk.rows(tables.paper, number, kind="visit")
    assert paper.values["of"]["done"] == "Switch sostituito"
    assert paper.values["of"]["signatures"][0]["name"] == "Anna"
    assert paper.values["of"]["parts"][0]["serial"] == "S-1"
    assert len(paper.values["of"]["photos"]) == 1
    desk.passes(minutes=5)
    late = a_step("note", text="Chiave restituita")
    await desk.do(visit_steps.record, gus, visit, late)
    papers = await desk.rows(tables.paper, number, kind="visit")
    assert [one.values["of"]["notes"] for one in papers][1:] == [["Cavo sostituito", "Chiave restituita"]]
    found = await desk.db.read(visit_day.sheet, gus, visit, now=desk.now)
    assert [found.steps[0].kind, found.steps[-1].kind] == ["en_route", "note"]
    photo = next(one for one in found.steps if one.kind == "photo")
    assert await desk.db.read(visit_steps.picture, gus, visit, photo.id) == a_picture("JPEG")
    with pytest.raises(NotFound):
        await desk.db.read(visit_steps.picture, gus, visit, out.id)
    await _sound(desk)


async def test_a_step_that_comes_twice_is_there_once(desk):
    number, visit = await _agreed(desk)
    gus = await who_goes(desk, number)
    one = a_step("check_in")
    assert (await desk.do(visit_steps.record, gus, visit, one)).new
    again = await desk.do(visit_steps.record, gus, visit, one)
    assert (again.new, again.state) == (False, "onsite")
    assert await noted(desk, number) == ["check_in"]
    assert len(await desk.events(number, "visit.check_in")) == 1


async def test_steps_come_in_any_order_and_the_visit_follows(desk):
    number, visit = await _agreed(desk)
    gus, row = await who_goes(desk, number), await _visit(desk, number)
    came, left = row.window_start, row.window_start + timedelta(minutes=40)
    desk.now = left + timedelta(hours=3)
    kept = await desk.do(visit_steps.record, gus, visit, a_step("check_out", left, text="Fatto"))
    assert kept.state == "confirmed", "it waits for the arrival"
    kept = await desk.do(visit_steps.record, gus, visit, a_step("check_in", came))
    assert kept.state == "done"
    await desk.do(visit_steps.record, gus, visit, a_step("en_route", came))
    row = await _visit(desk, number)
    assert (row.state, row.arrived_at, row.left_at) == ("done", came, left)
    await _sound(desk)


async def test_what_the_phones_clock_is_off_by_is_taken_out_and_remarked(desk):
    number, visit = await _agreed(desk)
    gus, row = await who_goes(desk, number), await _visit(desk, number)
    desk.now = row.window_start + timedelta(minutes=30)
    ahead = timedelta(hours=2)
    one = a_step("check_in", row.window_start + ahead)
    await desk.do(visit_steps.record, gus, visit, one, sent_at=desk.now + ahead)

    assert (await _visit(desk, number)).arrived_at == row.window_start
    (stored,) = await desk.rows(tables.visit_step, number)
    assert (stored.at, stored.recorded_at, stored.data["off"]) == (one.at, desk.now, -7200)
    unknown = a_step("note", desk.now + ahead, text="x")
    await desk.do(visit_steps.record, gus, visit, unknown)
    shown = await desk.db.read(visit_steps.views, gus, number, visit)
    assert shown[-1].at == desk.now, "nothing is noted in the future"


async def test_a_step_of_a_visit_that_was_called_off_is_kept_and_changes_nothing(desk):
    number, visit = await _agreed(desk)
    gus = await who_goes(desk, number)
    await desk.do(visits.cancel, await desk.who("ann"), number, visit, reason="x")
    kept = await desk.do(visit_steps.record, await desk.who("lea"), visit, a_step("check_in"))
    assert (kept.new, kept.state) == (True, "cancelled")
    stops = await desk.db.read(visit_day.mine, gus, now=desk.now)
    assert [one.id for one in stops] == []


WRONG: list[dict] = [
    {"kind": "dance"},
    {"kind": "note"},
    {"kind": "note", "text": "x" * 5001},
    {"kind": "task"},
    {"kind": "part", "serial": "1"},
    {"kind": "photo"},
    {"kind": "photo", "picture": b"<svg/>"},
    {"kind": "photo", "picture": a_picture() + b"\0" * 10 * 2**20},
    {"kind": "sign", "name": "Anna"},
    {"kind": "sign", "picture": a_picture()},
    {"kind": "sign", "name": "Anna", "picture": a_picture("JPEG")},
    {"kind": "sign", "name": "Anna", "picture": a_picture()[:-4]},
    {"kind": "check_out"},
    {"kind": "check_out", "text": "x", "minutes": "-1"},
]


async def test_what_says_nothing_or_is_no_picture_is_refused_whole(desk):
    number, visit = await _agreed(desk)
    gus = await who_goes(desk, number)
    for wrong in WRONG:
        with pytest.raises(Invalid):
            await desk.do(visit_steps.record, gus, visit, a_step(**wrong))
    assert await noted(desk, number) == []


async def test_who_may_not_sign_says_why_and_nobody_else_gets_in(desk):
    number, visit = await _agreed(desk)
    gus = await who_goes(desk, number)
    await desk.do(visit_steps.record, gus, visit, a_step("sign", name="Anna", unable="Mano ferita"))
    (row,) = await desk.rows(tables.visit_step, number)
    assert (row.data["unable"], "picture" in row.data) == ("Mano ferita", False)
    (stop,) = await desk.db.read(visit_day.mine, gus, now=desk.now)
    assert (stop.id, stop.number, stop.customer) == (visit, number, "Acme S.p.A.")
    other = next(one for one in ("gus", "eva") if one not in gus.email)
    for name, error in (("alice", (Forbidden, NotFound)), ("bob", NotFound)):
        with pytest.raises(error):
            await desk.do(visit_steps.record, await desk.who(name), visit, a_step("check_in"))
    if other == "eva":
        with pytest.raises(NotFound):
            await desk.db.read(visit_day.sheet, await desk.who("eva"), visit, now=desk.now)
    for nothing in (str(uuid4()), "x"):
        with pytest.raises(NotFound):
            await desk.db.read(visit_day.sheet, gus, nothing, now=desk.now)


async def test_a_phone_that_goes_mad_fills_no_book(desk, monkeypatch: pytest.MonkeyPatch):
    number, visit = await _agreed(desk)
    gus = await who_goes(desk, number)
    monkeypatch.setattr(visit_steps, "MOST", 1)
    await desk.do(visit_steps.record, gus, visit, a_step("note", text="x"))
    with pytest.raises(Refused, match="at most"):
        await desk.do(visit_steps.record, gus, visit, a_step("note", text="x"))


async def test_a_closed_door_is_noted_on_the_phone_and_not_before_anybody_was_expected(desk):
    number, visit = await _agreed(desk)
    gus, row = await who_goes(desk, number), await _visit(desk, number)
    with pytest.raises(Invalid, match="not expecting"):
        await desk.do(visit_steps.record, gus, visit, a_step("no_access", text="Chiuso"))
    assert await noted(desk, number) == []
    desk.now = row.window_start + timedelta(minutes=15)

    kept = await desk.do(visit_steps.record, gus, visit, a_step("no_access", text="Chiuso"))

    assert kept.state == "no_access"
    row = await _visit(desk, number)
    assert (row.ended_why, row.left_at) == ("Chiuso", desk.now)
    late = a_step("check_in", row.window_start)
    assert (await desk.do(visit_steps.record, gus, visit, late)).state == "no_access"
    await _sound(desk)


async def test_a_closed_door_that_was_noted_before_the_time_was_moved_says_nothing_of_the_new_one(desk):
    number, visit = await _planned(desk)
    ann, lea = await desk.who("ann"), await desk.who("lea")
    first, *_, last = await _offered(desk, number)
    desk.now = first.slot_start + timedelta(minutes=5)
    await desk.do(visit_steps.record, lea, visit, a_step("no_access", text="Chiuso"))
    assert (await _visit(desk, number)).state == "proposed", "it is kept and changes nothing"
    await desk.do(visits.choose, ann, number, visit, last.id)
    desk.now = last.slot_start

    kept = await desk.do(visit_steps.record, lea, visit, a_step("check_in"))

    assert kept.state == "onsite"
    await _sound(desk)


async def test_what_a_kind_of_step_says_nothing_of_is_refused_by_name(desk):
    number, visit = await _agreed(desk)
    gus = await who_goes(desk, number)
    for wrong, pointer in (
        (a_step("note", text="x", serial="S-1"), "/serial"),
        (a_step("en_route", picture=a_picture()), "/picture"),
        (a_step("jump"), "/kind"),
    ):
        with pytest.raises(Invalid) as refused:
            await desk.do(visit_steps.record, gus, visit, wrong)
        assert refused.value.faults[0].pointer == pointer
    assert await noted(desk, number) == []


async def test_what_the_engineer_says_at_the_end_is_in_both_reports_unless_whoever_resolves_says_more(desk):
    number, visit = await _agreed(desk)
    gus, row = await who_goes(desk, number), await _visit(desk, number)
    desk.now = row.window_start
    await desk.do(visit_steps.record, gus, visit, a_step("check_in"))
    desk.passes(minutes=30)
    said = {"limits": "Cavo provvisorio", "safety": "Quadro in tensione", "next_steps": "Ricambio a marzo"}
    await desk.do(visit_steps.record, gus, visit, a_step("check_out", text="Fatto", **said))

    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION, next_steps="Nulla più")

    of_visit, closing = [
        (await desk.rows(tables.paper, number, kind=kind))[-1].values["of"] for kind in ("visit", "closure")
    ]
    assert {name: of_visit[name] for name in said} == said
    assert {name: closing[name] for name in said} == said | {"next_steps": "Nulla più"}
    assert "Quadro in tensione" in (await desk.outward(number, "resolved"))[0].text


async def test_papers_are_read_where_a_merge_took_their_ticket_and_come_back_when_it_is_undone(desk):
    number, visit = await _agreed(desk)
    gus, row = await who_goes(desk, number), await _visit(desk, number)
    desk.now = row.window_start
    await desk.do(visit_steps.record, gus, visit, a_step("check_in"))
    desk.passes(minutes=30)
    await desk.do(visit_steps.record, gus, visit, a_step("check_out", text="Fatto"))
    ann, lea = await desk.who("ann"), await desk.who("lea")
    await desk.do(resolution.resolve, ann, number, **SOLUTION)
    await desk.do(resolution.reopen, ann, number, reason="Ancora ferma")
    other = await desk.taken("aldo@acme.test", authentication=PASSED)

    async def seen(name: str, of: str) -> list[tuple[str, str, int, bool]]:
        found = await desk.db.read(papers.of_ticket, await desk.who(name), of)
        return [(one.kind, one.number, one.n, one.newest) for one in found]

    before = await seen("alice", number)
    assert before == [("visit", number, 1, True), ("closure", number, 1, True)]
    await desk.do(joining.merge, ann, number, into=other)
    await desk.do(visit_steps.record, gus, visit, a_step("note", text="Chiave restituita"))

    assert await seen("ann", other) == [
        ("visit", number, 1, False),
        ("closure", number, 1, True),
        ("visit", other, 2, True),
    ]
    assert await seen("alice", other) == await seen("ann", other)
    assert [kind for kind, *_ in await seen("aldo", other)] == ["visit", "visit"], "that report was to Alice"
    with pytest.raises(NotFound):
        await seen("bob", other)
    closure = next(one for one in await desk.db.read(papers.of_ticket, ann, other) if one.kind == "closure")
    assert "Cambiato il cavo." in (await desk.db.read(papers.html, ann, other, closure.id))[1]
    assert await desk.db.read(papers.newest, ann, other) is None, "it has no closing report of its own"
    assert (await desk.db.read(papers.changed, ann, other))[
        (await desk.db.read(papers.of_ticket, ann, other))[-1].id
    ]

    await desk.do(joining.undo, lea, number)

    assert await seen("alice", number) == [
        ("visit", number, 1, False),
        ("closure", number, 1, True),
        ("visit", other, 2, True),
    ]
    assert await seen("ann", other) == []
    assert await desk.db.read(lambda tx: list(papers_books.faults(tx, now=desk.now))) == []
    await _sound(desk)
