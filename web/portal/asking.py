"""How does a customer ask for something? One form; what the contract answers is said before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from core.desk import coverage, requests
from core.desk.errors import DeskError, Invalid, Refused
from core.desk.principal import Principal
from core.store.tx import Tx
from web import files, refusals
from web.portal import notices
from web.portal.frame import contact
from web.sign_in import form_id
from web.site import SITE, now
from web.words import say

CHOSEN = ("request_type", "technology", "asset", "site")
MAX_FORM_ID = 100  # characters


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/portal/new", show)
    app.router.add_post("/portal/new", send)


async def show(request: web.Request) -> web.StreamResponse:
    """The empty form."""
    return await _page(request, {})


async def send(request: web.Request) -> web.StreamResponse:
    """Without `send` it only says what the contract answers; with it the request is made, once for each form."""
    site, who = request.app[SITE], contact(request)
    fields, sent = await files.form(request)
    if "send" not in fields:
        return await _page(request, fields, asked=True, lost=bool(sent))
    try:
        number = await site.db.write(
            requests.open_request,
            who,
            subject=fields.get("subject", ""),
            text=fields.get("text", ""),
            also_by=site.also_by,
            files=sent,
            idem=fields.get("form", "")[:MAX_FORM_ID],
            now=now(),
            **_named(fields),
        )
    except Invalid as error:
        return await _page(request, fields, status=422, wrong=error, asked=True, lost=bool(sent))
    except Refused as error:
        return await _page(request, fields, status=409, wrong=error, lost=bool(sent))
    raise web.HTTPSeeOther(f"/portal/requests/{number}?new=1")


async def _page(
    request: web.Request,
    fields: Mapping[str, str],
    *,
    status: int = 200,
    wrong: DeskError | None = None,
    asked: bool = False,
    lost: bool = False,
) -> web.Response:
    site, who = request.app[SITE], contact(request)
    found = await site.db.read(_answer, who, _named(fields), now=now(), asked=asked)
    limits = site.settings.limits
    return site.pages.page(
        request,
        "portal/new.html",
        status=status,
        typed=fields,
        form_id=fields.get("form") or form_id(),
        wrong=wrong,
        faults=refusals.by_field(wrong, say(who.language), "portal"),
        lost=lost,
        upload_file=limits.upload_file,
        upload_request=limits.upload_request,
        **found,
    )


def _answer(
    tx: Tx, who: Principal, named: Mapping[str, Any], *, now: datetime, asked: bool
) -> dict[str, Any]:
    choices = coverage.choices(tx, who, now=now)
    known = {
        "request_type": choices["request_types"],
        "technology": choices["technologies"],
        "asset": [one.name for one in choices["assets"]],
        "site": choices["sites"],
    }
    usable = {name: value for name, value in named.items() if name not in known or value in known[name]}
    return {
        "choices": choices,
        "outages": [one for one in notices.of(tx, who, now=now) if one.outage.state == "running"],
        "preview": coverage.preview(tx, who, now=now, **usable) if asked else None,
    }


def _named(fields: Mapping[str, str]) -> dict[str, Any]:
    numbers = {
        name: int(fields[name]) for name in ("impact", "urgency") if fields.get(name, "") in tuple("1234")
    }
    return {name: fields.get(name) or None for name in CHOSEN} | {"impact": None, "urgency": None} | numbers
