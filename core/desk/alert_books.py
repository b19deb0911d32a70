"""Do the books of alarms balance? What fires has its place or waits for it, tickets and alarms know each other, and counts add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select

from core.desk import alert_rows, alert_tickets
from core.rules.joining import Tie
from core.rules.workflow import State
from core.store import tables
from core.store.tx import Tx

WORST = 20  # faults listed of each kind

alert, episode, decision, ticket = tables.alert, tables.alert_episode, tables.alert_decision, tables.ticket
event = tables.event
joining, link, message, state = tables.joining, tables.ticket_link, tables.message, tables.source_state

WAITS = ("held", "maintenance")
PLACED = ("firing", "acknowledged")
NOBODY_CALLED = ("stored", "quiet")
"""Decisions after which an alarm fires and has no ticket."""


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which row) each."""
    for kind, question in _QUESTIONS:
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about
    yield from _forgotten(tx)
    yield from _told_twice(tx)


def _forgotten(tx: Tx) -> Iterator[tuple[str, str]]:
    """A ticket whose alarms are all over, and nobody will look at it. Who has it in hand decides for themselves."""
    for row in tx.all(_OVER):
        if alert_tickets.RECOVERED not in row.flags and not alert_tickets.touched(tx, row.id):
            yield "ticket whose alarms are over, which nobody will close", row.about


def _told_twice(tx: Tx) -> Iterator[tuple[str, str]]:
    told = Counter(
        (row.about, row.thread_id)
        for row in tx.all(_TOLD)
        if any(step["key"] == alert_tickets.NOTICED for step in (row.made_from or {}).get("steps", ()))
    )
    for (number, _), times in told.items():
        if times > 1:
            yield "conversation that was told of its alarms more than once", number


def _no_job(kind: str, shard: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(
        *(
            ~exists().where(table.c.shard == shard, table.c.kind == literal(kind))
            for table in (tables.job, tables.dead_job)
        )
    )


def _words(words: tuple[str, ...]) -> list[ColumnElement[str]]:
    return [literal(word) for word in words]


def _counted(column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Any:
    return select(func.coalesce(column, 0)).where(*conditions).scalar_subquery()


_of_alert = (episode.c.alert_id == alert.c.id,)
_now = and_(*_of_alert, episode.c.n == alert.c.episode)
_decided = (decision.c.alert_id == alert.c.id,)
_parent = alert.alias("parent")

_OVER = (
    select(ticket.c.id, ticket.c.number.label("about"), ticket.c.flags)
    .where(
        ticket.c.open.is_(True),
        exists().where(alert.c.ticket_id == ticket.c.id),
        ~exists().where(alert.c.ticket_id == ticket.c.id, alert.c.firing.is_(True)),
        ~exists().where(
            alert.c.ticket_id == ticket.c.id,
            state.c.name == alert.c.source,
            state.c.silent_since.is_not(None),
        ),
        _no_job(alert_rows.OVER, ticket.c.id),
    )
    .limit(WORST)
)
_TOLD = (
    select(ticket.c.number.label("about"), message.c.thread_id, message.c.made_from)
    .select_from(message.join(ticket, ticket.c.id == message.c.ticket_id))
    .where(
        ticket.c.channel == literal(alert_tickets.CHANNEL),
        message.c.kind == literal("progress"),
        message.c.automatic.is_(True),
    )
)


def _alerts(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(alert.c.id.label("about")).where(*conditions)


_QUESTIONS: tuple[tuple[str, Select[Any]], ...] = (
    (
        "alarm and episode that do not agree whether it fires",
        _alerts(
            or_(
                and_(alert.c.firing.is_(True), ~exists().where(_now, episode.c.ended_at.is_(None))),
                exists().where(
                    *_of_alert,
                    episode.c.ended_at.is_(None),
                    or_(alert.c.firing.is_(False), episode.c.n != alert.c.episode),
                ),
            )
        ),
    ),
    (
        "episode without its alarm",
        select(episode.c.alert_id.label("about")).where(~exists().where(alert.c.id == episode.c.alert_id)),
    ),
    (
        "alarm whose count is not the sum of its episodes",
        _alerts(
            or_(
                alert.c.count != _counted(func.sum(episode.c.count), *_of_alert),
                alert.c.episode != _counted(func.count(), *_of_alert),
                alert.c.episode != _counted(func.max(episode.c.n), *_of_alert),
            )
        ),
    ),
    (
        "alarm with a gap in what was decided of it",
        _alerts(
            or_(
                alert.c.decided != _counted(func.count(), *_decided),
                alert.c.decided != _counted(func.max(decision.c.seq), *_decided),
            )
        ),
    ),
    (
        "alarm of a ticket that there is not, or that went into another one",
        _alerts(
            alert.c.ticket_id.is_not(None),
            ~exists().where(ticket.c.id == alert.c.ticket_id, ticket.c.state != literal(str(State.MERGED))),
        ),
    ),
    (
        "episode of a ticket that there is not, or that went into another one",
        select(episode.c.alert_id.label("about")).where(
            episode.c.ticket_id.is_not(None),
            ~exists().where(ticket.c.id == episode.c.ticket_id, ticket.c.state != literal(str(State.MERGED))),
        ),
    ),
    (
        "ticket of devices without an alarm",
        select(ticket.c.number.label("about")).where(
            ticket.c.channel == literal(alert_tickets.CHANNEL),
            ~exists().where(episode.c.ticket_id == ticket.c.id),
            # A person put its alarm to another one.
            ~exists().where(event.c.ticket_id == ticket.c.id, event.c.kind == literal("alert.moved")),
            ~exists().where(or_(joining.c.ticket_id == ticket.c.id, joining.c.into_id == ticket.c.id)),
            ~exists().where(
                link.c.ticket_id == ticket.c.id, link.c.kind.in_(_words((str(Tie.PARENT), str(Tie.CHILD))))
            ),
        ),
    ),
    (
        "alarm that fires and belongs nowhere",
        _alerts(
            alert.c.firing.is_(True),
            alert.c.status.in_(_words(PLACED)),
            exists().where(_now, episode.c.ticket_id.is_(None)),
            ~exists().where(
                *_decided,
                decision.c.kind.in_(_words(NOBODY_CALLED)),
                decision.c.at >= alert.c.received_at,
            ),
        ),
    ),
    (
        "alarm under one that there is not",
        _alerts(
            alert.c.firing.is_(True),
            alert.c.status == literal("suppressed"),
            ~exists().where(_parent.c.id == alert.c.parent_alert),
        ),
    ),
    (
        "alarm that waits, and nobody will look at it",
        _alerts(
            alert.c.firing.is_(True),
            alert.c.status.in_(_words(WAITS)),
            _no_job(alert_rows.TIMER, alert.c.id),
        ),
    ),
)
