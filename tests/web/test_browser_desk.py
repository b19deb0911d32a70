"""Can somebody work at the desk all day? With the mouse, with keys alone, without scripts, and with a closed browser."""

from __future__ import annotations

import re

import pytest

from tests.web.browsing import CENTRE, ENGLISH, LEADER, ONE_AT_A_TIME, sign_in, visiting

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]

SEND = "form.reply [data-send]"


def state(demo, number):
    return demo.api.get(f"/tickets/{number}")["state"]


def test_a_ticket_is_worked_from_first_look_to_close_with_the_mouse(demo, visit):
    number = demo.a_ticket("Il tunnel cade.")
    agent = visit(LEADER)
    page = agent.go("/desk/?view=qualify&sort=newest")

    agent.send(lambda: page.click(f"#t{number} a.open"))
    assert "Il tunnel cade." in agent.words("#p-timeline")
    page.click("[data-menu=qualify] > summary")
    page.select_option("#qualify-request_type", "Incident")
    page.select_option("#qualify-technology", "Network")
    page.select_option("#qualify-impact", "2")
    page.select_option("#qualify-urgency", "2")
    agent.send(lambda: page.click("[data-menu=qualify] button.filled"))
    page.click("[data-menu=assign] > summary")
    page.select_option("#assign-agent", "giulia.conti@nordest.test")
    agent.send(lambda: page.click("[data-menu=assign] button.filled"))
    assert demo.api.get(f"/tickets/{number}")["assignee"] == "giulia.conti@nordest.test"
    agent.send(lambda: page.click("button[data-verb=take]"))
    page.click("#reply-text")
    page.fill("#reply-text", "Sostituiamo lo switch.")
    agent.send(lambda: page.click(SEND))
    page.click("label[for=compose-note]")
    page.fill("#note-text", "Il contratto scade a marzo.")
    agent.send(lambda: page.click("form.note [data-send]"))
    page.click("[data-menu=resolve] > summary")
    page.select_option("#resolve-cause", "hardware")
    page.fill("#resolve-minutes", "45")
    page.fill("#resolve-text", "Switch sostituito.")
    agent.send(lambda: page.click("[data-menu=resolve] button.filled"))
    agent.send(lambda: page.click("button[data-verb=close]"))

    assert state(demo, number) == "closed"
    told = agent.words("#p-timeline")
    for said in ("Sostituiamo lo switch.", "Il contratto scade a marzo.", "Switch sostituito."):
        assert said in told


def test_a_ticket_is_worked_from_first_look_to_close_with_keys_alone(demo, visit):
    number = demo.a_ticket("Il tunnel cade.")
    agent = visit(LEADER)
    page = agent.go("/desk/")

    agent.press("/")
    page.keyboard.type(number)
    agent.send(lambda: agent.press("Enter"))
    agent.press("Escape", "j")
    agent.send(lambda: agent.press("Enter"))
    agent.press("q")  # customer and contact are known; type, technology, impact, urgency are chosen
    agent.press("Tab", "Tab", "ArrowDown", "Tab", "ArrowDown", "Tab", "ArrowDown", "Tab", "ArrowDown")
    agent.send(lambda: agent.press("Control+Enter"))
    agent.send(lambda: agent.press("i"))
    agent.press("r")
    page.keyboard.type("Ci siamo: j k r n i a q s ?")
    agent.send(lambda: agent.press("Control+Enter"))
    agent.press("n")
    page.keyboard.type("Cliente nervoso.")
    agent.send(lambda: agent.press("Control+Enter"))
    agent.press("s", "ArrowDown", "Tab")
    page.keyboard.type("30")
    agent.press("Tab")
    page.keyboard.type("Cavo sostituito.")
    agent.send(lambda: agent.press("Control+Enter"))
    agent.press("s")
    agent.send(lambda: agent.press("Enter"))

    assert state(demo, number) == "closed"
    assert "Ci siamo: j k r n i a q s ?" in agent.words("#p-timeline")
    agent.send(lambda: agent.press("u"))
    assert "/desk/?" in page.url


