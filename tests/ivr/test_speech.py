"""Numbers, days and menus are read as each language reads them, and nothing is said that no voice can say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import speech

MOMENT = "2026-03-02T09:05:00+01:00"


@pytest.mark.parametrize(
    ("text", "value", "language", "said"),
    [
        ("{x|digits}", "26-000471", "it", "2 6, 0 0 0 4 7 1"),
        ("{x|spell}", "AB1", "en", "A B 1"),
        ("{x|number}", "007", "it", "7"),
        ("{x|date}", MOMENT, "it", "lunedì 2 marzo"),
        ("{x|date}", MOMENT, "en", "Monday 2 March"),
        ("{x|time}", MOMENT, "it", "9:05"),
        ("{x|datetime}", MOMENT, "it", "lunedì 2 marzo alle 9:05"),
        ("{x|datetime}", MOMENT, "en", "Monday 2 March at 9:05"),
        ("{x|datetime}", MOMENT, "de", "Montag 2 März 9:05"),
        ("{x|date}", MOMENT, "pt-BR", "segunda-feira 2 março"),
        ("{x|duration}", 10, "it", "1 minuto"),
        ("{x|duration}", 7 * 60 + 10, "en", "7 minutes"),
        ("{x|duration}", 90 * 60, "it", "90 minuti"),
        ("{x|menu}", ["guasto", "modifica"], "it", "Per guasto, prema uno. Per modifica, prema due."),
        ("{x|menu}", ["incident"], "en", "For incident, press one."),
        ("{x}", ["a", 1], "it", "a, 1"),
        ("Per {x}: {x|digits}.", "12", "it", "Per 12: 1 2."),
        ("{x}", "{y}", "it", "{y}"),
    ],
)
def test_a_value_is_read_as_its_filter_and_language_say(text, value, language, said):
    assert speech.fill(text, {"x": value}, language) == said


@pytest.mark.parametrize(("language", "words"), [("it", "qualcos'altro"), ("en", "something else")])
def test_a_menu_that_nobody_could_remember_ends_with_something_else(language, words):
    said = speech.fill("{x|menu}", {"x": list("abcdefghij")}, language)

    assert said.count(".") == speech.MAX_CHOICES + 1
    assert " h" in said
    assert " i," not in said
    assert words in said
    assert said.endswith(("nove.", "nine."))


def test_a_place_that_nobody_gave_a_value_is_a_mistake_and_no_blank():
    with pytest.raises(KeyError):
        speech.fill("{x}", {}, "it")


def test_filters_that_nobody_knows_are_found_and_menus_where_nobody_can_say_them():
    assert speech.unknown_filters("{a|loud} {b|date} {c}", "it") == {"loud"}
    assert speech.unknown_filters("{a|menu}", "de") == {"menu"}
    assert speech.unknown_filters("{a|menu}", "en") == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [("{a} and {b|date}", ""), ("{ a }", "{ a }"), ("{a|}", "{a|}"), ("open {", "{"), ("close }", "}")],
)
def test_what_looks_like_a_place_and_is_none_is_found(text, found):
    assert speech.loose(text) == found


def test_a_text_that_nobody_listens_to_is_cut_at_the_end_of_a_sentence():
    assert speech.within("One. Two! Three? Four", 100) == "One. Two! Three? Four"
    assert speech.within("One. Two! Three? Four", 15) == "One. Two!"
    assert speech.within("Onetwothree", 5) == "Onetw"


@given(st.text(), st.integers(1, 40))
def test_no_text_is_longer_than_its_limit(text, limit):
    assert len(speech.within(text, limit)) <= limit


@given(st.text())
def test_nothing_is_said_that_no_voice_can_say(text):
    assert speech.printable(text).isprintable() or speech.printable(text) == ""


@given(st.text(alphabet="ab{}|_1", max_size=12))
def test_every_place_of_a_text_without_a_mistake_is_filled(text):
    values = dict.fromkeys(speech.places(text), "1")
    if not speech.loose(text) and not speech.unknown_filters(text, "it"):
        assert "{" not in speech.fill(text, values, "it")


def test_a_language_that_has_no_days_is_not_spoken():
    assert [speech.speaks(one) for one in ("it", "pt-BR", "zz", "")] == [True, True, False, False]
