"""What is promised? Service levels as tables, looked at with all that a change would do before it is kept, and applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from core.desk import sla_changes, sla_editor
from core.desk.configuration.document import SlaPart
from core.desk.errors import Invalid, Refused
from core.desk.sla_editor import PRIORITIES, PROMISES, Difference, Impact, SlaView
from web import guard, refusals
from web.desk import impacts
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import Say, say

NEW = "/desk/new-service-level"
"""Beside the levels, not among them: a level may have any name."""
FIELDS = (*PROMISES, "calendar")


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/service-levels", show)
    app.router.add_get(NEW, begin)
    app.router.add_post(NEW, change)
    app.router.add_get("/desk/service-levels/{name}", one)
    app.router.add_post("/desk/service-levels/{name}", change)


async def show(request: web.Request) -> web.StreamResponse:
    """All of them."""
    site, who = request.app[SITE], staff(request)
    found = await site.db.read(sla_editor.levels, who)
    return site.pages.page(
        request,
        "inbox/service_levels.html",
        view="service_levels",
        given={},
        found=found,
        may=who.configures,
        columns=columns,
        field=_field(say(who.language)),
        **await around(request, who),
    )


async def one(request: web.Request) -> web.StreamResponse:
    """One level: what it promises, which open tickets have another version of it, and who changed it."""
    return await _page(request, _Sent())


async def begin(request: web.Request) -> web.StreamResponse:
    """An empty form, for who may keep it."""
    if not staff(request).configures:
        raise web.HTTPForbidden
    return await _page(request, _Sent())


@dataclass(slots=True)
class _Sent:
    """What a form brought, and what became of it."""

    part: SlaPart | None = None
    form: Mapping[str, str] | None = None
    looked: bool = False
    """What it would change is to be shown."""
    other: bool = False
    """It is not what was looked at before."""
    wrong: Invalid | Refused | None = None


async def change(request: web.Request) -> web.StreamResponse:
    """`look` shows what the form would change; `save` keeps what was looked at; `apply` brings open tickets under what is kept."""
    site, who = request.app[SITE], staff(request)
    sent = await request.post()
    guard.check_token(request, str(sent.get("csrf", "")))
    name = request.match_info.get("name")
    if "apply" in sent and name is not None:
        await site.db.write(sla_changes.begin, who, name, now=now())
        raise web.HTTPSeeOther(f"{place(name)}?applied=1")
    form = {key: str(value).strip() for key, value in sent.items()}
    part = _part(form.get("name", "") if name is None else name, form)
    found = _Sent(part=part, form=form, looked=True)
    if "save" not in sent:
        return await _page(request, found)
    if form.get("looked") != sla_editor.version(part):
        found.other = True
        return await _page(request, found)
    try:
        await site.db.write(
            sla_editor.save,
            who,
            part,
            why=form.get("why", ""),
            seen=form.get("seen") or None,
            new=name is None,
            now=now(),
        )
    except (Invalid, Refused) as error:
        found.wrong = error
        return await _page(request, found)
    raise web.HTTPSeeOther(f"{place(part.name)}?saved=1")


def place(name: str) -> str:
    """The address of a level's page."""
    return f"/desk/service-levels/{quote(name, safe='')}"


def columns(targets: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The fields that any priority has, in the order of the table."""
    return [name for name in FIELDS if any(name in said for said in targets.values())]


async def _page(request: web.Request, sent: _Sent) -> web.Response:
    site, who, name = request.app[SITE], staff(request), request.match_info.get("name")
    may, t = who.configures, say(who.language)
    kept: SlaView | None = None
    if name is not None:
        kept = await site.db.read(sla_editor.level, who, name)
        calendars = kept.calendars
    else:
        calendars = await site.db.read(sla_editor.calendars, who)
    changes: tuple[Difference, ...] = ()
    impact: Impact | None = None
    shown = sent.part or (kept.part if kept else None)
    if may and shown is not None:
        try:
            changes = await site.db.read(sla_editor.differences, who, shown)
            impact = await impacts.whole(site.db, sla_editor.preview, who, shown)
        except Invalid as error:
            sent.wrong = error
    form = _form(kept) if sent.form is None else dict(sent.form)
    if isinstance(sent.wrong, Refused) and kept is not None:
        form["seen"] = kept.version  # what the page shows now is the difference to theirs
    return site.pages.page(
        request,
        "inbox/service_level.html",
        status=200 if sent.wrong is None else 422 if isinstance(sent.wrong, Invalid) else 409,
        view="service_levels",
        given={},
        name=name,
        place=NEW if name is None else place(name),
        kept=kept,
        form=form,
        priorities=PRIORITIES,
        fields=FIELDS,
        columns=columns,
        calendars=[(one, one) for one in calendars],
        changes=changes,
        impact=impact,
        looked=sla_editor.version(sent.part) if sent.part and sent.looked else "",
        other=sent.other,
        wrong=sent.wrong,
        faults=_faults(sent.wrong, t),
        may=may,
        field=_field(t),
        past=await site.db.read(sla_editor.history, who, name) if name is not None else (),
        saved="saved" in request.query and request.method == "GET",
        applied="applied" in request.query and request.method == "GET",
        **await around(request, who),
    )


def _field(t: Say) -> Any:
    def words(name: str) -> str:
        return t(f"levels.field.{name}") if t.has(f"levels.field.{name}") else t(f"clock.{name}")  # type: ignore[attr-defined]

    return words


def _form(kept: SlaView | None) -> dict[str, str]:
    if kept is None:
        return {"retroactive": "1"}
    form = {
        f"{priority}-{name}": text
        for priority, said in kept.part.targets.items()
        for name, text in said.items()
    }
    return form | {"seen": kept.version} | ({"retroactive": "1"} if kept.part.retroactive else {})


def _part(name: str, form: Mapping[str, str]) -> SlaPart:
    """What was typed. A priority without any target is promised nothing."""
    targets = {}
    for priority in PRIORITIES:
        said = {field: text for field in FIELDS if (text := form.get(f"{priority}-{field}", ""))}
        if said.keys() - {"calendar"}:
            targets[priority] = said
    return SlaPart(name=name, targets=targets, retroactive="retroactive" in form)


def _faults(wrong: Invalid | Refused | None, t: Say) -> dict[str, str]:
    """By the field of the form."""
    found = {}
    for fault in wrong.faults if isinstance(wrong, Invalid) else ():
        path = fault.pointer.strip("/").split("/")
        if path[0] == "targets" and len(path) == 3:  # noqa: PLR2004 - targets, priority, field
            kind = "calendar" if path[2] == "calendar" else "target"
            found["-".join(path[1:])] = t(f"levels.fault.{kind}")
        elif path[0] in ("name", "why"):
            found[path[0]] = t(f"levels.fault.{path[0]}")
        else:
            found[""] = refusals.in_general(fault, t)
    return found
