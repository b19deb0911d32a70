"""What does not work, and what do customers hear of it? Notices that staff publish, update and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web
from multidict import MultiDictProxy

from core.desk import broadcasts, outage_board, publishing, reference
from core.desk.errors import DeskError, Invalid, Refused, Stale
from core.desk.outage_board import Outage
from core.desk.principal import Principal
from core.rules.outages import Scope
from core.store.tx import Tx
from web import guard, moments, numbers
from web.desk.frame import around, staff
from web.sign_in import form_id
from web.site import SITE, now
from web.words import say

MAX_FORM_ID = 100  # characters
BETWEEN = "\t"
"""Customer and site in one value of a form."""
Fields = MultiDictProxy[Any]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/outages", show)
    app.router.add_get("/desk/outages/new", begin)
    app.router.add_post("/desk/outages/new", publish)
    app.router.add_get("/desk/outages/{id}", show_one)
    app.router.add_post("/desk/outages/{id}/deliveries/{delivery}/retry", retry)
    app.router.add_post("/desk/outages/{id}/{verb:update|end|cancel}", act)


async def show(request: web.Request) -> web.StreamResponse:
    """Those that go on, and below them what is over, newest first."""
    site, who, at = request.app[SITE], staff(request), now()
    cursor = request.query.get("cursor")
    running, over = await site.db.read(_lists, who, cursor=cursor, now=at)
    return site.pages.page(
        request,
        "inbox/outages.html",
        view="outages",
        given={},
        running=[] if cursor else running,
        over=over.items,
        more=over.next,
        first=not cursor,
        titled=lambda one: titled(one, who.language),
        may=publishing.may_publish(who),
        **await around(request, who),
    )


def _lists(tx: Tx, who: Principal, *, cursor: str | None, now: datetime) -> tuple[tuple[Outage, ...], Any]:
    running = outage_board.listing(tx, who, state="running", limit=200, now=now)
    return running.items, outage_board.listing(tx, who, state="over", cursor=cursor, limit=30, now=now)


# --- A new one ----------------------------------------------------------------------------------------------


async def begin(request: web.Request) -> web.StreamResponse:
    """The empty form."""
    if not publishing.may_publish(staff(request)):
        raise web.HTTPForbidden
    return await _form(request, None)


async def publish(request: web.Request) -> web.StreamResponse:
    """First it says whom the notice would concern; published is what that was said of."""
    site, who = request.app[SITE], staff(request)
    form = await _read(request)
    if not publishing.may_publish(who):
        raise web.HTTPForbidden
    if "publish" not in form or _said_for(_scope(form)) != form.get("for"):
        return await _form(request, form, again="publish" in form)
    try:
        made = await site.db.write(
            publishing.publish,
            who,
            words=_words(form, site.settings.hub.languages),
            since=moments.of_form(form, "since", _zone(request)) or now(),
            next_update=moments.of_form(form, "next_update", _zone(request)),
            customers=_scope(form).customers,
            sites=_scope(form).sites,
            technologies=_scope(form).technologies,
            idem=str(form.get("form", ""))[:MAX_FORM_ID],
            now=now(),
        )
    except Invalid as error:
        return await _form(request, form, wrong=error)
    raise web.HTTPSeeOther(f"/desk/outages/{made}")


async def _form(
    request: web.Request, form: Fields | None, *, again: bool = False, wrong: Invalid | None = None
) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    scope = _scope(form) if form is not None else Scope()
    typed = {name: str(value) for name, value in form.items()} if form is not None else {}
    typed.setdefault("since", _local(at, _zone(request)))
    offered = await site.db.read(_offered, who, scope if form is not None else None, now=at)
    return site.pages.page(
        request,
        "inbox/outage_new.html",
        status=422 if wrong else 200,
        view="outages",
        given={},
        typed=typed,
        languages=_languages(request, who),
        form_id=typed.get("form") or form_id(),
        said_for=_said_for(scope),
        again=again,
        wrong=wrong,
        faults=_faults(wrong, who),
        **_picked(scope),
        **offered,
        **await around(request, who),
    )


def _offered(tx: Tx, who: Principal, scope: Scope | None, *, now: datetime) -> dict[str, Any]:
    return {
        "places": outage_board.places(tx),
        "technologies": reference.desk(tx).technologies,
        "concerned": None if scope is None else outage_board.preview(tx, who, scope, now=now),
    }


# --- One that is there --------------------------------------------------------------------------------------


async def show_one(request: web.Request) -> web.StreamResponse:
    """All of it, and what can be done."""
    return await _one(request)


async def act(request: web.Request) -> web.StreamResponse:
    """Update, end or withdraw; what was typed is never lost."""
    site, who = request.app[SITE], staff(request)
    form, verb, outage = await _read(request), request.match_info["verb"], request.match_info["id"]
    common: dict[str, Any] = {
        "seen": numbers.seen(form),
        "idem": str(form.get("form", ""))[:MAX_FORM_ID],
        "now": now(),
    }
    said = {
        language: str(form[f"text_{language}"])
        for language in site.settings.hub.languages
        if f"text_{language}" in form
    }
    scope = _scope(form)
    try:
        match verb:
            case "update":
                await site.db.write(
                    publishing.update,
                    who,
                    outage,
                    words=said,
                    next_update=moments.of_form(form, "next_update", _zone(request)),
                    customers=scope.customers,
                    sites=scope.sites,
                    technologies=scope.technologies,
                    **common,
                )
            case "end":
                await site.db.write(publishing.end, who, outage, words=said, **common)
            case _:
                reason = str(form.get("reason", ""))
                await site.db.write(publishing.cancel, who, outage, reason=reason, **common)
    except (Invalid, Refused, Stale) as error:
        return await _one(request, form=form, verb=verb, wrong=error)
    raise web.HTTPSeeOther(f"/desk/outages/{quote(outage)}")


async def retry(request: web.Request) -> web.StreamResponse:
    """Send once more what came back or was given up."""
    who = staff(request)
    await _read(request)
    outage, delivery = request.match_info["id"], request.match_info["delivery"]
    await request.app[SITE].db.write(publishing.retry_delivery, who, outage, delivery, now=now())
    raise web.HTTPSeeOther("/desk/waiting?view=undelivered")


async def _one(
    request: web.Request, *, form: Fields | None = None, verb: str = "", wrong: DeskError | None = None
) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    found, offered = await site.db.read(_found, who, request.match_info["id"], now=at)
    scope = _scope(form) if form is not None and verb == "update" else found.scope
    status = 200 if wrong is None else 422 if isinstance(wrong, Invalid) else 409
    return site.pages.page(
        request,
        "inbox/outage.html",
        status=status,
        view="outages",
        given={},
        outage=found,
        titled=lambda one: titled(one, who.language),
        languages=[one for one in _languages(request, who) if one in found.words],
        may=publishing.may_publish(who) and found.state == "running",
        verb=verb,
        typed={name: str(value) for name, value in form.items()} if form is not None else {},
        wrong=wrong,
        stale=isinstance(wrong, Stale),
        faults=_faults(wrong, who),
        form_id=form_id(),
        names={code: name for code, name, _ in offered["places"]},
        **_picked(scope),
        **offered,
        **await around(request, who),
    )


def _found(tx: Tx, who: Principal, outage_id: str, *, now: datetime) -> tuple[Outage, dict[str, Any]]:
    offered = _offered(tx, who, None, now=now)
    return outage_board.one(tx, who, outage_id, now=now), offered


# --- Forms --------------------------------------------------------------------------------------------------


async def _read(request: web.Request) -> Fields:
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    return form


def _scope(form: Fields) -> Scope:
    sites = [str(value).partition(BETWEEN) for value in form.getall("site", [])]
    return publishing.scope(
        [str(value) for value in form.getall("customer", [])],
        [(customer, site) for customer, _, site in sites],
        [str(value) for value in form.getall("technology", [])],
    )


def _said_for(scope: Scope) -> str:
    """What a preview was made of, in one line."""
    return repr((scope.customers, scope.sites, scope.technologies))


def _picked(scope: Scope) -> dict[str, Any]:
    return {
        "picked_customers": scope.customers,
        "picked_sites": [BETWEEN.join(one) for one in scope.sites],
        "picked_technologies": scope.technologies,
    }


def _words(form: Fields, languages: Sequence[str]) -> dict[str, dict[str, str]]:
    """A language in which nothing was written is left out."""
    found = {
        language: {key: str(form.get(f"{key}_{language}", "")).strip() for key in ("title", "text")}
        for language in languages
    }
    return {language: said for language, said in found.items() if any(said.values())}


def _zone(request: web.Request) -> ZoneInfo:
    return ZoneInfo(request.app[SITE].settings.hub.time_zone)


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M}"


def _languages(request: web.Request, who: Principal) -> list[str]:
    """The reader's own first."""
    return sorted(request.app[SITE].settings.hub.languages, key=lambda one: one != who.language)


def _faults(wrong: DeskError | None, who: Principal) -> Mapping[str, str]:
    """Field to what is wrong with it, in the reader's words."""
    if not isinstance(wrong, Invalid):
        return {}
    t = say(who.language)
    told = {}
    for fault in wrong.faults:
        parts = fault.pointer.strip("/").split("/")
        kind = parts[2] if len(parts) > 2 else "text" if len(parts) == 2 else parts[0]  # noqa: PLR2004
        told[f"{kind}_{parts[1]}" if len(parts) > 1 else kind] = t(f"outage.fault.{kind}")
    return told


def titled(outage: Outage, language: str) -> str:
    """What it is called, in the reader's language where it was published in it."""
    _, said = broadcasts.in_language(outage.words, language)
    return str(said["title"])
