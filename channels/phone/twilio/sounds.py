"""What can Twilio play that is ours? Music for who waits, and recorded prompts, at addresses that nobody can guess."""

from __future__ import annotations

import array
import asyncio
import hashlib
import hmac
import io
import math
import wave
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from channels.phone.twilio.twiml import MUSIC_LASTS, Url
from core.calling import Switchboard, Words
from core.log import get_logger

log = get_logger("phone")

RATE = 8000  # samples a second, as the telephone has them
SIXTEEN_BIT = 2  # bytes of a sample
LOUD = 0.12  # of full
CHORD = (261.63, 329.63, 392.0)  # Hz: C, E and G
KEPT = 32 * 2**20  # bytes of prompts
WITHIN = 1.0  # seconds to fetch a prompt; then it is spoken


@cache
def music() -> bytes:
    """A soft chord that comes and goes, as a WAV file. It repeats without a click: every tone ends where it began."""
    count = int(RATE * MUSIC_LASTS)
    samples = array.array("h")
    tones = [round(tone * MUSIC_LASTS) / MUSIC_LASTS for tone in CHORD]
    for n in range(count):
        swell = math.sin(math.pi * n / count) ** 2
        value = sum(math.sin(2 * math.pi * tone * n / RATE) for tone in tones) / len(tones)
        samples.append(int(32767 * LOUD * swell * value))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(SIXTEEN_BIT)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def kind_of(content: bytes) -> str:
    """The MIME type of a sound, by how it begins."""
    if content[:4] == b"RIFF":
        return "audio/wav"
    return "audio/ogg" if content[:4] == b"OggS" else "audio/mpeg"


@dataclass(slots=True, kw_only=True)
class Sounds:
    """Recorded prompts by their names, those of late kept. The address of one is always the same."""

    key: bytes = field(repr=False)
    url: Url
    _kept: OrderedDict[str, bytes] = field(default_factory=OrderedDict)

    def address(self, name: str) -> str:
        """Where it can be had."""
        return self.url("sound", name=name, sig=self._sign(name))

    def right(self, name: str, signature: str) -> bool:
        """Was this address made by us?"""
        return hmac.compare_digest(self._sign(name).encode(), signature.encode())

    async def get(self, name: str, switchboard: Switchboard) -> bytes:
        """Its bytes. Raises what the switchboard raises, and TimeoutError."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        async with asyncio.timeout(WITHIN):
            content = await switchboard.sound(name)
        self._kept[name] = content
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > KEPT:
            self._kept.popitem(last=False)
        return content

    async def there(self, words: Sequence[Words], switchboard: Switchboard) -> dict[str, str]:
        """Addresses of those recordings of these words that can be had; the others are spoken."""
        found = {}
        for name in {one.recording for one in words if one.recording}:
            try:
                await self.get(name, switchboard)
            except Exception as error:  # whatever is wrong with a file, the caller hears the text
                log.warning("a prompt is spoken instead", recording=name, error=type(error).__name__)
                continue
            found[name] = self.address(name)
        return found

    def _sign(self, name: str) -> str:
        return hmac.new(self.key, f"sound {name}".encode(), hashlib.sha256).hexdigest()[:32]
