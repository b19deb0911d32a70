"""What must the domains of our mail say in the DNS, and do they? The text to copy, and in words what is missing or wrong."""

from __future__ import annotations

from aiohttp import web

from core.channel import DeliveryError
from core.domain_records import Looked
from web import domain_words
from web.desk.frame import around, staff
from web.site import SITE


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/desk/domains", show)


async def show(request: web.Request) -> web.StreamResponse:
    """Every record; `look`: and what is there, which takes seconds where nobody answers."""
    site, who = request.app[SITE], staff(request)
    look = "look" in request.query
    records: list[Looked] = []
    trouble = ""
    try:
        records = await domain_words.all_of(site.publishing, look=look)
    except DeliveryError as error:
        trouble = str(error)
    return site.pages.page(
        request,
        "inbox/domains.html",
        view="domains",
        given={},
        records=records,
        looked=look,
        trouble=trouble,
        words=domain_words.words,
        **await around(request, who),
    )
