"""What does the customer think of how it went? One opinion on a closed ticket, which they may change for some days."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from core.desk import acts
from core.desk.case import Case
from core.desk.errors import Forbidden, Refused, invalid
from core.desk.principal import Principal
from core.desk.views import RatingView
from core.store import tables
from core.store.tx import Prepared, Row, Tx

BEST = 5
CHANGEABLE = timedelta(days=7)
"""From when it was first given."""
LONGEST = 2000  # characters of a comment

rating = tables.rating

_OF_TICKET = Prepared(select(rating).where(rating.c.ticket_id == bindparam("ticket_id")))


def rate(
    tx: Tx, who: Principal, number: str, *, now: datetime, score: int, comment: str | None = None
) -> str:
    """A contact's opinion of a closed ticket of theirs; return its number. `comment`: None, the one that is there stays.

    Raises NotFound, Forbidden for staff, Refused on a ticket that is not closed or was rated too long ago, Invalid.
    """
    case = acts.begin(tx, who, number, now=now)
    if who.kind != "contact":
        message = "the customer says how it went"
        raise Forbidden(message)
    give(case, who, score=score, comment=comment, channel="portal")
    return number


def give(case: Case, who: Principal, *, score: int, comment: str | None, channel: str) -> None:
    """The same of a ticket in hand, by any channel. Saying the same again is no change."""
    if not 1 <= score <= BEST:
        raise invalid("/score", f"must be a number from 1 to {BEST}")
    if case["state"] != "closed":
        raise Refused(
            acts.gone_on(case, who)
            or f"{case['number']} is {case['state']}: it can be rated once it is closed",
            code="not_closed",
        )
    words = " ".join((comment or "").split())
    if len(words) > LONGEST:
        raise invalid("/comment", f"must have at most {LONGEST:,} characters; it has {len(words):,}")
    now, key = case.now, {"ticket_id": case.id}
    before = of_ticket(case.tx, case.id)
    anew = before is None or before.changed_at < case["closed_at"]  # it was open again since
    if not anew and now - before.at > CHANGEABLE:
        raise Refused(
            f"{case['number']} was rated too long ago: the opinion stays as it is", code="rated_long_ago"
        )
    kept = words if comment is not None or anew else before.comment
    if not anew and (before.score, before.comment) == (score, kept):
        return
    values = {"score": score, "comment": kept, "changed_at": now, "by": who.actor, "channel": channel}
    if before is None:
        case.tx.insert(rating, **key, at=now, **values)
    else:
        case.tx.update(rating, key, **({"at": now} if anew else {}), **values)
    case.event("ticket.rated", actor=who.actor, score=score, commented=bool(kept), changed=not anew)
    case.save()


def opinion(tx: Tx, ticket_id: str) -> RatingView | None:
    """What is shown beside a ticket; None: nobody said anything."""
    row = of_ticket(tx, ticket_id)
    if row is None:
        return None
    return RatingView(score=row.score, comment=row.comment, at=row.changed_at, channel=row.channel)


def may_rate(tx: Tx, ticket: Row, *, now: datetime) -> bool:
    """May its customer say how it went, or change what they said?"""
    if ticket.state != "closed":
        return False
    before = of_ticket(tx, ticket.id)
    return before is None or before.changed_at < ticket.closed_at or now - before.at <= CHANGEABLE


def of_ticket(tx: Tx, ticket_id: str) -> Row:
    """The row of a ticket, or None."""
    return tx.one(_OF_TICKET, ticket_id=ticket_id)
