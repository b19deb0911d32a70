"""Who sent a mail that was handed to us directly? SPF, DKIM, DMARC and ARC put together, from answers that were fetched before.

Two steps, both without a network and repeatable: `questions` says what must be asked, from the header, and that of a mail that is attached; the hub asks
and keeps the answers with the mail; `judge` says what they prove.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from channels.email.reading import addresses, arc, body, dmarc, forwarded, ours, signatures, structure
from channels.email.reading.signatures import Signature, Signed
from core.envelope import Authentication

OF_ORIGINAL = 2  # signatures of an attached mail that are looked at


def questions(raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """What must be known of the DNS to judge this mail: the bytes that hold its header are enough.

    `keys`, `policies`: names of TXT records; `exists`: the domain in From, or empty; `helo`, `sender` and `peer` as they came.
    """
    desk = ours.desk(options)
    mail = signatures.split(raw)
    root = structure.parse(raw).root
    author = _author(root)
    keys = [signatures.key_name(signatures.written(one)) for one in _looked_at(mail, author)]
    report = root.type == "multipart/report"  # what it returns nobody passes on
    inner_keys, inner_policies = _of_original(None if report else forwarded.original(root))
    keys += inner_keys
    if _sealed_by(mail) & desk.arc_sealers:
        keys += arc.sealers(mail)
    envelope = arrival.get("envelope") or {}
    return {
        "keys": [name for name in dict.fromkeys(keys) if name],
        "policies": list(dict.fromkeys([*(dmarc.names(author) if author else ()), *inner_policies])),
        "exists": author,
        "peer": str(envelope.get("peer") or ""),
        "helo": str(envelope.get("helo") or ""),
        "sender": str(arrival.get("sender") or ""),
    }


def _of_original(original: bytes | None) -> tuple[list[str], list[str]]:
    """Names of keys and policies that say whether a mail that is attached is its author's."""
    if original is None:
        return [], []
    mail, author = signatures.split(original), _author(structure.parse(original).root)
    near = _of_author(mail, author)
    return [signatures.key_name(signatures.written(one)) for one in near], dmarc.names(author) if near else []


def signer_of_original(original: bytes, answers: Mapping[str, Any], arrival: Mapping[str, Any]) -> str:
    """The domain whose signature stands behind the author of a mail that is attached; empty: none does.

    Whoever has seen a mail can attach it: it proves who wrote it, and nothing of who passes it on.
    """
    texts = answers.get("txt") or {}
    mail, author = signatures.split(original), _author(structure.parse(original).root)
    found, _, unknown = _policy(author, texts)
    strict = unknown if found is None else found.strict_dkim
    checked = (signatures.check(mail, one, texts, at=_came_at(arrival)) for one in _of_author(mail, author))
    return next(
        (
            one.domain
            for one in checked
            if one.result == "pass" and dmarc.aligned(one.domain, author, strict=strict)
        ),
        "",
    )


def _of_author(mail: Signed, author: str) -> list[bytes]:
    """The signatures of an attached mail that may stand behind its author."""
    return [
        one
        for one in _looked_at(mail, author)
        if author and dmarc.aligned(signatures.written(one).get("d", "").lower(), author, strict=False)
    ][:OF_ORIGINAL]


def _came_at(arrival: Mapping[str, Any]) -> datetime:
    at = arrival.get("received_at")
    return at if isinstance(at, datetime) else datetime.fromisoformat(str(at))


@dataclass(frozen=True, slots=True)
class _Facts:
    author: str
    spf: Mapping[str, Any]
    signed: list[Signature]
    found: dmarc.Policy | None
    own: bool
    """The policy is of the very domain in From."""
    unknown: bool
    """Nobody could say whether there is a policy."""

    @property
    def sender(self) -> str:
        """The domain that SPF spoke about."""
        return str(self.spf.get("domain") or "")

    def proofs(self, result: str) -> list[str]:
        """By what From's domain stands behind the mail, of all that has this result."""
        # As long as nobody says what the domain asks for, it may ask for the very same name.
        strict_dkim = self.unknown if self.found is None else self.found.strict_dkim
        strict_spf = self.unknown if self.found is None else self.found.strict_spf
        found = [
            f"dkim:{one.domain}"
            for one in self.signed
            if one.result == result and dmarc.aligned(one.domain, self.author, strict=strict_dkim)
        ]
        if self.spf.get("result") == result and dmarc.aligned(self.sender, self.author, strict=strict_spf):
            found.append(f"spf:{self.sender}")
        return found


