"""The practice telephone in a browser: a stranger's first call, from the keypad to the closing words on the same number."""

from __future__ import annotations

import re

import pytest

from tests.days.hubs import until
from tests.web.browsing import CENTRE, ONE_AT_A_TIME

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]

ANNA = "+390444550201"  # a customer whom no outage of the demo concerns


@pytest.fixture
def pin(demo):
    logins = (demo.hub.data / "demo-logins.txt").read_text()
    return re.search(rf"\{ANNA}\s.*PIN (\d+)", logins)[1]


def press(page, keys):
    for key in keys:
        page.click(f"[data-key='{key}']:enabled")


def heard(page, words):
    page.locator("#transcript li", has_text=words).last.wait_for()


def test_a_call_from_the_keypad_to_the_closing_words_on_the_same_number(demo, visit, pin):
    staff = visit(CENTRE)
    page = staff.go("/desk/softphone")
    page.select_option("#who-calls", ANNA)
    assert page.input_value("#number") == ANNA
    assert "1002" in staff.words("#code")

    page.click("#call")
    heard(page, "digiti il Suo PIN")
    press(page, pin)
    assert page.text_content("#typed") == "••••••"
    press(page, "#")
    heard(page, "per noi è risolta")  # what waits for her word is asked first
    press(page, "3")
    heard(page, "Per lo stato delle Sue richieste")
    press(page, "2")
    heard(page, "Di che cosa si tratta?")
    press(page, "1")
    heard(page, "Che cosa riguarda?")
    press(page, "1")
    heard(page, "Se il lavoro è fermo per tutti")
    press(page, "3")
    page.locator("#spoken").wait_for()
    until(lambda: "microfono" in staff.words("#mic"), "nobody says that there is no microphone")
    page.fill("#words", "Il server non si accende.")
    page.click("#spoken")
    heard(page, "La Sua richiesta ha il numero")
    spoken = page.locator("#transcript li", has_text="La Sua richiesta ha il numero").inner_text()
    number = "".join(re.findall(r"\d", spoken))
    number = f"{number[:2]}-{number[2:]}"
    assert pin not in staff.words("#transcript")

    press(page, "0")
    page.locator("#answer").wait_for()
    page.click("#answer")
    page.locator("#done").wait_for()
    page.click("#hangup")
    heard(page, "Riagganciato.")

    demo.do(number, "take")
    demo.do(number, "resolve", cause="network", text="Cambiato il cavo.", minutes=5)
    page.locator("#messages li", has_text="Cambiato il cavo.").wait_for()
    ticket = demo.api.get(f"/tickets/{number}")
    assert ticket["origin"] == "phone"
    assert ticket["messages"][0]["attachments"], "a tone stands for the voice"
    staff.go(f"/desk/tickets/{number}")
    assert "Il server non si accende." in staff.words(".transcript"), "and what was typed is a suggestion"


def test_a_call_is_led_by_the_keys_of_the_keyboard_and_by_silence(visit):
    page = visit(CENTRE).go("/desk/softphone")
    page.select_option("#who-calls", "")
    page.fill("#number", "")
    page.click("#call")
    heard(page, "For English, press two.")

    page.locator("#transcript").focus()
    page.keyboard.press("2")
    heard(page, "Please enter your customer code")
    page.click("#silence")
    heard(page, "I did not receive anything.")
    page.click("#hangup")

    heard(page, "Riagganciato.")
    assert page.locator("[data-key='1']").is_disabled()
