"""Who may ask this server what? Host, sign-in, forged forms and sizes are checked here; every answer gets its headers."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from aiohttp import hdrs, web

from core.channel import Unavailable
from core.desk import accounts
from core.desk.errors import DeskError, Forbidden, Invalid, NotFound, Refused, Stale
from core.desk.passwords import cookie_hash
from core.log import get_logger
from core.store.database import StoreUnavailable, Topics
from web.live import ENDED
from web.site import SITE, Site, now
from web.visitor import SIGN_IN, csrf, who

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "centralino"
REMEMBERED = 2.0  # seconds that a sign-in is not looked up again
BODY_TIME = 60.0  # seconds a form may take to arrive
SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
OPEN = (
    "/login",
    "/forgot",
    "/reset",
    "/connect/",
    "/static/",
    "/health/",
    "/metrics",
    "/api",
    "/setup",
    "/upload/",
    "/survey/",
    "/unsubscribe/",
    "/visit/",
    "/workaround/",
    "/in/",
    "/chat/",
)
"""Paths that ask no sign-in of the pages; the API asks for its own token."""

ONE_CLICK = "/unsubscribe/"
"""Written to by mail programs' own servers (RFC 8058 3.2): the link alone says what happens, whoever is signed in."""
WEBHOOKS = "/in/"
"""What providers ask of the channels: signed, from any address, and without a browser."""
DEVICES = "/in/alerts/"
"""Of these, what devices report: as fast as it happens."""

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

WORDS = ("subject", "text", "reason", "comment")
"""Fields of forms in which people write more than a word."""

log = get_logger("http")


def cookie_name(site: Site) -> str:
    """`__Host-` needs https; over plain http on loopback browsers refuse such a cookie."""
    return f"__Host-{COOKIE}" if site.https else COOKIE


def set_cookie(response: web.Response, site: Site, cookie: str) -> None:
    """Give a browser its sign-in."""
    response.set_cookie(
        cookie_name(site),
        cookie,
        path="/",
        secure=site.https,
        httponly=True,
        samesite="Lax",
        max_age=int(site.limits.life.total_seconds()),
    )


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything on the way in and out."""
    site = request.app[SITE]
    if request.path.startswith(WEBHOOKS):
        return await _webhook(request, handler, site)
    try:
        _check_host(request, site)
        _check_size(request, site)
        await _recognise(request, site)
        _check_rate(request, site)
        _check_origin(request, site)
        await _read_form(request)
        response = await handler(request)
    except web.HTTPException as answer:
        if answer.status >= 400 and not answer.prepared and answer.content_type == "text/plain":  # noqa: PLR2004
            typed = await _typed(request, site) if answer.status == HTTPStatus.UNAUTHORIZED else ""
            response = site.pages.error(request, answer.status, typed=typed)
            response.headers.update(
                {k: v for k, v in answer.headers.items() if k in ("Allow", "Retry-After")}
            )
        else:
            response = _plain(answer)
    except DeskError as error:
        response = _refusal(request, site, error)
    except (StoreUnavailable, Unavailable) as error:
        log.warning("a page could not be served", reason=str(error))
        response = site.pages.error(request, 503)
        response.headers["Retry-After"] = "5"
    except (ConnectionResetError, TimeoutError):
        raise
    except Exception:
        trace = secrets.token_hex(4)
        log.exception("a page failed", path=request.path, trace=trace)
        response = site.pages.error(request, 500, detail=trace)
    if not response.prepared:
        _finish(request, response, site)
    return response


async def _webhook(request: web.Request, handler: Handler, site: Site) -> web.StreamResponse:
    """Sizes and rates hold here too; of what goes wrong nothing but its kind is told or logged."""
    response: web.StreamResponse
    try:
        _check_size(request, site)
        limiter = site.devices if request.path.startswith(DEVICES) else site.providers
        if not limiter.take(client_address(request)).granted:
            raise web.HTTPTooManyRequests(headers={"Retry-After": "1"})
        response = await handler(request)
    except web.HTTPException as answer:
        response = _plain(answer)
    except (ConnectionResetError, TimeoutError):
        raise
    except Exception as error:
        log.error("a webhook failed", path=request.path, error=type(error).__name__)
        response = web.Response(status=500, text="this went wrong\n")
    if not response.prepared:
        _finish(request, response, site)
    return response


def _plain(answer: web.HTTPException) -> web.StreamResponse:
    """The response an exception stands for: a redirect, or a refusal that brings its own body."""
    headers = answer.headers.copy()
    headers.popall(hdrs.CONTENT_LENGTH, None)
    return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=answer.body)


def _check_host(request: web.Request, site: Site) -> None:
    asked = request.headers.get(hdrs.HOST, "").lower()
    wanted = urlsplit(site.public_url).netloc.lower()
    if wanted and asked != wanted and not (request.path.startswith(("/health/", "/metrics"))):
        host, _, port = asked.rpartition(":")
        if host not in ("127.0.0.1", "localhost", "[::1]") or port != wanted.rpartition(":")[2]:
            raise web.HTTPMisdirectedRequest


async def _recognise(request: web.Request, site: Site) -> None:
    if request.path.startswith(("/static/", "/api/", "/health/")):
        return
    cookie = request.cookies.get(cookie_name(site), "")
    if cookie:
        if (found := await _sign_in(cookie, site)) is not None:
            request[SIGN_IN] = found
    if request.get(SIGN_IN) is None and not request.path.startswith(OPEN):
        if request.method in SAFE and "text/event-stream" not in request.headers.get(hdrs.ACCEPT, ""):
            to = quote(request.path_qs, safe="") if request.path != "/" else ""
            raise web.HTTPSeeOther(f"/login?next={to}" if to else "/login")
        raise web.HTTPUnauthorized


async def _sign_in(cookie: str, site: Site) -> accounts.SignIn | None:
    key = cookie_hash(cookie)
    known, endings = site.signed_in.get(key), site.endings.count
    if known is not None and time.monotonic() - known[0] < REMEMBERED and known[1] == endings:
        return known[2]
    at = now()
    found = await site.db.read(accounts.principal_of_cookie, cookie, site.limits, now=at)
    if found is None:
        site.signed_in.pop(key, None)
        return None
    if len(site.signed_in) > 10_000:  # noqa: PLR2004 - sign-ins; more than a hub serves at once
        site.signed_in.clear()
    if at - found.seen_at > accounts.SEEN_EVERY:
        site.db.submit(accounts.seen, key, now=at)
    site.signed_in[key] = (time.monotonic(), endings, found)
    return found


def _check_size(request: web.Request, site: Site) -> None:
    """A request without files has no reason to be large. Of files aiohttp counts what really comes, of devices their channel does."""
    if request.method in SAFE or request.path.startswith(DEVICES):
        return
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise web.HTTPUnsupportedMediaType  # nobody knows how long it is, and only devices pack what they send
    if request.content_type == "multipart/form-data":
        return
    size = request.content_length
    if size is None and request.body_exists and not request.path.startswith("/api/"):
        raise web.HTTPLengthRequired
    if (size or 0) > site.settings.limits.http_body and not request.path.startswith("/api/"):
        raise web.HTTPRequestEntityTooLarge(site.settings.limits.http_body, size or 0)


def _check_rate(request: web.Request, site: Site) -> None:
    """The API counts its own callers, by token."""
    if request.path.startswith(("/static/", "/api/", "/health/", "/metrics")):
        return
    found = who(request)
    allowance = site.people.take(found.id) if found else site.strangers.take(client_address(request))
    if not allowance.granted:
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(max(1, allowance.wait))})


def _check_origin(request: web.Request, site: Site) -> None:
    """Writes come from our own pages: the browser says so, and the form's token proves it (checked by `form`)."""
    if request.method in SAFE or request.path.startswith(("/api/", ONE_CLICK)):
        return
    fetched = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get(hdrs.ORIGIN)
    own = {site.public_url, f"http://{request.headers.get(hdrs.HOST, '')}"}
    if fetched not in (None, "same-origin") or (fetched is None and origin not in own):
        raise web.HTTPForbidden


