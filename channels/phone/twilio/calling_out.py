"""How does the desk call somebody? It speaks a message, or brings a member of staff and a customer together."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from aiohttp import web

from channels.phone import phrases
from channels.phone.twilio.account import Account
from channels.phone.twilio.incoming import FINAL
from channels.phone.twilio.notes import Notes
from channels.phone.twilio.operators import Operators
from channels.phone.twilio.rest import Refused
from channels.phone.twilio.texts import send_text
from channels.phone.twilio.twiml import Renderer, inline, spoken
from channels.phone.twilio.webhooks import AGAIN, Asked, Webhooks
from core.calling import Dial, Switchboard, Words
from core.channel import DeliveryError
from core.envelope import Outgoing, Sent
from core.log import get_logger
from core.rules.calling_hours import may_call

DIAL = "dial"
LOOK_EVERY = 3.0  # seconds between looks at a call that we wait for
WITHIN = 240.0  # seconds until we wait no longer; the hub gives a send 300
RING = 30  # seconds
WAITS = {"busy": 5 * 60.0, "no-answer": 30 * 60.0, "canceled": 5 * 60.0, "failed": 15 * 60.0}
"""Seconds until the same is tried again, by how the call ended."""
TALKING = 2 * 60.0  # seconds until somebody is called who is in a call with us
MACHINES = ("machine_end_beep", "machine_end_silence", "machine_end_other")
"""What Twilio says when a machine has said its words and listens."""
DIALLED: dict[str, Literal["busy", "no_answer", "failed"]] = {
    "busy": "busy",
    "no-answer": "no_answer",
    "canceled": "no_answer",
    "failed": "failed",
}
RANKS = {"queued": 0, "initiated": 0, "ringing": 1, "in-progress": 2, "answered": 2}
FINAL_RANK = 3
REMEMBERED = 1000  # calls whose last state is known

log = get_logger("phone")


@dataclass(slots=True, kw_only=True)
class Calling:
    """Calls that the desk makes."""

    account: Account
    hooks: Webhooks
    operators: Operators
    notes: Notes
    zone: ZoneInfo
    on_machine: str = "message"
    look_every: float = LOOK_EVERY
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _news: dict[str, asyncio.Event] = field(default_factory=dict)
    """By call, of those that somebody here waits for."""
    _ranks: dict[str, int] = field(default_factory=dict)

    def routes(self) -> Sequence[web.RouteDef]:
        """See channels.phone.channel.Carrier."""
        return [
            self.hooks.route("voice/said", self.said),
            self.hooks.route("voice/dialled", self.pressed),
            self.hooks.route("voice/dialled/operator", self.operator_status),
            self.hooks.route("voice/dialled/customer", self.customer_status),
        ]

    # --- A message that is spoken -----------------------------------------------------------------------------

    async def say(self, outgoing: Outgoing) -> Sent:
        """Call the number and speak the text; what comes of it is known when this returns. Raises DeliveryError."""
        number = outgoing.to.address
        self._decent(number)
        if await self._talking(number):
            raise DeliveryError("they are in a call just now", retry_after=TALKING)
        document = self._message(outgoing)
        callback = self.account.url("voice/said")
        made: Any = await self.account.rest.ask(
            lambda twilio: twilio.calls.create_async(
                to=number,
                from_=self.account.number,
                twiml=document,
                timeout=RING,
                machine_detection="DetectMessageEnd",
                async_amd="true",
                async_amd_status_callback=callback,
                async_amd_status_callback_method="POST",
                status_callback=callback,
                status_callback_method="POST",
                status_callback_event=["completed"],
            )
        )
        return await self._outcome(str(made.sid), outgoing, document)

    def _decent(self, number: str) -> None:
        now = self.clock()
        decided = may_call(number, now=now, home=self.zone)
        if decided.reason == "no_number":
            raise DeliveryError("this is no telephone number in full", permanent=True)
        if not decided.now:
            wait = (decided.at - now).total_seconds()
            raise DeliveryError(
                f"nobody is called at this hour ({decided.country} {decided.reason})", retry_after=wait
            )

    async def _talking(self, number: str) -> bool:
        """Twilio knows over all hubs whether they are in a call with us."""
        for side in ({"to": number}, {"from_": number}):
            found = await self.account.rest.ask(
                lambda twilio, side=side: twilio.calls.list_async(**side, status="in-progress", limit=1)  # type: ignore[misc]
            )
            if found:
                return True
        return False

    def _message(self, outgoing: Outgoing) -> str:
        language, renderer = outgoing.language, Renderer(url=self.account.url)
        goodbye = phrases.words("goodbye", language)

        def document(longest: int) -> str:
            text = spoken(outgoing.text, longest=longest)
            return renderer.bye((Words(text=text, language=language), goodbye))

        return inline(document)

    async def _outcome(self, sid: str, outgoing: Outgoing, document: str) -> Sent:
        news = self._news[sid] = asyncio.Event()
        until, machine = time.monotonic() + WITHIN, False
        try:
            while time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.look_every):
                        await news.wait()
                news.clear()
                call: Any = await self._look(sid)
                if call is None:
                    continue
                if not machine and str(call.answered_by) in MACHINES and call.status not in FINAL:
                    machine = True
                    if self.on_machine == "sms":
                        await self._change(sid, status="completed")
                        return await send_text(
                            self.account, outgoing.to.address, outgoing.text, ref=outgoing.bounce_token
                        )
                    await self._change(sid, twiml=document)  # from its first word, now that it listens
                if call.status == "completed":
                    heard = "left on an answering machine" if machine else "heard"
                    return Sent(remote_id=sid, detail=f"{heard}, {call.duration} s")
                if call.status in FINAL:
                    raise DeliveryError(f"the call ended: {call.status}", retry_after=WAITS[str(call.status)])
            return Sent(remote_id=sid, detail="they are still listening")
        finally:
            self._news.pop(sid, None)

    async def _look(self, sid: str) -> Any:
        try:
            return await self.account.rest.ask(lambda twilio: twilio.calls(sid).fetch_async())
        except DeliveryError as error:  # it has been made: calling again would be worse than not knowing
            log.warning("a call could not be looked at", reason=str(error))
            return None

    async def _change(self, sid: str, **what: str) -> None:
        try:
            await self.account.rest.ask(lambda twilio: twilio.calls(sid).update_async(**what))
        except DeliveryError as error:
            log.warning("a call could not be changed", reason=str(error))

    async def said(self, asked: Asked) -> str:
        """Something happened to a call that we wait for, perhaps in another process, which looks by itself."""
        if (news := self._news.get(asked.text("CallSid"))) is not None:
            news.set()
        return ""

    # --- Staff and a customer ---------------------------------------------------------------------------------

    async def dial(self, dial: Dial) -> None:
        """Call the member of staff first; the customer is called when they press 1. See core.calling.Line.

        Twilio has no key that would make two of the same request one: what was begun is written down before.
        """
        if not await self.notes.begin(DIAL, dial.call):
            return
        url = self.account.url
        # Of whoever hears us: the customer's is another, and they hear no word of ours.
        language = dial.whisper[0].language if dial.whisper else dial.language
        facts = {
            "call": dial.call,
            "number": dial.number,
            "lang": language,
            "record": "1" if dial.record else "",
        }
        # Without a number there is nobody to be connected with, and the words say what 1 is for.
        press_one = [phrases.words("press_one", language)] if dial.number else []
        whisper = Renderer(url=url).whisper(dial.whisper, *press_one, action=url("voice/dialled", **facts))
        try:
            await self.account.rest.ask(
                lambda twilio: twilio.calls.create_async(
                    to=dial.operator,
                    from_=self.account.number,
                    twiml=whisper,
                    timeout=RING,
                    status_callback=url(
                        "voice/dialled/operator", call=dial.call, alone="" if dial.number else "1"
                    ),
                    status_callback_method="POST",
                    status_callback_event=["completed"],
                )
            )
        except Refused:  # by its own word it did not begin
            await self.notes.drop(DIAL, dial.call)
            raise

    async def pressed(self, asked: Asked) -> str:
        """The member of staff heard whom it is about."""
        call, language = asked.ours("call"), asked.ours("lang", phrases.FIRST)
        facts = {name: asked.ours(name) for name in ("call", "number", "lang", "record")}
        digits = asked.text("Digits") or asked.ours("pressed")
        again = self.account.url("voice/dialled", **facts, pressed=digits, **{AGAIN: asked.again + 1})
        accepted, operator = digits == "1", asked.text("CallSid")

        async def work() -> str:
            switchboard, url = asked.door.switchboard, self.account.url
            if not accepted:
                await switchboard.dialled(call, "declined")
                return Renderer(url=url).bye()
            said = await switchboard.dialled(call, "operator")
            if not asked.ours("number"):
                return Renderer(url=url).bye(said)
            reaching = self._reach(switchboard, call, asked.ours("number"), operator, language)
            self.operators.start(reaching, f"reach-{call}")
            return Renderer(url=url).conference(
                call,
                first=True,
                action=url("voice/operator/end"),
                record=asked.ours("record") == "1",
            )

        return await self.hooks.within(f"dialled {call}", asked, work, again=again)

    async def _reach(
        self, switchboard: Switchboard, call: str, number: str, operator: str, language: str
    ) -> None:
        try:
            await self._call_customer(call, number, operator, language)
        except DeliveryError as error:
            log.warning("a customer could not be called", call=call, reason=str(error))
            await switchboard.dialled(call, "failed")
            await self.operators.say_and_hang_up(operator, "nobody_answered", language)

    async def _call_customer(self, call: str, number: str, operator: str, language: str) -> None:
        url = self.account.url
        document = Renderer(url=url).conference(call, first=False, action=url("voice/operator/end"))
        await self.account.rest.ask(
            lambda twilio: twilio.calls.create_async(
                to=number,
                from_=self.account.number,
                twiml=document,
                timeout=RING,
                status_callback=url("voice/dialled/customer", call=call, operator=operator, lang=language),
                status_callback_method="POST",
                status_callback_event=["answered", "completed"],
            )
        )

    async def operator_status(self, asked: Asked) -> str:
        """The member of staff was not reached; or the conversation is over."""
        call, state = asked.ours("call"), asked.text("CallStatus")
        if self._newer(asked.text("CallSid"), state):
            if state in DIALLED:
                await asked.door.switchboard.dialled(call, DIALLED[state])
            elif state in FINAL and asked.ours("alone"):  # by key 1 it is over already
                await asked.door.switchboard.dialled(call, "declined")
            elif state in FINAL:
                await asked.door.switchboard.hung_up(call, cause=state)
            self._heard(asked.text("CallSid"), state)
        return ""

    async def customer_status(self, asked: Asked) -> str:
        """The customer answered, or did not: then whoever waits for them is told."""
        call, state = asked.ours("call"), asked.text("CallStatus")
        if self._newer(asked.text("CallSid"), state):
            if state in ("in-progress", "answered"):
                await asked.door.switchboard.dialled(call, "connected")
            elif state in DIALLED:
                await asked.door.switchboard.dialled(call, DIALLED[state])
                language = asked.ours("lang", phrases.FIRST)
                telling = self.operators.say_and_hang_up(asked.ours("operator"), "nobody_answered", language)
                self.operators.start(telling, f"tell-{call}")
            self._heard(asked.text("CallSid"), state)
        return ""

    def _newer(self, sid: str, state: str) -> bool:
        """Does this state come after all that we heard of this call? What comes late or twice is nothing new."""
        return RANKS.get(state, FINAL_RANK) > self._ranks.get(sid, -1)

    def _heard(self, sid: str, state: str) -> None:
        self._ranks[sid] = max(RANKS.get(state, FINAL_RANK), self._ranks.get(sid, -1))
        while len(self._ranks) > REMEMBERED:
            del self._ranks[next(iter(self._ranks))]
