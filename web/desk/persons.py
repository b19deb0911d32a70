"""One person on many channels, for staff: their accounts, other names of theirs, an invitation; and whose the rooms are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from core.desk import merging, offers, people, persons, rooms, stopped
from core.desk.errors import Forbidden, Invalid, Refused, invalid
from core.desk.offers import Offers
from core.desk.persons import Person
from core.desk.principal import Principal
from core.desk.subscriptions import What
from core.store.tx import Tx
from web import files
from web.desk.frame import around, staff
from web.site import SITE, now

Form = Mapping[str, Any]


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/contacts/{contact}", show)
    app.router.add_post("/desk/contacts/{contact}/{verb}", act)
    app.router.add_get("/desk/rooms", show_rooms)
    app.router.add_post("/desk/rooms/{room}/{verb}", act_on_room)


async def show(request: web.Request) -> web.StreamResponse:
    """Everything that is known to be theirs."""
    return await _page(request)


async def _page(request: web.Request, *, status: int = 200, refused: str = "") -> web.Response:
    site, who = request.app[SITE], staff(request)
    found, offered, halted = await site.db.read(_shown, who, request.match_info["contact"])
    return site.pages.page(
        request,
        "inbox/contact.html",
        status=status,
        view="contact",
        given={},
        person=found,
        stopped=halted,
        others=[one for one in offered.contacts if one[0] != found.contact.id],
        channels=sorted(site.linking),
        refused=refused,
        invited="invited" in request.query,
        **await around(request, who),
    )


def _shown(tx: Tx, who: Principal, contact: str) -> tuple[Person, Offers, dict[str, str]]:
    found = persons.card(tx, who, contact)
    halted = stopped.known(tx, (found.contact.email, *(one.address for one in found.accounts)))
    return found, offers.of_customer(tx, found.contact.customer), halted


async def act(request: web.Request) -> web.StreamResponse:
    """One of what can be said of a person. A refusal shows them again, and why."""
    site, who = request.app[SITE], staff(request)
    contact, verb = request.match_info["contact"], request.match_info["verb"]
    form, _ = await files.form(request)
    if verb not in VERBS or (verb == "invite" and form.get("channel") not in site.linking):
        raise web.HTTPNotFound
    try:
        await site.db.write(VERBS[verb], who, contact, form, now=now())
    except Refused as error:
        return await _page(request, status=409, refused=error.code)
    except (Forbidden, Invalid) as error:
        refused = "leaders" if isinstance(error, Forbidden) else "unknown"
        return await _page(request, status=403 if isinstance(error, Forbidden) else 422, refused=refused)
    raise web.HTTPSeeOther(f"/desk/contacts/{contact}{'?invited=1' if verb == 'invite' else ''}")


def _merge(tx: Tx, who: Principal, contact: str, form: Form, *, now: datetime) -> None:
    """The one who is chosen turned out to be who is shown."""
    merging.merge(tx, who, str(form.get("other", "")), people.survivor(tx, contact), now=now)


def _unmerge(tx: Tx, who: Principal, _contact: str, form: Form, *, now: datetime) -> None:
    merging.unmerge(tx, who, str(form.get("other", "")), now=now)


def _this_is(tx: Tx, who: Principal, contact: str, form: Form, *, now: datetime) -> None:
    persons.this_is(tx, who, contact, str(form.get("address", "")), now=now)


def _disconnect(tx: Tx, who: Principal, contact: str, form: Form, *, now: datetime) -> None:
    persons.disconnect(tx, who, contact, str(form.get("address", "")), now=now)


def _invite(tx: Tx, who: Principal, contact: str, form: Form, *, now: datetime) -> None:
    persons.invite(tx, who, contact, str(form.get("channel", "")), now=now)


def _subscribe(tx: Tx, who: Principal, contact: str, form: Form, *, now: datetime) -> None:
    try:
        what = What(str(form.get("what", "")))
    except ValueError as error:
        raise invalid("/what", str(error)) from None
    persons.subscribe(tx, who, contact, what, now=now)


VERBS: Mapping[str, Callable[..., None]] = {
    "merge": _merge,
    "unmerge": _unmerge,
    "this-is": _this_is,
    "disconnect": _disconnect,
    "invite": _invite,
    "subscribe": _subscribe,
}


# --- Rooms --------------------------------------------------------------------------------------------------


async def show_rooms(request: web.Request) -> web.StreamResponse:
    """Rooms that wrote, those that spoke last first."""
    return await _rooms(request)


async def _rooms(request: web.Request, *, status: int = 200, refused: str = "") -> web.Response:
    site, who = request.app[SITE], staff(request)
    return site.pages.page(
        request,
        "inbox/rooms.html",
        status=status,
        view="rooms",
        given={},
        items=await site.db.read(rooms.listing, who),
        customers=await site.db.read(people.customers),
        refused=refused,
        **await around(request, who),
    )


async def act_on_room(request: web.Request) -> web.StreamResponse:
    """Bind it to a customer, or to nobody."""
    site, who = request.app[SITE], staff(request)
    room, verb = request.match_info["room"], request.match_info["verb"]
    form, _ = await files.form(request)
    if verb not in ("bind", "unbind"):
        raise web.HTTPNotFound
    try:
        if verb == "bind":
            await site.db.write(rooms.bind, who, room, str(form.get("customer", "")), now=now())
        else:
            await site.db.write(rooms.unbind, who, room, now=now())
    except Refused as error:
        return await _rooms(request, status=409, refused=error.code)
    except (Forbidden, Invalid) as error:
        refused = "leaders" if isinstance(error, Forbidden) else "unknown"
        return await _rooms(request, status=403 if isinstance(error, Forbidden) else 422, refused=refused)
    raise web.HTTPSeeOther("/desk/rooms")
