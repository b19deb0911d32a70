"""What can a hostile mail do to whoever reads it? Nothing: every sample is mailed in and opened with a real browser."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from uuid import uuid4

import pytest

from channels.email.cleaning import clean_html
from channels.email.reading import body, charsets, structure
from tests.channels.email.reading_mails import a_mail, parts
from tests.core.test_redrawing import a_picture
from tests.days.hubs import until
from tests.days.posting import SUPPORT, post
from tests.days.rendering import DANGEROUS, dangers
from tests.web.browsing import LEADER, MARIO, ONE_AT_A_TIME, visiting

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME, pytest.mark.samples]

KINDS = ("xss*.eml", "id*.eml", "att*.eml", "inj*.eml")
OPEN_ALL = """for (const one of document.querySelectorAll("#p-timeline details")) one.open = true;
for (const one of document.querySelectorAll("iframe")) one.loading = "eager";"""


@pytest.fixture(scope="session")
def attacked(demo, samples):
    """Everything that became of the samples, once all of it is understood."""
    mails = sorted(path for kind in KINDS for path in (samples / "attacks").glob(kind))
    before = {item["id"] for item in demo.api.all("/inbound")}
    for n, path in enumerate(mails):
        post(demo.hub.smtp, path.read_bytes(), sender=f"attacker{n}@evil.test")

    def understood():
        items = [item for item in demo.api.all("/inbound") if item["id"] not in before]
        return items if items and all(item["outcome"] for item in items) else None

    found = until(understood, "not every sample was understood")
    assert len(found) >= len(mails) * 0.9
    return found


@pytest.fixture(scope="module")
def opened(attacked, demo, chromium):
    """What was found when each of their tickets was opened, with everything on it unfolded."""
    found = []
    with visiting(demo, chromium, LEADER) as agent:
        for number in sorted({item["ticket"] for item in attacked if item["ticket"]}):
            page = agent.go(f"/desk/tickets/{number}")
            before = page.title()
            page.evaluate(OPEN_ALL)
            frames = []
            for frame in page.locator("iframe").all():
                frame.scroll_into_view_if_needed()
                inside = frame.element_handle().content_frame()
                inside.wait_for_load_state()
                frames.append(inside.content())
            names = []
            for link in page.locator("#p-timeline .files a").all()[:2]:
                with page.expect_download() as download:
                    link.click()
                names.append(download.value.suggested_filename)
            found.append(
                Opened(
                    number=number,
                    titles=(before, page.title()),
                    address=page.url,
                    active=page.locator(f".msg :is({DANGEROUS}):not(iframe, svg)").count(),
                    frames=frames,
                    names=names,
                    complaints=[*agent.complaints],
                )
            )
            agent.complaints.clear()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One ticket, as the browser saw it."""

    number: str
    titles: tuple[str, str]
    address: str
    active: int
    frames: list[str]
    names: list[str]
    complaints: list[str]


def test_no_sample_runs_asks_or_says_anything_in_its_ticket(opened):
    assert len(opened) > 20
    for one in opened:
        assert one.complaints == [], one.number
        assert one.titles[0] == one.titles[1]
        assert one.titles[0].startswith(f"{one.number} ")
        assert one.address.endswith(one.number)
        assert one.active == 0, one.number


def test_a_frame_holds_no_way_out_and_nothing_that_runs(opened):
    assert sum(len(one.frames) for one in opened) > 10
    for one in opened:
        for text in one.frames:
            assert dangers(text) == [], one.number


def test_files_with_hostile_names_come_down_under_harmless_ones(opened):
    names = [name for one in opened for name in one.names]
    assert len(names) > 5
    for name in names:
        assert not set(name) & set('/\\:"<>|\r\n\0'), name
        assert not name.startswith("."), name


def test_lists_with_hostile_names_and_subjects_are_only_lists(attacked, visit):
    agent = visit(LEADER)

    for path in (
        "/desk/?view=all&sort=newest",
        "/desk/waiting?view=held",
        "/desk/waiting?view=exceptions",
        "/desk/outgoing",
    ):
        page = agent.go(path)
        assert page.locator("main script, main [onclick], main iframe").count() == 0
    agent.press("Control+k")
    assert agent.page.locator("#palette").is_visible()


