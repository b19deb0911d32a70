"""What was refused is said in the reader's language: by the field, by how things stand, and exactly where no catalogue has words."""

from __future__ import annotations

import ast
import html
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.desk import errors as refused_by
from core.desk.errors import DeskError, Fault, Forbidden, Invalid, NotFound, Refused, Stale
from core.settings import Hub
from web import refusals
from web.pages import Pages
from web.words import catalogue, say

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


def test_a_field_without_words_is_told_as_exactly_as_the_verb_does_to_who_reads_its_language():
    wrong = Invalid([Fault("/colour", "must be one of red, green")])

    assert refusals.sentences(wrong, EN, "report") == ["colour: must be one of red, green"]
    assert refusals.sentences(wrong, IT, "report") == ["colour: manca, o non va bene"]


def test_a_field_that_many_pages_ask_has_words_for_all_of_them():
    wrong = Invalid([Fault("/agent", "there is no agent zz")])

    assert refusals.sentences(wrong, IT, "report") == [f"{IT('ticket.agent')}: {IT('fault.agent')}"]
    assert refusals.what(wrong.faults[0], EN) == EN("fault.agent")


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


@pytest.mark.parametrize(
    "wrong", [Refused("it is over"), Forbidden("only leaders do that"), Stale("look", newer=(), last_event=1)]
)
def test_a_page_of_an_error_adds_half_a_sentence_of_another_language_to_nothing(wrong: DeskError):
    assert refusals.details(wrong, EN) == [str(wrong)]
    assert refusals.details(wrong, IT) == []
    assert refusals.at_present(wrong, IT) == IT("wrong.now")


def test_a_page_of_an_error_says_each_mistake_of_a_form_and_nothing_of_what_is_not_there():
    wrong = Invalid([Fault("/agent", "is nobody"), Fault("/agent", "is none"), Fault("", "is no form")])

    assert refusals.details(wrong, IT) == [f"{IT('ticket.agent')}: {IT('fault.agent')}", IT("wrong.value")]
    assert refusals.details(NotFound("there is no ticket 7"), EN) == []


# --- Every refusal of the desk -----------------------------------------------------------------------------------

OWN_NAMES = ("handovers", "linking", "returns", "visitor_codes", "visitors")
"""Modules whose refusals have their words under other names."""


def refusals_of_the_desk():
    """(module, line, code or None, has it `allowed`) of each Refused that the desk raises with words of its own."""
    for path in sorted(Path(refused_by.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
                given = {one.arg: one.value for one in node.keywords}
                yield path.stem, node.lineno, given.get("code"), "allowed" in given


def test_every_refusal_that_is_no_question_of_state_has_a_code():
    without = [
        f"{module}:{line}"
        for module, line, code, state in refusals_of_the_desk()
        if code is None and not state
    ]

    assert without == []


@pytest.mark.parametrize("language", ["en", "it"])
def test_every_code_of_a_refusal_has_words(language: str):
    names = set(catalogue(language))
    worded = {name.rpartition(".")[2] for name in names if ".refused." in name}

    lacking = [
        f"{module}:{line}: {code.value}"
        for module, line, code, _ in refusals_of_the_desk()
        if isinstance(code, ast.Constant) and module not in OWN_NAMES and code.value not in worded
    ]

    assert lacking == []


def test_what_any_page_may_be_refused_is_told_where_the_page_has_no_words_for_it():
    wrong = Refused("being drawn", code="being_drawn")

    assert refusals.sentences(wrong, IT, "report") == [IT("wrong.refused.being_drawn")]
    assert refusals.details(wrong, IT) == [IT("wrong.refused.being_drawn")]


@pytest.mark.parametrize("language", ["en", "it"])
def test_a_page_of_call_flows_says_why_not(language: str):
    wrong = Refused("somebody is on the phone with this draft: end that call first", code="draft_on_phone")

    page = Pages(Hub()).render("flows/wrong.html", language=language, zone=ZoneInfo("UTC"), wrong=wrong)

    assert say(language)("wrong.refused.draft_on_phone") in html.unescape(page)
