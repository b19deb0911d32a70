"""What happens when two people have the same ticket open? They see each other, and nobody overwrites anybody."""

from __future__ import annotations

import pytest

from tests.web.browsing import CENTRE, LEADER, ONE_AT_A_TIME

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]

SEND = "form.reply [data-send]"


def test_a_line_changes_where_it_is_while_somebody_reads_the_list(demo, visit):
    number = demo.a_ticket()
    agent = visit(LEADER)
    page = agent.go("/desk/?view=all&sort=newest")
    page.evaluate("window.same = true")
    assert "Paolo Marin" not in agent.words(f"#t{number}")

    demo.do(number, "qualify", request_type="Incident", technology="Network", impact=2, urgency=2)
    demo.do(number, "take")

    agent.wait(f"#t{number}", has_text="Paolo Marin")
    assert page.evaluate("window.same")


def counted(agent):
    """How many are open, on a page whose counts are none of before."""
    page = agent.go("/desk/?view=open&sort=newest")
    while page.locator(".side[data-old]").count():
        page.wait_for_timeout(200)  # ms
        page.reload()
    return page.locator(".side a[href$='view=open'] .count").inner_text()


def counts_anew(page, before):
    page.wait_for_function(
        "(before) => document.querySelector('.side a[href$=\"view=open\"] .count').textContent != before",
        arg=before,
    )


def test_a_new_ticket_appears_by_itself_when_nobody_points_at_the_list(demo, visit):
    agent = visit(LEADER)
    before = counted(agent)
    page = agent.page
    page.evaluate("window.same = true")

    number = demo.a_ticket("Neu hier.")

    agent.wait(f"#t{number}")
    assert page.evaluate("window.same")
    counts_anew(page, before)


def test_a_page_that_is_opened_with_counts_of_before_counts_again_by_itself(demo, visit):
    agent = visit(LEADER)
    before = counted(agent)
    agent.go("/account")  # nobody counts meanwhile
    demo.a_ticket("Neu hier.")
    agent.page.wait_for_timeout(1_500)  # ms: all that is told of it was told

    page = agent.go("/desk/?view=open")

    counts_anew(page, before)


def test_under_the_pointer_nothing_moves_until_it_is_asked_to(demo, visit):
    agent = visit(LEADER)
    page = agent.go("/desk/?view=all&sort=newest")
    first = page.locator(".row").first
    first.hover()
    standing = page.locator(".row").evaluate_all("rows => rows.map((row) => row.id)")

    number = demo.a_ticket()

    button = agent.wait("[data-refresh]")
    assert "1" in button.inner_text()
    assert page.locator(".row").evaluate_all("rows => rows.map((row) => row.id)") == standing
    button.click()
    agent.wait(f"#t{number}")
    button.wait_for(state="hidden")


def test_the_list_of_a_view_that_was_empty_fills(demo, visit):
    agent = visit("davide.greco@nordest.test")
    page = agent.go("/desk/?q=nothing-has-these-words-" + "x" * 8)
    assert page.locator("#empty").is_visible()
    page = agent.go("/desk/?view=qualify&group=Security")
    assert page.locator("#empty").is_visible()

    number = demo.a_ticket()
    demo.do(number, "assign", group="Security")

    agent.wait(f"#t{number}")
    page.locator("#empty").wait_for(state="hidden")


def test_a_message_appears_in_an_open_ticket_and_is_announced(demo, visit):
    number = demo.in_progress()
    agent = visit(CENTRE)
    page = agent.go(f"/desk/tickets/{number}")
    page.evaluate("window.same = true")

    demo.say(number, "Frisch eingetroffen.")

    agent.wait("#p-timeline .msg", has_text="Frisch eingetroffen.")
    assert page.evaluate("window.same")
    assert "Paolo Marin" in page.locator("#said").text_content()


