"""What can people do about their own log-in? See where they are signed in, end it there, change the password, connect a chat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aiohttp import hdrs, web

from core.desk import accounts, linking, new_passwords, passwords
from core.desk.errors import Refused
from web import guard, visitor
from web.sign_in import MAX_FIELD
from web.site import SITE, now

# In this order: most browsers name others' names too.
BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrom": "Chrome", "Safari": "Safari"}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A code for an account of a chat, shown once."""

    channel: str
    code: str
    url: str
    expires_at: datetime


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/account", show)
    app.router.add_post("/account/devices/{hash}/end", end)
    app.router.add_post("/account/tokens/{hash}/end", end_token)
    app.router.add_post("/account/password", change_password)
    app.router.add_post("/account/links", connect)
    app.router.add_post("/account/links/end", disconnect)


async def show(request: web.Request) -> web.StreamResponse:
    """The page."""
    return await _page(request, done="changed" in request.query)


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    wrong: str = "",
    done: bool = False,
    offered: Offered | None = None,
    refused: str = "",
) -> web.Response:
    site, who = request.app[SITE], visitor.person(request)
    return site.pages.page(
        request,
        "account.html",
        status=status,
        devices=await site.db.read(accounts.of_person, who),
        tokens=await site.db.read(accounts.tokens_of, who),
        current=request[visitor.SIGN_IN].hash,
        browser_name=browser_name,
        least=passwords.MIN_LENGTH,
        wrong=wrong,
        done=done,
        links=await site.db.read(linking.mine, who),
        channels=sorted(site.linking),
        offered=offered,
        refused=refused,
    )


def browser_name(agent: str) -> str:
    """A browser as people call it; what it says of itself where we do not know it.

    >>> browser_name("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36")
    'Chrome · Linux'
    >>> browser_name("curl/8.5.0")
    'curl/8.5.0'
    """
    known = [
        next((name for mark, name in table.items() if mark in agent), "") for table in (BROWSERS, SYSTEMS)
    ]
    return " · ".join(known) if all(known) else agent[:60]


async def connect(request: web.Request) -> web.StreamResponse:
    """Show a code for an account of a chat: on this page alone, and once."""
    site, who = request.app[SITE], visitor.person(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    channel = site.linking.get(str(form.get("channel", "")))
    if channel is None:
        raise web.HTTPNotFound
    try:
        issued = await site.db.write(linking.issue, who, channel.name, now=now())
    except Refused:
        return await _page(request, status=409, refused="links_too_many")
    offered = Offered(channel=channel.name, url=channel.link(issued.code), **issued._asdict())
    return await _page(request, offered=offered)


async def disconnect(request: web.Request) -> web.StreamResponse:
    """Nothing of theirs is said there any more."""
    site, who = request.app[SITE], visitor.person(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    await site.db.write(linking.disconnect, who, str(form.get("address", "")), now=now())
    raise web.HTTPSeeOther("/account#links")


async def end(request: web.Request) -> web.StreamResponse:
    """Sign another device out."""
    site, who = request.app[SITE], visitor.person(request)
    guard.check_token(request, str((await request.post()).get("csrf", "")))
    await site.db.write(accounts.end_own, who, request.match_info["hash"])
    raise web.HTTPSeeOther("/account")


async def end_token(request: web.Request) -> web.StreamResponse:
    """A program that has it gets in no longer."""
    site, who = request.app[SITE], visitor.person(request)
    guard.check_token(request, str((await request.post()).get("csrf", "")))
    await site.db.write(accounts.token_end, who, request.match_info["hash"], now=now())
    raise web.HTTPSeeOther("/account")


async def change_password(request: web.Request) -> web.StreamResponse:
    """The old one is asked for, and wrong ones are counted as at the log-in. Everybody else is signed out."""
    site, who = request.app[SITE], visitor.person(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    old, new = str(form.get("old", ""))[:MAX_FIELD], str(form.get("new", ""))
    at, address = now(), guard.client_address(request)
    if not passwords.MIN_LENGTH <= len(new) <= MAX_FIELD:
        return await _page(request, status=422, wrong="short")
    if not await site.db.read(accounts.may_try, who.email, address, site.limits, now=at):
        return await _page(request, status=429, wrong="wait")
    found = await site.db.read(accounts.account_of, who)
    try:
        if not await passwords.matches(found.password_hash, old):
            await site.db.write(accounts.failed, who.email, address, now=at)
            return await _page(request, status=422, wrong="wrong")
        hashed = await passwords.hashed(new)
    except passwords.TooManyWaiting:
        raise web.HTTPTooManyRequests(headers={"Retry-After": "5"}) from None
    device = request.headers.get(hdrs.USER_AGENT, "")
    cookie = await site.db.write(
        new_passwords.change,
        found,
        hashed,
        device=device,
        limits=site.limits,
        channel=site.also_by,
        now=at,
    )
    response = web.Response(status=303, headers={hdrs.LOCATION: "/account?changed=1"})
    guard.set_cookie(response, site, cookie)
    return response
