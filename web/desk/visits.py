"""Who goes where, and when? The slot board, one visit with everything that can be done to it, and engineers' leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web

from core.desk import (
    bookings,
    crew_changes,
    offers,
    page,
    reference,
    visit_answers,
    visit_notices,
    visit_times,
    visit_views,
    visits,
)
from core.desk.errors import DeskError, Invalid, NotFound, Refused, Stale
from core.desk.principal import Principal
from core.desk.views import TicketView, VisitView
from core.desk.visit_views import Board, Engineer, Entry
from core.store.tx import Tx
from web import files, moments, numbers, refusals
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import say

DAYS = 7
DAY = timedelta(days=1)

Form = Mapping[str, Any]


class Piece(NamedTuple):
    """What takes a part of a day."""

    entry: Entry
    begins: str
    ends: str


class Day(NamedTuple):
    """A day of one engineer."""

    on: date
    today: bool
    hours: str
    """When they work; empty: they do not."""
    pieces: list[Piece]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/visits", board)
    app.router.add_post("/desk/visits/leave", enter_leave)
    app.router.add_post("/desk/visits/leave/{id}/remove", remove_leave)
    app.router.add_get("/desk/visits/{number}/new", begin)
    app.router.add_post("/desk/visits/{number}/new", plan)
    app.router.add_get("/desk/visits/{number}/{visit}", show)
    app.router.add_post("/desk/visits/{number}/{visit}/do/{verb}", act)


# --- The slot board ----------------------------------------------------------------------------------------


async def board(request: web.Request) -> web.StreamResponse:
    """A week of everybody who goes on site, and what waits for a time."""
    return await _board(request)


async def _board(
    request: web.Request, *, wrong: DeskError | None = None, typed: Form | None = None
) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    zone = ZoneInfo(site.settings.hub.time_zone)
    today = at.astimezone(zone).date()
    since = _day(request.query.get("from", "")) or today
    found: Board = await site.db.read(visit_views.board, who, since=since, days=DAYS, now=at)
    days = [since + n * DAY for n in range(DAYS)]
    absent = [
        (one, entry) for one in found.engineers for entry in one.entries if entry.kind in bookings.ABSENT
    ]
    return site.pages.page(
        request,
        "inbox/visits.html",
        status=refusals.status(wrong),
        view="visits",
        given={},
        board=found,
        days=days,
        today=today,
        rows=[(one, [_of_day(one, day, zone, today) for day in days]) for one in found.engineers],
        absent=absent,
        earlier=since - DAYS * DAY,
        later=since + DAYS * DAY,
        since=since,
        kinds=bookings.ABSENT,
        mine=[one for one in found.engineers if who.leads or one.id == who.id],
        wrong=refusals.sentences(wrong, say(who.language), "visit"),
        typed=typed or {},
        **await around(request, who),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _of_day(one: Engineer, day: date, zone: ZoneInfo, today: date) -> Day:
    begins = datetime.combine(day, time(), zone)
    ends = datetime.combine(day + DAY, time(), zone)
    works = [
        f"{max(since, begins).astimezone(zone):%H:%M}–{_until(min(until, ends), ends, zone)}"
        for since, until in one.hours
        if since < ends and until > begins
    ]
    pieces = [
        Piece(
            entry=entry,
            begins=f"{max(entry.since, begins).astimezone(zone):%H:%M}",
            ends=_until(min(entry.until, ends), ends, zone),
        )
        for entry in one.entries
        if entry.since < ends and entry.until > begins
    ]
    return Day(on=day, today=day == today, hours=", ".join(works), pieces=pieces)


def _until(at: datetime, midnight: datetime, zone: ZoneInfo) -> str:
    return "24:00" if at == midnight else f"{at.astimezone(zone):%H:%M}"


async def enter_leave(request: web.Request) -> web.StreamResponse:
    """Somebody is not there."""
    site, who = request.app[SITE], staff(request)
    form, _ = await files.form(request)
    zone = ZoneInfo(site.settings.hub.time_zone)
    try:
        since, until = (_moment(form, name, zone) for name in ("since", "until"))
        await site.db.write(
            bookings.leave,
            who,
            agent=form.get("agent", ""),
            since=since,
            until=until,
            kind=form.get("kind", bookings.LEAVE),
            note=form.get("note", ""),
            now=now(),
        )
    except (Invalid, Refused) as error:
        return await _board(request, wrong=error, typed=form)
    raise web.HTTPSeeOther("/desk/visits#leave")


def _moment(form: Form, name: str, zone: ZoneInfo) -> datetime:
    found = moments.of_form(form, name, zone)
    if found is None:
        raise moments.missing(name)
    return found


async def remove_leave(request: web.Request) -> web.StreamResponse:
    """They are there after all."""
    who = staff(request)
    await files.form(request)
    await request.app[SITE].db.write(bookings.remove, who, request.match_info["id"], now=now())
    raise web.HTTPSeeOther("/desk/visits#leave")


# --- A new one ---------------------------------------------------------------------------------------------


async def begin(request: web.Request) -> web.StreamResponse:
    """The form."""
    return await _new(request)


async def plan(request: web.Request) -> web.StreamResponse:
    """Plan it; what was typed is never lost."""
    site, who, number = request.app[SITE], staff(request), request.match_info["number"]
    form, _ = await files.form(request)
    zone = ZoneInfo(site.settings.hub.time_zone)
    skills = form.get("skills", "")
    try:
        made = await site.db.write(
            visits.plan,
            who,
            number,
            purpose=form.get("purpose", ""),
            site=form.get("site") or None,
            minutes=numbers.whole(form.get("minutes", "")) or 0,
            skills=[skills] if skills else None,
            parts=[{"name": line} for line in form.get("parts", "").splitlines() if line.strip()],
            replaces=form.get("replaces") or None,
            not_before=moments.of_form(form, "not_before", zone),
            offers=form.get("how") != "phone",
            engineers=_many(form),
            technicians=[*filter(None, [form.get("lead", "")]), *_others(form, "lead")],
            seen=numbers.seen(form),
            now=now(),
        )
    except (Invalid, Refused, Stale) as error:
        return await _new(request, wrong=error, typed=form)
    raise web.HTTPSeeOther(f"/desk/visits/{quote(number)}/{made}")


async def _new(
    request: web.Request, *, wrong: DeskError | None = None, typed: Form | None = None
) -> web.Response:
    site, who, number = request.app[SITE], staff(request), request.match_info["number"]
    try:
        found, offered = await site.db.read(_offered, who, number, now=now())
    except NotFound:
        raise web.HTTPNotFound from None
    given = typed if typed is not None else dict(request.query)
    return site.pages.page(
        request,
        "inbox/visit_new.html",
        status=refusals.status(wrong),
        view="visits",
        given={},
        ticket=found,
        technologies=offered["technologies"],
        sites=offered["sites"],
        goers=offered["goers"],
        replaced=[one for one in found.visits if one.id == given.get("replaces")],
        wrong=refusals.sentences(wrong, say(who.language), "visit"),
        faults=refusals.by_field(wrong, say(who.language), "visit"),
        typed=given,
        **await around(request, who),
    )


def _offered(tx: Tx, who: Principal, number: str, *, now: datetime) -> tuple[TicketView, dict[str, Any]]:
    found = page.ticket(tx, who, number, now=now)
    places = offers.of_customer(tx, found.row.customer).sites if found.row.customer else ()
    return found, {
        "technologies": reference.desk(tx).technologies,
        "sites": places,
        "goers": visit_times.goers(tx),
    }


# --- One visit ---------------------------------------------------------------------------------------------


async def show(request: web.Request) -> web.StreamResponse:
    """All of it, and what can be done."""
    return await _one(request)


async def act(request: web.Request) -> web.StreamResponse:
    """One verb; a refusal shows the visit as it is now, with what was typed."""
    site, who = request.app[SITE], staff(request)
    number, visit, verb = (request.match_info[name] for name in ("number", "visit", "verb"))
    if verb not in VERBS:
        raise web.HTTPNotFound
    called, fields = VERBS[verb]
    form, _ = await files.form(request)
    try:
        shown: VisitView = await site.db.read(visit_views.one, who, number, visit)
        named = fields(form, ZoneInfo(shown.time_zone))
        if verb in SEEN:
            named["seen"] = numbers.seen(form)
        await site.db.write(called, who, number, visit, now=now(), **named)
    except NotFound:
        raise web.HTTPNotFound from None
    except (Invalid, Refused, Stale) as error:
        return await _one(request, wrong=error, verb=verb, typed=form)
    raise web.HTTPSeeOther(f"/desk/visits/{quote(number)}/{quote(visit)}")


def _text(*names: str) -> Callable[[Form, ZoneInfo], dict[str, Any]]:
    return lambda form, _: {name: str(form.get(name, "")) for name in names}


def _at(form: Form, zone: ZoneInfo) -> dict[str, Any]:
    return {"at": moments.of_form(form, "at", zone)}


def _confirm(form: Form, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "start": _moment(form, "start", zone),
        "technician": str(form.get("technician", "")),
        "others": _others(form, "technician"),
        "asked": "asked" in form,
        "anyway": "anyway" in form,
    }


def _others(form: Form, leads: str) -> list[str]:
    """Engineers whose boxes are ticked: e-mails; who leads, in the field of this name, comes once."""
    ticked = [name.removeprefix("with:") for name in form if name.startswith("with:")]
    return [one for one in ticked if one != form.get(leads)]


def _many(form: Form) -> int | None:
    typed = str(form.get("engineers", "")).strip()
    return (numbers.whole(typed) or 0) if typed else None


def _crew(*names: str) -> Callable[[Form, ZoneInfo], dict[str, Any]]:
    return lambda form, zone: _text(*names)(form, zone) | {"anyway": "anyway" in form}


def _check_out(form: Form, zone: ZoneInfo) -> dict[str, Any]:
    typed = str(form.get("minutes", "")).strip()
    minutes = (numbers.whole(typed) or 0) if typed else None
    return _at(form, zone) | {"minutes": minutes, "text": str(form.get("text", ""))}


VERBS: Mapping[str, tuple[Callable[..., Any], Callable[[Form, ZoneInfo], dict[str, Any]]]] = {
    "offer": (
        visits.offer,
        lambda form, zone: {
            "not_before": moments.of_form(form, "not_before", zone),
            "engineers": _many(form),
        },
    ),
    "choose": (visits.choose, _text("slot")),
    "none_fits": (visits.none_fits, _text("text")),
    "confirm": (visits.confirm, _confirm),
    "add": (crew_changes.add, _crew("technician")),
    "replace": (crew_changes.replace, _crew("technician", "instead_of")),
    "remove": (crew_changes.remove, _crew("technician")),
    "cancel": (visits.cancel, _text("reason")),
    "en_route": (visits.en_route, _at),
    "check_in": (visits.check_in, _at),
    "check_out": (visits.check_out, _check_out),
    "accept": (visit_answers.accept, _crew("proposal")),
    "keep": (visit_answers.keep, _text("proposal")),
    "no_access": (visits.no_access, lambda form, zone: _text("reason")(form, zone) | _at(form, zone)),
}
"""What can be done to a visit, and how the fields of each are read from its form; times are on the clock of the site."""
SEEN = ("offer", "confirm", "cancel", "add", "replace", "remove")


async def _one(
    request: web.Request, *, wrong: DeskError | None = None, verb: str = "", typed: Form | None = None
) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    number, visit = request.match_info["number"], request.match_info["visit"]
    try:
        found, shown, goers, calendar = await site.db.read(_visit, who, number, visit, now=at)
    except NotFound:
        raise web.HTTPNotFound from None
    zone = ZoneInfo(shown.time_zone)
    return site.pages.page(
        request,
        "inbox/visit.html",
        status=refusals.status(wrong),
        view="visits",
        given={},
        ticket=found,
        visit=shown,
        site_zone=zone,
        past=shown.window_end is not None and shown.window_end <= at,
        spell=lambda since, until: visit_notices.spell(since, until, zone, who.language),
        goers=goers,
        crew=[one.id for one in shown.engineers],
        calendar=calendar,
        verb=verb,
        wrong=refusals.sentences(wrong, say(who.language), "visit"),
        faults=refusals.by_field(wrong, say(who.language), "visit"),
        typed=typed or {},
        **await around(request, who),
    )


def _visit(
    tx: Tx, who: Principal, number: str, visit: str, *, now: datetime
) -> tuple[
    TicketView,
    VisitView,
    Iterable[visit_times.Goer],
    visit_answers.CalendarView,
]:
    found = page.ticket(tx, who, number, now=now)
    return (
        found,
        visit_views.one(tx, who, number, visit),
        visit_times.goers(tx),
        visit_answers.calendar(tx, who, number, visit),
    )
