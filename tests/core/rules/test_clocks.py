"""How do the clocks of a ticket stand?"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.rules.calendars import ALWAYS, Calendar, CalendarDefinition, from_vectors, parse_weekly
from core.rules.clock_effects import EFFECTS, PAUSE_REASONS
from core.rules.clocks import (
    Clock,
    ClockAction,
    ClockEvent,
    ClockName,
    ClockPause,
    ClockState,
    LevelPassed,
    Policy,
    clock_effects,
    clock_events,
    parse_target,
    rebuild,
    warning_levels,
)
from core.rules.durations import parse_duration
from core.rules.working_time import working_time_fact

SCENARIOS = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "sla" / "ticket_scenarios.json"

MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
ROUND_THE_CLOCK = Calendar(ALWAYS)
NINE_TO_FIVE = Calendar(
    CalendarDefinition(name="office", time_zone="UTC", weekly=parse_weekly(["mon-fri 09:00-17:00"]))
)


def a_policy(target: str = "4h", calendar: Calendar = ROUND_THE_CLOCK, *, retroactive: bool = True) -> Policy:
    return Policy(
        name=f"{calendar.definition.name} {target}",
        target=parse_target(target),
        calendar=calendar,
        calendar_version=calendar.definition.name,
        retroactive=retroactive,
    )


FOUR_HOURS = a_policy()


class Story:
    """Events of one ticket, told in hours after Monday 09:00."""

    def __init__(self, clock: ClockName = ClockName.RESOLVE) -> None:
        self.clock = clock
        self.events: list[ClockEvent] = []
        self.policies: dict[str, Policy] = {}

    def tell(
        self, kind: str, hours: float, reason: str = "", policy: Policy | None = None, cycle: int = 1
    ) -> Story:
        if policy is not None:
            self.policies[policy.key] = policy
        self.events.append(
            ClockEvent(
                at=MONDAY + hours * HOUR,
                kind=ClockAction(kind),
                clock=self.clock,
                cycle=cycle,
                reason=reason,
                policy=policy.key if policy else "",
            )
        )
        return self

    def at(self, hours: float) -> Clock:
        clocks = rebuild(self.events, self.policies, MONDAY + hours * HOUR)
        assert len(clocks) == 1
        return clocks[0]


def started(target: str = "4h", calendar: Calendar = ROUND_THE_CLOCK) -> Story:
    return Story().tell("start", 0, policy=a_policy(target, calendar))


# Ten tickets worked out by hand


def scenarios() -> list[Any]:
    if not SCENARIOS.exists():
        return [pytest.param({}, {}, marks=pytest.mark.skip(reason="needs ../shared"))]
    samples = json.loads(SCENARIOS.read_text())
    return [
        pytest.param(clock, samples["calendars"][clock["calendar"]], id=f"{ticket['id']}-{name}")
        for ticket in samples["scenarios"]
        for name, clock in ticket["clocks"].items()
    ]


@pytest.mark.samples
@pytest.mark.parametrize(("sample", "calendar"), scenarios())
def test_the_clocks_of_the_sample_tickets_come_out_as_worked_out(
    sample: dict[str, Any], calendar: dict[str, Any]
) -> None:
    def instant(text: str | None) -> datetime | None:
        return None if text is None else datetime.fromisoformat(text)

    policy = a_policy(f"{sample['target_s']}s", Calendar(from_vectors(calendar)))
    told = [("start", sample["start"], "")]
    told += [("pause", since, "customer") for since, _ in sample["pauses"]]
    told += [("resume", until, "customer") for _, until in sample["pauses"]]
    told += [("stop", sample["stopped_at"], "resolve")] if sample["stopped_at"] else []
    events = [
        ClockEvent(
            at=datetime.fromisoformat(at),
            kind=ClockAction(kind),
            clock=ClockName.RESOLVE,
            reason=reason,
            policy=policy.key if kind == "start" else "",
        )
        for kind, at, reason in told
    ]

    as_of = instant(sample.get("as_of")) or instant(sample["stopped_at"])
    assert as_of is not None
    (clock,) = rebuild(events, {policy.key: policy}, as_of)

    assert clock.elapsed_s == sample["expected_elapsed_s"]
    assert clock.due_at == instant(sample["expected_due"])
    assert (clock.breached_at is not None) == sample["expected_breached"]
    assert clock.remaining_s == sample.get("expected_remaining_s", clock.remaining_s)
    if clock.ended:
        assert clock.state == ("breached" if sample["expected_breached"] else "met")


@pytest.mark.samples
@pytest.mark.parametrize(("sample", "calendar"), scenarios())
def test_the_adapter_answers_the_same_for_a_clock(sample: dict[str, Any], calendar: dict[str, Any]) -> None:
    result = working_time_fact({**sample, "op": "clock", "calendar": calendar})["result"]

    for name in ("elapsed_s", "due", "breached", "remaining_s"):
        assert result[name] == sample.get(f"expected_{name}", result[name])


# Running, met, breached


def test_a_clock_stopped_within_its_target_is_met_and_equal_is_within() -> None:
    assert started().tell("stop", 4, "resolve").at(9).state == ClockState.MET
    assert started().tell("stop", 4.001, "resolve").at(9).state == ClockState.BREACHED


def test_a_stopped_clock_no_longer_moves() -> None:
    story = started().tell("stop", 3, "resolve")

    assert story.at(4) == story.at(400)
    assert story.at(4).elapsed_s == 3 * 3600
    assert story.at(4).next_check_at is None


def test_a_clock_over_its_target_runs_on_with_the_instant_of_its_breach() -> None:
    clock = started().at(5)

    assert clock.state == ClockState.RUNNING
    assert clock.breached_at == clock.due_at == MONDAY + 4 * HOUR
    assert clock.remaining_s == -3600


def test_half_a_second_too_late_is_a_breach() -> None:
    story = started()

    assert story.at(4).breached_at is None
    assert story.at(4 + 0.5 / 3600).breached_at == MONDAY + 4 * HOUR


def test_due_at_closing_is_still_met_by_work_after_hours() -> None:
    story = started("8h", NINE_TO_FIVE)  # due on Monday at 17:00

    assert story.at(9).due_at == MONDAY + 8 * HOUR
    assert story.at(20).breached_at is None
    assert story.at(24).breached_at is None
    assert story.at(24.1).breached_at == MONDAY + 24 * HOUR
    assert started("8h", NINE_TO_FIVE).tell("stop", 20, "resolve").at(30).state == ClockState.MET


def test_a_clock_whose_start_lies_ahead_is_pending() -> None:
    clock = started().at(-1)

    assert clock.state == ClockState.PENDING
    assert clock.elapsed_s == 0
    assert clock.next_check_at == MONDAY + 2 * HOUR


def test_nothing_promised_is_broken_by_the_first_open_second() -> None:
    story = Story().tell("start", -12, policy=a_policy("0m", NINE_TO_FIVE))

    assert story.at(-1).due_at == MONDAY
    assert story.at(0).breached_at is None
    assert story.at(1).breached_at == MONDAY
    assert story.at(1).next_check_at is None


def test_a_cancelled_clock_is_neither_met_nor_missed() -> None:
    clock = started().tell("cancel", 1, "cancel").at(9)

    assert clock.state == ClockState.CANCELLED
    assert clock.ended
    assert clock.breached_at is None
    assert clock.next_check_at is None


# Pauses


def test_a_paused_clock_has_no_due_date_and_nothing_to_check() -> None:
    clock = started().tell("pause", 1, "customer").at(3)

    assert clock.state == ClockState.PAUSED
    assert clock.due_at is None
    assert clock.next_check_at is None
    assert clock.paused_for == ("customer",)
    assert (clock.elapsed_s, clock.paused_s) == (3600, 7200)


def test_a_pause_moves_the_due_date_by_its_open_time() -> None:
    clock = started().tell("pause", 1, "customer").tell("resume", 3, "customer").at(4)

    assert clock.due_at == MONDAY + 6 * HOUR
    assert clock.pauses == (ClockPause(MONDAY + HOUR, MONDAY + 3 * HOUR, "customer"),)


def test_a_pause_after_the_breach_keeps_the_due_date() -> None:
    clock = started().tell("pause", 5, "customer").at(6)

    assert clock.state == ClockState.PAUSED
    assert clock.due_at == clock.breached_at == MONDAY + 4 * HOUR


def test_two_reasons_hold_a_clock_until_both_are_gone_and_no_minute_counts_twice() -> None:
    story = (
        started().tell("pause", 1, "customer").tell("pause", 2, "appointment").tell("resume", 3, "customer")
    )

    assert story.at(4).paused_for == ("appointment",)
    clock = story.tell("resume", 5, "appointment").at(6)

    assert clock.state == ClockState.RUNNING
    assert clock.pauses == (
        ClockPause(MONDAY + HOUR, MONDAY + 3 * HOUR, "customer"),
        ClockPause(MONDAY + 3 * HOUR, MONDAY + 5 * HOUR, "appointment"),
    )
    assert (clock.elapsed_s, clock.paused_s) == (2 * 3600, 4 * 3600)


def test_the_end_of_the_second_reason_does_not_end_the_first() -> None:
    story = (
        started()
        .tell("pause", 1, "customer")
        .tell("pause", 2, "appointment")
        .tell("resume", 3, "appointment")
    )

    assert story.at(4).paused_for == ("customer",)
    assert story.at(4).pauses == (ClockPause(MONDAY + HOUR, None, "customer"),)
    assert story.at(4).elapsed_s == 3600


def test_a_pause_older_than_the_clock_counts_from_its_start() -> None:
    clock = started().tell("pause", -2, "customer").tell("resume", 1, "customer").at(2)

    assert clock.pauses == (ClockPause(MONDAY, MONDAY + HOUR, "customer"),)
    assert clock.elapsed_s == 3600


def test_a_pause_of_no_length_leaves_no_trace() -> None:
    assert started().tell("pause", 1, "customer").tell("resume", 1, "customer").at(2).pauses == ()


def test_stopping_a_paused_clock_ends_the_pause() -> None:
    clock = started().tell("pause", 1, "customer").tell("stop", 3, "resolve").at(9)

    assert clock.state == ClockState.MET
    assert (clock.elapsed_s, clock.paused_s) == (3600, 7200)


# Reopening, new targets, backdating


def test_reopening_makes_the_resolved_time_a_pause_and_the_clock_runs_on() -> None:
    story = started().tell("stop", 2, "resolve").tell("resume", 6, "reopen")
    clock = story.at(7)

    assert clock.state == ClockState.RUNNING
    assert clock.pauses == (ClockPause(MONDAY + 2 * HOUR, MONDAY + 6 * HOUR, "reopen"),)
    assert clock.elapsed_s == 3 * 3600
    assert clock.due_at == MONDAY + 8 * HOUR
    assert story.tell("stop", 7.5, "resolve").at(9).state == ClockState.MET


def test_a_ticket_resolved_while_it_waited_does_not_wait_when_reopened() -> None:
    story = started().tell("pause", 1, "customer").tell("stop", 2, "resolve").tell("resume", 3, "reopen")

    assert story.at(4).state == ClockState.RUNNING
    assert story.at(4).elapsed_s == 2 * 3600


def test_reopening_does_not_undo_a_workaround_but_its_refusal_does() -> None:
    story = started().tell("stop", 1, "workaround")

    assert story.tell("resume", 2, "reopen").at(9).state == ClockState.MET
    refused = story.tell("resume", 3, "re-armed").at(3.5)
    assert refused.state == ClockState.RUNNING
    assert refused.elapsed_s == 1.5 * 3600


def test_a_merge_undone_brings_back_the_clock_as_it_was() -> None:
    story = started().tell("pause", 1, "customer").tell("cancel", 2, "merge")

    assert story.at(3).state == ClockState.CANCELLED
    undone = story.tell("resume", 4, "merge").at(6)
    assert undone.state == ClockState.PAUSED
    assert undone.pauses == (ClockPause(MONDAY + HOUR, None, "customer"),)
    assert undone.elapsed_s == 3600
    wrote = story.tell("resume", 3, "customer").at(6)
    assert (wrote.state, wrote.elapsed_s) == (ClockState.RUNNING, 4 * 3600), "while it was merged"


def test_a_clock_that_stopped_when_it_began_stays_stopped_after_a_merge_is_undone() -> None:
    story = started().tell("stop", 0, "qualified")

    story.tell("start", -1, "merge", policy=FOUR_HOURS)
    assert story.at(9).elapsed_s == 3600
    undone = story.tell("start", 0, "merge_undone", policy=FOUR_HOURS).at(9)
    assert (undone.state, undone.elapsed_s, undone.due_at) == (ClockState.MET, 0, MONDAY + 4 * HOUR)


def test_a_first_answer_to_what_ended_here_counts_until_it_does_so_no_more() -> None:
    story = started().tell("stop", 3, "public_answer").tell("stop", 1, "merged_answer")

    assert story.at(9).stopped_at == MONDAY + HOUR
    assert story.tell("stop", 2, "merged_answer").at(9).stopped_at == MONDAY + 2 * HOUR, "the last recorded"
    assert story.tell("stop", 5, "merged_answer").at(9).stopped_at == MONDAY + 3 * HOUR, "its own was earlier"
    assert story.tell("resume", 8, "merged_answer").at(9).stopped_at == MONDAY + 3 * HOUR


def test_a_new_target_counts_from_the_first_start_with_the_same_pauses() -> None:
    story = started("8h").tell("pause", 1, "customer").tell("resume", 2, "customer")
    clock = story.tell("retarget", 4, "priority", policy=a_policy("2h")).at(4)

    assert clock.started_at == MONDAY
    assert clock.target_s == 7200
    assert clock.due_at == clock.breached_at == MONDAY + 3 * HOUR


def test_a_policy_that_is_not_retroactive_counts_from_the_change() -> None:
    story = started("8h").tell("pause", 1, "customer").tell("resume", 2, "customer")
    clock = story.tell("retarget", 4, "priority", policy=a_policy("2h", retroactive=False)).at(5)

    assert clock.started_at == MONDAY + 4 * HOUR
    assert clock.due_at == MONDAY + 6 * HOUR
    assert (clock.elapsed_s, clock.pauses) == (3600, ())


def test_a_new_target_while_resolved_leaves_the_kept_promise_and_counts_after_reopening() -> None:
    story = started("8h").tell("stop", 3, "resolve").tell("retarget", 4, "priority", policy=a_policy("2h"))

    assert story.at(5).state == ClockState.MET
    assert story.tell("resume", 6, "reopen").at(6).breached_at == MONDAY + 2 * HOUR


def test_an_event_with_an_earlier_time_takes_its_place_and_a_breach_may_vanish() -> None:
    story = started()
    assert story.at(5).breached_at is not None

    story.tell("stop", 3, "resolve")

    assert story.at(5).state == ClockState.MET
    assert story.at(5).breached_at is None


def test_a_second_start_or_stop_changes_nothing_and_an_earlier_start_wins() -> None:
    story = (
        started()
        .tell("start", 1, policy=a_policy("1h"))
        .tell("stop", 2, "resolve")
        .tell("stop", 6, "resolve")
    )
    assert story.at(9).elapsed_s == 2 * 3600
    assert story.at(9).target_s == 4 * 3600

    assert story.tell("start", -3, policy=a_policy("4h")).at(9).state == ClockState.BREACHED


def test_cycles_are_clocks_of_their_own() -> None:
    story = Story(ClockName.UPDATE).tell("start", 0, policy=a_policy("1h")).tell("stop", 0.5, "public_answer")
    story.tell("start", 0.5, policy=a_policy("1h"), cycle=2)

    first, second = rebuild(story.events, story.policies, MONDAY + 2 * HOUR)

    assert (first.cycle, first.state) == (1, ClockState.MET)
    assert (second.cycle, second.breached_at) == (2, MONDAY + 1.5 * HOUR)


# Working days


def test_a_working_day_target_is_due_at_the_end_of_the_day_and_counts_open_time() -> None:
    clock = started("1wd end", NINE_TO_FIVE).at(3)

    assert clock.due_at == MONDAY + 32 * HOUR
    assert clock.target_s == 16 * 3600
    assert clock.next_check_at == MONDAY + 8 * HOUR, "half of the open time is used at Monday's closing"


def test_a_working_day_target_breaks_with_the_next_open_second() -> None:
    story = started("1wd", NINE_TO_FIVE).tell("pause", 6, "customer").tell("resume", 24.5, "customer")

    assert story.at(7 + 24).due_at == MONDAY + 48 * HOUR, "the pause held one opening"
    assert story.at(48).breached_at is None
    assert story.at(48.1).breached_at == MONDAY + 48 * HOUR
    assert (
        Story()
        .tell("start", 0, policy=a_policy("1wd", NINE_TO_FIVE))
        .tell("pause", 1, "customer")
        .at(9)
        .due_at
        is None
    )


# Warnings


@pytest.mark.parametrize(
    ("hours", "level", "next_check"),
    [
        (0, 0, 2.0),
        (1.99, 0, 2.0),
        (2, 50, 3.0),
        (3, 75, 3.6),
        (3.6, 90, 4.0),
        (4.5, 100, 5.0),
        (5, 125, 6.0),
        (6, 150, 7.0),
        (7, 175, 8.0),
        (8, 200, None),
    ],
)
def test_the_next_check_is_the_earliest_level_ahead(
    hours: float, level: int, next_check: float | None
) -> None:
    clock = started().at(hours)

    assert clock.level_passed == level
    assert clock.next_check_at == (None if next_check is None else MONDAY + next_check * HOUR)


def test_at_the_due_instant_itself_the_promise_is_kept_and_looked_at_a_second_later() -> None:
    clock = started().at(4)

    assert clock.level_passed == 90
    assert clock.next_check_at == MONDAY + 4 * HOUR + SECOND


def test_due_at_closing_is_looked_at_again_after_the_next_opening() -> None:
    assert started("8h", NINE_TO_FIVE).at(8.5).next_check_at == MONDAY + 24 * HOUR + SECOND


def test_reminders_after_a_breach_are_at_least_a_quarter_of_an_hour_apart() -> None:
    story = started("12m")

    assert [passed.level for passed in warning_levels(story.at(24), MONDAY + 24 * HOUR)] == [
        *(50, 75, 90, 100),
        *(225, 350, 475, 600),
    ]


def test_all_levels_missed_are_told_in_order_with_the_instant_each_fell_due() -> None:
    now = MONDAY + 4.5 * HOUR
    clock = started().at(4.5)

    assert warning_levels(clock, now, after=50) == (
        LevelPassed(75, MONDAY + 3 * HOUR),
        LevelPassed(90, MONDAY + 3.6 * HOUR),
        LevelPassed(100, MONDAY + 4 * HOUR),
    )
    assert warning_levels(clock, now, after=100) == ()


def test_nobody_is_warned_of_a_clock_that_does_not_run() -> None:
    now = MONDAY + 9 * HOUR

    assert warning_levels(started().tell("pause", 3.7, "customer").at(9), now) == ()
    assert warning_levels(started().tell("stop", 3.7, "resolve").at(9), now) == ()
    assert warning_levels(started().tell("cancel", 3.7, "cancel").at(9), now) == ()


def test_levels_count_elapsed_time_and_not_wall_time() -> None:
    clock = started().tell("pause", 1, "customer").tell("resume", 101, "customer").at(101.5)

    assert clock.level_passed == 0
    assert clock.next_check_at == MONDAY + 102 * HOUR


# What the events of a ticket do


STANDARD = {
    ClockName.TRIAGE: a_policy("30m"),
    ClockName.RESPONSE: a_policy("15m"),
    ClockName.UPDATE: a_policy("1h"),
    ClockName.RESTORE: a_policy("4h"),
    ClockName.RESOLVE: a_policy("8h"),
    ClockName.ONSITE: a_policy("6h"),
    ClockName.VENDOR: a_policy("3h"),
    ClockName.PROMISE: a_policy("2h"),
}


def live(
    *happened: tuple[str, float], policies: Mapping[ClockName, Policy] = STANDARD, vendor_pauses: bool = False
) -> dict[str, Clock]:
    """Carry ticket events out one after another, as the desk does; the clocks an hour after the last."""
    events: list[ClockEvent] = []
    known = {policy.key: policy for policy in policies.values()}
    clocks: tuple[Clock, ...] = ()
    at = MONDAY
    for kind, hours in happened:
        at = MONDAY + hours * HOUR
        events += clock_events(kind, clocks, policies, at=at, received_at=MONDAY, vendor_pauses=vendor_pauses)
        clocks = rebuild(events, known, at)
    return {clock.name: clock for clock in rebuild(events, known, at + HOUR)}


def test_qualification_ends_triage_and_starts_the_promises_from_receipt() -> None:
    clocks = live(("triage", 0), ("qualified", 0.25))

    assert clocks["triage"].state == ClockState.MET
    assert {name for name, clock in clocks.items() if clock.state == "running"} == {
        "response",
        "restore",
        "resolve",
    }
    assert {clocks[name].started_at for name in ("response", "restore", "resolve")} == {MONDAY}


def test_a_promise_once_met_is_not_made_again() -> None:
    clocks = live(("qualified", 0), ("take", 0.1), ("qualified", 0.5))

    assert (clocks["response"].cycle, clocks["response"].state) == (1, ClockState.MET)


def test_a_promise_made_at_receipt_is_retargeted_by_qualification() -> None:
    first = clock_events(
        "received",
        (),
        {ClockName.RESPONSE: a_policy("2h")},
        at=MONDAY,
        received_at=MONDAY,
        vendor_pauses=False,
    )
    known = {policy.key: policy for policy in (a_policy("2h"), *STANDARD.values())}
    then = clock_events(
        "qualified",
        rebuild(first, known, MONDAY),
        STANDARD,
        at=MONDAY + HOUR,
        received_at=MONDAY,
        vendor_pauses=False,
    )

    response = rebuild((*first, *then), known, MONDAY + HOUR)[0]
    assert (response.name, response.target_s, response.started_at) == (ClockName.RESPONSE, 900, MONDAY)


def test_a_promise_that_was_not_made_starts_no_clock() -> None:
    assert set(live(("qualified", 0), policies={ClockName.RESOLVE: FOUR_HOURS})) == {"resolve"}


def test_holding_a_ticket_stops_no_promise() -> None:
    clocks = live(("received", 0), ("triage", 0), ("hold", 0.1))

    assert {name: clock.state for name, clock in clocks.items()} == {
        "response": "running",
        "triage": "running",
    }


def test_taking_meets_the_response_and_promises_an_update() -> None:
    clocks = live(("qualified", 0), ("take", 0.1), ("take", 0.5))

    assert clocks["response"].stopped_at == MONDAY + 0.1 * HOUR
    assert (clocks["update"].cycle, clocks["update"].started_at) == (1, MONDAY + 0.1 * HOUR)


def test_every_public_answer_fulfils_one_update_and_promises_the_next() -> None:
    clocks = live(("qualified", 0), ("public_answer", 0.2), ("public_answer", 0.9), ("public_answer", 1.2))

    assert clocks["response"].state == ClockState.MET
    assert (clocks["update"].cycle, clocks["update"].started_at) == (3, MONDAY + 1.2 * HOUR)


def test_waiting_for_the_customer_holds_all_but_the_response() -> None:
    clocks = live(("qualified", 0), ("dispatch", 0), ("take", 0.1), ("wait_customer", 1))

    paused = {name for name, clock in clocks.items() if clock.state == ClockState.PAUSED}
    assert paused == {"restore", "resolve", "onsite", "update"}

    clocks = live(("qualified", 0), ("take", 0.1), ("wait_customer", 1), ("customer_message", 4))
    assert clocks["resolve"].state == ClockState.RUNNING
    assert clocks["resolve"].paused_s == 3 * 3600


@pytest.mark.parametrize(("vendor_pauses", "state"), [(False, "running"), (True, "paused")])
def test_waiting_for_a_vendor_pauses_only_where_the_contract_says_so(vendor_pauses: bool, state: str) -> None:  # noqa: FBT001
    clocks = live(("qualified", 0), ("take", 0.1), ("wait_vendor", 1), vendor_pauses=vendor_pauses)

    assert clocks["resolve"].state == clocks["restore"].state == state
    assert clocks["vendor"].state == ClockState.RUNNING

    clocks = live(("qualified", 0), ("wait_vendor", 1), ("vendor_answer", 2), vendor_pauses=vendor_pauses)
    assert clocks["resolve"].state == ClockState.RUNNING
    assert clocks["vendor"].cycle == 2


def test_a_workaround_meets_restore_and_gives_resolve_its_long_target() -> None:
    long = {**STANDARD, ClockName.RESOLVE: a_policy("5wd end", NINE_TO_FIVE)}
    known = {policy.key: policy for policy in (*STANDARD.values(), *long.values())}
    events = clock_events("qualified", (), STANDARD, at=MONDAY, received_at=MONDAY, vendor_pauses=False)
    at = MONDAY + HOUR
    events += clock_events(
        "workaround", rebuild(events, known, at), long, at=at, received_at=MONDAY, vendor_pauses=False
    )

    clocks = {clock.name: clock for clock in rebuild(events, known, at)}

    assert clocks[ClockName.RESTORE].state == ClockState.MET
    assert clocks[ClockName.RESOLVE].due_at == datetime(2026, 2, 9, 17, tzinfo=UTC)


def test_reopening_resumes_the_fix_and_not_the_response() -> None:
    clocks = live(("qualified", 0), ("take", 0.1), ("resolve", 2), ("reopen", 5))

    assert clocks["response"].state == ClockState.MET
    assert {clocks[name].state for name in ("restore", "resolve", "update")} == {ClockState.RUNNING}
    assert clocks["resolve"].elapsed_s == 3 * 3600
    assert clocks["update"].cycle == 1


def test_nobody_is_late_to_answer_what_is_over_by_itself_and_must_answer_when_it_comes_back() -> None:
    over = ("qualified", 0), ("recover", 0.1)

    clocks = live(*over)
    assert (clocks["response"].state, clocks["resolve"].state) == (ClockState.PAUSED, ClockState.MET)
    assert live(*over, ("close", 72))["response"].state == ClockState.CANCELLED
    assert live(("triage", 0), ("recover", 0.1), ("reopen", 5))["triage"].state == ClockState.CANCELLED
    again = live(*over, ("reopen", 5))["response"]
    assert (again.state, again.elapsed_s) == (ClockState.RUNNING, 66 * 60)


def test_reopening_a_closed_ticket_promises_a_new_update() -> None:
    clocks = live(("qualified", 0), ("take", 0.1), ("resolve", 2), ("close", 3), ("reopen", 5))

    assert clocks["resolve"].state == ClockState.RUNNING
    assert (clocks["update"].cycle, clocks["update"].started_at) == (2, MONDAY + 5 * HOUR)


@pytest.mark.parametrize("end", ["close", "cancel", "reject", "merge"])
def test_the_end_of_a_ticket_ends_every_clock(end: str) -> None:
    clocks = live(
        ("triage", 0),
        ("qualified", 0),
        ("dispatch", 0),
        ("take", 0.1),
        ("wait_vendor", 1),
        ("wait_customer", 2),
        ("promise", 2),
        (end, 3),
    )

    assert len(clocks) == len(ClockName)
    assert all(clock.ended and clock.next_check_at is None for clock in clocks.values())


def test_a_second_event_of_the_same_kind_adds_nothing() -> None:
    clocks = rebuild((), {}, MONDAY)
    assert clock_events("close", clocks, STANDARD, at=MONDAY, received_at=MONDAY, vendor_pauses=False) == ()
    events = clock_events("qualified", (), STANDARD, at=MONDAY, received_at=MONDAY, vendor_pauses=False)
    known = {policy.key: policy for policy in STANDARD.values()}
    for kind in ("qualified", "retarget", "customer_message", "reopen"):
        standing = rebuild(events, known, MONDAY)
        again = clock_events(kind, standing, STANDARD, at=MONDAY, received_at=MONDAY, vendor_pauses=False)
        assert [event.clock for event in again if event.clock != ClockName.UPDATE] == []


def test_another_priority_retargets_what_still_runs() -> None:
    urgent = {name: a_policy("1h") for name in ClockName}
    events = clock_events("qualified", (), STANDARD, at=MONDAY, received_at=MONDAY, vendor_pauses=False)
    known = {policy.key: policy for policy in STANDARD.values()}
    events += clock_events(
        "take", rebuild(events, known, MONDAY), {}, at=MONDAY, received_at=MONDAY, vendor_pauses=False
    )

    moved = clock_events(
        "retarget",
        rebuild(events, known, MONDAY),
        urgent,
        at=MONDAY + HOUR,
        received_at=MONDAY,
        vendor_pauses=False,
    )

    assert {(event.kind, event.clock) for event in moved} == {
        ("retarget", "restore"),
        ("retarget", "resolve"),
    }


def test_every_effect_of_the_table_can_be_carried_out() -> None:
    for kind in EFFECTS:
        for effect in clock_effects(kind, vendor_pauses=True):
            assert effect.action != ClockAction.PAUSE or effect.reason in PAUSE_REASONS


def test_an_unknown_event_is_refused_and_leaves_no_clock_running_by_mistake() -> None:
    with pytest.raises(ValueError, match='"resovle" is no event that clocks know'):
        clock_effects("resovle", vendor_pauses=False)


# Bad input, and what is written down


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"kind": ClockAction.PAUSE, "reason": "lunch"}, 'reason: "lunch"'),
        ({"kind": ClockAction.START}, "policy: start of resolve names none"),
        ({"kind": ClockAction.RETARGET}, "policy: retarget of resolve names none"),
        ({"kind": ClockAction.STOP, "at": datetime(2026, 2, 2)}, "no time zone"),  # noqa: DTZ001
    ],
)
def test_an_event_that_cannot_be_carried_out_is_refused(event: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClockEvent(**{"at": MONDAY, "clock": ClockName.RESOLVE, **event})


def test_a_missing_policy_is_named() -> None:
    event = ClockEvent(at=MONDAY, kind=ClockAction.START, clock=ClockName.RESOLVE, policy="gone")

    with pytest.raises(ValueError, match='policy "gone" of the resolve clock is missing'):
        rebuild([event], {}, MONDAY)


@pytest.mark.parametrize("target", ["15m", "4h", "2d", "1h30m", "0m", "1wd", "5wd end"])
@pytest.mark.parametrize("retroactive", [True, False])
def test_an_event_names_its_policy_so_that_it_can_be_found_again(target: str, retroactive: bool) -> None:  # noqa: FBT001
    policy = a_policy(target, NINE_TO_FIVE, retroactive=retroactive)

    assert Policy.from_key(policy.key, {"office": NINE_TO_FIVE}) == policy
    with pytest.raises(ValueError, match="calendar version office is missing"):
        Policy.from_key(policy.key, {})


@pytest.mark.parametrize(
    ("text", "seconds"), [("15m", 900), ("4h", 14_400), ("2d", 172_800), ("1d2h3m4s", 93_784)]
)
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "4", "-4h", "4 h", "h", "1wd start", "wd", "4h end", "1.5h", "٤h"])
def test_what_is_no_target_is_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=f'"{text}" is not a target'):
        parse_target(text)


# Properties


@st.composite
def stories(draw: st.DrawFn) -> Story:
    calendar = draw(st.sampled_from((ROUND_THE_CLOCK, NINE_TO_FIVE)))
    story = started(draw(st.sampled_from(("1h", "9h", "3d", "2wd", "1wd end"))), calendar)
    minutes = draw(st.lists(st.integers(1, 14_000), min_size=1, max_size=8, unique=True))
    kinds = st.sampled_from(
        (
            *(("pause", reason) for reason in ("customer", "vendor", "appointment")),
            *(
                ("resume", reason)
                for reason in ("customer", "vendor", "appointment", "reopen", "re-armed", "merge")
            ),
            *(("stop", "resolve"), ("stop", "workaround"), ("cancel", "merge"), ("cancel", "close")),
        )
    )
    for minute in minutes:
        kind, reason = draw(kinds)
        story.tell(kind, minute / 60, reason)
    return story


@settings(max_examples=150, deadline=None)
@given(stories(), st.integers(1, 20_000), st.randoms(use_true_random=False))
def test_a_clock_depends_on_what_happened_and_not_on_the_order_it_was_told(
    story: Story, minutes: int, shuffler: random.Random
) -> None:
    before = story.at(minutes / 60)
    shuffler.shuffle(story.events)

    assert story.at(minutes / 60) == before


@settings(max_examples=150, deadline=None)
@given(stories(), st.integers(1, 14_000), st.integers(0, 5_000))
def test_a_merge_that_was_undone_leaves_nothing_on_a_clock(story: Story, merged: int, lasts: int) -> None:
    story.events = [event for event in story.events if event.reason != "merge"]
    alone = story.at(20_000 / 60)

    story.tell("cancel", merged / 60, "merge").tell("resume", (merged + lasts) / 60, "merge")

    assert story.at(20_000 / 60) == alone


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 600), st.booleans()), min_size=1, max_size=6))
def test_the_earliest_of_its_own_answer_and_the_last_word_on_those_of_others_stops_a_clock(
    told: list[tuple[int, bool]],
) -> None:
    story = started("2h")
    for minute, own in told:
        story.tell("stop", minute / 60, "public_answer" if own else "merged_answer")
    answers = [minute for minute, own in told if own] + [minute for minute, own in told if not own][-1:]

    clock = story.at(20)
    assert clock.stopped_at == MONDAY + min(answers) * MINUTE
    assert (clock.state == ClockState.MET) is (min(answers) <= 120)  # noqa: PLR2004 - minutes
    alone = story.tell("resume", 15, "merged_answer").at(20).stopped_at
    assert alone == (MONDAY + min(m for m, own in told if own) * MINUTE if any(o for _, o in told) else None)


@settings(max_examples=150, deadline=None)
@given(stories(), st.integers(14_000, 20_000))
def test_all_open_time_is_either_elapsed_or_paused(story: Story, minutes: int) -> None:
    clock = story.at(minutes / 60)
    end = clock.stopped_at or MONDAY + minutes * MINUTE

    assert clock.elapsed_s + clock.paused_s == clock.policy.calendar.elapsed(clock.started_at, end)
    ends = [pause.until or end for pause in clock.pauses]
    assert all(before <= after.since for before, after in zip(ends, clock.pauses[1:], strict=False))


@settings(max_examples=150, deadline=None)
@given(stories(), st.integers(14_000, 20_000))
def test_the_next_check_lies_ahead_and_then_something_has_happened(story: Story, minutes: int) -> None:
    now = MONDAY + minutes * MINUTE
    clock = story.at(minutes / 60)

    if clock.next_check_at is None:
        assert clock.state != ClockState.RUNNING or clock.breached_at is not None
        return
    assert clock.next_check_at > now
    (then,) = rebuild(story.events, story.policies, clock.next_check_at)
    assert then.level_passed > clock.level_passed or then.due_at == clock.next_check_at
    levels = [passed.level for passed in warning_levels(then, clock.next_check_at)]
    assert then.level_passed == (levels[-1] if levels else 0)
