"""VMware Aria Operations, once vRealize Operations: an alert, as its REST notification plug-in posts it."""

from __future__ import annotations

from collections.abc import Sequence

from channels.monitoring import severities
from channels.monitoring.fields import document, fact, known_by
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_STATES = {
    "NEW": Status.FIRING,
    "ACTIVE": Status.FIRING,
    "UPDATED": Status.FIRING,
    "CANCELED": Status.RESOLVED,
    "CANCELLED": Status.RESOLVED,
    "INACTIVE": Status.RESOLVED,
}
_LEVELS = {
    "critical": Severity.CRITICAL,
    "immediate": Severity.MAJOR,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
    "information": Severity.INFO,
}


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the alert. Milliseconds since 1970."""
    body = document(told)
    state = str(body.get("status")).upper()
    if state not in _STATES:
        raise NotUnderstood(f"status: {state!r} is none of {', '.join(_STATES)}")
    level = str(body.get("criticality") or "").rpartition("_")[2]
    status = _STATES[state]
    return [
        fact(
            told,
            source,
            status=status,
            event=body.get("alertName") or body.get("subType"),
            key=f"vrealize:{known_by(body, 'alertId')}",
            resource=body.get("resourceName"),
            severity=severities.of_word(level, source.severities, _LEVELS),
            started=body.get("startDate"),
            ended=body.get("cancelDate"),
            summary=body.get("alertName"),
            text=body.get("info"),
            labels={n: body.get(n) for n in ("resourceKind", "adapterKind", "type", "subType", "resourceId")},
        )
    ]
