"""An edited service level moves the clocks that it promises otherwise, and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.rules import clocks
from core.rules.calendar_definitions import ALWAYS, CalendarDefinition, definition_version
from core.rules.calendars import Calendar
from core.rules.clocks import ClockAction, ClockEvent, ClockName, Policy, Target
from core.rules.new_promises import retargets

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NINE + timedelta(hours=1)
DAY_AND_NIGHT = Calendar(ALWAYS)


def promise(hours: int, *, calendar: CalendarDefinition = ALWAYS, name: str = "Gold P1") -> Policy:
    return Policy(
        name=name,
        target=Target(seconds=hours * 3600),
        calendar=DAY_AND_NIGHT if calendar is ALWAYS else Calendar(calendar),
        calendar_version=definition_version(calendar),
    )


def running(*names: ClockName, policy: Policy) -> tuple[clocks.Clock, ...]:
    events = [ClockEvent(at=NINE, kind=ClockAction.START, clock=name, policy=policy.key) for name in names]
    events.append(ClockEvent(at=LATER, kind=ClockAction.STOP, clock=ClockName.RESPONSE, reason="take"))
    return clocks.rebuild(events, {policy.key: policy}, LATER)


def test_only_what_runs_and_is_promised_otherwise_is_moved():
    found = running(*ClockName, policy=promise(4))
    wanted = {
        ClockName.RESPONSE: promise(2),  # ended
        ClockName.RESTORE: promise(4),  # as before
        ClockName.RESOLVE: replace(promise(4), retroactive=False),  # counted otherwise, promised the same
        ClockName.UPDATE: promise(4, name="Silver P1"),
        ClockName.ONSITE: promise(8),
    }

    moved = retargets(found, wanted, now=LATER, reason="sla")

    assert {event.clock: policy for event, policy in moved} == {
        name: wanted[name] for name in (ClockName.UPDATE, ClockName.ONSITE)
    }
    assert {(event.kind, event.at, event.policy) for event, _ in moved} == {
        (ClockAction.RETARGET, LATER, policy.key) for _, policy in moved
    }


def test_another_version_of_the_same_calendar_is_left_to_whoever_applies_that():
    week = {"mon": (("09:00", "18:00"),)}
    office = CalendarDefinition(name="Office", time_zone="UTC", weekly=week)
    longer = replace(office, weekly={"mon": (("08:00", "18:00"),)})
    found = running(ClockName.RESOLVE, policy=promise(4, calendar=office))

    assert retargets(found, {ClockName.RESOLVE: promise(4, calendar=longer)}, now=LATER, reason="") == ()
    ((_, policy),) = retargets(
        found, {ClockName.RESOLVE: promise(5, calendar=longer)}, now=LATER, reason="sla"
    )
    assert (policy.target.seconds, policy.calendar_version) == (5 * 3600, definition_version(office))
    ((_, other),) = retargets(found, {ClockName.RESOLVE: promise(4)}, now=LATER, reason="sla")
    assert other.calendar_version == definition_version(ALWAYS)
