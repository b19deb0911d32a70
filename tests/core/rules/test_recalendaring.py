"""What does another calendar make of the clocks of many tickets? The same as `rebuild` says of each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter

import pytest

from core.rules import recalendaring
from core.rules.calendars import (
    ALWAYS,
    Calendar,
    CalendarDefinition,
    parse_weekly,
    to_instant,
    to_microseconds,
)
from core.rules.clocks import Clock, ClockAction, ClockEvent, ClockName, Policy, parse_target, rebuild
from core.rules.recalendaring import Deed, Going, Instead, Stand

MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def hours(*weekly: str) -> Calendar:
    return Calendar(CalendarDefinition(name=weekly[0], time_zone="Europe/Rome", weekly=parse_weekly(weekly)))


CALENDARS = {
    "office": hours("mon-fri 09:00-13:00", "mon-fri 14:00-18:00"),
    "longer": hours("mon-fri 08:00-20:00", "sat 09:00-12:00"),
    "24x7": Calendar(ALWAYS),
}
TARGETS = ("0s", "30m", "4h", "12h", "40h", "1wd", "3wd end")
INSTEAD: Instead = {"office": ("longer", CALENDARS["longer"])}
NAMES = (ClockName.RESPONSE, ClockName.RESOLVE, ClockName.UPDATE)


def policy(target: str, calendar: str, *, retroactive: bool = True) -> Policy:
    return Policy(
        name=f"{calendar} {target}",
        target=parse_target(target),
        calendar=CALENDARS[calendar],
        calendar_version=calendar,
        retroactive=retroactive,
    )


POLICIES = {
    one.key: one
    for target in TARGETS
    for calendar in CALENDARS
    for retroactive in (True, False)
    for one in [policy(target, calendar, retroactive=retroactive)]
}


def story(chance: random.Random) -> list[ClockEvent]:
    """What may happen to a ticket within two weeks, in the order recorded; some of it is told late."""
    keys = sorted(POLICIES)
    at = MONDAY + chance.randrange(6_000) * MINUTE
    events = [
        ClockEvent(at=at, kind=ClockAction.START, clock=name, policy=chance.choice(keys))
        for name in chance.sample(NAMES, 2)
    ]
    for _ in range(chance.randrange(9)):
        at += chance.randrange(1_500) * MINUTE
        told = at - chance.choice((0, 0, 0, 1_000)) * MINUTE
        name = chance.choice(events).clock
        match chance.choice(("pause", "resume", "resume", "retarget", "stop", "reopen", "joined")):
            case "pause":
                reason = chance.choice(("customer", "vendor"))
                one = ClockEvent(at=told, kind=ClockAction.PAUSE, clock=name, reason=reason)
            case "resume":
                reason = chance.choice(("customer", "vendor"))
                one = ClockEvent(at=told, kind=ClockAction.RESUME, clock=name, reason=reason)
            case "retarget":
                one = ClockEvent(at=told, kind=ClockAction.RETARGET, clock=name, policy=chance.choice(keys))
            case "stop":
                one = ClockEvent(at=told, kind=ClockAction.STOP, clock=name, reason="resolve")
            case "reopen":
                one = ClockEvent(at=told, kind=ClockAction.RESUME, clock=name, reason="reopen")
            case _:
                one = ClockEvent(
                    at=told, kind=ClockAction.START, clock=name, reason="merge", policy=chance.choice(keys)
                )
        events.append(one)
    return events


def counted(events: Sequence[ClockEvent], now: datetime) -> tuple[tuple[Going, Stand], ...]:
    happened = [(to_microseconds(one.at), (Deed._make(one[1:]),)) for one in events]
    if recalendaring.is_of_joinings(deeds for _, deeds in happened):
        happened = recalendaring.as_joined(happened)
    happened.sort(key=itemgetter(0))
    going = recalendaring.read([deeds for _, deeds in happened], POLICIES, INSTEAD)
    instants = [at for at, _ in happened]
    until = to_microseconds(now)
    return tuple((one, recalendaring.stand(one, one.under or one.policy, instants, until)) for one in going)


def moved(events: Sequence[ClockEvent], going: Sequence[Going], now: datetime) -> list[ClockEvent]:
    """The events that are written for it, after those before."""
    return [
        *events,
        *(
            ClockEvent(
                at=now,
                kind=ClockAction.RETARGET,
                clock=one.name,
                cycle=one.cycle,
                reason="calendar",
                policy=one.key,
            )
            for one in going
            if one.under is not None
        ),
    ]


def kept(clock: Clock) -> Stand:
    due, check, breached = (
        None if one is None else to_microseconds(one)
        for one in (clock.due_at, clock.next_check_at, clock.breached_at)
    )
    return Stand(
        clock.state,
        clock.target_s,
        due,
        clock.elapsed_s,
        clock.paused_s,
        check,
        breached,
        clock.level_passed,
    )


@pytest.mark.parametrize("part", range(4))
def test_what_is_counted_is_what_the_events_make_of_it(part: int) -> None:
    chance = random.Random(part)
    concerned = 0
    for _ in range(150):
        events = story(chance)
        now = max(one.at for one in events) + chance.randrange(4_000) * MINUTE
        found = counted(events, now)
        going = [one for one, _ in found]
        concerned += any(one.under for one in going)

        known = POLICIES | {one.key: one.under for one in going if one.under is not None}
        rebuilt = rebuild(moved(events, going, now), known, now)

        assert {(one.name, one.cycle): stand for one, stand in found} == {
            (one.name, one.cycle): kept(one) for one in rebuilt if not one.ended
        }
    assert concerned > 40


def test_one_that_starts_later_is_pending_and_an_instant_is_the_same_both_ways() -> None:
    later = MONDAY + timedelta(days=1, microseconds=7)
    key = policy("4h", "office").key
    events = [ClockEvent(at=later, kind=ClockAction.START, clock=ClockName.RESOLVE, policy=key)]

    ((one, stand),) = counted(events, MONDAY)

    assert one.under is not None
    assert (stand.state, stand.elapsed_s, stand.level_passed) == ("pending", 0, 0)
    assert to_instant(to_microseconds(later)) == later
