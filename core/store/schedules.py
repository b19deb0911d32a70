"""What comes round again? Each slot of a schedule becomes one job, in the transaction that moves it to the next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select, update

from core.ids import fixed_id
from core.rules.correlation import CLOCK_STEP
from core.store import tables, work
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

LATE = timedelta(minutes=5)  # a slot that starts later than this is marked

schedule = tables.schedule

_EVERY = re.compile(r"every (\d{1,7})")
_DAILY = re.compile(r"daily (\d{2}):(\d{2})")
_ONE = Prepared(select(schedule).where(schedule.c.name == bindparam("name")))
_ENABLED = Prepared(select(schedule).where(schedule.c.enabled.is_(True)).order_by(schedule.c.name))
_DAILY_AHEAD = timedelta(days=2)
"""A daily slot lies no further ahead, nor where the clock was set back by hours after it ran: it runs no second time then."""
_MOVE = Prepared(
    update(schedule)
    .where(schedule.c.name == bindparam("name"), schedule.c.next_at == bindparam("slot", type_=Instant))
    .values(next_at=bindparam("to", type_=Instant))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Something periodic. `rhythm`: "every 60" (seconds) or "daily 06:30" in `time_zone`; empty: the hub's."""

    name: str
    rhythm: str
    kind: str
    """Of the job, on the lane of the schedule's name."""
    payload: Mapping[str, Any]
    time_zone: str = ""


def ensure(tx: Tx, wanted: Schedule, *, now: datetime) -> None:
    """Make the schedule, or change it to this; the next slot is kept unless the rhythm changed.

    Raises ValueError for a rhythm that is none.
    """
    args = {"kind": wanted.kind, "payload": dict(wanted.payload)}
    zone = wanted.time_zone or tx.facts.time_zone
    first = next_slot(wanted.rhythm, zone, after=now)
    row = tx.one(_ONE, name=wanted.name)
    if row is None:
        tx.insert_new(
            schedule,
            name=wanted.name,
            rhythm=wanted.rhythm,
            time_zone=zone,
            args=args,
            next_at=first,
            enabled=True,
        )
        return
    same = (row.rhythm, row.time_zone) == (wanted.rhythm, zone)
    if same and row.args == args:
        return
    tx.update(
        schedule,
        {"name": wanted.name},
        rhythm=wanted.rhythm,
        time_zone=zone,
        args=args,
        next_at=row.next_at if same else first,
    )


def due(tx: Tx, *, now: datetime) -> bool:
    """Is there a slot that has come? A question for a reader, so that idle hubs write nothing."""
    return any(_has_come(row, now) for row in tx.all(_ENABLED))


def _has_come(row: Row, now: datetime) -> bool:
    return bool(row.next_at <= now) or _set_back(row, now)


def _set_back(row: Row, now: datetime) -> bool:
    """The slot lies further ahead than any of the rhythm can: nothing waits for it. Another hub whose clock runs a little before ours is no reason."""
    every = _EVERY.fullmatch(row.rhythm)
    longest = timedelta(seconds=int(every[1])) if every else _DAILY_AHEAD
    return bool(row.next_at - now > longest + CLOCK_STEP)


def tick(tx: Tx, *, now: datetime) -> int:
    """Make a job of each slot that has come; return how many. Slots that were missed run once, marked late.

    Where the clock was set back by more than CLOCK_STEP, what comes every so many seconds comes at once. What comes daily waits
    for its slot; one that lies more than two days ahead is moved to the next of the clock, and makes no job before.

    The job's payload has `slot` (RFC 3339) and `late` added. Two hubs may do this at once: one moves the slot.
    """
    made = 0
    for row in tx.all(_ENABLED):
        if not _has_come(row, now):
            continue
        following = next_slot(row.rhythm, row.time_zone, after=now)
        if not tx.changed(_MOVE, name=row.name, slot=row.next_at, to=following):
            continue
        if _set_back(row, now) and _DAILY.fullmatch(row.rhythm):
            continue
        slot = row.next_at.isoformat()
        work.enqueue(
            tx,
            shard=fixed_id(f"schedule:{row.name}"),
            lane=row.name,
            kind=row.args["kind"],
            payload={**row.args["payload"], "slot": slot, "late": now - row.next_at > LATE},
            due=now,
            now=now,
            idem_key=f"{row.name}@{slot}",
        )
        made += 1
    return made


def next_slot(rhythm: str, time_zone: str, *, after: datetime) -> datetime:
    """The first slot after this instant, in UTC. Raises ValueError.

    Slots of `every` are counted from 1970, the same for every hub. A daily time that a clock change leaves out comes
    as much later as the clock jumped; one that comes twice is taken the first time.

    >>> next_slot("every 60", "UTC", after=datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)).isoformat()
    '2026-03-02T09:01:00+00:00'
    >>> next_slot("daily 06:30", "Europe/Rome", after=datetime(2026, 3, 2, 9, tzinfo=UTC)).isoformat()
    '2026-03-03T05:30:00+00:00'
    """
    if (every := _EVERY.fullmatch(rhythm)) and int(every[1]) > 0:
        seconds = int(every[1])
        return datetime.fromtimestamp((int(after.timestamp()) // seconds + 1) * seconds, UTC)
    if (daily := _DAILY.fullmatch(rhythm)) and int(daily[1]) < 24 and int(daily[2]) < 60:  # noqa: PLR2004
        zone = ZoneInfo(time_zone)
        at = time(int(daily[1]), int(daily[2]))
        day = after.astimezone(zone).date()
        while (slot := datetime.combine(day, at, zone).astimezone(UTC)) <= after:
            day += timedelta(days=1)
        return slot
    message = f"{rhythm!r} is no rhythm; write 'every SECONDS' or 'daily HH:MM'"
    raise ValueError(message)
