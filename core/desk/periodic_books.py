"""Do the books of periodic reports balance? Each has its paper, what was sent was approved, and every version is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import and_, func, select

from core.desk.case import ADMINISTRATION
from core.store import tables
from core.store.tx import Tx

WORST = 20  # faults listed of each kind

report, delivery, paper = tables.periodic_report, tables.report_delivery, tables.paper

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
    report.c.state.in_(("approved", "sent")), report.c.approved_at.is_(None)
)
_DRAFT_SHOWN = select(report.c.contract.label("about")).where(
    report.c.state.in_(("approved", "sent")), report.c.draft.is_(True)
)
_TO_NOBODY = (
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


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which contract) each."""
    for kind, question in (
        ("versions of a report with a gap", _GAPS),
        ("report without its paper", _WITHOUT_PAPER),
        ("report that was shown and not approved", _SHOWN_UNAPPROVED),
        ("draft of a report that was shown", _DRAFT_SHOWN),
        ("report that was sent and not approved", _TO_NOBODY),
    ):
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about
