"""How good was each vendor in a month? Of the cases opened in it: answers in time, promises kept, what came back, and whose time it took."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from core.desk import acts, clock_standing, vendor_rows
from core.desk.errors import invalid
from core.desk.principal import Principal
from core.rules import legs
from core.rules import vendor as rule
from core.rules.legs import Leg
from core.rules.vendor import Past, Score, Share
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

case_table, ticket = tables.vendor_case, tables.ticket

_OPENED = Prepared(
    select(
        case_table,
        ticket.c.received_at,
        ticket.c.closed_at.label("ticket_closed_at"),
        ticket.c.resolved_at,
    )
    .select_from(case_table.join(ticket, ticket.c.id == case_table.c.ticket_id))
    .where(
        case_table.c.opened_at >= bindparam("since", type_=Instant),
        case_table.c.opened_at < bindparam("until", type_=Instant),
    )
    .order_by(case_table.c.vendor, case_table.c.id)
)
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One vendor and month."""

    vendor: str
    score: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What is counted, by the hub's own months."""

    month: str
    """2026-03"""
    vendors: tuple[Scored, ...]


def of_month(tx: Tx, who: Principal, *, now: datetime, month: str = "") -> Month:
    """The score of every vendor that a case was opened at. `month`: empty, the one that `now` is in.

    Answers are judged by what the vendor's contract says today. For shift leaders and above: Forbidden. Raises Invalid.
    """
    acts.only_leaders(who)
    month = month or now.astimezone(tx.facts.zone).strftime("%Y-%m")
    since, until = span(month, tx.facts.zone)
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in tx.all(_OPENED, since=since, until=until):
        rows[row.vendor].append(row)
    found = [
        Scored(
            vendor=vendor,
            score=rule.score([_past(tx, row) for row in of], leg=_leg(tx, of, now=now), now=now),
        )
        for vendor, of in rows.items()
    ]
    return Month(month=month, vendors=tuple(found))


def span(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a month begins and ends. Raises Invalid for what is none.

    >>> span("2026-12", ZoneInfo("Europe/Rome"))[1].isoformat()
    '2026-12-31T23:00:00+00:00'
    """
    match = _MONTH.fullmatch(month)
    if match is None or int(match[1]) < 2000:  # noqa: PLR2004 - before there were hubs
        raise invalid("/month", "is no month: write it like 2026-03")
    year, one = int(match[1]), int(match[2])
    if year > 9000:  # noqa: PLR2004 - the calendar ends soon after
        raise invalid("/month", "is too far ahead")
    following = (year + one // 12, one % 12 + 1)
    first, after = (datetime(*of, 1, tzinfo=zone).astimezone(UTC) for of in ((year, one), following))
    return first, after


def _past(tx: Tx, row: Row) -> Past:
    return Past(
        opened_at=row.opened_at,
        answer_due=vendor_rows.due(tx, row.vendor, "answer", since=row.opened_at),
        first_answer_at=row.first_answer_at,
        kept=row.kept,
        late=row.late,
        reopened=row.reopened,
    )


def _leg(tx: Tx, rows: Iterable[Row], *, now: datetime) -> Share:
    """Of all the seconds of these tickets, receipt to end, those that lay with a vendor. A ticket counts once."""
    with_vendor = whole = 0
    for row in {row.ticket_id: row for row in rows}.values():
        end = row.ticket_closed_at or row.resolved_at or now
        moves = clock_standing.moves_of(tx, row.ticket_id)
        for turn in legs.held(moves, received_at=row.received_at, now=max(end, row.received_at)):
            seconds = int((turn.until - turn.since).total_seconds())
            whole += seconds
            with_vendor += seconds if turn.leg is Leg.VENDOR else 0
    return Share(met=with_vendor, of=whole)