async def _read_form(request: web.Request) -> None:
    """The whole form, before anybody looks at it: who sends it drop by drop is not waited for."""
    if request.method in SAFE or request.path.startswith("/api/"):
        return
    try:
        async with asyncio.timeout(BODY_TIME):
            await request.post()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except ValueError:  # what aiohttp says of a form that is none
        raise web.HTTPBadRequest from None


async def _typed(request: web.Request, site: Site) -> str:
    """The words in a form of somebody whose sign-in had ended when they sent it: they are given back to them, and kept nowhere.

    Empty for what is larger than a form without files, comes from elsewhere, or too often.
    """
    if request.method in SAFE or not 0 < (request.content_length or 0) <= site.settings.limits.http_body:
        return ""
    with suppress(web.HTTPException):
        _check_rate(request, site)
        _check_origin(request, site)
        await _read_form(request)
        found = map((await request.post()).get, WORDS)
        return "\n\n".join(words.strip() for words in found if isinstance(words, str) and words.strip())
    return ""


def forget(site: Site, topics: Topics) -> None:
    """A sign-in that ended is not remembered any longer. Called from any thread."""
    if any(topic == ENDED for topic, _ in topics):
        site.endings.add()


def check_token(request: web.Request, given: str) -> None:
    """The form's own token. Raises 403."""
    expected = csrf(request)
    if expected and not secrets.compare_digest(expected.encode(), given.encode()):
        raise web.HTTPForbidden


def client_address(request: web.Request) -> str:
    """Whose network address it is: the peer's, or what a configured proxy with the shared secret says."""
    http = request.app[SITE].settings.http
    peer = request.remote or ""
    if not http.trusted_proxies or not peer:
        return peer
    trusted = any(ipaddress.ip_address(peer) in ipaddress.ip_network(n) for n in http.trusted_proxies)
    given = request.headers.get("X-Proxy-Secret", "")
    if trusted and secrets.compare_digest(given.encode(), http.proxy_secret.reveal().encode()):
        return request.headers.get("X-Forwarded-For", peer).rpartition(",")[2].strip() or peer
    return peer


def _refusal(request: web.Request, site: Site, error: DeskError) -> web.Response:
    match error:
        case NotFound():
            status = 404
        case Forbidden():
            status = 403
        case Stale() | Refused():
            status = 409
        case Invalid():
            status = 422
        case _:
            status = 400
    return site.pages.error(request, status, wrong=error)


def _finish(request: web.Request, response: web.StreamResponse, site: Site) -> None:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CSP)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Server"] = "Centralino"
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if request.path.startswith("/static/"):
        headers.setdefault(
            "Cache-Control", "public, max-age=31536000, immutable" if "v" in request.query else "no-cache"
        )
    else:
        headers.setdefault("Cache-Control", "no-store")
    if site.https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
