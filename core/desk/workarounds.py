"""Does it work for now? A workaround is applied, the customer says whether it holds, and it is looked at again by a date.

The customer is asked with the notice of it: in a chat by buttons, elsewhere by a link (core.desk.workaround_links), in the portal on the
page of the request. Principal, number and what is raised are as in core.desk.tickets.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, select

from core.desk import acts, follow_ups, links, notices, promises, reports, tasks, timing
from core.desk.case import Case
from core.desk.chat_buttons import Offer
from core.desk.errors import NotFound, Refused, invalid
from core.desk.principal import HUB, Principal
from core.ids import new_id
from core.rules import workarounds as rule
from core.rules.chat_acts import Act
from core.rules.workarounds import LIVE, State
from core.store import tables, work
from core.store.tx import Prepared, Row, Tx

FLAG, OVERDUE = "workaround", "review_overdue"
TIMER = "workaround"
"""Of the job that wakes when a workaround is to be looked at again."""
REVIEW, FAILS = "workaround_review", "workaround_refused"
"""Kinds of tasks, and the beginnings of the names under which each is asked once."""
OVER = "workaround_over"
"""Code of the refusal to answer one that stands no longer."""
ANSWERED = "workaround_answered"
"""Code of the refusal to say the same twice."""

workaround = tables.workaround

_OF_TICKET = Prepared(
    select(workaround).where(workaround.c.ticket_id == bindparam("ticket_id")).order_by(workaround.c.id)
)
_LIVE = Prepared(
    select(workaround).where(
        workaround.c.ticket_id == bindparam("ticket_id"),
        workaround.c.state.in_([literal(str(state)) for state in LIVE]),
    )
)


def of_ticket(tx: Tx, ticket_id: str) -> list[Row]:
    """All there were, in their order."""
    return tx.all(_OF_TICKET, ticket_id=ticket_id)


def live(tx: Tx, ticket_id: str) -> Row | None:
    """The one that stands; None: none does."""
    found: Row | None = tx.one(_LIVE, ticket_id=ticket_id)
    return found


# --- It works for now ---------------------------------------------------------------------------------------


def apply(
    case: Case,
    who: Principal,
    text: str,
    *,
    since: datetime,
    review_by: datetime | None,
    known_error: str | None = None,
) -> str:
    """The service works again since then: restore is met, the fix gets its long target, the customer is asked; return the id.

    Takes the place of the one before. Raises Refused from a state without this move, Invalid for a review that is past or after
    the fix is due.
    """
    acts.move(case, who, "workaround", at=since)
    before = live(case.tx, case.id)
    if before is not None:
        _change(case, before, State.ENDED)
    case.flag(FLAG)
    case.flag(OVERDUE, on=False)
    timing.apply(case, "workaround", at=since)
    due = timing.due(case).get("resolve")
    try:
        review = rule.review_by(review_by, now=case.now, fix_due=due)
    except rule.BadReview as error:
        raise invalid("/review_by", str(error)) from None
    identity = new_id()
    case.tx.insert(
        workaround,
        ticket_id=case.id,
        id=identity,
        text=text,
        applied_at=since,
        by=who.actor,
        review_by=review,
        known_error=known_error,
    )
    case.set(resolution=case["resolution"] | {"workaround": text, "review_by": review.isoformat()})
    promises.spoken(case, who)
    notices.progress(
        case,
        "workaround",
        offers=[Offer(act=Act.ACCEPT, value=identity), Offer(act=Act.FAILS, value=identity)],
        text=text,
        review=reports.said(case, _fixed_by(case, review)),
        asks=identity,
        place=_place(case),
    )
    _watch(case, review)
    return identity


def _place(case: Case) -> str:
    """What stands for the link by which one answers, in the text as it is kept: where who is signed in answers."""
    portal = notices.about(case)["portal"]
    return f"{portal}#workaround" if portal else links.WORKAROUND_PLACE


def _fixed_by(case: Case, review: datetime) -> datetime:
    """By when the final fix is there; where nothing is promised, by when it is looked at again."""
    due = timing.due(case).get("resolve")
    return due if due is not None and due > case.now else review


def _watch(case: Case, review: datetime) -> None:
    work.set_timer(
        case.tx, shard=case.id, key=TIMER, kind=TIMER, payload={}, due=max(review, case.now), now=case.now
    )


# --- What the customer says ---------------------------------------------------------------------------------


def accept(tx: Tx, who: Principal, number: str, *, now: datetime, workaround: str | None = None) -> str:
    """It works: the customer hears by when the final fix is there. Staff say so for whom they have on the telephone.

    `workaround`: id; None: the one that stands. Raises NotFound for one the ticket does not have, Refused for one that stands no
    longer, or that was accepted before.
    """
    case = acts.begin(tx, who, number, now=now)
    accepted(case, who, _meant(case, workaround))
    return number


def refuse(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    reason: str,
    workaround: str | None = None,
) -> str:
    """It does not work, in their words: the restore clock runs again, and whoever has the ticket is told. As `accept`."""
    case = acts.begin(tx, who, number, now=now)
    reason = acts.plain(reason, "/reason")
    row = _meant(case, workaround)
    if who.kind == "contact":
        acts.hear(case, who, reason)
    refused(case, who, row, reason)
    return number


def _meant(case: Case, identity: str | None) -> Row:
    if identity is None:
        row = live(case.tx, case.id)
        if row is None:
            raise Refused(f"{case['number']} has no workaround that waits for an answer", code=OVER)
        return row
    return find(case, identity)


def find(case: Case, identity: str) -> Row:
    """One of the ticket's. Raises NotFound."""
    for row in of_ticket(case.tx, case.id):
        if row.id == identity:
            return row
    message = f"{case['number']} has no workaround {identity}"
    raise NotFound(message)


