"""LibreNMS: the fields of an alert, as a document or a form (its API transport)."""

from __future__ import annotations

from collections.abc import Sequence

from channels.monitoring.fields import document, fact, known_by
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_STATES = {
    "0": Status.RESOLVED,
    "1": Status.FIRING,
    "2": Status.ACKNOWLEDGED,
    "3": Status.FIRING,
    "4": Status.FIRING,
    "5": Status.FIRING,
}
"""Recovered, alert, acknowledged, got worse, got better, changed."""
_TEST = "000"
"""Number of the alert that its test button sends."""


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the alert: `uid` is another one for each change, and `status` is the device's."""
    body = document(told)
    number, state = known_by(body, "alert_id"), str(body["state"])
    if state not in _STATES:
        raise NotUnderstood(f"state: {state!r} is none of {', '.join(_STATES)}")
    status = Status.TEST if number == _TEST else _STATES[state]
    at = body.get("timestamp")
    return [
        fact(
            told,
            source,
            status=status,
            event=body.get("name") or body.get("title"),
            key=f"librenms:alert:{number}",
            resource=body.get("hostname") or body.get("sysName"),
            severity=Severity.INFO if status is Status.TEST else body.get("severity"),
            started=at if status is Status.FIRING and state == "1" else None,
            ended=at,
            summary=body.get("title"),
            text=body.get("msg"),
            labels={n: body.get(n) for n in ("sysName", "location", "os", "type", "rule_id", "device_id")},
            links=[body.get("proc"), body.get("alert_url")],
            address=body.get("ip") or "",
        )
    ]
