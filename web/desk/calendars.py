"""When is the service there? Calendars with what they mean for the next two weeks, changed by whoever leads the desk."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date

from core.desk import clock_changes, clock_editor
from core.desk.clock_editor import CalendarView
from core.desk.configuration.document import CalendarPart
from core.desk.errors import Invalid, invalid
from core.desk.principal import Principal
from web import guard
from web.desk import impacts
from web.desk.frame import around, staff
from web.site import SITE, now

NEW = "/desk/new-calendar"
"""Beside the calendars, not among them: a calendar may have any name."""
FIELDS = ("time_zone", "weekly", "holidays", "closed", "cut_off")


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/calendars", show)
    app.router.add_get(NEW, begin)
    app.router.add_post(NEW, change)
    app.router.add_get("/desk/calendars/{name}", one)
    app.router.add_post("/desk/calendars/{name}", change)


async def show(request: web.Request) -> web.StreamResponse:
    """All of them."""
    site, who = request.app[SITE], staff(request)
    found = await site.db.read(clock_editor.calendars, who)
    return site.pages.page(
        request,
        "inbox/calendars.html",
        view="calendars",
        given={},
        calendars=found,
        may=_may(who),
        **await around(request, who),
    )


async def one(request: web.Request) -> web.StreamResponse:
    """One calendar: what it says, what that means, and what open tickets it would move."""
    return await _page(request)


async def begin(request: web.Request) -> web.StreamResponse:
    """An empty form, for who may keep it."""
    if not _may(staff(request)):
        raise web.HTTPForbidden
    return await _page(request)


async def change(request: web.Request) -> web.StreamResponse:
    """`look` shows what the form would mean; `save` keeps it; `apply` brings open tickets under what is kept."""
    site, who = request.app[SITE], staff(request)
    sent = await request.post()
    guard.check_token(request, str(sent.get("csrf", "")))
    name = request.match_info.get("name")
    if "apply" in sent and name is not None:
        await site.db.write(clock_changes.begin, who, name, now=now())
        raise web.HTTPSeeOther(f"{place(name)}?applied=1")
    form = {field: str(sent.get(field, "")).strip() for field in ("name", *FIELDS)}
    try:
        part = _part(form["name"] if name is None else name, form)
        if "look" in sent:
            return await _page(request, form=form, part=part)
        await site.db.write(clock_editor.save, who, part, new=name is None, now=now())
    except Invalid as wrong:
        return await _page(request, form=form, wrong=wrong)
    raise web.HTTPSeeOther(f"{place(part.name)}?saved=1")


def place(name: str) -> str:
    """The address of a calendar's page."""
    return f"/desk/calendars/{quote(name, safe='')}"


async def _page(
    request: web.Request,
    *,
    form: dict[str, str] | None = None,
    part: CalendarPart | None = None,
    wrong: Invalid | None = None,
) -> web.Response:
    site, who, name = request.app[SITE], staff(request), request.match_info.get("name")
    kept: CalendarView | None = None
    if name is not None:
        kept = await site.db.read(clock_editor.calendar, who, name)
    shown = part or (kept.part if kept and wrong is None else None)
    warnings: tuple[str, ...] = ()
    days: list[Any] = []
    if shown is not None:
        try:
            warnings = shown.definition().warnings()
            zone = ZoneInfo(shown.time_zone)
            days = [
                (day, [(a.astimezone(zone), b.astimezone(zone)) for a, b in open_then], _turns(day, zone))
                for day, open_then in clock_editor.fortnight(shown, now().astimezone(zone).date())
            ]
        except (Invalid, ValueError) as error:
            wrong = error if isinstance(error, Invalid) else wrong
    may = _may(who)
    moved = None
    if may and shown is not None and wrong is None:
        try:
            moved = await impacts.whole(site.db, clock_editor.preview, who, shown)
        except Invalid as error:
            wrong = error
    return site.pages.page(
        request,
        "inbox/calendar.html",
        status=422 if wrong else 200,
        view="calendars",
        given={},
        name=name,
        place=NEW if name is None else place(name),
        kept=kept,
        form=form or _form(kept.part if kept else None),
        days=days,
        warnings=warnings,
        wrong=wrong,
        looked=part is not None,
        moved=moved,
        on_day=lambda day, language: format_date(day, "EEE d MMM", locale=language),
        may=may,
        saved="saved" in request.query,
        applied="applied" in request.query,
        **await around(request, who),
    )


def _may(who: Principal) -> bool:
    return who.is_admin or "supervisor" in who.roles


def _turns(day: date, zone: ZoneInfo) -> bool:
    """Whether the clock is changed on that date."""
    begins = datetime(day.year, day.month, day.day, tzinfo=zone)
    ends = datetime.combine(date.fromordinal(day.toordinal() + 1), begins.timetz())
    return begins.utcoffset() != ends.replace(tzinfo=zone).utcoffset()


def _form(part: CalendarPart | None) -> dict[str, str]:
    if part is None:
        return {
            "name": "",
            "time_zone": "Europe/Rome",
            "weekly": "",
            "holidays": "IT",
            "closed": "",
            "cut_off": "",
        }
    return {
        "name": part.name,
        "time_zone": part.time_zone,
        "weekly": "\n".join(part.weekly),
        "holidays": part.holidays,
        "closed": "\n".join(map(str, part.closed)),
        "cut_off": part.cut_off or "",
    }


def _part(name: str, form: dict[str, str]) -> CalendarPart:
    """What was typed. Raises Invalid for a day that is none; everything else the verb says."""
    closed = []
    for text in form["closed"].split():
        try:
            closed.append(date.fromisoformat(text))
        except ValueError:
            raise invalid("/closed", f"{text} is no day: write it like 2026-12-24") from None
    return CalendarPart(
        name=name,
        time_zone=form["time_zone"],
        weekly=tuple(line.strip() for line in form["weekly"].splitlines() if line.strip()),
        holidays=form["holidays"],
        closed=tuple(closed),
        cut_off=form["cut_off"] or None,
    )
