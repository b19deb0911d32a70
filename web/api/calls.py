"""Telephone calls over the API: who calls, what was said by keys, who waits to be called back, and what staff do with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core.desk import call_desk, call_out
from core.desk.call_views import CallbackView
from core.store.tx import Tx
from web.api import shapes, shown
from web.api.endpoint import Body, Call, api
from web.api.tickets import Name, PageQuery, ticket_now


class CallQuery(PageQuery):
    """Which calls."""

    outcome: (
        Literal["spoke", "recorded", "voicemail", "callback", "informed", "missed", "short", "tried"] | None
    ) = None
    live: Annotated[bool, Field(description="Only those that are not over.")] = False


class Nothing(Body):
    """No fields."""


class About(Body):
    """What the call is about."""

    ticket: Annotated[str, Field(min_length=1, max_length=50, description="Number.")]


class Request(Body):
    """What you heard. What is left out keeps what the caller's keys said."""

    customer: Annotated[Name | None, Field(description="Code.")] = None
    contact: Annotated[Name | None, Field(description="E-mail or id.")] = None
    request_type: Name | None = None
    technology: Name | None = None
    impact: Annotated[int | None, Field(ge=1, le=3)] = None
    urgency: Annotated[int | None, Field(ge=1, le=4)] = None
    asset: Name | None = None
    site: Name | None = None


class Dial(Body):
    """Whom to call; left out: the number that waits, else the one that is known."""

    to: Annotated[str, Field(max_length=50, description="A telephone number.")] = ""


@api("GET", "/calls", query=CallQuery, answer=shapes.Calls)
def list_calls(tx: Tx, call: Call) -> shapes.Calls:
    """Calls, newest first: staff see those of their scope, contacts those of their own tickets."""
    asked: CallQuery = call.query
    found = call_desk.log(
        tx, call.who, outcome=asked.outcome, live=asked.live, cursor=asked.cursor, limit=asked.limit
    )
    return shapes.Calls(items=[shown.call_summary(one) for one in found.items], next=found.next)


@api("GET", "/calls/{id}", answer=shapes.Call)
def get_call(tx: Tx, call: Call) -> shapes.Call:
    """A call with its steps and recordings. A contact sees that it was there, and recordings they may hear."""
    return shown.call(call_desk.one(tx, call.who, call.path["id"]))


@api("POST", "/calls/{id}/answer", body=Nothing, answer=shapes.Call)
def answer_call(tx: Tx, call: Call) -> shapes.Call:
    """Take the call of somebody who waits: your telephone rings next; on the line of practice you speak at once."""
    call_desk.answer(tx, call.who, call.path["id"], now=call.now)
    return shown.call(call_desk.one(tx, call.who, call.path["id"]))


@api("POST", "/calls/{id}/about", body=About, answer=shapes.Ticket)
def say_what_call_is_about(tx: Tx, call: Call) -> shapes.Ticket:
    """The call you lead is about this ticket: a conversation of it from now on."""
    asked: About = call.body
    return ticket_now(tx, call, call_desk.this_is(tx, call.who, call.path["id"], asked.ticket, now=call.now))


@api("POST", "/calls/{id}/request", body=Request, answer=shapes.Ticket)
def open_request_of_call(tx: Tx, call: Call) -> shapes.Ticket:
    """The call you lead is a request of its own."""
    number = call_desk.new_request(tx, call.who, call.path["id"], now=call.now, **dict(call.body))
    return ticket_now(tx, call, number)


@api("GET", "/callbacks", answer=shapes.Callbacks, errors=(403,))
def list_callbacks(tx: Tx, call: Call) -> shapes.Callbacks:
    """Who waits to be called back, in turn: at most 200. For staff."""
    return shapes.Callbacks(items=[_callback(one) for one in call_desk.callbacks(tx, call.who)])


@api("POST", "/callbacks/{number}/dial", body=Dial, answer=shapes.Call)
def call_back(tx: Tx, call: Call) -> shapes.Call:
    """Call the person of a ticket: your telephone rings first, then theirs. What came of it is on the ticket."""
    asked: Dial = call.body
    made = call_out.call_back(tx, call.who, call.number, to=asked.to, now=call.now)
    return shown.call(call_desk.one(tx, call.who, made))


@api("POST", "/callbacks/{number}/done", body=Nothing, answer=shapes.Ticket)
def done_by_hand(tx: Tx, call: Call) -> shapes.Ticket:
    """You called with another telephone: nobody waits any more on this ticket."""
    call_out.done_by_hand(tx, call.who, call.number, now=call.now)
    return ticket_now(tx, call, call.number)


def _callback(view: CallbackView) -> shapes.Callback:
    return shapes.Callback(
        ticket=view.ticket,
        subject=view.subject,
        customer=view.customer_name,
        call=view.call,
        number=view.number,
        name=view.name,
        group=view.group or None,
        reason=view.reason,
        since=view.since,
    )


ENDPOINTS = (
    list_calls,
    get_call,
    answer_call,
    say_what_call_is_about,
    open_request_of_call,
    list_callbacks,
    call_back,
    done_by_hand,
)
