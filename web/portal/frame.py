"""What do the pages of the portal share? Who may be here, and for which company."""

from __future__ import annotations

from aiohttp import web

from core.desk import reference
from core.desk.principal import Principal
from core.store.tx import Tx
from web import visitor


def contact(request: web.Request) -> Principal:
    """Who is signed in, if they are a customer; staff have the desk."""
    who = visitor.person(request)
    if who.kind != "contact":
        raise web.HTTPSeeOther("/desk/")
    return who


def company(tx: Tx, who: Principal) -> reference.Customer | None:
    """The company the person belongs to."""
    return reference.customer(tx, who.customer) if who.customer else None
