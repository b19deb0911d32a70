"""On a phone without a network the engineer notes everything; when there is one again all of it is at the desk, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from tests.days.hubs import until
from tests.web.browsing import ONE_AT_A_TIME

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]

GIULIA = "giulia.conti@nordest.test"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def a_photo() -> dict[str, object]:
    to = BytesIO()
    Image.effect_noise((640, 480), 40).save(to, "JPEG")
    return {"name": "quadro.jpg", "mimeType": "image/jpeg", "buffer": to.getvalue()}


def agreed(demo) -> tuple[str, str]:
    """Giulia comes as soon as she can: the number of the request, and the visit. What she has today depends on the hour of this test."""
    number = demo.in_progress()
    planned = {"purpose": "Cambiare lo switch\n- Etichettare il cavo", "offers": False, "site": "Verona"}
    visit = demo.api.post(f"/tickets/{number}/visits", planned)["id"]
    for hours in range(1, 12):
        start = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
        time = {"start": start, "technician": GIULIA, "anyway": True}
        status, answer = demo.api.call("POST", f"/tickets/{number}/visits/{visit}/confirm", body=time)
        if status == 200:
            return number, visit
    raise AssertionError(answer)


def draw(page) -> None:
    box = page.locator("canvas")
    box.scroll_into_view_if_needed()
    where = box.bounding_box()
    page.mouse.move(where["x"] + 20, where["y"] + 30)
    page.mouse.down()
    for step in range(1, 8):
        page.mouse.move(where["x"] + 20 + step * 25, where["y"] + 30 + (step % 2) * 40)
    page.mouse.up()


def test_what_is_noted_without_a_network_is_sent_once_when_there_is_one(demo, visit):
    number, made = agreed(demo)
    engineer = visit(GIULIA, **PHONE)
    page = engineer.go("/desk/me/visits")
    page.locator("[data-kept]").wait_for(state="attached")
    engineer.send(lambda: page.click(f"a[href$='{made}']"))
    page.locator("[data-kept]").wait_for(state="attached")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    small = [
        one.inner_text() for one in page.locator("main button:visible, main summary:visible").all()
        if one.bounding_box()["height"] < 24
    ]  # fmt: skip
    assert small == []

    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{theme}: {found.generate_report()}"
    page.reload()

    engineer.context.set_offline(True)
    page.click("form[data-step]:has([value=check_in]) button")
    engineer.wait("#queue[data-waiting='1']")
    assert page.locator("form[data-step]:has([value=check_in])").is_hidden(), "what waits is done"
    page.reload()  # the pages are there without a network
    engineer.wait("#queue[data-waiting='1']")
    page.click("summary:has-text('Foto')")
    page.set_input_files("#photo", [a_photo()])
    page.fill("#photo-text", "Quadro aperto")
    page.click("details:has(#photo) button")
    engineer.wait("#queue[data-waiting='2']")
    page.click("summary:has-text('Firma')")
    page.fill("#sign-name", "Anna Tessari")
    draw(page)
    page.click("details:has(#sign-name) button:not([type=button])")
    engineer.wait("#queue[data-waiting='3']")
    page.click("summary:has-text('Lavoro finito')")
    page.fill("#out-text", "Switch sostituito")
    page.fill("#out-minutes", "40")
    page.click("details:has(#out-text) button")
    engineer.wait("#queue[data-waiting='4']")
    assert demo.api.get(f"/tickets/{number}/visits/{made}")["state"] == "confirmed"

    with page.expect_navigation():
        engineer.context.set_offline(False)
    until(lambda: page.locator("[data-noted]").count() == 4, "not all that was noted is there")
    found = [one.get_attribute("data-noted") for one in page.locator("[data-noted]").all()]
    assert found == ["check_in", "photo", "sign", "check_out"]
    assert page.locator("#queue").is_hidden()
    assert demo.api.get(f"/tickets/{number}/visits/{made}")["state"] == "done"
    (paper,) = [one for one in demo.api.get(f"/tickets/{number}/papers")["items"] if one["kind"] == "visit"]
    assert paper["version"] == 1

    engineer.send(lambda: page.click("form[data-leave] button"))
    del demo.signed_in[GIULIA]
    assert page.evaluate("caches.keys()") == [], "the next who takes the phone reads nothing"
    # What the network did not bring is told whenever Chromium gets to it.
    engineer.complaints[:] = [one for one in engineer.complaints if "ERR_INTERNET_DISCONNECTED" not in one]
