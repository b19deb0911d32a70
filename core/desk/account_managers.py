"""Who looks after a customer, what are they asked, and who at the customer hears of the contract?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.desk import letters, people, reference, tasks
from core.desk.case import ADMINISTRATION
from core.desk.people import Agent, Contact
from core.store import tables
from core.store.tx import Tx

ROLES = ("manager", "admin")
"""Of contacts: those who decide for their company hear of its contract."""


def of(tx: Tx, customer: str | None) -> Agent | None:
    """The account manager; None: the customer has none, or they left."""
    known = reference.customer(tx, customer) if customer else None
    if known is None or not known.account_manager:
        return None
    found = people.agent_by_email(tx, known.account_manager)
    return found if found is not None and found.active else None


def ask(
    tx: Tx,
    customer: str | None,
    kind: str,
    *,
    once: str,
    now: datetime,
    ticket_id: str = ADMINISTRATION,
    **about: Any,
) -> None:
    """A task for the account manager; where there is none, for everybody who leads."""
    manager = of(tx, customer)
    known = reference.customer(tx, customer) if customer else None
    tasks.add(
        tx,
        kind,
        now=now,
        ticket_id=ticket_id,
        agent=manager.id if manager else None,
        once=once,
        customer=known.name if known else customer or "",
        **about,
    )


def write(tx: Tx, customer: str, letter: str, *, now: datetime, **about: str) -> None:
    """A letter to the account manager, where the hub sends mail."""
    manager = of(tx, customer)
    if manager is not None and tx.facts.mails_by:
        _queue(tx, letter, "agent", manager.id, now=now, **about)


def who_decides(tx: Tx, customer: str) -> list[Contact]:
    """Managers and administrators of the company."""
    return [one for one in people.contacts(tx, customer) if one.role in ROLES]


def write_to_customer(tx: Tx, customer: str, letter: str, *, now: datetime, **about: str) -> None:
    """A letter to each of those who decide there."""
    if not tx.facts.mails_by:
        return
    for one in who_decides(tx, customer):
        _queue(tx, letter, "contact", one.id, now=now, **about)


def _queue(tx: Tx, letter: str, kind: str, person: str, *, now: datetime, **about: str) -> None:
    channel = tx.facts.mails_by
    letters.queue(
        tx, letter, to=person, channel=channel, now=now, once=False, kind=kind, person=person, **about
    )


def once(tx: Tx, key: str, *, now: datetime) -> bool:
    """Is this told for the first time, in whatever number of hubs?"""
    return tx.insert_new(tables.told, key=key, at=now)
