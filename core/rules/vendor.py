"""How does a case at a vendor go, to which case does a vendor's mail belong, what is hidden from them, how good are they?

Decisions only (desk.md 9). A vendor's mail never enters a conversation with a customer: it belongs to a case, or waits for staff.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

CHANNEL = "vendor"
"""What stands as channel of a conversation with a vendor: none that a customer writes by."""
MAIL, REMINDER = "vendor", "vendor_reminder"
"""Kinds of what leaves for a vendor."""
KINDS = (MAIL, REMINDER)
HIDDEN = "[…]"
"""What stands for what is hidden."""
LOOKED_AT = 10_000
"""Characters of a mail in which a reference is looked for."""
MAX_PATTERN = 200
MAX_REFERENCE = 100


def audience(case_id: str) -> str:
    """Of what is said on a case.

    >>> audience("7")
    'vendor:7'
    """
    return f"vendor:{case_id}"


# --- The life of a case -------------------------------------------------------------------------------------


class State(StrEnum):
    """Where a case stands."""

    DRAFT = "draft"
    OPENED = "opened"
    """They were written to."""
    ACKNOWLEDGED = "acknowledged"
    """Their machine took it."""
    WORKING = "working"
    WAITING_US = "waiting_us"
    """A person there wrote: the next word is ours."""
    SOLVED = "solved"
    CLOSED = "closed"


_GOES_ON = (State.OPENED, State.ACKNOWLEDGED, State.WORKING, State.WAITING_US)
OPEN = frozenset(_GOES_ON)
"""In which a case keeps its ticket from its end, and the vendor has engaged."""

_THERE = {one: one for one in (*_GOES_ON, State.SOLVED)}
MOVES: Mapping[str, Mapping[State, State]] = MappingProxyType(
    {
        "write": _THERE | {State.DRAFT: State.OPENED, State.WAITING_US: State.WORKING},
        "acknowledge": {State.OPENED: State.ACKNOWLEDGED},
        "answer": dict.fromkeys((*_GOES_ON, State.SOLVED, State.CLOSED), State.WAITING_US),
        "work": dict.fromkeys(_GOES_ON, State.WORKING),
        "solve": dict.fromkeys(_GOES_ON, State.SOLVED),
        "reopen": dict.fromkeys((State.SOLVED, State.CLOSED), State.WORKING),
        "close": dict.fromkeys((State.DRAFT, *_GOES_ON, State.SOLVED), State.CLOSED),
    }
)
"""What happens, and where that leads from each state in which it can happen."""
ACTS = ("write", "work", "solve", "reopen", "close")
"""Those that staff do; the others come with a vendor's mail."""


class MoveRefused(ValueError):
    """It cannot happen there. `allowed`: what staff can do."""

    def __init__(self, event: str, state: str) -> None:
        super().__init__(f"cannot {event} a vendor case that is {state}")
        self.allowed = allowed(state)


def move(state: str, event: str) -> State:
    """Where it leads. Raises MoveRefused.

    >>> str(move("draft", "write")), str(move("waiting_us", "write"))
    ('opened', 'working')
    """
    to = MOVES[event].get(State(state))
    if to is None:
        raise MoveRefused(event, state)
    return to


def allowed(state: str) -> tuple[str, ...]:
    """What staff can do with a case that stands so.

    >>> allowed("closed")
    ('reopen',)
    """
    return tuple(act for act in ACTS if State(state) in MOVES[act])


# --- Whose mail is it ---------------------------------------------------------------------------------------

