"""What can be set about each channel? One table for each; its `enabled` decides whether the hub starts it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from core import addresses
from core.settings_values import (
    Encryption,
    Secret,
    Table,
    below,
    incomplete,
    is_network,
    wrong_files,
    wrong_ports,
)

_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
LONGEST_NAME = 35  # characters before the @: with `+r-` and a token it is 64, the limit of RFC 5321 4.5.3.1.1
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*/=?^_`{|}~.-]{1,64}")  # no +: what follows it is ours


class MailboxSettings(Table, frozen=True, kw_only=True):
    """[[channels.email.mailboxes]]: one folder that is watched by IMAP."""

    host: str
    user: str
    password: Secret
    port: int = 993
    folder: str = "INBOX"
    tls: Encryption = "tls"

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        yield from wrong_ports(self, "port")
        yield from (_empty(name) for name in ("host", "user", "folder") if not getattr(self, name).strip())


class EmailSettings(Table, frozen=True, kw_only=True):
    """[channels.email]: mail in by SMTP, LMTP and IMAP, out by a relay."""

    enabled: bool = True
    domain: str = "desk.test"
    addresses: tuple[str, ...] = ("support@desk.test",)
    reply_domain: str = ""
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 2525
    lmtp_host: str = "127.0.0.1"
    lmtp_port: int = 0
    tls_certificate: str = ""
    tls_key: str = ""
    max_connections: int = 200
    max_connections_per_peer: int = 20
    trusted_relays: tuple[str, ...] = ()
    authserv_ids: tuple[str, ...] = ()
    relay_host: str = ""
    relay_port: int = 25
    relay_user: str = ""
    relay_password: Secret = Secret("")
    relay_tls: Encryption = "none"
    mailboxes: tuple[MailboxSettings, ...] = ()

    @property
    def answers_domain(self) -> str:
        """Where the reply addresses live: a domain in which nobody has an identity."""
        return self.reply_domain or f"reply.{self.domain}"

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        for name in ("domain", "reply_domain"):
            domain = getattr(self, name)
            if (domain or name == "domain") and not _DOMAIN.fullmatch(addresses.domain(domain)):
                yield name, f'"{domain}" is no domain such as desk.example.org'
        if addresses.domain(self.answers_domain) == addresses.domain(self.domain):
            yield "reply_domain", "is the domain itself: it must be one in which nobody has an address"
        if not self.addresses:
            yield "addresses", f'is empty: name at least one, such as "support@{self.domain}"'
        for address in self.addresses:
            if wrong := _wrong_address(address):
                yield "addresses", wrong
        yield from wrong_ports(self, "smtp_port", "lmtp_port", "relay_port")
        yield from below(self, 1, "max_connections", "max_connections_per_peer")
        for peer in self.trusted_relays:
            if "/" in peer or not is_network(peer):
                yield "trusted_relays", f'"{peer}" is no IP address'
        yield from wrong_files(self, "tls_certificate", "tls_key")
        yield from incomplete(self, "tls_certificate", "tls_key")
        yield from incomplete(self, "relay_user", "relay_password")
        if self.enabled and not (self.smtp_host or self.lmtp_port or self.mailboxes):
            yield "smtp_host", "is empty, and there is neither lmtp_port nor a mailbox: no mail could come in"

    def remarks(self) -> Iterator[tuple[str, str]]:
        """See Table."""
        if self.relay_user and self.relay_tls == "none":
            yield (
                "relay_tls",
                'is "none": the password crosses the network for everybody to read. Better starttls or tls',
            )


class PhoneSettings(Table, frozen=True, kw_only=True):
    """[channels.phone]: calls, and the account at Twilio that carries them."""

    enabled: bool = True


class ConsoleSettings(Table, frozen=True, kw_only=True):
    """[channels.console]: a line typed at the terminal becomes a request."""

    enabled: bool = False


class ChannelSettings(Table, frozen=True, kw_only=True):
    """[channels]: every channel this hub has."""

    email: EmailSettings = EmailSettings()
    phone: PhoneSettings = PhoneSettings()
    console: ConsoleSettings = ConsoleSettings()

    def enabled(self) -> dict[str, Any]:
        """The tables of the channels that are switched on, by name."""
        tables = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: table for name, table in tables.items() if table.enabled}


def _empty(name: str) -> tuple[str, str]:
    return name, "is empty"


def _wrong_address(address: str) -> str | None:
    local, at, domain = address.rpartition("@")
    if "+" in local:
        return f'"{address}" holds a "+": what follows it is how the hub knows its reply addresses'
    if at and len(local) > LONGEST_NAME:
        return f'"{address}" is too long: at most {LONGEST_NAME} characters may stand before the @, as reply addresses add 29'
    if not at or not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(addresses.domain(domain)):
        return f'"{address}" is no address such as support@desk.example.org'
    return None
