"""Who is on duty, what must the next shift know? Plans of weeks with stand-ins, the shift board, handovers and their signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web

from core.desk import handover_facts, handovers, ladder_board, levels, people, rota_board, tasks
from core.desk.errors import DeskError, Forbidden, Invalid, NotFound, Refused, Stale, invalid
from core.desk.handover_facts import Facts
from core.desk.handovers import Handover
from core.desk.ladder_board import Ladder
from core.desk.principal import Principal
from core.desk.rota_board import OnDuty, Person, Plan
from core.rules.levels import Stay
from core.rules.rotas import Gap
from core.store.tx import Tx
from web import guard, moments, task_words
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import Say, say

WEEKS = {"week": 1, "month": 5}
"""Rows of the plan by what is looked at."""
DAY = timedelta(days=1)
MOST_GAPS = 20


Part = tuple[datetime, datetime, Person | None, bool]
"""From and until when somebody is on duty (None: nobody), and whether they stand in."""


class Piece(NamedTuple):
    """A part of a day: who is on duty, or that nobody is."""

    begins: str
    ends: str
    who: Person | None
    override: bool


class Day(NamedTuple):
    """A day of the plan."""

    on: date
    today: bool
    pieces: list[Piece]


class Board(NamedTuple):
    """What the shift board shows."""

    duty: tuple[OnDuty, ...]
    ladders: tuple[Ladder, ...]
    facts: Facts
    mine: list[tasks.Task]
    unsigned: list[Handover]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/shift", board)
    app.router.add_get("/desk/rotas", plans)
    app.router.add_post("/desk/rotas/{name}/overrides", stand_in)
    app.router.add_post("/desk/rotas/{name}/overrides/{id}/remove", take_out)
    app.router.add_get("/desk/tickets/{number}/duty", of_ticket)
    app.router.add_get("/desk/handovers", listed)
    app.router.add_get("/desk/handovers/{id}", one)
    app.router.add_post("/desk/handovers/{id}/{verb:say|sign}", act)


# --- The board ----------------------------------------------------------------------------------------------


async def board(request: web.Request) -> web.StreamResponse:
    """Who is on duty now and next, and everything that cannot wait."""
    site, who, at = request.app[SITE], staff(request), now()
    found = await site.db.read(_board, who, at)
    zone = ZoneInfo(site.settings.hub.time_zone)
    return site.pages.page(
        request,
        "inbox/shift.html",
        view="shift",
        given={},
        board=found,
        lines=[task_words.line(task, who, at=at, zone=zone) for task in found.mine],
        **await around(request, who),
    )


def _board(tx: Tx, who: Principal, at: datetime) -> Board:
    return Board(
        duty=rota_board.listing(tx, who, at=at),
        ladders=ladder_board.running(tx, who, now=at),
        facts=handover_facts.now_open(tx, now=at) if who.sees_everything else {},
        mine=tasks.mine(tx, who),
        unsigned=handovers.unsigned(tx, who, now=at),
    )


async def of_ticket(request: web.Request) -> web.StreamResponse:
    """Who was called to a ticket, and how long each group had it."""
    site, who, number = request.app[SITE], staff(request), request.match_info["number"]
    try:
        pages, stays = await site.db.read(_of_ticket, who, number)
    except NotFound:
        raise web.HTTPNotFound from None
    return site.pages.page(
        request,
        "inbox/duty.html",
        view="duty",
        given={},
        number=number,
        pages=pages,
        stays=stays,
        **await around(request, who),
    )


def _of_ticket(
    tx: Tx, who: Principal, number: str
) -> tuple[tuple[ladder_board.PageShown, ...], tuple[Stay, ...]]:
    return ladder_board.of_ticket(tx, who, number), levels.of_ticket(tx, who, number)


# --- Plans --------------------------------------------------------------------------------------------------


async def plans(request: web.Request) -> web.StreamResponse:
    """The plan of one rota, week by week, with its gaps, and who stands in."""
    return await _plans(request, request.query.get("rota", ""))


async def _plans(
    request: web.Request,
    name: str,
    *,
    wrong: DeskError | None = None,
    typed: Mapping[str, str] | None = None,
) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    view = request.query.get("view", "month")
    duty, gaps, staff_of_desk = await site.db.read(_rotas, who, at)
    chosen = next((one.rota for one in duty if one.rota.name == name), duty[0].rota if duty else None)
    if view not in WEEKS or (name and (chosen is None or chosen.name != name)):
        raise web.HTTPNotFound
    values: dict[str, Any] = {"rota": None}
    t, zone_of_hub = say(who.language), ZoneInfo(site.settings.hub.time_zone)
    if chosen is not None:
        zone = ZoneInfo(chosen.time_zone)
        monday = _monday(request.query.get("from", ""), at.astimezone(zone).date())
        since, until = _midnight(monday, zone), _midnight(monday + WEEKS[view] * 7 * DAY, zone)
        plan = await site.db.read(rota_board.plan, who, chosen.name, since=since, until=until, now=at)
        values = {
            "rota": chosen,
            "plan": plan,
            "rota_zone": zone,
            "weeks": list(_weeks(plan, monday, zone, at.astimezone(zone).date())),
            "earlier": monday - WEEKS[view] * 7 * DAY,
            "later": monday + WEEKS[view] * 7 * DAY,
            "monday": monday,
        }
    return site.pages.page(
        request,
        "inbox/rotas.html",
        status=200 if wrong is None else 403 if isinstance(wrong, Forbidden) else 422,
        view="rotas",
        given={},
        duty=duty,
        gaps=[(gap, *_when(gap, t, zone_of_hub)) for gap in gaps[:MOST_GAPS]],
        many_gaps=len(gaps),
        shown=view,
        agents=staff_of_desk,
        may=rota_board.may_change(who),
        wrong=_said(wrong),
        typed=typed or {},
        **values,
        **await around(request, who),
    )


def _when(gap: Gap, t: Say, zone: ZoneInfo) -> tuple[str, str]:
    """Beginning and end with day and time: a gap of two hours next month is not said by its date alone."""
    since, until = gap.since.astimezone(zone), gap.until.astimezone(zone)
    said = [f"{t(f'weekday.d{at.weekday()}')} {at.day}/{at.month} {at:%H:%M}" for at in (since, until)]
    return said[0], said[1] if until.date() != since.date() else f"{until:%H:%M}"


def _rotas(
    tx: Tx, who: Principal, at: datetime
) -> tuple[tuple[OnDuty, ...], tuple[Gap, ...], list[people.Agent]]:
    return rota_board.listing(tx, who, at=at), rota_board.gaps(tx, who, now=at), people.agents(tx)


def _weeks(plan: Plan, monday: date, zone: ZoneInfo, today: date) -> Iterator[list[Day]]:
    parts: list[Part] = [(turn.since, turn.until, turn.who, turn.override is not None) for turn in plan.turns]
    parts += [(since, until, None, False) for since, until in plan.open]
    parts.sort(key=lambda part: part[0])
    day = monday
    while _midnight(day, zone) < plan.until:
        yield [_day(parts, day + n * DAY, zone, today) for n in range(7)]
        day += 7 * DAY


def _day(parts: list[Part], day: date, zone: ZoneInfo, today: date) -> Day:
    opens, closes = _midnight(day, zone), _midnight(day + DAY, zone)
    pieces = [
        Piece(
            begins="00:00" if since <= opens else f"{since.astimezone(zone):%H:%M}",
            ends="24:00" if until >= closes else f"{until.astimezone(zone):%H:%M}",
            who=who,
            override=override,
        )
        for since, until, who, override in parts
        if since < closes and until > opens
    ]
    return Day(on=day, today=day == today, pieces=pieces)


def _monday(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        raise web.HTTPNotFound from None
    if abs(day.year - today.year) > 10:  # noqa: PLR2004 - years; nobody plans further
        raise web.HTTPNotFound
    return day - day.weekday() * DAY


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


async def stand_in(request: web.Request) -> web.StreamResponse:
    """Somebody has the duty instead. Times are those of the rota's own zone."""
    site, who = request.app[SITE], staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    name = request.match_info["name"]
    typed = {key: str(value) for key, value in form.items()}
    try:
        zone = await site.db.read(_zone, who, name)
        await site.db.write(
            rota_board.stand_in,
            who,
            name,
            agent=typed.get("agent", ""),
            since=_instant(typed, "since", zone),
            until=_instant(typed, "until", zone),
            reason=typed.get("reason", ""),
            now=now(),
        )
    except NotFound:
        raise web.HTTPNotFound from None
    except (Invalid, Forbidden) as error:
        return await _plans(request, name, wrong=error, typed=typed)
    raise web.HTTPSeeOther(f"/desk/rotas?rota={quote(name)}#overrides")