def test_send_and_wait_has_a_key(demo, visit):
    number = demo.in_progress()
    agent = visit(LEADER)
    page = agent.go(f"/desk/tickets/{number}")

    agent.press("r")
    page.keyboard.type("Quale porta?")
    agent.send(lambda: agent.press("Control+Shift+Enter"))

    assert state(demo, number) == "waiting_customer"


def test_letters_are_letters_while_somebody_types(demo, visit):
    number = demo.in_progress()
    agent = visit(LEADER)
    page = agent.go(f"/desk/tickets/{number}")

    agent.press("n")
    page.keyboard.type("/?jkrniaqsguw")

    assert page.input_value("#note-text") == "/?jkrniaqsguw"
    assert page.url.endswith(number)


def test_escape_leaves_a_menu_a_box_and_the_ticket_in_turn(demo, visit):
    number = demo.in_progress()
    agent = visit(LEADER)
    page = agent.go(f"/desk/tickets/{number}")

    agent.press("w")
    assert page.locator("#workaround-text").is_visible()
    agent.press("Escape", "Escape")
    assert not page.locator("#workaround-text").is_visible()
    assert page.locator("details.menu[open]").count() == 0
    agent.press("r", "Escape")
    assert page.evaluate("document.activeElement === document.body")
    agent.send(lambda: agent.press("Escape"))
    assert "/desk/tickets/" not in page.url


def test_the_map_of_keys_is_one_key_away(visit):
    agent = visit(ENGLISH)
    page = agent.go("/desk/")

    agent.press("?")
    assert "Internal note" in agent.words("#keys")
    agent.press("Escape")
    assert not page.locator("#keys").is_visible()


def test_the_palette_finds_views_verbs_and_numbers(demo, visit):
    number = demo.in_progress()
    agent = visit(LEADER)
    page = agent.go("/desk/")

    agent.press("Control+k")
    page.keyboard.type("nessuno")
    agent.send(lambda: agent.press("Enter"))
    assert page.url.endswith("view=unassigned")
    page.click("[data-palette]")
    page.keyboard.type(number.replace("-", ""))
    agent.send(lambda: agent.press("Enter"))
    assert page.url.endswith(number)
    agent.press("Control+k")
    page.keyboard.type("provvis")
    agent.press("Enter")
    assert page.evaluate("document.activeElement.id") == "workaround-text"


def test_a_slash_in_an_empty_box_finds_a_quick_reply_and_sends_nothing(demo, visit):
    number = demo.in_progress()
    agent = visit(LEADER)
    page = agent.go(f"/desk/tickets/{number}")

    agent.press("r", "/")
    page.locator("#quick-options li").nth(3).wait_for()
    page.keyboard.type("telefono")
    assert page.locator("#quick-options li").count() == 1
    assert page.get_attribute("#quick-replies input", "aria-activedescendant") == "quick-0"
    agent.press("Enter")
    assert f"la richiesta {number}" in page.input_value("#reply-text")
    assert page.evaluate("document.activeElement.id") == "reply-text"
    page.fill("#reply-text", "")
    agent.press("/", "/")
    assert page.input_value("#reply-text") == "/"
    assert not page.locator("#quick-replies").is_visible()


def test_search_finds_words_of_the_conversation(demo, visit):
    number = demo.a_ticket("Errore quarzite-7781 sul terminale.")
    agent = visit(CENTRE)
    page = agent.go("/desk/")

    page.fill("#search", "quarzite-7781")
    agent.send(lambda: page.press("#search", "Enter"))

    assert page.locator(".row").evaluate_all("rows => rows.map((row) => row.id)") == [f"t{number}"]


def test_without_scripts_reading_and_answering_work(demo, chromium):
    number = demo.in_progress(text="Il tunnel cade.")
    with visiting(demo, chromium, CENTRE, java_script_enabled=False) as agent:
        page = agent.go("/desk/?view=all&sort=newest")
        assert not page.locator("[data-palette]").is_visible()
        agent.send(lambda: page.click(f"#t{number} a.open"))
        page.click("#reply-text")
        page.keyboard.type("Senza script.")
        agent.send(lambda: page.click(SEND))
        page.click("label[for=compose-note]")
        page.click("#note-text")
        page.keyboard.type("Anche la nota.")
        agent.send(lambda: page.click("form.note [data-send]"))

        assert "Senza script." in agent.words("#p-timeline")
        assert "Anche la nota." in agent.words("#p-timeline")


