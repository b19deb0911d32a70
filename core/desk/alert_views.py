"""Which alarms does staff see? Lists of them, and whose eyes they are for.

Whoever sees everything sees every alarm; a technician those whose ticket they see, and those of a technology that one of their groups
works on or is sent. Customers see tickets, not alarms.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    bindparam,
    false,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
)

from core.alerting import Severity
from core.desk import acts, reference
from core.desk.alert_sources import OWN, SAID
from core.desk.errors import NotFound, invalid
from core.desk.listing import Condition, Order, Walk, edge, page_keys, until, write_cursor
from core.desk.principal import Principal
from core.desk.scope import Scope, scope
from core.desk.scope import find as find_ticket
from core.desk.views import Page
from core.store import tables
from core.store.columns import Id, from_micros
from core.store.tx import Prepared, Row, Tx

LOOKED = 10_000
"""Alarms that one page of a list looks through, so that no question costs more than this, however rare what is looked for."""
STATUSES = ("held", "firing", "acknowledged", "suppressed", "maintenance", "resolved", "expired")
SEVERITIES = tuple(str(one) for one in Severity if one is not Severity.OK)
alert, ticket, agent, customer = tables.alert, tables.ticket, tables.agent, tables.customer

_ORDER = Order(
    name="heard", columns=(type_coerce(alert.c.last_seen, BigInteger), alert.c.id), descending=True
)
_TEXTS = (alert.c.summary, alert.c.event, alert.c.resource, alert.c.asset, alert.c.dedup_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The ticket of an alarm, as far as the reader may see it."""

    number: str
    subject: str
    state: str
    priority: str
    group: str
    who: str
    """Name of who has it; empty: nobody yet."""
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm in a list."""

    id: str
    source: str
    status: str
    firing: bool
    severity: str
    worst: str
    customer: str | None
    customer_name: str
    site: str
    asset: str | None
    technology: str
    resource: str
    event: str
    summary: str
    count: int
    started_at: datetime
    ended_at: datetime | None
    first_seen: datetime
    last_seen: datetime
    flapping: bool
    accepted_risk: bool
    parent: str | None
    """Id of the alarm that explains it."""
    ticket: Work | None
    elsewhere: bool
    """It has a ticket that the reader may not see."""
    of_hub: bool
    """The hub says it, of itself or of a source that is silent."""

    @property
    def where(self) -> str:
        """The thing, as people know it."""
        return self.asset or self.resource

    @property
    def what(self) -> str:
        """What is wrong, in the words of the source; the thing is not named twice."""
        text = self.summary or self.event
        if self.where and text.lower().startswith(self.where.lower()):
            return text[len(self.where) :].lstrip(" :-\N{EN DASH},") or text
        return text

    @property
    def own(self) -> bool:
        """The hub reports itself: it is nobody's, and nobody has to say whose."""
        return self.source == OWN

    @property
    def unmapped(self) -> bool:
        """Nobody knows whose it is, or which thing. What the hub says of itself or of a source is about no thing of anybody's."""
        return not self.of_hub and (self.customer is None or self.asset is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Of a list. Empty, None and False: all."""

    status: str = ""
    """One of STATUSES, or `open`: whatever fires."""
    severity: str = ""
    customer: str = ""
    site: str = ""
    source: str = ""
    asset: str = ""
    ticket: str = ""
    """Its number."""
    parent: str = ""
    """Id of an alarm that explains it."""
    unmapped: bool = False
    q: str = ""


def rank(severity: str) -> int:
    """How bad, 0 the worst."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def explaining(parents: Mapping[str, str], one: str) -> list[str]:
    """What an alarm hangs on, the nearest first. `parents`: id of an alarm to the one that explains it.

    >>> explaining({"camera": "switch", "switch": "router"}, "camera")
    ['switch', 'router']
    >>> explaining({"a": "b", "b": "a"}, "a")
    ['b']
    """
    found: list[str] = []
    above = parents.get(one)
    while above is not None and above != one and above not in found:
        found.append(above)
        above = parents.get(above)
    return found


# --- Who sees what ------------------------------------------------------------------------------------------


def technologies(tx: Tx, who: Principal) -> tuple[str, ...]:
    """Those that the groups of somebody work on by name, or are sent by the routing table."""
    desk = reference.desk(tx)
    named = {name for group in who.groups if group in desk.groups for name in desk.groups[group].technologies}
    named |= {rule.technology for rule in desk.routing if rule.technology and rule.group in who.groups}
    return tuple(sorted(named))


def condition(tx: Tx, who: Principal) -> Condition:
    """On `alert`: what somebody may see."""
    mine = scope(who)
    if who.sees_everything or not who.is_agent:
        return Condition(shape=("alerts", who.sees_everything), build=true if who.sees_everything else false)
    theirs = technologies(tx, who)
    return Condition(
        shape=("alerts", mine.shape, len(theirs)),
        build=lambda: _visible(mine.shape, len(theirs)),
        values=dict(mine.values) | {f"technology_{n}": name for n, name in enumerate(theirs)},
    )


def _visible(shape: tuple[Hashable, ...], count: int) -> ColumnElement[bool]:
    of_ticket = select(ticket.c.id).where(
        ticket.c.id == alert.c.ticket_id, Scope(shape=shape, values={}).tested
    )
    # Tested from the left: whoever has no ticket to be looked at is not looked for.
    seen = and_(alert.c.ticket_id.is_not(None), of_ticket.correlate(alert).exists())
    if not count:
        return seen
    return or_(alert.c.technology.in_([bindparam(f"technology_{n}") for n in range(count)]), seen)


def find(tx: Tx, who: Principal, alert_id: str) -> Row:
    """The row of an alert. Raises NotFound, also for what this person may not see."""
    may = condition(tx, who)
    row = tx.one(_find(Shape(may)), id=alert_id, **may.values)
    if row is None:
        raise NotFound("there is no such alarm that you may see")
    return row


class Shape:
    """A condition as the key of a statement."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition

    def __hash__(self) -> int:
        return hash(self.condition.shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and other.condition.shape == self.condition.shape


@cache
def _find(of: Shape) -> Prepared:
    return Prepared(select(alert).where(alert.c.id == bindparam("id", type_=Id), of.condition.build()))


# --- Lists --------------------------------------------------------------------------------------------------


def listing(tx: Tx, who: Principal, wanted: Filter, *, cursor: str | None = None, limit: int = 50) -> Page:
    """One page of Alarm, what was heard last first. It looks through LOOKED of them: with `back_to`, older ones may be found by the next.

    Raises Forbidden for contacts, NotFound for a ticket out of scope, Invalid for a status, a severity or a cursor there is not.
    """
    acts.only_staff(who)
    if wanted.status not in ("", "open", *STATUSES):
        raise invalid("/status", f"must be one of open, {', '.join(STATUSES)}")
    if wanted.severity not in ("", *SEVERITIES):
        raise invalid("/severity", f"must be one of {', '.join(SEVERITIES)}")
    walk = Walk(also=(alert.c.firing,)) if wanted.status not in ("", "resolved", "expired") else Walk()
    if wanted.ticket:
        of = find_ticket(tx, who, wanted.ticket).id
        walk = Walk(held=(("ticket_id", of),), also=(alert.c.firing,) if walk.also else (), sort=True)
    conditions = [condition(tx, who), *_conditions(wanted)]
    full = who.sees_everything and len(conditions) == 1  # every row of the walk is one of the page
    last = None if wanted.ticket or full else edge(tx, alert, walk, _ORDER, cursor=cursor, rows=LOOKED)
    if last is not None:
        conditions.append(until(_ORDER, last))
    keys, further = page_keys(tx, alert, [walk], _ORDER, conditions, cursor=cursor, limit=limit)
    items = tuple(alarms(tx, who, [key[-1] for key in keys]))
    if further is None and last is not None:
        return Page(items=items, next=write_cursor(_ORDER, last), back_to=from_micros(last[0]))
    return Page(items=items, next=further)


def _conditions(wanted: Filter) -> list[Condition]:
    names = ("severity", "customer", "site", "source", "asset")
    found = [_equal(name, value) for name in names if (value := getattr(wanted, name))]
    if wanted.status not in ("", "open"):
        found.append(_equal("status", wanted.status))
    if wanted.parent:
        found.append(
            Condition(
                shape=("parent",),
                build=lambda: alert.c.parent_alert == bindparam("parent", type_=Id),
                values={"parent": wanted.parent},
            )
        )
    if wanted.unmapped:
        found.append(
            Condition(
                shape=("unmapped",),
                build=lambda: (
                    (alert.c.customer.is_(None) | alert.c.asset.is_(None))
                    & alert.c.dedup_key.not_like(literal(f"{SAID}%"))
                ),
            )
        )
    words = wanted.q.lower().split()[:5]
    if words:
        found.append(
            Condition(
                shape=("words", len(words)),
                build=lambda: _has(len(words)),
                values={f"word_{n}": _literally(word[:100]) for n, word in enumerate(words)},
            )
        )
    return found


def _equal(name: str, value: str) -> Condition:
    # One column after another is not an index: the walk has been chosen.
    return Condition(
        shape=("equal", name),
        build=lambda: func.coalesce(alert.c[name], literal("")) == bindparam(f"equal_{name}"),
        values={f"equal_{name}": value},
    )


def _has(count: int) -> ColumnElement[bool]:
    """All of so many words; what they are looked for in is put together once."""
    all_of_it: Any = literal("")
    for text in _TEXTS:
        all_of_it = all_of_it.concat(literal("\n")).concat(func.coalesce(text, literal("")))
    return and_(*(func.lower(all_of_it).contains(bindparam(f"word_{n}"), escape="\\") for n in range(count)))


def _literally(word: str) -> str:
    """What was typed is no pattern.

    >>> _literally("100%")
    '100\\\\%'
    """
    return re.sub(r"([\\%_])", r"\\\1", word)


_OF_TICKET = Prepared(
    select(alert.c.id, alert.c.firing, alert.c.parent_alert)
    .where(alert.c.ticket_id == bindparam("ticket_id", type_=Id))
    .order_by(alert.c.first_seen, alert.c.id)
)


def of_ticket(tx: Tx, who: Principal, ticket_id: str, *, limit: int = 20) -> tuple[Sequence[Alarm], int, int]:
    """Of a ticket that the reader may see: the first of its alarms, what fires first; how many there are, and how many fire."""
    rows = sorted(
        tx.all(_OF_TICKET, ticket_id=ticket_id),
        key=lambda row: (not row.firing, row.parent_alert is not None),
    )
    found = alarms(tx, who, [row.id for row in rows[:limit]])
    return found, len(rows), sum(row.firing for row in rows)


def alarms(tx: Tx, who: Principal, ids: Sequence[str]) -> list[Alarm]:
    """Those of these ids, in their order; whether they may be seen was asked before."""
    if not ids:
        return []
    mine = scope(who)
    named = {f"id_{n}": one for n, one in enumerate(ids)}
    rows = {row.id: row for row in tx.all(_rows(mine.shape, len(ids)), **named, **mine.values)}
    return [alarm(rows[one]) for one in ids if one in rows]


_COLUMNS = tuple(
    column
    for column in alert.c
    if column.name not in ("about", "transitions", "above", "body", "copies", "address")
)


def joined(shape: tuple[Any, ...]) -> Any:
    """What `alarm` needs, for the scope of a reader."""
    seen = (ticket.c.id == alert.c.ticket_id) & Scope(shape=shape, values={}).tickets
    return select(
        *_COLUMNS,
        customer.c.name.label("customer_name"),
        ticket.c.number.label("number"),
        ticket.c.subject.label("ticket_subject"),
        ticket.c.state.label("ticket_state"),
        ticket.c.priority.label("ticket_priority"),
        ticket.c.desk_group.label("ticket_group"),
        ticket.c.open.label("ticket_open"),
        agent.c.name.label("has_it"),
    ).select_from(
        alert.outerjoin(ticket, seen)
        .outerjoin(agent, agent.c.id == ticket.c.assignee)
        .outerjoin(customer, customer.c.code == alert.c.customer)
    )


@cache
def _rows(shape: tuple[Any, ...], size: int) -> Prepared:
    ids = [bindparam(f"id_{n}", type_=Id) for n in range(size)]
    return Prepared(joined(shape).where(alert.c.id.in_(ids)))


def alarm(row: Row) -> Alarm:
    """One of a row of `joined`."""
    work = None
    if row.number is not None:
        work = Work(
            number=row.number,
            subject=row.ticket_subject,
            state=row.ticket_state,
            priority=row.ticket_priority or "",
            group=row.ticket_group or "",
            who=row.has_it or "",
            open=row.ticket_open,
        )
    names = (
        "id source status firing severity worst customer site asset technology resource event summary count "
        "started_at ended_at first_seen last_seen accepted_risk"
    )
    return Alarm(
        **{name: getattr(row, name) for name in names.split()},
        customer_name=row.customer_name or row.customer or "",
        flapping=row.flapping_since is not None,
        parent=row.parent_alert,
        ticket=work,
        elsewhere=work is None and row.ticket_id is not None,
        of_hub=row.dedup_key.startswith(SAID),
    )
