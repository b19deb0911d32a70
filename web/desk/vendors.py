"""What are vendors asked, and what do they say? A case beside the talk with the customer, all that are open, the triage, and the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from core.desk import page, vendor_cases, vendor_score, vendor_views, waiting
from core.desk.errors import DeskError, Forbidden, Invalid, NotFound, Refused, Stale, invalid
from core.desk.principal import Principal
from core.desk.views import FileView, TicketView
from core.envelope import Attachment
from core.store.tx import Tx
from web import files, guard, moments, numbers, refusals, said
from web.desk import telling
from web.desk.frame import around, staff
from web.sign_in import form_id
from web.site import SITE, now
from web.words import say

FILE = "file-"
"""Before the id of a file of the request, in the name of its box."""
MARKS = {
    "work": vendor_cases.working,
    "solve": vendor_cases.solved,
    "reopen": vendor_cases.reopen,
    "close": vendor_cases.close,
    "wait": vendor_cases.wait_for,
}
"""Verbs without words."""
VERBS = ("write", "promote", "describe", *MARKS)
MAX_FORM_ID = 100  # characters

Form = Mapping[str, str]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/vendors", show)
    app.router.add_post("/desk/vendors/triage/{id}", hand)
    app.router.add_get("/desk/tickets/{number}/vendors/new", show_new)
    app.router.add_post("/desk/tickets/{number}/vendors/new", open_new)
    app.router.add_get("/desk/tickets/{number}/vendors/{case}", show_one)
    app.router.add_post("/desk/tickets/{number}/vendors/{case}/{verb}", act)


# --- All of them --------------------------------------------------------------------------------------------


async def show(request: web.Request) -> web.StreamResponse:
    """Those that are open, what waits in the triage, and for who leads the score of a month."""
    return await _listed(request)


async def _listed(request: web.Request, *, wrong: DeskError | None = None, about: str = "") -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    month = request.query.get("month", "")
    try:
        found = await site.db.read(_all, who, month=month, now=at)
    except Invalid as error:
        wrong, found = error, await site.db.read(_all, who, month="", now=at)
    return site.pages.page(
        request,
        "inbox/vendors.html",
        status=refusals.status(wrong),
        view="vendors",
        given={},
        wrong=refusals.sentences(wrong, say(who.language), "vendors"),
        about=about,
        **found,
        **await around(request, who),
    )


def _all(tx: Tx, who: Principal, *, month: str, now: datetime) -> dict[str, Any]:
    return {
        "cases": vendor_views.listing(tx, who),
        "triage": vendor_views.triage(tx, who),
        "month": vendor_score.of_month(tx, who, now=now, month=month) if who.leads else None,
    }


async def hand(request: web.Request) -> web.StreamResponse:
    """A mail of the triage belongs to the chosen case."""
    site, who = request.app[SITE], staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    number, _, case = str(form.get("case", "")).partition("/")
    identity = request.match_info["id"]
    try:
        if not case:
            raise invalid("/case", "must be chosen")
        await site.db.write(
            waiting.hand_to_vendor_case, who, identity, number=number, vendor_case=case, now=now()
        )
    except (Invalid, NotFound, Refused) as error:
        return await _listed(request, wrong=error, about=identity)
    raise web.HTTPSeeOther("/desk/vendors")


# --- A new one ----------------------------------------------------------------------------------------------


async def show_new(request: web.Request) -> web.StreamResponse:
    """The form for a case of this request."""
    return await _new(request)


async def open_new(request: web.Request) -> web.StreamResponse:
    """Look at what the vendor would read, keep it as a draft, or send it."""
    site, who, number = request.app[SITE], staff(request), request.match_info["number"]
    form, sent = await files.form(request)
    if form.get("do") == "look":
        return await _new(request, form=form, lost=bool(sent))
    try:
        case = await site.db.write(
            vendor_cases.open_case,
            who,
            number,
            vendor=form.get("vendor", ""),
            subject=form.get("subject", ""),
            text=form.get("text", ""),
            **{name: form.get(name, "") for name in ("severity", "reference", "serial", "rma")},
            files=sent,
            of_ticket=_ticked(form),
            wait="wait" in form,
            send=form.get("do") != "keep",
            idem=form.get("idem", "")[:MAX_FORM_ID],
            now=now(),
        )
    except Forbidden:
        raise web.HTTPForbidden from None
    except (Invalid, Refused) as error:
        return await _new(request, wrong=error, form=form, lost=bool(sent))
    raise web.HTTPSeeOther(f"/desk/tickets/{number}/vendors/{case}")


async def _new(
    request: web.Request, *, wrong: DeskError | None = None, form: Form | None = None, lost: bool = False
) -> web.Response:
    site, who, number = request.app[SITE], staff(request), request.match_info["number"]
    typed = form or {}
    found = await site.db.read(_to_open, who, number, typed=typed, now=now())
    return site.pages.page(
        request,
        "inbox/vendor_new.html",
        status=refusals.status(wrong),
        view="vendors",
        given={},
        wrong=refusals.sentences(wrong, say(who.language), "vendors"),
        typed=typed,
        ticked=_ticked(typed),
        lost=lost,
        form_id=typed.get("idem") or form_id(),
        **found,
        **await around(request, who),
    )


def _to_open(tx: Tx, who: Principal, number: str, *, typed: Form, now: datetime) -> dict[str, Any]:
    view = page.ticket(tx, who, number, now=now)
    return {
        "ticket": view,
        "files": _files_of(view),
        "names": vendor_views.names(tx, who),
        "looked": _looked(tx, who, number, typed.get("vendor", ""), typed),
    }


def _looked(tx: Tx, who: Principal, number: str, vendor: str, typed: Form) -> str | None:
    if typed.get("do") != "look":
        return None
    subject = typed.get("subject", "").strip()
    text = "\n\n".join(one for one in (subject, typed.get("text", "").strip()) if one)
    return vendor_views.preview(tx, who, number, vendor=vendor, text=text)


# --- One ----------------------------------------------------------------------------------------------------


async def show_one(request: web.Request) -> web.StreamResponse:
    """A case, its conversation, and the one with the customer beside it."""
    return await _one(request)


async def act(request: web.Request) -> web.StreamResponse:
    """One verb; what was typed is never lost."""
    number, case, verb = (request.match_info[name] for name in ("number", "case", "verb"))
    if verb not in VERBS:
        raise web.HTTPNotFound
    form, sent = await files.form(request)
    who = staff(request)
    if form.get("do") == "look":
        return await _one(request, verb=verb, form=form, lost=bool(sent))
    try:
        await _do(request, who, (number, case), verb, form, sent)
    except Forbidden:
        raise web.HTTPForbidden from None
    except (Invalid, Refused, Stale) as error:
        return await _one(request, wrong=error, verb=verb, form=form, lost=bool(sent))
    raise web.HTTPSeeOther(f"/desk/tickets/{number}/vendors/{case}")


async def _do(
    request: web.Request,
    who: Principal,
    of: tuple[str, str],
    verb: str,
    form: Form,
    sent: Sequence[Attachment],
) -> None:
    db, idem = request.app[SITE].db, form.get("idem", "")[:MAX_FORM_ID]
    given: dict[str, Any]
    if verb == "write":
        given = {"files": sent, "of_ticket": _ticked(form), "wait": "wait" in form, "idem": idem}
        await db.write(vendor_cases.write, who, *of, form.get("text", ""), now=now(), **given)
    elif verb == "promote":
        given = {"message": form.get("message") or None, "idem": idem, "seen": numbers.seen(form)}
        await db.write(vendor_cases.promote, who, *of, form.get("text", ""), now=now(), **given)
    elif verb == "describe":
        given = {name: form.get(name, "") for name in ("reference", "severity", "serial", "rma")}
        due = moments.of_form(form, "next_update_due", _zone(request))
        given |= {"next_update_due": due, "no_update_due": due is None}
        given["reference_shown"] = "reference_shown" in form
        await db.write(vendor_cases.describe, who, *of, now=now(), **given)
    else:
        await db.write(MARKS[verb], who, *of, now=now())


async def _one(
    request: web.Request,
    *,
    wrong: DeskError | None = None,
    verb: str = "",
    form: Form | None = None,
    lost: bool = False,
) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    typed = form or {}
    number, case = request.match_info["number"], request.match_info["case"]
    found = await site.db.read(_with_talk, who, number, case, typed=typed, now=at)
    t, zone = say(who.language), _zone(request)
    due = found["opened"].case.next_update_due
    return await site.pages.long_page(
        request,
        "inbox/vendor_case.html",
        status=refusals.status(wrong),
        view="vendors",
        given={},
        wrong=refusals.sentences(wrong, say(who.language), "vendors"),
        verb=verb,
        typed=typed,
        ticked=_ticked(typed),
        lost=lost,
        form_id=typed.get("idem") or form_id(),
        goes_to=telling.goes_to(found["ticket"], t),
        due=due.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if due else "",
        **found,
        **await around(request, who),
    )


def _with_talk(
    tx: Tx, who: Principal, number: str, case: str, *, typed: Form, now: datetime
) -> dict[str, Any]:
    view = page.ticket(tx, who, number, now=now)
    opened = vendor_views.one(tx, who, number, case)
    return {
        "ticket": view,
        "opened": opened,
        "files": _files_of(view),
        "customer_talk": [
            one for one in view.messages if one.audience == "customer" and not said.is_notice(one)
        ],
        "looked": _looked(
            tx, who, number, opened.case.vendor, {"do": typed.get("do", ""), "text": typed.get("text", "")}
        ),
    }


# --- Small --------------------------------------------------------------------------------------------------


def _files_of(view: TicketView) -> list[FileView]:
    """What can be sent along: files of the customer's conversation and of colleagues' notes."""
    of_messages = (one.files for one in view.messages if one.audience == "customer")
    of_notes = (one.files for one in view.notes)
    return [file for some in (*of_messages, *of_notes) for file in some]


def _ticked(form: Form) -> list[str]:
    return [name.removeprefix(FILE) for name in form if name.startswith(FILE)]


def _zone(request: web.Request) -> ZoneInfo:
    return ZoneInfo(request.app[SITE].settings.hub.time_zone)
