"""Google Cloud Monitoring, once Stackdriver: an incident that opened or closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channels.monitoring.fields import document, dug, fact, known_by, texts
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_STATES = {
    "open": Status.FIRING,
    "closed": Status.RESOLVED,
    "acknowledged": Status.ACKNOWLEDGED,
}


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the incident."""
    body = document(told)
    said = body["incident"]
    if not isinstance(said, Mapping):
        raise NotUnderstood("incident: it is no object")
    state = str(said.get("state")).lower()
    if state not in _STATES:
        raise NotUnderstood(f"state: {state!r} is none of {', '.join(_STATES)}")
    status = Status.TEST if body.get("version") == "test" else _STATES[state]
    return [
        fact(
            told,
            source,
            status=status,
            event=said.get("condition_name"),
            key=f"stackdriver:{known_by(said, 'incident_id')}",
            resource=said.get("resource_name") or said.get("resource_display_name"),
            severity=Severity.INFO if status is Status.TEST else said.get("severity"),
            started=said.get("started_at"),
            ended=said.get("ended_at"),
            summary=said.get("summary"),
            text=dug(said, "documentation", "content"),
            labels=texts(dug(said, "resource", "labels"))
            | texts(said.get("policy_user_labels"))
            | {"policy": said.get("policy_name")},
            links=[said.get("url")],
        )
    ]
