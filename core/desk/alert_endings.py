"""How is an alarm over? Its episode ends, and a ticket whose alarms are all over is solved by itself, or its owner is told.

`rules.correlation.recovered` decides (monitoring.md 4, step 13).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core import texts
from core.desk import (
    alert_incidents,
    alert_returns,
    alert_rows,
    alert_tickets,
    follow_ups,
    guarding,
    incident_outages,
    notices,
    participants,
    reference,
    resolution,
)
from core.desk.alert_sources import AlertSource
from core.desk.case import Case
from core.rules import correlation, workflow
from core.rules.correlation import End, Ending
from core.rules.participation import State
from core.store import tables, work
from core.store.columns import from_micros
from core.store.tx import Prepared, Row, Tx

_STATE = Prepared(
    select(tables.source_state.c.silent_since).where(tables.source_state.c.name == bindparam("name"))
)
CAUSE = "auto_recovered"
"""Of a resolution by the hub: it came back by itself."""
CALM = "alert-calm"
"""Kind and key of the job that looks whether what flapped is calm; its shard is the alert."""


def end(tx: Tx, source: AlertSource, known: Row, *, ended_at: datetime, row: Any, now: datetime) -> None:
    """The episode is over. `row`: what says so (core.desk.alerts.Said); None: nobody ever does, and its time is up."""
    was = known.status
    at = row.received_at if row is not None else now
    transitions = alert_rows.with_change(known, "e", at)
    ended_at = max(ended_at, known.started_at)
    alert_rows.change(
        tx,
        known.id,
        status="resolved",
        firing=False,
        ended_at=ended_at,
        transitions=transitions,
        accepted_risk=False,
        hidden=False,
        **({"last_seen": row.received_at, "body": row.raw} if row is not None else {}),
    )
    tx.update(tables.alert_episode, {"alert_id": known.id, "n": known.episode}, ended_at=ended_at)
    alert_rows.decide(
        tx,
        known,
        "transient" if was == "held" else "ended",
        now=now,
        inbound=row.id if row is not None else None,
        seconds=int((ended_at - known.started_at).total_seconds()),
    )
    changed(tx, known, transitions, at=at, now=now)
    alert_returns.of_alert(tx, known.id, now=now)
    alert_rows.ask_below(tx, known.id, now=now)
    if known.ticket_id is not None:
        alert_rows.look(tx, known.ticket_id, due=now + source.stable, now=now)


def changed(tx: Tx, row: Row, transitions: list[list[Any]], *, at: datetime, now: datetime) -> None:
    """It began or ended at this instant: maybe it flaps, until nothing changed for CALM."""
    if row.flapping_since is None:
        if not alert_rows.flaps(transitions, now=at, first_seen=row.first_seen):
            return
        alert_rows.change(tx, row.id, flapping_since=at)
        alert_rows.decide(tx, row, "flapping", now=now, changes=len(transitions))
    work.set_timer(tx, shard=row.id, key=CALM, kind=CALM, payload={}, due=at + correlation.CALM, now=now)


def calm(tx: Tx, alert_id: str, *, now: datetime) -> None:
    """That time has come, whatever became of its ticket: what comes next waits its moment again."""
    seen = alert_rows.one(tx, alert_id)
    if seen is None or seen.flapping_since is None:
        return
    alert_rows.meet(tx, seen.customer, seen.source)
    row = alert_rows.one(tx, alert_id)
    assert row is not None
    if row.flapping_since is None or from_micros(row.transitions[-1][0]) + correlation.CALM > now:
        return  # its last change has set the timer anew
    alert_rows.change(tx, alert_id, flapping_since=None)
    alert_rows.decide(tx, row, "calm", now=now)


def check(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer of a ticket of devices: solve it, tell whoever has it, or look again."""
    case = Case.open(tx, ticket_id, now=now)
    parent, parts = alert_incidents.parent_of(tx, ticket_id), alert_incidents.children(tx, ticket_id)
    rows = _rows(tx, ticket_id, parent, parts)
    if not rows:
        return
    decided = correlation.recovered(_facts(tx, case, rows, parent=parent, now=now), now=now)
    if decided.until is not None:
        alert_rows.look(tx, ticket_id, due=decided.until, now=now)
        return
    if decided.end is End.WAIT or (parts and _parts_first(tx, parts, now=now)):
        return
    if parts:
        incident_outages.over(tx, ticket_id, told=_told(tx, parts), now=now)
    if not case["open"]:
        return
    if decided.end is End.TELL:
        _tell(case)
    else:
        _resolve(case, max(one.ended_at for one in rows if one.ended_at is not None))
    if parent is not None:
        alert_rows.look(tx, parent, due=now, now=now)


