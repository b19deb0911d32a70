"""Graylog: an event of an event definition. It never tells an end: the source needs a time after which alerts close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channels.monitoring import severities
from channels.monitoring.fields import document, fact, known_by, texts
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
_TESTS = ("NotificationTestId", "this-is-a-test-notification")
"""How the events of its test button, or their definition, are called: versions differ."""
_DEVICES = tuple("source host hostname host_name device device_name gl2_remote_ip".split())
"""Fields that name the thing. `source` of the event itself is the node of Graylog."""


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the definition and the event's key."""
    body = document(told)
    event = body["event"]
    definition = known_by(body, "event_definition_id")
    if not isinstance(event, Mapping):
        raise NotUnderstood("event: it is no object")
    key = event.get("key") or "|".join(str(one) for one in event.get("key_tuple") or ())
    fields = texts(event.get("fields")) | texts(event.get("group_by_fields"))
    return [
        fact(
            told,
            source,
            status=Status.TEST if {definition, event.get("id")} & {*_TESTS} else Status.FIRING,
            event=body.get("event_definition_title") or event.get("message"),
            key=f"graylog:{definition}:{key}",
            resource=next((fields[n] for n in _DEVICES if fields.get(n)), None) or event.get("source"),
            severity=severities.of_word(event.get("priority"), source.severities, _PRIORITIES),
            started=event.get("timestamp"),
            summary=event.get("message"),
            text=body.get("event_definition_description"),
            labels=fields,
        )
    ]
