"""What stands around every page of the desk: views with counts, groups, health, who is signed in."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from core.desk import alert_board, call_desk, counts, outage_board, page_answers, reference, stuck, tasks
from core.desk.call_views import LiveView
from core.desk.offers import Offers, of_customer
from core.desk.principal import Principal
from core.store.database import StoreUnavailable
from core.store.tx import Tx
from web import guard, visitor
from web.desk import telling
from web.site import SITE, Site, now
from web.words import say

COUNT_EVERY = 1.0  # seconds: changes within this time are counted together
COUNT_AFTER = 0.05  # seconds: when the page that showed the counts of before is made
COUNTS_SHOWN = 10.0  # seconds that counts of before are shown rather than waited for; the page asks again
CACHED_FRAMES = 500  # people

VIEW_ICONS = {
    "qualify": "funnel",
    "mine": "user",
    "groups": "user-group",
    "unassigned": "inbox",
    "chats": "chat-bubble-left-right",
    "due": "clock",
    "waiting": "pause",
    "open": "inbox-stack",
    "all": "archive-box",
    "held": "hand-raised",
    "exceptions": "exclamation-triangle",
    "undelivered": "paper-airplane",
    "calls": "phone-arrow-down-left",
}
PLACES = {
    "qualify": "/desk/qualify",
    "held": "/desk/waiting?view=held",
    "exceptions": "/desk/waiting?view=exceptions",
    "undelivered": "/desk/waiting?view=undelivered",
    "calls": "/desk/calls",
}
"""Where the views are that do not list tickets."""
HOT = ("due", "held", "exceptions", "undelivered", "calls")
"""Views whose count is a call for help when it is not zero."""


@dataclass(slots=True)
class _Counted:
    changes: int
    at: float
    values: dict[str, int]
    groups: tuple[str, ...] = field(default=())


POSITION = web.RequestKey("position", str)
"""Of the live stream, taken before anything of the page is read."""

_known: OrderedDict[tuple[int, str], _Counted] = OrderedDict()
_counting: dict[tuple[int, str], asyncio.Task[None]] = {}


def staff(request: web.Request) -> Principal:
    """The agent who is signed in; a contact is told nothing of the desk."""
    found = visitor.person(request)
    if not found.is_agent:
        raise web.HTTPNotFound
    request[POSITION] = request.app[SITE].live.position
    return found


async def around(request: web.Request, who: Principal) -> dict[str, Any]:
    """The values of `inbox/frame.html`."""
    site = request.app[SITE]
    counted = await _counted(site, who)
    reasons = await _health(site)
    return await ringing(request, who) | {
        "views": [
            (name, PLACES.get(name, f"/desk/?view={name}"), icon, counted.values.get(name))
            for name, icon in VIEW_ICONS.items()
        ],
        "hot": HOT,
        "groups": counted.groups,
        "counts_old": counted.changes != site.live.changes,
        "stuck": counted.values.get("stuck"),
        "tasks": counted.values.get("tasks"),
        "alarms": counted.values.get("alarms"),
        "outages": counted.values.get("outages"),
        "outages_late": counted.values.get("outages_late"),
        "firing": counted.values.get("firing"),
        "reasons": reasons,
        "position": request[POSITION],
        "back": request.path_qs if request.method in guard.SAFE else request.path.partition("/do/")[0],
    }


async def _counted(site: Site, who: Principal) -> _Counted:
    key = (id(site), who.id)
    known = _known.get(key)
    clock = time.monotonic()
    if known is not None and (known.changes == site.live.changes or clock - known.at < COUNT_EVERY):
        return known
    if known is None or clock - known.at >= COUNTS_SHOWN:
        return await _count_anew(site, who)
    if key not in _counting:
        _counting[key] = asyncio.create_task(_count_soon(site, who), name="counting")
        _counting[key].add_done_callback(lambda _: _counting.pop(key, None))
    return known


async def _count_soon(site: Site, who: Principal) -> None:
    await asyncio.sleep(COUNT_AFTER)
    with contextlib.suppress(StoreUnavailable):  # whoever asks then is told
        await _count_anew(site, who)


async def _count_anew(site: Site, who: Principal) -> _Counted:
    key, clock, changes = (id(site), who.id), time.monotonic(), site.live.changes
    values, groups = await site.db.read(_count, who)
    found = _known[key] = _Counted(changes, clock, values, groups)
    if len(_known) > CACHED_FRAMES:
        _known.popitem(last=False)
    return found


def _count(tx: Tx, who: Principal) -> tuple[dict[str, int], tuple[str, ...]]:
    at = now()
    found = counts.counts(tx, who, now=at) | {"stuck": stuck.count(tx, who)}
    found |= outage_board.running(tx, now=at)
    found |= tasks.count(tx, who)._asdict()
    found["firing"] = alert_board.firing(tx, who)
    groups = reference.desk(tx).groups
    return found, tuple(name for name in groups if who.sees_everything or name in who.groups)


# --- Who rings ----------------------------------------------------------------------------------------------

RINGING_SHOWN = 5.0  # seconds: what rings too long ends without anybody saying so


@dataclass(frozen=True, slots=True)
class _Ringing:
    calls: int
    at: float
    found: tuple[LiveView, ...]
    paused: bool
    choices: Offers | None
    paged: tuple[page_answers.Paged, ...]


_ringing: OrderedDict[tuple[int, str], _Ringing] = OrderedDict()


async def ringing(request: web.Request, who: Principal) -> dict[str, Any]:
    """The values of `inbox/ringing.html`: the call that is for whoever looks, how many others wait, and chats they are called to."""
    site = request.app[SITE]
    key, calls, clock = (id(site), who.id), site.live.calls, time.monotonic()
    known = _ringing.get(key)
    if known is None or known.calls != calls or clock - known.at >= RINGING_SHOWN:
        known = _ringing[key] = _Ringing(calls, clock, *await site.db.read(_rings, who))
        if len(_ringing) > CACHED_FRAMES:
            _ringing.popitem(last=False)
    mine = next((one for one in known.found if one.mine or one.offer), None)
    return {
        "rings": mine,
        "lined_up": [one for one in known.found if one.phase == "queue" and one is not mine],
        "paused": known.paused,
        "paged": known.paged,
        "offers": known.choices,
        "levels": telling.fixed_choices(say(who.language)),
    }


def _rings(
    tx: Tx, who: Principal
) -> tuple[tuple[LiveView, ...], bool, Offers | None, tuple[page_answers.Paged, ...]]:
    at = now()
    found = call_desk.live(tx, who, now=at)
    mine = next((one for one in found if one.mine), None)
    offered = of_customer(tx, mine.customer) if mine else None
    return found, call_desk.paused(tx, who), offered, page_answers.mine(tx, who, now=at)


_health_known: dict[int, tuple[float, tuple[str, ...]]] = {}
HEALTH_EVERY = 5.0  # seconds


async def _health(site: Site) -> tuple[str, ...]:
    known = _health_known.get(id(site))
    if known is not None and time.monotonic() - known[0] < HEALTH_EVERY:
        return known[1]
    reasons = await site.hub.ready() if site.hub is not None else ()
    _health_known[id(site)] = (time.monotonic(), reasons)
    return reasons
