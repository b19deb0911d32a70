"""CloudEvents 1.0 over HTTP: one event as a document, a batch of them, or one whose attributes are headers."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from channels.monitoring.decoding import nested
from channels.monitoring.fields import each, fact, texts
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_STATES: Mapping[str, Status] = {
    word: status
    for status, words in (
        (
            Status.FIRING,
            "firing fired problem alerting triggered trigger opened open raised down failed active",
        ),
        (Status.RESOLVED, "resolved resolve recovered recovery ok cleared clear closed up restored inactive"),
        (Status.ACKNOWLEDGED, "acknowledged acknowledge"),
        (Status.TEST, "test"),
        (Status.HEARTBEAT, "heartbeat"),
    )
    for word in words.split()
}
_CONTEXT = frozenset(
    "specversion type source subject id time datacontenttype dataschema data data_base64 severity".split()
)


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """A fact for each event, known by source, subject and type without its last word where that is a state.

    `source` and `id` together are one delivery: what comes twice in a batch counts once. An empty batch is a valid one.
    """
    if "ce-specversion" in told.headers:
        return [_fact(told, source, _of_headers(told))]
    if isinstance(told.json, Mapping):
        return [_fact(told, source, told.json)]
    seen: set[tuple[str, str]] = set()

    def one(event: Mapping[str, Any]) -> AlertFact | list[AlertFact]:
        delivery = (str(event.get("source")), str(event.get("id")))
        if delivery in seen:
            return []
        found = _fact(told, source, event)
        seen.add(delivery)
        return found

    return each(told, source, told.json, one)


def _of_headers(told: Told) -> dict[str, Any]:
    """Binary mode: attributes are headers, percent-encoded; the body is the data."""
    event: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value)
        for name, value in told.headers.items()
        if name.startswith("ce-")
    }
    return event | {"data": told.json if told.json is not None else told.text}


def _fact(told: Told, source: Source, event: Mapping[str, Any]) -> AlertFact:
    missing = [n for n in ("specversion", "type", "source", "id") if not event.get(n)]
    if missing:
        raise NotUnderstood(f"the event has no {', '.join(missing)}")
    kind = str(event["type"])
    before, _, last = kind.rpartition(".")
    status = _STATES.get(last.lower())
    data = _data(event)
    said = data if isinstance(data, Mapping) else {}
    severity = event.get("severity") or said.get("severity")
    if status is None:  # its type is the same whatever happens
        before = kind
        word = str(said.get("status") or said.get("state") or severity or "").lower()
        status = _STATES.get(word, Status.FIRING)
    subject = event.get("subject")
    return fact(
        told,
        source,
        status=status,
        event=kind,
        key=f"cloudevents:{event['source']}:{subject or ''}:{before}",
        resource=subject or event["source"],
        severity=severity or (Severity.INFO if status is Status.TEST else None),
        started=None if status is Status.RESOLVED else event.get("time"),
        ended=event.get("time"),
        summary=said.get("summary") or said.get("message") or said.get("description") or kind,
        text=data if isinstance(data, str) else said.get("text"),
        labels={n: v for n, v in event.items() if n not in _CONTEXT} | texts(said),
        links=[said.get("url"), said.get("link")],
    )


def _data(event: Mapping[str, Any]) -> Any:
    """The data, also where it is packed as text, or a document inside a text."""
    data = event.get("data")
    packed = event.get("data_base64")
    if packed is not None:
        data = base64.b64decode(str(packed), validate=True).decode("utf-8", "replace")
    if isinstance(data, str) and re.search("json", str(event.get("datacontenttype", "json"))):
        document = nested(data)
        return data if document is None else document
    return data
