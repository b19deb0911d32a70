"""How is an answer told to Twilio? Documents of its XML, each of which ends waiting or hangs up. Pure.

What is said may be interrupted by the first key, so it stands inside the Gather. A Gather asks us also when nothing
came (`actionOnEmptyResult`), so that nobody falls off the end of a document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from core import calling
from core.calling import Answer, Words

LONGEST = 1000  # characters that are spoken in one go; more is cut at a sentence
INLINE = 4000  # characters
VOICES = {"it": ("it-IT", "Polly.Bianca"), "en": ("en-GB", "Polly.Amy")}
"""By our language: what Twilio calls it, and who speaks it."""

_FORBIDDEN = re.compile(
    "[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x84\x86-\x9f\ufdd0-\ufdef\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_SENTENCE = re.compile(r"[.!?…](?=\s|$)")

Url = Callable[..., str]


def spoken(text: str, *, longest: int = LONGEST) -> str:
    """The text as it may stand in a document: no control characters, not too long, cut where a sentence ends.

    >>> spoken("It works.\\x00 Call us\\x1b again.", longest=20)
    'It works.'
    """
    clean = " ".join(_FORBIDDEN.sub(" ", text).split())
    if len(clean) <= longest:
        return clean
    ends = [match.end() for match in _SENTENCE.finditer(clean[:longest])]
    return clean[: ends[-1]] if ends else clean[:longest].rpartition(" ")[0] or clean[:longest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Makes documents. `url(path, **values)`: the public address of one of our webhooks."""

    url: Url
    sounds: Mapping[str, str] = field(default_factory=dict)
    """Address of each recording that is there; what is not is spoken."""

    def answer(self, answer: Answer) -> str:
        """What to say and then to wait for; see core.calling.Answer."""
        document = VoiceResponse()
        step = {"call": answer.call, "seq": answer.seq, "lang": answer.language}
        match answer.then:
            case calling.Gather() as keys:
                document.append(self._gather(keys, answer.say, self.url("voice/step", **step, then="keys")))
            case calling.Record() as record:
                self.say(document, answer.say)
                document.record(
                    action=self.url("voice/step", **step, then="record"),
                    method="POST",
                    max_length=max(2, record.max_seconds),  # Twilio takes no less
                    timeout=record.silence_seconds,
                    finish_on_key=record.finish,
                    play_beep=True,
                    recording_status_callback=self.url("voice/recording", **step),
                    recording_status_callback_method="POST",
                    recording_status_callback_event="completed absent",
                )
                # Twilio goes on here when it heard nothing at all.
                document.redirect(self.url("voice/step", **step, then="record", empty=1), method="POST")
            case calling.Hold():
                self.say(document, answer.say)
                document.redirect(self.url("voice/wait", **step, n=0), method="POST")
            case calling.HangUp():
                self.say(document, answer.say)
                document.hangup()
        return str(document)

    def hold(self, say: Sequence[Words], *, call: str, seq: int, n: int, seconds: float, music: str) -> str:
        """Music for a while, then ask us again; a key asks at once."""
        document = VoiceResponse()
        gather = Gather(
            input="dtmf",
            num_digits=1,
            timeout=1,
            finish_on_key="",
            action_on_empty_result=True,
            action=self.url("voice/wait", call=call, seq=seq, n=n + 1),
            method="POST",
        )
        self.say(gather, say)
        gather.play(music, loop=max(1, round((seconds - 1) / MUSIC_LASTS)))
        document.append(gather)
        return str(document)

    def conference(  # noqa: PLR0913 - each is a fact of the document
        self,
        call: str,
        *,
        say: Sequence[Words] = (),
        first: bool,
        action: str,
        wait: str = "",
        record: bool = False,
    ) -> str:
        """Both hear each other in a room named by the call. `first`: this one waits, with `wait` to be heard, for the other."""
        document = VoiceResponse()
        self.say(document, say)
        dial = Dial(action=action, method="POST")
        dial.conference(
            call,
            start_conference_on_enter=not first,
            end_conference_on_exit=True,
            beep=False,
            max_participants=2,
            **({"wait_url": wait, "wait_method": "POST"} if wait else {}),
            **(
                {
                    "record": "record-from-start",
                    "recording_status_callback": self.url("voice/recording", call=call, seq=0),
                    "recording_status_callback_method": "POST",
                    "recording_status_callback_event": "completed absent",
                }
                if record
                else {}
            ),
        )
        document.append(dial)
        document.hangup()
        return str(document)

    def whisper(self, say: Sequence[Words], *press_one: Words, action: str) -> str:
        """Who it is, and 1 to take it; said twice, as a mobile is at the ear only after the first word.

        `press_one`: what is never cut short; none where the words themselves say what 1 is for.
        """
        return inline(lambda longest: self._whisper(say, press_one, action, longest // (2 * len(say) or 1)))

    def _whisper(self, say: Sequence[Words], press_one: Sequence[Words], action: str, longest: int) -> str:
        document = VoiceResponse()
        short = [replace(one, text=spoken(one.text, longest=longest)) for one in say]
        gather = Gather(
            input="dtmf",
            num_digits=1,
            timeout=8,
            finish_on_key="",
            action_on_empty_result=True,
            action=action,
            method="POST",
        )
        for _ in range(2):
            self.say(gather, (*short, *press_one))
        document.append(gather)
        return str(document)

    def play(self, url: str, again: str) -> str:
        """Some music for who waits in a room, then ask us again."""
        document = VoiceResponse()
        document.play(url, loop=5)
        document.redirect(again, method="POST")
        return str(document)

    def later(self, one_moment: Words, again: str) -> str:
        """We are not ready yet."""
        document = VoiceResponse()
        self.say(document, (one_moment,))
        document.redirect(again, method="POST")
        return str(document)

    def go(self, url: str) -> str:
        """On at another address."""
        document = VoiceResponse()
        document.redirect(url, method="POST")
        return str(document)

    def bye(self, say: Sequence[Words] = ()) -> str:
        """Say it and hang up."""
        document = VoiceResponse()
        self.say(document, say)
        document.hangup()
        return str(document)

    def say(self, into: Any, words: Sequence[Words]) -> None:
        """The recording where it is there, else the text."""
        for one in words:
            if one.recording and one.recording in self.sounds:
                into.play(self.sounds[one.recording])
            elif text := spoken(one.text):
                language, voice = VOICES.get(one.language.partition("-")[0], (one.language, ""))
                into.say(text, language=language, **({"voice": voice} if voice else {}))

    def _gather(self, keys: calling.Gather, say: Sequence[Words], action: str) -> Gather:
        gather = Gather(
            input="dtmf",
            num_digits=keys.maximum,
            timeout=max(1, round(max(keys.timeout, keys.pause) if keys.maximum > 1 else keys.timeout)),
            finish_on_key=keys.finish,
            action_on_empty_result=True,
            action=action,
            method="POST",
        )
        self.say(gather, say)
        return gather


def inline(make: Callable[[int], str]) -> str:
    """A document that goes along with an order to call: Twilio takes 4000 characters. `make`: with words of at most so many."""
    longest = LONGEST
    while len(document := make(longest)) > INLINE and longest > 50:
        longest //= 2
    return document


MUSIC_LASTS = 2.0  # seconds of channels.phone.twilio.sounds.music


def base_url(public_url: str) -> Url:
    """How addresses of ours are made: `url("voice/step", call="…", seq=3)`.

    >>> base_url("https://desk.test")("voice/step", call="c 1", seq=3)
    'https://desk.test/in/twilio/voice/step?call=c+1&seq=3'
    """

    def url(path: str, **values: Any) -> str:
        query = urlencode({name: value for name, value in values.items() if value != ""})
        return f"{public_url}/in/twilio/{path}" + (f"?{query}" if query else "")

    return url


def text_answer(text: str = "") -> str:
    """What a text message is answered with at once; empty: nothing."""
    document = MessagingResponse()
    if text:
        document.message(text)
    return str(document)