def _zone(tx: Tx, who: Principal, name: str) -> ZoneInfo:
    return ZoneInfo(rota_board.rota(tx, who, name).time_zone)


def _instant(typed: Mapping[str, str], name: str, zone: ZoneInfo) -> datetime:
    at = moments.of_form(typed, name, zone)
    if at is None:
        raise invalid(f"/{name}", "must be a date and a time")
    return at.astimezone(UTC)


async def take_out(request: web.Request) -> web.StreamResponse:
    """As planned again."""
    site, who = request.app[SITE], staff(request)
    guard.check_token(request, str((await request.post()).get("csrf", "")))
    name = request.match_info["name"]
    try:
        await site.db.write(rota_board.take_out, who, name, request.match_info["id"], now=now())
    except NotFound:
        raise web.HTTPNotFound from None
    except Forbidden as error:
        return await _plans(request, name, wrong=error)
    raise web.HTTPSeeOther(f"/desk/rotas?rota={quote(name)}#overrides")


# --- Handovers ----------------------------------------------------------------------------------------------


async def listed(request: web.Request) -> web.StreamResponse:
    """Those of the last weeks."""
    site, who = request.app[SITE], staff(request)
    try:
        found = await site.db.read(handovers.listing, who, before=now())
    except NotFound:
        raise web.HTTPNotFound from None
    return site.pages.page(
        request, "inbox/handovers.html", view="handovers", given={}, items=found, **await around(request, who)
    )


