"""The shared inbox and everything behind it, for staff."""

from __future__ import annotations

from aiohttp import web

from web.desk import (
    alarms,
    calendars,
    calls,
    capacity,
    clocks,
    contracts,
    duties,
    engineer,
    flow_editor,
    flow_rehearsal,
    flows,
    inbox,
    incidents,
    joining,
    maintenance,
    operations,
    outages,
    outgoing,
    papers,
    persons,
    problems,
    qualify,
    replay,
    reports,
    routing,
    service_levels,
    softphone,
    sources,
    stuck,
    tasks,
    ticket,
    ticket_contract,
    vendors,
    visits,
    waiting,
    why,
)

PARTS = (
    duties,
    engineer,
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
    maintenance,
    alarms,
    sources,
    contracts,
    ticket_contract,
    vendors,
    softphone,
    flows,
    flow_editor,
    flow_rehearsal,
    stuck,
    persons,
    problems,
    tasks,
    qualify,
    replay,
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
