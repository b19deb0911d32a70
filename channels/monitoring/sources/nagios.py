"""Nagios: its macros as a form or a document, or the text of its mail. Icinga 2 and Checkmk have the same words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from channels.monitoring import letters
from channels.monitoring.fields import fact
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Status

STATUSES: Mapping[str, Status] = {
    "PROBLEM": Status.FIRING,
    "RECOVERY": Status.RESOLVED,
    "ACKNOWLEDGEMENT": Status.ACKNOWLEDGED,
    "FLAPPINGSTART": Status.SUPPRESSED,
    "DOWNTIMESTART": Status.MAINTENANCE,
}
"""Only PROBLEM and RECOVERY open and close. The other types tell of ends after which the tool repeats what is the matter."""
_OTHERS = (
    "FLAPPINGSTOP FLAPPINGEND FLAPPINGDISABLED DOWNTIMEEND DOWNTIMECANCELLED DOWNTIMEREMOVED CUSTOM".split()
)
_LINE = re.compile(
    r"^[ \t]*(Notification Type|Service|Host|State|Address|IPv4|Additional Info|Info):(.*)$",
    re.MULTILINE,
)


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by host and service."""
    found = macros(told.json if isinstance(told.json, Mapping) else told.form)
    if found.get("notificationtype"):
        return [of_macros(told, source, found, tool="nagios")]
    letter = letters.letter(told)
    fact_ = of_mail(told, source, letter)
    if fact_ is None:
        raise NotUnderstood("neither macros (NOTIFICATIONTYPE, HOSTNAME, ...) nor the text of a notification")
    return [fact_]


def macros(body: Mapping[str, Any]) -> dict[str, str]:
    """Macros under the names that commands give them: NAGIOS_HOSTNAME, host_name and HOSTNAME are one.

    >>> macros({"NAGIOS_HOSTNAME": "a", "notification.type": "PROBLEM", "SERVICEDESC": "$SERVICEDESC$"})
    {'hostname': 'a', 'notificationtype': 'PROBLEM'}
    """
    named = {}
    for name, value in body.items():
        plain = re.sub(r"[^a-z0-9]", "", str(name).lower())
        text = "" if value is None else str(value).strip()
        if text and not re.fullmatch(r"\$.*\$", text):  # what stands for nothing is left as it is written
            named[re.sub("^(nagios|icinga|notify)(?!2)", "", plain)] = text
    return named


def of_macros(
    told: Told, source: Source, found: Mapping[str, str], *, tool: str, place: str = ""
) -> AlertFact:
    """The fact that macros tell. `tool`: begins the key. Raises NotUnderstood."""
    service = found.get("servicedesc") or found.get("servicename") or ""
    of = "service" if service else "host"
    return notification(
        told,
        source,
        kind=found.get("notificationtype", ""),
        host=found.get("hostname") or found.get("hostalias") or "",
        service=service,
        state=found.get(f"{of}state") or found.get("state") or "",
        output=found.get(f"{of}output") or found.get("output") or "",
        text="\n".join(filter(None, (found.get(f"long{of}output"), found.get("notificationcomment")))),
        at=found.get("timet") or found.get("date"),
        address=found.get("hostaddress") or found.get("address") or "",
        links=[found.get(f"{of}actionurl"), found.get(f"{of}notesurl"), found.get("url")],
        tool=tool,
        place=place,
    )


def notification(  # noqa: PLR0913 - what a notification says
    told: Told,
    source: Source,
    *,
    kind: str,
    host: str,
    service: str,
    state: str,
    output: str,
    at: Any,
    tool: str,
    address: str = "",
    text: str = "",
    place: str = "",
    links: Sequence[Any] = (),
) -> AlertFact:
    """The fact of one notification. `kind`: PROBLEM, RECOVERY, ...; `place`: what stands before the host in the key."""
    word = kind.split(maxsplit=1)[0].upper() if kind.strip() else ""
    if not host or (word not in STATUSES and word not in _OTHERS):
        raise NotUnderstood(f"a notification of type {kind!r} about the host {host!r}")
    status = STATUSES.get(word, Status.IGNORED)
    return fact(
        told,
        source,
        status=status,
        event=service or "HOST",
        key=f"{tool}:{place}{host}/{service}" if service else f"{tool}:{place}{host}",
        resource=host,
        severity=state or None,
        started=at if status is Status.FIRING else None,
        ended=at,
        summary=f"{service} {state}: {output}" if service else f"{host} {state}: {output}",
        text=text or output,
        labels={"notification": word, "state": state},
        links=links,
        address=address,
    )


def knows(kind: str) -> bool:
    """Is that a type of notification?"""
    return _word(kind) in STATUSES or _word(kind) in _OTHERS


def _word(kind: str) -> str:
    return kind.split(maxsplit=1)[0].upper() if kind.strip() else ""


def of_mail(told: Told, source: Source, letter: letters.Letter) -> AlertFact | None:
    """What the mail of Nagios says; None: it is no such mail.

    The body goes first: names of services contain "/" and ": ". Its zone is an abbreviation, which is no zone: the mail's date counts.
    """
    lines: dict[str, str] = {}
    for name, value in _LINE.findall(letter.text):
        lines.setdefault(name, value.strip())
    if not knows(lines.get("Notification Type", "")) or not lines.get("Host"):
        return None
    after = letter.text.partition("Additional Info:")[2].strip()
    return notification(
        told,
        source,
        kind=lines["Notification Type"],
        host=lines["Host"],
        service=lines.get("Service", ""),
        state=lines.get("State", ""),
        output=lines.get("Info") or after.partition("\n")[0],
        text=letter.text,
        at=letter.date,
        address=lines.get("Address", ""),
        tool="nagios",
    )
