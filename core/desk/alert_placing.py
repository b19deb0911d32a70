"""Where does an alert go that fires? What is around it is fetched, the rule is asked, and what it says is done.

`rules.correlation.place` decides; tickets are made and joined in core.desk.alert_tickets.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from core.alerting import Severity
from core.desk import (
    account_managers,
    alert_cover,
    alert_incidents,
    alert_rows,
    alert_tickets,
    maintenance,
    people,
    reference,
    shared_assets,
)
from core.desk.alert_sources import AlertSource
from core.rules import correlation
from core.rules.correlation import Place, Placed, Scene, Ticket
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

alert, ticket = tables.alert, tables.ticket

_STORMS = Prepared(
    select(ticket.c.id, ticket.c.flags)
    .where(
        ticket.c.open,
        ticket.c.id.in_(
            select(alert.c.ticket_id).where(
                alert.c.customer == bindparam("customer"),
                alert.c.site == bindparam("site"),
                alert.c.firing,
                alert.c.placed_at >= bindparam("since", type_=Instant),
            )
        ),
    )
    .order_by(ticket.c.id)
)
STORED_ONLY = "alerts_without_contract"
"""Kind of the task of an account manager, once a day."""
STANDS = ("firing", "acknowledged")
"""What an alert that fires is where it waits for nothing and hangs on nothing; who acknowledged it has done so wherever it goes."""
EXPLAINS = ("held", "suppressed")
"""How an alert stands that explains others before it has a ticket."""
WAITS = {Place.HELD: "held", Place.MAINTENANCE: "maintenance"}


def foresee(
    tx: Tx, alert_id: str, source: AlertSource, customer: str | None, site: str, *, now: datetime
) -> None:
    """`settle` is the next that is asked of an alert which began."""
    alert_rows.foresee(tx, alert_id)
    maintenance.foresee(tx, customer, now=now)
    if customer and not source.hold:
        tx.foresee(_STORMS, customer=customer, site=site, since=now - correlation.STORM_WITHIN)


def settle(tx: Tx, alert_id: str, source: AlertSource, *, begun: bool = False, now: datetime) -> None:
    """Ask where the alert goes now, and bring it there. An alert that has its ticket in this episode stays where it is.

    `begun`: the episode is a moment old, and has none.
    """
    row = alert_rows.one(tx, alert_id)
    if row is None or not row.firing or (not begun and _placed(tx, row)):
        return
    held = maintenance.holding(tx, row, now=now)
    decided = correlation.place(_scene(tx, row, source, held, now=now), now=now)
    if row.status == WAITS[Place.MAINTENANCE] and decided.place is not Place.MAINTENANCE:
        alert_rows.change(tx, row.id, hidden=False)
        alert_rows.decide(tx, row, "after_maintenance", now=now)
    if decided.place is Place.MAINTENANCE:
        assert held is not None
        _under_maintenance(tx, row, held, now=now)
    elif decided.place is Place.HELD:
        _hold(tx, row, decided, now=now)
    elif decided.place is Place.STORED:
        _no_contract(tx, row, now=now)
    elif decided.place is Place.SUPPRESSED:
        _under(tx, row, source, now=now)
    else:
        _to_ticket(tx, row, source, decided, now=now)
    if row.status in EXPLAINS and decided.place is not Place.HELD:
        # It calls nobody, or has its ticket, to which belongs what waited for it.
        alert_rows.ask_below(tx, row.id, now=now)


def worse(tx: Tx, row: Row, severity: Severity, *, now: datetime) -> None:
    """What was for information only is more than that now, maybe of what somebody acknowledged then: it is asked again."""
    if row.status in STANDS and severity is not Severity.INFO:
        settle(tx, row.id, reference.alert_source(tx, row.source), now=now)


def _placed(tx: Tx, row: Row) -> bool:
    """Has it got its ticket in this episode already?"""
    return alert_rows.ticket_now(tx, row.id) is not None


def _scene(tx: Tx, row: Row, source: AlertSource, held: maintenance.Held | None, *, now: datetime) -> Scene:
    asset = people.asset(tx, row.customer, row.asset) if row.customer and row.asset else None
    direct = asset is not None and asset.always_page
    hold = timedelta(0) if direct else source.hold
    flapping = row.flapping_since is not None
    waits = correlation.held_until(row.received_at, hold, flapping=flapping, now=now) is not None
    # What is near decides nothing while it waits, nor where a storm is known: then there are hundreds.
    storm = None if waits else _storm(tx, row, now=now)
    near = [] if waits or storm is not None else _near(tx, row, now=now)
    parent = _parent(tx, row)
    names = alert_rows.names_of(row)
    return Scene(
        begun_at=row.received_at,
        severity=Severity(row.severity),
        store_only=not _stands(tx, row, source, asset),
        window_until=held.until if held is not None else None,
        hold=hold,
        flapping=flapping,
        parent=parent.id if parent is not None else None,
        own=_ticket(tx, row.ticket_id, of=row.customer),
        of_asset=_of_asset(tx, row, now=now),
        storm_ticket=storm,
        shared=not waits and parent is None and alert_incidents.storm(tx, row, now=now) is not None,
        companions=tuple(
            one.placed_at for one in near if one.parent_alert is None and not names & set(one.above)
        ),
        info_opens=source.info_opens,
    )


def _stands(tx: Tx, row: Row, source: AlertSource, asset: people.Asset | None) -> bool:
    """Does a contract stand for it, or does it concern other customers for whom one may?"""
    if asset is not None and shared_assets.below(tx, (asset.customer, asset.name)):
        return True
    found = alert_cover.decision(
        tx, source, customer=row.customer, asset=asset, name=row.asset, site=row.site, at=row.received_at
    )
    return found != alert_cover.STORED


def _ticket(tx: Tx, ticket_id: str | None, *, of: str | None = None) -> Ticket | None:
    """The ticket, or the one that it was joined to. None too, if it is another customer's than `of`: the source was theirs before."""
    found = alert_tickets.standing(tx, ticket_id) if ticket_id else None
    if found is None or (of and found.customer and found.customer != of):
        return None
    return Ticket(
        id=found.id,
        open=found.open,
        solved_at=found.resolved_at if found.state == "resolved" else None,
        ended_at=found.resolved_at or found.closed_at,
    )


