"""Uptime Kuma: a heartbeat and its monitor; both are null for the test button and for certificates that will expire."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from channels.monitoring import times
from channels.monitoring.fields import document, fact, web_address
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_STATES = {0: Status.FIRING, 1: Status.RESOLVED, 2: Status.IGNORED, 3: Status.MAINTENANCE}
"""Down, up, pending, maintenance."""


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the monitor's number: name and address may change between down and up."""
    body = document(told)
    beat, monitor = body.get("heartbeat"), body.get("monitor")
    if not isinstance(beat, Mapping):
        return [_without_beat(told, source, str(body["msg"]))]
    monitor = monitor if isinstance(monitor, Mapping) else {}
    number = beat.get("monitorID", monitor.get("id"))
    if number is None or beat.get("status") not in _STATES:
        raise NotUnderstood("heartbeat: monitorID or a status of 0 to 3 is missing")
    status = _STATES[beat["status"]]
    at = times.instant(beat.get("time"), UTC)  # says no zone, and is UTC
    return [
        fact(
            told,
            source,
            status=status,
            event=monitor.get("name"),
            key=f"uptime-kuma:{number}",
            resource=_watched(monitor),
            severity=Severity.CRITICAL if status is Status.FIRING else None,
            started=None if status is Status.RESOLVED else at,
            ended=at,
            said=at,
            summary=body.get("msg"),
            text=beat.get("msg"),
            labels=_tags(monitor.get("tags")) | {"type": str(monitor.get("type") or "")},
            links=[monitor.get("url")],
            address=monitor.get("hostname") or "",
        )
    ]


def _without_beat(told: Told, source: Source, words: str) -> AlertFact:
    if "expire" not in words and "testing" in words.lower():
        return fact(
            told,
            source,
            status=Status.TEST,
            event=None,
            key=None,
            severity=Severity.INFO,
            summary=words,
        )
    same = re.sub(r"\bin -?\d+ days?\b.*", "", words)  # it counts the days down
    return fact(
        told,
        source,
        status=Status.FIRING,
        event="certificate" if "certificate" in words.lower() else same,
        key=f"uptime-kuma:message:{same}",
        severity=Severity.WARNING if "expire" in words else None,
        summary=words,
    )


def _watched(monitor: Mapping[str, Any]) -> Any:
    """The address where it is one: of other kinds of monitors it is the bare scheme."""
    return web_address(monitor.get("url")) or monitor.get("hostname") or monitor.get("name")


def _tags(listed: Any) -> dict[str, str]:
    return {
        str(one.get("name")): str(one.get("value") or "") for one in listed or () if isinstance(one, dict)
    }
