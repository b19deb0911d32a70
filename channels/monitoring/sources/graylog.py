"""Graylog: an event of an event definition. It never tells an end: the source needs a time after which alerts close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channels.monitoring import severities
from channels.monitoring.fields import document, fact, texts
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_PRIORITIES: Mapping[str, Severity] = {
    "0": Severity.INFO,
    "1": Severity.INFO,
    "2": Severity.INFO,
    "3": Severity.INFO,
    "4": Severity.CRITICAL,
}
"""Its priority says how events are listed, not how bad they are: high (3) is the ordinary one. The source's own table may say more."""
_TEST = "NotificationTestId"


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the definition and the event's key."""
    body = document(told)
    event = body["event"]
    definition = str(body["event_definition_id"])
    if not isinstance(event, Mapping):
        raise NotUnderstood("event: it is no object")
    key = event.get("key") or "|".join(str(one) for one in event.get("key_tuple") or ())
    return [
        fact(
            told,
            source,
            status=Status.TEST if definition == _TEST else Status.FIRING,
            event=body.get("event_definition_title") or event.get("message"),
            key=f"graylog:{definition}:{key}",
            resource=event.get("source"),
            severity=severities.of_word(event.get("priority"), source.severities, _PRIORITIES),
            started=event.get("timestamp"),
            summary=event.get("message"),
            text=body.get("event_definition_description"),
            labels=texts(event.get("group_by_fields")) | texts(event.get("fields")),
        )
    ]
