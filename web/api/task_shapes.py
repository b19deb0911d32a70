"""What does the API answer about tasks and alarms? Their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from web.api.shapes import Shape


class Task(Shape):
    """Something that somebody has to do. For one person, a group, a role, or, with none of them, whoever leads."""

    id: str
    kind: str = Field(description="What it is about, such as promise_late or approve.")
    text: str = Field(description="The same in words, in your language.")
    alarm: bool = Field(description="Shown first and red.")
    agent: str | None = Field(description="Id of whom it is for.")
    group: str | None = Field(description="The group it is for.")
    role: str | None = Field(description="The role it is for.")
    ticket: str | None = Field(description="Number of its ticket.")
    url: str = Field(description="Page of the desk that it leads to; empty: none.")
    about: dict[str, Any] = Field(description="Values that its words are made of.")
    at: datetime = Field(description="Since when it is asked for.")
    due: datetime | None
    done_at: datetime | None


class Tasks(Shape):
    """What is open for you, alarms first."""

    items: list[Task]
