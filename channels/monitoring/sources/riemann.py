"""Riemann: an event of a service at a host, or a list of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring.fields import each, fact, known_by, several
from channels.monitoring.source import Source, Told
from core.alerting import AlertFact, Status


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """A fact for each event, known by host and service, of which the host may be empty: the service of all hosts; an event that expired is one of which nothing is heard any more."""

    def one(event: Mapping[str, Any]) -> AlertFact:
        state = str(event["state"]).lower()
        over = state in ("ok", "up", "resolved", "normal")
        tags = event.get("tags")
        return fact(
            told,
            source,
            status=Status.RESOLVED if over else Status.NO_DATA if state == "expired" else Status.FIRING,
            event=event.get("service"),
            key=f"riemann:{event.get('host') or ''}:{known_by(event, 'service')}",
            resource=event.get("host"),
            severity=None if over else state,
            started=None if over else event.get("time"),
            ended=event.get("time"),
            summary=event.get("description") or f"{event.get('service')} {state}",
            labels={"metric": event.get("metric")}
            | ({"tags": " ".join(str(one) for one in tags)} if isinstance(tags, list) else {}),
        )

    return each(told, source, several(told), one)
