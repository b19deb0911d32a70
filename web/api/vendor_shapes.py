"""What does the API answer about cases at vendors? Their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from web.api.shapes import Message, Shape

CaseState = Literal["draft", "opened", "acknowledged", "working", "waiting_us", "solved", "closed"]


class Vendors(Shape):
    """Whom a case can be opened at."""

    items: list[str] = Field(description="Names.")


class VendorCaseSummary(Shape):
    """A case at a vendor."""

    id: str
    ticket: str = Field(description="Number.")
    vendor: str
    contract: str = Field(description="Ours with them.")
    reference: str = Field(description="What they call it; empty: they have not said.")
    subject: str
    state: CaseState = Field(description="waiting_us: a person there wrote, the next word is ours.")
    severity: str = Field(description="Theirs.")
    rma: str
    serial: str
    reference_shown: bool = Field(description="The customer may know the reference.")
    made_at: datetime
    opened_at: datetime | None = Field(description="None: nothing was sent yet.")
    first_answer_at: datetime | None
    next_update_due: datetime | None = Field(description="By when they are to write again.")
    solved_at: datetime | None
    closed_at: datetime | None
    reopened: int
    kept: int = Field(description="Updates that came when they were due.")
    late: int = Field(description="Updates that did not.")
    allowed: list[str] = Field(description="write, work, solve, reopen, close: what the state allows.")


class VendorCases(Shape):
    """Some cases."""

    items: list[VendorCaseSummary]


class VendorCase(VendorCaseSummary):
    """A case with its conversation, which no customer reads."""

    messages: list[Message] = Field(description="Oldest first; their audience is vendor:ID.")
    to: list[str] = Field(description="Addresses that the next message goes to; none: it is only kept.")
    masks: bool = Field(description="The customer's names and addresses are hidden in what goes there.")


class VendorMail(Shape):
    """A mail that waits for staff to say which case it belongs to."""

    id: str
    received_at: datetime
    sender: str
    subject: str
    text: str
    why: str = Field(description="no_case, unproved, third_party, failed, ambiguous, ticket_over or flood.")
    vendor: str = Field(description="Empty: of no vendor that is known.")
    named: VendorCaseSummary | None = Field(description="The case that it seems to mean.")


class VendorTriage(Shape):
    """All that wait, oldest first."""

    items: list[VendorMail]


class Share(Shape):
    """So many of so many."""

    met: int
    of: int
    percent: int | None = Field(description="None: of none.")


class VendorScore(Shape):
    """One vendor in a month."""

    vendor: str
    cases: int
    answered: Share = Field(description="First answers within target, of those that came or are due.")
    promises: Share = Field(description="Updates that came when they were due.")
    reopened: int
    leg: Share = Field(
        description="Seconds that the tickets of these cases lay with a vendor, of all theirs."
    )


class VendorScores(Shape):
    """All vendors that a case was opened at in the month."""

    month: str = Field(description="Such as 2026-03, by the hub's own clock.")
    items: list[VendorScore]
