"""What does the API answer about contracts, what is left of them, and why a ticket was judged as it was?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from web.api import shapes
from web.api.shapes import Shape

Unit = Literal["minutes", "tickets", "visits"]


class Balance(Shape):
    """What is left of a measured line in its present period, in the line's measure."""

    first: date = Field(description="Of the period.")
    last: date
    granted: float = Field(description="Bought, added and carried over.")
    used: float
    left: float = Field(description="Below zero after an overdraft.")
    percent: int


class Line(shapes.ContractLine):
    """What is bought. Empty lists mean all; None is what only staff see: how we go about it."""

    assets: list[str]
    sites: list[str]
    period: str
    rollover: bool
    step: int = Field(description="Minutes to which the work on one ticket is rounded up.")
    overdraft: bool | None
    priority: int | None
    vendor_pauses: bool | None
    emergency: bool
    no_access_billable: bool | None
    hours: list[str] = Field(
        description='When somebody is there, as "mon 09:00-13:00": what `calendar` says, holidays apart.'
    )
    used_before: float = Field(description="Before its books began; part of `used`.")
    balance: Balance | None = Field(description="None: it is not measured, or it is not for you.")


class Summary(Shape):
    """A contract in a list."""

    number: str
    customer: shapes.CustomerRef
    state: str = Field(
        description="valid, ending (within 90 days), grace, expired, not_started, suspended, draft or terminated."
    )
    valid_from: date
    valid_until: date
    days_left: int
    lines: list[Line]


class Contracts(Shape):
    """A page of contracts, those that end soonest first."""

    items: list[Summary]
    next: str | None


class Contract(Shape):
    """A contract in its present version. None is what only staff see."""

    number: str
    version: str
    customer: str
    valid_from: date
    valid_until: date
    status: str
    stands: str = Field(description="valid, grace, suspended, not_started or expired, now.")
    grace_days: int | None
    notice_date: date | None
    renewal: str
    covers_children: bool
    authorised_contacts: list[str] | None = Field(
        description="E-mail addresses; empty: everybody. For staff."
    )
    policy: dict[str, str] | None = Field(description="Verdict to decision, over the customer's. For staff.")
    tell_breach: bool | None = Field(
        description="The customer is told of a promise that was not kept. For staff."
    )
    lines: list[Line]


class Version(Shape):
    """One version of a contract, which never changes."""

    n: int
    version: str
    at: datetime
    by: str
    why: str
    changes: list[str] = Field(description="In words, against the one before.")


class Versions(Shape):
    """All of a contract, oldest first."""

    items: list[Version]


class Entry(Shape):
    """One row of a line's books. Rows are never changed; a reversal takes one back."""

    id: str
    kind: Literal["opening", "purchase", "rollover", "use", "reversal"]
    quantity: float = Field(description="In the line's measure.")
    at: datetime
    ticket: str | None = Field(description="Number.")
    by: str
    reason: str
    reversible: bool


class Consumption(Shape):
    """A measured line, its forecast, and the rows behind its number, newest first."""

    line: str
    measure: str
    balance: Balance
    per_week: float = Field(description="Mean of the last eight weeks, in the line's measure.")
    exhausted_on: date | None = Field(description="If it goes on like this; None: not within the period.")
    entries: list[Entry]
    more: bool = Field(description="There are older rows in this period.")


class Consumed(Shape):
    """The measured lines of a contract."""

    items: list[Consumption]


class Affected(Shape):
    """A ticket that came since the contract began and was judged without it."""

    number: str
    subject: str
    state: str
    verdict: str
    decision: str
    received_at: datetime


class AffectedTickets(Shape):
    """At most 200, newest first."""

    items: list[Affected]


class Check(Shape):
    """One check of a ticket's contract, as it was. The newest counts."""

    seq: int
    at: datetime
    verdict: str
    would_be: str | None
    decision: str
    reasons: list[dict[str, Any]] = Field(
        description="`code` and `sentence`, with the values of the sentence."
    )
    inputs: dict[str, Any]
    inputs_hash: str
    candidates: list[dict[str, Any]] = Field(description="Lines, each with why it lost; empty: it won.")
    contract: str | None
    contract_version: str | None
    line: str | None
    remaining: float | None
    channel_allowed: bool | None
    window_open: bool
    next_open_at: datetime | None
    trust: str
    overridden_by: str | None
    override_reason: str
    override_until: datetime | None


class Checks(Shape):
    """All of a ticket, newest first."""

    items: list[Check]


class Activity(Shape):
    """Work on a ticket."""

    id: str
    agent: str
    kind: str
    minutes: int
    text: str
    at: datetime = Field(description="When it ended.")
    recorded_at: datetime


class Used(Shape):
    """What the ticket used of a line."""

    contract: str
    line: str
    unit: Unit
    quantity: int


class Activities(Shape):
    """Work on a ticket, oldest first, and what it used."""

    items: list[Activity]
    used: list[Used]
