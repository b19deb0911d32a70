"""What the desk says in a chat is said in both languages, from the same values, and in few words."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import texts
from core.desk.standing import Standing
from core.rules.chat_acts import Act

KINDS = {
    language: {path.stem for path in Path(f"templates/notices/{language}/chat").glob("*.txt")}
    for language in ("it", "en")
}
REQUEST = Standing(
    number="26-000001", subject="La stampante", state="Ci stiamo lavorando", next_update="oggi", solution=""
)
VALUES = {
    "hub": "Desk",
    "name": "Alice",
    "number": "26-000001",
    "label": "26-000001 La stampante",
    "before": "A quale richiesta?",
    "text": "Che succede?",
    "why": "expired",
    "link": "https://desk.test/u/x",
    "files": ["film.mp4"],
    "hours": 24,
    "more": 2,
    "requests": [REQUEST],
}


def test_both_languages_have_the_same_words() -> None:
    assert KINDS["it"] == KINDS["en"]


@pytest.mark.parametrize("language", sorted(KINDS))
@pytest.mark.parametrize("kind", sorted(KINDS["it"]))
def test_every_word_can_be_said_and_says_something(kind: str, language: str) -> None:
    title, text = texts.notice(f"chat/{kind}", language, **VALUES)

    assert title
    assert text.strip()
    assert len(text) < 700
    assert "  " not in text


@pytest.mark.parametrize("language", sorted(KINDS))
def test_every_act_has_a_label(language: str) -> None:
    values = {Act.RATE: ("1", "2", "3", "4", "5"), Act.LANGUAGE: ("it", "en")}
    for act in set(Act) - {Act.CHOOSE, Act.VISIT}:  # whose label is the request, or the time
        for value in values.get(act, ("",)):
            assert texts.button(act, value, language)
