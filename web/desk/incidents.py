"""What concerns many requests at once? The list of incidents, and one with its children, its updates and what ends it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web
from multidict import MultiDictProxy

from core.desk import incident, incident_outages, incident_telling, incident_views, resolution
from core.desk.errors import DeskError, Forbidden, Invalid, Refused, Stale
from core.desk.principal import Principal
from web import guard, numbers
from web.desk.frame import around, staff
from web.desk.joining import wrong_words
from web.sign_in import form_id
from web.site import SITE, now

VERBS = ("inform", "announce", "attach", "detach", "resolve")
MAX_FORM_ID = 100  # characters

Form = MultiDictProxy[Any]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/incidents", show)
    app.router.add_get("/desk/incidents/{number}", show_one)
    app.router.add_post("/desk/incidents/{number}/{verb}", act)


async def show(request: web.Request) -> web.StreamResponse:
    """All that go on, then those that are over."""
    site, who = request.app[SITE], staff(request)
    return site.pages.page(
        request,
        "inbox/incidents.html",
        view="incidents",
        given={},
        incidents=await site.db.read(incident_views.listing, who),
        **await around(request, who),
    )


async def show_one(request: web.Request) -> web.StreamResponse:
    """One, with its children, their channels and clocks."""
    return await _page(request)


async def act(request: web.Request) -> web.StreamResponse:
    """One verb; what was typed is never lost."""
    number, verb = request.match_info["number"], request.match_info["verb"]
    if verb not in VERBS:
        raise web.HTTPNotFound
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    try:
        stays = await _do(request, staff(request), number, verb, form)
    except Forbidden:
        raise web.HTTPForbidden from None
    except (Invalid, Refused, Stale) as error:
        return await _page(request, wrong=error, verb=verb, form=form)
    if stays:
        return await _page(request, stays=stays)
    raise web.HTTPSeeOther(f"/desk/incidents/{quote(number)}")


async def _do(request: web.Request, who: Principal, number: str, verb: str, form: Form) -> Any:
    db = request.app[SITE].db
    words = {name.removeprefix("text_"): str(text) for name, text in form.items() if name.startswith("text_")}
    children = [str(one) for one in form.getall("child", [])]
    match verb:
        case "inform":
            idem = str(form.get("form", ""))[:MAX_FORM_ID]
            await db.write(incident_telling.inform, who, number, words=words, idem=idem, now=now())
        case "announce":
            await db.write(incident_outages.publish, who, number, now=now())
        case "attach":
            named = str(form.get("numbers", "")).replace(",", " ").split()
            await db.write(incident.attach, who, number, children=named, now=now())
        case "detach":
            await db.write(incident.detach, who, number, children=children, now=now())
        case _:
            given: dict[str, Any] = {
                "cause": str(form.get("cause", "")),
                "minutes": numbers.whole(form.get("minutes", ""), digits=6) or 0,
            }
            return await db.write(
                incident.resolve_children, who, number, children=children, words=words, **given, now=now()
            )
    return ()


async def _page(
    request: web.Request,
    *,
    wrong: DeskError | None = None,
    verb: str = "",
    form: Form | None = None,
    stays: Any = (),
) -> web.StreamResponse:
    site, who = request.app[SITE], staff(request)
    found = await site.db.read(incident_views.of_ticket, who, request.match_info["number"], now=now())
    return site.pages.page(
        request,
        "inbox/incident.html",
        status=200 if wrong is None else 422 if isinstance(wrong, Invalid) else 409,
        view="incidents",
        given={},
        incident=found,
        may=incident.may_lead(who),
        verb=verb,
        typed={name: str(value) for name, value in form.items()} if form is not None else {},
        ticked=[str(one) for one in form.getall("child", [])] if form is not None else [],
        wrong=wrong_words(wrong, who),
        stays=stays,
        causes=resolution.CAUSES,
        form_id=(form.get("form") if form is not None and verb == "inform" else "") or form_id(),
        **await around(request, who),
    )
