"""What does the API answer about workarounds, problems and known errors? Their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from web.api.shapes import Shape

State = Literal["new", "investigating", "known_error", "fix_scheduled", "resolved", "closed"]
Move = Literal["investigate", "know", "schedule", "resolve", "close", "reopen"]


class ProblemTicket(Shape):
    """A ticket that has a problem, as far as you may see it."""

    number: str
    subject: str
    customer: str
    state: str
    received_at: datetime


class KnownErrorRef(Shape):
    """A known error by its name."""

    number: int
    name: str
    title: str


class ProblemSummary(Shape):
    """A problem in a list."""

    number: int
    name: str = Field(description="PB-3.")
    title: str
    state: State
    root_cause: str
    owner: str = Field(description="E-mail; empty: nobody.")
    technology: str | None
    customer: str | None = Field(description="Code, of whom it is alone.")
    asset: str | None
    cause: str = Field(description="Code of the resolutions by which it was proposed; empty: others.")
    proposed: bool = Field(description="By the hub.")
    fix_due: datetime | None
    at: datetime
    changed_at: datetime
    closed_at: datetime | None
    count: int = Field(description="Tickets, also those that you may not see.")


class Problem(ProblemSummary):
    """A problem with its tickets."""

    moves: list[str] = Field(description="That you may make now.")
    tickets: list[ProblemTicket]
    known_errors: list[KnownErrorRef]


class Problems(Shape):
    """Open ones first, what changed last on top."""

    items: list[ProblemSummary]


class KnownErrorVersion(Shape):
    """A known error as it was."""

    n: int
    at: datetime
    by: str = Field(description="Name.")
    content: dict[str, Any]


class KnownErrorSummary(KnownErrorRef):
    """A known error in a list."""

    technology: str | None
    customer: str | None = Field(description="Code, of whom it is alone; null: of anybody.")
    assets: list[str]
    verified_on: datetime | None
    expires_on: datetime | None
    expired: bool
    version: int
    closed_at: datetime | None


class KnownError(KnownErrorSummary):
    """A known error with its versions."""

    symptom: str
    cause: str
    steps: str
    public_text: str = Field(description="What the customer is told, and nothing else.")
    risk: str
    fix: str
    pattern: str
    words: list[str]
    problem: int | None
    at: datetime
    versions: list[KnownErrorVersion]


class KnownErrors(Shape):
    """Those that are not over first."""

    items: list[KnownErrorSummary]


class KnownErrorHint(KnownErrorRef):
    """A known error that a ticket seems to be about."""

    steps: str
    public_text: str
    risk: str
    why: str = Field(description="pattern, asset or words.")
    because: str
    expired: bool
    expires_on: datetime | None


class Behind(Shape):
    """What is known behind a ticket."""

    known_errors: list[KnownErrorHint]
    problems: list[KnownErrorRef] = Field(description="Number, name and title of each problem it has.")
