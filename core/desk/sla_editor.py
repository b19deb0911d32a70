"""How does the desk change a service level? Checked like the file of `apply`, kept as a new version; what runs keeps the old one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from core.desk import reference, sla_changes, sla_versions
from core.desk.clock_changes import Impact, Slice
from core.desk.configuration import export, rows
from core.desk.configuration.checking import PRIORITIES
from core.desk.configuration.document import SlaPart
from core.desk.errors import Fault, Invalid, NotFound, Refused
from core.desk.principal import Principal
from core.desk.reference import PROMISES, ServiceLevel
from core.desk.sla_versions import Difference, Version
from core.rules.durations import parse_target
from core.store.columns import to_json
from core.store.tx import Tx

__all__ = [
    "PRIORITIES",
    "PROMISES",
    "Difference",
    "Impact",
    "SlaView",
    "Slice",
    "Version",
    "differences",
    "history",
    "level",
    "levels",
    "preview",
    "save",
    "version",
]

LONGEST = 100  # characters of a name
LONGEST_WHY = 1_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaView:
    """A service level as its file says it."""

    part: SlaPart
    version: str
    """Two with the same say the same."""
    calendars: tuple[str, ...]
    """Those it may name."""


def levels(tx: Tx, who: Principal) -> tuple[SlaView, ...]:
    """All of them, by name. For staff: NotFound."""
    sla_changes.only_staff(who)
    names = calendars(tx, who)
    return tuple(
        SlaView(part=part, version=version(part), calendars=names)
        for part in export.stored(tx).get("slas", ())
    )


def level(tx: Tx, who: Principal, name: str) -> SlaView:
    """One of them. Raises NotFound."""
    for found in levels(tx, who):
        if found.part.name == name:
            return found
    message = f"there is no service level {name}"
    raise NotFound(message)


def calendars(tx: Tx, who: Principal) -> tuple[str, ...]:
    """Those that a level may name. For staff: NotFound."""
    sla_changes.only_staff(who)
    return tuple(reference.desk(tx).calendars)


def version(part: SlaPart) -> str:
    """Of what it says."""
    said = [part.targets, part.retroactive]
    return hashlib.sha256(to_json(msgspec.to_builtins(said)).encode()).hexdigest()[:16]


def history(tx: Tx, who: Principal, name: str) -> tuple[Version, ...]:
    """Who changed it and why, the newest first. For staff: NotFound."""
    sla_changes.only_staff(who)
    return sla_versions.of(tx, name)


def differences(tx: Tx, who: Principal, part: SlaPart) -> tuple[Difference, ...]:
    """What it says otherwise than the one that is kept under its name. Raises Invalid."""
    sla_changes.only_who_edits(who)
    _checked(tx, part)
    kept = {one.part.name: one.part for one in levels(tx, who)}.get(part.name)
    before = {} if kept is None else msgspec.to_builtins(kept)
    return sla_versions.differences(before, msgspec.to_builtins(part))


def save(  # noqa: PLR0913 - what a save is told of
    tx: Tx,
    who: Principal,
    part: SlaPart,
    *,
    why: str,
    now: datetime,
    seen: str | None = None,
    new: bool = False,
) -> SlaView:
    """Keep it as the service level of its name, a new one or another version. A supervisor or an administrator: Forbidden.

    Clocks that run keep what they were promised (`sla_changes.begin` brings them under this one). `seen`: the version that
    was looked at; None: whatever there is. Raises Invalid with every mistake in its place; one is a `new` one with a
    name that is taken, another no `why`. Refused with the code `changed` when somebody else saved meanwhile.
    """
    sla_changes.only_who_edits(who)
    reference.hold(tx)
    faults = list(_faults(tx, part))
    if not why.strip() or len(why) > LONGEST_WHY:
        faults.append(Fault("/why", f"say why, in {LONGEST_WHY:,} characters at most"))
    stored = export.stored(tx).get("slas", ())
    kept = next((one for one in stored if one.name == part.name), None)
    if kept is not None and new:
        faults.append(Fault("/name", f"there is a service level {part.name} already: open it to change it"))
    if faults:
        raise Invalid(faults)
    if seen is not None and kept is not None and seen != version(kept):
        message = f"somebody changed {part.name} meanwhile: look at it, then change it again"
        raise Refused(message, code="changed")
    parts = [part if one is kept else one for one in stored] + ([part] if kept is None else [])
    rows.write(tx, who, {"slas": tuple(parts)}, {}, now=now, why=why.strip())
    return level(tx, who, part.name)


def preview(tx: Tx, who: Principal, part: SlaPart, *, after: str | None, limit: int, now: datetime) -> Slice:
    """What this level would do to the next open tickets that run by another version of it. Changes nothing."""
    sla_changes.only_who_edits(who)
    _checked(tx, part)
    return sla_changes.impact(tx, _level(part), after=after, limit=limit, now=now)


def _level(part: SlaPart) -> ServiceLevel:
    targets = {priority: reference.promise_of(said) for priority, said in part.targets.items()}
    return ServiceLevel(name=part.name, targets=targets, retroactive=part.retroactive)


def _checked(tx: Tx, part: SlaPart) -> None:
    if faults := list(_faults(tx, part)):
        raise Invalid(faults)


def _faults(tx: Tx, part: SlaPart) -> Iterator[Fault]:
    if not part.name.strip() or len(part.name) > LONGEST:
        yield Fault("/name", f"give it a name of at most {LONGEST} characters")
    calendars = reference.desk(tx).calendars
    for priority, said in part.targets.items():
        at = f"/targets/{priority}"
        if priority not in PRIORITIES:
            yield Fault(at, f"{priority} is none of {', '.join(PRIORITIES)}")
        for name, text in said.items():
            if name == "calendar":
                if text not in calendars:
                    yield Fault(f"{at}/calendar", f"there is no calendar {text}")
            elif name not in PROMISES:
                yield Fault(f"{at}/{name}", f"{name} is none of {', '.join(PROMISES)}")
            else:
                try:
                    parse_target(text)
                except ValueError as error:
                    yield Fault(f"{at}/{name}", str(error))
