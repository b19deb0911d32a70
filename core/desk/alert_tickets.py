"""How does an alert become work? Its ticket: opened, joined, reopened, one for a whole storm (monitoring.md 4, steps 9 to 14).

The hub acts here, within the transaction of a fact or a timer. What the customer is told waits, so that of tickets that
become one only the one that is left speaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, select

from core import texts
from core.alerting import Severity
from core.desk import (
    acts,
    alert_returns,
    alert_rows,
    assigning,
    authors,
    filing,
    joining,
    links_between,
    notices,
    outbox,
    paging,
    participants,
    people,
    placing,
    problems,
    reference,
    resolution,
    source_states,
    threads,
    timing,
)
from core.desk.alert_sources import OWN, AlertSource
from core.desk.case import Case
from core.desk.principal import HUB
from core.envelope import Address, Hints, Inbound, Kind, Trust
from core.ids import derived_id, new_id
from core.rules import correlation, workflow
from core.rules.joining import Tie
from core.store import fulltext, tables, work
from core.store.columns import Id, to_micros
from core.store.tx import Prepared, Row, Tx

ticket, event = tables.ticket, tables.event

CHANNEL = "monitoring"
"""What tickets of devices came by."""
STORM, RECOVERED, FLAPPING, OURS = "storm", "recovered", "flapping", "ours"
"""Flags: one matter of many alerts; all of them are over, and a person has it in hand; it comes and goes; the hub itself has it."""
NOTICE = "alert-notice"
"""The timer of that."""
NOTICED = "noticed"
"""The step of a progress notice that says so."""
NAMED = 20
"""Alerts of a ticket that are named in its history; of more, their list tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Who has a ticket, and what it is about: of an alarm, or of somebody else whom it concerns."""

    customer: str | None
    asset: str | None = None
    site: str = ""
    technology: str = ""
    """Where neither the asset nor the source says."""


def whose(row: Row) -> Whose:
    """The alarm's own."""
    return Whose(customer=row.customer, asset=row.asset, site=row.site)


_STANDING = Prepared(select(ticket).where(ticket.c.id == bindparam("id", type_=Id)))
_BY_PERSONS = Prepared(
    select(event.c.kind, event.c.data).where(
        event.c.ticket_id == bindparam("ticket_id", type_=Id),
        event.c.actor != literal("system"),
        event.c.kind != literal("ticket.opened"),
    )
)
_TYPED = Prepared(
    select(tables.draft.c.agent).where(tables.draft.c.ticket_id == bindparam("ticket_id", type_=Id)).limit(1)
)
_ALERTS = Prepared(
    select(tables.alert_episode.c.alert_id)
    .where(tables.alert_episode.c.ticket_id == bindparam("ticket_id", type_=Id))
    .limit(NAMED + 1)
)
_OF_ALERT = Prepared(
    select(tables.alert_episode.c.ticket_id, tables.alert_episode.c.received_at).where(
        tables.alert_episode.c.alert_id == bindparam("alert_id", type_=Id),
        tables.alert_episode.c.ticket_id.is_not(None),
    )
)


def standing(tx: Tx, ticket_id: str) -> Row | None:
    """The ticket, or the one it was joined to in the end."""
    row = tx.one(_STANDING, id=ticket_id)
    for _ in range(20):
        if row is None or row.state != workflow.State.MERGED or row.merged_into is None:
            return row
        row = tx.one(_STANDING, id=row.merged_into)
    return row


def touched(tx: Tx, ticket_id: str) -> bool:
    """Did a person do something with it, or is somebody writing? Looking leaves no event, and what is told to a whole incident is no work on this part of it."""
    return tx.one(_TYPED, ticket_id=ticket_id) is not None or any(
        one.kind == "incident.informed" or "update" not in one.data
        for one in tx.all(_BY_PERSONS, ticket_id=ticket_id)
    )


# --- Opening -----------------------------------------------------------------------------------------------


def open_one(tx: Tx, row: Row, source: AlertSource, *, recurrence_of: str | None, now: datetime) -> str:
    """A ticket of its own."""
    asset = people.asset(tx, row.customer, row.asset) if row.customer and row.asset else None
    case = begin(
        tx,
        row,
        source,
        whose(row),
        subject=_title(row),
        impact=_impact(tx, row, source, asset),
        severity=Severity(row.worst),
        since=waited(row, now=now),
        now=now,
    )
    if row.flapping_since is not None:
        case.flag(FLAPPING)
    if row.status == "maintenance":
        case.event("alert.after_maintenance", actor="system", alert=row.id)
    if recurrence_of is not None:
        _recurs(case, row, recurrence_of)
    _says_left_out(case, row)
    case.save()
    _belongs(tx, row, case.id, why="opened", now=now)
    return case.id


