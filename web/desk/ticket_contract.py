"""Why was this ticket judged so? The evidence of its contract checks, the work on it, and a way to override."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from core.desk import activities, contract_changes, contract_evidence, entitle, resolution
from core.desk.errors import DeskError, Invalid, Refused, Stale, invalid
from web import guard, moments, numbers, refusals
from web.desk import checked, telling
from web.desk.contract_forms import Fields
from web.desk.contracts import place
from web.desk.frame import around, staff
from web.sign_in import form_id
from web.site import SITE, now
from web.words import say

MAX_FORM_ID = 100  # characters


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/tickets/{number}/contract", show)
    app.router.add_post("/desk/tickets/{number}/contract/{verb:override|recheck|work}", act)


async def show(request: web.Request) -> web.StreamResponse:
    """All checks, newest first."""
    return await _page(request)


async def act(request: web.Request) -> web.StreamResponse:
    """Override, check again, or enter work."""
    site, who = request.app[SITE], staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    number, verb = request.match_info["number"], request.match_info["verb"]
    zone = ZoneInfo(site.settings.hub.time_zone)
    try:
        match verb:
            case "override":
                until = moments.of_form(form, "until", zone)
                if until is None:
                    raise invalid("/until", "say until when the work may go on")
                reason = str(form.get("reason", ""))
                await site.db.write(resolution.override, who, number, reason=reason, until=until, now=now())
            case "recheck":
                await site.db.write(contract_changes.recheck, who, number, now=now())
            case _:
                await site.db.write(
                    activities.log,
                    who,
                    number,
                    minutes=numbers.whole(str(form.get("minutes", "")).strip(), digits=6) or 0,
                    kind=str(form.get("kind", "")),
                    at=moments.of_form(form, "at", zone),
                    text=str(form.get("text", "")),
                    idem=str(form.get("form", ""))[:MAX_FORM_ID],
                    now=now(),
                )
    except (Invalid, Refused, Stale) as error:
        if isinstance(error, Refused) and error.code == "exhausted":
            await site.db.write(entitle.refused_for_want, number, now=now())
        return await _page(request, wrong=error, verb=verb, form=form)
    raise web.HTTPSeeOther(f"/desk/tickets/{number}/contract")


async def _page(
    request: web.Request, *, wrong: DeskError | None = None, verb: str = "", form: Fields | None = None
) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    found = await site.db.read(contract_evidence.of_ticket, who, request.match_info["number"], now=at)
    t, zone = say(who.language), ZoneInfo(site.settings.hub.time_zone)
    faults = {}
    if isinstance(wrong, Invalid):
        faults = {fault.pointer.strip("/"): refusals.what(fault, t) for fault in wrong.faults}
    typed: dict[str, Any] = {name: str(value) for name, value in form.items()} if form is not None else {}
    return site.pages.page(
        request,
        "inbox/ticket_contract.html",
        status=200 if wrong is None else 422 if isinstance(wrong, Invalid) else 409,
        view="",
        given={},
        found=found,
        ticket=found.ticket,
        reason_words=lambda reason: telling.reason(reason, t),
        lost=lambda why: checked.lost(why, t),
        known=lambda inputs: checked.known(inputs, t, zone, who.language),
        place=place,
        kinds=activities.KINDS,
        may_override=who.leads and found.ticket.open,
        may_work=found.ticket.state not in (*activities.ENDED, "on_hold"),
        wrong=wrong,
        verb=verb,
        faults=faults,
        typed=typed,
        form_id=form_id(),
        **await around(request, who),
    )
