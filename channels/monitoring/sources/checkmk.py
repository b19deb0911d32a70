"""Checkmk: its notification context (NOTIFY_...), the shorter document that webhook plug-ins send, or its mail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from channels.monitoring import letters
from channels.monitoring.fields import document
from channels.monitoring.source import NotUnderstood, Source, Told
from channels.monitoring.sources.nagios import macros, notification
from core.alerting import AlertFact

_LINE = re.compile(r"^(Host|Service|Address|Event|Output|Summary):(.*)$", re.MULTILINE)
_EVENTS = (
    ("acknowledg", "ACKNOWLEDGEMENT"),
    ("flapping start", "FLAPPINGSTART"),
    ("started flapping", "FLAPPINGSTART"),
    ("downtime start", "DOWNTIMESTART"),
    ("flapping", "FLAPPINGSTOP"),
    ("downtime", "DOWNTIMEEND"),
)
_CHANGE = re.compile(r"[A-Z]+ *-> *([A-Z]+)")


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by site, host and service. `event` is a change of state: "DOWN -> UP"."""
    if told.json is None and not told.form:
        found = of_mail(told, source, letters.letter(told))
        if found is None:
            raise NotUnderstood("neither a document nor the mail of a notification")
        return [found]
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


def of_mail(told: Told, source: Source, letter: letters.Letter) -> AlertFact | None:
    """What its mail says; None: it is no such mail. The mail names no site, and no type where a state changed."""
    lines: dict[str, str] = {}
    for name, value in _LINE.findall(letter.text):
        lines.setdefault(name, value.strip())
    if not lines.get("Host") or not lines.get("Event"):
        return None
    changed = _CHANGE.fullmatch(lines["Event"])
    state = changed[1] if changed else ""
    if changed:
        kind = "RECOVERY" if state in ("OK", "UP") else "PROBLEM"
    else:
        kind = next((kind for word, kind in _EVENTS if word in lines["Event"].lower()), "")
    if not kind:
        return None
    return notification(
        told,
        source,
        kind=kind,
        host=lines["Host"],
        service=lines.get("Service", ""),
        state=state,
        output=lines.get("Summary") or lines.get("Output") or "",
        text=letter.text,
        at=letter.date,
        address=lines.get("Address", ""),
        tool="checkmk",
    )


def _when(body: dict[str, str]) -> Any:
    """Microseconds since 1970 where they are told; else local time without a zone."""
    return body.get("microtime") or body.get("shortdatetime")
