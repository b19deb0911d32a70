"""What does an invitation say? The events of a calendar (RFC 5545) as lines that people of every language read.

Labels would be words of one language, so there are none: what, when with its zone, where, who, and the description.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.core import get_global

from channels.email.reading import headers
from core.envelope import CalendarWord

CHARACTERS = 256 * 1024
LINES = 5_000
EVENTS = 20
PEOPLE = 50
ANSWER = 64 * 1024  # characters of an answer, which is one event
COMMENT = 2_000  # characters
HEADING = 300  # characters

_SHOWN = ("VEVENT", "VTODO", "VJOURNAL")
_PARAMETER = re.compile(r';([A-Za-z0-9-]{1,60})=((?:"[^"]{0,1000}"|[^";:,]{0,1000}|,){1,20})')
_CARET = {"^n": " ", "^'": '"', "^^": "^"}
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z)?)?")
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,5})S)?)?"
)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The method in capitals (`REQUEST`, `REPLY` …; empty: none said), and the text of all that is in it."""

    method: str
    text: str
    heading: str = ""
    """What the first event is, when and where, on one line."""
    called_off: bool = False
    """The first event is."""


@dataclass(frozen=True, slots=True)
class _Property:
    value: str
    parameters: dict[str, str]


@dataclass(slots=True)
class _Component:
    kind: str
    properties: dict[str, list[_Property]] = field(default_factory=dict)
    inside: list[_Component] = field(default_factory=list)

    def first(self, name: str) -> _Property:
        found = self.properties.get(name)
        return found[0] if found else _NOTHING

    def text(self, name: str) -> str:
        return _unescaped(self.first(name).value).strip()


_NOTHING = _Property("", {})


def read(content: str) -> Calendar:
    """What the calendar in this text says; nothing where it holds no event. Never raises.

    >>> read("BEGIN:VCALENDAR\\nMETHOD:REQUEST\\nBEGIN:VEVENT\\nSUMMARY:Switch\\nDTSTART:20261130T090000Z\\n"
    ...      "DTEND:20261130T100000Z\\nLOCATION:Via Larga 1\\\\, Milano\\nEND:VEVENT\\nEND:VCALENDAR").text
    'Switch\\n2026-11-30 09:00 – 10:00 (UTC)\\nVia Larga 1, Milano\\n'
    """
    root = _tree(content)
    calendars = [one for one in root.inside if one.kind == "VCALENDAR"] or [root]
    method = next((one.text("METHOD").upper()[:20] for one in calendars if one.text("METHOD")), "")
    zones = {one.text("TZID"): one for part in calendars for one in part.inside if one.kind == "VTIMEZONE"}
    events = [one for part in calendars for one in part.inside if one.kind in _SHOWN][:EVENTS]
    text = "\n".join(_event(one, method, zones) for one in events)
    if not events:
        return Calendar(method, text)
    return Calendar(method, text, _heading(events[0], zones), _is_called_off(events[0], method))


def _is_called_off(event: _Component, method: str) -> bool:
    return method == "CANCEL" or event.text("STATUS").upper() == "CANCELLED"


def _heading(event: _Component, zones: dict[str, _Component]) -> str:
    said = (event.text("SUMMARY"), _when(event, zones), event.text("LOCATION"))
    return headers.seen(" · ".join(" ".join(one.split()) for one in said if one.strip()))[:HEADING]


def word(content: str) -> CalendarWord | None:
    """What it says of one event; None: of none, of several, or of one without a name. Never raises.

    >>> word("BEGIN:VCALENDAR\\nMETHOD:REPLY\\nBEGIN:VEVENT\\nUID:v@hub.test\\nSEQUENCE:2\\n"
    ...      "ATTENDEE;PARTSTAT=DECLINED:mailto:Ann@acme.test\\nCOMMENT:I am away\\nEND:VEVENT\\nEND:VCALENDAR").partstat
    'DECLINED'
    """
    root = _tree(content[:ANSWER])
    calendars = [one for one in root.inside if one.kind == "VCALENDAR"]
    events = [one for part in calendars for one in part.inside if one.kind == "VEVENT"]
    if len(calendars) != 1 or len(events) != 1 or not events[0].text("UID"):
        return None
    event, zones = (
        events[0],
        {one.text("TZID"): one for one in calendars[0].inside if one.kind == "VTIMEZONE"},
    )
    people = event.properties.get("ATTENDEE", [])
    alone = people[0] if len(people) == 1 else _NOTHING
    begins = _instant(event.first("DTSTART"), zones)
    length = _later(_EPOCH, event.text("DURATION"))
    ends = _instant(event.first("DTEND"), zones)
    if ends is None and begins is not None and isinstance(length, datetime):
        ends = begins + (length - _EPOCH)
    sequence = event.text("SEQUENCE")
    return CalendarWord(
        method=calendars[0].text("METHOD").upper()[:20],
        uid=event.text("UID")[:500],
        sequence=int(sequence) if sequence.isascii() and sequence.isdecimal() and len(sequence) < 9 else 0,  # noqa: PLR2004
        attendee=_address(alone).lower()[:320],
        partstat=alone.parameters.get("PARTSTAT", "").upper()[:20],
        start=begins,
        end=ends,
        comment=event.text("COMMENT")[:COMMENT],
    )


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001


