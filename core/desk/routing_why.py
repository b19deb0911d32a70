"""Why is a ticket where it is? What routed it, step by step, who of the group it was given to, and where its data come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, or_, select

from core.desk import acts, describing
from core.desk.principal import Principal
from core.desk.routing_again import KIND as AGAIN
from core.desk.scope import find
from core.store import tables
from core.store.tx import Prepared, Tx

KINDS = (
    "ticket.routed",
    "ticket.unrouted",
    "ticket.assigned",
    "ticket.prioritised",
    "suggestion.accepted",
)

ticket, event, agent, job = tables.ticket, tables.event, tables.agent, tables.job

_TICKET = Prepared(select(ticket).where(ticket.c.id == bindparam("id")))
_EVENTS = Prepared(
    select(event.c.seq, event.c.kind, event.c.at, event.c.actor, event.c.data)
    .where(
        event.c.ticket_id == bindparam("ticket_id"), or_(*(event.c.kind == literal(kind) for kind in KINDS))
    )
    .order_by(event.c.seq)
)
_AGENTS = Prepared(select(agent.c.id, agent.c.name))
_AGAIN = Prepared(
    select(job.c.due).where(job.c.shard == bindparam("shard"), job.c.idem_key == literal(AGAIN))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A rule that was looked at, or what came after the rules."""

    rule: str
    """`rule N`, `sales`, `competence`, `fallback`, `on-call`, `ladder`, `waits` or `by hand`."""
    group: str
    weight: int
    matched: bool
    code: str
    """Why: a word of the catalogue `why.code`; of tickets of before, a sentence."""
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something that put the ticket somewhere."""

    at: datetime
    kind: str
    by: str
    """Name of who did it; empty: the hub."""
    group: str | None
    how: str
    """Of `ticket.routed`: hours, on-call, ladder or waits; empty: by hand, or before that was kept."""
    steps: tuple[Step, ...]
    agent: str
    """Of `ticket.assigned`: name of who got it; empty: nobody."""
    considered: tuple[tuple[str, str], ...]
    """Of the same: (name, why) of the members that were looked at."""
    fields: tuple[str, ...]
    """Of `suggestion.accepted`."""
    priority: str
    computed: str
    """Of a priority set by hand: what the matrix said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """All of it, oldest first."""

    number: str
    group: str | None
    level: int
    next_try_at: datetime | None
    """When it is routed again; None: it is not."""
    history: tuple[Happened, ...]
    values: Mapping[str, Any]
    """Field to value: those that a ticket has to have, asset, site and priority."""
    provenance: Mapping[str, str]
    """Field to where the value came from; what is not in it came with the ticket itself."""


def of_ticket(tx: Tx, who: Principal, number: str) -> Why:
    """For staff. Raises NotFound out of scope, Forbidden for anybody outside."""
    row = tx.one(_TICKET, id=find(tx, who, number).id)
    acts.only_staff(who)
    assert row is not None  # it was found in this transaction
    names = {one.id: one.name for one in tx.all(_AGENTS)}
    again = tx.one(_AGAIN, shard=row.id)
    history = tuple(_happened(one, names) for one in tx.all(_EVENTS, ticket_id=row.id))
    return Why(
        number=row.number,
        group=row.desk_group,
        level=row.level,
        next_try_at=again.due if again else None,
        history=tuple(one for one in history if one is not None),
        values={name: getattr(row, name) for name in (*describing.FIELDS, "priority")},
        provenance=row.provenance,
    )


def _happened(row: Any, names: Mapping[str, str]) -> Happened | None:
    data = row.data
    if row.kind == "ticket.assigned" and "considered" not in data:
        return None  # by a person, who knows why
    steps = tuple(_step(one) for one in data.get("trace", ()))
    return Happened(
        at=row.at,
        kind=row.kind,
        by=names.get(row.actor.partition(":")[2], ""),
        group=data.get("group"),
        how=data.get("by", ""),
        steps=steps,
        agent=names.get(data.get("agent") or "", ""),
        considered=_named(data.get("considered", ()), names),
        fields=tuple(data.get("fields", ())),
        priority=data.get("priority", ""),
        computed=data.get("computed", "") if data.get("by_hand") else "",
    )


def _step(plain: Mapping[str, Any]) -> Step:
    return Step(
        rule=plain["rule"],
        group=plain.get("group", ""),
        weight=plain.get("weight", 0),
        matched=plain["matched"],
        code=plain.get("why", ""),
        value=plain.get("value", ""),
    )


def _named(found: Sequence[Sequence[str]], names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((names.get(one, ""), why) for one, why in found)
