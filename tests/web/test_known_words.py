"""What the program says of itself in English is told in the language of whoever reads, whatever it is."""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain_records import Finding, Verdict
from ivr.flow import FlowError, of_plain, parse
from web import domain_words
from web.known_words import found, in_words
from web.words import catalogue, say

SAY_HEALTH = {
    "core/hub.py": ("_reasons",),
    "core/common.py": ("unwell",),
    "core/disk.py": ("_look",),
    "core/store/sqlite.py": ("health",),
}
"""Functions whose sentences say what keeps the hub from working."""


def sentences() -> Iterator[str]:
    """Each with an X for each value."""
    for name, functions in SAY_HEALTH.items():
        for function in ast.walk(ast.parse(Path(name).read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name in functions:
                inside = ast.walk(ast.Module(body=function.body[1:], type_ignores=[]))
                yield from filter(None, map(_sentence, inside))


def _sentence(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in node.values)
    return ""


HEALTH = [
    *sorted(
        {
            one.replace("the disk X:", "the disk is full:")
            for one in sentences()
            if " " in one and one != "X: X"
        }
    ),
    "the hub is stopping",
    "nobody works on what is waiting",
    "PostgreSQL does not answer: X",
    "X is down: X",
]


def test_there_are_reasons_for_ill_health():
    assert len(HEALTH) > 10


@pytest.mark.parametrize("reason", HEALTH)
def test_what_keeps_the_hub_from_working_has_italian_words(reason):
    said = in_words(reason, "it", "health")
    assert said != reason
    assert said.count("X") == reason.count("X")
    assert in_words(reason, "en", "health") == reason


def test_what_stands_in_a_sentence_is_told_too_and_what_nobody_knows_stays():
    assert in_words("email is down: it ended by itself", "it", "health") == "email è fermo: è finito da solo"
    assert in_words("email is down: OSError: {x}", "it", "health") == "email è fermo: OSError: {x}"
    assert in_words("something else", "it", "health") == "something else"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1",
        "nul",
        '{"a":1,"a":2}',
        '{"a":NaN}',
        '{"a":1} x',
        '{"a" 1}',
        '"\\ud800"',
        '{"a":"x',
        '["\\q"]',
        '{"a":"\n"}',
    ],
)
def test_what_is_wrong_with_the_text_of_a_flow_is_told_in_italian(text):
    with pytest.raises(FlowError) as wrong:
        parse(text)
    said = in_words(str(wrong.value), "it", "flow_fault")
    assert said != str(wrong.value)
    assert not any(word in said for word in ("Expecting", "Invalid", "line ", "name ", "no number"))


def test_what_is_wrong_with_the_parts_of_a_flow_is_told_in_italian():
    flow = json.loads(Path("ivr/flows/default.json").read_text(encoding="utf-8"))
    name = next(iter(flow["nodes"]))
    for change in (
        lambda it: it.pop("id"),
        lambda it: it.update(id=5),
        lambda it: it["nodes"][name].update(type="nope"),
        lambda it: it["nodes"][name].update(strange=1),
        lambda it: it["limits"].update(max_turns="x"),
        lambda it: it.update(schema="x"),
        lambda it: it.update(nodes=[]),
        lambda it: it["nodes"].update(bad={}),
    ):
        broken = copy.deepcopy(flow)
        change(broken)
        with pytest.raises(FlowError) as wrong:
            of_plain(broken)
        name_of, _ = found(str(wrong.value), "flow_fault")
        assert name_of, str(wrong.value)
        assert "Expected" not in in_words(str(wrong.value), "it", "flow_fault")
    assert in_words("limits/max_turns: Expected `int`, got `str`", "it", "flow_fault") == (
        "limits/max_turns: serve un numero intero, e c'è un testo"
    )


def test_that_no_name_server_answers_is_told_in_italian():
    why = (
        "nobody answers for desk.test MX: LifetimeTimeout: The resolution lifetime expired after 5.4 seconds"
    )
    silent = Finding(verdict=Verdict.UNKNOWN, code="no_answer", values={"why": why})
    said = domain_words.words(say("it"), silent)
    assert "nessuno risponde su desk.test MX: nessun server dei nomi ha risposto in tempo" in said
    assert why in domain_words.words(say("en"), silent)


def test_what_a_record_names_is_nobodys_words():
    why = (
        "nobody answers for desk.test MX: LifetimeTimeout: The resolution lifetime expired after 5.4 seconds"
    )
    odd = Finding(verdict=Verdict.WRONG, code="no_address", values={"host": why})
    assert why in domain_words.words(say("it"), odd)


def test_both_languages_have_these_sentences():
    for of in ("health", "flow_fault", "dns_trouble"):
        names = [
            {one for one in catalogue(language) if one.startswith(f"{of}.")} for language in ("it", "en")
        ]
        assert names[0] == names[1]
