"""One paper, three writers: the same words in each, whatever strangers wrote; drawn beside the hub, and never by it."""

from __future__ import annotations

import asyncio
import html
import io
import re
import string
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from core.desk import alert_endings, alert_tickets, resolution
from core.isolation import ReaderDied, Readers, Unreadable
from core.papers import model, page, pdf, plain_text, wording

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


def a_picture(kind: str = "PNG", size: tuple[int, int] = (300, 100)) -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", size, (10, 20, 30)).save(kept, kind)
    return kept.getvalue()


def a_paper(*blocks: model.Block, **fields: object) -> model.Paper:
    given = {
        "title": "Service report 26-000123",
        "subtitle": "version 1",
        "language": "en",
        "hub": "Rossi Systems",
        "name": "26-000123/1",
        "at": AT,
        "hash": "ab" * 32,
        "blocks": blocks,
    }
    return model.restored(model.stored(model.Paper(**(given | fields))))


EVERY = a_paper(
    model.Facts(heading="About", rows=(("Customer", "Acme & Sons <S.p.A.>"), ("Contract", "C-1"))),
    model.Words(heading="Solution", text="A new cable.\nIt holds."),
    model.Grid(
        heading="Times", head=("Clock", "Taken", "Agreed"), rows=(("Solved", "2 h", "8 h"),), right=(1, 2)
    ),
    model.Moments(heading="Course", rows=(("2 March, 10:00", "received", "mail"),)),
    model.Chart(heading="Load", labels=("Mail",), series=(("opened", (5.0,)),), shown=(("5",),)),
    model.Picture(name="photo", says="The cabinet"),
    model.Signatures(
        heading="Signed",
        signed=(model.Signature(who="Alice Bianchi", role="customer", at="2 March, 12:00", picture="sign"),),
    ),
)
WORDS = (
    "Service report 26-000123", "version 1", "About", "Customer", "Acme & Sons <S.p.A.>", "Contract", "C-1",
    "Solution", "A new cable.", "It holds.", "Times", "Clock", "Solved", "2 h", "8 h", "Course",
    "2 March, 10:00", "received", "mail", "Load", "Mail", "opened", "5", "The cabinet", "Signed", "Alice Bianchi",
    "customer", "2 March, 12:00",
)  # fmt: skip


def drawn(paper: model.Paper, **pictures: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf.draw(model.pack(paper), pictures)))


def read(drawing: PdfReader) -> str:
    return "\n".join(sheet.extract_text() for sheet in drawing.pages)


def test_a_page_a_text_and_a_pdf_say_the_same() -> None:
    pictures = {"photo": a_picture("JPEG"), "sign": a_picture()}

    shown = html.unescape(re.sub(r"<[^>]+>", " ", page.write(EVERY, pictures)))
    told, printed = plain_text.write(EVERY), read(drawn(EVERY, **pictures))

    for words in WORDS:
        assert words in shown, words
        assert words.lower() in told.lower() or words == "Clock", words
        assert words in printed, words
    assert page.write(EVERY, pictures).count("data:image/") == 2


def test_a_table_after_a_drawing_stands_on_white_paper() -> None:
    chart = model.Chart(
        heading="Load", labels=("Mail", "Phone"), series=(("", (5.0, 3.0)),), shown=(("5", "3"),)
    )
    grid = model.Grid(heading="Load", head=("From", "Load"), rows=(("Mail", "5"), ("Phone", "3")))

    marks = drawn(a_paper(chart, grid)).pages[0].get_contents().get_data()

    assert len(re.findall(rb" re\s+f\b", marks)) == 2, "the bars, and nothing behind words"


def test_a_pdf_has_its_title_its_language_and_the_same_foot_on_each_page() -> None:
    long = a_paper(
        model.Grid(head=("Number", "What"), rows=tuple((f"26-{n:06}", "open") for n in range(100)))
    )

    drawing = drawn(long)

    assert drawing.metadata is not None
    assert (drawing.metadata.title, drawing.metadata.author) == (long.title, long.hub)
    root = drawing.trailer["/Root"]
    assert (root["/Lang"], root["/ViewerPreferences"]["/DisplayDocTitle"]) == ("en", True)
    assert len(drawing.pages) == 3
    for n, sheet in enumerate(drawing.pages, 1):
        assert [round(float(side) * 25.4 / 72) for side in sheet.mediabox[2:]] == [210, 297]
        said = sheet.extract_text()
        for words in ("Rossi Systems · 26-000123/1", f"page {n} of 3", "ab" * 32, "Number"):
            assert words in said, (n, words)


def test_no_row_of_a_table_is_cut_by_the_edge_of_a_page() -> None:
    rows = tuple(
        (f"first{n:03} " + "words that need some lines " * 9 + f"last{n:03}", "1") for n in range(40)
    )

    drawing = drawn(a_paper(model.Grid(head=("What", "How many"), rows=rows, right=(1,), widths=(3, 1))))

    assert len(drawing.pages) > 2
    ends = [
        [re.findall(rf"{end}(\d+)", sheet.extract_text()) for end in ("first", "last")]
        for sheet in drawing.pages
    ]
    assert all(first == last for first, last in ends)
    assert [n for first, _ in ends for n in first] == [f"{n:03}" for n in range(40)]


def test_the_same_paper_is_drawn_in_the_same_bytes() -> None:
    assert pdf.draw(model.pack(EVERY), {}) == pdf.draw(model.pack(EVERY), {})


