"""How long did each group have a ticket? From its events; never shown to a customer (operational level agreement, desk.md 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

ENDS = frozenset({"ticket.resolve", "ticket.close", "ticket.reject", "ticket.cancel", "ticket.merge"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A ticket's time with one group."""

    group: str
    since: datetime
    taken_at: datetime | None = None
    """When somebody of it began to work on it."""
    until: datetime | None = None
    """None: it has it still."""

    def seconds(self, now: datetime) -> int:
        """So long, up to now."""
        return int(((self.until or now) - self.since).total_seconds())


def stays(events: Iterable[tuple[str, datetime, Mapping[str, Any]]]) -> tuple[Stay, ...]:
    """One after the other, from (kind, instant, data) of a ticket's events in their order. A solved ticket is with nobody."""
    found: list[Stay] = []
    for kind, at, data in events:
        last = found[-1] if found else None
        has_it = last is not None and last.until is None
        if kind == "ticket.routed" and not (has_it and last and last.group == data["group"]):
            if has_it and last:
                found[-1] = replace(last, until=at)
            found.append(Stay(group=data["group"], since=at))
        elif last is None:
            continue
        elif kind == "ticket.take" and has_it and last.taken_at is None:
            found[-1] = replace(last, taken_at=at)
        elif kind in ENDS and has_it:
            found[-1] = replace(last, until=at)
        elif kind == "ticket.reopen" and not has_it:
            found.append(Stay(group=last.group, since=at, taken_at=at))
    return tuple(found)
