"""What keeps a request from being called solved, or closed? Facts in, every reason out (desk.md 15).

Each reason is overridden by a text of its own, and only by a person: what the hub does by itself waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MIN_TEXT = 10
"""Characters of what somebody says against a reason: it is kept as evidence, as an override of a contract is."""


class Reason(StrEnum):
    """What is not over yet, in the order in which people are told."""

    ALERT_FIRING = "alert_firing"
    VENDOR_OPEN = "vendor_open"
    VISIT_BOOKED = "visit_booked"
    PROMISE_OVERDUE = "promise_overdue"
    CHILD_OPEN = "child_open"
    MESSAGE_HELD = "message_held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is there; each the names people know it by, none: there is nothing of the kind."""

    alerts: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()
    promises: tuple[str, ...] = ()
    """Instants that were promised and are over."""
    children: tuple[str, ...] = ()
    """Numbers of requests that hang on this one and are open."""
    held: tuple[str, ...] = ()
    """Messages of people of this request that wait for staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """One reason, and what it is about."""

    reason: Reason
    about: tuple[str, ...]


class Guarded(ValueError):
    """It is not over: every obstacle, those that were overridden left out."""

    def __init__(self, obstacles: tuple[Obstacle, ...]) -> None:
        super().__init__(", ".join(str(one.reason) for one in obstacles))
        self.obstacles = obstacles


class BadOverride(ValueError):
    """What was said against a reason cannot count. `reason`: against which."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def obstacles(facts: Facts) -> tuple[Obstacle, ...]:
    """All of them, in their order.

    >>> [str(one.reason) for one in obstacles(Facts(children=("26-000007",), held=("x",)))]
    ['child_open', 'message_held']
    """
    found = {
        Reason.ALERT_FIRING: facts.alerts,
        Reason.VENDOR_OPEN: facts.vendors,
        Reason.VISIT_BOOKED: facts.visits,
        Reason.PROMISE_OVERDUE: facts.promises,
        Reason.CHILD_OPEN: facts.children,
        Reason.MESSAGE_HELD: facts.held,
    }
    return tuple(Obstacle(reason=reason, about=about) for reason, about in found.items() if about)


def decide(facts: Facts, overrides: Mapping[str, str]) -> tuple[Obstacle, ...]:
    """The obstacles that were there and are overridden; none: nothing was in the way.

    `overrides`: reason to why it may be so all the same. Raises Guarded with all that are left; BadOverride for a
    reason there is not, and for a text that says nothing. One for what is not in the way does nothing.
    """
    for reason, text in overrides.items():
        if reason not in Reason.__members__.values():
            raise BadOverride(reason, f"is none of {', '.join(Reason)}")
        if len(text.strip()) < MIN_TEXT:
            raise BadOverride(reason, f"say why in at least {MIN_TEXT} characters: it is kept as evidence")
    found = obstacles(facts)
    left = tuple(one for one in found if one.reason not in overrides)
    if left:
        raise Guarded(left)
    return found
