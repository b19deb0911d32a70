"""A service level was edited: which clocks of a ticket come under another promise, and under which? Decisions only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from core.rules.clocks import Clock, ClockAction, ClockEvent, ClockName, Policy


def retargets(
    clocks: Iterable[Clock], promised: Mapping[ClockName, Policy], *, now: datetime, reason: str
) -> tuple[tuple[ClockEvent, Policy], ...]:
    """A retarget for each clock that has not ended and is promised otherwise now, with the policy it names.

    A clock that is not promised any more keeps what it was started with, and one that is newly promised is not started:
    that is for the next request. By a calendar of the same name a clock keeps the version it runs by: an edited
    calendar is applied by itself.
    """
    found = []
    for clock in clocks:
        policy = promised.get(clock.name)
        if policy is None or clock.ended:
            continue
        before = clock.policy
        if policy.calendar.definition.name == before.calendar.definition.name:
            policy = replace(policy, calendar=before.calendar, calendar_version=before.calendar_version)
        if before.promises_as(policy):
            continue
        event = ClockEvent(
            at=now,
            kind=ClockAction.RETARGET,
            clock=clock.name,
            cycle=clock.cycle,
            reason=reason,
            policy=policy.key,
        )
        found.append((event, policy))
    return tuple(found)
