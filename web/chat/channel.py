"""How do answers reach somebody in the web chat? They are there as soon as they are on record; open pages look for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from core.channel import Door
from core.envelope import Outgoing, Sent


class WebChatChannel:
    """See core.channel.Channel."""

    name = "webchat"
    reader = "web.chat.reading:read"
    reader_options: Mapping[str, Any] = {}

    async def run(self, door: Door) -> None:
        """Nothing waits here: what visitors write is stored while their page looks on."""
        await asyncio.Event().wait()

    async def send(self, outgoing: Outgoing) -> Sent:
        """Whoever has the chat open is shown it with the commit that says it was sent; else it waits there."""
        return Sent(remote_id=f"{outgoing.to.address}/{outgoing.delivery_id}", detail="in the chat")

    async def retract(self, to: object, remote_id: str) -> None:
        """Nothing of it is anywhere but on record: pages stop showing it."""
