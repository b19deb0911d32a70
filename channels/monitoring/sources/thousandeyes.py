"""ThousandEyes: one event or a list of them, some of which begin and some of which end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring.fields import dug, each, fact, known_by, several
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """A fact for each event, known by the alert."""

    def one(event: Mapping[str, Any]) -> AlertFact:
        kind = str(event.get("eventType"))
        if kind.endswith("TEST"):
            return fact(told, source, status=Status.TEST, event=None, key=None, severity=Severity.INFO)
        if not kind.endswith(("_TRIGGER", "_CLEAR")):
            raise NotUnderstood(f"eventType: {kind!r} neither begins nor ends an alert")
        alert = event.get("alert") or event["agentAlert"]
        return fact(
            told,
            source,
            status=Status.RESOLVED if kind.endswith("_CLEAR") else Status.FIRING,
            event=alert.get("ruleName"),
            key=f"thousandeyes:{known_by(alert, 'alertId')}",
            resource=alert.get("hostname")
            or dug(alert, "testTargetsDescription", 0)
            or alert.get("agentName")
            or alert.get("testName"),
            severity=alert.get("severity"),
            started=alert.get("dateStartZoned") or alert.get("dateStart"),
            ended=alert.get("dateEndZoned") or alert.get("dateEnd"),
            summary=f"{alert.get('ruleName')}: {alert.get('ruleExpression')}",
            labels={
                "type": alert.get("type"),
                "test": alert.get("testName"),
                "agent": alert.get("agentName"),
            },
            links=[alert.get("permalink"), dug(alert, "apiLinks", 0, "href")],
            address=alert.get("ipAddress") or "",
        )

    return each(told, source, several(told), one)
