"""What can a verb refuse, and what does it tell the person who asked?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any


class DeskError(Exception):
    """A refusal with a sentence for the person who asked: what, which one, what to do."""


class NotFound(DeskError):
    """It does not exist, or not for this person: outside they look the same."""


class Forbidden(DeskError):
    """The thing is visible, the act is not allowed to this person. `code`: which act, where pages say it."""

    def __init__(self, detail: str, *, code: str = "forbidden") -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """What keeps a ticket from its end: a word of `rules.close_guard.Reason`, and what it is about."""

    reason: str
    about: tuple[str, ...]


class Refused(DeskError):
    """The act does not fit the state of the thing. `allowed` names the acts that would, `code` the reason, where pages say it.

    `obstacles`: what is not over yet, each of which can be overridden by a text.
    """

    def __init__(
        self,
        detail: str,
        *,
        allowed: Sequence[str] = (),
        missing: Sequence[str] = (),
        code: str = "",
        obstacles: Sequence[Obstacle] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.obstacles = tuple(obstacles)
        self.allowed = tuple(allowed)
        self.missing = tuple(missing)


class Stale(DeskError):
    """Somebody did something since. `newer`: the messages and events that were not seen, for the answer."""

    def __init__(self, detail: str, *, newer: Sequence[Any], last_event: int) -> None:
        super().__init__(detail)
        self.newer = tuple(newer)
        self.last_event = last_event


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in what was sent: where (JSON Pointer or form field) and what would be right."""

    pointer: str
    message: str


class Invalid(DeskError):
    """What was sent cannot be used; every mistake is listed."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)


def contradiction(customer: str, contact: str, owners: Collection[str]) -> list[Fault]:
    """A customer and a contact of another one: both are named, for either may be the mistake."""
    of = ", ".join(sorted(owners))
    return [
        Fault("/customer", f"is {customer}, but {contact} belongs to {of}"),
        Fault("/contact", f"{contact} belongs to {of}, not to {customer}"),
    ]


def invalid(pointer: str, message: str) -> Invalid:
    """One mistake."""
    return Invalid([Fault(pointer, message)])


class ConfigurationError(ValueError):
    """The file cannot be applied. `mistakes` has one line for each, beginning with its place."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))
