"""When is somebody working on it? Windows in which alerts of a customer, a site, a thing or a label call nobody (monitoring.md 5).

People plan them (core.desk.windows); here are those that make themselves: of a visit that is agreed, and of a downtime that a source
tells of. An alert that lies in a window has a timer at its end (core.desk.alert_placing); whatever shortens a window, or takes it
away, wakes the alerts in it at once: each asks anew where it goes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, literal, select

from core.desk import alert_rows, case, people, reference, shared_assets
from core.ids import derived_id
from core.rules import correlation, windows
from core.rules.correlation import Work
from core.rules.windows import Span, Window
from core.store import tables, work
from core.store.columns import Id, Instant
from core.store.tx import Prepared, Row, Tx

ASKED, PLANNED, ENDED, CANCELLED = "asked", "planned", "ended", "cancelled"
MUTE, STORE_ONLY = "mute", "store_only"
MODES = (MUTE, STORE_ONLY)
"""An alert in it is shown and calls nobody; or boards do not show it either."""
BY_PERSON, BY_VISIT, BY_SOURCE = "person", "visit", "source"
"""Who made a window known, before the colon of `source`; behind it the number of the ticket, or the name of the alert source."""
THERE = timedelta(hours=24)
"""How long a downtime counts that a source tells of and never ends, and somebody on site who never says that they left."""
LONGER, BEFORE_END = timedelta(minutes=30), timedelta(minutes=5)
"""By how much the window of a visit goes on while somebody is there, and how long before its end that is decided."""
TELL = "maintenance"
"""Whoever shows windows is told of changes under this word."""

window, alert = tables.maintenance_window, tables.alert

BY_ID = Prepared(select(window).where(window.c.id == bindparam("id", type_=Id)))
_BY_ID_LOCKED = Prepared(select(window).where(window.c.id == bindparam("id", type_=Id)).with_for_update())
_OF_CUSTOMER = Prepared(
    select(window).where(
        window.c.customer == bindparam("customer"),
        window.c.over_at > bindparam("now", type_=Instant),
        window.c.state == literal(PLANNED),
    )
)
_WAITING = Prepared(
    select(alert.c.id).where(
        alert.c.customer == bindparam("customer"),
        alert.c.firing,
        alert.c.status == literal("maintenance"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What an alert lies in."""

    until: datetime
    """Of all windows that match, the latest end."""
    windows: tuple[str, ...]
    """Ids; the first is the one that ends last."""
    hidden: bool
    """One of them is not shown on boards."""


def covers(one: Row, *, site: str, asset: str | None, above: Collection[str]) -> bool:
    """Is such a thing within a window, whatever its alerts' labels? `above`: what it hangs on, as shared_assets.written has it."""
    if one.site and one.site != site:
        return False
    # Who works on a switch takes down what hangs on it.
    return not one.asset or one.asset == asset or one.asset.lower() in above


def foresee(tx: Tx, customer: str | None, *, now: datetime) -> None:
    """`holding` is going to be asked."""
    tx.foresee(_OF_CUSTOMER, now=now, customer=customer or "")


def holding(tx: Tx, row: Row, *, now: datetime) -> Held | None:
    """The windows that an alert lies in now; None: nobody is working there."""
    planned = tx.all(_OF_CUSTOMER, now=now, customer=row.customer or "")
    for owner in _owners(tx, row):
        planned += [one for one in tx.all(_OF_CUSTOMER, now=now, customer=owner) if one.asset]
    found = [
        (span.until, one)
        for one in planned
        if _matches(one, row) and (span := windows.at(rule_of(one), now)) is not None
    ]
    if not found:
        return None
    found.sort(key=lambda one: one[0], reverse=True)
    return Held(
        until=found[0][0],
        windows=tuple(one.id for _, one in found),
        hidden=any(one.mode == STORE_ONLY for _, one in found),
    )


def _owners(tx: Tx, row: Row) -> list[str]:
    """Other customers whose things it hangs on."""
    if row.root is None:
        return []
    things = (shared_assets.read(tx, text, of=row.customer) for text in row.above)
    return list(dict.fromkeys(owner for owner, _ in things if owner != row.customer))


