"""What arrived, what left and who is asking, over the API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core.desk import search, stopped, waiting
from core.store.tx import Tx
from web.api import mail_shapes, shapes, shown
from web.api.endpoint import Body, Call, api
from web.api.tickets import PageQuery


class InboundQuery(PageQuery):
    """Which items."""

    outcome: Literal["ticket", "attached", "held", "alert", "machine", "exception", "duplicate"] | None = None
    waiting: Annotated[bool, Field(description="Only what staff have to decide.")] = False
    unknown: Annotated[
        bool, Field(description="Only bounces, receipts and other reports about no mail of ours.")
    ] = False


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
        Literal["message", "ticket", "note", "vendor"],
        Field(
            alias="as",
            description="message: part of the conversation it is held beside; note: for colleagues only; ticket: a new one; "
            "vendor: onto a case at a vendor of the ticket it is held beside.",
        ),
    ] = "message"
    ticket: Annotated[
        str | None,
        Field(
            max_length=20,
            description="Of words in a chat (reason which_ticket): the number of one of the requests that their author was asked about.",
        ),
    ] = None

    vendor_case: Annotated[
        str | None, Field(max_length=36, description="With vendor: which case of that ticket.")
    ] = None


class StoppedQuery(PageQuery):
    """Which addresses."""


class Nothing(Body):
    """No fields."""


@api("GET", "/inbound", query=InboundQuery, answer=shapes.InboundItems, errors=(403,))
def list_inbound(tx: Tx, call: Call) -> shapes.InboundItems:
    """What arrived and what became of it, newest first. For staff."""
    asked: InboundQuery = call.query
    found = search.inbound(
        tx,
        call.who,
        outcome=asked.outcome,
        waiting=asked.waiting,
        unknown=asked.unknown,
        cursor=asked.cursor,
        limit=asked.limit,
    )
    return shapes.InboundItems(items=[shown.inbound_item(row) for row in found.items], next=found.next)


@api("POST", "/inbound/{id}/accept", body=Accept, answer=shapes.InboundItem)
def accept_inbound(tx: Tx, call: Call) -> shapes.InboundItem:
    """Take a held item in."""
    asked: Accept = call.body
    _item(tx, call)
    waiting.release(
        tx,
        call.who,
        call.path["id"],
        as_=asked.take_as,
        ticket=asked.ticket,
        vendor_case=asked.vendor_case,
        now=call.now,
    )
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


@api("POST", "/inbound/retry", body=Nothing, answer=shapes.Retried, errors=(403,))
def retry_all_inbound(tx: Tx, call: Call) -> shapes.Retried:
    """Try once more to understand every exception that you see, a hundred at once: again until `tried` is 0. For staff."""
    return shapes.Retried(tried=waiting.retry_all(tx, call.who, before=call.now, now=call.now))


@api("GET", "/deliveries", query=DeliveryQuery, answer=mail_shapes.Deliveries, errors=(403,))
def list_deliveries(tx: Tx, call: Call) -> mail_shapes.Deliveries:
    """Everything that left or is about to, newest first. For staff."""
    asked: DeliveryQuery = call.query
    found = search.deliveries(
        tx, call.who, state=asked.state, ticket=asked.ticket, cursor=asked.cursor, limit=asked.limit
    )
    return mail_shapes.Deliveries(items=[shown.delivery(row) for row in found.items], next=found.next)


@api("GET", "/stopped-addresses", query=StoppedQuery, answer=mail_shapes.StoppedAddresses, errors=(403,))
def list_stopped_addresses(tx: Tx, call: Call) -> mail_shapes.StoppedAddresses:
    """Addresses that are dead, complained, or asked for no more, newest first: nothing automatic goes there, or nothing at all. For staff."""
    asked: StoppedQuery = call.query
    found = stopped.page(tx, call.who, cursor=asked.cursor, limit=asked.limit)
    return mail_shapes.StoppedAddresses(
        items=[shown.stopped_address(row) for row in found.items], next=found.next
    )


@api("POST", "/stopped-addresses/{address}/lift", body=Nothing, answer=mail_shapes.Lifted)
def lift_stopped_address(tx: Tx, call: Call) -> mail_shapes.Lifted:
    """Let mail leave for this address again. What did not leave meanwhile is sent again one by one."""
    stopped.lift(tx, call.who, call.path["address"], now=call.now)
    return mail_shapes.Lifted(address=call.path["address"])


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
    retry_all_inbound,
    list_deliveries,
    list_stopped_addresses,
    lift_stopped_address,
    get_me,
)