def test_what_somebody_unfolded_and_where_the_focus_is_stay(demo, visit):
    number = demo.in_progress()
    agent = visit(CENTRE)
    page = agent.go(f"/desk/tickets/{number}")
    page.locator("#p-timeline .happened summary").first.click()
    page.locator("#p-about details:not([open]) summary").first.click()
    summaries = page.locator("#p-about details[open] > summary")
    unfolded = set(summaries.all_inner_texts())
    page.locator("#p-about a").first.focus()

    demo.do(number, "workaround", text="Nehmt die andere Leitung.")

    agent.wait("#p-timeline", has_text="Nehmt die andere Leitung.")
    assert page.locator("#p-timeline .happened details").first.evaluate("one => one.open")
    assert unfolded <= set(summaries.all_inner_texts())
    assert page.evaluate("document.activeElement.matches('#p-about a')")


def test_a_form_that_somebody_fills_in_waits_with_its_change(demo, visit):
    number = demo.in_progress()
    agent = visit(LEADER)
    page = agent.go(f"/desk/tickets/{number}")
    agent.press("s")
    page.fill("#resolve-text", "Half a rep")

    demo.do(number, "resolve", cause="network", minutes=3, text="Solved elsewhere.")

    agent.wait("#p-timeline", has_text="Solved elsewhere.")
    assert page.input_value("#resolve-text") == "Half a rep"
    agent.press("Escape")
    agent.wait("button[data-verb=close]")
    assert page.locator("#resolve-text").count() == 0


def test_who_looks_and_who_writes_is_seen_at_once_and_who_leaves_is_gone(demo, visit):
    number = demo.in_progress()
    leader, colleague = visit(LEADER), visit(CENTRE)
    leader.go(f"/desk/tickets/{number}")
    page = colleague.go(f"/desk/tickets/{number}")

    leader.wait(".presence.looking", has_text="Lucia Ferrari")
    page.click("#reply-text")
    page.keyboard.type("Sto scri")
    leader.wait(".presence.writing", has_text="Lucia Ferrari")
    colleague.wait(".presence", has_text="Paolo Marin")
    colleague.go("/desk/")
    leader.page.locator(".presence").wait_for(state="detached")


def test_who_opens_a_ticket_loads_it_once(demo, visit):
    number = demo.api.get("/tickets", state="closed")["items"][-1][
        "number"
    ]  # nothing else happens to the oldest
    agent = visit(LEADER)
    agent.go("/desk/")
    asked = []
    agent.page.on("request", lambda one: asked.append(one.url))

    with agent.page.expect_response("**/here"):
        agent.page.goto(f"{agent.base}/desk/tickets/{number}")
    agent.page.wait_for_timeout(1_000)  # ms: four times as long as a page gathers what it is told

    assert len([one for one in asked if f"/tickets/{number}" in one and not one.endswith("/here")]) == 1


def test_who_was_overtaken_is_warned_asked_to_read_and_then_sends_anyway(demo, visit):
    number = demo.in_progress()
    leader, colleague = visit(LEADER), visit(CENTRE)
    page = leader.go(f"/desk/tickets/{number}")
    page.click("#reply-text")
    page.keyboard.type("Wir tauschen das Kabel.")
    other = colleague.go(f"/desk/tickets/{number}")
    other.click("#reply-text")
    other.keyboard.type("Der Kollege kommt um drei.")
    colleague.send(lambda: other.click(SEND))

    leader.wait("#newer")
    leader.send(lambda: page.click(SEND))

    assert "Der Kollege kommt um drei." in leader.words("#wrong")
    assert page.input_value("#reply-text") == "Wir tauschen das Kabel."
    assert "Wir tauschen" not in leader.words("#p-timeline")
    page.goto(f"{leader.base}/desk/tickets/{number}")
    assert page.input_value("#reply-text") == "Wir tauschen das Kabel."
    leader.send(lambda: page.click(SEND))
    assert "Wir tauschen das Kabel." in leader.words("#p-timeline")
    assert page.input_value("#reply-text") == ""


def test_a_held_message_that_a_colleague_decided_on_leaves_the_open_page(demo, visit):
    agent = visit(CENTRE)
    page = agent.go("/desk/waiting?view=held")
    item = page.locator(".item").first.get_attribute("id")

    demo.api.post(f"/inbound/{item.removeprefix('i-')}/discard")

    page.locator(f"#{item}").wait_for(state="detached")
