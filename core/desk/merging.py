"""When do two contacts turn out to be one person? Staff say so, and can take it back: no row is rewritten.

Who was merged stays a row of its own that names who they turned out to be. Whatever is looked up by their address, number,
PIN or account finds that person, who sees the requests of both. What began under either name keeps it, and
goes back with it.
"""

from __future__ import annotations

from datetime import datetime

from core import addresses
from core.desk import accounts, acts, case, people, reference
from core.desk.errors import NotFound, Refused, invalid
from core.desk.people import Contact
from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Tx


def merge(tx: Tx, who: Principal, contact: str, into: str, *, now: datetime) -> Contact:
    """This contact is the same person as the other one (id or e-mail), under whose name they go on; return that one.

    Whoever is signed in under the old name signs in again. Raises NotFound, Forbidden for who leads nothing, Invalid, Refused for two
    customers, and where one of them is part of another merge.
    """
    acts.only_leaders(who)
    one = _contact(tx, contact)
    other = _other(tx, one, into)
    if one.id == other.id:
        raise invalid("/into", "is the same contact")
    if one.customer != other.customer:
        raise Refused(
            f"{one.email} is of {one.customer}, {other.email} of {other.customer}: a person of two customers stays two contacts",
            code="merge_customers",
        )
    if not (one.active and other.active):
        raise Refused("one of them is no longer a contact", code="merge_left")
    if one.merged_into or other.merged_into or people.merged(tx, one.id):
        raise Refused("one of them was merged before: take that back first", code="merge_twice")
    tx.update(tables.contact, {"id": one.id}, merged_into=other.id)
    accounts.end_all(tx, one.id, now=now)
    _recorded(tx, who, "contact.merged", one.id, other.id, now=now)
    return other


def unmerge(tx: Tx, who: Principal, contact: str, *, now: datetime) -> Contact:
    """They are two people after all: each has again what is theirs; return the one who was merged."""
    acts.only_leaders(who)
    one = _contact(tx, contact)
    if one.merged_into is None:
        raise Refused(f"{one.email} was not merged", code="merge_none")
    tx.update(tables.contact, {"id": one.id}, merged_into=None)
    accounts.end_all(tx, one.merged_into, now=now)
    _recorded(tx, who, "contact.unmerged", one.id, one.merged_into, now=now)
    return _contact(tx, contact)


def _contact(tx: Tx, identity: str) -> Contact:
    found = people.contact(tx, identity)
    if found is None:
        message = f"there is no contact {identity}"
        raise NotFound(message)
    return found


def _other(tx: Tx, one: Contact, wanted: str) -> Contact:
    by_id = people.contact(tx, wanted)
    if by_id is not None:
        return by_id
    email = addresses.key(wanted)
    found = next((other for other in people.contacts(tx, one.customer) if other.email == email), None)
    if found is None:
        raise invalid("/into", f"{one.customer} has no contact {wanted!r}")
    return found


def _recorded(tx: Tx, who: Principal, kind: str, one: str, other: str, *, now: datetime) -> None:
    case.record(tx, case.ADMINISTRATION, kind, now=now, actor=who.actor, contact=one, into=other)
    reference.revise(tx, now=now)  # forms offer who goes on
