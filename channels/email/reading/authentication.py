"""What does the relay we trust say about the origin of a mail? RFC 8601; nobody else's word counts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels.email.reading import headers, structure
from core.envelope import Authentication

CHARACTERS = 8_000  # of one field
_RESULT = re.compile(r"\s*(dmarc|dkim|spf|arc|auth)\s*(?:/\s*\d+\s*)?=\s*([a-z]{2,12})\b", re.IGNORECASE)
_POLICY = re.compile(
    r"(?:^|[\s(;])(?:p|policy\.published-domain-policy|policy\.dmarc)\s*=\s*(none|quarantine|reject)",
    re.IGNORECASE,
)
_AUTHOR = re.compile(r"\sheader\.from\s*=\s*([^\s;]{1,255})", re.IGNORECASE)
_VERDICTS = {"pass": "pass", "fail": "fail", "temperror": "temperror", "bestguesspass": "none"}


def read(header: structure.Header, trusted: frozenset[str], *, below: int = 0) -> Authentication:
    """DMARC's word from the topmost Authentication-Results of a trusted server.

    Only fields above the first Received count: those the trusted relay put on top when it took the mail. A sender can
    write everything below, with any server's name on it. `below`: so many Received the trusted servers write above their
    results, as who keeps the hub knows of them.
    """
    if not trusted or "authentication-results" not in header.by_name:
        return Authentication()
    evidence: list[str] = []
    verdict, policy = "none", "none"
    hops = 0
    for field in header.fields:
        if field.name == "received":
            hops += 1
            if hops > below:
                break
        if field.name != "authentication-results":
            continue
        server, *methods = _parts(headers.raw_text(field.value)[:CHARACTERS])
        named = server.plain.split()
        if not named or named[0].strip('"').lower() not in trusted:
            break
        for one in methods:
            found = _RESULT.match(one.plain)
            if found is None:
                continue
            method, result = found.group(1).lower(), found.group(2).lower()
            evidence.append(f"{method}={result}")
            if method == "dmarc" and verdict == "none":
                verdict = _VERDICTS.get(result, "none")
                asked = _POLICY.search(f"{one.plain} {one.comments}")
                policy = asked.group(1).lower() if asked is not None else "none"
    return Authentication(verdict=verdict, policy=policy, evidence=tuple(dict.fromkeys(evidence))[:20])


def said(results: str) -> dict[str, str]:
    """Each method's first result in what stands behind the server's name.

    >>> said(' spf=fail smtp.mailfrom="x; dmarc=pass"@evil.test; dmarc=fail (p=reject)')
    {'spf': 'fail', 'dmarc': 'fail'}
    """
    found: dict[str, str] = {}
    for one in _parts(results[:CHARACTERS]):
        match = _RESULT.match(one.plain)
        if match is not None:
            found.setdefault(match.group(1).lower(), match.group(2).lower())
    return found


def author(results: str) -> str:
    """The domain in From that DMARC was asked about, as the results name it; empty: they do not."""
    for one in _parts(results[:CHARACTERS]):
        match = _RESULT.match(one.plain)
        if match is not None and match.group(1).lower() == "dmarc":
            named = _AUTHOR.search(one.plain)
            return named.group(1).rpartition("@")[2].lower() if named is not None else ""
    return ""


class _Part:
    """What stands between two semicolons: outside of quotes and comments, and in comments."""

    def __init__(self, plain: str, comments: str) -> None:
        self.plain, self.comments = plain, comments


def _parts(text: str) -> Iterator[_Part]:
    """Cut at semicolons that are nobody's quotation: relays copy what senders wrote between quotes."""
    plain: list[str] = []
    comments: list[str] = []
    quoted, depth, at = False, 0, 0
    while at < len(text):
        c = text[at]
        at += 1
        if c == "\\" and (quoted or depth):
            at += 1
        elif quoted:
            quoted = c != '"'
            plain.append("_" if c.isspace() else c)  # so that nothing begins inside
        elif c == '"' and not depth:
            quoted = True
            plain.append(c)
        elif c == "(":
            depth += 1
            comments.append(" ")
        elif c == ")" and depth:
            depth -= 1
            plain.append(" ")
        elif depth:
            comments.append(c)
        elif c == ";":
            yield _Part("".join(plain), "".join(comments))
            plain, comments = [], []
        else:
            plain.append(c)
    yield _Part("".join(plain), "".join(comments))
