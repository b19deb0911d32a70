"""What does the core need of call flows? It is given this module as a value, because nobody below looks up."""

from __future__ import annotations

from pathlib import Path

from ivr.flow import Flow, FlowError, Queue, digest, of_plain, parse
from ivr.stepping import State, begin, is_secret, spoken, step
from ivr.validation import Finding, validate

__all__ = [
    "DEFAULT",
    "Finding",
    "Flow",
    "FlowError",
    "State",
    "begin",
    "digest",
    "is_secret",
    "of_plain",
    "parse",
    "queue",
    "spoken",
    "state",
    "step",
    "validate",
]

DEFAULT = Path(__file__).parent / "flows" / "default.json"
"""The flow a hub begins with."""

state = State.of_plain


def queue(flow: Flow, at: State) -> Queue | None:
    """The queue a call waits in; None: it waits in none."""
    node = flow.nodes[at.node]
    return node if isinstance(node, Queue) else None
