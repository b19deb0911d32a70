"""One channel of voice: carriers bring the calls, and none of them takes another down."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from channels.phone.channel import PhoneChannel, read
from core.calling import Dial
from core.channel import DeliveryError
from core.envelope import Address, Kind, Outgoing, Sent
from tests.fakes import FakeDoor


@dataclass
class FakeCarrier:
    name: str
    breaks_with: Exception | None = None
    starts: int = 0
    running: asyncio.Event = field(default_factory=asyncio.Event)
    said: list = field(default_factory=list)

    async def run(self, door):
        self.starts += 1
        if self.breaks_with is not None:
            raise self.breaks_with
        self.running.set()
        await asyncio.Event().wait()

    async def say(self, outgoing):
        self.said.append(outgoing)
        return Sent(detail=f"said by {self.name}")

    async def dial(self, dial):
        self.said.append(dial)

    def webhooks(self):
        return [web.post(f"/in/{self.name}", lambda _: None)]


@asynccontextmanager
async def running(channel):
    task = asyncio.create_task(channel.run(FakeDoor()))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def to_say(to="+390612345678", **more):
    return Outgoing(
        **{
            "delivery_id": "d1",
            "channel": "phone",
            "ref": "agew4v2ugb3dxhro77e4yp5elu",
            "kind": "reply",
            "automatic": False,
            "to": Address(to),
            "subject": "Printer",
            "text": "The printer works again.",
            "language": "en",
            "ticket_number": "26-000001",
            "reply_token": None,
            "bounce_token": "agew4v2ugb3dxhro77e4yp5elu",
            **more,
        }
    )


A_DIAL = Dial(call="c1", operator="+390611111111", number="+390622222222", whisper=(), language="it")


async def test_the_first_carrier_speaks_and_dials() -> None:
    first, second = FakeCarrier("one"), FakeCarrier("two")
    channel = PhoneChannel(carriers=[first, second])

    sent = await channel.send(to_say())
    await channel.dial(A_DIAL)

    assert sent.detail == "said by one"
    assert first.said == [to_say(), A_DIAL]
    assert second.said == []


async def test_without_a_carrier_what_would_be_said_is_kept_and_nobody_can_be_called() -> None:
    channel = PhoneChannel()

    sent = await channel.send(to_say())

    assert sent.detail == "kept: no carrier"
    with pytest.raises(DeliveryError, match=r"set up channels\.phone") as refused:
        await channel.dial(A_DIAL)
    assert refused.value.permanent


async def test_the_webhooks_of_all_carriers_are_the_channels() -> None:
    channel = PhoneChannel(carriers=[FakeCarrier("one"), FakeCarrier("two")])

    assert [route.path for route in channel.webhooks()] == ["/in/one", "/in/two"]


async def test_a_carrier_that_falls_over_is_started_again_and_takes_no_other_down() -> None:
    weak, strong = FakeCarrier("weak", breaks_with=OSError("no line")), FakeCarrier("strong")
    channel = PhoneChannel(carriers=[weak, strong], first_wait=0.01)

    async with running(channel):
        await asyncio.wait_for(strong.running.wait(), 5)
        assert channel.down == {"weak": "OSError: no line"}
        assert not channel.ready()
        weak.breaks_with = None
        await asyncio.wait_for(weak.running.wait(), 5)

        assert channel.ready()
    assert (weak.starts, strong.starts) == (2, 1)


def test_what_a_line_has_to_say_is_a_message_of_nobody() -> None:
    said = read(
        b"Trouble\nTwilio reports 11205", {"sender": "", "recipients": [], "external_id": "errors/1"}, {}
    )

    assert (said.channel, said.author, said.kind) == ("phone", None, Kind.SYSTEM_NOTIFICATION)
    assert (said.subject, said.text) == ("Trouble", "Twilio reports 11205")
    assert not said.may_auto_reply
    with pytest.raises(ValueError, match="nothing in it"):
        read(b" ", {"sender": "+39", "recipients": [], "external_id": None}, {})
