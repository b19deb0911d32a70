"""PagerDuty's Events API, version 2: most tools can send it, so most tools can point here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring.fields import document, dug, fact, texts
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Status

_ACTIONS = {
    "trigger": Status.FIRING,
    "acknowledge": Status.ACKNOWLEDGED,
    "resolve": Status.RESOLVED,
}


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the routing key and its dedup_key. To acknowledge and to resolve there is no payload."""
    body = document(told)
    action = body.get("event_action")
    said = body.get("payload")
    said = said if isinstance(said, Mapping) else {}
    if action is None and said:  # a change event
        return [fact(told, source, status=Status.IGNORED, event=None, key=None, summary=said.get("summary"))]
    if action not in _ACTIONS:
        raise NotUnderstood(f"event_action: {action!r} is none of {', '.join(_ACTIONS)}")
    if action != "trigger" and not body.get("dedup_key"):
        raise NotUnderstood(f"dedup_key: it is missing, and {action} is about nothing without it")
    status = _ACTIONS[action]
    links = body.get("links")
    return [
        fact(
            told,
            source,
            status=status,
            event=said.get("summary"),
            key=f"pagerduty:{_told_apart(body.get('routing_key'))}:{dedup_key(body)}",
            resource=said.get("source"),
            severity=said.get("severity") if status is Status.FIRING else None,
            started=said.get("timestamp") if status is Status.FIRING else None,
            ended=said.get("timestamp"),
            summary=said.get("summary"),
            text=_text(said, links),
            labels={n: said.get(n) for n in ("component", "group", "class")}
            | texts(said.get("custom_details")),
            links=[body.get("client_url"), *_hrefs(links)],
        )
    ]


def _told_apart(routing_key: Any) -> str:
    """Problems of several routing keys, by what shows none of them: it is a secret, and keys of alarms are shown."""
    return hashlib.sha256(str(routing_key).encode("utf-8", "replace")).hexdigest()[:16] if routing_key else ""


def dedup_key(body: Mapping[str, Any]) -> str:
    """What the sender called the problem. Who did not is told this one: the same for the same event, so that it may be sent twice."""
    said = body.get("dedup_key")
    if said:
        return str(said)
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]


def _hrefs(links: Any) -> list[Any]:
    return [dug(one, "href") for one in links] if isinstance(links, list) else []


def _text(said: Mapping[str, Any], links: Any) -> str:
    """Details that are words, and links as the sender wrote them: what may not be pressed can still be read."""
    details = said.get("custom_details")
    lines = [details] if isinstance(details, str) else []
    if isinstance(links, list):
        lines += [f"{dug(one, 'text') or ''} {dug(one, 'href') or ''}".strip() for one in links]
    return "\n".join(lines)
