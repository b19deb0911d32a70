"""How bad is that in our words? Every tool has words and numbers of its own."""

from __future__ import annotations

from collections.abc import Mapping

from core.alerting import Severity

_NAMED: Mapping[Severity, str] = {
    Severity.CRITICAL: "critical crit fatal disaster emergency emerg alert panic down unreachable p1 sev0 sev1 blocker",
    Severity.MAJOR: "major high error err severe p2 alerting problem",
    Severity.MINOR: "minor average medium p3",
    Severity.WARNING: "warning warn low notice p4",
    Severity.INFO: "info information informational debug none not_classified unclassified verbose p5",
    Severity.OK: "ok up normal cleared clear recovered resolved recovery green",
    Severity.UNKNOWN: "unknown undefined",
}
WORDS: Mapping[str, Severity] = {
    word: severity for severity, words in _NAMED.items() for word in words.split()
}
"""Words that many tools use, in lower case."""

SYSLOG = (
    Severity.CRITICAL,
    Severity.CRITICAL,
    Severity.CRITICAL,
    Severity.MAJOR,
    Severity.WARNING,
    Severity.INFO,
    Severity.INFO,
    Severity.INFO,
)
"""By the number in PRI (RFC 5424, 6.2.1)."""
ZABBIX = (
    Severity.INFO,
    Severity.INFO,
    Severity.WARNING,
    Severity.MINOR,
    Severity.MAJOR,
    Severity.CRITICAL,
)
"""By {EVENT.NSEVERITY}: not classified, information, warning, average, high, disaster."""


def of_word(word: object, own: Mapping[str, str], table: Mapping[str, Severity] = WORDS) -> Severity:
    """Our severity for a word or number of the payload; unknown: nobody knows it.

    `own`: the source's table, which goes first; `table`: the tool's.

    >>> of_word("Warning", {}), of_word("p1", {"p1": "minor"}), of_word("purple", {})
    (<Severity.WARNING: 'warning'>, <Severity.MINOR: 'minor'>, <Severity.UNKNOWN: 'unknown'>)
    """
    key = str(word).strip().lower() if word is not None else ""
    if key in own:
        return Severity(own[key])
    return table.get(key) or WORDS.get(key.replace(" ", "_"), Severity.UNKNOWN)
