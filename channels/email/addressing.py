"""Which mail addresses are ours, and what do those with a token mean?"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core import addresses

_TOKEN = re.compile(r"\+([rb])-([a-z2-7]{26})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressing:
    """The desk's addresses, and the domain of addresses that carry a token."""

    domain: str
    addresses: tuple[str, ...]
    """As `core.addresses.key` has them; the first one is the desk's own name and box."""
    reply_domain: str

    def ours(self, address: str) -> bool:
        """Do we take mail for this address? A wrong token is answered like a right one."""
        if address.lower() == "postmaster":  # RFC 5321 4.5.1: taken without a domain too
            return True
        local, _, domain = addresses.key(address).rpartition("@")
        if f"{local}@{domain}" in self.addresses or (local == "postmaster" and domain == self.domain):
            return True
        if _TOKEN.search(local):
            return domain == self.reply_domain or f"{_TOKEN.sub('', local)}@{domain}" in self.addresses
        base = local.partition("+")[0]
        return "+" in local and f"{base}@{domain}" in self.addresses

    def tagged(self, address: str) -> bool:
        """Does an address of ours carry a token, right or wrong?"""
        return _TOKEN.search(addresses.key(address).rpartition("@")[0]) is not None

    def mailbox(self, wanted: str) -> str:
        """The address a conversation is held with: the wanted one if it is ours, else the desk's first."""
        return wanted if addresses.key(wanted) in self.addresses else self.addresses[0]

    def reply(self, mailbox: str, token: str) -> str:
        """The address that answers come back to; `token` was made for one person and one thread."""
        return f"{mailbox.partition('@')[0]}+r-{token}@{self.reply_domain}"

    def bounce(self, mailbox: str, token: str) -> str:
        """The envelope sender of one delivery: what comes back to it is about that delivery."""
        return f"{mailbox.partition('@')[0]}+b-{token}@{self.reply_domain}"

    def message_id(self, ref: str) -> str:
        """The Message-ID, without angle brackets, of a delivery of ours.

        >>> Addressing(domain="d.test", addresses=("a@d.test",), reply_domain="r.d.test").message_id("x")
        'm.x@d.test'
        """
        return f"m.{ref}@{self.domain}"
