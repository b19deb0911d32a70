"""How does the desk change a calendar? Checked like the file of `apply`, kept as a new version; what runs keeps the old one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from core.desk import clock_changes, reference
from core.desk.clock_changes import Impact, Slice
from core.desk.configuration import export, rows
from core.desk.configuration.document import CalendarPart
from core.desk.errors import ConfigurationError, Fault, Invalid, NotFound, Refused
from core.desk.principal import Principal
from core.rules.calendar_definitions import CalendarDefinition, definition_version
from core.rules.calendars import Calendar
from core.store.columns import to_json
from core.store.tx import Tx

__all__ = [
    "CalendarView",
    "Impact",
    "Slice",
    "calendar",
    "calendars",
    "checked",
    "fortnight",
    "preview",
    "save",
]

FORTNIGHT = 14  # days shown of what a calendar means
LONGEST = 100  # characters of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """A calendar as its file says it."""

    part: CalendarPart
    version: str
    edition: str
    """Of all that it says, names of days too, which no clock asks for: what `seen` has to be."""
    warnings: tuple[str, ...]


def calendars(tx: Tx, who: Principal) -> tuple[CalendarView, ...]:
    """All that can be changed, by name; 24x7 is always there and never changes. For staff: NotFound."""
    clock_changes.only_staff(who)
    return tuple(_view(part) for part in export.stored(tx).get("calendars", ()))


def calendar(tx: Tx, who: Principal, name: str) -> CalendarView:
    """One of them. Raises NotFound."""
    for found in calendars(tx, who):
        if found.part.name == name:
            return found
    message = f"there is no calendar {name}"
    raise NotFound(message)


def save(
    tx: Tx, who: Principal, part: CalendarPart, *, now: datetime, seen: str | None = None, new: bool = False
) -> CalendarView:
    """Keep it as the calendar of its name, a new one or another version. A supervisor or an administrator: Forbidden.

    Clocks that run keep the version they have (`clock_changes.begin` brings them under this one). `seen`: the edition that was
    looked at; None: whatever there is. Raises Invalid with every mistake in its place; a calendar that never opens is one, and
    a `new` one with a name that is taken. Refused with the code `changed` when somebody else saved meanwhile.
    """
    clock_changes.only_who_edits(who)
    checked(part)
    reference.hold(tx)
    stored = export.stored(tx).get("calendars", ())
    kept = next((one for one in stored if one.name == part.name), None)
    if kept is not None and new:
        raise Invalid([Fault("/name", f"there is a calendar {part.name} already: open it to change it")])
    if seen is not None and kept is not None and seen != _edition(kept):
        message = f"somebody changed {part.name} meanwhile: look at it, then change it again"
        raise Refused(message, code="changed")
    parts = [part if one is kept else one for one in stored] + ([part] if kept is None else [])
    try:
        rows.apply(tx, who, {"calendars": tuple(parts)}, {}, now=now)
    except ConfigurationError as error:
        raise Invalid([Fault("", line) for line in error.mistakes]) from None
    return _view(part)


def preview(
    tx: Tx, who: Principal, part: CalendarPart, *, after: str | None, limit: int, now: datetime
) -> Slice:
    """What this calendar would do to the next open tickets that run by another version of it. Changes nothing."""
    clock_changes.only_who_edits(who)
    definition = checked(part)
    instead = dict(clock_changes.instead_of_older(tx, definition))
    present = reference.desk(tx).calendars.get(part.name)
    if present is not None and present.version != definition_version(definition):
        instead.setdefault(present.version, (definition_version(definition), Calendar(definition)))
    if not instead:
        return Slice(impact=Impact(), last=None)
    return clock_changes.impact(tx, instead, after=after, limit=limit, now=now)


def fortnight(part: CalendarPart, today: date) -> list[tuple[date, tuple[tuple[datetime, datetime], ...]]]:
    """The next days and when the service is there on each, in UTC; on the night of a change of the clock as it is then."""
    hours = Calendar(checked(part))
    return [
        (day, hours.on(day)) for day in (date.fromordinal(today.toordinal() + n) for n in range(FORTNIGHT))
    ]


def checked(part: CalendarPart) -> CalendarDefinition:
    """What it means. Raises Invalid with every mistake in its place."""
    if not part.name.strip() or len(part.name) > LONGEST:
        raise Invalid([Fault("/name", f"give it a name of at most {LONGEST} characters")])
    if part.name == reference.ALWAYS:
        raise Invalid(
            [Fault("/name", f"{part.name} is always there and never changes: give yours another name")]
        )
    try:
        return part.definition()
    except ValueError as error:
        raise Invalid(_faults(str(error))) from None


def _faults(text: str) -> list[Fault]:
    """Each mistake at its field. A mistake may have a second half, what to write instead."""
    fields = msgspec.structs.asdict(CalendarPart(name=""))
    found: list[Fault] = []
    for part in text.split("; "):
        name, colon, said = part.partition(": ")
        field = name.split(" ")[0]
        if colon and field in fields:
            found.append(Fault(f"/{field}", part if " " in name else said))
        elif found:
            found[-1] = Fault(found[-1].pointer, f"{found[-1].message}; {part}")
        else:
            found.append(Fault("/weekly", part))
    return found


def _view(part: CalendarPart) -> CalendarView:
    definition = part.definition()
    return CalendarView(
        part=part,
        version=definition_version(definition),
        edition=_edition(part),
        warnings=definition.warnings(),
    )


def _edition(part: CalendarPart) -> str:
    said = msgspec.to_builtins(part) | {"closed": sorted(map(str, part.closed))}
    return hashlib.sha256(to_json(said).encode()).hexdigest()[:16]
