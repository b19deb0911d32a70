"""What is handed out at the end of a request: values once, three forms, versions that stay, and a PDF that leaves with the mail."""

from __future__ import annotations

import html
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader

from core.desk import books, papers, papers_books, reports, resolution, tickets, visit_reports
from core.desk.case import Case
from core.desk.errors import NotFound, Refused
from core.desk.principal import HUB
from core.ids import new_id
from core.store import blobs, tables
from tests.desk_at_work import CONFIGURED, PASSED, SOLUTION, AtWork, at_work
from tests.fakes import NOT_DRAWN

EQUIPPED = CONFIGURED.replace(
    '  name = "sw-1"\n', '  name = "sw-1"\n  make = "Cisco"\n  model = "C9300"\n  serial = "FOC-123"\n'
).replace('  name = "Verona"\n', '  name = "Verona"\n  address = "Via Roma 1"\n')
MORE = {
    "tests": "Ping senza perdite.",
    "limits": "Il cavo è provvisorio.",
    "safety": "Quadro senza interblocco.",
    "next_steps": "Sostituzione a marzo.",
}


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db, EQUIPPED)


async def a_full_story(desk: AtWork) -> str:
    """A request with everything a report may tell, solved."""
    number = await desk.taken("alice@acme.test", authentication=PASSED)
    ann = await desk.who("ann")
    await desk.qualify(number, asset="sw-1", site="Verona")
    desk.passes(hours=1)
    await desk.do(tickets.workaround, ann, number, "Usate il 4G.")
    await desk.db.write(_on_site, number, ann.id, desk)
    desk.passes(hours=1)
    await desk.do(resolution.resolve, ann, number, **SOLUTION, **MORE)
    return number


def _on_site(tx: Any, number: str, agent: str, desk: AtWork) -> None:
    ticket_id = tx.one(tables.ticket.select().where(tables.ticket.c.number == number)).id
    kept = io.BytesIO()
    Image.new("RGB", (300, 90), (0, 0, 120)).save(kept, "PNG")
    picture = blobs.put(tx, kept.getvalue(), now=desk.now)
    visit_id = new_id()
    tx.insert(
        tables.visit,
        ticket_id=ticket_id, id=visit_id, customer="ACME", site="Verona", place="Via Roma 1", time_zone="Europe/Rome",
        purpose="Cambio cavo", state="done", uid=visit_id, made_at=desk.now, made_by="system",
        window_start=desk.now, window_end=desk.now + timedelta(hours=2), arrived_at=desk.now,
        left_at=desk.now + timedelta(minutes=40), closed_at=desk.now,
    )  # fmt: skip
    tx.insert(tables.visit_crew, ticket_id=ticket_id, visit_id=visit_id, agent=agent, leads=True, at=desk.now)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("task", {"text": "Armadio chiuso", "done": True}),
        ("part", {"name": "Cavo S/FTP", "serial": "CV-9", "removed": "CV-1"}),
        ("note", {"text": "Ventola rumorosa"}),
        ("photo", {"picture": picture, "text": "L'armadio"}),
        ("check_out", {"text": "Cavo cambiato"}),
        ("sign", {"name": "Alice Bianchi", "role": "customer", "picture": picture, "comment": "Tutto bene"}),
    ]
    for kind, data in steps:
        tx.insert(
            tables.visit_step,
            ticket_id=ticket_id, visit_id=visit_id, id=new_id(), kind=kind, data=data, at=desk.now,
            recorded_at=desk.now, by=f"agent:{agent}",
        )  # fmt: skip
    tx.insert(
        tables.vendor_case,
        ticket_id=ticket_id, id=new_id(), vendor="Cisco", reference="SR-77", state="closed", reference_shown=True,
        made_at=desk.now, made_by=f"agent:{agent}", closed_at=desk.now,
    )  # fmt: skip


TOLD = (
    "26-000001", "versione 1", "Acme S.p.A.", "Verona, Via Roma 1", "Alice", "C-1, Network", "sw-1, Cisco C9300, matricola FOC-123",
    "Rete ferma", "Incident, Network, priorità", "presa in carico da Ann", "e-mail", "arrivo sul posto: Ann", "soluzione provvisoria",
    "tecnico", "da remoto", "30 minuti", "Cavo S/FTP", "CV-9", "CV-1", "rete", "Cambiato il cavo.", "Usate il 4G.", "da rivedere entro",
    "Cisco: SR-77", "Ripristino del servizio", "1 ora", "rispettato", "Ping senza perdite.", "Il cavo è provvisorio.", "Avvertenze di sicurezza", "Quadro senza interblocco.",
    "Sostituzione a marzo.", "Tutto bene", "Compreso nel contratto C-1, Network: nessun costo.", "Alice Bianchi", "cliente",
)  # fmt: skip


