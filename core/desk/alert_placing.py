"""Where does an alert go that fires? What is around it is fetched, the rule is asked, and what it says is done.

`rules.correlation.place` decides; tickets are made and joined in core.desk.alert_tickets.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from core.alerting import Severity
from core.desk import account_managers, alert_rows, alert_tickets, maintenance, people, reference
from core.desk.alert_sources import AlertSource
from core.envelope import Trust
from core.rules import correlation, entitlement
from core.rules.correlation import Place, Placed, Scene, Ticket
from core.store import tables, work
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

ticket = tables.ticket

_TICKET = Prepared(
    select(
        ticket.c.id, ticket.c.open, ticket.c.state, ticket.c.flags, ticket.c.resolved_at, ticket.c.closed_at
    ).where(ticket.c.id == bindparam("id", type_=Id))
)
STORED_ONLY = "alerts_without_contract"
"""Kind of the task of an account manager, once a day."""
WAITS = {Place.HELD: "held", Place.MAINTENANCE: "maintenance"}


def settle(tx: Tx, alert_id: str, source: AlertSource, *, now: datetime) -> None:
    """Ask where the alert goes now, and bring it there. An alert that has its ticket in this episode stays where it is."""
    row = alert_rows.one(tx, alert_id)
    if row is None or not row.firing or _placed(tx, row):
        return
    decided = correlation.place(_scene(tx, row, source, now=now), now=now)
    if decided.place in WAITS:
        _wait(tx, row, decided, now=now)
    elif decided.place is Place.STORED:
        _no_contract(tx, row, now=now)
    elif decided.place is Place.SUPPRESSED:
        _under(tx, row, now=now)
    else:
        _to_ticket(tx, row, source, decided, now=now)


def worse(tx: Tx, row: Row, severity: Severity, *, now: datetime) -> None:
    """What was for information only is more than that now: it is asked again."""
    if row.ticket_id is None and row.status == "firing" and severity is not Severity.INFO:
        source = reference.desk(tx).alert_sources.get(row.source) or AlertSource(name=row.source, kind="auto")
        settle(tx, row.id, source, now=now)


def _placed(tx: Tx, row: Row) -> bool:
    """Has it got its ticket in this episode already?"""
    last = tx.one(_EPISODE_TICKET, alert_id=row.id, n=row.episode)
    return last is not None and last.ticket_id is not None


_EPISODE_TICKET = Prepared(
    select(tables.alert_episode.c.ticket_id).where(
        tables.alert_episode.c.alert_id == bindparam("alert_id", type_=Id),
        tables.alert_episode.c.n == bindparam("n"),
    )
)


def _scene(tx: Tx, row: Row, source: AlertSource, *, now: datetime) -> Scene:
    asset = people.asset(tx, row.customer, row.asset) if row.customer and row.asset else None
    direct = asset is not None and asset.always_page
    hold = timedelta(0) if direct else source.hold
    waits = row.received_at + hold > now and row.flapping_since is None
    near = [] if waits else _near(tx, row, now=now)  # which decides nothing while it waits
    names = alert_rows.names_of(row)
    return Scene(
        begun_at=row.received_at,
        severity=Severity(row.severity),
        store_only=_store_only(tx, row, source, asset, now=now),
        window_until=maintenance.until(tx, row, now=now),
        hold=hold,
        flapping=row.flapping_since is not None,
        parent=parent.id if (parent := _parent(tx, row)) is not None else None,
        own=_ticket(tx, row.ticket_id),
        of_asset=_of_asset(tx, row, now=now),
        storm_ticket=_storm(tx, near),
        companions=tuple(
            one.placed_at for one in near if one.parent_alert is None and not names & set(one.above)
        ),
        info_opens=source.info_opens,
    )


def _ticket(tx: Tx, ticket_id: str | None) -> Ticket | None:
    """The ticket, or the one that it was joined to."""
    found = alert_tickets.standing(tx, ticket_id) if ticket_id else None
    if found is None:
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
    return None


def _near(tx: Tx, row: Row, *, now: datetime) -> list[Row]:
    """Other alerts of the same customer and site that became tickets, or would, just now."""
    if not row.customer:
        return []
    since = now - correlation.STORM_WITHIN
    there = alert_rows.firing_at(tx, row.customer, row.site, since=since)
    return [one for one in there if one.id != row.id]


def _storm(tx: Tx, near: list[Row]) -> str | None:
    for ticket_id in dict.fromkeys(one.ticket_id for one in near if one.ticket_id):
        found = tx.one(_TICKET, id=ticket_id)
        if found is not None and found.open and alert_tickets.STORM in found.flags:
            return str(found.id)
    return None


def _parent(tx: Tx, row: Row) -> Row | None:
    """The alert of the nearest thing above that fires."""
    if not row.customer or not row.above:
        return None
    for name in row.above:
        there = alert_rows.named(tx, row.customer, name)
        found = next((one for one in there if one.id != row.id), None)
        if found is not None:
            return found
    return None


def _store_only(tx: Tx, row: Row, source: AlertSource, asset: people.Asset | None, *, now: datetime) -> bool:
    """Does no contract stand for it?"""
    customer = reference.customer(tx, row.customer) if row.customer else None
    if customer is None:
        return False
    desk = reference.desk(tx)
    verdict = entitlement.check(
        entitlement.Asked(
            at=row.received_at,
            channel=alert_tickets.CHANNEL,
            trust=Trust.VERIFIED,
            customer=customer.code,
            request_type=source.request_type or None,
            technology=(asset.technology if asset else "") or source.technology or None,
            asset=row.asset,
            asset_known=asset is not None,
            site=row.site or None,
            from_alert_source=True,
            page_anyway=source.page_anyway,
            always_page=asset is not None and asset.always_page,
        ),
        reference.contracts(tx, customer.code),
        window=desk.window,
        policy=customer.policy,
    )
    return verdict.decision == "store_alert_only"


# --- What is done -----------------------------------------------------------------------------------------


def _wait(tx: Tx, row: Row, decided: Placed, *, now: datetime) -> None:
    assert decided.until is not None
    status = WAITS[decided.place]
    if row.status != status:
        alert_rows.decide(tx, row, status, now=now, until=decided.until.isoformat())
    alert_rows.change(
        tx, row.id, status=status, placed_at=decided.until if decided.place is Place.HELD else row.placed_at
    )
    set_timer(tx, row.id, decided.until, now=now)


def set_timer(tx: Tx, alert_id: str, due: datetime, *, now: datetime) -> None:
    """Ask again then."""
    work.set_timer(
        tx, shard=alert_id, key=alert_rows.TIMER, kind=alert_rows.TIMER, payload={}, due=due, now=now
    )


def _no_contract(tx: Tx, row: Row, *, now: datetime) -> None:
    """Kept, nobody is called, and whoever looks after the customer hears of it once a day."""
    alert_rows.change(tx, row.id, status="firing")
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


def _under(tx: Tx, row: Row, *, now: datetime) -> None:
    parent = _parent(tx, row)
    assert parent is not None
    alert_rows.change(tx, row.id, status="suppressed", parent_alert=parent.id)
    alert_rows.decide(tx, row, "suppressed", now=now, parent=parent.id, name=parent.asset or parent.resource)
    if parent.ticket_id is not None:
        alert_tickets.attach(tx, row, parent.ticket_id, why="parent", now=now)


def _to_ticket(tx: Tx, row: Row, source: AlertSource, decided: Placed, *, now: datetime) -> None:
    values: dict[str, Any] = {"status": "firing"}
    if row.placed_at is None or row.placed_at > now:
        values["placed_at"] = now
    alert_rows.change(tx, row.id, **values)
    if decided.place is Place.QUIET:
        alert_rows.decide(tx, row, "quiet", now=now)
        return
    if decided.place is Place.REOPEN:
        assert decided.ticket is not None
        alert_tickets.reopen(tx, row, decided.ticket, now=now)
        return
    if decided.ticket is not None:
        alert_tickets.attach(tx, row, decided.ticket, why=str(decided.place), now=now)
    elif decided.place is Place.STORM:
        alert_tickets.open_storm(tx, row, source, _near(tx, row, now=now), now=now)
    else:
        alert_tickets.open_one(tx, row, source, recurrence_of=decided.recurrence_of, now=now)
    _take_over(tx, row, now=now)


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
