"""One's own accounts on chats over the API: which are connected, a code for another one, and the end of one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.desk import linking
from core.desk.errors import invalid
from core.store.tx import Tx
from web.api import shapes
from web.api.endpoint import Body, Call, api


class Connect(Body):
    """On which channel."""

    channel: Annotated[str, Field(min_length=1, max_length=20, description="telegram, for example.")]


@api("GET", "/me/links", answer=shapes.Links)
def list_links(tx: Tx, call: Call) -> shapes.Links:
    """The accounts on chats that are connected to you, oldest first."""
    return _links(tx, call)


@api("POST", "/me/links", body=Connect, answer=shapes.LinkCode, status=201, fleeting=True)
def connect_link(tx: Tx, call: Call) -> shapes.LinkCode:
    """A code that connects the account that brings it: once, within ten minutes, instead of any earlier one.

    It is shown this once, so that no Idempotency-Key is taken.
    """
    asked: Connect = call.body
    channel = call.linking.get(asked.channel)
    if channel is None:
        known = ", ".join(sorted(call.linking)) or "none here"
        raise invalid("/channel", f"accounts are connected on: {known}")
    issued = linking.issue(tx, call.who, channel.name, now=call.now)
    return shapes.LinkCode(code=issued.code, url=channel.link(issued.code), expires_at=issued.expires_at)


@api("DELETE", "/me/links/{address}", answer=shapes.Links)
def disconnect_link(tx: Tx, call: Call) -> shapes.Links:
    """Disconnect an account: nothing of yours is said there any more. Answers the accounts that are left."""
    linking.disconnect(tx, call.who, call.path["address"], now=call.now)
    return _links(tx, call)


def _links(tx: Tx, call: Call) -> shapes.Links:
    return shapes.Links(
        items=[
            shapes.Link(
                channel=row.channel, address=row.address, name=row.name, proof=row.proof, since=row.since
            )
            for row in linking.mine(tx, call.who)
        ]
    )


ENDPOINTS = (list_links, connect_link, disconnect_link)
