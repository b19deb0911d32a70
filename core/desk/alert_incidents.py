"""What comes of an alarm that concerns many customers? One incident, with a part for each of them (decision 0040).

The ticket of what is down is the parent; each customer with something below it, and a contract that stands for it, has a child:
with its own check, clocks and conversation. Their own alarms below belong to their child. Who is concerned is decided in
`rules.dependence`. Many children are made by jobs, a slice at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, literal, select

from core import texts
from core.alerting import Severity
from core.desk import (
    acts,
    alert_cover,
    alert_rows,
    alert_tickets,
    assigning,
    incident,
    incident_outages,
    links_between,
    people,
    reference,
    resolution,
    shared_assets,
    timing,
)
from core.desk.alert_sources import AlertSource
from core.desk.alert_tickets import Whose
from core.desk.case import Case
from core.desk.principal import HUB
from core.rules import correlation, dependence, workflow
from core.rules.dependence import Below, Companion, Concerned, Thing
from core.rules.joining import Tie
from core.store import tables, work
from core.store.columns import Id, Instant
from core.store.tx import Prepared, Row, Tx
from core.store.work import Job

KIND = "alert-incident"
"""Kind of the jobs that make further children; their shard is the parent."""
SLICE = 20
"""Customers whose part is made in one transaction."""

alert, link, ticket = tables.alert, tables.ticket_link, tables.ticket

_PARTS = (
    select(
        ticket.c.id, ticket.c.customer, ticket.c.open, ticket.c.state, ticket.c.flags, ticket.c.resolved_at
    )
    .select_from(link.join(ticket, ticket.c.id == link.c.other_id))
    .where(link.c.ticket_id == bindparam("ticket_id", type_=Id), link.c.kind == literal(str(Tie.CHILD)))
    .order_by(ticket.c.id)
)
_CHILDREN = Prepared(_PARTS)
_PARTS_OF = Prepared(_PARTS.where(ticket.c.customer == bindparam("customer")))
_COMPANIONS = Prepared(
    select(
        alert.c.id,
        alert.c.customer,
        alert.c.source,
        alert.c.severity,
        alert.c.status,
        alert.c.placed_at,
        alert.c.above,
        alert.c.ticket_id,
    ).where(
        alert.c.root == bindparam("root"),
        alert.c.firing,
        alert.c.placed_at >= bindparam("since", type_=Instant),
        alert_rows.CALLS,
    )
)
_OF_OTHERS = Prepared(
    select(alert.c.id)
    .where(
        alert.c.root == bindparam("root"),
        alert.c.firing,
        alert.c.placed_at >= bindparam("since", type_=Instant),
        alert.c.customer != bindparam("customer"),
    )
    .limit(1)
)
_OF_THING = Prepared(
    select(ticket.c.id, ticket.c.flags, ticket.c.asset)
    .where(
        ticket.c.customer == bindparam("customer"),
        ticket.c.open.is_(True),
        ticket.c.asset == bindparam("asset"),
        ticket.c.channel == literal(alert_tickets.CHANNEL),
    )
    .order_by(ticket.c.id)
)


_MADE = Prepared(
    select(tables.event.c.actor)
    .where(
        tables.event.c.ticket_id == bindparam("ticket_id", type_=Id),
        tables.event.c.kind == literal("incident.opened"),
    )
    .order_by(tables.event.c.seq.desc())
    .limit(1)
)


# --- Whom it concerns --------------------------------------------------------------------------------------


def whom(
    tx: Tx, thing: Thing, source: AlertSource, *, now: datetime, only: str | None = None
) -> tuple[Concerned, ...]:
    """Customers whom it concerns that this thing is down. `only`: this one, if it does."""
    return dependence.concerned(
        [
            Below(
                thing=(one.customer, one.name),
                site=one.site,
                technology=one.technology or source.technology,
                covered=alert_cover.covers(tx, source, one, at=now),
            )
            for one in shared_assets.below(tx, thing)
            if only in (None, one.customer)
        ],
        owner=thing[0],
    )


def storm(tx: Tx, row: Row, *, now: datetime) -> Thing | None:
    """What this alarm hangs on with so many of several customers that it must be that, or an incident of such a storm is open."""
    if row.root is None:
        return None
    above = _above(tx, row)
    for thing in above:
        if thing[0] != row.customer and open_storm(tx, thing) is not None:
            return thing
    own = Companion(customer=row.customer, at=now, above=above)
    since = now - correlation.STORM_WITHIN
    if tx.one(_OF_OTHERS, root=row.root, since=since, customer=row.customer) is None:
        return None
    others = [one for one in _companions(tx, row.root, since=since) if one.id != row.id]
    near = [Companion(customer=one.customer, at=one.placed_at, above=_above(tx, one)) for one in others]
    return dependence.common(own, near, now=now)


def _companions(tx: Tx, root: str, *, since: datetime) -> list[Row]:
    return [one for one in tx.all(_COMPANIONS, root=root, since=since) if alert_rows.calls(tx, one)]


def _above(tx: Tx, row: Row) -> tuple[Thing, ...]:
    """What an alarm hangs on; names in lower case, so that two alarms agree."""
    return tuple(shared_assets.read(tx, text, of=row.customer) for text in row.above)


def open_storm(tx: Tx, thing: Thing) -> str | None:
    """The open incident of a storm that was laid to this thing."""
    asset = shared_assets.named(tx, thing)
    for row in tx.all(_OF_THING, customer=thing[0], asset=asset.name) if asset is not None else ():
        if {incident.FLAG, alert_tickets.STORM} <= set(row.flags):
            return str(row.id)
    return None


# --- It begins ---------------------------------------------------------------------------------------------


def follow(
    tx: Tx,
    row: Row,
    source: AlertSource,
    *,
    but: Collection[str] = (),
    began: datetime | None,
    now: datetime,
) -> None:
    """The alarm has its ticket: where others hang on what is down, it is an incident of them all. Safe to repeat.

    `but`: customers who have their part elsewhere. `began`: when the clocks of parts begin, where nobody was to be called before.
    """
    placed = alert_rows.one(tx, row.id)
    if placed is None or placed.ticket_id is None or not row.customer or not row.asset:
        return
    found = whom(tx, (row.customer, row.asset), source, now=now)
    concerned = [one for one in found if one.customer not in but]
    if concerned and parent_of(tx, placed.ticket_id) is None:
        codes = [one.customer for one in concerned]
        _spread(tx, placed, source, placed.ticket_id, concerned, codes, began=began, now=now)


def take_along(tx: Tx, row: Row, source: AlertSource, before: str, into: str, *, now: datetime) -> set[str]:
    """Somebody put the cause of an incident to another ticket: parts that nothing else explains go with it, and nobody hears of it twice.

    Return the customers whose parts stay. Before `follow`. What is a part itself takes none along.
    """
    parts = [one for one in children(tx, before) if one.state not in workflow.ENDED]
    if not parts or not row.customer or not row.asset or parent_of(tx, into) is not None:
        return {one.customer for one in parts}
    others = [one for one in alert_rows.of_ticket(tx, before) if one.firing and one.customer and one.asset]
    explained = {
        one.customer for other in others for one in whom(tx, (other.customer, other.asset), source, now=now)
    }
    theirs = {one.customer for one in whom(tx, (row.customer, row.asset), source, now=now)} - explained
    going = [one for one in parts if one.customer in theirs]
    free = [one.id for one in going if child_of(tx, into, one.customer) is None]
    whole = len(free) == len(parts) and incident_outages.running(tx, into) is None
    alert_tickets.bring(tx, before, into, free, outage=whole, now=now)
    for one in going:
        there = child_of(tx, into, one.customer)
        if there is not None and there != one.id:
            alert_tickets.joins(tx, one.id, there, now=now)
    left = {one.customer for one in children(tx, before) if one.state not in workflow.ENDED}
    if not left:
        _no_more(tx, before, now=now)
    return left


def _no_more(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """An incident that nobody is part of any more is a ticket like any other, unless a person made it one."""
    made = tx.one(_MADE, ticket_id=ticket_id)
    if made is None or made.actor != HUB.actor:
        return
    case = Case.open(tx, ticket_id, now=now)
    case.flag(incident.FLAG, on=False)
    case.save()
    incident_outages.nobody(tx, ticket_id, now=now)


def gather(
    tx: Tx, row: Row, source: AlertSource, thing: Thing, *, began: datetime | None, now: datetime
) -> None:
    """An alarm of a storm of several customers: theirs are parts of one incident of what they all hang on. `began`: as of `follow`."""
    parent, asset, known = open_storm(tx, thing), shared_assets.named(tx, thing), alert_rows.one(tx, row.id)
    assert asset is not None
    assert known is not None
    if parent is not None:
        child = _part(tx, known, known, parent, source, began=began, now=now)
        alert_tickets.attach(tx, known, child, why="storm", now=now)
        return
    subject, _ = texts.notice(
        "alert_storm", tx.facts.language(None), where=asset.name, count=correlation.STORM
    )
    case = alert_tickets.begin(
        tx,
        known,
        source,
        Whose(customer=asset.customer, asset=asset.name, site=asset.site, technology=asset.technology),
        subject=subject,
        impact=1,
        severity=Severity(known.worst),
        since=began,
        now=now,
    )
    case.flag(alert_tickets.STORM)
    case.save()
    since = now - correlation.STORM_WITHIN
    there = [one for one in _companions(tx, row.root, since=since) if thing in _above(tx, one)]
    hit = list(dict.fromkeys([row.customer, *sorted(one.customer for one in there)]))
    concerned = [
        one for one in whom(tx, (asset.customer, asset.name), source, now=now) if one.customer in hit
    ]
    _spread(tx, known, source, case.id, concerned, hit, began=began, now=now)


def _spread(
    tx: Tx,
    row: Row,
    source: AlertSource,
    parent_id: str,
    concerned: Sequence[Concerned],
    codes: Sequence[str],
    *,
    began: datetime | None,
    now: datetime,
) -> None:
    """The ticket is an incident; the first few customers have their part at once, all others by jobs."""
    parent = Case.open(tx, parent_id, now=now)
    if incident.FLAG not in parent["flags"]:
        parent.flag(incident.FLAG)
        parent.event("incident.opened", actor="system", customers=len(concerned))
    parent.flag(alert_tickets.RECOVERED, on=False)
    incident_outages.begin(parent, concerned, since=row.started_at, announce=source.announce)
    parent.save()
    _slice(tx, row, source, parent_id, codes, 0, began=began, now=now)


def go_on(tx: Tx, job: Job, *, now: datetime) -> None:
    """The next customers of an incident. One that is over makes no further parts."""
    row = alert_rows.one(tx, job.payload["alert"])
    if row is None:
        return
    alert_rows.meet(tx, row.customer, row.source)
    parent = alert_tickets.standing(tx, job.shard)
    if parent is None or not parent.open or not (row.firing or alert_tickets.STORM in parent.flags):
        return
    source = reference.alert_source(tx, row.source)
    began = job.payload.get("began")
    _slice(
        tx,
        row,
        source,
        parent.id,
        job.payload["customers"],
        job.payload["since"],
        began=datetime.fromisoformat(began) if began else None,
        now=now,
    )


def _slice(
    tx: Tx,
    row: Row,
    source: AlertSource,
    parent_id: str,
    codes: Sequence[str],
    since: int,
    *,
    began: datetime | None,
    now: datetime,
) -> None:
    thing = _down(tx, parent_id, row)
    by_code = {one.customer: one for one in whom(tx, thing, source, now=now)}
    for code in codes[since : since + SLICE]:
        child = _child(tx, parent_id, code, row, source, by_code.get(code), began=began, now=now)
        _gather_below(tx, thing, code, row, child, now=now)
    if since + SLICE < len(codes):
        work.enqueue(
            tx,
            shard=parent_id,
            lane=KIND,
            kind=KIND,
            payload={
                "alert": row.id,
                "customers": list(codes),
                "since": since + SLICE,
                "began": began.isoformat() if began else None,
            },
            due=now,
            now=now,
        )


_PARENT = Prepared(select(ticket.c.customer, ticket.c.asset).where(ticket.c.id == bindparam("id", type_=Id)))


def _down(tx: Tx, parent_id: str, cause: Row) -> Thing:
    """What is down: the thing of the ticket. Where nobody hangs on that, somebody put the alarm to it: the thing of the alarm."""
    parent = tx.one(_PARENT, id=parent_id)
    thing = (parent.customer, parent.asset or "")
    if cause.customer != parent.customer or not cause.asset or list(shared_assets.below(tx, thing)):
        return thing
    return (cause.customer, cause.asset)


# --- The part of one customer ------------------------------------------------------------------------------


def children(tx: Tx, parent_id: str) -> list[Row]:
    """Parts of an incident: id, customer, open, state, flags, resolved_at."""
    return tx.all(_CHILDREN, ticket_id=parent_id)


def parent_of(tx: Tx, ticket_id: str) -> str | None:
    """The incident that a ticket is a part of."""
    return next(iter(links_between.of_kind(tx, ticket_id, Tie.PARENT)), None)


def child_of(tx: Tx, parent_id: str, customer: str) -> str | None:
    """The open part of this customer."""
    return next(
        (one.id for one in tx.all(_PARTS_OF, ticket_id=parent_id, customer=customer) if one.open), None
    )


def part_for(
    tx: Tx, row: Row, parent: Row, source: AlertSource, *, began: datetime | None, now: datetime
) -> str:
    """The ticket an alarm belongs to that hangs on the one of another customer: their part of its incident, made if there is none. `began`: as of `follow`."""
    placed, its = alert_rows.one(tx, parent.id), alert_rows.ticket_now(tx, parent.id)
    assert placed is not None
    assert its is not None
    top = parent_of(tx, its) or its
    return _part(tx, row, placed, top, source, began=began, now=now)


def _part(
    tx: Tx,
    row: Row,
    cause: Row,
    parent_id: str,
    source: AlertSource,
    *,
    began: datetime | None,
    now: datetime,
) -> str:
    """The part of this alarm's customer; who joins later widens the outage too. `cause`: the alarm that a new one tells of."""
    there = child_of(tx, parent_id, row.customer)
    if there is not None:
        return there
    theirs = whom(tx, _down(tx, parent_id, cause), source, now=now, only=row.customer)
    case = Case.open(tx, parent_id, now=now)
    if incident.FLAG not in case["flags"]:
        case.flag(incident.FLAG)
        case.event("incident.opened", actor="system", customers=1)
    incident_outages.begin(case, theirs, since=cause.started_at, announce=source.announce)
    case.save()
    concerned = theirs[0] if theirs else None
    return _child(tx, parent_id, row.customer, cause, source, concerned, began=began, now=now)


