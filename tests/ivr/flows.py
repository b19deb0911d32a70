"""Which flows do tests walk? The shipped one, a small one, and answers of the desk that are chosen instead of looked up."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

from core.calling import CallEvent
from ivr import rules
from ivr.actions import ACTIONS
from ivr.flow import Flow, of_plain
from ivr.rehearsal import SAMPLES
from ivr.stepping import Fact, State, Turn, begin, step

SHIPPED: dict[str, Any] = json.loads(rules.DEFAULT.read_text(encoding="utf-8"))

VALUES = SAMPLES
"""What the calls of the desk make known."""

AGAIN = {"tries": 2, "say": ["again"], "goto": "bye", "last": ["given_up"]}
SMALL: dict[str, Any] = {
    "schema": "centralino-flow/1",
    "id": "small",
    "title": "Small",
    "languages": ["it", "en"],
    "default_language": "it",
    "start": "who",
    "limits": {"then": "message"},
    "prompts": {
        name: {"it": {"text": f"{name} in italiano."}, "en": {"text": f"{name} in English."}}
        for name in ("ask", "again", "given_up", "pin", "hold", "place", "offer", "message", "bye", "consent")
    },
    "nodes": {
        "who": {
            "type": "action",
            "call": "find_caller",
            "branches": dict.fromkeys(("known", "several", "unknown", "withheld", "blocked"), "ask"),
        },
        "ask": {
            "type": "menu",
            "say": ["ask"],
            "choices": {
                "1": {"goto": "pin", "set": {"language": "en"}},
                "2": {"goto": "queue"},
                "3": {"goto": "message"},
            },
            "no_input": AGAIN,
            "invalid": AGAIN | {"tries": 3},
        },
        "pin": {
            "type": "collect",
            "say": ["pin"],
            "choices": {"0": {"goto": "queue"}},
            "minimum": 6,
            "maximum": 8,
            "finish": "#",
            "secret": True,
            "check": "check_pin",
            "branches": {"ok": "queue", "locked": "bye"},
            "no_input": AGAIN,
            "invalid": AGAIN,
        },
        "queue": {
            "type": "queue",
            "say": ["hold"],
            "waiting": ["place"],
            "offer": ["offer"],
            "choices": {"1": {"goto": "message"}},
            "outcomes": dict.fromkeys(("bridged", "no_operator", "full", "failed"), "bye"),
        },
        "message": {
            "type": "record",
            "say": ["message"],
            "consent": ["consent"],
            "recorded": "bye",
            "empty": "bye",
        },
        "bye": {"type": "hangup", "say": ["bye"]},
    },
}


def small(change: Callable[[dict[str, Any]], Any] | None = None) -> Flow:
    """The small flow; `change` may break it first."""
    plain = copy.deepcopy(SMALL)
    if change:
        change(plain)
    return of_plain(plain)


def answers(*, pin: str = "123456", **branches: str) -> dict[str, Fact]:
    """Facts that give these branches, else the first of their table; the PIN is compared."""

    def fact(name: str) -> Fact:
        def asked(state: State, value: str, given: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
            if name == "check_pin" and value != pin:
                return "wrong", {}
            branch = branches.get(name, next(iter(ACTIONS[name].branches)))
            return branch, known(name, branch)

        return asked

    return {name: fact(name) for name in ACTIONS}


def known(name: str, branch: str) -> dict[str, Any]:
    """What the call makes known with this answer."""
    return {one: VALUES[one] for one in ACTIONS[name].branches[branch]}


def walk(flow: Flow, *events: CallEvent | str, facts: Mapping[str, Fact] | None = None) -> Turn:
    """The last turn of a call: keys as text, nothing pressed as "", or events."""
    facts = facts or answers()
    turn = step(flow, begin(flow, values={"hub": "Desk"}), None, facts)
    for one in events:
        turn = step(flow, turn.state, event(one) if isinstance(one, str) else one, facts)
    return turn


def event(keys: str) -> CallEvent:
    """Of the keys that were pressed."""
    return CallEvent(kind="digits", value=keys) if keys else CallEvent(kind="silence")


def done(value: str) -> CallEvent:
    """Something that was waited for came."""
    return CallEvent(kind="done", value=value)


def said(turn: Turn) -> list[str]:
    """Its texts."""
    return [words.text for words in turn.say]
