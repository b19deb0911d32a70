"""What still has to be qualified: the queue with what each lacks and what is suggested, and the form of one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from core.desk import prioritising, problem_views, qualification, suggestions, tickets
from core.desk.errors import DeskError, Invalid, Refused, Stale
from core.desk.principal import Principal
from core.desk.qualification import Figure, Waiting
from core.rules.priority import PRIORITIES
from core.rules.suggesting import Suggestion
from core.store.tx import Tx
from web import guard, numbers, refusals
from web.desk import telling
from web.desk.frame import around, staff
from web.desk.why import value
from web.pages import ago, left, spell
from web.site import SITE, now
from web.words import Say, say

SHOWN = 25  # requests
FIELDS = ("customer", "contact", "request_type", "technology", "impact", "urgency", "asset", "site")
NUMBERS = ("impact", "urgency")
ALL = "*"
"""In place of a field: everything that is suggested."""


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/qualify", show)
    app.router.add_get("/desk/qualify/{number}", form)
    app.router.add_post("/desk/qualify/{number}", qualify)
    app.router.add_post("/desk/qualify/{number}/accept", accept)
    app.router.add_post("/desk/qualify/{number}/priority", prioritise)


async def show(request: web.Request) -> web.StreamResponse:
    """The queue, the most urgent first, and how long it took lately."""
    return await _queue(request, request.query.get("cursor", ""))


async def _queue(request: web.Request, cursor: str, wrong: DeskError | None = None) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    found, figures = await site.db.read(_read, who, at, cursor or None)
    t = say(who.language)
    return site.pages.page(
        request,
        "inbox/qualify.html",
        status=200 if wrong is None else 409,
        view="qualify",
        given={},
        queue=found,
        cursor=cursor,
        figures=_by_days(figures),
        wrong=_said(wrong, t),
        names=lambda fields: ", ".join(t(f"suggest.field.{name}") for name in fields).lower(),
        worded=lambda one: worded(one, t),
        because=lambda one: t(f"suggest.because.{one.code}", because=one.because),
        waits=lambda one: _waits(one, who.language),
        spell=lambda seconds: spell(round(seconds), who.language),
        age=lambda instant: ago(instant, at, who.language),
        **await around(request, who),
    )


def _read(
    tx: Tx, who: Principal, at: Any, cursor: str | None
) -> tuple[qualification.Queue, tuple[Figure, ...]]:
    return qualification.queue(tx, who, now=at, limit=SHOWN, cursor=cursor), qualification.figures(tx, now=at)


async def form(request: web.Request) -> web.StreamResponse:
    """One request: what is known and from where, what is suggested and why, and the fields."""
    return await _form(request)


async def _form(
    request: web.Request, *, wrong: DeskError | None = None, typed: Mapping[str, Any] | None = None
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    number = request.match_info["number"]
    found, choices = await site.db.read(qualification.one, who, number, now=now())
    t = say(who.language)
    fixed = telling.fixed_choices(t)
    offered = {
        "customer": choices.customers,
        "contact": choices.contacts,
        "request_type": choices.request_types,
        "technology": choices.technologies,
        "impact": fixed["impacts"],
        "urgency": fixed["urgencies"],
        "asset": choices.assets,
        "site": choices.sites,
    }
    return site.pages.page(
        request,
        "inbox/qualify_one.html",
        status=200 if wrong is None else 422 if isinstance(wrong, Invalid) else 409,
        view="qualify",
        given={},
        one=found,
        offered=[(name, offered[name]) for name in FIELDS if offered[name]],
        typed={name: "" if known is None else known for name, known in found.values.items()}
        | dict(typed or {}),
        known=await site.db.read(problem_views.hints_for, who, number, now=now()),
        suggested={suggestion.field: suggestion for suggestion in found.suggestions},
        faults=telling.faults(wrong, t),
        wrong=_said(wrong, t),
        priorities=PRIORITIES,
        waits=_waits(found, who.language),
        names=lambda fields: ", ".join(t(f"suggest.field.{name}") for name in fields).lower(),
        worded=lambda suggestion: worded(suggestion, t),
        because=lambda suggestion: t(f"suggest.because.{suggestion.code}", because=suggestion.because),
        spell=lambda seconds: spell(round(seconds), who.language),
        **await around(request, who),
    )


async def qualify(request: web.Request) -> web.StreamResponse:
    """Keep what was chosen and qualify, if nothing is missing; else say what is."""
    site, who = request.app[SITE], staff(request)
    number, sent = request.match_info["number"], await request.post()
    guard.check_token(request, str(sent.get("csrf", "")))
    typed = {name: str(sent.get(name, "")) for name in FIELDS}
    given: dict[str, Any] = {
        name: text if name not in NUMBERS or (level := numbers.whole(text)) is None else level
        for name, text in typed.items()
        if text
    }
    try:
        await site.db.write(
            tickets.qualify,
            who,
            number,
            now=now(),
            seen=numbers.seen(sent),
            safety="safety" in sent if "has_safety" in sent else None,
            **given,
        )
    except (Invalid, Refused, Stale) as error:
        return await _form(request, wrong=error, typed=typed)
    raise web.HTTPSeeOther(f"/desk/tickets/{number}")


async def accept(request: web.Request) -> web.StreamResponse:
    """One suggestion, or all of them."""
    site, who = request.app[SITE], staff(request)
    number, sent = request.match_info["number"], await request.post()
    guard.check_token(request, str(sent.get("csrf", "")))
    back, cursor = sent.get("back"), str(sent.get("cursor", ""))
    names = [str(name) for name in sent.getall("field", [])]
    if ALL in names:
        names = str(sent.get("suggested", "")).split()
    try:
        await site.db.write(suggestions.accept, who, number, names, now=now(), seen=numbers.seen(sent))
    except (Invalid, Refused, Stale) as error:
        return await (_form(request, wrong=error) if back == "form" else _queue(request, cursor, error))
    place = f"?{urlencode({'cursor': cursor})}" if cursor else ""
    raise web.HTTPSeeOther(f"/desk/qualify/{number}" if back == "form" else f"/desk/qualify{place}")


async def prioritise(request: web.Request) -> web.StreamResponse:
    """A priority that a person sets, with why."""
    site, who = request.app[SITE], staff(request)
    number, sent = request.match_info["number"], await request.post()
    guard.check_token(request, str(sent.get("csrf", "")))
    try:
        await site.db.write(
            prioritising.override,
            who,
            number,
            priority=str(sent.get("priority", "")) or None,
            reason=str(sent.get("reason", "")),
            now=now(),
        )
    except (Invalid, Refused, Stale) as error:
        return await _form(request, wrong=error, typed={"reason": str(sent.get("reason", ""))})
    raise web.HTTPSeeOther(f"/desk/qualify/{number}")


def worded(one: Suggestion, t: Say) -> str:
    """What is suggested, in the reader's words."""
    return t("suggest.field.yes") if one.field == "safety" else value(one.field, one.value, t)


def _said(wrong: DeskError | None, t: Say) -> str:
    if isinstance(wrong, Refused) and wrong.missing:
        fields = ", ".join(t(f"suggest.field.{name}") for name in wrong.missing).lower()
        return t("qualification.refused", missing=fields)
    if isinstance(wrong, Stale):
        return t("ticket.stale_act")
    if isinstance(wrong, Invalid):
        return t("qualification.check")
    return refusals.at_present(wrong, t) if wrong else ""


def _waits(one: Waiting, language: str) -> tuple[str, str]:
    """(shape, words) of its triage clock."""
    t, at = say(language), now()
    if one.due_at is None:
        return "paused", t("qualification.no_clock")
    if one.due_at < at:
        return "late", t("qualification.over", left=left(at, one.due_at, language))
    share = (at - one.received_at) / (one.due_at - one.received_at)
    return "risk" if share >= telling.RISK else "running", t(
        "qualification.left", left=left(one.due_at, at, language)
    )


def _by_days(figures: tuple[Figure, ...]) -> list[tuple[int, list[Figure]]]:
    days = sorted({one.days for one in figures})
    return [(n, [one for one in figures if one.days == n]) for n in days]