def _instant(one: _Property, zones: dict[str, _Component]) -> datetime | None:
    """In UTC; None: it names no hour, or a zone of which nobody knows how far it is from UTC."""
    at = _moment(one)
    if not isinstance(at, datetime):
        return None
    if one.value.strip().endswith("Z"):
        return at.replace(tzinfo=UTC)
    name = one.parameters.get("TZID", "").strip()
    offset = _known_offset(name, at) if name else None
    if offset is None and name in zones:
        offset = _told_offset(zones[name], at)
    return None if offset is None else (at - offset).replace(tzinfo=UTC)


def _tree(content: str) -> _Component:
    root = _Component("")
    stack = [root]
    for name, one in _lines(content[:CHARACTERS]):
        if name == "BEGIN":
            made = _Component(one.value.strip().upper()[:40])
            if len(stack) < 10:
                stack[-1].inside.append(made)
            stack.append(made)
        elif name == "END":
            if len(stack) > 1:
                stack.pop()
        else:
            stack[-1].properties.setdefault(name, []).append(one)
    return root


def _lines(content: str) -> list[tuple[str, _Property]]:
    unfolded: list[str] = []
    for line in content.replace("\r\n", "\n").replace("\r", "\n").split("\n", LINES)[:LINES]:
        if line[:1] in (" ", "\t") and unfolded:
            unfolded[-1] += line[1:]
        elif unfolded and unfolded[-1].endswith("=") and "QUOTED-PRINTABLE" in unfolded[-1].upper():
            unfolded[-1] = unfolded[-1][:-1] + line  # vCalendar 1.0
        elif line:
            unfolded.append(line)
    return [found for found in map(_property, unfolded) if found is not None]


def _property(line: str) -> tuple[str, _Property] | None:
    name = re.match(r"[A-Za-z0-9-]{1,60}", line)
    if name is None:
        return None
    at, parameters = name.end(), {}
    while (match := _PARAMETER.match(line, at)) is not None:
        at = match.end()
        value = match.group(2).replace('"', "")
        for written, meant in _CARET.items():
            value = value.replace(written, meant)
        parameters[match.group(1).upper()] = value
    if line[at : at + 1] != ":":
        return None
    value = line[at + 1 :]
    if parameters.get("ENCODING", "").upper() == "QUOTED-PRINTABLE":
        value = binascii.a2b_qp(value.encode("utf-8", "replace")).decode("utf-8", "replace")
    return name.group().upper(), _Property(value, parameters)


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda match: "\n" if match.group(1) in "nN" else match.group(1), value)


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def _event(event: _Component, method: str, zones: dict[str, _Component]) -> str:
    summary = " ".join(event.text("SUMMARY").split())
    if _is_called_off(event, method):
        summary = f"{summary} (CANCELLED)".strip()
    lines = [summary, _when(event, zones), event.text("LOCATION"), event.text("RRULE"), _who(event)]
    description = event.text("DESCRIPTION")
    if description:
        lines.append(f"\n{description}")
    lines += [event.text(name) for name in ("COMMENT", "URL") if event.text(name) not in description]
    return "".join(f"{line}\n" for line in lines if line.strip())


def _who(event: _Component) -> str:
    """Who asks → who is asked, with what they answered where they did."""
    people = event.properties.get("ATTENDEE", [])
    asked = [_person(one) for one in people[:PEOPLE]] + (["…"] if len(people) > PEOPLE else [])
    organiser = _person(event.first("ORGANIZER"))
    return " → ".join(side for side in (organiser, ", ".join(filter(None, asked))) if side)


def _address(one: _Property) -> str:
    address = one.value.strip()
    return address[7:] if address.lower().startswith("mailto:") else address


def _person(one: _Property) -> str:
    address = _address(one)
    name = one.parameters.get("CN", "").strip()
    answer = one.parameters.get("PARTSTAT", "").upper()
    shown = f"{name} <{address}>" if name and name != address else address
    return f"{shown} ({answer})" if shown and answer not in ("", "NEEDS-ACTION") else shown


