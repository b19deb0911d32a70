"""The e-mail channel: SMTP, LMTP and IMAP in, a relay or a folder out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from channels.email.addressing import Addressing
from channels.email.compose import Identity, compose
from channels.email.gate import Gate
from channels.email.listener import Listener, listen
from channels.email.mailbox import Mailbox
from channels.email.relay import Relay
from core.channel import Door
from core.envelope import Outgoing, Sent


@dataclass(slots=True, kw_only=True)
class EmailChannel:
    """See core.channel.Channel."""

    identity: Identity
    gate: Gate
    relay: Relay
    smtp: tuple[str, int] | None
    lmtp: tuple[str, int] | None = None
    mailboxes: Sequence[Mailbox] = ()
    authserv_ids: Sequence[str] = ()
    tls: Any = None
    name: str = "email"
    reader: str = "channels.email.reading.read:read"
    bound: dict[str, int] = field(default_factory=dict)
    """Ports really listened on, by protocol; filled when running."""
    down: dict[str, str] = field(default_factory=dict)
    """Mailboxes that cannot be read, and why."""
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while mail can come in."""

    @property
    def addressing(self) -> Addressing:
        """Whose mail this is."""
        return self.identity.addressing

    @property
    def reader_options(self) -> Mapping[str, Any]:
        """See channels.email.reading.read."""
        return {
            "domain": self.addressing.domain,
            "addresses": list(self.addressing.addresses),
            "reply_domain": self.addressing.reply_domain,
            "authserv_ids": list(self.authserv_ids),
            "trusted_peers": list(self.gate.trusted_peers),
            "instance": self.identity.instance,
            "loop_key": self.identity.loop_key.hex(),
        }

    async def run(self, door: Door) -> None:
        """Listen and watch until cancelled."""
        listeners: list[Listener] = []
        try:
            for protocol, place in (("smtp", self.smtp), ("lmtp", self.lmtp)):
                if place is not None:
                    listener = await listen(*place, self.gate, door, lmtp=protocol == "lmtp", tls=self.tls)
                    self.bound[protocol] = listener.port
                    listeners.append(listener)
            self.listening.set()
            async with asyncio.TaskGroup() as tasks:
                for mailbox in self.mailboxes:
                    tasks.create_task(mailbox.watch(door, self.down), name=f"mailbox-{mailbox.user}")
                for listener in listeners:
                    tasks.create_task(_open(listener), name="listener-until-cancelled")
                if not (listeners or self.mailboxes):
                    await asyncio.Event().wait()  # it only sends
        finally:
            self.listening.clear()
            self.bound.clear()
            await asyncio.gather(*(listener.close() for listener in listeners))

    async def send(self, outgoing: Outgoing) -> Sent:
        """One mail to one person, with its own reply address and envelope sender."""
        mail = compose(outgoing, self.identity, now=datetime.now(UTC))
        mailbox = self.addressing.mailbox(outgoing.mailbox)
        sender = self.addressing.bounce(mailbox, outgoing.bounce_token)
        return await self.relay.send(outgoing.ref, sender, outgoing.to.address, mail)


async def _open(listener: Listener) -> None:
    """Until cancelled; it closes while the mailboxes are left, not after."""
    try:
        await asyncio.Event().wait()
    finally:
        await listener.close()
