"""What does a mail say that was not taken in, or waits? It is read where reading may die, as the hub itself reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.desk import explaining
from core.envelope import Inbound
from core.isolation import ReaderDied, ReaderFailed, Unreadable
from web.site import Site, now

MAIL = "email"


async def read(site: Site, raw: bytes, arrival: Mapping[str, Any]) -> Inbound | str:
    """What the reader of mail makes of it; words that say why it makes nothing of it. Never raises for what the bytes are."""
    hub = site.hub
    channel = next((one for one in hub.channels if one.name == MAIL), None) if hub is not None else None
    if hub is None or channel is None:
        return "this hub reads no mail: channels.email is switched off"
    try:
        return await hub.readers.read(channel.reader, raw, arrival, channel.reader_options)
    except (Unreadable, ReaderFailed, ReaderDied) as error:
        return str(error)


async def explained(site: Site, raw: bytes) -> dict[str, Any]:
    """What would become of it, and why, as `explaining.explain` says: nothing of it is kept."""
    at, said = now(), None
    for _ in range(2):  # whom it names is known when it was read once
        found = await read(site, raw, explaining.arrival_of(said, now=at))
        if not isinstance(found, Inbound):
            return explaining.unreadable(found)
        said = found
    assert said is not None  # noqa: S101 - read twice
    return await explaining.explain_read(site.db, raw, said, now=at)
