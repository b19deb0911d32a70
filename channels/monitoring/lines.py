"""What does a line of syslog say? RFC 5424, RFC 3164, what Cisco makes of it, and lines without a priority."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from channels.monitoring import times
from channels.monitoring.frames import LONGEST

_PRI = re.compile(r"<(\d{1,3})>")
_NO_PRI = 13  # user.notice (RFC 3164, 4.3.3)
_NEW = re.compile(
    r"1 (?P<at>\S+) (?P<host>\S{1,255}) (?P<app>\S{1,48}) (?P<process>\S{1,128}) (?P<id>\S{1,32}) "
    r'(?P<data>-|(?:\[(?:[^\]"\\]|\\.|"(?:[^"\\]|\\.)*")*\])+)(?: (?P<message>.*))?',
    re.DOTALL,
)
_STAMP = (
    r"(?P<unsure>[.*])?(?:(?:(?P<first>\d{4}) )?(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) (?:(?P<year>\d{4}) )?"
    r"(?P<time>\d{1,2}:\d{2}:\d{2}(?:\.\d{1,9})?)(?: (?P<zone>UTC|GMT|Z))?(?: [A-Z]{3,5}(?=:))?|(?P<iso>\d{4}-\d{2}-\d{2}T[\d:.]{5,18}(?:Z|[+-]\d{2}:?\d{2})?))"
)
_OLD = re.compile(
    _STAMP
    + r" (?P<host>[\w.:-]{1,255}) (?:(?P<app>[^\s:\[]{1,64})(?:\[(?P<process>[^\]\s]{1,64})\])?: ?)?(?P<message>.*)",
    re.DOTALL,
)
_CISCO = re.compile(
    r"(?:\d{1,10}: )?(?:(?P<host>[A-Za-z][\w.-]{0,254}|\d{1,3}(?:\.\d{1,3}){3}): )?(?:\d{1,10}: )?(?:"
    + _STAMP
    + r": )?"
    r"(?P<id>%[A-Z0-9_]+(?:-[A-Z0-9_]+){0,3}?-[0-7]-[A-Z0-9_]+): (?P<message>.*)",
    re.DOTALL,
)
_MONTHS = {
    name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}
_PARAMETER = re.compile(r'([^\s="\]\[]{1,32})="((?:[^"\\]|\\.)*)"')
_NAMED = re.compile(r'\[([^\s="\]]{1,32})((?:[^\]"\\]|\\.|"(?:[^"\\]|\\.)*")*)\]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message. "": the line does not say."""

    facility: int
    severity: int
    """0 to 7: how it was logged, not how things stand."""
    message: str
    host: str = ""
    app: str = ""
    process: str = ""
    id: str = ""
    """MSGID of RFC 5424, or Cisco's mnemonic with its severity: %LINK-3-UPDOWN."""
    at: datetime | None = None
    data: str = ""
    """Structured data as it is written."""
    cut: bool = False
    unsure: bool = False
    """The device says that its clock is not synchronised."""

    @property
    def labels(self) -> dict[str, str]:
        """What it says beside its message."""
        found = {
            f"{name}.{key}": re.sub(r'\\(["\\\]])', r"\1", value)
            for name, inside in _NAMED.findall(self.data)
            for key, value in _PARAMETER.findall(inside)
        }
        named = {"host": self.host, "app": self.app, "process": self.process, "msgid": self.id}
        return found | {name: value for name, value in named.items() if value}


def read(raw: bytes, *, received_at: datetime, zone: tzinfo) -> Line:
    """One line, whatever it is: what matches no form is a message.

    `zone`: the sender's, for what says none; `received_at`: where there is no year, the one that makes it nearest.
    """
    cut = len(raw) > LONGEST
    text = raw[:LONGEST].decode("utf-8", "replace").replace("\0", "").rstrip("\r\n")
    match = _PRI.match(text)
    if match is not None and int(match[1]) > 191:  # 23 x 8 + 7
        match = None
    number = int(match[1]) if match else _NO_PRI
    rest = text[match.end() :] if match else text
    facility, severity = divmod(number, 8)
    if (new := _NEW.fullmatch(rest)) is not None:
        return Line(
            facility=facility,
            severity=severity,
            message=(new["message"] or "").removeprefix("\ufeff"),
            host=_said(new["host"]),
            app=_said(new["app"]),
            process=_said(new["process"]),
            id=_said(new["id"]),
            at=times.instant(new["at"], UTC),
            data=_said(new["data"]),
            cut=cut,
        )
    said = _old(rest)
    if not said:
        return Line(facility=facility, severity=severity, message=rest, cut=cut)
    return Line(
        facility=facility,
        severity=severity,
        message=said["message"],
        host=said["host"],
        app=said.get("app", ""),
        process=said.get("process", ""),
        id=said.get("id", ""),
        at=_when(said, received_at, zone),
        cut=cut,
        unsure=bool(said["unsure"]),
    )


def _old(rest: str) -> dict[str, str]:
    """What a line without a version says; {}: it has no form. A relay puts its own beginning before Cisco's."""
    old = _CISCO.match(rest.lstrip(": ")) if "%" in rest else None
    if old is not None:
        return old.groupdict("")
    old = _OLD.match(rest)
    if old is None:
        return {}
    said = old.groupdict("")
    inner = _CISCO.match(said["message"].lstrip(": ")) if "%" in said["message"] else None
    return said if inner is None else said | {"app": "", "id": inner["id"], "message": inner["message"]}


def _said(text: str) -> str:
    return "" if text == "-" else text


def _when(said: dict[str, str], received_at: datetime, zone: tzinfo) -> datetime | None:
    if said["iso"]:
        return times.instant(said["iso"], zone)
    month = _MONTHS.get(said["month"])
    if month is None:
        return None
    where = UTC if said["zone"] else zone
    now = received_at.astimezone(where)
    told = said["year"] or said["first"]
    years = [int(told)] if told else [now.year, now.year - 1, now.year + 1]
    hour, minute, seconds = said["time"].split(":")
    second, _, fraction = seconds.partition(".")
    found = []
    for year in years:
        try:
            at = datetime(
                year,
                month,
                int(said["day"]),
                int(hour),
                int(minute),
                min(int(second), 59),
                int(fraction.ljust(6, "0")[:6]),
                tzinfo=where,
            )
        except ValueError:  # 29 February of another year; 25 o'clock
            continue
        found.append(at)
    return min(found, key=lambda at: abs(at - now), default=None)
