"""How is an alarm over? Its episode ends, and a ticket whose alarms are all over is solved by itself, or its owner is told.

`rules.correlation.recovered` decides (monitoring.md 4, step 13).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select

from core import texts
from core.desk import (
    alert_rows,
    alert_tickets,
    follow_ups,
    guarding,
    notices,
    reference,
    resolution,
)
from core.desk.alert_sources import AlertSource
from core.desk.case import Case
from core.rules import correlation, workflow
from core.rules.correlation import End, Ending
from core.store import tables
from core.store.columns import from_micros
from core.store.tx import Prepared, Row, Tx

_STATE = Prepared(
    select(tables.source_state.c.silent_since).where(tables.source_state.c.name == bindparam("name"))
)
CAUSE = "auto_recovered"
"""Of a resolution by the hub: it came back by itself."""


def end(
    tx: Tx, source: AlertSource, known: Row, *, ended_at: datetime, row: Row | None, now: datetime
) -> None:
    """The episode is over. `row`: the message that says so; None: nobody ever does, and its time is up."""
    was = known.status
    transitions = alert_rows.with_change(known, "e", row.received_at if row is not None else now)
    ended_at = max(ended_at, known.started_at)
    alert_rows.change(
        tx,
        known.id,
        status="resolved",
        firing=False,
        ended_at=ended_at,
        transitions=transitions,
        accepted_risk=False,
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
    flaps = alert_rows.flaps(transitions, now=now, first_seen=known.first_seen)
    if flaps and known.flapping_since is None:
        alert_rows.change(tx, known.id, flapping_since=now)
        alert_rows.decide(tx, known, "flapping", now=now, changes=len(transitions))
    if known.ticket_id is not None:
        alert_rows.look(tx, known.ticket_id, due=now + source.stable, now=now)


def check(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer of a ticket of devices: solve it, tell whoever has it, or look again."""
    case = Case.open(tx, ticket_id, now=now)
    rows = alert_rows.of_ticket(tx, ticket_id)
    if not case["open"] or not rows:
        return
    decided = correlation.recovered(_facts(tx, case, rows, now=now), now=now)
    if decided.until is not None:
        alert_rows.look(tx, ticket_id, due=decided.until, now=now)
    elif decided.end is End.TELL:
        _tell(case)
    elif decided.end is End.RESOLVE:
        _resolve(case, max(one.ended_at for one in rows if one.ended_at is not None))


def _facts(tx: Tx, case: Case, rows: list[Row], *, now: datetime) -> Ending:
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
        source_silent=any(_silent(tx, name) for name in {one.source for one in rows}),
        touched=alert_tickets.touched(tx, case.id),
        priority=case["priority"],
    )


def _silent(tx: Tx, source: str) -> bool:
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
    at = min(max(ended_at, case["received_at"]), case.now)
    since = texts.instant(at, notices.zone_of(case), case["language"])
    _, text = texts.notice("alert_recovered", case["language"], since=since)
    resolution.recovered(case, text.strip(), cause=CAUSE, at=at)
    for one in alert_rows.of_ticket(case.tx, case.id):
        if one.flapping_since is not None:
            alert_rows.change(case.tx, one.id, flapping_since=None)
            alert_rows.decide(case.tx, one, "calm", now=case.now)
