"""What must the next shift know, and what keeps a handover from being signed? The brief from facts, and its hash (desk.md 8)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from core.rules.rotas import Shift

DUE_WITHIN = timedelta(hours=4)
"""Clocks and promises of the brief."""
VISITS_WITHIN = timedelta(hours=24)
"""Visits of the brief: those of the next day."""
UNSIGNED = timedelta(minutes=30)
"""After the end of a shift; then it is an alarm."""
GRAVE = ("P1", "P2")
"""Priorities that need a sentence each."""

PARTS = ("grave", "clocks", "promises", "vendors", "visits", "ladders", "tasks", "held")
"""Of a brief, in the order in which it is read."""

Brief = dict[str, list[dict[str, Any]]]


def brief(facts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Brief:
    """The parts in their order, in JSON's own types; the same facts give the same brief."""
    return {part: [_plain(item) for item in facts.get(part, ())] for part in PARTS}


def digest(content: Brief, sentences: Mapping[str, str]) -> str:
    """What is signed: of the brief and of what the outgoing shift says beside it."""
    text = json.dumps(
        {"brief": content, "sentences": dict(sentences)},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def unsaid(content: Brief, sentences: Mapping[str, str]) -> tuple[str, ...]:
    """Numbers of the tickets of P1 and P2 of which nobody has said a sentence yet."""
    return tuple(one["number"] for one in content["grave"] if not sentences.get(one["number"], "").strip())


def changes_of_shift(shifts: Sequence[Shift]) -> list[tuple[datetime, str, str]]:
    """(instant, who ends, who begins; empty: nobody), in order, from shifts in order."""
    found = []
    for one, following in pairwise(shifts):
        if one.until < following.since:
            found.append((one.until, one.agent, ""))
        elif one.agent != following.agent:
            found.append((one.until, one.agent, following.agent))
    return found


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in sorted(item.items())
    }
