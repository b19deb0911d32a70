"""What does the API say of planned maintenance?"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from web.api.shapes import Shape


class Time(Shape):
    """One time that a window is there."""

    since: datetime
    until: datetime


class Window(Shape):
    """A window of planned maintenance, in which alerts call nobody. Of where it is, what is empty means all."""

    id: str
    customer: str = Field(description="Code.")
    site: str
    asset: str = Field(description="What hangs on it is meant, too.")
    tag: str = Field(description="name=value of a label. For contacts empty.")
    since: datetime = Field(description="Of the first occurrence.")
    until: datetime
    rule: str = Field(description="RFC 5545; empty: once.")
    zone: str = Field(description="On whose clocks it repeats.")
    mode: Literal["mute", "store_only"]
    change: str = Field(description="What for.")
    state: Literal["asked", "planned", "ended", "cancelled"] = Field(
        description="asked: waits for a second person."
    )
    going_on: bool
    times: list[Time] = Field(
        description="In a list all that were asked for; else the one that goes on or comes next."
    )
    source: Literal["person", "visit", "source"] = Field(description="Who made it known.")
    of: str = Field(
        description="Number of the visit's ticket, or name of the alert source. For contacts empty."
    )
    created_at: datetime
    created_by: str = Field(description="For contacts empty.")
    approved_by: str = Field(description="The second person. For contacts empty.")
    ended_at: datetime | None = Field(
        description="Before its time; of a series: the last time that somebody did."
    )


class Windows(Shape):
    """Windows, the next first."""

    items: list[Window]
