"""Who gets what? The routing table as a grid and as lines, tried before it is saved, and where it leaves nobody.

An edited table travels with the form until somebody saves it: every button sends all of it, and none needs a script.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date

from core.desk import holes, routing_table, routing_trial
from core.desk.errors import DeskError, Invalid, Refused
from core.desk.holes import Hole
from core.desk.principal import Principal
from core.desk.routing_table import Table, Winner
from core.desk.routing_trial import Trial
from core.rules.routing import Rule
from core.store.tx import Tx
from web import guard, numbers, refusals
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import Say, say

MAX_TABLE = 1_000_000  # characters of a table in a form
DAYS = 14
SHOWN = 30  # differences, and holes of a trial
GAPS_SHOWN = 4
Lines = list[dict[str, Any]]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/routing", show)
    app.router.add_post("/desk/routing", act)
    app.router.add_get("/desk/routing/holes", show_holes)


async def show(request: web.Request) -> web.StreamResponse:
    """The table as it is."""
    return await _page(request)


async def act(request: web.Request) -> web.StreamResponse:
    """One button: edit, put, remove, move, try or save."""
    site, who = request.app[SITE], staff(request)
    sent = await request.post()
    guard.check_token(request, str(sent.get("csrf", "")))
    if not routing_table.may_edit(who):
        raise web.HTTPForbidden
    lines = _lines(str(sent.get("rules", "[]")))
    version = str(sent.get("version", ""))
    verb, _, about = str(sent.get("do", "")).partition(":")
    if verb == "save":
        try:
            await site.db.write(routing_table.save, who, lines, version=version, now=now())
        except (Invalid, Refused) as error:
            return await _page(request, lines=lines, version=version, wrong=error)
        raise web.HTTPSeeOther("/desk/routing?saved=1")
    if verb == "try":
        return await _page(request, lines=lines, version=version, days=str(sent.get("days", "")))
    if verb == "put":
        return await _put(request, lines, version, sent)
    if verb in ("new", "cell", "edit"):
        place, line = _opened(verb, about, lines)
        return await _page(request, lines=lines, version=version, place=place, line=line)
    return await _page(request, lines=_moved(verb, about, lines), version=version)


async def _put(request: web.Request, lines: Lines, version: str, sent: Mapping[str, Any]) -> web.Response:
    """The line of the form into the table, if it says something that can be."""
    site = request.app[SITE]
    line: dict[str, Any] = {name: text for name in routing_table.FIELDS if (text := str(sent.get(name, "")))}
    if (level := numbers.whole(line.get("level", ""))) is not None:
        line["level"] = level
    place = _place(str(sent.get("at", "")), lines)
    try:
        await site.db.read(routing_table.checked, [line])
    except Invalid as error:
        return await _page(request, lines=lines, version=version, place=place, line=line, wrong=error)
    changed = lines.copy()
    changed[place : place + 1] = [line]
    return await _page(request, lines=changed, version=version)


async def _page(  # noqa: PLR0913 - what a page of several forms shows
    request: web.Request,
    *,
    lines: Lines | None = None,
    version: str = "",
    place: int | None = None,
    line: Mapping[str, Any] | None = None,
    days: str | None = None,
    wrong: DeskError | None = None,
) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    t = say(who.language)
    tried: tuple[Trial, list[Hole], list[Hole]] | None = None
    table, grid, known = await site.db.read(_read, who, lines)
    if days is not None and lines is not None:
        try:
            tried = await site.db.read(_tried, who, lines, days=numbers.whole(days) or 0, now=at)
        except Invalid as error:
            wrong = error
    present = await site.db.read(routing_table.table, who)
    shown = _plain(table.rules) if lines is None else lines
    names = dict(table.customers)
    return site.pages.page(
        request,
        "inbox/routing.html",
        status=200 if wrong is None else 422 if isinstance(wrong, Invalid) else 409,
        view="routing",
        given={},
        table=table,
        grid=grid,
        lines=shown,
        names=names,
        weights=[Rule(group="", **{k: v for k, v in one.items() if k != "group"}).weight for one in shown],
        ties={second: first for first, second in table.ties},
        uncovered=Counter((hole.technology, hole.request_type) for hole in known.holes),
        holes=len(known.holes),
        text=json.dumps(shown, separators=(",", ":"), ensure_ascii=False),
        version=version or table.version,
        unsaved=shown != _plain(present.rules),
        place=place,
        line=line or {},
        faults=_faults(wrong, t),
        wrong=_said(wrong, t, shown, editing=place is not None),
        days=days or str(DAYS),
        tried=tried,
        most=SHOWN,
        saved="saved" in request.query and request.method == "GET",
        cell=lambda hole: f"{hole.customer_name}, {hole.technology}, {hole.request_type}",
        named=lambda found: [(name, name) for name in found],
        decided=lambda one: _decided(one, t),
        **await around(request, who),
    )


def _read(
    tx: Tx, who: Principal, lines: Lines | None
) -> tuple[Table, tuple[tuple[Winner, ...], ...], holes.Known]:
    known = holes.known(tx, who)
    if lines is None:
        table = routing_table.table(tx, who)
    else:
        nowhere: dict[str, Any] = {"group": ""}
        table = routing_table.of_rules(tx, who, [Rule(**(nowhere | one)) for one in lines])
    return table, routing_table.grid(tx, table.rules), known


def _tried(
    tx: Tx, who: Principal, lines: Lines, *, days: int, now: datetime
) -> tuple[Trial, list[Hole], list[Hole]]:
    """What tickets it would have moved; which holes it would make, and which it would close."""
    rules = routing_table.checked(tx, lines)
    trial = routing_trial.run(tx, who, rules, days=days, now=now)
    before, after = holes.look(tx, now=now).holes, holes.look(tx, now=now, rules=rules).holes
    old, new = {_cell(one) for one in before}, {_cell(one) for one in after}
    return (
        trial,
        [one for one in after if _cell(one) not in old],
        [one for one in before if _cell(one) not in new],
    )


def _cell(one: Hole) -> tuple[str, str, str]:
    return one.customer, one.technology, one.request_type


# --- The table in the form ----------------------------------------------------------------------------------


def _lines(text: str) -> Lines:
    """The table that a form carries. What is no table of ours is a mistake of whoever made the form."""
    if len(text) > MAX_TABLE:
        raise web.HTTPBadRequest
    try:
        found = json.loads(text)
    except ValueError:
        raise web.HTTPBadRequest from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise web.HTTPBadRequest
    return [_line(one) for one in found]


def _line(plain: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: plain[name] for name in routing_table.FIELDS if plain.get(name) not in (None, "")}
    if any(not isinstance(value, int if name == "level" else str) for name, value in kept.items()):
        raise web.HTTPBadRequest
    return kept


def _plain(rules: Sequence[Rule]) -> Lines:
    return [_line(asdict(rule)) for rule in rules]


def _place(text: str, lines: Lines) -> int:
    place = numbers.whole(text)
    return len(lines) if place is None else min(place, len(lines))


def _opened(verb: str, about: str, lines: Lines) -> tuple[int, dict[str, Any]]:
    """Which line is edited, and what it says: one that is there, or a new one at the end."""
    place = _place(about, lines) if verb == "edit" else len(lines)
    if place < len(lines):
        return place, lines[place]
    technology, _, request_type = about.partition("|")
    return len(lines), {"technology": technology, "request_type": request_type} if verb == "cell" else {}


def _moved(verb: str, about: str, lines: Lines) -> Lines:
    place = _place(about, lines)
    changed = lines.copy()
    if place >= len(lines):
        return changed
    if verb == "remove":
        del changed[place]
    to = place + {"up": -1, "down": 1}.get(verb, 0)
    if verb in ("up", "down") and 0 <= to < len(lines):
        changed[place], changed[to] = changed[to], changed[place]
    return changed


def _faults(wrong: DeskError | None, t: Say) -> dict[str, str]:
    if not isinstance(wrong, Invalid):
        return {}
    names = [fault.pointer.rpartition("/")[2] for fault in wrong.faults]
    return {name: t(f"routing.fault.{name}") for name in names if t.has(f"routing.fault.{name}")}  # type: ignore[attr-defined]


def _said(wrong: DeskError | None, t: Say, lines: Lines, *, editing: bool) -> str:
    if wrong is None or editing:
        return ""
    if isinstance(wrong, Refused):
        return t("routing.changed") if wrong.code == "changed" else refusals.at_present(wrong, t)
    if isinstance(wrong, Invalid):
        place = wrong.faults[0].pointer.split("/")
        if place == ["", "rules"] and not lines:
            return t("routing.empty")
        if len(place) == 4:  # noqa: PLR2004 - "", rules, place, field
            rule = f"{t('routing.rule', n=int(place[2]) + 1)}, {t(f'routing.{place[3]}')}"
            return t("routing.wrong_rule", rule=rule)
        return "" if place[-1] == "days" else refusals.in_general(wrong.faults[0], t)
    return refusals.at_present(wrong, t)


def _decided(one: routing_trial.Difference, t: Say) -> str:
    if one.why is None:
        return t("routing.trial_no_rule")
    return t("routing.trial_by", rule=t("routing.rule", n=one.why.rule.partition(" ")[2]).lower())


# --- Holes --------------------------------------------------------------------------------------------------


async def show_holes(request: web.Request) -> web.StreamResponse:
    """What nobody is there for, by customer, with the hours of each."""
    site, who = request.app[SITE], staff(request)
    customer = request.query.get("customer") or None
    known = await site.db.read(holes.known, who, customer=customer)
    zone = ZoneInfo(site.settings.hub.time_zone)
    t = say(who.language)
    by_customer = [
        (code, name, list(of))
        for (code, name), of in groupby(known.holes, lambda one: (one.customer, one.customer_name))
    ]
    return site.pages.page(
        request,
        "inbox/holes.html",
        view="routing",
        given={},
        known=known,
        by_customer=by_customer,
        only=customer,
        gaps=lambda one: one.gaps[:GAPS_SHOWN],
        rest=lambda one: max(len(one.gaps) - GAPS_SHOWN, 0),
        span=lambda gap: span(gap[0], gap[1], zone, who.language),
        because=lambda gap: t("routing.hole_closed", group=gap[2]) if gap[2] else t("routing.hole_nobody"),
        **await around(request, who),
    )


def span(since: datetime, until: datetime, zone: ZoneInfo, language: str) -> str:
    """When: "sab 5 dic 20:00–24:00"; over midnight with both days.

    >>> from datetime import UTC
    >>> span(datetime(2026, 12, 5, 19, tzinfo=UTC), datetime(2026, 12, 5, 23, tzinfo=UTC), ZoneInfo("Europe/Rome"), "en")
    'Sat 5 Dec 20:00–24:00'
    """
    a, b = since.astimezone(zone), until.astimezone(zone)
    ends = f"{b:%H:%M}"
    if b.hour == b.minute == 0 and (b.date() - a.date()).days == 1:
        ends = "24:00"
    elif a.date() != b.date():
        ends = f"{format_date(b.date(), 'EEE d MMM', language)} {ends}"
    return f"{format_date(a.date(), 'EEE d MMM', language)} {a:%H:%M}–{ends}"