def _child(
    tx: Tx,
    parent_id: str,
    customer: str,
    row: Row,
    source: AlertSource,
    theirs: Concerned | None,
    *,
    began: datetime | None,
    now: datetime,
) -> str:
    """The customer's part: the one there is, one that was solved a moment ago, a ticket of theirs of what hangs below, or a new one."""
    found = tx.all(_PARTS_OF, ticket_id=parent_id, customer=customer)
    for one in found:
        if one.open:
            return str(one.id)
    for one in found:
        lately = one.resolved_at is not None and now - one.resolved_at <= correlation.REOPEN_WITHIN
        if one.state == workflow.State.RESOLVED and lately:
            _again(Case.open(tx, one.id, now=now))
            return str(one.id)
    adopted = _theirs_below(tx, parent_id, customer, row)
    if adopted is None:
        case = _new(tx, parent_id, customer, row, source, theirs, began=began, now=now)
        case.save()
        adopted = case.id
    parent, child = (Case.open(tx, one, now=now) for one in (parent_id, adopted))
    links_between.make(parent, child, Tie.CHILD, by=HUB.actor)
    parent.save()
    child.save()
    return adopted


def _new(
    tx: Tx,
    parent_id: str,
    customer: str,
    row: Row,
    source: AlertSource,
    theirs: Concerned | None,
    *,
    began: datetime | None,
    now: datetime,
) -> Case:
    things = theirs.things if theirs else ()
    asset = people.asset(tx, customer, things[0]) if len(things) == 1 else None
    sites, technologies = (theirs.sites, theirs.technologies) if theirs else ((), ())
    of = Whose(
        customer=customer,
        asset=asset.name if asset else None,
        site=sites[0] if len(sites) == 1 else "",
        technology=technologies[0] if len(technologies) == 1 else source.technology,
    )
    subject, text = texts.notice(
        "alert_shared",
        alert_tickets.language(tx, of),
        technology=", ".join(technologies) or source.technology,
        where=", ".join(sites),
    )
    return alert_tickets.begin(
        tx,
        row,
        source,
        of,
        subject=subject,
        text=text.strip(),
        impact=correlation.impact(asset.criticality if asset else ""),
        severity=Severity(row.worst),
        incident=parent_id,
        since=began,
        now=now,
    )


