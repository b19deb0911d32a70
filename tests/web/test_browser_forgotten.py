"""Does somebody who forgot their password find the way back in, with a mouse, without scripts, by day and by night?"""

from __future__ import annotations

import re
from contextlib import contextmanager
from email import message_from_bytes, policy

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.days.hubs import until
from tests.web.browsing import ONE_AT_A_TIME, STILL, Visitor

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]

DISPATCH = "dispatch@alpine-logistics.test"
KATRIN = "katrin.vogel@alpine-logistics.test"


@pytest.fixture
def stranger(demo, chromium):
    """`stranger(**options)`: somebody who is not signed in."""

    @contextmanager
    def coming(**options):
        context = chromium.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "locale": "en", **options}
        )
        try:
            visitor = Visitor(demo, context)
            yield visitor
            assert visitor.complaints == [], visitor.complaints
        finally:
            context.close()

    return coming


def link_to(demo, address):
    """The link in the newest mail to this address."""
    found = []
    for path in sorted((demo.hub.data / "outgoing").glob("*.eml"), key=lambda one: one.stat().st_mtime):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        if address in str(mail["To"]):
            html = mail.get_body(("html",)).get_content()
            found += re.findall(r'<a href="([^"]+/reset\?token=[^"]+)"', html)
    return found[-1] if found else None


def test_from_the_log_in_by_mail_to_a_new_password_and_in(demo, stranger):
    with stranger(java_script_enabled=False) as visitor:
        page = visitor.go("/login")
        visitor.send(lambda: page.click("a[href='/forgot']"))
        page.fill("#email", "katrin.vogel@alpine")
        visitor.send(lambda: page.click("main button.filled"))
        assert page.locator("#email-wrong").is_visible()
        page.fill("#email", KATRIN)
        visitor.send(lambda: page.click("main button.filled"))
        assert page.locator("[role=status]").is_visible()

        link = until(lambda: link_to(demo, KATRIN), "no mail came")
        page.goto(link)
        page.fill("#new", "eine neue Losung")
        visitor.send(lambda: page.click("main button.filled"))

        assert page.url.endswith("/account?changed=1")
        assert page.locator(".notice.good").is_visible()
        visitor.go("/portal/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_pages_fit_a_telephone_and_a_desk_and_axe_finds_nothing(demo, stranger, scheme):
    with stranger(color_scheme=scheme) as visitor:
        page = visitor.go("/forgot")
        before = link_to(demo, DISPATCH)  # ends when another is asked for
        page.fill("#email", DISPATCH)
        visitor.send(lambda: page.click("main button.filled"))
        link = until(lambda: (found := link_to(demo, DISPATCH)) != before and found, "no mail came")

        for path in ("/login", "/forgot", "/forgot?sent=1", link.removeprefix(visitor.base)):
            for width in (360, 1280):
                page.set_viewport_size({"width": width, "height": 740})
                visitor.go(path)
                assert Axe().run(page).violations_count == 0, path
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                assert page.evaluate("window.shift") < STILL, path
