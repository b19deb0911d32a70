"""How is the carrier made from its settings?"""

from __future__ import annotations

from channels.phone.sip.carrier import SipCarrier
from channels.phone.sip.engine import Setup
from channels.phone.speech import Speech
from channels.settings import SipSettings
from channels.surroundings import Surroundings


def build(settings: SipSettings, around: Surroundings) -> SipCarrier:
    """The carrier, and the program that speaks for it. Imported only where [channels.sip] is enabled."""
    return SipCarrier(
        setup=Setup(
            host=settings.host,
            port=settings.port,
            domain=settings.registrar or settings.trunk,
            registers=bool(settings.registrar),
            user=settings.user,
            auth_user=settings.auth_user or settings.user,
            password=settings.password,
            transport=settings.transport,
            plus=settings.plus,
            calls=settings.max_calls,
            rtp_timeout=settings.rtp_timeout,
            rtp_ports=(settings.rtp_first, settings.rtp_last),
        ),
        speech=Speech(
            folder=around.data_dir / "speech",
            engine=settings.speech,
            program=settings.speech_program,
            voices=settings.voices,
            room=settings.speech_cache,
        ),
        folder=around.data_dir / "recorded",
        max_calls=settings.max_calls,
        calls_per_second=settings.calls_per_second,
        music=settings.music,
    )
