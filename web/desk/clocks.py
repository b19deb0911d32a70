"""Why is a clock where it is? Every minute of a request with its owner, and what each clock made of it."""

from __future__ import annotations

from functools import partial
from zoneinfo import ZoneInfo

from aiohttp import web

from core import texts
from core.desk import clock_views
from web import clock_strips
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import Say, say


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/desk/tickets/{number}/clocks", show)


async def show(request: web.Request) -> web.StreamResponse:
    """The request as a strip, then one for each clock, with the same in tables."""
    site, who = request.app[SITE], staff(request)
    at = now()
    found = await site.db.read(clock_views.of_ticket, who, request.match_info["number"], now=at)
    t = say(who.language)
    return site.pages.page(
        request,
        "inbox/clocks.html",
        view="clocks",
        given={},
        found=found,
        whole=clock_strips.of_request(found, t),
        strips=[(one, *clock_strips.of_clock(one, t)) for one in found.clocks],
        there=ZoneInfo(found.time_zone),
        promised=lambda clock: _promised(clock.promise, clock.name, t),
        long=partial(texts.duration, language=who.language),
        **await around(request, who),
    )


def _promised(policy: str, clock: str, t: Say) -> str:
    """By which promise a clock runs, beside its name: the service level and the priority; empty: no service level's.

    >>> from web.words import say
    >>> _promised("Gold P1 response", "response", say("it")), _promised("triage", "triage", say("it"))
    ('Gold P1', '')
    """
    after = f" {clock} after workaround"
    if policy.endswith(after):
        return f"{policy.removesuffix(after)} {t('clocks.after_workaround')}"
    return "" if policy == clock else policy.removesuffix(f" {clock}")
