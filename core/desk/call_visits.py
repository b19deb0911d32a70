"""Acts of a call flow: which times is the caller given for a visit, and which of them do they take by a key?

What each does is said in `ivr.actions`, whose table compares names and answers.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from core.desk import call_tickets, visit_views, visits
from core.desk.call_around import TICKET, Around, Branch, Given, person
from core.desk.call_reading import named
from core.desk.errors import DeskError


def offered_times(around: Around, _value: str, _given: Given) -> Branch:
    """The next visit with times to choose from that were not read yet in this call; new ones of the same visit are read again."""
    live, who = around.live, person(around)
    read = live.fact("times_read", [])
    live.set(ticket_id=None)
    if who is None:
        return "no", {}
    for row, visit in visit_views.with_choice(live.tx, who):
        slots = [slot for slot in visit.slots if slot.expires_at > live.now]
        if not slots or slots[0].id in read:
            continue
        times = [slot.start.astimezone(ZoneInfo(visit.time_zone)).isoformat() for slot in slots]
        live.note(
            times_read=[*read, slots[0].id],
            times=[[slot.id, at] for slot, at in zip(slots, times, strict=True)],
            times_of=visit.id,
            informed=True,
        )
        live.set(ticket_id=row.id)
        call_tickets.belongs(live, row.id, "heard")
        return "yes", {**named(live, row), "times": times}
    return "no", {}


def choose_time(around: Around, value: str, _given: Given) -> Branch:
    """The first acceptance wins, as everywhere. A time that is gone is answered with new ones."""
    live, who = around.live, person(around)
    times = live.fact("times", [])
    number = int(value)
    if not 1 <= number <= len(times):
        return "wrong", {}
    row = live.tx.one(TICKET, id=live["ticket_id"]) if live["ticket_id"] else None
    if who is None or row is None:
        return "too_late", {}
    slot, at = times[number - 1]
    try:
        done = visits.choose(live.tx, who, row.number, live.fact("times_of"), slot, now=live.now)
    except DeskError:  # somebody was quicker
        return "too_late", {}
    return ("ok", {"visit_at": at}) if done.agreed else ("gone", {})
