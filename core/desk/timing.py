"""How do a ticket's clocks follow what happens to it? Events in, `rules.clocks.rebuild`, and the cache beside it.

One timer per ticket wakes at the earliest level or due instant of its running clocks; it reads the facts again. What
was promised is in core.desk.clock_policies, who is told of a level in core.desk.clock_notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import clock_notices, clock_policies, clock_standing, reference, vendor_rows
from core.desk.case import Case
from core.rules import clocks
from core.rules.clock_history import MERGED_ANSWER
from core.rules.clocks import ClockName, ClockState, Policy, Target
from core.store import tables, work
from core.store.tx import Prepared, Row, Tx

CLOCK_TIMER = "clocks"

sla_clock = tables.sla_clock

_CLOCKS = Prepared(select(sla_clock).where(sla_clock.c.ticket_id == bindparam("ticket_id")))


def apply(case: Case, happened: str, *, at: datetime | None = None) -> None:
    """Let the clocks know what happened (a word of `rules.clock_effects`), at the given instant or now."""
    _emit(case, happened, clock_policies.of(case), at=at or case.now)


def retarget(case: Case) -> None:
    """Priority, line or service level changed: same start, same pauses, new promise."""
    _emit(case, "retarget", clock_policies.of(case), at=case.now)


def promise(case: Case, due: datetime) -> None:
    """Words to the customer are promised by `due` (after now), whatever the hour. One that runs is moved there."""
    always = reference.desk(case.tx).calendars[reference.ALWAYS]
    running = next(
        (one for one in clock_standing.of_case(case) if one.name is ClockName.PROMISE and not one.ended), None
    )
    since = case.now if running is None else running.started_at
    seconds = -int(
        (since - due) // timedelta(seconds=1)
    )  # whole ones, up: the start is what is moved to meet `due`
    policy = Policy(
        name="promise",
        target=Target(seconds=seconds),
        calendar=always.calendar,
        calendar_version=always.version,
    )
    at = due - timedelta(seconds=seconds) if running is None else case.now
    _emit(case, "promise", {ClockName.PROMISE: policy}, at=at)


def come_by(case: Case, start: datetime, *, asked: bool) -> None:
    """Somebody comes at `start`, as was agreed: the onsite clock is due then. `asked`: the customer wanted it that late.

    What was promised earlier stays, unless the customer asked: then nothing counts until they are to be there.
    """
    running = next(
        (one for one in clock_standing.of_case(case) if one.name is ClockName.ONSITE and not one.ended), None
    )
    if asked:
        apply(case, "appointment")
    elif running is not None and (running.breached_at or (running.due_at and running.due_at <= start)):
        return
    always = reference.desk(case.tx).calendars[reference.ALWAYS]
    since = case.now if running is None else running.started_at
    spans = [] if running is None else [(pause.since, pause.until) for pause in running.pauses]
    if asked and running is not None:
        spans.append((case.now, start))
    open_until = [(began, ended or start) for began, ended in spans]
    policy = Policy(
        name="promise to come",
        target=Target(seconds=always.calendar.elapsed(since, start, open_until) + 1),
        calendar=always.calendar,
        calendar_version=always.version,
    )
    _emit(case, "appointment_agreed", {ClockName.ONSITE: policy}, at=case.now)


def promise_kept(case: Case, *, at: datetime | None = None) -> None:
    """A person wrote to the customer. Public answers and a solution keep it by themselves; nothing happens twice."""
    _emit(case, "promise_kept", {}, at=at or case.now)


def promise_dropped(case: Case) -> None:
    """Whoever promised takes it back, and says so: neither kept nor broken."""
    _emit(case, "promise_dropped", {}, at=case.now)


def vendor_opened(case: Case, vendor: str) -> None:
    """A vendor was asked: its first answer is measured by what its contract with us says, else by the service level."""
    _emit(case, "vendor_opened", _with_vendor(case, vendor, "answer"), at=case.now)


def vendor_waits(case: Case, row: Row) -> None:
    """The ticket waits for a vendor (a row of `vendor_case`): for its first answer, then for its solution."""
    agreed = _with_vendor(case, row.vendor, "fix" if row.first_answer_at else "answer")
    _emit(case, "wait_vendor", agreed, at=case.now)


def vendor_answered(case: Case, row: Row, *, at: datetime) -> None:
    """The first answer of a vendor is there: its solution is measured from now on."""
    agreed = clock_policies.of(case)
    agreed.pop(ClockName.VENDOR, None)
    of = vendor_rows.named(case.tx, row.vendor)
    fix = vendor_rows.policy(case.tx, of, "fix") if of is not None else None
    _emit(case, "vendor_answer", agreed | ({ClockName.VENDOR: fix} if fix else {}), at=at)


def _with_vendor(case: Case, vendor: str, name: str) -> dict[ClockName, Policy]:
    """The clock that runs for one vendor is not moved by another one's promise."""
    agreed = clock_policies.of(case)
    of = vendor_rows.named(case.tx, vendor)
    theirs = vendor_rows.policy(case.tx, of, name) if of is not None else None
    if any(one.name is ClockName.VENDOR and not one.ended for one in clock_standing.of_case(case)):
        agreed.pop(ClockName.VENDOR, None)
    elif theirs is not None:
        agreed[ClockName.VENDOR] = theirs
    return agreed


