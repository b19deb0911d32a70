"""Does a chat feel like one? Enter sends, the page stays, what comes appears, and nobody's reading place is moved."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web.browsing import CENTRE, LEADER, ONE_AT_A_TIME, Guest

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]

CALL = """
async (id) => {
  const { callOut } = await import("/static/paged.js");
  const place = document.getElementById("calls");
  place.innerHTML = `<section data-page="${id}"><p class="state"><span class="strong">Nobody has taken it</span></p>
    <h2>26-000001 The till</h2><label hidden><input type="checkbox" data-mute></label></section>`;
  callOut(place);
  return document.getElementById("alarm").textContent;
}
"""


AT_END = """() => {
  const { scrollHeight, scrollTop, clientHeight } = document.querySelector(".said");
  return scrollHeight - scrollTop - clientHeight < 8;
}"""


@pytest.fixture
def guest(demo):
    found = Guest(demo.hub)
    found.says("Buongiorno, il POS in cassa 3 non stampa.")
    yield found
    demo.do(found.number, "take")  # nobody need be called to it, on whose page ever


@pytest.fixture
def open_chat(guest, visit):
    agent = visit(LEADER)
    agent.go(f"/desk/tickets/{guest.number}?view=chats")
    agent.page.evaluate("window.same = true")
    agent.page.click("#reply-text")
    return agent


def test_a_chat_is_answered_with_enter_and_what_comes_appears_on_the_same_page(guest, open_chat):
    agent, page = open_chat, open_chat.page
    page.keyboard.type("Sono Paolo.")
    agent.press("Shift+Enter")
    page.keyboard.type("Quale cassa?")
    assert page.input_value("#reply-text") == "Sono Paolo.\nQuale cassa?"
    agent.press("Enter")

    agent.wait("#p-timeline .turn.out[id]", has_text="Quale cassa?")
    assert page.input_value("#reply-text") == ""
    page.keyboard.type("Un momento")
    agent.press("Enter")
    agent.wait("#p-timeline .turn.out.follows[id]", has_text="Un momento")
    guest.says("La 3, vicino all'uscita.")
    agent.wait("#p-timeline .turn.in", has_text="vicino all'uscita")
    page.wait_for_function("() => document.getElementById('said').textContent.includes('uscita')")
    agent.wait("#p-timeline .turn.out .state", has_text="inviata")

    assert page.evaluate("window.same && document.activeElement.id") == "reply-text"
    assert page.locator("#p-timeline [data-leaving]").count() == 0
    assert page.locator("#p-timeline .turn.out").count() == 2


def test_enter_can_be_told_to_begin_a_line_and_sends_nothing_while_an_ime_composes(open_chat):
    agent, page = open_chat, open_chat.page
    page.keyboard.type("konnichiwa")
    page.evaluate(
        "document.getElementById('reply-text').dispatchEvent("
        "new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))"
    )
    assert page.input_value("#reply-text") == "konnichiwa"

    page.uncheck("#enter-sends")
    page.focus("#reply-text")
    agent.press("End", "Enter")
    assert page.input_value("#reply-text") == "konnichiwa\n"
    page.reload()
    assert not page.is_checked("#enter-sends")


def test_what_could_not_be_sent_stays_in_the_box_and_says_so(open_chat):
    agent, page = open_chat, open_chat.page
    page.route("**/do/reply*", lambda route: route.fulfill(status=503))
    page.keyboard.type("Arriva un tecnico.")
    agent.press("Enter")

    agent.wait(".draft.late")
    assert page.input_value("#reply-text") == "Arriva un tecnico."
    page.unroute("**/do/reply*")
    agent.press("Enter")
    agent.wait("#p-timeline .turn.out[id]", has_text="Arriva un tecnico.")
    agent.complaints.clear()  # the browser says of the 503 that it was one


def test_that_the_customer_is_writing_appears_and_goes_when_they_said_it(guest, open_chat):
    guest.types()
    open_chat.wait("#types")

    guest.says("Ecco.")

    open_chat.wait("#p-timeline .turn.in", has_text="Ecco.")
    open_chat.page.locator("#types").wait_for(state="hidden")


def test_who_reads_further_up_stays_there_and_is_told_what_is_new(guest, open_chat):
    agent, page = open_chat, open_chat.page
    for n in range(2):
        guest.says(f"Riga {n}\n" + "molto lunga\n" * 40)
        agent.wait("#p-timeline .turn.in", has_text=f"Riga {n}")
    page.wait_for_function(AT_END)
    page.evaluate("document.querySelector('.said').scrollTop = 0")

    guest.says("E adesso?")

    agent.wait("#newest", has_text="1")
    assert page.evaluate("document.querySelector('.said').scrollTop") == 0
    page.click("#newest")
    page.wait_for_function(AT_END)
    page.locator("#newest").wait_for(state="hidden")


def test_keys_lead_to_the_chats_and_one_press_takes_one(guest, visit):
    agent = visit(CENTRE)
    agent.go("/desk/")
    agent.send(lambda: agent.press("g", "c"))
    agent.wait(f"#t{guest.number} .take")
    agent.send(lambda: agent.page.click(f"#t{guest.number} .take"))

    assert f"/desk/tickets/{guest.number}" in agent.page.url
    assert "Lucia Ferrari" in agent.words("#p-head")
    agent.send(lambda: agent.press("."))
    assert f"/desk/tickets/{guest.number}" not in agent.page.url


def test_a_call_is_said_at_once_and_only_once(visit):
    agent = visit(LEADER)
    page = agent.go("/desk/")

    assert "Nobody has taken it: 26-000001 The till" in page.evaluate(CALL, "one")
    page.evaluate("document.getElementById('alarm').textContent = ''")
    assert page.evaluate(CALL, "one") == ""
    page.check("[data-mute]")
    assert page.evaluate("localStorage.getItem('paged-muted')") == "yes"


def test_axe_finds_nothing_in_a_chat_by_day_by_night_and_on_a_narrow_screen(guest, open_chat):
    agent, page = open_chat, open_chat.page
    page.keyboard.type("Guardo.")
    agent.press("Enter")
    agent.wait("#p-timeline .turn.out .state")
    for theme, width in (("light", 1440), ("dark", 1440), ("dark", 390)):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 844})

        found = Axe().run(page)

        assert found.violations_count == 0, f"{theme}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
