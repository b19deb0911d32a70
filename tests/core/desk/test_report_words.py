"""How a report says its values: times in words, pauses with why, what was used of a contract, and who could not sign."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bench.papers import VALUES
from core.desk import report_words
from core.papers import model, plain_text

AT = datetime(2026, 10, 19, 8, tzinfo=UTC)


def said(language: str = "en", **changed: Any) -> str:
    title, blocks = report_words.closure(VALUES | changed, language)
    return " ".join(
        plain_text.write(
            model.Paper(title=title, language=language, hub="", name="", at=AT, hash="", blocks=blocks)
        ).split()
    )


def test_a_pause_says_why_unless_it_is_less_than_a_minute() -> None:
    clock = VALUES["clocks"][0]

    assert "paused 30 minutes (waiting for the customer)" in said()
    assert "paused" not in said(clocks=[clock | {"paused_s": 59}])
    assert "paused 30 minutes," in said(clocks=[clock | {"paused_for": []}])
    assert "outcome missed" in said(clocks=[clock | {"met": False}])


@pytest.mark.parametrize(
    ("used", "words"),
    [
        ({}, "Included in contract C-2026-001, Rete 24x7: no costs."),
        ({"minutes": 90}, "1 hour 30 minutes used."),
        ({"tickets": 1}, "1 request used."),
        ({"visits": 2, "tickets": 3}, "3 requests, 2 visits used."),
    ],
)
def test_what_is_covered_says_what_it_used_and_no_price(used: dict[str, int], words: str) -> None:
    assert words in said(costs={"covered": True, "used": used})


def test_who_could_not_sign_says_why() -> None:
    signed = VALUES["signatures"][0] | {"unable": "gloves"}

    assert "could not sign: gloves" in said(signatures=[signed])


def test_what_is_not_there_has_no_heading() -> None:
    empty = said(
        timeline=[],
        activities=[],
        parts=[],
        clocks=[],
        signatures=[],
        comments=[],
        workaround="",
        site="",
        asset="",
    )

    for heading in (
        "What was done",
        "Work Person",
        "Parts",
        "Agreed times",
        "Signatures",
        "Comments",
        "Site",
        "Equipment",
    ):
        assert heading not in empty
    assert "Temporary solution:" in said(workaround_review="")


def test_a_report_in_each_language_has_the_same_parts() -> None:
    counts = [[type(block) for block in report_words.closure(VALUES, one)[1]] for one in ("it", "en")]

    assert counts[0] == counts[1]
