"""What does the API answer about outages? Their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from web.api.shapes import CustomerRef, Shape


class OutageWords(Shape):
    """What a notice says in one language."""

    title: str
    text: str


class OutageSite(Shape):
    """A site of a customer."""

    customer: str = Field(description="Code.")
    site: str


class OutageUpdate(Shape):
    """What was told of an outage, in order."""

    seq: int
    kind: Literal["published", "updated", "ended", "cancelled"]
    at: datetime
    by: str = Field(description="Who said it. For contacts empty.")
    words: dict[str, str] = Field(description="Language to text.")
    reason: str = Field(description="Why it was cancelled. For staff.")
    next_update: datetime | None


class OutageSubscriber(Shape):
    """Somebody who asked to be told when it is over."""

    name: str
    channel: str
    address: str
    customer: str | None
    progress: bool = Field(description="Wants every update.")
    ticket: str | None = Field(description="In which they are told.")
    asked_at: datetime
    state: Literal["waiting", "told", "quiet", "unreachable"]


class OutageSummary(Shape):
    """An outage in a list. An empty part of where it is means all."""

    id: str
    state: Literal["running", "ended", "cancelled"]
    words: dict[str, OutageWords] = Field(description="Language to what was published.")
    customers: list[str] = Field(description="Codes. Contacts see what names their own company.")
    sites: list[OutageSite]
    technologies: list[str]
    since: datetime
    next_update: datetime | None = Field(description="Promised; null: none, or it is over.")
    published_at: datetime
    ended_at: datetime | None
    last_update: int = Field(description="The newest update: what seen has to be.")
    asked: int = Field(description="How many asked to be told. For contacts 0.")
    subscribed: bool = Field(description="You asked to be told.")


class Outage(OutageSummary):
    """An outage with its updates; for staff also whom it concerns and who asked."""

    updates: list[OutageUpdate]
    concerned: list[CustomerRef]
    subscribers: list[OutageSubscriber]


class Outages(Shape):
    """A page of outages."""

    items: list[OutageSummary]
    next: str | None
