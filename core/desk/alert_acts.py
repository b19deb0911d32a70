"""What do people decide about an alarm? Whose it is, which ticket it belongs to, that it needs one now, that somebody knows of it.

Each is one transaction, and is written among the decisions of the alarm. Raises NotFound for what is out of scope, also for contacts.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from sqlalchemy import bindparam, func, select

from core.alerting import AlertFact, Status
from core.desk import (
    acts,
    alert_incidents,
    alert_names,
    alert_placing,
    alert_returns,
    alert_rows,
    alert_tickets,
    alert_views,
    describing,
    maintenance,
    page_answers,
    people,
    placing,
    reference,
)
from core.desk.alert_sources import AlertSource
from core.desk.case import Case
from core.desk.errors import Forbidden, NotFound, Refused, invalid
from core.desk.people import Asset
from core.desk.principal import Principal
from core.desk.scope import find_to_act
from core.store import tables
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

MAX_TEXT = 1_000
"""Characters of what somebody says with an acknowledgement."""
ALIKE = 200
"""Alarms of one name that are told at once whose they are."""

_ALIKE = Prepared(
    select(tables.alert)
    .where(
        tables.alert.c.firing,
        alert_rows.by_source == bindparam("source"),
        func.lower(tables.alert.c.resource) == bindparam("resource"),
        tables.alert.c.id != bindparam("id", type_=Id),
        # What is known to be another customer's only has the same name.
        tables.alert.c.customer.is_(None) | (tables.alert.c.customer == bindparam("customer")),
    )
    .limit(ALIKE)
)


def acknowledge(tx: Tx, who: Principal, alert_id: str, *, text: str = "", now: datetime) -> None:
    """Somebody knows of it. Whoever was called to its ticket is called no more. Raises Refused when it does not fire for itself."""
    row = _begin(tx, who, alert_id)
    said = acts.plain(text) if text.strip() else ""
    if len(said) > MAX_TEXT:
        raise invalid("/text", f"at most {MAX_TEXT} characters")
    if row.status == "acknowledged":
        raise Refused("somebody has acknowledged it already", code="acknowledged")
    if not row.firing or row.status != "firing":
        raise Refused(
            f"it is {row.status}: only what fires for itself can be acknowledged", code="not_firing"
        )
    alert_rows.change(tx, row.id, status="acknowledged")
    alert_rows.decide(tx, row, "acknowledged_by", now=now, by=who.id, text=said)
    alert_returns.of_alert(tx, row.id, now=now)
    found = alert_tickets.standing(tx, row.ticket_id) if row.ticket_id else None
    if found is None or not found.open:
        return
    case = Case.open(tx, found.id, now=now)
    case.event("alert.acknowledged", actor=who.actor, alert=row.id)
    case.save()
    with suppress(NotFound, Forbidden, Refused):  # nobody called them
        page_answers.know(tx, who, found.number, now=now, how="alarm")


def attach(tx: Tx, who: Principal, alert_id: str, number: str, *, now: datetime) -> None:
    """It belongs to this ticket, which is an incident then if others hang on what is down, with the parts there are already. Raises Refused when it is over, or the ticket has ended or is another customer's.

    Raises NotFound for a ticket out of scope.
    """
    row = _begin(tx, who, alert_id)
    _still(row)
    found = find_to_act(tx, who, number.strip())
    if not found.open:
        raise Refused(
            f"{found.number} is {found.state}: reopen it, or open a ticket for the alarm", code="ended"
        )
    if found.id == row.ticket_id:
        raise Refused(f"it belongs to {found.number} already", code="belongs")
    if row.customer and found.customer and row.customer != found.customer:
        raise Refused(
            f"{found.number} is a request of {found.customer}, and the alarm is of {row.customer}",
            code="other_customer",
        )
    before = row.ticket_id
    if before is not None:
        _leave(tx, before, row, who, to=found.number, now=now)
    alert_rows.change(tx, row.id, status=_stands(row), placed_at=row.placed_at or now)
    alert_rows.decide(tx, row, "attached_by", now=now, by=who.id)
    alert_tickets.attach(tx, row, found.id, why="by_hand", actor=who.actor, now=now)
    if row.customer == found.customer:
        source = reference.alert_source(tx, row.source)
        stay = alert_incidents.take_along(tx, row, source, before, found.id, now=now) if before else set()
        alert_incidents.follow(tx, row, source, but=stay, began=alert_tickets.waited(row, now=now), now=now)


def _leave(tx: Tx, ticket_id: str, row: Row, who: Principal, *, to: str, now: datetime) -> None:
    before = alert_tickets.standing(tx, ticket_id)
    if before is not None:
        case = Case.open(tx, before.id, now=now)
        case.event("alert.moved", actor=who.actor, alert=row.id, to=to)
        case.save()


def _stands(row: Row) -> str:
    return "acknowledged" if row.status == "acknowledged" else "firing"


def open_ticket(tx: Tx, who: Principal, alert_id: str, *, now: datetime) -> str:
    """It does not wait any longer; return the ticket's number. Raises Refused when it is over, or is worked on already."""
    row = _begin(tx, who, alert_id)
    _still(row)
    before = alert_tickets.standing(tx, row.ticket_id) if row.ticket_id else None
    if before is not None and before.open:
        raise Refused(f"it is worked on already: {before.number}", code="working")
    source = reference.alert_source(tx, row.source)
    alert_rows.change(tx, row.id, status=_stands(row), placed_at=now, parent_alert=None)
    alert_rows.decide(tx, row, "opened_by", now=now, by=who.id)
    made = alert_tickets.open_one(tx, row, source, recurrence_of=None, now=now)
    alert_incidents.follow(tx, row, source, began=alert_tickets.waited(row, now=now), now=now)
    return Case.open(tx, made, now=now)["number"]  # type: ignore[no-any-return]


