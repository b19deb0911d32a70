"""Whatever a page names by a word of the catalogues has one: each channel, each kind of message that leaves."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

import channels
from core import desk, texts
from core.envelope import CHANNELS
from core.papers import wording
from web import pages
from web.desk import frame
from web.icons import NAMES
from web.pages import CHANNEL_ICONS
from web.words import catalogue

LANGUAGES = ("en", "it")
SENDING = ("outbox.say", "outbox.queue", "staff_ways.send", "acts.say")
"""Calls whose `kind` is what a delivery or a message is called by."""
BY_CALL_OR_MACHINE = ("monitoring", "api", "console")
"""Nobody is answered there."""


def test_the_channels_of_the_envelope_are_those_there_are():
    of_pages = {"portal", "api"}

    assert set(CHANNELS) == set(channels.CHANNELS) | channels.PAGES | of_pages


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_channel_has_a_name_for_staff_for_customers_and_on_paper(language: str):
    words, paper = catalogue(language), wording.words(language)

    assert [one for one in CHANNELS if f"channel.{one}" not in words] == []
    assert [one for one in CHANNELS if f"portal.channel.{one}" not in words] == []
    assert [one for one in CHANNELS if one not in paper["channel"]] == []
    answered = [one for one in CHANNELS if one not in BY_CALL_OR_MACHINE]
    assert [one for one in answered if texts.channel(one, language) == one] == []


def test_every_channel_has_a_drawing_of_its_own():
    assert set(CHANNEL_ICONS) == set(CHANNELS)
    assert set(CHANNEL_ICONS.values()) <= set(NAMES)


def kinds():
    """What messages and deliveries are called by, as the desk's verbs say it."""
    for path in sorted(Path(desk.__file__).parent.glob("*.py")):
        module = importlib.import_module(f"core.desk.{path.stem}")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called == "notices.report":
                yield ast.literal_eval(node.args[1])
            for given in node.keywords if called in SENDING else ():
                if given.arg == "kind" and isinstance(given.value, ast.Constant):
                    yield given.value.value
                elif given.arg == "kind" and isinstance(given.value, ast.Name):
                    named = getattr(module, given.value.id, None)
                    if isinstance(named, str):
                        yield named


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_message_that_leaves_has_a_name(language: str):
    words, known = catalogue(language), set(kinds())

    assert {"reply", "incident", "page_answer", "closed", "promise"} <= known
    assert sorted(one for one in known if f"delivery_kind.{one}" not in words) == []


# --- For whoever sees no colours, or hears a page ---------------------------------------------------------------

COLOURED = re.compile(r'<span\{% if (?P<late>[^%]+) %\} class="late"\{% endif %\}>(?P<said>.*?)</span>')
LATE_WORDS = ('t("past")', 't("vendors.late")', 't("tasks_page.late")', 't("routing.grid_none")')


def templates():
    """Name and text of each."""
    for path in sorted(pages.TEMPLATES.rglob("*.html")):
        yield path.relative_to(pages.TEMPLATES).as_posix(), path.read_text("utf-8")


def test_what_is_late_is_said_in_words_too():
    found = [(name, one) for name, text in templates() for one in COLOURED.finditer(text)]

    assert len(found) > 5
    assert [name for name, one in found if not any(words in one["said"] for words in LATE_WORDS)] == []


def test_every_heading_of_a_table_says_what_it_heads():
    assert [name for name, text in templates() if re.search(r"<th(?![^>]* scope=)[ >]", text)] == []


async def test_why_the_hub_is_unwell_can_be_read_without_a_mouse(lea, monkeypatch):
    async def unwell(_site):
        return ("email is down: it ended by itself",)

    monkeypatch.setattr(frame, "_health", unwell)
    page = await lea.get("/desk/")

    assert "<li>email is down: it ended by itself</li>" in page.text


def test_the_document_of_the_configuration_lists_every_channel_of_a_line():
    told = (Path(channels.__file__).parents[1] / "docs" / "desk-configuration.md").read_text("utf-8")
    (line,) = (one for one in told.splitlines() if one.startswith("| `channels` |"))

    assert tuple(re.findall(r"`(\w+)`", line.partition("may come")[2])) == CHANNELS
