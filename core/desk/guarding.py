"""Is it over? What keeps a ticket from being resolved or closed, from its rows; the rule is `rules.close_guard`."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, literal, select

from core.desk import acts, alert_rows, promises, vendor_rows, visit_notices, visit_rows
from core.desk.case import Case
from core.desk.errors import Obstacle, Refused, invalid
from core.desk.principal import Principal
from core.rules import close_guard
from core.rules.close_guard import BadOverride, Facts, Guarded
from core.store import tables
from core.store.tx import Prepared, Row

CODE = "guarded"
"""Of the refusal."""

link, ticket, inbound, participant = tables.ticket_link, tables.ticket, tables.inbound, tables.participant

_CHILDREN = Prepared(
    select(ticket.c.number)
    .select_from(link.join(ticket, ticket.c.id == link.c.other_id))
    .where(
        link.c.ticket_id == bindparam("ticket_id"), link.c.kind == literal("child"), ticket.c.open.is_(True)
    )
    .order_by(ticket.c.number)
)
_HELD = Prepared(
    select(inbound.c.author)
    .where(
        inbound.c.ticket_id == bindparam("ticket_id"),
        inbound.c.outcome == literal("held"),
        inbound.c.open.is_(True),
        select(participant.c.address)
        .where(
            participant.c.ticket_id == inbound.c.ticket_id,
            participant.c.address == func.lower(inbound.c.author),
            participant.c.state == literal("joined"),
        )
        .exists(),
    )
    .order_by(inbound.c.received_at, inbound.c.id)
)


def facts(case: Case) -> Facts:
    """What is not over on this ticket. Vendor cases speak by what they are called."""
    promised = promises.open_of(case.tx, case.id)
    overdue = promised is not None and promised.due < case.now
    return Facts(
        alerts=alert_rows.firing_of(case.tx, case.id),
        vendors=tuple(map(vendor_rows.called, vendor_rows.standing(vendor_rows.of_ticket(case.tx, case.id))))
        if vendor_rows.FLAG in case["flags"]
        else (),
        visits=tuple(_said(case, row) for row in visit_rows.open_of(case.tx, case.id))
        if visit_rows.FLAG in case["flags"]
        else (),
        promises=(promises.said(case, promised.due),) if promised is not None and overdue else (),
        children=tuple(row.number for row in case.tx.all(_CHILDREN, ticket_id=case.id)),
        held=tuple(row.author for row in case.tx.all(_HELD, ticket_id=case.id))
        if "held" in case["flags"]
        else (),
    )


def _said(case: Case, row: Row) -> str:
    """A visit as people know it: when, else where."""
    if row.window_start is None:
        return str(row.site or case["number"])
    return visit_notices.spell(row.window_start, row.window_end, ZoneInfo(row.time_zone), case["language"])


def guard(case: Case, who: Principal, overrides: Mapping[str, str], *, act: str) -> None:
    """Let it end, or raise Refused with every reason that stands. `overrides`: reason to why it may be so all the same.

    What is overridden is on record: the reason in an event, and its text in a note. Raises Invalid for a reason there is
    not and for a text that says nothing.
    """
    try:
        passed = close_guard.decide(facts(case), overrides)
    except Guarded as refused:
        raise Refused(
            f"cannot {act} yet: {refused}. Do what is left, or say against each reason why it may be so",
            code=CODE,
            obstacles=[Obstacle(reason=str(one.reason), about=one.about) for one in refused.obstacles],
        ) from None
    except BadOverride as error:
        raise invalid(f"/overrides/{error.reason}", str(error)) from None
    for one in passed:
        if one.reason is close_guard.Reason.ALERT_FIRING:
            alert_rows.accept(case.tx, case.id)
        about = ", ".join(one.about)
        note = acts.note(case, who, f"{one.reason} ({about}): {overrides[one.reason].strip()}")
        case.event("ticket.guard_overridden", actor=who.actor, act=act, reason=str(one.reason), note=note)


def obstacles(case: Case) -> tuple[close_guard.Obstacle, ...]:
    """What is in the way, for whoever acts by themselves: nothing of it is overridden."""
    return close_guard.obstacles(facts(case))
