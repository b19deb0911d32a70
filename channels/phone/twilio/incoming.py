"""A customer calls: how do Twilio's requests become events, and our answers documents?

The queue is ours, not Twilio's: who waits hears a document that asks us again every few seconds (decision 0019).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from aiohttp import web

from channels.phone.twilio.account import Account
from channels.phone.twilio.operators import Operators
from channels.phone.twilio.recordings import Recordings
from channels.phone.twilio.sounds import Sounds
from channels.phone.twilio.twiml import Renderer
from channels.phone.twilio.webhooks import AGAIN, Asked, Webhooks
from core.calling import Answer, CallEvent, NoSuchCall, Ringing, Switchboard, Words
from core.channel import DeliveryError
from core.log import get_logger

LINE = "twilio"
FINAL = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
"""States of a call after which there is none; any other that comes late changes nothing."""
BRIDGED = frozenset({"completed", "answered"})
"""What a Dial says of a conversation that took place."""
WITHHELD = frozenset(
    {"", "anonymous", "unavailable", "restricted", "unknown", "+266696687", "+7378742833", "+2562533", "+464"}
)
"""What stands in From where the number is withheld; the figures spell those words on a telephone's keys."""
ALONE = 2  # times ten seconds that a caller is alone in a conference before the flow goes on

log = get_logger("phone")


@dataclass(slots=True, kw_only=True)
class Incoming:
    """Webhooks of calls that come in."""

    account: Account
    hooks: Webhooks
    sounds: Sounds
    operators: Operators
    recordings: Recordings

    def routes(self) -> Sequence[web.RouteDef]:
        """See channels.phone.channel.Carrier."""
        return [
            self.hooks.route("voice", self.voice),
            self.hooks.route("voice/step", self.step),
            self.hooks.route("voice/wait", self.wait),
            self.hooks.route("voice/bridge", self.bridge),
            self.hooks.route("voice/alone", self.alone),
            self.hooks.route("voice/after", self.after),
            self.hooks.route("voice/status", self.status),
            self.hooks.route("status", self.status),
        ]

    async def voice(self, asked: Asked) -> str:
        """The first ring."""
        sid = asked.text("CallSid")
        again = self.account.url("voice", **{AGAIN: asked.again + 1})

        async def work() -> str:
            ringing = Ringing(
                line=LINE,
                external_id=sid,
                caller=caller(asked.text("From")),
                called=asked.text("To"),
                at=datetime.now(UTC),
            )
            return await self._render(await asked.door.switchboard.ring(ringing), asked.door.switchboard)

        return await self.hooks.within(f"voice {sid}", asked, work, again=again)

    async def step(self, asked: Asked) -> str:
        """The caller reacted."""
        call, seq, then = asked.ours("call"), asked.number("seq"), asked.ours("then")
        if then == "record":
            await self._note_recording(asked)
        return await self._advance(asked, call, seq, event(asked), path="voice/step", then=then)

    async def wait(self, asked: Asked) -> str:
        """On hold: who is to ring, what is to be said, and is it over?"""
        call, seq, n = asked.ours("call"), asked.number("seq"), asked.number("n")
        if digits := asked.text("Digits"):
            return await self._advance(
                asked, call, seq, CallEvent(kind="digits", value=digits), path="voice/step", then="keys"
            )
        again = self.account.url("voice/wait", call=call, seq=seq, n=n, **{AGAIN: asked.again + 1})
        customer = asked.text("CallSid")

        async def work() -> str:
            return await self._hold(asked.door.switchboard, call, seq, n, customer)

        return await self._found(
            asked, lambda: self.hooks.within(f"wait {call} {seq} {n}", asked, work, again=again)
        )

    async def _hold(self, switchboard: Switchboard, call: str, seq: int, n: int, customer: str) -> str:
        waiting = await switchboard.waiting(call, seq)
        for offer in waiting.stop:
            self.operators.let_go(offer)
        for leg in waiting.ring:
            self.operators.ring(leg, call=call, seq=seq, customer=customer, switchboard=switchboard)
        if waiting.answer is not None:
            return await self._render(waiting.answer, switchboard)
        if waiting.bridged:
            return self._bridge(call, seq, record=waiting.record)
        renderer = await self._renderer(waiting.say, switchboard)
        music = self.account.url("music")
        return renderer.hold(waiting.say, call=call, seq=seq, n=n, seconds=waiting.ask_every, music=music)

    async def bridge(self, asked: Asked) -> str:
        """An operator pressed 1, and the caller was fetched from the music."""
        return self._bridge(asked.ours("call"), asked.number("seq"), record=asked.ours("record") == "1")

    def _bridge(self, call: str, seq: int, *, record: bool) -> str:
        return Renderer(url=self.account.url).conference(
            call,
            first=True,
            action=self.account.url("voice/after", call=call, seq=seq),
            wait=self.account.url("voice/alone", call=call, seq=seq, n=0),
            record=record,
        )

    async def alone(self, asked: Asked) -> str:
        """In the room, and the operator is not there yet; who never comes is not waited for."""
        call, seq, n = asked.ours("call"), asked.number("seq"), asked.number("n")
        if n >= ALONE:
            over = self.account.url("voice/after", call=call, seq=seq, failed=1)
            self.operators.start(self._fetch(asked.text("CallSid"), over, call), f"alone-{call}")
        return Renderer(url=self.account.url).play(
            self.account.url("music"), self.account.url("voice/alone", call=call, seq=seq, n=n + 1)
        )

    async def _fetch(self, sid: str, over: str, call: str) -> None:
        try:
            await self.account.rest.ask(
                lambda twilio: twilio.calls(sid).update_async(url=over, method="POST")
            )
        except DeliveryError as error:
            log.warning("a caller could not be fetched from an empty room", call=call, reason=str(error))

    async def after(self, asked: Asked) -> str:
        """The conversation is over, or never came about."""
        call, seq = asked.ours("call"), asked.number("seq")
        failed = asked.ours("failed") == "1"
        outcome = "failed" if failed else of_dial(asked.text("DialCallStatus", otherwise="completed"))
        over = CallEvent(kind="done", value=outcome)
        return await self._advance(asked, call, seq, over, path="voice/after", then="", failed=failed)

    async def status(self, asked: Asked) -> str:
        """What Twilio says of the call beside its own course. Only its end counts, and that once."""
        state = asked.text("CallStatus")
        if state not in FINAL:
            return ""
        switchboard = asked.door.switchboard
        call = await switchboard.find(LINE, asked.text("CallSid"))
        if call is not None:
            await switchboard.hung_up(call, at=instant(asked.text("Timestamp")), cause=state)
        return ""

    async def _advance(
        self,
        asked: Asked,
        call: str,
        seq: int,
        what: CallEvent,
        *,
        path: str,
        then: str,
        failed: bool = False,
    ) -> str:
        switchboard = asked.door.switchboard
        # The keys are not in this address: if they are lost while we are slow, the caller is asked again.
        again = self.account.url(
            path,
            call=call,
            seq=seq,
            then=then,
            failed="1" if failed else "",
            lang=asked.ours("lang"),
            **{AGAIN: asked.again + 1},
        )

        async def work() -> str:
            return await self._render(await switchboard.advance(call, seq, what), switchboard)

        return await self._found(
            asked, lambda: self.hooks.within(f"step {call} {seq}", asked, work, again=again)
        )

    async def _found(self, asked: Asked, answering: Callable[[], Awaitable[str]]) -> str:
        try:
            return await answering()
        except NoSuchCall:  # a database from before this call: it begins anew
            log.warning("a call that nobody knows begins anew", call=asked.ours("call"))
            return Renderer(url=self.account.url).go(self.account.url("voice"))

    async def _note_recording(self, asked: Asked) -> None:
        if sid := asked.text("RecordingSid"):
            await self.recordings.expect(
                sid,
                call=asked.ours("call"),
                seq=asked.number("seq"),
                seconds=asked.text("RecordingDuration"),
                call_sid=asked.text("CallSid"),
            )

    async def _render(self, answer: Answer, switchboard: Switchboard) -> str:
        return (await self._renderer(answer.say, switchboard)).answer(answer)

    async def _renderer(self, words: Sequence[Words], switchboard: Switchboard) -> Renderer:
        return Renderer(url=self.account.url, sounds=await self.sounds.there(words, switchboard))


