"""The REST API under /api/v1: endpoints on the desk's own verbs, and the document that describes them."""

from __future__ import annotations

import re

from aiohttp import web

from core.desk.principal import Principal
from web.api import (
    alerts,
    calls,
    clocks,
    contacts,
    contracts,
    domains,
    duties,
    explained_mail,
    flows,
    joining,
    known,
    mail,
    maintenance,
    me,
    openapi,
    outages,
    papers,
    quick_replies,
    readable,
    replay,
    reports,
    routing,
    service_levels,
    tasks,
    tickets,
    traffic,
    vendors,
    verbs,
    visit_answers,
    visit_crew,
    visits,
)
from web.api.endpoint import Endpoint, Outside
from web.api.openapi import BASE
from web.api.problems import ApiError
from web.api.serve import API, Api, guarded, handler, make_api

__all__ = ["API", "ENDPOINTS", "Api", "Outside", "make_api", "routes"]

ENDPOINTS: tuple[Endpoint, ...] = (
    *tickets.ENDPOINTS,
    *verbs.ENDPOINTS,
    *calls.ENDPOINTS,
    *clocks.ENDPOINTS,
    *service_levels.ENDPOINTS,
    *outages.ENDPOINTS,
    *alerts.ENDPOINTS,
    *papers.ENDPOINTS,
    *reports.ENDPOINTS,
    *flows.ENDPOINTS,
    *me.ENDPOINTS,
    *contacts.ENDPOINTS,
    *contracts.ENDPOINTS,
    *domains.ENDPOINTS,
    *explained_mail.ENDPOINTS,
    *joining.ENDPOINTS,
    *known.ENDPOINTS,
    *mail.ENDPOINTS,
    *maintenance.ENDPOINTS,
    *traffic.ENDPOINTS,
    *quick_replies.ENDPOINTS,
    *replay.ENDPOINTS,
    *routing.ENDPOINTS,
    *duties.ENDPOINTS,
    *tasks.ENDPOINTS,
    *visit_answers.ENDPOINTS,
    *visit_crew.ENDPOINTS,
    *visits.ENDPOINTS,
    *vendors.ENDPOINTS,
)


def routes(app: web.Application) -> None:
    """Add the API to an app that holds its shared parts: `app[API] = make_api(db)`."""
    for endpoint in ENDPOINTS:
        app.router.add_route(endpoint.method, BASE + endpoint.path, handler(endpoint))
    app.router.add_get(f"{BASE}/openapi.json", _document)
    app.router.add_get("/api", _readable)
    app.router.add_route("*", BASE, _elsewhere)
    app.router.add_route("*", f"{BASE}/{{tail:.*}}", _elsewhere)


async def _document(request: web.Request) -> web.Response:
    facts = request.app[API].db.facts
    made = openapi.make(ENDPOINTS, public_url=facts.public_url, name=facts.name)
    return web.json_response(made, headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})


async def _readable(request: web.Request) -> web.Response:
    return readable.page(ENDPOINTS, name=request.app[API].db.facts.name)


async def _elsewhere(request: web.Request) -> web.Response:
    """An address there is not, or a method that the address does not have."""
    return await guarded(request, lambda who: _refuse(request, who))


async def _refuse(request: web.Request, _: Principal) -> web.Response:
    below = request.path.removeprefix(BASE)
    allowed = sorted({one.method for one in ENDPOINTS if _matches(one, below)})
    if below == "/openapi.json":
        allowed = ["GET"]
    if allowed:
        raise ApiError("wrong-method", headers={"Allow": ", ".join(allowed)})
    raise ApiError("not-found", "there is no such address: the document at /api/v1/openapi.json lists all")


def _matches(endpoint: Endpoint, below: str) -> bool:
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", endpoint.path), below) is not None