def _says_left_out(case: Case, row: Row) -> None:
    """Its message told of more than it held: whoever works on this must not take it for all."""
    if row.about.get("left_out"):
        case.event("alert.left_out", actor="system", alert=row.id, count=row.about["left_out"])


def _impact(tx: Tx, row: Row, source: AlertSource, asset: people.Asset | None) -> int:
    """1 to 3. Of a source that is silent: does anybody else speak for the customer?"""
    if row.dedup_key == alert_rows.SILENT:
        return correlation.silence_impact(nobody_else=source_states.nobody_else(tx, source))
    return correlation.impact(asset.criticality if asset else "")


def waited(row: Row, *, now: datetime) -> datetime | None:
    """Until now nobody was to be called: somebody worked there, or it was for information only. None: it is called for as soon as it may. `row`: as it stood before it found its place."""
    quiet = row.status in ("firing", "acknowledged") and row.placed_at is not None
    return now if quiet or row.status == "maintenance" else None


def open_storm(tx: Tx, row: Row, source: AlertSource, near: list[Row], *, now: datetime) -> str:
    """One ticket for everything that goes wrong at a site; untouched tickets of the same minutes become part of it."""
    there = [found for one in near if (found := alert_rows.one(tx, one.id)) is not None]
    worst = min((Severity(one.worst) for one in (row, *there)), key=list(Severity).index)
    where = row.site or row.customer or source.name
    subject, _ = texts.notice("alert_storm", language(tx, whose(row)), where=where, count=len(there) + 1)
    case = begin(
        tx,
        row,
        source,
        whose(row),
        subject=subject,
        impact=1,
        severity=worst,
        since=waited(row, now=now),
        now=now,
    )
    case.flag(STORM)
    _says_left_out(case, row)
    case.save()
    _belongs(tx, row, case.id, why="storm", now=now)
    for ticket_id in dict.fromkeys(one.ticket_id for one in there if one.ticket_id):
        joins(tx, ticket_id, case.id, now=now)
    return case.id


def call_by_cause(tx: Tx, row: Row, ticket_id: str, *, now: datetime) -> None:
    """The cause of a storm was told late: from now on its ticket is called by it, unless a person has it in hand already."""
    case = Case.open(tx, ticket_id, now=now)
    if STORM in case["flags"] and not touched(tx, ticket_id):
        case.set(subject=_title(row)[:1000], asset=row.asset)
        case.event("alert.attached", actor="system", alert=row.id, why="cause")
        case.save()


def _title(row: Row) -> str:
    what = row.summary or row.event or row.dedup_key
    where = row.asset or row.resource
    return f"{where}: {what}" if where and where.lower() not in what.lower() else what


def language(tx: Tx, row: Whose) -> str:
    """In which whoever hears of it is written to."""
    heard = hearers(tx, row)
    spoken = heard[0].language if heard else None
    customer = reference.customer(tx, row.customer) if row.customer and not spoken else None
    return tx.facts.language(spoken or (customer.language if customer else None))


def hearers(tx: Tx, row: Whose) -> list[people.Contact]:
    """Contacts who hear of alerts here: those who are named for it, else who decides for the company."""
    if not row.customer:
        return []
    there = [one for one in people.contacts(tx, row.customer) if one.active and not one.merged_into]
    here = [one for one in there if not one.sites or not row.site or row.site in one.sites]
    return [one for one in here if one.alerts] or [one for one in here if one.role in ("manager", "admin")]


