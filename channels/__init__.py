"""How do people reach us? Foreign bytes to Inbound and Outgoing to foreign bytes; one line here for each channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from channels.surroundings import Surroundings
from core.channel import Channel

if TYPE_CHECKING:
    from channels.settings import ChannelSettings

Build = Callable[["ChannelSettings", Surroundings], Channel]


def _email(settings: ChannelSettings, around: Surroundings) -> Channel:
    from channels.email.build import build  # noqa: PLC0415 - a channel that is off costs nothing

    return build(settings.email, around)


def _phone(settings: ChannelSettings, around: Surroundings) -> Channel:
    from channels.phone.build import build  # noqa: PLC0415

    return build(settings, around)


def _sms(settings: ChannelSettings, around: Surroundings) -> Channel:
    from channels.phone.build import texting  # noqa: PLC0415

    return texting("sms", settings, around)


def _whatsapp(settings: ChannelSettings, around: Surroundings) -> Channel:
    from channels.phone.build import texting  # noqa: PLC0415

    return texting("whatsapp", settings, around)


def _telegram(settings: ChannelSettings, around: Surroundings) -> Channel:
    from channels.telegram.build import build  # noqa: PLC0415

    return build(settings.telegram, around)


def _xmpp(settings: ChannelSettings, around: Surroundings) -> Channel:
    from channels.xmpp import XmppChannel  # noqa: PLC0415

    return XmppChannel(settings=settings.xmpp, around=around)


def _monitoring(settings: ChannelSettings, around: Surroundings) -> Channel:
    from channels.monitoring.build import build  # noqa: PLC0415

    return build(settings.monitoring, around)


def _console(_settings: ChannelSettings, _around: Surroundings) -> Channel:
    from channels.console import ConsoleChannel  # noqa: PLC0415

    return ConsoleChannel()


CHANNELS: Mapping[str, Build] = {
    "email": _email,
    "phone": _phone,
    "sms": _sms,
    "whatsapp": _whatsapp,
    "telegram": _telegram,
    "xmpp": _xmpp,
    "monitoring": _monitoring,
    "console": _console,
}
"""Name of the settings table to how the channel is made. Nothing is discovered: what is not here does not run."""

CARRIERS: frozenset[str] = frozenset({"sip"})
"""Tables of further carriers of the phone, which are no channels of their own."""

PAGES: frozenset[str] = frozenset({"webchat"})
"""Tables of channels that live in web pages: running.py puts them together with those."""


def enabled(settings: ChannelSettings, around: Surroundings) -> list[Channel]:
    """The channels whose tables are switched on."""
    return [CHANNELS[name](settings, around) for name in settings.enabled() if name in CHANNELS]


def webhooks(channels: Sequence[Channel]) -> list[Any]:
    """What providers ask of these channels by HTTP: aiohttp's route definitions, for web.app.make_app."""
    return [route for channel in channels for route in getattr(channel, "webhooks", tuple)()]
