"""What do all calls by SIP share, and how is somebody spoken to?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from channels.phone import sounds
from channels.phone.sip.engine import Engine, Leg, first
from channels.phone.sip.recordings import Recordings
from channels.phone.speech import CannotSpeak, Speech
from core.calling import Switchboard, Words
from core.channel import Unavailable
from core.log import get_logger

WHISPERS = 2  # times an operator is told who waits
PRESSES_WITHIN = 6.0  # seconds after each
TRIES = (0.5, 1.0, 2.0, 4.0)  # seconds between, when the hub cannot store something just now

log = get_logger("phone")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One carrier, running."""

    switchboard: Switchboard
    engine: Engine
    speech: Speech
    recordings: Recordings
    music: bytes = field(repr=False)
    """Samples for `channels.phone.sounds`."""

    async def speak(self, leg: Leg, words: Sequence[Words], *, until_key: bool = False) -> None:
        """Say it. `until_key`: a key ends it, and one that was typed ahead leaves it out. Returns early when the call ends."""
        if not words:
            return
        waits = [leg.gone.wait(), *([leg.keys.some()] if until_key else [])]
        await first(self._say(leg, words), *waits)

    async def _say(self, leg: Leg, words: Sequence[Words]) -> None:
        said = await asyncio.gather(*(self.sound(one) for one in words))
        await leg.stream.play(b"".join(said))

    async def sound(self, words: Words) -> bytes:
        """The samples; nothing where they cannot be had: whoever waits for a key need not hear everything."""
        try:
            return sounds.pcm(await self.speech.render(words, self.switchboard.sound))
        except CannotSpeak as error:
            log.error("something was not said", error=str(error))
            return b""

    async def takes(self, leg: Leg, whisper: Sequence[Words]) -> Literal["accepted", "declined", "no_answer"]:
        """Tell a member of staff who waits. They take it by 1 and decline by 2; a mailbox presses nothing."""
        for _ in range(WHISPERS):
            await self.speak(leg, whisper, until_key=True)
            while not leg.gone.is_set() and (key := await _key(leg)) is not None:
                if key == "1":
                    return "accepted"
                if key == "2":
                    return "declined"
            if leg.gone.is_set():
                return "declined"
        return "no_answer"


async def persistent(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Ask the hub, again when it cannot store anything just now. Raises Unavailable in the end."""
    for wait in TRIES:
        try:
            return await ask()
        except Unavailable:
            await asyncio.sleep(wait)
    return await ask()


async def _key(leg: Leg) -> str | None:
    key: str | None = None

    async def pressed() -> None:
        nonlocal key
        key = await leg.keys.next(PRESSES_WITHIN)

    await first(pressed(), leg.gone.wait())
    return key
