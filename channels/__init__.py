"""How do people reach us? Foreign bytes to Inbound and Outgoing to foreign bytes; one line here for each channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from channels.surroundings import Surroundings
from core.channel import Channel

Build = Callable[[Any, Surroundings], Channel]


def _email(settings: Any, around: Surroundings) -> Channel:
    from channels.email.build import build  # noqa: PLC0415 - a channel that is off costs nothing

    return build(settings, around)


def _console(_settings: Any, _around: Surroundings) -> Channel:
    from channels.console import ConsoleChannel  # noqa: PLC0415

    return ConsoleChannel()


CHANNELS: Mapping[str, Build] = {
    "email": _email,
    "console": _console,
}
"""Name of the settings table to how the channel is made. Nothing is discovered: what is not here does not run."""


def enabled(settings: Mapping[str, Any], around: Surroundings) -> list[Channel]:
    """The channels whose tables are switched on; `settings` by name, as `ChannelSettings.enabled` gives them."""
    return [CHANNELS[name](table, around) for name, table in settings.items()]
