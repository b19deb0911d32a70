"""New Relic: an incident of a condition (older webhooks), or an issue (the default template of workflows)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring.fields import document, dug, fact, known_by, texts
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Status

_STATES = {
    "open": Status.FIRING,
    "created": Status.FIRING,
    "activated": Status.FIRING,
    "acknowledged": Status.ACKNOWLEDGED,
    "closed": Status.RESOLVED,
}


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by account and condition, or by the issue."""
    body = document(told)
    if "issueUrl" in body:
        return [_issue(told, source, body)]
    status = _status(body["current_state"])
    at = body.get("timestamp")
    return [
        fact(
            told,
            source,
            status=status,
            event=body.get("condition_name"),
            key=f"newrelic:{body.get('account_id')}:{known_by(body, 'condition_id')}",
            resource=dug(body, "targets", 0, "name"),
            severity=None if status is Status.RESOLVED else body.get("severity"),
            started=at if status is Status.FIRING else None,
            ended=at,
            summary=body.get("details") or body.get("condition_name"),
            labels=texts(dug(body, "targets", 0, "labels"))
            | {"policy": body.get("policy_name"), "account": body.get("account_name")},
            links=[body.get("incident_url"), body.get("runbook_url"), body.get("violation_callback_url")],
        )
    ]


def _issue(told: Told, source: Source, body: Mapping[str, Any]) -> AlertFact:
    """Milliseconds since 1970; whatever may be several is a list."""
    status = _status(body["state"])
    return fact(
        told,
        source,
        status=status,
        event=dug(body, "alertConditionNames", 0) or body.get("title"),
        key=f"newrelic:issue:{known_by(body, 'id')}",
        resource=dug(body, "impactedEntities", 0),
        severity=None if status is Status.RESOLVED else body.get("priority"),
        started=body.get("createdAt"),
        ended=body.get("updatedAt"),
        summary=body.get("title"),
        text=dug(body, "conditionDescription", 0),
        labels={"policy": dug(body, "alertPolicyNames", 0), "workflow": body.get("workflowName")},
        links=[body.get("issueUrl")],
    )


def _status(word: Any) -> Status:
    found = _STATES.get(str(word).lower())
    if found is None:
        raise NotUnderstood(f"the state {word!r} is none of {', '.join(_STATES)}")
    return found
