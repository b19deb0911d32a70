"""How do devices report? By HTTP at /in/alerts/SOURCE, where what they send is stored before it is acknowledged; and on ports for lines and traps."""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from channels.monitoring import answers
from channels.monitoring import back as returning
from channels.monitoring.decoding import SIZE
from channels.monitoring.kinds import AUTO, SIGNED
from channels.monitoring.listening import Ports
from channels.monitoring.pace import Pace
from channels.monitoring.sns import Refused, Vouching
from channels.monitoring.sns import read as read_sns
from channels.monitoring.source import Source
from core.alerting import GoingBack
from core.channel import DeliveryError, Door, Knock, NoSuchSource, NotAdmitted, Unavailable
from core.envelope import Arrival, Claims, Outgoing, Sent
from core.log import get_logger

PATH = "/in/alerts/{source}"
OF_ALERT = PATH + r"/{alert:[\w.-]{1,100}}"
"""Where the older plug-in of vRealize Operations puts the id of the alert behind the address it was given."""
BODY_TIME = 30.0  # seconds a body may take to arrive
AGAIN_AFTER = 5  # seconds that a sender is asked to wait while nothing can be stored
KEPT_HEADERS = ("content-type", "content-encoding", "user-agent")
"""Beside those that begin with `ce-` or `x-amz-sns-`: never what proves who sends."""
_SECRETS = ("secret", "token")
"""Names in a query under which devices that cannot set headers say it."""

NOBODY = "there is no such alert source: create it, or correct the address"
WHO = "not admitted: send Authorization: Bearer SECRET, or ?secret=SECRET, or sign it as the source says"

log = get_logger("monitoring")


