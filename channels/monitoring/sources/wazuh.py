"""Wazuh: an alert of a rule at an agent, as its integrations get it. It never tells an end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from channels.monitoring.fields import dug, each, fact, several
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_LEVELS = ((15, Severity.CRITICAL), (12, Severity.MAJOR), (7, Severity.WARNING), (0, Severity.INFO))
"""Of 16; bounds as its own dashboard draws them."""


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """A fact for each alert, known by agent and rule."""

    def one(alert: Any) -> AlertFact:
        rule, agent = dug(alert, "rule", "id"), dug(alert, "agent", "id")
        if rule is None or agent is None:
            raise NotUnderstood("rule.id or agent.id is missing")
        level = str(dug(alert, "rule", "level"))
        return fact(
            told,
            source,
            status=Status.FIRING,
            event=dug(alert, "rule", "description"),
            key=f"wazuh:{agent}:{rule}",
            resource=dug(alert, "agent", "name"),
            severity=level if level in source.severities else _severity(level),
            started=alert.get("timestamp"),
            summary=dug(alert, "rule", "description"),
            text=alert.get("full_log"),
            labels={"rule": rule, "level": level, "location": alert.get("location")},
            address=dug(alert, "agent", "ip") or "",
        )

    return each(told, source, several(told), one)


def _severity(level: str) -> Severity:
    if not re.fullmatch("[0-9]{1,3}", level):
        return Severity.UNKNOWN
    return next(severity for least, severity in _LEVELS if int(level) >= least)