How = Literal["token", "references", "reference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A case that a mail names. In the order of `How`: an address of ours, an id of this conversation, their reference."""

    how: How
    case: str
    vendor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A mail, as far as this cares."""

    vendor: str | None
    """Of whom the author's address is; None: of no vendor."""
    contact: bool = False
    """The address is also somebody's of a customer, or a colleague's, and the vendor's by its domain only."""
    known: bool = False
    """The author is somebody's of a customer, or a colleague, and of no vendor."""
    aligned: bool = False
    """The domain of the author vouches for the mail."""
    failed: bool = False
    """The domain asks not to believe it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where it goes. `case`: onto it; `triage`: staff decide, with the case it seems to name; `none`: it is no vendor's matter."""

    outcome: Literal["case", "triage", "none"]
    why: str
    case: str | None = None
    vendor: str | None = None


def place(asked: Asked, found: Sequence[Found]) -> Placed:
    """The first of what it names that is that vendor's and proved; else it waits for staff, with why.

    An address of ours proves that they saw our mail. Ids and references travel in every mail: they need a domain that
    vouches. Two cases with one reference are for staff to tell apart. The number of our ticket is nothing here.
    """
    theirs = [one for one in found if one.vendor == asked.vendor]
    named = next(iter(theirs or found), None)
    case, vendor = (named.case, named.vendor) if named else (None, asked.vendor)
    if asked.vendor is None or (asked.contact and not theirs):
        token = any(one.how == "token" for one in found)
        if token or (found and not asked.known and not asked.contact):
            return Placed(outcome="triage", why="third_party", case=case, vendor=vendor)
        return Placed(outcome="none", why="contact" if asked.contact else "no_vendor")
    if asked.failed:
        return Placed(outcome="triage", why="failed", case=case, vendor=asked.vendor)
    for how in ("token", "references", "reference"):
        cases = list(dict.fromkeys(one.case for one in theirs if one.how == how))
        if not cases:
            continue
        if how != "token" and not asked.aligned:
            return Placed(outcome="triage", why="unproved", case=cases[0], vendor=asked.vendor)
        if len(cases) > 1:
            return Placed(outcome="triage", why="ambiguous", case=cases[0], vendor=asked.vendor)
        return Placed(outcome="case", why=how, case=cases[0], vendor=asked.vendor)
    if found:
        return Placed(outcome="triage", why="third_party", case=case, vendor=asked.vendor)
    return Placed(outcome="triage", why="no_case" if asked.aligned else "unproved", vendor=asked.vendor)


def references(pattern: str, *texts: str) -> tuple[str, ...]:
    """What looks like a reference of theirs, in order, each once; of a pattern with a group, the group.

    >>> references("SR[0-9]{7}", "Case SR1234567 opened", "Re: SR1234567, not SR7654321")
    ('SR1234567', 'SR7654321')
    >>> references("", "SR1234567")
    ()
    """
    if not pattern:
        return ()
    known = re.compile(pattern)
    found = (one for text in texts for one in known.finditer(text[:LOOKED_AT]))
    said = (one.group(1) if known.groups else one.group() for one in found)
    return tuple(dict.fromkeys(one.strip()[:MAX_REFERENCE] for one in said if one and one.strip()))


# --- What they are not told ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What of a customer is hidden from a vendor."""

    words: tuple[str, ...] = ()
    """Names, streets, numbers and addresses of people."""
    domains: tuple[str, ...] = ()
    """Every address in them is hidden."""


def mask(text: str, secrets: Secrets) -> str:
    """The text without them, whatever their case and the spaces between their words.

    >>> mask("Mario Rossi of ACME, mario@acme.test", Secrets(words=("Acme", "mario  rossi"), domains=("acme.test",)))
    '[…] of […], […]'
    """
    for domain in secrets.domains:
        text = re.sub(
            rf"[\w.+%-]+@(?:[\w-]+\.)*{re.escape(domain)}(?![\w-])", HIDDEN, text, flags=re.IGNORECASE
        )
        text = re.sub(
            rf"(?<![\w@.-])(?:[\w-]+\.)*{re.escape(domain)}(?![\w-])", HIDDEN, text, flags=re.IGNORECASE
        )
    words = {" ".join(word.split()) for word in secrets.words}
    for word in sorted((one for one in words if len(one) > 1), key=lambda one: (-len(one), one)):
        spaced = r"\s+".join(re.escape(part) for part in word.split())
        text = re.sub(rf"(?<!\w){spaced}(?!\w)", HIDDEN, text, flags=re.IGNORECASE)
    return text


# --- How good they are --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One case that was opened in the time looked at."""

    opened_at: datetime
    answer_due: datetime | None
    """None: nothing was agreed."""
    first_answer_at: datetime | None
    kept: int = 0
    late: int = 0
    reopened: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many."""

    met: int = 0
    of: int = 0

    @property
    def percent(self) -> int | None:
        """Rounded; None: of none."""
        return round(100 * self.met / self.of) if self.of else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What is counted of a vendor in a month."""

    cases: int
    answered: Share
    """First answers within target. One that is due and not there counts as missed; one that is not due yet does not count."""
    promises: Share
    """Updates that came when they were due."""
    reopened: int
    leg: Share = field(default_factory=Share)
    """Seconds that the tickets of these cases lay with a vendor, of all their seconds."""


def score(cases: Iterable[Past], *, leg: Share, now: datetime) -> Score:
    """Add up the cases of one vendor and month."""
    seen = list(cases)
    agreed = [one for one in seen if one.answer_due is not None]
    in_time = [one for one in agreed if one.first_answer_at is not None and _met(one)]
    late = [
        one for one in agreed if one not in in_time and (one.first_answer_at is not None or _due(one, now))
    ]
    kept = sum(one.kept for one in seen)
    return Score(
        cases=len(seen),
        answered=Share(met=len(in_time), of=len(in_time) + len(late)),
        promises=Share(met=kept, of=kept + sum(one.late for one in seen)),
        reopened=sum(one.reopened for one in seen),
        leg=leg,
    )


def _met(one: Past) -> bool:
    assert one.answer_due is not None and one.first_answer_at is not None  # noqa: PT018, S101 - asked before
    return one.first_answer_at <= one.answer_due


def _due(one: Past, now: datetime) -> bool:
    return one.answer_due is not None and one.answer_due < now
