"""What does the relay we trust say about the origin of a mail? RFC 8601; nobody else's word counts."""

from __future__ import annotations

import re

from channels.email.reading import headers, structure
from core.envelope import Authentication

_RESULT = re.compile(r"(?:^|[;\s])(dmarc|dkim|spf|arc|auth)\s*=\s*([a-z]{2,12})", re.IGNORECASE)
_COMMENT = re.compile(r"\(([^()]{0,300})\)")
_POLICY = re.compile(
    r"(?:^|[\s(;])(?:p|policy\.published-domain-policy|policy\.dmarc)\s*=\s*(none|quarantine|reject)",
    re.IGNORECASE,
)
_VERDICTS = {"pass": "pass", "fail": "fail", "temperror": "temperror", "bestguesspass": "none"}


def read(header: structure.Header, trusted: frozenset[str]) -> Authentication:
    """DMARC's word from the topmost Authentication-Results of a trusted server.

    Only fields above the first Received count: those the trusted relay put on top when it took the mail. A sender can
    write everything below, with any server's name on it.
    """
    if not trusted or "authentication-results" not in header.by_name:
        return Authentication()
    evidence: list[str] = []
    verdict, policy = "none", "none"
    for field in header.fields:
        if field.name == "received":
            break
        if field.name != "authentication-results":
            continue
        value = headers.raw_text(field.value)[:8_000]
        server = _COMMENT.sub(" ", value.partition(";")[0]).split()
        if not server or server[0].strip('"').lower() not in trusted:
            break
        said = value.partition(";")[2]
        for method, result in _RESULT.findall(_COMMENT.sub(" ", said)):
            evidence.append(f"{method.lower()}={result.lower()}")
            if method.lower() == "dmarc" and verdict == "none":
                verdict = _VERDICTS.get(result.lower(), "none")
                asked = _POLICY.search(said)
                policy = asked.group(1).lower() if asked is not None else "none"
    return Authentication(verdict=verdict, policy=policy, evidence=tuple(dict.fromkeys(evidence))[:20])
