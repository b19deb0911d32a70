"""What is behind requests that come again, and what is known to help? Problems and known errors, with what staff do about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from multidict import MultiDictProxy

from core.desk import known_errors, people, problem_views, problems, reference
from core.desk.errors import DeskError, Fault, Forbidden, Invalid, NotFound, Refused, Stale
from core.desk.known_errors import Written
from core.rules.problems import MOVES
from core.store.tx import Tx
from web import guard, numbers, refusals
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import say

Form = MultiDictProxy[Any]

TEXTS = ("title", "public_text", "symptom", "cause", "steps", "risk", "fix", "pattern")


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/problems", show)
    app.router.add_post("/desk/problems", begin)
    app.router.add_get("/desk/problems/{number:\\d{1,9}}", show_one)
    app.router.add_post("/desk/problems/{number:\\d{1,9}}/{verb}", act)
    app.router.add_get("/desk/known-errors", known)
    app.router.add_get("/desk/known-errors/new", write)
    app.router.add_post("/desk/known-errors/new", save)
    app.router.add_get("/desk/known-errors/{number:\\d{1,9}}", write)
    app.router.add_post("/desk/known-errors/{number:\\d{1,9}}", save)
    app.router.add_post("/desk/known-errors/{number:\\d{1,9}}/retire", retire)
    app.router.add_post("/desk/tickets/{number}/known-errors/{known:\\d{1,9}}", apply)


# --- Problems -----------------------------------------------------------------------------------------------


async def show(request: web.Request) -> web.StreamResponse:
    """All of them, open ones first; and a form for a new one."""
    return await _list(request)


async def _list(
    request: web.Request, *, wrong: DeskError | None = None, form: Form | None = None
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    return site.pages.page(
        request,
        "inbox/problems.html",
        status=refusals.status(wrong),
        view="problems",
        given={},
        problems=await site.db.read(problem_views.problems, who),
        ticket=request.query.get("ticket", "")[:20],
        wrong=refusals.sentences(wrong, say(who.language), "problems"),
        form=form or {},
        **await around(request, who),
    )


async def begin(request: web.Request) -> web.StreamResponse:
    """A new one."""
    site, who = request.app[SITE], staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    title, ticket = str(form.get("title", "")), str(form.get("ticket", "")).strip() or None
    try:
        made = await site.db.write(problems.begin, who, now=now(), title=title, number=ticket)
    except (Invalid, NotFound) as error:
        return await _list(request, wrong=error, form=form)
    raise web.HTTPSeeOther(f"/desk/problems/{made}")


async def show_one(request: web.Request) -> web.StreamResponse:
    """One, with its tickets and what is known of it."""
    return await _problem(request)


async def act(request: web.Request) -> web.StreamResponse:
    """One verb; what was typed is never lost."""
    site, who = request.app[SITE], staff(request)
    number, verb = int(request.match_info["number"]), request.match_info["verb"]
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    try:
        fields = _fields(site.settings.hub.time_zone, form)
        if verb == "change":
            await site.db.write(problems.change, who, number, now=now(), **fields)
        elif verb in ("link", "unlink"):
            called = problems.link if verb == "link" else problems.unlink
            await site.db.write(called, who, number, str(form.get("ticket", "")).strip(), now=now())
        elif verb in MOVES:
            await site.db.write(problems.move, who, number, verb, fix_due=fields["fix_due"], now=now())
        else:
            raise web.HTTPNotFound
    except (Invalid, Refused, NotFound, Forbidden) as error:
        return await _problem(request, wrong=error, form=form)
    raise web.HTTPSeeOther(f"/desk/problems/{number}")


def _fields(zone: str, form: Form) -> dict[str, Any]:
    return {
        "title": str(form.get("title", "")),
        "root_cause": str(form.get("root_cause", "")),
        "technology": str(form.get("technology", "")) or None,
        "owner": str(form.get("owner", "")).strip() or None,
        "fix_due": _day(form, "fix_due", zone),
    }


async def _problem(
    request: web.Request, *, wrong: DeskError | None = None, form: Form | None = None
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    found = await site.db.read(problem_views.one, who, int(request.match_info["number"]), now=now())
    return site.pages.page(
        request,
        "inbox/problem.html",
        status=refusals.status(wrong),
        view="problems",
        given={},
        one=found,
        technologies=(await site.db.read(reference.desk)).technologies,
        day=lambda at: at.astimezone(ZoneInfo(site.settings.hub.time_zone)).date().isoformat() if at else "",
        wrong=refusals.sentences(wrong, say(who.language), "problems"),
        form=form or {},
        **await around(request, who),
    )


# --- Known errors -------------------------------------------------------------------------------------------


async def known(request: web.Request) -> web.StreamResponse:
    """All of them."""
    site, who = request.app[SITE], staff(request)
    return site.pages.page(
        request,
        "inbox/known_errors.html",
        view="known_errors",
        given={},
        known=await site.db.read(problem_views.known, who, now=now()),
        **await around(request, who),
    )


async def write(request: web.Request) -> web.StreamResponse:
    """The form of one, with its versions; or an empty one."""
    return await _known(request)


async def save(request: web.Request) -> web.StreamResponse:
    """Keep it as a new version."""
    site, who = request.app[SITE], staff(request)
    number = _number(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    version = numbers.whole(str(form.get("version", "")))
    try:
        written = _written(form, site.settings.hub.time_zone)
        made = await site.db.write(known_errors.save, who, written, number=number, version=version, now=now())
    except (Invalid, Refused, Stale) as error:
        return await _known(request, wrong=error, form=form)
    raise web.HTTPSeeOther(f"/desk/known-errors/{made}?saved=1")


async def retire(request: web.Request) -> web.StreamResponse:
    """It is suggested no longer."""
    site, who = request.app[SITE], staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    number = int(request.match_info["number"])
    try:
        await site.db.write(known_errors.retire, who, number, reason=str(form.get("reason", "")), now=now())
    except Invalid as error:
        return await _known(request, wrong=error)
    raise web.HTTPSeeOther(f"/desk/known-errors/{number}")


async def apply(request: web.Request) -> web.StreamResponse:
    """It is that: one act. A refusal says what to do, and offers to confirm one that is expired."""
    site, who = request.app[SITE], staff(request)
    number, of = request.match_info["number"], int(request.match_info["known"])
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    try:
        await site.db.write(
            known_errors.apply,
            who,
            number,
            of,
            confirm_expired="confirm_expired" in form,
            seen=numbers.seen(form),
            now=now(),
        )
    except (Invalid, Refused, Stale) as error:
        return await _known(request, wrong=error, ticket=number, number=of)
    raise web.HTTPSeeOther(f"/desk/tickets/{number}")


async def _known(
    request: web.Request,
    *,
    wrong: DeskError | None = None,
    form: Form | None = None,
    ticket: str = "",
    number: int | None = None,
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    number = number or _number(request)
    found = None
    if number is not None:
        found = await site.db.read(problem_views.known_one, who, number, now=now())
    desk = await site.db.read(_choices)
    return site.pages.page(
        request,
        "inbox/known_error.html",
        status=refusals.status(wrong),
        view="known_errors",
        given={},
        one=found,
        typed=_typed(found, form, request.query, site.settings.hub.time_zone),
        choices=desk,
        wrong=refusals.sentences(wrong, say(who.language), "known"),
        faults=refusals.by_field(wrong, say(who.language), "known"),
        ticket=ticket,
        ask_expired=isinstance(wrong, Refused) and wrong.code == known_errors.EXPIRED,
        saved="saved" in request.query and request.method == "GET",
        **await around(request, who),
    )


def _choices(tx: Tx) -> dict[str, Any]:
    return {
        "technologies": [(name, name) for name in reference.desk(tx).technologies],
        "customers": people.customers(tx),
    }


def _number(request: web.Request) -> int | None:
    return numbers.whole(request.match_info.get("number", ""))


def _typed(
    found: problem_views.KnownError | None, form: Form | None, query: Mapping[str, str], zone: str
) -> Mapping[str, str]:
    names = (*TEXTS, "technology", "customer", "assets", "words", "problem", "verified_on", "expires_on")
    if form is not None:
        return {name: str(form.get(name, "")) for name in names}
    if found is None:
        return dict.fromkeys(names, "") | {"problem": query.get("problem", "")[:9]}
    given = {name: str(getattr(found, name) or "") for name in (*TEXTS, "technology", "customer", "problem")}
    local = ZoneInfo(zone)
    days = {name: getattr(found, name) for name in ("verified_on", "expires_on")}
    return (
        given
        | {name: ", ".join(getattr(found, name)) for name in ("assets", "words")}
        | {name: at.astimezone(local).date().isoformat() if at else "" for name, at in days.items()}
    )


def _written(form: Form, zone: str) -> Written:
    problem = str(form.get("problem", "")).strip().upper().removeprefix("PB-")
    return Written(
        **{name: str(form.get(name, "")) for name in TEXTS},
        technology=str(form.get("technology", "")) or None,
        customer=str(form.get("customer", "")) or None,
        assets=_listed(form, "assets"),
        words=_listed(form, "words"),
        problem=None if not problem else numbers.whole(problem) or 0,
        verified_on=_day(form, "verified_on", zone),
        expires_on=_day(form, "expires_on", zone),
    )


def _listed(form: Form, name: str) -> tuple[str, ...]:
    return tuple(str(form.get(name, "")).replace("\n", ",").split(","))


def _day(form: Form, name: str, zone: str) -> datetime | None:
    """The beginning of a day of the hub's zone; None: none is given. Raises Invalid."""
    text = str(form.get(name, "")).strip()
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - its zone comes with the next line
    except ValueError:
        raise Invalid([Fault(f"/{name}", "is no date: write 2026-03-31")]) from None
    return day.replace(tzinfo=ZoneInfo(zone))
