"""Which devices may report here? Configured senders, and how one proves that it is who it says."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from core.alerting import PACE, Agreed, Interface, Severity, TrapUser
from core.channel import NoSuchSource, NotAdmitted
from core.kept_secrets import kept_secret
from core.log import get_logger
from core.networks import among
from core.rules.durations import parse_duration

if TYPE_CHECKING:
    from core.envelope import Claims
    from core.facts import HubFacts

OWN = "hub"
"""The source by which the hub reports what it sees of itself. It is always there, and in nobody's file."""
SAID = "hub:"
"""How keys of alarms begin that the hub raises; those of tools begin with their kind."""
KNOCKS = timedelta(minutes=5)
"""Between two heartbeats that the hub sends to itself by the ways that devices take."""
APART = 300
"""Seconds by which the clock of who signs may differ, and for which what was signed may be sent again."""

log = get_logger("devices")

_DUMMY = hashlib.sha256(b"no such source").hexdigest()


class KeyNotRead(Exception):
    """A source signs, and nobody read its key: read what is at `where` outside the transaction (`key_at`), and come again with it in Claims.keys."""

    def __init__(self, source: str, where: str) -> None:
        super().__init__(f"the key of {source!r} was not read")
        self.source = source
        self.where = where


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """How a source signs what it sends."""

    header: str
    secret: str = field(repr=False)
    """Where the secret is: `env:NAME` or `file:PATH`."""
    timestamp: str = ""
    """Header of the seconds since 1970 that are signed too, before a colon and the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSource:
    """A sender as the desk is configured."""

    name: str
    kind: str
    enabled: bool = True
    secrets: tuple[str, ...] = ()
    """Digests; two while they change. None: it is known by where it sends from."""
    customer: str | None = None
    names_customers: bool = False
    """Its label `customer` says whose an alert is."""
    technology: str = ""
    request_type: str = ""
    time_zone: str = ""
    severities: Mapping[str, str] = field(default_factory=dict)
    severity: Severity = Severity.WARNING
    """Where the payload says none that is known."""
    hold: timedelta = timedelta(seconds=60)
    stable: timedelta = timedelta(seconds=300)
    tell_after: timedelta = timedelta(seconds=120)
    """Until the customer hears of a ticket: longer than the cause of a storm lets wait for itself."""
    auto_close: timedelta | None = None
    """What it never takes back is over after this."""
    heartbeat: timedelta | None = None
    heartbeat_grace: timedelta = timedelta(seconds=60)
    page_anyway: bool = False
    info_opens: bool = False
    announce: bool = False
    """What it reports of something that several customers hang on is published as an outage by itself."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Mapping[str, str], ...] = ()
    peers: tuple[str, ...] = ()
    signature: Signature | None = None
    """Proves who sends in place of a secret."""
    api: Interface | None = None
    """Where it is told what becomes of its alarms."""
    topics: tuple[str, ...] = ()
    """Of Amazon SNS: which of them may send."""
    reaches: tuple[str, ...] = ()
    """Networks that are not the internet's, and that we may call it in."""
    users: tuple[TrapUser, ...] = ()
    """Who may send for it by SNMP version 3."""
    address: str = ""
    """Where its mail comes to: an address of ours, or one with a tag."""
    pace: Agreed = PACE
    """How fast it may send while nothing can be stored, before it is asked to wait for longer."""
    group: str = ""
    """Who has its alarms where no customer's contract says so."""


def own(facts: HubFacts) -> AlertSource:
    """The hub itself. It lets itself in with a secret that only its own processes can make."""
    return AlertSource(
        name=OWN,
        kind="heartbeat",
        secrets=(digest(own_secret(facts)),) if facts.token_key else (),
        severity=Severity.MAJOR,
        hold=timedelta(0),
        heartbeat=KNOCKS if facts.knocks else None,
        heartbeat_grace=KNOCKS,
        group=facts.alarms_to,
    )


def own_secret(facts: HubFacts) -> str:
    """What the hub's own heartbeats prove themselves by. Raises ValueError without a key."""
    return facts.token("alert-source", OWN)


def of_content(name: str, plain: Mapping[str, Any]) -> AlertSource:
    """A source from its row."""
    spans = {
        key: _span(plain.get(key))
        for key in ("hold", "stable", "tell_after", "heartbeat_grace")
        if plain.get(key)
    }
    return AlertSource(
        name=name,
        kind=plain["kind"],
        enabled=plain.get("enabled", True),
        secrets=tuple(plain.get("secrets", ())),
        customer=plain.get("customer"),
        severities={word.lower(): severity for word, severity in plain.get("severities", {}).items()},
        severity=Severity(plain.get("severity", "warning")),
        auto_close=_span(plain.get("auto_close")),
        heartbeat=_span(plain.get("heartbeat")),
        mapping=plain.get("mapping", {}),
        rules=tuple(plain.get("rules", ())),
        peers=tuple(plain.get("peers", ())),
        signature=Signature(**plain["hmac"]) if plain.get("hmac") else None,
        api=Interface(**plain["api"]) if plain.get("api") else None,
        topics=tuple(plain.get("topics", ())),
        reaches=tuple(plain.get("reaches", ())),
        users=tuple(
            TrapUser(source=name, peers=tuple(plain.get("peers", ())), **one)
            for one in plain.get("users", ())
        ),
        pace=Agreed(rate=plain.get("rate", PACE.rate), burst=plain.get("burst", PACE.burst)),
        **{
            name: plain.get(name, False)
            for name in ("names_customers", "page_anyway", "info_opens", "announce")
        },
        **{name: plain.get(name, "") for name in ("technology", "request_type", "time_zone", "address")},
        **spans,  # type: ignore[arg-type]
    )


