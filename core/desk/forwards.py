"""Whose request is it that a colleague passed on? Whom the forward names is offered, and becomes the requester by a click, or by proof (email.md 14)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, select

from core.desk import acts, describing, outbox, participants, people, placing
from core.desk.case import Case
from core.desk.errors import Refused
from core.desk.forwarding import FIELD
from core.desk.principal import HUB, Principal
from core.envelope import Address
from core.store import tables
from core.store.tx import Prepared, Tx

event = tables.event

_OPENED = Prepared(
    select(event.c.data)
    .where(event.c.ticket_id == bindparam("ticket_id"), event.c.kind == literal("ticket.opened"))
    .order_by(event.c.seq)
    .limit(1)
)


def take(tx: Tx, who: Principal, number: str, *, now: datetime, seen: int | None = None) -> str:
    """Whom the forward names is the requester: their contact and customer where they are exactly one's, else their address alone.

    Whoever forwarded it is written to no more. Raises NotFound, Forbidden, Refused where nobody is offered, or where
    the address is a contact's of several customers.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    opened = tx.one(_OPENED, ticket_id=case.id)
    name, address = (opened.data if opened is not None else {}).get(FIELD, ("", ""))
    writer = Address(address, name)
    if not address or writer.key in (case["requester_address"].lower(), *tx.facts.mail.addresses):
        raise Refused(f"nobody is offered as requester of {number}", code="nobody_offered")
    known = people.by_address(tx, writer.key)
    if len(known) > 1:
        names = ", ".join(sorted({one.customer for one in known}))
        raise Refused(
            f"{address} is a contact of several customers ({names}): qualify it with the right one",
            code="several_customers",
        )
    before = case["requester_address"]
    if known:
        given = {"customer": known[0].customer, "contact": known[0].id}
        handed_over = describing.describe(case, who, given)
    else:
        _of_nobody_known(case, who, writer)
        handed_over = False
    participants.passed_on(case, who, before.lower())
    outbox.withdraw(case, [before.lower()])
    if not describing.missing(case):
        placing.qualify(case, who, handed_over=handed_over)
    acts.finish(case)
    return number


def take_proved(tx: Tx, number: str, *, now: datetime) -> None:
    """The same without a click, where proof stands in its place (`forwarding.proved`); the contact of several customers stays offered."""
    with suppress(Refused):
        take(tx, HUB, number, now=now)


def _of_nobody_known(case: Case, who: Principal, writer: Address) -> None:
    """Their domain may say whose they are; they are made a contact when the request is qualified, as whoever writes."""
    customers = people.customers_of_domain(case.tx, writer.domain)
    values: dict[str, Any] = {"requester_name": writer.name[:200], "requester_address": writer.key}
    if case["customer"] is None and len(customers) == 1:
        values["customer"] = customers[0]
    case.set(**values)
    case.event("ticket.described", actor=who.actor, fields=values)
    participants.include(case, who, writer)
