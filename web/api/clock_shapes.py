"""What does the API say of clocks and calendars? Closed shapes."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from web.api.shapes import Shape


class Turn(Shape):
    """Whose turn it was for a time."""

    since: datetime
    until: datetime
    leg: str = Field(description="us, customer, vendor, or outside: the service was closed.")
    reason: str = Field(description="For staff the state; why time did not count; empty: it did.")


class Segment(Turn):
    """What a clock made of a time."""

    counted: str = Field(description="counted, paused, or closed: outside the hours of the calendar.")


class LevelNoted(Shape):
    """One level of a clock."""

    level: int = Field(description="Percent of the target; 100 is the breach.")
    fell_due: datetime
    at: datetime
    state: str = Field(
        description="told, overtaken, seen (when it had ended), withdrawn, or past (of a target before)."
    )
    agents: list[str] = Field(description="Names of those who were told.")


class ClockExplained(Shape):
    """One cycle of a clock, and every minute of it: segments touch, counted and paused ones add up to its sums."""

    name: str
    cycle: int
    state: str = Field(description="pending, running, paused, late, met, breached or cancelled.")
    promise: str = Field(description="For staff: the service level it is of.")
    calendar: str
    target_s: int
    elapsed_s: int
    paused_s: int
    started_at: datetime
    stopped_at: datetime | None
    due_at: datetime | None = Field(description="null while a pause holds it.")
    breached_at: datetime | None
    leg: str = Field(description="Whose the breach is; empty: there is none.")
    by_leg: dict[str, int] = Field(description="Seconds that counted, by leg.")
    segments: list[Segment]
    warnings: list[LevelNoted] = Field(description="For staff; empty for customers.")


class Clocks(Shape):
    """The times of a ticket: whose turn it was from its receipt on, and each clock."""

    number: str
    received_at: datetime
    until: datetime
    time_zone: str = Field(description="The customer's.")
    calendar: str = Field(description="By which `turns` says that the service was closed.")
    turns: list[Turn]
    by_leg: dict[str, int] = Field(description="Seconds.")
    clocks: list[ClockExplained]


class Calendar(Shape):
    """When a service is there, in local time."""

    name: str
    version: str
    edition: str = Field(description="Of all it says, names of days too. Give it back as `seen`.")
    time_zone: str
    weekly: list[str] = Field(description='Lines like "mon-fri 09:00-13:00".')
    holidays: str = Field(description="A code like IT or IT-MI; empty: none are kept.")
    closed: list[date]
    closed_names: dict[str, str] = Field(description="What some of these days are called, by the day.")
    cut_off: str | None
    warnings: list[str] = Field(description="What is accepted and probably not meant: windows that overlap.")


class Calendars(Shape):
    """All calendars."""

    items: list[Calendar]


class Impact(Shape):
    """What a calendar or a service level would change among open tickets that run by another version of it."""

    looked_at: int = Field(description="Open tickets that were looked at.")
    tickets: int
    earlier: int = Field(description="Tickets of which some clock would be due earlier.")
    later: int
    breached: int = Field(description="Tickets that would be late and are not.")
    kept: int = Field(description="Tickets that are late and would not be.")
    next: str | None = Field(description="Where to go on looking; null: that was all. Add the figures up.")


class Promised(Shape):
    """What one priority is promised: targets like 15m, 4h, 2d, 1wd or "5wd end"; null: nothing of the kind."""

    response: str | None
    update: str | None
    restore: str | None
    resolve: str | None
    onsite: str | None
    vendor: str | None
    resolve_after_workaround: str | None
    calendar: str | None = Field(description="Null: that of the contract line.")


class ServiceLevel(Shape):
    """An SLA: what each priority is promised."""

    name: str
    version: str = Field(description="Two with the same say the same. Give it back as `seen`.")
    retroactive: bool = Field(
        description="Whether a ticket that comes under it later is measured by it from its start."
    )
    targets: dict[str, Promised] = Field(
        description="By priority, P1 to P4; one that is missing is promised nothing."
    )


class ServiceLevels(Shape):
    """All of them, by name."""

    items: list[ServiceLevel]


class LevelDifference(Shape):
    """One value that a version says otherwise than the one before."""

    priority: str = Field(description="Empty: of the whole level.")
    field: str = Field(description="A clock, calendar, or retroactive.")
    before: str = Field(description="Empty: nothing.")
    after: str


class LevelVersion(Shape):
    """One time that a service level was written."""

    at: datetime
    by: str = Field(description="Name of who did it; empty: somebody at the command line.")
    why: str
    differences: list[LevelDifference]


class LevelHistory(Shape):
    """The newest 20, the last first."""

    items: list[LevelVersion]


class LevelImpact(Impact):
    """The same, with what the level says otherwise than the one that is kept."""

    differences: list[LevelDifference]
