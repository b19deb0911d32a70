"""Who may talk to us by SMTP and LMTP, how many at a time, how fast, and for which addresses?"""

from __future__ import annotations

from dataclasses import dataclass, field

from channels.email.addressing import Addressing
from core.common import Common
from core.networks import counted_as

LOOPBACK = ("127.", "::1")
MAILS_A_MINUTE = 600  # of one peer


@dataclass(slots=True, kw_only=True)
class Gate:
    """The limits, and what is counted against them over all listeners of the channel."""

    addressing: Addressing
    max_size: int  # bytes
    max_recipients: int
    max_connections: int
    max_per_peer: int
    max_mails_a_minute: int = MAILS_A_MINUTE
    """Of one peer."""
    idle: float = 60.0
    """Seconds between commands."""
    transaction: float = 300.0
    """Seconds from the greeting, or the last mail, to the end of the next, however busy the client is."""
    patience: float = 2.0
    """Seconds; who is silent for longer makes room when all connections are taken."""
    store_within: float = 120.0
    """Seconds; then the client is told to keep the mail."""
    trusted_peers: tuple[str, ...] = ()
    """Mail servers in front of us: not counted by peer."""
    uncounted: tuple[str, ...] = LOOPBACK
    """Beginnings of addresses where a mail server of our own would be: not counted by peer either."""
    common: Common = field(default_factory=Common)
    """Where it is counted, over all processes of the hub."""

    def enter(self, peer: str) -> bool:
        """Count a connection in; False: there are too many."""
        most = self.max_per_peer if self._counted(peer) else None
        return self.common.connections.enter(counted_as(peer), most=(most,), in_all=self.max_connections)

    def full(self) -> bool:
        """Are all connections taken?"""
        return self.common.connections.taken() >= self.max_connections

    def leave(self, peer: str) -> None:
        """Count it out again."""
        self.common.connections.leave(counted_as(peer))

    def take(self, peer: str, *, now: float) -> bool:
        """Count a mail; False: this peer sent too many in this minute. `now`: seconds, of the clock that never goes back."""
        if not self._counted(peer):
            return True
        with self.common.counts.of(f"mails {counted_as(peer)}") as mails:
            mails.amount = mails.amount + 1 if mails.at // 60 == now // 60 else 1
            mails.at = now
            return mails.amount <= self.max_mails_a_minute

    def whence(self, peer: str, sender: str) -> str:
        """From where a mail comes, as far as guessed reply addresses are counted.

        Behind a mail server of our own that is the sender's domain: the server itself brings everybody's.
        """
        return counted_as(peer) if self._counted(peer) else f"@{sender.rpartition('@')[2].lower()[:255]}"

    def _counted(self, peer: str) -> bool:
        return not peer.startswith(self.uncounted) and peer not in self.trusted_peers
