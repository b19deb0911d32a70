"""What does a mail say that was not taken in, or waits? It is read where reading may die, as the hub itself reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.channel import Devices
from core.desk import explaining
from core.envelope import Inbound
from core.isolation import ReaderDied, ReaderFailed, Unreadable
from web.site import Site, now

MAIL = "email"


async def read(
    site: Site, raw: bytes, arrival: Mapping[str, Any], device: explaining.Device | None = None
) -> Inbound | str:
    """What the reader of mail, or of this device's, makes of it; words that say why it makes nothing of it. Never raises for what the bytes are."""
    hub = site.hub
    channel = next((one for one in hub.channels if one.name == MAIL), None) if hub is not None else None
    if hub is None or channel is None:
        return "this hub reads no mail: channels.email is switched off"
    reader, options = channel.reader, channel.reader_options
    devices = next((one for one in hub.channels if isinstance(one, Devices)), None)
    if device is not None and device.enabled and devices is not None:
        reader, options = devices.device_reader, device.options
    try:
        return await hub.readers.read(reader, raw, arrival, options)
    except (Unreadable, ReaderFailed, ReaderDied) as error:
        return str(error)


async def explained(site: Site, raw: bytes) -> dict[str, Any]:
    """What would become of it, and why, as `explaining.explain` says: nothing of it is kept."""
    at = now()
    first = await read(site, raw, explaining.arrival_of(None, now=at))
    if not isinstance(first, Inbound):
        return explaining.unreadable(first)
    # Whom it names is known now.
    device = await site.db.read(explaining.device_of, first)
    found = await read(site, raw, explaining.arrival_of(first, now=at, device=device), device)
    if not isinstance(found, Inbound):
        return explaining.unreadable(found, device)
    return await explaining.explain_read(site.db, raw, found, device, now=at)
