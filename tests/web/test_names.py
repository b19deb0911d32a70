"""Whatever a page names by a word of the catalogues has one: each channel, each kind of message that leaves."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import channels
from core import desk, texts
from core.envelope import CHANNELS
from core.papers import wording
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
