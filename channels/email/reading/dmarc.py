"""Does the domain in From stand behind a mail, and what does it ask for if not? DMARC (RFC 7489, RFC 9091), as values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

from channels.email.reading import signatures

_POLICIES = ("none", "quarantine", "reject")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a domain publishes about mail in its name."""

    policy: str
    """none, quarantine or reject."""
    subdomains: str
    missing: str
    """Of subdomains that do not exist (RFC 9091)."""
    strict_dkim: bool = False
    strict_spf: bool = False
    percent: int = 100


def organisation(domain: str) -> str:
    """The organisational domain (3.2): one label below a public suffix; empty where there is none.

    >>> organisation("mail.acme.co.uk"), organisation("acme.test"), organisation("co.uk")
    ('acme.co.uk', 'acme.test', '')
    """
    return _suffixes().privatesuffix(domain) or ""


def names(domain: str) -> list[str]:
    """Where its policy may be published, the nearest first (6.6.3)."""
    return [f"_dmarc.{one}" for one in dict.fromkeys((domain, organisation(domain))) if one]


def policy(records: Sequence[str]) -> Policy | None:
    """The one policy among the TXT records of a name (6.3). None: there is none, or there are several."""
    found = [record for record in records if record.partition(";")[0].replace(" ", "") == "v=DMARC1"]
    if len(found) != 1:
        return None
    tagged = signatures.tags(found[0])
    asked = tagged.get("p", "").lower()
    if asked not in _POLICIES:
        if not tagged.get("rua"):
            return None
        asked = "none"  # 6.6.3: it wants reports, and says nothing that can be followed
    below = tagged.get("sp", "").lower()
    below = below if below in _POLICIES else asked
    missing = tagged.get("np", "").lower()
    percent = tagged.get("pct", "100")
    return Policy(
        policy=asked,
        subdomains=below,
        missing=missing if missing in _POLICIES else below,
        strict_dkim=tagged.get("adkim", "r").lower() == "s",
        strict_spf=tagged.get("aspf", "r").lower() == "s",
        percent=min(int(percent), 100)
        if percent.isascii() and percent.isdigit() and len(percent) < 4
        else 100,
    )


def aligned(domain: str, author: str, *, strict: bool) -> bool:
    """Does what is proved of `domain` speak for the domain in From (3.1)?

    >>> aligned("mail.acme.test", "acme.test", strict=False), aligned("mail.acme.test", "acme.test", strict=True)
    (True, False)
    >>> aligned("co.uk", "acme.co.uk", strict=False)
    False
    """
    if domain == author:
        return bool(organisation(author))
    return not strict and bool(organisation(author)) and organisation(domain) == organisation(author)


def asked(found: Policy, *, own: bool, exists: bool, raw: bytes) -> str:
    """What the domain asks for when a mail in its name fails: none, quarantine or reject.

    `own`: the policy is of the very domain, else of its organisation; `exists`: the domain does. A policy for a part of all
    mail (`pct`, 6.6.4) is followed for that part, by the bytes of the mail: looking again gives the same.
    """
    wanted = found.policy if own else found.subdomains if exists else found.missing
    if found.percent >= 100 or int.from_bytes(hashlib.sha256(raw).digest()[:4]) % 100 < found.percent:
        return wanted
    return _POLICIES[max(_POLICIES.index(wanted) - 1, 0)]


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