def test_pictures_of_a_mail_are_shown_redrawn_and_those_from_elsewhere_only_after_a_warning(demo, visit):
    picture = b64encode(a_picture() + b"what else is in the file").decode()
    kind, content = parts(
        'Content-Type: text/html\n\n<p>See</p><img src="cid:one"><img src="https://seen.test/dot.png">',
        f"Content-Type: image/png\nContent-ID: <one>\nContent-Transfer-Encoding: base64\n\n{picture}",
        kind="related",
    )
    subject = f"Ticket {uuid4().hex}"
    post(
        demo.hub.smtp,
        a_mail(content, kind, subject=subject, to=SUPPORT, message_id="", **{"from": MARIO}),
        sender=MARIO,
    )
    found = until(
        lambda: demo.api.get("/tickets", q=subject.partition(" ")[2])["items"], "no ticket came of it"
    )
    agent = visit(LEADER)
    page = agent.go(f"/desk/tickets/{found[0]['number']}")
    page.evaluate(OPEN_ALL)

    frame = page.locator("iframe").element_handle().content_frame()
    frame.wait_for_selector("img")
    said = frame.content()
    assert "data:image/png;base64," in said
    assert picture[-24:] not in said
    assert "seen.test" in frame.inner_text("aside")
    assert frame.evaluate("document.querySelector('img').naturalWidth") == 40

    assert "tells" in agent.words("details.outside") or "dice a chi" in agent.words("details.outside")
    with page.expect_event("requestfailed"):
        page.locator("details.outside a").click()
    page.wait_for_timeout(300)  # what the console says of it
    assert [one for one in agent.complaints if one.startswith("asks elsewhere")] == [
        "asks elsewhere: https://seen.test/dot.png"
    ]
    agent.complaints.clear()


# --- Every HTML there is -------------------------------------------------------------------------------------

MOVED = """() => [...document.body.querySelectorAll("*")].filter(one => {
  const style = getComputedStyle(one);
  return style.position !== "static" || style.zIndex !== "auto" || style.transform !== "none";
}).map(one => one.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def stored(samples):
    """What would be stored as HTML of every sample, each once, by the name of its file."""
    found = {}
    for folder in ("mail", "attacks", "reports"):
        for path in sorted((samples / folder).rglob("*")):
            if path.suffix in (".json", ".md") or not path.is_file():
                continue
            raw = path.read_bytes()
            if b"html" not in raw.lower():
                continue
            html = charsets.html(raw) if path.suffix == ".html" else body.read(structure.parse(raw).root).html
            if html:
                found.setdefault(html, path.name)
    return found


def test_no_html_of_any_sample_runs_asks_or_covers_anything_even_where_its_frame_would_let_it(
    stored, chromium
):
    """Cleaned as for its frame, but from a server that forbids nothing: what is left would be seen to happen.

    Cleaned HTML is closed, so many stand on one page beside each other.
    """
    pages = [list(stored.items())[at : at + 20] for at in range(0, len(stored), 20)]
    happened = []
    context = chromium.new_context()

    def answer(route):
        asked = route.request.url.removeprefix("http://frame.test/")
        if not asked.isdigit():
            happened.append(f"asks: {route.request.url}")
            route.abort()
            return
        shown = "<hr>".join(clean_html(html, cid_url=lambda _: None) for html, _ in pages[int(asked)])
        route.fulfill(body=f"<!doctype html><meta charset=utf-8><body>{shown}", content_type="text/html")

    context.route(lambda url: not url.startswith("data:"), answer)
    page = context.new_page()
    page.on("dialog", lambda dialog: (happened.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("console", lambda message: happened.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: happened.append(f"error: {error}"))
    page.on("popup", lambda opened: happened.append(f"opens: {opened.url}"))
    for number, group in enumerate(pages):
        page.goto(f"http://frame.test/{number}", wait_until="load")
        happened += [f"covers: {one}" for one in page.evaluate(MOVED)]
        assert page.url == f"http://frame.test/{number}", [name for _, name in group]
        assert happened == [], [name for _, name in group]
    context.close()

    assert len(stored) > 90
