"""When is somebody working, and where? The calendar of planned maintenance, one window with what can be done, and a new one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date

from core.desk import maintenance, offers, window_views, windows
from core.desk.errors import DeskError, Forbidden, Invalid, NotFound, Refused
from core.desk.window_views import Occurrence, WindowView
from core.rules import windows as rules
from core.store.tx import Tx
from web import files, moments
from web.desk.frame import around, staff
from web.sign_in import form_id
from web.site import SITE, now
from web.window_words import span as span_words
from web.window_words import spoken
from web.words import say

DAY, WEEK = timedelta(days=1), timedelta(days=7)
SPANS = ("week", "month")
YEARS = range(2000, 2200)
"""What lies further away is a slip of the pen."""
MAX_FORM_ID = 100  # characters
FOLLOWING = 5
"""Times of a window that are named ahead."""

Form = Mapping[str, str]


class Piece(NamedTuple):
    """What of a day a window takes."""

    window: WindowView
    begins: str
    ends: str


class Day(NamedTuple):
    """A day of the calendar."""

    on: date
    today: bool
    outside: bool
    """Of another month than the one that is shown."""
    pieces: list[Piece]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/maintenance", calendar)
    app.router.add_get("/desk/maintenance/new", begin)
    app.router.add_post("/desk/maintenance/new", plan)
    app.router.add_get("/desk/maintenance/{id}", show)
    app.router.add_post("/desk/maintenance/{id}/{verb:approve|end|cancel}", act)


# --- The calendar ------------------------------------------------------------------------------------------


async def calendar(request: web.Request) -> web.StreamResponse:
    """A week or a month of all customers, and what goes on now above it."""
    site, who, at = request.app[SITE], staff(request), now()
    zone = ZoneInfo(site.settings.hub.time_zone)
    today = at.astimezone(zone).date()
    span = request.query.get("span", "")
    span = span if span in SPANS else "week"
    shown = _date(request.query.get("from", "")) or today
    first, last, earlier, later = _around(shown, span)
    found: tuple[Occurrence, ...]
    found, going_on, asked = await site.db.read(
        _board,
        who,
        since=datetime.combine(first, time(), zone),
        until=datetime.combine(last, time(), zone),
        now=at,
    )
    days = [first + n * DAY for n in range((last - first).days)]
    shape = [
        _day(one, found, zone, today, outside=span == "month" and one.month != shown.month) for one in days
    ]
    return site.pages.page(
        request,
        "inbox/maintenance.html",
        view="maintenance",
        given={},
        span=span,
        shown=shown,
        weeks=[shape[n : n + 7] for n in range(0, len(shape), 7)],
        empty=not found,
        going_on=going_on,
        asked=asked,
        today=today,
        earlier=earlier,
        later=later,
        may=windows.may_plan(who),
        heading=_heading(shown, first, last, span, who.language),
        spoken=lambda one: spoken(one, who.language),
        span_of=lambda one: span_words(one.since, one.until, zone, at, who.language),
        **await around(request, who),
    )


def _board(
    tx: Tx, who: Any, *, since: datetime, until: datetime, now: datetime
) -> tuple[tuple[Occurrence, ...], list[WindowView], list[WindowView]]:
    found = window_views.between(tx, who, since=since, until=until, now=now)
    ahead = window_views.listing(tx, who, now=now)
    return (
        found,
        [one for one in ahead if one.going_on],
        [one for one in ahead if one.state == maintenance.ASKED],
    )


def _around(shown: date, span: str) -> tuple[date, date, date, date]:
    """First day, the day after the last, and what lies before and behind. Weeks begin on Monday."""
    if span == "week":
        first = shown - shown.weekday() * DAY
        return first, first + WEEK, shown - WEEK, shown + WEEK
    month = shown.replace(day=1)
    following = (month + 32 * DAY).replace(day=1)
    first = month - month.weekday() * DAY
    last = following + (-following.weekday() % 7) * DAY
    return first, last, (month - DAY).replace(day=1), following


def _heading(shown: date, first: date, last: date, span: str, language: str) -> str:
    if span == "month":
        return str(format_date(shown, "MMMM y", locale=language))
    ends = format_date(last - DAY, "d MMMM y", locale=language)
    return f"{format_date(first, 'd MMMM', locale=language)} – {ends}"


def _day(day: date, found: Sequence[Occurrence], zone: ZoneInfo, today: date, *, outside: bool) -> Day:
    begins, ends = datetime.combine(day, time(), zone), datetime.combine(day + DAY, time(), zone)
    pieces = [
        Piece(
            window=one.window,
            begins=f"{max(one.since, begins).astimezone(zone):%H:%M}",
            ends="24:00" if one.until >= ends else f"{one.until.astimezone(zone):%H:%M}",
        )
        for one in found
        if one.since < ends and one.until > begins
    ]
    return Day(on=day, today=day == today, outside=outside, pieces=pieces)


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in YEARS else None


# --- A new one ---------------------------------------------------------------------------------------------


async def begin(request: web.Request) -> web.StreamResponse:
    """First the customer is chosen, then the form offers what is theirs."""
    if not windows.may_plan(staff(request)):
        raise web.HTTPForbidden
    return await _new(request, dict(request.query))


async def plan(request: web.Request) -> web.StreamResponse:
    """Plan it; what was typed is never lost."""
    site, who = request.app[SITE], staff(request)
    form, _ = await files.form(request)
    if not windows.may_plan(who):
        raise web.HTTPForbidden
    try:
        zone = ZoneInfo(
            await site.db.read(maintenance.zone_of, form.get("customer", ""), form.get("site", ""))
        )
        since, until = (_moment(form, name, zone) for name in ("since", "until"))
        made = await site.db.write(
            windows.plan,
            who,
            customer=form.get("customer", ""),
            site=form.get("site", ""),
            asset=form.get("asset", ""),
            tag=form.get("tag", ""),
            since=since.astimezone(UTC),
            until=until.astimezone(UTC),
            rule=_rule(form, since),
            zone=zone.key,
            mode=form.get("mode", maintenance.MUTE),
            change=form.get("change", ""),
            idem=form.get("form", "")[:MAX_FORM_ID],
            now=now(),
        )
    except Invalid as error:
        return await _new(request, form, wrong=error)
    raise web.HTTPSeeOther(f"/desk/maintenance/{made}")


def _moment(form: Form, name: str, zone: ZoneInfo) -> datetime:
    found = moments.of_form(form, name, zone)
    if found is None or found.year not in YEARS:
        raise moments.missing(name)
    return found


def _rule(form: Form, since: datetime) -> str:
    repeat = form.get("repeat", "")
    if repeat in rules.REPEATS:
        return rules.composed(repeat, since, _date(form.get("last", "")))
    return form.get("rule", "") if repeat == "rule" else ""


async def _new(request: web.Request, typed: Form, *, wrong: Invalid | None = None) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    offered, zone = await site.db.read(_offered, typed.get("customer", ""), typed.get("site", ""))
    begins = (at + timedelta(hours=1)).astimezone(ZoneInfo(zone)).replace(minute=0)
    usual = {"since": f"{begins:%Y-%m-%dT%H:%M}", "until": f"{begins + timedelta(hours=2):%Y-%m-%dT%H:%M}"}
    return site.pages.page(
        request,
        "inbox/maintenance_new.html",
        status=422 if wrong else 200,
        view="maintenance",
        given={},
        typed=usual | dict(typed),
        customers=offered.customers,
        chosen=next((name for code, name in offered.customers if code == typed.get("customer")), ""),
        sites=offered.sites,
        assets=offered.assets,
        repeats=rules.REPEATS,
        modes=maintenance.MODES,
        of_zone=zone,
        form_id=typed.get("form") or form_id(),
        faults=_faults(wrong, who.language),
        **await around(request, who),
    )


def _offered(tx: Tx, customer: str, site: str) -> tuple[offers.Offers, str]:
    return offers.of_customer(tx, customer or None), maintenance.zone_of(tx, customer, site)


def _faults(wrong: Invalid | None, language: str) -> Mapping[str, str]:
    """Field to what is wrong with it, in the reader's words."""
    t = say(language)
    named = (fault.pointer.strip("/") for fault in wrong.faults) if wrong is not None else ()
    return {name: t(f"maintenance.fault.{name}") for name in named}


