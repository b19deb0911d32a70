"""One ticket: the conversation, what is known of it, and everything that can be done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from core.desk import (
    alert_views,
    entitle,
    forwards,
    next_steps,
    offers,
    page,
    page_answers,
    presence,
    quick_replies,
    reports,
    resolution,
    taking_back,
    tickets,
    vendor_views,
    workarounds,
)
from core.desk.errors import DeskError, Invalid, Obstacle, Refused, Stale
from core.desk.principal import Principal
from core.desk.quick_replies import QuickReply
from core.desk.views import Page, TicketView
from core.rules.close_guard import Reason
from core.store.tx import Tx
from web import files, html_frame, numbers, said
from web.desk import inbox, promising, telling, turns
from web.desk.frame import around, staff
from web.pages import day_and_time
from web.sign_in import form_id
from web.site import SITE, now
from web.words import say

TWO_PANES = ("view", *inbox.FILTERS)

QUICK = "quick"
"""In a query: quick replies are offered, and the one of this name is in the box."""
MAX_FORM_ID = 100  # characters
VENDOR_OPEN = "vendor_open"
"""Flag of a ticket."""
MAY_HAVE_VENDORS = ("vendor.made", "ticket.absorbed", "ticket.merge_undone")
"""What happened to a ticket that has cases at vendors, open or not."""
MONITORING = "monitoring"
MAY_HAVE_ALARMS = ("alert.attached", "ticket.absorbed", "ticket.merge_undone")
ALARMS = 5
"""Of a ticket, that its page names."""
BEFORE_WORK = ("received", "triage", "on_hold")
"""States in which no vendor is asked yet."""

Form = Mapping[str, Any]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/tickets/{number}", show)
    app.router.add_post("/desk/tickets/{number}/do/{verb}", act)
    app.router.add_post("/desk/tickets/{number}/draft", keep_draft)
    app.router.add_post("/desk/tickets/{number}/here", be_here)
    app.router.add_post("/desk/tickets/{number}/typing", be_typing)
    app.router.add_get("/desk/tickets/{number}/quick-replies", offer_quick_replies)
    app.router.add_post("/desk/tickets/{number}/quick-replies", choose_quick_reply)
    app.router.add_post("/desk/tickets/{number}/know", know)
    app.router.add_get("/desk/tickets/{number}/messages/{message}/html", show_html)
    app.router.add_get("/desk/tickets/{number}/messages/{message}/source", source)
    app.router.add_get("/desk/tickets/{number}/files/{file}", download)
    app.router.add_get("/desk/tickets/{number}/files/{file}/sound", listen)


async def show(request: web.Request) -> web.StreamResponse:
    """The ticket; with `only=talk` what changes while somebody reads it."""
    return await _page(request)


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    wrong: DeskError | None = None,
    verb: str = "",
    form: Form | None = None,
    lost: bool = False,
) -> web.Response:
    site = request.app[SITE]
    who = staff(request)
    number = request.match_info["number"]
    at = now()
    customer = str((form or {}).get("customer", ""))  # of whom the form offers contacts, sites and devices
    talk = request.query.get("only") == "talk"
    beside = None if talk else inbox.Asked(request, who)
    framed = {} if talk else await around(request, who)
    view, choices, lines, at_vendors = await site.db.read(
        _shown, who, number, customer=customer, beside=None if beside and beside.known else beside, now=at
    )
    listed = {} if beside is None else beside.values(lines)
    t = say(who.language)
    timeline = _timeline(view)
    zone = ZoneInfo(site.settings.hub.time_zone)
    short = partial(day_and_time, zone=zone, now=at, language=who.language)
    values: dict[str, Any] = {
        "ticket": view,
        "timeline": timeline,
        "turns": turns.of(view, timeline, t, short),
        "clocks": telling.clocks(view.clocks, at, who.language),
        "goes_to": telling.goes_to(view, t),
        "stopped": telling.warnings(view, t),
        "ways": telling.choices(view, t),
        "listed": telling.listed(view, t),
        "event_words": lambda event: telling.event(event, t),
        "reason_words": lambda reason: telling.reason(reason, t),
        "choices": choices,
        "fixed": telling.fixed_choices(t),
        "verb": verb,
        "wrong": wrong,
        "stale": wrong if isinstance(wrong, Stale) else None,
        "form": form or {},
        "form_id": form_id(),
        "promised": promising.box(view, at, who.language, zone=zone, form=form or {}),
        "obstacles": guarded(wrong, form or {}),
        "faults": telling.faults(wrong, t),
        "missing": telling.names(wrong.missing, "ticket", t) if isinstance(wrong, Refused) else "",
        "possible": telling.names(view.allowed, "verb", t),
        "lost": lost,
        "quick": None,
        **at_vendors,
        "takes_back": {m.id: taking_back.stays(m) for m in view.messages if taking_back.may(who, m)},
        "taken_back": {
            one.data["message"]: one.actor_name for one in view.events if one.kind == "message.withdrawn"
        },
    }
    if QUICK in request.query and not talk:
        offered = await site.db.read(quick_replies.of_ticket, who, number, now=at)
        values |= {"quick": offered, "picked": _picked(offered, request.query[QUICK])}
    if talk:
        return await site.pages.long_page(request, "inbox/talk.html", here=inbox.here(request), **values)
    return await site.pages.long_page(
        request, "inbox/ticket.html", status=status, **values, **listed, **framed
    )


def _shown(
    tx: Tx, who: Principal, number: str, *, customer: str, beside: inbox.Asked | None, now: datetime
) -> tuple[TicketView, offers.Offers, Page | None, dict[str, Any]]:
    view = page.ticket(tx, who, number, now=now)
    offered = offers.of_customer(tx, customer or view.row.customer)
    more = _at_vendors(tx, who, view) | _alarms(tx, who, view)
    return view, offered, beside.read(tx) if beside else None, more


def _alarms(tx: Tx, who: Principal, view: TicketView) -> dict[str, Any]:
    """The first of its alarms, how many there are and how many fire; nothing of a ticket that never had any."""
    known = view.row.channel == MONITORING or any(one.kind in MAY_HAVE_ALARMS for one in view.events)
    found = alert_views.of_ticket(tx, who, view.row.id, limit=ALARMS) if known else ((), 0, 0)
    return dict(zip(("devices", "devices_count", "devices_firing"), found, strict=True))


def _at_vendors(tx: Tx, who: Principal, view: TicketView) -> dict[str, Any]:
    """The cases at vendors, and whether another can be opened."""
    known = any(one.kind in MAY_HAVE_VENDORS for one in view.events) or VENDOR_OPEN in view.row.flags
    may = view.row.open and view.row.state not in BEFORE_WORK and bool(vendor_views.names(tx, who))
    return {
        "vendors": vendor_views.of_ticket(tx, who, view.row.number) if known else (),
        "may_vendor": may and "reply" in view.allowed,
    }


class _Run(NamedTuple):
    """What happened by itself, between two messages or notes."""

    entries: list[tuple[str, Any]]
    """("event" | "notice" | "again", what): a notice is a mail of ours that tells the customer of the events beside it,
    again is a message that only repeats an earlier one."""
    events: list[Any]
    notices: list[Any]
    repeated: list[Any]


def _timeline(view: TicketView) -> list[tuple[str, Any]]:
    """Oldest first: ("message" | "note", what), ("call", (it, its messages)), and between them ("events", _Run)."""
    by_id = {m.id: m for m in view.messages}
    of_calls = {name for one in view.calls for name in one.messages}
    shown: list[tuple[datetime, str, Any]] = [
        (m.at, "notice" if said.is_notice(m) else "again" if m.repeats else "message", m)
        for m in view.messages
        if m.id not in of_calls and m.audience == "customer"
    ]
    shown += [
        (one.began_at, "call", (one, [by_id[name] for name in one.messages if name in by_id]))
        for one in view.calls
    ]
    shown += [(n.at, "note", n) for n in view.notes]
    shown += [
        (e.at, "event", e)
        for e in view.events
        if not e.kind.startswith(("message.", "note.", "clock.", "call."))
    ]
    shown.sort(key=lambda entry: entry[0])
    told: list[tuple[str, Any]] = []
    for _, kind, what in shown:
        if kind in ("message", "note", "call"):
            told.append((kind, what))
            continue
        if not told or told[-1][0] != "events":
            told.append(("events", _Run([], [], [], [])))
        run: _Run = told[-1][1]
        run.entries.append((kind, what))
        {"event": run.events, "notice": run.notices, "again": run.repeated}[kind].append(what)
    return told


# --- Doing --------------------------------------------------------------------------------------------------


async def act(request: web.Request) -> web.StreamResponse:
    """One verb of the desk. A refusal shows the ticket again, with what was typed and what to do."""
    site = request.app[SITE]
    who = staff(request)
    number, verb = request.match_info["number"], request.match_info["verb"]
    if verb not in VERBS:
        raise web.HTTPNotFound
    called, fields = VERBS[verb]
    form, sent = await files.form(request)
    named = fields(form)
    if verb in ("reply", "note", "wait"):
        named["files"] = sent
    seen = numbers.seen(form)
    if verb not in ("note", "retry_delivery", "accept_workaround") and seen is not None:
        named["seen"] = seen
    try:
        await site.db.write(called, who, number, now=now(), **named)
        if (
            verb in ("include", "exclude", "promise") and form.get("text", "").strip()
        ):  # its button stands beside a text
            await site.db.write(_keep, who, number, "reply", form)
    except (Invalid, Refused, Stale) as error:
        if isinstance(error, Refused) and error.code == "exhausted":
            await site.db.write(entitle.refused_for_want, number, now=now())
        if verb in DRAFT_OF and len(form.get("text", "")) <= presence.MAX_DRAFT:
            await site.db.write(_keep, who, number, DRAFT_OF[verb], form)
        status = 422 if isinstance(error, Invalid) else 409
        return await _page(request, status=status, wrong=error, verb=verb, form=form, lost=bool(sent))
    to = f"/desk/tickets/{number}"
    query = {name: request.query[name] for name in (*TWO_PANES, "only") if name in request.query}
    raise web.HTTPSeeOther(f"{to}?{urlencode(query)}" if query else to)


def _words(*names: str) -> Callable[[Form], dict[str, Any]]:
    return lambda form: {name: form.get(name, "") for name in names}


def _reply(form: Form) -> dict[str, Any]:
    """`by-ADDRESS`: where somebody is answered instead."""
    by = {name.removeprefix("by-"): str(to) for name, to in form.items() if name.startswith("by-")}
    by = {address: to for address, to in by.items() if to and (to != address or "from_now_on" in form)}
    return _words("text", "idem")(form) | {
        "by": by,
        "from_now_on": "from_now_on" in form,
        "promise_by": promising.words(form),
    }


def _qualify(form: Form) -> dict[str, Any]:
    names = ("customer", "contact", "request_type", "technology", "asset", "site")
    return {name: form.get(name) or None for name in names} | {
        "impact": numbers.whole(form.get("impact", "")),
        "urgency": numbers.whole(form.get("urgency", "")),
    }


def _assign(form: Form) -> dict[str, Any]:
    agent = form.get("agent")
    return {"agent": agent if agent is not None else None, "group": form.get("group") or None}


OVERRIDE = "override-"
"""Before the reason, in the name of the field that says why it may be so all the same."""


def _overrides(form: Form) -> dict[str, str]:
    return {
        name.removeprefix(OVERRIDE): str(text)
        for name, text in form.items()
        if name.startswith(OVERRIDE) and str(text).strip()
    }


def guarded(wrong: DeskError | None, form: Form) -> tuple[Obstacle, ...]:
    """What keeps the ticket from its end, to be said something against; of a form with too few words, what it was about."""
    if isinstance(wrong, Refused):
        return wrong.obstacles
    faulty = [one.pointer for one in wrong.faults] if isinstance(wrong, Invalid) else []
    if not any(pointer.startswith("/overrides/") for pointer in faulty):
        return ()
    return tuple(Obstacle(reason=name, about=()) for name in _overrides(form) if name in tuple(Reason))


def _resolve(form: Form) -> dict[str, Any]:
    return {
        "overrides": _overrides(form),
        "cause": form.get("cause", ""),
        "text": form.get("text", ""),
        "minutes": numbers.whole(form.get("minutes", "")) or 0,
    } | _words(*reports.LATER)(form)


VERBS: Mapping[str, tuple[Callable[..., str], Callable[[Form], dict[str, Any]]]] = {
    "reply": (tickets.reply, _reply),
    "wait": (
        tickets.wait,
        lambda form: _words("text", "idem")(form) | {"promise_by": promising.words(form)},
    ),
    "promise": (next_steps.promise, lambda form: {"promise_by": promising.words(form) or promising.AT}),
    "observe": (
        next_steps.observe,
        lambda form: {"until": str(form.get("until", "")).strip() or promising.AT},
    ),
    "note": (tickets.note, _words("text", "idem")),
    "workaround": (tickets.workaround, _words("text")),
    "accept_workaround": (workarounds.accept, _words()),
    "take": (tickets.take, _words()),
    "resume": (tickets.resume, _words()),
    "qualify": (tickets.qualify, _qualify),
    "requester": (forwards.take, _words()),
    "assign": (tickets.assign, _assign),
    "escalate": (
        tickets.escalate,
        lambda form: {"reason": form.get("reason", ""), "group": form.get("group") or None},
    ),
    "approve": (resolution.approve, _words("reason")),
    "reject": (resolution.reject, _words("reason", "text")),
    "resolve": (resolution.resolve, _resolve),
    "close": (resolution.close, lambda form: {"overrides": _overrides(form)}),
    "reopen": (resolution.reopen, _words("reason")),
    "cancel": (resolution.cancel, _words("reason")),
    "include": (tickets.include, _words("address")),
    "exclude": (tickets.exclude, _words("address")),
    "retry_delivery": (tickets.retry_delivery, _words("delivery")),
    "retract": (taking_back.retract, _words("message")),
}
"""The verbs of the desk's pages, and how the fields of each are read from its form."""