def name(
    tx: Tx, who: Principal, alert_id: str, *, customer: str, asset: str | None = None, now: datetime
) -> int:
    """Say whose it is and which thing; the source means that by this name from now on. Its ticket learns it, as far as it knew nothing.

    Return how many other alarms that fire by the same name, and are nobody else's, learned it too. Raises Invalid for a customer or an
    asset there is not, and for another customer than the source's own or the one its label names.
    """
    row = _begin(tx, who, alert_id)
    acts.only_staff(who)
    source = reference.alert_source(tx, row.source)
    code, thing = _known(tx, source, row, customer.strip(), (asset or "").strip())
    alert_rows.meet(tx, code, row.source)
    if row.resource:
        chosen = thing.name if thing else None
        alert_names.remember(tx, who, row.source, row.resource, customer=code, asset=chosen, now=now)
    alike = (
        tx.all(_ALIKE, source=row.source, resource=row.resource.lower(), id=row.id, customer=code)
        if row.resource
        else []
    )
    for one in (row, *alike):
        _learn(tx, who, source, one, code, thing, now=now)
    return len(alike)


def _known(tx: Tx, source: AlertSource, row: Row, code: str, asset: str) -> tuple[str, Asset | None]:
    if reference.customer(tx, code) is None:
        raise invalid("/customer", f"there is no customer {code!r}: choose one of the desk's")
    if source.customer is not None and source.customer != code:
        raise invalid("/customer", f"{source.name} reports of {source.customer} only")
    labelled = alert_rows.labelled_as(tx, source, row.about.get("labels", {}))
    if labelled not in (None, code):
        raise invalid(
            "/customer", f"its label names {labelled}: if that is wrong, change the label where it is made"
        )
    thing = people.asset(tx, code, asset) if asset else None
    if asset and thing is None:
        raise invalid("/asset", f"{code} has no asset {asset!r}: choose one, or leave it empty")
    return code, thing


def _learn(
    tx: Tx, who: Principal, source: AlertSource, row: Row, code: str, thing: Asset | None, *, now: datetime
) -> None:
    columns = alert_rows.located(tx, source, code, _fact(row), known=thing)
    alert_rows.change(tx, row.id, **columns)
    maintenance.source_learns(tx, row.id, columns)
    alert_rows.decide(tx, row, "named", now=now, by=who.id, customer=code, asset=columns["asset"])
    if not row.firing:
        return
    found = alert_tickets.standing(tx, row.ticket_id) if row.ticket_id else None
    if found is not None and found.open:
        learnt = alert_rows.one(tx, row.id)
        assert learnt is not None
        _tell(tx, who, found, learnt, now=now)
    alert_placing.settle(tx, row.id, source, now=now)


def _tell(tx: Tx, who: Principal, found: Row, row: Row, *, now: datetime) -> None:
    """What the ticket does not know yet; it leaves triage where nothing else lacks."""
    if found.customer not in (None, row.customer):
        return
    wanted = {name: getattr(row, name) for name in ("customer", "asset", "site", "technology")}
    if heard := alert_tickets.hearers(tx, row):
        wanted["contact"] = heard[0].id
    fields = {name: value for name, value in wanted.items() if value and not getattr(found, name)}
    if not fields:
        return
    case = Case.open(tx, found.id, now=now)
    handed_over = describing.describe(case, who, fields)
    if not describing.missing(case):
        placing.qualify(case, who, handed_over=handed_over)
    acts.finish(case)


def _fact(row: Row) -> AlertFact:
    """What the source said, as far as it tells where the thing is."""
    return AlertFact(
        source=row.source,
        status=Status.FIRING,
        event=row.event,
        dedup_key=row.dedup_key,
        resource=row.resource or None,
        labels=row.about.get("labels", {}),
        address=row.address,
    )


def _begin(tx: Tx, who: Principal, alert_id: str) -> Row:
    """The row as it stands once nobody else decides about it."""
    seen = alert_views.find(tx, who, alert_id)
    alert_rows.meet(tx, seen.customer, seen.source)
    row = alert_rows.one(tx, alert_id)
    assert row is not None
    return row


def _still(row: Row) -> None:
    if not row.firing:
        raise Refused("it is over: there is nothing to work on", code="over")
