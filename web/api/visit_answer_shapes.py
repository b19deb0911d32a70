"""What does the API answer about calendars and steps of a visit? Their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from web.api.shapes import Shape

WORDS = ("text", "name", "serial", "removed", "role", "unable", "comment")


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
    kind: Literal["en_route", "check_in", "task", "photo", "part", "note", "sign", "check_out"]
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
    done: bool | None = Field(description="Of a line of the checklist.")
    minutes: int | None = Field(description="Of work, where the end says so.")
    picture: bool = Field(description="There is a photo or a signature.")


class Steps(Shape):
    """All of them."""

    items: list[Step]
