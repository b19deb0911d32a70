"""How is the telephone made from its settings? One carrier for each way that is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels.phone.channel import Carrier, PhoneChannel

if TYPE_CHECKING:
    from channels.settings import ChannelSettings
    from channels.surroundings import Surroundings


def build(settings: ChannelSettings, around: Surroundings) -> PhoneChannel:
    """The channel of voice with its carriers; without any it keeps what it would have said."""
    carriers: list[Carrier] = []
    if settings.sip.enabled:
        from channels.phone.sip.build import build as sip  # noqa: PLC0415 - its engine is not everybody's

        carriers.append(sip(settings.sip, around))
    return PhoneChannel(carriers=carriers)