def _matches(one: Row, row: Row) -> bool:
    if one.alert_id is not None:
        return bool(one.alert_id == row.id)
    name, _, value = one.tag.partition("=")
    if one.customer not in ("", row.customer):
        # Whoever works on a thing of theirs takes down what hangs on it.
        here = shared_assets.written((one.customer, one.asset), of=row.customer) in row.above
    else:
        here = covers(one, site=row.site, asset=row.asset, above=row.above)
    return here and (not one.tag or row.about.get("labels", {}).get(name) == value)


def rule_of(row: Row) -> Window:
    """A row as the rule takes it."""
    return Window(
        since=row.since, until=row.until, rule=row.rrule, zone=row.zone or "UTC", ended_at=row.ended_at
    )


def going_on(row: Row, *, now: datetime) -> Span | None:
    """The occurrence that goes on; None: none does, or it is not planned."""
    return windows.at(rule_of(row), now) if row.state == PLANNED else None


def locked(tx: Tx, window_id: str) -> Row | None:
    """The row of a window, until the end of the transaction nobody else's to change."""
    row: Row | None = tx.one(BY_ID if tx.is_sqlite else _BY_ID_LOCKED, id=window_id)
    return row


def change(tx: Tx, row: Row, *, now: datetime, **values: Any) -> None:
    """Change its columns. Alerts that lie in it, as it was, ask anew where they go.

    Where it goes on, an alert may just be finding its way into it: it is waited for, and seen. What is of one alert holds it from
    when it is told, also where the clock was set back since.
    """
    holds = row.alert_id is not None or going_on(row, now=now) is not None
    if holds:
        alert_rows.meet(tx, row.customer or None, row.source.partition(":")[2])
    tx.update(window, {"id": row.id}, **values)
    tx.tell(TELL)
    if not holds:
        return
    waiting = (
        [row.alert_id]
        if row.alert_id is not None
        else [one.id for customer in _reach(tx, row) for one in tx.all(_WAITING, customer=customer)]
    )
    for alert_id in waiting:
        work.hasten(tx, shard=alert_id, key=alert_rows.TIMER, now=now)


def _reach(tx: Tx, row: Row) -> list[str]:
    """Customers whose alerts may lie in it: its own, and where it is of a thing all that hang together."""
    groups = shared_assets.net(tx).groups
    together = groups.get(row.customer) if row.asset else None
    return [row.customer, *(one for one, of in groups.items() if of == together and one != row.customer)]


def record(tx: Tx, kind: str, window_id: str, *, now: datetime, actor: str, **about: Any) -> None:
    """One event of administration."""
    case.record(
        tx, case.ADMINISTRATION, f"maintenance.{kind}", now=now, actor=actor, window=window_id, **about
    )


def zone_of(tx: Tx, customer: str, site: str) -> str:
    """Whose clocks a window follows: the site's, the customer's, else the hub's."""
    of_site = reference.desk(tx).sites.get((customer, site))
    if of_site is not None and of_site.time_zone:
        return of_site.time_zone
    known = reference.customer(tx, customer)
    return known.time_zone if known is not None else tx.facts.zone.key


# --- Of a visit --------------------------------------------------------------------------------------------


def visit_agreed(of: case.Case, visit: Row) -> None:
    """Somebody comes to a site at this time: its devices call nobody meanwhile. Another time moves the window."""
    if not any(one.site == visit.site for one in people.assets(of.tx, visit.customer) if visit.site):
        return
    values = {
        "since": visit.window_start,
        "until": visit.window_end,
        "over_at": visit.window_end,
        "state": PLANNED,
        "ended_at": None,
    }
    identity = _of_visit(visit)
    before = locked(of.tx, identity)
    if before is not None:
        change(of.tx, before, now=of.now, **values)
    else:
        about = {"customer": visit.customer, "site": visit.site, "zone": visit.time_zone}
        _add(of.tx, identity, f"{BY_VISIT}:{of['number']}", created_at=of.now, **about, **values)
    record(of.tx, "planned", identity, now=of.now, actor="system", ticket=of["number"])


def visit_asks(tx: Tx, visit: Row, *, now: datetime) -> datetime | None:
    """When its window must be looked at while somebody is there; None: it has none, or nobody is believed to be there any more."""
    row = tx.one(BY_ID, id=_of_visit(visit))
    if row is None or row.state != PLANNED or now - visit.arrived_at >= THERE:
        return None
    return row.until - BEFORE_END  # type: ignore[no-any-return]


