"""What devices report: the list, the board on the wall, one alarm with all that was decided of it, and what hangs on what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from multidict import MultiDictProxy

from core.desk import (
    alert_acts,
    alert_board,
    alert_looking,
    alert_source_views,
    alert_tree,
    alert_views,
    incident_views,
    offers,
    people,
    reference,
    search,
    window_views,
)
from core.desk.alert_views import Filter
from core.desk.errors import DeskError, Forbidden, Invalid, NotFound, Refused
from core.desk.principal import Principal
from core.desk.views import TicketRow
from core.store.tx import Tx
from web import alarm_drawing, alarm_words, guard, refusals
from web.desk.frame import around, staff
from web.pages import day_and_time
from web.site import SITE, now
from web.words import say

Form = MultiDictProxy[Any]

FILTERS = ("status", "severity", "customer", "site", "source", "asset", "ticket", "parent", "q")
NAMED = ((2, 9), (4, 4), (11, 2))
"""So many customers, so many alarms of each that the board names: what a screen holds. With more customers it is one of each."""
WINDOWS = 6
"""So many windows of maintenance that go on are named on the board."""
OFFERED = 20
"""So many open requests of the customer are offered to put an alarm into."""
ID = "{id:[0-9a-f-]{36}}"


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/alarms", show)
    app.router.add_get("/desk/alarms/board", board)
    app.router.add_get("/desk/alarms/tree", tree)
    app.router.add_get("/desk/alarms/assets/{customer}/{asset}", of_asset)
    app.router.add_get(f"/desk/alarms/{ID}", show_one)
    app.router.add_post(f"/desk/alarms/{ID}/{{verb}}", act)


# --- The list -----------------------------------------------------------------------------------------------


async def show(request: web.Request) -> web.StreamResponse:
    """What fires, or what one looks for; what was heard last first."""
    site, who = request.app[SITE], staff(request)
    given = {name: request.query.get(name, "")[:300] for name in FILTERS}
    if not request.query:
        given["status"] = "open"
    wanted = Filter(**given, unmapped="unmapped" in request.query)
    page = await site.db.read(alert_views.listing, who, wanted, cursor=request.query.get("cursor"))
    kept = {name: value for name, value in given.items() if value} | (
        {"unmapped": "1"} if wanted.unmapped else {}
    )
    choices = await site.db.read(_choices, who)
    return site.pages.page(
        request,
        "inbox/alarms.html",
        view="alarms",
        given={},
        wanted=wanted,
        items=page.items,
        more=f"/desk/alarms?{urlencode(kept | {'cursor': page.next})}" if page.next else "",
        back_to=page.back_to,
        narrowed=bool(set(kept) - {"status"}) or wanted.status != "open",
        statuses=("open", *alert_views.STATUSES),
        severities=alert_views.SEVERITIES,
        **choices,
        **await around(request, who),
    )


def _choices(tx: Tx, who: Principal) -> dict[str, Any]:
    return {
        "customers": people.customers(tx),
        "sources": [one.name for one in alert_source_views.sources(tx, who)],
    }


# --- The board ----------------------------------------------------------------------------------------------


async def board(request: web.Request) -> web.StreamResponse:
    """For the wall: what fires now, by customer, to be read from three metres."""
    site, who = request.app[SITE], staff(request)
    at = now()
    found, silent, incidents, windows = await site.db.read(_board, who, at)
    shown = next((named for most, named in NAMED if len(found.customers) <= most), 1)
    return site.pages.page(
        request,
        "inbox/alarm_board.html",
        view="alarms",
        given={},
        board=found,
        shown=shown,
        most=alert_board.SHOWN,
        silent=silent,
        incidents=incidents,
        windows=windows,
        named=WINDOWS,
        **await around(request, who),
    )


def _board(
    tx: Tx, who: Principal, at: datetime
) -> tuple[
    alert_board.Board, list[alert_source_views.Source], Mapping[str, int], list[window_views.Occurrence]
]:
    found = alert_board.board(tx, who)
    numbers = [one.ticket.number for of in found.customers for one in of.alarms if one.ticket]
    return (
        found,
        alert_source_views.silent(tx, who),
        incident_views.counted(tx, who, numbers),
        window_views.going_on(tx, who, now=at),
    )


# --- One ----------------------------------------------------------------------------------------------------


async def show_one(request: web.Request) -> web.StreamResponse:
    """One alarm, why it is where it is, and what can be done."""
    return await _one(request)


async def act(request: web.Request) -> web.StreamResponse:
    """What somebody decides about it; what was typed is never lost."""
    site, who = request.app[SITE], staff(request)
    alert_id, verb = request.match_info["id"], request.match_info["verb"]
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    said = {name: str(form.get(name, "")) for name in ("text", "ticket", "customer", "asset")}
    try:
        if verb == "acknowledge":
            await site.db.write(alert_acts.acknowledge, who, alert_id, text=said["text"], now=now())
        elif verb == "attach":
            await site.db.write(alert_acts.attach, who, alert_id, said["ticket"], now=now())
        elif verb == "open":
            await site.db.write(alert_acts.open_ticket, who, alert_id, now=now())
        elif verb == "name":
            await site.db.write(
                alert_acts.name, who, alert_id, customer=said["customer"], asset=said["asset"], now=now()
            )
        else:
            raise web.HTTPNotFound
    except (Invalid, Refused, NotFound, Forbidden) as error:
        return await _one(request, wrong=error, verb=verb, form=form)
    raise web.HTTPSeeOther(f"/desk/alarms/{alert_id}")


async def _one(
    request: web.Request, *, wrong: DeskError | None = None, verb: str = "", form: Form | None = None
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    chosen = (str(form.get("customer", "")) if form is not None else "") or request.query.get("customer", "")
    at = now()
    seen, whose, things = await site.db.read(_seen, who, request.match_info["id"], chosen)
    there = await site.db.read(window_views.holding, who, seen.alarm.id, now=at)
    going_on = await site.db.read(_may_take_it, who, seen) if "attach" in seen.acts else []
    zone, t = ZoneInfo(site.settings.hub.time_zone), say(who.language)
    short = partial(day_and_time, zone=zone, now=at, language=who.language)
    return site.pages.page(
        request,
        "inbox/alarm.html",
        status=refusals.status(wrong),
        view="alarms",
        given={},
        seen=seen,
        one=seen.alarm,
        decisions=[(one, alarm_words.decision(one, t, short)) for one in seen.decisions],
        whose=whose,
        things=things,
        maintenance=there,
        open_tickets=going_on,
        claimed=short(datetime.fromisoformat(seen.claimed_started_at)) if seen.claimed_started_at else "",
        told=refusals.sentences(wrong, t, "alarms"),
        verb=verb,
        form=form or {},
        **await around(request, who),
    )


def _seen(
    tx: Tx, who: Principal, alert_id: str, chosen: str
) -> tuple[alert_looking.Seen, list[tuple[str, str]], Any]:
    """It; the customers it may be of; and the things of the one that is chosen, None while nobody chose."""
    seen = alert_looking.one(tx, who, alert_id)
    if "name" not in seen.acts:
        return seen, [], None
    source = reference.desk(tx).alert_sources.get(seen.alarm.source)
    own = source.customer if source is not None else None
    of = own or chosen or seen.alarm.customer
    customers = [one for one in people.customers(tx) if own in (None, one[0])]
    if of is None or reference.customer(tx, of) is None:
        return seen, customers, None
    return seen, [one for one in customers if one[0] == of], offers.of_customer(tx, of).assets


def _may_take_it(tx: Tx, who: Principal, seen: alert_looking.Seen) -> list[TicketRow]:
    """Open requests of its customer, the newest first: one of them is most often the one it is put into by hand."""
    of = seen.alarm.customer
    found = (
        search.tickets(tx, who, view="open", customer=of, sort="newest", limit=OFFERED).items if of else ()
    )
    here = seen.alarm.ticket.number if seen.alarm.ticket else ""
    return [one for one in found if one.number != here]


# --- Things -------------------------------------------------------------------------------------------------


async def of_asset(request: web.Request) -> web.StreamResponse:
    """What a thing went through: a strip of the last days, and its episodes."""
    site, who = request.app[SITE], staff(request)
    code, name = request.match_info["customer"], request.match_info["asset"]
    alarms, episodes = await site.db.read(alert_looking.of_asset, who, code, name)
    bars, days = alarm_drawing.bars(episodes, now())
    return site.pages.page(
        request,
        "inbox/alarm_asset.html",
        view="alarms",
        given={},
        code=code,
        name=name,
        found=alarms,
        episodes=episodes,
        bars=bars,
        days=days,
        strip=alarm_drawing.STRIP,
        **await around(request, who),
    )


async def tree(request: web.Request) -> web.StreamResponse:
    """What hangs on what at a customer, as a picture and in words."""
    site, who = request.app[SITE], staff(request)
    code = request.query.get("customer", "")
    customers = await site.db.read(people.customers)
    if not code and customers:
        most = await site.db.read(alert_tree.looked_at_first, who)
        code = most or customers[0][0]
    name, nodes = await site.db.read(alert_tree.tree, who, code) if code else ("", ())
    return site.pages.page(
        request,
        "inbox/alarm_tree.html",
        view="alarms",
        given={},
        code=code,
        name=name,
        customers=customers,
        count=len(nodes),
        down=sum(one.state == "down" for one in nodes),
        picture=alarm_drawing.tree(nodes),
        box=(alarm_drawing.WIDTH, alarm_drawing.HEIGHT),
        **await around(request, who),
    )
