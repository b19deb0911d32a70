"""How do calls come in and go out? One channel of voice; carriers bring the calls, one for each way into the network."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp.web import RouteDef

from core.calling import Dial
from core.channel import DeliveryError, Door
from core.envelope import Address, Inbound, Kind, Outgoing, Sent
from core.log import get_logger

NAME = "phone"
FIRST_WAIT = 0.5  # seconds before a carrier that fell over is started again; doubled each time
LAST_WAIT = 60.0  # seconds
STOOD = 60.0  # seconds up, after which the waiting begins anew

log = get_logger("phone")


class Carrier(Protocol):
    """A way into the telephone network: Twilio, or a switch by SIP."""

    name: str
    """As `core.calling.Ringing.line` says it."""

    async def run(self, door: Door) -> None:
        """Take calls until cancelled. Raises when it cannot go on: it is started again, later."""
        ...

    async def say(self, outgoing: Outgoing) -> Sent:
        """Call the number of `outgoing.to` and speak the text. Raises DeliveryError."""
        ...

    async def dial(self, dial: Dial) -> None:
        """See core.calling.Line."""
        ...

    def webhooks(self) -> Sequence[RouteDef]:
        """What the provider asks of us by HTTP; empty where it does not."""
        ...


def read(raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]) -> Inbound:
    """What a line has to say beside its calls: something that staff should know of. The first line is its subject.

    Calls themselves do not come this way: they are answered while somebody waits, see core.calling.
    """
    text = raw.decode("utf-8", "replace").strip()
    if not text:
        message = "there is nothing in it"
        raise ValueError(message)
    number, said = str(arrival["sender"]), str(arrival["external_id"] or "")
    return Inbound(
        channel=NAME,
        kind=Kind.HUMAN if number else Kind.SYSTEM_NOTIFICATION,
        author=Address(number) if number else None,
        mailbox=next(iter(arrival["recipients"]), ""),
        subject=text.splitlines()[0][:200],
        text=text.partition("\n")[2].strip() or text,
        message_id=said,
        may_auto_reply=False,
        content_key=hashlib.sha256(f"{NAME}|{number}|{said}|{text}".encode()).hexdigest(),
    )


@dataclass(slots=True, kw_only=True)
class PhoneChannel:
    """See core.channel.Channel and core.calling.Line. The first carrier is the one that calls out."""

    carriers: Sequence[Carrier] = ()
    name: str = NAME
    reader: str = "channels.phone.channel:read"
    reader_options: Mapping[str, Any] = field(default_factory=dict)
    first_wait: float = FIRST_WAIT
    down: dict[str, str] = field(default_factory=dict)
    """Why, by carrier: those that fell over and have not stood up again."""

    async def run(self, door: Door) -> None:
        """Keep every carrier up until cancelled; one that falls takes no other down."""
        async with asyncio.TaskGroup() as tasks:
            for carrier in self.carriers:
                tasks.create_task(self._keep_up(carrier, door), name=f"carrier-{carrier.name}")
            if not self.carriers:
                await asyncio.Event().wait()

    def ready(self) -> bool:
        """Does every carrier stand?"""
        return not self.down

    async def send(self, outgoing: Outgoing) -> Sent:
        """Call somebody and speak; without a carrier the message is kept, and the softphone shows it."""
        if not self.carriers:
            return Sent(detail="kept: no carrier")
        return await self.carriers[0].say(outgoing)

    async def dial(self, dial: Dial) -> None:
        """See core.calling.Line."""
        if not self.carriers:
            message = "there is no telephone line: set up channels.phone or channels.sip"
            raise DeliveryError(message, permanent=True)
        await self.carriers[0].dial(dial)

    def webhooks(self) -> Sequence[RouteDef]:
        """Of all carriers."""
        return [route for carrier in self.carriers for route in carrier.webhooks()]

    async def _keep_up(self, carrier: Carrier, door: Door) -> None:
        wait = self.first_wait
        while True:
            started = time.monotonic()
            try:
                await carrier.run(door)
                self.down[carrier.name] = "it ended by itself"
            except Exception as error:
                self.down[carrier.name] = f"{type(error).__name__}: {error}"
                log.exception("a carrier fell over and is started again", carrier=carrier.name, after=wait)
            if time.monotonic() - started > STOOD:
                wait = self.first_wait
            await asyncio.sleep(wait)
            wait = min(2 * wait, LAST_WAIT)
            self.down.pop(carrier.name, None)
