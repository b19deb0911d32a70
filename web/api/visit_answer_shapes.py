"""What does the API answer about calendars and steps of a visit? Their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from core.desk import reports
from core.desk.visit_steps import Kind
from web.api.shapes import Shape
from web.api.visit_shapes import State

WORDS = ("text", "name", "serial", "removed", "role", "unable", "comment", *reports.ON_SITE)


class Invited(Shape):
    """Somebody whose calendar has the visit."""

    address: str
    name: str
    role: Literal["customer", "technician"]
    answer: Literal["NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE"]
    answered_at: datetime | None


class Asked(Shape):
    """Another time that a calendar asks for, and nobody has answered."""

    id: str
    start: datetime
    end: datetime
    by: str = Field(description="Address of who asks.")
    at: datetime


class Calendar(Shape):
    """What calendars have to do with a visit."""

    invited: list[Invited]
    asked: list[Asked]


class Step(Shape):
    """Something noted on site. Which of the words are there depends on the kind; the others are empty."""

    id: str
    kind: Kind
    at: datetime = Field(description="By the phone, corrected by what its clock was off.")
    recorded_at: datetime
    by: str = Field(description="Name of who noted it.")
    off: int = Field(description="Seconds that the phone's clock was behind.")
    text: str
    name: str
    serial: str = Field(description="Of a part: put in.")
    removed: str = Field(description="Of a part: the serial taken out.")
    role: str
    unable: str = Field(description="Why somebody could not sign.")
    comment: str
    limits: str = Field(description="Of the end: what the solution does not cover.")
    safety: str = Field(description="Of the end: what is dangerous there.")
    next_steps: str = Field(description="Of the end: what comes after.")
    done: bool | None = Field(description="Of a line of the checklist.")
    minutes: int | None = Field(description="Of work, where the end says so.")
    picture: bool = Field(description="There is a photo or a signature.")


class KeptStep(Shape):
    """What became of a step."""

    id: str
    new: bool = Field(description="False: it was there already, and stayed what it was.")
    state: State = Field(description="Of the visit, with it.")


class Steps(Shape):
    """All of them."""

    items: list[Step]
