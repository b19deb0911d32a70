"""The shared inbox and everything behind it, for staff."""

from __future__ import annotations

from aiohttp import web

from web.desk import (
    calls,
    contracts,
    flow_editor,
    flow_rehearsal,
    flows,
    inbox,
    outages,
    outgoing,
    persons,
    softphone,
    stuck,
    ticket,
    ticket_contract,
    waiting,
)

PARTS = (
    inbox,
    ticket,
    waiting,
    outgoing,
    calls,
    outages,
    contracts,
    ticket_contract,
    softphone,
    flows,
    flow_editor,
    flow_rehearsal,
    stuck,
    persons,
)


def routes(app: web.Application) -> None:
    """Add the pages of the desk."""
    for part in PARTS:
        part.routes(app)
