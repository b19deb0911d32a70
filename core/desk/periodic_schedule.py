"""Which contracts get reports by themselves, how often, and who gets them? A rhythm for each, looked at every morning; letters with PDF and table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from core.desk import (
    accounts,
    acts,
    case,
    letters,
    people,
    periodic,
    periodic_values,
    reference,
    sending,
    subscriptions,
)
from core.desk.account_managers import ROLES
from core.desk.errors import Forbidden, Refused, invalid
from core.desk.letters import Kind, Letter
from core.desk.people import Contact
from core.desk.principal import HUB, Principal
from core.envelope import Attachment
from core.ids import new_id
from core.rules import periods
from core.rules.periods import Every
from core.store import tables
from core.store.schedules import Schedule
from core.store.tx import Prepared, Row, Tx
from core.store.work import Job

DAILY = Schedule(name="reports", rhythm="daily 05:20", kind="reports", payload={})
EVERY = (Every.WEEK, Every.MONTH, Every.QUARTER)
LETTER = "periodic_report"

schedule, report, delivery = tables.report_schedule, tables.periodic_report, tables.report_delivery

_ALL = Prepared(select(schedule).order_by(schedule.c.contract, schedule.c.every))
_ONE = Prepared(
    select(schedule).where(
        schedule.c.contract == bindparam("contract"), schedule.c.every == bindparam("every")
    )
)
_MADE = Prepared(
    select(report.c.n).where(
        report.c.contract == bindparam("contract"),
        report.c.period == bindparam("period"),
        report.c.draft.is_(False),
    )
)
_ADDRESSED = Prepared(
    select(delivery).where(
        delivery.c.contract == bindparam("contract"),
        delivery.c.period == bindparam("period"),
        delivery.c.n == bindparam("n"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Reports that a contract gets by themselves."""

    contract: str
    every: str
    """week, month or quarter."""
    recipients: tuple[str, ...]
    """Addresses of contacts; empty: managers and administrators of the customer."""
    active: bool


def rhythms(tx: Tx, who: Principal) -> tuple[Rhythm, ...]:
    """All of them. For staff."""
    acts.only_staff(who)
    return tuple(
        Rhythm(contract=row.contract, every=row.every, recipients=tuple(row.recipients), active=row.active)
        for row in tx.all(_ALL)
    )


def plan(
    tx: Tx,
    who: Principal,
    contract: str,
    every: str,
    *,
    recipients: Sequence[str] = (),
    active: bool = True,
    now: datetime,
) -> Rhythm:
    """Let a contract get its reports; again: as it is said now. The first is of the period that ends next.

    Raises Forbidden, NotFound, Invalid for a rhythm or a recipient that is none.
    """
    periodic.not_outside(who, contract)
    if not periodic.may_approve(who):
        message = "a supervisor or an administrator says who gets reports"
        raise Forbidden(message)
    of = periodic_values.contract_of(tx, contract)
    if every not in EVERY:
        raise invalid("/every", f"{every!r} is not one of {', '.join(EVERY)}")
    known = {one.email: one for one in people.contacts(tx, of.customer)}
    chosen = tuple(dict.fromkeys(one.strip().lower() for one in recipients if one.strip()))
    for n, address in enumerate(chosen):
        if address not in known:
            raise invalid(f"/recipients/{n}", f"{address} is no contact of {of.customer}")
    said = {"recipients": list(chosen), "active": active, "by": who.actor, "at": now}
    key = {"contract": of.number, "every": str(every)}
    if tx.one(_ONE, **key) is None:
        tx.insert(schedule, **key, **said)
    else:
        tx.update(schedule, key, **said)
    case.record(
        tx,
        case.ADMINISTRATION,
        "report.planned",
        now=now,
        actor=who.actor,
        **key,
        recipients=len(chosen),
        active=active,
    )
    return Rhythm(**key, recipients=chosen, active=active)


def look(tx: Tx, *, now: datetime) -> None:
    """Each morning: what ended since it was planned and has no report yet is made. Safe to repeat."""
    for row in tx.all(_ALL):
        if not row.active:
            continue
        of = periodic_values.contract_of(tx, row.contract)
        customer = reference.customer(tx, of.customer)
        zone = ZoneInfo(customer.time_zone if customer else of.time_zone)
        over = periods.last_over(Every(row.every), now, zone)
        if over.until <= row.at or tx.one(_MADE, contract=row.contract, period=over.name) is not None:
            continue
        periodic.queue(tx, row.contract, over.name, draft=False, by=HUB.actor, now=now)


