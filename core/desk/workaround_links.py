"""Who says by the link in a mail whether a workaround works? Whoever has it, without a log-in, once, by pressing a button.

The link is made when the notice leaves, so that whoever is reached another way in the end has one that works too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core import chat_addresses
from core.desk import acts, joining_ways, links, people, workarounds
from core.desk.case import Case
from core.desk.errors import Refused
from core.desk.principal import Principal
from core.rules import workarounds as rule
from core.store import tables
from core.store.tx import Prepared, Row, Tx

_TICKET = Prepared(select(tables.ticket).where(tables.ticket.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a link shows: the workaround and the number of its ticket, and nothing else of it."""

    number: str
    text: str
    review_by: datetime
    state: str
    """asked, accepted, refused or ended."""
    answerable: bool
    language: str


def with_link(tx: Tx, said: Row, row: Row, text: str, *, now: datetime) -> str:
    """What a notice says as it leaves: with the link of this delivery, where it asks about a workaround."""
    step = asked(said)
    return text.replace(step["place"], _link(tx, step, row, now=now)) if step is not None else text


def asked(said: Row) -> Mapping[str, Any] | None:
    """The step of a notice that asks about a workaround; None: none does."""
    asks = [step for step in (said.made_from or {}).get("steps", ()) if step.get("asks")]
    return asks[-1] if asks else None


def within(tx: Tx, said: Row, row: Row, *, now: datetime) -> str:
    """The link by which one answers what a notice asks that is told among others; empty: it asks nothing, or nothing any more.

    In a chat it leads to where who is signed in answers: nobody knows who else reads there.
    """
    step = asked(said)
    if step is None:
        return ""
    stands = next(
        (one.state for one in workarounds.of_ticket(tx, row.ticket_id) if one.id == step["asks"]), ""
    )
    if stands != rule.State.ASKED:
        return ""
    if chat_addresses.is_chat(row.address):
        return str(step["place"]) if step["place"] != links.WORKAROUND_PLACE else ""
    return _link(tx, step, row, now=now)


def _link(tx: Tx, step: Mapping[str, Any], row: Row, *, now: datetime) -> str:
    token = tx.facts.token(links.WORKAROUND, row.id)
    until = now + links.WORKAROUND_LIFE
    person = f"{row.ticket_id} {step['asks']} {row.address}"
    links.give(tx, links.WORKAROUND, token, person, until=until, now=now)
    return f"{tx.facts.public_url}/workaround/{token}"


def show(tx: Tx, token: str, *, now: datetime) -> Given | None:
    """What this link is for, used or not. Changes nothing: programs that look through mail open links too."""
    row = links.ever(tx, links.WORKAROUND, token)
    if row is None or row.expires_at <= now:
        return None
    return _given(tx, row.person, unused=row.used_at is None)


def accept(tx: Tx, token: str, *, now: datetime) -> bool:
    """It works. False: the link does not work any more. Raises Refused: the workaround stands no longer."""
    found = _use(tx, token, now=now)
    if found is None:
        return False
    case, who, row = found
    workarounds.accepted(case, who, row)
    return True


def refuse(tx: Tx, token: str, reason: str, *, now: datetime) -> bool:
    """It does not work, in their words. False: the link does not work any more. Raises Invalid, Refused."""
    reason = acts.plain(reason, "/reason")
    found = _use(tx, token, now=now)
    if found is None:
        return False
    case, who, row = found
    if who.kind == "contact":
        acts.hear(case, who, reason)
    workarounds.refused(case, who, row, reason)
    return True


def _use(tx: Tx, token: str, *, now: datetime) -> tuple[Case, Principal, Row] | None:
    person = links.use(tx, links.WORKAROUND, token, now=now)
    if person is None:
        return None
    ticket_id, identity, address = person.split(" ", 2)
    case = Case.open(tx, joining_ways.survivor(tx, ticket_id), now=now)
    if case.id != ticket_id:
        raise Refused("this request goes on in another one", code=workarounds.OVER)
    return case, people.behind(tx, address, case["customer"]), workarounds.find(case, identity)


def _given(tx: Tx, person: str, *, unused: bool) -> Given | None:
    ticket_id, identity, _ = person.split(" ", 2)
    of = tx.one(_TICKET, id=ticket_id)
    row = next((one for one in workarounds.of_ticket(tx, ticket_id) if one.id == identity), None)
    if of is None or row is None:
        return None
    return Given(
        number=of.number,
        text=row.text,
        review_by=row.review_by,
        state=row.state,
        answerable=unused and of.open and rule.may_answer(row.state),
        language=of.language,
    )
