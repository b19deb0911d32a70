"""What does something say that waits for staff? Its words, its files, and why it waits, before anybody decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from core.desk import alert_source_views, page, traffic, vendor_views
from core.desk.principal import Principal
from core.desk.views import InboundRow
from core.envelope import Inbound
from core.rules import footers
from core.store.tx import Tx
from web import html_frame, reading
from web.desk import explained
from web.desk.frame import around, staff
from web.desk.waiting import late_since
from web.site import SITE, Site
from web.words import Say, say

DEVICES = "monitoring"
"""By which devices report."""


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/inbound/{id}", show)
    app.router.add_get("/desk/inbound/{id}/html", show_html)
    app.router.add_get("/desk/tickets/{number}/messages/{message}/why", why)


@dataclass(frozen=True, slots=True)
class Words:
    """A text and what stretches of it are, as `web.said` takes them."""

    text: str
    spans: list[tuple[int, int, str]]


async def show(request: web.Request) -> web.StreamResponse:
    """It, read again, with everything that can be done with it."""
    site, who = request.app[SITE], staff(request)
    item, raw, cases = await site.db.read(_found, who, request.match_info["id"])
    found = await _read(site, item, raw)
    t = say(who.language)
    mail = found if isinstance(found, Inbound) else None
    trust = {
        "level": item.detail.get("trust"),
        "because": item.detail.get("trust_reasons", []),
        "checked": item.detail.get("authentication", []),
    }
    return site.pages.page(
        request,
        "inbox/preview.html",
        view="exceptions" if item.outcome == "exception" else "held" if item.open else "",
        given={},
        item=item,
        mail=mail,
        words=words(item, mail),
        failed=found if isinstance(found, str) else "",
        message=alert_source_views.excerpt(raw) if item.channel == DEVICES else "",
        author=list(explained.author(trust, t)) if trust["level"] else [],
        became=_became(item, t),
        threads=[
            *explained.threads(item.detail.get("considered", []), t),
            *explained.folded(item.detail.get("folded", []), t),
        ],
        cases=cases,
        late_since=late_since(site, "exceptions" if item.outcome == "exception" else "held"),
        **await around(request, who),
    )


async def why(request: web.Request) -> web.StreamResponse:
    """Why a message is where it is: by what it arrived as."""
    number, message = request.match_info["number"], request.match_info["message"]
    inbound_id = await request.app[SITE].db.read(page.arrival, staff(request), number, message)
    raise web.HTTPSeeOther(f"/desk/inbound/{inbound_id}")


async def show_html(request: web.Request) -> web.StreamResponse:
    """As it was sent, cleaned, for the isolated frame."""
    site, who = request.app[SITE], staff(request)
    item, raw, _ = await site.db.read(_found, who, request.match_info["id"])
    found = await _read(site, item, raw)
    if not isinstance(found, Inbound) or not found.html:
        raise web.HTTPNotFound
    images = {one.content_id: (one.type, one.content) for one in found.attachments if one.content_id}
    return await html_frame.response(request, site, found.html, images, language=who.language)


def _found(
    tx: Tx, who: Principal, inbound_id: str
) -> tuple[InboundRow, bytes, Mapping[str, tuple[Any, ...]]]:
    item = traffic.inbound_item(tx, who, inbound_id)
    raw = traffic.inbound_bytes(tx, who, inbound_id)
    numbers = [item.ticket] if item.ticket and item.channel == reading.MAIL else []
    return item, raw, vendor_views.to_choose(tx, who, numbers)


async def _read(site: Site, item: InboundRow, raw: bytes) -> Inbound | str:
    if item.channel != reading.MAIL:
        return ""
    arrival: dict[str, Any] = {
        "channel": item.channel,
        "external_id": None,
        "sender": item.sender,
        "recipients": list(item.recipients),
        "received_at": item.received_at,
        "envelope": {},
    }
    return await reading.read(site, raw, arrival)


def _became(item: InboundRow, t: Say) -> str:
    """In words, of what waits no longer."""
    if item.open or not item.outcome:
        return ""
    ended = "discarded" if item.outcome in ("held", "exception") else item.outcome
    return explained.became(ended, item.reason, t)


def words(item: InboundRow, mail: Inbound | None) -> Words:
    """As it is read now, with the footers folded that were known when it came."""
    if mail is None:
        return Words(item.detail.get("text", ""), [])
    begins = {one["start"] for one in item.detail.get("folded", ())}
    known = {one.key for one in mail.footers if one.start in begins}
    spans = footers.folded(mail.spans, mail.footers, known) if known else mail.spans
    return Words(mail.text, [(span.start, span.end, span.kind) for span in spans])
