"""What do people's calendars hold of a visit? An invitation for each change of it, and what each who was invited answered.

The customer's invitations go with the words they are told (core.desk.visit_notices), engineers' with theirs; only mail carries them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, select

from core import chat_addresses
from core.desk import visit_views
from core.desk.case import Case
from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.desk.scope import find
from core.envelope import Address, Invitation
from core.store import tables
from core.store.tx import Prepared, Row, Tx

CUSTOMER, TECHNICIAN = "customer", "technician"
UNANSWERED = "NEEDS-ACTION"
KEPT = "kept"
"""The step that says: the time somebody proposed is not taken, the one that was agreed stays."""
METHODS: Mapping[str, str] = {
    "confirmed": "REQUEST",
    "moved": "REQUEST",
    "cancelled": "CANCEL",
    KEPT: "DECLINECOUNTER",
}
"""By the step of `visit_notices`; the others change no calendar."""
_AHEAD = ("confirmed", "en_route")

visit, attendee = tables.visit, tables.visit_attendee

_ONE = Prepared(
    select(visit).where(visit.c.ticket_id == bindparam("ticket_id"), visit.c.id == bindparam("id"))
)
_ATTENDEES = Prepared(
    select(attendee)
    .where(attendee.c.ticket_id == bindparam("ticket_id"), attendee.c.visit_id == bindparam("visit_id"))
    .order_by(attendee.c.role, attendee.c.address)
)
_LEAVES = Prepared(
    attendee.delete().where(
        attendee.c.ticket_id == bindparam("ticket_id"),
        attendee.c.visit_id == bindparam("visit_id"),
        attendee.c.address == bindparam("address"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendeeView:
    """Somebody who was invited."""

    address: str
    name: str
    role: Literal["customer", "technician"]
    answer: Literal["NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE"]
    answered_at: datetime | None


def is_mail(address: str) -> bool:
    """Does an invitation reach this address?"""
    return "@" in address and not chat_addresses.is_chat(address)


def invite(case: Case, row: Row, step: str, person: Address, *, role: str) -> None:
    """This person is told that step of a visit: from then on their calendar may answer. Others' answers stay what they are."""
    if METHODS.get(step) != "REQUEST" or not is_mail(person.address):
        return
    key = {"ticket_id": case.id, "visit_id": row.id, "address": person.key}
    case.tx.insert_missing(attendee, **key, name=person.name, role=role)
    sequence = row.sequence if role == TECHNICIAN else row.agreed
    case.tx.update(attendee, key, partstat=UNANSWERED, sequence=sequence, answered_at=None)


def uninvite(case: Case, row: Row, address: str) -> None:
    """They do not come any more, and what their calendar says from now on is nothing to the visit."""
    case.tx.run(_LEAVES, ticket_id=case.id, visit_id=row.id, address=address.lower())


def of_words(tx: Tx, said: Row, address: str) -> Invitation | None:
    """What goes with our words about a visit; None: nothing, or the visit was changed since and other words bring it."""
    made = said.made_from or {}
    if made.get("step") not in METHODS or "sequence" not in made or not is_mail(address):
        return None
    row = tx.one(_ONE, ticket_id=said.ticket_id, id=made["visit"])
    if row is None or row.agreed != made["sequence"]:
        return None
    return of(row, made["step"], sequence=row.agreed, summary=said.subject, text=said.text)


def of(row: Row, step: str, *, sequence: int, summary: str, text: str) -> Invitation | None:
    """The invitation of a step; None: it changes no calendar, or there is no time yet.

    `sequence`: the customer's is that of the time that was agreed; an engineer's goes on where the crew is changed.
    """
    if step not in METHODS or row.window_start is None:
        return None
    return Invitation(
        method=METHODS[step],
        uid=row.uid,
        sequence=sequence,
        start=row.window_start,
        end=row.window_end,
        summary=summary,
        location=", ".join(part for part in (row.site, row.place) if part),
        text=text,
    )


def to_take_home(tx: Tx, who: Principal, number: str, identity: str, *, summary: str) -> Invitation:
    """A visit that is agreed, for somebody's own calendar. Raises NotFound."""
    view = visit_views.one(tx, who, number, identity)
    row = tx.one(_ONE, ticket_id=find(tx, who, number).id, id=view.id)
    found = None
    if view.state in _AHEAD:
        found = of(row, "confirmed", sequence=row.agreed, summary=summary, text="")
    if found is None:
        message = f"{number}: this visit is not agreed"
        raise NotFound(message)
    return found


def rows(tx: Tx, ticket_id: str, identity: str) -> list[Row]:
    """Who was invited to a visit."""
    return tx.all(_ATTENDEES, ticket_id=ticket_id, visit_id=identity)


def view(row: Any) -> AttendeeView:
    """One of them as people read it."""
    return AttendeeView(
        address=row.address,
        name=row.name,
        role=row.role,
        answer=row.partstat,
        answered_at=row.answered_at,
    )