def _when(event: _Component, zones: dict[str, _Component]) -> str:
    start = event.first("DTSTART")
    begins = _moment(start)
    if begins is None:
        due = event.first("DUE")
        begins, start = _moment(due), due
        if begins is None:
            return ""
    ends = _moment(event.first("DTEND")) or _later(begins, event.text("DURATION"))
    zone = _zone(start, begins, zones)
    if not isinstance(begins, datetime):
        last = ends - timedelta(days=1) if ends is not None and not isinstance(ends, datetime) else begins
        return f"{begins.isoformat()} – {last.isoformat()}" if last > begins else begins.isoformat()
    text = f"{begins:%Y-%m-%d %H:%M}"
    if isinstance(ends, datetime) and ends != begins:
        same_zone = event.first("DTEND").parameters.get("TZID") in (None, start.parameters.get("TZID"))
        text += f" – {ends:%H:%M}" if ends.date() == begins.date() else f" – {ends:%Y-%m-%d %H:%M}"
        if not same_zone:
            other = _zone(event.first("DTEND"), ends, zones)
            return f"{text.replace(' – ', f' ({zone}) – ', 1)} ({other})"
    return f"{text} ({zone})" if zone else text


def _moment(one: _Property) -> date | datetime | None:
    match = _DATE.match(one.value.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, _ = (
        int(part) if part and part.isdecimal() else 0 for part in match.groups()
    )
    if not 1600 <= year <= 2400:
        return None
    try:
        if match.group(4) is None:
            return date(year, month, day)
        # As the calendar writes it: its zone stands beside it.
        return datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001
    except ValueError:
        return None


def _later(begins: date | datetime, duration: str) -> date | datetime | None:
    match = _DURATION.fullmatch(duration)
    if not duration or match is None or match.group(1) == "-":
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    try:
        return begins + timedelta(days=7 * weeks + days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None


def _zone(one: _Property, at: date | datetime, zones: dict[str, _Component]) -> str:
    """The zone as the calendar calls it, with its distance from UTC at that moment where that is known."""
    if one.value.strip().endswith("Z"):
        return "UTC"
    name = one.parameters.get("TZID", "").strip()
    if not name or not isinstance(at, datetime):
        return ""
    offset = _known_offset(name, at)
    if offset is None and name in zones:
        offset = _told_offset(zones[name], at)
    shown = name.rpartition("/freeassociation.sourceforge.net/")[2].strip("/")[:60]
    return shown if offset is None else f"{shown}, UTC{_hours(offset)}"


def _hours(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _known_offset(name: str, at: datetime) -> timedelta | None:
    """From the zone database, by its own names, and by those of Windows."""
    for candidate in (get_global("windows_zone_mapping").get(name), name, "/".join(name.split("/")[-2:])):
        if candidate and _ZONE_NAME.fullmatch(candidate):
            try:
                return at.replace(tzinfo=ZoneInfo(candidate)).utcoffset()
            except (KeyError, ValueError, OSError):
                continue
    return None


_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}")


def _told_offset(zone: _Component, at: datetime) -> timedelta | None:
    """What the calendar's own VTIMEZONE says: the rule that began last before this moment."""
    best: tuple[datetime, timedelta] | None = None
    for rule in zone.inside[:20]:
        offset = _OFFSET.fullmatch(rule.text("TZOFFSETTO"))
        since = _moment(rule.first("DTSTART"))
        if offset is None or not isinstance(since, datetime):
            continue
        sign, hours, minutes = offset.groups()
        distance = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
        began = _last_onset(since, rule.text("RRULE").upper(), at)
        if best is None or (began <= at and (best[0] > at or began > best[0])):
            best = began, distance
    return best[1] if best is not None else None


_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(?:\d\d)?")
_RULE = re.compile(r"BYDAY=(-?\d)(MO|TU|WE|TH|FR|SA|SU)")
_MONTH = re.compile(r"BYMONTH=(\d{1,2})")


def _last_onset(since: datetime, rule: str, at: datetime) -> datetime:
    """When this rule began the last time before that moment (yearly, on the n-th weekday of a month)."""
    day, month = _RULE.search(rule), _MONTH.search(rule)
    if day is None or month is None or since > at or not 1 <= int(month.group(1)) <= 12:
        return since
    for year in (at.year, at.year - 1):
        began = _weekday(year, int(month.group(1)), int(day.group(1)), day.group(2), since)
        if began <= at:
            return max(began, since)
    return since


def _weekday(year: int, month: int, number: int, name: str, since: datetime) -> datetime:
    wanted = ("MO", "TU", "WE", "TH", "FR", "SA", "SU").index(name)
    if number > 0:
        first = datetime(year, month, 1, since.hour, since.minute)  # noqa: DTZ001
        return first + timedelta(days=(wanted - first.weekday()) % 7 + 7 * (number - 1))
    following = datetime(year + month // 12, month % 12 + 1, 1, since.hour, since.minute)  # noqa: DTZ001
    last = following - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - wanted) % 7 + 7 * (-number - 1))
