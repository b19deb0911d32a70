"""What arrived, what left and who is asking, over the API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core.desk import search, waiting
from core.store.tx import Tx
from web.api import shapes, shown
from web.api.endpoint import Body, Call, api
from web.api.tickets import PageQuery


class InboundQuery(PageQuery):
    """Which items."""

    outcome: Literal["ticket", "attached", "held", "alert", "machine", "exception", "duplicate"] | None = None
    waiting: Annotated[bool, Field(description="Only what staff have to decide.")] = False


class DeliveryQuery(PageQuery):
    """Which deliveries."""

    state: (
        Literal[
            "queued",
            "collected",
            "sending",
            "sent",
            "bounced",
            "failed",
            "given_up",
            "passed_on",
            "held",
            "undelivered",
        ]
        | None
    ) = None
    ticket: Annotated[str | None, Field(max_length=50, description="Number of a ticket.")] = None


class Accept(Body):
    """What a held item becomes."""

    model_config = Body.model_config

    take_as: Annotated[
        Literal["message", "ticket", "note"],
        Field(
            alias="as",
            description="message: part of the conversation it is held beside; note: for colleagues only; ticket: a new one.",
        ),
    ] = "message"
    ticket: Annotated[
        str | None,
        Field(
            max_length=20,
            description="Of words in a chat (reason which_ticket): the number of one of the requests that their author was asked about.",
        ),
    ] = None


class Nothing(Body):
    """No fields."""


@api("GET", "/inbound", query=InboundQuery, answer=shapes.InboundItems, errors=(403,))
def list_inbound(tx: Tx, call: Call) -> shapes.InboundItems:
    """What arrived and what became of it, newest first. For staff."""
    asked: InboundQuery = call.query
    found = search.inbound(
        tx, call.who, outcome=asked.outcome, waiting=asked.waiting, cursor=asked.cursor, limit=asked.limit
    )
    return shapes.InboundItems(items=[shown.inbound_item(row) for row in found.items], next=found.next)


@api("POST", "/inbound/{id}/accept", body=Accept, answer=shapes.InboundItem)
def accept_inbound(tx: Tx, call: Call) -> shapes.InboundItem:
    """Take a held item in."""
    asked: Accept = call.body
    _item(tx, call)
    waiting.release(tx, call.who, call.path["id"], as_=asked.take_as, ticket=asked.ticket, now=call.now)
    return _item(tx, call)


@api("POST", "/inbound/{id}/discard", body=Nothing, answer=shapes.InboundItem)
def discard_inbound(tx: Tx, call: Call) -> shapes.InboundItem:
    """Leave a held item or an exception as it is: nobody has to look at it again."""
    _item(tx, call)
    waiting.discard(tx, call.who, call.path["id"], now=call.now)
    return _item(tx, call)


@api("POST", "/inbound/{id}/retry", body=Nothing, answer=shapes.InboundItem)
def retry_inbound(tx: Tx, call: Call) -> shapes.InboundItem:
    """Try once more to understand an exception."""
    _item(tx, call)
    waiting.retry(tx, call.who, call.path["id"], now=call.now)
    return _item(tx, call)


@api("GET", "/deliveries", query=DeliveryQuery, answer=shapes.Deliveries, errors=(403,))
def list_deliveries(tx: Tx, call: Call) -> shapes.Deliveries:
    """Everything that left or is about to, newest first. For staff."""
    asked: DeliveryQuery = call.query
    found = search.deliveries(
        tx, call.who, state=asked.state, ticket=asked.ticket, cursor=asked.cursor, limit=asked.limit
    )
    return shapes.Deliveries(items=[shown.delivery(row) for row in found.items], next=found.next)


@api("GET", "/me", answer=shapes.Me)
def get_me(_: Tx, call: Call) -> shapes.Me:
    """Whose token this is: who, role, scopes."""
    return shown.me(call.who)


def _item(tx: Tx, call: Call) -> shapes.InboundItem:
    """As the caller sees it; for who may not see it there is none."""
    return shown.inbound_item(search.inbound_item(tx, call.who, call.path["id"]))


ENDPOINTS = (
    list_inbound,
    accept_inbound,
    discard_inbound,
    retry_inbound,
    list_deliveries,
    get_me,
)