def accepted(case: Case, who: Principal, row: Row) -> None:
    """The same of a ticket in hand."""
    _answerable(case, row)
    if row.state == State.ACCEPTED:
        raise Refused("this workaround was accepted before", code=ANSWERED)
    _change(case, row, State.ACCEPTED, answered_by=who.actor, answered_at=case.now)
    case.event("workaround.accepted", actor=who.actor, workaround=row.id)
    notices.progress(case, "workaround_accepted", review=reports.said(case, _fixed_by(case, row.review_by)))
    acts.finish(case)


def refused(case: Case, who: Principal, row: Row, why: str) -> None:
    """The same of a ticket in hand. `why` empty: their next words say it."""
    _answerable(case, row)
    _change(case, row, State.REFUSED, answered_by=who.actor, answered_at=case.now, why=why)
    case.event("workaround.refused", actor=who.actor, workaround=row.id)
    _works_no_longer(case)
    _go_on(case)
    follow_ups.ask(case, FAILS, once=f"{FAILS}:{row.id}", why=acts.snippet(why), due=case["next_due"])
    notices.progress(case, "workaround_refused")
    acts.finish(case)


def _answerable(case: Case, row: Row) -> None:
    if not rule.may_answer(row.state) or not case["open"]:
        raise Refused(f"this workaround of {case['number']} stands no longer", code=OVER)


def _works_no_longer(case: Case) -> None:
    case.flag(FLAG, on=False)
    case.flag(OVERDUE, on=False)
    kept = {name: value for name, value in case["resolution"].items() if name not in (FLAG, "review_by")}
    case.set(resolution=kept)
    timing.apply(case, "workaround_refused")
    work.cancel(case.tx, shard=case.id, key=TIMER)


def _go_on(case: Case) -> None:
    """Nobody waits for somebody who has just said that it does not work."""
    if case["state"] == "waiting_customer":
        acts.move(case, HUB, "customer_message")
        timing.apply(case, "customer_message")
        follow_ups.customer_answered(case)
    elif case["state"] == "monitoring":
        acts.move(case, HUB, "resume")
        timing.apply(case, "resume")


# --- What becomes of it -------------------------------------------------------------------------------------


def check(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer rang: nobody found the fix by the date of the review, so the restore clock runs again and somebody looks."""
    case = Case.open(tx, ticket_id, now=now)
    row = live(tx, ticket_id)
    if row is None or not case["open"] or OVERDUE in case["flags"]:
        return
    if row.review_by > now:
        _watch(case, row.review_by)
    else:
        case.flag(OVERDUE)
        case.event("workaround.overdue", actor="system", at=row.review_by, workaround=row.id)
        timing.apply(case, "workaround_overdue", at=row.review_by)
        follow_ups.ask(case, REVIEW, once=f"{REVIEW}:{row.id}", alarm=True, due=row.review_by)
    acts.finish(case)


def ended(case: Case) -> None:
    """The fix is there, or the ticket has ended: nothing is asked about the workaround any more."""
    row = live(case.tx, case.id)
    if row is not None:
        _change(case, row, State.ENDED)
        case.flag(OVERDUE, on=False)
        work.cancel(case.tx, shard=case.id, key=TIMER)


def taken_up(case: Case) -> None:
    """Work goes on after all: the workaround that the fix had ended stands again as it did."""
    found = of_ticket(case.tx, case.id)
    if FLAG in case["flags"] and found and found[-1].state == State.ENDED:
        row = found[-1]
        _change(case, row, State.ACCEPTED if row.answered_at is not None else State.ASKED)
        _watch(case, row.review_by)


def _change(case: Case, row: Row, state: State, **values: Any) -> None:
    case.tx.update(workaround, {"ticket_id": case.id, "id": row.id}, state=str(state), **values)
    if state not in LIVE:
        for kind in (REVIEW, FAILS):
            tasks.settle(case.tx, once=f"{kind}:{row.id}", now=case.now, ticket_id=case.id)