def test_a_draft_survives_a_closed_browser(demo, chromium):
    number = demo.in_progress()
    with visiting(demo, chromium, LEADER) as agent:
        page = agent.go(f"/desk/tickets/{number}")
        page.click("#reply-text")
        page.keyboard.type("Mezza fra")
        agent.wait("form.reply .draft", has_text="Bozza conservata")

    with visiting(demo, chromium, LEADER) as agent:
        page = agent.go(f"/desk/tickets/{number}")
        assert page.input_value("#reply-text") == "Mezza fra"
        page.click("#reply-text")
        page.keyboard.press("Control+End")
        page.keyboard.type("se.")
        agent.send(lambda: page.click(SEND))
        assert page.input_value("#reply-text") == ""
        page.reload()
        assert page.input_value("#reply-text") == ""


def test_a_draft_is_kept_when_the_page_is_left_at_once(demo, visit):
    number = demo.in_progress()
    agent = visit(LEADER)
    page = agent.go(f"/desk/tickets/{number}")
    page.click("#reply-text")
    page.keyboard.type("Mezza")

    page.goto(f"{agent.base}/desk/")

    page.wait_for_function(
        f"fetch('/desk/tickets/{number}').then((answer) => answer.text()).then((text) => text.includes('Mezza</textarea>'))"
    )


def test_a_double_click_sends_once(demo, visit):
    number = demo.in_progress()
    agent = visit(LEADER)
    page = agent.go(f"/desk/tickets/{number}")
    page.click("#reply-text")
    page.keyboard.type("Una volta sola.")

    agent.send(lambda: page.dblclick(SEND))

    page.wait_for_load_state()
    assert agent.words("#p-timeline").count("Una volta sola.") == 1


def test_who_was_signed_out_elsewhere_is_led_to_the_log_in_by_the_next_change(demo, chromium):
    number = demo.in_progress()
    who = "marta.rinaldi@nordest.test"
    with visiting(demo, chromium, who) as agent, visiting(demo, chromium, who) as other:
        page = agent.go("/desk/")
        other.go("/desk/")
        other.page.click(".who summary")
        other.send(lambda: other.page.click("form[action='/logout'] button"))

        demo.do(number, "workaround", text="Altra linea.")

        page.wait_for_url(re.compile("/login"))
        agent.complaints.clear()  # Chromium tells the console of the 401
    del demo.signed_in[who]


def test_colours_are_chosen_and_stay(visit):
    agent = visit(CENTRE, color_scheme="light")
    page = agent.go("/desk/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)

    page.click(".who summary")
    page.select_option("#theme", "dark")
    agent.send(lambda: page.click(".who form.fields button"))

    assert page.evaluate(ground) != light
    agent.go("/desk/outgoing")
    assert page.evaluate(ground) != light


def test_signing_in_fails_in_words_and_out_ends_it(demo, chromium):
    with visiting(demo, chromium, "elena.zanin@nordest.test") as agent:
        page = agent.go("/desk/")
        page.click(".who summary")
        agent.send(lambda: page.click("form[action='/logout'] button"))
        del demo.signed_in["elena.zanin@nordest.test"]  # whoever comes next signs in anew
        assert "/login" in page.url
        page.goto(f"{agent.base}/desk/")
        assert "/login" in page.url
        page.fill("#email", "elena.zanin@nordest.test")
        page.fill("#password", "wrong")
        agent.send(lambda: page.keyboard.press("Enter"))
        assert agent.words("[role=alert]")
        assert page.input_value("#email") == "elena.zanin@nordest.test"
        agent.complaints.clear()  # Chromium tells the console of the 401
        sign_in(agent, "elena.zanin@nordest.test", demo.logins["elena.zanin@nordest.test"])
        assert "/desk/" in page.url
