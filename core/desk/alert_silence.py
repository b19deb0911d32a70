"""Is a source silent? Two transitions: it fell silent, which is an alarm like any other, and it speaks again (monitoring.md 6).

`rules.silence` decides. The row of the source is locked first: of several hubs, or several timers, one makes the change.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, select

from core import texts
from core.alerting import AlertFact, Severity, Status
from core.desk import alert_rows, alerts, reference, source_states
from core.desk.alert_rows import SILENT
from core.desk.alert_sources import OWN, AlertSource
from core.desk.alerts import Said
from core.rules import silence
from core.rules.silence import Voice
from core.store import tables
from core.store.tx import Prepared, Row, Tx
from core.store.work import Job

LOST = timedelta(minutes=2)
"""A timer that should have rung so long ago is not there."""

_TICKETS = Prepared(
    select(tables.ticket.c.id).where(
        tables.ticket.c.open,
        exists().where(
            tables.alert.c.ticket_id == tables.ticket.c.id, tables.alert.c.source == bindparam("source")
        ),
    )
)


def ring(tx: Tx, job: Job, *, now: datetime) -> None:
    """The timer of a source."""
    check(tx, job.payload["source"], now=now)


def check(tx: Tx, name: str, *, now: datetime) -> None:
    """How is the source? Does what has to be done where that changed, and says when it is asked again."""
    row = _not_ahead(tx, source_states.locked(tx, name), now=now)
    found = reference.desk(tx).alert_sources.get(name)
    source = found or AlertSource(name=name, kind="auto", enabled=False)
    if not source.enabled:
        _stop(tx, row, source, now=now)
        return
    verdict = silence.judge(
        source_states.of(row),
        every=source.heartbeat,
        grace=source.heartbeat_grace,
        hearing=source_states.hearing(tx, name),
        now=now,
    )
    if verdict.voice is Voice.UNWATCHED:
        _stop(tx, row, source, now=now)
    elif verdict.voice is Voice.SILENT:
        source_states.change(tx, name, watch_at=None)
        if row.silent_since is None:
            _falls(tx, source, row, now=now)
    elif verdict.until is not None and not (verdict.voice is Voice.UNKNOWN and row.silent_since is not None):
        if row.silent_since is not None:
            _speaks(tx, source, now=now)
        source_states.watch(tx, name, verdict.until, now=now)


def astray(tx: Tx, *, now: datetime) -> list[str]:
    """Sources whose state does not follow their configuration any more, or whose timer is lost: for a reader, once a minute."""
    states, sources = source_states.every_one(tx), reference.desk(tx).alert_sources
    return [name for name, row in states.items() if _is_astray(row, sources.get(name), now=now)]


def _is_astray(row: Row, source: AlertSource | None, *, now: datetime) -> bool:
    known = source_states.of(row)
    span = silence.watched(source.heartbeat, known) if source is not None and source.enabled else None
    sign = known.beat_at or known.seen_at
    if span is None or source is None:
        return row.silent_since is not None or row.watch_at is not None
    if sign is None or row.silent_since is not None:
        return False
    due = min(sign, now) + span + source.heartbeat_grace
    return row.watch_at is None or row.watch_at < now - LOST or row.watch_at > max(due, now) + LOST


def _not_ahead(tx: Tx, row: Row, *, now: datetime) -> Row:
    """A clock that was set back: what was heard "later" was heard now, or its silence would be noticed that much later."""
    ahead = {name: now for name in ("seen_at", "beat_at") if (at := getattr(row, name)) and at > now}
    if not ahead:
        return row
    source_states.change(tx, row.name, **ahead)
    found = source_states.one(tx, row.name)
    assert found is not None
    return found


def _stop(tx: Tx, row: Row, source: AlertSource, *, now: datetime) -> None:
    """Nobody waits for it any more. What it was heard of before says nothing of another time."""
    if row.silent_since is not None:
        _speaks(tx, source, now=now)
    source_states.change(tx, row.name, watch_at=None, beat_at=None, every_s=0)


def _falls(tx: Tx, source: AlertSource, row: Row, *, now: datetime) -> None:
    source_states.change(tx, source.name, silent_since=now)
    sign = row.beat_at or row.seen_at
    zone, language = tx.facts.zone, language_of(tx, source)
    kind = "own_intake_silent" if source.name == OWN else "source_silent"
    subject, text = texts.notice(
        kind, language, source=source.name, since=texts.instant(sign, zone, language)
    )
    tell(tx, source, SILENT, Status.FIRING, summary=subject, text=text, severity=Severity.CRITICAL, now=now)


def _speaks(tx: Tx, source: AlertSource, *, now: datetime) -> None:
    """The silence is over, and what nobody could say of its other alarms meanwhile is asked again."""
    source_states.change(tx, source.name, silent_since=None)
    tell(tx, source, SILENT, Status.RESOLVED, now=now)
    for row in tx.all(_TICKETS, source=source.name):
        alert_rows.look(tx, row.id, due=now + source.stable, now=now)


def tell(
    tx: Tx,
    source: AlertSource,
    key: str,
    status: Status,
    *,
    now: datetime,
    summary: str = "",
    text: str = "",
    severity: Severity = Severity.UNKNOWN,
) -> None:
    """An alarm of the hub's own about a source or itself, by the same way as what devices report. It waited already: no hold."""
    fact = AlertFact(
        source=source.name,
        status=status,
        event=key.partition(":")[2],
        dedup_key=key,
        resource=source.name,
        severity=severity,
        summary=summary,
        text=text.strip(),
    )
    at_once = replace(source, hold=timedelta(0), auto_close=None)
    alerts.one(tx, at_once, fact, Said(id=None, raw="", received_at=now), now=now)
    tx.tell(alert_rows.TELL)


def language_of(tx: Tx, source: AlertSource) -> str:
    """Of whoever reads what is said of a source."""
    customer = reference.customer(tx, source.customer) if source.customer else None
    return tx.facts.language(customer.language if customer else None)
