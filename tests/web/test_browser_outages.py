"""An outage from the first form to the mail that it is over, in a browser: staff, a customer, and one it does not concern."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.days.hubs import until
from tests.web.browsing import CARLA, CENTRE, MARIO, ONE_AT_A_TIME

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]


def publish(staff, title):
    """The contact centre publishes a notice for one customer, found by a few letters of its name."""
    page = staff.go("/desk/outages")
    staff.send(lambda: page.click("main a.filled"))
    page.fill("#title_it", title)
    page.fill("#text_it", "La posta non parte.")
    page.fill("[data-filter]", "moretti")
    assert page.locator("[data-pick] > ul > li:visible").count() == 1
    page.check("input[value=MORETTI]")
    page.fill("[data-filter]", "")
    staff.send(lambda: page.click("form.panel button.filled"))
    assert "Riguarda 1 cliente Studio Legale Moretti" in staff.words("#preview")
    staff.send(lambda: page.click("button[name=publish]"))


def test_from_the_first_form_to_the_mail_that_it_is_over(demo, visit):
    title = f"Posta ferma {uuid4().hex[:8]}"
    staff, carla, mario = visit(CENTRE), visit(CARLA), visit(MARIO)
    publish(staff, title)
    outage = staff.page.url.rpartition("/")[2]

    carla.go("/portal/")
    assert title in carla.words(f"#o-{outage}")
    assert title not in mario.go("/portal/").content()
    carla.send(lambda: carla.page.click(f"#o-{outage} button"))
    assert "La avvisiamo quando è finito" in carla.words(f"#o-{outage}")

    page = staff.go(f"/desk/outages/{outage}")
    assert "Carla Moretti" in staff.words(".told")
    page.click("details[data-menu=end] summary")
    page.fill("#end-it", "Il server è ripartito.")
    staff.send(lambda: page.click("details[data-menu=end] button.filled"))
    assert "Terminato" in staff.words("header.head")

    def sent():
        return [one for one in demo.api.get("/deliveries")["items"] if one["outage"] == outage]

    (mail,) = until(lambda: [one for one in sent() if one["state"] == "sent"], "nobody was told")
    assert (mail["address"], mail["kind"], mail["channel"]) == (CARLA, "outage_ended", "email")
    staff.go("/desk/outgoing")
    assert title in staff.words("main")
    carla.go("/portal/")
    assert "Il server è ripartito." in carla.words(f"#o-{outage}")


def test_a_notice_is_published_and_asked_about_without_scripts(visit):
    title = f"Senza script {uuid4().hex[:8]}"
    staff = visit(CENTRE, java_script_enabled=False)
    page = staff.go("/desk/outages/new")
    page.fill("#title_it", title)
    page.fill("#text_it", "Ferma.")
    page.check("input[value=MORETTI]")
    staff.send(lambda: page.click("form.panel button.filled"))
    staff.send(lambda: page.click("button[name=publish]"))

    carla = visit(CARLA, java_script_enabled=False)
    carla.go("/portal/")
    carla.send(lambda: carla.page.click("article.outage button"))

    assert "La avvisiamo quando è finito" in carla.words("article.outage")
    staff.send(
        lambda: (
            page.click("details[data-menu=cancel] summary"),
            page.fill("#reason", "Prova."),
            page.click("details[data-menu=cancel] button"),
        )
    )
    assert "Ritirato" in staff.words("header.head")
