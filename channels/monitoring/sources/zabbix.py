"""Zabbix: what its media type sends, one message for each problem, recovery or update (docs/devices/zabbix-media-type.yaml)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring.fields import document, fact
from channels.monitoring.severities import ZABBIX
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

_MACRO = re.compile(r"\*UNKNOWN\*|\{+[A-Z$#?][^\n]*\}")
_BY_ITSELF = ("1", "2")
"""Event sources whose events nobody resolves: discovery and autoregistration of hosts."""


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by the problem's event: a recovery carries the same number.

    Macros that Zabbix could not resolve arrive as they are written: they are missing, not text.
    """
    body = {
        name: text
        for name, value in document(told).items()
        if (text := "" if value is None else str(value).strip()) and not _MACRO.fullmatch(text)
    }
    if "event_id" not in body:
        if "event_id" in document(told):
            return [fact(told, source, status=Status.TEST, event=None, key=None, severity=Severity.INFO)]
        raise NotUnderstood("event_id: it is missing; import the media type that Centralino ships")
    status = _status(body)
    return [
        fact(
            told,
            source,
            status=status,
            event=body.get("event_name") or body.get("alert_subject"),
            key=f"zabbix:event:{body['event_id']}",
            resource=body.get("host_name"),
            severity=_severity(body, source),
            started=f"{body.get('event_date')} {body.get('event_time')}",
            ended=f"{body.get('event_recovery_date')} {body.get('event_recovery_time')}",
            summary=body.get("alert_subject") or body.get("event_name"),
            text=_text(body),
            labels=_tags(body.get("event_tags", ""))
            | {name: body[name] for name in ("trigger_id", "event_update_user", "opdata") if name in body},
            links=[body.get("trigger_url"), body.get("event_url")],
            address=body.get("host_ip", ""),
        )
    ]


def _text(body: Mapping[str, str]) -> str:
    """What is worded, and what somebody wrote where that is not within it, as in the wording that we ship."""
    message, written = body.get("alert_message", ""), body.get("event_update_message", "")
    return message if written in message else "\n".join(filter(None, (message, written)))


def _status(body: Mapping[str, str]) -> Status:
    """An update if it says so, else a problem, else a recovery; what an update did stands in words."""
    if body.get("event_source") in _BY_ITSELF:
        return Status.IGNORED
    if body.get("event_value") != "1":
        return Status.RESOLVED
    did = body.get("event_update_action", "").lower() if body.get("event_update_status") == "1" else ""
    for word, status in (("acknowledged", Status.ACKNOWLEDGED), ("suppressed", Status.SUPPRESSED)):
        if re.search(rf"\b{word}", did):  # not "unacknowledged"
            return status
    return Status.FIRING


def _severity(body: Mapping[str, str], source: Source) -> Severity | str | None:
    number = body.get("event_nseverity", "")
    if number in source.severities:
        return number
    return ZABBIX[int(number)] if number in tuple("012345") else body.get("event_severity")


def _tags(text: str) -> dict[str, str]:
    """Of {EVENT.TAGSJSON}, or of {EVENT.TAGS}: "service:web, line".

    >>> _tags('[{"tag":"service","value":"web"}]'), _tags("service:web, line")
    ({'service': 'web'}, {'service': 'web', 'line': ''})
    """
    try:
        listed: Any = json.loads(text)
        return {str(one["tag"]): str(one["value"]) for one in listed}
    except (ValueError, TypeError, KeyError, RecursionError):
        pairs = (one.strip().partition(":") for one in text.split(",") if one.strip())
        return {name: value for name, _, value in pairs}
