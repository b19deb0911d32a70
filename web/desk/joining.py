"""What has this request to do with others? Links, merge after a look at both, split, move, and taking any of it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web
from multidict import MultiDictProxy

from core.desk import incident, joining, joining_views, links_between, page
from core.desk.errors import DeskError, Forbidden, Invalid, NotFound, Refused, Stale
from core.desk.principal import Principal
from core.rules.joining import BY_HAND
from core.store.tx import Tx
from web import guard, numbers, refusals, said
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import say

Form = MultiDictProxy[Any]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/tickets/{number}/links", show)
    app.router.add_get("/desk/tickets/{number}/merge", look)
    app.router.add_post("/desk/tickets/{number}/joining/{verb}", act)


async def show(request: web.Request) -> web.StreamResponse:
    """The request with its links, what was joined, what may be joined with it, and its messages to split."""
    return await _page(request)


async def look(request: web.Request) -> web.StreamResponse:
    """Both tickets side by side, and what becomes of them; nothing is done yet."""
    return await _look(request, str(request.query.get("into", "")))


async def _look(request: web.Request, into: str, *, wrong: DeskError | None = None) -> web.StreamResponse:
    site, who, at = request.app[SITE], staff(request), now()
    number = request.match_info["number"]
    try:
        found = await site.db.read(joining_views.preview, who, number, into, now=at)
    except NotFound as error:
        return await _page(request, wrong=error, verb="merge")
    return site.pages.page(
        request,
        "inbox/merge.html",
        status=409 if wrong else 200,
        view="",
        given={},
        look=found,
        why=why(found.why_not, who) if found.why_not else "",
        wrong=wrong_words(wrong, who),
        **await around(request, who),
    )


async def _page(
    request: web.Request, *, wrong: DeskError | None = None, verb: str = "", form: Form | None = None
) -> web.StreamResponse:
    site, who, at = request.app[SITE], staff(request), now()
    number = request.match_info["number"]
    q = str(request.query.get("q", ""))[:200]
    found = await site.db.read(_found, who, number, q, now=at)
    status = 200 if wrong is None else 409 if isinstance(wrong, (Refused, Stale)) else 422
    return site.pages.page(
        request,
        "inbox/links.html",
        status=status,
        view="",
        given={},
        q=q,
        verb=verb,
        typed={name: str(value) for name, value in form.items()} if form is not None else {},
        ticked=[str(one) for one in form.getall("message", [])] if form is not None else [],
        kinds=[str(one) for one in BY_HAND],
        wrong=wrong_words(wrong, who),
        why=lambda code: why(code, who),
        leads=incident.may_lead(who),
        **found,
        **await around(request, who),
    )


def _found(tx: Tx, who: Principal, number: str, q: str, *, now: datetime) -> dict[str, Any]:
    view = page.ticket(tx, who, number, now=now)
    shown = [one for one in view.messages if one.audience == "customer" and not said.is_notice(one)]
    return {
        "ticket": view,
        "links": links_between.of_ticket(tx, who, number),
        "joined": joining_views.joined(tx, who, number, now=now),
        "others": joining_views.others(tx, who, number, q, now=now),
        "said": shown,
        "conversations": view.threads,
    }


# --- Doing --------------------------------------------------------------------------------------------------


async def act(request: web.Request) -> web.StreamResponse:
    """One verb; a refusal shows the page again, with what to do."""
    site, who = request.app[SITE], staff(request)
    number, verb = request.match_info["number"], request.match_info["verb"]
    if verb not in VERBS:
        raise web.HTTPNotFound
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    called, fields, leads_to = VERBS[verb]
    try:
        done = await site.db.write(called, who, number, **fields(form), now=now())
    except Forbidden:
        raise web.HTTPForbidden from None
    except (Invalid, NotFound, Refused, Stale) as error:
        if verb == "merge" and form.get("looked"):
            return await _look(request, str(form.get("into", "")), wrong=error)
        return await _page(request, wrong=error, verb=verb, form=form)
    raise web.HTTPSeeOther(leads_to(number, str(done), form))


def _here(number: str, _done: str, _form: Form) -> str:
    return f"/desk/tickets/{quote(number)}/links"


def _there(_number: str, _done: str, form: Form) -> str:
    return f"/desk/tickets/{quote(str(form.get('into', '')).strip())}"


def _part(_number: str, done: str, _form: Form) -> str:
    return f"/desk/tickets/{quote(done)}"


def _incident(number: str, _done: str, _form: Form) -> str:
    return f"/desk/incidents/{quote(number)}"


def _join(form: Form) -> dict[str, Any]:
    return {
        "into": str(form.get("into", "")),
        "seen": numbers.seen(form),
        "seen_into": numbers.seen(form, "seen_into"),
    }


def _link(form: Form) -> dict[str, Any]:
    return {"to": str(form.get("to", "")), "kind": str(form.get("kind", ""))}


VERBS: dict[
    str,
    tuple[Callable[..., Any], Callable[[Form], dict[str, Any]], Callable[[str, str, Form], str]],
] = {
    "merge": (joining.merge, _join, _there),
    "move": (joining.move, lambda form: _join(form) | {"thread": str(form.get("thread", ""))}, _there),
    "split": (
        joining.split,
        lambda form: {
            "messages": [str(one) for one in form.getall("message", [])],
            "subject": str(form.get("subject", ""))[:1000],
            "seen": numbers.seen(form),
        },
        _here,
    ),
    "undo": (joining.undo, lambda form: {"act": str(form.get("act", "")) or None}, _here),
    "link": (links_between.link_to, _link, _here),
    "unlink": (links_between.unlink, _link, _here),
    "incident": (incident.open_incident, lambda form: {"seen": numbers.seen(form)}, _incident),
}


# --- Words --------------------------------------------------------------------------------------------------


def why(code: str, who: Principal) -> str:
    """What is in the way, and what to do, in the reader's words."""
    return say(who.language)(f"joining.refused.{code}")


def wrong_words(wrong: DeskError | None, who: Principal) -> list[str]:
    """Sentences that say what is wrong; none: nothing is."""
    t = say(who.language)
    if wrong is None:
        return []
    if isinstance(wrong, Stale):
        return [t("ticket.stale_act")]
    if isinstance(wrong, Refused):
        known = t.has(f"joining.refused.{wrong.code}")  # type: ignore[attr-defined]
        return [t(f"joining.refused.{wrong.code}") if known else refusals.at_present(wrong, t)]
    if isinstance(wrong, Invalid):
        names = dict.fromkeys(one.pointer.strip("/").partition("/")[0] for one in wrong.faults)
        return [t.maybe("joining.fault", name) for name in names]  # type: ignore[attr-defined]
    return [t("joining.fault.to")]
