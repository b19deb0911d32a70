"""Who asks? The sign-in that a request came with, as the guard found it."""

from __future__ import annotations

from aiohttp import web

from core.desk import accounts
from core.desk.principal import Principal

SIGN_IN = web.RequestKey("sign_in", accounts.SignIn)


def who(request: web.Request) -> Principal | None:
    """Who is signed in."""
    found = request.get(SIGN_IN)
    return found.principal if found else None


def person(request: web.Request) -> Principal:
    """Who is signed in, on pages that need somebody."""
    found = who(request)
    if found is None:
        raise web.HTTPSeeOther("/login")
    return found


def csrf(request: web.Request) -> str:
    """The token that forms of this sign-in carry; before it, the one of the log-in form's own cookie."""
    found = request.get(SIGN_IN)
    return found.csrf if found else ""
