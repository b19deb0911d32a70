"""How far is the author of a message believed? Evidence in, one level out, with its reasons (email.md 12)."""

from __future__ import annotations

from dataclasses import dataclass

from core.envelope import Authentication, Trust

REFUSING = ("quarantine", "reject")
"""What a domain asks for that does not want its failing mail believed (RFC 7489, 6.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustDecision:
    """The level, and the codes of why, the deciding one first."""

    trust: Trust
    reasons: tuple[str, ...]


def decide(
    *,
    known: bool,
    proved: bool,
    defects: tuple[str, ...],
    authentication: Authentication,
    token: bool,
    own: bool = False,
) -> TrustDecision:
    """Weigh what speaks for the author.

    `known`: the address is a contact's or an agent's. `proved`: a log-in, PIN or linked account, never mail. `token`:
    the message came to an address that was given to exactly this author for this thread. `own`: the address is one of
    the desk's own, which everybody can read and nobody writes from.

    A token says "has seen our mail to this person", not that the domain vouches for it: whoever needs both asks for
    both. A check that could not be made (temperror) is neither proof nor a failure.
    """
    failed = authentication.verdict == "fail"
    if proved:
        return _level(Trust.VERIFIED, "signed_in")
    if defects:
        return _level(Trust.NONE, "author_unusable", *defects)
    if failed and authentication.policy in REFUSING:
        return _level(Trust.NONE, "dmarc_fail")
    if own and authentication.verdict != "pass":
        return _level(Trust.NONE, "own_address_unproved")
    if token and not failed:
        return _level(Trust.TOKEN, "reply_address_of_author")
    if authentication.verdict == "pass":
        return _level(Trust.ALIGNED, "dmarc_pass")
    doubts = ("dmarc_fail_unenforced",) if failed else ()
    if known:
        return _level(Trust.WEAK, "known_address", *doubts)
    return _level(Trust.NONE, "unknown_address", *doubts)


def _level(trust: Trust, *reasons: str) -> TrustDecision:
    return TrustDecision(trust=trust, reasons=reasons)