def _of_asset(tx: Tx, row: Row, *, now: datetime) -> Ticket | None:
    if not row.customer or not row.asset:
        return None
    since = now - correlation.SAME_ASSET
    for ticket_id in alert_rows.tickets_of_asset(tx, row.customer, row.asset, since=since):
        found = _ticket(tx, ticket_id)
        if found is not None and found.open:
            return found
    return _ticket(tx, alert_incidents.open_storm(tx, (row.customer, row.asset)))


def _near(tx: Tx, row: Row, *, now: datetime) -> list[Row]:
    """Other alerts of the same customer and site that became tickets, or would, just now."""
    if not row.customer:
        return []
    since = now - correlation.STORM_WITHIN
    there = alert_rows.firing_at(tx, row.customer, row.site, since=since)
    return [one for one in there if one.id != row.id]


def _storm(tx: Tx, row: Row, *, now: datetime) -> str | None:
    """The open ticket of a storm at its site."""
    if not row.customer:
        return None
    since = now - correlation.STORM_WITHIN
    there = tx.all(_STORMS, customer=row.customer, site=row.site, since=since)
    return next((str(one.id) for one in there if alert_tickets.STORM in one.flags), None)


def _parent(tx: Tx, row: Row) -> Row | None:
    """The alert of the nearest thing above that fires, and is somebody's: what hangs on one whose ticket was ended would call nobody."""
    if not row.customer or not row.above:
        return None
    for name in row.above:
        for one in alert_rows.named(tx, *shared_assets.read(tx, name, of=row.customer)):
            # What is itself put down to this alarm explains nothing of it: in a circle nobody would be called.
            if one.id != row.id and not alert_rows.hangs_on(tx, one, row.id) and not _given_up(tx, one):
                return one
    return None


def _given_up(tx: Tx, row: Row) -> bool:
    """It fires, and a person ended the ticket that it has in this episode."""
    found = _ticket(tx, row.ticket_now)
    return found is not None and not found.open


# --- What is done -----------------------------------------------------------------------------------------


def _hold(tx: Tx, row: Row, decided: Placed, *, now: datetime) -> None:
    assert decided.until is not None
    _wait(tx, row, WAITS[Place.HELD], decided.until, now=now)
    alert_rows.change(tx, row.id, placed_at=decided.until)


def _under_maintenance(tx: Tx, row: Row, held: maintenance.Held, *, now: datetime) -> None:
    """Somebody works there: it calls nobody, and is asked again when the last of the windows ends."""
    _wait(tx, row, WAITS[Place.MAINTENANCE], held.until, now=now, window=held.windows[0])
    alert_rows.change(tx, row.id, hidden=held.hidden)


