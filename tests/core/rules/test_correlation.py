"""What an alarm means beside those that came before: every answer of the rule, in the order in which it is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alerting import Severity, Status
from core.rules import correlation
from core.rules.correlation import (
    CALM,
    FLAPS,
    HOLD,
    REOPEN_WITHIN,
    STABLE,
    STORM,
    End,
    Ended,
    Ending,
    Known,
    Place,
    Scene,
    Step,
    Ticket,
)

NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OPEN = Known(open=True, started_at=NOW)
OVER = Known(open=False, started_at=NOW, ended_at=NOW + MINUTE)


# --- What a fact changes ---


@pytest.mark.parametrize(
    ("known", "status", "times", "step"),
    [
        pytest.param(None, "firing", {}, Step.BEGUN, id="what nobody knew begins"),
        pytest.param(None, "resolved", {}, Step.STORED, id="an end of what never began is kept"),
        pytest.param(None, "acknowledged", {}, Step.STORED, id="so is what somebody took there"),
        pytest.param(OPEN, "firing", {}, Step.REPEATED, id="what fires goes on"),
        pytest.param(
            OPEN, "firing", {"started_at": NOW + HOUR}, Step.REPEATED, id="whatever start it is given"
        ),
        pytest.param(OPEN, "firing", {"same_body": True}, Step.DUPLICATE, id="the same bytes count once"),
        pytest.param(OPEN, "resolved", {"ended_at": NOW + MINUTE}, Step.ENDED, id="it ends"),
        pytest.param(OPEN, "resolved", {}, Step.ENDED, id="also without saying when"),
        pytest.param(OPEN, "resolved", {"ended_at": NOW}, Step.ENDED, id="in the instant in which it began"),
        pytest.param(
            OPEN, "resolved", {"ended_at": NOW - SECOND}, Step.LATE, id="an end of the episode before"
        ),
        pytest.param(OPEN, "no-data", {}, Step.UPDATED, id="not knowing is no recovery"),
        pytest.param(OPEN, "suppressed", {}, Step.UPDATED, id="nor is silence about it"),
        pytest.param(OPEN, "acknowledged", {"echo": True}, Step.ECHO, id="our own word comes back"),
        pytest.param(OPEN, "resolved", {"echo": True}, Step.ENDED, id="an end is never an echo"),
        pytest.param(OVER, "firing", {}, Step.BEGUN, id="again without a start of its own"),
        pytest.param(
            OVER, "firing", {"started_at": NOW}, Step.LATE, id="a late word of the episode that is over"
        ),
        pytest.param(OVER, "firing", {"started_at": NOW + MINUTE}, Step.BEGUN, id="again in the same second"),
        pytest.param(OVER, "firing", {"started_at": NOW + HOUR}, Step.BEGUN, id="again later"),
        pytest.param(
            OVER, "firing", {"same_body": True}, Step.BEGUN, id="the same bytes after an end are news"
        ),
        pytest.param(OVER, "resolved", {}, Step.STORED, id="an end of what is over"),
        pytest.param(OVER, "resolved", {"same_body": True}, Step.DUPLICATE, id="said twice"),
    ],
)
def test_what_a_fact_does_to_its_alert(known, status, times, step):
    given = {"started_at": None, "ended_at": None} | times
    assert correlation.step(known, Status(status), **given) is step


@given(
    known=st.sampled_from([None, OPEN, OVER]),
    start=st.none() | st.integers(-600, 600),
    body=st.booleans(),
)
def test_what_fires_and_is_not_known_to_fire_is_never_swallowed_but_for_an_older_start(known, start, body):
    started_at = None if start is None else NOW + start * SECOND
    step = correlation.step(known, Status.FIRING, started_at=started_at, ended_at=None, same_body=body)
    if known is OPEN:
        assert step in (Step.REPEATED, Step.DUPLICATE)
    else:
        late = known is OVER and started_at is not None and started_at < NOW + MINUTE
        assert step is (Step.LATE if late else Step.BEGUN)


def test_five_changes_in_a_quarter_of_an_hour_or_three_beginnings_in_an_hour_are_flapping():
    quick = [NOW - n * MINUTE for n in range(FLAPS)]
    assert correlation.flaps(quick, [], now=NOW)
    assert not correlation.flaps(quick[1:], [], now=NOW)
    assert not correlation.flaps(quick, [], now=NOW + HOUR)
    again = [NOW - n * 20 * MINUTE for n in range(3)]
    assert correlation.flaps([], again, now=NOW)
    assert not correlation.flaps([], again[:2], now=NOW)


# --- Where it goes ---

SCENE = Scene(begun_at=NOW - HOLD, severity=Severity.CRITICAL)
MANY = tuple(NOW - n * SECOND for n in range(STORM - 1))
MINE = Ticket(id="mine", open=True)
SOLVED = Ticket(id="mine", open=False, solved_at=NOW - MINUTE, ended_at=NOW - MINUTE)
CLOSED = Ticket(id="mine", open=False, ended_at=NOW - 2 * HOUR)
LADDER = [
    (Place.STORED, {"store_only": True}),
    (Place.MAINTENANCE, {"window_until": NOW + HOUR}),
    (Place.HELD, {"begun_at": NOW}),
    (Place.SUPPRESSED, {"parent": "core"}),
    (Place.ATTACH, {"own": MINE}),
    (Place.ATTACH, {"of_asset": MINE}),
    (Place.QUIET, {"severity": Severity.INFO}),
    (Place.SHARED, {"shared": True}),
    (Place.STORM, {"storm_ticket": "storm"}),
    (Place.STORM, {"companions": MANY}),
    (Place.OPEN, {}),
]
"""Each answer, and what alone brings it; the first of several wins."""


@pytest.mark.parametrize("n", range(len(LADDER)), ids=[f"{place}-{'-'.join(why)}" for place, why in LADDER])
def test_the_first_answer_that_applies_is_given_whatever_else_would(n):
    place, why = LADDER[n]
    assert correlation.place(replace(SCENE, **why), now=NOW).place is place
    below = {name: value for _, one in reversed(LADDER[n:]) for name, value in one.items()}
    assert correlation.place(replace(SCENE, **below | why), now=NOW).place is place


@pytest.mark.parametrize("back", [5 * MINUTE, HOUR, 30 * 24 * HOUR])
def test_a_clock_that_was_set_back_makes_nobody_wait_for_longer_than_the_hold(back):
    waits = replace(SCENE, begun_at=NOW)
    assert correlation.place(waits, now=NOW).until == NOW + HOLD
    assert correlation.place(waits, now=NOW - back).place is Place.OPEN
    assert correlation.place(waits, now=NOW - SECOND).place is Place.HELD, "clocks are corrected all the time"


def test_waits_say_when_it_is_asked_again():
    assert correlation.place(replace(SCENE, begun_at=NOW), now=NOW).until == NOW + HOLD
    assert correlation.place(replace(SCENE, window_until=NOW + HOUR), now=NOW).until == NOW + HOUR


def test_a_window_that_is_over_and_a_hold_of_nothing_keep_nobody():
    assert correlation.place(replace(SCENE, window_until=NOW), now=NOW).place is Place.OPEN
    at_once = replace(SCENE, begun_at=NOW, hold=timedelta(0))
    assert correlation.place(at_once, now=NOW).place is Place.OPEN
    backwards = replace(SCENE, begun_at=NOW, hold=-HOUR)
    assert correlation.place(backwards, now=NOW).place is Place.OPEN


def test_what_flaps_waits_for_nothing():
    assert correlation.place(replace(SCENE, begun_at=NOW, flapping=True), now=NOW).place is Place.OPEN


def test_within_an_hour_of_its_solution_the_same_ticket_goes_on_and_within_a_day_another_one_knows_of_it():
    assert correlation.place(replace(SCENE, own=SOLVED), now=NOW).place is Place.REOPEN
    late = correlation.place(replace(SCENE, own=SOLVED), now=NOW + REOPEN_WITHIN)
    assert (late.place, late.recurrence_of) == (Place.OPEN, "mine")
    closed = correlation.place(replace(SCENE, own=CLOSED), now=NOW)
    assert (closed.place, closed.recurrence_of) == (Place.OPEN, "mine")
    long_ago = correlation.place(replace(SCENE, own=CLOSED), now=NOW + 24 * HOUR)
    assert (long_ago.place, long_ago.recurrence_of) == (Place.OPEN, None)


def test_a_source_may_ask_that_information_opens_tickets():
    quiet = replace(SCENE, severity=Severity.INFO)
    assert correlation.place(quiet, now=NOW).place is Place.QUIET
    assert correlation.place(replace(quiet, info_opens=True), now=NOW).place is Place.OPEN


@given(st.lists(st.integers(-900, 900), max_size=30))
def test_a_storm_is_ten_within_two_minutes_and_nothing_less(seconds):
    companions = [NOW + n * SECOND for n in seconds]
    near = sum(abs(n) <= correlation.STORM_WITHIN.total_seconds() for n in seconds)
    assert correlation.storms(companions, now=NOW) is (near + 1 >= STORM)


# --- How it ends ---

QUIET = Ending(firing=0, last_end=NOW - STABLE)


@pytest.mark.parametrize(
    ("more", "ended"),
    [
        pytest.param({}, Ended(end=End.RESOLVE), id="quiet for long enough and in nobody's hands"),
        pytest.param({"firing": 1}, Ended(end=End.WAIT), id="something fires"),
        pytest.param({"last_end": None}, Ended(end=End.WAIT), id="nothing ever ended"),
        pytest.param({"source_silent": True}, Ended(end=End.WAIT), id="its source is silent"),
        pytest.param({"touched": True}, Ended(end=End.TELL), id="a person has it in hand"),
        pytest.param({"priority": "P1"}, Ended(end=End.TELL), id="P1 asks a person"),
        pytest.param({"priority": "P2"}, Ended(end=End.RESOLVE), id="P2 does not"),
        pytest.param(
            {"priority": "P1", "in_incident": True}, Ended(end=End.RESOLVE), id="P1 as a part asks nobody"
        ),
        pytest.param({"last_end": NOW}, Ended(end=End.WAIT, until=NOW + STABLE), id="it ended just now"),
        pytest.param(
            {"flapped_at": NOW - MINUTE}, Ended(end=End.WAIT, until=NOW - MINUTE + CALM), id="it flapped"
        ),
        pytest.param({"flapped_at": NOW - CALM}, Ended(end=End.RESOLVE), id="and is calm"),
    ],
)
def test_what_becomes_of_a_ticket_whose_alarms_are_over(more, ended):
    assert correlation.recovered(replace(QUIET, **more), now=NOW) == ended


def test_how_urgent_and_how_wide_it_is():
    assert [correlation.urgency(one) for one in Severity] == [1, 2, 3, 3, 4, 4, 3]
    assert [correlation.impact(one) for one in ("critical", "high", "normal", "low", "")] == [1, 1, 2, 3, 2]
    assert [correlation.silence_impact(nobody_else=one) for one in (True, False)] == [1, 3]
