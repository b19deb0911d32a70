"""A call in the browser: an open page shows who rings without being loaded anew, and whoever types is not disturbed."""

from __future__ import annotations

from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web.browsing import CENTRE, LEADER, ONE_AT_A_TIME, STILL

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]

POST = """async ([path, fields]) => {
  const form = new FormData();
  form.set("csrf", document.querySelector("input[name=csrf]").value);
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return (await fetch(path, { method: "POST", body: form })).json();
}"""


class Softphone:
    """The telephone of the desk's own page, in the hands of somebody who practises."""

    def __init__(self, visitor) -> None:
        self.page = visitor.go("/desk/softphone")
        self.at = self.post("ring", id=uuid4().hex, number="")

    def post(self, path: str, **fields: str):
        return self.page.evaluate(POST, [f"/desk/softphone/{path}", fields])

    def do(self, what: str, **fields: str):
        found = self.post(f"{self.at['call']}/{self.at['seq']}/{what}", **fields)
        self.at = found if "seq" in found else self.at
        return found

    def pause(self, on: str) -> None:
        """Who practises takes no calls meanwhile: the other one is rung."""
        self.page.evaluate(POST.replace(".json()", ".text()"), ["/desk/calls/pause", {"on": on}])


def test_a_call_rings_on_an_open_page_is_answered_and_becomes_a_request(visit):
    lucia = visit(CENTRE)
    page = lucia.go("/desk/")
    page.evaluate("window.stayed = true")
    page.locator("#search").focus()
    page.keyboard.type("dispos")
    phone = Softphone(visit(LEADER))
    phone.pause("1")

    phone.do("keys", keys="0")
    phone.do("wait")
    lucia.wait(".rings")

    assert page.evaluate("window.stayed"), "the page was not loaded anew"
    assert page.evaluate("document.activeElement.id") == "search"
    assert page.locator("#search").input_value() == "dispos"
    assert "Squilla per Lei" in page.locator("#said").text_content()
    assert page.evaluate("window.shift") < STILL, "nothing moves"
    assert Axe().run(page).response["violations"] == []
    lucia.send(lambda: page.locator(".rings button.filled").click())
    lucia.wait(".rings.talking")
    page.locator("details.fresh summary").click()
    page.locator("#rings-technology").select_option("Network")
    lucia.send(lambda: page.locator("details.fresh button").click())
    assert "/desk/tickets/" in page.url
    lucia.wait(".msg.call")
    phone.do("wait")
    phone.do("hangup")
    page.locator(".rings").wait_for(state="detached")
    lucia.wait(".msg.call", has_text="Ha parlato con noi")
    phone.pause("")