def _wait(tx: Tx, row: Row, status: str, until: datetime, *, now: datetime, **why: str) -> None:
    if row.status != status:
        alert_rows.change(tx, row.id, status=status)
        alert_rows.decide(tx, row, status, now=now, until=until.isoformat(), **why)
    alert_rows.ask_again(tx, row.id, due=until, now=now)


def _standing(row: Row) -> str:
    return str(row.status) if row.status in STANDS else "firing"


def _placed_at(row: Row, *, now: datetime) -> datetime:
    """Since when it waits no longer."""
    return now if row.placed_at is None else min(row.placed_at, now)


def _no_contract(tx: Tx, row: Row, *, now: datetime) -> None:
    """Kept, nobody is called, and whoever looks after the customer hears of it once a day."""
    alert_rows.change(tx, row.id, status=_standing(row), placed_at=_placed_at(row, now=now))
    alert_rows.decide(tx, row, "stored", now=now)
    day = now.astimezone(tx.facts.zone).date().isoformat()
    account_managers.ask(
        tx,
        row.customer,
        STORED_ONLY,
        once=f"{STORED_ONLY}:{row.customer}:{day}",
        now=now,
        summary=row.summary or row.event,
    )


def _under(tx: Tx, row: Row, source: AlertSource, *, now: datetime) -> None:
    parent = _parent(tx, row)
    assert parent is not None
    if (row.status, row.parent_alert) != ("suppressed", parent.id):
        alert_rows.change(tx, row.id, status="suppressed", parent_alert=parent.id)
        name = parent.asset or parent.resource
        alert_rows.decide(tx, row, "suppressed", now=now, parent=parent.id, name=name)
    if parent.ticket_now is not None:
        own = parent.customer == row.customer
        into = parent.ticket_now
        if not own:
            began = alert_tickets.waited(row, now=now)
            into = alert_incidents.part_for(tx, row, parent, source, began=began, now=now)
        alert_tickets.attach(tx, row, into, why="parent", now=now)


def _to_ticket(tx: Tx, row: Row, source: AlertSource, decided: Placed, *, now: datetime) -> None:
    began = alert_tickets.waited(row, now=now)
    alert_rows.change(
        tx, row.id, status=_standing(row), parent_alert=None, placed_at=_placed_at(row, now=now)
    )
    if decided.place is Place.QUIET:
        alert_rows.decide(tx, row, "quiet", now=now)
        return
    if decided.place is Place.REOPEN:
        assert decided.ticket is not None
        alert_tickets.reopen(tx, row, decided.ticket, now=now)
        alert_incidents.follow(tx, row, source, began=began, now=now)
        return
    if decided.place is Place.SHARED:
        thing = alert_incidents.storm(tx, row, now=now)
        assert thing is not None
        alert_incidents.gather(tx, row, source, thing, began=began, now=now)
        return
    if decided.ticket is not None:
        alert_tickets.attach(tx, row, decided.ticket, why=str(decided.place), now=now)
    elif decided.place is Place.STORM:
        alert_tickets.open_storm(tx, row, source, _near(tx, row, now=now), now=now)
    else:
        alert_tickets.open_one(tx, row, source, recurrence_of=decided.recurrence_of, now=now)
    _take_over(tx, row, now=now)
    alert_incidents.follow(tx, row, source, began=began, now=now)


def _take_over(tx: Tx, row: Row, *, now: datetime) -> None:
    """What hangs on it and began shortly before is explained by it: theirs go to its ticket."""
    placed = alert_rows.one(tx, row.id)
    if placed is None or placed.ticket_id is None or not row.customer:
        return
    since = row.received_at - correlation.TAKES_OVER
    children = {
        child.id: child
        for name in alert_rows.names_of(row)
        for child in alert_rows.below(tx, row.customer, name, since=since)
        if child.id != row.id
    }
    for child in children.values():
        if child.status in ("held", "maintenance"):
            continue  # it finds its parent when its wait is over
        if child.ticket_id == placed.ticket_id and child.parent_alert is not None:
            continue
        before = child.ticket_id
        alert_rows.change(tx, child.id, status="suppressed", parent_alert=row.id)
        alert_rows.decide(tx, child, "taken_over", now=now, parent=row.id, name=row.asset or row.resource)
        if before is None or not alert_tickets.joins(tx, before, placed.ticket_id, now=now):
            alert_tickets.attach(tx, child, placed.ticket_id, why="parent", now=now)
    if children:
        alert_tickets.call_by_cause(tx, row, placed.ticket_id, now=now)
