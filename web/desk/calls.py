"""Who calls, who waits to be called back, and which calls were there? The page of calls, and what staff do with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from core.desk import call_desk, call_out
from core.desk.call_views import CallbackView, LiveView
from core.desk.errors import Invalid, NotFound, Refused
from core.desk.principal import Principal
from core.desk.views import Page
from core.rules import call_outcomes
from core.store.tx import Tx
from web import files, numbers
from web.desk.frame import around, ringing, staff
from web.site import SITE, now

LOGGED = 50  # calls of a page

Form = Mapping[str, str]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/calls", show)
    app.router.add_get("/desk/calls/now", show_ringing)
    app.router.add_post("/desk/calls/pause", pause)
    app.router.add_get("/desk/calls/{call}", show_call)
    app.router.add_get("/desk/calls/{call}/sound/{seq}", sound)
    app.router.add_post("/desk/calls/{call}/{verb}", act)
    app.router.add_post("/desk/offers/{offer}/decline", decline)
    app.router.add_post("/desk/callbacks/{number}/{verb}", call_back)


async def show(request: web.Request) -> web.StreamResponse:
    """Calls that are not over, calls that are owed, and the log."""
    return await _page(request)


async def _page(request: web.Request, *, status: int = 200, refused: str = "") -> web.Response:
    site, who = request.app[SITE], staff(request)
    outcome = request.query.get("outcome") or None
    found, owed, logged = await site.db.read(_shown, who, outcome, request.query.get("cursor") or None)
    return site.pages.page(
        request,
        "inbox/calls.html",
        status=status,
        view="calls",
        given={},
        ringing=found,
        owed=owed,
        logged=logged.items,
        more=logged.next,
        outcome=outcome,
        outcomes=call_outcomes.OUTCOMES,
        refused=refused,
        **await around(request, who),
    )


def _shown(
    tx: Tx, who: Principal, outcome: str | None, cursor: str | None
) -> tuple[tuple[LiveView, ...], tuple[CallbackView, ...], Page]:
    return (
        call_desk.live(tx, who, now=now()),
        call_desk.callbacks(tx, who),
        call_desk.log(tx, who, outcome=outcome, cursor=cursor, limit=LOGGED),
    )


async def show_ringing(request: web.Request) -> web.StreamResponse:
    """What a page shows of calls while it is open: fetched when something of them changed."""
    site, who = request.app[SITE], staff(request)
    values = await ringing(request, who)
    return site.pages.page(request, "inbox/ringing.html", back=_back(request.query.get("back", "")), **values)


async def show_call(request: web.Request) -> web.StreamResponse:
    """One call with what happened in it."""
    site, who = request.app[SITE], staff(request)
    one = await site.db.read(call_desk.one, who, request.match_info["call"])
    return site.pages.page(
        request, "inbox/call.html", view="calls", given={}, one=one, **await around(request, who)
    )


async def sound(request: web.Request) -> web.StreamResponse:
    """A recording, for the player; the scope is asked each time."""
    return await files.played(request, staff(request))


# --- Doing --------------------------------------------------------------------------------------------------


async def act(request: web.Request) -> web.StreamResponse:
    """Take a call, or say what it is about. A refusal shows the calls as they are now, and why."""
    site, who = request.app[SITE], staff(request)
    call, verb = request.match_info["call"], request.match_info["verb"]
    if verb not in VERBS:
        raise web.HTTPNotFound
    form, _ = await files.form(request)
    called, words = VERBS[verb]
    try:
        done = await site.db.write(called, who, call, now=now(), **words(form))
    except Refused as error:
        return await _page(request, status=409, refused=error.code)
    except Invalid:
        return await _page(request, status=422, refused="unknown")
    except NotFound:
        if verb != "about":
            raise
        return await _page(request, status=422, refused="no_ticket")
    raise web.HTTPSeeOther(_back(form.get("back", "")) if verb == "answer" else f"/desk/tickets/{done}")


def _request(form: Form) -> dict[str, Any]:
    names = ("customer", "contact", "request_type", "technology")
    return {name: form.get(name) or None for name in names} | {
        name: numbers.whole(form.get(name, "")) for name in ("impact", "urgency")
    }


VERBS: Mapping[str, tuple[Callable[..., str], Callable[[Form], dict[str, Any]]]] = {
    "answer": (call_desk.answer, lambda _form: {}),
    "about": (call_desk.this_is, lambda form: {"number": form.get("number", "").strip()}),
    "request": (call_desk.new_request, _request),
}


async def decline(request: web.Request) -> web.StreamResponse:
    """Not me."""
    who = staff(request)
    form, _ = await files.form(request)
    await request.app[SITE].db.write(call_desk.decline, who, request.match_info["offer"], now=now())
    raise web.HTTPSeeOther(_back(form.get("back", "")))


async def pause(request: web.Request) -> web.StreamResponse:
    """I take no calls, or take them again."""
    who = staff(request)
    form, _ = await files.form(request)
    await request.app[SITE].db.write(call_desk.pause, who, bool(form.get("on")), now=now())
    raise web.HTTPSeeOther(_back(form.get("back", "")))


async def call_back(request: web.Request) -> web.StreamResponse:
    """Call the person of a ticket, or say that it was done with another telephone."""
    site, who = request.app[SITE], staff(request)
    number, verb = request.match_info["number"], request.match_info["verb"]
    verbs: dict[str, Callable[..., str]] = {"dial": call_out.call_back, "done": call_out.done_by_hand}
    if verb not in verbs:
        raise web.HTTPNotFound
    form, _ = await files.form(request)
    try:
        await site.db.write(verbs[verb], who, number, now=now())
    except Refused as error:
        return await _page(request, status=409, refused=error.code)
    except Invalid:
        return await _page(request, status=422, refused="no_number")
    raise web.HTTPSeeOther(_back(form.get("back", "")))


def _back(to: str) -> str:
    """Where somebody was, if that is a page of the desk."""
    return to if to.startswith("/desk") else "/desk/calls"
