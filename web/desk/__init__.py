"""The shared inbox and everything behind it, for staff."""

from __future__ import annotations

from aiohttp import web

from web.desk import (
    calls,
    capacity,
    duties,
    flow_editor,
    flow_rehearsal,
    flows,
    inbox,
    outages,
    outgoing,
    persons,
    qualify,
    routing,
    softphone,
    stuck,
    tasks,
    ticket,
    waiting,
    why,
)

PARTS = (
    duties,
    inbox,
    ticket,
    waiting,
    outgoing,
    calls,
    outages,
    softphone,
    flows,
    flow_editor,
    flow_rehearsal,
    stuck,
    persons,
    tasks,
    qualify,
    routing,
    capacity,
    why,
)


def routes(app: web.Application) -> None:
    """Add the pages of the desk."""
    for part in PARTS:
        part.routes(app)