def judge(
    raw: bytes, root: structure.Part, answers: Mapping[str, Any], arrival: Mapping[str, Any], desk: ours.Desk
) -> Authentication:
    """What the answers prove. `root`: of the mail as it came; `answers`: of channels.email.asking, or nothing at all."""
    texts = answers.get("txt") or {}
    author = _author(root)
    mail = signatures.split(raw)
    at = _came_at(arrival)
    signed = [signatures.check(mail, one, texts, at=at) for one in _looked_at(mail, author)]
    spf = answers.get("spf") or {}
    found, own, unknown = _policy(author, texts)
    facts = _Facts(author, spf, signed, found, own, unknown)
    wanted = "none"
    if found is not None:
        wanted = dmarc.asked(found, own=own, exists=answers.get("exists") is not False, raw=raw)
    verdict, why = _verdict(facts)
    evidence = [*_of_spf(answers), *map(_of_signature, signed)]
    if verdict != "pass" and author and desk.arc_sealers:
        chain = arc.check(mail, texts, listed=desk.arc_sealers, author=author, at=at)
        if chain.result != "none" or chain.sealer:
            evidence.append(_line("arc", chain.result, ("sealer", chain.sealer), ("why", chain.why)))
        evidence.append(
            _line("dmarc", verdict, ("header.from", author), ("p", wanted if found else ""), ("why", why))
        )
        if chain.result == "pass" and chain.vouched:
            return Authentication(
                verdict="pass",
                policy=wanted,
                evidence=(*evidence, f"arc=override sealer={chain.sealer}"),
            )
        if chain.result == "temperror" and verdict == "fail":
            verdict = "temperror"
    else:
        evidence.append(
            _line("dmarc", verdict, ("header.from", author), ("p", wanted if found else ""), ("why", why))
        )
    return Authentication(verdict=verdict, policy=wanted, evidence=tuple(evidence))


def _verdict(facts: _Facts) -> tuple[str, str]:
    """pass, fail, temperror or none, and why in a code."""
    if not facts.author:
        return "none", "author_unusable"
    if facts.proofs("pass"):
        return "pass", ""
    if facts.unknown or facts.proofs("temperror"):
        return "temperror", "no_answer"
    if facts.found is None:
        return "none", "no_policy"
    return "fail", ""


def _policy(author: str, texts: signatures.Keys) -> tuple[dmarc.Policy | None, bool, bool]:
    for n, name in enumerate(dmarc.names(author) if author else ()):
        records = texts.get(name)
        if records is None:
            return None, False, True
        found = dmarc.policy(records)
        if found is not None:
            return found, n == 0, False
    return None, False, False


def _author(root: structure.Part) -> str:
    """The domain of the one author; empty where there is none that can be relied on (RFC 7489, 6.6.1)."""
    found = addresses.author(root.header.all("from"), body.charset_of_header(root))
    return found.address.domain if found.address is not None and not found.defects else ""


def _looked_at(mail: Signed, author: str) -> list[bytes]:
    """The signatures that are looked at: those that can prove something first."""
    fields = mail.all(signatures.NAME)[:50]
    near = [
        dmarc.aligned(signatures.written(one).get("d", "").lower(), author, strict=False) if author else False
        for one in fields
    ]
    return [one for _, one in sorted(zip(near, fields, strict=True), key=lambda pair: not pair[0])][
        : signatures.SIGNATURES
    ]


def _sealed_by(mail: Signed) -> set[str]:
    return {signatures.written(one).get("d", "").lower() for one in mail.all("arc-seal")[: arc.SETS]}


# --- In the words of RFC 8601 --------------------------------------------------------------------------------


def _of_spf(answers: Mapping[str, Any]) -> Iterator[str]:
    for name, scope in (("spf", "smtp.mailfrom"), ("helo", "smtp.helo")):
        said = answers.get(name) or {}
        if said.get("result"):
            yield _line("spf", said["result"], (scope, said.get("domain", "")), ("why", said.get("why", "")))


def _of_signature(one: Signature) -> str:
    return _line("dkim", one.result, ("header.d", one.domain), ("header.s", one.selector), ("why", one.why))


def _line(method: str, result: str, *properties: tuple[str, str]) -> str:
    """One method as Authentication-Results has it; values are one word each.

    >>> _line("spf", "pass", ("smtp.mailfrom", "acme.test"), ("why", ""))
    'spf=pass smtp.mailfrom=acme.test'
    """
    told = [
        f"{name}={''.join(c for c in value if c.isprintable() and not c.isspace())[:253]}"
        for name, value in properties
        if value
    ]
    return " ".join([f"{method}={result}", *told])