def _rows(tx: Tx, ticket_id: str, parent: str | None, parts: list[Row]) -> list[Row]:
    """The alarms on which its end hangs: its own, those of the incident that it is a part of, of a storm those of its parts."""
    own = [*alert_rows.of_ticket(tx, ticket_id), *(alert_rows.of_ticket(tx, parent) if parent else ())]
    return own or [row for part in parts for row in alert_rows.of_ticket(tx, part.id)]


def _parts_first(tx: Tx, parts: list[Row], *, now: datetime) -> bool:
    """Are there parts that nobody decided on yet? Each looks at itself, and then at the incident again. What fires there is its own."""
    waiting = [
        one.id
        for one in parts
        if one.open and alert_tickets.RECOVERED not in one.flags and not alert_rows.firing_of(tx, one.id)
    ]
    for one in waiting:
        alert_rows.look(tx, one, due=now, now=now)
    return bool(waiting)


def _told(tx: Tx, parts: list[Row]) -> set[str]:
    """Who heard in a part of their own that it is over."""
    solved = [one for one in parts if one.state == workflow.State.RESOLVED]
    people = [
        person
        for one in solved
        for person in participants.of_ticket(tx, one.id, customer=one.customer, requester="")
        if person.state == State.JOINED
    ]
    return {person.who for person in people} | {person.address for person in people}


def _facts(tx: Tx, case: Case, rows: list[Row], *, parent: str | None, now: datetime) -> Ending:
    sources = reference.desk(tx).alert_sources
    spans = [sources[one.source].stable for one in rows if one.source in sources]
    flapped = [
        from_micros(one.transitions[-1][0])
        for one in rows
        if one.flapping_since is not None and one.transitions
    ]
    return Ending(
        firing=sum(one.firing for one in rows),
        last_end=max((one.ended_at for one in rows if one.ended_at is not None), default=None),
        stable=max(spans, default=correlation.STABLE),
        flapped_at=max(flapped, default=None),
        source_silent=any(silent(tx, name) for name in {one.source for one in rows}),
        touched=alert_tickets.touched(tx, case.id),
        priority=case["priority"],
        in_incident=parent is not None,
    )


def silent(tx: Tx, source: str) -> bool:
    """Should it have been heard, and was not?"""
    state = tx.one(_STATE, name=source)
    return state is not None and state.silent_since is not None


def _tell(case: Case) -> None:
    """Whoever has it sees that nothing fires any more; nothing is closed under their hands."""
    if alert_tickets.RECOVERED in case["flags"]:
        return
    case.flag(alert_tickets.RECOVERED)
    case.event("alert.recovered", actor="system")
    follow_ups.ask(case, "alerts_recovered")
    case.save()


def _resolve(case: Case, ended_at: datetime) -> None:
    """Nobody had it in hand, and it came back: solved, with the hub's words."""
    if guarding.obstacles(case) or case["state"] not in workflow.MOVES["recover"].sources:
        _tell(case)
        return
    open_since = case["state_since"] if "reopened" in case["flags"] else case["received_at"]
    at = min(max(ended_at, open_since), case.now)  # the clock of a device may be behind
    since = texts.instant(at, notices.zone_of(case), case["language"])
    _, text = texts.notice("alert_recovered", case["language"], since=since)
    resolution.recovered(case, text.strip(), cause=CAUSE, at=at)
