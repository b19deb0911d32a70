"""Which versions of the call flow are there? The list, files in and out, and what puts one in force or out of it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from core.desk import flows
from core.desk.errors import Invalid, NotFound, Refused, Stale
from core.desk.flows import DEFAULT
from core.desk.principal import Principal
from core.store.tx import Tx
from ivr import rules
from web import files, numbers
from web.desk import flow_words
from web.desk.frame import around, staff
from web.site import SITE, now


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/flows", listed)
    app.router.add_post("/desk/flows/import", taken_in)
    app.router.add_get(r"/desk/flows/{version:\d{1,9}}/file", out)
    app.router.add_get(r"/desk/flows/{version:\d{1,9}}/sound/{name:[0-9a-f]{64}}", sound)
    app.router.add_get(r"/desk/flows/{version:\d{1,9}}/publish", review)
    app.router.add_post(r"/desk/flows/{version:\d{1,9}}/publish", publish)
    app.router.add_post(r"/desk/flows/{version:\d{1,9}}/back", back)
    app.router.add_post(r"/desk/flows/{version:\d{1,9}}/discard", discard)


def version_of(request: web.Request) -> int:
    """The one of the address."""
    return int(request.match_info["version"])


async def listed(request: web.Request, *, wrong: Any = None) -> web.Response:
    """The one in force on top, then the newest first."""
    site, who = request.app[SITE], staff(request)
    before = numbers.whole(request.query.get("before", ""))
    versions = await site.db.read(
        flows.versions,
        who,
        before=flows.MOST if before is None else before,
        limit=51,  # noqa: PLR2004
    )
    more = versions[49].number if len(versions) > 50 else None  # noqa: PLR2004
    return site.pages.page(
        request,
        "flows/list.html",
        status=_status(wrong),
        view="flows",
        given={},
        versions=sorted(versions[:50], key=lambda one: one.state != "published"),
        more=more,
        editable=flows.may_edit(who),
        wrong=wrong,
        **await around(request, who),
    )


def _status(wrong: Any) -> int:
    return 200 if wrong is None else 422 if isinstance(wrong, Invalid) else 409


async def taken_in(request: web.Request) -> web.StreamResponse:
    """A file becomes a draft."""
    site, who = request.app[SITE], staff(request)
    _, sent = await files.form(request)
    try:
        body = sent[0].content.decode() if sent else ""
        number = await site.db.write(flows.add, who, DEFAULT, body, rules, now=now())
    except (Invalid, UnicodeDecodeError) as error:
        return await listed(request, wrong=error if isinstance(error, Invalid) else Invalid([]))
    raise web.HTTPSeeOther(f"/desk/flows/{number}")


async def out(request: web.Request) -> web.StreamResponse:
    """The version as the file that comes in again."""
    site, who = request.app[SITE], staff(request)
    number = version_of(request)
    found = await site.db.read(flows.show, who, DEFAULT, number)
    return files.download(found.body.encode(), f"{DEFAULT}-{number}.json", "application/octet-stream")


async def sound(request: web.Request) -> web.StreamResponse:
    """A recorded prompt of this version, to be heard in the page."""
    site, who = request.app[SITE], staff(request)
    content, kind = await site.db.read(
        flows.recording, who, DEFAULT, version_of(request), request.match_info["name"], rules
    )
    return web.Response(body=content, content_type=kind, headers={"Content-Disposition": "inline"})


# --- In force ---------------------------------------------------------------------------------------------------


async def review(request: web.Request, *, wrong: Any = None, comment: str = "") -> web.Response:
    """What would change, what is wrong with it, and the button."""
    site, who = request.app[SITE], staff(request)
    number = version_of(request)
    shown, before, found = await site.db.read(_to_review, who, number)
    read = rules.parse(shown.body)
    return site.pages.page(
        request,
        "flows/publish.html",
        status=_status(wrong),
        view="flows",
        given={},
        version=shown.version,
        edition=shown.edition,
        in_force=before.version if before else None,
        difference=flow_words.difference(rules.parse(before.body), read) if before else None,
        findings=found,
        leads_to=flow_words.leads_to,
        scenarios=_scenarios(read),
        editable=flows.may_edit(who),
        wrong=wrong,
        comment=comment,
        **await around(request, who),
    )


def _scenarios(read: rules.Flow) -> int:
    found = read.metadata.get("scenarios")
    return len(found) if isinstance(found, list) else 0


def _to_review(tx: Tx, who: Principal, number: int) -> tuple[flows.Shown, Any, tuple[flows.Finding, ...]]:
    shown = flows.show(tx, who, DEFAULT, number)
    try:
        before = flows.published(tx, DEFAULT)
    except NotFound:
        before = None
    return shown, before, flows.findings(tx, who, shown.body, rules)


async def publish(request: web.Request) -> web.StreamResponse:
    """Put the draft that was reviewed in force."""
    site, who = request.app[SITE], staff(request)
    form, _ = await files.form(request)
    comment = form.get("comment", "")
    try:
        await site.db.write(
            flows.publish,
            who,
            DEFAULT,
            version_of(request),
            rules,
            digest=form.get("digest", ""),
            comment=comment,
            now=now(),
        )
    except (Invalid, Refused, Stale) as error:
        return await review(request, wrong=error, comment=comment)
    raise web.HTTPSeeOther("/desk/flows")


async def back(request: web.Request) -> web.StreamResponse:
    """Put a former version in force again."""
    site, who = request.app[SITE], staff(request)
    form, _ = await files.form(request)
    try:
        await site.db.write(
            flows.roll_back,
            who,
            DEFAULT,
            version_of(request),
            rules,
            comment=form.get("comment", ""),
            now=now(),
        )
    except (Invalid, Refused) as error:
        return await listed(request, wrong=error)
    raise web.HTTPSeeOther("/desk/flows")


async def discard(request: web.Request) -> web.StreamResponse:
    """Throw a draft away."""
    site, who = request.app[SITE], staff(request)
    form, _ = await files.form(request)
    try:
        await site.db.write(
            flows.discard, who, DEFAULT, version_of(request), seen=form.get("seen", ""), now=now()
        )
    except (Refused, Stale) as error:
        return await listed(request, wrong=error)
    raise web.HTTPSeeOther("/desk/flows")
