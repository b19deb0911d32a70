"""Has a source fallen silent? What was heard of it, and when it must be heard again (monitoring.md 6).

A source that beats is measured by its beats alone: what is behind it may be dead while it goes on sending ends of alarms. Any other
that must be heard regularly is measured by whatever it sends. All instants are aware; `now` is a parameter.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

ABSENT = timedelta(minutes=3)
"""Without a round of the hub's own, after which it was not there itself: it cannot say who was silent meanwhile."""
MESSAGES_WAIT = timedelta(seconds=30)
"""What the source sent is stored and not looked at yet: so long, and it is asked again."""
STANDS = timedelta(minutes=10)
"""What the hub sees of itself for so long is an alarm."""


class Voice(StrEnum):
    """How a source is."""

    UNWATCHED = "unwatched"
    """Nobody said when it must be heard, or it is switched off."""
    NEVER = "never"
    """It was never heard: not commissioned."""
    SPEAKS = "speaks"
    UNKNOWN = "unknown"
    """The hub could not have heard it."""
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known of a source."""

    seen_at: datetime | None = None
    """Anything at all."""
    beat_at: datetime | None = None
    """A heartbeat. None: it has none of its own."""
    every: timedelta | None = None
    """What it said itself of the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Could the hub have heard it?"""

    round_at: datetime | None = None
    """The hub's own latest round; None: it never made one."""
    since: datetime | None = None
    """Since when those came without a gap."""
    deaf: bool = False
    """What the hub sends to itself does not arrive."""
    messages_wait: bool = False
    """Something of the source is stored and not looked at yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How it is, and when to ask again."""

    voice: Voice
    until: datetime | None = None


def watched(every: timedelta | None, heard: Heard) -> timedelta | None:
    """Within what it must be heard again: what it says itself, else what is configured."""
    return heard.every or every


def judge(
    heard: Heard, *, every: timedelta | None, grace: timedelta, hearing: Hearing, now: datetime
) -> Verdict:
    """How the source is. `every`: as it is configured; None: only what it says itself counts.

    An instant that lies ahead counts as now: a clock that was set back makes nobody wait for longer than the span.

    >>> at = datetime(2026, 11, 29, 3, 0)
    >>> judge(Heard(), every=ABSENT, grace=ABSENT, hearing=Hearing(), now=at).voice
    <Voice.NEVER: 'never'>
    """
    span = watched(every, heard)
    if span is None:
        return Verdict(voice=Voice.UNWATCHED)
    sign = heard.beat_at or heard.seen_at
    if sign is None:
        return Verdict(voice=Voice.NEVER)
    span += max(grace, timedelta(0))
    due = min(sign, now) + span
    if due > now:
        return Verdict(voice=Voice.SPEAKS, until=due)
    if (heard_from := _listening(hearing, now=now)) is not None and heard_from + span > now:
        return Verdict(voice=Voice.UNKNOWN, until=heard_from + span)
    if hearing.messages_wait:
        return Verdict(voice=Voice.UNKNOWN, until=now + MESSAGES_WAIT)
    return Verdict(voice=Voice.SILENT)


def _listening(hearing: Hearing, *, now: datetime) -> datetime | None:
    """Since when the hub could have heard anybody; None: always."""
    absent = hearing.round_at is not None and now - hearing.round_at > ABSENT
    if hearing.deaf or absent:
        return now
    return min(hearing.since, now) if hearing.since is not None else None


def changes(fires: Collection[str], there: Collection[str]) -> tuple[list[str], list[str]]:
    """Of what the hub sees of itself: what begins, and what is over. `fires`: alarms that fire; `there`: what is the case.

    >>> changes({"a", "b"}, {"b", "c"})
    (['c'], ['a'])
    """
    return sorted(set(there) - set(fires)), sorted(set(fires) - set(there))
