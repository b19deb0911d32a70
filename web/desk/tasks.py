"""What somebody has to do besides the tickets in front of them: alarms first, then what is due; each leads to what it is about."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from aiohttp import web

from core.desk import tasks, unattended
from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.desk.tasks import Task
from core.store.tx import Tx
from web import guard, task_words
from web.desk.frame import around, staff
from web.site import SITE, now

FILTERS = ("", "mine", "groups")
"""Of the page: everything, one's own, or what is for a group or for whoever has a role."""


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/tasks", show)
    app.router.add_post("/desk/tasks/{id}/done", done)


async def show(request: web.Request) -> web.StreamResponse:
    """Those that are open for whoever looks; with `only` those of one kind of owner."""
    site, who = request.app[SITE], staff(request)
    only = request.query.get("only", "")
    if only not in FILTERS:
        raise web.HTTPNotFound
    found, unlooked = await site.db.read(_shown, who)
    shown = [one for one in found if not only or (one.agent is not None) == (only == "mine")]
    zone, at = ZoneInfo(site.settings.hub.time_zone), now()
    return site.pages.page(
        request,
        "inbox/tasks.html",
        view="tasks",
        given={},
        only=only,
        filters=FILTERS,
        lines=[task_words.line(one, who, at=at, zone=zone) for one in shown],
        back_to=f"/desk/tasks?only={only}" if only else "/desk/tasks",
        gone="gone" in request.query,
        unattended=unlooked,
        **await around(request, who),
    )


def _shown(tx: Tx, who: Principal) -> tuple[list[Task], unattended.Found | None]:
    return tasks.mine(tx, who), unattended.last(tx, who)


async def done(request: web.Request) -> web.StreamResponse:
    """It is done; somebody else may have been quicker."""
    site, who = request.app[SITE], staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    only = str(form.get("only", ""))
    back = f"/desk/tasks?only={only}" if only in FILTERS[1:] else "/desk/tasks"
    try:
        await site.db.write(tasks.done, who, request.match_info["id"], now=now())
    except NotFound:
        raise web.HTTPSeeOther("/desk/tasks?gone=1") from None
    raise web.HTTPSeeOther(back)
