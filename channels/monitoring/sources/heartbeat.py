"""Heartbeats: a call that says that all is well, an alert that always fires, or another watcher's word about one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring import knocks
from channels.monitoring.fields import fact, known_by
from channels.monitoring.source import Source, Told
from channels.monitoring.sources import alertmanager
from core.alerting import AlertFact, Severity, Status

LEAST, MOST = 60.0, 86400.0  # seconds between two heartbeats (monitoring.md 6)


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """Whatever comes is a heartbeat, but for what says that one is missing. It may say itself when the next one must come.

    A knock is none: it says that one way works, and a heartbeat is that of its source.
    """
    if knocks.found(told.raw) is not None:
        return []
    body: Mapping[str, Any] = told.json if isinstance(told.json, Mapping) else told.form
    if isinstance(body.get("alerts"), list):
        return alertmanager.parse(told, source)
    if body.get("is_oncall_heartbeat"):
        return [_of_watcher(told, source, body)]
    every, notes = _every(body)
    name = body.get("origin") or body.get("id") or source.name
    return [
        fact(
            told,
            source,
            status=Status.HEARTBEAT,
            event="heartbeat",
            key=f"heartbeat:{name}",
            resource=body.get("origin"),
            severity=Severity.INFO,
            summary=body.get("message") or "",
            every=every,
            notes=notes,
        )
    ]


def _of_watcher(told: Told, source: Source, body: Mapping[str, Any]) -> AlertFact:
    restored = bool(body.get("is_oncall_heartbeat_restored")) or body.get("state") == "ok"
    return fact(
        told,
        source,
        status=Status.RESOLVED if restored else Status.FIRING,
        event=body.get("title"),
        key=f"heartbeat:{known_by(body, 'alert_uid')}",
        severity=None if restored else Severity.CRITICAL,
        summary=body.get("message"),
        links=[body.get("link_to_upstream_details")],
    )


def _every(body: Mapping[str, Any]) -> tuple[float | None, list[str]]:
    """Seconds, within the bounds; None: nothing is said, or nothing that can be."""
    said = body.get("timeout") or body.get("every")
    try:
        seconds = float(str(said))
    except ValueError:
        return None, []
    if not math.isfinite(seconds) or seconds <= 0:
        return None, []
    kept = min(max(seconds, LEAST), MOST)
    return kept, [] if kept == seconds else [f"asks for {seconds:g} seconds: {kept:g} are taken"]
