"""Why is a ticket where it is? The rules that were looked at, in words, and where its data come from."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from core.desk import routing_why
from core.desk.routing_why import Step
from web.desk import telling
from web.desk.frame import around, staff
from web.pages import day_and_time
from web.site import SITE, now
from web.words import Say, say


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/desk/tickets/{number}/why", show)


async def show(request: web.Request) -> web.StreamResponse:
    """The history of where it went, newest first."""
    site, who = request.app[SITE], staff(request)
    found = await site.db.read(routing_why.of_ticket, who, request.match_info["number"])
    t, zone = say(who.language), ZoneInfo(site.settings.hub.time_zone)

    def moment_of(text: str) -> str:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return text
        return day_and_time(at, zone, now(), who.language)

    return site.pages.page(
        request,
        "inbox/why.html",
        view="why",
        given={},
        why=found,
        history=found.history[::-1],
        rule_words=lambda step: _rule(step, t),
        step_words=lambda step: _why(step, t, moment_of),
        named=lambda names: ", ".join(t(f"suggest.field.{name}") for name in names).lower(),
        value_words=lambda name: value(name, found.values[name], t),
        **await around(request, who),
    )


def value(name: str, found: Any, t: Say) -> str:
    """What a field says, in the reader's words."""
    if found is None:
        return t("why.unnamed")
    fixed = telling.fixed_choices(t)
    of = {"impact": fixed["impacts"], "urgency": fixed["urgencies"]}.get(name, ())
    return str(dict(of).get(found, found))


def _rule(step: Step, t: Say) -> str:
    name, _, n = step.rule.partition(" ")
    if name == "rule" and n:
        return t("routing.rule", n=n)
    return str(t.maybe("why.step", step.rule))  # type: ignore[attr-defined]


def _why(step: Step, t: Say, moment_of: Any) -> str:
    if not t.has(f"why.code.{step.code}"):  # type: ignore[attr-defined]
        return step.code
    return t(f"why.code.{step.code}", value=moment_of(step.value) if step.code == "waits" else step.value)
