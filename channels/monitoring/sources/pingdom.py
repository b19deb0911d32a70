"""Pingdom: a check that changed its state."""

from __future__ import annotations

from collections.abc import Sequence

from channels.monitoring.fields import document, dug, fact, known_by
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_STATES = {
    "DOWN": Status.FIRING,
    "FAILING": Status.FIRING,
    "UP": Status.RESOLVED,
    "SUCCESS": Status.RESOLVED,
    "UNKNOWN": Status.NO_DATA,
    "PAUSED": Status.SUPPRESSED,
}
"""Checks of transactions fail and succeed."""


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the check."""
    body = document(told)
    state = str(body["current_state"]).upper()
    if state not in _STATES:
        raise NotUnderstood(f"current_state: {state!r} is none of {', '.join(_STATES)}")
    status = _STATES[state]
    at = body.get("state_changed_timestamp")
    host = dug(body, "check_params", "hostname")
    return [
        fact(
            told,
            source,
            status=status,
            event=body.get("check_name"),
            key=f"pingdom:{known_by(body, 'check_id')}",
            resource=host or dug(body, "check_params", "url"),
            severity=Severity.CRITICAL if status is Status.FIRING else None,
            started=None if status is Status.RESOLVED else at,
            ended=at,
            summary=f"{body.get('check_name')}: {body.get('description')}",
            text=body.get("long_description"),
            labels={"importance": body.get("importance_level"), "check_type": body.get("check_type")},
            links=[dug(body, "check_params", "full_url")],
            address=host or "",
        )
    ]
