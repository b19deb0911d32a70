"""What does the API answer about what was joined, linked, and of incidents? Their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from web.api.shapes import Shape, State


class Link(Shape):
    """A ticket that has to do with this one."""

    kind: Literal[
        "related", "duplicate", "parent", "child", "follow_up", "followed", "split_from", "split_into"
    ] = Field(description="What it is to this one; follow_up: it goes on with what this one began.")
    number: str
    subject: str
    state: State
    at: datetime


class Links(Shape):
    """All that you may see."""

    items: list[Link]


class Joining(Shape):
    """Something that was merged, split or moved."""

    id: str
    kind: Literal["merge", "split", "move"]
    number: str = Field(description="The ticket that lost something.")
    into: str = Field(description="The ticket that got it.")
    at: datetime
    by: str = Field(description="Name of who did it.")
    undone_at: datetime | None
    may_undo: bool
    why_not: str = Field(description="Code of what is in the way of an undo; empty: nothing.")
    conversations: int
    messages: int = Field(description="How many an undo brings back.")
    since: int = Field(description="Of these, those that came since.")


class Joinings(Shape):
    """Newest first, what was undone included."""

    items: list[Joining]


class SideOfMerge(Shape):
    """One of the two."""

    number: str
    subject: str
    state: State
    received_at: datetime
    messages: int
    notes: int
    people: list[str] = Field(description="Who takes part.")
    would_read: list[str] = Field(
        description="Of these, who would read what the other ticket says, and cannot now."
    )
    clocks: dict[str, datetime | None] = Field(description="Running clocks to when each is due.")
    clocks_after: dict[str, datetime | None] = Field(description="The same after the merge.")


class MergePreview(Shape):
    """What a merge would do; nothing is done."""

    may: bool
    why_not: str = Field(description="Code of what is in the way; empty: nothing.")
    ends: SideOfMerge
    goes_on: SideOfMerge
    received_at: datetime = Field(description="From when on the one that goes on counts.")


class IncidentChild(Shape):
    """A request of an incident."""

    number: str
    subject: str
    state: State
    customer: str | None = Field(description="Code.")
    language: str
    channels: list[str]
    next_due: datetime | None
    told: str = Field(
        description="State of the delivery that told it last, the worst of several; empty: none."
    )


class IncidentUpdate(Shape):
    """What was said to all of it."""

    id: str
    at: datetime
    by: str = Field(description="Name of who said it.")
    words: dict[str, str] = Field(description="Language to text.")
    requests: int = Field(description="In how many requests it was said.")


class OutageDraft(Shape):
    """What would be published of an incident now, and for whom."""

    words: dict[str, dict[str, str]] = Field(description="Language to `title` and `text`.")
    since: datetime
    customers: list[str] = Field(description="Codes of those who are hit at all of their sites.")
    sites: list[tuple[str, str]] = Field(description="Customer and site.")
    technologies: list[str] = Field(description="Empty: all.")


class Incident(Shape):
    """An incident with its children."""

    number: str
    subject: str
    state: State
    major: bool
    languages: list[str] = Field(description="In which somebody of it is written to: an update needs each.")
    children: list[IncidentChild]
    updates: list[IncidentUpdate] = Field(description="Newest first.")
    outage: str | None = Field(description="Id of the outage that follows from it and goes on.")
    draft: OutageDraft | None = Field(
        description="What `announce` would publish; null: it is, or nobody is concerned."
    )


class IncidentSummary(Shape):
    """An incident in a list."""

    number: str
    subject: str
    state: State
    children: int
    children_open: int


class Incidents(Shape):
    """Open ones first."""

    items: list[IncidentSummary]


class Unresolved(Shape):
    """A child that stays as it is."""

    number: str
    why: str


class ChildrenResolved(Shape):
    """The incident, and what could not be solved now."""

    incident: Incident
    stays: list[Unresolved]
