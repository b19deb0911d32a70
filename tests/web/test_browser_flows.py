"""Can everybody change a call flow, with keys and pointer, by day and night, on any screen?"""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web.browsing import ENGLISH, ONE_AT_A_TIME, STILL

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]

ELENA = "elena.zanin@nordest.test"
PLACES = {
    "list": "/desk/flows",
    "node": "/desk/flows/{draft}?node=main",
    "entry": "/desk/flows/{draft}?node=pin",
    "prompts": "/desk/flows/{draft}?prompt=bye",
    "settings": "/desk/flows/{draft}?part=settings",
    "text": "/desk/flows/{draft}?part=text",
    "review": "/desk/flows/{draft}/publish",
    "rehearsal": "/desk/flows/{draft}/rehearse?a.find_caller=unknown&e=d:1",
}
WIDTHS = [360, 768, 1280, 1920]


def a_draft(demo):
    """The number of a new draft with a mistake in it."""
    api = demo.hub.api(demo.hub.token("--agent", ELENA))
    flow = api.get("/flows/1")["flow"]
    flow["nodes"]["main"]["choices"]["7"] = {"goto": "nowhere"}
    return api.post("/flows", {"flow": flow})["version"]


@pytest.fixture(scope="module")
def draft(demo):
    """One that is only looked at."""
    return a_draft(demo)


@pytest.fixture
def elena(visit):
    """A supervisor and administrator."""
    return lambda **options: visit(ELENA, **options)


@pytest.mark.parametrize("name", PLACES)
def test_axe_finds_nothing_by_day_and_by_night_and_nothing_shifts_or_is_too_wide(elena, draft, name):
    visitor = elena()
    visitor.go(PLACES[name].format(draft=draft))
    for theme in ("light", "dark"):
        visitor.page.emulate_media(color_scheme=theme)

        found = Axe().run(visitor.page)

        assert found.violations_count == 0, f"{theme}: {found.generate_report()}"
    for width in WIDTHS:
        visitor.page.set_viewport_size({"width": width, "height": 800})
        visitor.page.reload()
        assert visitor.page.evaluate("window.shift") < STILL, width
        for what in ("document.documentElement", "document.querySelector('main')"):
            assert visitor.page.evaluate(f"{what}.scrollWidth") <= width, what


def test_a_page_is_light(elena, draft):
    page = elena().go(PLACES["node"].format(draft=draft))

    size = page.evaluate(
        "performance.getEntriesByType('navigation')[0].decodedBodySize"
    )  # bytes of the page itself

    assert 5_000 < size < 130_000


def test_the_chosen_node_is_in_sight_and_its_finding_leads_to_it(elena, draft):
    visitor = elena()
    page = visitor.go(f"/desk/flows/{draft}")

    visitor.send(lambda: page.click(".findings a"))

    box = page.locator(".flow-picture .node.chosen").bounding_box()
    pane = page.locator(".flow-drawing").bounding_box()
    assert pane["x"] <= box["x"] < pane["x"] + pane["width"] - box["width"] / 2
    assert pane["y"] <= box["y"] < pane["y"] + pane["height"] - box["height"] / 2
    assert "main" in visitor.words(".flow-form h2")
    assert page.locator(".flow-picture .node.marked").count() == 1


def test_a_node_is_chosen_in_the_drawing_and_with_keys(elena, draft):
    visitor = elena()
    page = visitor.go(f"/desk/flows/{draft}?node=main")

    visitor.send(lambda: page.click(".flow-picture .node[aria-label^='status,']"))
    assert "status" in visitor.words(".flow-form h2")

    page.locator(".flow-picture .node[aria-label^='types,']").focus()
    visitor.send(lambda: visitor.press("Enter"))
    assert "types" in visitor.words(".flow-form h2")


def test_a_flow_is_mended_rehearsed_and_published(elena, demo):
    visitor = elena()
    page = visitor.go(f"/desk/flows/{a_draft(demo)}?node=main")
    keys = page.locator("input[name='choice.key']")
    keys.last.wait_for()
    keys.nth(keys.count() - 2).fill("")  # the last one offers one more

    visitor.send(lambda: page.click(".flow-form form[action$='/node/do'] button.filled"))

    assert page.locator(".findings.clock.met").count() == 1
    visitor.send(lambda: page.click("main a[href$='/rehearse']"))
    page.select_option("select[name='a.find_caller']", "unknown")
    visitor.send(lambda: page.click("button[name=again]"))
    visitor.send(lambda: page.click("button.keypad >> text=2"))
    assert "Please enter your customer code" in visitor.words(".steps")
    page.fill("input[name=keys]", "1001")
    visitor.send(lambda: page.press("input[name=keys]", "Enter"))
    assert "Preme 1001" in visitor.words(".steps")
    page.fill("input[name=name]", "English")
    visitor.send(lambda: page.click("form[action$='/rehearse'] button"))
    assert "Come previsto" in visitor.words("#scenarios")
    number = page.url.rpartition("/rehearse")[0].rpartition("/")[2]
    visitor.go(f"/desk/flows/{number}/publish")
    page.fill("#comment", "Provato al telefono")
    visitor.send(lambda: page.click("button.filled"))

    assert page.url.endswith("/desk/flows")
    assert "Provato al telefono" in visitor.words("ul .item")
    assert "In vigore" in visitor.words("ul .item")


def test_who_may_only_look_sees_the_flow_and_no_buttons(visit, draft):
    visitor = visit(ENGLISH)
    page = visitor.go(f"/desk/flows/{draft}?node=pin")

    assert page.locator(".flow-picture .node").count() > 60
    assert page.locator("main button").count() == 0


def test_targets_are_large_enough_for_a_thumb(elena, draft):
    visitor = elena(viewport={"width": 360, "height": 740})
    visitor.go(f"/desk/flows/{draft}?node=main")

    small = visitor.page.locator("main :is(button, .button, .tabs a):visible").evaluate_all(
        "all => all.filter((one) => one.getBoundingClientRect().height < 44).map((one) => one.textContent)"
    )

    assert small == []
