"""The e-mail channel: SMTP, LMTP and IMAP in, a relay or a folder out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from channels.email.addressing import Addressing
from channels.email.compose import Identity, compose
from channels.email.gate import LOOPBACK, Gate
from channels.email.listener import Listener, listen
from channels.email.mailbox import Mailbox
from channels.email.relay import Relay, SmtpRelay, in_thread
from channels.email.signing import Signer
from channels.settings import Checks
from core.channel import DeliveryError, Door
from core.domain_records import Looked
from core.envelope import Outgoing, Sent
from core.networks import is_loopback

if TYPE_CHECKING:
    from channels.email.asking import Asking


@dataclass(slots=True, kw_only=True)
class EmailChannel:
    """See core.channel.Channel."""

    identity: Identity
    gate: Gate
    relay: Relay
    signer: Signer
    host: str
    """Our name, as others know it."""
    smtp: tuple[str, int] | None
    lmtp: tuple[str, int] | None = None
    mailboxes: Sequence[Mailbox] = ()
    authserv_ids: Sequence[str] = ()
    received_above_results: int = 0
    arc_sealers: Sequence[str] = ()
    checks: Checks = "auto"
    dns_servers: Sequence[str] = ()
    tls: Any = None
    name: str = "email"
    reader: str = "channels.email.reading.read:read"
    questions: str = "channels.email.reading.origin:questions"
    questions_in: int = 320 * 1024
    bound: dict[str, int] = field(default_factory=dict)
    """Ports really listened on, by protocol; filled when running."""
    down: dict[str, str] = field(default_factory=dict)
    """Mailboxes that cannot be read, and why."""
    left: dict[str, str] = field(default_factory=dict)
    """Mailboxes in which messages stay that cannot be taken in, and why."""
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while mail can come in."""
    _asking: asyncio.Task[Asking] | None = None

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
            "received_above_results": self.received_above_results,
            "arc_sealers": list(self.arc_sealers),
            "trusted_peers": list(self.gate.trusted_peers),
            "instance": self.identity.instance,
            "loop_key": self.identity.loop_key.hex(),
        }

    def inquires(self, arrival: Mapping[str, Any]) -> bool:
        """Did somebody hand it in whom we must look at ourselves? See core.channel.Inquiring.

        Behind LMTP, IMAP and a relay of ours stands a server that looked already. `auto` leaves out who is on this machine.
        """
        envelope = arrival["envelope"]
        peer = str(envelope.get("peer") or "")
        if self.checks == "never" or "answers" in envelope or peer in self.gate.trusted_peers:
            return False
        by_smtp = str(envelope.get("protocol") or "").upper() in ("SMTP", "ESMTP")
        return by_smtp and (self.checks == "always" or not peer.startswith((*LOOPBACK, "local")))

    async def answers(self, key: str, questions: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """See core.channel.Inquiring."""
        if self._asking is None:
            self._asking = asyncio.create_task(asyncio.to_thread(_asking, self.dns_servers), name="names")
        asking = await asyncio.shield(self._asking)
        return await asking.answers(key, questions)

    async def records(self, *, look: bool) -> Sequence[Looked]:
        """See core.channel.Publishing."""
        return await asyncio.to_thread(self._records, look)

    def _records(self, look: bool) -> Sequence[Looked]:  # noqa: FBT001 - a thread is given no names
        # Half a second of imports, in a thread, for who looks at this.
        from channels.email import publishing  # noqa: PLC0415
        from channels.email.resolving import Resolver  # noqa: PLC0415

        peers = self.gate.trusted_peers
        in_front = bool(peers or self.lmtp)
        # A mail server signs its results with its own name, mostly (RFC 8601, 2.5).
        mx = next((one for one in self.authserv_ids if "." in one), self.host) if in_front else self.host
        # A filter elsewhere only brings mail; a mail server on this machine is also what mail leaves by.
        beside = any(map(is_loopback, peers)) or (self.lmtp is not None and is_loopback(self.lmtp[0]))
        of = publishing.Domains(
            addresses=self.addressing.addresses,
            reply_domain=self.addressing.reply_domain,
            mx=mx,
            host=mx if beside else self.host,
            relay=self.relay.host if isinstance(self.relay, SmtpRelay) else "",
            direct=self.smtp is not None and not in_front and not self.mailboxes,
            keys=self.signer.keys,
        )
        try:
            if look:  # with a resolver that remembers nothing: who looks again has changed something
                return publishing.look(of, Resolver(self.dns_servers))
            return [Looked(wanted=one) for one in publishing.wanted(of)]
        except (OSError, ValueError) as error:
            message = f"the key for signatures cannot be used: {error}"
            raise DeliveryError(message) from error

    async def log_ins(self) -> Mapping[str, str]:
        """See core.channel.LoggingIn."""
        ways = {f"the mailbox {one.name}": one.log_in for one in self.mailboxes}
        if isinstance(self.relay, SmtpRelay):
            ways[str(self.relay)] = self.relay.log_in
        found = await asyncio.gather(*(way() for way in ways.values()), return_exceptions=True)
        return {name: "" if one is None else _why(one) for name, one in zip(ways, found, strict=True)}

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
                    tasks.create_task(
                        mailbox.watch(door, self.down, self.left), name=f"mailbox-{mailbox.user}"
                    )
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
        now = datetime.now(UTC)
        mailbox = self.addressing.mailbox(outgoing.mailbox)
        mail = compose(outgoing, self.identity, now=now)
        domain = mailbox.rpartition("@")[2]
        mail = await in_thread(partial(self.signer.signed, mail, domain=domain, now=now))
        sender = self.addressing.bounce(mailbox, outgoing.bounce_token)
        return await self.relay.send(outgoing.ref, sender, outgoing.to.address, mail)


def _why(error: BaseException) -> str:
    if not isinstance(error, DeliveryError):
        raise error
    return str(error)


def _asking(servers: Sequence[str]) -> Asking:
    # Half a second of imports, in a thread, for the first mail that comes from outside.
    from channels.email.asking import Asking  # noqa: PLC0415
    from channels.email.resolving import Resolver  # noqa: PLC0415

    return Asking(Resolver(servers))


async def _open(listener: Listener) -> None:
    """Until cancelled; it closes while the mailboxes are left, not after."""
    try:
        await asyncio.Event().wait()
    finally:
        await listener.close()
