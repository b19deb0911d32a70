"""How does the sound of a call reach the desk? Fetched from Twilio over its own address, stored, then deleted there.

What is to be fetched is written down before Twilio is told that we know of it, and tried again until it is here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from channels.phone import phrases
from channels.phone.channel import NAME
from channels.phone.twilio.account import Account
from channels.phone.twilio.notes import Note, Notes
from channels.phone.twilio.rest import Refused
from channels.phone.twilio.sounds import kind_of
from channels.phone.twilio.webhooks import Asked, Webhooks
from core.calling import Audio, Ringing, Switchboard
from core.channel import DeliveryError, Door
from core.envelope import Arrival
from core.log import get_logger

KIND = "recording"
WAITS = (5.0, 15.0, 60.0, 300.0, 900.0)  # seconds before each further try; then every hour
HOURLY = 3600.0  # seconds
GIVE_UP_AFTER = 7 * 86400.0  # seconds; then staff are told
LOOK_EVERY = 5.0  # seconds
FORGOTTEN_EVERY = 900.0  # seconds between looks at what lies at Twilio and nobody told us of
LATE = timedelta(minutes=10)  # after which nothing is on its way any more
MOST = 200  # of such at one look
DONE = {"completed": "", "absent": "nothing was said", "failed": "Twilio failed"}

_SID = re.compile(r"RE[0-9a-f]{32}")
log = get_logger("phone")


@dataclass(slots=True, kw_only=True)
class Recordings:
    """Recordings that are on their way."""

    account: Account
    hooks: Webhooks
    notes: Notes
    waits: Sequence[float] = WAITS
    language: str = phrases.FIRST
    _foreign: set[str] = field(default_factory=set)
    """Recordings of calls to other numbers of the account."""
    _round: asyncio.Lock = field(default_factory=asyncio.Lock)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def routes(self) -> Sequence[web.RouteDef]:
        """See channels.phone.channel.Carrier."""
        return [
            self.hooks.route("voice/recording", self.status),
            self.hooks.route("recording", self.status),
        ]

    async def status(self, asked: Asked) -> str:
        """Twilio says what became of a recording."""
        sid, state = asked.text("RecordingSid"), asked.text("RecordingStatus", otherwise="completed")
        if state == "completed":
            await self.expect(
                sid,
                call=asked.ours("call"),
                seq=asked.number("seq"),
                seconds=asked.text("RecordingDuration"),
                call_sid=asked.text("CallSid"),
            )
        elif state in DONE and _SID.fullmatch(sid):
            log.info("there is no recording", recording=sid, why=DONE[state])
            await self.notes.drop(KIND, sid)
        return ""

    async def expect(self, sid: str, *, call: str, seq: int, seconds: str, call_sid: str) -> None:
        """It is there, or will be: once this returns it is not forgotten. Raises HTTPBadRequest for what is none."""
        if not _SID.fullmatch(sid):
            raise web.HTTPBadRequest(text="this is no recording")
        if await self.notes.get(KIND, sid) is None:
            note = {
                "call": call,
                "seq": seq,
                "seconds": float(seconds) if seconds.isdecimal() else 0.0,
                "call_sid": call_sid,
                "since": time.time(),
                "due": time.time(),
                "tries": 0,
            }
            await self.notes.keep(KIND, sid, note)
        self._news.set()

    async def work(self, door: Door) -> None:
        """Fetch what is due, until cancelled."""
        looked = -FORGOTTEN_EVERY
        while True:
            self._news.clear()
            if time.monotonic() - looked >= FORGOTTEN_EVERY:
                looked = time.monotonic()
                await self.find_forgotten(now=datetime.now(UTC))
            await self.fetch_due(door)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._news.wait()

    async def find_forgotten(self, *, now: datetime) -> None:
        """What is stored here is deleted there; what lies there for long was made while the hub was away.

        The account may serve others too: only recordings of calls to our number are ours.
        """
        since = now - timedelta(seconds=GIVE_UP_AFTER)
        try:
            found: Any = await self.account.rest.ask(
                lambda twilio: twilio.recordings.list_async(date_created_after=since, limit=MOST)
            )
            for one in found:
                late = one.date_created is not None and now - one.date_created > LATE
                if not late or str(one.sid) in self._foreign or not _SID.fullmatch(str(one.sid)):
                    continue
                if await self.notes.get(KIND, one.sid):
                    continue
                sid = str(one.call_sid)
                call: Any = await self.account.rest.ask(
                    lambda twilio, sid=sid: twilio.calls(sid).fetch_async()  # type: ignore[misc]
                )
                if str(call.to) == self.account.number:
                    log.warning("a recording that nobody told us of", recording=one.sid)
                    await self.expect(
                        str(one.sid), call="", seq=0, seconds=str(one.duration or ""), call_sid=sid
                    )
                else:
                    self._foreign.add(str(one.sid))
        except DeliveryError as error:
            log.warning("Twilio could not be asked for recordings", reason=str(error))

    async def fetch_due(self, door: Door, *, now: float | None = None) -> None:
        """One round: each that is due, one after another."""
        now = time.time() if now is None else now
        async with self._round:
            for sid, note in (await self.notes.all(KIND)).items():
                if note["due"] <= now:
                    await self._one(sid, note, door, now)

    async def _one(self, sid: str, note: Note, door: Door, now: float) -> None:
        try:
            await self._fetch(sid, note, door.switchboard)
        except Exception as error:  # of whatever kind: it is tried again, and nothing else waits for it
            note = await self.notes.get(KIND, sid) or note  # how far it came
            why = str(error) if isinstance(error, DeliveryError) else type(error).__name__
            tries = note["tries"] + 1
            gone = isinstance(error, DeliveryError) and error.permanent and tries > len(self.waits)
            if gone or now - note["since"] > GIVE_UP_AFTER:
                await self._lost(sid, note, why, door)
                return
            wait = self.waits[note["tries"]] if note["tries"] < len(self.waits) else HOURLY
            log.warning("a recording could not be fetched", recording=sid, why=why, after=wait)
            await self.notes.keep(KIND, sid, note | {"tries": tries, "due": now + wait})

    async def _fetch(self, sid: str, note: Note, switchboard: Switchboard) -> None:
        call, over = note["call"], None
        if not note.get("stored"):
            if not call:
                call, over = await self._call_of(note["call_sid"], switchboard)
            ending = "wav" if note["seq"] else "mp3"  # a conversation is long
            content = await self.account.rest.fetch(
                f"/2010-04-01/Accounts/{self.account.sid}/Recordings/{sid}.{ending}"
            )
            sound = Audio(content=content, type=kind_of(content), seconds=note["seconds"], external_id=sid)
            await switchboard.recorded(call, note["seq"], sound)
            if over is not None:
                await switchboard.hung_up(call, at=over, cause="fallback")
            note = note | {"stored": True}
            await self.notes.keep(KIND, sid, note)
        try:
            await self.account.rest.ask(lambda twilio: twilio.recordings(sid).delete_async())
        except Refused as error:
            if error.code != 20404:  # deleted when this was tried before
                raise
        await self.notes.drop(KIND, sid)

    async def _call_of(self, call_sid: str, switchboard: Switchboard) -> tuple[str, datetime | None]:
        """The call a machine took while the hub was away: known now, with its first ring and its end."""
        if known := await switchboard.find("twilio", call_sid):
            return known, None
        found: Any = await self.account.rest.ask(lambda twilio: twilio.calls(call_sid).fetch_async())
        ringing = Ringing(
            line="twilio",
            external_id=call_sid,
            caller=str(found._from or ""),
            called=str(found.to or ""),
            at=found.start_time or datetime.now(UTC),
        )
        return (await switchboard.ring(ringing)).call, found.end_time or datetime.now(UTC)

    async def _lost(self, sid: str, note: Mapping[str, Any], why: str, door: Door) -> None:
        """Nobody would miss it who does not know that it was there: staff are told."""
        log.error("a recording is lost", recording=sid, why=why)
        text = phrases.phrase(
            "lost", self.language, recording=sid, call=note["call"] or note["call_sid"], why=why
        )
        subject = phrases.phrase("lost_subject", self.language)
        await door.accept(alert(subject, text, external_id=f"lost/{sid}"))
        await self.notes.drop(KIND, sid)


def alert(subject: str, text: str, *, external_id: str) -> Arrival:
    """Something that staff should know of; nobody is its author."""
    return Arrival(
        channel=NAME,
        raw=f"{subject}\n{text}".encode(),
        received_at=datetime.now(UTC),
        external_id=external_id,
    )