def visit_stays(of: case.Case, visit: Row) -> None:
    """Somebody is there still, or came late: the window does not end before they leave."""
    due = visit_asks(of.tx, visit, now=of.now)
    if due is None or due > of.now:
        return
    row = locked(of.tx, _of_visit(visit))
    assert row is not None
    until = of.now + LONGER
    of.tx.update(window, {"id": row.id}, until=until, over_at=until)
    of.tx.tell(TELL)


def visit_over(of: case.Case, visit: Row) -> None:
    """Nobody is there any more, or nobody comes: devices of the site count again."""
    row = locked(of.tx, _of_visit(visit))
    if row is None or row.state != PLANNED or row.over_at <= of.now:
        return
    begun = row.since < of.now
    state = ENDED if begun else CANCELLED
    change(of.tx, row, now=of.now, state=state, ended_at=of.now, over_at=of.now)
    record(of.tx, state, row.id, now=of.now, actor="system", ticket=of["number"])


def _of_visit(visit: Row) -> str:
    return derived_id(0, "maintenance", "visit", visit.id)


# --- Of a source -------------------------------------------------------------------------------------------


def source_says(
    tx: Tx, alert_id: str, about: Mapping[str, Any], *, said_at: datetime | None = None, now: datetime
) -> None:
    """A source works on one of its problems: this alert of its calls nobody, until it says that it is over, for THERE at most.

    `about`: columns of the alert. `said_at`: when it said so, by its own clock; None: that is not known.
    """
    identity, until = _of_source(alert_id), now + THERE
    begins = {"since": min(said_at or now, now), "said_at": said_at, "created_at": now}
    values = {"until": until, "over_at": until, "state": PLANNED, "ended_at": None}
    named = _named(about)
    before = locked(tx, identity)
    if before is None:
        _add(
            tx,
            identity,
            f"{BY_SOURCE}:{about['source']}",
            alert_id=alert_id,
            **named,
            **begins,
            **values,
        )
    elif going_on(before, now=now) is not None:
        tx.update(window, {"id": identity}, **named, **values)
    else:
        tx.update(window, {"id": identity}, **named, **begins, **values)
    tx.tell(TELL)


def source_learns(tx: Tx, alert_id: str, about: Mapping[str, Any]) -> None:
    """Somebody said whose the alert is, and which thing: the downtime that its source told of is theirs, too. `about`: columns of the alert."""
    named = _named(about)
    tx.update(window, {"id": _of_source(alert_id)}, **named)
    tx.tell(TELL)


def _named(about: Mapping[str, Any]) -> dict[str, str]:
    return {"customer": about["customer"] or "", "site": about["site"], "asset": about["asset"] or ""}


def source_over(tx: Tx, alert_id: str, *, now: datetime) -> None:
    """The source says that its downtime is over."""
    _end_of_source(tx, _told_of(tx, alert_id, now=now), now=now)


def source_speaks(
    tx: Tx, alert_id: str, *, said_at: datetime | None, received_at: datetime, again: bool, now: datetime
) -> None:
    """It never says so, and speaks of the problem itself: see correlation.ends_work."""
    row = _told_of(tx, alert_id, now=now)
    if row is not None and correlation.ends_work(
        Work(told_at=row.created_at, said_at=row.said_at),
        said_at=said_at,
        received_at=received_at,
        again=again,
    ):
        _end_of_source(tx, row, now=now)


def _told_of(tx: Tx, alert_id: str, *, now: datetime) -> Row | None:
    row = tx.one(BY_ID, id=_of_source(alert_id))
    # By a clock set back it has not begun.
    return row if row is not None and row.state == PLANNED and row.over_at > now else None


def _end_of_source(tx: Tx, row: Row | None, *, now: datetime) -> None:
    if row is not None:
        change(tx, row, now=now, state=ENDED, ended_at=now, over_at=now)


def _of_source(alert_id: str) -> str:
    return derived_id(0, "maintenance", "source", alert_id)


def _add(tx: Tx, identity: str, source: str, **values: Any) -> None:
    tx.insert(window, id=identity, source=source, created_by="system", **values)
    tx.tell(TELL)
