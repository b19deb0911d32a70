"""Any tool: where each part of a fact stands is configured. Without that nothing is guessed, and people look at the message."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring.fields import dug, each, fact
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import PARTS, AlertFact, Status

FIELDS = frozenset(PARTS) - {"items"}
_STATES: Mapping[str, Status] = {
    word: status
    for status, words in (
        (
            Status.RESOLVED,
            "resolved ok up closed close cleared clear recovered recovery normal inactive merged canceled cancelled 0 false",
        ),
        (Status.ACKNOWLEDGED, "acknowledged ack"),
        (Status.SUPPRESSED, "suppressed silenced muted"),
        (Status.MAINTENANCE, "maintenance downtime"),
        (Status.NO_DATA, "no-data no_data nodata unknown insufficient_data"),
        (Status.TEST, "test"),
        (Status.HEARTBEAT, "heartbeat"),
    )
    for word in words.split()
}
_STEP = re.compile(r"([^.\[\]]+)|\[(-?\d{1,6})\]")


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """A fact, or one for each of the list that `items` names.

    `source.mapping`: the parts of a fact (key resource event severity status started_at ended_at summary text link address, and
    label.NAME) to the path of the value, as in `alert.hosts[0].name`; `=word` is that word itself. A state that is no known word is
    firing. Without a `key` a problem is known by event and resource, where neither is there by the hash of the body.
    """
    paths = dict(source.mapping)
    if not paths:
        raise NotUnderstood("the source has no mapping: give it one, or read the message in triage")
    wrong = [n for n in paths if n not in FIELDS | {"items"} and not n.startswith("label.")]
    if wrong:
        raise NotUnderstood(f"mapping: {', '.join(sorted(wrong))}: the parts are {', '.join(sorted(FIELDS))}")
    body: Any = told.json if told.json is not None else dict(told.form)
    items = value(body, paths.pop("items")) if "items" in paths else [body]
    return each(told, source, items, lambda item: _fact(told, source, item, paths))


def value(body: Any, path: str) -> Any:
    """What a path leads to; None: nothing.

    >>> value({"a": [{"b": 1}]}, "a[0].b"), value({}, "=critical"), value([5], "$[0]")
    (1, 'critical', 5)
    """
    if path.startswith("="):
        return path[1:]
    steps = [name or int(number) for name, number in _STEP.findall(path.removeprefix("$"))]
    return dug(body, *steps)


def _fact(told: Told, source: Source, item: Any, paths: Mapping[str, str]) -> AlertFact:
    if not isinstance(item, Mapping) or not item:
        raise NotUnderstood("there is no object to look into")
    found = {name: value(item, path) for name, path in paths.items()}
    event, resource = found.get("event"), found.get("resource")
    status = _STATES.get(str(found.get("status", "")).strip().lower(), Status.FIRING)
    if found.get("key") is not None:
        key = str(found["key"])
    elif event is not None or resource is not None:
        key = f"{resource}:{event}"
    else:
        key = hashlib.sha256(told.raw).hexdigest()
    return fact(
        told,
        source,
        status=status,
        event=event,
        key=f"generic:{key}",
        resource=resource,
        severity=found.get("severity"),
        started=found.get("started_at"),
        ended=found.get("ended_at"),
        summary=found.get("summary") or event,
        text=found.get("text"),
        labels={n.removeprefix("label."): v for n, v in found.items() if n.startswith("label.")},
        links=[found.get("link")],
        address=found.get("address") or "",
    )
