"""What may a request be about that nobody has qualified yet? Facts for the rule, and accepting what it suggests (desk.md 3).

Nothing is suggested at intake, so that mail costs what it did: who looks at the queue, or at the form, has it worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, select

from core.desk import acts, describing, known_error_rows, people, placing, reference
from core.desk.errors import Fault, Invalid, Refused
from core.desk.principal import Principal
from core.rules.suggesting import Earlier, Facts, KnownError, Suggestion, Thing, fields, suggest
from core.store import tables
from core.store.tx import Prepared, Row, Tx

LOOKED_AT = 4_000  # characters of a request's first message
REMEMBERED = 10  # earlier requests of the same person
UNKNOWN = ("received", "triage", "on_hold")
"""States in which a request still has to be qualified."""

ticket, message = tables.ticket, tables.message

_FIRST = Prepared(
    select(message.c.text, message.c.people)
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.direction == literal("in"),
        message.c.audience == literal("customer"),
    )
    .order_by(message.c.id)
    .limit(1)
)
_SENT_TO = Prepared(
    select(tables.inbound.c.recipients, tables.message.c.people, tables.thread.c.mailbox)
    .select_from(
        tables.inbound.outerjoin(
            tables.message,
            (tables.message.c.ticket_id == tables.inbound.c.ticket_id)
            & (tables.message.c.id == tables.inbound.c.message_id),
        ).outerjoin(
            tables.thread,
            (tables.thread.c.ticket_id == tables.message.c.ticket_id)
            & (tables.thread.c.id == tables.message.c.thread_id),
        )
    )
    .where(tables.inbound.c.ticket_id == bindparam("ticket_id"))
    .order_by(tables.inbound.c.received_at)
    .limit(1)
)
_EARLIER = Prepared(
    select(ticket.c.technology, ticket.c.request_type, ticket.c.asset)
    .where(
        ticket.c.contact == bindparam("contact"),
        ticket.c.id < bindparam("id"),
        ticket.c.technology.is_not(None),
    )
    .order_by(ticket.c.id.desc())
    .limit(REMEMBERED)
)
_ASSETS = Prepared(
    select(tables.asset).where(tables.asset.c.customer == bindparam("customer")).order_by(tables.asset.c.name)
)


def of(tx: Tx, row: Row, *, now: datetime) -> tuple[Suggestion, ...]:
    """For a row of `ticket` with its subject, who asks and what is known: values for fields that are still empty."""
    found = suggest(_facts(tx, row, now=now))
    return tuple(one for one in found if _open(row, one.field))


def accept(
    tx: Tx,
    who: Principal,
    number: str,
    names: Sequence[str],
    *,
    now: datetime,
    seen: int | None = None,
) -> str:
    """Take what is suggested for these fields; once all is known the ticket is qualified, as by `qualify`.

    The ticket keeps where each value came from, the event who accepted it. What a person said before stays: suggestions are
    for empty fields. Raises Invalid for a field that nothing is suggested for, Refused for a ticket that is qualified.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    if case["state"] not in UNKNOWN:
        raise Refused(f"{number} is {case['state']}: it is qualified already", allowed=("qualify",))
    row = tx.one(_ROW, id=case.id)
    known = fields(of(tx, row, now=now)) if row is not None else {}
    if unknown := [name for name in names if name not in known]:
        raise Invalid(
            [
                Fault(
                    f"/fields/{names.index(name)}",
                    f"nothing is suggested for {name!r}; there is {_listed(known)}",
                )
                for name in unknown
            ]
        )
    chosen = [known[name] for name in dict.fromkeys(names)]
    given: dict[str, Any] = {one.field: one.value for one in chosen if one.field != "safety"}
    describing.describe(case, who, given)
    if any(one.field == "safety" for one in chosen):
        case.flag("safety")
    case.set(provenance=case["provenance"] | {one.field: one.provenance for one in chosen})
    case.event(
        "suggestion.accepted",
        actor=who.actor,
        fields={one.field: {"from": one.provenance, "why": one.code, "rule": one.n} for one in chosen},
    )
    describing.name_requester(case, who)
    if case["state"] != "on_hold" and not describing.missing(case):
        placing.qualify(case, who)
    acts.finish(case)
    return number


ROW = (
    ticket.c.id,
    ticket.c.number,
    ticket.c.subject,
    ticket.c.customer,
    ticket.c.contact,
    ticket.c.request_type,
    ticket.c.technology,
    ticket.c.impact,
    ticket.c.urgency,
    ticket.c.asset,
    ticket.c.site,
    ticket.c.flags,
    ticket.c.provenance,
)
"""Columns that `of` looks at."""
_ROW = Prepared(select(*ROW).where(ticket.c.id == bindparam("id")))


def _open(row: Row, name: str) -> bool:
    return "safety" not in row.flags if name == "safety" else getattr(row, name) is None


def _facts(tx: Tx, row: Row, *, now: datetime) -> Facts:
    desk = reference.desk(tx)
    first = tx.one(_FIRST, ticket_id=row.id)
    text = f"{row.subject}\n{(first.text if first else '')[:LOOKED_AT]}"
    contact = people.contact(tx, row.contact) if row.contact else None
    earlier = tx.all(_EARLIER, contact=row.contact, id=row.id) if row.contact else []
    return Facts(
        text=text,
        known=_known(tx, row, text, now=now),
        mailboxes=_mailboxes(tx, row.id) if any(rule.mailbox for rule in desk.intake) else (),
        rules=desk.intake,
        technologies=desk.technologies,
        assets=tuple(_thing(one) for one in tx.all(_ASSETS, customer=row.customer)) if row.customer else (),
        sites=tuple(people.sites(tx, row.customer)) if row.customer else (),
        own_sites=contact.sites if contact else (),
        earlier=tuple(
            Earlier(technology=one.technology, request_type=one.request_type, asset=one.asset)
            for one in earlier
        ),
        known_asset=row.asset,
    )


def _known(tx: Tx, row: Row, text: str, *, now: datetime) -> KnownError | None:
    """The most telling one that is still true."""
    found = [one for one in known_error_rows.suggested(tx, row, now=now, text=text) if not one.expired]
    if not found:
        return None
    meant = next(one for one in known_error_rows.known(tx) if one.number == found[0].number)
    return KnownError(
        name=known_error_rows.name_of(meant.number),
        technology=meant.technology,
        asset=meant.assets[0] if len(meant.assets) == 1 else None,
    )


def _mailboxes(tx: Tx, ticket_id: str) -> tuple[str, ...]:
    row = tx.one(_SENT_TO, ticket_id=ticket_id)
    if row is None or row.recipients:
        return () if row is None else tuple(row.recipients)
    people = row.people or {}  # a mailbox knows no envelope: whom its mail names, and where it lay
    named = [address for _, address in (*people.get("to", ()), *people.get("cc", ()))]
    return tuple(dict.fromkeys([*named, *([row.mailbox] if row.mailbox else [])]))


def _thing(row: Row) -> Thing:
    return Thing(name=row.name, technology=row.technology, site=row.site, address=row.address)


def _listed(known: dict[str, Suggestion]) -> str:
    return ", ".join(known) or "none"
