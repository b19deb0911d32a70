"""Do the desk's addresses work, and what would become of a mail? A guided test of each address, and a mail that is explained."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from core.desk import explaining, mail_tests
from core.desk.errors import Invalid, Refused
from core.desk.principal import Principal
from core.store.tx import Tx
from web import files, guard, reading
from web.desk import explained
from web.desk.frame import around, staff
from web.pages import day_and_time
from web.site import SITE, now
from web.words import say

LOOK_AGAIN = "2; url=/desk/mail"  # seconds


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/mail", show)
    app.router.add_post("/desk/mail/test", begin)
    app.router.add_get("/desk/mail/explain", ask)
    app.router.add_post("/desk/mail/explain", explain)


async def show(request: web.Request) -> web.StreamResponse:
    """Every address with its last test; as long as one is under way the page loads itself again."""
    return await _shown(request)


async def _shown(request: web.Request, *, wrong: str = "") -> web.Response:
    site, who = request.app[SITE], staff(request)
    found = await site.db.read(_state, who, now=now())
    page = site.pages.page(
        request,
        "inbox/mail.html",
        status=409 if wrong else 200,
        view="mail",
        given={},
        wrong=wrong,
        relay=site.db.facts.mail.relay,
        mailboxes=site.db.facts.mail.mailboxes,
        **found,
        **await around(request, who),
    )
    if any(one.state == "waiting" for one in found["last"].values()):
        page.headers["Refresh"] = LOOK_AGAIN  # works without a script
    return page


def _state(tx: Tx, who: Principal, *, now: datetime) -> dict[str, Any]:
    ours = mail_tests.own_addresses(tx, who)
    last = {one.address: one for one in reversed(mail_tests.latest(tx, who, now=now))}
    return {"addresses": ours, "last": last}


async def begin(request: web.Request) -> web.StreamResponse:
    """Let the marked mails leave; the page then says how far they are."""
    site, who = request.app[SITE], staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    try:
        await site.db.write(mail_tests.begin, who, str(form.get("address", "")), now=now())
    except (Invalid, Refused) as error:
        t = say(who.language)
        return await _shown(request, wrong=t("mail.busy" if isinstance(error, Refused) else "mail.unknown"))
    raise web.HTTPSeeOther("/desk/mail")


# --- What would become of a mail? ---------------------------------------------------------------------------


async def ask(request: web.Request) -> web.StreamResponse:
    """The form."""
    return await _explained(request)


async def explain(request: web.Request) -> web.StreamResponse:
    """The file is read where reading may die, and goes through the real verbs; all of it is taken back."""
    site, who = request.app[SITE], staff(request)
    explaining.only_leads(who)
    t = say(who.language)
    try:
        _, sent = await files.form(request)
    except web.HTTPRequestEntityTooLarge:
        return await _explained(request, wrong=t("explain.too_large"))
    if not sent:
        return await _explained(request, wrong=t("explain.no_file"))
    told = await reading.explained(site, sent[0].content)
    return await _explained(request, told=told, name=sent[0].name)


async def _explained(
    request: web.Request, *, told: dict[str, Any] | None = None, name: str = "", wrong: str = ""
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    explaining.only_leads(who)
    zone, at = ZoneInfo(site.settings.hub.time_zone), now()
    groups = (
        explained.groups(told, say(who.language), lambda moment: day_and_time(moment, zone, at, who.language))
        if told is not None
        else None
    )
    return site.pages.page(
        request,
        "inbox/explain.html",
        status=422 if wrong else 200,
        view="mail",
        given={},
        told=groups,
        file=name,
        wrong=wrong,
        **await around(request, who),
    )