# --- One that is there -------------------------------------------------------------------------------------


async def show(request: web.Request) -> web.StreamResponse:
    """All of it, and what can be done."""
    return await _one(request)


VERBS = {"approve": windows.approve, "end": windows.end, "cancel": windows.cancel}


async def act(request: web.Request) -> web.StreamResponse:
    """Approve, end or call off; what was typed is never lost."""
    site, who = request.app[SITE], staff(request)
    form, _ = await files.form(request)
    verb, window = request.match_info["verb"], request.match_info["id"]
    called: Any = VERBS[verb]
    given = {"reason": form.get("reason", "")} if verb == "cancel" else {}
    try:
        await site.db.write(called, who, window, now=now(), **given)
    except NotFound:
        raise web.HTTPNotFound from None
    except (Forbidden, Invalid, Refused) as error:
        return await _one(request, verb=verb, typed=form, wrong=error)
    raise web.HTTPSeeOther(f"/desk/maintenance/{window}")


async def _one(
    request: web.Request, *, verb: str = "", typed: Form | None = None, wrong: DeskError | None = None
) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    try:
        found: WindowView = await site.db.read(window_views.one, who, request.match_info["id"], now=at)
    except NotFound:
        raise web.HTTPNotFound from None
    t = say(who.language)
    code = wrong.code if isinstance(wrong, Refused) else ""
    kinds = {Forbidden: "not_yours", Invalid: "reason"}
    said = "" if wrong is None else t(f"maintenance.refused.{code or kinds.get(type(wrong), 'past')}")
    of_zone = ZoneInfo(found.zone)
    statuses = {Forbidden: 403, Invalid: 422, Refused: 409}
    return site.pages.page(
        request,
        "inbox/maintenance_one.html",
        status=200 if wrong is None else statuses.get(type(wrong), 409),
        view="maintenance",
        given={},
        window=found,
        spoken=spoken(found, who.language),
        following=list(islice(_times(found, at), FOLLOWING)),
        span_of=lambda one: span_words(one.since, one.until, of_zone, at, who.language),
        verb=verb,
        typed=typed or {},
        wrong=said,
        **await around(request, who),
    )


def _times(found: WindowView, at: datetime) -> Iterator[rules.Span]:
    """The times that are ahead, for one that repeats."""
    if found.next is None or not found.rule:
        return iter(())
    return rules.occurrences(found.meant, at, at + rules.FURTHEST)
