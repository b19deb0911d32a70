"""Do the books of papers balance? Each says what its hash says, its bytes are there, and its versions have no gaps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import and_, bindparam, func, literal, or_, select

from core.desk.papers import DRAW, VISIT, hash_of
from core.store import tables
from core.store.columns import Id
from core.store.tx import Prepared, Tx

WORST = 20  # faults listed of each kind
PAGE = 200  # papers that are read at once
NOTHING = "00000000-0000-0000-0000-000000000000"
"""Before every id."""

paper, blob = tables.paper, tables.blob

_TICKET, _ID = bindparam("ticket_id", type_=Id), bindparam("id", type_=Id)
_PAGE = Prepared(
    select(paper.c.ticket_id, paper.c.id, paper.c["values"], paper.c.hash)
    .where(or_(paper.c.ticket_id > _TICKET, and_(paper.c.ticket_id == _TICKET, paper.c.id > _ID)))
    .order_by(paper.c.ticket_id, paper.c.id)
    .limit(PAGE)
)
_GAPS = (
    select(paper.c.ticket_id.label("about"))
    .where(paper.c.kind != literal(VISIT))
    .group_by(paper.c.ticket_id, paper.c.kind, paper.c.about)
    .having(func.max(paper.c.n) != func.count()),
    select(paper.c.about.label("about"))  # a visit may have been of more tickets than one
    .where(paper.c.kind == literal(VISIT))
    .group_by(paper.c.about)
    .having(func.max(paper.c.n) != func.count()),
)


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which row) each."""
    for gaps in _GAPS:
        for row in tx.all(gaps.limit(WORST)):
            yield "versions of a paper with a gap", row.about
    for column in (paper.c.html, paper.c.text, paper.c.pdf):
        lost = select(paper.c.id.label("about")).where(
            column.is_not(None), ~select(blob.c.name).where(blob.c.name == column).correlate(paper).exists()
        )
        for row in tx.all(lost.limit(WORST)):
            yield "blob missing", row.about
    drawing = {
        row.payload["paper"]
        for table in (tables.job, tables.dead_job)
        for row in tx.all(select(table.c.payload).where(table.c.kind == literal(DRAW)))
    }
    for row in tx.all(select(paper.c.id).where(paper.c.pdf.is_(None))):
        if row.id not in drawing:
            yield "paper that nobody draws", row.id
    ticket_id = last = NOTHING
    while page := tx.all(_PAGE, ticket_id=ticket_id, id=last):
        for row in page:
            ticket_id, last = row.ticket_id, row.id
            if hash_of(row.values) != row.hash:
                yield "paper that says something else than it did", row.id
