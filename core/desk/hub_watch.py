"""Is the hub itself well? What it sees of itself becomes alarms of its own source, and ends with them (monitoring.md 6).

`look` is for a reader, once a minute; `keep` writes what changed. Nothing of this is told to a customer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, literal, literal_column, select, type_coerce

from core import texts
from core.alerting import Severity, Status
from core.desk import (
    alert_rows,
    alert_silence,
    alerts,
    door,
    figures,
    hub_troubles,
    mail_troubles,
    reference,
    source_secrets,
    source_states,
    stuck,
)
from core.desk.alert_sources import OWN, SAID
from core.desk.principal import HUB
from core.rules import silence
from core.store import tables
from core.store.columns import Instant
from core.store.schedules import Schedule
from core.store.tx import Prepared, Tx

KIND = "hub-watch"
EVERY_MINUTE = Schedule(name=KIND, rhythm="every 60", kind=KIND, payload={})
MOST = 2000
"""Messages that are counted: with more than this it does not matter any more how many."""
LATELY = 500
"""Deliveries among which one that left is looked for."""

inbound, delivery = tables.inbound, tables.delivery

_UNREAD = Prepared(
    select(inbound.c.envelope)
    .where(
        inbound.c.outcome == literal("exception"),
        inbound.c.open.is_(True),
        inbound.c.decided_at <= bindparam("since", type_=Instant),
    )
    .limit(MOST)
)
_HELD = Prepared(
    select(
        func.count().label("items"), type_coerce(func.min(inbound.c.received_at), Instant).label("first")
    ).where(
        inbound.c.outcome == literal("held"),
        inbound.c.open.is_(True),
        inbound.c.received_at <= bindparam("since", type_=Instant),
    )
)
"""By when they came: one that is held again, because staff took it up in vain, waits no less for that."""
_STAYS = Prepared(
    select(delivery.c.channel, func.count().label("items"), func.max(delivery.c.error).label("why"))
    .where(
        delivery.c.state == literal("queued"),
        delivery.c.state != literal_column("'sent'"),  # the index of states holds the others only
        delivery.c.error != literal(""),
        delivery.c.created_at <= bindparam("since", type_=Instant),
    )
    .group_by(delivery.c.channel)
)
_LATEST = Prepared(select(delivery.c.id).order_by(delivery.c.id.desc()).offset(LATELY).limit(1))
_LEFT = Prepared(
    select(delivery.c.channel)
    .distinct()
    .where(delivery.c.id > bindparam("id"), delivery.c.sent_at > bindparam("since", type_=Instant))
)
_FIRING = Prepared(
    select(tables.alert.c.dedup_key).where(
        tables.alert.c.source == literal(OWN), tables.alert.c.firing.is_(True)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One thing that is wrong."""

    kind: str
    """Of the notice that says what to do: `own_KIND`."""
    severity: Severity
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a round has to write."""

    begins: Mapping[str, Sight]
    """By dedup key."""
    ends: Sequence[str]
    astray: Sequence[str]
    """Sources that have to be looked at."""
    endless: Sequence[str]
    """Alarms that are to end by themselves, and would not."""


def look(tx: Tx, *, now: datetime) -> Found:
    """What is wrong with the hub, against what it said before."""
    there = dict(_sights(tx, now=now))
    fires = [row.dedup_key for row in tx.all(_FIRING) if row.dedup_key != alert_rows.SILENT]
    begins, ends = silence.changes(fires, there)
    return Found(
        begins={key: there[key] for key in begins},
        ends=ends,
        astray=alert_silence.astray(tx, now=now),
        endless=alerts.without_end(tx),
    )


def keep(tx: Tx, *, found: Found, now: datetime) -> None:
    """Raise and end alarms, look at sources, and say that the hub is there. Safe to repeat."""
    for name in found.astray:  # before the hub says that it is there: it may have been away
        alert_silence.check(tx, name, now=now)
    if source_states.rounds(tx, now=now):
        alert_rows.hasten_held(tx, now=now)
    for alert_id in found.endless:
        alerts.end_later(tx, alert_id, now=now)
    hub_troubles.forget(tx, now=now)
    own = reference.desk(tx).alert_sources[OWN]
    language = tx.facts.language(None)
    fires = {row.dedup_key for row in tx.all(_FIRING)}  # another process may have been quicker
    for key, sight in found.begins.items():
        if key in fires:
            continue
        summary, text = texts.notice(f"own_{sight.kind}", language, **sight.values)
        alert_silence.tell(
            tx, own, key, Status.FIRING, summary=summary, text=text, severity=sight.severity, now=now
        )
    for key in found.ends:
        if key in fires:
            alert_silence.tell(tx, own, key, Status.RESOLVED, now=now)


def _sights(tx: Tx, *, now: datetime) -> Iterator[tuple[str, Sight]]:
    stood = now - silence.STANDS
    unread = Counter(row.envelope.get(door.ALERT_SOURCE) for row in tx.all(_UNREAD, since=stood))
    for source, count in unread.items():
        if source is not None:
            yield (
                f"{SAID}unread:{source}",
                Sight(kind="unread", severity=Severity.WARNING, values={"source": source, "count": count}),
            )
        else:
            yield (
                f"{SAID}exceptions",
                Sight(kind="exceptions", severity=Severity.WARNING, values={"count": count}),
            )
    yield from _held(tx, now=now)
    own = source_states.one(tx, OWN)
    there_since = own.rounds_since if own is not None else None
    for crew, (_, seconds) in figures.behind(tx, now=now).items():
        if timedelta(seconds=seconds) < silence.STANDS:
            continue
        if there_since is not None and there_since <= stood:  # it has just come back: that is worked off
            values = {"crew": crew, "minutes": int(seconds // 60)}
            yield f"{SAID}lane:{crew}", Sight(kind="lane", severity=Severity.CRITICAL, values=values)
    if dead := stuck.count(tx, HUB):
        yield f"{SAID}dead", Sight(kind="dead", severity=Severity.WARNING, values={"count": dead})
    yield from _staying(tx, stood)
    for trouble in mail_troubles.sights(tx, now=now):
        yield trouble.key, Sight(kind=trouble.kind, severity=Severity.MAJOR, values=trouble.values)
    troubles = hub_troubles.standing(tx, now=now)
    for source, lacks in source_secrets.by_source(one for one in troubles if one.again).items():
        named = ", ".join(one.what for one in lacks)  # where it should be is for administrators alone
        values = {"source": source, "secrets": named}
        yield f"{SAID}secret:{source}", Sight(kind="secret", severity=Severity.MAJOR, values=values)
    for one in troubles:
        if one.kind == hub_troubles.UNSAID:
            continue
        values = {"name": one.name, "why": one.why}
        if one.kind in (hub_troubles.WAY, hub_troubles.LOST):  # whoever says so has waited
            worst = Severity.CRITICAL if one.kind == hub_troubles.WAY else Severity.MAJOR
            values = {"way": one.name.partition(":")[2], "count": one.why}
            yield f"{SAID}{one.name}", Sight(kind=one.kind, severity=worst, values=values)
        elif one.kind == hub_troubles.DISK:
            yield f"{SAID}disk", Sight(kind="disk", severity=Severity.CRITICAL, values=values)
        elif one.kind == hub_troubles.LEFT:
            told = (each.partition(":") for each in one.why.split())
            reasons = {code: int(count) for code, _, count in told if count.isdecimal()}
            left = {"name": one.name.partition(":")[2], "reasons": reasons}
            yield f"{SAID}{one.name}", Sight(kind="left", severity=Severity.MAJOR, values=left)
        elif one.since <= stood:
            yield f"{SAID}part:{one.name}", Sight(kind="part", severity=Severity.MAJOR, values=values)


def _held(tx: Tx, *, now: datetime) -> Iterator[tuple[str, Sight]]:
    """Somebody wrote, and nobody has decided whether it is to be read: such a message has a clock of its own."""
    row = tx.one(_HELD, since=now - tx.facts.held_for)
    if row.items:
        values = {"count": row.items, "minutes": int((now - row.first).total_seconds() // 60)}
        yield f"{SAID}held", Sight(kind="held", severity=Severity.MAJOR, values=values)


def _staying(tx: Tx, stood: datetime) -> Iterator[tuple[str, Sight]]:
    """Channels by which nothing leaves: something was refused and waits, and nothing else left meanwhile."""
    stays = tx.all(_STAYS, since=stood)
    if not stays:
        return
    first = tx.one(_LATEST)
    left = {row.channel for row in tx.all(_LEFT, id=first.id if first is not None else "", since=stood)}
    for row in stays:
        if row.channel not in left:
            values = {"channel": row.channel, "count": row.items, "why": row.why}
            yield (
                f"{SAID}leaving:{row.channel}",
                Sight(kind="leaving", severity=Severity.CRITICAL, values=values),
            )
