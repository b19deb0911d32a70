"""Where does mail come in by SMTP and LMTP, and how is that ended without losing any? See `dialogue` for what is said."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.email.dialogue import Dialogue, Handler, LmtpDialogue
from channels.email.gate import Gate
from core.channel import Door

LEAVE_WITHIN = 5.0  # seconds for messages that are on their way when the hub stops


class Listener:
    """Where mail is listened for, and who is connected."""

    def __init__(self) -> None:
        self.sessions: set[Dialogue] = set()
        self.server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The one really listened on."""
        assert self.server is not None
        return int(self.server.sockets[0].getsockname()[1])

    async def close(self, *, within: float = LEAVE_WITHIN) -> None:
        """Take no new connection, let messages that are on their way arrive, send everybody else away."""
        if self.server is not None:
            self.server.close()
        for session in list(self.sessions):
            session.leave()
        talks = [session.talk for session in self.sessions if session.talk is not None]
        if talks:
            await asyncio.wait(talks, timeout=within)
        for session in list(self.sessions):
            session.abort()


async def listen(
    host: str, port: int, gate: Gate, door: Door, *, lmtp: bool = False, tls: Any = None
) -> Listener:
    """Listen for mail; port 0 takes a free one. The caller closes the listener. Raises OSError.

    With several processes of the hub each listens on the same port, and the system deals the connections out.
    """
    kind = LmtpDialogue if lmtp else Dialogue
    handler = Handler(gate, door)
    listener = Listener()
    loop = asyncio.get_running_loop()
    listener.server = await loop.create_server(
        lambda: kind(handler, gate, listener.sessions, tls=tls),
        host,
        port,
        reuse_port=gate.common.processes > 1,
    )
    return listener
