"""What does somebody do who forgot their password? Ask for a link by mail, and choose a new one with it."""

from __future__ import annotations

from aiohttp import hdrs, web

from core import addresses
from core.desk import new_passwords, passwords
from core.desk.principal import Principal
from web import guard
from web.sign_in import MAX_FIELD, signed_in
from web.site import SITE, now


def routes(app: web.Application) -> None:
    """Add the pages. They are there where letters can leave."""
    app.router.add_get("/forgot", show)
    app.router.add_post("/forgot", ask)
    app.router.add_get("/reset", show_new)
    app.router.add_post("/reset", choose)


async def show(request: web.Request) -> web.StreamResponse:
    """The form, or what happens now that it was sent."""
    _channel(request)
    return _form(request, sent="sent" in request.query)


async def ask(request: web.Request) -> web.StreamResponse:
    """Let a link leave. Whoever it is for, and whether it is for anybody: the same work and the same answer."""
    site, channel = request.app[SITE], _channel(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    email = str(form.get("email", ""))[:MAX_FIELD].strip()
    if not addresses.plausible(email):
        return _form(request, status=422, email=email, wrong="wrong" if email else "empty")
    await site.db.write(
        new_passwords.ask,
        email,
        guard.client_address(request),
        channel=channel,
        limits=site.limits,
        now=now(),
    )
    raise web.HTTPSeeOther("/forgot?sent=1")


async def show_new(request: web.Request) -> web.StreamResponse:
    """The form behind the link. Looking at it uses nothing up."""
    token = request.query.get("token", "")[:MAX_FIELD]
    return _new(request, await _whose(request, token), token)


async def choose(request: web.Request) -> web.StreamResponse:
    """Use the link: the password is new, everybody else is signed out, and its owner is signed in here."""
    site = request.app[SITE]
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    token, new = str(form.get("token", ""))[:MAX_FIELD], str(form.get("new", ""))
    who = await _whose(request, token)
    if who is None:
        return _new(request, None, token)
    if not passwords.MIN_LENGTH <= len(new) <= MAX_FIELD:
        return _new(request, who, token, status=422, wrong="short")
    try:
        hashed = await passwords.hashed(new)
    except passwords.TooManyWaiting:
        raise web.HTTPTooManyRequests(headers={"Retry-After": "5"}) from None
    done = await site.db.write(
        new_passwords.by_link,
        token,
        hashed,
        device=request.headers.get(hdrs.USER_AGENT, ""),
        limits=site.limits,
        channel=site.also_by,
        now=now(),
    )
    if done is None:
        return _new(request, None, token)
    return await signed_in(site, *done, "/account?changed=1")


def _channel(request: web.Request) -> str:
    channel = request.app[SITE].also_by
    if not channel:
        raise web.HTTPNotFound
    return channel


async def _whose(request: web.Request, token: str) -> Principal | None:
    return await request.app[SITE].db.read(new_passwords.whose, token, now=now())


def _form(
    request: web.Request, *, status: int = 200, email: str = "", wrong: str = "", sent: bool = False
) -> web.Response:
    pages = request.app[SITE].pages
    return pages.page(request, "forgot.html", status=status, email=email, wrong=wrong, sent=sent)


def _new(
    request: web.Request, who: Principal | None, token: str, *, status: int = 200, wrong: str = ""
) -> web.Response:
    return request.app[SITE].pages.page(
        request,
        "reset.html",
        status=status if who else 404,
        email=who.email if who else "",
        token=token,
        least=passwords.MIN_LENGTH,
        wrong=wrong,
        forgot=request.app[SITE].also_by,
    )
