"""The customer's portal: their requests, what happens next, what the contract covers."""

from __future__ import annotations

from aiohttp import web

from web.portal import asking, clocks, contract, home, reports, request

PARTS = (home, asking, contract, request, clocks, reports)


def routes(app: web.Application) -> None:
    """Add the pages of the portal."""
    for part in PARTS:
        part.routes(app)
