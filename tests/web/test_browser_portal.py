"""Does a customer find their way? They ask, read, answer, accept what was done, and see nothing of the inside."""

from __future__ import annotations

import pytest

from tests.web.browsing import CARLA, LEADER, MARIO, ONE_AT_A_TIME

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]


def a_request(customer, subject, **files):
    page = customer.go("/portal/")
    customer.send(lambda: page.click("a[href='/portal/new']"))
    page.fill("#subject", subject)
    page.fill("#text", "La stampante non stampa.")
    page.select_option("#technology", index=1)
    page.select_option("#request_type", "Incident")
    page.select_option("#impact", "2")
    page.select_option("#urgency", "2")
    if files:
        page.set_input_files("#files", files["files"])
    customer.send(lambda: page.click("button[name=send]"))
    return page.url.rpartition("/")[2].partition("?")[0]


def test_a_request_with_a_file_is_made_answered_solved_accepted_and_kept(demo, visit):
    customer, agent = visit(MARIO), visit(LEADER)
    log = {"name": "stampante.log", "mimeType": "text/plain", "buffer": b"out of toner"}
    number = a_request(customer, "Stampante muta", files=[log])
    page = customer.page
    assert "La stampante non stampa." in customer.words(".timeline")
    with page.expect_download() as download:
        page.click("a:has-text('stampante.log')")
    assert download.value.path().read_bytes() == b"out of toner"

    desk = agent.go(f"/desk/tickets/{number}")
    assert "stampante.log" in agent.words("#p-timeline")
    agent.send(lambda: desk.click("button[data-verb=take]"))
    demo.say(number, "NOTA-INTERNA", audience="internal")
    desk.click("#reply-text")
    desk.keyboard.type("Quale modello?")
    agent.send(lambda: desk.click("[data-send-wait]"))
    page = customer.go("/portal/")
    assert "Stampante muta" in customer.words("section:has(#needed)")
    customer.send(lambda: page.click(f"a.button[href*='{number}']"))
    assert "Quale modello?" in customer.words(".timeline")
    page.fill("#text", "LX-300.")
    customer.send(lambda: page.click("#answer button"))
    agent.wait("#p-timeline", has_text="LX-300.")

    demo.do(number, "resolve", cause="hardware", minutes=10, text="Toner sostituito.")
    page = customer.go(f"/portal/requests/{number}")
    assert "Toner sostituito." in customer.words(".timeline")
    customer.send(lambda: page.click("form[action$=confirm] button"))
    assert demo.api.get(f"/tickets/{number}")["state"] == "closed"
    page.check("input[name=score][value='5']")
    page.fill("#comment", "Rapidi.")
    customer.send(lambda: page.click("#rating button"))
    assert demo.api.get(f"/tickets/{number}")["rating"]["comment"] == "Rapidi."
    agent.go(f"/desk/tickets/{number}")
    assert "Rapidi." in agent.words()
    page = customer.go("/portal/history")
    customer.send(lambda: page.click(f"a[href$='{number}']"))
    customer.send(lambda: page.click("a[href$=report]"))
    assert "Toner sostituito." in customer.words()
    for path in ("/portal/", f"/portal/requests/{number}", "/portal/history"):
        assert "NOTA-INTERNA" not in customer.go(path).content()


def test_what_is_not_solved_is_said_so_with_a_sentence(demo, visit):
    customer = visit(MARIO)
    number = a_request(customer, "Ancora muta")
    demo.do(number, "take")
    demo.do(number, "resolve", cause="hardware", minutes=10, text="Fatto.")
    page = customer.go(f"/portal/requests/{number}")

    page.fill("#reason", "Stampa ancora bianco.")
    customer.send(lambda: page.click("form[action$=refuse] button"))

    assert demo.api.get(f"/tickets/{number}")["state"] == "in_progress"
    assert "Stampa ancora bianco." in customer.words(".timeline")


def test_before_it_is_sent_the_form_says_what_the_contract_answers_and_keeps_what_was_typed(visit):
    customer = visit(MARIO)
    page = customer.go("/portal/new")
    page.fill("#subject", "Rete lenta")
    page.select_option("#technology", "Network")

    customer.send(lambda: page.click("button[formnovalidate]"))

    assert "Coperto" in customer.words("#coverage")
    assert page.input_value("#subject") == "Rete lenta"
    assert page.input_value("#technology") == "Network"


def test_another_customers_request_is_not_there(demo, visit):
    number = demo.a_ticket("SOLO-PER-MARIO")
    customer = visit(CARLA)

    for path in (
        f"/portal/requests/{number}",
        f"/portal/requests/{number}/report",
        f"/desk/tickets/{number}",
    ):
        answer = customer.page.goto(customer.base + path)
        assert answer.status == 404
        assert "SOLO-PER-MARIO" not in customer.page.content()
    assert number not in customer.go("/portal/").content()
    customer.complaints.clear()  # Chromium tells the console of the 404


def test_a_customer_works_without_scripts(demo, visit):
    customer = visit(CARLA, java_script_enabled=False)
    number = a_request(customer, "Senza script")
    page = customer.page

    page.fill("#text", "Anche la risposta.")
    customer.send(lambda: page.click("#answer button"))

    assert "Anche la risposta." in customer.words(".timeline")
    assert demo.api.get(f"/tickets/{number}")["origin"] == "portal"


def test_a_customer_gets_along_with_keys_alone(demo, visit):
    customer = visit(MARIO)
    page = customer.go("/portal/")

    customer.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(20):
        customer.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == "/portal/new":
            break
    customer.send(lambda: customer.press("Enter"))
    page.focus("#subject")
    page.keyboard.type("Nur Tasten")
    customer.press("Tab")
    page.keyboard.type("Es geht.")
    for _ in range(20):
        customer.press("Tab")
        if page.evaluate("document.activeElement.name") == "send":
            break
    customer.send(lambda: customer.press("Enter"))

    assert "Nur Tasten" in customer.words("h1")
