"""Who comes in, and who goes? The log-in form, signing out, and the first administrator's set-up."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web

from core import addresses
from core.desk import accounts, links, passwords
from core.desk.configuration import document, rows
from core.desk.errors import ConfigurationError
from core.desk.principal import HUB
from web import guard, visitor
from web.site import SITE, Site, now

LOCAL_ONLY = ("//", "/\\")
MAX_FIELD = 1_000  # characters
DEVICE = "centralino-device"
"""The cookie by which the log-in form knows a browser again; it opens nothing."""
DEVICE_LIVES = 365 * 86_400  # seconds


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/login", show)
    app.router.add_post("/login", enter)
    app.router.add_post("/logout", leave)
    app.router.add_get("/setup", show_setup)
    app.router.add_post("/setup", set_up)


async def show(request: web.Request) -> web.StreamResponse:
    """The form; somebody who is signed in goes on."""
    if visitor.who(request):
        raise web.HTTPSeeOther("/")
    site = request.app[SITE]
    return site.pages.page(
        request, "sign-in.html", next=_next(request.query), email="", wrong="", forgot=site.also_by
    )


async def enter(request: web.Request) -> web.StreamResponse:
    """Check address and password: the same answer, as long, whatever was wrong."""
    site = request.app[SITE]
    form = await request.post()
    email, password = str(form.get("email", ""))[:MAX_FIELD], str(form.get("password", ""))[:MAX_FIELD]
    address = guard.client_address(request)
    at = now()
    try:
        found = await site.db.read(accounts.account, email)
        right = await passwords.matches(found.password_hash if found else None, password)
    except passwords.TooManyWaiting:
        raise web.HTTPTooManyRequests(headers={"Retry-After": "5"}) from None
    known = request.cookies.get(DEVICE, "")
    allowed = await site.db.read(accounts.may_try, email, address, site.limits, now=at, device=known)
    if not right or found is None or not allowed:
        if allowed:  # a try that was not looked at does not make the wait longer
            await site.db.write(accounts.failed, email, address, now=at)
        return site.pages.page(
            request,
            "sign-in.html",
            status=401,
            next=_next(form),
            email=email,
            wrong="wait" if not allowed else "wrong",
            forgot=site.also_by,
        )
    device = request.headers.get(hdrs.USER_AGENT, "")
    cookie, _ = await site.db.write(accounts.begin, found, device=device, limits=site.limits, now=at)
    to = _next(form) or ("/desk/" if found.kind == "agent" else "/portal/")
    return await signed_in(site, found, cookie, to)


async def signed_in(site: Site, found: accounts.Account, cookie: str, to: str) -> web.Response:
    """Onwards, with the sign-in, and with the mark by which this browser is known again."""
    response = web.Response(status=303, headers={hdrs.LOCATION: to})
    guard.set_cookie(response, site, cookie)
    mark = await site.db.read(accounts.device_mark, found)
    response.set_cookie(
        DEVICE, mark, path="/login", secure=site.https, httponly=True, samesite="Lax", max_age=DEVICE_LIVES
    )
    return response


async def leave(request: web.Request) -> web.StreamResponse:
    """Sign out here; the cookie is worth nothing afterwards."""
    site = request.app[SITE]
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    found = request.get(visitor.SIGN_IN)
    if found is not None:
        site.signed_in.pop(found.hash, None)
        await site.db.write(accounts.end, found.hash)
    response = web.Response(status=303, headers={hdrs.LOCATION: "/login"})
    response.del_cookie(guard.cookie_name(site), path="/")
    return response


async def show_setup(request: web.Request) -> web.StreamResponse:
    """The first administrator's form: only with the link from the console, and only while there is nobody."""
    site = request.app[SITE]
    if not request.query.get("token") or not await site.db.read(accounts.is_new):
        raise web.HTTPNotFound
    return site.pages.page(request, "setup.html", token=request.query["token"], wrong="", typed={})


async def set_up(request: web.Request) -> web.StreamResponse:
    """Make the first administrator and sign them in."""
    site = request.app[SITE]
    form = await request.post()
    if not await site.db.read(accounts.is_new):
        raise web.HTTPNotFound
    token, password = str(form.get("token", "")), str(form.get("password", ""))
    person = {"email": str(form.get("email", ""))[:MAX_FIELD], "name": str(form.get("name", ""))[:MAX_FIELD]}
    plain = {"agents": [{**person, "roles": ["admin"], "password": password}]}
    if len(password) < passwords.MIN_LENGTH or len(password) > MAX_FIELD:
        return _set_up_again(request, token, "short", person)
    try:
        wanted = document.read_plain(plain)
        hashed = await passwords.hashed(password)
        made = await site.db.write(
            _first, token, wanted, {("password", "", addresses.key(person["email"])): hashed}, now=now()
        )
    except ConfigurationError:
        # It tells what is wrong with the file of a desk, line by line; here there are two fields.
        return _set_up_again(request, token, "person", person)
    if not made:
        raise web.HTTPNotFound
    raise web.HTTPSeeOther("/login")


def _set_up_again(
    request: web.Request, token: str, wrong: str, person: Mapping[str, str]
) -> web.StreamResponse:
    pages = request.app[SITE].pages
    return pages.page(request, "setup.html", status=422, token=token, wrong=wrong, typed=person)


def _first(tx: Any, token: str, wanted: document.Document, hashes: rows.Hashes, *, now: Any) -> bool:
    if not accounts.is_new(tx) or links.use(tx, "setup", token, now=now) is None:
        return False
    rows.apply(tx, HUB, wanted, hashes, now=now)
    return True


def _next(given: Any) -> str:
    """Where to go on: a path of ours, nothing else."""
    to = str(given.get("next", ""))
    return to if to.startswith("/") and not to.startswith(LOCAL_ONLY) and to.isprintable() else ""


def form_id() -> str:
    """A name for a form, made when it opens: a double click sends one message."""
    return secrets.token_urlsafe(12)
