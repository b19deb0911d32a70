"""Who is there? Groups at an instant, and over days to come, by their calendars and their rotas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from core.desk import reference
from core.rules import routing
from core.store.tx import Tx


def open_calendars(desk: reference.Desk, at: datetime) -> frozenset[str]:
    """Names of the calendars that are open then."""
    return frozenset(name for name, hours in desk.calendars.items() if hours.calendar.is_open(at))


def groups(tx: Tx, at: datetime, open_then: frozenset[str]) -> Mapping[str, routing.Group]:
    """The groups as routing sees them at an instant. `open_then`: the calendars that are open."""
    desk = reference.desk(tx)
    return {
        group.name: routing.Group(
            name=group.name,
            level=group.level,
            technologies=group.technologies,
            request_types=group.request_types,
            fallback=group.fallback,
            reachable=group.calendar in open_then,
            next_open_at=None
            if group.calendar in open_then
            else desk.calendars[group.calendar].calendar.next_open(at),
        )
        for group in desk.groups.values()
    }