DRAFT_OF = {"reply": "reply", "wait": "reply", "promise": "reply", "note": "note"}
"""Verb to the kind of draft that its text is kept as while it cannot be sent."""


def _keep(tx: Tx, who: Principal, number: str, kind: str, form: Form) -> None:
    presence.save_draft(
        tx, who, number, kind, form.get("text", ""), now=now(), idem=str(form.get("idem", ""))[:MAX_FORM_ID]
    )


async def keep_draft(request: web.Request) -> web.StreamResponse:
    """Keep what has been typed so far: the script calls it a second after the last key.

    Raises Invalid for a kind there is not, and for too long a text.
    """
    who = staff(request)
    form, _ = await files.form(request)
    number = request.match_info["number"]
    await request.app[SITE].db.write(_keep, who, number, form.get("kind", ""), form)
    return web.Response(status=204)


# --- Quick replies ------------------------------------------------------------------------------------------


def _picked(offered: Sequence[QuickReply], name: str) -> QuickReply | None:
    return next((one for one in offered if one.name == name), None)


async def offer_quick_replies(request: web.Request) -> web.StreamResponse:
    """Those for this ticket, filled in: the script asks when somebody wants to pick one."""
    offered = await request.app[SITE].db.read(
        quick_replies.of_ticket, staff(request), request.match_info["number"], now=now()
    )
    return web.json_response([asdict(one) for one in offered])


