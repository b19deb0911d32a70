"""Twilio as a carrier of calls: everything it asks of us, and everything we ask of it."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from channels.phone import phrases
from channels.phone.twilio.account import Account
from channels.phone.twilio.calling_out import DIAL, Calling
from channels.phone.twilio.incoming import Incoming
from channels.phone.twilio.notes import Notes
from channels.phone.twilio.operators import LEG, Operators
from channels.phone.twilio.recordings import Recordings, alert
from channels.phone.twilio.sounds import Sounds, kind_of, music
from channels.phone.twilio.webhooks import Asked, Webhooks
from core.calling import Dial
from core.channel import Door
from core.envelope import Outgoing, Sent
from core.log import get_logger

DAY = 86_400.0  # seconds
FOR_LONG = "public, max-age=86400"

log = get_logger("phone")


@dataclass(slots=True, kw_only=True)
class TwilioCarrier:
    """See channels.phone.channel.Carrier."""

    account: Account
    hooks: Webhooks
    notes: Notes
    sounds: Sounds
    operators: Operators
    recordings: Recordings
    incoming: Incoming
    calling: Calling
    name: str = "twilio"

    async def run(self, door: Door) -> None:
        """Answer what Twilio asks, and fetch recordings; one process of those that share the notes does that."""
        await self.notes.forget(LEG, older=DAY)
        await self.notes.forget(DIAL, older=DAY)
        place = hashlib.sha256(f"{socket.gethostname()} {self.notes.folder}".encode()).hexdigest()[:16]
        self.hooks.door = door
        try:
            async with door.lease(f"recordings:{place}"):
                await self.recordings.work(door)
        finally:
            self.hooks.close()
            await self.operators.close()
            await self.account.rest.close()

    async def say(self, outgoing: Outgoing) -> Sent:
        """See Carrier."""
        return await self.calling.say(outgoing)

    async def dial(self, dial: Dial) -> None:
        """See Carrier."""
        await self.calling.dial(dial)

    def webhooks(self) -> Sequence[web.RouteDef]:
        """See Carrier. Sounds are fetched by GET, and by whoever has their address."""
        return [
            *self.incoming.routes(),
            *self.operators.routes(),
            *self.recordings.routes(),
            *self.calling.routes(),
            self.hooks.route("errors", self.errors),
            web.get("/in/twilio/music", self._music),
            web.post("/in/twilio/music", self._music),
            web.get("/in/twilio/sound", self._sound),
        ]

    async def errors(self, asked: Asked) -> str:
        """Something went wrong that Twilio noticed (its debugger): staff are told, with the call it was.

        What it sends along holds the request that failed, and so what a caller pressed: that is not kept.
        """
        if asked.text("Level", otherwise="ERROR").upper() != "ERROR":
            return ""
        code, resource = trouble(asked.text("Payload"))
        known = None
        if resource.startswith("CA"):
            known = await asked.door.switchboard.find(self.name, resource)
        log.error("Twilio reports an error", code=code, resource=resource, call=known)
        language, hour = self.hooks.language, asked.text("Timestamp")[:13]
        text = phrases.phrase(
            "trouble", language, code=code, resource=resource or "?", words=f"call {known}" if known else "-"
        )
        subject = phrases.phrase("trouble_subject", language, code=code)
        await asked.door.accept(alert(subject, text, external_id=f"errors/{code}/{resource or hour}"))
        return ""

    async def _music(self, _request: web.Request) -> web.Response:
        return web.Response(body=music(), content_type="audio/wav", headers={"Cache-Control": FOR_LONG})

    async def _sound(self, request: web.Request) -> web.Response:
        name, signature = request.query.get("name", ""), request.query.get("sig", "")
        if not self.sounds.right(name, signature):
            return web.Response(status=403, text="this address was not made by us\n")
        if self.hooks.door is None:
            return web.Response(status=503, headers={"Retry-After": "5"})
        try:
            content = await self.sounds.get(name, self.hooks.door.switchboard)
        except Exception as error:
            log.warning("a prompt could not be fetched", recording=name, error=type(error).__name__)
            return web.Response(status=404, text="there is no such sound\n")
        return web.Response(body=content, content_type=kind_of(content), headers={"Cache-Control": FOR_LONG})


def trouble(payload: str) -> tuple[str, str]:
    """Code and resource of an entry of Twilio's debugger; nothing else of it.

    >>> trouble('{"resource_sid": "CA1", "error_code": "11205", "webhook": {"request": {"parameters": {"Digits": "1"}}}}')
    ('11205', 'CA1')
    """
    try:
        said = json.loads(payload)
    except ValueError:
        return "?", ""
    if not isinstance(said, dict):
        return "?", ""
    code, resource = (str(said.get(name) or "") for name in ("error_code", "resource_sid"))
    return code if code.isdecimal() else "?", resource if resource.isalnum() else ""
