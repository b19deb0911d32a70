"""Somebody is called before the promise is broken, and somebody higher up when nobody comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.rules import paging
from core.rules.paging import Call, Cause, Member, Promise, Rung, Step

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANN = Member(agent="ann", present=True, of_group=True, leads=False)
BEN = Member(agent="ben", present=False, of_group=True, leads=False)
LEA = Member(agent="lea", present=False, of_group=False, leads=True)
EVE = Member(agent="eve", present=True, of_group=False, leads=False)
ALL = (ANN, BEN, LEA, EVE)
HALF_AN_HOUR = Promise(warn_at=NOON + timedelta(minutes=22.5), due_at=NOON + timedelta(minutes=30))


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def a_call(
    minutes: float, rung: Rung = Rung.GROUP, cause: Cause = Cause.SOON, seen: float | None = None
) -> Call:
    return Call(rung=rung, cause=cause, at=at(minutes), seen_at=None if seen is None else at(seen))


def test_of_a_group_those_are_called_who_are_there() -> None:
    assert paging.whom(ALL, Rung.GROUP) == ("ann",)


def test_when_nobody_of_the_group_is_there_all_of_them_are_called() -> None:
    assert paging.whom([replace(ANN, present=False), BEN, LEA, EVE], Rung.GROUP) == ("ann", "ben")


def test_whoever_leads_is_called_although_they_are_not_there() -> None:
    assert paging.whom(ALL, Rung.LEADERS) == ("lea",)


def test_nobody_is_called_before_three_quarters_of_the_time_are_over() -> None:
    assert paging.step([], ALL, HALF_AN_HOUR, now=at(22)) == Step(next_at=at(22.5))


def test_at_three_quarters_the_group_is_called_and_looked_after_five_minutes_later() -> None:
    step = paging.step([], ALL, HALF_AN_HOUR, now=at(22.5))

    assert step == Step(agents=("ann",), rung=Rung.GROUP, cause=Cause.SOON, next_at=at(27.5))


def test_without_a_promise_the_first_call_goes_out_after_three_minutes() -> None:
    promise = paging.unpromised(NOON)

    assert paging.step([], ALL, promise, now=NOON).next_at == at(3)
    assert paging.step([], ALL, promise, now=at(3)).agents == ("ann",)
    assert paging.step([], ALL, promise, now=at(3)).next_at == at(4)  # then it is late


def test_while_the_service_is_closed_nobody_is_called() -> None:
    closed = replace(HALF_AN_HOUR, opens_at=at(120))

    assert paging.step([], ALL, closed, now=at(60)) == Step(next_at=at(120))
    assert paging.step([a_call(23)], ALL, closed, now=at(60)) == Step(next_at=at(120))
    assert paging.step([], ALL, replace(closed, opens_at=at(50)), now=at(60)).agents


def test_what_nothing_promises_begins_when_the_service_opens() -> None:
    assert paging.unpromised(NOON, at(120)).warn_at == at(123)


def test_a_call_that_nobody_acknowledged_goes_to_who_leads_the_shift() -> None:
    step = paging.step([a_call(22.5)], ALL, HALF_AN_HOUR, now=at(27.5))

    assert (step.rung, step.agents, step.cause) == (Rung.LEADERS, ("lea",), Cause.SOON)
    assert step.next_at == at(30)  # when the promise is broken


def test_who_acknowledged_has_a_quarter_of_an_hour_to_take_it() -> None:
    seen = [a_call(32, cause=Cause.LATE, seen=34)]

    assert paging.step(seen, ALL, HALF_AN_HOUR, now=at(40)) == Step(next_at=at(49))
    assert paging.step(seen, ALL, HALF_AN_HOUR, now=at(49)).rung is Rung.LEADERS


def test_when_the_promise_is_broken_the_group_is_called_once_more_whoever_knew_before() -> None:
    acknowledged = [a_call(22.5, seen=23)]

    step = paging.step(acknowledged, ALL, HALF_AN_HOUR, now=at(30))

    assert (step.rung, step.cause, step.agents) == (Rung.GROUP, Cause.LATE, ("ann",))
    after = paging.step([*acknowledged, a_call(30, cause=Cause.LATE)], ALL, HALF_AN_HOUR, now=at(31))
    assert after == Step(next_at=at(35))


def test_before_it_is_broken_the_ladder_is_climbed_once_and_after_it_three_times() -> None:
    two_hours = Promise(warn_at=at(90), due_at=at(120))
    calls: list[Call] = []
    now: datetime | None = NOON
    while now is not None and len(calls) < 20:
        step = paging.step(calls, ALL, two_hours, now=now)
        if step.agents:
            calls.append(Call(rung=step.rung, cause=step.cause, at=now, seen_at=None))
        now = step.next_at

    assert [(one.at - NOON).seconds / 60 for one in calls] == [90, 95, 120, 125, 130, 135, 140, 145]
    assert [one.rung for one in calls] == [0, 1] * 4
    assert [one.cause for one in calls] == ["soon"] * 2 + ["late"] * 6


@pytest.mark.parametrize("members", [(LEA, EVE), (replace(LEA, present=True),)])
def test_a_group_of_nobody_is_passed_over(members: tuple[Member, ...]) -> None:
    assert paging.step([], members, HALF_AN_HOUR, now=at(23)).agents == ("lea",)


def test_where_nobody_could_come_nothing_is_waited_for() -> None:
    assert paging.step([], (EVE,), HALF_AN_HOUR, now=at(23)) == Step()


def test_a_step_never_looks_again_in_the_past() -> None:
    histories: list[list[Call]] = [[], [a_call(23)], [a_call(23, seen=24)], [a_call(31, cause=Cause.LATE)]]
    for calls in histories:
        for minutes in range(120):
            step = paging.step(calls, ALL, HALF_AN_HOUR, now=at(minutes))
            assert step.next_at is None or step.next_at > at(minutes), (calls, minutes)
