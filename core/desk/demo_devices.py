"""What do the devices of the demo desk say? Messages as an Alertmanager sends them, in the morning that is shown and when a switch dies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select

from core.alerting import AlertFact, Severity, Status
from core.desk import alert_rows, alert_tickets, alerts, door, intake, reference, windows
from core.desk.principal import Principal
from core.envelope import Arrival, Inbound, Kind
from core.store import tables
from core.store.tx import Tx

BACKBONE, SWITCH = "nordest-backbone", "pop-vr-sw-01"
"""The switch that dies when it is wanted, the provider's own, and who reports it."""
SOURCE, ABOVE = "cantine-net", "vr-dist-sw-02"
"""What one of the customers behind it reports meanwhile; it hangs on this."""
BEHIND = (*(f"vr-ap-{n:02}" for n in range(1, 25)), *(f"vr-cam-{n:02}" for n in range(1, 37)))
"""Access points and cameras."""


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[devices]] of day.toml: a message of a source."""

    at: int
    """Minutes before now."""
    source: str
    names: tuple[str, ...]
    ends: bool = False
    severity: str = "warning"
    says: str = "does not answer"


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[maintenance]] of day.toml."""

    customer: str
    site: str
    asset: str
    begins: int
    """Minutes after now."""
    lasts: int
    """Minutes."""
    change: str
    by: str
    """E-mail of an agent."""


def sources_text(secrets: Mapping[str, str], base: str) -> str:
    """What is printed and kept of alert sources: for each the line that can be pasted into a shell."""
    lines = ["Devices report to (main.py demo switch lets a switch die that customers depend on):"]
    for name, secret in secrets.items():
        told = '{"alerts": [{"status": "firing", "labels": {"alertname": "Test", "instance": "srv-1"}}]}'
        lines.append(f"  alarms  curl -H 'Authorization: Bearer {secret}' {address(base, name)} -d '{told}'")
    return "\n".join(lines) + "\n"


def address(base: str, source: str) -> str:
    """Where a source reports."""
    return f"{base.rstrip('/')}/in/alerts/{source}"


def secrets_of(text: str) -> dict[str, str]:
    """The secrets of sources in what `sources_text` made."""
    return {name: secret for secret, name in re.findall(r"Bearer (\S+)' \S+/in/alerts/(\S+) ", text)}


def alarm(
    name: str, *, ends: bool = False, at: datetime, severity: str, says: str, **labels: str
) -> dict[str, Any]:
    """One alert of a message. Its fingerprint is its name; what ends began when it began."""
    stamp = at.isoformat()
    return {
        "status": "resolved" if ends else "firing",
        "labels": {"alertname": "HostDown", "instance": name, "severity": severity} | labels,
        "annotations": {"summary": f"{name} {says}"},
        "startsAt": "0001-01-01T00:00:00Z" if ends else stamp,
        "endsAt": stamp if ends else "0001-01-01T00:00:00Z",
        "fingerprint": name,
    }


def message(alerts: Sequence[Mapping[str, Any]]) -> bytes:
    """A whole message."""
    return json.dumps({"version": "4", "groupLabels": {"alertname": "HostDown"}, "alerts": alerts}).encode()


def arrival(source: str, alerts: Sequence[Mapping[str, Any]], at: datetime) -> Arrival:
    """A message as it stands at the door, whoever sent it admitted."""
    return Arrival(
        channel=alert_tickets.CHANNEL,
        raw=message(alerts),
        received_at=at,
        external_id=f"{source}/{at.isoformat()}",
        sender=source,
        envelope={"headers": {}, "query": {}, "peer": "", door.ALERT_SOURCE: source},
    )


def number(tx: Tx, source: str, name: str) -> str | None:
    """The ticket that an alarm of this thing belongs to."""
    row = tx.one(
        select(tables.ticket.c.number)
        .select_from(tables.alert.join(tables.ticket, tables.ticket.c.id == tables.alert.c.ticket_id))
        .where(tables.alert.c.id == alert_rows.identity(source, f"alertmanager:{name}"))
    )
    return None if row is None else str(row.number)


def tell(tx: Tx, one: Report, at: datetime) -> None:
    """One message of the morning, at its time, and what becomes of it when its wait is over."""
    source = reference.desk(tx).alert_sources[one.source]
    said = Inbound(
        channel=alert_tickets.CHANNEL,
        kind=Kind.ALERT,
        may_auto_reply=False,
        author=None,
        alerts=tuple(_fact(one, name, at) for name in one.names),
    )
    told = [alarm(name, ends=one.ends, at=at, severity=one.severity, says=one.says) for name in one.names]
    intake.receive(tx, arrival(one.source, told, at), said, now=at)
    for fact in said.alerts:
        alerts.check(tx, alert_rows.identity(one.source, str(fact.dedup_key)), now=at + source.hold)


def _fact(one: Report, name: str, at: datetime) -> AlertFact:
    return AlertFact(
        source=one.source,
        status=Status.RESOLVED if one.ends else Status.FIRING,
        event="HostDown",
        dedup_key=f"alertmanager:{name}",
        resource=name,
        severity=Severity(one.severity),
        started_at=None if one.ends else at,
        ended_at=at if one.ends else None,
        summary=f"{name} {one.says}",
        labels={"alertname": "HostDown", "instance": name, "severity": one.severity},
    )


def plan(tx: Tx, who: Principal, one: Window, *, now: datetime) -> None:
    """Work that is planned, in which its alarms call nobody."""
    since = now + timedelta(minutes=one.begins)
    windows.plan(
        tx,
        who,
        customer=one.customer,
        site=one.site,
        asset=one.asset,
        since=since,
        until=since + timedelta(minutes=one.lasts),
        change=one.change,
        now=now,
    )
