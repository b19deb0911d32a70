"""How do devices report? By HTTP at /in/alerts/SOURCE, where what they send is stored before it is acknowledged; and on ports for lines and traps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from channels.monitoring import back as returning
from channels.monitoring.decoding import SIZE
from channels.monitoring.listening import Ports
from core.alerting import GoingBack
from core.channel import DeliveryError, Door, NoSuchSource, NotAdmitted, Unavailable
from core.envelope import Arrival, Claims, Outgoing, Sent
from core.log import get_logger

PATH = "/in/alerts/{source}"
BODY_TIME = 30.0  # seconds a body may take to arrive
AGAIN_AFTER = 5  # seconds that a sender is asked to wait while nothing can be stored
KEPT_HEADERS = ("content-type", "content-encoding", "user-agent")
"""Beside those that begin with `ce-` or `x-amz-sns-`: never what proves who sends."""
_SECRETS = ("secret", "token")
"""Names in a query under which devices that cannot set headers say it."""

log = get_logger("monitoring")


@dataclass(slots=True, kw_only=True)
class MonitoringChannel:
    """Takes in what devices report. It sends nothing: what goes back to a device is asked of its interface."""

    name: str = "monitoring"
    reader: str = "channels.monitoring.read:read"
    device_reader: str = "channels.monitoring.read:read"
    ports: Ports | None = None
    _door: Door | None = field(default=None, repr=False)

    @property
    def reader_options(self) -> Mapping[str, Any]:
        """See core.channel.Channel: the source's own come from the desk."""
        return {}

    @property
    def down(self) -> Mapping[str, str]:
        """What of it does not work, and why."""
        return self.ports.down if self.ports is not None else {}

    async def run(self, door: Door) -> None:
        """See core.channel.Channel."""
        self._door = door
        try:
            if self.ports is not None:
                await self.ports.run(door)
            else:
                await asyncio.Event().wait()
        finally:
            self._door = None

    async def send(self, outgoing: Outgoing) -> Sent:
        """See core.channel.Channel."""
        raise DeliveryError("nobody reads messages on a device", permanent=True)

    async def give_back(self, back: GoingBack) -> None:
        """See core.channel.Returning."""
        await returning.give_back(back)

    async def still_fires(self, back: GoingBack) -> bool:
        """See core.channel.Returning."""
        return await returning.still_fires(back)

    def webhooks(self) -> Sequence[web.RouteDef]:
        """Where devices report."""
        return [web.post(PATH, self._take), web.get(PATH, self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        """202 once it is stored, whatever it may mean: who is told 4xx for a shape we do not know drops it for ever."""
        if self._door is None:
            return _later("the hub is starting")
        if (request.content_length or 0) > SIZE:
            return _told(413, f"at most {SIZE} bytes")
        try:
            async with asyncio.timeout(BODY_TIME):
                raw = await request.content.read(SIZE + 1) if request.can_read_body else b""
                while request.can_read_body and len(raw) <= SIZE and not request.content.at_eof():
                    raw += await request.content.read(SIZE + 1 - len(raw))
        except TimeoutError:
            return _told(408, "the body took too long")
        if len(raw) > SIZE:
            return _told(413, f"at most {SIZE} bytes")
        try:
            stored = await self._door.accept(_arrival(request, raw))
        except NoSuchSource:
            return _told(404, "there is no such alert source: create it, or correct the address")
        except NotAdmitted:
            return _told(401, "not admitted: send Authorization: Bearer SECRET, or ?secret=SECRET")
        except Unavailable as error:
            return _later(str(error))
        return web.json_response({"status": "stored", "id": stored}, status=202)


def _arrival(request: web.Request, raw: bytes) -> Arrival:
    headers = {name.lower(): value for name, value in request.headers.items()}
    kept = {
        name: value[:1000]
        for name, value in headers.items()
        if name in KEPT_HEADERS or name.startswith(("ce-", "x-amz-sns-"))
    }
    peer = request.remote or ""
    query = {name: value for name, value in request.query.items() if name not in _SECRETS}
    return Arrival(
        channel="monitoring",
        raw=raw,
        received_at=datetime.now(UTC),
        external_id=headers.get("x-amz-sns-message-id") or headers.get("ce-id") or None,
        envelope={"headers": kept, "query": query, "peer": peer},
        claims=Claims(source=request.match_info["source"], secret=_secret(request), peer=peer),
    )


def _secret(request: web.Request) -> str:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    return next((request.query[name] for name in _SECRETS if name in request.query), "")


def _told(status: int, what: str) -> web.Response:
    return web.json_response({"error": what}, status=status)


def _later(why: str) -> web.Response:
    log.warning("a device could not be heard", reason=why)
    answer = _told(503, why)
    answer.headers["Retry-After"] = str(AGAIN_AFTER)
    return answer
