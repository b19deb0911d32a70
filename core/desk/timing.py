"""How do a ticket's clocks follow what happens to it? Events in, `rules.clocks.rebuild`, and the cache beside it.

One timer per ticket wakes at the earliest level or due instant of its running clocks; it reads the facts again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import reference
from core.desk.case import Case
from core.rules import clocks
from core.rules.clocks import ClockEvent, ClockName, ClockState, Policy, Target
from core.store import tables, work
from core.store.tx import Prepared, Tx

TRIAGE = Target(seconds=30 * 60)
"""Within this time, day or night, somebody says who it is and what it is about (desk.md 2)."""
CLOCK_TIMER = "clocks"

event, sla_clock = tables.event, tables.sla_clock

_EVENTS = Prepared(
    select(event.c.kind, event.c.at, event.c.data)
    .where(event.c.ticket_id == bindparam("ticket_id"), event.c.kind.like("clock.%"))
    .order_by(event.c.seq)
)
_CLOCKS = Prepared(select(sla_clock).where(sla_clock.c.ticket_id == bindparam("ticket_id")))

_ACTIONS = frozenset(f"clock.{action}" for action in clocks.ClockAction)


def apply(case: Case, happened: str, *, at: datetime | None = None) -> None:
    """Let the clocks know what happened (a word of `rules.clock_effects`), at the given instant or now."""
    _emit(case, happened, _policies(case), at=at or case.now)


def retarget(case: Case) -> None:
    """Priority, line or service level changed: same start, same pauses, new promise."""
    _emit(case, "retarget", _policies(case), at=case.now)


def count_from(case: Case, since: datetime, *, reason: str) -> None:
    """What is promised from the receipt on counts from here now: another ticket was joined, or is not any more."""
    for clock in _standing(case):
        if clock.name in FROM_RECEIPT and clock.started_at != since:
            case.event(
                "clock.start",
                actor="system",
                at=since,
                clock=str(clock.name),
                cycle=clock.cycle,
                reason=reason,
                policy=clock.policy.key,
            )


FROM_RECEIPT = (ClockName.TRIAGE, ClockName.RESPONSE, ClockName.RESTORE, ClockName.RESOLVE)


def _emit(case: Case, happened: str, policies: Mapping[ClockName, Policy], *, at: datetime) -> None:
    caused = clocks.clock_events(
        happened,
        _standing(case),
        policies,
        at=at,
        received_at=case["received_at"],
        vendor_pauses=bool(_line_says(case, "vendor_pauses")),
    )
    for one in caused:
        case.event(
            f"clock.{one.kind}",
            actor="system",
            at=one.at,
            clock=str(one.clock),
            cycle=one.cycle,
            reason=one.reason,
            policy=one.policy,
        )


def settle(case: Case) -> None:
    """Rebuild the clocks, write the cache, and set the one timer. Does nothing when no clock was touched."""
    if not case.touched_clocks:
        return
    standing = _standing(case)
    stored = [] if case.new else case.tx.all(_CLOCKS, ticket_id=case.id)
    known = {(row.name, row.cycle): row for row in stored}
    for clock in standing:
        row = _row(clock)
        before = known.get((row["name"], row["cycle"]))
        if before is None:
            case.tx.insert(sla_clock, ticket_id=case.id, **row)
        else:
            key = {"ticket_id": case.id, "name": row.pop("name"), "cycle": row.pop("cycle")}
            case.tx.update(sla_clock, key, **row)
    for name in {
        clock.name for clock in standing
    }:  # a breach is known when it is seen, by the timer or by a verb
        late_one = any(clock.breached_at for clock in standing if clock.name is name)
        case.flag(f"breached:{name}", on=late_one)
    running = [clock for clock in standing if clock.state is ClockState.RUNNING]
    due = [(clock.due_at, clock.name) for clock in running if clock.due_at is not None]
    first = min(due, default=(None, None))
    late = [clock.breached_at for clock in running if clock.breached_at is not None]
    case.set(next_due=first[0], next_clock=first[1] and str(first[1]), breached_at=min(late, default=None))
    checks = [clock.next_check_at for clock in running if clock.next_check_at is not None]
    if checks:
        work.set_timer(
            case.tx,
            shard=case.id,
            key=CLOCK_TIMER,
            kind="clocks",
            payload={},
            due=max(min(checks), case.now + timedelta(seconds=1)),
            now=case.now,
        )
    elif not case.new:
        work.cancel(case.tx, shard=case.id, key=CLOCK_TIMER)
    case.touched_clocks = False


def check(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer rang: note the levels that have passed, each once, and set it again."""
    case = Case.open(tx, ticket_id, now=now)
    told = {(row.name, row.cycle): row.level for row in tx.all(_CLOCKS, ticket_id=ticket_id)}
    for clock in _standing(case):
        before = told.get((str(clock.name), clock.cycle), 0)
        passed = clocks.warning_levels(clock, now, after=before)
        if passed:  # `level` is what was told; only this timer moves it, so no level is told twice or lost
            key = {"ticket_id": ticket_id, "name": str(clock.name), "cycle": clock.cycle}
            tx.update(sla_clock, key, level=passed[-1].level)
        for level, at in passed:
            if level == clocks.BREACH:
                case.flag(f"breached:{clock.name}")
            case.event(
                "clock.warned", actor="system", at=at, clock=str(clock.name), cycle=clock.cycle, level=level
            )
    case.touched_clocks = True
    settle(case)
    case.save()


