"""What was refused is said in the reader's language: by the field, by how things stand, and exactly where no catalogue has words."""

from __future__ import annotations

import pytest

from core.desk.errors import DeskError, Fault, Forbidden, Invalid, NotFound, Refused, Stale
from web import refusals
from web.words import say

IT, EN = say("it"), say("en")


def test_each_mistake_is_told_once_by_its_field_in_the_readers_words():
    wrong = Invalid(
        [Fault("/recipients/0", "is none"), Fault("/recipients/3", "is none"), Fault("/why", "empty")]
    )

    assert refusals.by_field(wrong, IT, "report") == {
        "recipients": IT("report.fault.recipients"),
        "why": IT("report.fault.why"),
    }
    assert refusals.sentences(wrong, EN, "report") == [EN("report.fault.recipients"), EN("report.fault.why")]


def test_a_field_without_words_is_told_as_exactly_as_the_verb_does():
    wrong = Invalid([Fault("/colour", "must be one of red, green")])

    assert refusals.sentences(wrong, IT, "report") == ["colour: must be one of red, green"]


@pytest.mark.parametrize(
    ("wrong", "code", "status"),
    [
        (Refused("no", code="report_ahead"), "report_ahead", 409),
        (Refused("no", code="never heard of"), "other", 409),
        (NotFound("no"), "not_found", 404),
        (Forbidden("no"), "forbidden", 403),
        (Stale("no", newer=(), last_event=1), "other", 409),
        (DeskError("no"), "other", 409),
    ],
)
def test_how_things_stand_is_told_by_its_code(wrong: DeskError, code: str, status: int):
    assert refusals.sentences(wrong, IT, "report") == [IT(f"report.refused.{code}")]
    assert refusals.status(wrong) == status


def test_where_nothing_is_wrong_nothing_is_said():
    assert (
        refusals.sentences(None, IT, "report"),
        refusals.by_field(None, IT, "report"),
        refusals.status(None),
    ) == (
        [],
        {},
        200,
    )
