"""The shared inbox and everything behind it, for staff."""

from __future__ import annotations

from aiohttp import web

from web.desk import (
    calendars,
    calls,
    capacity,
    clocks,
    contracts,
    duties,
    flow_editor,
    flow_rehearsal,
    flows,
    inbox,
    incidents,
    joining,
    operations,
    outages,
    outgoing,
    papers,
    persons,
    qualify,
    reports,
    routing,
    service_levels,
    softphone,
    stuck,
    tasks,
    ticket,
    ticket_contract,
    visits,
    waiting,
    why,
)

PARTS = (
    duties,
    inbox,
    incidents,
    joining,
    ticket,
    waiting,
    outgoing,
    papers,
    reports,
    operations,
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
    tasks,
    qualify,
    routing,
    capacity,
    clocks,
    calendars,
    service_levels,
    why,
    visits,
)


def routes(app: web.Application) -> None:
    """Add the pages of the desk."""
    for part in PARTS:
        part.routes(app)
