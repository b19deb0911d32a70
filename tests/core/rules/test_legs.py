"""Who had the ball, minute by minute? Spans without a gap, and sums that are exactly what the clock says."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.calendars import ALWAYS, Calendar, CalendarDefinition, parse_weekly
from core.rules.clocks import Clock, ClockAction, ClockEvent, ClockName, Policy, parse_target, rebuild
from core.rules.legs import Counted, Held, Leg, Move, Segment, explain, held, responsible

MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
OFFICE = Calendar(
    CalendarDefinition(
        name="office", time_zone="UTC", weekly=parse_weekly(["mon-fri 09:00-13:00", "mon-fri 14:00-18:00"])
    )
)
ROUND_THE_CLOCK = Calendar(ALWAYS)


def at(hours: float) -> datetime:
    return MONDAY + hours * HOUR


def a_clock(
    *told: tuple[str, float, str], target: str = "4h", calendar: Calendar = ROUND_THE_CLOCK, now: float
) -> Clock:
    policy = Policy(name="any", target=parse_target(target), calendar=calendar, calendar_version="v")
    events = [
        ClockEvent(at=MONDAY, kind=ClockAction.START, clock=ClockName.RESOLVE, policy=policy.key),
        *(
            ClockEvent(at=at(hours), kind=ClockAction(kind), clock=ClockName.RESOLVE, reason=reason)
            for kind, hours, reason in told
        ),
    ]
    (clock,) = rebuild(events, {policy.key: policy}, at(now))
    return clock


def test_the_ball_is_ours_until_somebody_else_has_it_and_nobodys_while_the_service_is_closed() -> None:
    moves = [
        Move(at(0), "received"),
        Move(at(1), "in_progress"),
        Move(at(2), "waiting_customer"),
        Move(at(6), "in_progress"),
        Move(at(7), "waiting_vendor"),
    ]
    assert held(moves, received_at=at(0), now=at(10), calendar=OFFICE) == (
        Held(at(0), at(1), Leg.US, "received"),
        Held(at(1), at(2), Leg.US, "in_progress"),
        Held(at(2), at(4), Leg.CUSTOMER, "waiting_customer"),
        Held(at(4), at(5), Leg.OUTSIDE, "closed"),
        Held(at(5), at(6), Leg.CUSTOMER, "waiting_customer"),
        Held(at(6), at(7), Leg.US, "in_progress"),
        Held(at(7), at(9), Leg.VENDOR, "waiting_vendor"),
        Held(at(9), at(10), Leg.OUTSIDE, "closed"),
    )


def test_nobody_has_the_ball_of_a_request_that_is_over_and_the_customer_had_it_when_it_is_reopened() -> None:
    moves = [Move(at(1), "resolved"), Move(at(2), "closed")]
    assert held(moves, received_at=at(0), now=at(9))[-1].until == at(2)
    again = held([*moves, Move(at(5), "in_progress")], received_at=at(0), now=at(9))
    assert [(one.leg, one.since, one.until) for one in again] == [
        (Leg.US, at(0), at(1)),
        (Leg.CUSTOMER, at(1), at(2)),
        (Leg.CUSTOMER, at(2), at(5)),
        (Leg.US, at(5), at(9)),
    ]


def test_a_move_that_was_true_earlier_is_true_from_then_on() -> None:
    told = [Move(at(4), "in_progress"), Move(at(1), "waiting_customer")]
    assert held(told, received_at=at(0), now=at(5)) == (
        Held(at(0), at(1), Leg.US, "received"),
        Held(at(1), at(5), Leg.CUSTOMER, "waiting_customer"),
    ), "as the clocks do, which are paused from then on"
    early = held([Move(at(-3), "in_progress")], received_at=at(0), now=at(1))
    assert early == (Held(at(0), at(1), Leg.US, "in_progress"),), "nothing was true before it was received"


def test_a_clock_says_of_every_minute_whether_it_counted_and_why_not() -> None:
    clock = a_clock(("pause", 1, "customer"), ("resume", 6, "customer"), calendar=OFFICE, now=7)
    moves = [Move(at(0.5), "in_progress"), Move(at(1), "waiting_customer"), Move(at(6), "in_progress")]

    assert explain(clock, moves, received_at=at(0), now=at(7)).segments == (
        Segment(at(0), at(0.5), Counted.COUNTED, Leg.US, "received"),
        Segment(at(0.5), at(1), Counted.COUNTED, Leg.US, "in_progress"),
        Segment(at(1), at(4), Counted.PAUSED, Leg.CUSTOMER, "customer"),
        Segment(at(4), at(5), Counted.CLOSED, Leg.OUTSIDE, "closed"),
        Segment(at(5), at(6), Counted.PAUSED, Leg.CUSTOMER, "customer"),
        Segment(at(6), at(7), Counted.COUNTED, Leg.US, "in_progress"),
    )


@pytest.mark.parametrize(
    ("moves", "leg"),
    [
        ([Move(at(0), "in_progress")], Leg.US),
        ([Move(at(1), "waiting_vendor")], Leg.VENDOR),
        ([Move(at(1), "waiting_vendor"), Move(at(2), "in_progress")], Leg.US),
        ([Move(at(2), "waiting_vendor")], Leg.US),
    ],
)
def test_whoever_had_the_ball_for_most_of_the_counted_time_has_the_breach(
    moves: list[Move], leg: Leg
) -> None:
    assert responsible(a_clock(now=5), moves, received_at=at(0), at=at(4)) is leg


def test_time_that_is_paused_makes_nobody_responsible() -> None:
    clock = a_clock(("pause", 1, "customer"), ("resume", 8, "customer"), target="2h", now=10)
    moves = [Move(at(1), "waiting_customer"), Move(at(8), "in_progress")]
    assert responsible(clock, moves, received_at=at(0), at=at(9)) is Leg.US


STATES = (
    "in_progress",
    "waiting_customer",
    "waiting_vendor",
    "assigned",
    "resolved",
    "monitoring",
    "scheduled",
)
REASONS = ("customer", "vendor", "appointment")


@given(
    st.randoms(use_true_random=False), st.integers(7_000, 20_000), st.sampled_from([OFFICE, ROUND_THE_CLOCK])
)
def test_every_minute_has_one_owner_and_the_sums_are_the_clocks_own(
    chance: random.Random, minutes: int, calendar: Calendar
) -> None:
    told = [
        (chance.choice(("pause", "resume")), chance.randrange(300_000) / 3600, chance.choice(REASONS))
        for _ in range(chance.randrange(8))
    ]
    if chance.random() < 0.5:
        told.append(("stop", chance.randrange(400_000) / 3600, "resolve"))
        if chance.random() < 0.5:
            told.append(("resume", told[-1][1] + 5, "reopen"))
    moves = [
        Move(MONDAY + chance.randrange(5000) * MINUTE, chance.choice(STATES))
        for _ in range(chance.randrange(9))
    ]
    now = MONDAY + minutes * MINUTE
    clock = a_clock(*told, calendar=calendar, now=minutes / 60)

    every = held(moves, received_at=MONDAY, now=now, calendar=calendar)
    assert (every[0].since, every[-1].until) == (MONDAY, now)
    assert all(one.until == other.since for one, other in pairwise(every))
    assert all(one.since < one.until for one in every)

    explained = explain(clock, moves, received_at=MONDAY, now=now)
    end = clock.stopped_at or now
    assert explained.seconds(Counted.COUNTED) == clock.elapsed_s
    assert explained.seconds(Counted.PAUSED) == clock.paused_s
    spans = [one.until - one.since for one in explained.segments]
    assert sum(spans, timedelta()) == max(end - clock.started_at, timedelta())