async def test_a_closing_report_says_everything_on_page_in_text_and_in_pdf(desk):
    desk.draws = True
    number = await a_full_story(desk)
    await desk.work()

    alice = await desk.who("alice")
    (view,) = await desk.db.read(papers.of_ticket, alice, number)
    _, shown = await desk.db.read(papers.html, alice, number, view.id)
    name, pdf = await desk.db.read(papers.pdf, alice, number, view.id)
    (told,) = await desk.outward(number, "resolved")
    printed = " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())
    page = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown)).split())
    text = " ".join(told.text.split())
    for words in TOLD:
        assert words in page, words
        assert words.lower() in text.lower(), words
        assert words in printed, words
    assert view.hash in page
    assert view.hash in printed
    assert (name, view.n, view.drawn, view.newest, view.by) == (
        "rapporto-26-000001-v1.pdf",
        1,
        True,
        True,
        "Ann",
    )
    (sent,) = [one for one in desk.channel.sent if one.kind == "resolved"]
    assert [(one.name, one.type, one.content == pdf) for one in sent.attachments] == [
        (name, "application/pdf", True)
    ]
    event = (await desk.events(number, "paper."))[0]
    assert (event.kind, event.data["n"], event.data["hash"]) == ("paper.made", 1, view.hash)
    assert await desk.db.read(lambda tx: list(papers_books.faults(tx, now=desk.now))) == []


async def test_a_visit_has_a_report_of_its_own_on_the_same_engine(desk):
    desk.draws = True
    number = await a_full_story(desk)
    (visit,) = await desk.rows(tables.visit, number)
    ann = await desk.who("ann")

    def make(tx: Any) -> papers.Made:
        case = Case.open(tx, visit.ticket_id, now=desk.now)
        made = visit_reports.report(case, ann, visit.id)
        case.save()
        return made

    made = await desk.db.write(make)
    await desk.work()

    name, pdf = await desk.db.read(papers.pdf, ann, number, made.id)
    printed = " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())
    assert name == "visita-26-000001-v1.pdf"
    for words in (
        "Rapporto di visita 26-000001", "Cambio cavo", "Armadio chiuso", "fatto", "Cavo S/FTP", "Ventola rumorosa",
        "L'armadio", "Cavo cambiato", "Alice Bianchi", "Via Roma 1",
    ):  # fmt: skip
        assert words in printed, words
        assert words.lower() in made.text.lower(), words
    assert len(PdfReader(io.BytesIO(pdf)).pages[0].images) >= 1
    with pytest.raises(NotFound):
        await desk.db.write(
            lambda tx: visit_reports.report(Case.open(tx, visit.ticket_id, now=desk.now), ann, new_id())
        )


async def test_a_photo_is_in_the_pdf_and_only_its_words_are_on_the_page(desk):
    desk.draws = True
    number = await a_full_story(desk)
    (visit,) = await desk.rows(tables.visit, number)
    kept = io.BytesIO()
    Image.effect_noise((900, 700), 90).convert("RGB").save(kept, "JPEG", quality=95)
    assert len(kept.getvalue()) > papers.INSIDE

    def report(tx: Any) -> papers.Made:
        photo = {"picture": blobs.put(tx, kept.getvalue(), now=desk.now), "text": "Il quadro"}
        key = {"ticket_id": visit.ticket_id, "visit_id": visit.id, "id": new_id()}
        more = {"at": desk.now, "recorded_at": desk.now, "by": "system"}
        tx.insert(tables.visit_step, **key, kind="photo", data=photo, **more)
        case = Case.open(tx, visit.ticket_id, now=desk.now)
        made = visit_reports.report(case, HUB, visit.id)
        case.save()
        return made

    made = await desk.db.write(report)
    await desk.work()

    ann = await desk.who("ann")
    _, shown = await desk.db.read(papers.html, ann, number, made.id)
    assert "Il quadro" in shown
    assert shown.count("data:image/") == 2, "the small photo and the signature"
    _, pdf = await desk.db.read(papers.pdf, ann, number, made.id)
    assert len([one for page in PdfReader(io.BytesIO(pdf)).pages for one in page.images]) == 3


