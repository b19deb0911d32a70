"""How do we show a mail server a token in place of a password? By SASL: OAUTHBEARER (RFC 7628), or XOAUTH2, which is older and no standard."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from core.channel import DeliveryError

WITHIN = 15.0  # seconds for a token to be there
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
"""Best first. Microsoft has the second only."""
_LINE = 510  # bytes of a command with its first answer (RFC 4954 4)


class LogInRefused(DeliveryError):
    """A server did not take our token, or there is none to be had. The next try may be better: somebody is told meanwhile."""


class Tokens(Protocol):
    """The tokens of one account. May be asked by many at once: the provider is asked once."""

    async def current(self, *, but: str = "") -> str:
        """A token that is good for a while. `but`: one that a server refused; the same again means that no other will do better.

        Raises LogInRefused.
        """
        ...


class Bearer:
    """One log-in by a token: what is said first, and what when the server says why it refuses (RFC 7628 3.2.3).

    Called by imaplib with what the server said, by smtplib also with nothing.
    """

    def __init__(self, mechanism: str, user: str, token: str, *, host: str, port: int) -> None:
        self.mechanism = mechanism
        if mechanism == "OAUTHBEARER":
            name = user.replace("=", "=3D").replace(",", "=2C")
            self._first = f"n,a={name},\1host={host}\1port={port}\1auth=Bearer {token}\1\1"
        else:
            self._first = f"user={user}\1auth=Bearer {token}\1\1"
        self._said = False
        self.reason = ""
        """Why, as the server said it: a status and little more."""

    def __call__(self, challenge: bytes | None = None) -> str:
        if not self._said:
            self._said = True
            return self._first
        words = (challenge or b"").decode("utf-8", "replace")
        self.reason = " ".join("".join(c if c.isprintable() else " " for c in words).split())[:200]
        return "\1" if self.mechanism == "OAUTHBEARER" else ""

    @property
    def fits_a_line(self) -> bool:
        """May it be said with the command? A long one is said when the server asks for it."""
        encoded = (len(self._first.encode()) + 2) // 3 * 4
        return len(f"AUTH {self.mechanism} ") + encoded <= _LINE


def mechanism(offered: Collection[str], server: str) -> str:
    """Which of those that a server offers we use. Raises LogInRefused: it takes no tokens."""
    names = {name.upper() for name in offered}
    found = next((one for one in MECHANISMS if one in names), None)
    if found is None:
        there = ", ".join(sorted(names)) or "nothing"
        raise LogInRefused(f"{server} takes no log-in by OAuth 2.0: it offers {there}")
    return found


def refused(server: str, user: str, said: str, reason: str = "") -> LogInRefused:
    """A server did not take our token."""
    why = " ".join(one for one in (said, reason) if one)
    return LogInRefused(
        f"{server} does not let us in as {user} with the token that the provider gave us: {why}. "
        "See to user and scope, and whether the application may use this mailbox"
    )
