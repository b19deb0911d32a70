"""Do the books of chats balance? What we said left once, what was offered can be done, and nobody waits for a choice for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
)

from core.rules import chatting, threading
from core.rules.chat_acts import Act
from core.store import tables
from core.store.tx import Prepared, Tx

WORST = 20  # faults listed of each kind
LATE = chatting.PATIENCE * 2
"""A hub that stood still shows what waited as soon as it runs again."""
TIMER = "chat-silent"

chat, word, button, identity = tables.chat, tables.chat_word, tables.chat_button, tables.identity
delivery, inbound, ticket = tables.delivery, tables.inbound, tables.ticket

OWN_DELIVERY = (
    select(word.c.id)
    .where(
        word.c.chat_id == delivery.c.ticket_id,
        word.c.id == delivery.c.message_id,
        delivery.c.thread_id == delivery.c.ticket_id,
    )
    .correlate(delivery)
    .exists()
)
"""A delivery of what was said beside all tickets; it has no ticket."""


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which row) each."""
    for kind, question in _QUESTIONS:
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about
    for row in tx.all(_WAITING):
        if row.detail.get("discarded_by"):
            continue
        if row.asked_at is None:
            yield "words that wait where nothing was asked", row.id
        elif row.asked_at < now - LATE:
            yield "words that wait for a choice beyond their time", row.id
    for row in tx.all(select(button.c.value).where(button.c.act == literal(str(Act.CHOOSE))).distinct()):
        if tx.one(_TICKET, id=row.value) is None:
            yield "button that chooses nothing", row.value


_TICKET = Prepared(select(ticket.c.id).where(ticket.c.id == bindparam("id")))


def _is_there(table: FromClause, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().select_from(table).where(*conditions).correlate_except(table)


_carried = (
    select(func.count())
    .select_from(delivery)
    .where(delivery.c.ticket_id == word.c.chat_id, delivery.c.message_id == word.c.id)
    .correlate(word)
    .scalar_subquery()
)
_held_for_choice = and_(
    inbound.c.outcome == literal("held"),
    inbound.c.reason == literal(threading.WHICH_TICKET),
    ~inbound.c.open,
)
_WAITING = (
    select(inbound.c.id, inbound.c.detail, chat.c.asked_at)
    .select_from(inbound.outerjoin(chat, chat.c.id == inbound.c.ticket_id))
    .where(_held_for_choice)
)
_timer = tuple(
    select(table.c.id)
    .where(table.c.shard == chat.c.id, table.c.kind == literal(TIMER))
    .correlate(chat)
    .exists()
    for table in (tables.job, tables.dead_job)
)
_survivor = tables.contact.alias("survivor")
_instead = delivery.alias("instead")
_QUESTIONS: tuple[tuple[str, Select[Any]], ...] = (
    (
        "words of a chat that is not there",
        select(word.c.id.label("about")).where(~_is_there(chat, chat.c.id == word.c.chat_id)),
    ),
    ("words of a chat without their one delivery", select(word.c.id.label("about")).where(_carried != 1)),
    (
        "button below nothing",
        select(button.c.message_id.label("about")).where(
            ~_is_there(word, word.c.id == button.c.message_id, word.c.chat_id == button.c.shard),
            ~_is_there(
                tables.message,
                tables.message.c.id == button.c.message_id,
                tables.message.c.ticket_id == button.c.shard,
            ),
            ~_is_there(
                tables.page,
                tables.page.c.id == button.c.message_id,
                tables.page.c.ticket_id == button.c.shard,
            ),
        ),
    ),
    (
        "question that no timer ends",
        select(chat.c.id.label("about")).where(chat.c.asked_at.is_not(None), *(~one for one in _timer)),
    ),
    (
        "account of somebody who does not exist",
        select(identity.c.address.label("about")).where(
            or_(
                and_(identity.c.contact.is_(None), identity.c.agent.is_(None)),
                and_(
                    identity.c.contact.is_not(None),
                    ~_is_there(tables.contact, tables.contact.c.id == identity.c.contact),
                ),
                and_(
                    identity.c.agent.is_not(None),
                    ~_is_there(tables.agent, tables.agent.c.id == identity.c.agent),
                ),
            )
        ),
    ),
    (
        "delivery passed on to nobody",
        select(delivery.c.id.label("about")).where(
            delivery.c.state == literal("passed_on"),
            ~_is_there(
                _instead,
                _instead.c.ticket_id == delivery.c.ticket_id,
                _instead.c.instead_of == delivery.c.id,
                _instead.c.message_id == delivery.c.message_id,
            ),
        ),
    ),
    (
        "contact merged into nobody",
        select(tables.contact.c.id.label("about")).where(
            tables.contact.c.merged_into.is_not(None),
            ~_is_there(
                _survivor,
                _survivor.c.id == tables.contact.c.merged_into,
                _survivor.c.customer == tables.contact.c.customer,
                _survivor.c.merged_into.is_(None),
            ),
        ),
    ),
    (
        "chat about a ticket that is not there",
        select(chat.c.id.label("about")).where(
            chat.c.ticket_id.is_not(None), ~_is_there(ticket, ticket.c.id == chat.c.ticket_id)
        ),
    ),
)
