"""What a caller would suffer from is found before a flow is published, each with its place; the shipped flow has nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ivr import rules, validation
from ivr.actions import ACTIONS
from ivr.flow import Choice, Say, of_plain, prompt_name
from ivr.validation import Finding, validate
from tests.ivr.flows import AGAIN, SHIPPED, small

UP = dict.fromkeys(("bridged", "no_operator", "full", "failed"), "bye")


def node(name: str, **values: Any):
    return lambda plain: plain["nodes"][name].update(values)


def without(name: str, part: str, key: str):
    return lambda plain: plain["nodes"][name].__setitem__(
        part, {one: value for one, value in plain["nodes"][name][part].items() if one != key}
    )


def limits(**values: Any):
    return lambda plain: plain["limits"].update(values)


def prompt(name: str, language: str, **values: Any):
    return lambda plain: plain["prompts"][name][language].update(values)


def several(*changes: Any):
    return lambda plain: [change(plain) for change in changes]


def more(**nodes: Any):
    return lambda plain: plain["nodes"].update(nodes)


def choice(key: str, **values: Any):
    return lambda plain: plain["nodes"]["ask"]["choices"].__setitem__(key, values)


def spoken(text: str):
    return several(prompt("ask", "it", text=text), prompt("ask", "en", text=text))


LONG_WAY = more(
    **{f"s{n}": {"type": "say", "say": [], "goto": f"s{n + 1}" if n < 51 else "bye"} for n in range(52)}
)
MENUS = more(
    **{
        f"m{n}": {
            "type": "menu",
            "say": ["ask"],
            "choices": {"1": {"goto": goto}},
            "no_input": AGAIN,
            "invalid": AGAIN,
        }
        for n, goto in ((1, "m2"), (2, "m3"), (3, "message"))
    }
)

BREACHES = [
    ("unknown_node", "start", "nowhere", lambda plain: plain.update(start="nowhere")),
    ("unknown_node", "limits/then", "nowhere", limits(then="nowhere")),
    ("unknown_node", "nodes/ask/9", "nowhere", choice("9", goto="nowhere")),
    ("unknown_node", "nodes/ask/invalid", "nowhere", node("ask", invalid=AGAIN | {"goto": "nowhere"})),
    ("unknown_node", "nodes/queue/full", "nowhere", node("queue", outcomes=UP | {"full": "nowhere"})),
    ("unknown_node", "nodes/pin/ok", "nowhere", node("pin", branches={"ok": "nowhere", "locked": "bye"})),
    ("unknown_node", "nodes/message/empty", "nowhere", node("message", empty="nowhere")),
    ("unknown_language", "default_language", "de", lambda plain: plain.update(default_language="de")),
    ("unknown_language", "languages", "zz", lambda plain: plain.update(languages=["it", "en", "zz"])),
    ("unknown_language", "nodes/ask/choices/9", "de", choice("9", goto="bye", set={"language": "de"})),
    ("no_time", "limits/max_turns", "0", limits(max_turns=0)),
    ("no_time", "limits/max_seconds", "0", limits(max_seconds=0)),
    ("no_time", "limits/max_prompt_chars", "0", limits(max_prompt_chars=0)),
    ("missing_prompt", "nodes/bye", "ciao (it)", node("bye", say=["ciao@it"])),
    ("missing_prompt", "nodes/bye", "bye (de)", node("bye", say=["bye@de"])),
    ("missing_prompt", "nodes/ask", "again (en)", lambda plain: plain["prompts"]["again"].pop("en")),
    ("empty_prompt", "prompts/ask/it", "ask", prompt("ask", "it", text=" ")),
    ("long_prompt", "prompts/ask/it", "1001", prompt("ask", "it", text="x" * 1001)),
    ("missing_recording", "prompts/ask/it", "ab", prompt("ask", "it", recording="ab")),
    ("unknown_filter", "prompts/ask/it", "loud", prompt("ask", "it", text="{hub|loud}")),
    ("loose_brace", "prompts/ask/it", "{the hub}", prompt("ask", "it", text="Qui {the hub}")),
    ("unknown_call", "nodes/who", "guess", node("who", call="guess")),
    ("call_elsewhere", "nodes/who", "note_code", node("who", call="note_code", branches={"ok": "ask"})),
    (
        "call_elsewhere",
        "nodes/pin",
        "who_answers",
        node("pin", check="who_answers", branches={"somebody": "queue", "nobody": "bye"}),
    ),
    ("missing_branch", "nodes/who", "withheld", without("who", "branches", "withheld")),
    ("missing_branch", "nodes/pin", "locked", without("pin", "branches", "locked")),
    ("missing_branch", "nodes/queue", "failed", without("queue", "outcomes", "failed")),
    (
        "unknown_branch",
        "nodes/pin",
        "wrong",
        node("pin", branches=dict.fromkeys(("ok", "locked", "wrong"), "bye")),
    ),
    ("unknown_branch", "nodes/queue", "left", node("queue", outcomes=UP | {"left": "bye"})),
    (
        "missing_constant",
        "nodes/who",
        "calendar",
        node("who", call="calendar_hours", branches={"open": "ask", "closed": "ask"}),
    ),
    ("no_key", "nodes/ask/choices", "10", choice("10", goto="bye")),
    ("no_key", "nodes/queue/choices", "a", node("queue", choices={"a": {"goto": "bye"}})),
    ("no_key", "nodes/pin/choices", "1#", node("pin", choices={"1#": {"goto": "bye"}})),
    ("no_key", "nodes/pin/choices", "", node("pin", choices={"": {"goto": "bye"}})),
    ("no_key", "nodes/pin/finish", "##", node("pin", finish="##")),
    ("no_key", "nodes/message/finish", "x", node("message", finish="x")),
    ("no_tries", "nodes/ask/no_input", "0", node("ask", no_input=AGAIN | {"tries": 0})),
    ("no_tries", "nodes/pin/invalid", "-1", node("pin", invalid=AGAIN | {"tries": -1})),
    ("no_time", "nodes/ask/timeout", "0.0", node("ask", timeout=0)),
    ("no_time", "nodes/queue/max_wait", "0", node("queue", max_wait=0)),
    ("no_time", "nodes/message/max_seconds", "0", node("message", max_seconds=0)),
    ("no_time", "nodes/message/silence_seconds", "0", node("message", silence_seconds=0)),
    ("no_length", "nodes/pin", "0-8", node("pin", minimum=0)),
    ("no_length", "nodes/pin", "9-8", node("pin", minimum=9)),
    ("secret_choice", "nodes/pin", "123456", node("pin", choices={"123456": {"goto": "bye"}})),
    ("unsaid_choice", "nodes/queue", "1", node("queue", offer=[])),
    ("unreachable", "nodes/island", "island", more(island={"type": "hangup"})),
    (
        "circle",
        "nodes/a",
        "a",
        several(
            more(
                a={"type": "say", "say": [], "goto": "b"},
                b={
                    "type": "action",
                    "call": "may_hear",
                    "branches": {"yes": "a", "no": "bye"},
                },
            ),
            choice("9", goto="a"),
        ),
    ),
    ("no_person", "limits/then", "bye", limits(then="bye")),
    ("no_person", "limits/then", "ask", limits(then="ask")),
    (
        "unknown_place",
        "nodes/ask",
        "{ticket} (ask, it)",
        prompt("ask", "it", text="Richiesta {ticket|digits}"),
    ),
    (
        "unknown_place",
        "nodes/ask",
        "{caller} (ask, en)",  # whoever withholds their number has no name
        prompt("ask", "en", text="{caller}"),
    ),
    ("unknown_place", "nodes/queue", "{place} (hold, it)", prompt("hold", "it", text="Posto {place}")),
    ("unknown_place", "nodes/queue", "{eta} (offer, it)", prompt("offer", "it", text="Fra {eta|duration}")),
]


@pytest.mark.parametrize(
    ("rule", "place", "detail", "change"),
    BREACHES,
    ids=[f"{one[0]} {one[1]} {one[2]}"[:60] for one in BREACHES],
)
def test_a_flow_that_breaks_one_rule_is_found_with_its_place(rule, place, detail, change):
    found = validate(small(change))

    assert Finding(rule=rule, place=place, detail=detail) in found
    assert {one.rule for one in found} <= {rule, *ALSO.get((rule, place, detail), ())}


ALSO = {
    ("no_time", "limits/max_prompt_chars", "0"): ("long_prompt",),
    ("no_length", "nodes/pin", "0-8"): ("secret_choice",),
}
"""Where one mistake shows in two ways."""


def test_every_rule_is_broken_once_here():
    source = Path(validation.__file__).read_text(encoding="utf-8")
    told = {rule for rule, *_ in BREACHES} | {"too_long", "dead_end", "far_from_people", "no_choice"}

    assert set(re.findall(r'rule="(\w+)"', source)) == told


def test_the_shipped_flow_and_the_small_one_have_nothing_to_find():
    assert validate(of_plain(SHIPPED)) == ()
    assert validate(small()) == ()
    assert rules.findings(of_plain(SHIPPED)) == ()


def test_a_way_between_two_waits_is_not_longer_than_a_call_is_led():
    found = validate(small(several(LONG_WAY, choice("9", goto="s0"))))

    assert [(one.rule, one.place, one.detail) for one in found] == [
        ("too_long", "nodes/s0", "53"),
        ("too_long", "nodes/s1", "52"),
        ("too_long", "nodes/s2", "51"),
    ]


def test_a_way_that_is_longer_than_anybody_looks_is_too_long_as_well():
    say = {f"s{n}": Say(say=(), goto=f"s{n + 1}" if n < 1199 else "bye") for n in range(1200)}
    flow = small(choice("9", goto="bye"))
    asking = flow.nodes["ask"]
    endless = replace(asking, choices=asking.choices | {"9": Choice(goto="s0")})

    found = validate(replace(flow, nodes=flow.nodes | {"ask": endless} | say))

    assert [(one.rule, one.place, one.detail) for one in found] == [("too_long", "nodes/s0", ">50")]


def test_a_caller_who_can_reach_nobody_and_no_goodbye_is_in_a_dead_end():
    lonely = {
        "type": "menu",
        "say": ["ask"],
        "choices": {"1": {"goto": "lonely"}},
        "no_input": AGAIN | {"goto": "lonely"},
        "invalid": AGAIN | {"goto": "lonely"},
    }

    found = validate(small(several(more(lonely=lonely), choice("9", goto="lonely"))))

    assert {(one.rule, one.place) for one in found} == {
        ("dead_end", "nodes/lonely"),
        ("far_from_people", "nodes/lonely"),
    }


def test_a_person_or_a_recorder_is_within_two_menus():
    found = validate(small(several(MENUS, choice("9", goto="m1"))))

    assert [(one.rule, one.place) for one in found] == [("far_from_people", "nodes/m1")]


def test_a_recording_that_is_there_is_no_finding():
    flow = small(prompt("ask", "it", recording="ab"))

    assert validate(flow, recordings={"ab"}) == ()
    assert rules.findings(flow, recordings={"ab"}) == ()


def test_what_a_menu_cannot_be_read_in_is_found():
    plain = several(
        lambda plain: plain.update(languages=["it", "en", "de"]),
        lambda plain: [one.setdefault("de", {"text": "x"}) for one in plain["prompts"].values()],
        prompt("ask", "it", text="{hub|menu}"),
        lambda plain: plain["prompts"]["ask"].__setitem__("de", {"text": "{hub|menu}"}),
    )

    assert [(one.rule, one.place) for one in validate(small(plain))] == [("unknown_filter", "prompts/ask/de")]


def test_a_menu_needs_a_key():
    found = validate(small(several(node("ask", choices={}, invalid=AGAIN | {"goto": "pin"}))))

    assert ("no_choice", "nodes/ask") in {(one.rule, one.place) for one in found}


def test_what_is_known_on_one_way_only_is_not_known():
    known_only = several(
        node(
            "who",
            branches=dict.fromkeys(("known", "several", "unknown"), "ask")
            | dict.fromkeys(("withheld", "blocked"), "bye"),
        ),
        spoken("{caller}"),
    )

    assert validate(small(known_only)) == ()
    assert {one.rule for one in validate(small(spoken("{caller}")))} == {"unknown_place"}


def test_every_call_of_the_shipped_flow_answers_as_its_table_says_and_every_prompt_of_it_is_used():
    flow = of_plain(SHIPPED)
    used = {prompt_name(one)[0] for node in flow.nodes.values() for one in node.speaks()}

    assert set(flow.prompts) == used
    called = {getattr(node, "call", "") or getattr(node, "check", "") for node in flow.nodes.values()} - {""}
    assert called <= set(ACTIONS)
