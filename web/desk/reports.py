"""Which reports of contracts and periods are there? Asked for, read, approved or refused; and which come by themselves."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from core.desk import periodic, periodic_schedule
from core.desk.errors import DeskError, NotFound
from core.desk.periodic import Whole
from core.desk.principal import Principal
from core.store.tx import Tx
from web import files, guard, refusals, report_shown
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import say

BASE = "/desk/reports"
ONE = f"{BASE}/{{contract}}/{{period}}/{{n}}"


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get(BASE, show)
    app.router.add_post(BASE, ask)
    app.router.add_post(f"{BASE}/rhythm", plan)
    app.router.add_get(ONE, read)
    app.router.add_post(ONE, decide)
    app.router.add_get(f"{ONE}/pdf", pdf)
    app.router.add_get(f"{ONE}/csv", table)
    app.router.add_get(f"{ONE}/charts/{{name}}", chart)
    app.router.add_get(f"{ONE}/figures/{{figure}}", behind)


async def show(request: web.Request) -> web.StreamResponse:
    """All of them, and the forms."""
    return await _list(request)


async def ask(request: web.Request) -> web.StreamResponse:
    """Let one be made."""
    form = await _form(request)
    site, who = request.app[SITE], staff(request)
    contract, period = form.get("contract", ""), form.get("period", "").strip()
    try:
        await site.db.write(periodic.ask, who, contract, period, draft=form.get("draft") == "on", now=now())
    except DeskError as error:
        return await _list(request, wrong=error, form=form)
    raise web.HTTPSeeOther(f"{BASE}?asked={quote(contract, safe='')}")


async def plan(request: web.Request) -> web.StreamResponse:
    """Say what a contract gets by itself."""
    form = await _form(request)
    site, who = request.app[SITE], staff(request)
    try:
        await site.db.write(
            periodic_schedule.plan,
            who,
            form.get("contract", ""),
            form.get("every", ""),
            recipients=form.get("recipients", "").replace(",", " ").split(),
            active=form.get("active") == "on",
            now=now(),
        )
    except DeskError as error:
        return await _list(request, wrong=error, form=form)
    raise web.HTTPSeeOther(f"{BASE}#rhythm")


async def _list(
    request: web.Request, *, wrong: DeskError | None = None, form: dict[str, str] | None = None
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    return site.pages.page(
        request,
        "inbox/reports.html",
        status=refusals.status(wrong),
        view="reports",
        given={},
        wrong=refusals.sentences(wrong, say(who.language), "report"),
        form=form or {},
        asked=request.query.get("asked", ""),
        every=periodic_schedule.EVERY,
        may=periodic.may_approve(who),
        **await site.db.read(_found, who),
        **await around(request, who),
    )


def _found(tx: Tx, who: Principal) -> dict[str, Any]:
    return {
        "reports": periodic.reports(tx, who),
        "making": periodic.making(tx, who),
        "rhythms": periodic_schedule.rhythms(tx, who),
        "contracts": periodic.contracts(tx),
    }


async def read(request: web.Request) -> web.StreamResponse:
    """One with every number, each a way to its tickets."""
    return await _read(request)


async def _read(request: web.Request, *, wrong: DeskError | None = None) -> web.Response:
    site, who = request.app[SITE], staff(request)
    found = await _whole(request, who)
    return site.pages.page(
        request,
        "inbox/report.html",
        status=refusals.status(wrong),
        view="reports",
        given={},
        wrong=refusals.sentences(wrong, say(who.language), "report"),
        place=request.path,
        tickets="/desk/tickets",
        may=periodic.may_approve(who),
        deliveries=found.deliveries,
        **report_shown.shown(found),
        **await around(request, who),
    )


async def decide(request: web.Request) -> web.StreamResponse:
    """Approve and send it, or refuse it."""
    form = await _form(request)
    site, who = request.app[SITE], staff(request)
    try:
        if form.get("do") == "approve":
            await site.db.write(periodic_schedule.approve, who, *report_shown.named(request), now=now())
        else:
            await site.db.write(
                periodic.refuse, who, *report_shown.named(request), form.get("why", ""), now=now()
            )
    except NotFound:
        raise
    except DeskError as error:
        return await _read(request, wrong=error)
    raise web.HTTPSeeOther(request.path)


async def pdf(request: web.Request) -> web.StreamResponse:
    """On paper."""
    name, content = await request.app[SITE].db.read(
        periodic.pdf, staff(request), *report_shown.named(request)
    )
    return files.download(content, name, "application/pdf")


async def table(request: web.Request) -> web.StreamResponse:
    """For a spreadsheet; `?sep=semicolon` for those that expect one."""
    who, semicolons = staff(request), request.query.get("sep") == "semicolon"
    name, content = await request.app[SITE].db.read(
        periodic.table, who, *report_shown.named(request), semicolons=semicolons
    )
    return files.download(content, name, "text/csv")


async def chart(request: web.Request) -> web.StreamResponse:
    """A drawing of it."""
    return await report_shown.chart(await _whole(request, staff(request)), request.match_info["name"])


async def behind(request: web.Request) -> web.StreamResponse:
    """The tickets of one number."""
    site, who = request.app[SITE], staff(request)
    found = report_shown.behind(await _whole(request, who), request.match_info["figure"])
    return site.pages.page(
        request,
        "inbox/report_figure.html",
        view="reports",
        given={},
        place=request.path.rpartition("/figures/")[0],
        tickets="/desk/tickets",
        **found,
        **await around(request, who),
    )


async def _whole(request: web.Request, who: Principal) -> Whole:
    return await request.app[SITE].db.read(periodic.whole, who, *report_shown.named(request))


async def _form(request: web.Request) -> dict[str, str]:
    form = {name: str(value) for name, value in (await request.post()).items()}
    guard.check_token(request, form.get("csrf", ""))
    return form
