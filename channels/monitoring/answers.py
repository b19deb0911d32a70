"""What does a tool expect to hear? Most hear that it is stored; some want a word of their own in the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.monitoring.decoding import unpacked
from channels.monitoring.sources import pagerduty_events

EVENT = 512 * 1024  # bytes of an event of PagerDuty's
_UPDATE = 64 * 1024  # bytes of a message of Zabbix that is looked into


@dataclass(frozen=True, slots=True)
class Enqueued:
    """An event as PagerDuty would take it."""

    secret: str
    """Its routing key."""
    dedup_key: str
    raw: bytes
    """The event without its routing key: what proves who sends is not kept."""


def enqueued(packed: bytes, headers: Mapping[str, str]) -> Enqueued:
    """An event of PagerDuty's Events API, version 2, packed or not. `headers`: names in lower case. Raises ValueError with what is wrong."""
    raw = unpacked(packed, headers)
    if len(raw) > EVENT:
        raise ValueError(f"the event has more than {EVENT} bytes")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError("the body is no JSON") from None
    secret = body.get("routing_key") if isinstance(body, dict) else None
    if not isinstance(secret, str) or not secret:
        raise ValueError("routing_key is missing: it is the secret of the source")
    bare = body | {"routing_key": ""}
    return Enqueued(secret, pagerduty_events.dedup_key(bare), json.dumps(bare).encode())


def taken(event: Enqueued) -> dict[str, str]:
    """What PagerDuty answers, word by word."""
    return {"status": "success", "message": "Event processed", "dedup_key": event.dedup_key}


def invalid(why: str) -> dict[str, Any]:
    """The same of an event that is none."""
    return {"status": "invalid event", "message": "Event object is invalid", "errors": [why]}


def zabbix_key(raw: bytes) -> str:
    """The problem that a message of our media type for Zabbix is about, which packs nothing; empty: it is no such message."""
    if len(raw) > _UPDATE or b'"event_id"' not in raw:
        return ""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    known = isinstance(body, dict) and "event_value" in body and str(body.get("event_id", "")).isdigit()
    return f"zabbix:event:{body['event_id']}" if known else ""


def allowed(headers: Mapping[str, str], *, rate: int) -> dict[str, str]:
    """The answer to who asks, before sending, whether events may come (CloudEvents, HTTP webhooks). Nobody is called back.

    `rate`: messages a second.
    """
    answer = {"Allow": "OPTIONS, POST"}
    origin = headers.get("WebHook-Request-Origin", "")
    if origin:
        answer |= {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": str(rate * 60)}
    return answer