def next_words(case: Case) -> datetime | None:
    """When the service level asks for the next words to the customer, if they are told something now; None: it does not."""
    policy = clock_policies.of(case).get(ClockName.UPDATE)
    return policy.due(case.now, ()) if policy is not None else None


def count_from(case: Case, since: datetime, *, reason: str) -> None:
    """What is promised from the receipt on counts from here now: another ticket was joined, or is not any more."""
    for clock in clock_standing.of_case(case):
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


def answered_elsewhere(case: Case, at: datetime | None) -> None:
    """When the first answer was given on a request that ended in this one; None: on none that does so now.

    The earlier of that and an answer of its own counts, whichever is told first.
    """
    clock = response(case)
    if clock is None:
        return
    theirs = clock.stop_reason == MERGED_ANSWER
    if at is None:
        if theirs:
            _about_response(case, clock, "resume", at=case.now, reason=MERGED_ANSWER)
        return
    at = max(at, clock.started_at)
    if clock.stopped_at is None or at < clock.stopped_at or (theirs and at != clock.stopped_at):
        _about_response(case, clock, "stop", at=at, reason=MERGED_ANSWER)


def answered(case: Case, at: datetime) -> None:
    """Its own first answer was given then, while what was said elsewhere counted for it."""
    clock = response(case)
    if clock is not None and not clock.ended:
        _about_response(case, clock, "stop", at=max(at, clock.started_at), reason="public_answer")


def _about_response(case: Case, clock: clocks.Clock, action: str, *, at: datetime, reason: str) -> None:
    case.event(
        f"clock.{action}",
        actor="system",
        at=at,
        clock=str(clock.name),
        cycle=clock.cycle,
        reason=reason,
        policy="",
    )


FROM_RECEIPT = (ClockName.TRIAGE, ClockName.RESPONSE, ClockName.RESTORE, ClockName.RESOLVE)


def _emit(case: Case, happened: str, policies: Mapping[ClockName, Policy], *, at: datetime) -> None:
    caused = clocks.clock_events(
        happened,
        clock_standing.of_case(case),
        policies,
        at=at,
        received_at=case["received_at"],
        vendor_pauses=bool(clock_policies.line_says(case, "vendor_pauses")),
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
    standing = clock_standing.of_case(case)
    stored = [] if case.new else case.tx.all(_CLOCKS, ticket_id=case.id)
    known = {(row.name, row.cycle): row for row in stored}
    unheard = False
    for clock in standing:
        row = _row(clock)
        before = known.get((row["name"], row["cycle"]))
        noted = 0 if before is None else before.level
        level = clock_notices.seen(case, clock, noted)
        if level != noted:
            row["level"] = level
        if before is None:
            case.tx.insert(sla_clock, ticket_id=case.id, **row)
        else:
            key = {"ticket_id": case.id, "name": row.pop("name"), "cycle": row.pop("cycle")}
            case.tx.update(sla_clock, key, **row)
        if clock.state is ClockState.RUNNING and clock.level_passed > level:
            unheard = True  # passed at a stroke: by a new target, an earlier time, a late receipt
    for name in {
        clock.name for clock in standing
    }:  # a breach is known when it is seen, by the timer or by a verb
        late_one = any(clock.breached_at for clock in standing if clock.name is name)
        if late_one != (f"breached:{name}" in case["flags"]):
            case.flag(f"breached:{name}", on=late_one)
    running = [clock for clock in standing if clock.state is ClockState.RUNNING]
    due = [(clock.due_at, clock.name) for clock in running if clock.due_at is not None]
    first = min(due, default=(None, None))
    late = [clock.breached_at for clock in running if clock.breached_at is not None]
    case.set(next_due=first[0], next_clock=first[1] and str(first[1]), breached_at=min(late, default=None))
    checks = [clock.next_check_at for clock in running if clock.next_check_at is not None]
    if checks or unheard:
        work.set_timer(
            case.tx,
            shard=case.id,
            key=CLOCK_TIMER,
            kind="clocks",
            payload={},
            due=max(case.now if unheard else min(checks), case.now + timedelta(seconds=1)),
            now=case.now,
        )
    elif not case.new:
        work.cancel(case.tx, shard=case.id, key=CLOCK_TIMER)
    case.touched_clocks = False


def check(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer rang: note the levels that have passed, each once, tell the highest, and set it again."""
    case = Case.open(tx, ticket_id, now=now)
    noted = {(row.name, row.cycle): row.level for row in tx.all(_CLOCKS, ticket_id=ticket_id)}
    for clock in clock_standing.of_case(case):
        passed = clocks.warning_levels(clock, now, after=noted.get((str(clock.name), clock.cycle), 0))
        if passed:  # `level` is what was noted; with it no level is told twice or lost
            key = {"ticket_id": ticket_id, "name": str(clock.name), "cycle": clock.cycle}
            tx.update(sla_clock, key, level=passed[-1].level)
            clock_notices.passed(case, clock, passed)
    case.touched_clocks = True
    settle(case)
    case.save()


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


def response(case: Case) -> clocks.Clock | None:
    """The promise of a first answer, as it stands; None: there is none."""
    return next((one for one in clock_standing.of_case(case) if one.name is ClockName.RESPONSE), None)


def due(case: Case) -> dict[str, datetime]:
    """When each running clock is due."""
    return {
        str(clock.name): clock.due_at
        for clock in clock_standing.of_case(case)
        if clock.state is ClockState.RUNNING and clock.due_at is not None
    }
