"""One request as its customer sees it: what was said, what happens next, and the report when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from aiohttp import web

from core import invitations
from core.desk import (
    page,
    papers,
    ratings,
    reference,
    requests,
    resolution,
    visit_invitations,
    visits,
    workarounds,
)
from core.desk.errors import DeskError, Invalid, NotFound, Refused, Stale
from core.desk.papers import PaperView
from core.desk.principal import Principal
from core.desk.views import MessageView, TicketView
from core.store.tx import Tx
from web import files, html_frame, numbers, said
from web.pages import written
from web.portal import contract, progress
from web.portal.frame import contact
from web.sign_in import form_id
from web.site import SITE, now
from web.visit_words import VALUES
from web.words import say

REPORTS = ("resolved", "closed", "corrected")
"""Kinds of message that say what was done."""
MOVABLE = ("proposed", "counter", "confirmed")
"""States of a visit of which a customer may say that its time does not fit."""
QUIET_EVENTS = ("ticket.customer_message",)
"""Said by the message itself."""


def routes(app: web.Application) -> None:
    """Add the pages."""
    base = "/portal/requests/{number}"
    app.router.add_get(base, show)
    app.router.add_get(f"{base}/report", report)
    app.router.add_get(f"{base}/papers/{{paper}}", paper)
    app.router.add_get(f"{base}/papers/{{paper}}/pdf", paper_pdf)
    app.router.add_post(f"{base}/reply", reply)
    app.router.add_post(f"{base}/confirm", confirm)
    app.router.add_post(f"{base}/refuse", refuse)
    app.router.add_post(f"{base}/rate", rate)
    app.router.add_post(f"{base}/visits/{{visit}}/choose", choose_time)
    app.router.add_post(f"{base}/visits/{{visit}}/none", no_time_fits)
    app.router.add_get(f"{base}/visits/{{visit}}/visit.ics", calendar)
    app.router.add_post(f"{base}/accept-workaround", accept_workaround)
    app.router.add_post(f"{base}/refuse-workaround", refuse_workaround)
    app.router.add_get(f"{base}/messages/{{message}}/html", show_html)
    app.router.add_get(f"{base}/files/{{file}}", download)
    app.router.add_get("/portal/calls/{call}/sound/{seq}", listen)


async def show(request: web.Request) -> web.StreamResponse:
    """The whole of it."""
    return await _page(request)


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    wrong: DeskError | None = None,
    typed: str = "",
    refused: str = "",
    fails: str = "",
    rated: Mapping[str, str] | None = None,
    idem: str = "",
    lost: bool = False,
    visit_said: str = "",
    visit_typed: str = "",
) -> web.Response:
    """The request, or the one that goes on with it. Words whose form is there no more stand where the customer can send them all the same."""
    site, who, number = request.app[SITE], contact(request), request.match_info["number"]
    found, open_at, handed_out = await site.db.read(_found, who, number, now=now())
    joined = found.row.number != number
    if joined and status == HTTPStatus.OK:  # an old number leads to the request that goes on
        raise web.HTTPSeeOther(f"/portal/requests/{found.row.number}")
    if isinstance(wrong, NotFound) and not joined:
        raise wrong
    comment = (rated or {}).get("comment", "")
    homeless = (
        "" if _answerable(found) else fails,
        "" if _bookable(found) else visit_typed,
        "" if "rate" in found.allowed else comment,
    )
    return await site.pages.long_page(
        request,
        "portal/request.html",
        status=status,
        ticket=found,
        open_at=open_at,
        timeline=timeline(found),
        sounds={
            sound.file: (one.id, sound)
            for one in found.calls
            for sound in one.recordings
            if sound.state == "stored"
        },
        promises=sorted(
            (c for c in found.clocks if c.state == "running" and c.due_at is not None),
            key=lambda one: (one.name != "promise", one.due_at),
        ),
        steps=progress.steps(found),
        report=last_report(found),
        papers=handed_out,
        wrong=wrong,
        stale=isinstance(wrong, Stale),
        impossible=isinstance(wrong, (NotFound, Refused)),
        ended="reply" not in found.allowed,
        joined=number if joined else "",
        typed=next(filter(None, (typed, refused, *homeless)), ""),
        fails=fails,
        rated=rated or {},
        form_id=idem or form_id(),
        lost=lost,
        visit_said=visit_said,
        visit_typed=visit_typed,
        **VALUES,
    )


def _found(
    tx: Tx, who: Principal, number: str, *, now: datetime
) -> tuple[TicketView, list[tuple[str, str]], list[PaperView]]:
    """The request, when somebody is there for it ((days, times), empty: at any hour), and what was handed out of it.

    Of one that was merged, all this of the one that goes on with it.
    """
    found = page.ticket(tx, who, number, now=now)
    while found.merged_into:
        found = page.ticket(tx, who, found.merged_into, now=now)
        number = found.row.number
    checked = found.entitlement
    calendar = reference.desk(tx).calendars.get(checked.calendar or "") if checked else None
    open_at = contract.hours(calendar, who.language) if calendar else []
    return found, open_at, [one for one in papers.of_ticket(tx, who, number) if one.newest]


def _answerable(found: TicketView) -> bool:
    """Is there a form to say that the workaround does not work?"""
    return bool(found.workarounds) and found.workarounds[-1].answerable


def _bookable(found: TicketView) -> bool:
    """Is there a form to say that no time of a visit fits?"""
    return any(one.state in MOVABLE for one in found.visits if not one.closed_at)


async def report(request: web.Request) -> web.StreamResponse:
    """The closing report alone, to be read, accepted, printed and downloaded; of a time before there were papers, as it was mailed."""
    site, who, number = request.app[SITE], contact(request), request.match_info["number"]
    newest = await site.db.read(papers.newest, who, number)
    if newest is not None:
        return await _paper(request, newest.id)
    found: TicketView = await site.db.read(page.ticket, who, number, now=now())
    ended = last_report(found)
    if ended is None:
        raise web.HTTPNotFound
    return site.pages.page(request, "portal/report.html", ticket=found, report=ended)


async def paper(request: web.Request) -> web.StreamResponse:
    """One version of a report."""
    return await _paper(request, request.match_info["paper"])


async def _paper(request: web.Request, name: str) -> web.Response:
    site, who, number = request.app[SITE], contact(request), request.match_info["number"]
    found = await site.db.read(page.ticket, who, number, now=now())
    view, html = await site.db.read(papers.html, who, number, name)
    versions = await site.db.read(papers.of_ticket, who, number)
    return site.pages.page(
        request,
        "portal/paper.html",
        ticket=found,
        paper=view,
        html=written(html),
        others=[one for one in versions if one.series == view.series and one != view],
    )


async def paper_pdf(request: web.Request) -> web.StreamResponse:
    """Its PDF, as a download; the scope is asked each time."""
    who, number = contact(request), request.match_info["number"]
    name, content = await request.app[SITE].db.read(papers.pdf, who, number, request.match_info["paper"])
    return files.download(content, name, "application/pdf")


async def reply(request: web.Request) -> web.StreamResponse:
    """The customer writes; what was typed is never lost."""
    site, who = request.app[SITE], contact(request)
    number = request.match_info["number"]
    fields, sent = await files.form(request)
    text, idem = fields.get("text", ""), fields.get("form", "")
    seen = numbers.seen(fields)
    try:
        written = await site.db.write(
            requests.write, who, number, text, now=now(), seen=seen, idem=idem[:100], files=sent
        )
    except (Invalid, Refused, Stale) as error:
        status = 422 if isinstance(error, Invalid) else 409
        return await _page(request, status=status, wrong=error, typed=text, idem=idem, lost=bool(sent))
    raise web.HTTPSeeOther(f"/portal/requests/{written.number}#m-{written.message}")


async def confirm(request: web.Request) -> web.StreamResponse:
    """It is solved."""
    site, who = request.app[SITE], contact(request)
    number = request.match_info["number"]
    await files.form(request)
    try:
        await site.db.write(resolution.confirm, who, number, now=now())
    except Refused as error:
        return await _page(request, status=409, wrong=error)
    raise web.HTTPSeeOther(f"/portal/requests/{number}")


async def refuse(request: web.Request) -> web.StreamResponse:
    """It is not solved: work goes on."""
    site, who = request.app[SITE], contact(request)
    number = request.match_info["number"]
    fields, _ = await files.form(request)
    reason = fields.get("reason", "")
    try:
        await site.db.write(resolution.refuse, who, number, now=now(), reason=reason)
    except (Invalid, Refused) as error:
        status = 422 if isinstance(error, Invalid) else 409
        return await _page(request, status=status, wrong=error, refused=reason)
    raise web.HTTPSeeOther(f"/portal/requests/{number}")


async def accept_workaround(request: web.Request) -> web.StreamResponse:
    """It works for now."""
    site, who = request.app[SITE], contact(request)
    number = request.match_info["number"]
    fields, _ = await files.form(request)
    identity = fields.get("workaround") or None
    try:
        await site.db.write(workarounds.accept, who, number, workaround=identity, now=now())
    except (NotFound, Refused) as error:
        return await _page(request, status=409, wrong=error)
    raise web.HTTPSeeOther(f"/portal/requests/{number}#workaround")


async def refuse_workaround(request: web.Request) -> web.StreamResponse:
    """It does not work, in their words."""
    site, who = request.app[SITE], contact(request)
    number = request.match_info["number"]
    fields, _ = await files.form(request)
    identity, reason = fields.get("workaround") or None, fields.get("reason", "")
    try:
        await site.db.write(workarounds.refuse, who, number, reason=reason, workaround=identity, now=now())
    except (Invalid, NotFound, Refused) as error:
        status = 422 if isinstance(error, Invalid) else 409
        return await _page(request, status=status, wrong=error, fails=reason)
    raise web.HTTPSeeOther(f"/portal/requests/{number}")


async def rate(request: web.Request) -> web.StreamResponse:
    """How it went."""
    site, who = request.app[SITE], contact(request)
    number = request.match_info["number"]
    fields, _ = await files.form(request)
    score = numbers.whole(fields.get("score", "")) or 0
    try:
        await site.db.write(
            ratings.rate, who, number, now=now(), score=score, comment=fields.get("comment", "")
        )
    except (Invalid, Refused) as error:
        status = 422 if isinstance(error, Invalid) else 409
        return await _page(request, status=status, wrong=error, rated=fields)
    raise web.HTTPSeeOther(f"/portal/requests/{number}#rating")


async def choose_time(request: web.Request) -> web.StreamResponse:
    """The customer takes one of the times that were offered for a visit."""
    site, who = request.app[SITE], contact(request)
    number, visit = request.match_info["number"], request.match_info["visit"]
    fields, _ = await files.form(request)
    slot = fields.get("slot", "")
    if not slot:
        return await _page(request, status=422, visit_said="pick")
    try:
        chosen = await site.db.write(visits.choose, who, number, visit, slot, now=now())
    except (NotFound, Refused) as error:
        return await _page(request, status=409, wrong=error, visit_said="chosen")
    if not chosen.agreed:
        return await _page(request, status=409, visit_said="gone")
    raise web.HTTPSeeOther(f"/portal/requests/{number}#visit-{visit}")


async def no_time_fits(request: web.Request) -> web.StreamResponse:
    """None of the times suits the customer, or the one that was agreed does not any more."""
    site, who = request.app[SITE], contact(request)
    number, visit = request.match_info["number"], request.match_info["visit"]
    fields, _ = await files.form(request)
    text = fields.get("text", "")
    try:
        await site.db.write(visits.none_fits, who, number, visit, text, now=now())
    except Invalid:
        return await _page(request, status=422, visit_said="words", visit_typed=text)
    except (NotFound, Refused) as error:
        return await _page(request, status=409, wrong=error, visit_said="chosen", visit_typed=text)
    raise web.HTTPSeeOther(f"/portal/requests/{number}#visit-{visit}")


async def calendar(request: web.Request) -> web.StreamResponse:
    """A visit that is agreed, as a file for somebody's own calendar. Raises NotFound."""
    site, who, at = request.app[SITE], contact(request), now()
    number, visit = request.match_info["number"], request.match_info["visit"]
    summary = f"{say(who.language)('portal.visit.title')}: {site.settings.hub.name}"
    found = await site.db.read(visit_invitations.to_take_home, who, number, visit, summary=summary)
    return web.Response(
        text=invitations.write(found, now=at),
        content_type=invitations.TYPE,
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{invitations.FILE}"'},
    )


