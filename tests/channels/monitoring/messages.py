"""Messages of tools, given as the product gets them: bytes and headers in, facts out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from channels.monitoring.decoding import decode
from channels.monitoring.read import facts_of
from channels.monitoring.source import Source
from core.alerting import AlertFact

NOON = datetime(2026, 1, 26, 12, 0, tzinfo=UTC)
PEER = "192.0.2.77"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def facts(
    kind: str,
    body: Any,
    *,
    headers: Mapping[str, str] | None = None,
    received_at: datetime = NOON,
    **of_source: Any,
) -> list[AlertFact]:
    """`body`: bytes as they are, text, or a document that is sent as JSON."""
    raw = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else json.dumps(body).encode()
    )
    told = decode(raw, headers or {}, received_at=received_at, peer=PEER)
    return facts_of(told, Source(name="acme", kind=kind, **of_source))


def fact(kind: str, body: Any, **more: Any) -> AlertFact:
    """Of a message that has one."""
    (one,) = facts(kind, body, **more)
    return one


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()
