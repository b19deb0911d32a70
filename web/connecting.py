"""What does somebody see behind the link of an invitation? A button, and behind that a code for their account of a chat."""

from __future__ import annotations

from aiohttp import web

from core.channel import Linking
from core.desk import linking
from core.desk.errors import Refused
from core.desk.principal import Principal
from web import guard
from web.account import Offered
from web.sign_in import MAX_FIELD
from web.site import SITE, now


def routes(app: web.Application) -> None:
    """Add the pages. They need no log-in: the link is the proof, and it shows nothing but a name."""
    app.router.add_get("/connect/{channel}", show)
    app.router.add_post("/connect/{channel}", accept)


async def show(request: web.Request) -> web.StreamResponse:
    """The button. Looking at it uses nothing up."""
    channel = _channel(request)
    token = request.query.get("token", "")[:MAX_FIELD]
    who = await request.app[SITE].db.read(linking.invited, token, channel.name, now=now())
    return _page(request, channel, token=token, person=who)


async def accept(request: web.Request) -> web.StreamResponse:
    """The code, shown once."""
    site, channel = request.app[SITE], _channel(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    token = str(form.get("token", ""))[:MAX_FIELD]
    try:
        issued = await site.db.write(linking.accept, token, channel.name, now=now())
    except Refused:
        issued = None
    if issued is None:
        return _page(request, channel)
    url = channel.link(issued.code)
    return _page(request, channel, offered=Offered(channel=channel.name, url=url, **issued._asdict()))


def _channel(request: web.Request) -> Linking:
    channel = request.app[SITE].linking.get(request.match_info["channel"])
    if channel is None:
        raise web.HTTPNotFound
    return channel


def _page(
    request: web.Request,
    channel: Linking,
    *,
    token: str = "",
    person: Principal | None = None,
    offered: Offered | None = None,
) -> web.Response:
    return request.app[SITE].pages.page(
        request,
        "connect.html",
        status=200 if person or offered else 404,
        channel=channel.name,
        token=token,
        person=person,
        offered=offered,
    )
