"""Does the chat on a website hold in a real browser? It opens, is read and used by keys, survives reloads and lost lines, and stays quiet."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error

from core.rules.visitor_tokens import signed
from tests.days.hubs import until
from tests.web.browsing import FAR_SHOP, LEADER, MARIO, ONE_AT_A_TIME, SHOP, SHOP_KEY, SHOP_PORT, Visitor

pytestmark = [pytest.mark.browser, ONE_AT_A_TIME]

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {hub}; frame-src {hub}">
<main><h1>Shop</h1><a href="#x">A link</a><input aria-label="Search"></main><script src="{hub}/chat/widget.js" data-site="shop" {options} async></script>"""
FORBIDDEN = """
if (window !== window.top) for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
  Object.defineProperty(window, name, { get() { throw new DOMException("forbidden", "SecurityError"); } });
"""
"""As browsers answer that let no frame of another site keep anything: not all of them can be told to."""


class Shopper(Visitor):
    """Somebody on a page of the shop, with the chat."""

    def open(self, options="", at=SHOP):
        self.go_shopping(options, at)
        return self.chat()

    def inside(self):
        """The frame itself."""
        return next(one for one in self.page.frames if "/chat/frame" in one.url)

    def go_shopping(self, options="", at=SHOP):
        self.page.goto(f"{at}/?{urlencode({'hub': self.base, 'options': options})}")

    def chat(self):
        self.page.get_by_role("button", name=re.compile("Chat with us|Ci scriva")).click()
        self.frame = self.page.frame_locator("iframe")
        self.frame.locator("#standing:not(:empty)").wait_for()
        return self.frame

    def say(self, text):
        self.frame.locator("#text").fill(text)
        self.frame.locator("#text").press("Enter")

    def line(self, text):
        """The one line with this text."""
        found = self.frame.locator("#log > div", has_text=text)
        found.first.wait_for()
        assert found.count() == 1, found.all_inner_texts()
        return found.first

    def _request(self, request):
        if not request.url.startswith(
            (f"{SHOP}/", f"{FAR_SHOP}/", f"{self.base}/", "data:", "about:", "blob:")
        ):
            self.complaints.append(f"asks elsewhere: {request.url}")


class Shop(BaseHTTPRequestHandler):
    """A website, which is not ours."""

    def do_GET(self):
        asked = parse_qs(urlsplit(self.path).query)
        given = {name: asked.get(name, [""])[0] for name in ("hub", "options")}
        body = PAGE.format(**given).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """In silence."""


@pytest.fixture(scope="module")
def shop():
    with ThreadingHTTPServer(("127.0.0.1", SHOP_PORT), Shop) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@pytest.fixture
def shopping(demo, chromium, shop):
    contexts = []

    def visit(**options):
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        return Shopper(demo, context)

    yield visit
    for context in contexts:
        context.close()


def number_of(demo, word):
    found = until(lambda: demo.api.get("/tickets", q=word)["items"], f"no ticket came of {word}")
    return str(found[0]["number"])


def a_word():
    return f"w{uuid4().hex}"


def test_a_visitor_asks_and_is_answered_and_after_a_reload_it_is_all_there_once(demo, shopping):
    shopper, word = shopping(), a_word()
    shopper.open()
    assert shopper.page.evaluate("document.cookie") == ""
    shopper.say(f"<b>{word}</b> **bold** <script>alert(1)</script>")
    assert f"<b>{word}</b> **bold**" in shopper.line(word).inner_text()

    number = number_of(demo, word)
    demo.say(number, f"<img src=x> answer {word}2")
    assert "Paolo" in shopper.line(f"{word}2").inner_text()
    log = {"name": "router.log", "mimeType": "text/plain", "buffer": b"link down"}
    shopper.frame.locator("#files").set_input_files(files=[log])
    with shopper.page.expect_download() as download:
        shopper.line("router.log").locator("button", has_text="router.log").click()
    assert download.value.path().read_bytes() == b"link down"
    shopper.frame.locator("#standing", has_text="Paolo is on it.").wait_for()

    shopper.page.reload()
    shopper.chat()
    shopper.line(f"<b>{word}</b>")
    shopper.line(f"{word}2")
    assert shopper.complaints == []
    until(lambda: _seen(demo, number), "nobody noted that it was seen")