async def test_each_end_makes_a_version_that_says_why_and_none_is_changed(desk):
    number = await desk.resolved("alice@acme.test", authentication=PASSED)
    ann, alice = await desk.who("ann"), await desk.who("alice")
    first = (await desk.rows(tables.paper, number))[0]
    await desk.do(resolution.refuse, alice, number, reason="Ancora niente.")
    await desk.do(resolution.resolve, ann, number, **SOLUTION)
    await desk.do(resolution.confirm, alice, number)
    await desk.work()

    views = await desk.db.read(papers.of_ticket, alice, number)

    assert [(one.n, one.why, one.newest) for one in views] == [
        (1, "", False),
        (2, "reopened", False),
        (3, "final", True),
    ]
    assert (await desk.rows(tables.paper, number, id=first.id))[0].hash == first.hash
    text = (await desk.outward(number, "closed"))[-1].text
    assert "versione 3, finale. Sostituisce la versione 2: la richiesta è chiusa" in text
    _, values = await desk.db.read(papers.values, alice, number, views[-1].id)
    assert (values["final"], values["work_s"], values["costs"]["covered"]) == (True, 3600, True)
    assert (await desk.db.read(books.verify)).faults == ()


async def test_a_paper_is_found_only_by_who_may_see_its_request(desk):
    number = await desk.resolved("alice@acme.test", authentication=PASSED)
    (row,) = await desk.rows(tables.paper, number)
    other = await desk.resolved("gina@gamma.test", authentication=PASSED)

    for who in ("bob", "aldo"):
        stranger = await desk.who(who)
        for read in (papers.values, papers.html, papers.pdf):
            with pytest.raises(NotFound):
                await desk.db.read(read, stranger, number, row.id)
        with pytest.raises(NotFound):
            await desk.db.read(papers.of_ticket, stranger, number)
    with pytest.raises(NotFound):
        await desk.db.read(papers.values, await desk.who("gina"), other, row.id)
    with pytest.raises(Refused):
        await desk.db.read(papers.pdf, await desk.who("alice"), number, row.id)


async def test_what_cannot_be_drawn_leaves_without_and_staff_see_the_dead_job(desk, monkeypatch):
    number = await desk.resolved("alice@acme.test", authentication=PASSED)
    monkeypatch.setattr("core.drawing.pdf.DRAW", "tests.fake_reader:draw_nothing")
    desk.draws = True
    await desk.work()
    (sent,) = [one for one in desk.channel.sent if one.kind == "resolved"]
    assert sent.attachments == ()
    assert "Cambiato il cavo." in sent.text

    desk.passes(minutes=5)
    await desk.work()
    desk.passes(minutes=5)
    await desk.work()

    (row,) = await desk.rows(tables.paper, number)
    assert row.pdf is None
    assert [job.kind for job in await desk.rows(tables.dead_job)] == ["paper"]


async def test_a_paper_that_was_changed_is_found_in_the_books(desk):
    number = await desk.resolved()
    await desk.work()
    (row,) = await desk.rows(tables.paper, number)
    assert (await desk.db.read(blobs.get, row.pdf)) == NOT_DRAWN
    key = {"ticket_id": row.ticket_id, "id": row.id}

    async def found(**change: Any) -> set[str]:
        await desk.db.write(lambda tx: tx.update(tables.paper, key, **change))
        faults = await desk.db.read(lambda tx: [kind for kind, _ in papers_books.faults(tx, now=desk.now)])
        await desk.db.write(
            lambda tx: tx.update(tables.paper, key, **{name: getattr(row, name) for name in change})
        )
        return set(faults)

    changed = {**row.values, "of": {**row.values["of"], "solution": "Niente."}}
    assert await found(values=changed) == {"paper that says something else than it did"}
    assert await found(n=3) == {"versions of a paper with a gap"}
    assert await found(pdf=None) == {"paper that nobody draws"}
    assert await found(html="0" * 64) == {"blob missing"}
    assert await found(why="x") == set()


async def test_what_is_in_no_contract_says_so_and_nobody_is_shown_a_price(desk):
    number = await desk.resolved("gina@gamma.test", authentication=PASSED)

    (told,) = await desk.outward(number, "resolved")

    assert "Contract: not covered by a contract" in told.text
    assert "Costs: Not included in a contract: costs are told separately." in told.text
    assert set(MORE) == set(reports.LATER), "the full story has every part"
