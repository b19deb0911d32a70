"""Prometheus Alertmanager: a group of alerts, each with a state of its own (its documentation, webhook_config)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring.fields import document, each, fact, texts
from channels.monitoring.source import Source, Told
from core.alerting import AlertFact, Status

WATCHDOG = "watchdog"
"""The alert that always fires, by convention: its absence is the incident."""

_THINGS = ("instance", "host", "hostname", "node", "device")


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """A fact for each alert. The group's own state says nothing: it is resolved only when all of it are."""
    body = document(told)
    left_out = body.get("truncatedAlerts")
    missing = left_out if isinstance(left_out, int) and left_out > 0 else 0

    def one(alert: Mapping[str, Any]) -> AlertFact:
        labels = texts(alert.get("labels"))
        said = texts(alert.get("annotations"))
        name = labels.get("alertname", "")
        status = Status.RESOLVED if alert.get("status") == "resolved" else Status.FIRING
        return fact(
            told,
            source,
            status=_of_watchdog(status) if name.lower() == WATCHDOG else status,
            event=name or said.get("summary"),
            key=f"alertmanager:{identity(alert, labels)}",
            resource=thing(labels),
            severity=labels.get("severity") or said.get("severity"),
            started=alert.get("startsAt"),
            ended=alert.get("endsAt"),
            summary=said.get("summary") or name,
            text=said.get("description") or said.get("message"),
            labels=labels,
            links=[alert.get("generatorURL"), said.get("runbook_url"), said.get("dashboard_url")],
            left_out=missing,
        )

    return each(told, source, body.get("alerts"), one)


def _of_watchdog(status: Status) -> Status:
    """Its end is no heartbeat: Alertmanager sends it when nobody is there any more who fires it."""
    return Status.HEARTBEAT if status is Status.FIRING else Status.IGNORED


def thing(labels: Mapping[str, str]) -> str | None:
    """The thing that labels name: `instance` by convention, and others where queries are not of Prometheus."""
    return next((labels[name] for name in _THINGS if labels.get(name)), None)


def identity(alert: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """The fingerprint; who has none is known by the labels, and how bad it is may change."""
    if alert.get("fingerprint"):
        return str(alert["fingerprint"])
    return "labels{" + ",".join(f"{k}={v}" for k, v in sorted(labels.items()) if k != "severity") + "}"