def approve(tx: Tx, who: Principal, contract: str, period: str, n: int, *, now: datetime) -> int:
    """Approve a report and send it; return to how many. Raises as `periodic.approve`; Refused where the hub sends no mail."""
    row = periodic.approve(tx, who, contract, period, n, now=now)
    found = recipients(tx, row.customer, contract, period)
    if found and not tx.facts.mails_by:
        message = "no channel of this hub sends mail: the report would reach nobody"
        raise Refused(message, code="report_no_mail")
    for one in found:
        identity = new_id()
        tx.insert(
            delivery,
            contract=contract,
            period=period,
            n=n,
            address=one.email,
            delivery_id=identity,
            state="queued",
            at=now,
            error="",
        )
        letters.queue(
            tx,
            LETTER,
            to=one.id,
            channel=tx.facts.mails_by,
            now=now,
            kind="contact",
            person=one.id,
            contract=contract,
            period=period,
            n=str(n),
            address=one.email,
        )
    return len(found)


def recipients(tx: Tx, customer: str, contract: str, period: str) -> tuple[Contact, ...]:
    """Who gets a report: those chosen for its rhythm, as far as they are still there; else who decides at the customer."""
    zone = ZoneInfo("UTC")
    row = tx.one(_ONE, contract=contract, every=str(periods.period(period, zone).every))
    chosen = set(row.recipients) if row is not None else set()
    found = [one for one in people.contacts(tx, customer) if one.active and one.email]
    if chosen:
        return tuple(one for one in found if one.email in chosen)
    return tuple(one for one in found if one.role in ROLES and (one.role == "admin" or not one.sites))


# --- The letter ------------------------------------------------------------------------------------------------


def _letter(tx: Tx, job: Job, *, now: datetime) -> Letter | None:
    who = accounts.principal(tx, job.payload["kind"], job.payload["person"])
    if who is None:
        _told(tx, job, "this person is no longer a contact", now=now)
        return None
    contract, period, n = job.payload["contract"], job.payload["period"], int(job.payload["n"])
    address = job.payload["address"]
    if subscriptions.ended_for(tx, address, subscriptions.What.REPORTS):
        _told(tx, job, "they want no more reports by mail (unsubscribed)", now=now)
        return None
    if not periodic.in_force(tx, contract, period, n):
        _told(tx, job, "a later version took its place before it left", now=now)
        return None
    name, drawn = periodic.pdf(tx, HUB, contract, period, n)
    table, rows = periodic.table(tx, HUB, contract, period, n, semicolons=who.language == "it")
    place = f"/portal/reports/{quote(contract, safe='')}/{period}/{n}"
    written = letters.phrased(
        tx, job, who, contract=contract, period=period, link=f"{tx.facts.public_url}{place}"
    )
    files = (
        Attachment(name=name, type="application/pdf", content=drawn),
        Attachment(name=table, type="text/csv", content=rows),
    )
    return letters.with_files(
        written, files, unsubscribe=subscriptions.link_for(tx, LETTER, address, now=now)
    )


def _told(tx: Tx, job: Job, error: str, *, now: datetime) -> None:
    """What became of one: when nobody is left to be reached, the report is sent."""
    asked = job.payload
    key = {"contract": asked["contract"], "period": asked["period"], "n": int(asked["n"])}
    state = "failed" if error else "sent"
    sent_at = None if error else now
    tx.update(delivery, key | {"address": asked["address"]}, state=state, sent_at=sent_at, error=error[:500])
    case.record(
        tx,
        case.ADMINISTRATION,
        f"report.{state}",
        now=now,
        actor="system",
        **key,
        person=f"contact:{asked['person']}",
    )
    rows: list[Row] = tx.all(_ADDRESSED, **key)
    reached = all(row.state != "queued" for row in rows) and any(row.state == "sent" for row in rows)
    if reached and periodic.in_force(tx, **key):
        tx.update(report, key, state="sent", sent_at=now)


LETTERS = {
    LETTER: Kind(write=_letter, waits=sending.WAITS, patience=sending.GIVE_UP_AFTER, told=_told),
}