def _span(text: str | None) -> timedelta | None:
    return timedelta(seconds=parse_duration(text)) if text else None


def digest(secret: str) -> str:
    """What is kept of a secret. It is long and random, so that nothing slower is needed.

    >>> digest("a") == digest("a") != digest("b")
    True
    """
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def admitted(
    sources: Mapping[str, AlertSource],
    claims: Claims,
    *,
    signed: bytes | None = b"",
    now: datetime | None = None,
) -> AlertSource:
    """The source that sends this. Raises NoSuchSource, NotAdmitted, which take as long; and KeyNotRead.

    By name: its signature of the bytes `signed` where it signs, else its secret, and its peers where any are named. Without a name: the one
    of this kind that has the peer, or the secret: one that has users is not taken at its address alone. `signed` None: there are no bytes yet, and who will sign need not prove anything now.
    """
    if claims.proved is not None:
        return _proved(sources.get(claims.source), claims)
    if claims.source:
        found = sources.get(claims.source)
        right = _knows(found, claims.secret)
        if found is None or not found.enabled:
            raise NoSuchSource(f"there is no alert source {claims.source!r}")
        if found.signature is not None:
            right = signed is None or _signs(found.signature, claims, signed, now=now)
        if not right:
            raise NotAdmitted(f"this is not the secret of {claims.source!r}")
        if found.peers and not among(claims.peer, found.peers):
            raise NotAdmitted(f"{claims.source!r} does not send from {claims.peer}")
        return found
    for found in _of_kind(sources, claims.kind):
        by_secret = bool(found.secrets) and _knows(found, claims.secret)
        by_peer = bool(found.peers) and among(claims.peer, found.peers)
        if found.users and not by_secret:
            continue
        if (by_secret or not found.secrets) and (by_peer or not found.peers) and (by_secret or by_peer):
            return found
    raise NoSuchSource(f"no alert source of kind {claims.kind} sends from {claims.peer}")


def _proved(found: AlertSource | None, claims: Claims) -> AlertSource:
    """What was proved by a key that this source still has."""
    assert claims.proved is not None
    if found is None or not found.enabled or claims.proved.user not in {one.name for one in found.users}:
        raise NoSuchSource(f"there is no alert source {claims.source!r} with the user {claims.proved.user!r}")
    if found.peers and not among(claims.peer, found.peers):
        raise NotAdmitted(f"{claims.source!r} does not send from {claims.peer}")
    return found


def by_address(sources: Mapping[str, AlertSource], recipients: Iterable[str]) -> AlertSource | None:
    """The source whose mail comes to one of these addresses; None: it is mail like any other. The address is its secret."""
    return next((one for one in _each(sources, recipients) if one is not None), None)


def only_to(sources: Mapping[str, AlertSource], recipients: Iterable[str]) -> AlertSource | None:
    """The same of an envelope: what is written to the desk as well is somebody's request, with the alarm's address in copy."""
    found = _each(sources, recipients)
    return found[0] if found and all(found) else None


def _each(sources: Mapping[str, AlertSource], recipients: Iterable[str]) -> list[AlertSource | None]:
    bound = {one.address.lower(): one for one in sources.values() if one.address and one.enabled}
    return [bound.get(one.lower()) for one in recipients] if bound else []


def _of_kind(sources: Mapping[str, AlertSource], kind: str) -> Iterator[AlertSource]:
    return (one for one in sources.values() if one.enabled and one.kind == kind)


def _signs(about: Signature, claims: Claims, raw: bytes, *, now: datetime | None) -> bool:
    """Is a header the HMAC-SHA256 of the bytes, in hexadecimal or base64? `sha256=` before it and several in a row are usual. Raises KeyNotRead."""
    headers = claims.headers
    if about.secret not in claims.keys:
        raise KeyNotRead(claims.source, about.secret)
    secret = claims.keys[about.secret].encode()
    words = raw
    if about.timestamp:
        at = headers.get(about.timestamp.lower(), "")
        if now is None or not at.isascii() or not at.isdigit() or abs(now.timestamp() - int(at[:12])) > APART:
            return False
        words = f"{at}:".encode() + raw
    made = hmac.digest(secret, words, "sha256")
    wanted = (made.hex().encode(), b64encode(made))
    given = headers.get(about.header.lower(), "").encode("utf-8", "replace")[:2000]
    parts = [one.strip() for one in given.split(b",")]
    said = [*parts, *(one.partition(b"=")[2] for one in parts)]
    right = [hmac.compare_digest(one, mac) for one in said for mac in wanted]
    return bool(secret) and any(right)


def key_at(where: str) -> str:
    """What a source signs with; empty: it is not there, and the log says so. Waits for a file."""
    try:
        return kept_secret(where)
    except ValueError as error:
        log.error("a signature cannot be checked", reason=f"hmac.secret {error}")
        return ""


def _knows(found: AlertSource | None, secret: str) -> bool:
    given = digest(secret)
    kept = found.secrets if found is not None and found.secrets else (_DUMMY,)
    right = [hmac.compare_digest(given, one) for one in kept]
    return any(right) and found is not None


def for_reader(source: AlertSource, hub_zone: str) -> dict[str, Any]:
    """What whoever takes its messages apart must know: see channels.monitoring.source.Source."""
    return {
        "name": source.name,
        "kind": source.kind,
        "zone": source.time_zone or hub_zone,
        "severities": dict(source.severities),
        "mapping": dict(source.mapping),
        "rules": list(source.rules),
        "topics": list(source.topics),
        "reaches": list(source.reaches),
    }
