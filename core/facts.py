"""What does every verb know of the hub it works for? A few facts from the settings, carried by each transaction."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from core.ids import dated_token, day_of, token_text
from core.rules.brakes import Limits
from core.rules.quiet_hours import Quiet


def _never() -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """How this hub has mail, as far as testing it goes."""

    addresses: tuple[str, ...] = ()
    """As `core.addresses.key` has them."""
    mailboxes: tuple[str, ...] = ()
    """Those that are read by IMAP."""
    relay: str = ""
    """The server that takes what leaves; empty: it is kept as files."""
    agents_comment: bool = False
    """What staff answer by mail to a notice of a ticket becomes a note on it, where it is proved theirs."""
    visible_cc: bool = False
    """Who gets the same answer by mail is in Cc, not only named in its text."""
    answers_to: Callable[[str, str], str] = lambda address, _: address
    """The address for answers of an address of ours, with this token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFacts:
    """The hub as its customers know it, and the key its addresses are made with."""

    name: str = "Centralino"
    public_url: str = "http://127.0.0.1:8080"
    time_zone: str = "Europe/Rome"
    country: str = "IT"
    """Where telephone numbers without a country are (ISO 3166)."""
    languages: tuple[str, ...] = ("it", "en")
    dials: bool = False
    """A line is there that calls people."""
    texts_by: str = ""
    """The channel that carries text messages to telephones; empty: there is none."""
    mails_by: str = ""
    """The channel that carries letters and mail to people who are written to elsewhere; empty: there is none."""
    mail: Mail = Mail()
    brakes: Limits = Limits()  # noqa: RUF009 - frozen, so sharing one is right
    """When the desk holds back its own voice."""
    quiet: Quiet | None = None
    """When nobody's pocket rings for what can wait; None: it may at any hour."""
    token_key: bytes = b""
    """Outside the database (data_dir/keys), so that a copy of the database makes no valid address."""
    snmp_engine: str = ""
    """Who it is to devices that send informs by SNMP version 3, in hexadecimal numbers."""
    knocks: bool = False
    """It sends heartbeats to itself by the way that devices take."""
    alarms_to: str = ""
    """The group that has what the hub reports of itself; empty: who qualifies."""
    keeps_lines: timedelta = timedelta(days=30)
    """How long lines of devices that are no alarm are kept."""
    held_for: timedelta = timedelta(minutes=30)
    """How long a held message may wait for staff before that is an alarm."""
    full: Callable[[], str] = _never
    """Why nothing new can be taken in just now, in words; empty: it can (core.disk)."""
    low: Callable[[], str] = _never
    """Why that is near, in words."""

    @property
    def zone(self) -> ZoneInfo:
        """The hub's zone: ticket numbers carry its year."""
        return ZoneInfo(self.time_zone)

    def language(self, wanted: str | None) -> str:
        """The wanted language if we speak it, else our first."""
        return wanted if wanted in self.languages else self.languages[0]

    def token(self, purpose: str, *parts: str) -> str:
        """26 lower-case base32 characters (128 bits), the same for the same parts: a retry makes no new address.

        Raises ValueError without a key: a guessable address is worse than none.
        """
        return token_text(self._mac(purpose, *parts)[:16])

    def reply_token(self, thread_id: str, address: str) -> str:
        """The token of one person's answers in one conversation, always the same; it begins with the day of the thread."""
        return dated_token(day_of(thread_id), self._mac("reply", thread_id, address))

    def number_check(self, number: str) -> str:
        """The two letters behind a ticket's number in a subject: a number that another desk made has others."""
        return token_text(self._mac("number", number)[:16])[:2]

    def _mac(self, purpose: str, *parts: str) -> bytes:
        if len(self.token_key) < 16:  # noqa: PLR2004 - 128 bits
            message = "the hub has no token key; it is made on first start in data_dir/keys"
            raise ValueError(message)
        return hmac.digest(self.token_key, "|".join((purpose, *parts)).encode(), "sha256")
