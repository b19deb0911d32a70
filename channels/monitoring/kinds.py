"""Which tools are understood? One line for each: where its parser is, and by what its messages are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from channels.monitoring.source import NotUnderstood, Parser, Told

AUTO = "auto"
"""A source of this kind sends what its shape says."""
MAPPED = "generic"
"""What it sends is read as the mapping of the source says."""
SIGNED = "aws-sns"
"""What this kind sends is believed only with a signature (channels.monitoring.sns)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A tool."""

    module: str
    """Below channels.monitoring.sources; its `parse` is a Parser."""
    marks: tuple[str, ...] = ()
    """Each a way to know its messages: the fields of a document or a form that all stand there; `-name`: does not stand there;
    `header:name`, `type:name`: a header, a content type."""


KINDS: Mapping[str, Kind] = {
    "alertmanager": Kind(module="alertmanager", marks=("alerts groupLabels -orgId",)),
    "aws-sns": Kind(module="aws_sns", marks=("Type TopicArn", "header:x-amz-sns-message-type")),
    "azure-monitor": Kind(module="azure_monitor", marks=("schemaId data", "status context")),
    "checkmk": Kind(
        module="checkmk", marks=("what notification_type host", "NOTIFY_WHAT NOTIFY_NOTIFICATIONTYPE")
    ),
    "cloudevents": Kind(
        module="cloudevents",
        marks=("specversion type source", "header:ce-specversion", "type:application/cloudevents-batch+json"),
    ),
    "email": Kind(module="alert_mail", marks=("type:message/rfc822",)),
    "generic": Kind(module="generic"),
    "grafana": Kind(module="grafana", marks=("alerts orgId", "ruleId ruleName state")),
    "graylog": Kind(module="graylog", marks=("event_definition_id event",)),
    "heartbeat": Kind(module="heartbeat", marks=("is_oncall_heartbeat",)),
    "icinga2": Kind(module="icinga2", marks=("NOTIFICATIONTYPE ICINGA2HOST",)),
    "librenms": Kind(module="librenms", marks=("alert_id device_id state",)),
    "nagios": Kind(
        module="nagios",
        marks=(
            "NOTIFICATIONTYPE HOSTNAME -ICINGA2HOST",
            "HOSTNAME SERVICESTATETYPE -ICINGA2HOST",
            "HOSTNAME HOSTSTATETYPE -ICINGA2HOST",
        ),
    ),
    "newrelic": Kind(
        module="newrelic", marks=("condition_id current_state", "issueUrl alertConditionNames state")
    ),
    "pagerduty-events": Kind(module="pagerduty_events", marks=("routing_key event_action",)),
    "pingdom": Kind(module="pingdom", marks=("check_id current_state",)),
    "prtg": Kind(module="prtg", marks=("sensorid status",)),
    "riemann": Kind(module="riemann", marks=("host service state -what -alert_id",)),
    "snmp": Kind(module="snmp"),
    "stackdriver": Kind(module="stackdriver", marks=("incident version",)),
    "syslog": Kind(module="syslog"),
    "thousandeyes": Kind(module="thousandeyes", marks=("eventId eventType",)),
    "uptime-kuma": Kind(module="uptime_kuma", marks=("heartbeat monitor msg",)),
    "vrealize": Kind(module="vrealize", marks=("alertId criticality",)),
    "wazuh": Kind(module="wazuh", marks=("rule agent manager",)),
    "zabbix": Kind(module="zabbix", marks=("event_id event_value",)),
}
"""Nothing is discovered: what is not here is not understood."""


@cache
def parser(kind: str) -> Parser:
    """The parser of a tool. Raises NotUnderstood for a kind that nobody knows."""
    if kind not in KINDS:
        raise NotUnderstood(f"there is no kind of source {kind!r}: {', '.join(sorted(KINDS))}")
    found = KINDS[kind]
    module = import_module(f"channels.monitoring.sources.{found.module}")
    parse: Parser = module.parse
    return parse


def recognised(told: Told) -> str:
    """Which tool sent this, by the shape of it. Raises NotUnderstood."""
    first = told.json[0] if isinstance(told.json, list) and told.json else told.json
    there = set(first) if isinstance(first, dict) else set(told.form)
    there |= {f"header:{name}" for name in told.headers}
    there.add("type:" + told.headers.get("content-type", "").split(";")[0].strip().lower())
    for name, kind in KINDS.items():
        for way in kind.marks:
            if all((m[1:] not in there) if m[0] == "-" else m in there for m in way.split()):
                return name
    raise NotUnderstood("no tool that is known sends messages of this shape")
