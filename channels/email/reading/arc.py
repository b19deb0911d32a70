"""Did somebody who forwards mail for us see it pass? The chain of ARC seals (RFC 8617), of forwarders that are listed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from channels.email.reading import authentication, signatures
from channels.email.reading.signatures import Keys, Signed

SETS = 10  # of one mail; a longer chain is not believed
_SEAL, _MESSAGE, _RESULTS = "arc-seal", "arc-message-signature", "arc-authentication-results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What came of it: none, pass, fail, or temperror; who sealed last, and whether a listed one saw DMARC pass."""

    result: str
    sealer: str = ""
    why: str = ""
    vouched: bool = False


@dataclass(frozen=True, slots=True)
class _Set:
    seal: bytes
    message: bytes
    results: bytes


def sealers(mail: Signed) -> list[str]:
    """Where the keys of its chain are published; empty where there is none that can be looked at."""
    fields = (*mail.all(_SEAL)[:SETS], *mail.all(_MESSAGE)[:SETS])
    names = [signatures.key_name(signatures.written(field)) for field in fields]
    return [name for name in dict.fromkeys(names) if name]


def check(mail: Signed, keys: Keys, *, listed: Collection[str], author: str, at: datetime) -> Chain:
    """Follow the chain. `listed`: domains whose seals count; `author`: the domain in From.

    Whoever seals last may have written everything below: it must be listed. What another listed one saw before counts where
    the later one says that the chain was whole (`arc=pass`).
    """
    if not mail.all(_SEAL):
        return Chain(result="none")
    sets = _sets(mail)
    if not sets:
        return Chain(result="fail", why="incomplete")
    last = signatures.written(sets[-1].seal).get("d", "").lower()
    if last not in listed:
        return Chain(result="none", sealer=last, why="not_listed")
    try:
        _whole(mail, sets, keys, at)
    except signatures.NotBelieved as reason:
        result = "temperror" if reason.result == "temperror" else "fail"
        return Chain(result=result, sealer=last, why=reason.why)
    return Chain(result="pass", sealer=last, vouched=_vouched(sets, listed, author))


def _sets(mail: Signed) -> list[_Set]:
    """All sets, the oldest first; empty: one lacks something, or has it twice (5.2)."""
    by_number: dict[int, dict[str, bytes]] = {}
    for name in (_SEAL, _MESSAGE, _RESULTS):
        for raw in mail.all(name):
            number = signatures.written(raw).get("i", "")
            if name == _RESULTS:
                number = raw.partition(b":")[2].decode("latin-1").partition(";")[0].partition("=")[2].strip()
            if not (number.isascii() and number.isdigit() and 0 < int(number[:4]) <= SETS):
                return []
            there = by_number.setdefault(int(number), {})
            if name in there:
                return []
            there[name] = raw
    if sorted(by_number) != list(range(1, len(by_number) + 1)) or any(
        len(one) != 3 for one in by_number.values()
    ):
        return []
    return [
        _Set(by_number[n][_SEAL], by_number[n][_MESSAGE], by_number[n][_RESULTS]) for n in sorted(by_number)
    ]


def _whole(mail: Signed, sets: Sequence[_Set], keys: Keys, at: datetime) -> None:
    """Every seal is genuine, and the last one's signature of the message (5.2). Raises signatures.NotBelieved."""
    for n, one in enumerate(sets, start=1):
        cv = signatures.written(one.seal).get("cv", "").lower()
        if cv != ("none" if n == 1 else "pass"):
            raise signatures.NotBelieved("fail", "chain_broken")
    message = sets[-1].message
    tagged = signatures.written(message)
    # The fields of a message signature are those of DKIM; its `i=` is the number of the set (4.1.2).
    stated = {**tagged, "v": "1"}
    stated.pop("i", None)
    signatures.well_formed(stated, at)
    names = signatures.names_of(stated)
    if _SEAL in names:
        raise signatures.NotBelieved("permerror", "malformed")
    head_way, body_way = signatures.ways(tagged.get("c", "relaxed/relaxed"))
    key = signatures.public_key(keys, tagged)
    if signatures.base64_of(tagged["bh"]) != mail.body_hash(body_way):
        raise signatures.NotBelieved("fail", "body_changed")
    signed = [*signatures.chosen(mail, names, head_way), signatures.unsigned(message, head_way)]
    signatures.verify(key, tagged, b"".join(signed))
    for n in range(len(sets), 0, -1):
        _sealed(sets[:n], keys)


def _sealed(sets: Sequence[_Set], keys: Keys) -> None:
    """5.1.1: a seal covers all sets up to its own, the oldest first, itself without `b=`."""
    tagged = signatures.written(sets[-1].seal)
    if any(not tagged.get(name) for name in ("a", "b", "d", "s", "i")) or "h" in tagged:
        raise signatures.NotBelieved("permerror", "malformed")
    if tagged["a"] not in ("rsa-sha256", "ed25519-sha256"):
        raise signatures.NotBelieved("permerror", "unknown_algorithm")
    key = signatures.public_key(keys, tagged)
    text = [
        signatures.canonical(raw, "relaxed") for one in sets for raw in (one.results, one.message, one.seal)
    ]
    text[-1] = signatures.unsigned(sets[-1].seal, "relaxed")
    signatures.verify(key, tagged, b"".join(text))


def _vouched(sets: Sequence[_Set], listed: Collection[str], author: str) -> bool:
    for one in reversed(sets):
        if signatures.written(one.seal).get("d", "").lower() not in listed:
            return False
        said = one.results.partition(b":")[2].decode("latin-1").partition(";")[2]
        told = authentication.said(said)
        if told.get("dmarc", "") == "pass":
            return authentication.author(said) in ("", author)
        if told.get("arc", "") != "pass":
            return False
    return False
