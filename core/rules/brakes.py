"""When does the desk hold back its own voice, or somebody's flood? Counts in, a decision with its reason out (email.md 10)."""

from __future__ import annotations

from dataclasses import dataclass

from core.envelope import Kind, Trust
from core.rules.threading import rights


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers; all are settings."""

    known_per_hour: int = 1
    known_per_day: int = 3
    unknown_per_day: int = 1
    unknown_of_domain: int = 30
    """In an hour: whoever writes under a new name of the same domain each time is not answered without end."""
    automatic_per_minute: int = 60
    automatic_per_hour: int = 500
    mails_of_sender: int = 20
    """In ten minutes; more are held."""
    same_text: int = 3
    """Of one sender in ten minutes; more belong to the first."""
    machines_per_hour: int = 5
    """Messages of machines on one ticket; more are recorded and not shown there."""
    reopens_per_day: int = 3
    """By mail, of one ticket, without staff touching it between."""
    notices_per_hour: int = 10
    """Of what was done, to one address; what comes beyond waits, and becomes one."""
    wrong_tokens: int = 20
    """Reply addresses that were never issued, from one place in an hour; then nothing with a token is taken from there."""
    own_loops: int = 3
    """Mails of ours that come back within ten minutes; then staff are told."""
    servers: int = 50
    """That a mail passed; beyond it goes in circles (RFC 5321, 6.3)."""
    own_servers: int = 3
    """Of ours among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """May the desk answer by itself?"""

    allowed: bool
    reason: str
    plain: bool = False
    """Without a word of the sender's, a name or what a contract says."""
    unnamed: bool = False
    """Also without the id of their mail, which whoever forged the author may have chosen: it could lead the victim's programs astray."""

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often the desk acknowledged this address, and spoke by itself to anybody."""

    address_hour: int = 0
    address_day: int = 0
    domain_hour: int = 0
    """Of the unknown in the domain of this address."""
    automatic_minute: int = 0
    automatic_hour: int = 0


def may_acknowledge(
    *, kind: Kind, may_auto_reply: bool, known: bool, trust: Trust, counts: Counts, limits: Limits
) -> Acknowledge:
    """One acknowledgement per new ticket, and never a conversation with a machine.

    `known`: the author is a contact. An author who is not, or whose mail proves nothing at all, gets one a day, plain.
    """
    if not rights(kind).may_be_acknowledged or not may_auto_reply:
        return Acknowledge(allowed=False, reason="machine")
    if (
        counts.automatic_minute >= limits.automatic_per_minute
        or counts.automatic_hour >= limits.automatic_per_hour
    ):
        return Acknowledge(allowed=False, reason="breaker")
    if known and trust.at_least(Trust.WEAK):
        if trust is Trust.VERIFIED:
            return Acknowledge(allowed=True, reason="signed_in")
        if counts.address_hour >= limits.known_per_hour or counts.address_day >= limits.known_per_day:
            return Acknowledge(allowed=False, reason="address_had_its_share")
        return Acknowledge(allowed=True, reason="known", plain=not trust.at_least(Trust.ALIGNED))
    if counts.address_day >= limits.unknown_per_day:
        return Acknowledge(allowed=False, reason="address_had_its_share")
    if counts.domain_hour >= limits.unknown_of_domain:
        return Acknowledge(allowed=False, reason="domain_had_its_share")
    return Acknowledge(allowed=True, reason="unknown", plain=True, unnamed=not trust.at_least(Trust.ALIGNED))


CHAT_TURNS = 3
"""A chat says in so many messages what a mail says in one."""


def flooding(*, mails_of_sender: int, limits: Limits, in_chat: bool = False) -> bool:
    """Does one sender write faster than anybody reads?"""
    return mails_of_sender >= limits.mails_of_sender * (CHAT_TURNS if in_chat else 1)


def repeats(*, same_text: int, limits: Limits) -> bool:
    """Did one sender say the same so often that it is one request?"""
    return same_text >= limits.same_text


def chattering(*, of_machines: int, limits: Limits) -> bool:
    """Do machines write more into a ticket than anybody wants to see there?"""
    return of_machines >= limits.machines_per_hour


def may_reopen(*, reopens_today: int, limits: Limits) -> bool:
    """May a mail open a solved ticket once more, or do two machines keep it going?"""
    return reopens_today < limits.reopens_per_day


def guessing(*, wrong_tokens: int, limits: Limits) -> bool:
    """Does somebody try reply addresses until one is right?"""
    return wrong_tokens >= limits.wrong_tokens


def looping_back(*, own_loops: int, limits: Limits) -> bool:
    """Does our own mail come back to us again and again?"""
    return own_loops >= limits.own_loops


def in_circles(*, servers: int, own_servers: int, limits: Limits) -> bool:
    """Did a mail pass so many servers, or ours so often, that it goes round?"""
    return servers > limits.servers or own_servers > limits.own_servers
