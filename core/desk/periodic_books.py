"""Do the books of periodic reports balance? Each has its paper, what was sent was approved, and every version is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import and_, func, select

from core.desk import letters
from core.desk.case import ADMINISTRATION
from core.desk.periodic import SHOWN
from core.store import tables
from core.store.tx import Tx

WORST = 20  # faults listed of each kind

report, delivery, paper, job = tables.periodic_report, tables.report_delivery, tables.paper, tables.job

_GAPS = (
    select(report.c.contract.label("about"))
    .group_by(report.c.contract, report.c.period)
    .having(func.max(report.c.n) != func.count())
)
_WITHOUT_PAPER = (
    select(report.c.contract.label("about"))
    .select_from(
        report.outerjoin(paper, and_(paper.c.ticket_id == ADMINISTRATION, paper.c.id == report.c.paper_id))
    )
    .where(paper.c.id.is_(None))
)
_SHOWN_UNAPPROVED = select(report.c.contract.label("about")).where(
    report.c.state.in_(SHOWN), report.c.approved_at.is_(None)
)
_DRAFT_SHOWN = select(report.c.contract.label("about")).where(
    report.c.state.in_(SHOWN), report.c.draft.is_(True)
)
_UNAPPROVED_SENT = (
    select(delivery.c.contract.label("about"))
    .select_from(
        delivery.outerjoin(
            report,
            and_(
                report.c.contract == delivery.c.contract,
                report.c.period == delivery.c.period,
                report.c.n == delivery.c.n,
            ),
        )
    )
    .where(report.c.approved_at.is_(None))
)
_SHOWN_TWICE = (
    select(report.c.contract.label("about"))
    .where(report.c.state.in_(SHOWN))
    .group_by(report.c.contract, report.c.period)
    .having(func.count() > 1)
)
_TO = and_(
    delivery.c.contract == report.c.contract, delivery.c.period == report.c.period, delivery.c.n == report.c.n
)
_SENT_TO_NOBODY = select(report.c.contract.label("about")).where(
    report.c.state == "sent",
    ~select(delivery.c.address).where(_TO, delivery.c.state == "sent").correlate(report).exists(),
)
_QUEUED = select(delivery).where(delivery.c.state == "queued")
_LETTERS = select(job.c.payload).where(job.c.shard == letters.SHARD, job.c.kind == "letter")


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which contract) each."""
    for kind, question in (
        ("versions of a report with a gap", _GAPS),
        ("report without its paper", _WITHOUT_PAPER),
        ("report that was shown and not approved", _SHOWN_UNAPPROVED),
        ("draft of a report that was shown", _DRAFT_SHOWN),
        ("report that was sent and not approved", _UNAPPROVED_SENT),
        ("two versions of a report that are shown at once", _SHOWN_TWICE),
        ("report that was sent to nobody", _SENT_TO_NOBODY),
    ):
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about
    under_way = {
        tuple(row.payload.get(name) for name in ("contract", "period", "n", "address"))
        for row in tx.all(_LETTERS)
    }
    for row in tx.all(_QUEUED):
        if (row.contract, row.period, str(row.n), row.address) not in under_way:
            yield "report that nobody will send", row.contract
