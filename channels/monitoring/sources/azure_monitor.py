"""Azure Monitor: the common alert schema, the older ones of metrics, logs and activities, and the classic one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring import severities
from channels.monitoring.fields import document, dug, fact, texts
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_SEVERITIES: Mapping[str, Severity] = {
    f"{before}{number}": severity
    for before in ("sev", "")
    for number, severity in enumerate(
        (Severity.CRITICAL, Severity.MAJOR, Severity.WARNING, Severity.INFO, Severity.INFO)
    )
}
_STATES = {
    "fired": Status.FIRING,
    "activated": Status.FIRING,
    "resolved": Status.RESOLVED,
    "deactivated": Status.RESOLVED,
    "succeeded": Status.FIRING,  # of an activity that is watched for
}
_HEALTH = ("ServiceHealth", "Resource Health")
"""Services that tell of the health of Azure itself."""
_TEST = "/subscriptions/11111111-1111-1111-1111-111111111111/"
"""Whose alerts the test button of an action group sends."""


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact. Rules of logs may never tell an end."""
    body = document(told)
    data = body.get("data", body)
    if isinstance(data, Mapping) and isinstance(data.get("essentials"), Mapping):
        return [_common(told, source, data)]
    if isinstance(data, Mapping) and isinstance(data.get("context"), Mapping):
        activity = dug(data, "context", "activityLog")
        if isinstance(activity, Mapping):
            return [_activity(told, source, data, activity)]
        return [_metric(told, source, data)]
    if isinstance(data, Mapping) and "AlertRuleName" in data:
        return [_log(told, source, data)]
    raise NotUnderstood(f"schemaId: {body.get('schemaId')!r} is no schema of alerts that is known")


def _common(told: Told, source: Source, data: Mapping[str, Any]) -> AlertFact:
    """Known by originAlertId, which stays, and the target; else by alertId, which is one episode's."""
    said = data["essentials"]
    targets = sorted(str(one).lower() for one in said.get("alertTargetIDs") or ())
    origin, alert = said.get("originAlertId"), str(said.get("alertId") or "")
    if not origin and not alert:
        raise NotUnderstood("essentials: neither originAlertId nor alertId")
    named = dug(said, "configurationItems", 0)
    status = _status(said.get("monitorCondition"))
    key = f"azure:{origin}:{','.join(targets)}" if origin else f"azure:{alert.rpartition('/')[2]}"
    level = said.get("severity")
    if said.get("monitoringService") in _HEALTH:
        # Each message about a health is an event of its own, always fired and always Sev4: how things stand is in the context.
        about = dug(data, "alertContext", "properties", "trackingId") or ",".join(targets)
        key = f"azure:health:{said['monitoringService']}:{said.get('alertRule')}:{about}" if about else key
        status = Status.RESOLVED if _is_well(dug(data, "alertContext", "properties")) else status
    if said.get("signalType") == "Activity Log" and str(level).lower() not in source.severities:
        level = dug(data, "alertContext", "level") or level
    return fact(
        told,
        source,
        status=Status.TEST if alert.startswith(_TEST) else status,
        event=said.get("alertRule"),
        key=key,
        resource=named or (targets[0].rpartition("/")[2] if targets else None),
        severity=None
        if status is Status.RESOLVED and said["monitoringService"] in _HEALTH
        else _severity(level, source),
        started=said.get("firedDateTime"),
        ended=said.get("resolvedDateTime")
        or (said.get("firedDateTime") if status is Status.RESOLVED else None),
        summary=said.get("alertRule"),
        text=said.get("description"),
        labels={n: said.get(n) for n in ("signalType", "monitoringService", "targetResourceType")}
        | _dimensions(dug(data, "alertContext", "condition", "allOf"))
        | texts(dug(data, "alertContext", "properties"))
        | texts(data.get("customProperties")),
        links=[said.get("investigationLink"), dug(data, "alertContext", "LinkToSearchResults")],
    )


def _metric(told: Told, source: Source, data: Mapping[str, Any]) -> AlertFact:
    """Schema AzureMonitorMetricAlert, and the classic one, which has the same fields without `data`."""
    said = data["context"]
    target = said.get("resourceId") or said.get("resourceName") or ""
    status = _status(data.get("status"))
    return fact(
        told,
        source,
        status=status,
        event=said.get("name"),
        key=f"azure:{str(said.get('id') or said['name']).lower()}:{str(target).lower()}",
        resource=said.get("resourceName") or str(target).rpartition("/")[2],
        severity=_severity(said.get("severity"), source),
        started=None if status is Status.RESOLVED else said.get("timestamp"),
        ended=said.get("timestamp"),
        summary=said.get("name"),
        text=said.get("description"),
        labels=texts(data.get("properties"))
        | {n: said.get(n) for n in ("resourceGroupName", "resourceRegion", "resourceType")},
        links=[said.get("portalLink")],
    )


def _activity(told: Told, source: Source, data: Mapping[str, Any], said: Mapping[str, Any]) -> AlertFact:
    """Schema Microsoft.Insights/activityLogs: something was done, or a service of Azure is disturbed."""
    over = _is_well(said.get("properties"))
    target = str(said.get("resourceId") or dug(said, "properties", "trackingId") or "")
    name = dug(said, "properties", "title") or said.get("operationName")
    return fact(
        told,
        source,
        status=Status.RESOLVED if over else _status(data.get("status")),
        event=name,
        key=f"azure:activity:{said.get('operationName')}:{target.lower()}",
        resource=target.rpartition("/")[2],
        severity=None if over else said.get("level"),
        started=None if over else said.get("eventTimestamp"),
        ended=said.get("eventTimestamp"),
        summary=name,
        text=said.get("description") or dug(said, "properties", "communication"),
        labels=texts(data.get("properties")) | {"status": said.get("status"), "caller": said.get("caller")},
    )


def _dimensions(conditions: Any) -> dict[str, str]:
    """What tells apart the alerts of one rule."""
    listed = [dug(one, "dimensions") for one in conditions] if isinstance(conditions, list) else []
    return {
        str(one["name"]): str(one["value"])
        for dimensions in listed
        if isinstance(dimensions, list)
        for one in dimensions
        if isinstance(one, Mapping) and "name" in one and "value" in one
    }


def _is_well(properties: Any) -> bool:
    """Of a service of Azure, or of a resource: it is over."""
    health = dug(properties, "stage") or dug(properties, "currentHealthStatus")
    return str(health).lower() in ("resolved", "complete", "available")


def _log(told: Told, source: Source, data: Mapping[str, Any]) -> AlertFact:
    """Schema Microsoft.Insights/LogAlert."""
    return fact(
        told,
        source,
        status=_status(data.get("MonitorCondition") or "fired"),
        event=data["AlertRuleName"],
        key=f"azure:log:{data.get('SubscriptionId')}:{data['AlertRuleName']}",
        resource=dug(data, "AffectedConfigurationItems", 0),
        severity=_severity(data.get("Severity"), source),
        started=data.get("SearchIntervalStartTimeUtc"),
        summary=data["AlertRuleName"],
        text=data.get("Description"),
        links=[data.get("LinkToSearchResults")],
    )


def _status(word: Any) -> Status:
    found = _STATES.get(str(word).lower())
    if found is None:
        raise NotUnderstood(f"the state {word!r} is none of {', '.join(_STATES)}")
    return found


def _severity(word: Any, source: Source) -> Severity:
    return severities.of_word(word, source.severities, _SEVERITIES)
