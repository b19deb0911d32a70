"""What does the API answer about visits on site? Their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from web.api.shapes import Shape

State = Literal["proposed", "counter", "confirmed", "en_route", "onsite", "done", "no_access", "cancelled"]


class Part(Shape):
    """Something to be brought."""

    name: str
    serial: str


class Engineer(Shape):
    """Who comes."""

    id: str
    name: str
    email: str = Field(description="Empty outside the desk.")


class Slot(Shape):
    """A time that waits for the customer's choice."""

    id: str
    engineer: str = Field(description="Name of who leads.")
    others: list[str] = Field(description="Names of who would come with them.")
    start: datetime
    end: datetime
    expires_at: datetime = Field(
        description="So long it is held; afterwards it is theirs if it is still free."
    )
    why: str = Field(description="Why it is among those offered, such as earliest or another_half_day.")
    late: bool = Field(description="It begins after what was promised.")


class Visit(Shape):
    """A visit on site. Purpose, skills, parts and reasons are for staff, and empty outside."""

    id: str
    ticket: str = Field(description="Number.")
    state: State
    site: str
    place: str = Field(description="Address, as it was when the visit was planned.")
    time_zone: str
    purpose: str
    skills: list[str]
    parts: list[Part]
    minutes: int = Field(description="How long the work takes.")
    count: int = Field(description="How many engineers it asks for.")
    engineers: list[Engineer] = Field(description="Who comes or came; the first leads.")
    window_start: datetime | None = Field(description="When somebody comes; null: no time is agreed.")
    window_end: datetime | None
    arrived_at: datetime | None
    left_at: datetime | None
    sequence: int = Field(description="How often it was changed since it was agreed.")
    billable: bool = Field(description="Nobody opened, and it counts as a visit.")
    ended_why: str
    replaces: str | None = Field(description="Id of an earlier visit.")
    made_at: datetime
    closed_at: datetime | None
    slots: list[Slot] = Field(description="Times that wait for a choice.")
    no_time: str = Field(description="Why there was no time to offer, such as no_skill; empty: there was.")


class Visits(Shape):
    """Those of a ticket, in the order in which they were planned."""

    items: list[Visit]


class Hours(Shape):
    """From, until before."""

    since: datetime
    until: datetime


class Entry(Shape):
    """What takes an engineer's time; without a ticket where it is none, or none that you may see."""

    id: str
    kind: Literal["visit", "hold", "leave", "other"]
    since: datetime
    until: datetime
    expires_at: datetime | None = Field(description="Of a hold.")
    note: str
    ticket: str | None
    visit: str | None
    customer: str = Field(description="Name.")
    site: str
    state: str


class EngineerDays(Shape):
    """Somebody who goes on site, and what they have before them."""

    id: str
    name: str
    email: str
    skills: list[str]
    hours: list[Hours] = Field(description="When they work.")
    entries: list[Entry]


class Waiting(Shape):
    """A visit without an agreed time."""

    ticket: str
    visit: str
    state: State
    customer: str
    site: str
    purpose: str
    until: datetime | None = Field(description="So long times are held for the customer.")
    since: datetime


class Board(Shape):
    """The slot board."""

    since: datetime
    until: datetime
    engineers: list[EngineerDays]
    waiting: list[Waiting]


class DayEntry(Shape):
    """One visit of one engineer."""

    ticket: str = Field(description="Number.")
    visit: str
    customer: str = Field(description="Name.")
    site: str
    leads: bool = Field(description="They lead the crew.")
    set_out_at: datetime | None = Field(description="null: nobody noted it, and no travel is counted.")
    arrived_at: datetime
    left_at: datetime | None = Field(description="null: they are there.")
    travel: int = Field(description="Minutes of the way there.")
    work: int = Field(description="Minutes on site, as they were entered at the end.")


class DayBook(Shape):
    """What an engineer did on site, by arrival."""

    items: list[DayEntry]
    travel: int = Field(description="Minutes, in all.")
    work: int = Field(description="Minutes, in all.")


class Leave(Shape):
    """Leave that was entered."""

    id: str
