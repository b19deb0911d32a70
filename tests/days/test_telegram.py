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
from tests.days.posting import understood


@pytest.fixture
def telegram() -> Iterator[BotApi]:
    with bot_api() as api:
        yield api


def begun(a_day: MakeDay, telegram: BotApi, **more: Any) -> Day:
    """A hub with a bot, running."""
    settings = {"enabled": "true", "token": TOKEN, "api_url": telegram.url}
    day = a_day(**{f"channels__telegram__{name}": value for name, value in settings.items()}, **more)
    day.hub.start()
    return day


def test_from_the_first_word_to_a_bot_to_the_rating_below_the_report(
    a_day: MakeDay, telegram: BotApi
) -> None:
    day = begun(a_day, telegram)
    ann = day.hub.browser("ann@hub.test", "correct horse battery")
    mario = telegram.person("Mario Rossi", number=4242)

    # Nobody knows him: he is told the number, and staff say what it is.
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
    mario.writes("Yes, since nine.")
    mario.sends_photo(b"\xff\xd8 the lamp", "This one")
    until(lambda: "This one" in ann.get(here).text, "his picture is not in the inbox")
    (picture,) = [m for m in day.ann.get(f"/tickets/{number}")["messages"] if m["text"] == "This one"]
    assert [f["size"] for f in picture["attachments"]] == [11]

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
    assert {one["state"] for one in day.ann.all("/deliveries")} == {"sent"}
    assert Counter(mario.screen).most_common(1)[0][1] == 1
    day.hub.stop()
    assert day.hub.astonished() == []
    assert TOKEN not in day.hub.said()
    day.hub.balances()


class Writers:
    """Several people who write one message after the other; Telegram keeps what nobody fetches."""

    def __init__(self, telegram: BotApi, *, people: int = 3) -> None:
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
            time.sleep(0.1)

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
        for _ in range(2):
            writers.wait_for(random.randint(3, 12))
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
