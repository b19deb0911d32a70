"""Which marks of our own does a mail carry? Reply and bounce addresses, our Message-IDs, ticket numbers, the loop mark."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core import addresses
from core.envelope import Address, Span, SpanKind

_TAGGED = re.compile(r"([^\s@+]{1,64})\+([rb])-([a-z2-7]{26})@([^\s@]{1,255})")
_REF = re.compile(r"m\.([a-z2-7]{26})@([^\s@]{1,255})")
_BY_HAND = re.compile(r"(?:20)?(\d\d)[\s_/.\-\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d]{1,3}(\d{6})(?!\d)")
"""A ticket number with the year in two figures or four, and any dash or space between."""
_MARKER = re.compile(r"\[ref:([a-z2-7]{26})\.[0-9a-f]{16}\]")
MARKERS = 20
_NUMBER = re.compile(r"\[#(\d{2}-\d{6}(?:-[A-Za-z0-9]{2,4})?)\]")


@dataclass(frozen=True, slots=True)
class Desk:
    """What a reader must know of this desk."""

    domain: str
    reply_domain: str
    addresses: tuple[str, ...]
    authserv_ids: frozenset[str]
    """Servers whose Authentication-Results count."""
    received_above_results: int
    """How many Received those servers write above them."""
    trusted_peers: frozenset[str]
    """Addresses of the relays that take mail for us; their word counts also by SMTP."""
    arc_sealers: frozenset[str]
    """Domains of forwarders whose ARC seals count."""
    instance: str
    loop_key: str
    """Hexadecimal; empty: any mark that names our instance is ours."""


def desk(options: Mapping[str, Any]) -> Desk:
    """The options of `read`, each with its default, addresses and domains in normal form."""
    global _last  # noqa: PLW0603 - the options of one hub are the same for every mail
    if options != _last[0]:
        _last = dict(options), _desk(options)
    return _last[1]


def _desk(options: Mapping[str, Any]) -> Desk:
    return Desk(
        domain=addresses.domain(str(options.get("domain") or "")),
        reply_domain=addresses.domain(str(options.get("reply_domain") or "")),
        addresses=tuple(addresses.key(str(a)) for a in options.get("addresses") or ()),
        authserv_ids=frozenset(str(a).lower() for a in options.get("authserv_ids") or ()),
        received_above_results=int(options.get("received_above_results") or 0),
        trusted_peers=frozenset(str(a) for a in options.get("trusted_peers") or ()),
        arc_sealers=frozenset(addresses.domain(str(d)) for d in options.get("arc_sealers") or ()),
        instance=str(options.get("instance") or ""),
        loop_key=str(options.get("loop_key") or ""),
    )


_last: tuple[dict[str, Any], Desk] = ({}, _desk({}))


def is_own_loop(value: str, ours: Desk) -> bool:
    """Is this the loop header as our composer writes it: `<instance>.<ref>.<mac>`, the mac over what stands before?"""
    text, _, mac = value.strip().rpartition(".")
    if not ours.instance or text.rpartition(".")[0] != ours.instance:
        return False
    if not ours.loop_key:
        return True
    try:
        key = bytes.fromhex(ours.loop_key)
    except ValueError:
        return False
    made = hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:24]
    return hmac.compare_digest(mac.encode("utf-8", "replace"), made.encode())


def loop_ref(loops: Iterable[str], message_id: str, ours: Desk) -> str:
    """The ref of a mail of ours, by its loop header or its Message-ID; empty where neither says one."""
    for value in loops:
        if is_own_loop(value, ours):
            ref = value.strip().rpartition(".")[0].rpartition(".")[2]
            if ref:
                return ref
    return next(iter(refs((message_id,), ours)), "")


def tokens(among: Iterable[str], ours: Desk, mark: str) -> tuple[str, ...]:
    """The tokens in our reply (`mark` is r) or bounce (b) addresses among these, each once.

    >>> ours = desk({"reply_domain": "reply.hub.test"})
    >>> tokens(["support+r-" + "a2" * 13 + "@reply.hub.test", "x@y.test"], ours, "r")
    ('a2a2a2a2a2a2a2a2a2a2a2a2a2',)
    """
    found: dict[str, None] = {}
    for address in among:
        if "+" in address:
            match = _TAGGED.fullmatch(addresses.key(address))
            if match is not None and match.group(2) == mark and _of_desk(match, ours):
                found[match.group(3)] = None
    return tuple(found)


def own(addressees: Iterable[Address], ours: Desk) -> tuple[str, ...]:
    """The keys of those among these that reach this desk, each once.

    >>> desk_of_ours = desk({"addresses": ["support@hub.test"], "reply_domain": "reply.hub.test"})
    >>> own([Address("Support@hub.test"), Address("support+web@hub.test"), Address("x@y.test")], desk_of_ours)
    ('support@hub.test', 'support+web@hub.test')
    """
    return tuple(dict.fromkeys(one.key for one in addressees if is_own(one.key, ours)))


def is_own(key: str, ours: Desk) -> bool:
    """Does this address, in normal form, reach the desk: one of ours, with anything behind a plus, or one with a token?"""
    if _box(key, ours):
        return True
    match = _TAGGED.fullmatch(key) if "+" in key else None
    return match is not None and _of_desk(match, ours)


def _box(key: str, ours: Desk) -> str:
    """Which address of ours it is, what stands behind a plus left out; empty: none."""
    if key in ours.addresses:
        return key
    local, plus, _ = key.partition("+")
    base = f"{local}@{key.rpartition('@')[2]}" if plus else ""
    return base if base in ours.addresses else ""


def _of_desk(match: re.Match[str], ours: Desk) -> bool:
    """Tokens live in the reply domain, or as plus addresses of a mailbox that is read by IMAP."""
    box, domain = match.group(1), match.group(4)
    return domain == ours.reply_domain or f"{box}@{domain}" in ours.addresses


def mailbox(recipients: Iterable[str], ours: Desk) -> str:
    """Which of our addresses these recipients mean, tokens taken off; the first one where none is known."""
    first = ""
    for address in recipients:
        low = addresses.key(address)
        if box := _box(low, ours):
            return box
        match = _TAGGED.fullmatch(low)
        if match is not None:
            box = match.group(1)
            known = next((a for a in ours.addresses if a.partition("@")[0] == box), "")
            if known:
                return known
            low = f"{box}@{match.group(4)}"
        first = first or low
    return first


def refs(ids: Iterable[str], ours: Desk) -> tuple[str, ...]:
    """The 26 characters of our own Message-IDs among these, each once, in the order given."""
    found: dict[str, None] = {}
    for one in ids:
        if one[:2] in ("m.", "M."):
            match = _REF.fullmatch(one.lower())
            if match is not None and match.group(2) in (ours.domain, ours.reply_domain):
                found[match.group(1)] = None
    return tuple(found)


def body_marker(instance: str, key: bytes, ref: str) -> str:
    """What stands at the foot of a mail of ours, for answers that keep nothing else of it: the ref, and a mark over it.

    >>> body_marker("desk", b"k", "a2" * 13)
    '[ref:a2a2a2a2a2a2a2a2a2a2a2a2a2.8a120157f7ba8408]'
    """
    made = hmac.new(key, f"{instance}.body.{ref}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    return f"[ref:{ref}.{made[:16]}]"


def body_refs(text: str, spans: Iterable[Span], ours: Desk) -> tuple[str, ...]:
    """The refs in the history below an answer that only we can have written there, each once.

    What the author wrote themselves counts for nothing: anybody can copy a line.
    """
    if "[ref:" not in text:
        return ()
    return _good_markers(
        (text[span.start : span.end] for span in spans if span.kind is SpanKind.QUOTED), ours
    )


def is_marked(text: str, ours: Desk) -> bool:
    """Does a line of a mail of ours stand anywhere in it? Then it answers or passes one on, whatever its fields say."""
    return "[ref:" in text and bool(_good_markers((text,), ours))


def _good_markers(parts: Iterable[str], ours: Desk) -> tuple[str, ...]:
    try:
        key = bytes.fromhex(ours.loop_key)
    except ValueError:
        return ()
    if not key:
        return ()
    found = [match for part in parts for match in _MARKER.finditer(part)][:MARKERS]
    good = (one for one in found if hmac.compare_digest(one[0], body_marker(ours.instance, key, one[1])))
    return tuple(dict.fromkeys(one[1] for one in good))


def ticket_numbers(subject: str) -> tuple[str, ...]:
    """Ticket numbers in a subject, with their check characters, each once.

    >>> ticket_numbers("Re: [#26-000123-k7] Printer [#26-000124]")
    ('26-000123-k7', '26-000124')
    """
    return tuple(dict.fromkeys(_NUMBER.findall(subject))) if "[#" in subject else ()


def named_numbers(subject: str) -> tuple[str, ...]:
    """What else in a subject looks like a ticket number, as people write it by hand, each once, as ours are written.

    >>> named_numbers("Ticket 26-000123 and #2026 – 000124 [#26-000125]"), named_numbers("Offer 126-0001234")
    (('26-000123', '26-000124'), ())
    """
    found = [match for match in _BY_HAND.finditer(subject) if not _goes_before(subject[: match.start()])]
    return tuple(
        dict.fromkeys(f"{int(year):02}-{int(rest):06}" for year, rest in (m.groups() for m in found))
    )


def _goes_before(text: str) -> bool:
    """Is what stands before a number a longer number, or our own mark? Letters name whose number it is."""
    return text.endswith("[#") or text.rstrip("-./")[-1:].isdigit()
