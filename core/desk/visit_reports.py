"""What does the report of a visit say? Its values, from the row of the visit and what the engineer noted on site.

What a step holds, by its kind: `task`: `text`, `done`; `part`: `name`, `serial` (put in), `removed` (serial taken out);
`note`: `text`; `photo`: `picture` (a blob), `text`; `sign`: `name`, `role`, `picture` (a blob) or `unable` (why there is none), `comment`;
`check_out`: `text`, what was done, `limits`, `safety` (what is dangerous there), `next_steps`; `no_access`: `text`, what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import notices, papers, reference, report_words, reports, visit_crew
from core.desk.case import Case
from core.desk.errors import NotFound
from core.desk.papers import Made
from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Prepared, Row

visit, visit_step = tables.visit, tables.visit_step

_VISIT = Prepared(
    select(visit).where(visit.c.ticket_id == bindparam("ticket_id"), visit.c.id == bindparam("id"))
)
_STEPS = Prepared(
    select(visit_step)
    .where(visit_step.c.ticket_id == bindparam("ticket_id"), visit_step.c.visit_id == bindparam("visit_id"))
    .order_by(visit_step.c.at, visit_step.c.id)
)


def report(case: Case, who: Principal, visit_id: str, *, done: str = "") -> Made:
    """The next version of the report of a visit of the ticket in hand: at check-out, and when more was noted since. Raises NotFound.

    `done`: what was done, where no step says so.
    """
    return papers.make(
        case,
        who,
        kind=papers.VISIT,
        about=visit_id,
        values=values(case, visit_id, done=done),
        words=report_words.visit,
        why="noted",
    )


def values(case: Case, visit_id: str, *, done: str = "") -> dict[str, Any]:
    """Everything such a report shows, in JSON's own types. Raises NotFound."""
    row = case.tx.one(_VISIT, ticket_id=case.id, id=visit_id)
    if row is None:
        raise NotFound(f"there is no visit {visit_id} on {case['number']}")
    steps = case.tx.all(_STEPS, ticket_id=case.id, visit_id=visit_id)
    customer = reference.customer(case.tx, case["customer"]) if case["customer"] else None
    return {
        "number": case["number"],
        "visit": visit_id,
        "time_zone": row.time_zone or str(notices.zone_of(case)),
        "customer": customer.name if customer else "",
        "site": row.site,
        "place": row.place,
        "subject": notices.title(case),
        "purpose": row.purpose,
        "technicians": reports.names(case.tx, visit_crew.ids(case.tx, row)),
        "window_start": _iso(row.window_start),
        "window_end": _iso(row.window_end),
        "arrived_at": _iso(row.arrived_at),
        "left_at": _iso(row.left_at),
        "ended_why": row.ended_why,
        "done": "\n".join(_texts(steps, "check_out")) or done,
        "tasks": [
            {"text": str(one.data.get("text") or ""), "done": bool(one.data.get("done"))}
            for one in steps
            if one.kind == "task"
        ],
        "parts": [reports.part(one.data) for one in steps if one.kind == "part"],
        "notes": _texts(steps, "note"),
        **{name: "\n".join(_texts(steps, "check_out", name)) for name in reports.ON_SITE},
        "photos": [
            {"picture": str(one.data["picture"]), "text": str(one.data.get("text") or "")}
            for one in steps
            if one.kind == "photo" and one.data.get("picture")
        ],
        "signatures": [reports.signature(one.data, one.at) for one in steps if one.kind == "sign"],
    }


def _texts(steps: Sequence[Row], kind: str, name: str = "text") -> list[str]:
    return [str(one.data[name]) for one in steps if one.kind == kind and one.data.get(name)]


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()