def _seen(demo, number):
    messages = demo.api.get(f"/tickets/{number}")["messages"]
    return any(one["seen_at"] for one in messages)


def test_a_lost_line_loses_nothing_and_doubles_nothing(demo, shopping):
    shopper, word = shopping(), a_word()
    shopper.open()
    shopper.say(f"{word} first")
    shopper.line("first")
    number = number_of(demo, word)

    shopper.context.set_offline(True)
    shopper.frame.locator("body").evaluate("() => dispatchEvent(new Event('offline'))")
    shopper.say(f"{word} second")
    shopper.say(f"{word} third")
    demo.say(number, f"{word} meanwhile")
    shopper.context.set_offline(False)

    for part in ("first", "second", "third", "meanwhile"):
        shopper.line(part)
    until(lambda: len(_texts(demo, number, word)) == 4, "not all of it arrived")
    assert len(set(_texts(demo, number, word))) == 4


def _texts(demo, number, word):
    return [one["text"] for one in demo.api.get(f"/tickets/{number}")["messages"] if word in one["text"]]


def test_what_was_written_without_a_line_leaves_after_a_reload(demo, shopping):
    shopper, word = shopping(), a_word()
    shopper.page.route_web_socket(re.compile("/chat/ws"), lambda socket: socket.close())
    shopper.context.route("**/chat/events", lambda route: route.abort())
    shopper.go_shopping()
    shopper.page.get_by_role("button", name="Chat with us").click()
    shopper.frame = shopper.page.frame_locator("iframe")
    shopper.frame.locator("#line", has_text="No connection").wait_for()
    shopper.say(f"{word} later")
    shopper.line("later")

    again = shopper.context.new_page()
    shopper.page.close()
    shopper.page = again
    shopper.context.unroute("**/chat/events")
    shopper.open()

    shopper.line("later")
    number_of(demo, word)


def test_where_no_socket_gets_through_posts_and_a_stream_do(demo, shopping):
    shopper, word = shopping(), a_word()
    shopper.page.route_web_socket(re.compile("/chat/ws"), lambda socket: socket.close())
    shopper.open()
    shopper.say(f"{word} by post")
    shopper.line("by post")

    demo.say(number_of(demo, word), f"{word} by stream")

    shopper.line("by stream")


def test_where_a_browser_keeps_nothing_the_chat_lives_as_long_as_the_page(demo, shopping):
    shopper, word = shopping(), a_word()
    shopper.page.add_init_script(FORBIDDEN)
    shopper.open(at=FAR_SHOP)
    with pytest.raises(Error, match="SecurityError"):
        shopper.inside().evaluate("localStorage.length")
    shopper.say(f"{word} kept nowhere")
    shopper.line("kept nowhere")
    number_of(demo, word)


def test_a_token_of_the_page_makes_the_visitor_known(demo, shopping):
    shopper, word = shopping(), a_word()
    given = signed(
        {
            "aud": "centralino:shop",
            "sub": MARIO,
            "exp": datetime.now(UTC).timestamp() + 200,
            "jti": uuid4().hex,
        },
        SHOP_KEY.encode(),
    )
    shopper.open(f'data-token="{given}"')
    shopper.frame.locator("#menu summary").click()
    shopper.frame.locator("#open-about").click()
    shopper.frame.locator("#who", has_text="We know you: Mario Bellini").wait_for()

    shopper.page.evaluate("centralino.forget()")
    shopper.frame.locator("#who", has_text="You need not say").wait_for()

    shopper.page.evaluate("(token) => centralino.identify(token)", given)  # a second time
    shopper.frame.locator("#line", has_text="You write as a guest").or_(
        shopper.frame.locator("#line", has_text="you write as a guest")
    ).wait_for()
    shopper.say(f"{word} as a guest")
    shopper.line("as a guest")
    assert demo.api.get(f"/tickets/{number_of(demo, word)}")["customer"] is None


