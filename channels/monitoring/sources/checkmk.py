"""Checkmk: its notification context (NOTIFY_...), or the shorter document that webhook plug-ins send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channels.monitoring.fields import document
from channels.monitoring.source import Source, Told
from channels.monitoring.sources.nagios import macros, notification
from core.alerting import AlertFact


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by site, host and service. `event` is a change of state: "DOWN -> UP"."""
    body = macros(document(told))
    service = ""
    if body.get("what", "HOST").upper() != "HOST":
        service = body.get("servicedesc") or body.get("service") or body.get("description") or ""
    of = "service" if service else "host"
    change = body.get("event", "").rpartition("->")[2].strip()
    site = body.get("omdsite") or body.get("site") or ""
    return [
        notification(
            told,
            source,
            kind=body.get("notificationtype", ""),
            host=body.get("hostname") or body.get("host") or "",
            service=service,
            state=body.get(f"{of}state") or body.get("status") or change,
            output=body.get(f"{of}output") or body.get("output") or "",
            text=body.get(f"long{of}output") or body.get("longoutput") or "",
            at=_when(body),
            address=body.get("hostaddress") or body.get("address") or "",
            links=[body.get("url"), body.get(f"{of}url")],
            tool="checkmk",
            place=f"{site}/" if site else "",
        )
    ]


def _when(body: dict[str, str]) -> Any:
    """Microseconds since 1970 where they are told; else local time without a zone."""
    return body.get("microtime") or body.get("shortdatetime")
