"""When is the service there? Calendars with what they mean for the next two weeks, changed by whoever leads the desk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date

from core.desk import clock_changes, clock_editor
from core.desk.clock_editor import CalendarView, Impact
from core.desk.configuration.document import CalendarPart
from core.desk.errors import Invalid, Refused
from core.rules.calendar_definitions import WEEKDAYS
from web import guard, refusals
from web.desk import calendar_form, impacts
from web.desk.calendar_form import Faults, Form
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import Say, say

NEW = "/desk/new-calendar"
"""Beside the calendars, not among them: a calendar may have any name."""
NAMED = {
    "name": "name",
    "weekly": "hours",
    "time_zone": "time_zone",
    "holidays": "holidays",
    "cut_off": "cut_off",
}
"""Field of a calendar to that of the form, where the catalogue says what is wrong with it."""


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
        may=who.configures,
        spoken=calendar_form.spoken,
        **await around(request, who),
    )


async def one(request: web.Request) -> web.StreamResponse:
    """One calendar: what it says, what that means, and what open tickets it would move."""
    return await _page(request)


async def begin(request: web.Request) -> web.StreamResponse:
    """An empty form, for who may keep it."""
    if not staff(request).configures:
        raise web.HTTPForbidden
    return await _page(request)


async def change(request: web.Request) -> web.StreamResponse:
    """`look` shows what the form would mean; `save` keeps it; `apply` brings open tickets under what is kept; `do`: a row."""
    site, who = request.app[SITE], staff(request)
    sent = await request.post()
    guard.check_token(request, str(sent.get("csrf", "")))
    name = request.match_info.get("name")
    if "apply" in sent and name is not None:
        await site.db.write(clock_changes.begin, who, name, now=now())
        raise web.HTTPSeeOther(f"{place(name)}?applied=1")
    form = calendar_form.read(sent)
    if "do" in sent:
        return await _page(request, form=calendar_form.with_rows(form, str(sent["do"])))
    part, faults = calendar_form.part_of(form, form.name if name is None else name)
    if faults:
        return await _page(request, form=form, faults=faults)
    if "save" not in sent:
        return await _page(request, form=form, part=part)
    try:
        seen = str(sent.get("seen", "")) or None
        await site.db.write(clock_editor.save, who, part, seen=seen, new=name is None, now=now())
    except Invalid as wrong:
        return await _page(request, form=form, wrong=wrong)
    except Refused:
        return await _page(request, form=form, part=part, changed=True)
    raise web.HTTPSeeOther(f"{place(part.name)}?saved=1")


def place(name: str) -> str:
    """The address of a calendar's page."""
    return f"/desk/calendars/{quote(name, safe='')}"


async def _page(
    request: web.Request,
    *,
    form: Form | None = None,
    part: CalendarPart | None = None,
    faults: Faults | None = None,
    wrong: Invalid | None = None,
    changed: bool = False,
) -> web.Response:
    """`changed`: somebody else saved it meanwhile; what the form is sent with next takes the place of theirs."""
    site, who, name = request.app[SITE], staff(request), request.match_info.get("name")
    kept: CalendarView | None = None
    if name is not None:
        kept = await site.db.read(clock_editor.calendar, who, name)
    shown = part or (kept.part if kept and form is None else None)
    days: list[Any] = []
    moved: Impact | None = None
    may = who.configures
    if shown is not None:
        try:
            days = _days(shown)
            if may:
                moved = await impacts.whole(site.db, clock_editor.preview, who, shown)
        except Invalid as error:
            wrong = error
    t = say(who.language)
    sent_with = str((await request.post()).get("seen", ""))
    said = _said(faults or {}, wrong, t)
    return site.pages.page(
        request,
        "inbox/calendar.html",
        status=422 if said else 409 if changed else 200,
        view="calendars",
        given={},
        name=name,
        place=NEW if name is None else place(name),
        kept=kept,
        changed=changed,
        seen=kept.edition if kept and (form is None or changed) else sent_with,
        form=form or (calendar_form.of_part(kept.part) if kept else Form()),
        week=WEEKDAYS,
        day_names=calendar_form.day_names(who.language),
        spoken=calendar_form.spoken,
        days=days,
        warnings=shown.definition().warnings() if shown is not None and not said else (),
        faults=said,
        looked=part is not None,
        moved=moved,
        on_day=lambda day, language: format_date(day, "EEE d MMM", locale=language),
        may=may,
        saved="saved" in request.query and request.method == "GET",
        applied="applied" in request.query and request.method == "GET",
        **await around(request, who),
    )


def _days(part: CalendarPart) -> list[Any]:
    """What the next two weeks are by it. Raises Invalid."""
    clock_editor.checked(part)
    zone = ZoneInfo(part.time_zone)
    fortnight = clock_editor.fortnight(part, now().astimezone(zone).date())
    return [
        (day, [(a.astimezone(zone), b.astimezone(zone)) for a, b in open_then], _turns(day, zone))
        for day, open_then in fortnight
    ]


def _said(faults: Faults, wrong: Invalid | None, t: Say) -> Mapping[str, str]:
    """What is wrong, by the field of the form; "" where it has none."""
    found = {field: t(f"calendars.fault.{code}", **values) for field, (code, values) in faults.items()}
    for fault in wrong.faults if wrong else ():
        field = NAMED.get(fault.pointer.strip("/"))
        if field is None:
            found[""] = refusals.in_general(fault, t)
        else:
            found[field] = t(f"calendars.fault.{field}")
    return found


def _turns(day: date, zone: ZoneInfo) -> bool:
    """Whether the clock is changed on that date."""
    begins = datetime(day.year, day.month, day.day, tzinfo=zone)
    ends = datetime.combine(date.fromordinal(day.toordinal() + 1), begins.timetz())
    return begins.utcoffset() != ends.replace(tzinfo=zone).utcoffset()
