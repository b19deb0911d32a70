"""Quick replies over the API: what staff may say at a ticket, filled in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.desk import quick_replies
from core.store.tx import Tx
from web.api import shapes
from web.api.endpoint import Call, Query, api


class QuickReplyQuery(Query):
    """At which ticket."""

    ticket: Annotated[str, Field(min_length=1, max_length=50, description="Number of a ticket.")]


@api("GET", "/quick-replies", query=QuickReplyQuery, answer=shapes.QuickReplies, errors=(403,))
def list_quick_replies(tx: Tx, call: Call) -> shapes.QuickReplies:
    """Quick replies for a ticket, in the customer's language. For staff; nothing is sent by them."""
    found = quick_replies.of_ticket(tx, call.who, call.query.ticket, now=call.now)
    return shapes.QuickReplies(
        items=[
            shapes.QuickReply(name=one.name, text=one.text, language=one.language, missing=list(one.missing))
            for one in found
        ]
    )


ENDPOINTS = (list_quick_replies,)
