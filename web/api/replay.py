"""Tickets of before played again with an edited desk, over the API: what would have been otherwise. Nothing is written."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field

from core.desk import replay
from core.store.tx import Tx
from web.api.endpoint import Body, Call, api
from web.api.shapes import Shape

MOST = 500
"""Tickets of one call."""


class Play(Body):
    """The edited sections, and which tickets."""

    desk: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1_000_000,
            description="Sections of a desk's file (TOML): calendars, slas, routing, customers.",
        ),
    ]
    since: Annotated[AwareDatetime | None, Field(description="Left out: 92 days before `until`.")] = None
    until: Annotated[AwareDatetime | None, Field(description="Left out: now.")] = None
    after: Annotated[
        str | None, Field(pattern="^[0-9a-f-]{36}$", description="`next` of the call before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = replay.SLICE


class Pair(Shape):
    """As it is, and as edited."""

    was: str | None
    would_be: str | None


class Counted(Pair):
    """How many."""

    count: int


class ClockCount(Shape):
    """How many tickets had a clock in this state at the end, by the desk as it is and as edited."""

    clock: str
    state: str = Field(description="met, missed, running or cancelled.")
    was: int
    would_be: int


class Came(Shape):
    """How a clock came out."""

    due: datetime | None
    state: str


class ClockDifference(Shape):
    """A clock that would have come out otherwise. null: there is no such promise."""

    clock: str
    was: Came | None
    would_be: Came | None


class Difference(Shape):
    """A ticket that would have been treated otherwise; what is null is the same."""

    number: str
    customer: str | None
    received_at: datetime
    verdict: Pair | None
    line: Pair | None
    group: Pair | None
    clocks: list[ClockDifference]


class Replayed(Shape):
    """What came out."""

    looked_at: int
    different: int
    verdicts: list[Counted]
    groups: list[Counted]
    clocks: list[ClockCount]
    differences: list[Difference] = Field(description="At most 200.")
    next: str | None = Field(description="Send it as `after` for the next tickets; null: there are no more.")


@api("POST", "/replay", body=Play, answer=Replayed, asks=True)
def play_again(tx: Tx, call: Call) -> Replayed:
    """Play tickets again with edited contracts, routing or service levels, for who leads: the difference, and nothing written."""
    asked: Play = call.body
    edited = replay.read(asked.desk)
    until = asked.until or call.now
    since = asked.since or until - timedelta(days=replay.QUARTER.days)
    found = replay.run(
        tx,
        call.who,
        edited,
        since=since,
        until=until,
        after=asked.after,
        limit=asked.limit,
        now=call.now,
    )
    return Replayed(**replay.plain(found), next=found.last)


ENDPOINTS = (play_again,)
