"""How do answers reach a program that opened a request? It asks for them; nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from core.channel import Door
from core.envelope import Outgoing, Sent


class ApiChannel:
    """See core.channel.Channel. What is said on it is on the ticket, where its caller reads it."""

    name = "api"
    reader = ""
    reader_options: Mapping[str, Any] = {}

    async def run(self, door: Door) -> None:
        """Nothing comes in here: calls are answered at once."""
        await asyncio.Event().wait()

    async def send(self, outgoing: Outgoing) -> Sent:
        """It is there to be fetched."""
        return Sent(detail="there to be fetched")
