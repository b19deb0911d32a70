"""What must the domains of the desk say in the DNS, and what do they say? Plain values; the channel that needs it looks (core.channel.Publishing)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """How a record stands, worst first."""

    WRONG = "wrong"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """Nobody answered just now."""
    REMARK = "remark"
    """It works, and could be better; or nobody can tell from here."""
    GOOD = "good"
    UNSEEN = "unseen"
    """Nobody looked."""


_WORST_FIRST = tuple(Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to say of a record."""

    verdict: Verdict
    code: str
    """Its words are those of the catalogue: `dns.say.<code>`."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What its words name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A record that should be there."""

    what: str
    """mx, reply_mx, spf, dkim, dmarc or ptr: what it is for, `dns.what.<what>`."""
    name: str
    type: str
    """MX, TXT or PTR."""
    value: str
    """What is to stand there, as text."""
    domain: str
    """Whose record it is."""
    selector: str = ""
    """Of a key."""

    @property
    def line(self) -> str:
        """The same for a zone file (RFC 1035 5.1): long texts are several strings. Empty where the zone is of whoever gave the address."""
        if self.type == "PTR":
            return ""
        if self.type != "TXT":
            return f"{self.name}. IN {self.type} {self.value}"
        pieces = " ".join(f'"{self.value[n : n + 255]}"' for n in range(0, len(self.value), 255))
        return f"{self.name}. IN TXT {pieces}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A record that should be there, and what was found when somebody looked."""

    wanted: Wanted
    findings: tuple[Finding, ...] = ()
    found: tuple[str, ...] = ()
    """What is published there."""

    @property
    def verdict(self) -> Verdict:
        """The worst of what there is to say."""
        if not self.findings:
            return Verdict.UNSEEN
        return min((one.verdict for one in self.findings), key=_WORST_FIRST.index)
