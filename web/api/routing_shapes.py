"""What do calls about qualification and routing answer? The shapes, as the document describes them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class RoutingRule(BaseModel):
    """A line of the routing table. A field that is null matches everything."""

    customer: str | None
    technology: str | None
    request_type: str | None
    level: int | None = Field(description="null: that of the group.")
    calendar: str | None = Field(description="The line counts only while this calendar is open.")
    group: str
    weight: int = Field(description="How specific it is: the heaviest wins, of equals the first.")


class RoutingTie(BaseModel):
    """Two lines that ask for exactly the same, counted from 1."""

    first: int
    second: int = Field(description="Never wins.")


class RoutingTable(BaseModel):
    """The routing table and what its lines may name."""

    version: str = Field(description="Send it along when you save, so that nobody's change is lost.")
    rules: list[RoutingRule]
    ties: list[RoutingTie]
    groups: list[str]
    technologies: list[str]
    request_types: list[str]
    calendars: list[str]
    may_edit: bool


class RoutingMove(BaseModel):
    """How many tickets would have gone from one group to another. A group that is null: to nobody."""

    was: str | None
    would_be: str | None
    count: int


class RoutingDifference(BaseModel):
    """A ticket that would have gone elsewhere."""

    number: str
    customer: str | None
    technology: str | None
    request_type: str | None
    at: datetime = Field(description="When it was routed, or received.")
    was: str | None
    would_be: str | None
    has_it: str | None = Field(description="The group that has it now.")
    why: str = Field(description="The line of the edited table that decides; empty: none does.")


class RoutingTrial(BaseModel):
    """What an edited table would have done with the tickets of the last days. Nothing was changed."""

    days: int
    looked_at: int
    different: int
    moves: list[RoutingMove]
    differences: list[RoutingDifference] = Field(description="The newest, at most 200.")


class Gap(BaseModel):
    """From when until when nobody is there."""

    since: datetime
    until: datetime
    group: str | None = Field(description="Which should be; null: no line names one.")


class Hole(BaseModel):
    """Something a customer bought that nobody is there for, at some time of the 14 days to come."""

    customer: str = Field(description="Code.")
    customer_name: str
    technology: str
    request_type: str
    gaps: list[Gap]


class Holes(BaseModel):
    """What the last look found."""

    at: datetime | None = Field(description="When it was looked; null: not yet.")
    items: list[Hole]


class WhyStep(BaseModel):
    """A line that was looked at, or what came after the lines."""

    rule: str = Field(
        description="`rule N`, `competence`, `fallback`, `on-call`, `ladder`, `waits` or `by hand`."
    )
    group: str
    weight: int
    matched: bool
    why: str = Field(description="A code such as `fits`, `technology` or `calendar`.")
    value: str = Field(description="What the code is about.")


class WhyEvent(BaseModel):
    """Something that put the ticket where it is, or tells why."""

    at: datetime
    kind: str
    by: str = Field(description="Name; empty: the hub.")
    group: str | None
    how: str = Field(description="`hours`, `on-call`, `ladder` or `waits`; empty: by hand.")
    steps: list[WhyStep]
    agent: str = Field(description="Who was given it by the group; empty: nobody.")
    considered: dict[str, str] = Field(description="Name to why somebody was chosen or not.")
    fields: list[str] = Field(description="Of accepted suggestions.")
    priority: str
    computed: str = Field(description="Of a priority set by hand: what the table said.")


class WhyHere(BaseModel):
    """Why a ticket is where it is, oldest first."""

    number: str
    group: str | None
    level: int
    next_try_at: datetime | None = Field(description="When it is routed again; null: it is not.")
    history: list[WhyEvent]
    provenance: dict[str, str] = Field(
        description="Field to where its value came from: ivr, mail_alias, alert_label, portal_form, rule, agent."
    )


class Suggestion(BaseModel):
    """A value for a field that is empty."""

    field: str
    value: str | int | bool
    provenance: str = Field(description="What the ticket says of the value once it is accepted.")
    why: str = Field(
        description="`mailbox`, `words`, `asset`, `address`, `site`, `only_site`, `technology`, `history` or `of_asset`."
    )
    because: str = Field(description="What gave it away.")


class ToQualify(BaseModel):
    """A request that waits to be qualified."""

    number: str
    subject: str
    state: str
    channel: str
    customer: str | None
    requester: str
    received_at: datetime
    due_at: datetime | None = Field(description="Of its triage clock.")
    last_event: int
    missing: list[str]
    provenance: dict[str, str]
    suggestions: list[Suggestion]


class TimeToQualify(BaseModel):
    """Seconds from received to first qualified."""

    days: int
    channel: str = Field(description="Empty: all.")
    count: int
    median: float
    p90: float


class Qualification(BaseModel):
    """The queue, the most urgent first, and how long it took lately."""

    items: list[ToQualify]
    count: int = Field(description="Of all that wait, in your scope.")
    late: int
    next: str | None = Field(description="`cursor` of the page after; null: this is the last.")
    figures: list[TimeToQualify]


class AgentLoad(BaseModel):
    """Somebody of the staff, and what is theirs."""

    email: str
    name: str
    groups: list[str]
    skills: list[str]
    capacity: int
    working_on: int = Field(description="Open tickets of P1 to P3.")
    open: int
    present: bool
    away_until: datetime | None


class Capacity(BaseModel):
    """Everybody, by name."""

    items: list[AgentLoad]