@dataclass(slots=True, kw_only=True)
class MonitoringChannel:
    """Takes in what devices report. It sends nothing: what goes back to a device is asked of its interface."""

    name: str = "monitoring"
    reader: str = "channels.monitoring.read:read"
    device_reader: str = "channels.monitoring.read:read"
    ports: Ports | None = None
    sns: Vouching = field(default_factory=Vouching, repr=False)
    pace: Pace = field(default_factory=Pace, repr=False)
    _door: Door | None = field(default=None, repr=False)

    @property
    def reader_options(self) -> Mapping[str, Any]:
        """See core.channel.Channel: the source's own come from the desk."""
        return {}

    @property
    def down(self) -> Mapping[str, str]:
        """What of it does not work, and why."""
        return self.ports.down if self.ports is not None else {}

    @property
    def ways(self) -> Sequence[str]:
        """See core.channel.Listening."""
        return [one.way for one in self.ports.listeners] if self.ports is not None else []

    async def knock(self, way: str, knock: Knock) -> bool:
        """See core.channel.Listening."""
        assert self.ports is not None
        return await self.ports.knock(way, knock)

    def lost(self, within: float) -> Mapping[str, int]:
        """See core.channel.Listening."""
        return self.ports.gathering.lost(within) if self.ports is not None else {}

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

    async def vouch(
        self, raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """See core.channel.Vouched. Only SNS signs in a way that needs a certificate to be fetched."""
        source = Source(**options["source"])
        if source.kind != SIGNED and not (source.kind == AUTO and read_sns(raw) is not None):
            return {}
        try:
            await self.sns.vouch(raw, source, now=arrival["received_at"])
        except Refused as why:
            return {"proved": str(why)}
        except DeliveryError as error:
            if not error.permanent:
                raise
            return {"proved": f"SNS was asked, and {error}"}
        return {"proved": True}

    def webhooks(self) -> Sequence[web.RouteDef]:
        """Where devices report."""
        return [
            web.post(PATH, self._take),
            web.get(PATH, self._take),
            web.options(PATH, self._asked),
            web.post(f"{PATH}/v2/enqueue", self._enqueue),
            web.post(OF_ALERT, self._of_alert),
            web.put(OF_ALERT, self._of_alert),
        ]

    async def _take(self, request: web.Request) -> web.Response:
        """202 once it is stored, whatever it may mean: who is told 4xx for a shape we do not know drops it for ever."""
        raw = await _body(request)
        if isinstance(raw, web.Response):
            return raw
        stored = await self._store(request, raw, _secret(request))
        if isinstance(stored, web.Response):
            return stored
        answer: dict[str, Any] = {"status": "stored", "id": stored}
        if number := await self._number(request.match_info["source"], answers.zabbix_key(raw)):
            answer["tags"] = {"__ticket": number}
        return web.json_response(answer, status=202)

    async def _of_alert(self, request: web.Request) -> web.StreamResponse:
        """An alert of vRealize Operations: POST makes it and wants to hear 201, PUT changes it. All that counts is in the body."""
        answer = await self._take(request)
        if request.method == "POST" and answer.status == 202:  # noqa: PLR2004
            answer.set_status(201)
        return answer

    async def _enqueue(self, request: web.Request) -> web.Response:
        """Tools that speak to PagerDuty speak here as well: the routing key is the secret."""
        raw = await _body(request)
        if isinstance(raw, web.Response):
            return raw
        try:
            event = answers.enqueued(raw, _named(request))
        except ValueError as error:
            return web.json_response(answers.invalid(str(error)), status=400)
        stored = await self._store(request, event.raw, event.secret)
        return (
            stored
            if isinstance(stored, web.Response)
            else web.json_response(answers.taken(event), status=202)
        )

    async def _asked(self, request: web.Request) -> web.Response:
        """Who sends events asks first, with the same secret as later."""
        if self._door is None:
            return _later("the hub is starting")
        try:
            await self._door.admits(_claims(request, _secret(request)))
        except NoSuchSource:
            return _told(404, NOBODY)
        except NotAdmitted:
            return _told(401, WHO)
        except Unavailable as error:
            return _later(str(error))
        await self._learn(self._door)
        rate = self.pace.of(request.match_info["source"]).rate
        return web.Response(status=200, headers=answers.allowed(request.headers, rate=rate))

    async def _store(self, request: web.Request, raw: bytes, secret: str) -> str | web.Response:
        """Its number; or why it is not stored."""
        if self._door is None:
            return _later("the hub is starting")
        within = self.pace.keeps(request.match_info["source"])
        try:
            stored = await self._door.accept(_arrival(request, raw, secret))
        except NoSuchSource:
            return _told(404, NOBODY)
        except NotAdmitted:
            return _told(401, WHO)
        except Unavailable as error:
            return _later(str(error), status=503 if within else 429)
        await self._learn(self._door)
        return stored

    async def _learn(self, door: Door) -> None:
        """What is agreed with each source, while that can be asked."""
        if self.pace.ask():
            with suppress(Unavailable):
                self.pace.agreed = await door.paces()

    async def _number(self, source: str, dedup_key: str) -> str:
        """Of the ticket that a problem has already. What is stored is acknowledged, even if nobody can say this now."""
        if not dedup_key or self._door is None:
            return ""
        try:
            return await self._door.ticket_of(source, dedup_key)
        except Unavailable:
            return ""


async def _body(request: web.Request) -> bytes | web.Response:
    """The bytes; or why they are not taken."""
    if (request.content_length or 0) > SIZE:
        return _told(413, f"at most {SIZE} bytes")
    try:
        async with asyncio.timeout(BODY_TIME):
            raw = await request.content.read(SIZE + 1) if request.can_read_body else b""
            while request.can_read_body and len(raw) <= SIZE and not request.content.at_eof():
                raw += await request.content.read(SIZE + 1 - len(raw))
    except TimeoutError:
        return _told(408, "the body took too long")
    return raw if len(raw) <= SIZE else _told(413, f"at most {SIZE} bytes")


def _arrival(request: web.Request, raw: bytes, secret: str) -> Arrival:
    headers = _named(request)
    kept = {
        name: value[:1000]
        for name, value in headers.items()
        if name in KEPT_HEADERS or name.startswith(("ce-", "x-amz-sns-"))
    }
    query = {name: value for name, value in request.query.items() if name not in _SECRETS}
    return Arrival(
        channel="monitoring",
        raw=raw,
        received_at=datetime.now(UTC),
        external_id=_delivery(headers),
        envelope={"headers": kept, "query": query, "peer": request.remote or ""},
        claims=_claims(request, secret),
    )


def _delivery(headers: Mapping[str, str]) -> str | None:
    """What the sender calls this message: of an event of CloudEvents its source and id together (1.0.2, id); None: it does not say."""
    if sns := headers.get("x-amz-sns-message-id"):
        return sns
    if event := headers.get("ce-id"):
        return f"{headers.get('ce-source', '')} {event}"
    return None


def _claims(request: web.Request, secret: str) -> Claims:
    return Claims(
        source=request.match_info["source"],
        secret=secret,
        peer=request.remote or "",
        headers=_named(request),
    )


def _named(request: web.Request) -> dict[str, str]:
    """Its headers by name, in lower case."""
    return {name.lower(): value for name, value in request.headers.items()}


def _secret(request: web.Request) -> str:
    """A bearer's, the password of who can only say user and password, or in the address."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    if kind.lower() == "basic":
        try:
            return b64decode(given.strip(), validate=True).decode("utf-8", "replace").partition(":")[2]
        except binascii.Error:
            return ""
    return next((request.query[name] for name in _SECRETS if name in request.query), "")


def _told(status: int, what: str) -> web.Response:
    return web.json_response({"error": what}, status=status)


def _later(why: str, *, status: int = 503) -> web.Response:
    log.warning("a device could not be heard", reason=why)
    answer = _told(status, why)
    answer.headers["Retry-After"] = str(AGAIN_AFTER)
    return answer
