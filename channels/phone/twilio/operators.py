"""How is a member of staff rung for a waiting caller? A call of its own that whispers, and connects when they press 1.

A mobile's voicemail never presses 1, so it never takes a caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from channels.phone import phrases
from channels.phone.twilio.account import Account
from channels.phone.twilio.notes import Notes
from channels.phone.twilio.rest import Refused
from channels.phone.twilio.twiml import Renderer
from channels.phone.twilio.webhooks import AGAIN, Asked, Webhooks
from core.calling import OperatorLeg, Switchboard
from core.channel import DeliveryError
from core.log import get_logger

LEG = "leg"
NOT_IN_PROGRESS = 21220
"""Twilio: this call is over."""

Outcome = Literal["accepted", "declined", "busy", "no_answer", "failed"]
OUTCOMES: dict[str, Outcome] = {
    "busy": "busy",
    "no-answer": "no_answer",
    "canceled": "no_answer",
    "failed": "failed",
    "completed": "declined",
}
"""From the final state of a call that nobody pressed 1 in."""

log = get_logger("phone")


@dataclass(slots=True, kw_only=True)
class Operators:
    """The telephones of staff that ring just now."""

    account: Account
    hooks: Webhooks
    notes: Notes
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def routes(self) -> Sequence[web.RouteDef]:
        """See channels.phone.channel.Carrier."""
        return [
            self.hooks.route("voice/operator", self.pressed),
            self.hooks.route("voice/operator/status", self.status),
            self.hooks.route("voice/operator/end", self.end),
        ]

    def ring(self, leg: OperatorLeg, *, call: str, seq: int, customer: str, switchboard: Switchboard) -> None:
        """Begin to ring; what comes of it is told to the switchboard."""
        self.start(self._ring(leg, call, seq, customer, switchboard), f"ring-{leg.offer}")

    def let_go(self, offer: str) -> None:
        """Somebody else was quicker: stop ringing."""
        self.start(self._let_go(offer), f"let-go-{offer}")

    async def _ring(
        self, leg: OperatorLeg, call: str, seq: int, customer: str, switchboard: Switchboard
    ) -> None:
        url, language = self.account.url, leg.whisper[0].language if leg.whisper else phrases.FIRST
        facts = {"offer": leg.offer, "call": call, "seq": seq, "customer": customer, "lang": language}
        whisper = Renderer(url=url).whisper(
            leg.whisper, phrases.words("press_one", language), action=url("voice/operator", **facts)
        )
        try:
            if not await self.notes.begin(LEG, leg.offer):
                return  # rung already, when the same was asked before
            made = await self.account.rest.ask(
                lambda twilio: twilio.calls.create_async(
                    to=leg.address,
                    from_=self.account.number,
                    twiml=whisper,
                    timeout=leg.ring_seconds,
                    status_callback=url("voice/operator/status", offer=leg.offer),
                    status_callback_method="POST",
                    status_callback_event=["completed"],
                )
            )
            await self.notes.keep(LEG, leg.offer, {"sid": made.sid})
        except (DeliveryError, OSError) as error:
            log.warning("a member of staff could not be rung", offer=leg.offer, reason=str(error))
            await switchboard.operator(leg.offer, "failed")

    async def _let_go(self, offer: str) -> None:
        """Where we do not know their call, of another hub, it rings out, and whoever presses 1 is told."""
        known = await self.notes.get(LEG, offer)
        if known is None or not known.get("sid") or known.get("over"):
            return
        sid = known["sid"]
        await self.notes.keep(LEG, offer, known | {"over": True})
        try:
            await self.account.rest.ask(lambda twilio: twilio.calls(sid).update_async(status="completed"))
        except DeliveryError as error:
            log.info("a telephone that rang could not be stopped", offer=offer, reason=str(error))

    async def pressed(self, asked: Asked) -> str:
        """The whisper is over: with 1, with another key, or with nothing."""
        offer, call, seq = asked.ours("offer"), asked.ours("call"), asked.number("seq")
        facts = {name: asked.ours(name) for name in ("offer", "call", "customer", "lang")}
        digits = asked.text("Digits") or asked.ours("pressed")  # no secret: it may stand in the address
        again = self.account.url(
            "voice/operator", **facts, seq=seq, pressed=digits, **{AGAIN: asked.again + 1}
        )
        answer: Outcome = "accepted" if digits == "1" else "declined" if digits else "no_answer"

        async def work() -> str:
            return await self._answered(asked, offer, answer)

        return await self.hooks.within(f"operator {offer} {call}", asked, work, again=again)

    async def _answered(self, asked: Asked, offer: str, answer: Outcome) -> str:
        url, language = self.account.url, asked.ours("lang", phrases.FIRST)
        call, seq, customer = asked.ours("call"), asked.number("seq"), asked.ours("customer")
        known = await self.notes.get(LEG, offer) or {"sid": ""}
        taken = await asked.door.switchboard.operator(offer, answer)
        await self.notes.keep(LEG, offer, known | {"over": True})
        if not taken.connect:
            quicker = (phrases.words("somebody_was_quicker", language),) if answer == "accepted" else ()
            return Renderer(url=url).bye(taken.say or quicker)
        bridge = url("voice/bridge", call=call, seq=seq, record="1" if taken.record else "")
        self.start(
            self._fetch(customer, bridge, operator=asked.text("CallSid"), language=language), f"fetch-{call}"
        )
        return Renderer(url=url).conference(
            call, say=taken.say, first=False, action=url("voice/operator/end"), record=taken.record
        )

    async def _fetch(self, customer: str, bridge: str, *, operator: str, language: str) -> None:
        """Take the caller from the music into the room; if this fails they come by themselves, as they ask us soon."""
        try:
            await self.account.rest.ask(
                lambda twilio: twilio.calls(customer).update_async(url=bridge, method="POST")
            )
        except Refused as error:
            if error.code == NOT_IN_PROGRESS:
                await self.say_and_hang_up(operator, "caller_left", language)
            else:
                log.warning("a caller could not be fetched from the music", reason=str(error))
        except DeliveryError as error:
            log.warning("a caller could not be fetched from the music", reason=str(error))

    async def say_and_hang_up(self, sid: str, sentence: str, language: str) -> None:
        """Tell somebody who waits in a room that nobody will come."""
        document = Renderer(url=self.account.url).bye((phrases.words(sentence, language),))
        try:
            await self.account.rest.ask(lambda twilio: twilio.calls(sid).update_async(twiml=document))
        except DeliveryError as error:
            log.info("a member of staff could not be told", reason=str(error))

    async def status(self, asked: Asked) -> str:
        """Their call ended; if nobody pressed 1 in it, that is an answer too."""
        offer, state = asked.ours("offer"), asked.text("CallStatus")
        if state not in OUTCOMES:
            return ""
        known = await self.notes.get(LEG, offer) or {"sid": asked.text("CallSid")}
        if not known.get("over"):
            await asked.door.switchboard.operator(offer, OUTCOMES[state])
            await self.notes.keep(LEG, offer, known | {"over": True})
        return ""

    async def end(self, asked: Asked) -> str:
        """The conversation is over."""
        return Renderer(url=self.account.url).bye()

    def start(self, work: Any, name: str) -> None:
        """Do something beside what is answered now: Twilio waits for us, so nothing waits for Twilio."""
        task = asyncio.get_running_loop().create_task(_logged(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Until everything that was begun is done."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        """End what is begun."""
        for task in set(self._tasks):
            task.cancel()
        await self.settled()


async def _logged(work: Any, name: str) -> None:
    try:
        await work
    except Exception as error:
        log.error("something beside a call failed", what=name, error=type(error).__name__)
