"""Who reports alarms here, how to send here, and what nobody understood: staff say where the parts of an alarm stand in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web
from multidict import MultiDictProxy

from core.alerting import CIPHERS, DIGESTS, PARTS, AlertFact
from core.desk import alert_source_views, trap_users
from core.desk.configuration.document import TrapUserPart
from core.desk.errors import DeskError, Forbidden, Invalid, Refused
from core.desk.principal import Principal
from core.isolation import ReaderDied, ReaderFailed, Unreadable
from web import guard, refusals
from web.desk.frame import around, staff
from web.site import SITE, Site, now
from web.words import say

Form = MultiDictProxy[Any]

OF_USERS = ("user", "user-away")
LABELS = 4
"""Rows for labels in the form."""


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/sources", show)
    app.router.add_get("/desk/sources/{name}", show_one)
    app.router.add_post("/desk/sources/{name}/{verb}", act)


async def show(request: web.Request) -> web.StreamResponse:
    """All of them, those that something is wrong with first."""
    site, who = request.app[SITE], staff(request)
    return site.pages.page(
        request,
        "inbox/sources.html",
        view="sources",
        given={},
        sources=await site.db.read(alert_source_views.sources, who),
        **await around(request, who),
    )


async def show_one(request: web.Request) -> web.StreamResponse:
    """One: how to send to it, and what nobody understood."""
    return await _one(request)


async def act(request: web.Request) -> web.StreamResponse:
    """Say where the parts stand, look what that makes of the latest message, or read again what waits."""
    site, who = request.app[SITE], staff(request)
    name, verb = request.match_info["name"], request.match_info["verb"]
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    mapping = _mapping(form)
    try:
        if verb == "again":
            count = await site.db.write(alert_source_views.again, who, name, now=now())
        elif verb == "map":
            count = await site.db.write(alert_source_views.say_where, who, name, mapping, now=now())
        elif verb == "user":
            await site.db.write(trap_users.put, who, name, _user(form), now=now())
            count = await _looked(site)
        elif verb == "user-away":
            await site.db.write(trap_users.remove, who, name, str(form.get("known", "")), now=now())
            count = await _looked(site)
        elif verb == "preview":
            return await _one(request, mapping=mapping, **await _preview(site, who, name, mapping))
        else:
            raise web.HTTPNotFound
    except (Invalid, Refused, Forbidden) as error:
        if verb in OF_USERS:
            return await _one(request, wrong=error, user=_without_secrets(_user(form)))
        return await _one(request, wrong=error, mapping=mapping)
    raise web.HTTPSeeOther(f"/desk/sources/{quote(name, safe='')}?again={count}")


async def _looked(site: Site) -> int:
    """Whether the secrets are there is said at once, where this process can."""
    if site.hub is not None:
        await site.hub.report()
    return 0


async def _preview(site: Site, who: Principal, name: str, mapping: Mapping[str, str]) -> dict[str, Any]:
    """What the latest message would be, or why it would be nothing. Raises Invalid."""
    paths = alert_source_views.checked(mapping)
    found = await site.db.read(alert_source_views.sample, who, name)
    hub = site.hub
    channel = (
        next((one for one in hub.channels if found and one.name == found[1]["channel"]), None)
        if hub
        else None
    )
    if found is None or hub is None or channel is None:
        return {"previewed": (), "unread": "" if found is None else "-"}
    raw, arrival, options = found
    options["source"]["mapping"] = paths
    try:
        said = await hub.readers.read(channel.reader, raw, arrival, {**channel.reader_options, **options})
    except (Unreadable, ReaderDied, ReaderFailed) as error:
        return {"previewed": (), "unread": str(error)}
    return {"previewed": said.alerts, "unread": ""}


async def _one(
    request: web.Request,
    *,
    wrong: DeskError | None = None,
    mapping: Mapping[str, str] | None = None,
    user: TrapUserPart | None = None,
    previewed: Sequence[AlertFact] | None = None,
    unread: str = "",
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    t = say(who.language)
    source, waiting = await site.db.read(alert_source_views.source, who, request.match_info["name"])
    written = dict(source.mapping) if mapping is None else dict(mapping)
    labels = [(part[6:], path) for part, path in written.items() if part.startswith("label.")]
    address = f"{site.public_url}/in/alerts/{quote(source.name, safe='')}"
    return site.pages.page(
        request,
        "inbox/source.html",
        status=refusals.status(wrong),
        view="sources",
        given={},
        one=source,
        waiting=waiting,
        address=address,
        parts=PARTS,
        written=written,
        labels=[*labels, *[("", "")] * max(1, LABELS - len(labels))],
        faults=refusals.by_field(wrong, t, "sources"),
        told=() if isinstance(wrong, Invalid) else refusals.sentences(wrong, t, "sources"),
        mapped=alert_source_views.MAPPED,
        digests=DIGESTS,
        ciphers=CIPHERS,
        written_user=user,
        blank=TrapUserPart(name=""),
        previewed=previewed,
        unread=unread,
        again=request.query.get("again", "") if request.method == "GET" else "",
        **await around(request, who),
    )


def _user(form: Form) -> TrapUserPart:
    """What was chosen; who chose no way to sign or to encrypt has no secret for that."""
    said = {name: str(form.get(name, "")).strip() for name in ("user", "auth", "priv")}
    known = str(form.get("known", ""))  # as it is: in the desk's file a name may begin with a blank
    secrets = {
        f"{way}_secret": str(form.get(f"{way}_secret", "")).strip() if said[way] else ""
        for way in ("auth", "priv")
    }
    return TrapUserPart(name=known or said["user"], auth=said["auth"], priv=said["priv"], **secrets)


def _without_secrets(user: TrapUserPart) -> TrapUserPart:
    """Who wrote the secret itself in place of where it is does not get it back in a page."""
    kept = {
        name: said if (said := getattr(user, name)).startswith(("env:", "file:")) else ""
        for name in ("auth_secret", "priv_secret")
    }
    return msgspec.structs.replace(user, **kept)


def _mapping(form: Form) -> dict[str, str]:
    given = {part: str(form.get(f"part-{part}", "")) for part in PARTS}
    names, paths = form.getall("label", []), form.getall("label-path", [])
    given |= {
        f"label.{str(name).strip()}": str(path)
        for name, path in zip(names, paths, strict=False)
        if str(name).strip()
    }
    return {part: path for part, path in given.items() if path.strip()}
