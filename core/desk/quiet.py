"""When does what the hub says by itself leave? Not at night, where it would ring; not more than so often in an hour.

Only notices of what was done: an acknowledgement answers somebody who is awake, and a person's words are the person's to
send. What waits becomes one with what is said meanwhile (core.desk.notices); what goes beyond the share of an hour, with what waits
of other requests (core.desk.collecting).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, literal, select

from core import chat_addresses
from core.desk import collecting, restraint
from core.desk.case import Case
from core.envelope import Address
from core.rules import quiet_hours, reaching
from core.store import tables
from core.store.tx import Prepared, Row

message = tables.message

_WROTE = Prepared(
    select(func.max(message.c.at).label("at")).where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.thread_id == bindparam("thread_id"),
        message.c.direction == literal("in"),
        ~message.c.automatic,
    )
)


def leaves(
    case: Case, where: Row, people: Sequence[Address], *, kind: str, due: datetime, zone: ZoneInfo
) -> dict[str, datetime]:
    """When a notice leaves for each of these addresses of a conversation: `due`, or when it may.

    `kind`: of the message. `zone`: the customer's.
    """
    return {one.address: _quiet(case, where, one, kind=kind, due=due, zone=zone) for one in people}


def shared(
    case: Case, where: Row, people: Sequence[Address], leaves: Mapping[str, datetime]
) -> tuple[dict[str, datetime], frozenset[str]]:
    """When progress leaves for each, who hears so much of it in an hour; and to which of them with what else waits for them."""
    found, collected = dict(leaves), set()
    for one in people:
        at = leaves[one.address]
        found[one.address], alone = _share(case, where, one, at)
        if not alone:
            collected.add(one.address)
    return found, frozenset(collected)


def urgent(case: Case) -> bool:
    """Is it told at any hour?"""
    return case["priority"] is not None and case["priority"] not in quiet_hours.PATIENT


def _quiet(case: Case, where: Row, person: Address, *, kind: str, due: datetime, zone: ZoneInfo) -> datetime:
    over = quiet_hours.over_at(
        case.tx.facts.quiet,
        priority=case["priority"],
        pocket=_in_the_pocket(case, where, person, kind=kind),
        now=due,
        zone=zone,
    )
    if over == due:
        return due
    wrote = case.tx.one(_WROTE, ticket_id=case.id, thread_id=where.id).at
    awake = wrote is not None and case.now - wrote <= quiet_hours.AWAKE
    return due if awake else over


def _in_the_pocket(case: Case, where: Row, person: Address, *, kind: str) -> bool:
    if chat_addresses.is_chat(person.address):
        return True
    return _by(case, where, person, kind=kind) in reaching.TEXTS


def _by(case: Case, where: Row, person: Address, *, kind: str) -> str:
    return reaching.channel(
        where.channel,
        kind=kind,
        address=person.address,
        texts_by=case.tx.facts.texts_by,
        in_chat=chat_addresses.is_chat(where.address),
    )


def _share(case: Case, where: Row, person: Address, at: datetime) -> tuple[datetime, bool]:
    """When the next notice leaves for an address, and whether by itself."""
    key = f"notice:{person.address.lower()}"
    hours = quiet_hours.hours_until_told(
        lambda later: restraint.happened(
            case.tx, key, within=restraint.HOUR, now=at + later * quiet_hours.HOUR
        ),
        per_hour=case.tx.facts.brakes.notices_per_hour,
    )
    latest, channel = at + hours * quiet_hours.HOUR, _by(case, where, person, kind="progress")
    if hours and channel:
        there = collecting.waiting(case.tx, person, channel, earliest=at, latest=latest)
        if there is not None:
            return there, False
        collecting.begin(case.tx, person, channel, due=latest, now=case.now)
    restraint.count(case.tx, key, now=latest)
    return latest, not (hours and channel)