def _again(case: Case) -> None:
    """It is down again a moment after it was solved: the customer's part goes on."""
    resolution.reopen_case(case, HUB, why="alert")
    if case["assignee"] is None and case["desk_group"] is not None:
        acts.move(case, HUB, "escalate")
        assigning.assign(case)
    timing.settle(case)
    case.save()


def _alarms_below(tx: Tx, thing: Thing, customer: str, cause: Row) -> list[Row]:
    """Alarms of the customer that hang on the thing and fire; what began long before the cause is a matter of its own."""
    name = shared_assets.written(thing, of=customer)
    since = cause.received_at - correlation.TAKES_OVER
    return sorted(alert_rows.below(tx, customer, name, since=since), key=lambda one: one.received_at)


def _theirs_below(tx: Tx, parent_id: str, customer: str, cause: Row) -> str | None:
    """An open ticket of this customer of what hangs on the incident's thing, that is nobody's part yet: the oldest."""
    for one in _alarms_below(tx, _down(tx, parent_id, cause), customer, cause):
        found = alert_tickets.standing(tx, one.ticket_id) if one.ticket_id else None
        if found is None or not found.open or found.id == parent_id:
            continue
        if not {Tie.PARENT, Tie.CHILD} & links_between.kinds(tx, found.id):
            return str(found.id)
    return None


def _gather_below(tx: Tx, thing: Thing, customer: str, row: Row, child: str, *, now: datetime) -> None:
    """Alarms of the customer below it are explained by it, and theirs become part of their child."""
    for one in _alarms_below(tx, thing, customer, row):
        before = one.ticket_id
        if one.status in ("held", "maintenance") or (before == child and one.parent_alert is not None):
            continue  # held: it finds its place when its wait is over
        if before is not None and Tie.CHILD in links_between.kinds(tx, before):
            continue  # an incident that stands stays one
        if row.customer == thing[0]:  # else it is a storm, whose cause was not reported
            alert_rows.change(tx, one.id, status="suppressed", parent_alert=row.id)
            alert_rows.decide(tx, one, "taken_over", now=now, parent=row.id, name=row.asset or row.resource)
        if before != child and (before is None or not alert_tickets.joins(tx, before, child, now=now)):
            alert_tickets.attach(tx, one, child, why="parent", now=now)
