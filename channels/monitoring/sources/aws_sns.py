"""Amazon SNS: a notification whose message is a text, of CloudWatch or of anybody; or the question whether topics may send here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from channels.monitoring.decoding import nested
from channels.monitoring.fields import document, dug, fact
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_STATES = {"ALARM": Status.FIRING, "OK": Status.RESOLVED, "INSUFFICIENT_DATA": Status.NO_DATA}
"""What has no data has not recovered."""
_NAMES_A_THING = re.compile(r"(?:Id|Name|Identifier|Arn|Host|host)$")


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the alarm. Whether it comes from SNS at all is told by its signature, which nobody looks at here."""
    body = document(told)
    kind = body.get("Type")
    if kind is None and "AlarmName" in body:  # delivered raw
        return [_alarm(told, source, body, topic="")]
    topic = str(body["TopicArn"])
    if kind == "SubscriptionConfirmation":
        return [_about_topic(told, source, Status.CONFIRMATION, topic, body)]
    if kind == "UnsubscribeConfirmation":
        return [_about_topic(told, source, Status.IGNORED, topic, body)]
    if kind != "Notification":
        raise NotUnderstood(f"Type: {kind!r} is none that SNS sends")
    message = body.get("Message")
    inside = nested(message) if isinstance(message, str) else message
    if isinstance(inside, Mapping) and "AlarmName" in inside:
        return [_alarm(told, source, inside, topic=topic)]
    if isinstance(inside, Mapping) and isinstance(dug(inside, "detail", "alarmName"), str):
        return [_alarm(told, source, _of_event_bridge(inside), topic=topic)]
    return [_free(told, source, body, topic)]


def _about_topic(
    told: Told, source: Source, status: Status, topic: str, body: Mapping[str, Any]
) -> AlertFact:
    return fact(
        told,
        source,
        status=status,
        event=None,
        key=None,
        severity=Severity.INFO,
        summary=body.get("Message"),
        labels={"topic": topic},
    )


def _alarm(told: Told, source: Source, alarm: Mapping[str, Any], *, topic: str) -> AlertFact:
    state = str(alarm.get("NewStateValue"))
    if state not in _STATES:
        raise NotUnderstood(f"NewStateValue: {state!r} is none of {', '.join(_STATES)}")
    status = _STATES[state]
    name = alarm["AlarmName"]
    by_name = f"{alarm.get('AWSAccountId')}:{alarm.get('Region')}:{name}"
    at = alarm.get("StateChangeTime")
    return fact(
        told,
        source,
        status=status,
        event=name,
        key=f"cloudwatch:{alarm.get('AlarmArn') or by_name}",
        resource=_resource(alarm.get("Trigger")),
        severity=Severity.CRITICAL if status is Status.FIRING else None,
        started=None if status is Status.RESOLVED else at,
        ended=at,
        summary=alarm.get("AlarmDescription") or name,
        text=alarm.get("NewStateReason"),
        labels=dict(_dimensions(alarm.get("Trigger")))
        | {"region": alarm.get("Region"), "account": alarm.get("AWSAccountId"), "topic": topic},
    )


def _of_event_bridge(event: Mapping[str, Any]) -> dict[str, Any]:
    """The alarm of an event of EventBridge, with CloudWatch's own names."""
    return {
        "AlarmName": dug(event, "detail", "alarmName"),
        "AlarmArn": dug(event, "resources", 0),
        "AWSAccountId": event.get("account"),
        "Region": event.get("region"),
        "NewStateValue": dug(event, "detail", "state", "value"),
        "NewStateReason": dug(event, "detail", "state", "reason"),
        "StateChangeTime": dug(event, "detail", "state", "timestamp"),
        "AlarmDescription": dug(event, "detail", "configuration", "description"),
    }


def _dimensions(trigger: Any) -> Iterator[tuple[str, str]]:
    """Of the metric, or of the metrics that a sum is made of."""
    places = [dug(trigger, "Dimensions")]
    metrics = dug(trigger, "Metrics")
    if isinstance(metrics, list):
        places += [dug(one, "MetricStat", "Metric", "Dimensions") for one in metrics]
    for place in places:
        for one in place if isinstance(place, list) else ():
            name, value = dug(one, "name") or dug(one, "Name"), dug(one, "value") or dug(one, "Value")
            if isinstance(name, str) and isinstance(value, str):
                yield name, value


def _resource(trigger: Any) -> str | None:
    """The first dimension that names a thing, else the last."""
    listed = list(_dimensions(trigger))
    return next((v for n, v in listed if _NAMES_A_THING.search(n)), listed[-1][1] if listed else None)


def _free(told: Told, source: Source, body: Mapping[str, Any], topic: str) -> AlertFact:
    """What anybody publishes: known by its subject, or by its words."""
    message = body.get("Message")
    text = message if isinstance(message, str) else json.dumps(message)
    subject = body.get("Subject") or text.strip().partition("\n")[0]
    return fact(
        told,
        source,
        status=Status.FIRING,
        event=subject,
        key=f"sns:{topic}:{subject}",
        started=body.get("Timestamp"),
        summary=subject,
        text=text,
        labels={"topic": topic},
    )