def _standing(case: Case) -> tuple[clocks.Clock, ...]:
    rows = (
        [(row.kind, row.at, row.data) for row in case.tx.all(_EVENTS, ticket_id=case.id)]
        if not case.new
        else []
    )
    rows += [(row["kind"], row["at"], row["data"]) for row in case.new_events()]
    events = [_event(kind, at, data) for kind, at, data in rows if kind in _ACTIONS]
    if not events:
        return ()
    policies = {}
    for one in events:
        if one.policy and one.policy not in policies:
            version = one.policy.split("|", 3)[1]
            policies[one.policy] = Policy.from_key(one.policy, {version: reference.hours(case.tx, version)})
    return clocks.rebuild(events, policies, case.now)


def _event(kind: str, at: datetime, data: Mapping[str, Any]) -> ClockEvent:
    return ClockEvent(
        at=at,
        kind=clocks.ClockAction(kind.removeprefix("clock.")),
        clock=ClockName(data["clock"]),
        cycle=data["cycle"],
        reason=data["reason"],
        policy=data["policy"],
    )


def _row(clock: clocks.Clock) -> dict[str, Any]:
    return {
        "name": str(clock.name),
        "cycle": clock.cycle,
        "state": str(clock.state),
        "target_s": clock.target_s,
        "calendar": clock.policy.calendar_version,
        "started_at": clock.started_at,
        "stopped_at": clock.stopped_at,
        "due_at": clock.due_at,
        "elapsed_s": clock.elapsed_s,
        "paused_s": clock.paused_s,
        "next_check_at": clock.next_check_at,
        "breached_at": clock.breached_at,
    }


def _policies(case: Case) -> dict[ClockName, Policy]:
    """What was promised on this ticket: its line's service level at its priority, and triage for everybody."""
    desk = reference.desk(case.tx)
    always = desk.calendars["24x7"]
    policies = {
        ClockName.TRIAGE: Policy(
            name="triage", target=TRIAGE, calendar=always.calendar, calendar_version=always.version
        )
    }
    level = desk.slas.get(_line_says(case, "sla") or reference.DEFAULT_SLA)
    promised = level.targets.get(case["priority"] or "") if level else None
    if level is None or promised is None:
        return policies
    hours = desk.calendars[promised.calendar or _line_says(case, "calendar") or "24x7"]
    for name, target in promised.times.items():
        if name == "resolve_after_workaround":
            continue
        policies[ClockName(name)] = Policy(
            name=f"{level.name} {case['priority']} {name}",
            target=target,
            calendar=hours.calendar,
            calendar_version=hours.version,
        )
    longer = promised.times.get("resolve_after_workaround")
    if longer is not None and "workaround" in case["flags"]:
        policies[ClockName.RESOLVE] = Policy(
            name=f"{level.name} {case['priority']} resolve after workaround",
            target=longer,
            calendar=hours.calendar,
            calendar_version=hours.version,
        )
    return policies


def response(case: Case) -> clocks.Clock | None:
    """The promise of a first answer, as it stands; None: there is none."""
    return next((one for one in _standing(case) if one.name is ClockName.RESPONSE), None)


def _line_says(case: Case, what: str) -> Any:
    """A term of the contract line the ticket is under; None or False where there is none."""
    if not case["contract_version"]:
        return None
    for line in reference.contract(case.tx, case["contract_version"]).lines:
        if line.name == case["line"]:
            return getattr(line, what)
    return None


def due(case: Case) -> dict[str, datetime]:
    """When each running clock is due."""
    return {
        str(clock.name): clock.due_at
        for clock in _standing(case)
        if clock.state is ClockState.RUNNING and clock.due_at is not None
    }