async def choose_quick_reply(request: web.Request) -> web.StreamResponse:
    """Without the script: what is typed is kept, and the page shows those to pick from."""
    who = staff(request)
    form, _ = await files.form(request)
    number = request.match_info["number"]
    await request.app[SITE].db.write(_keep, who, number, "reply", form)
    raise web.HTTPSeeOther(f"/desk/tickets/{number}?{urlencode({QUICK: ''})}#quick-list")


async def be_here(request: web.Request) -> web.StreamResponse:
    """Somebody looks or writes; said again every 20 seconds by the script."""
    who = staff(request)
    form, _ = await files.form(request)
    doing = form.get("doing", "looking")
    db, number = request.app[SITE].db, request.match_info["number"]
    if doing == "gone":
        await db.write(presence.leave, who, number)
    else:
        await db.write(presence.here, who, number, doing, now=now())
    return web.Response(status=204)


async def be_typing(request: web.Request) -> web.StreamResponse:
    """Somebody writes in a chat: said by the script every three seconds while they do, and kept nowhere."""
    who = staff(request)
    await files.form(request)
    site = request.app[SITE]
    addresses = await site.db.write(presence.typing, who, request.match_info["number"])
    if site.hub is not None:
        await site.hub.typing(addresses)
    return web.Response(status=204)


