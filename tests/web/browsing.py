"""A running hub with the demo desk, and people who use it with a real browser that watches over what must not happen."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from tests.days.hubs import Hub, free_port, until
from tests.days.posting import mail, post

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None
)
"""Without a window of its own, where there is one that can: opening a page then costs a quarter."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
LONG = 30_000  # ms a page is waited for: the machine is shared
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of (409|422)")
"""What Chromium says of a form that was refused."""

ONE_AT_A_TIME = pytest.mark.xdist_group("browser")
"""One hub and one browser serve all of them, however many workers there are."""

LEADER = "paolo.marin@nordest.test"
CENTRE = "lucia.ferrari@nordest.test"
SUPERVISOR = "elena.zanin@nordest.test"
ENGLISH = "james.hill@nordest.test"
MARIO = "mario.bellini@cantine-valpolicella.test"
CARLA = "carla.moretti@studiomoretti.test"

SHOP_PORT = free_port()
SHOP = f"http://127.0.0.1:{SHOP_PORT}"
"""A website with the chat, of another origin than the hub's."""
FAR_SHOP = f"http://localhost:{SHOP_PORT}"
"""The same of another site: browsers that forbid strangers to keep anything forbid it there."""
SHOP_KEY = "the key of the shop, 32 characters."
SHOP_SETTINGS = f"""
[[channels.webchat.sites]]
name = "shop"
origins = ["{SHOP}", "{FAR_SHOP}"]
secret = "{SHOP_KEY}"
"""

STILL = 0.001
"""What may move, of a screen: less than a pixel's height is a matter of how text was rounded."""

WATCH = """
window.shift = 0;
if (window === window.top) new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""
"""Counts what moves. Only in the page itself: in the frame of a mail, where no script may run, Chromium says of this one
that it was blocked, and it would look like a script of the mail."""


class Demo:
    """The demo desk, running."""

    def __init__(self, hub: Hub, logins: dict[str, str]) -> None:
        self.hub, self.logins = hub, logins
        self.api = hub.api(hub.token("--agent", LEADER))
        self.signed_in: dict[str, Any] = {}

    def a_ticket(self, text: str = "Il tunnel cade.", *, sender: str = MARIO) -> str:
        """A customer writes; the number of their new ticket."""
        subject = f"Ticket {uuid4().hex}"
        code, answer = post(self.hub.smtp, mail(sender, subject, text), sender=sender)
        assert code == 250, answer
        word = subject.partition(" ")[2]
        found = until(lambda: self.api.get("/tickets", q=word)["items"], f"no ticket came of {subject}")
        return str(found[0]["number"])

    def do(self, number: str, verb: str, **fields: Any) -> Any:
        """A verb, done by the shift leader elsewhere."""
        return self.api.post(f"/tickets/{number}/{verb}", fields)

    def say(self, number: str, text: str, *, audience: str = "customer") -> Any:
        """A reply or a note of the shift leader."""
        return self.api.post(f"/tickets/{number}/messages", {"audience": audience, "text": text})

    def in_progress(self, **about: Any) -> str:
        """A new ticket that the shift leader works on."""
        number = self.a_ticket(**about)
        self.do(number, "qualify", request_type="Incident", technology="Network", impact=2, urgency=2)
        self.do(number, "take")
        return number


class Guest:
    """Somebody at the chat of a web page; each word is posted, as by a page that has no socket."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._secret = secrets.token_urlsafe(24)
        self.number = ""
        """Of the ticket that came of it."""

    def says(self, text: str) -> None:
        self.number = self._does(type="say", id=str(uuid4()), text=text)["ticket"]

    def types(self) -> None:
        self._does(type="typing")

    def _does(self, **frame: Any) -> dict[str, Any]:
        hello = {"secret": self._secret, "since": 0, "site": "default", "language": "it", "frame": frame}
        headers = {"Origin": self._hub.base, "Content-Type": "application/json"}
        url = f"{self._hub.base}/chat/messages"
        asked = urllib.request.Request(url, data=json.dumps(hello).encode(), headers=headers)
        with urllib.request.urlopen(asked, timeout=LONG / 1000) as answer:
            said: dict[str, Any] = json.load(answer)
        return said


class Visitor:
    """Somebody at a browser. `complaints`: what no page may do, whatever is on it."""

    def __init__(self, demo: Demo, context: Any) -> None:
        self.base = demo.hub.base
        self.context = context
        self.complaints: list[str] = []
        context.set_default_timeout(LONG)
        context.add_init_script(WATCH)
        context.on("page", self._watch)
        self.page = context.new_page()

    def _watch(self, page: Any) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning") and not EXPECTED.match(message.text):
            self.complaints.append(f"console: {message.text}")

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if not request.url.startswith((f"{self.base}/", "data:", "about:")):
            self.complaints.append(f"asks elsewhere: {request.url}")

    def go(self, path: str) -> Any:
        """Open a page; it must be there."""
        answer = self.page.goto(self.base + path)
        assert answer.ok, f"{path}: {answer.status}"
        return self.page

    def wait(self, selector: str, **options: Any) -> Any:
        """The one element, once it is visible."""
        found = self.page.locator(selector, **options)
        found.first.wait_for()
        return found.first

    def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def send(self, act: Any) -> None:
        """Do something that loads a page, and wait for it."""
        with self.page.expect_navigation():
            act()

    def words(self, selector: str = "body") -> str:
        """What stands there."""
        return re.sub(r"\s+", " ", self.page.locator(selector).first.inner_text())


def sign_in(visitor: Visitor, email: str, password: str) -> None:
    """By the form."""
    page = visitor.go("/login")
    page.fill("#email", email)
    page.fill("#password", password)
    visitor.send(lambda: page.keyboard.press("Enter"))
    assert "/login" not in page.url, visitor.words()


@contextmanager
def visiting(demo: Demo, chromium: Any, email: str, **options: Any) -> Iterator[Visitor]:
    """Somebody who is signed in. Fails when a page did what none may do."""
    options = {"viewport": {"width": 1440, "height": 900}, **options}
    context = chromium.new_context(storage_state=demo.signed_in.get(email), **options)
    try:
        visitor = Visitor(demo, context)
        if email not in demo.signed_in:
            sign_in(visitor, email, demo.logins[email])
            demo.signed_in[email] = context.storage_state()
        yield visitor
        assert visitor.complaints == [], visitor.complaints
    finally:
        context.close()
