"""Nagios: its macros as a form or a document, or the text of its mail. Icinga 2 and Checkmk have the same words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    "DOWNTIMEEND": Status.MAINTENANCE,
    "DOWNTIMECANCELLED": Status.MAINTENANCE,
    "DOWNTIMEREMOVED": Status.MAINTENANCE,
}
"""Only PROBLEM opens, only RECOVERY closes, or the end of a silence. After the end of a downtime a tool may be silent for long about what
still fires."""
_WORK_OVER = ("DOWNTIMEEND", "DOWNTIMECANCELLED", "DOWNTIMEREMOVED")
_CALM = ("FLAPPINGSTOP", "FLAPPINGEND", "FLAPPINGDISABLED")
_OTHERS = (*_CALM, "CUSTOM")
_WELL = ("OK", "UP")
_LINE = re.compile(
    r"^[ \t]*(Notification Type|Service|Host|State|Address|IPv4|Additional Info|Info):(.*)$",
    re.MULTILINE,
)


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact, known by host and service."""
    found = macros(told.json if isinstance(told.json, Mapping) else told.form)
    if found.get("notificationtype"):
        return [of_macros(told, source, found, tool="nagios")]
    if found.get("hostname") and (found.get("servicestatetype") or found.get("hoststatetype")):
        return [_of_handler(told, source, found)]
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
        text="\n".join(filter(None, (found.get(f"long{of}output"), _comment(found)))),
        at=found.get("timet") or found.get("date"),
        address=found.get("hostaddress") or found.get("address") or "",
        links=[found.get(f"{of}actionurl"), found.get(f"{of}notesurl"), found.get("url")],
        tool=tool,
        place=place,
    )


def _comment(found: Mapping[str, str]) -> str:
    """What somebody wrote to it, as who acknowledges does, behind their name."""
    author = found.get("notificationauthor") or found.get("notificationauthorname")
    words = found.get("notificationcomment", "")
    return f"{author}: {words}" if author and words else words


def _of_handler(told: Told, source: Source, found: Mapping[str, str]) -> AlertFact:
    """What a command for event handlers says: it has no type of notification, and is called at each try. Only a hard state is one."""
    of = "service" if found.get("servicedesc") else "host"
    state = found.get(f"{of}state", "").upper()
    kind = "RECOVERY" if state in ("OK", "UP") else "PROBLEM"
    if kind == "PROBLEM" and found.get(f"{of}statetype", "").upper() == "SOFT":
        kind = "CUSTOM"  # it is tried again
    said = of_macros(told, source, {**found, "notificationtype": kind}, tool="nagios")
    return replace(
        said, tells_of_work=True
    )  # a notification of a problem is not sent in a downtime, a handler is called


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
    status = _status(word, state)
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
        said=at,
        summary=f"{service} {state}: {output}" if service else f"{host} {state}: {output}",
        text=text or output,
        labels={"notification": word, "state": state},
        links=links,
        address=address,
        work_over=word in _WORK_OVER,
    )


def _status(word: str, state: str) -> Status:
    """What a notification makes of its problem. What became well while its tool was silent is said by the end of that silence alone (docs/decisions/0050).

    >>> _status("FLAPPINGEND", "OK"), _status("FLAPPINGEND", "CRITICAL"), _status("DOWNTIMEEND", "UP")
    (<Status.RESOLVED: 'resolved'>, <Status.IGNORED: 'ignored'>, <Status.RESOLVED: 'resolved'>)
    """
    if word in (*_CALM, *_WORK_OVER) and state.upper() in _WELL:
        return Status.RESOLVED
    return STATUSES.get(word, Status.IGNORED)


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
