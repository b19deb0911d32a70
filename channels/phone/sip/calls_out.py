"""How do we call somebody: to tell them something, or to connect a member of staff with a customer?"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from channels.phone import sounds
from channels.phone.sip.caller import tell_end
from channels.phone.sip.engine import Leg, NotAnswered, Refusal, first
from channels.phone.sip.pump import Bridge
from channels.phone.sip.service import Service, persistent
from core.calling import Dial, Words
from core.channel import DeliveryError
from core.envelope import Outgoing, Sent
from core.log import get_logger

BEFORE = 1.0  # seconds between somebody's answer and our first word: they say who they are
BETWEEN = 1.5  # between the first time and the second
AGAIN_AFTER = {"busy": 300.0, "no_answer": 900.0, "declined": 900.0, "failed": 600.0}  # seconds
NOBODY = frozenset({404, 410, 484, 604})  # RFC 3261 21.4, 21.6: this number will not answer tomorrow either

log = get_logger("phone")


async def tell(outgoing: Outgoing, service: Service) -> Sent:
    """Call, and say the text twice. Raises DeliveryError where nobody heard it once."""
    words = Words(text=outgoing.text, language=outgoing.language)
    said = await service.sound(words)
    if not said:
        raise DeliveryError("the text could not be spoken", retry_after=AGAIN_AFTER["failed"])
    try:
        leg = await service.engine.ring(outgoing.to.address)
    except NotAnswered as error:
        raise DeliveryError(
            f"not answered: {error}", permanent=error.status in NOBODY, retry_after=AGAIN_AFTER[error.how]
        ) from error
    try:
        await _play(leg, sounds.silence(BEFORE) + said)
        if leg.gone.is_set():
            raise DeliveryError("they hung up before they had heard it", retry_after=AGAIN_AFTER["declined"])
        await _play(leg, sounds.silence(BETWEEN) + said)
    finally:
        await asyncio.shield(leg.hang_up())
    return Sent(remote_id=leg.id, detail="answered, and told")


async def connect(dial: Dial, service: Service) -> None:
    """Call the member of staff, and the customer when they press 1; both talk until one hangs up."""
    switchboard = service.switchboard
    try:
        operator = await service.engine.ring(dial.operator)
    except NotAnswered as error:
        await _tell(dial, error.how, service)
        return
    try:
        how = await service.takes(operator, dial.whisper)
        if how != "accepted":
            await _tell(dial, how, service)
            return
        said = await persistent(lambda: switchboard.dialled(dial.call, "operator"))
        if not dial.number:
            await service.speak(operator, said)
            return
        customer = await _customer(dial, operator, service)
        if customer is not None:
            await _talk(dial, operator, customer, service)
    finally:
        await asyncio.shield(operator.hang_up())


async def _customer(dial: Dial, operator: Leg, service: Service) -> Leg | None:
    operator.stream.repeat(sounds.ringback())
    ringing = asyncio.create_task(service.engine.ring(dial.number))
    await first(asyncio.wait([ringing]), operator.gone.wait())
    if not ringing.done():  # the operator thought better of it
        ringing.cancel()
        await asyncio.wait([ringing])
        await _tell(dial, "failed", service)
        return None
    try:
        return ringing.result()
    except NotAnswered as error:
        await _tell(dial, error.how, service)
        await _play(operator, sounds.engaged())
        return None


async def _talk(dial: Dial, operator: Leg, customer: Leg, service: Service) -> None:
    tape = service.recordings.stereo(dial.call) if dial.record else None
    bridge = Bridge(customer.stream, operator.stream, tape)
    bridge.open()
    try:
        await persistent(lambda: service.switchboard.dialled(dial.call, "connected"))
        await first(operator.gone.wait(), customer.gone.wait())
    finally:
        at = datetime.now(UTC)
        bridge.close()
        await asyncio.shield(customer.hang_up())
        if tape is not None:
            tape.end(service.switchboard)
        await asyncio.shield(tell_end(service, dial.call, at=at, cause=customer.why))


async def _play(leg: Leg, pcm: bytes) -> None:
    await first(leg.stream.play(pcm), leg.gone.wait())


async def _tell(dial: Dial, how: Refusal, service: Service) -> None:
    log.info("a call out was not connected", call=dial.call, how=how)
    await persistent(lambda: service.switchboard.dialled(dial.call, how))
