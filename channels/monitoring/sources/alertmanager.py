"""Prometheus Alertmanager: a group of alerts, each with a state of its own (its documentation, webhook_config)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from channels.monitoring.fields import fact
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Status

WATCHDOG = "watchdog"
"""The alert that always fires, by convention: its absence is the incident."""


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """A fact for each alert. The group's own state says nothing: it is resolved only when all of it are."""
    return list(_facts(told, source))


def _facts(told: Told, source: Source) -> Iterator[AlertFact]:
    body = told.json
    if not isinstance(body, dict) or not isinstance(body.get("alerts"), list):
        raise NotUnderstood("alerts: there is no list of alerts")
    left_out = body.get("truncatedAlerts")
    for alert in body["alerts"]:
        labels = _texts(alert.get("labels"))
        said = _texts(alert.get("annotations"))
        name = labels.get("alertname", "")
        key = alert.get("fingerprint") or same_labels(labels)
        status = Status.RESOLVED if alert.get("status") == "resolved" else Status.FIRING
        yield fact(
            told,
            source,
            status=Status.HEARTBEAT if name.lower() == WATCHDOG else status,
            event=name or said.get("summary"),
            key=f"alertmanager:{key}",
            resource=labels.get("instance"),
            severity=labels.get("severity") or said.get("severity"),
            started=alert.get("startsAt"),
            ended=alert.get("endsAt"),
            summary=said.get("summary") or name,
            text=said.get("description") or said.get("message"),
            labels=labels,
            links=[alert.get("generatorURL"), said.get("runbook_url"), said.get("dashboard_url")],
            left_out=left_out if isinstance(left_out, int) and left_out > 0 else 0,
        )


def same_labels(labels: Mapping[str, str]) -> str:
    """Who has no fingerprint is known by the labels; how bad it is may change."""
    return "labels{" + ",".join(f"{k}={v}" for k, v in sorted(labels.items()) if k != "severity") + "}"


def _texts(found: Any) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    return {str(name): value if isinstance(value, str) else str(value) for name, value in found.items()}
