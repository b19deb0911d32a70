"""Which reports of contracts and periods are there, who approved them, and to whom did they go? Drawn by a job, approved by a supervisor, then sent.

A report is a paper (core.desk.papers) under ADMINISTRATION; its row here says how it stands. A later version takes the
place of an earlier one that was not refused. Staff who lead ask for one, supervisors and administrators approve; of the
customer, managers of everything and administrators see what was approved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from core.desk import (
    acts,
    case,
    papers,
    people,
    periodic_table,
    periodic_values,
    periodic_words,
    reference,
)
from core.desk.case import ADMINISTRATION
from core.desk.contract_board import decides
from core.desk.errors import Forbidden, NotFound, Refused
from core.desk.periodic_values import Slice, Wanted
from core.desk.principal import Principal
from core.store import blobs, tables, work
from core.store.tx import Prepared, Row, Tx

KIND = "periodic"
"""Of the job that makes one. Payload: `contract`, `period`, `draft`, `by`."""
SHOWN = ("approved", "sent")
"""What a customer sees."""
LISTED = 500

report, delivery, paper = tables.periodic_report, tables.report_delivery, tables.paper

_LAST = Prepared(
    select(func.max(report.c.n).label("n")).where(
        report.c.contract == bindparam("contract"), report.c.period == bindparam("period")
    )
)
_ALL = Prepared(
    select(report, paper.c.pdf)
    .select_from(
        report.outerjoin(paper, (paper.c.ticket_id == ADMINISTRATION) & (paper.c.id == report.c.paper_id))
    )
    .order_by(report.c.at.desc(), report.c.contract, report.c.n.desc())
    .limit(LISTED)
)
_OF_CUSTOMER = Prepared(
    select(report, paper.c.pdf)
    .select_from(
        report.outerjoin(paper, (paper.c.ticket_id == ADMINISTRATION) & (paper.c.id == report.c.paper_id))
    )
    .where(
        report.c.customer == bindparam("customer"),
        report.c.state.in_([literal(name) for name in SHOWN]),
        report.c.draft.is_(False),
    )
    .order_by(report.c.at.desc(), report.c.contract, report.c.n.desc())
    .limit(LISTED)
)
_ONE = Prepared(
    select(
        report,
        paper.c.kind,
        paper.c.pdf,
        paper.c.html,
        paper.c["values"],
        paper.c.language,
        paper.c.hash,
    )
    .select_from(
        report.outerjoin(paper, (paper.c.ticket_id == ADMINISTRATION) & (paper.c.id == report.c.paper_id))
    )
    .where(
        report.c.contract == bindparam("contract"),
        report.c.period == bindparam("period"),
        report.c.n == bindparam("n"),
    )
)
_DELIVERIES = Prepared(
    select(delivery)
    .where(
        delivery.c.contract == bindparam("contract"),
        delivery.c.period == bindparam("period"),
        delivery.c.n == bindparam("n"),
    )
    .order_by(delivery.c.address)
)
_CONTRACTS = Prepared(select(tables.contract.c.number).order_by(tables.contract.c.number))
_MAKING = Prepared(
    select(tables.job.c.payload).where(
        tables.job.c.shard == ADMINISTRATION, tables.job.c.kind == literal(KIND)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """One version of a report."""

    contract: str
    period: str
    n: int
    customer: str
    """Code."""
    customer_name: str
    draft: bool
    state: str
    """made, approved, sent, superseded or refused."""
    since: datetime
    until: datetime
    at: datetime
    by: str
    """Name of who asked for it; empty: the hub."""
    approved_at: datetime | None
    approved_by: str
    sent_at: datetime | None
    why: str
    """It was refused."""
    drawn: bool
    """Its PDF is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTo:
    """One recipient."""

    address: str
    state: str
    """queued, sent or failed."""
    at: datetime
    sent_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A report with everything it says."""

    view: ReportView
    language: str
    hash: str
    values: Mapping[str, Any]
    html: str
    """A part of a page, escaped already."""
    deliveries: tuple[SentTo, ...]
    """For staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A report that was worked out and put into words; nothing of it is kept."""

    wanted: Wanted
    values: Mapping[str, Any]
    words: papers.Words


# --- Making --------------------------------------------------------------------------------------------------


def ask(tx: Tx, who: Principal, contract: str, period: str, *, draft: bool = False, now: datetime) -> Wanted:
    """Let a report be made. Asking again while it is being made changes nothing. Raises as `periodic_values.wanted`; Forbidden."""
    not_outside(who, contract)
    acts.only_leaders(who)
    wanted = periodic_values.wanted(tx, contract, period, draft=draft, now=now)
    queue(tx, wanted.contract, period, draft=wanted.draft, by=who.actor, now=now)
    return wanted


def queue(tx: Tx, contract: str, period: str, *, draft: bool, by: str, now: datetime) -> None:
    """The job that makes it."""
    lane = f"{KIND}:{contract}:{period}"
    work.enqueue(
        tx,
        shard=ADMINISTRATION,
        lane=lane,
        kind=KIND,
        payload={"contract": contract, "period": period, "draft": draft, "by": by},
        due=now,
        now=now,
        idem_key=lane,
    )


def made(tx: Tx, wanted: Wanted) -> Drawn:
    """A report worked out and in words. Of thousands of tickets it takes seconds: see core.reporting."""
    return _drawn(tx, wanted, list(periodic_values.slices(tx, wanted)))


def made_if_small(tx: Tx, wanted: Wanted) -> Drawn | None:
    """The same of what is read in one go, in some hundredths of a second; None: there is more."""
    slices = list(islice(periodic_values.slices(tx, wanted), 2))
    return _drawn(tx, wanted, slices) if len(slices) < 2 else None


def _drawn(tx: Tx, wanted: Wanted, slices: Sequence[Slice]) -> Drawn:
    found = periodic_values.summed(slices, periodic_values.used(tx, wanted), wanted)
    values = periodic_values.values(found, wanted)
    return Drawn(wanted=wanted, values=values, words=periodic_words.report(values, wanted.language))


def keep(tx: Tx, made: Drawn, *, by: str, now: datetime) -> int:
    """The next version of a report, as a paper; return its number. What was not approved or sent before makes room for it."""
    of = made.wanted
    key = {"contract": of.contract, "period": of.period.name}
    n = (tx.one(_LAST, **key).n or 0) + 1
    kept = papers.keep(
        tx,
        ADMINISTRATION,
        kind=papers.PERIODIC,
        about=f"{of.contract} {of.period.name}",
        name=f"{of.contract} {of.period.name}",
        language=of.language,
        values=made.values,
        words=made.words,
        why="drawn_again",
        by=by,
        now=now,
    )
    for before in range(1, n):
        row = tx.one(_ONE, **key, n=before)
        if row.state == "made":
            tx.update(report, key | {"n": before}, state="superseded")
    tx.insert(
        report,
        **key,
        n=n,
        customer=of.customer,
        draft=of.draft,
        state="made",
        paper_id=kept.id,
        since=of.period.since,
        until=of.period.until,
        at=now,
        by=by,
        approved_by="",
        why="",
    )
    _record(tx, "report.made", key | {"n": n}, by, now=now, hash=kept.hash, draft=of.draft)
    return n


def contracts(tx: Tx) -> tuple[str, ...]:
    """Numbers of all contracts, for forms."""
    return tuple(row.number for row in tx.all(_CONTRACTS))


def making(tx: Tx, who: Principal) -> tuple[tuple[str, str], ...]:
    """(contract, period) of those that are being made."""
    acts.only_staff(who)
    return tuple((row.payload["contract"], row.payload["period"]) for row in tx.all(_MAKING))


# --- Approving -----------------------------------------------------------------------------------------------


def may_approve(who: Principal) -> bool:
    """Supervisors and administrators."""
    return who.configures


def approve(tx: Tx, who: Principal, contract: str, period: str, n: int, *, now: datetime) -> Row:
    """Its customer may see it; return its row, for who sends it. Raises NotFound, Forbidden; Refused for a draft, or before its PDF is there."""
    row = _to_decide(tx, who, contract, period, n)
    if row.draft:
        raise Refused(f"{period} was not over when this was made: make it anew", code="report_is_draft")
    if row.pdf is None:
        raise Refused("its PDF is being drawn: approve it in a few seconds", code="report_undrawn")
    key = {"contract": contract, "period": period}
    for before in range(1, n):
        if tx.one(_ONE, **key, n=before).state in SHOWN:
            tx.update(report, key | {"n": before}, state="superseded")
    tx.update(report, key | {"n": n}, state="approved", approved_at=now, approved_by=who.actor)
    _record(tx, "report.approved", key | {"n": n}, who.actor, now=now)
    return row


def refuse(tx: Tx, who: Principal, contract: str, period: str, n: int, why: str, *, now: datetime) -> None:
    """It goes to nobody. Raises NotFound, Forbidden, Invalid without a reason, Refused when it was decided before."""
    _to_decide(tx, who, contract, period, n)
    why = acts.plain(why, "/why")
    key = {"contract": contract, "period": period, "n": n}
    tx.update(report, key, state="refused", approved_at=now, approved_by=who.actor, why=why)
    _record(tx, "report.refused", key, who.actor, now=now)


def in_force(tx: Tx, contract: str, period: str, n: int) -> bool:
    """It was approved, and no later version was."""
    return tx.one(_ONE, contract=contract, period=period, n=n).state in SHOWN


def not_outside(who: Principal, contract: str) -> None:
    """Outside nobody learns which contracts there are by what they may not do. Raises NotFound."""
    if who.kind in ("contact", "address"):
        message = f"there is no contract {contract}"
        raise NotFound(message)


def _to_decide(tx: Tx, who: Principal, contract: str, period: str, n: int) -> Row:
    not_outside(who, contract)
    if not may_approve(who):
        message = "a supervisor or an administrator approves reports"
        raise Forbidden(message)
    row = _found(tx, who, contract, period, n)
    if row.state != "made":
        raise Refused(f"it is {row.state}", code="report_decided")
    return row


# --- Reading -------------------------------------------------------------------------------------------------


def reports(tx: Tx, who: Principal) -> tuple[ReportView, ...]:
    """All that this person may see, the newest first. Forbidden for contacts who decide nothing."""
    if who.is_agent or who.kind == "system":
        rows = tx.all(_ALL)
    elif decides(who):
        rows = tx.all(_OF_CUSTOMER, customer=who.customer)
    else:
        message = "managers and administrators of the company see its reports"
        raise Forbidden(message)
    return tuple(_view(tx, who, row) for row in rows)


def whole(tx: Tx, who: Principal, contract: str, period: str, n: int) -> Whole:
    """One version. Raises NotFound."""
    row = _found(tx, who, contract, period, n)
    staff = who.kind != "contact"
    rows = tx.all(_DELIVERIES, contract=contract, period=period, n=n) if staff else ()
    return Whole(
        view=_view(tx, who, row),
        language=row.language,
        hash=row.hash,
        values=row.values["of"],
        html=blobs.get(tx, row.html).decode(),
        deliveries=tuple(
            SentTo(address=one.address, state=one.state, at=one.at, sent_at=one.sent_at, error=one.error)
            for one in rows
        ),
    )


def pdf(tx: Tx, who: Principal, contract: str, period: str, n: int) -> tuple[str, bytes]:
    """File name and bytes of its PDF. Raises NotFound; Refused while it is being drawn."""
    row = _found(tx, who, contract, period, n)
    if row.pdf is None:
        raise Refused("the PDF of this report is being drawn: ask again in a few seconds", code="being_drawn")
    return f"{_file(row)}.pdf", blobs.get(tx, row.pdf)


def table(
    tx: Tx, who: Principal, contract: str, period: str, n: int, *, semicolons: bool = False
) -> tuple[str, bytes]:
    """File name and bytes of its table (CSV). Raises NotFound."""
    row = _found(tx, who, contract, period, n)
    delimiter = ";" if semicolons else ","
    return f"{_file(row)}.csv", periodic_table.write(row.values["of"], row.language, delimiter=delimiter)


def _found(tx: Tx, who: Principal, contract: str, period: str, n: int) -> Row:
    row = tx.one(_ONE, contract=contract, period=period, n=n)
    if row is not None:
        if who.kind in ("agent", "system"):
            return row
        own = who.kind == "contact" and row.customer == who.customer and decides(who)
        if own and row.state in SHOWN and not row.draft:
            return row
    message = f"there is no report {period} of {contract} in version {n} that you may see"
    raise NotFound(message)


def _file(row: Row) -> str:
    return papers.file_name(row).removesuffix(".pdf")


def _view(tx: Tx, who: Principal, row: Row) -> ReportView:
    customer = reference.customer(tx, row.customer)
    staff = who.kind != "contact"
    return ReportView(
        contract=row.contract,
        period=row.period,
        n=row.n,
        customer=row.customer,
        customer_name=customer.name if customer else row.customer,
        draft=row.draft,
        state=row.state,
        since=row.since,
        until=row.until,
        at=row.at,
        by=_name(tx, row.by) if staff else "",
        approved_at=row.approved_at,
        approved_by=_name(tx, row.approved_by) if staff else "",
        sent_at=row.sent_at,
        why=row.why if staff else "",
        drawn=row.pdf is not None,
    )


def _name(tx: Tx, actor: str) -> str:
    kind, _, identity = actor.partition(":")
    found = people.agent(tx, identity) if kind == "agent" else None
    return found.name if found else ""


def _record(tx: Tx, kind: str, key: Mapping[str, Any], actor: str, *, now: datetime, **about: Any) -> None:
    case.record(tx, ADMINISTRATION, kind, now=now, actor=actor, **key, **about)
