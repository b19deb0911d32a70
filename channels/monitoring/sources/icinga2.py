"""Icinga 2: its macros as a form or a document, or the mail of the scripts that it ships."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from channels.monitoring import letters
from channels.monitoring.source import NotUnderstood, Source, Told
from channels.monitoring.sources import nagios
from core.alerting import AlertFact

_SUBJECT = re.compile(r"\[(?P<kind>[A-Z]+)\] (?:Host )?(?P<what>.+) is (?P<state>[A-Z]+)!?\s*$")
_LINE = re.compile(r"^(Info|When|Service|Host|IPv4|IPv6):(.*)$", re.MULTILINE)


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by host and service."""
    found = nagios.macros(told.json if isinstance(told.json, Mapping) else told.form)
    if found.get("notificationtype"):
        return [nagios.of_macros(told, source, found, tool="icinga2")]
    of_mail_ = of_mail(told, source, letters.letter(told))
    if of_mail_ is None:
        raise NotUnderstood("neither macros (NOTIFICATIONTYPE, HOSTNAME, ...) nor the mail of a notification")
    return [of_mail_]


def of_mail(told: Told, source: Source, letter: letters.Letter) -> AlertFact | None:
    """What the mail of Icinga 2 says; None: it is no such mail. The type stands in the subject alone."""
    subject = _SUBJECT.match(letter.subject)
    lines: dict[str, str] = {}
    for name, value in _LINE.findall(letter.text):
        lines.setdefault(name, value.strip())
    if subject is None or not nagios.knows(subject["kind"]) or not lines.get("Host"):
        return None
    return nagios.notification(
        told,
        source,
        kind=subject["kind"],
        host=lines["Host"],
        service=lines.get("Service", ""),
        state=subject["state"],
        output=lines.get("Info", ""),
        text=letter.text,
        at=letter.date,
        address=lines.get("IPv4") or lines.get("IPv6") or "",
        tool="icinga2",
    )