def test_it_takes_no_focus_by_itself_and_gives_it_back(demo, shopping):
    shopper = shopping()
    shopper.go_shopping()
    shopper.page.get_by_label("Search").focus()
    button = shopper.page.get_by_role("button", name="Chat with us")
    button.wait_for()
    active = (
        "() => document.activeElement.shadowRoot?.activeElement?.tagName ?? document.activeElement.tagName"
    )
    assert shopper.page.evaluate(active) == "INPUT"

    shopper.press("Tab")
    assert shopper.page.evaluate(active) == "BUTTON"
    shopper.press("Enter")
    shopper.frame = shopper.page.frame_locator("iframe")
    shopper.frame.locator("#text:focus").wait_for()
    shopper.page.keyboard.type("By keys alone.")
    shopper.press("Enter")
    shopper.line("By keys alone.")
    for _ in range(20):
        shopper.press("Shift+Tab")
        if shopper.frame.locator("#menu summary:focus").count():
            break
    shopper.press("Enter")
    shopper.frame.locator("#menu[open]").wait_for()
    shopper.press("Escape")
    shopper.frame.locator("#menu:not([open])").wait_for()

    shopper.press("Escape")

    button.wait_for()
    assert shopper.page.evaluate(active) == "BUTTON"
    assert not shopper.page.locator("iframe").is_visible()
    assert shopper.complaints == []


def test_axe_finds_nothing_by_day_and_by_night_and_nothing_is_too_wide(demo, shopping):
    shopper, word = shopping(viewport={"width": 320, "height": 700}), a_word()
    shopper.open('data-accent="#ffd000" data-position="left"')
    shopper.say(f"{word} {'long' * 60}")
    shopper.line(word)
    demo.say(number_of(demo, word), "An answer.")
    shopper.line("An answer.")
    shopper.frame.locator("#menu summary").click()
    shopper.frame.locator("#open-about").click()
    alone = shopper.context.new_page()
    alone.goto(shopper.inside().url)
    alone.locator("#log > div", has_text="An answer.").wait_for()
    alone.locator("#menu summary").click()
    alone.locator("#open-about").click()
    for theme in ("light", "dark"):
        for page in (shopper.page, alone):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found = Axe().run(page)
            assert found.violations_count == 0, f"{theme}: {found.generate_report()}"
    assert shopper.inside().evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_portal_knows_who_is_signed_in_and_staff_try_it_out(demo, visit):
    customer, agent = visit(MARIO), visit(LEADER)
    customer.go("/portal/")
    customer.page.get_by_role("button", name="Ci scriva").click()
    frame = customer.page.frame_locator("iframe")
    frame.locator("#standing:not(:empty)").wait_for()
    assert not frame.locator("#open-about").count()
    word = a_word()
    frame.locator("#text").fill(f"{word} waits")
    frame.locator("#text").press("Enter")
    frame.locator(".choices button").last.wait_for()  # they have requests: which one is it?
    texts = frame.locator("#log > div").all_inner_texts()
    assert [word in text for text in texts].index(True) < [
        len(text.splitlines()) > 3 for text in texts
    ].index(True)
    frame.locator(".choices button").last.click()
    frame.locator("#log > div", has_text=f"{word} waits").locator(".number").wait_for(state="attached")
    assert frame.locator("#log > div", has_text=f"{word} waits").count() == 1
    agent.go("/chat/try")
    agent.page.get_by_role("button", name="Ci scriva").click()
    agent.page.frame_locator("iframe").locator("#standing:not(:empty)").wait_for()