HOSTILE = (
    "<script>alert(1)</script>",
    "{{ 7*7 }}{% include 'x' %}",
    "invoice\u202efdp.exe",
    "x" * 1500,
    "\x00\x07\x1b[31m\r\n\ud800",
    "=HYPERLINK(0)",
    "**bold** __u__ [link](http://192.0.2.1)",
    "/URI (http://192.0.2.1) Tj ET (\\)",
    "𝔘𝔫𝔦\U000e0041 中文 أهلا",
)


def test_what_strangers_wrote_stays_words_on_every_form() -> None:
    blocks: list[model.Block] = []
    for words in HOSTILE:
        blocks += [
            model.Facts(rows=((words, words),)),
            model.Words(heading=words, text=words),
            model.Grid(head=(words, "B"), rows=((words, words),)),
            model.Moments(rows=((words, words, words),)),
            model.Signatures(signed=(model.Signature(who=words, role=words),)),
        ]
    paper = a_paper(*blocks, title=HOSTILE[0], hub=HOSTILE[4], name=HOSTILE[2])

    shown, told, raw = page.write(paper, {}), plain_text.write(paper), pdf.draw(model.pack(paper), {})

    assert "<script" not in shown
    assert not any(c in shown + told for c in "\u202e\x00\x07\x1b\ud800\U000e0041")
    assert b"/Annot" not in raw
    printed = read(PdfReader(io.BytesIO(raw))).replace(" ", "").replace("\n", "")
    for part in "<script>alert(1)</script>", "=HYPERLINK(0)", "**bold** __u__ [link](http://192.0.2.1)":
        assert part in told
        assert part in html.unescape(shown)
        assert part.replace(" ", "") in printed


def test_letters_that_no_font_has_are_shown_as_such_and_said_so() -> None:
    printed = read(drawn(a_paper(model.Words(text="before \U0001f9ffx after"), language="it")))

    assert "before" in printed
    assert "after" in printed
    assert pdf.UNKNOWN in printed
    assert wording.words("it")["missing"][:30] in " ".join(printed.split())


def test_a_photo_is_no_larger_in_the_pdf_than_paper_shows_it() -> None:
    kept = io.BytesIO()
    Image.effect_noise((2000, 1000), 90).convert("RGB").save(kept, "JPEG", quality=95)
    raw = pdf.draw(model.pack(a_paper(model.Picture(name="p", says="The cabinet"))), {"p": kept.getvalue()})

    assert len(kept.getvalue()) > 500_000
    assert len(raw) < len(kept.getvalue()) / 2
    assert PdfReader(io.BytesIO(raw)).pages[0].images


def test_what_is_no_picture_leaves_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_MOST_PIXELS", 10_000)
    wrong = (b"", b"<svg onload=alert(1)>", b"\x89PNG\r\n\x1a\n" + b"x" * 50, a_picture()[:60], a_picture())
    names = [f"p{n}" for n in range(len(wrong))]
    paper = a_paper(*(model.Picture(name=name, says=f"The cabinet {name}") for name in names))

    drawing = drawn(paper, **dict(zip(names, wrong, strict=True)))

    for name in names:
        assert f"The cabinet {name}" in read(drawing)
    assert not drawing.pages[0].images


@settings(max_examples=5, deadline=None)
@given(
    cells=st.lists(st.text(max_size=900), min_size=1, max_size=5),
    words=st.text(max_size=2000),
)
def test_whatever_is_in_it_a_paper_can_be_drawn(cells: list[str], words: str) -> None:
    clean = [cell.encode("utf-8", "replace").decode() for cell in cells]
    paper = a_paper(
        model.Grid(head=("A", "B"), rows=tuple((cell, "b") for cell in clean)),
        model.Words(text=words.encode("utf-8", "replace").decode()),
    )

    assert pdf.draw(model.pack(paper), {}).startswith(b"%PDF-")


def test_papers_speak_every_language_with_the_same_words() -> None:
    def names(tree: object, at: str = "") -> set[tuple[str, frozenset[str]]]:
        if isinstance(tree, dict):
            return {one for name, part in tree.items() for one in names(part, f"{at}.{name}")}
        return {(at, frozenset(name for _, name, _, _ in string.Formatter().parse(str(tree)) if name))}

    assert names(wording.words("it")) == names(wording.words("en"))


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    made = Readers()
    yield made
    await made.close()


async def test_it_is_drawn_in_a_process_that_may_die(readers: Readers) -> None:
    first = asyncio.ensure_future(readers.draw(pdf.DRAW, model.pack(EVERY), {"sign": a_picture()}))
    with pytest.raises(Unreadable):
        await readers.draw(pdf.DRAW, b"no paper", {})

    assert (await first) == pdf.draw(model.pack(EVERY), {"sign": a_picture()})

    with pytest.raises(ReaderDied):
        await readers.draw("tests.fake_reader:die", b"", {})
    assert (await readers.draw(pdf.DRAW, model.pack(EVERY), {})).startswith(b"%PDF-")


@pytest.mark.parametrize("language", ["it", "en"])
def test_every_cause_and_what_devices_reported_is_told_in_words_on_paper(language: str) -> None:
    known = wording.words(language)
    causes = {*resolution.CAUSES, resolution.NO_ANSWER, alert_endings.CAUSE}
    assert causes <= known["cause"].keys()
    assert alert_tickets.CHANNEL in known["channel"]
