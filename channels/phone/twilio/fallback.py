"""What does a caller hear while the hub is away? A voicemail that Twilio serves by itself, made here and kept there.

The document is pasted into a TwiML Bin and named as the number's fallback. Its recording is told to the hub when that is
back, which makes a missed call of it; Twilio asks again as often as the address says (`#rc=5`).
"""

from __future__ import annotations

from twilio.twiml.voice_response import VoiceResponse

from channels.phone import phrases
from channels.phone.twilio.twiml import VOICES, base_url

RETRIED = "#rc=5&rp=all"
"""Twilio's own retries: five, on every kind of failure. The part behind the # is not signed."""


def voicemail(language: str, public_url: str, *, end: str) -> str:
    """The voicemail. `end`: address of the second document, where Twilio goes on after the recording."""
    document = VoiceResponse()
    _say(document, "voicemail", language)
    document.record(
        action=end,
        max_length=120,
        timeout=5,
        finish_on_key="#",
        play_beep=True,
        recording_status_callback=base_url(public_url)("voice/recording") + RETRIED,
        recording_status_callback_event="completed absent",
    )
    _say(document, "voicemail_end", language)
    document.hangup()
    return str(document)


def goodbye(language: str) -> str:
    """The second document."""
    document = VoiceResponse()
    _say(document, "voicemail_end", language)
    document.hangup()
    return str(document)


def _say(document: VoiceResponse, sentence: str, language: str) -> None:
    spoken, voice = VOICES[language]
    document.say(phrases.phrase(sentence, language), language=spoken, voice=voice)
