"""How does somebody say how it went who has no log-in at hand? By a link in the mail with the final report, which does nothing else.

Its token is made from the hub's key and the delivery that brings it, when that leaves; only its hash is kept. It works for a fortnight, and as often as an
opinion may be changed (core.desk.ratings): it is worth no more than that. Looking at it changes nothing: programs look at links too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from core import texts
from core.desk import links, people, ratings
from core.desk.case import Case
from core.store import tables
from core.store.tx import Prepared, Row, Tx

LIFE = timedelta(days=14)
AFTER = "closed"
"""Kind of the message that brings it."""

_TICKET = Prepared(select(tables.ticket).where(tables.ticket.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a link is for: a number, and the opinion there is."""

    number: str
    score: int
    """0: nobody has said anything yet."""
    comment: str
    changeable: bool
    """It may be given, or changed."""


def with_link(tx: Tx, kind: str, text: str, language: str, delivery: Row, *, now: datetime) -> str:
    """What a mail says as it leaves: the final report with the link of its reader below."""
    if kind != AFTER:
        return text
    token = tx.facts.token(links.SURVEY, delivery.id)
    person = f"{delivery.ticket_id} {delivery.address}"
    if not links.give(tx, links.SURVEY, token, person, until=now + LIFE, now=now):
        return text
    line, _ = texts.notice("_survey", language, link=f"{tx.facts.public_url}/survey/{token}")
    return f"{text}\n{line}\n"


def of_token(tx: Tx, token: str, *, now: datetime) -> Survey | None:
    """What this link is for; None: it does not work, or its request goes on."""
    found = _given(tx, token, now=now)
    if found is None:
        return None
    ticket, _ = found
    given = ratings.of_ticket(tx, ticket.id)
    if given is not None and given.changed_at < ticket.closed_at:  # of an end that was none
        given = None
    return Survey(
        number=ticket.number,
        score=given.score if given is not None else 0,
        comment=given.comment if given is not None else "",
        changeable=ratings.may_rate(tx, ticket, now=now),
    )


def rate(tx: Tx, token: str, *, score: int, comment: str, now: datetime) -> str | None:
    """The opinion of whoever was given this link; the number of the request. None: the link does not work. Raises Invalid, Refused."""
    found = _given(tx, token, now=now)
    if found is None:
        return None
    ticket, address = found
    case = Case.open(tx, ticket.id, now=now)
    ratings.give(
        case, people.behind(tx, address, ticket.customer), score=score, comment=comment, channel="survey"
    )
    return str(ticket.number)


def _given(tx: Tx, token: str, *, now: datetime) -> tuple[Row, str] | None:
    person = links.whose(tx, links.SURVEY, token, now=now)
    if person is None:
        return None
    ticket_id, address = person.split(" ", 1)
    ticket = tx.one(_TICKET, id=ticket_id)
    return (ticket, address) if ticket is not None and ticket.state == "closed" else None
