"""The terminal as a channel: a typed line becomes a request, answers are printed. The smallest complete channel."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.channel import Door, Unavailable
from core.envelope import Address, Arrival, Inbound, Outgoing, Sent

WHERE = "console"  # one terminal, one conversation partner


def read(raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]) -> Inbound:
    """A line as a request: its first words are the subject. Who typed it is claimed, not proved."""
    text = raw.decode("utf-8", "replace").strip()
    if not text:
        message = "an empty line is no request"
        raise ValueError(message)
    return Inbound(
        channel=WHERE,
        author=Address(str(arrival["sender"])),
        subject=text[:80],
        text=text,
        message_id=str(arrival["external_id"]),
        content_key=hashlib.sha256(f"{WHERE}|{arrival['external_id']}".encode()).hexdigest(),
    )


class ConsoleChannel:
    """See core.channel.Channel."""

    name = WHERE
    reader = "channels.console:read"
    reader_options: Mapping[str, Any] = {}

    async def run(self, door: Door) -> None:
        """Take lines until the terminal ends or the hub stops."""
        lines = asyncio.StreamReader()
        terminal, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
        )
        try:
            async for line in lines:
                await self._hand_in(line, door)
            await asyncio.Event().wait()  # nobody types any more; answers are still printed
        finally:
            terminal.close()

    async def _hand_in(self, line: bytes, door: Door) -> None:
        now = datetime.now(UTC)
        arrival = Arrival(
            channel=WHERE,
            raw=line,
            received_at=now,
            external_id=f"{WHERE}-{now.timestamp()}",
            sender=getpass.getuser(),
        )
        try:
            await door.accept(arrival)
        except Unavailable:
            print("Not stored just now; please type it again.", flush=True)

    async def send(self, outgoing: Outgoing) -> Sent:
        """Print the answer."""
        print(f"\n[#{outgoing.ticket_number}] {outgoing.subject}\n{outgoing.text}", flush=True)
        return Sent(detail="printed")