async def one(request: web.Request) -> web.StreamResponse:
    """The brief, with its sentences and signatures."""
    return await _one(request)


async def _one(request: web.Request, *, wrong: DeskError | None = None) -> web.Response:
    site, who = request.app[SITE], staff(request)
    try:
        found = await site.db.read(handovers.one, who, request.match_info["id"])
    except NotFound:
        raise web.HTTPNotFound from None
    at, zone = now(), ZoneInfo(site.settings.hub.time_zone)
    status = 200 if wrong is None else 403 if isinstance(wrong, Forbidden) else 409
    if isinstance(wrong, Invalid):
        status = 422
    return site.pages.page(
        request,
        "inbox/handover.html",
        status=status,
        view="handovers",
        given={},
        handover=found,
        brief=_read(found.brief),
        told_alarms=[_alarm(item, who.language, zone) for item in found.brief["tasks"]],
        may=who.leads,
        wrong=_said(wrong),
        unsaid=found.unsaid,
        at=at,
        **await around(request, who),
    )


async def act(request: web.Request) -> web.StreamResponse:
    """Say what is grave, or sign."""
    site, who = request.app[SITE], staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    identity = request.match_info["id"]
    try:
        if request.match_info["verb"] == "say":
            said = {
                name.removeprefix("about:"): str(value)
                for name, value in form.items()
                if name.startswith("about:")
            }
            await site.db.write(handovers.say, who, identity, said, now=now())
        else:
            side: handovers.Side = "in" if form.get("side") == "in" else "out"
            seen = str(form.get("seen", ""))
            await site.db.write(handovers.sign, who, identity, side=side, seen=seen, now=now())
    except NotFound:
        raise web.HTTPNotFound from None
    except (Refused, Stale, Forbidden, Invalid) as error:
        return await _one(request, wrong=error)
    raise web.HTTPSeeOther(f"/desk/handovers/{identity}")


def _read(brief: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """With instants again."""
    instants = ("next_due", "due", "since", "state_since", "next_update_due", "oldest", "at")
    return {
        part: [
            {
                name: datetime.fromisoformat(value) if name in instants and value else value
                for name, value in item.items()
            }
            for item in items
        ]
        for part, items in brief.items()
    }


def _alarm(item: Mapping[str, Any], language: str, zone: ZoneInfo) -> str:
    task = tasks.Task(
        id="",
        kind=item["kind"],
        alarm=True,
        agent=None,
        group=None,
        role=None,
        about=item["about"],
        number=item["number"],
        at=datetime.fromisoformat(item["at"]),
        due=None,
    )
    return task_words.words(task, language, zone)


def _said(error: DeskError | None) -> str:
    """The code of a refusal, for the catalogue."""
    if error is None:
        return ""
    if isinstance(error, Invalid):
        return f"invalid{error.faults[0].pointer.replace('/', '.')}"
    if isinstance(error, Stale):
        return "stale"
    return "forbidden" if isinstance(error, Forbidden) else str(getattr(error, "code", ""))