async def show_html(request: web.Request) -> web.StreamResponse:
    """A message as it was sent, cleaned, for its isolated frame."""
    site, who = request.app[SITE], contact(request)
    number, message = request.match_info["number"], request.match_info["message"]
    found, pictures = await site.db.read(page.html, who, number, message)
    return await html_frame.response(request, site, found, pictures, language=who.language)


async def download(request: web.Request) -> web.StreamResponse:
    """A file, always as a download; the scope is asked each time."""
    who = contact(request)
    number, file_id = request.match_info["number"], request.match_info["file"]
    found, content = await request.app[SITE].db.read(page.file, who, number, file_id)
    return files.download(content, found.name, found.type)


async def listen(request: web.Request) -> web.StreamResponse:
    """The customer's own voice, for a player; the scope is asked each time."""
    return await files.played(request, contact(request))


def timeline(found: TicketView) -> list[tuple[str, Any, Any]]:
    """Messages, calls and events, newest last: ("message" | "call", it, None), or ("event", it, the mail that told of it)."""
    said_all = [(one.at, 0, "message", one) for one in found.messages]
    events = [(one.at, 1, "event", one) for one in found.events if one.kind not in QUIET_EVENTS]
    calls = [(one.began_at, -1, "call", one) for one in found.calls]
    told: list[tuple[str, Any, Any]] = []
    for _, _, kind, what in sorted((*said_all, *events, *calls), key=lambda entry: entry[:2]):
        before = told[-1] if told else None
        if kind == "event" and before and before[0] == "message" and said.is_notice(before[1]):
            told[-1] = ("event", what, before[1])
        else:
            told.append((kind, what, None))
    return told


def last_report(found: TicketView) -> MessageView | None:
    """What was said when it was done, if that still stands."""
    if found.row.state not in ("resolved", "closed"):
        return None
    reports = [one for one in found.messages if one.kind in REPORTS and one.direction == "out"]
    return reports[-1] if reports else None
