"""How do answers reach somebody in the portal? They are there when the page is opened; nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from core.channel import Door
from core.envelope import Outgoing, Sent


class PortalChannel:
    """See core.channel.Channel."""

    name = "portal"
    reader = "web.portal.reading:read"
    reader_options: Mapping[str, Any] = {}

    async def run(self, door: Door) -> None:
        """Nothing waits here: forms are answered while the person looks on."""
        await asyncio.Event().wait()

    async def send(self, outgoing: Outgoing) -> Sent:
        """The message is on the page of its request already."""
        return Sent(detail="shown in the portal")