async def know(request: web.Request) -> web.StreamResponse:
    """Somebody was called to a chat, and says that they know."""
    who = staff(request)
    form, _ = await files.form(request)
    number = request.match_info["number"]
    await request.app[SITE].db.write(page_answers.know, who, number, now=now())
    back = form.get("back", "")
    raise web.HTTPSeeOther(back if back.startswith("/desk") else "/desk/")


# --- What came ----------------------------------------------------------------------------------------------


async def show_html(request: web.Request) -> web.StreamResponse:
    """The message as it was sent, cleaned, for the isolated frame."""
    who = staff(request)
    number, message = request.match_info["number"], request.match_info["message"]
    site = request.app[SITE]
    found, images = await site.db.read(page.html, who, number, message)
    return await html_frame.response(request, site, found, images, language=who.language)


async def source(request: web.Request) -> web.StreamResponse:
    """The bytes as they came."""
    who = staff(request)
    number, message = request.match_info["number"], request.match_info["message"]
    raw = await request.app[SITE].db.read(page.source, who, number, message)
    return files.download(raw, f"{number}.eml", "message/rfc822")


async def download(request: web.Request) -> web.StreamResponse:
    """A file, always as a download; the scope is asked each time."""
    who = staff(request)
    number, file_id = request.match_info["number"], request.match_info["file"]
    found, content = await request.app[SITE].db.read(page.file, who, number, file_id)
    return files.download(content, found.name, found.type)


async def listen(request: web.Request) -> web.StreamResponse:
    """A voice message, for the player of the page."""
    who = staff(request)
    number, file_id = request.match_info["number"], request.match_info["file"]
    found, content = await request.app[SITE].db.read(page.file, who, number, file_id)
    return files.play(request, content, found.type)
