"""Somebody who only writes to a bot gets the whole desk, whatever happens to the hub meanwhile."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any, Self

import pytest

from tests.channels.telegram.bot_api import TOKEN, BotApi, bot_api
from tests.days.conftest import Day, MakeDay
from tests.days.hubs import until
from tests.days.people import Browser
from tests.days.posting import understood


@pytest.fixture
def telegram() -> Iterator[BotApi]:
    with bot_api() as api:
        yield api


def begun(a_day: MakeDay, telegram: BotApi, **more: Any) -> Day:
    """A hub with a bot, running."""
    settings = {"enabled": "true", "token": TOKEN, "api_url": telegram.root}
    day = a_day(**{f"channels__telegram__{name}": value for name, value in settings.items()}, **more)
    day.hub.start()
    return day


def test_a_stranger_and_somebody_known_get_the_whole_desk_from_a_bot(
    a_day: MakeDay, telegram: BotApi
) -> None:
    day = begun(a_day, telegram)
    ann = day.hub.browser("ann@hub.test", "correct horse battery")

    from_the_first_word_to_the_rating_below_the_report(day, telegram, ann)
    recognised_by_a_link_and_told_by_mail_when_gone(day, telegram, ann)
    a_group_of_a_customer_that_becomes_a_supergroup(day, telegram)

    day.hub.stop()
    assert day.hub.astonished() == []
    assert TOKEN not in day.hub.said()
    day.hub.balances()


def from_the_first_word_to_the_rating_below_the_report(day: Day, telegram: BotApi, ann: Browser) -> None:
    # Nobody knows him: he is told the number, and staff say what it is.
    mario = telegram.person("Mario Rossi", number=4242)
    mario.starts()
    mario.sees("/status")
    mario.writes("/language")
    mario.presses("English")
    mario.sees("English")
    first = mario.writes("The *switch* <b>is</b> dead_")
    number = re.search(r"\d\d-\d{6}", mario.sees("26-").text)[0]  # type: ignore[index]
    ticket = day.ann.get(f"/tickets/{number}")
    assert (ticket["origin"], ticket["trust"], ticket["customer"]) == ("telegram", "none", None)
    assert ticket["messages"][0]["text"] == "The *switch* <b>is</b> dead_"
    here = f"/desk/tickets/{number}"
    page = ann.submit(
        ann.get(here),
        "/do/qualify",
        customer="ACME",
        request_type="Incident",
        technology="Network",
        impact="3",
        urgency="3",
    )
    page = ann.submit(page, "/do/take")

    # He is asked, answers, and shows a picture: all of it is one request.
    ann.submit(page, "/do/reply", text="Is the *red* lamp on?")
    asked = mario.sees("Is the *red* lamp on?")
    assert (asked.answers, asked.text) == (first.id, f"[{number}] Is the *red* lamp on?")
    said = mario.writes("Yes, since ten.")
    mario.edits(said, "Yes, since nine.")
    mario.sends_photo(b"\xff\xd8 the lamp", "These two", album="77")
    mario.sends_photo(b"\xff\xd8 the switch", album="77")

    def there() -> Any:
        messages = day.ann.get(f"/tickets/{number}")["messages"]
        words = {
            one["text"]: [f["size"] for f in one["attachments"]]
            for one in messages
            if one["direction"] == "in"
        }
        return (
            len(words) == 3 and words.get("Yes, since nine.") == [] and len(words.get("These two", ())) == 2
        )

    until(there, "what he changed and showed is not there")

    # It is solved: the report asks him, and his press closes the request; then he may rate it.
    ann.submit(
        ann.get(here), "/do/resolve", cause="hardware", minutes="25", text="The power supply was replaced."
    )
    report = mario.sees("The power supply was replaced.")
    assert len(report.labels) == 2
    mario.presses(report.labels[0], of=report)
    until(lambda: day.ann.get(f"/tickets/{number}")["state"] == "closed", "his press closed nothing")
    telegram.until(lambda: not report.buttons, "the buttons stay")
    assert "✓" in report.text
    closed = telegram.until(
        lambda: next((one for one in mario.chat.messages.values() if "5 ★" in one.labels), None), "no stars"
    )
    mario.presses("5 ★", of=closed)
    mario.sees("Thank you")
    telegram.until(lambda: len(telegram.answered) == 3, "a press was not answered")

    # Nothing was lost, said twice, or left to do.
    until(lambda: {one["state"] for one in day.ann.all("/deliveries")} == {"sent"}, "something did not leave")
    assert Counter(mario.screen).most_common(1)[0][1] == 1


def recognised_by_a_link_and_told_by_mail_when_gone(day: Day, telegram: BotApi, ann: Browser) -> None:
    # The portal gives her a link; who uses the same one later is refused.
    alice = telegram.person("Ally", language="")
    issued = day.alice.post("/me/links", {"channel": "telegram"})
    assert issued["url"] == f"https://t.me/acme_desk_bot?start={issued['code']}"
    alice.starts(issued["code"])
    alice.sees("Alice Rossi")
    eve = telegram.person("Eve", language="en")
    eve.starts(issued["code"])
    assert "Alice" not in eve.sees().text

    # She is recognised, and a film that Telegram does not hand over comes by a link.
    alice.writes("The switch is dead.")
    number = re.search(r"\d\d-\d{6}", alice.sees("26-").text)[0]  # type: ignore[index]
    ticket = day.ann.get(f"/tickets/{number}")
    assert (ticket["customer"]["code"], ticket["trust"]) == ("ACME", "verified")
    alice.sends_file("film.mp4", size=30_000_000, caption="It looks like this")
    link = re.search(r"/upload/\S+", alice.sees("film.mp4").text)[0]  # type: ignore[index]
    visitor = Browser(day.hub.base)
    page = visitor.get(link)
    assert (page.status, number in page.text) == (200, True)
    assert visitor.submit(page, link, files={"files": ("film.mp4", b"a long film")}).path == link
    held = [f["name"] for m in day.ann.get(f"/tickets/{number}")["messages"] for f in m["attachments"]]
    assert held == ["film.mp4"]

    # She blocks the bot: the answer reaches her by mail.
    here = f"/desk/tickets/{number}"
    alice.blocks()
    telegram.idle()
    ann.submit(ann.get(here), "/do/reply", text="A new one is on its way.")
    mails = day.hub.data / "outgoing"
    until(
        lambda: any("A new one is on its way." in one.read_text() for one in mails.glob("*.eml")),
        "no mail came in its place",
    )
    assert not any("A new one" in said for said in alice.screen)


def a_group_of_a_customer_that_becomes_a_supergroup(day: Day, telegram: BotApi) -> None:
    # A group that nobody connected is told so; connected, it is answered like a person.
    anna, group = telegram.person("Anna"), telegram.group("Acme IT")
    group.is_joined_by_the_bot(anna)
    anna.writes("/status", in_=group)
    anna.sees(in_=group)
    (room,) = day.ann.get("/rooms")["items"]
    day.ann.post(f"/rooms/{room['id']}/bind", {"customer": "ACME"})
    asked = anna.writes("The line is slow", in_=group)
    told = anna.sees("26-", in_=group)
    assert told.answers == asked.id
    number = re.search(r"\d\d-\d{6}", told.text)[0]  # type: ignore[index]
    assert day.ann.get(f"/tickets/{number}")["customer"]["code"] == "ACME"

    # It gets another number: answers follow it, and so does what is written there; then the bot is thrown out.
    group.becomes_a_supergroup(anna)
    telegram.idle()
    day.ann.post(f"/tickets/{number}/messages", {"audience": "customer", "text": "We are looking at it."})
    anna.sees("We are looking at it.", in_=group)
    anna.writes("Thanks", in_=group)
    until(
        lambda: "Thanks" in [one["text"] for one in day.ann.get(f"/tickets/{number}")["messages"]],
        "what is written in the new group is not on the request",
    )
    group.throws_the_bot_out(anna)
    until(lambda: day.ann.get("/rooms")["items"][0]["gone"], "nobody noticed that the bot is out")


class Writers:
    """Several people who write one message after the other; Telegram keeps what nobody fetches."""

    def __init__(self, telegram: BotApi, *, people: int = 2) -> None:
        self.ledger: list[str] = []
        self._enough = threading.Event()
        self._telegram = telegram
        self._people = [threading.Thread(target=self._write, args=(n,), daemon=True) for n in range(people)]

    def _write(self, person: int) -> None:
        for n in count():
            if self._enough.is_set():
                return
            words = f"Message {person}-{n}"
            self._telegram.person(f"Person {person}-{n}").writes(words)
            self.ledger.append(words)
            time.sleep(0.2)

    def __enter__(self) -> Self:
        for one in self._people:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for one in self._people:
            one.join()

    def wait_for(self, more: int) -> None:
        """Until so many more were fetched."""
        telegram = self._telegram
        wanted = len(self.ledger) - len(telegram.updates) + more
        telegram.until(lambda: len(self.ledger) - len(telegram.updates) >= wanted, "nothing is fetched")


def test_a_hub_killed_between_fetching_and_storing_loses_no_message_and_takes_none_twice(
    a_day: MakeDay, telegram: BotApi
) -> None:
    day = begun(a_day, telegram)
    with Writers(telegram) as writers:
        writers.wait_for(random.randint(2, 8))
        day.hub.kill()
        day.hub.start()
        writers.wait_for(5)

    telegram.idle()
    items = understood(day.ann)
    assert Counter(one["subject"] for one in items) == Counter(writers.ledger)
    assert {one["outcome"] for one in items} == {"ticket"}
    assert len({one["ticket"] for one in items}) == len(items)
    day.hub.stop()
    day.hub.balances()
