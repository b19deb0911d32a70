"""Somebody is called before the promise is broken, and somebody higher up when nobody comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.rules import ladders
from core.rules.ladders import Call, Cause, Member, Promise, Rung, Step

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANN = Member(agent="ann", present=True, of_group=True, leads=False)
BEN = Member(agent="ben", present=False, of_group=True, leads=False)
LEA = Member(agent="lea", present=False, of_group=False, leads=True)
EVE = Member(agent="eve", present=True, of_group=False, leads=False)
ALL = (ANN, BEN, LEA, EVE)
HALF_AN_HOUR = Promise(warn_at=NOON + timedelta(minutes=22.5), due_at=NOON + timedelta(minutes=30))


def step(calls: list[Call], members: Sequence[Member], promise: Promise, *, now: datetime) -> Step:
    return ladders.step(calls, ladders.of_chat(members, {}), promise, cause=Cause.LATE, now=now)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def a_call(
    minutes: float, rung: Rung = Rung.ON_CALL, cause: Cause = Cause.SOON, seen: float | None = None
) -> Call:
    return Call(rung=rung, cause=cause, at=at(minutes), seen_at=None if seen is None else at(seen))


def test_of_a_group_those_are_called_who_are_there() -> None:
    assert ladders.of_chat(ALL, {})[Rung.ON_CALL] == ("ann",)


def test_when_nobody_of_the_group_is_there_all_of_them_are_called() -> None:
    nobody = [replace(ANN, present=False), BEN, LEA, EVE]

    assert ladders.of_chat(nobody, {})[Rung.ON_CALL] == ("ann", "ben")
    assert ladders.of_chat(nobody, {Rung.ON_CALL: ("eve",)})[Rung.ON_CALL] == ("eve",)


def test_whoever_leads_is_called_although_they_are_not_there() -> None:
    assert ladders.of_chat(ALL, {})[Rung.SHIFT_LEADER] == ("lea",)


def test_nobody_is_called_before_three_quarters_of_the_time_are_over() -> None:
    assert step([], ALL, HALF_AN_HOUR, now=at(22)) == Step(next_at=at(22.5))


def test_at_three_quarters_the_group_is_called_and_looked_after_five_minutes_later() -> None:
    due = step([], ALL, HALF_AN_HOUR, now=at(22.5))

    assert due == Step(agents=("ann",), rung=Rung.ON_CALL, cause=Cause.SOON, next_at=at(27.5))


def test_without_a_promise_the_first_call_goes_out_after_three_minutes() -> None:
    promise = ladders.unpromised(NOON)

    assert step([], ALL, promise, now=NOON).next_at == at(3)
    assert step([], ALL, promise, now=at(3)).agents == ("ann",)
    assert step([], ALL, promise, now=at(3)).next_at == at(4)  # then it is late


def test_while_the_service_is_closed_nobody_is_called() -> None:
    closed = replace(HALF_AN_HOUR, opens_at=at(120))

    assert step([], ALL, closed, now=at(60)) == Step(next_at=at(120))
    assert step([a_call(23)], ALL, closed, now=at(60)) == Step(next_at=at(120))
    assert step([], ALL, replace(closed, opens_at=at(50)), now=at(60)).agents


def test_what_nothing_promises_begins_when_the_service_opens() -> None:
    assert ladders.unpromised(NOON, at(120)).warn_at == at(123)


def test_a_call_that_nobody_acknowledged_goes_to_who_leads_the_shift() -> None:
    due = step([a_call(22.5)], ALL, HALF_AN_HOUR, now=at(27.5))

    assert (due.rung, due.agents, due.cause) == (Rung.SHIFT_LEADER, ("lea",), Cause.SOON)
    assert due.next_at == at(30)  # when the promise is broken


def test_who_acknowledged_has_a_quarter_of_an_hour_to_take_it() -> None:
    seen = [a_call(32, cause=Cause.LATE, seen=34)]

    assert step(seen, ALL, HALF_AN_HOUR, now=at(40)) == Step(next_at=at(49))
    assert step(seen, ALL, HALF_AN_HOUR, now=at(49)).rung is Rung.SHIFT_LEADER


def test_when_the_promise_is_broken_the_group_is_called_once_more_whoever_knew_before() -> None:
    acknowledged = [a_call(22.5, seen=23)]

    due = step(acknowledged, ALL, HALF_AN_HOUR, now=at(30))

    assert (due.rung, due.cause, due.agents) == (Rung.ON_CALL, Cause.LATE, ("ann",))
    after = step([*acknowledged, a_call(30, cause=Cause.LATE)], ALL, HALF_AN_HOUR, now=at(31))
    assert after == Step(next_at=at(35))


def test_before_it_is_broken_the_ladder_is_climbed_once_and_after_it_three_times() -> None:
    two_hours = Promise(warn_at=at(90), due_at=at(120))
    calls: list[Call] = []
    now: datetime | None = NOON
    exhausted = False
    while now is not None and not exhausted:
        due = step(calls, ALL, two_hours, now=now)
        if due.agents:
            calls.append(Call(rung=due.rung, cause=due.cause, at=now, seen_at=None, round=due.round))
        exhausted, now = due.exhausted, due.next_at

    assert [(one.at - NOON).seconds / 60 for one in calls] == [90, 95, 120, 125, 130, 135, 140, 145]
    assert [one.rung for one in calls] == [Rung.ON_CALL, Rung.SHIFT_LEADER] * 4
    assert [one.cause for one in calls] == ["soon"] * 2 + ["late"] * 6


@pytest.mark.parametrize("members", [(LEA, EVE), (replace(LEA, present=True),)])
def test_a_group_of_nobody_is_passed_over(members: tuple[Member, ...]) -> None:
    assert step([], members, HALF_AN_HOUR, now=at(23)).agents == ("lea",)


def test_where_nobody_could_come_nothing_is_waited_for() -> None:
    assert step([], [EVE], HALF_AN_HOUR, now=at(23)) == Step()


def test_a_step_never_looks_again_in_the_past() -> None:
    histories: list[list[Call]] = [[], [a_call(23)], [a_call(23, seen=24)], [a_call(31, cause=Cause.LATE)]]
    for calls in histories:
        for minutes in range(120):
            due = step(calls, ALL, HALF_AN_HOUR, now=at(minutes))
            assert due.next_at is None or due.next_at > at(minutes), (calls, minutes)


ALL_RUNGS = {
    Rung.ON_CALL: ("ann",),
    Rung.SECOND: ("ben",),
    Rung.SHIFT_LEADER: ("lea",),
    Rung.SUPERVISOR: ("sue", ladders.FALLBACK),
}


def climb(calls: list[Call], now: float) -> Step:
    return ladders.step(calls, ALL_RUNGS, ladders.at_once(NOON), cause=Cause.P1, now=at(now))


def climbed(minutes: int) -> list[Call]:
    """What went out by then, when nobody acknowledges anything."""
    calls: list[Call] = []
    for minute in range(0, minutes + 1, 5):
        due = climb(calls, minute)
        if due.agents:
            calls.append(Call(rung=due.rung, cause=due.cause, at=at(minute), seen_at=None, round=due.round))
    return calls


def test_what_cannot_wait_climbs_four_rungs_three_times_and_is_an_alarm_every_ten_minutes_then() -> None:
    calls = climbed(55)

    assert [(one.rung, one.round) for one in calls] == [(rung, n) for n in range(3) for rung in Rung]
    assert climb(calls, 59) == Step(next_at=at(60))
    assert climb(calls, 60) == Step(next_at=at(70), exhausted=True)


def test_an_acknowledgement_of_an_earlier_rung_stops_the_ladder_until_a_quarter_of_an_hour_is_over() -> None:
    calls = climbed(10)  # three rungs
    known = [replace(calls[0], seen_at=at(11)), *calls[1:]]

    assert climb(known, 15) == Step(next_at=at(26))
    resumed = climb(known, 26)
    assert (resumed.rung, resumed.agents) == (Rung.SUPERVISOR, ("sue", ladders.FALLBACK))
    assert resumed.next_at == at(31)
    going_on = [*known, Call(rung=Rung.SUPERVISOR, cause=Cause.P1, at=at(26), seen_at=None)]
    assert climb(going_on, 31).rung is Rung.ON_CALL


def test_whoever_promised_words_is_called_alone_and_then_whoever_is_called_to_anything_else() -> None:
    planned = {
        Rung.ON_CALL: ("ann", "tom"),
        Rung.SECOND: ("ben",),
        Rung.SHIFT_LEADER: ("lea",),
        Rung.SUPERVISOR: ("sue", ladders.FALLBACK),
    }

    assert list(ladders.of_promise("tom", planned).values()) == [
        ("tom",),
        ("ann", "ben"),
        ("lea",),
        ("sue", ladders.FALLBACK),
    ]
    assert ladders.of_promise(None, planned) == planned
    assert ladders.of_promise("tom", {})[Rung.SECOND] == ()
