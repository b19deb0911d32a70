"""What can a hostile mail do to whoever reads it? Nothing: every sample is mailed in and opened with a real browser."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.days.hubs import until
from tests.days.posting import post
from tests.web.browsing import LEADER, ONE_AT_A_TIME, visiting

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME, pytest.mark.samples]

KINDS = ("xss*.eml", "id*.eml", "att*.eml", "inj*.eml")
OPEN_ALL = """for (const one of document.querySelectorAll("#p-timeline details")) one.open = true;
for (const one of document.querySelectorAll("iframe")) one.loading = "eager";"""

DANGEROUS = "script, iframe, object, embed, form, input, button, link, base, svg, math, meta[http-equiv]"
RUNS = re.compile(r"\s*(javascript|vbscript|data:text)", re.IGNORECASE)


def dangers(text):
    """What of a frame's document could run, fetch, or get in the way of our own page's names."""
    read = LexborHTMLParser(text)
    found = [one.html for one in read.css(DANGEROUS)]
    for one in read.css("*"):
        for name, value in one.attributes.items():
            runs = name.startswith("on") or RUNS.match(value or "")
            fetches = name in ("src", "srcset", "background", "poster") and not value.startswith(
                "data:image/"
            )
            if runs or fetches or name in ("id", "name"):
                found.append(f"{one.tag} {name}={value}")
    return found


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