def begin(
    tx: Tx,
    row: Row,
    source: AlertSource,
    of: Whose,
    *,
    subject: str,
    impact: int,
    severity: Severity,
    now: datetime,
    text: str = "",
    incident: str | None = None,
    since: datetime | None = None,
) -> Case:
    """The ticket with its one message, qualified as far as the source and the asset say; not saved.

    `row`: the alarm, which may be another customer's. `text`: in place of what the device said. `incident`: of which it is a part;
    nobody is called for each of its parts. `since`: when its clocks begin, where nobody was to be called before.
    """
    hear = hearers(tx, of)
    first = hear[0] if hear else None
    asset = people.asset(tx, of.customer, of.asset) if of.customer and of.asset else None
    author = authors.Author(
        kind="contact" if first else "nobody",
        address=first.email if first else "",
        name=first.name if first else "",
        contact=first.id if first else None,
        customer=of.customer,
        language=language(tx, of),
        proved=True,
    )
    said = Inbound(
        channel=tx.facts.mails_by or CHANNEL,
        kind=Kind.ALERT,
        author=Address(first.email, first.name) if first else None,
        may_auto_reply=False,
        subject=subject,
        hints=Hints(
            customer=of.customer,
            request_type=source.request_type or None,
            technology=(asset.technology if asset else "") or of.technology or source.technology or None,
            impact=impact,
            urgency=correlation.urgency(severity),
            asset=of.asset,
            site=of.site or None,
            provenance="alert_label",
        ),
    )
    received_at = since or correlation.counts_from(row.started_at, row.received_at)
    case = Case.begin(
        tx,
        now=now,
        id=derived_id(to_micros(now) // 1000, row.id, str(row.episode), of.customer or "", of.asset or ""),
        number=filing.next_number(tx, row.received_at),
        subject=subject[:1000],
        state="received",
        state_since=now,
        customer=of.customer,
        contact=author.contact,
        requester_name=author.name,
        requester_address=author.address,
        channel=CHANNEL,
        trust=Trust.VERIFIED,
        language=tx.facts.language(author.language),
        snippet=acts.snippet(text or row.summary or row.about.get("text", "")),
        last_direction="in",
        waits_since=received_at,
        received_at=received_at,
        updated_at=now,
    )
    case.event(
        "ticket.opened",
        actor="system",
        at=received_at,
        inbound=row.inbound_id,
        channel=CHANNEL,
        trust=str(Trust.VERIFIED),
        alert=row.id,
        source=row.source,
        **({"incident": incident} if incident else {}),
    )
    if source.page_anyway:
        case.flag("page_anyway")
    if source.name == OWN:
        case.flag(OURS)
    where = threads.begin(case, said, author, silent=False)
    for other in hear[1:]:
        participants.join(case, where.id, Address(other.email, other.name), contact=other.id)
    _write(case, row, where.id, text)
    placing.first(case, said, author, trust=Trust.VERIFIED)
    if source.group in reference.desk(tx).groups:
        placing.into_group(case, HUB, source.group)
    timing.settle(case)
    if incident is None:
        paging.watch(case)
    work.set_timer(
        tx, shard=case.id, key=NOTICE, kind=NOTICE, payload={}, due=now + source.tell_after, now=now
    )
    return case


def _write(case: Case, row: Row, thread_id: str, text: str) -> None:
    """What the device said, or what is said in its place, as the first message of the conversation."""
    text = text or "\n\n".join(part for part in (row.summary, row.about.get("text", "")) if part) or row.event
    message_id = new_id()
    case.tx.insert(
        tables.message,
        ticket_id=case.id,
        id=message_id,
        thread_id=thread_id,
        channel=CHANNEL,
        direction="in",
        audience="customer",
        kind=Kind.ALERT,
        automatic=True,
        author_name=row.source[:200],
        author_address="",
        trust=Trust.VERIFIED,
        subject=case["subject"],
        text=text,
        spans=[],
        html=None,
        language=case["language"],
        at=row.received_at,
        inbound_id=row.inbound_id,
        external_ref="",
        notes=[],
        people={"to": [], "cc": [], "reply_to": "", "original_sender": ""},
        idem="",
    )
    fulltext.index(
        case.tx,
        ticket_id=case.id,
        item_id=message_id,
        audience="customer",
        body=f"{case['subject']}\n{text}\n{row.resource}",
    )
    case.event(
        "message.in", actor="system", at=row.received_at, message=message_id, trust=str(Trust.VERIFIED)
    )


def _recurs(case: Case, row: Row, before: str) -> None:
    """It was solved within a day: both are tied, and what comes back again and again is a problem."""
    earlier = Case.open(case.tx, before, now=case.now)
    case.save()
    links_between.make(case, earlier, Tie.FOLLOW_UP, by=HUB.actor)
    case.flag("recurrence")
    earlier.save()
    since = case.now - correlation.RECURRENCES_WITHIN
    times = {one.ticket_id for one in case.tx.all(_OF_ALERT, alert_id=row.id) if one.received_at >= since}
    if len(times) + 1 >= correlation.RECURRENCES:
        problems.look(case)


# --- Joining -----------------------------------------------------------------------------------------------


def _belongs(tx: Tx, row: Row, ticket_id: str, *, why: str, now: datetime) -> None:
    alert_rows.change(tx, row.id, ticket_id=ticket_id, hidden=False)
    tx.update(tables.alert_episode, {"alert_id": row.id, "n": row.episode}, ticket_id=ticket_id)
    alert_rows.decide(tx, row, why, now=now, ticket=ticket_id)
    alert_returns.of_alert(tx, row.id, now=now)


def attach(tx: Tx, row: Row, ticket_id: str, *, why: str, now: datetime, actor: str = HUB.actor) -> None:
    """The alert belongs to a ticket there is. The first few are named in its history."""
    case = Case.open(tx, ticket_id, now=now)
    _belongs(tx, row, case.id, why="attached", now=now)
    if len(tx.all(_ALERTS, ticket_id=case.id)) <= NAMED:
        case.event("alert.attached", actor=actor, alert=row.id, why=why)
    case.flag(RECOVERED, on=False)
    if row.flapping_since is not None:
        case.flag(FLAPPING)
    case.save()


def reopen(tx: Tx, row: Row, ticket_id: str, *, now: datetime) -> None:
    """It fires again a moment after it was solved: the same work goes on."""
    case = Case.open(tx, ticket_id, now=now)
    _belongs(tx, row, case.id, why="reopened", now=now)
    case.event("alert.attached", actor="system", alert=row.id, why="reopened")
    resolution.reopen_case(case, HUB, why="alert")
    case.flag(RECOVERED, on=False)
    if case["assignee"] is None and case["desk_group"] is not None:
        acts.move(case, HUB, "escalate")
        assigning.assign(case)
    timing.settle(case)
    paging.watch(case)
    alert_returns.settle(case)
    case.save()


def joins(tx: Tx, ticket_id: str, into: str, *, now: datetime) -> bool:
    """A ticket becomes part of another one, silently if no person had it; else both are tied. Says whether it became part."""
    found, other = standing(tx, ticket_id), standing(tx, into)
    if found is None or other is None or found.id == other.id or not found.open:
        return found is not None and other is not None and found.id == other.id
    if touched(tx, found.id) or found.customer != other.customer:
        one, two = (Case.open(tx, ticket, now=now) for ticket in (found.id, other.id))
        if not links_between.of_kind(tx, one.id, Tie.RELATED):
            links_between.make(one, two, Tie.RELATED, by=HUB.actor)
        one.save()
        two.save()
        return False
    outbox.withdraw(Case.open(tx, found.id, now=now), None)
    work.cancel(tx, shard=found.id, key=NOTICE)
    parts = links_between.of_kind(tx, found.id, Tie.CHILD)
    joining.absorb(tx, found.number, into=other.number, now=now)
    bring(tx, found.id, other.id, parts, outage=True, now=now)
    alert_returns.settle(Case.open(tx, other.id, now=now))
    return True


def bring(tx: Tx, before: str, into: str, parts: list[str], *, outage: bool, now: datetime) -> None:
    """Parts of an incident become parts of another ticket, and so does its outage."""
    for part in parts:
        was, parent, child = (Case.open(tx, one, now=now) for one in (before, into, part))
        links_between.unmake(was, child, Tie.CHILD, by=HUB.actor)
        links_between.make(parent, child, Tie.CHILD, by=HUB.actor)
        for case in (was, parent, child):
            case.save()
    if parts and outage:
        tx.update(tables.outage, {"incident": before}, incident=into)


# --- What the customer hears -------------------------------------------------------------------------------


def tell(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer of a ticket of devices: the customer hears that we know, and what it is. One that went into another is silent."""
    case = Case.open(tx, ticket_id, now=now)
    if not case["open"] or case["customer"] is None:
        return
    values: dict[str, Any] = {"alerts": len(alert_rows.of_ticket(tx, case.id))}
    notices.progress(case, NOTICED, at_once=True, subject=case["subject"], **values, **placing.words(case))
    case.save()
