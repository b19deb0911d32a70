"""What does the API answer of duties? Rotas, who is on duty, calls to colleagues, handovers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from web.api.shapes import Shape

Duty = Literal["on-call", "second", "shift-leader", "supervisor"]
Rung = Literal["on_call", "second", "shift_leader", "supervisor"]
Cause = Literal["soon", "late", "p1", "closed", "safety", "always", "promise"]


class Staff(Shape):
    """A member of staff on a plan."""

    name: str
    email: str
    phone: str


class Turn(Shape):
    """Somebody's time on duty, until before `until`."""

    who: Staff
    since: datetime
    until: datetime
    override: str | None = Field(description="Id of the override that it is; null: as planned.")


class Layer(Shape):
    """Members who hand over to each other."""

    starts: date
    handoff: str = Field(description="Local time.")
    length: str
    restrictions: list[str]


class RotaNow(Shape):
    """A plan for one duty, and how it stands with it."""

    name: str
    duty: Duty
    groups: list[str] = Field(description="Empty: for all groups that have no rota of their own.")
    time_zone: str
    fallback: str
    layers: list[Layer]
    now: Turn | None = Field(description="null: nobody has this duty.")
    next: Turn | None


class Gap(Shape):
    """Nobody is there who should be."""

    what: Literal["first_line", "specialists", "supervision"]
    technologies: list[str]
    since: datetime
    until: datetime


class Rotas(Shape):
    """All of them, and what nobody has in the next 60 days."""

    items: list[RotaNow]
    gaps: list[Gap]


class Open(Shape):
    """Nobody has the duty by this rota."""

    since: datetime
    until: datetime


class Override(Shape):
    """Somebody else, for a time."""

    id: str
    who: Staff
    since: datetime
    until: datetime
    reason: str
    by: str


class Plan(Shape):
    """One rota, from and until when."""

    name: str
    duty: Duty
    since: datetime
    until: datetime
    turns: list[Turn]
    open: list[Open]
    overrides: list[Override] = Field(description="Those that are not over, also outside of these bounds.")


class OnDuty(Shape):
    """Who has a duty for a group."""

    duty: Duty
    group: str | None = Field(description="null: for all groups that have no rota of their own.")
    who: list[Staff]


class OnDutyList(Shape):
    """Who is on duty at an instant."""

    at: datetime
    items: list[OnDuty]


class PageSent(Shape):
    """A way by which a call left."""

    channel: str
    state: str
    sent_at: datetime | None
    error: str


class PageOfTicket(Shape):
    """Somebody who was called once."""

    id: str
    name: str = Field(description="Empty: the number that is called when nobody answers.")
    rung: Rung
    round: int
    cause: Cause
    at: datetime
    acknowledged_at: datetime | None
    sent: list[PageSent]


class PagesOfTicket(Shape):
    """Who was called to a ticket, oldest first."""

    items: list[PageOfTicket]


class Level(Shape):
    """A ticket's time with one group."""

    group: str
    since: datetime
    taken_at: datetime | None
    until: datetime | None
    seconds: int


class Levels(Shape):
    """One after the other."""

    items: list[Level]


class HandoverSummary(Shape):
    """One shift to the next."""

    id: str
    rota: str
    ends: datetime
    outgoing: str
    incoming: str
    signed_out: datetime | None
    signed_out_by: str
    signed_in: datetime | None
    signed_in_by: str


class Handover(HandoverSummary):
    """With its brief."""

    hash: str
    missing: list[str] = Field(description="Numbers of tickets that need a sentence before anybody can sign.")
    sentences: dict[str, str]
    brief: dict[str, list[dict[str, Any]]]


class Handovers(Shape):
    """Newest first."""

    items: list[HandoverSummary]