def event(asked: Asked) -> CallEvent:
    """What the caller did, by the kind of document they were given."""
    if asked.ours("then") == "record":
        nothing = asked.ours("empty") == "1" or asked.text("RecordingDuration") in ("", "0")
        return CallEvent(kind="done", value="empty" if nothing else "recorded")
    digits = asked.text("Digits")
    # Who presses the finishing key alone has said something: that they have nothing to enter.
    if digits or asked.text("FinishedOnKey"):
        return CallEvent(kind="digits", value=digits)
    return CallEvent(kind="silence")


def of_dial(state: str) -> str:
    """The outcome of a conversation, from Twilio's word for a Dial.

    >>> of_dial("completed"), of_dial("no-answer")
    ('bridged', 'failed')
    """
    return "bridged" if state in BRIDGED else "failed"


def caller(number: str) -> str:
    """Who calls; empty where they withhold it.

    >>> caller("+390612345678"), caller("Anonymous"), caller("+266696687")
    ('+390612345678', '', '')
    """
    return "" if number.strip().lower() in WITHHELD else number.strip()


def instant(text: str) -> datetime:
    """When Twilio says that it happened (RFC 2822), where that can be; else now."""
    now = datetime.now(UTC)
    try:
        said = parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return now
    return said if now - timedelta(days=1) < said < now else now
